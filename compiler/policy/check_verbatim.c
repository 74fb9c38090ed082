// SPDX-License-Identifier: GPL-2.0-or-later
//
// Verbatim rules against the policy around them. A rule is taken apart into words as iptables-restore does it, so that
// quotes and the long spellings of an option hide nothing.
#include <string.h>

#include "policy/reader.h"

struct word {
    const char *text; // without its quotes
    bool quoted;
};

struct words {
    struct word *items;
    size_t count;
    size_t capacity;
};

// False where a quote is left open. Words are split at blanks; a backslash counts inside of quotes alone.
static bool split_words(struct arena *arena, const char *text, struct words *words)
{
    struct buf word = {0};
    bool open = false, quoted = false, begun = false;

    for (;; text++) {
        if (!*text || (!open && (*text == ' ' || *text == '\t'))) {
            if (begun)
                *vec_push(arena, words) =
                    (struct word){arena_copy(arena, word.bytes ? word.bytes : "", word.length), quoted};
            word.length = 0;
            begun = quoted = false;
            if (!*text)
                break;
            continue;
        }
        begun = true;
        if (*text == '"') {
            open = !open;
            quoted = true;
        } else if (open && *text == '\\' && text[1]) {
            buf_char(&word, *++text);
        } else {
            buf_char(&word, *text);
        }
    }
    buf_clear(&word);
    return !open;
}

// The value of an option that is written `-m X`, `-mX`, `--match X`, `--match=X` or with a shorter `--mat`; NULL where
// the word is another one. `*next` counts on where the value is a word of its own.
static const char *option_value(const struct words *words, size_t *next, char letter, const char *name)
{
    const char *text = words->items[*next].text;
    const char *value = NULL;

    if (text[0] != '-' || !text[1])
        return NULL;
    if (text[1] == letter) {
        value = text[2] ? text + 2 : NULL;
    } else {
        const size_t length = text[1] == '-' ? strcspn(text + 2, "=") : 0;

        if (!length || length > strlen(name) || memcmp(text + 2, name, length) != 0)
            return NULL;
        value = text[2 + length] ? text + 3 + length : NULL;
    }
    if (value)
        return value;
    if (*next + 1 < words->count)
        return words->items[++*next].text;
    return "";
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(word, *list) != 0)
        list++;
    return *list != NULL;
}

// Extensions that register for connection tracking (those whose xt_*.c calls nf_ct_netns_get or nf_ct_netns_put), so that
// the kernel tracks as soon as a rule with one is loaded, in whatever chain.
static const char *const stateful_matches[] = {"state",     "conntrack", "connlimit", "connmark", "connbytes",
                                               "connlabel", "helper",    "cluster",   NULL};
static const char *const stateful_targets[] = {"CONNMARK",   "CONNSECMARK", "SYNPROXY", "DNAT", "SNAT",
                                               "MASQUERADE", "REDIRECT",    "NETMAP",   NULL};

struct rule_facts {
    const char *stateful;  // the word that makes it so; NULL: none
    bool ct;               // has the target CT or NOTRACK, a part of the tracker's modules
    bool publishes;        // DNAT or REDIRECT
    const char *protocol;  // "tcp", "udp", or NULL
    struct port_set ports; // of the destination; none: any
};

static void add_ports(struct arena *arena, struct rule_facts *facts, const char *text)
{
    struct slice list = slice_of(text);

    for (bool more = true; more;) {
        struct slice item = list, first, last;
        uint64_t low, high;

        more = slice_split(list, ',', &item, &list);
        first = last = item;
        slice_split(item, ':', &first, &last);
        if (parse_number(first, UINT16_MAX, &low) && parse_number(last, UINT16_MAX, &high) && low <= high)
            port_set_add(arena, &facts->ports, (struct port_range){(uint16_t)low, (uint16_t)high});
    }
}

// `! --dport 22` is every port but that one.
static struct port_set other_ports(struct arena *arena, const struct port_set *ports)
{
    struct port_set others = {0};
    uint32_t next = 0;

    for (size_t i = 0; i < ports->count; i++) {
        if (ports->items[i].first > next)
            port_set_add(arena, &others,
                         (struct port_range){(uint16_t)next, (uint16_t)(ports->items[i].first - 1)});
        next = (uint32_t)ports->items[i].last + 1;
    }
    if (next <= UINT16_MAX)
        port_set_add(arena, &others, (struct port_range){(uint16_t)next, UINT16_MAX});
    return others;
}

static void note_target(struct rule_facts *facts, const char *target, bool notrack)
{
    facts->ct = facts->ct || strcmp(target, "CT") == 0 || strcmp(target, "NOTRACK") == 0;
    facts->publishes = strcmp(target, "DNAT") == 0 || strcmp(target, "REDIRECT") == 0;
    if (is_one_of(target, stateful_targets) || (strcmp(target, "CT") == 0 && !notrack))
        facts->stateful = target;
}

static struct rule_facts rule_facts(struct arena *arena, const char *table, const struct words *words)
{
    struct rule_facts facts = {.stateful = strcmp(table, "nat") == 0 ? "nat" : NULL};
    const char *target = NULL;
    bool notrack = false;

    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->items[i].text, *value;

        if ((value = option_value(words, &i, 'm', "match"))) {
            if (is_one_of(value, stateful_matches))
                facts.stateful = value;
        } else if ((value = option_value(words, &i, 'j', "jump"))) {
            target = value;
        } else if ((value = option_value(words, &i, 'p', "protocol"))) {
            facts.protocol = value;
        } else if (i + 1 < words->count && (strcmp(text, "--dport") == 0 || strcmp(text, "--dports") == 0 ||
                                            strcmp(text, "--destination-port") == 0)) {
            const bool negated = i && strcmp(words->items[i - 1].text, "!") == 0;

            add_ports(arena, &facts, words->items[++i].text);
            if (negated)
                facts.ports = other_ports(arena, &facts.ports);
        } else if (strcmp(text, "--comment") == 0 || strcmp(text, "--log-prefix") == 0) {
            i++; // free text
        }
        notrack = notrack || strcmp(text, "--notrack") == 0;
    }
    if (target)
        note_target(&facts, target, notrack);
    return facts;
}

static bool publishes_untracked(const struct policy *policy, const struct rule_facts *facts)
{
    for (size_t i = 0; i < policy->allow.count; i++) {
        const struct entry *entry = &policy->allow.items[i];

        for (size_t j = 0; j < entry->traffic_count && entry_untracked(policy, entry); j++) {
            const struct traffic *traffic = &entry->traffic[j];
            const bool udp = facts->protocol &&
                             (strcmp(facts->protocol, "udp") == 0 || strcmp(facts->protocol, "17") == 0);
            const enum traffic_kind kind = udp ? TRAFFIC_UDP : TRAFFIC_TCP;

            if ((traffic->kind == TRAFFIC_ANY || traffic->kind == kind) &&
                (!traffic->ports.count || !facts->ports.count ||
                 port_set_overlap(&traffic->ports, &facts->ports)))
                return true;
        }
    }
    return false;
}

static void check_rule(struct reader *reader, const struct verbatim_line *rule)
{
    struct words words = {0};
    struct diag_list *diags = reader->diags;

    if (!split_words(reader->arena, rule->text, &words)) {
        diag_add(diags, DIAG_VERBATIM, rule->span, "a quote is left open: the rule would end elsewhere");
        return;
    }
    for (size_t i = 0; i < words.count; i++)
        if (!words.items[i].quoted &&
            (strcmp(words.items[i].text, "-A") == 0 || strcmp(words.items[i].text, "--append") == 0))
            diag_add(diags, DIAG_VERBATIM, rule->span, "two rules stand on one line");

    const struct rule_facts facts = rule_facts(reader->arena, rule->table, &words);

    if (facts.stateful && reader->policy->tracking == TRACKING_NONE) {
        diag_add(diags, DIAG_VERBATIM_TRACKS, rule->span, "`%s` would start tracking in a policy without it",
                 facts.stateful);
        diag_hint(diags, "take the rule out, or say tracking: selective");
    } else if (facts.ct && reader->policy->conntrack.block_modules) {
        diag_add(diags, DIAG_VERBATIM_TRACKS, rule->span,
                 "CT and NOTRACK need the modules that `modules: block` keeps out");
    } else if (facts.publishes && publishes_untracked(reader->policy, &facts)) {
        diag_add(diags, DIAG_UNTRACKED_NAT, rule->span,
                 "an entry with `track: false` untracks a port that this rule publishes");
        diag_hint(diags, "NAT needs the tracker: leave that port tracked");
    }
}

void check_verbatim(struct reader *reader)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const struct verbatim *verbatim = &reader->policy->verbatim[family];

        for (size_t i = 0; i < verbatim->count; i++)
            if (verbatim->items[i].chain)
                check_rule(reader, &verbatim->items[i]);
    }
}
