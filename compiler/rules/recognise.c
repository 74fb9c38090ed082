// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether a text is a ruleset, and of which family.
#include <string.h>

#include "rules/read.h"
#include "rules/values.h"

// Takes the next line off the front of the text, without blanks at its ends. False behind the last one.
static bool next_line(struct slice *rest, struct slice *line)
{
    struct slice raw = *rest, after = {rest->at + rest->length, 0};

    if (!rest->length)
        return false;
    slice_split(*rest, '\n', &raw, &after);
    *rest = after;
    *line = slice_trim(raw);
    return true;
}

static bool is_digits(struct slice text)
{
    uint64_t number;

    return parse_number(text, UINT64_MAX, &number);
}

// `[packets:bytes]`, which is also a list in YAML: of one pair.
static bool begins_with_counters(struct slice line)
{
    const char *end = memchr(line.at, ']', line.length);
    struct slice packets, bytes;

    return line.at[0] == '[' && end &&
           slice_split((struct slice){line.at + 1, (size_t)(end - line.at - 1)}, ':', &packets, &bytes) &&
           is_digits(packets) && is_digits(bytes);
}

// A line that only a ruleset has, whatever stands before it.
static bool begins_table(struct slice line)
{
    for (size_t i = 0; i < table_kind_count && line.length && line.at[0] == '*'; i++)
        if (slice_is((struct slice){line.at + 1, line.length - 1}, table_kinds[i].name))
            return true;
    return false;
}

static bool has_table(struct slice rest)
{
    const struct slice text = rest;
    struct slice line;

    while (next_line(&rest, &line))
        // At the begin of its line: what a policy carries verbatim is indented.
        if (begins_table(line) && (line.at == text.at || line.at[-1] == '\n'))
            return true;
    return false;
}

bool rules_recognised(const struct source *source)
{
    static const char *const commands[] = {"-A", "-P", "-N",       "-I",       "-F",
                                           "-X", "-Z", "--append", "--policy", "--new-chain"};
    struct slice rest = {source->bytes, source->length}, line;

    while (next_line(&rest, &line)) {
        struct slice word, words = line;

        if (!line.length || line.at[0] == '#')
            continue;
        word = slice_word(&words);
        // A table's name is a word; `*name` is also what YAML calls an alias, which no document begins with.
        if (line.at[0] == '*')
            return word.length > 1 && !slice_trim(words).length;
        if (line.at[0] == ':')
            return word.length > 1;
        for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
            if (slice_is(word, commands[i]))
                return true;
        return begins_with_counters(line) || has_table(rest);
    }
    return false;
}

enum evidence { EVIDENCE_NONE, EVIDENCE_IPV4, EVIDENCE_IPV6 };

static bool contains(struct slice text, const char *part)
{
    return text.length && memmem(text.at, text.length, part, strlen(part));
}

// The comments that ip6tables-save, iptables-save and ctc begin with.
static enum evidence comment_evidence(struct slice line)
{
    if (contains(line, "ip6tables") || contains(line, "IPv6 rules made by ctc"))
        return EVIDENCE_IPV6;
    if (contains(line, "iptables-save") || contains(line, "IPv4 rules made by ctc"))
        return EVIDENCE_IPV4;
    return EVIDENCE_NONE;
}

static enum evidence address_evidence(struct slice text)
{
    struct prefix prefix;
    struct slice after;

    slice_split(text, ',', &text, &after);
    if (contains(text, ":") && address_read(text, FAMILY_IPV6, &prefix) == ADDRESS_FINE)
        return EVIDENCE_IPV6;
    // A name or a number alone could be anything.
    if (contains(text, ".") && address_read(text, FAMILY_IPV4, &prefix) == ADDRESS_FINE)
        return EVIDENCE_IPV4;
    return EVIDENCE_NONE;
}

static bool is_one_of(struct slice word, const char *const *words)
{
    while (*words && !slice_is(word, *words))
        words++;
    return *words;
}

static enum evidence rule_evidence(struct slice line)
{
    static const char *const address_options[] = {"-s",    "-d",    "--source", "--destination",
                                                  "--src", "--dst", NULL};
    static const char *const ipv6_words[] = {"icmpv6", "ipv6-icmp", "icmp6", "--icmpv6-type", NULL};
    static const char *const ipv4_words[] = {"icmp", "--icmp-type", NULL};
    struct slice last = {"", 0};

    for (struct slice word = slice_word(&line); word.length; word = slice_word(&line)) {
        enum evidence evidence = EVIDENCE_NONE;
        const bool option = slice_is(last, "-p") || slice_is(last, "-m") || word.at[0] == '-';

        // Quoted text is anything.
        if (memchr(word.at, '"', word.length))
            return EVIDENCE_NONE;
        if (is_one_of(last, address_options))
            evidence = address_evidence(word);
        else if (option && is_one_of(word, ipv6_words))
            evidence = EVIDENCE_IPV6;
        else if (option && is_one_of(word, ipv4_words))
            evidence = EVIDENCE_IPV4;
        else if (slice_is(last, "--reject-with") && slice_starts(word, "icmp"))
            evidence = slice_starts(word, "icmp6-") ? EVIDENCE_IPV6 : EVIDENCE_IPV4;
        if (evidence != EVIDENCE_NONE)
            return evidence;
        if (!slice_is(word, "!"))
            last = word;
    }
    return EVIDENCE_NONE;
}

static enum evidence name_evidence(const char *name)
{
    const char *slash = strrchr(name, '/');
    const struct slice base = slice_of(slash ? slash + 1 : name);

    if (contains(base, "v6") || contains(base, "ip6"))
        return EVIDENCE_IPV6;
    return contains(base, "v4") || contains(base, "iptables") ? EVIDENCE_IPV4 : EVIDENCE_NONE;
}

#define EVIDENCE_ENOUGH 100 // lines that say something

enum family rules_family(const struct source *source, bool *sure)
{
    struct slice rest = {source->bytes, source->length}, line;
    enum evidence evidence = EVIDENCE_NONE, comment = EVIDENCE_NONE;
    size_t found[EVIDENCE_IPV6 + 1] = {0};

    // Hand-written texts mix up the words of both families here and there.
    while (found[EVIDENCE_IPV4] + found[EVIDENCE_IPV6] < EVIDENCE_ENOUGH && next_line(&rest, &line)) {
        if (line.length && line.at[0] == '#')
            comment = comment == EVIDENCE_NONE ? comment_evidence(line) : comment;
        else
            found[rule_evidence(line)]++;
    }
    if (found[EVIDENCE_IPV4] != found[EVIDENCE_IPV6])
        evidence = found[EVIDENCE_IPV4] > found[EVIDENCE_IPV6] ? EVIDENCE_IPV4 : EVIDENCE_IPV6;
    if (evidence == EVIDENCE_NONE)
        evidence = comment;
    if (evidence == EVIDENCE_NONE)
        evidence = name_evidence(source->name);
    if (sure)
        *sure = evidence != EVIDENCE_NONE;
    return evidence == EVIDENCE_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
}
