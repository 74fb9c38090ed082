// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules/extensions.h"

#include <string.h>

#define FLAG(name)  {name, sizeof(name) - 1, VALUES_NONE},
#define VALUE(name) {name, sizeof(name) - 1, VALUES_ONE},
#define PAIR(name)  {name, sizeof(name) - 1, VALUES_TWO},
#define MAYBE(name) {name, sizeof(name) - 1, VALUES_MAYBE},
#define NONE

#define IPV4        \
    {               \
        true, false \
    }
#define IPV6        \
    {               \
        false, true \
    }
#define BOTH       \
    {              \
        true, true \
    }

// clang-format off
#define OPTIONS(...) (const struct option_kind[]){__VA_ARGS__ {NULL, 0, 0}}
#define MATCH(name, families, kind, options) \
    {name, sizeof(name) - 1, families, false, false, MATCH_##kind, OPTIONS(options)},
#define OPAQUE(name, families, options) \
    {name, sizeof(name) - 1, families, false, false, MATCH_OPAQUE, OPTIONS(options)},
#define FICKLE(name, families, options) \
    {name, sizeof(name) - 1, families, false, true, MATCH_OPAQUE, OPTIONS(options)},
#define TARGET(name, families, options) \
    {name, sizeof(name) - 1, families, true, false, MATCH_OPAQUE, OPTIONS(options)},
// clang-format on

static const struct extension extensions[] = {
#include "rules/extensions.def"
};

#define EXTENSION_COUNT (sizeof(extensions) / sizeof(*extensions))

static bool is_name(struct slice text, const char *name, size_t length)
{
    return text.length == length && text.at[0] == name[0] && memcmp(text.at, name, length) == 0;
}

const struct extension *extension_find(struct slice name, bool target)
{
    // As xtables_find_match() does.
    if (!target && (slice_is(name, "icmpv6") || slice_is(name, "ipv6-icmp")))
        name = slice_of("icmp6");
    for (size_t i = 0; i < EXTENSION_COUNT; i++)
        if (extensions[i].target == target && is_name(name, extensions[i].name, extensions[i].length))
            return &extensions[i];
    return NULL;
}

const struct option_kind *extension_option(const struct extension *extension, struct slice name)
{
    for (const struct option_kind *kind = extension->options; kind->name; kind++)
        if (is_name(name, kind->name, kind->length))
            return kind;
    return NULL;
}

const struct extension *extension_with(struct slice name, enum family family)
{
    for (size_t i = 0; i < EXTENSION_COUNT; i++)
        if (extensions[i].families[family] && extension_option(&extensions[i], name))
            return &extensions[i];
    return NULL;
}

const char *extension_nearest(struct slice name, bool target)
{
    static const char *const verdicts[] = {"ACCEPT", "DROP", "RETURN", "QUEUE"};
    const char *names[EXTENSION_COUNT + sizeof(verdicts) / sizeof(*verdicts) + 1];
    size_t count = 0;

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts) && target; i++)
        names[count++] = verdicts[i];
    for (size_t i = 0; i < EXTENSION_COUNT; i++)
        if (extensions[i].target == target)
            names[count++] = extensions[i].name;
    names[count] = NULL;
    return nearest_word(name, names);
}

const char *extension_nearest_option(const struct extension *extension, struct slice name)
{
    const char *names[32]; // more than any extension has
    size_t count = 0;

    for (const struct option_kind *kind = extension->options; kind->name && count < 31; kind++)
        names[count++] = kind->name;
    names[count] = NULL;
    return nearest_word(name, names);
}
