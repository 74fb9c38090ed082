// SPDX-License-Identifier: GPL-2.0-or-later
//
// Parts of a policy in words, and the whole of it in a few sentences. The sentences are told from what was decided over all
// packets, not from what the policy says.
#include <string.h>

#include "report/gather.h"

void text_add(struct arena *arena, struct texts *texts, const char *text)
{
    *vec_push(arena, texts) = text;
}

bool text_has(const struct texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

const char *text_take(struct arena *arena, struct buf *text)
{
    const char *taken = arena_copy(arena, text->bytes ? text->bytes : "", text->length);

    buf_clear(text);
    return taken;
}

const char *limit_words(struct arena *arena, const struct limit *limit)
{
    const uint32_t period = limit->rate.period;

    return arena_printf(arena, "%u/%s burst %u %s", limit->rate.events,
                        period == 1      ? "second"
                        : period == 60   ? "minute"
                        : period == 3600 ? "hour"
                                         : "day",
                        limit->rate.burst, limit->per_source ? "per source" : "in total");
}

const char *traffic_words(struct arena *arena, const struct traffic *traffic, size_t count)
{
    struct buf text = {0};

    for (size_t i = 0; i < count; i++) {
        buf_text(&text, i ? "; " : "");
        traffic_print(&text, &traffic[i]);
    }
    return text_take(arena, &text);
}

#define NAMES_SHOWN 8 // in one sentence

// `http, https and ping`
static void put_names(struct buf *out, const struct texts *names)
{
    const size_t shown = names->count > NAMES_SHOWN ? NAMES_SHOWN - 1 : names->count;

    for (size_t i = 0; i < shown; i++) {
        if (i)
            buf_text(out, i + 1 == names->count ? " and " : ", ");
        buf_text(out, names->items[i]);
    }
    if (names->count > shown)
        buf_printf(out, " and %zu more", names->count - shown);
}

// A name may be several, with commas.
static void add_name(struct arena *arena, struct texts *names, const char *name)
{
    while (name && name[0]) {
        const size_t length = strcspn(name, ",");
        const char *one = arena_copy(arena, name, length);

        if (length && !text_has(names, one))
            text_add(arena, names, one);
        name += length;
        name += strspn(name, ", ");
    }
}

static void add_sentence(struct report *report, struct arena *arena, struct buf *text)
{
    text_add(arena, &report->summary, text_take(arena, text));
}

static bool reached_by_anyone(const struct reach *reach, size_t service)
{
    for (size_t i = 0; i < reach->senders.count; i++)
        if (reach->senders.items[i].anyone && (reach_at(reach, service, i).within & REACH_ACCEPTED))
            return true;
    return false;
}

// Services that anyone reaches, and those that others do.
static void say_who(struct report *report, struct arena *arena)
{
    const struct reach *reach = &report->reach;
    struct texts anyone = {0}, others = {0};
    struct buf text = {0};

    for (size_t i = 0; i + 1 < reach->services.count; i++)
        if (reached_by_anyone(reach, i))
            add_name(arena, &anyone, reach->services.items[i].name);
    for (size_t i = 0; i + 1 < reach->services.count; i++)
        for (size_t j = 0; j < reach->senders.count; j++)
            if ((reach_at(reach, i, j).within & REACH_ACCEPTED) && !reached_by_anyone(reach, i))
                add_name(arena, &others, reach->services.items[i].name);
    buf_text(&text, "This host answers ");
    if (anyone.count) {
        buf_text(&text, "anyone on ");
        put_names(&text, &anyone);
    }
    if (others.count) {
        buf_text(&text, anyone.count ? ", and named senders on " : "only named senders, on ");
        put_names(&text, &others);
    }
    if (!anyone.count && !others.count)
        buf_text(&text, "nobody");
    buf_char(&text, '.');
    add_sentence(report, arena, &text);
}

static void say_tracking(struct report *report, struct arena *arena)
{
    const struct reach *reach = &report->reach;
    struct texts untracked = {0};
    struct buf text = {0};

    for (size_t i = 0; i + 1 < reach->services.count; i++)
        for (size_t j = 0; j < reach->senders.count; j++)
            if (reach_at(reach, i, j).within & REACH_UNTRACKED)
                add_name(arena, &untracked, reach->services.items[i].name);
    for (size_t i = 0; i < report->policy->connect.count; i++)
        if (report->policy->tracking == TRACKING_SELECTIVE &&
            entry_untracked(report->policy, &report->policy->connect.items[i]))
            add_name(arena, &untracked, report->policy->connect.items[i].name);
    if (report->policy->tracking == TRACKING_NONE) {
        buf_text(&text, "Nothing is tracked.");
    } else if (!untracked.count) {
        buf_text(&text, "Every connection is tracked.");
    } else {
        buf_text(&text, untracked.count == 1 ? "Not tracked is " : "Not tracked are ");
        put_names(&text, &untracked);
        buf_text(&text, "; the rest is.");
    }
    add_sentence(report, arena, &text);
}

static void say_rest(struct report *report, struct arena *arena)
{
    const struct reach *reach = &report->reach;
    uint8_t anyone = 0, others = 0;
    struct buf text = {0};

    for (size_t i = 0; i < reach->senders.count; i++) {
        const uint8_t bits = reach_at(reach, reach->services.count - 1, i).within;

        if (reach->senders.items[i].anyone)
            anyone |= bits;
        else
            others |= bits;
    }
    if (anyone & REACH_ACCEPTED)
        buf_text(&text, "Of everything else, at least some is accepted");
    else
        buf_printf(&text, "Everything else is %s",
                   anyone == REACH_REJECTED  ? "rejected"
                   : anyone == REACH_DROPPED ? "dropped"
                                             : "refused");
    if (!(anyone & REACH_ACCEPTED) && (others & REACH_ACCEPTED))
        buf_text(&text, ", but from those whom it trusts");
    buf_char(&text, '.');
    add_sentence(report, arena, &text);
}

static void say_output(struct report *report, struct arena *arena)
{
    const struct entry_list *connect = &report->policy->connect;
    const bool accepts = report->policy->output == VERDICT_ACCEPT;
    struct texts names = {0};
    struct buf text = {0};

    for (size_t i = 0; i < connect->count; i++)
        if ((connect->items[i].verdict == VERDICT_ACCEPT) != accepts)
            add_name(arena, &names, connect->items[i].name);
    if (report->output == OUTPUT_ALL)
        buf_text(&text, "It may open connections to anywhere.");
    else if (report->output == OUTPUT_NONE)
        buf_text(&text, "It opens no connections of its own.");
    else if (report->output == OUTPUT_SOME && names.count) {
        buf_text(&text, accepts ? "It may open any connection but " : "It opens connections only for ");
        put_names(&text, &names);
        buf_char(&text, '.');
    } else {
        buf_text(&text, "It may open some connections.");
    }
    add_sentence(report, arena, &text);
}

static void say_forward(struct report *report, struct arena *arena)
{
    struct buf text = {0};

    if (report->policy->forwarding == VERDICT_LEAVE)
        buf_text(&text, "What is forwarded is left to others.");
    else if (report->zones.names.count > 1) {
        struct texts names = report->zones.names;

        names.count--;
        buf_text(&text, "It forwards between ");
        put_names(&text, &names);
        buf_char(&text, '.');
    } else if (report->policy->forward.count || report->policy->forwarding == VERDICT_ACCEPT) {
        buf_text(&text, "It forwards for others.");
    } else {
        buf_text(&text, "It forwards nothing.");
    }
    add_sentence(report, arena, &text);
}

void gather_summary(struct report *report, struct arena *arena)
{
    if (!report->reach.undecided) {
        say_who(report, arena);
        say_rest(report, arena);
        say_tracking(report, arena);
    }
    say_output(report, arena);
    say_forward(report, arena);
}
