// SPDX-License-Identifier: GPL-2.0-or-later
//
// Texts, each with its NUL: the program and what the caller said; SHA-256 of the files; SHA-256 of what others have; how many
// tables there are, and each by its family and name; the paths of the files, in the order in which they were read.
#include "apply/unchanged.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advice/table.h"
#include "apply/good.h"
#include "apply/load.h"
#include "apply/rivals.h"
#include "base/vec.h"
#include "kernel/record.h"

struct basis {
    const char *program, *files, *others;
    struct named_table {
        enum family family;
        const char *name;
    } * tables;
    size_t table_count;
    const char **paths;
    size_t path_count;
};

// The file of the program tells builds of one version apart. "": it cannot be told.
static const char *this_program(struct arena *arena, enum own own)
{
    struct stat found;

    if (stat("/proc/self/exe", &found) < 0)
        return "";
    return arena_printf(arena, "%s %llu:%llu %lld %lld.%09ld own %d", CTC_VERSION,
                        (unsigned long long)found.st_dev, (unsigned long long)found.st_ino,
                        (long long)found.st_size, (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
                        own);
}

// What others have in tables that the policy has nothing in, and policies of chains. Their rules beside the policy's are in the
// journal's tables.

static bool is_among(const struct basis *basis, const struct kernel_table *table)
{
    for (size_t i = 0; i < basis->table_count; i++)
        if (basis->tables[i].family == table->family && strcmp(basis->tables[i].name, table->name) == 0)
            return true;
    return false;
}

static bool is_empty(const struct kernel_table *table)
{
    for (size_t i = 0; i < table->chains.count; i++)
        if (table->chains.items[i].rules.count || table->chains.items[i].policy != CHAIN_ACCEPT)
            return false;
    return true;
}

static bool will_drop(const struct plan_table *planned, const char *hook)
{
    for (size_t i = 0; i < planned->comparison.count; i++) {
        const struct chain_comparison *chain = &planned->comparison.chains[i];

        if (strcmp(chain->name, hook) != 0)
            continue;
        if (chain->policy != CHAIN_UNWRITTEN)
            return chain->policy == CHAIN_DROP;
        return (chain->live ? chain->live->policy : chain->wanted->policy) == CHAIN_DROP;
    }
    return false;
}

// The policies of built-in chains once the plan is carried out: those that the rules do not write are others'.
static void put_policies(struct buf *out, const struct plan_table *planned)
{
    for (const char *const *hook = table_hooks(planned->name); *hook; hook++)
        buf_char(out, will_drop(planned, *hook) ? 'D' : 'A');
}

// The rules of nat may send on what this host's addresses get (apply/objections.c): they count, too.
static const char *hash_others(struct arena *arena, const struct apply_plan *plan, const struct basis *basis)
{
    struct addr_set local = {0};
    SHA2_CTX context;
    struct buf bytes = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char *text = arena_alloc(arena, 2 * sizeof(digest) + 1);

    table_local_addresses(arena, &local);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_append(&bytes, (const char *)local.families[family].items,
                   local.families[family].count * sizeof(*local.families[family].items));
    for (size_t i = 0; i < plan->count; i++)
        put_policies(&bytes, &plan->items[i]);
    for (size_t i = 0; i < plan->tables.count; i++)
        if (!is_among(basis, plan->tables.items[i]) && !is_empty(plan->tables.items[i]))
            record_uncounted(&bytes, plan->tables.items[i]);
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)bytes.bytes, bytes.length);
    SHA256Final(digest, &context);
    buf_clear(&bytes);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

// Remembering.

static void put_text(struct buf *out, const char *text)
{
    buf_append(out, text, strlen(text) + 1);
}

// A pipe gives what it has only once.
static bool is_plain(const struct source *source)
{
    struct stat found;

    return source->path[0] && stat(source->path, &found) == 0 && S_ISREG(found.st_mode) &&
           found.st_dev == source->device && found.st_ino == source->inode;
}

static struct basis basis_of(struct arena *arena, const struct apply_plan *plan)
{
    struct basis basis = {.table_count = plan->count};

    basis.tables = arena_calloc(arena, plan->count, sizeof(*basis.tables));
    for (size_t i = 0; i < plan->count; i++)
        basis.tables[i] = (struct named_table){plan->items[i].family, plan->items[i].name};
    return basis;
}

void unchanged_put(struct buf *out, const struct apply_plan *plan, enum own own, const struct policy *policy,
                   const struct source_set *sources)
{
    struct arena *arena = sources->arena;
    const struct basis basis = basis_of(arena, plan);
    const char *program = this_program(arena, own);

    for (size_t i = 0; i < sources->count; i++)
        if (!is_plain(sources->items[i]))
            return;
    if (!program[0])
        return;
    put_text(out, program);
    put_text(out, policy->hash);
    put_text(out, hash_others(arena, plan, &basis));
    put_text(out, arena_printf(arena, "%zu", basis.table_count));
    for (size_t i = 0; i < basis.table_count; i++)
        put_text(out, arena_printf(arena, "%d %s", basis.tables[i].family, basis.tables[i].name));
    for (size_t i = 0; i < sources->count; i++)
        put_text(out, sources->items[i]->path);
}

// Telling again.

// NULL: there is none.
static const char *take_text(struct slice *bytes)
{
    const char *text = bytes->at;
    const char *end = bytes->length ? memchr(text, '\0', bytes->length) : NULL;

    if (!end)
        return NULL;
    bytes->length -= (size_t)(end + 1 - text);
    bytes->at = end + 1;
    return text;
}

static bool take_tables(struct arena *arena, struct slice *bytes, struct basis *basis)
{
    const char *text = take_text(bytes);
    uint64_t count;

    if (!text || !parse_number(slice_of(text), bytes->length, &count))
        return false;
    basis->table_count = (size_t)count;
    basis->tables = arena_calloc(arena, basis->table_count, sizeof(*basis->tables));
    for (size_t i = 0; i < basis->table_count; i++) {
        text = take_text(bytes);
        if (!text || strlen(text) < 3 || text[0] < '0' || text[0] >= '0' + FAMILY_COUNT)
            return false;
        basis->tables[i] = (struct named_table){(enum family)(text[0] - '0'), text + 2};
    }
    return true;
}

static bool take_basis(struct arena *arena, struct slice bytes, struct basis *basis)
{
    VEC(const char *) paths = {0};

    *basis =
        (struct basis){.program = take_text(&bytes), .files = take_text(&bytes), .others = take_text(&bytes)};
    if (!basis->others || !take_tables(arena, &bytes, basis))
        return false;
    for (const char *path; (path = take_text(&bytes));)
        *vec_push(arena, &paths) = path;
    basis->paths = paths.items;
    basis->path_count = paths.count;
    return !bytes.length && basis->path_count;
}

static bool same_files(struct arena *arena, const struct basis *basis)
{
    struct source_set sources = {.arena = arena};
    struct source_hashing hashing;
    char hash[65];

    for (size_t i = 0; i < basis->path_count; i++) {
        const struct source *source;
        struct stat found;

        if (stat(basis->paths[i], &found) < 0 || !S_ISREG(found.st_mode) ||
            source_set_open(&sources, basis->paths[i], SOURCE_ADDRESSES_MAX, &source) < 0)
            return false;
    }
    source_hash_begin(&hashing, &sources);
    source_hash_end(&hashing, &sources, hash);
    return strcmp(hash, basis->files) == 0;
}

static bool read_tables(struct arena *arena, struct apply_plan *plan)
{
    struct kernel_error ignored = {.arena = arena};

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (!kernel_tables_read(arena, plan->backend, family, &plan->tables, &ignored))
            return false;
    return true;
}

static const struct encoded *loaded(const struct journal *journal, const struct named_table *named)
{
    for (size_t i = journal->count; i > 0; i--) {
        const struct encoded *after = &journal->tables[i - 1].after;

        if (after->ruleset->family == named->family &&
            strcmp(after->ruleset->items[0].name, named->name) == 0)
            return after;
    }
    return NULL;
}

// What of a table is others', beside chains of ctc's own.
static struct others count_others(struct arena *arena, const struct kernel_table *table)
{
    VEC(const char *) names = {0};
    size_t rules = 0;

    for (size_t i = 0; i < table->chains.count; i++) {
        const struct live_chain *chain = &table->chains.items[i];

        if (own_chain(chain->name))
            continue;
        if (chain->policy == CHAIN_USER)
            *vec_push(arena, &names) = chain->name;
        for (size_t j = 0; j < chain->rules.count; j++)
            rules += chain->policy == CHAIN_USER || !own_chain(chain->rules.items[j].target);
    }
    return (struct others){rules, names.count, names.items};
}

static bool plan_table(struct arena *arena, const struct journal *journal, const struct named_table *named,
                       struct apply_plan *plan)
{
    const struct encoded *after = loaded(journal, named);
    struct plan_table *planned = vec_push(arena, plan);
    struct kernel_error ignored = {.arena = arena};

    *planned = (struct plan_table){.family = named->family,
                                   .name = named->name,
                                   .live = kernel_tables_find(&plan->tables, named->family, named->name)};
    if (!after || !planned->live || !kernel_table_known(planned->live, &ignored))
        return false;
    planned->comparison = kernel_table_compare(arena, planned->live, after);
    if (journal->own == OWN_CHAINS)
        planned->others = count_others(arena, planned->live);
    return planned->comparison.same;
}

// What a start of the machine goes back to is there, and was made from these files.
static bool is_remembered(struct arena *arena, const struct basis *basis)
{
    struct kernel_error ignored = {.arena = arena};
    struct slice texts[FAMILY_COUNT], line, rest;
    const char *hash = arena_printf(arena, "sha256 %.16s", basis->files);
    bool same = good_get(arena, texts, &ignored);

    for (enum family family = 0; family < FAMILY_COUNT && same; family++)
        same = slice_split(texts[family], '\n', &line, &rest) && line.length > strlen(hash) &&
               memcmp(line.at + line.length - strlen(hash), hash, strlen(hash)) == 0;
    return same;
}

// Whether nothing is under way, and what was applied last stands.
static bool nothing_pends(struct arena *arena)
{
    struct kernel_error ignored = {.arena = arena};
    const int directory = state_open(&ignored);
    const bool fine = directory >= 0 && load_allowed(directory, &ignored);

    if (directory >= 0)
        close(directory);
    return fine;
}

static bool alone(struct arena *arena, const struct kernel_backend *backend)
{
    struct kernel_error ignored = {.arena = arena};
    struct rivals rivals;

    return rivals_find(arena, backend, &rivals, &ignored) && !rivals.live && !rivals.foreign;
}

bool unchanged_plan(struct arena *arena, const struct kernel_backend *backend, enum own own, const char *path,
                    struct apply_plan *plan)
{
    struct journal journal;
    struct basis basis;
    bool same;

    *plan = (struct apply_plan){.backend = backend, .same = true, .told = true, .difference.complete = true};
    same = nothing_pends(arena) && journal_of_last(arena, &journal) && journal.way == backend->way &&
           take_basis(arena, journal.basis, &basis) && strcmp(basis.program, this_program(arena, own)) == 0 &&
           strcmp(basis.paths[0], path) == 0 && same_files(arena, &basis) && is_remembered(arena, &basis) &&
           alone(arena, backend) && read_tables(arena, plan);
    if (!same)
        return false;
    plan->own = journal.own;
    for (size_t i = 0; i < basis.table_count; i++)
        if (!plan_table(arena, &journal, &basis.tables[i], plan))
            return false;
    return strcmp(basis.others, hash_others(arena, plan, &basis)) == 0;
}
