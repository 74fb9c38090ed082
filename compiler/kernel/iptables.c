// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/iptables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/compare.h"
#include "kernel/encode.h"
#include "kernel/entry.h"
#include "kernel/nftables.h"
#include "kernel/program.h"
#include "kernel/text.h"

#define VERSION_WAIT   5000  // milliseconds
#define SAVE_WAIT      60000 // milliseconds
#define LOAD_WAIT      10000 // milliseconds
#define LOAD_WAIT_RULE 1     // and for each rule: fifty times what iptables-nft-restore takes

// Finding them.

static const char *find(struct arena *arena, enum family family, const char *variant, const char *what)
{
    return program_find(arena, arena_printf(arena, "%s%s-%s",
                                            family == FAMILY_IPV4 ? "iptables" : "ip6tables", variant, what));
}

// The first line of what it says; NULL: nothing.
static const char *version_of(struct arena *arena, const char *path)
{
    const struct program_call call = {.path = path, .arguments = {"-V"}, .milliseconds = VERSION_WAIT};
    struct kernel_error error = {.arena = arena};
    struct buf said = {0};
    const char *version = NULL;

    if (program_run(&call, &said, &error))
        version = arena_copy(arena, said.bytes, said.length ? strcspn(said.bytes, "\n") : 0);
    buf_clear(&said);
    return version;
}

// Before 1.8 there was one variant, and it does not say which. False where a program is not there, or those of the families
// are of different variants.
static bool find_named(struct arena *arena, const char *variant, struct iptables_programs *programs)
{
    bool nft[FAMILY_COUNT] = {false};

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        const char *version;

        programs->save[family] = find(arena, family, variant, "save");
        programs->restore[family] = find(arena, family, variant, "restore");
        if (!programs->save[family] || !programs->restore[family] ||
            !(version = version_of(arena, programs->restore[family])))
            return false;
        nft[family] = strstr(version, "nf_tables") != NULL;
        programs->version = family == FAMILY_IPV4 ? version : programs->version;
    }
    programs->nft = nft[FAMILY_IPV4];
    return nft[FAMILY_IPV4] == nft[FAMILY_IPV6];
}

bool iptables_find(struct arena *arena, struct iptables_programs *programs)
{
    return find_named(arena, "", programs) ||
           (programs->version && find_named(arena, programs->nft ? "-nft" : "-legacy", programs));
}

bool iptables_find_variant(struct arena *arena, bool nft, struct iptables_programs *programs)
{
    return (find_named(arena, "", programs) && programs->nft == nft) ||
           (find_named(arena, nft ? "-nft" : "-legacy", programs) && programs->nft == nft);
}

// Reading.

// A rule that was encoded, as one that was read: the kernel has no names of verdicts and chains.
static struct live_rule as_read(struct arena *arena, const struct table *table, const void *entry,
                                enum family family)
{
    const struct entry_layout *layout = &entry_layouts[family];
    const size_t length = entry_number(entry, layout->length), end = entry_number(entry, layout->matches);
    const char *standard = encoded_standard(table, entry, family);
    char *copy = memcpy(arena_alloc(arena, length), entry, length);
    struct xt_entry_target *target = (void *)(copy + end);

    if (!standard)
        return (struct live_rule){copy, target->u.user.name};
    standard = arena_copy(arena, standard, strlen(standard));
    memset(target->u.user.name, 0, sizeof(target->u.user.name));
    return (struct live_rule){copy, standard};
}

static void add_chain(struct arena *arena, struct kernel_table *made, const struct table *table,
                      const struct chain *chain, const void *const *rules)
{
    struct live_chain *live = vec_push(arena, &made->chains);

    live->name = arena_copy(arena, chain->name, strlen(chain->name));
    live->policy = chain->policy == CHAIN_UNWRITTEN ? CHAIN_ACCEPT : chain->policy;
    live->counters = chain->counters;
    assert(rules || !chain->count);
    for (size_t i = 0; i < chain->count; i++)
        *vec_push(arena, &live->rules) = as_read(arena, table, rules[i], made->family);
}

// Built-in chains first.
static void add_chains(struct arena *arena, struct kernel_table *made, const struct encoded *encoded,
                       const struct table *table)
{
    for (int user = 0; user < 2; user++) {
        const void *const *rules = encoded->rules + encoded_table_start(encoded, table);

        for (size_t i = 0; i < table->count; rules += table->items[i++]->count)
            if ((table->items[i]->policy == CHAIN_USER) == user)
                add_chain(arena, made, table, table->items[i], rules);
    }
}

// A table that is not there yet, as it is made: its chains accept.
static void add_empty_chains(struct arena *arena, struct kernel_table *made)
{
    for (const char *const *hook = table_hooks(made->name); *hook; hook++)
        add_chain(arena, made, NULL, &(struct chain){.name = *hook, .policy = CHAIN_ACCEPT}, NULL);
}

// Tables that hold what iptables does not know: iptables-nft-save names them in a comment, and prints what it knows of them.
static bool holds_unknown(const struct buf *text, const char *name)
{
    const char *at = text->bytes;

    while (at && (at = strstr(at, "# Table `"))) {
        const char *end = strchrnul(at, '\n');
        const struct slice named = {at + strlen("# Table `"), strcspn(at + strlen("# Table `"), "'\n")};

        if (slice_is(named, name) && memmem(at, (size_t)(end - at), "incompatible", strlen("incompatible")))
            return true;
        at = end;
    }
    return false;
}

// A table whose contents cannot be told.
static void add_unknown(struct arena *arena, const struct kernel_backend *backend, enum family family,
                        const char *name, struct kernel_tables *tables)
{
    struct kernel_table *table = kernel_table_new(arena, backend, family, name);

    table->unknown = true;
    *vec_push(arena, tables) = table;
}

static void mark_unknown(struct arena *arena, const struct kernel_backend *backend, enum family family,
                         const struct buf *text, struct kernel_tables *tables)
{
    for (size_t i = 0; i < table_kind_count; i++) {
        const char *name = table_kinds[i].name;
        struct kernel_table *table = kernel_tables_find(tables, family, name);

        if (!holds_unknown(text, name))
            continue;
        if (table)
            table->unknown = true;
        else
            add_unknown(arena, backend, family, name, tables);
    }
}

// The tables of a text, as they were read; a table of which iptables knows nothing is there without chains.
static bool take_tables(struct arena *arena, const struct kernel_backend *backend, enum family family,
                        const struct buf *text, struct kernel_tables *tables, struct kernel_error *error)
{
    struct diag_list diags = {.arena = arena}; // of rules that are there whatever they are
    const struct ruleset *rulesets[FAMILY_COUNT] = {NULL};
    struct encoded encoded[FAMILY_COUNT];
    bool fine;

    if (text->length && strstr(text->bytes, "\n*"))
        rulesets[family] = kernel_text_read(arena, text, family, &diags);
    fine = encode_rulesets(rulesets, encoded, error);
    for (size_t i = 0; fine && rulesets[family] && i < rulesets[family]->count; i++) {
        const struct table *table = &rulesets[family]->items[i];
        struct kernel_table *made = kernel_table_new(arena, backend, family, table->name);

        add_chains(arena, made, &encoded[family], table);
        *vec_push(arena, tables) = made;
    }
    encoded_clear(encoded);
    if (fine)
        mark_unknown(arena, backend, family, text, tables);
    return fine;
}

static bool run_save(const struct kernel_backend *backend, enum family family, const char *table,
                     struct buf *text, struct kernel_error *error)
{
    const struct program_call call = {.path = backend->programs->save[family],
                                      .arguments = {"-c", table ? "-t" : NULL, table},
                                      .milliseconds = SAVE_WAIT,
                                      .in_turn = true};

    return program_run(&call, text, error);
}

// Adds the tables that a run of iptables-save shows: all of the family, or one.
static bool read_saved(struct arena *arena, const struct kernel_backend *backend, enum family family,
                       const char *name, struct kernel_tables *tables, struct kernel_error *error)
{
    struct buf text = {0};
    const bool fine = run_save(backend, family, name, &text, error) &&
                      take_tables(arena, backend, family, &text, tables, error);

    buf_clear(&text);
    return fine;
}

static bool is_of(const struct nft_table *table, enum family family)
{
    return table->iptables && strcmp(table->family, family == FAMILY_IPV4 ? "ip" : "ip6") == 0;
}

// iptables-nft-save says nothing of a rule that it takes for another, and little of one that it cannot read.
static bool read_all(struct arena *arena, const struct kernel_backend *backend, enum family family,
                     struct kernel_tables *tables, struct kernel_error *error)
{
    struct nft_tables found = {0};
    bool strange = false, fine = true;

    if (backend->programs->nft && !nft_tables_read(arena, &found, error))
        return false;
    for (size_t i = 0; i < found.count; i++)
        strange = strange || (is_of(&found.items[i], family) && found.items[i].strange);
    if (!strange)
        return read_saved(arena, backend, family, NULL, tables, error);
    for (size_t i = 0; i < found.count && fine; i++) {
        if (!is_of(&found.items[i], family))
            continue;
        if (found.items[i].strange)
            add_unknown(arena, backend, family, found.items[i].name, tables);
        else
            fine = read_saved(arena, backend, family, found.items[i].name, tables, error);
    }
    return fine;
}

static struct kernel_table *read_table(struct arena *arena, const struct kernel_backend *backend,
                                       enum family family, const char *name, struct kernel_error *error)
{
    struct kernel_tables tables = {0};
    struct kernel_table *table = NULL;
    const uint32_t generation = backend->programs->nft ? nft_generation() : 0;

    if (backend->programs->nft && nft_table_is_strange(family, name))
        add_unknown(arena, backend, family, name, &tables);
    if (tables.count || read_saved(arena, backend, family, name, &tables, error)) {
        if (tables.count) {
            table = tables.items[0];
        } else {
            table = kernel_table_new(arena, backend, family, name);
            add_empty_chains(arena, table);
        }
        table->generation = generation;
    }
    return table;
}

// Changing.

// What a table becomes, as text for iptables-restore.
struct pending {
    struct buf text;
    size_t rules;
};

static void close_table(struct kernel_table *table)
{
    struct pending *pending = table->handle;

    buf_clear(&pending->text);
    free(pending);
}

// Rules that stay are written as they were read, with what they have counted.
static void add_wanted(struct arena *arena, struct kernel_table *next, const struct table *wanted,
                       const struct chain_comparison *chain, const void *const *rules)
{
    struct live_chain *live = vec_push(arena, &next->chains);
    const bool written = chain->wanted && chain->wanted->policy != CHAIN_UNWRITTEN;

    live->name = chain->name;
    live->policy = written ? chain->wanted->policy : chain->live ? chain->live->policy : CHAIN_ACCEPT;
    if (written && chain->wanted->counters.present)
        live->counters = chain->wanted->counters;
    else if (chain->live)
        live->counters = chain->live->counters;
    for (size_t i = 0; chain->wanted && i < chain->wanted->count; i++)
        *vec_push(arena, &live->rules) = chain->partners[i] == RULE_NEW || !chain->live
                                             ? as_read(arena, wanted, rules[i], next->family)
                                             : chain->live->rules.items[chain->partners[i]];
}

static bool change_table(struct kernel_table *table, const struct table_comparison *comparison,
                         const struct encoded *encoded, struct kernel_error *error)
{
    const struct table *wanted = ruleset_find_table(encoded->ruleset, table->name);
    struct arena scratch = {0};
    struct kernel_table *next = kernel_table_new(&scratch, table->backend, table->family, table->name);
    struct pending *pending = calloc(1, sizeof(*pending));
    bool fine;

    if (!pending)
        return kernel_fail(error, KERNEL_FAILED, "no memory");
    table->handle = pending;
    pending->rules = comparison->kept + comparison->added;
    for (size_t i = 0; i < comparison->count; i++) {
        const struct chain_comparison *chain = &comparison->chains[i];

        if (chain->wanted || chain->live->policy != CHAIN_USER)
            add_wanted(&scratch, next, wanted, chain, encoded->rules + chain->first);
    }
    fine = kernel_text(&pending->text, &next, 1, true, error);
    arena_clear(&scratch);
    table->chains.count = 0;
    return fine;
}

// One program for all of them, each of which is one transaction.
static bool commit_tables(struct kernel_table *const *tables, size_t count, struct kernel_error *error)
{
    struct buf text = {0}, said = {0};
    struct program_call call = {.path = tables[0]->backend->programs->restore[tables[0]->family],
                                .arguments = {"-c"},
                                .input = &text,
                                .milliseconds = LOAD_WAIT,
                                .in_turn = true};
    uint32_t generation;
    bool fine;

    for (size_t i = 0; i < count; i++) {
        const struct pending *pending = tables[i]->handle;

        buf_append(&text, pending->text.bytes, pending->text.length);
        call.milliseconds += (unsigned)pending->rules * LOAD_WAIT_RULE;
    }
    fine = program_run(&call, &said, error);
    generation = fine && tables[0]->generation ? nft_generation() : 0;
    for (size_t i = 0; i < count; i++)
        tables[i]->raced = generation && generation != tables[0]->generation + count;
    buf_clear(&text);
    buf_clear(&said);
    return fine;
}

const struct kernel_backend *iptables_backend(struct arena *arena, const struct iptables_programs *programs)
{
    struct kernel_backend *backend = arena_alloc(arena, sizeof(*backend));
    struct iptables_programs *kept = arena_alloc(arena, sizeof(*kept));

    *kept = *programs;
    *backend = (struct kernel_backend){
        .way = programs->nft ? WAY_NFT_RESTORE : WAY_LEGACY_RESTORE,
        .name = "restore",
        .program = arena_printf(arena, "%s (%s)", programs->restore[FAMILY_IPV4],
                                programs->nft ? "nf_tables" : "legacy"),
        .programs = kept,
        .read_all = read_all,
        .read = read_table,
        .look = read_table,
        .close = close_table,
        .change = change_table,
        .commit = commit_tables,
    };
    return backend;
}
