// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/content.h"

#include <string.h>

#include "kernel/entry.h"
#include "kernel/extensions.h"

static void put(struct buf *out, const void *bytes, size_t length)
{
    buf_append(out, bytes, length);
}

// Names end at their NUL: the kernel does not write what is behind it.
static void put_name(struct buf *out, const char *name, uint8_t revision)
{
    put(out, name, strlen(name) + 1);
    put(out, &revision, 1);
}

// How much of the data of a match or target counts: all of it, where no wanted rule has one of that kind.
static size_t counting(const struct encoded *encoded, const char *name, uint8_t revision, bool target,
                       size_t length)
{
    for (size_t i = 0; i < encoded->size_count; i++) {
        const struct extension_size *size = &encoded->sizes[i];

        if (size->target == target && size->revision == revision && strcmp(size->name, name) == 0 &&
            size->size < length)
            length = size->size;
    }
    return length;
}

static void put_data(struct buf *out, const struct encoded *encoded, const char *name, uint8_t revision,
                     bool target, const void *data, size_t length)
{
    const uint32_t whole = (uint32_t)length;

    put(out, &whole, sizeof(whole));
    put(out, data, counting(encoded, name, revision, target, length));
}

// `standard`: the verdict or chain of a rule that has no target of a plugin; else NULL.
static void put_rule(struct buf *out, const struct encoded *encoded, const char *entry, const char *standard)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const size_t end = entry_number(entry, layout->matches);
    const struct xt_entry_target *target = entry_target(entry, end);

    put(out, entry, layout->header);
    for (size_t at = layout->body; at < end; at += entry_match(entry, at)->u.match_size) {
        const struct xt_entry_match *match = entry_match(entry, at);

        put_name(out, match->u.user.name, match->u.user.revision);
        put_data(out, encoded, match->u.user.name, match->u.user.revision, false, match->data,
                 match->u.match_size - sizeof(*match));
    }
    buf_char(out, standard ? 's' : 't');
    if (standard) {
        put(out, standard, strlen(standard) + 1);
        return;
    }
    put_name(out, target->u.user.name, target->u.user.revision);
    put_data(out, encoded, target->u.user.name, target->u.user.revision, true, target->data,
             target->u.target_size - sizeof(*target));
}

static const char *live_standard(const struct encoded *encoded, const struct live_rule *rule)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const struct xt_entry_target *target =
        entry_target(rule->entry, entry_number(rule->entry, layout->matches));

    return target->u.user.name[0] ? NULL : rule->target;
}

void content_of_live(struct buf *out, const struct encoded *encoded, const struct live_rule *rule)
{
    put_rule(out, encoded, rule->entry, live_standard(encoded, rule));
}

void content_of_wanted(struct buf *out, const struct encoded *encoded, const struct table *table,
                       const void *rule)
{
    put_rule(out, encoded, rule, encoded_standard(table, rule, encoded->ruleset->family));
}

static bool same_data(const struct encoded *encoded, const char *name, uint8_t revision, bool target,
                      const void *a, const void *b, size_t length)
{
    return memcmp(a, b, length) == 0 || memcmp(a, b, counting(encoded, name, revision, target, length)) == 0;
}

static bool same_match(const struct encoded *encoded, const struct xt_entry_match *a,
                       const struct xt_entry_match *b)
{
    return a->u.match_size == b->u.match_size && a->u.user.revision == b->u.user.revision &&
           strcmp(a->u.user.name, b->u.user.name) == 0 &&
           same_data(encoded, a->u.user.name, a->u.user.revision, false, a->data, b->data,
                     a->u.match_size - sizeof(*a));
}

static bool same_target(const struct encoded *encoded, const struct xt_entry_target *a,
                        const struct xt_entry_target *b)
{
    return a->u.target_size == b->u.target_size && a->u.user.revision == b->u.user.revision &&
           strcmp(a->u.user.name, b->u.user.name) == 0 &&
           same_data(encoded, a->u.user.name, a->u.user.revision, true, a->data, b->data,
                     a->u.target_size - sizeof(*a));
}

// Whether put_rule() writes the same of both.
static bool same_rules(const struct encoded *encoded, const char *a, const char *standard_a, const char *b,
                       const char *standard_b)
{
    const struct entry_layout *layout = &entry_layouts[encoded->ruleset->family];
    const size_t end = entry_number(a, layout->matches);

    if (entry_number(b, layout->matches) != end || !standard_a != !standard_b ||
        memcmp(a, b, layout->header) != 0)
        return false;
    for (size_t at = layout->body; at < end; at += entry_match(a, at)->u.match_size)
        if (!same_match(encoded, entry_match(a, at), entry_match(b, at)))
            return false;
    return standard_a && standard_b ? strcmp(standard_a, standard_b) == 0
                                    : same_target(encoded, entry_target(a, end), entry_target(b, end));
}

bool live_is_wanted(const struct encoded *encoded, const struct table *table, const struct live_rule *live,
                    const void *wanted)
{
    return same_rules(encoded, live->entry, live_standard(encoded, live), wanted,
                      encoded_standard(table, wanted, encoded->ruleset->family));
}

bool live_rules_same(const struct encoded *encoded, const struct live_rule *a, const struct live_rule *b)
{
    return same_rules(encoded, a->entry, live_standard(encoded, a), b->entry, live_standard(encoded, b));
}
