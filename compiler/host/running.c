// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define VALUE_MAX 4096 // bytes; a list of reserved ports is the longest

struct kernel_version running_version(void)
{
    struct kernel_version version = {0};
    struct utsname name;

    if (uname(&name) == 0)
        kernel_version_parse(name.release, &version);
    return version;
}

static const char *path_of(struct arena *arena, const char *key)
{
    char *path = arena_printf(arena, "/proc/sys/%s", key);

    for (char *at = path; *at; at++)
        if (*at == '.')
            *at = '/';
    return path;
}

// The value, with blanks for tabs and without the line's end; NULL with errno where it cannot be read.
static char *read_value(struct arena *arena, const char *key)
{
    char text[VALUE_MAX];
    const int fd = open(path_of(arena, key), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : 0, more = 1;
    const int error = errno;

    while (fd >= 0 && more > 0 && length < (ssize_t)sizeof(text)) {
        more = read(fd, text + length, sizeof(text) - (size_t)length);
        length += more > 0 ? more : 0;
    }
    if (fd < 0 || more < 0) {
        const int why = fd < 0 ? error : errno;

        if (fd >= 0)
            close(fd);
        errno = why;
        return NULL;
    }
    close(fd);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\t')
            text[i] = ' ';
    return arena_copy(arena, text, (size_t)length);
}

static bool write_value(struct arena *arena, const char *key, const char *value)
{
    const int fd = open(path_of(arena, key), O_WRONLY | O_CLOEXEC);
    const size_t length = strlen(value);
    bool fine = false;

    if (fd < 0)
        return false;
    fine = write(fd, value, length) == (ssize_t)length;

    const int error = errno;

    close(fd);
    errno = error;
    return fine;
}

// Whether it can be opened for writing: the mode in /proc/sys speaks for the namespace and holds for root too.
static bool writable(struct arena *arena, const char *key)
{
    const int fd = open(path_of(arena, key), O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void read_setting(struct arena *arena, struct running *running, const char *key, const char *wanted)
{
    struct running_setting *setting = vec_push(arena, &running->settings);

    setting->key = key;
    setting->wanted = wanted;
    setting->before = setting->now = read_value(arena, key);
    if (!setting->now) {
        setting->state = SETTING_ABSENT;
        setting->problem = strerror(errno);
    } else if (strcmp(setting->now, wanted) == 0) {
        setting->state = SETTING_HOLDS;
    } else if (!writable(arena, key)) {
        setting->state = SETTING_READ_ONLY;
        setting->problem = strerror(errno);
    } else {
        setting->state = SETTING_DIFFERS;
    }
}

#define TRACKER_KEY   "net.netfilter.nf_conntrack_max"
#define EPHEMERAL_KEY "net.ipv4.ip_local_port_range"

static bool is_planned(const struct plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->settings.count; i++)
        if (strcmp(plan->settings.items[i].key, key) == 0)
            return true;
    return false;
}

// What the plan needs and does not set.
static void read_fact(struct arena *arena, struct running *running, const char *key, const char *wanted)
{
    struct running_setting *fact;

    read_setting(arena, running, key, wanted);
    fact = vec_last(&running->settings);
    if (fact->state == SETTING_DIFFERS || fact->state == SETTING_READ_ONLY)
        fact->state = SETTING_FACT;
}

static void count_states(struct running *running)
{
    memset(running->counts, 0, sizeof(running->counts));
    for (size_t i = 0; i < running->settings.count; i++)
        running->counts[running->settings.items[i].state]++;
}

struct running *running_read(struct arena *arena, const struct plan *plan)
{
    const struct policy *policy = plan->policy;
    struct running *running = arena_alloc(arena, sizeof(*running));

    for (size_t i = 0; i < plan->settings.count; i++)
        read_setting(arena, running, plan->settings.items[i].key, plan->settings.items[i].value);
    read_fact(arena, running, EPHEMERAL_KEY,
              arena_printf(arena, "%u %u", policy->ephemeral.first, policy->ephemeral.last));
    if (policy->conntrack.block_modules && !is_planned(plan, TRACKER_KEY)) {
        struct running_setting *tracker;

        read_fact(arena, running, TRACKER_KEY, "absent");
        tracker = vec_last(&running->settings);
        if (tracker->state == SETTING_ABSENT) {
            tracker->state = SETTING_HOLDS;
            tracker->now = "absent";
            tracker->problem = NULL;
        }
    }
    count_states(running);
    return running;
}

static bool write_setting(struct arena *arena, struct running_setting *setting)
{
    if (setting->state != SETTING_DIFFERS)
        return true;

    const bool taken = write_value(arena, setting->key, setting->wanted);
    const int error = errno;

    setting->now = read_value(arena, setting->key);
    if (setting->now && strcmp(setting->now, setting->wanted) == 0) {
        setting->state = SETTING_WRITTEN;
        return true;
    }
    setting->state = SETTING_REFUSED;
    setting->problem = taken ? "the kernel took the value and gives another one back" : strerror(error);
    return false;
}

static void write_back(struct arena *arena, struct running_setting *setting)
{
    if (setting->state != SETTING_WRITTEN && setting->state != SETTING_REFUSED)
        return;
    if (strcmp(setting->now ? setting->now : "", setting->before) != 0)
        write_value(arena, setting->key, setting->before);
    setting->now = read_value(arena, setting->key);
    if (setting->state == SETTING_WRITTEN)
        setting->state = SETTING_DIFFERS;
}

bool running_write(struct arena *arena, const struct plan *plan, struct running *running)
{
    // The facts stand behind the settings, and are reported only.
    const size_t count = plan->settings.count;
    bool fine = true;

    for (size_t i = 0; i < count; i++)
        fine = fine && running->settings.items[i].state != SETTING_ABSENT &&
               running->settings.items[i].state != SETTING_READ_ONLY;
    for (size_t i = 0; i < count && fine; i++)
        fine = write_setting(arena, &running->settings.items[i]);
    for (size_t i = 0; i < count && !fine; i++)
        write_back(arena, &running->settings.items[i]);
    count_states(running);
    return fine && !running->counts[SETTING_ABSENT] && !running->counts[SETTING_FACT];
}
