// SPDX-License-Identifier: GPL-2.0-or-later
//
// mutants [--each N] [--generated N] POLICY...: changes one thing at a time in the rules of each policy, N
// things a family of a policy, and judges what the proof says about it. Prints a table by kind of change, and
// a tally.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emit/restore.h"
#include "mutants/judge.h"
#include "mutants/mutate.h"
#include "unit/policy_generator.h"

#define WORKERS       16
#define SEARCH_ONE_IN 8 // changed mutants for which the search is tried as well

struct tally {
    size_t changed, equal, refused, misjudged, searched, found;
};

// Of one process; read by the first one when all have ended.
struct share {
    struct tally kinds[MUTATION_COUNT];
    size_t subjects, policies, unproved;
};

struct settings {
    unsigned each, generated, workers;
    char **paths;
    size_t path_count;
};

// The lines in which two texts differ, from the first to the last.
static void print_change(const char *before, const char *after)
{
    size_t first = 0, a = strlen(before), b = strlen(after);

    while (before[first] && before[first] == after[first])
        first++;
    while (first && before[first - 1] != '\n')
        first--;
    while (a > first && b > first && before[a - 1] == after[b - 1])
        a--, b--;
    a += strcspn(before + a, "\n");
    b += strcspn(after + b, "\n");
    fprintf(stderr, "- %.*s\n+ %.*s\n", (int)(a - first), before + first, (int)(b - first), after + first);
}

static void report(const struct subject *subject, const char *name, const struct mutation *mutation,
                   const struct ruleset *mutant, const struct buf *why)
{
    struct buf text = {0};

    restore_text(&text, mutant);
    fprintf(
        stderr, "MISJUDGED: %s, %s: %s, in %s %s, rule %zu\n%s", name, family_name(subject->rules->family),
        mutation_names[mutation->kind], subject->rules->items[mutation->table].name,
        subject->rules->items[mutation->table].items[mutation->chain]->name, mutation->rule + 1, why->bytes);
    print_change(subject->text.bytes, text.bytes);
    buf_clear(&text);
}

static void count(struct tally *tally, struct judgement judgement)
{
    tally->changed += judgement.verdict == MUTANT_CHANGED;
    tally->equal += judgement.verdict == MUTANT_EQUAL;
    tally->refused += judgement.verdict == MUTANT_REFUSED;
    tally->misjudged += judgement.verdict == MUTANT_MISJUDGED;
    tally->searched += judgement.searched;
    tally->found += judgement.found;
}

static void try_mutation(struct share *share, const struct subject *subject, const char *name,
                         const struct mutation *mutation)
{
    const bool search_all = random() % SEARCH_ONE_IN == 0;
    struct arena arena = {0};
    struct buf why = {0};
    const struct ruleset *mutant = mutation_apply(&arena, subject->rules, mutation);
    const struct focus focus = {mutation->table, mutation->chain, mutation->rule};
    const struct judgement judgement = judge(subject, mutant, focus, (uint64_t)random(), search_all, &why);

    count(&share->kinds[mutation->kind], judgement);
    if (judgement.verdict == MUTANT_MISJUDGED)
        report(subject, name, mutation, mutant, &why);
    buf_clear(&why);
    arena_clear(&arena);
}

// Of each kind in turn one that is picked by chance, until there are enough.
static void try_subject(struct share *share, const struct subject *subject, const char *name, unsigned each)
{
    struct arena arena = {0};
    struct mutations lists[MUTATION_COUNT] = {0};
    size_t left = 0;

    for (enum mutation_kind kind = 0; kind < MUTATION_COUNT; kind++) {
        mutations_list(&arena, subject->rules, kind, &lists[kind]);
        left += lists[kind].count;
    }
    for (enum mutation_kind kind = 0; left && each; kind = (kind + 1) % MUTATION_COUNT) {
        struct mutations *list = &lists[kind];

        if (!list->count)
            continue;

        const size_t pick = (size_t)random() % list->count;

        try_mutation(share, subject, name, &list->items[pick]);
        list->items[pick] = list->items[--list->count];
        left--, each--;
    }
    arena_clear(&arena);
}

static void try_policy(struct share *share, const struct settings *settings, const char *path,
                       const char *name)
{
    struct compilation compilation;
    bool counted = false;

    compilation_init(&compilation);
    if (compile_read(&compilation, path))
        for (enum family family = FAMILY_IPV4; family < FAMILY_COUNT; family++) {
            struct subject subject;
            struct buf why = {0};

            if (subject_open(&subject, &compilation, family, &why)) {
                try_subject(share, &subject, name, settings->each);
                share->subjects++;
                counted = true;
            } else if (why.length) {
                fprintf(stderr, "UNPROVED: %s, %s: %s", name, family_name(family), why.bytes);
                share->unproved++;
            }
            subject_close(&subject);
            buf_clear(&why);
        }
    share->policies += counted;
    compilation_clear(&compilation);
}

static void try_generated(struct share *share, const struct settings *settings, unsigned number)
{
    char path[] = "/tmp/ctc-mutants-XXXXXX", name[32];
    struct buf text = {0};
    const int file = mkstemp(path);

    srandom(number);
    generate_policy(&text);
    snprintf(name, sizeof(name), "generated %u", number);
    if (file >= 0 && write(file, text.bytes, text.length) == (ssize_t)text.length)
        try_policy(share, settings, path, name);
    close(file);
    unlink(path);
    buf_clear(&text);
}

// Every so-manyth policy is this process's.
static void work(struct share *share, const struct settings *settings, unsigned worker)
{
    for (size_t i = worker; i < settings->path_count; i += settings->workers) {
        srandom((unsigned)i);
        try_policy(share, settings, settings->paths[i], settings->paths[i]);
    }
    for (unsigned i = worker; i < settings->generated; i += settings->workers)
        try_generated(share, settings, i);
}

static void print_line(const char *name, const struct tally *tally)
{
    printf("  %-28s %8zu %8zu %8zu %8zu %10zu   ", name, tally->changed + tally->equal + tally->misjudged,
           tally->changed, tally->equal, tally->refused, tally->misjudged);
    if (tally->searched)
        printf("%zu of %zu", tally->found, tally->searched);
    printf("\n");
}

static void add(struct tally *sum, const struct tally *more)
{
    sum->changed += more->changed;
    sum->equal += more->equal;
    sum->refused += more->refused;
    sum->misjudged += more->misjudged;
    sum->searched += more->searched;
    sum->found += more->found;
}

static int print_all(const struct share *shares, const struct settings *settings, bool crashed)
{
    struct tally all = {0};
    size_t policies = 0, subjects = 0, unproved = 0, mutants;

    printf("  %-28s %8s %8s %8s %8s %10s   %s\n", "kind of change", "mutants", "changed", "equal", "refused",
           "misjudged", "changed ones that the search finds by itself");
    for (enum mutation_kind kind = 0; kind < MUTATION_COUNT; kind++) {
        struct tally sum = {0};

        for (unsigned i = 0; i < settings->workers; i++)
            add(&sum, &shares[i].kinds[kind]);
        print_line(mutation_names[kind], &sum);
        add(&all, &sum);
    }
    print_line("all", &all);
    for (unsigned i = 0; i < settings->workers; i++) {
        policies += shares[i].policies;
        subjects += shares[i].subjects;
        unproved += shares[i].unproved;
    }
    mutants = all.changed + all.equal;
    printf("  %zu policies, %zu rulesets, %zu of them not proved\n", policies, subjects, unproved);
    printf("%zu passed, %zu failed\n", mutants, all.misjudged + unproved + crashed);
    return mutants && !all.misjudged && !unproved && !crashed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct settings *settings)
{
    struct share *shares =
        mmap(NULL, WORKERS * sizeof(*shares), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool crashed = false;
    int status;

    if (shares == MAP_FAILED)
        return EXIT_FAILURE;
    for (unsigned i = 0; i < settings->workers; i++) {
        const pid_t child = fork();

        if (child < 0)
            return EXIT_FAILURE;
        if (child == 0) {
            work(&shares[i], settings, i);
            _exit(EXIT_SUCCESS);
        }
    }
    while (wait(&status) > 0)
        crashed = crashed || status != 0;
    return print_all(shares, settings, crashed);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    struct settings settings = {.each = 50, .generated = 0};
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int i = 1;

    settings.workers = processors < 1 ? 1 : processors > WORKERS ? WORKERS : (unsigned)processors;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2)
        if (strcmp(argv[i], "--each") == 0)
            settings.each = number(argv[i + 1]);
        else if (strcmp(argv[i], "--generated") == 0)
            settings.generated = number(argv[i + 1]);
        else if (strcmp(argv[i], "--workers") == 0 && number(argv[i + 1]))
            settings.workers = number(argv[i + 1]);
    settings.paths = argv + i;
    settings.path_count = (size_t)(argc - i);
    return run(&settings);
}
