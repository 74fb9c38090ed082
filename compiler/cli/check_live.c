// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc check --live: whether the kernel that runs here tracks connections, and what makes it.
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/known_sets.h"
#include "compile.h"
#include "kernel/backend.h"
#include "live/tracking.h"

// What is true of one family.
enum tracking_state {
    TRACKING_IS_ON,
    TRACKING_IS_IDLE, // the tracker is on, and raw takes every packet out
    TRACKING_IS_OFF,
    TRACKING_MAY_BE_ON, // nothing that was seen keeps it on, but not all was seen, or something may ask for it
};

static const char *const state_words[] = {"on", "idle", "off", "unknown"};

static enum tracking_state state_of(const struct live_tracking *tracking, enum family family)
{
    const struct tracked_family *tracked = &tracking->families[family];
    bool sure = false;

    if (!tracking->tracker)
        return TRACKING_IS_OFF;
    for (size_t i = 0; i < tracked->causes.count; i++)
        sure = sure || !tracked->causes.items[i].unclear;
    if (tracked->all_out && (tracked->causes.count || tracking->nft_unseen))
        return TRACKING_IS_IDLE;
    if (sure)
        return TRACKING_IS_ON;
    return tracked->causes.count || tracked->legacy_unseen || tracking->nft_unseen ? TRACKING_MAY_BE_ON
                                                                                   : TRACKING_IS_OFF;
}

// Whether that is what a policy asks for.
static bool fits(const struct policy *policy, const struct live_tracking *tracking, enum tracking_state state)
{
    if (policy->tracking != TRACKING_NONE)
        return state == TRACKING_IS_ON;
    if (policy->conntrack.block_modules)
        return !tracking->tracker;
    return state == TRACKING_IS_OFF || state == TRACKING_IS_IDLE;
}

static const char *headline(struct arena *arena, const struct live_tracking *tracking,
                            enum tracking_state state)
{
    switch (state) {
    case TRACKING_IS_ON:
        return "connections are tracked";
    case TRACKING_IS_IDLE:
        return "nothing is tracked: raw takes every packet out, though the tracker is on";
    case TRACKING_MAY_BE_ON:
        return "connections may be tracked: not all could be seen";
    case TRACKING_IS_OFF:
        break;
    }
    if (!tracking->tracker)
        return "nothing is tracked: the tracker is not in the kernel";
    return tracking->entries
               ? arena_printf(arena,
                              "nothing is tracked: no rule asks for it; entries of before, or of "
                              "what is no rule: %llu",
                              (unsigned long long)tracking->entries)
               : "nothing is tracked: no rule asks for it";
}

#define CAUSES_SHOWN 20

static void put_family(struct buf *out, struct arena *arena, const struct live_tracking *tracking,
                       enum family family, const struct policy *policy)
{
    const struct tracked_family *tracked = &tracking->families[family];
    const enum tracking_state state = state_of(tracking, family);
    struct rows rows = {0};

    buf_printf(out, "%s   %s%s\n", family_name(family), headline(arena, tracking, state),
               policy && !fits(policy, tracking, state)
                   ? arena_printf(arena, "; the policy says tracking: %s%s", tracking_words[policy->tracking],
                                  policy->conntrack.block_modules ? ", and keeps the modules out" : "")
                   : "");
    for (size_t i = 0; i < tracked->causes.count && i < CAUSES_SHOWN; i++) {
        const struct tracking_cause *cause = &tracked->causes.items[i];

        *vec_push(arena, &rows) =
            (struct row){{cause->tool, cause->place,
                          cause->unclear ? arena_printf(arena, "%s, perhaps", cause->what) : cause->what,
                          cause->text ? cause->text : "", ""}};
    }
    put_rows(out, &rows, "       ", 0);
    if (tracked->causes.count > CAUSES_SHOWN)
        buf_printf(out, "       and %zu others\n", tracked->causes.count - CAUSES_SHOWN);
    if (tracked->legacy_unseen)
        buf_printf(out, "       legacy tables: not seen: %s\n", tracked->legacy_unseen);
    if (tracking->nft_unseen)
        buf_printf(out, "       nf_tables: not seen: %s\n", tracking->nft_unseen);
}

static json_t *cause_json(const struct tracking_cause *cause)
{
    json_t *object = json_object();

    json_set(object, "tool", json_text(cause->tool));
    json_set(object, "place", json_text(cause->place));
    json_set(object, "what", json_text(cause->what));
    json_set(object, "rule", json_text_or_null(cause->text));
    json_set(object, "unclear", json_boolean(cause->unclear));
    return object;
}

static json_t *family_json(const struct live_tracking *tracking, enum family family,
                           const struct policy *policy)
{
    const struct tracked_family *tracked = &tracking->families[family];
    const enum tracking_state state = state_of(tracking, family);
    json_t *object = json_object(), *causes = json_array(), *unseen = json_array();

    for (size_t i = 0; i < tracked->causes.count; i++)
        json_push(causes, cause_json(&tracked->causes.items[i]));
    if (tracked->legacy_unseen)
        json_push(unseen, json_text(tracked->legacy_unseen));
    if (tracking->nft_unseen)
        json_push(unseen, json_text(tracking->nft_unseen));
    json_set(object, "family", json_family(family));
    json_set(object, "tracking", json_text(state_words[state]));
    json_set(object, "fits", policy ? json_boolean(fits(policy, tracking, state)) : json_null());
    json_set(object, "causes", causes);
    json_set(object, "unseen", unseen);
    return object;
}

static json_t *document(const struct live_tracking *tracking, const char *path, const struct policy *policy)
{
    json_t *object = json_document("check --live"), *families = json_array();

    for (enum family family = 0; family < FAMILY_COUNT; family++)
        json_push(families, family_json(tracking, family, policy));
    json_set(object, "policy", json_text_or_null(path));
    json_set(object, "tracker", json_boolean(tracking->tracker));
    json_set(object, "entries", json_integer((json_int_t)tracking->entries));
    json_set(object, "families", families);
    return object;
}

static enum exit_code report(struct arena *arena, bool json, const struct live_tracking *tracking,
                             const char *path, const struct policy *policy)
{
    struct buf out = {0};
    enum exit_code code;
    bool fine = true;

    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        fine = fine && (!policy || fits(policy, tracking, state_of(tracking, family)));
        if (!json)
            put_family(&out, arena, tracking, family, policy);
    }
    if (json)
        json_print(&out, document(tracking, path, policy));
    code = write_output(&out);
    buf_clear(&out);
    return code == EXIT_FINE && !fine ? EXIT_DIFFERENCE : code;
}

enum exit_code check_live(bool json, const char *sets, const char *policy)
{
    struct compilation compilation;
    struct known_sets known;
    struct live_tracking tracking;
    enum exit_code code = known_sets_open(&known, sets);

    compilation_init(&compilation);

    struct kernel_error error = {.arena = &compilation.arena};

    if (code != EXIT_FINE) {
        // It was said.
    } else if (policy && !compile_read(&compilation, policy)) {
        report_diags(&compilation.diags, SEVERITY_WARNING);
        code = compilation.diags.exit;
    } else if (!tracking_read(&compilation.arena, &libiptc_backend, known.list, &tracking, &error)) {
        code = world_error("%s", error.text);
    } else {
        warn_of_unknown_sets(tracking.sets_unknown);
        code = report(&compilation.arena, json, &tracking, policy, compilation.policy);
    }
    compilation_clear(&compilation);
    known_sets_clear(&known);
    return code;
}
