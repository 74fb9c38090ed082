// SPDX-License-Identifier: GPL-2.0-or-later
//
// ctc apply: a policy's rules put into the kernel that runs here; or what that would change.
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/ahead.h"
#include "apply/good.h"
#include "apply/load.h"
#include "apply/objections.h"
#include "apply/order.h"
#include "apply/pending.h"
#include "apply/session.h"
#include "apply/unchanged.h"
#include "cli/apply_options.h"
#include "cli/boot.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/connections.h"
#include "cli/known_sets.h"
#include "cli/live.h"
#include "cli/objections.h"
#include "cli/plan.h"
#include "cli/way.h"
#include "compile.h"
#include "kernel/lock.h"
#include "kernel/privileges.h"

#define RULES_TOLD      2000 // beyond, only a dry run says what traffic changes
#define LOCK_GLANCE     1000 // milliseconds of waiting for the lock where there may be nothing to do
#define CONFIRM_SECONDS 60   // unless the caller says otherwise
#define SECOND          INT64_C(1000000000)

static enum exit_code print_plan(struct arena *arena, const struct apply_options *options,
                                 const struct apply_plan *plan, const struct connections *connections)
{
    const bool applied = connections->stage != CONNECTIONS_PLANNED;
    struct buf text = {0};
    enum exit_code code;

    if (options->json) {
        json_t *object = json_document("apply");

        json_set(object, "policy", json_text(options->policy));
        json_set(object, "via", json_text(plan->backend->name));
        json_set(object, "program", json_text_or_null(plan->backend->program));
        json_set(object, "applied", json_boolean(applied));
        json_set(object, "confirm",
                 applied && options->confirm ? json_integer(options->confirm) : json_null());
        set_plan(object, plan);
        set_connections(object, connections);
        json_print(&text, object);
    } else {
        put_plan(&text, arena, plan);
        put_connections(&text, arena, connections);
    }
    code = write_output(&text);
    buf_clear(&text);
    return code;
}

// What the rules mean for connections that are open, and the plan.
static enum exit_code settle(struct arena *arena, const struct apply_options *options,
                             const struct apply_plan *plan, struct connections connections)
{
    connections_after(arena, plan, options->cut, &connections);
    return print_plan(arena, options, plan, &connections);
}

// Counts down on the terminal until somebody answers there, or elsewhere. Where the terminal is lost, the watchdog decides.
static enum exit_code ask(unsigned seconds, bool cut, struct kernel_error *error)
{
    const int64_t deadline = boot_time() + (int64_t)seconds * SECOND;
    char line[80];
    enum pending_end end = PENDING_NONE;

    for (int64_t left = deadline - boot_time(); left > 0; left = deadline - boot_time()) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

        fprintf(stderr, "\rThe old rules come back in %" PRId64 " s. Keep the new ones? (yes) ",
                (left + SECOND - 1) / SECOND);
        if (!pending_awaits(error->arena))
            break;
        if (poll(&input, 1, 1000) <= 0)
            continue;
        if (!fgets(line, sizeof(line), stdin))
            break;
        if (strcmp(line, "yes\n") != 0 && strcmp(line, "y\n") != 0)
            continue;
        end = pending_confirm(error);
        fputs(end == PENDING_DONE ? "Kept.\n" : "\n", stderr);
        if (end != PENDING_DONE)
            return world_error("%s", error->text);
        if (cut)
            connections_cut(error->arena);
        return EXIT_FINE;
    }
    fputs("\nNot confirmed here; `ctc status` says what stands.\n", stderr);
    return EXIT_WORLD;
}

static enum exit_code report_load(struct arena *arena, const struct apply_options *options,
                                  const struct apply_plan *plan, struct connections connections,
                                  enum load_end end, const char *meddled, struct kernel_error *error)
{
    enum exit_code code;

    if (plan->raced)
        fprintf(
            stderr,
            "ctc: warning: somebody else changed nf_tables in the moment in which %s was loaded; what they "
            "changed there is lost\n",
            plan->raced);
    if (meddled)
        fprintf(stderr, "ctc: warning: somebody else changed %s as soon as it was loaded; that stays\n",
                meddled);
    connections.stage = end == LOAD_WAITS ? CONNECTIONS_WAIT : CONNECTIONS_DONE;
    switch (end) {
    case LOAD_DONE:
    case LOAD_STOOD:
        return settle(arena, options, plan, connections);
    case LOAD_WAITS:
        code = settle(arena, options, plan, connections);
        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
            return ask(options->confirm, options->cut, error);
        fprintf(stderr, "ctc: note: the old rules come back in %u s unless `ctc confirm` comes first\n",
                options->confirm);
        return code;
    case LOAD_REVERTED:
        fputs("ctc: note: the kernel has the rules that it had before\n", stderr);
        return world_error("%s", error->text);
    default:
        fputs("ctc: error: some tables are new and some are old: say `ctc rollback`\n", stderr);
        return world_error("%s", error->text);
    }
}

static void say_not_remembered(const struct kernel_error *error)
{
    fprintf(stderr, "ctc: warning: the last good rules are not remembered: %s\n", error->text);
}

// Loads the plan. The rules that then stand, or may, are what a start of the machine goes back to: they are written meanwhile,
// and remembered ahead of whoever waits for the lock. Without them it is as safe.
static enum load_end load_and_remember(struct compilation *compilation, const struct apply_options *options,
                                       const struct buf texts[FAMILY_COUNT], struct apply_plan *plan,
                                       int lock, const char **meddled, struct kernel_error *error)
{
    struct kernel_error trouble = {.arena = &compilation->arena};
    struct good_writing writing;
    const bool waits = options->confirm != 0;
    bool remembered;
    enum load_end end;

    if (!load_may_begin(error)) // the rules of the apply that stands in the way wait for their confirmation
        return LOAD_REVERTED;
    remembered = good_begin(&writing, texts, waits, &trouble);
    // Whoever confirms finds them there.
    if (remembered && waits)
        remembered = good_end(&writing, GOOD_IN_PLACE, &trouble);
    end = load_plan(&compilation->arena, plan, options->policy, options->confirm, lock, meddled, error);
    if (remembered && !waits)
        remembered = good_end(&writing,
                              end == LOAD_DONE    ? GOOD_BEHIND
                              : end == LOAD_STOOD ? GOOD_IN_PLACE
                                                  : GOOD_NOT,
                              &trouble);
    else if (remembered && load_stands(end)) // there was nothing to confirm
        good_confirm(end == LOAD_DONE ? GOOD_BEHIND : GOOD_IN_PLACE, &trouble);
    if (!remembered && (load_stands(end) || waits))
        say_not_remembered(&trouble);
    return end;
}

// While the machine starts, nothing is connected and no packet comes.
static enum exit_code carry_out_at_boot(struct compilation *compilation, const struct apply_options *options,
                                        const struct buf texts[FAMILY_COUNT], struct apply_plan *plan,
                                        int lock)
{
    struct kernel_error error = {.arena = &compilation->arena};
    const char *meddled = NULL;

    order_unproved(&compilation->arena, plan);
    find_objections(&compilation->arena, plan, compilation->policy, compilation->sources.items[0]);
    if (report_objections(options, plan))
        return EXIT_WORLD;
    return load_stands(load_and_remember(compilation, options, texts, plan, lock, &meddled, &error))
               ? EXIT_FINE
               : world_error("%s", error.text);
}

// How many regions of traffic that changes are told, of one kind at one hook. With very many rules that takes longer than all
// else, and is left to a dry run.
static size_t regions_told(const struct apply_options *options, const struct wanted *wanted)
{
    const size_t rules =
        ruleset_rule_count(wanted->rules[FAMILY_IPV4]) + ruleset_rule_count(wanted->rules[FAMILY_IPV6]);

    return options->dry_run || (!options->boot && rules <= RULES_TOLD) ? REGIONS_TOLD : 0;
}

// Whoever says the same again is told nothing but what was said now: where there is more than the plan, it is found anew.
static void remember_basis(const struct compilation *compilation, const struct apply_options *options,
                           struct apply_plan *plan, const char *trouble, struct buf *basis)
{
    if (trouble || plan->objections.count || compilation->diags.counts[SEVERITY_WARNING])
        return;
    unchanged_put(basis, plan, options->own, compilation->policy, &compilation->sources);
    plan->basis = (struct slice){basis->bytes, basis->length};
}

// An apply of what stands has nothing to do. What asks for more than the rules to stand is never that: a preview, a way back,
// a cut. Nobody's connection is looked at: it fares as it does.
static bool nothing_to_do(struct arena *arena, const struct apply_options *options,
                          const struct kernel_backend *backend, enum exit_code *code)
{
    const bool more = options->dry_run || options->confirm || options->boot || options->cut || options->force;
    struct kernel_error ignored = {.arena = arena};
    struct apply_plan plan = {0};
    int lock;
    bool same;

    if (more || (lock = xtables_lock(LOCK_GLANCE, &ignored)) < 0)
        return false;
    same = unchanged_plan(arena, backend, options->own, options->policy, &plan);
    xtables_unlock(lock);
    if (same)
        *code = settle(arena, options, &plan, (struct connections){.stage = CONNECTIONS_DONE});
    plan_clear(&plan);
    return same;
}

static enum exit_code carry_out(struct compilation *compilation, const struct apply_options *options,
                                const struct session *session, const struct kernel_backend *backend,
                                struct ahead *ahead, const struct buf texts[FAMILY_COUNT],
                                struct apply_plan *plan, int *lock)
{
    struct kernel_error error = {.arena = &compilation->arena};
    const struct wanted wanted = {.rules = {wanted_here(compilation->rules[FAMILY_IPV4]->printed),
                                            wanted_here(compilation->rules[FAMILY_IPV6]->printed)},
                                  .ahead = ahead};
    struct connections connections = {.stage = CONNECTIONS_DONE};
    const char *meddled = NULL, *trouble = NULL;
    enum exit_code code, rivalry;
    struct buf basis = {0};
    enum load_end end;

    if (!kernel_has_family(FAMILY_IPV6))
        fputs("ctc: note: this kernel has no IPv6, and gets no rules for it\n", stderr);
    rivalry = report_rivals(&compilation->arena, backend, !options->dry_run, options->force || options->boot);
    if (rivalry != EXIT_FINE)
        return rivalry;
    if (!plan_apply(&compilation->arena, backend, compilation->policy, &wanted, options->own,
                    regions_told(options, &wanted), plan, &error))
        return world_error("%s", error.text);
    if (options->boot)
        return carry_out_at_boot(compilation, options, texts, plan, *lock);
    warn_of_unknown_sets(plan->sets_unknown);
    if (plan->difference.undecided)
        fputs("ctc: warning: the rules are too many to tell what traffic changes\n", stderr);
    if (plan->moves_in)
        fputs("ctc: note: what others have in these tables stays, and ctc's rules stand in chains of their "
              "own beside it; --own tables replaces all of it\n",
              stderr);
    order_tables(&compilation->arena, plan);
    if (session)
        trouble = session_trouble(&compilation->arena, session, plan, compilation->policy);
    find_objections(&compilation->arena, plan, compilation->policy, compilation->sources.items[0]);
    code = report_dangers(options, session, trouble, plan);
    if (options->dry_run)
        return settle(&compilation->arena, options, plan, (struct connections){.stage = CONNECTIONS_PLANNED});
    if (code != EXIT_FINE)
        return code;
    remember_basis(compilation, options, plan, trouble, &basis);
    connections_before(&compilation->arena, plan, &connections);
    end = load_and_remember(compilation, options, texts, plan, *lock, &meddled, &error);
    buf_clear(&basis);
    xtables_unlock(*lock);
    *lock = -1;
    stops_release(&options->stops);
    return report_load(&compilation->arena, options, plan, connections, end, meddled, &error);
}

static void begin_ahead(void *ahead, const struct ruleset *rules)
{
    ahead_begin(ahead, wanted_here(rules));
}

// `texts`: of the rules that were made.
static enum exit_code apply(struct compilation *compilation, struct apply_options *options,
                            struct ahead *ahead, struct buf texts[FAMILY_COUNT])
{
    const struct compile_options compile = {.made = begin_ahead, .context = ahead};
    struct kernel_error error = {.arena = &compilation->arena};
    const struct kernel_backend *backend = NULL;
    struct apply_plan plan = {0};
    struct session session;
    const bool remote = session_find(&compilation->arena, &session);
    enum exit_code code;
    bool fine, reads_all;
    int lock = -1;

    // What takes more than CAP_NET_ADMIN and CAP_NET_RAW has been done then: other processes are looked into, and modules loaded.
    if (privileges_suffice(&error))
        backend = open_way(&compilation->arena, options->via, &error);
    if (!backend)
        return world_error("%s", error.text);

    if (!options->dry_run)
        ahead_by(ahead, backend);

    // With the right to read all files, nothing else is done.
    reads_all = privileges_drop(strcmp(options->policy, "-") == 0 ? NULL : options->policy);
    if (!reads_all) {
        if (nothing_to_do(&compilation->arena, options, backend, &code))
            return code;
        ahead_start(ahead);
    }

    // Whoever sits at the other end of a connection is asked through it.
    if (!options->dry_run && !options->now && !options->confirm && !options->boot && remote &&
        isatty(STDIN_FILENO))
        options->confirm = CONFIRM_SECONDS;

    fine = compile_read(compilation, options->policy);
    privileges_drop(NULL);
    if (fine && reads_all)
        ahead_start(ahead);
    for (enum family family = 0; family < FAMILY_COUNT && fine; family++)
        fine = compile_rules(compilation, family, &compile, &texts[family]);
    report_diags(&compilation->diags, SEVERITY_WARNING);
    if (!fine)
        return compilation->diags.exit;
    if (!options->dry_run && (lock = xtables_lock(XTABLES_WAIT, &error)) < 0) {
        pending_explain(&error);
        return world_error("%s", error.text);
    }
    code = carry_out(compilation, options, remote ? &session : NULL, backend, ahead, texts, &plan, &lock);
    xtables_unlock(lock);
    plan_clear(&plan);
    return code;
}

static enum exit_code apply_once(struct apply_options *options)
{
    struct buf texts[FAMILY_COUNT] = {0};
    struct compilation compilation;
    struct ahead *ahead;
    enum exit_code code;

    if (!options->dry_run)
        stops_hold(&options->stops);
    compilation_init(&compilation);
    ahead = ahead_new(&compilation.arena);
    code = apply(&compilation, options, ahead, texts);
    ahead_close(ahead);
    compilation_clear(&compilation);
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        buf_clear(&texts[family]);
    return code;
}

enum exit_code run_apply(int argc, char **argv)
{
    struct apply_options options = {0};
    enum exit_code code = parse_apply_options(argc, argv, &options);

    if (code == EXIT_FINE && options.boot)
        code = boot_settle();
    if (code != EXIT_FINE)
        return code;
    if (options.check)
        return ask_live(&(struct live_question){.command = "apply --check",
                                                .policy = options.policy,
                                                .via = options.via,
                                                .own = options.own,
                                                .family = FAMILY_COUNT,
                                                .json = options.json,
                                                .widen = options.widen,
                                                .rules = true});
    code = apply_once(&options);
    if (code != EXIT_FINE && options.boot)
        boot_otherwise(options.boot, options.via);
    return code;
}
