// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules of a kernel and its sets, which become known once the rules are read.
#include "support/test.h"

#include "emit/restore.h"
#include "ipset/ipset.h"
#include "meaning/rules.h"
#include "meaning/sets.h"
#include "rules/read.h"

// Rules of both families in their INPUT, and sets as `ipset save` prints them.
struct host {
    struct arena arena;
    const struct ruleset *rulesets[FAMILY_COUNT];
    struct ipset_list sets;
    bool saved; // the text of the sets is one
    const char *missing;
};

static const struct ruleset *read_rules(struct arena *arena, enum family family, const char *rules)
{
    struct source *source = arena_alloc(arena, sizeof(*source));
    struct diag_list diags = {.arena = arena};
    const char *text = arena_printf(
        arena, "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n%sCOMMIT\n", rules);
    const struct ruleset *ruleset;

    *source = (struct source){.name = "rules", .path = "rules", .bytes = text, .length = strlen(text)};
    ruleset = rules_read(arena, source, family, NULL, &diags);
    if (!ruleset)
        fail_msg("%s: %s", rules, diags.items.items[0].message);
    return ruleset;
}

static void host_open(struct host *host, const char *ipv4, const char *ipv6, const char *sets)
{
    const struct source source = {.name = "sets", .path = "", .bytes = sets, .length = strlen(sets)};

    *host = (struct host){.sets.partial = true};
    host->rulesets[FAMILY_IPV4] = read_rules(&host->arena, FAMILY_IPV4, ipv4);
    host->rulesets[FAMILY_IPV6] = read_rules(&host->arena, FAMILY_IPV6, ipv6);
    host->saved = ipset_read_saved(&host->arena, &source, &host->sets);
    host->missing = rules_know_sets(&host->arena, host->rulesets, FAMILY_COUNT, &host->sets);
}

static void host_close(struct host *host)
{
    arena_clear(&host->arena);
}

static const struct rule *input_rule(const struct ruleset *ruleset, size_t number)
{
    return &table_find_chain(&ruleset->items[0], "INPUT")->items[number];
}

// How many members the last match of the first rule of IPv4 is told by; -1: it is text, as it was written.
static int members_asked(const struct host *host)
{
    const struct rule *rule = input_rule(host->rulesets[FAMILY_IPV4], 0);
    const struct match *match = &rule->matches[rule->match_count - 1];

    return match->kind == MATCH_SET ? (int)match->set.set->count : -1;
}

#define ASKS "-A INPUT -p tcp -m tcp --syn -m set --match-set "

TEST(what_the_kernel_has_is_known)
{
    static const struct {
        const char *ask, *sets;
        int members;
    } rows[] = {
        {"a src",
         "create a hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1\n"
         "add a 192.0.2.1\nadd a 192.0.2.2\n",
         2},
        {"a src", "create a hash:net family inet\n", 0},
        {"a dst,src", "create a hash:ip,port family inet\nadd a 192.0.2.1,tcp:22\n", 1},
        {"a dst", "create a bitmap:port range 0-65535\nadd a 1\nadd a 2\nadd a 3\n", 3},
        {"\"a b\" src", "create \"a b\" hash:ip family inet\nadd \"a b\" 192.0.2.1\n", 1},
        // What goes by itself is there as long as it is shown.
        {"a src",
         "create a hash:ip family inet timeout 600\nadd a 192.0.2.1 timeout 9\nadd a 192.0.2.2 timeout 0\n",
         2},
        {"a src",
         "create a hash:net family inet timeout 0 comment\nadd a 10.0.0.0/8 timeout 0 comment \"b c\"\n", 1},
        {"a src",
         "create a hash:ip family inet comment\nadd a 192.0.2.1 comment \"two\nadd a 10.0.0.1\nlines\"\nadd "
         "a 192.0.2.2\n",
         2},
        // Others than were counted while they were many.
        {"a src", "create a hash:ip family inet maxelem 1\nadd a 192.0.2.1\nadd a 192.0.2.2\n", 2},
        // Of these nothing is known.
        {"a src", "create a hash:ip family inet netmask 24\nadd a 192.0.2.0\n", -1},
        {"a src", "create a hash:net family inet\nadd a 192.0.2.0/24 nomatch\n", -1},
        {"a src", "create a list:set size 8\n", -1},
        {"a src,src", "create a hash:net,net family inet\nadd a 10.0.0.0/8,10.0.0.0/8\n", -1},
        {"a src --packets-gt 5", "create a hash:ip family inet counters\nadd a 192.0.2.1 packets 1 bytes 2\n",
         -1},
        {"a src --return-nomatch", "create a hash:net family inet\nadd a 10.0.0.0/8\n", -1},
        // Nor of what a later ipset prints; of its neighbours all is.
        {"a src", "create a hash:later new yes\nadd a what\ncreate b hash:ip family inet\nadd b 192.0.2.1\n",
         -1},
        {"a src", "create a hash:ip later 5\nadd a 192.0.2.1\n", -1},
        {"a src", "create a hash:ip family inet\nadd a 192.0.2.1 later 5\nadd a 192.0.2.2\n", -1},
        {"a src", "create b hash:later new yes\nadd b what\ncreate a hash:ip family inet\nadd a 192.0.2.1\n",
         1},
        // Nor where another's name, `a 192.0.2.1`, begins as its own does.
        {"a src",
         "create a hash:ip family inet\ncreate b hash:ip family inet\ncreate a 192.0.2.1 hash:ip family "
         "inet\nadd a 192.0.2.1 10.0.0.1\n",
         -1},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct buf text = {0}, printed = {0};
        const char *rule;
        struct host host;

        buf_printf(&text, ASKS "%s -j ACCEPT\n", rows[i].ask);
        rule = text.bytes;
        host_open(&host, rule, "", rows[i].sets);
        if (members_asked(&host) != rows[i].members)
            fail_msg("%s asks for %s\n%d members are known", rule, rows[i].sets, members_asked(&host));
        assert_null(host.missing);
        assert_true(host.saved);

        // However it is known, it is printed as it was.
        restore_rule(&printed, input_rule(host.rulesets[FAMILY_IPV4], 0), FAMILY_IPV4);
        if (!strstr(rule, strstr(printed.bytes, "-m set")))
            fail_msg("%s is printed as %s", rule, printed.bytes);
        buf_clear(&printed);
        buf_clear(&text);
        host_close(&host);
    }
}

// Names may hold newlines, and what stands behind them is nobody's member.
TEST(of_what_ipset_does_not_print_nothing_is_known)
{
    static const char *const rest[] = {
        "create x\nadd a 10.0.0.1 hash:ip family inet\n",
        "create \nadd a 10.0.0.1\n hash:ip family inet\n",
        "create x hash:ip\nadd a 10.1\ncreate y hash:ip family inet hashsize 1024\n",
        "add a \"10.0.0.1\n",
        "hello\n",
        "\n",
        "# hash:ip family inet\n",
        "flush a\n",
        "add a\n",
        "create x list:set\n",
    };

    for (size_t i = 0; i < array_length(rest); i++) {
        struct buf text = {0};
        struct host host;

        buf_printf(&text, "create a hash:ip family inet\nadd a 192.0.2.1\n%s", rest[i]);
        host_open(&host, ASKS "a src -j ACCEPT\n", "", text.bytes);
        if (host.saved || host.sets.count || members_asked(&host) != -1)
            fail_msg("%s", text.bytes);
        buf_clear(&text);
        host_close(&host);
    }
}

TEST(a_set_that_is_not_there_is_named)
{
    struct host host;

    host_open(&host, "-A INPUT -m set --match-set a src -m set --match-set gone src -j ACCEPT\n", "",
              "create a hash:ip family inet\n");
    assert_string_equal(host.missing, "gone");
    assert_int_equal(input_rule(host.rulesets[FAMILY_IPV4], 0)->matches[0].kind, MATCH_SET);
    assert_int_equal(input_rule(host.rulesets[FAMILY_IPV4], 0)->matches[1].kind, MATCH_OPAQUE);
    assert_true(rules_ask_sets(host.rulesets[FAMILY_IPV4]));
    assert_false(rules_ask_sets(host.rulesets[FAMILY_IPV6]));
    host_close(&host);
}

TEST(what_rules_of_either_family_change_is_not_known)
{
    static const char sets[] = "create ports bitmap:port range 0-100\nadd ports 80\n"
                               "create four hash:ip family inet\nadd four 192.0.2.1\n"
                               "create six hash:ip family inet6\n"
                               "create lists list:set size 8\nadd lists ports\n";
    static const struct {
        const char *ask, *ipv4, *ipv6;
        bool known;
    } rows[] = {
        {"ports dst", "", "", true},
        {"ports dst", "-A INPUT -j SET --add-set ports dst\n", "", false},
        {"ports dst", "", "-A INPUT -j SET --del-set ports dst\n", false},
        {"ports dst", "", "-A INPUT -j SET --add-set six src\n", true},
        {"ports dst", "", "-A INPUT -j SET --map-set lists dst\n", false},
        {"four src", "-A INPUT -j SET --add-set four src --exist\n", "", false},
        // The kernel passes over what is of another family than the set.
        {"four src", "", "-A INPUT -j SET --add-set four src\n", true},
        {"four src", "", "-A INPUT -j SET --add-set lists src\n", true},
        {"four src", "-A INPUT -j SET --add-set lists src\n", "", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct buf text = {0};
        struct host host;

        buf_printf(&text, ASKS "%s -j ACCEPT\n%s", rows[i].ask, rows[i].ipv4);
        host_open(&host, text.bytes, rows[i].ipv6, sets);
        if ((members_asked(&host) == 1) != rows[i].known)
            fail_msg("%s beside %s%s: %d", rows[i].ask, rows[i].ipv4, rows[i].ipv6, members_asked(&host));
        buf_clear(&text);
        host_close(&host);
    }
}

// What INPUT accepts of the rules.
static diagram accepted(struct packet_space *space, const struct ruleset *ruleset)
{
    const struct meaning meaning = rules_meaning(space, ruleset, NULL);

    return accepted_set(space, hook_outcomes(space, &meaning, HOOK_INPUT, meaning.domains[HOOK_INPUT]));
}

// Whether the rules mean what they mean to whom nothing is known of the set.
static bool means_the_unknown(struct arena *arena, const struct ruleset *known, const struct ruleset *unknown)
{
    struct packet_space space;
    bool same;

    packet_space_init(&space, arena, known->family);
    packet_space_add_ruleset(&space, known);
    packet_space_add_ruleset(&space, unknown);
    assert_true(packet_space_open(&space, 1 << 16));
    same = accepted(&space, known) == accepted(&space, unknown);
    packet_space_close(&space);
    return same;
}

TEST(where_sets_vary_their_members_do_not_count)
{
    static const struct {
        const char *sides, *sets;
    } rows[] = {
        {"src", "create a hash:ip family inet\nadd a 192.0.2.1\nadd a 192.0.2.3\n"},
        {"src", "create a hash:ip family inet\n"},
        {"src,dst", "create a hash:ip,port family inet\nadd a 192.0.2.1,tcp:22\n"},
        {"dst,src", "create a hash:net,port family inet\nadd a 192.0.2.0/24,udp:22\n"},
        {"dst", "create a bitmap:port range 0-100\nadd a 22\n"},
    };

    for (size_t i = 0; i < 2 * array_length(rows); i++) {
        const struct ruleset *unknown, *known;
        struct buf rule = {0};
        struct host host;

        buf_printf(&rule, "-A INPUT -p tcp -m set%s --match-set a %s -j ACCEPT\n", i % 2 ? " !" : "",
                   rows[i / 2].sides);
        host_open(&host, rule.bytes, "", rows[i / 2].sets);
        known = host.rulesets[FAMILY_IPV4];
        unknown = read_rules(&host.arena, FAMILY_IPV4, rule.bytes);
        assert_true(ruleset_knows_sets(known));
        assert_false(ruleset_knows_sets(unknown));
        assert_false(means_the_unknown(&host.arena, known, unknown));
        known = ruleset_with_varying_sets(&host.arena, known);
        assert_false(ruleset_knows_sets(known));
        if (!means_the_unknown(&host.arena, known, unknown))
            fail_msg("%s%s", rule.bytes, rows[i / 2].sets);
        buf_clear(&rule);
        host_close(&host);
    }
}

RUN_TESTS(CASE(what_the_kernel_has_is_known), CASE(of_what_ipset_does_not_print_nothing_is_known),
          CASE(a_set_that_is_not_there_is_named), CASE(what_rules_of_either_family_change_is_not_known),
          CASE(where_sets_vary_their_members_do_not_count))
