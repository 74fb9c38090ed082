// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include <stdio.h>

#include "base/job.h"

struct sum {
    unsigned up_to, result;
    pthread_t thread;
};

static void add_up(void *context)
{
    struct sum *sum = context;

    for (unsigned i = 1; i <= sum->up_to; i++)
        sum->result += i;
    sum->thread = pthread_self();
}

TEST(long_work_has_a_thread_of_its_own_and_is_done_at_its_end)
{
    struct sum sums[2] = {{.up_to = 1000}, {.up_to = 2000}};
    struct job jobs[2];

    for (int i = 0; i < 2; i++)
        job_begin(&jobs[i], true, add_up, &sums[i]);
    for (int i = 0; i < 2; i++)
        job_end(&jobs[i]);
    assert_int_equal(sums[0].result, 500500);
    assert_int_equal(sums[1].result, 2001000);
    assert_false(pthread_equal(sums[0].thread, pthread_self()));
}

TEST(short_work_is_done_at_once)
{
    struct sum sum = {.up_to = 4};
    struct job job;

    job_begin(&job, false, add_up, &sum);
    assert_int_equal(sum.result, 10);
    assert_true(pthread_equal(sum.thread, pthread_self()));
    job_end(&job);
    job_end(&job);
}

TEST(what_was_not_begun_is_at_its_end)
{
    struct job job = {0};

    job_end(&job);
}

static void read_capabilities(void *context)
{
    char *line = context;
    FILE *status = fopen("/proc/thread-self/status", "r");

    while (status && fgets(line, 100, status) && strncmp(line, "CapPrm:", 7) != 0)
        ;
    if (status)
        fclose(status);
}

TEST(a_thread_of_work_has_no_capabilities)
{
    char before[100] = "", beside[100] = "", after[100] = "";
    struct job job;

    read_capabilities(before);
    job_begin(&job, true, read_capabilities, beside);
    job_end(&job);
    read_capabilities(after);
    assert_string_equal(beside, "CapPrm:\t0000000000000000\n");
    assert_string_equal(before, after);
}

RUN_TESTS(CASE(long_work_has_a_thread_of_its_own_and_is_done_at_its_end), CASE(short_work_is_done_at_once),
          CASE(what_was_not_begun_is_at_its_end), CASE(a_thread_of_work_has_no_capabilities))
