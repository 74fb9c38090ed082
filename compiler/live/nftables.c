// SPDX-License-Identifier: GPL-2.0-or-later
//
// What of nf_tables asks for the tracker, from the JSON of nft (libnftables-json(5)): whose net/netfilter/nft_*.c calls
// nf_ct_netns_get. Rules that iptables-nft made have matches and targets of iptables in them, as `xt`.
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "kernel/nftables.h"
#include "kernel/program.h"
#include "live/tracking.h"
#include "ruleset/ruleset.h"

struct asking {
    const char *what; // NULL: nothing asks for it
    bool unclear;
    const char *family; // that address translation is for, in a table of both; NULL: not said
};

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static bool is_word(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

static struct asking extension_asks(struct arena *arena, const json_t *value)
{
    const char *name = string_of(value, "name");
    const bool target = strcmp(string_of(value, "type"), "target") == 0;

    // Old versions do not say what it is; NOTRACK is CT with an option that is not told either.
    if (!*name || (target && strcmp(name, "CT") == 0))
        return (struct asking){.what = *name ? "CT" : "xt", .unclear = true};
    return (struct asking){.what =
                               extension_tracks(name, target) ? arena_copy(arena, name, strlen(name)) : NULL};
}

// Statements, and the expression `ct` wherever in one it stands.
static struct asking member_asks(struct arena *arena, const char *key, const json_t *value)
{
    static const char *const translations[] = {"snat", "dnat", "masquerade", "redirect", NULL};
    static const char *const statements[] = {"ct count", "ct helper", "ct timeout", "ct expectation",
                                             "synproxy", "flow",      NULL};

    if (strcmp(key, "ct") == 0)
        return (struct asking){.what = arena_printf(arena, "ct %s", string_of(value, "key"))};
    if (strcmp(key, "xt") == 0)
        return extension_asks(arena, value);
    if (is_word(key, translations)) {
        const char *family = string_of(value, "family");

        return (struct asking){.what = arena_copy(arena, key, strlen(key)),
                               .family = *family ? family : NULL};
    }
    return (struct asking){.what = is_word(key, statements) ? arena_copy(arena, key, strlen(key)) : NULL};
}

#define DEPTH_MAX 64 // nft nests maps and concatenations a few levels deep

static struct asking asks(struct arena *arena, json_t *value, unsigned depth)
{
    struct asking found = {0};
    const char *key;
    json_t *member;
    size_t index;

    if (depth == DEPTH_MAX)
        return found;
    if (json_is_array(value)) {
        json_array_foreach(value, index, member)
        {
            const struct asking next = asks(arena, member, depth + 1);

            if (next.what && (!found.what || found.unclear))
                found = next;
        }
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, member)
        {
            struct asking next = member_asks(arena, key, member);

            if (!next.what)
                next = asks(arena, member, depth + 1);
            if (next.what && (!found.what || found.unclear))
                found = next;
        }
    }
    return found;
}

static bool concerns(const char *table, const struct asking *asking, enum family family)
{
    const char *own = family == FAMILY_IPV4 ? "ip" : "ip6";

    if (strcmp(table, "inet") == 0 && asking->family)
        return strcmp(asking->family, own) == 0;
    return strcmp(table, own) == 0 || strcmp(table, "inet") == 0 || strcmp(table, "bridge") == 0;
}

static void add_cause(struct arena *arena, const json_t *object, const char *name,
                      const struct asking *asking, struct live_tracking *tracking)
{
    const char *table = string_of(object, "family");
    const char *place = arena_printf(arena, "%s %s %s handle %lld", table, string_of(object, "table"), name,
                                     (long long)json_integer_value(json_object_get(object, "handle")));

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (concerns(table, asking, family))
            *vec_push(arena, &tracking->families[family].causes) = (struct tracking_cause){
                .tool = "nft", .place = place, .what = asking->what, .unclear = asking->unclear};
}

bool tracking_add_nft(struct arena *arena, const char *text, size_t length, struct live_tracking *tracking)
{
    static const char *const objects[] = {"ct helper", "ct timeout", "ct expectation"};
    json_t *document = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
    const json_t *items = json_object_get(document, "nftables");
    const bool fine = json_is_array(items);
    json_t *item;
    size_t index;

    json_array_foreach(items, index, item)
    {
        const json_t *rule = json_object_get(item, "rule");
        const struct asking found = asks(arena, json_object_get(rule, "expr"), 0);

        if (found.what)
            add_cause(arena, rule, string_of(rule, "chain"), &found, tracking);
        for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
            const json_t *object = json_object_get(item, objects[i]);

            if (json_is_object(object))
                add_cause(arena, object, string_of(object, "name"), &(struct asking){.what = objects[i]},
                          tracking);
        }
    }
    json_decref(document);
    return fine;
}

#define NFT_WAIT 30000 // milliseconds; a ruleset of a million elements takes some seconds

// `nft FORM -t list ruleset`, without the elements of sets, which may be many and ask for nothing. NULL, or why not.
static const char *list_ruleset(struct arena *arena, const char *form, struct buf *output)
{
    struct kernel_error error = {.arena = arena};
    const struct program_call call = {.path = program_find(arena, "nft"),
                                      .arguments = {form, "-t", "list", "ruleset"},
                                      .milliseconds = NFT_WAIT};

    if (!call.path)
        return "nft is not installed";
    return program_run(&call, output, &error) ? NULL : error.text;
}

// The place in nft's own text at which a rule stands: `chain NAME {` in `table FAMILY NAME {`, and `# handle N` at its end.
static void name_rule(struct arena *arena, struct slice line, const char *place,
                      struct live_tracking *tracking)
{
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        struct tracked_family *tracked = &tracking->families[family];

        for (size_t i = 0; i < tracked->causes.count; i++) {
            struct tracking_cause *cause = &tracked->causes.items[i];

            if (strcmp(cause->tool, "nft") != 0 || cause->text || strcmp(cause->place, place) != 0)
                continue;
            cause->text = arena_copy(arena, line.at, line.length);
            // nft knows what the option of CT says where it was built with the plugins of iptables.
            if (cause->unclear && strstr(cause->text, "notrack"))
                cause->what = NULL;
            else if (cause->unclear && strstr(cause->text, "xt target CT"))
                cause->unclear = false;
        }
    }
}

static void read_texts(struct arena *arena, const struct buf *output, struct live_tracking *tracking)
{
    struct slice rest = {output->bytes, output->length}, line;
    const char *table = "", *chain = "";

    while (slice_split(rest, '\n', &line, &rest)) {
        const char *handle;
        struct slice word;

        line = slice_trim(line);
        handle = memmem(line.at, line.length, " # handle ", 10);
        if (!handle)
            continue;

        const size_t length = (size_t)(handle - line.at);
        const int digits = (int)(line.length - length - 10);
        struct slice head = {line.at, length};

        word = slice_word(&head);
        head = slice_trim(head);
        if (length && line.at[length - 1] == '{') {
            if (head.length)
                head.length--;
            head = slice_trim(head);
            if (slice_is(word, "table"))
                table = arena_copy(arena, head.at, head.length);
            else
                chain = arena_copy(arena, head.at, head.length);
            continue;
        }
        name_rule(arena, (struct slice){line.at, length},
                  arena_printf(arena, "%s %s handle %.*s", table, chain, digits, handle + 10), tracking);
    }
}

static void forget_notracks(struct tracked_family *tracked)
{
    size_t kept = 0;

    for (size_t i = 0; i < tracked->causes.count; i++)
        if (tracked->causes.items[i].what)
            tracked->causes.items[kept++] = tracked->causes.items[i];
    tracked->causes.count = kept;
}

// Without nft, what netlink tells: that a rule of a table asks for the tracker. Of CT it does not tell the options, nor of
// objects, so only the lack of any table is certain.
static void read_tables(struct arena *arena, struct live_tracking *tracking)
{
    struct kernel_error error = {.arena = arena};
    struct nft_tables tables = {0};

    if (!nft_tables_read(arena, &tables, &error))
        return;
    if (!tables.count)
        tracking->nft_unseen = NULL;
    for (size_t i = 0; i < tables.count; i++)
        for (enum family family = 0; family < FAMILY_COUNT && tables.items[i].tracks; family++)
            if (concerns(tables.items[i].family, &(struct asking){0}, family))
                *vec_push(arena, &tracking->families[family].causes) = (struct tracking_cause){
                    .tool = "nft",
                    .place = arena_printf(arena, "%s %s", tables.items[i].family, tables.items[i].name),
                    .what = "a rule"};
}

// In JSON, which tells what a rule is made of without a doubt; and as text, which people know.
void tracking_read_nft(struct arena *arena, struct live_tracking *tracking)
{
    struct buf output = {0}, texts = {0};

    tracking->nft_unseen = list_ruleset(arena, "-j", &output);
    // Without a rule old versions print nothing at all.
    if (!tracking->nft_unseen && output.length &&
        !tracking_add_nft(arena, output.bytes, output.length, tracking))
        tracking->nft_unseen = "nft printed no JSON";
    if (tracking->nft_unseen)
        read_tables(arena, tracking);
    else if (!list_ruleset(arena, "-a", &texts))
        read_texts(arena, &texts, tracking);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        forget_notracks(&tracking->families[family]);
    buf_clear(&output);
    buf_clear(&texts);
}
