// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>

#include "ruleset/ruleset.h"

struct making {
    struct arena arena;
    struct ruleset ruleset;
    struct table *table;
};

static void making_open(struct making *making)
{
    *making = (struct making){0};
    making->table = ruleset_table(&making->arena, &making->ruleset, "filter");
}

static void making_close(struct making *making)
{
    arena_clear(&making->arena);
}

static struct chain *chain_of(struct making *making, const char *name)
{
    return table_chain(&making->arena, making->table, name, CHAIN_USER);
}

static void jump(struct making *making, const char *from, enum target_kind kind, const char *to)
{
    chain_append(&making->arena, chain_of(making, from))->target = (struct target){kind, to};
}

static const char *broken(struct making *making)
{
    return ruleset_broken_limit(&making->arena, &making->ruleset);
}

TEST_WITH(making, tables_and_chains_are_made_once)
{
    struct chain *input = table_chain(&making->arena, making->table, "INPUT", CHAIN_DROP);

    assert_ptr_equal(input, table_chain(&making->arena, making->table, "INPUT", CHAIN_ACCEPT));
    assert_int_equal(input->policy, CHAIN_DROP);
    for (int i = 0; i < 100; i++)
        table_chain(&making->arena, making->table, arena_printf(&making->arena, "c%d", i), CHAIN_USER);
    assert_ptr_equal(input, making->table->items[0]);
    assert_int_equal(making->table->count, 101);
    assert_ptr_equal(making->table, ruleset_table(&making->arena, &making->ruleset, "filter"));
    assert_int_equal(making->ruleset.count, 1);
}

TEST_WITH(making, a_chain_is_taken_out_of_its_table)
{
    struct chain *chains[20];

    for (size_t i = 0; i < 20; i++)
        chains[i] =
            table_chain(&making->arena, making->table, arena_printf(&making->arena, "c%zu", i), CHAIN_USER);
    table_remove_chain(making->table, chains[7]);
    assert_int_equal(making->table->count, 19);
    assert_null(table_find_chain(making->table, "c7"));
    for (size_t i = 0; i < 20; i++) {
        if (i == 7)
            continue;
        assert_ptr_equal(table_find_chain(making->table, chains[i]->name), chains[i]);
        assert_int_equal(chains[i]->number, i < 7 ? i : i - 1);
    }
}

TEST_WITH(making, chains_are_sorted_as_the_kernel_saves_them)
{
    static const char *const users[] = {"zeta", "alpha", "ctc-10", "ctc-2", "Alpha"}, *const built_in[] = {
                                                                                          "POSTROUTING",
                                                                                          "OUTPUT", "INPUT",
                                                                                          "FORWARD",
                                                                                          "PREROUTING"};
    static const char *const wanted[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
                                         "Alpha",      "alpha", "ctc-10",  "ctc-2",  "zeta"};

    for (size_t i = 0; i < array_length(users); i++) {
        chain_of(making, users[i]);
        table_chain(&making->arena, making->table, built_in[i], CHAIN_ACCEPT);
    }
    ruleset_sort(&making->ruleset);
    for (size_t i = 0; i < array_length(wanted); i++)
        assert_string_equal(making->table->items[i]->name, wanted[i]);
}

TEST_WITH(making, sorting_an_empty_table_is_fine)
{
    ruleset_sort(&making->ruleset);
    assert_null(broken(making));
}

static void nest(struct making *making, int depth)
{
    jump(making, "INPUT", TARGET_JUMP, "c1");
    for (int i = 1; i < depth; i++)
        jump(making, arena_printf(&making->arena, "c%d", i), i % 2 ? TARGET_JUMP : TARGET_GOTO,
             arena_printf(&making->arena, "c%d", i + 1));
    chain_of(making, arena_printf(&making->arena, "c%d", depth));
}

TEST(user_chains_stand_inside_each_other_to_the_limit)
{
    struct making making;

    making_open(&making);
    nest(&making, RULESET_DEPTH_MAX);
    assert_null(broken(&making));
    making_close(&making);
    making_open(&making);
    nest(&making, RULESET_DEPTH_MAX + 1);
    assert_contains(broken(&making), "inside each other");
    making_close(&making);
}

TEST(a_circle_is_found)
{
    struct making making;

    making_open(&making);
    jump(&making, "a", TARGET_JUMP, "b");
    jump(&making, "b", TARGET_GOTO, "a");
    assert_contains(broken(&making), "inside each other");
    making_close(&making);
    making_open(&making);
    jump(&making, "a", TARGET_JUMP, "a");
    assert_contains(broken(&making), "inside each other");
    making_close(&making);
}

// Each chain jumps twice to the next one: walking every path would take 2^12 steps a chain, and many more with wider fans.
TEST_WITH(making, a_wide_fan_is_checked_in_reasonable_time)
{
    for (int i = 1; i < RULESET_DEPTH_MAX; i++)
        for (int j = 0; j < 3; j++)
            jump(making, arena_printf(&making->arena, "c%d", i), TARGET_JUMP,
                 arena_printf(&making->arena, "c%d", i + 1));
    chain_of(making, "c12");
    assert_null(broken(making));
}

TEST_WITH(making, a_jump_to_nowhere_is_found)
{
    jump(making, "INPUT", TARGET_GOTO, "nowhere");
    assert_contains(broken(making), "not there");
}

TEST(names_of_chains_have_28_bytes_at_most)
{
    struct making making;

    making_open(&making);
    chain_of(&making, "1234567890123456789012345678");
    assert_null(broken(&making));
    chain_of(&making, "12345678901234567890123456789");
    assert_contains(broken(&making), "28 bytes");
    making_close(&making);
    making_open(&making);
    chain_of(&making, "");
    assert_non_null(broken(&making));
    making_close(&making);
}

static bool multiport_fits(size_t singles, size_t pairs)
{
    struct making making;
    struct port_range ports[32];
    struct match match = {.kind = MATCH_MULTIPORT};

    for (size_t i = 0; i < singles + pairs; i++)
        ports[i] = (struct port_range){(uint16_t)(100 + 10 * i), (uint16_t)(100 + 10 * i + (i >= singles))};
    match.multiport.items = ports;
    match.multiport.count = singles + pairs;
    making_open(&making);

    struct rule *rule = chain_append(&making.arena, chain_of(&making, "INPUT"));

    rule->matches = &match;
    rule->match_count = 1;

    const bool fits = !broken(&making);

    making_close(&making);
    return fits;
}

TEST(a_multiport_match_has_fifteen_slots_and_a_range_takes_two)
{
    assert_true(multiport_fits(15, 0));
    assert_false(multiport_fits(16, 0));
    assert_true(multiport_fits(1, 7));
    assert_false(multiport_fits(2, 7));
    assert_false(multiport_fits(0, 8));
    assert_false(multiport_fits(0, 0));
}

TEST_WITH(making, a_table_fits_the_kernel)
{
    static const struct match big[] = {{.kind = MATCH_HASHLIMIT}, {.kind = MATCH_COMMENT}};

    struct chain *input = chain_of(making, "INPUT");

    // Some 900 bytes each: 400,000 of them fit, half a million do not.
    for (int i = 0; i < 500000; i++) {
        struct rule *rule = chain_append(&making->arena, input);

        rule->matches = big;
        rule->match_count = 2;
        if (i == 400000)
            assert_null(broken(making));
    }
    assert_contains(broken(making), "400 MiB");
}

TEST_WITH(making, what_is_broken_names_family_and_table)
{
    making->ruleset.family = FAMILY_IPV6;
    jump(making, "INPUT", TARGET_JUMP, "nowhere");
    assert_contains(broken(making), "IPv6, table filter");
}

TEST(circles_of_chains_are_found)
{
    struct making making;

    making_open(&making);
    jump(&making, "a", TARGET_JUMP, "b");
    jump(&making, "a", TARGET_JUMP, "c");
    jump(&making, "b", TARGET_GOTO, "c");
    jump(&making, "c", TARGET_JUMP, "nowhere");
    assert_null(table_find_loop(making.table));
    jump(&making, "c", TARGET_GOTO, "a");
    assert_non_null(table_find_loop(making.table));
    making_close(&making);
    making_open(&making);
    jump(&making, "a", TARGET_JUMP, "a");
    assert_ptr_equal(table_find_loop(making.table), &chain_of(&making, "a")->items[0]);
    making_close(&making);
}

// One of them would take a stack of its own for each chain, the other years.
TEST_WITH(making, many_chains_are_walked_once)
{
    for (int i = 0; i < 20000; i++)
        for (int j = 0; j < 3; j++)
            jump(making, arena_printf(&making->arena, "c%d", i), TARGET_JUMP,
                 arena_printf(&making->arena, "c%d", i + 1));
    assert_null(table_find_loop(making->table));
    jump(making, "c20000", TARGET_JUMP, "c0");
    assert_non_null(table_find_loop(making->table));
}

TEST(what_starts_tracking_is_known)
{
    static const struct match states = {.kind = MATCH_STATE}, socket = {.kind = MATCH_SOCKET},
                              connlimit = {.kind = MATCH_OPAQUE,
                                           .opaque = {"-m connlimit --connlimit-upto 3", true}},
                              host = {.kind = MATCH_OPAQUE, .opaque = {"-s state", false}};
    static const struct {
        const struct match *match;
        struct target target;
        const char *table, *what;
    } rows[] = {
        {&states, {TARGET_DROP, NULL}, "filter", "state"},
        {&socket, {TARGET_DROP, NULL}, "filter", NULL},
        {&connlimit, {TARGET_DROP, NULL}, "filter", "connlimit"},
        {&host, {TARGET_DROP, NULL}, "filter", NULL},
        {NULL, {TARGET_ACCEPT, NULL}, "nat", "nat"},
        {NULL, {TARGET_NOTRACK, NULL}, "raw", NULL},
        {NULL, {TARGET_HELPER, "ftp"}, "raw", "CT"},
        {NULL, {TARGET_OTHER, "CT --zone 3"}, "raw", "CT"},
        {NULL, {TARGET_OTHER, "CT --zone 3 --notrack"}, "raw", NULL},
        {NULL, {TARGET_OTHER, "CONNMARK --save-mark"}, "mangle", "CONNMARK"},
        {NULL, {TARGET_OTHER, "MARK --set-xmark 0x1/0x1"}, "mangle", NULL},
        {NULL, {TARGET_OTHER, "MASQUERADE"}, "nat", "MASQUERADE"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        const struct rule rule = {
            .matches = rows[i].match, .match_count = rows[i].match != NULL, .target = rows[i].target};
        const char *what = rule_tracks(&rule, rows[i].table);

        assert_true(what && rows[i].what ? strcmp(what, rows[i].what) == 0 : what == rows[i].what);
    }
}

RUN_TESTS(CASE(tables_and_chains_are_made_once), CASE(a_chain_is_taken_out_of_its_table),
          CASE(chains_are_sorted_as_the_kernel_saves_them), CASE(sorting_an_empty_table_is_fine),
          CASE(user_chains_stand_inside_each_other_to_the_limit), CASE(a_circle_is_found),
          CASE(a_wide_fan_is_checked_in_reasonable_time), CASE(a_jump_to_nowhere_is_found),
          CASE(names_of_chains_have_28_bytes_at_most),
          CASE(a_multiport_match_has_fifteen_slots_and_a_range_takes_two), CASE(a_table_fits_the_kernel),
          CASE(what_is_broken_names_family_and_table), CASE(circles_of_chains_are_found),
          CASE(many_chains_are_walked_once), CASE(what_starts_tracking_is_known))
