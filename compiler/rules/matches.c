// SPDX-License-Identifier: GPL-2.0-or-later
//
// A match from its options: which reader each kind has, what each needs beside it.
#include <string.h>
#include <strings.h>

#include "rules/matches.h"

enum reading match_refuse(const struct parts *parts, const struct option *option, const char *problem)
{
    const struct word *last = &option->words[option->count - 1];
    const struct slice all = {option->words->raw.at,
                              (size_t)(last->raw.at + last->raw.length - option->words->raw.at)};

    parts_refuse(parts, all, NULL, "`%.*s`: %s", (int)all.length, all.at, problem);
    return READ_WRONG;
}

// Words of a list as bits; a word may be short for its name where `short_words`. False where one is no name.
bool match_bits(struct slice list, const char *const *names, bool short_words, unsigned *bits)
{
    struct slice word;

    *bits = 0;
    while (slice_item(&list, ',', &word)) {
        bool known = false;

        for (unsigned i = 0; names[i] && !known && word.length; i++) {
            known = (short_words ? word.length <= strlen(names[i]) : word.length == strlen(names[i])) &&
                    strncasecmp(word.at, names[i], word.length) == 0;
            *bits |= known ? 1U << i : 0;
        }
        if (!known)
            return false;
    }
    return true;
}

static enum reading read_comment(struct parts *parts, const struct option *option, struct match *match)
{
    if (match->comment)
        return match_refuse(parts, option, "this stands twice");
    match->comment = arena_copy(parts->arena, option->values[0].at, option->values[0].length);
    return READ_FINE;
}

static option_reader *const readers[MATCH_COUNT] = {
    [MATCH_TCP] = match_read_transport,     [MATCH_UDP] = match_read_transport,
    [MATCH_SCTP] = match_read_transport,    [MATCH_DCCP] = match_read_transport,
    [MATCH_UDPLITE] = match_read_transport, [MATCH_MULTIPORT] = match_read_multiport,
    [MATCH_IPRANGE] = match_read_iprange,   [MATCH_ICMP] = match_read_icmp,
    [MATCH_ICMPV6] = match_read_icmp,       [MATCH_ADDRTYPE] = match_read_addrtype,
    [MATCH_CONNTRACK] = match_read_states,  [MATCH_STATE] = match_read_states,
    [MATCH_HELPER] = match_read_helper,     [MATCH_MAC] = match_read_mac,
    [MATCH_SOCKET] = match_read_socket,     [MATCH_HOPLIMIT] = match_read_hoplimit,
    [MATCH_TTL] = match_read_hoplimit,      [MATCH_FRAGMENT] = match_read_fragment,
    [MATCH_LIMIT] = match_read_limit,       [MATCH_HASHLIMIT_TEXT] = match_read_hashlimit,
    [MATCH_SET] = match_read_set,           [MATCH_COMMENT] = read_comment,
};

// The protocol that the kernel wants beside a match; 0: any.
static uint8_t wanted_protocol(enum match_kind kind)
{
    switch (kind) {
    case MATCH_TCP:
        return PROTOCOL_TCP;
    case MATCH_UDP:
        return PROTOCOL_UDP;
    case MATCH_SCTP:
        return 132;
    case MATCH_DCCP:
        return 33;
    case MATCH_UDPLITE:
        return 136;
    case MATCH_ICMP:
        return PROTOCOL_ICMP;
    case MATCH_ICMPV6:
        return PROTOCOL_ICMPV6;
    default:
        return 0;
    }
}

static bool has_ports(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == 132 || protocol == 33 ||
           protocol == 136;
}

static bool check_protocol(const struct parts *parts, const struct use *use, enum match_kind kind)
{
    const uint8_t wanted = wanted_protocol(kind);
    const bool named = parts->protocol && !parts->protocol_inverted;

    if (parts->protocol_opaque || (!wanted && kind != MATCH_MULTIPORT))
        return true;
    if (kind == MATCH_MULTIPORT ? named && has_ports(parts->protocol) : named && parts->protocol == wanted)
        return true;
    return parts_refuse(parts, use->word->raw, NULL, "the match %s needs %s", use->extension->name,
                        kind == MATCH_MULTIPORT ? "-p tcp, udp, udplite, sctp or dccp"
                                                : arena_printf(parts->arena, "-p %s", protocol_name(wanted)));
}

// Options without which iptables does not take a match.
static bool is_complete(const struct match *match)
{
    switch (match->kind) {
    case MATCH_MULTIPORT:
        return match->multiport.count > 0;
    case MATCH_HASHLIMIT_TEXT:
        return match->hashlimit.name != NULL;
    case MATCH_SET:
        return match->set.set != NULL;
    case MATCH_COMMENT:
        return match->comment != NULL;
    default:
        return true;
    }
}

static bool needs_option(enum match_kind kind)
{
    switch (kind) {
    case MATCH_MULTIPORT:
    case MATCH_IPRANGE:
    case MATCH_ICMP:
    case MATCH_ICMPV6:
    case MATCH_ADDRTYPE:
    case MATCH_CONNTRACK:
    case MATCH_STATE:
    case MATCH_HELPER:
    case MATCH_MAC:
    case MATCH_HOPLIMIT:
    case MATCH_TTL:
    case MATCH_HASHLIMIT_TEXT:
    case MATCH_SET:
    case MATCH_COMMENT:
        return true;
    default:
        return false;
    }
}

#define LIMIT_BURST_DEFAULT 5 // iptables-extensions(8), as are the 3 an hour

const char *use_text(const struct parts *parts, size_t use, const char *head, struct slice name)
{
    size_t length = strlen(head) + name.length + 1;
    char *text, *end;

    for (size_t i = 0; i < parts->option_count; i++)
        for (size_t j = 0; parts->options[i].use == use && j < parts->options[i].count; j++)
            length += parts->options[i].words[j].raw.length + 3;
    end = text = arena_alloc(parts->arena, length);
    end = mempcpy(end, head, strlen(head));
    end = name.length ? mempcpy(end, name.at, name.length) : end;
    for (size_t i = 0; i < parts->option_count; i++) {
        const struct option *option = &parts->options[i];

        if (option->use != use)
            continue;
        if (option->inverted)
            end = mempcpy(end, end == text ? "!" : " !", end == text ? 1 : 2);
        for (size_t j = 0; j < option->count; j++) {
            const struct slice raw = option->words[j].raw;

            // The `!` of an old spelling stands in front by now.
            if (option->inverted && raw.length == 1 && raw.at[0] == '!' && j == 1)
                continue;
            if (end != text)
                *end++ = ' ';
            end = mempcpy(end, raw.at, raw.length);
        }
    }
    *end = '\0';
    return text;
}

static void keep_text(const struct parts *parts, size_t use, struct match *match)
{
    const struct use *which = &parts->uses[use];

    *match = (struct match){.kind = MATCH_OPAQUE};
    match->opaque.text = use_text(parts, use, "-m ", which->name);
    match->opaque.fickle =
        which->extension && (which->extension->fickle || which->extension->kind == MATCH_LIMIT);
}

bool match_read(struct parts *parts, size_t use, struct match *match)
{
    const struct use *which = &parts->uses[use];
    const enum match_kind kind = which->extension ? which->extension->kind : MATCH_OPAQUE;
    enum reading worst = READ_FINE;
    size_t count = 0;

    if (!check_protocol(parts, which, kind))
        return false;
    match->kind = kind;
    if (kind == MATCH_LIMIT) {
        match->limit.events = 3;
        match->limit.period = 3600;
        match->limit.burst = LIMIT_BURST_DEFAULT;
    }
    if (kind == MATCH_OPAQUE) {
        keep_text(parts, use, match);
        return true;
    }
    for (size_t i = 0; i < parts->option_count && worst != READ_WRONG; i++) {
        if (parts->options[i].use != use)
            continue;

        const enum reading reading = readers[kind](parts, &parts->options[i], match);

        worst = reading > worst ? reading : worst;
        count++;
    }
    if (worst == READ_WRONG)
        return false;
    if ((!count && needs_option(kind)) || (worst == READ_FINE && !is_complete(match)))
        return parts_refuse(parts, which->word->raw, NULL, "the match %s needs an option that is not here",
                            which->extension->name);
    // Without a number the protocol is the host's business, and so is what its match looks at.
    if (worst == READ_OPAQUE ||
        (parts->protocol_opaque && (wanted_protocol(kind) || kind == MATCH_MULTIPORT)))
        keep_text(parts, use, match);
    else if (kind == MATCH_HASHLIMIT_TEXT)
        match->hashlimit.text = use_text(parts, use, "", (struct slice){NULL, 0});
    return true;
}
