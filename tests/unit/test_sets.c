// SPDX-License-Identifier: GPL-2.0-or-later
//
// Crowds of addresses and ports as sets of the kernel: rules that ask them are proved, and a set with another member is not.

#include "unit/compiled.h"
#include "unit/policy_generator.h"

#include <time.h>

#include "proof/prove.h"
#include "rules/read.h"

// Policies.

static void put_address(struct buf *out, bool ipv6, unsigned bits)
{
    const unsigned value = (unsigned)random() & (bits < 16 ? UINT32_MAX << (16 - bits) : UINT32_MAX);

    if (ipv6)
        buf_printf(out, "'2001:db8:%x:%x::/%u'", any_of(4), value & 0xFFFF, bits == 16 ? 64 : 48 + bits);
    else
        buf_printf(out, "%u.%u.%u.%u/%u", PICK("10", "192", "11", "198")[0] == '1' ? 10 + any_of(3) : 198,
                   any_of(4), value >> 8 & 255, value & 255, 16 + bits);
}

static void put_addresses(struct buf *out, size_t count, unsigned bits, bool ipv6)
{
    buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_text(out, i ? ", " : "");
        put_address(out, ipv6, bits - any_of(any_of(2) ? 1 : 4));
    }
    buf_char(out, ']');
}

static void put_ports(struct buf *out, size_t count)
{
    buf_char(out, '[');
    for (size_t i = 0, port = 1 + any_of(50); i < count; i++, port += 2 + any_of(200))
        buf_printf(out, "%s%zu", i ? ", " : "", port);
    buf_char(out, ']');
}

// Entries that are many, or are about much.
static void generate_crowd(struct buf *out, const char *list, bool selective)
{
    const bool connect = strcmp(list, "connect") == 0, ipv6 = any_of(3) == 0;
    const char *side = connect || any_of(5) == 0 ? "to" : "from", *protocol = PICK("tcp", "udp"),
               *verdict = PICK("accept", "accept", "drop", "reject");
    const unsigned bits = 13 + any_of(4), kind = any_of(4);
    const size_t count = kind == 0 ? 20 + any_of(80) : 1;

    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "  - {%s: ", protocol);
        if (kind == 0)
            buf_printf(out, "%u", 1 + any_of(9));
        else
            put_ports(out, kind == 1 ? 2 : 40 + any_of(200));
        if (kind != 2) {
            buf_printf(out, ", %s: ", side);
            put_addresses(out, kind == 0 ? 1 : 40 + any_of(60), bits, ipv6);
        }
        if (strcmp(verdict, "accept") != 0)
            buf_printf(out, ", verdict: %s", verdict);
        else if (selective && kind != 3)
            maybe(out, kind == 0 ? 1 : 2, "track", "false");
        else
            maybe(out, kind == 0 ? 40 : 3, "limit", PICK("10/minute", "5/second total"));
        if (!connect)
            maybe(out, kind == 0 ? 30 : 4, "in", PICK("eth0", "[eth0, eth1]"));
        maybe(out, kind == 0 ? 50 : 4, "log", "true");
        buf_text(out, "}\n");
    }
}

// Puts a crowd in front of a list of the policy, which may have none.
static void add_crowd(struct buf *policy, const char *list, bool selective)
{
    struct buf crowded = {0};
    char head[20];
    const char *place;

    snprintf(head, sizeof(head), "\n%s:\n", list);
    place = strstr(policy->bytes, head);
    buf_append(&crowded, policy->bytes,
               place ? (size_t)(place - policy->bytes) + strlen(head) : policy->length);
    if (!place)
        buf_text(&crowded, head + 1);
    generate_crowd(&crowded, list, selective);
    if (place)
        buf_text(&crowded, place + strlen(head));
    buf_clear(policy);
    *policy = crowded;
}

static void generate_crowded(struct buf *policy)
{
    bool selective;

    generate_policy(policy);
    selective = strstr(policy->bytes, "tracking: selective") != NULL;
    add_crowd(policy, "allow", selective);
    if (any_of(2))
        add_crowd(policy, "connect", selective);
}

// Compiles, sets and all. What is refused ahead of the rules is none; where the rules are not proved, the test fails.
static size_t asking_lines(struct compiled *compiled, struct buf *sets, enum family family,
                           const char *policy)
{
    const struct compile_options options = {.sets = sets};

    if (!compile_rules(&compiled->f.compilation, family, &options, &compiled->text))
        fail_msg("%s\n%s", vec_last(&compiled->f.compilation.diags.items)->message, policy);
    return count_lines(compiled, " --match-set ctc-");
}

TEST(rules_that_ask_sets_are_proved)
{
    const unsigned count = (unsigned)(getenv("POLICIES") ? atoi(getenv("POLICIES")) : 40);
    unsigned tried = 0, asking[FAMILY_COUNT] = {0};

    srandom(20);
    // Some policies that are generated are refused.
    for (unsigned i = 0; i < 5 * count && tried < count; i++) {
        struct compiled compiled = {0};
        struct buf policy = {0}, sets = {0};

        generate_crowded(&policy);
        fixture_open(&compiled.f);
        fixture_read(&compiled.f, policy.bytes);
        for (enum family family = 0; compiled.f.fine && family < FAMILY_COUNT; family++) {
            asking[family] += asking_lines(&compiled, &sets, family, policy.bytes) > 0;
            compiled.text.length = 0;
        }
        tried += compiled.f.fine;
        compiled_close(&compiled);
        buf_clear(&policy);
        buf_clear(&sets);
    }
    assert_int_equal(tried, count);
    assert_true(asking[FAMILY_IPV4] > tried / 2);
    assert_true(asking[FAMILY_IPV6] > tried / 8);
}

// Sets with other members than those that were made.

// One of the lines that add members, from 0 on; NULL behind the last one.
static const char *adding_line(const char *text, size_t number)
{
    while ((text = strstr(text, "\nadd ")) && number--)
        text++;
    return text ? text + 1 : NULL;
}

// Whether rules that ask the sets of `text` are proved to mean the policy.
static bool is_proved(struct compiled *compiled, enum family family, const struct buf *text)
{
    struct compilation *compilation = &compiled->f.compilation;
    struct arena *arena = &compilation->arena;
    struct diag_list diags = {.arena = arena};
    struct source *sources = arena_calloc(arena, 2, sizeof(*sources));
    struct ipset_list *list = arena_calloc(arena, 1, sizeof(*list));
    struct proof proof;
    bool equal;

    sources[0] = (struct source){.name = "<sets>", .path = "", .bytes = text->bytes, .length = text->length};
    sources[1] = (struct source){
        .name = "<rules>", .path = "", .bytes = compiled->text.bytes, .length = compiled->text.length};
    assert_true(ipset_read(arena, &sources[0], list, &diags));

    const struct ruleset *rules = rules_read(arena, &sources[1], family, list, &diags);

    assert_non_null(rules);
    proof_open(&proof, arena, compilation->policy, compilation->sources.items[0], compilation->rules[family],
               rules);
    assert_false(proof.undecided);
    equal = prove_equal(&proof, &diags);
    proof_close(&proof);
    return equal;
}

// The text with one line as `line` in its place.
static void assert_not_proved(struct compiled *compiled, enum family family, const struct buf *sets,
                              const char *at, const char *line)
{
    struct buf other = {0};

    buf_append(&other, sets->bytes, (size_t)(at - sets->bytes));
    buf_text(&other, line);
    buf_text(&other, strchr(at, '\n') + 1);
    if (is_proved(compiled, family, &other))
        fail_msg("`%.*s` is as good as `%s`", (int)strcspn(at, "\n"), at, line);
    buf_clear(&other);
}

// A policy of one crowd, none of whose members may be missing and none more may be there.
struct crowd {
    enum family family;
    const char *type; // of the set that it becomes
    const char *entry;
    unsigned count, entries, step;
    const char *other; // a member that the set does not have
};

static void put_crowd(struct buf *policy, const struct crowd *crowd)
{
    const bool prefixes = strstr(crowd->type, "net") != NULL;

    buf_text(policy, "version: 1\ntracking: none\nstateless: {replies: portable}\ndefault: {input: drop}\n"
                     "allow:\n");
    for (unsigned i = 0; i < crowd->entries; i++) {
        const char *entry = crowd->entry, *place = strchr(entry, '@');

        buf_append(policy, entry, (size_t)(place - entry));
        for (unsigned j = 0; j < crowd->count; j++) {
            const unsigned number = (i * crowd->count + j) * crowd->step + 5;

            buf_text(policy, j ? ", " : "");
            if (crowd->family == FAMILY_IPV6)
                buf_printf(policy, "\"2001:db8::%x:0%s\"", number, prefixes ? "/112" : "");
            else if (strncmp(crowd->type, "bitmap", 6) == 0)
                buf_printf(policy, "%u", number);
            else
                buf_printf(policy, "198.51.%u.%u%s", number / 256, number % 256 & (prefixes ? ~15U : ~3U),
                           prefixes ? "/28" : "");
        }
        buf_text(policy, place + 1);
    }
}

TEST(a_set_with_another_member_is_not_proved)
{
    static const struct crowd crowds[] = {
        {FAMILY_IPV4, "hash:ip", "  - {tcp: 22, from: [@]}\n", 60, 1, 8, "203.0.113.1"},
        {FAMILY_IPV6, "hash:ip", "  - {tcp: 22, from: [@]}\n", 60, 1, 8, "2001:db8:1::1"},
        {FAMILY_IPV4, "hash:net", "  - {tcp: 22, from: [@]}\n", 60, 1, 32, "198.51.0.16/28"},
        {FAMILY_IPV6, "hash:net", "  - {tcp: 22, from: [@]}\n", 60, 1, 8, "2001:db8:1::/64"},
        {FAMILY_IPV4, "hash:ip,port", "  - {tcp: 2222, from: @}\n", 1, 30, 8, "198.51.0.0,tcp:2223"},
        {FAMILY_IPV6, "hash:ip,port", "  - {udp: 2222, from: @}\n", 1, 30, 8, "2001:db8:1::1,udp:2222"},
        {FAMILY_IPV4, "hash:net,port", "  - {udp: 2222, from: @}\n", 1, 30, 32, "198.51.0.16/28,udp:2222"},
        {FAMILY_IPV4, "bitmap:port", "  - {tcp: [@]}\n", 120, 1, 8, "6"},
        {FAMILY_IPV6, "bitmap:port", "  - {udp: [@]}\n", 120, 1, 8, "6"},
    };

    for (size_t i = 0; i < array_length(crowds); i++) {
        const struct crowd *crowd = &crowds[i];
        struct compiled compiled = {0};
        struct buf policy = {0}, sets = {0};
        char line[200], name[40], type[40];

        buf_text(&policy, "");
        // Its ports are written as they are, and both families have the same.
        put_crowd(&policy, &(struct crowd){
                               strncmp(crowd->type, "bitmap", 6) == 0 ? FAMILY_IPV4 : crowd->family,
                               crowd->type, crowd->entry, crowd->count, crowd->entries, crowd->step, NULL});
        fixture_open(&compiled.f);
        fixture_read(&compiled.f, policy.bytes);
        assert_true(compiled.f.fine);
        assert_true(asking_lines(&compiled, &sets, crowd->family, policy.bytes) > 0);
        assert_int_equal(sscanf(strstr(sets.bytes, "\ncreate ") + 1, "create %39s %39s", name, type), 2);
        assert_string_equal(type, crowd->type);
        assert_true(is_proved(&compiled, crowd->family, &sets));

        const size_t length = strcspn(adding_line(sets.bytes, 0), "\n");

        // Without the first, one between and the last; with another one in place, and beside them.
        for (size_t number = 0; number < 30; number += number ? 28 : 1) {
            const char *at = adding_line(sets.bytes, number);

            assert_not_proved(&compiled, crowd->family, &sets, at, "");
            snprintf(line, sizeof(line), "add %s %s\n", name, crowd->other);
            assert_not_proved(&compiled, crowd->family, &sets, at, line);
        }
        snprintf(line, sizeof(line), "%.*s\nadd %s %s\n", (int)length, adding_line(sets.bytes, 0), name,
                 crowd->other);
        assert_not_proved(&compiled, crowd->family, &sets, adding_line(sets.bytes, 0), line);
        compiled_close(&compiled);
        buf_clear(&policy);
        buf_clear(&sets);
    }
}

// Texts of many sets.

TEST(rules_may_ask_and_change_many_sets)
{
    enum { SETS = 30000 };
    struct arena arena = {0};
    struct diag_list diags = {.arena = &arena};
    struct ipset_list list = {0};
    struct source sets_source = {.name = "<sets>", .path = ""},
                  rules_source = {.name = "<rules>", .path = ""};
    struct buf sets = {0}, rules = {0};
    const clock_t start = clock();
    const struct ruleset *ruleset;
    const struct chain *input;

    buf_text(&rules, "*filter\n");
    for (unsigned i = 0; i < SETS; i++) {
        buf_printf(&sets, "create set-%u hash:ip\nadd set-%u 192.0.2.1\n", i, i);
        buf_printf(&rules, "-A INPUT -m set --match-set set-%u src -j %s%u%s\n", i,
                   i % 2 ? "SET --add-set set-" : "ACCEPT -m comment --comment c", i, i % 2 ? " src" : "");
    }
    buf_text(&rules, "COMMIT\n");
    sets_source.bytes = sets.bytes;
    sets_source.length = sets.length;
    rules_source.bytes = rules.bytes;
    rules_source.length = rules.length;
    assert_true(ipset_read(&arena, &sets_source, &list, &diags));
    ruleset = rules_read(&arena, &rules_source, FAMILY_IPV4, &list, &diags);
    assert_non_null(ruleset);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC); // a hundredth of it where nothing is checked
    input = table_find_chain(&ruleset->items[0], "INPUT");
    for (size_t i = 0; i < input->count; i++)
        assert_int_equal(input->items[i].matches[0].kind, i % 2 ? MATCH_OPAQUE : MATCH_SET);
    buf_clear(&sets);
    buf_clear(&rules);
    arena_clear(&arena);
}

RUN_TESTS(CASE(rules_that_ask_sets_are_proved), CASE(a_set_with_another_member_is_not_proved),
          CASE(rules_may_ask_and_change_many_sets))
