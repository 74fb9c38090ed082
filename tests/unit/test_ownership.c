// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rules in chains of ctc's own, alone and beside others'.
#include "apply/compose.h"
#include "emit/restore.h"
#include "proof/prove.h"
#include "rules/read.h"
#include "unit/trial.h"

static const struct ruleset *read_rules(struct arena *arena, const char *text)
{
    struct diag_list diags = {.arena = arena};
    struct source *source = arena_calloc(arena, 1, sizeof(*source));
    const struct ruleset *rules;

    *source = (struct source){.name = "<rules>",
                              .path = "",
                              .bytes = arena_copy(arena, text, strlen(text)),
                              .length = strlen(text)};
    rules = rules_read(arena, source, FAMILY_IPV4, NULL, &diags);
    if (!rules)
        fail_msg("%s\n%s", diags.items.items[0].message, text);
    return rules;
}

// By themselves: no policy of a built-in chain helps them.
static void must_mean_the_same(void)
{
    struct arena *arena = &trial->f.compilation.arena;
    const struct ruleset *own = rules_in_own_chains(arena, trial->ruleset);
    struct diag_list diags = {.arena = arena};
    struct buf text = {0};
    struct proof proof;
    bool equal;

    for (size_t i = 0; i < own->count; i++)
        for (size_t j = 0; j < own->items[i].count; j++)
            if (own->items[i].items[j]->policy != CHAIN_USER)
                own->items[i].items[j]->policy = CHAIN_ACCEPT;
    restore_text(&text, own);

    const struct source source = {
        .name = "<own>", .path = "", .bytes = text.bytes, .length = text.length, .order = UINT_MAX};
    const struct ruleset *rules = text.length ? rules_read(arena, &source, own->family, NULL, &diags) : own;

    must(rules != NULL, "it can be read");
    proof_open(&proof, arena, trial->f.policy, trial->f.compilation.sources.items[0], trial->ruleset, rules);
    must(!proof.undecided, "it is decided");
    equal = prove_equal(&proof, &diags);
    if (!equal)
        fail_msg("%s\n%s\n%s", diags.items.items[0].message, trial->text.bytes, text.bytes);
    proof_close(&proof);
    buf_clear(&text);
}

TEST(own_chains_mean_what_the_policy_says)
{
    try_policies(must_mean_the_same);
}

// What a live ruleset becomes, as text. What ctc has in it is told by its names.
static void check_composed(const char *live_text, const char *wanted_text, const char *composed_text)
{
    struct arena arena = {0};
    const struct kernel_tables none = {0};
    const struct live_tables live = {read_rules(&arena, live_text), &none};
    const struct ownership ownership = ownership_find(&arena, &live, NULL, NULL);
    const struct ruleset *own = rules_in_own_chains(&arena, read_rules(&arena, wanted_text));
    struct buf text = {0};

    restore_text(&text, compose(&arena, &live, &ownership, own).ruleset);
    assert_string_equal(text.bytes, composed_text);
    buf_clear(&text);
    arena_clear(&arena);
}

#define HOOKS(input) ":INPUT " input " [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"

static const char wanted[] = "*filter\n" HOOKS("DROP") "-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

TEST(a_new_jump_stands_behind_others)
{
    check_composed(
        "*filter\n" HOOKS(
            "ACCEPT") ":theirs - [0:0]\n"
                      "[1:2] -A INPUT -p tcp -j theirs\n[3:4] -A theirs -s 192.0.2.1/32 -j DROP\nCOMMIT\n",
        wanted,
        "*filter\n" HOOKS("ACCEPT") ":ctc-INPUT - [0:0]\n:theirs - [0:0]\n"
                                    "[1:2] -A INPUT -p tcp -j theirs\n-A INPUT -j ctc-INPUT\n"
                                    "-A ctc-INPUT -i lo -j ACCEPT\n-A ctc-INPUT -j DROP\n"
                                    "[3:4] -A theirs -s 192.0.2.1/32 -j DROP\nCOMMIT\n");
}

TEST(a_new_jump_stands_ahead_of_what_takes_all)
{
    check_composed(
        "*filter\n" HOOKS("ACCEPT") "-A INPUT -s 192.0.2.1/32 -j DROP\n-A INPUT -j LOG\n"
                                    "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n-A INPUT -s "
                                    "192.0.2.2/32 -j DROP\nCOMMIT\n",
        wanted,
        "*filter\n" HOOKS("ACCEPT") ":ctc-INPUT - [0:0]\n-A INPUT -s 192.0.2.1/32 -j DROP\n"
                                    "-A INPUT -j ctc-INPUT\n-A INPUT -j LOG\n"
                                    "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n-A INPUT -s "
                                    "192.0.2.2/32 -j DROP\n"
                                    "-A ctc-INPUT -i lo -j ACCEPT\n-A ctc-INPUT -j DROP\nCOMMIT\n");
}

TEST(a_jump_that_is_there_stays_where_it_is)
{
    check_composed(
        "*filter\n" HOOKS(
            "DROP") ":ctc-INPUT - [0:0]\n:ctc-OUTPUT - [0:0]\n:ctc-allow-000001 - [0:0]\n"
                    "-A INPUT -j ctc-INPUT\n-A INPUT -s 192.0.2.2/32 -j DROP\n-A INPUT -j ctc-INPUT\n"
                    "-A OUTPUT -j ctc-OUTPUT\n-A ctc-INPUT -j ctc-allow-000001\nCOMMIT\n",
        wanted,
        "*filter\n" HOOKS("DROP") ":ctc-INPUT - [0:0]\n-A INPUT -j ctc-INPUT\n"
                                  "-A INPUT -s 192.0.2.2/32 -j DROP\n-A ctc-INPUT -i lo -j ACCEPT\n-A "
                                  "ctc-INPUT -j DROP\nCOMMIT\n");
}

TEST(a_chain_that_others_lead_to_stays_empty)
{
    check_composed("*filter\n" HOOKS("DROP") ":ctc-old - [0:0]\n:theirs - [0:0]\n"
                                             "-A ctc-old -j DROP\n-A theirs -j ctc-old\nCOMMIT\n",
                   wanted,
                   "*filter\n" HOOKS(
                       "DROP") ":ctc-INPUT - [0:0]\n:ctc-old - [0:0]\n:theirs - [0:0]\n"
                               "-A INPUT -j ctc-INPUT\n-A ctc-INPUT -i lo -j ACCEPT\n-A ctc-INPUT -j DROP\n"
                               "-A theirs -j ctc-old\nCOMMIT\n");
}

TEST(chains_that_come_back_meet_the_default)
{
    check_composed(
        "*filter\n" HOOKS("ACCEPT") "COMMIT\n",
        "*filter\n" HOOKS("DROP") ":spare - [0:0]\n-A INPUT -i lo -g spare\n-A INPUT -j RETURN\n"
                                  "-A spare -p tcp -j ACCEPT\nCOMMIT\n",
        "*filter\n" HOOKS(
            "ACCEPT") ":ctc-INPUT - [0:0]\n:ctc-rules-INPUT - [0:0]\n:ctc-spare - [0:0]\n"
                      "-A INPUT -j ctc-INPUT\n-A ctc-INPUT -j ctc-rules-INPUT\n-A ctc-INPUT -j DROP\n"
                      "-A ctc-rules-INPUT -i lo -g ctc-spare\n-A ctc-rules-INPUT -j RETURN\n"
                      "-A ctc-spare -p tcp -j ACCEPT\nCOMMIT\n");
}

TEST(a_table_in_which_ctc_has_nothing_any_more_is_cleared_of_it)
{
    check_composed(
        "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:ctc-OUTPUT - [0:0]\n"
        "-A OUTPUT -j ctc-OUTPUT\n-A OUTPUT -p tcp -j CT --notrack\n-A ctc-OUTPUT -j CT --notrack\nCOMMIT\n",
        "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
        "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -j CT --notrack\nCOMMIT\n");
}

TEST(names_that_are_too_long_or_taken_are_changed)
{
    check_composed(
        "*filter\n" HOOKS("ACCEPT") "COMMIT\n",
        "*filter\n" HOOKS("ACCEPT") ":a-name-of-twenty-eight-bytes - [0:0]\n"
                                    ":a-name-of-twenty-eight-byteZ - [0:0]\n"
                                    "-A INPUT -j a-name-of-twenty-eight-bytes\n-A INPUT -j "
                                    "a-name-of-twenty-eight-byteZ\nCOMMIT\n",
        "*filter\n" HOOKS("ACCEPT") ":ctc-INPUT - [0:0]\n:ctc-a-name-of-twenty-eight-b - [0:0]\n"
                                    ":ctc-a-name-of-twenty~2 - [0:0]\n"
                                    "-A INPUT -j ctc-INPUT\n-A ctc-INPUT -j ctc-a-name-of-twenty-eight-b\n"
                                    "-A ctc-INPUT -j ctc-a-name-of-twenty~2\nCOMMIT\n");
}

RUN_TESTS(CASE(own_chains_mean_what_the_policy_says), CASE(a_new_jump_stands_behind_others),
          CASE(a_new_jump_stands_ahead_of_what_takes_all), CASE(a_jump_that_is_there_stays_where_it_is),
          CASE(a_chain_that_others_lead_to_stays_empty), CASE(chains_that_come_back_meet_the_default),
          CASE(a_table_in_which_ctc_has_nothing_any_more_is_cleared_of_it),
          CASE(names_that_are_too_long_or_taken_are_changed))
