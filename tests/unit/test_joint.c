// SPDX-License-Identifier: GPL-2.0-or-later
//
// Joint filters of pseudo-random ones, over all packets: the one accepts what one of the two accepts, the other what both do.
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "apply/joint.h"
#include "meaning/sets.h"
#include "rules/read.h"

#define PAIRS 300

// Chains lead to later ones only, so that there is no circle.
static const char *const chains[] = {"INPUT", "FORWARD", "OUTPUT", "a", "b", "c", "d"};

static unsigned any_of(unsigned count)
{
    return (unsigned)random() % count;
}

static void put_target(struct buf *out, size_t chain)
{
    static const char *const targets[] = {"ACCEPT", "ACCEPT", "DROP", "REJECT --reject-with tcp-reset",
                                          "RETURN", "LOG"};
    const size_t first = chain < 3 ? 3 : chain + 1, later = array_length(chains) - first;

    if (later && any_of(2))
        buf_printf(out, " -%c %s", "jg"[any_of(2)], chains[first + any_of((unsigned)later)]);
    else
        buf_printf(out, " -j %s", targets[any_of(array_length(targets))]);
}

static void put_filter(struct buf *out)
{
    buf_text(out, "*filter\n");
    for (size_t i = 0; i < array_length(chains); i++)
        buf_printf(out, ":%s %s [0:0]\n", chains[i], i > 2 ? "-" : any_of(2) ? "ACCEPT" : "DROP");
    for (size_t i = 0; i < array_length(chains); i++)
        for (unsigned rules = any_of(5); rules > 0; rules--) {
            buf_printf(out, "-A %s -p tcp", chains[i]);
            if (any_of(4))
                buf_printf(out, " --dport %u:%u", any_of(4), 4 + any_of(4));
            if (!any_of(4))
                buf_text(out, " -m conntrack --ctstate UNTRACKED");
            put_target(out, i);
            buf_char(out, '\n');
        }
    buf_text(out, "COMMIT\n");
}

// Both directions of some ports of those below `ports` are untracked.
static void put_raw(struct buf *out, unsigned ports)
{
    static const char *const hooks[] = {"PREROUTING", "OUTPUT"};

    buf_text(out, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    for (size_t i = 0; i < array_length(hooks); i++)
        for (unsigned port = 0; port < ports; port++)
            buf_printf(out, "-A %s -p tcp --dport %u -j CT --notrack\n", hooks[i], port);
    buf_text(out, "COMMIT\n");
}

static const struct ruleset *read(struct arena *arena, enum family family, unsigned untracked)
{
    struct diag_list diags = {.arena = arena};
    struct buf text = {0};
    struct source *source = arena_calloc(arena, 1, sizeof(*source));

    put_filter(&text);
    if (untracked)
        put_raw(&text, untracked);
    *source = (struct source){.name = "rules", .path = "", .length = text.length};
    source->bytes = arena_copy(arena, text.bytes, text.length);
    buf_clear(&text);
    return rules_read(arena, source, family, NULL, &diags);
}

static diagram accepted(struct packet_space *space, const struct ruleset *rules, enum hook hook)
{
    const struct meaning meaning = rules_meaning(space, rules, NULL);

    return accepted_set(space, hook_outcomes(space, &meaning, hook, meaning.domains[hook]));
}

static void try(struct arena *arena, enum family family)
{
    const struct ruleset *rules[2] = {read(arena, family, 0), read(arena, family, 0)}, *joints[JOINT_COUNT];
    struct packet_space space;

    packet_space_init(&space, arena, family);
    for (size_t i = 0; i < 2; i++)
        packet_space_add_ruleset(&space, rules[i]);
    for (enum joint joint = JOINT_EITHER; joint <= JOINT_BOTH; joint++) {
        joints[joint] = joint_filter(arena, family, &rules[0]->items[0], &rules[1]->items[0], joint);
        assert_non_null(joints[joint]);
        assert_null(table_find_loop(&joints[joint]->items[0]));
        packet_space_add_ruleset(&space, joints[joint]);
    }
    assert_true(packet_space_open(&space, 1 << 20));
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        const diagram before = accepted(&space, rules[0], hook), after = accepted(&space, rules[1], hook);

        assert_int_equal(accepted(&space, joints[JOINT_EITHER], hook), set_or(&space, before, after));
        assert_int_equal(accepted(&space, joints[JOINT_BOTH], hook), set_and(&space, before, after));
    }
    packet_space_close(&space);
}

TEST(a_joint_filter_accepts_what_either_or_what_both_accept)
{
    srandom(4711);
    for (int i = 0; i < PAIRS; i++) {
        struct arena arena = {0};

        try(&arena, i % 2 ? FAMILY_IPV6 : FAMILY_IPV4);
        arena_clear(&arena);
    }
}

// The tables of one ruleset with the filter of another.
static const struct ruleset *with_filter(struct arena *arena, const struct ruleset *rules,
                                         const struct ruleset *filter)
{
    struct ruleset *result = arena_calloc(arena, 1, sizeof(*result));

    result->family = rules->family;
    *vec_push(arena, result) = *ruleset_find_table(filter, "filter");
    *vec_push(arena, result) = *ruleset_find_table(rules, "raw");
    return result;
}

static void try_split(struct arena *arena, enum family family)
{
    const unsigned more = 2 + any_of(4), less = 1 + any_of(more - 1);
    const bool grows = any_of(2);
    const struct ruleset *rules[2] = {read(arena, family, grows ? less : more),
                                      read(arena, family, grows ? more : less)};
    const struct ruleset *joint = joint_filter(arena, family, ruleset_find_table(rules[0], "filter"),
                                               ruleset_find_table(rules[1], "filter"),
                                               grows ? JOINT_NEW_UNTRACKED : JOINT_OLD_UNTRACKED);
    struct packet_space space;

    packet_space_init(&space, arena, family);
    for (size_t i = 0; i < 2; i++)
        packet_space_add_ruleset(&space, rules[i]);
    packet_space_add_ruleset(&space, joint);
    assert_true(packet_space_open(&space, 1 << 20));
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
        const diagram before = accepted(&space, rules[0], hook), after = accepted(&space, rules[1], hook);

        for (size_t i = 0; i < 2; i++) {
            const diagram meanwhile = accepted(&space, with_filter(arena, rules[i], joint), hook);

            assert_int_equal(set_minus(&space, set_and(&space, before, after), meanwhile), set_none(&space));
            assert_int_equal(set_minus(&space, meanwhile, set_or(&space, before, after)), set_none(&space));
        }
    }
    packet_space_close(&space);
}

TEST(a_split_filter_fits_both_where_raw_untracks_more_or_less)
{
    srandom(4712);
    for (int i = 0; i < PAIRS; i++) {
        struct arena arena = {0};

        try_split(&arena, i % 2 ? FAMILY_IPV6 : FAMILY_IPV4);
        arena_clear(&arena);
    }
}

TEST(a_filter_that_is_not_there_accepts_everything)
{
    struct arena arena = {0};
    const struct ruleset *rules = read(&arena, FAMILY_IPV4, 0);
    const struct ruleset *joint = joint_filter(&arena, FAMILY_IPV4, NULL, &rules->items[0], JOINT_EITHER);
    struct packet_space space;

    packet_space_init(&space, &arena, FAMILY_IPV4);
    packet_space_add_ruleset(&space, joint);
    assert_true(packet_space_open(&space, 1 << 20));
    for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
        assert_int_equal(accepted(&space, joint, hook), hook_domain(&space, hook));
    packet_space_close(&space);
    arena_clear(&arena);
}

RUN_TESTS(CASE(a_joint_filter_accepts_what_either_or_what_both_accept),
          CASE(a_split_filter_fits_both_where_raw_untracks_more_or_less),
          CASE(a_filter_that_is_not_there_accepts_everything))
