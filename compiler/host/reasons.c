// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/reasons.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long number;

// A text that was put together in a buffer, on the arena and without its last line's end.
static const char *take(struct arena *arena, struct buf *text)
{
    size_t length = text->length;

    while (length && text->bytes[length - 1] == '\n')
        length--;

    const char *taken = arena_copy(arena, text->bytes, length);

    buf_clear(text);
    return taken;
}

// 7440 as 2h4m
static const char *duration_text(struct arena *arena, uint64_t seconds)
{
    static const struct {
        uint32_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    struct buf text = {0};

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (seconds >= units[i].seconds)
            buf_printf(&text, "%llu%c", (number)(seconds / units[i].seconds), units[i].letter);
        seconds %= units[i].seconds;
    }
    if (!text.length)
        buf_text(&text, "0s");
    return take(arena, &text);
}

// Bytes as KiB, MiB or GiB, rounded to one that reads well.
static const char *size_text(struct arena *arena, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t tenths = bytes * 10;

    while (tenths >= 10240 && unit < 4) {
        tenths = (tenths + 512) / 1024;
        unit++;
    }
    if (tenths >= 100 || tenths % 10 == 0)
        return arena_printf(arena, "%llu %s", (number)((tenths + 5) / 10), units[unit]);
    return arena_printf(arena, "%llu.%llu %s", (number)(tenths / 10), (number)(tenths % 10), units[unit]);
}

static const char *period_text(uint32_t period)
{
    return period == 1 ? "second" : period == 60 ? "minute" : period == 3600 ? "hour" : "day";
}

static void put_item(struct arena *arena, struct buf *out, const struct plan *plan,
                     const struct forecast_item *item, int width)
{
    const struct load *load = item->load;
    const char *rate = arena_printf(arena, "%u/%s", load->rate.events, period_text(load->rate.period));
    struct buf traffic = {0};

    traffic_print(&traffic, &load->traffic[0]);
    buf_printf(out, "  %-*s  %14s × ", width, load->service, rate);
    if (!item->entries && plan->policy->tracking == TRACKING_NONE)
        buf_text(out, "0 s: nothing is tracked");
    else if (item->untracked_by)
        buf_printf(out, "0 s: untracked by the entry %s, line %u", item->untracked_by->name,
                   item->untracked_by->span.line);
    else if (load->open)
        buf_printf(out, "(%u s in use + %u s %s) = %llu", load->open, item->wait, timeout_name(item->timeout),
                   (number)item->entries);
    else
        buf_printf(out, "%u s (%s) = %llu", item->wait, timeout_name(item->timeout), (number)item->entries);
    if (load->traffic_count > 1 && item->entries)
        buf_printf(out, ", as %s", traffic.bytes);
    if (item->part_by && item->entries)
        buf_printf(out, "; the entry %s, line %u, untracks some of it", item->part_by->name,
                   item->part_by->span.line);
    buf_char(out, '\n');
    buf_clear(&traffic);
}

const char *why_load(struct arena *arena, const struct plan *plan)
{
    const struct forecast *forecast = &plan->forecast;
    struct buf text = {0};
    size_t width = 0;

    if (!forecast->count)
        return NULL;
    buf_text(&text, "The load that the policy expects: in the long run, entries = new connections × the time "
                    "that each stays.\n");
    for (size_t i = 0; i < forecast->count; i++)
        if (strlen(forecast->items[i].load->service) > width)
            width = strlen(forecast->items[i].load->service);
    for (size_t i = 0; i < forecast->count; i++)
        put_item(arena, &text, plan, &forecast->items[i], (int)width);
    if (forecast->entries)
        buf_printf(&text, "Together %llu entries, after %s.\n", (number)forecast->entries,
                   duration_text(arena, forecast->longest));
    return take(arena, &text);
}

static void put_fill(struct arena *arena, struct buf *out, const struct plan *plan)
{
    const struct forecast *forecast = &plan->forecast;
    const uint64_t max = plan->sizing.max;
    const uint32_t wait = timeout_seconds(plan->policy, TIMEOUT_TIME_WAIT, plan->version);

    if (forecast->entries >= max)
        buf_printf(out, "The load fills it within %s, and new connections are dropped from then on.\n",
                   duration_text(arena, forecast_time_to_full(forecast, max)));
    else if (forecast->entries)
        buf_printf(out, "The load fills %llu%% of it.\n",
                   (number)((100 * forecast->entries + max - 1) / max));
    buf_printf(out, "It holds %llu short TCP connections a second, each %u s in time_wait.\n",
               (number)(max / wait), wait);
}

static void put_max_reason(struct arena *arena, struct buf *out, const struct plan *plan)
{
    const struct policy *policy = plan->policy;
    const char *memory = size_text(arena, policy->memory);

    switch (plan->sizing.max_reason) {
    case SIZE_GIVEN:
        buf_text(out, "Entries, as the policy says.\n");
        break;
    case SIZE_LOAD:
        buf_text(
            out,
            "Entries: twice what the load needs, as a power of two, and not below the kernel's own size.\n");
        break;
    case SIZE_CAPPED:
        buf_printf(out, "Entries: what an eighth of %s holds. The load asks for more than that.\n", memory);
        break;
    case SIZE_MEMORY:
        buf_printf(out,
                   "Entries: what a sixty-fourth of %s holds, as a power of two. With conntrack.load in the "
                   "policy it\n"
                   "would be what the services need.\n",
                   memory);
        break;
    case SIZE_FORMULA:
        buf_printf(
            out,
            plan->sizing.formula == FORMULA_ARTICLE
                ? "Entries: %s / 16384 / (64 / 32). That is an old default of the kernel, and no limit.\n"
                : "Entries: what the kernel takes by itself with %s.\n",
            memory);
        break;
    case SIZE_UNSAID:
    case SIZE_BY_ENTRY:
        break;
    }
}

const char *why_max(struct arena *arena, const struct plan *plan)
{
    const struct sizing *sizing = &plan->sizing;
    const uint64_t memory = plan->policy->memory;
    struct buf text = {0};

    put_max_reason(arena, &text, plan);
    put_fill(arena, &text, plan);
    buf_printf(&text,
               "Full, it takes %s: %d bytes an entry on 64 bits; %s with accounting, timestamps or events, "
               "%d bytes more each.\n",
               size_text(arena, table_bytes(sizing->max, sizing->buckets, ENTRY_BYTES)), ENTRY_BYTES,
               size_text(arena, table_bytes(sizing->max, sizing->buckets, ENTRY_BYTES + EXTENSION_BYTES)),
               EXTENSION_BYTES);
    if (memory && sizing->formula == FORMULA_AUTO)
        buf_printf(&text, "By itself the kernel would take %llu.\n",
                   (number)kernel_max(memory, plan->version));
    return take(arena, &text);
}

const char *why_buckets(struct arena *arena, const struct plan *plan)
{
    const struct sizing *sizing = &plan->sizing;
    const uint64_t given = plan->policy->conntrack.buckets;
    struct buf text = {0};

    if (sizing->buckets_reason == SIZE_GIVEN)
        buf_printf(&text, "Buckets of the hash table, as the policy says%s",
                   sizing->buckets == given ? "" : ": ");
    else
        buf_text(&text, sizing->buckets_reason == SIZE_FORMULA
                            ? "Buckets of the hash table"
                            : "Buckets of the hash table: one for each entry");
    if (sizing->buckets_reason == SIZE_GIVEN && sizing->buckets != given)
        buf_printf(&text, "%llu, rounded up by the kernel to whole pages", (number)given);
    buf_printf(&text, ". They take %s, %d bytes each.\n", size_text(arena, sizing->buckets * BUCKET_BYTES),
               BUCKET_BYTES);
    // Each entry is in the table twice, once for each direction.
    if (sizing->max > sizing->buckets)
        buf_printf(
            &text,
            "A full table has %llu entries a bucket on average, one for each direction of a connection.\n",
            (number)((2 * sizing->max + sizing->buckets - 1) / sizing->buckets));
    return take(arena, &text);
}

static const char *timeout_about(enum timeout timeout)
{
    static const char *const about[TIMEOUT_COUNT] = {
        [TIMEOUT_GENERIC] = "Protocols that the tracker does not know",
        [TIMEOUT_ICMP] = "ICMP",
        [TIMEOUT_ICMPV6] = "ICMPv6",
        [TIMEOUT_UDP] = "UDP, a question and its answer",
        [TIMEOUT_UDP_STREAM] = "UDP that goes on",
        [TIMEOUT_SYN_SENT] = "TCP without an answer",
        [TIMEOUT_SYN_RECV] = "TCP that is being opened",
        [TIMEOUT_ESTABLISHED] = "Open TCP connections that are idle, or whose peer is gone",
        [TIMEOUT_FIN_WAIT] = "TCP closed by one side",
        [TIMEOUT_CLOSE_WAIT] = "TCP closed by the other side",
        [TIMEOUT_LAST_ACK] = "TCP before its last acknowledgement",
        [TIMEOUT_TIME_WAIT] = "TCP that is over",
        [TIMEOUT_CLOSE] = "TCP after a reset",
        [TIMEOUT_MAX_RETRANS] = "TCP that sends the same again and again",
        [TIMEOUT_UNACKNOWLEDGED] = "TCP with data that nobody acknowledges",
    };

    return about[timeout];
}

const char *why_timeout(struct arena *arena, const struct plan *plan, enum timeout timeout)
{
    const struct policy unset = {0};
    const uint32_t own = timeout_seconds(&unset, timeout, plan->version),
                   set = plan->policy->conntrack.timeouts[timeout];

    if (own == set)
        return arena_printf(arena, "%s: the kernel's own value.", timeout_about(timeout));
    return arena_printf(arena, "%s: %s, by itself the kernel waits %s.%s", timeout_about(timeout),
                        duration_text(arena, set), duration_text(arena, own),
                        timeout == TIMEOUT_ESTABLISHED ? "\nRFC 5382 asks for at least 2h4m." : "");
}

const char *why_reserved(struct arena *arena, const struct plan *plan)
{
    const struct port_range range = plan->policy->ephemeral;

    return arena_printf(arena,
                        "Untracked ports within %u-%u, from which the kernel takes ports for connections of "
                        "its own: with one of\n"
                        "these it would lose the replies. This replaces whatever other files reserve.",
                        range.first, range.last);
}
