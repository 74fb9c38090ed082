// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the proof notices: emitted rules with one piece of text put in place of another, held against their policy.
#include "emit/restore.h"
#include "proof/prove.h"
#include "rules/read.h"
#include "unit/fixture.h"

// `from` becomes `to`, everywhere it stands; a whole line goes where `to` is NULL.
static void replace(struct buf *out, const char *text, const char *from, const char *to)
{
    for (const char *found; (found = strstr(text, from)); text = found) {
        const char *line = found;

        while (!to && line > text && line[-1] != '\n')
            line--;
        buf_append(out, text, (size_t)(line - text));
        buf_text(out, to ? to : "");
        found += to ? strlen(from) : strcspn(found, "\n") + 1;
    }
    buf_text(out, text);
}

static bool is_proved(struct fixture *f, const struct ruleset *lowered, const char *text)
{
    struct diag_list diags = {.arena = &f->compilation.arena};
    const struct source source = {.name = "<rules>", .path = "", .bytes = text, .length = strlen(text)};
    const struct ruleset *rules = rules_read(&f->compilation.arena, &source, lowered->family, NULL, &diags);
    struct proof proof;
    bool equal;

    if (!rules)
        fail_msg("%s\n%s", diags.items.items[0].message, text);
    proof_open(&proof, &f->compilation.arena, f->policy, f->compilation.sources.items[0], lowered, rules);
    assert_false(proof.undecided);
    equal = prove_equal(&proof, &diags);
    proof_close(&proof);
    return equal;
}

struct edit {
    enum family family;
    const char *from, *to; // `to` NULL: the lines with `from` are gone
    bool same;             // in meaning
};

static void check_edits(const char *policy, const struct edit *edits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        struct buf text = {0}, edited = {0};
        const struct ruleset *lowered, *rules;

        fixture_open(&f);
        fixture_read(&f, policy);
        assert_true(f.fine);
        lowered = policy_to_ruleset(&f.compilation.arena, f.policy, edits[i].family,
                                    (struct lower_options){0}, &f.compilation.diags);
        assert_non_null(lowered);
        rules = passes_run(&f.compilation.arena, lowered, (struct pass_options){0}, &f.compilation.diags);
        assert_non_null(rules);
        restore_text(&text, rules);
        if (!strstr(text.bytes, edits[i].from))
            fail_msg("no '%s' in\n%s", edits[i].from, text.bytes);
        assert_true(is_proved(&f, lowered, text.bytes));
        replace(&edited, text.bytes, edits[i].from, edits[i].to);
        if (is_proved(&f, lowered, edited.bytes) != edits[i].same)
            fail_msg("'%s' to '%s': %s", edits[i].from, edits[i].to ? edits[i].to : "nothing",
                     edits[i].same ? "said to be a change" : "not noticed");
        buf_clear(&text);
        buf_clear(&edited);
        fixture_close(&f);
    }
}

static const struct edit helper_edits[] = {
    {FAMILY_IPV4, "CT --helper ftp", NULL, false},
    {FAMILY_IPV4, "CT --helper ftp", "CT --helper sip", false},
    {FAMILY_IPV6, "CT --helper ftp", NULL, false},
    {FAMILY_IPV4, "CT --helper tftp", NULL, false},                             // where the host asks
    {FAMILY_IPV4, "CT --helper irc", "CT --helper sane", false},                // of what is forwarded
    {FAMILY_IPV4, "--dport 21 -m addrtype --dst-type LOCAL -j CT --helper ftp", // one port beside
     "--dport 22 -m addrtype --dst-type LOCAL -j CT --helper ftp", false},
    {FAMILY_IPV4, "-j CT --helper ftp", "-j CT --helper ftp --zone 3", false},
    // The first CT target decides, and a second one is nothing.
    {FAMILY_IPV4, ":OUTPUT ACCEPT [0:0]\n-A PREROUTING",
     ":OUTPUT ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper irc\n-A PREROUTING", false},
    {FAMILY_IPV4, "-j CT --helper ftp\n",
     "-j CT --helper ftp\n-A PREROUTING -p tcp -m tcp --dport 21 -m addrtype --dst-type LOCAL -j CT --helper "
     "irc\n",
     true},
};

#define HELPERS                                       \
    "allow: [{service: ftp, helper: ftp}, ssh]\n"     \
    "connect: [{service: tftp, helper: tftp}]\n"      \
    "forward: [{tcp: 6667, in: eth1, helper: irc}]\n" \
    "default: {forward: reject}\n"

TEST(a_helper_that_is_gone_or_another_is_noticed_where_all_is_tracked)
{
    check_edits("version: 1\n" HELPERS, helper_edits, array_length(helper_edits));
}

TEST(a_helper_that_is_gone_or_another_is_noticed_where_some_is_tracked)
{
    check_edits("version: 1\ntracking: selective\n" HELPERS, helper_edits, array_length(helper_edits));
}

#define SSH "-A INPUT -p tcp -m tcp --dport 22 "

// What the text names and nothing did that it was made of: the policy's meaning was begun without it.
static const struct edit name_edits[] = {
    {FAMILY_IPV4, SSH, "-A INPUT -i wan7 -p tcp -m tcp --dport 22 ", false},
    {FAMILY_IPV4, SSH, SSH "-m mark --mark 0x7 ", false},
    {FAMILY_IPV4, SSH, SSH "-m helper --helper ftp ", false},
    {FAMILY_IPV4, SSH, SSH "-m socket ", false},
    {FAMILY_IPV4, SSH, "-A INPUT -i wan7 -p tcp -m tcp --dport 22 -j ACCEPT\n" SSH, true},
    {FAMILY_IPV4, SSH, SSH "-m mark --mark 0x7 -j ACCEPT\n" SSH, true},
};

TEST(names_that_the_text_alone_has_are_noticed)
{
    check_edits("version: 1\nallow: [ssh]\n", name_edits, array_length(name_edits));
    check_edits("version: 1\ntracking: none\nallow: [ssh]\n", name_edits, array_length(name_edits));
}

TEST(a_limit_that_says_something_else_under_its_name_is_noticed)
{
    static const struct edit edits[] = {
        {FAMILY_IPV4, "--hashlimit-above 10/min", "--hashlimit-above 100/min", false},
        {FAMILY_IPV4, "--hashlimit-above 10/min", "--hashlimit-above 10/hour", false},
        {FAMILY_IPV4, "--hashlimit-above 10/min", "--hashlimit-upto 10/min", false},
        {FAMILY_IPV4, "--hashlimit-burst 7", "--hashlimit-burst 8", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode dstip", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip,dstport", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip --hashlimit-srcmask 24", false},
        {FAMILY_IPV6, "--hashlimit-srcmask 64", "--hashlimit-srcmask 128", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip --hashlimit-htable-max 9", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip --hashlimit-htable-size 9", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip --hashlimit-htable-expire 9", false},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-mode srcip --hashlimit-rate-match", false},
        // In other words
        {FAMILY_IPV4, "--hashlimit-above 10/min", "--hashlimit-above 10/minute", true},
        {FAMILY_IPV4, "--hashlimit-burst 7", "--hashlimit-htable-expire 60000 --hashlimit-burst 7", true},
        {FAMILY_IPV4, "--hashlimit-mode srcip", "--hashlimit-srcmask 32 --hashlimit-mode srcip", true},
        {FAMILY_IPV4, "--hashlimit-above 10/min", "! --hashlimit-upto 10/min", true},
    };

    check_edits("version: 1\nallow: [{service: ssh, limit: 10/minute burst 7}]\n", edits,
                array_length(edits));
}

// The rules ahead of what is carried verbatim have decided about packets of lo.
TEST(what_raw_asks_of_a_state_is_proved_behind_what_decides)
{
    static const struct edit edits[] = {
        {FAMILY_IPV4, "--ctstate UNTRACKED -j DROP", "--ctstate UNTRACKED -j ACCEPT", false},
        {FAMILY_IPV4, "--ctstate UNTRACKED -j DROP", NULL, false},
        {FAMILY_IPV4, "-A OUTPUT -m conntrack --ctstate NEW", NULL, true}, // nothing is NEW to it
    };

    check_edits("version: 1\ntracking: selective\nallow: [{service: http, track: false}]\n"
                "verbatim:\n  ipv4: |\n    *raw\n    -A OUTPUT -m conntrack --ctstate NEW -j DROP\n"
                "    -A OUTPUT -p udp -m conntrack --ctstate UNTRACKED -j DROP\n    COMMIT\n",
                edits, array_length(edits));
}

// Where the text has a name that its policy has not, the policy is said a second time: right, and slow.
static void check_names(const char *policy, enum family family)
{
    struct fixture f;
    struct buf text = {0};
    struct proof proof;

    fixture_open(&f);
    fixture_read(&f, policy);
    assert_true(f.fine);

    struct diag_list *diags = &f.compilation.diags;
    struct arena *arena = &f.compilation.arena;
    const struct ruleset *lowered =
        policy_to_ruleset(arena, f.policy, family, (struct lower_options){0}, diags);
    const struct ruleset *plain = passes_run(arena, lowered, (struct pass_options){0}, diags);

    assert_non_null(plain);
    restore_text(&text, plain);

    const struct source source = {.name = "<rules>", .path = "", .bytes = text.bytes, .length = text.length};

    proof_begin(&proof, arena, f.policy, f.compilation.sources.items[0], lowered);
    job_end(&proof.saying);
    if (!packet_space_admit(&proof.space, rules_read(arena, &source, family, NULL, diags)))
        fail_msg("%s: a name that the policy has not in\n%s", family_name(family), text.bytes);
    proof_close(&proof);
    buf_clear(&text);
    fixture_close(&f);
}

TEST(a_policy_has_the_names_of_its_text)
{
    static const char *const policies[] = {
        "version: 1\n",
        "version: 1\ntracking: none\ndefault: {input: drop, forward: leave, output: accept}\n"
        "allow: [{tcp: 53}]\n",
        "version: 1\ntracking: selective\nallow: [ssh, {tcp: 80, track: false, from: 10.0.0.0/8}]\n"
        "connect: [dns]\n",
        "version: 1\nallow: [{tcp: 21, helper: ftp}, {udp: 53, limit: 5/second burst 9}]\n"
        "forward: [{tcp: 80, in: eth0, out: eth1}]\n",
        "version: 1\ndefault: {output: drop, forward: leave}\ntrust: [{in: wg0}]\n"
        "connect: [{tcp: 443, out: eth0}]\n",
    };

    for (size_t i = 0; i < array_length(policies); i++)
        for (enum family family = 0; family < FAMILY_COUNT; family++)
            check_names(policies[i], family);
}

RUN_TESTS(CASE(a_helper_that_is_gone_or_another_is_noticed_where_all_is_tracked),
          CASE(a_helper_that_is_gone_or_another_is_noticed_where_some_is_tracked),
          CASE(names_that_the_text_alone_has_are_noticed),
          CASE(a_limit_that_says_something_else_under_its_name_is_noticed),
          CASE(what_raw_asks_of_a_state_is_proved_behind_what_decides),
          CASE(a_policy_has_the_names_of_its_text))
