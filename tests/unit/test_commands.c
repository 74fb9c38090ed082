// SPDX-License-Identifier: GPL-2.0-or-later
//
// The lines of a ruleset: tables, chains, and commands that put rules in; and what tells that a text is one.

#include "unit/reading.h"

#include <stdio.h>

TEST(tables_print_as_they_stand)
{
    static const char *const same[] = {
        "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [12:3456]\n:b - [0:0]\n:a - [0:0]\n-A b -j a\nCOMMIT\n",
        "*raw\n:PREROUTING ACCEPT [0:0]\n[3:4] -A PREROUTING -j NOTRACK\nCOMMIT\n*nat\n:INPUT ACCEPT [0:0]\n"
        "-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n",
        "*filter\nCOMMIT\n",
        // As iptables-restore does it: the chain is used, not the extension.
        "*filter\n:LOG - [0:0]\n-A INPUT -j LOG\nCOMMIT\n",
    };

    for (size_t i = 0; i < array_length(same); i++)
        assert_prints(same[i], FAMILY_IPV4, same[i]);
}

TEST(lines_are_commands_too)
{
    assert_prints("# by hand\n\n*filter\n-F\n-X\n-Z INPUT\n-P INPUT DROP\n-N mine\n"
                  "-s 10.0.0.1 -A INPUT -j mine\n--append INPUT -c 5 6 -j DROP\n:FORWARD - [0:0]\nCOMMIT\n",
                  FAMILY_IPV4,
                  "*filter\n:INPUT DROP [0:0]\n:mine - [0:0]\n-A INPUT -s 10.0.0.1/32 -j mine\n"
                  "[5:6] -A INPUT -j DROP\nCOMMIT\n");
    assert_prints("*filter\n:a - [0:0]\n-A a -j DROP\n-A INPUT -j DROP\n-F a\n-A a -j ACCEPT\n-F\n"
                  "-A OUTPUT -j a\nCOMMIT\n",
                  FAMILY_IPV4, "*filter\n:a - [0:0]\n-A OUTPUT -j a\nCOMMIT\n");
    assert_prints("*filter\n-A INPUT -4 -j ACCEPT\n-A INPUT -6 -j DROP\nCOMMIT\n", FAMILY_IPV6,
                  "*filter\n-A INPUT -j DROP\nCOMMIT\n");
}

// As `iptables-legacy-save` prints it after loading the same.
TEST(rules_are_put_in_where_they_say)
{
    assert_prints("*filter\n:FOO - [0:0]\n-A INPUT -s 1.1.1.1\n-I INPUT -s 1.1.1.0\n-A INPUT -s 1.1.1.3\n"
                  "-I INPUT 3 -s 1.1.1.2\n-D INPUT 3\n-I INPUT 2 -s 2.2.2.2,2.2.2.3\n-A FOO -j DROP\n-F FOO\n"
                  "-I FOO -j RETURN\nCOMMIT\n",
                  FAMILY_IPV4,
                  "*filter\n:FOO - [0:0]\n-A INPUT -s 1.1.1.0/32\n-A INPUT -s 2.2.2.3/32\n"
                  "-A INPUT -s 2.2.2.2/32\n-A INPUT -s 1.1.1.1/32\n-A INPUT -s 1.1.1.3/32\n-A FOO -j RETURN\n"
                  "COMMIT\n");
}

// The order that moving one rule after the other gives, for any mixture of commands.
TEST(many_insertions_keep_their_order)
{
    unsigned order[200];
    size_t count = 0;
    struct buf text = {0}, wanted = {0};

    srandom(7);
    buf_text(&text, "*filter\n");
    buf_text(&wanted, "*filter\n");
    for (unsigned i = 0; i < 200; i++) {
        const size_t place = (size_t)random() % (count + 1);
        const bool append = random() % 3 == 0;

        if (append)
            buf_printf(&text, "-A INPUT -s 10.0.0.%u\n", i);
        else
            buf_printf(&text, "-I INPUT %zu -s 10.0.0.%u\n", place + 1, i);
        if (!append)
            memmove(&order[place + 1], &order[place], (count - place) * sizeof(*order));
        order[append ? count : place] = i;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        buf_printf(&wanted, "-A INPUT -s 10.0.0.%u/32\n", order[i]);
    buf_text(&text, "COMMIT\n");
    buf_text(&wanted, "COMMIT\n");
    assert_prints(text.bytes, FAMILY_IPV4, wanted.bytes);
    buf_clear(&text);
    buf_clear(&wanted);
}

TEST(rules_know_their_line)
{
    static const char text[] = "*filter\n:mine - [0:0]\n  [1:2] -A mine -j DROP  \nCOMMIT\n";
    struct reading r;

    reading_open(&r, text, FAMILY_IPV4);
    assert_non_null(r.ruleset);

    const struct chain *mine = table_find_chain(&r.ruleset->items[0], "mine");

    assert_int_equal(mine->policy, CHAIN_USER);
    assert_int_equal(mine->span.line, 2);
    assert_int_equal(mine->items[0].span.line, 3);
    assert_int_equal(mine->items[0].span.column, 3);
    assert_int_equal(mine->items[0].span.length, strlen("[1:2] -A mine -j DROP"));
    assert_int_equal(mine->items[0].counters.bytes, 2);
    assert_int_equal(r.ruleset->items[0].count, 4);
    assert_int_equal(table_find_chain(&r.ruleset->items[0], "INPUT")->policy, CHAIN_UNWRITTEN);
    reading_close(&r);
}

TEST(mistakes_in_lines_have_their_place)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"", 0, 0, "no table"},
        {"# nothing\n", 0, 0, "no table"},
        {"-A INPUT -j DROP\n", 1, 1, "outside of a table"},
        {"COMMIT\n", 1, 1, "outside of a table"},
        {"*filter\n", 1, 1, "no COMMIT"},
        {"*filter\n*nat\nCOMMIT\n", 2, 1, "before the last one ends"},
        {"*fliter\nCOMMIT\n", 1, 2, "no kernel has a table `fliter`"},
        {"*filter\n:INPUT REJECT [0:0]\nCOMMIT\n", 2, 8, "ACCEPT or DROP"},
        {"*nat\n:OUTPUT DROP [0:0]\nCOMMIT\n", 2, 9, "not for filtering"},
        {"*nat\n-A OUTPUT -j DROP\nCOMMIT\n", 2, 1, "not for filtering"},
        {"*filter\n-A INPUT -o eth0 -j DROP\nCOMMIT\n", 2, 1, "no output interface"},
        {"*filter\n:mine\nCOMMIT\n", 2, 1, "the policy is missing"},
        {"*filter\n:mine - [0:0]\n:mine - [0:0]\nCOMMIT\n", 3, 2, "there already"},
        {"*filter\n:ACCEPT - [0:0]\nCOMMIT\n", 2, 2, "name of a verdict"},
        {"*filter\n-N LOG\nCOMMIT\n", 2, 4, "name of a target"},
        {"*filter\n:INPUT DROP [x]\nCOMMIT\n", 2, 13, "counters are"},
        {"*filter\n[1:2 -A INPUT\nCOMMIT\n", 2, 1, "counters are"},
        {"*filter\n-A mine -j DROP\n:mine - [0:0]\nCOMMIT\n", 2, 4, "no chain mine"},
        {"*filter\n-A INPUT -j mine\n:mine - [0:0]\nCOMMIT\n", 2, 13, "neither a chain"},
        {"*filter\n-P mine DROP\nCOMMIT\n", 2, 4, "only built-in chains"},
        {"*filter\n-P INPUT\nCOMMIT\n", 2, 1, "a chain and its policy"},
        {"*filter\n-I INPUT 2 -j DROP\nCOMMIT\n", 2, 1, "fewer rules"},
        {"*filter\n-D INPUT 1\nCOMMIT\n", 2, 1, "fewer rules"},
        {"*filter\n-D INPUT -j DROP\nCOMMIT\n", 2, 1, "by their number"},
        {"*filter\n-R INPUT 1 -j DROP\nCOMMIT\n", 2, 1, "changes or lists"},
        {"*filter\n:a - [0:0]\n-X a\nCOMMIT\n", 3, 1, "deletes chains"},
        {"*filter\n-F a\nCOMMIT\n", 2, 4, "no such chain"},
        {"*filter\n-s 10.0.0.1 -j DROP\nCOMMIT\n", 2, 1, "says nothing to do"},
        {"*filter\n-A INPUT \x01\nCOMMIT\n", 2, 1, "not fit to print"},
        {"*filter\n:a - [0:0]\n:b - [0:0]\n-A a -j b\n-A b -g a\nCOMMIT\n", 5, 1, "goes back"},
        {"*filter\n:a - [0:0]\n-A a -j a\nCOMMIT\n", 3, 1, "goes back"},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_refused(rows[i].text, FAMILY_IPV4, rows[i].line, rows[i].column, rows[i].message);
}

TEST(every_mistake_is_found_in_one_run)
{
    struct reading r;

    reading_open(&r, "*filter\n-A INPUT -j a\n-A INPUT -s x.\n-A INPUT -s !\n*nat\n-A OUTPUT -j b\n",
                 FAMILY_IPV4);
    assert_null(r.ruleset);
    assert_int_equal(r.diags.counts[SEVERITY_ERROR], 5);
    reading_close(&r);
}

TEST(blanks_that_iptables_restore_minds_are_a_warning)
{
    static const char *const texts[] = {
        "*filter\r\n-A INPUT -j ACCEPT\r\nCOMMIT\r\n", "*filter\n-A INPUT -j ACCEPT\nCOMMIT \n",
        "*filter\n  \n-A INPUT -j ACCEPT\nCOMMIT\n",   "*filter\n # why\n-A INPUT -j ACCEPT\nCOMMIT\n",
        "*filter\n-A INPUT -j ACCEPT\nCOMMIT",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        struct reading r;

        reading_open(&r, texts[i], FAMILY_IPV4);
        assert_non_null(r.ruleset);
        assert_int_equal(r.diags.counts[SEVERITY_WARNING], 1);
        assert_string_equal(r.text.bytes, "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n");
        reading_close(&r);
    }
    assert_prints("*filter \n\n   -A INPUT -j ACCEPT  \nCOMMIT\n", FAMILY_IPV4,
                  "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n");
}

TEST(a_table_that_stands_twice_is_the_second_one)
{
    struct reading r;

    reading_open(&r,
                 "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -j a\nCOMMIT\n"
                 "*filter\n:b - [0:0]\n-A OUTPUT -j b\nCOMMIT\n",
                 FAMILY_IPV4);
    assert_non_null(r.ruleset);
    assert_int_equal(r.diags.counts[SEVERITY_WARNING], 1);
    assert_string_equal(r.text.bytes, "*filter\n:INPUT DROP [0:0]\n:b - [0:0]\n-A OUTPUT -j b\nCOMMIT\n");
    reading_close(&r);
}

static struct source source_of(const char *name, const char *text)
{
    return (struct source){.name = name, .path = name, .bytes = text, .length = strlen(text)};
}

TEST(rulesets_are_told_from_policies)
{
    static const char *const rules[] = {"*filter\n",          "# x\n\n*nat \r\n", "  :INPUT DROP [0:0]\n",
                                        "-A INPUT -j DROP\n", "-P INPUT DROP\n",  "[0:0] -A INPUT\n"};
    static const char *const others[] = {"",         "# only a comment\n", "version: 1\n",
                                         "- a\n",    "{version: 1}\n",     "[1, 2]\n",
                                         "* item\n", "---\nversion: 1",    "*"};

    for (size_t i = 0; i < array_length(rules); i++) {
        const struct source source = source_of("x", rules[i]);

        assert_true(rules_recognised(&source));
    }
    for (size_t i = 0; i < array_length(others); i++) {
        const struct source source = source_of("x", others[i]);

        assert_false(rules_recognised(&source));
    }
}

TEST(families_are_told_by_what_only_one_has)
{
    static const struct {
        const char *name, *text;
        enum family family;
        bool sure;
    } rows[] = {
        {"x", "*filter\n-A INPUT -s 10.0.0.1 -j DROP\n", FAMILY_IPV4, true},
        {"rules.v4", "*filter\n-A INPUT ! -d fe80::/10 -j DROP\n", FAMILY_IPV6, true},
        {"x", "*filter\n-A INPUT -p ipv6-icmp -j DROP\n", FAMILY_IPV6, true},
        {"x", "*filter\n-A INPUT -p icmp -j DROP\n", FAMILY_IPV4, true},
        {"x", "*filter\n-A INPUT -j REJECT --reject-with icmp6-no-route\n", FAMILY_IPV6, true},
        {"x", "# Generated by ip6tables-save v1.8.9\n*filter\n", FAMILY_IPV6, true},
        {"x", "# Generated by iptables-save v1.8.9\n*filter\n", FAMILY_IPV4, true},
        {"x", "# IPv6 rules made by ctc 1\n*filter\n", FAMILY_IPV6, true},
        {"ip6tables", "# Generated by iptables-save v1.8.9\n*filter\n-A INPUT -s 10.0.0.1\n", FAMILY_IPV4,
         true},
        {"/etc/iptables/rules.v6", "*filter\n", FAMILY_IPV6, true},
        {"/etc/ip6.d/iptables.rules", "*filter\n", FAMILY_IPV4, true},
        {"x", "*filter\n-A INPUT -m comment --comment \"-s fe80::1\"\n", FAMILY_IPV4, false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        const struct source source = source_of(rows[i].name, rows[i].text);
        bool sure;

        assert_int_equal(rules_family(&source, &sure), rows[i].family);
        assert_int_equal(sure, rows[i].sure);
        assert_int_equal(rules_family(&source, NULL), rows[i].family);
    }
}

RUN_TESTS(CASE(tables_print_as_they_stand), CASE(lines_are_commands_too),
          CASE(rules_are_put_in_where_they_say), CASE(many_insertions_keep_their_order),
          CASE(rules_know_their_line), CASE(mistakes_in_lines_have_their_place),
          CASE(every_mistake_is_found_in_one_run), CASE(blanks_that_iptables_restore_minds_are_a_warning),
          CASE(a_table_that_stands_twice_is_the_second_one), CASE(rulesets_are_told_from_policies),
          CASE(families_are_told_by_what_only_one_has))
