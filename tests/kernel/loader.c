// SPDX-License-Identifier: GPL-2.0-or-later
//
// loader 4|6 load FILE      reads rules and puts them into the kernel, table by table
// loader 4|6 save [TABLE]   prints the live tables, or that one, as iptables-save -c does
// loader 4|6 read           prints the live tables, read as rules
// loader 4|6 wait FILE      the same, but before it puts a table into the kernel it says so, and waits for a line
// loader 4|6 compare FILE   prints what a load of it would change: rules kept, removed and added in each table
// loader 4|6 time FILE      the same as load, and prints how long each step takes
// loader 4|6 alike FILE     tells whether rules are the same bytes where libxtables makes every one: prints how many are
//
// LOADER_VIA=restore: by the host's iptables programs.
//
// Exit code 1 where the kernel part fails, with the reason on standard error; 2 for all else.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diag/render.h"
#include "emit/restore.h"
#include "kernel/backend.h"
#include "kernel/compare.h"
#include "kernel/encode.h"
#include "kernel/lock.h"
#include "kernel/text.h"
#include "rules/read.h"

#define BYTES_MAX ((size_t)1 << 30)
#define LOCK_WAIT 20000 // milliseconds, unless the environment says otherwise

struct run {
    struct arena arena;
    enum family family;
    struct kernel_error error;
    struct diag_list diags;
    const struct kernel_backend *backend;
    struct kernel_tables tables;
    bool timed, waits;
    struct timespec since;
};

static void lap(struct run *run, const char *what)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (run->timed)
        printf("%-8s %7.1f ms\n", what,
               (double)(now.tv_sec - run->since.tv_sec) * 1e3 +
                   (double)(now.tv_nsec - run->since.tv_nsec) / 1e6);
    run->since = now;
}

// All that there are, or the one that is named.
static bool read_live(struct run *run, const char *name)
{
    struct kernel_table *table;

    if (!name)
        return kernel_tables_read(&run->arena, run->backend, run->family, &run->tables, &run->error);
    table = kernel_table_look(&run->arena, run->backend, run->family, name, &run->error);
    if (table)
        *vec_push(&run->arena, &run->tables) = table;
    return table != NULL;
}

static bool replace_all(struct run *run, const struct encoded *encoded)
{
    const struct ruleset *ruleset = encoded->ruleset;

    for (size_t i = 0; i < ruleset->count; i++) {
        struct kernel_table *table =
            kernel_table_read(&run->arena, run->backend, run->family, ruleset->items[i].name, &run->error);
        bool fine;

        lap(run, "read");
        if (!table)
            return false;

        const struct table_comparison found = kernel_table_compare(&run->arena, table, encoded);

        lap(run, "compare");
        fine = kernel_table_change(table, &found, encoded, &run->error);
        lap(run, "change");
        if (run->waits) {
            puts("ready");
            fflush(stdout);
            getchar();
        }
        fine = fine && kernel_table_commit(table, &run->error);
        lap(run, "commit");
        kernel_table_close(table);
        if (!fine)
            return false;
    }
    return true;
}

static bool compare_all(struct run *run, const struct encoded *encoded)
{
    const struct ruleset *ruleset = encoded->ruleset;

    for (size_t i = 0; i < ruleset->count; i++) {
        struct kernel_table *table =
            kernel_table_read(&run->arena, run->backend, run->family, ruleset->items[i].name, &run->error);

        lap(run, "read");
        if (!table)
            return false;

        const struct table_comparison found = kernel_table_compare(&run->arena, table, encoded);

        lap(run, "compare");
        printf("%s kept %zu removed %zu added %zu%s\n", table->name, found.kept, found.removed, found.added,
               found.same ? " same" : "");
        kernel_table_close(table);
    }
    return true;
}

static unsigned lock_wait(void)
{
    const char *wait = getenv("LOCK_WAIT");

    return wait ? (unsigned)strtoul(wait, NULL, 10) : LOCK_WAIT;
}

static const struct ruleset *read_file(struct run *run, const char *path)
{
    static struct source source; // what is found wrong points into it

    return source_read(&run->arena, path, BYTES_MAX, &source) == 0
               ? rules_read(&run->arena, &source, run->family, NULL, &run->diags)
               : NULL;
}

static int load(struct run *run, const char *path, bool compare)
{
    const struct ruleset *rulesets[FAMILY_COUNT] = {NULL};
    struct encoded encoded[FAMILY_COUNT];
    bool fine;
    int lock;

    lap(run, "start");
    rulesets[run->family] = read_file(run, path);
    lap(run, "reader");
    if (!rulesets[run->family])
        return 2;
    fine = encode_rulesets(rulesets, encoded, &run->error);
    lap(run, "encode");
    lock = fine ? xtables_lock(lock_wait(), &run->error) : -1;
    fine = fine && lock >= 0 && (compare ? compare_all : replace_all)(run, &encoded[run->family]);
    xtables_unlock(lock);
    encoded_clear(encoded);
    return fine ? 0 : 1;
}

static int alike(struct run *run, const char *path)
{
    const struct ruleset *ruleset = read_file(run, path);
    struct encoded found[2][FAMILY_COUNT] = {0};
    const struct encoded *some = &found[0][run->family], *all = &found[1][run->family];
    bool fine = ruleset != NULL;

    for (int each = 0; each < 2 && fine; each++) {
        struct encoder *encoder = encoder_new(&run->arena, each);

        encoder_begin(encoder, ruleset);
        fine = encoder_end(encoder, found[each], &run->error);
        encoder_close(encoder);
    }
    if (fine && some->bytes.length == all->bytes.length &&
        memcmp(some->bytes.bytes, all->bytes.bytes, all->bytes.length) == 0)
        printf("%zu\n", some->count);
    encoded_clear(found[0]);
    encoded_clear(found[1]);
    return !ruleset ? 2 : !fine;
}

static int save(struct run *run, const char *name, bool as_rules)
{
    struct buf out = {0};
    bool fine = read_live(run, name);

    if (fine && as_rules) {
        const struct ruleset *ruleset = kernel_ruleset(&run->arena, run->tables.items, run->tables.count,
                                                       run->family, &run->diags, &run->error);

        fine = ruleset != NULL;
        if (ruleset)
            restore_text(&out, ruleset);
    } else if (fine) {
        fine = kernel_text(&out, run->tables.items, run->tables.count, true, &run->error);
    }
    if (out.length)
        fwrite(out.bytes, 1, out.length, stdout);
    buf_clear(&out);
    return fine ? 0 : 1;
}

static int perform(struct run *run, int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";

    run->timed = strcmp(verb, "time") == 0;
    run->waits = strcmp(verb, "wait") == 0;
    if (argc == 4 && (run->timed || run->waits || strcmp(verb, "load") == 0 || strcmp(verb, "compare") == 0))
        return load(run, argv[3], strcmp(verb, "compare") == 0);
    if (argc == 4 && strcmp(verb, "alike") == 0)
        return alike(run, argv[3]);
    if (argc >= 3 && (strcmp(verb, "save") == 0 || strcmp(verb, "read") == 0))
        return save(run, argc > 3 ? argv[3] : NULL, strcmp(verb, "read") == 0);
    return 2;
}

static const struct kernel_backend *choose(struct run *run)
{
    const char *via = getenv("LOADER_VIA"), *why;

    return backend_choose(&run->arena, via && strcmp(via, "restore") == 0 ? CHOICE_RESTORE : CHOICE_LIBIPTC,
                          &why, &run->error);
}

int main(int argc, char **argv)
{
    static struct run run;
    struct buf findings = {0};
    int code;

    run.family = argc > 1 && argv[1][0] == '6' ? FAMILY_IPV6 : FAMILY_IPV4;
    run.error.arena = run.diags.arena = &run.arena;
    run.backend = choose(&run);
    clock_gettime(CLOCK_MONOTONIC, &run.since);
    code = !run.backend ? 1 : perform(&run, argc, argv);
    if (code == 1)
        fprintf(stderr, "%s\n", run.error.text ? run.error.text : "failed");
    render_text(&findings, &run.diags, SEVERITY_ERROR, false);
    fwrite(findings.bytes ? findings.bytes : "", 1, findings.length, stderr);
    buf_clear(&findings);
    kernel_tables_close(&run.tables);
    arena_clear(&run.arena);
    return fflush(stdout) == 0 ? code : 2;
}
