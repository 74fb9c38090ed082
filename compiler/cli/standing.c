// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc confirm, ctc rollback, ctc status: what becomes of the last apply.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apply/pending.h"
#include "apply/stops.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/connections.h"
#include "kernel/privileges.h"

enum exit_code run_confirm(int argc, char **argv)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    enum exit_code code;

    const bool cut = argc == 2 && strcmp(argv[1], "--cut") == 0;

    if (argc != 1 && !cut)
        return usage_error("confirm", "it takes --cut alone");
    privileges_drop(NULL);
    switch (pending_confirm(&error)) {
    case PENDING_DONE:
        if (cut)
            connections_cut(&arena);
        code = EXIT_FINE;
        break;
    case PENDING_NONE:
        code = world_error("nothing waits for a confirmation: `ctc status` says what stands");
        break;
    default:
        code = world_error("%s", error.text);
    }
    arena_clear(&arena);
    return code;
}

static enum exit_code report_rollback(const struct restored *restored)
{
    struct buf text = {0};
    enum exit_code code;

    if (restored->overwritten)
        fprintf(stderr, "ctc: warning: what others had changed in the tables since is gone; tables: %zu\n",
                restored->overwritten);
    buf_printf(&text, "The rules of before the last apply are back; tables that changed: %zu.\n",
               restored->tables);
    code = write_output(&text);
    buf_clear(&text);
    return code;
}

enum exit_code run_rollback(int argc, char **argv)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    struct restored restored = {0};
    enum pending_end end;
    enum exit_code code;
    sigset_t stops;

    (void)argv;
    if (argc != 1)
        return usage_error("rollback", "it takes nothing");
    privileges_drop(NULL);
    stops_hold(&stops);
    end = privileges_suffice(&error) ? pending_rollback(&restored, &error) : PENDING_FAILED;
    stops_release(&stops);
    switch (end) {
    case PENDING_DONE:
        code = report_rollback(&restored);
        break;
    case PENDING_NONE:
        code = world_error("there is nothing to go back to: nothing was applied since the machine started");
        break;
    default:
        code = world_error("%s", error.text);
    }
    arena_clear(&arena);
    return code;
}

static void put_time(struct buf *out, int64_t when)
{
    const time_t seconds = (time_t)when;
    struct tm local;
    char text[40];

    if (localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
        buf_text(out, text);
}

static void put_standing(struct buf *out, const struct standing *standing)
{
    static const char *const words[] = {
        [APPLIED_LAST] = "applied",
        [APPLIED_WAITS] = "applied, not confirmed",
        [APPLIED_UNDERWAY] = "being applied",
        [APPLIED_ABANDONED] = "cut short: `ctc rollback` puts the old tables back",
    };

    if (standing->what == APPLIED_NOTHING) {
        buf_text(out, "Nothing that was applied since the machine started stands.\n");
        return;
    }
    buf_printf(out, "%s\n  ", standing->journal.policy);
    put_time(out, standing->journal.when);
    buf_printf(out, "   %s%s%s\n", words[standing->what],
               standing->backend && standing->backend->program ? "   by " : "",
               standing->backend && standing->backend->program ? standing->backend->program : "");
    if (standing->stopped)
        buf_printf(out,
                   "  Process %" PRId64
                   ", which attends to it, is stopped, and nothing reverts by itself: %s\n",
                   standing->stopped,
                   standing->what == APPLIED_WAITS ? "say `ctc confirm` or `ctc rollback`."
                                                   : "`ctc rollback` ends it.");
    else if (standing->what == APPLIED_WAITS && standing->watched)
        buf_printf(out, "  The old rules come back in %.0f s unless `ctc confirm` comes first.\n",
                   standing->seconds > 0 ? standing->seconds : 0);
    else if (standing->what == APPLIED_WAITS)
        buf_text(out, "  The watchdog is gone, and nothing reverts by itself: say `ctc confirm` or "
                      "`ctc rollback`.\n");
    for (size_t i = 0; i < standing->drifted.count; i++)
        buf_printf(out, "  %s %s   changed since\n", family_name(standing->drifted.items[i].family),
                   standing->drifted.items[i].table);
}

enum exit_code run_status(int argc, char **argv)
{
    struct arena arena = {0};
    struct kernel_error error = {.arena = &arena};
    struct standing standing;
    struct buf text = {0};
    enum exit_code code;

    (void)argv;
    if (argc != 1)
        return usage_error("status", "it takes nothing");
    privileges_drop(NULL);
    if (pending_status(&arena, &standing, &error)) {
        put_standing(&text, &standing);
        code = write_output(&text);
        if (code == EXIT_FINE && standing.drifted.count)
            code = EXIT_DIFFERENCE;
    } else {
        code = world_error("%s", error.text);
    }
    buf_clear(&text);
    arena_clear(&arena);
    return code;
}
