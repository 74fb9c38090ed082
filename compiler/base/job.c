// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/job.h"

#include <stddef.h>

#define STACK_BYTES \
    ((size_t)8 << 20) // what the first thread has almost everywhere; C libraries differ about the others

static void *run(void *argument)
{
    struct job *job = argument;

    job->work(job->context);
    return NULL;
}

bool job_try(struct job *job, void (*work)(void *context), void *context)
{
    pthread_attr_t attributes;

    *job = (struct job){.work = work, .context = context};
    if (pthread_attr_init(&attributes) == 0) {
        job->running = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                       pthread_create(&job->thread, &attributes, run, job) == 0;
        pthread_attr_destroy(&attributes);
    }
    return job->running;
}

void job_begin(struct job *job, bool is_long, void (*work)(void *context), void *context)
{
    *job = (struct job){.work = work, .context = context};
    if (!is_long || !job_try(job, work, context))
        run(job);
}

void job_end(struct job *job)
{
    if (job->running)
        pthread_join(job->thread, NULL);
    job->running = false;
}
