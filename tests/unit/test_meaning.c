// SPDX-License-Identifier: GPL-2.0-or-later
//
// Diagrams against a walk rule by rule: what rules mean is what happens to each packet. And policies against
// their rules.
#include "unit/trial.h"

#include "analysis/describe.h"
#include "analysis/trace.h"
#include "emit/restore.h"
#include "findings/findings.h"
#include "proof/prove.h"
#include "rules/read.h"
#include "support/oracle.h"
#include "support/sample.h"
#include "unit/ruleset_generator.h"

// TRIALS=100 in the environment tries a hundred times as many rulesets and policies, others each time it is
// changed.
static int trials(int count)
{
    const char *factor = getenv("TRIALS");
    const int times = factor ? (int)strtol(factor, NULL, 10) : 1;

    srandom(4711 + (unsigned)times);
    return count * times;
}

// One ruleset in a space of its own, and how it is judged.
struct judged {
    struct arena arena;
    struct packet_space space;
    struct meaning meaning;
    struct oracle oracle;
    struct sampler sampler;
    const struct ruleset *ruleset;
};

static void judged_open(struct judged *judged, const struct ruleset *ruleset, uint64_t seed)
{
    judged->ruleset = ruleset;
    packet_space_init(&judged->space, &judged->arena, ruleset->family);
    packet_space_add_ruleset(&judged->space, ruleset);
    assert_true(packet_space_open(&judged->space, 1 << 22));
    judged->meaning = rules_meaning(&judged->space, ruleset, NULL);
    oracle_open(&judged->oracle, &judged->arena, &judged->space, ruleset);
    if (judged->oracle.lacking)
        fail_msg("the space does not know %s", judged->oracle.lacking);
    sampler_init(&judged->sampler, &judged->arena, &judged->space, seed);
    sampler_add(&judged->sampler, ruleset);
}

static void judged_close(struct judged *judged)
{
    packet_space_close(&judged->space);
    arena_clear(&judged->arena);
}

static struct oracle_outcome as_walked(const struct judged *judged, struct outcome outcome)
{
    static const enum oracle_end ends[] = {
        [WALK_CONTINUE] = END_NOWHERE, [WALK_RETURN] = END_NOWHERE, [WALK_ACCEPT] = END_ACCEPT,
        [WALK_DROP] = END_DROP,        [WALK_REJECT] = END_REJECT,  [WALK_ELSEWHERE] = END_ELSEWHERE};

    return (struct oracle_outcome){
        .end = ends[outcome.walk],
        .answer = outcome.walk == WALK_REJECT ? judged->space.answers.items[outcome.answer] : NULL,
        .tracked = outcome.tracked,
    };
}

static void fail_on(const struct judged *judged, enum hook hook, const field_value *packet, const char *what,
                    struct outcome outcome)
{
    struct buf text = {0};

    buf_printf(&text, "%s, %s, %s:", what, family_name(judged->space.family), hook_names[hook]);
    for (size_t field = 0; field < FIELD_COUNT + judged->space.unknowns.count; field++)
        buf_printf(&text, " %s=%llx:%llx",
                   field < FIELD_COUNT ? field_names[field]
                                       : judged->space.unknowns.items[field - FIELD_COUNT].text,
                   (unsigned long long)packet[field].high, (unsigned long long)packet[field].low);
    buf_text(&text, "\nthe diagram says ");
    oracle_describe(&text, as_walked(judged, outcome));
    buf_text(&text, ", the walk ");
    oracle_describe(&text, oracle_walk(&judged->oracle, hook, packet));
    buf_text(&text, "\n");
    restore_text(&text, judged->ruleset);
    fputs(text.bytes, stderr); // longer than cmocka's messages
    fail();
}

static void check_trace(struct judged *judged, enum hook hook, const field_value *packet)
{
    const struct oracle_outcome walked = oracle_walk(&judged->oracle, hook, packet);
    const struct outcome alone = packet_outcome(&judged->space, &judged->meaning, hook, packet);
    const struct trace trace = trace_packet(&judged->space, judged->ruleset, &judged->meaning, hook, packet);

    if (!oracle_same(as_walked(judged, alone), walked))
        fail_on(judged, hook, packet, "the outcome of one packet", alone);
    if (!oracle_same(as_walked(judged, trace.outcome), walked))
        fail_on(judged, hook, packet, "the outcome of a trace", trace.outcome);
    if (place_rule(&trace.verdict) != walked.rule)
        fail_on(judged, hook, packet, "the rule of a trace", trace.outcome);
}

static void check_hook(struct judged *judged, enum hook hook, size_t packets)
{
    const diagram outcomes = hook_outcomes(&judged->space, &judged->meaning, hook, set_all(&judged->space));
    field_value *packet =
        arena_calloc(&judged->arena, FIELD_COUNT + judged->space.unknowns.count, sizeof(*packet));

    assert_false(diagram_overflowed(judged->space.diagrams));
    for (size_t i = 0; i < packets; i++) {
        const struct rule *aim = i % 4 ? sampler_rule(&judged->sampler) : NULL;
        struct outcome outcome;

        sampler_packet(&judged->sampler, hook, aim, packet);
        outcome = outcome_of(diagram_evaluate(judged->space.diagrams, outcomes, packet));
        if (!oracle_same(as_walked(judged, outcome), oracle_walk(&judged->oracle, hook, packet)))
            fail_on(judged, hook, packet, "the outcome", outcome);
        if (i % 32 == 0)
            check_trace(judged, hook, packet);
    }
}

// One value of one field by chance: most such packets there are, and some there are not.
static void check_domain(struct judged *judged, enum hook hook)
{
    const size_t count = FIELD_COUNT + judged->space.unknowns.count;
    field_value *packet = arena_calloc(&judged->arena, count, sizeof(*packet));
    const diagram untracked = field_between(&judged->space, FIELD_STATE, PACKET_STATE_UNTRACKED, 7);
    const diagram domain = judged->meaning.domains[hook];

    assert_int_equal(set_and(&judged->space, domain, untracked), set_none(&judged->space));
    for (int i = 0; i < 1000; i++) {
        const size_t field = sampler_below(&judged->sampler, count);

        sampler_packet(&judged->sampler, hook, NULL, packet);
        if (field != FIELD_SOURCE && field != FIELD_DESTINATION)
            packet[field].low = sampler_below(&judged->sampler, field < FIELD_COUNT ? 4 : 2);
        if (diagram_evaluate(judged->space.diagrams, domain, packet) !=
            packet_possible(&judged->space, hook, packet))
            fail_on(judged, hook, packet, "the domain", (struct outcome){0});
    }
}

static void check_ruleset(const struct ruleset *ruleset, size_t packets)
{
    struct judged judged = {0};

    judged_open(&judged, ruleset, 4711);
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++) {
        check_domain(&judged, hook);
        check_hook(&judged, hook, packets);
    }
    judged_close(&judged);
}

// Sets that rules by hand ask for.
static const char known_sets[] =
    "create hosts hash:ip\nadd hosts 192.0.2.1\nadd hosts 192.0.2.9\nadd hosts 10.0.0.0\n"
    "create hosts6 hash:ip family inet6\nadd hosts6 2001:db8::1\n"
    "create nets hash:net\nadd nets 10.0.0.0/8\nadd nets 10.1.0.0/16\nadd nets 192.0.2.0/31\n"
    "create ports bitmap:port range 0-65535\nadd ports 22\nadd ports 80-90\n"
    "create pairs hash:ip,port\nadd pairs 192.0.2.1,tcp:22\nadd pairs 192.0.2.1,udp:53\n"
    "add pairs 10.0.0.7,tcp:80\n"
    "create pairs6 hash:ip,port family inet6\nadd pairs6 2001:db8::1,tcp:22\n"
    "create net-pairs hash:net,port\nadd net-pairs 10.0.0.0/8,udp:53\n"
    "add net-pairs 192.0.2.0/24,udp:123\ncreate nothing hash:net family inet6\n";

static const struct ipset_list *read_sets(struct arena *arena, struct diag_list *diags)
{
    const struct source source = {
        .name = "<sets>", .path = "", .bytes = known_sets, .length = sizeof(known_sets) - 1};
    struct ipset_list *list = arena_calloc(arena, 1, sizeof(*list));

    assert_true(ipset_read(arena, &source, list, diags));
    return list;
}

static const struct ruleset *read_text(struct arena *arena, struct diag_list *diags, const char *text,
                                       size_t length, enum family family)
{
    struct source *source = arena_alloc(arena, sizeof(*source));

    *source = (struct source){.name = "<rules>", .path = "", .bytes = text, .length = length};
    return rules_read(arena, source, family, NULL, diags);
}

static void check_text(const char *text, enum family family, size_t packets)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct source source = {.name = "<rules>", .path = "", .bytes = text, .length = strlen(text)};
    const struct ruleset *ruleset = rules_read(
        &arena, &source, family, strstr(text, "-m set") ? read_sets(&arena, &diags) : NULL, &diags);

    if (!ruleset)
        fail_msg("not read: %s\n%s", diags.items.items[0].message, text);
    check_ruleset(ruleset, packets);
    arena_clear(&arena);
}

// Rulesets by hand: one thing each.

struct case_text {
    enum family family;
    const char *text;
};

static const struct case_text by_hand[] = {
#define RULES(family, ...) {FAMILY_##family, __VA_ARGS__},
#include "unit/meaning_cases.def"
#undef RULES
};

TEST(rules_mean_what_a_walk_through_them_does)
{
    for (size_t i = 0; i < array_length(by_hand); i++)
        check_text(by_hand[i].text, by_hand[i].family, 1000);
}

#define BY_CHANCE 400 // rulesets a family

TEST(any_rules_mean_what_a_walk_through_them_does)
{
    const int count = trials(BY_CHANCE);

    for (enum family family = FAMILY_IPV4; family < FAMILY_COUNT; family++)
        for (int i = 0; i < count; i++) {
            struct writing writing = {.family = family};

            put_some_ruleset(&writing);
            check_text(writing.text.bytes, family, 200);
            buf_clear(&writing.text);
        }
}

static void check_generated(void)
{
    if (any_of(5))
        return;
    check_ruleset(trial->ruleset, 1000);
}

TEST(rules_of_policies_mean_what_a_walk_through_them_does)
{
    try_policies(check_generated);
}

// Policies against their rules, both written and read back.

static void check_proved(struct fixture *f, enum family family, const char *policy)
{
    struct buf text = {0};
    const struct ruleset *lowered = policy_to_ruleset(&f->compilation.arena, f->policy, family,
                                                      (struct lower_options){0}, &f->compilation.diags);
    // Any of the passes alone, and with any of the others.
    const struct pass_options passes = {.without = (unsigned)random() & PASSES_NONE};
    const struct ruleset *rules =
        lowered ? passes_run(&f->compilation.arena, lowered, passes, &f->compilation.diags) : NULL;
    struct proof proof;

    assert_non_null(rules);
    restore_text(&text, rules);
    rules = read_text(&f->compilation.arena, &f->compilation.diags, text.bytes, text.length, family);
    assert_non_null(rules);
    proof_open(&proof, &f->compilation.arena, f->policy, f->compilation.sources.items[0], lowered, rules);
    assert_false(proof.undecided);
    if (!prove_equal(&proof, &f->compilation.diags))
        fail_msg("%s\n%s\n%s", f->compilation.diags.items.items[f->compilation.diags.items.count - 1].message,
                 policy, text.bytes);
    proof_close(&proof);
    buf_clear(&text);
}

#define PROVED 2000 // policies

TEST(any_policy_means_what_its_rules_do)
{
    const int count = trials(PROVED);
    int tried = 0;

    for (int i = 0; i < count; i++) {
        struct fixture f;
        struct buf text = {0};

        generate_policy(&text);
        fixture_open(&f);
        fixture_read(&f, text.bytes);
        for (enum family family = FAMILY_IPV4; f.fine && family < FAMILY_COUNT; family++)
            check_proved(&f, family, text.bytes);
        tried += f.fine;
        fixture_close(&f);
        buf_clear(&text);
    }
    assert_true(tried > count / 2);
}

// A set that holds one field at a value asks for it no more: each path tests a field once.
TEST(domains_test_each_field_once)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct arena arena = {0};
        struct packet_space space;

        packet_space_init(&space, &arena, family);
        assert_true(packet_space_open(&space, 1 << 16));
        for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
            for (unsigned field = 0; field < FIELD_COUNT; field++) {
                const diagram held =
                    diagram_restrict(space.diagrams, hook_domain(&space, hook), field, (field_value){0, 0});

                assert_false(diagram_depends_on(space.diagrams, held, field));
            }
        packet_space_close(&space);
        arena_clear(&arena);
    }
}

// Whether the meaning is the same with the rules of a line taken away. Limits and what tracks stay what they are.
static void check_needless(struct judged *judged, const struct diag *diag, const char *text)
{
    struct meaning without;
    size_t taken = 0;

    for (size_t i = 0; i < judged->ruleset->count; i++)
        for (size_t j = 0; j < judged->ruleset->items[i].count; j++) {
            struct chain *chain = judged->ruleset->items[i].items[j];

            for (size_t k = 0; k < chain->count; k++)
                if (chain->items[k].span.line == diag->span.line) {
                    chain->items[k].target = (struct target){.kind = TARGET_NONE};
                    taken++;
                }
        }
    assert_true(taken > 0);
    without = rules_meaning(&judged->space, judged->ruleset, NULL);
    without.tracking = judged->meaning.tracking;
    for (enum hook hook = HOOK_INPUT; hook < HOOK_COUNT; hook++)
        if (different_outcomes(&judged->space, &judged->meaning, &without, hook) != set_none(&judged->space))
            fail_msg("line %u is said to decide nothing, and does at %s:\n%s", diag->span.line,
                     hook_names[hook], text);
}

TEST(rules_said_to_decide_nothing_decide_nothing)
{
    const int count = trials(BY_CHANCE);
    size_t found = 0;

    for (enum family family = FAMILY_IPV4; family < FAMILY_COUNT; family++)
        for (int i = 0; i < count; i++) {
            struct arena arena = {0};
            struct diag_list diags = {.arena = &arena};
            struct writing writing = {.family = family};
            struct source source;
            const struct ruleset *ruleset;

            put_some_ruleset(&writing);
            source = (struct source){
                .name = "rules", .path = "", .bytes = writing.text.bytes, .length = writing.text.length};
            ruleset = rules_read(&arena, &source, family, NULL, &diags);
            assert_non_null(ruleset);
            find_dead_rules(&arena, ruleset, &source, &diags);
            for (size_t j = 0; j < diags.items.count; j++) {
                struct judged judged = {0};

                ruleset = rules_read(&arena, &source, family, NULL, &(struct diag_list){.arena = &arena});
                judged_open(&judged, ruleset, 1);
                check_needless(&judged, &diags.items.items[j], writing.text.bytes);
                judged_close(&judged);
                found++;
            }
            buf_clear(&writing.text);
            arena_clear(&arena);
        }
    assert_true(found > (size_t)count / 4);
}

// Whether two rulesets of IPv4 do the same with every packet that comes in.
static bool same_input(const char *one, const char *other)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    const struct ruleset *a = read_text(&arena, &diags, one, strlen(one), FAMILY_IPV4),
                         *b = read_text(&arena, &diags, other, strlen(other), FAMILY_IPV4);
    struct packet_space space;
    struct meaning meanings[2];
    bool same;

    assert_true(a && b);
    packet_space_init(&space, &arena, FAMILY_IPV4);
    packet_space_add_ruleset(&space, a);
    packet_space_add_ruleset(&space, b);
    assert_true(packet_space_open(&space, 1 << 16));
    meanings[0] = rules_meaning(&space, a, NULL);
    meanings[1] = rules_meaning(&space, b, NULL);
    same = different_outcomes(&space, &meanings[0], &meanings[1], HOOK_INPUT) == set_none(&space);
    packet_space_close(&space);
    arena_clear(&arena);
    return same;
}

TEST(a_mark_may_be_another_behind_the_target_that_writes_it)
{
    static const struct {
        const char *match, *target;
        bool written;
    } rows[] = {
        {"-m mark --mark 1", "MARK --set-mark 1", true},
        {"-m mark ! --mark 1", "CONNMARK --restore-mark", true},
        {"-m mark --mark 1", "HMARK --hmark-tuple src --hmark-mod 2 --hmark-rnd 1", true},
        {"-m connmark --mark 1", "CONNMARK --set-mark 1", true},
        {"-m set --match-set s src", "SET --add-set s src", true},
        {"-m dscp --dscp 0x01", "TOS --set-tos 0x04", true},
        {"-m connmark --mark 1", "MARK --set-mark 1", false},
        {"-m owner --uid-owner 1", "MARK --set-mark 1", false},
        {"-m mark --mark 1", "LOG", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        char asked_once[300], asked_twice[300];
        static const char *const format =
            "*filter\n:INPUT DROP [0:0]\n-A INPUT %s -p tcp -j ACCEPT\n-A INPUT -j %s\n%s%s%sCOMMIT\n";

        snprintf(asked_once, sizeof(asked_once), format, rows[i].match, rows[i].target, "", "", "");
        snprintf(asked_twice, sizeof(asked_twice), format, rows[i].match, rows[i].target, "-A INPUT -p tcp ",
                 rows[i].match, " -j ACCEPT\n");
        if (same_input(asked_once, asked_twice) == rows[i].written)
            fail_msg("%s behind %s", rows[i].match, rows[i].target);
    }
}

TEST(a_helper_has_a_name_that_the_name_asked_for_begins_with)
{
    static const char begin[] = "*filter\n:INPUT DROP [0:0]\n";
    char both[300], one[300];

    snprintf(both, sizeof(both),
             "%s-A INPUT -m helper --helper ftp -j ACCEPT\n"
             "-A INPUT -m helper --helper ftp-2121 -j ACCEPT\nCOMMIT\n",
             begin);
    snprintf(one, sizeof(one), "%s-A INPUT -m helper --helper ftp-2121 -j ACCEPT\nCOMMIT\n", begin);
    assert_true(same_input(both, one)); // ftp-2121 fits what is called ftp
    snprintf(one, sizeof(one), "%s-A INPUT -m helper --helper ftp -j ACCEPT\nCOMMIT\n", begin);
    assert_false(same_input(both, one));
}

#define BOUND 200 // addresses that are bound to a MAC address, and services behind them

// Who binds addresses to MAC addresses asks for both before anything else: a function of all that has as many nodes as the
// parts together, not as their product.
TEST(addresses_bound_to_a_mac_are_a_sum)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct buf text = {0};
    const struct ruleset *ruleset;
    struct judged judged = {0};

    buf_text(&text, "*filter\n:bound - [0:0]\n-A FORWARD -j bound\n");
    for (unsigned i = 0; i < BOUND; i++)
        buf_printf(&text, "-A FORWARD -d 192.0.2.%u -p tcp --dport %u -j ACCEPT\n", i, 1000 + 7 * i);
    for (unsigned i = 0; i < BOUND; i++)
        buf_printf(&text,
                   "-A bound -s 198.51.100.%u -m mac --mac-source 00:00:5e:00:53:%02x -j RETURN\n"
                   "-A bound -s 198.51.100.%u -j DROP\n",
                   i, i, i);
    buf_text(&text, "COMMIT\n");
    ruleset = read_text(&arena, &diags, text.bytes, text.length, FAMILY_IPV4);
    assert_non_null(ruleset);
    judged_open(&judged, ruleset, 1);
    assert_true(diagram_node_count(judged.space.diagrams) < (size_t)40 * BOUND);
    judged_close(&judged);
    buf_clear(&text);
    arena_clear(&arena);
}

#define IN_A_ROW 2000 // matches of which nothing is known

// What comes to a rule behind many of them does not depend on any one of them any more.
TEST(rules_behind_a_long_row_of_unknowns_are_decided)
{
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct buf text = {0};
    struct source source;
    const struct ruleset *ruleset;

    buf_text(&text, "*filter\n:INPUT DROP [0:0]\n");
    for (unsigned i = 0; i < IN_A_ROW; i++)
        buf_printf(&text, "-A INPUT -p udp --dport 123 -m recent --name n%u --update --seconds 1 -j %s\n", i,
                   i % 2 ? "ACCEPT" : "DROP");
    buf_text(&text, "-A INPUT -p udp -j ACCEPT\n-A INPUT -p udp --dport 123 -j DROP\nCOMMIT\n");
    source = (struct source){.name = "rules", .path = "", .bytes = text.bytes, .length = text.length};
    ruleset = rules_read(&arena, &source, FAMILY_IPV4, NULL, &diags);
    assert_non_null(ruleset);
    find_dead_rules(&arena, ruleset, &source, &diags);
    assert_int_equal(diags.items.count, 1);
    assert_int_equal(diags.items.items[0].code, DIAG_DEAD_RULE);
    assert_int_equal(diags.items.items[0].span.line, IN_A_ROW + 4);
    buf_clear(&text);
    arena_clear(&arena);
}

RUN_TESTS(CASE(rules_mean_what_a_walk_through_them_does), CASE(any_rules_mean_what_a_walk_through_them_does),
          CASE(rules_of_policies_mean_what_a_walk_through_them_does),
          CASE(any_policy_means_what_its_rules_do), CASE(domains_test_each_field_once),
          CASE(addresses_bound_to_a_mac_are_a_sum), CASE(rules_said_to_decide_nothing_decide_nothing),
          CASE(rules_behind_a_long_row_of_unknowns_are_decided),
          CASE(a_mark_may_be_another_behind_the_target_that_writes_it),
          CASE(a_helper_has_a_name_that_the_name_asked_for_begins_with))
