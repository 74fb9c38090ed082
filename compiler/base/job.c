// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/job.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES \
    ((size_t)8 << 20) // what the first thread has almost everywhere; C libraries differ about the others

// Capabilities are a thread's own (capabilities(7)): what the process gives away later, this one would keep.
static void give_privileges_away(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    syscall(SYS_capset, &header, none);
}

static void *run(void *argument)
{
    struct job *job = argument;

    give_privileges_away();
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
        work(context);
}

void job_end(struct job *job)
{
    if (job->running)
        pthread_join(job->thread, NULL);
    job->running = false;
}
