// SPDX-License-Identifier: GPL-2.0-or-later
//
// A plan as the files that a host reads at boot.
#include <string.h>

#include "host/reasons.h"

// 90: behind what distributions ship, whose files are numbered up to 60 (sysctl.d(5)).
const char *const host_file_paths[HOST_FILE_COUNT] = {
    [HOST_SYSCTL] = "/etc/sysctl.d/90-ctc.conf",
    [HOST_MODPROBE] = "/etc/modprobe.d/ctc.conf",
    [HOST_MODULES] = "/etc/modules-load.d/ctc.conf",
};

static void put_comment(struct buf *out, const char *text)
{
    while (text && *text) {
        const size_t length = strcspn(text, "\n");

        buf_printf(out, "#%s%.*s\n", length ? " " : "", (int)length, text);
        text += text[length] ? length + 1 : length;
    }
}

void put_host_header(struct buf *out, const struct plan *plan, const char *what)
{
    const struct policy *policy = plan->policy;

    buf_printf(out, "# %s, made by ctc %s from %s, sha256 %.16s, for ", what, CTC_VERSION, policy->name,
               policy->hash);
    if (kernel_known(plan->version))
        buf_printf(out, "Linux %u.%u\n", plan->version.major, plan->version.minor);
    else
        buf_text(out, "Linux 5.15 and later\n");
}

static void put_why_no_size(struct buf *out, const struct plan *plan)
{
    if (plan->policy->conntrack.block_modules)
        put_comment(out, "The tracker is kept out, and has no keys here.");
    else if (plan->policy->tracking == TRACKING_NONE)
        put_comment(out, "Nothing is tracked: the table stays as it is.");
    else
        put_comment(out, "The size of the table is left to the kernel: with host.memory or conntrack.load in "
                         "the policy it "
                         "would be here.");
}

static void put_sysctl(struct buf *out, const struct plan *plan)
{
    struct arena scratch = {0};

    put_host_header(out, plan, "Kernel settings");
    if (plan->forecast.count) {
        buf_text(out, "#\n");
        put_comment(out, why_load(&scratch, plan));
    }
    if (!plan->sizing.max || plan->policy->conntrack.block_modules) {
        buf_text(out, "\n");
        put_why_no_size(out, plan);
    }
    for (size_t i = 0; i < plan->settings.count; i++) {
        const struct setting *setting = &plan->settings.items[i];

        buf_char(out, '\n');
        put_comment(out, setting->why);
        buf_printf(out, "%s = %s\n", setting->key, setting->value);
    }
    arena_clear(&scratch);
}

struct module {
    const char *name;
    struct kernel_version from, until; // the first that has it, the first that does not any more
};

static const struct module modules[] = {
#define FIRST \
    {         \
        0, 0  \
    }
#define STILL \
    {         \
        0, 0  \
    }
#define V(major, minor) \
    {                   \
        major, minor    \
    }
#define MODULE(name, from, until) {name, from, until},
#include "host/modules.def"
#undef FIRST
#undef STILL
#undef V
#undef MODULE
};

// Of an unknown kernel, all: a line about a module that is not there does nothing.
static bool module_of(const struct module *module, struct kernel_version version)
{
    if (!kernel_known(version))
        return true;
    return kernel_at_least(version, module->from.major, module->from.minor) &&
           (!kernel_known(module->until) ||
            !kernel_at_least(version, module->until.major, module->until.minor));
}

static void put_block(struct buf *out, const struct plan *plan)
{
    put_comment(
        out,
        "\n"
        "Keeps connection tracking out: modprobe runs /bin/false instead of loading it, by name, by alias or "
        "as "
        "what\n"
        "another module needs; `blacklist` would stop aliases alone. What is loaded stays so until the next "
        "boot, or\n"
        "until this takes it out once no rule needs it; the order is one that unloads:\n"
        "  sed -n 's/^install \\([^ ]*\\).*/\\1/p' /etc/modprobe.d/ctc.conf | xargs modprobe -rq\n"
        "An initramfs has its own copy of this folder: make it anew (dracut -f, update-initramfs -u). A "
        "tracker that\n"
        "is built into the kernel cannot be kept out: there, only NOTRACK helps, as modules: keep has it.");
    buf_char(out, '\n');
    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
        if (module_of(&modules[i], plan->version))
            buf_printf(out, "install %s /bin/false\n", modules[i].name);
}

static void put_modprobe(struct buf *out, const struct plan *plan)
{
    const unsigned long long buckets = plan->sizing.buckets;

    put_host_header(out, plan, "Options of kernel modules");
    if (plan->policy->conntrack.block_modules) {
        put_block(out, plan);
        return;
    }
    buf_char(out, '\n');
    if (!buckets) {
        put_comment(out, "The buckets of the tracking table are left to the kernel.");
        return;
    }
    put_comment(out, "Buckets of the tracking table from the moment when its module is loaded.");
    if (plan->sizing.max)
        put_comment(
            out,
            "With this option the kernel sets nf_conntrack_max to 8 times as many, until sysctl sets it.");
    else
        buf_printf(out, "# With this option the kernel sets nf_conntrack_max to 8 times as many, %llu.\n",
                   8 * buckets);
    buf_printf(out, "options nf_conntrack hashsize=%llu\n", buckets);
}

static void put_modules(struct buf *out, const struct plan *plan)
{
    put_host_header(out, plan, "Modules to load at boot");
    buf_char(out, '\n');
    if (!plan->modules.count) {
        put_comment(out, "None: nothing is tracked.");
        return;
    }
    put_comment(out, "The tracker is loaded before kernel settings are made. Else a rule loads it later, and "
                     "its settings are lost.");
    for (size_t i = 0; i < plan->modules.count; i++)
        buf_printf(out, "%s\n", plan->modules.items[i]);
}

void put_host_file(struct buf *out, const struct plan *plan, enum host_file file)
{
    switch (file) {
    case HOST_SYSCTL:
        put_sysctl(out, plan);
        break;
    case HOST_MODPROBE:
        put_modprobe(out, plan);
        break;
    case HOST_MODULES:
        put_modules(out, plan);
        break;
    case HOST_FILE_COUNT:
        break;
    }
}

bool host_file_needed(const struct plan *plan, enum host_file file)
{
    switch (file) {
    case HOST_SYSCTL:
        return plan->settings.count;
    case HOST_MODPROBE:
        return plan->policy->conntrack.block_modules || plan->sizing.buckets;
    case HOST_MODULES:
        return plan->modules.count;
    case HOST_FILE_COUNT:
        break;
    }
    return false;
}
