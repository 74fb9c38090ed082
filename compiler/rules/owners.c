// SPDX-License-Identifier: GPL-2.0-or-later
//
// To whom an option belongs, as getopt_long and do_parse() of iptables have it.
#include <string.h>

#include "base/protocols.h"
#include "rules/options.h"

// No name is both one of the header's and an extension's.
static struct found find_exact(const struct parts *parts, struct slice name)
{
    for (size_t i = parts->use_count; i-- > 0;) {
        const struct extension *extension = parts->uses[i].extension;
        const struct option_kind *kind = extension ? extension_option(extension, name) : NULL;

        if (kind)
            return (struct found){.use = i, .kind = kind};
    }
    return (struct found){.letter = header_letter(name), .use = NO_USE};
}

// What `name` is the beginning of; found->kind and found->letter unset where that is nothing, or more than one.
static struct found find_abbreviated(const struct parts *parts, struct slice name)
{
    struct found found = {.use = NO_USE};
    size_t count = 0;

    found.letter = header_abbreviated(name, &count);
    for (size_t i = parts->use_count; i-- > 0;) {
        const struct extension *extension = parts->uses[i].extension;
        bool again = false;

        // A match that is named twice has its options once.
        for (size_t j = i + 1; j < parts->use_count && !again && extension; j++)
            again = parts->uses[j].extension == extension;
        for (const struct option_kind *kind = extension && !again ? extension->options : NULL;
             kind && kind->name; kind++) {
            if (option_is_short_for(name, kind->name, kind->length)) {
                found.use = i;
                found.kind = kind;
                count++;
            }
        }
    }
    return count == 1 ? found : (struct found){.use = NO_USE};
}

// The match that stands behind the name or number of -p.
static const struct extension *protocol_extension(const struct parts *parts)
{
    const char first = parts->protocol_name.length ? parts->protocol_name.at[0] : '0';
    const bool is_number = first >= '0' && first <= '9';
    const char *name = is_number ? protocol_builtin_name(parts->protocol) : NULL;
    const struct extension *extension = !is_number ? extension_find(parts->protocol_name, false)
                                        : name     ? extension_find(slice_of(name), false)
                                                   : NULL;

    return extension && extension->families[parts->family] ? extension : NULL;
}

struct found owner_find(struct parts *parts, const struct spelling *spelling)
{
    struct found found = find_exact(parts, spelling->name);

    if (found.letter || found.kind)
        return found;
    found = find_abbreviated(parts, spelling->name);
    if (found.letter || found.kind || !parts->protocol_word || parts->protocol_used)
        return found;

    const struct extension *extension = protocol_extension(parts);

    if (!extension || parts->use_count == RULE_WORDS_MAX)
        return found;
    parts->protocol_used = true;
    parts->uses[parts->use_count++] =
        (struct use){extension, parts->protocol_word, slice_of(extension->name)};
    found = owner_find(parts, spelling);
    if (!found.letter && !found.kind) {
        parts->protocol_used = false;
        parts->use_count--;
    }
    return found;
}

// Whether an option that ctc does not know may be one of this match or target: those that are modelled have few, which are
// all known.
static bool may_have_more(const struct use *use)
{
    return !use->extension ||
           (use->extension->target
                ? !slice_is(use->name, "REJECT") && !slice_is(use->name, "NOTRACK")
                : use->extension->kind == MATCH_OPAQUE || use->extension->kind == MATCH_HASHLIMIT_TEXT);
}

// An option of the matches and the target on the line, and of the protocol's, that the name is likely a misspelling of.
static const char *nearest_option(const struct parts *parts, struct slice name)
{
    const struct extension *protocol = parts->protocol_word ? protocol_extension(parts) : NULL;
    const char *nearest = protocol ? extension_nearest_option(protocol, name) : NULL;

    for (size_t i = 0; i < parts->use_count && !nearest; i++)
        if (parts->uses[i].extension)
            nearest = extension_nearest_option(parts->uses[i].extension, name);
    return nearest;
}

static bool refuse_option(const struct parts *parts, const struct spelling *spelling)
{
    const struct extension *other = extension_with(spelling->name, parts->family);
    const bool kept = parts->diags->counts[SEVERITY_ERROR] < DIAG_KEPT;
    const char *nearest = kept && !other ? nearest_option(parts, spelling->name) : NULL;
    const char *hint = nearest ? arena_printf(parts->arena, "did you mean --%s?", nearest) : NULL;

    if (other && (slice_is(spelling->name, "dport") || slice_is(spelling->name, "sport")))
        hint = "ports belong to a protocol: -p tcp or -p udp must stand before them";
    else if (other)
        hint = arena_printf(parts->arena, "it belongs to %s %s, which must stand before it",
                            other->target ? "-j" : "-m", other->name);
    return option_refuse(parts, spelling->word, hint, "nothing before it has this option");
}

// The last use that an unknown option could belong to; a target without an entry in ctc's tables becomes one.
bool owner_guess(struct parts *parts, const struct spelling *spelling, size_t *owner)
{
    const bool nameless_target =
        parts->target_word && !parts->jump_only && parts->target_use == NO_USE && !is_verdict(parts->target);
    const struct use *last = parts->use_count ? &parts->uses[parts->use_count - 1] : NULL;

    if (extension_with(spelling->name, parts->family) && !(last && !last->extension) && !nameless_target)
        return refuse_option(parts, spelling);
    if (nameless_target && (!last || last->word < parts->target_word)) {
        parts->target_use = parts->use_count;
        if (!option_add_use(parts, NULL, parts->target_word, parts->target))
            return false;
        last = &parts->uses[parts->use_count - 1];
    }
    if (!last || !may_have_more(last))
        return refuse_option(parts, spelling);
    *owner = (size_t)(last - parts->uses);
    return true;
}
