// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the kernel says about its table in /proc, as far as it is there.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice/table.h"

const char *const state_names[CT_STATE_COUNT] = {
#define STATE(id, number, name) [CT_STATE_##id] = (name),
#include "advice/states.def"
#undef STATE
    [CT_STATE_UNREPLIED] = "UNREPLIED",
    [CT_STATE_REPLIED] = "REPLIED",
};

static bool read_number(const char *path, uint64_t *number)
{
    FILE *file = fopen(path, "re");
    char text[64] = "";
    char *end;

    if (!file)
        return false;
    if (!fgets(text, sizeof(text), file))
        text[0] = '\0';
    fclose(file);
    *number = strtoull(text, &end, 10);
    return end != text;
}

// A line of names, and a line of hexadecimal numbers for each processor (ct_cpu_seq_show() in
// net/netfilter/nf_conntrack_standalone.c). Which names there are differs between versions.
static void read_drops(struct table_limits *limits)
{
    FILE *file = fopen("/proc/net/stat/nf_conntrack", "re");
    uint64_t *columns[64] = {0};
    char text[2048];
    char *at, *word;
    size_t count = 0;

    if (!file)
        return;
    if (fgets(text, sizeof(text), file))
        for (word = strtok_r(text, " \n", &at); word && count < 64;
             word = strtok_r(NULL, " \n", &at), count++)
            columns[count] = strcmp(word, "drop") == 0            ? &limits->drop
                             : strcmp(word, "early_drop") == 0    ? &limits->early_drop
                             : strcmp(word, "insert_failed") == 0 ? &limits->insert_failed
                                                                  : NULL;
    while (fgets(text, sizeof(text), file)) {
        size_t column = 0;

        for (word = strtok_r(text, " \n", &at); word && column < count;
             word = strtok_r(NULL, " \n", &at), column++)
            if (columns[column])
                *columns[column] += strtoull(word, NULL, 16);
        limits->has_drops = true;
    }
    fclose(file);
}

void table_limits_read(struct table_limits *limits)
{
    *limits = (struct table_limits){0};
    limits->has_size = read_number("/proc/sys/net/netfilter/nf_conntrack_count", &limits->count) &&
                       read_number("/proc/sys/net/netfilter/nf_conntrack_max", &limits->max);
    limits->has_buckets = read_number("/proc/sys/net/netfilter/nf_conntrack_buckets", &limits->buckets);
    read_drops(limits);
}
