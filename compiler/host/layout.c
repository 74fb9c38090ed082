// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/layout.h"

#include <string.h>

enum part {
    PART_RULES_IPV4,
    PART_RULES_IPV6,
    PART_SETS,
    PART_SERVICE_IPV4, // settings of the service that loads the rules
    PART_SERVICE_IPV6,
    PART_SYSCTL,
    PART_MODPROBE,
    PART_MODULES,
    PART_UDEV,
};

static const struct {
    enum layout layout;
    enum part part;
    const char *path;
    mode_t mode;
} places[] = {
#define LAYOUT(id, name, systemd)
#define LAYOUT_FILE(layout, part, path, mode) {LAYOUT_##layout, PART_##part, path, mode},
#include "host/layouts.def"
#undef LAYOUT
#undef LAYOUT_FILE
};

#define PLACE_COUNT (sizeof(places) / sizeof(*places))

const char *const layout_names[] = {
#define LAYOUT(id, name, systemd) name,
#define LAYOUT_FILE(layout, part, path, mode)
#include "host/layouts.def"
    NULL
#undef LAYOUT
};

static const char *const systemd_programs[] = {
#define LAYOUT(id, name, systemd) systemd,
#include "host/layouts.def"
#undef LAYOUT
#undef LAYOUT_FILE
};

#define TRACKER_KEYS "net.netfilter."

static bool sets_tracker(const struct plan *plan)
{
    for (size_t i = 0; i < plan->settings.count; i++)
        if (strncmp(plan->settings.items[i].key, TRACKER_KEYS, strlen(TRACKER_KEYS)) == 0)
            return true;
    return false;
}

// The helpers, which a service may load too where the file for modules-load.d comes too late.
static void put_helpers(struct buf *out, const struct plan *plan)
{
    bool any = false;

    for (size_t i = 0; i < plan->modules.count; i++) {
        const char *name = plan->modules.items[i];

        if (strcmp(name, "nf_conntrack") == 0 || strncmp(name, "nf_conntrack_ipv", 16) == 0)
            continue;
        buf_printf(out, "%s%s", any ? " " : "", name);
        any = true;
    }
}

// The settings of iptables.service and ip6tables.service: shell variables that iptables.init reads.
static void put_service(struct buf *out, const struct plan *plan, enum family family)
{
    const char *name = family == FAMILY_IPV4 ? "IPTABLES" : "IP6TABLES";
    const bool none = plan->policy->tracking == TRACKING_NONE;

    put_host_header(out, plan,
                    family == FAMILY_IPV4 ? "Settings of iptables.service" : "Settings of ip6tables.service");
    buf_text(out, "#\n# What is not said here is as the service has it by itself.\n\n");
    buf_text(out, none ? "# No module: nothing is tracked.\n"
                       : "# Helpers that the rules name; the tracker itself is loaded at boot.\n");
    buf_printf(out, "%s_MODULES=\"", name);
    put_helpers(out, plan);
    buf_text(out, "\"\n\n");
    buf_text(out, none ? "# Modules of the tracker that are loaded all the same go when the service stops.\n"
                       : "# The tracker stays when the service stops, with its settings and connections.\n");
    buf_printf(out, "%s_MODULES_UNLOAD=\"%s\"\n\n", name, none ? "yes" : "no");
    buf_printf(out,
               "# The rules are the policy's, whatever was changed by hand since.\n"
               "%s_SAVE_ON_STOP=\"no\"\n%s_SAVE_ON_RESTART=\"no\"\n%s_SAVE_COUNTER=\"no\"\n",
               name, name, name);
    if (sets_tracker(plan))
        buf_printf(
            out,
            "\n# Settings that were lost where a rule loaded the tracker after the boot are made again.\n"
            "%s_SYSCTL_LOAD_LIST=\".nf_conntrack\"\n",
            name);
}

// sysctl.d(5) has such a rule among its examples.
static void put_udev(struct buf *out, const struct plan *plan, enum layout layout)
{
    put_host_header(out, plan, "Kernel settings of a tracker that is loaded late");
    buf_printf(
        out,
        "\n"
        "# Settings made at boot are lost where the module that has them is loaded later: they are made "
        "again "
        "then.\n"
        "# Kernels before 5.11 announce a module before its settings are there; with these, modules-load.d "
        "alone is sure.\n"
        "ACTION==\"add\", SUBSYSTEM==\"module\", KERNEL==\"nf_conntrack\", "
        "RUN+=\"%s/systemd-sysctl --prefix=/net/netfilter\"\n",
        systemd_programs[layout]);
}

static void make_file(struct layout_file *file, enum part part, enum layout layout, const struct plan *plan,
                      const struct buf rules[FAMILY_COUNT], const struct buf *sets)
{
    const enum family family =
        part == PART_RULES_IPV4 || part == PART_SERVICE_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
    enum host_file host = HOST_SYSCTL;

    file->needed = true;
    switch (part) {
    case PART_RULES_IPV4:
    case PART_RULES_IPV6:
        buf_append(&file->text, rules[family].bytes, rules[family].length);
        return;
    case PART_SETS:
        file->needed = sets != NULL;
        file->common = true;
        if (sets)
            buf_append(&file->text, sets->bytes, sets->length);
        return;
    case PART_SERVICE_IPV4:
    case PART_SERVICE_IPV6:
        put_service(&file->text, plan, family);
        return;
    case PART_UDEV:
        file->needed = sets_tracker(plan);
        put_udev(&file->text, plan, layout);
        return;
    case PART_SYSCTL:
        host = HOST_SYSCTL;
        break;
    case PART_MODPROBE:
        host = HOST_MODPROBE;
        break;
    case PART_MODULES:
        host = HOST_MODULES;
        break;
    }
    file->needed = host_file_needed(plan, host);
    put_host_file(&file->text, plan, host);
}

struct layout_file *plan_files(struct arena *arena, const struct plan *plan, enum layout layout,
                               const struct buf rules[FAMILY_COUNT], const struct buf *sets, size_t *count)
{
    struct layout_file *files = arena_calloc(arena, PLACE_COUNT, sizeof(*files));

    *count = 0;
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        if (places[i].layout != layout)
            continue;
        files[*count].path = places[i].path;
        files[*count].mode = places[i].mode;
        make_file(&files[(*count)++], places[i].part, layout, plan, rules, sets);
    }
    return files;
}

void layout_files_clear(struct layout_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_clear(&files[i].text);
}

bool made_by_ctc(struct slice text)
{
    const char *end = text.length ? memchr(text.at, '\n', text.length) : NULL;
    const size_t length = end ? (size_t)(end - text.at) : text.length;

    return slice_starts(text, "#") && memmem(text.at, length, " made by ctc ", 13);
}
