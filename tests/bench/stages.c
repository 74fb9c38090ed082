// SPDX-License-Identifier: GPL-2.0-or-later
//
// stages POLICY: what each stage of one compile costs, IPv4, in milliseconds of the processor, as one line of JSON; and how
// long it takes to make the rules, without their proof, by the clock.
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "compile.h"
#include "emit/restore.h"
#include "proof/prove.h"
#include "rules/read.h"

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double clock_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static bool measure(struct compilation *compilation, const char *path)
{
    struct buf text = {0};
    struct proof proof;
    struct rusage usage;
    const double begin = clock_now();
    double times[9], made;
    bool proved;

    times[0] = now();
    if (!compile_read(compilation, path))
        return false;
    times[1] = now();

    const struct ruleset *lowered = policy_to_ruleset(&compilation->arena, compilation->policy, FAMILY_IPV4,
                                                      (struct lower_options){0}, &compilation->diags);

    if (!lowered)
        return false;
    times[2] = now();

    const struct ruleset *printed =
        passes_run(&compilation->arena, lowered, (struct pass_options){0}, &compilation->diags);

    if (!printed)
        return false;
    times[7] = now();
    restore_text(&text, printed);
    times[3] = now();
    made = clock_now() - begin;

    const struct source emitted = {.name = "<rules>", .path = "", .bytes = text.bytes, .length = text.length};
    const struct ruleset *rules =
        rules_read(&compilation->arena, &emitted, FAMILY_IPV4, NULL, &compilation->diags);

    if (!rules)
        return false;
    times[4] = now();
    proof_begin(&proof, &compilation->arena, compilation->policy, compilation->sources.items[0], lowered);
    job_end(&proof.saying);
    times[8] = now();
    proof_read(&proof, rules);
    times[5] = now();
    proved = !proof.undecided && prove_equal(&proof, &compilation->diags) &&
             prove_promises(&proof, &compilation->diags) && prove_expectations(&proof, &compilation->diags);
    times[6] = now();
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"made\": %.3f, \"read\": %.3f, \"lower\": %.3f, \"passes\": %.3f, \"emit\": %.3f, "
           "\"read_back\": %.3f, "
           "\"policy_meaning\": %.3f, "
           "\"rules_meaning\": %.3f, "
           "\"compare\": %.3f, \"nodes\": %zu, \"megabytes\": %ld, \"proved\": %s}\n",
           made, times[1] - times[0], times[2] - times[1], times[7] - times[2], times[3] - times[7],
           times[4] - times[3], times[8] - times[4], times[5] - times[8], times[6] - times[5],
           diagram_node_count(proof.space.diagrams), usage.ru_maxrss / 1024, proved ? "true" : "false");
    proof_close(&proof);
    buf_clear(&text);
    return true;
}

int main(int argc, char **argv)
{
    struct compilation compilation;
    bool measured;

    if (argc != 2) {
        fputs("usage: stages POLICY\n", stderr);
        return EXIT_USAGE;
    }
    compilation_init(&compilation);
    measured = measure(&compilation, argv[1]);
    compilation_clear(&compilation);
    return measured ? EXIT_FINE : EXIT_POLICY;
}
