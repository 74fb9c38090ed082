// SPDX-License-Identifier: GPL-2.0-or-later
//
// A packet's way, as three pictures that stand side by side or one above the other: what comes in, what is forwarded, what
// leaves. Each leads from the top to the bottom: raw, the tracker or the way around it, the filter step by step.
//
//        from the network
//        ┌ raw PREROUTING ┐
//    not tracked │    │ tracked
//                │ ┌ tracker ┐
//        ┌ filter INPUT ──┐
//     accepted │      × rejected
#include "report/page.h"

#include <string.h>

#define WIDTH    340
#define LEFT     1 // of boxes
#define RIGHT    339
#define ROW      21
#define AROUND   66 // x of the way around the tracker
#define THROUGH  226
#define NAMES    6  // in a box of raw
#define NAME_MAX 34 // characters

struct lane {
    struct buf *out;
    const struct report *report;
    int y;
};

static bool is_present(const struct report_hook *hook)
{
    return hook->present[FAMILY_IPV4] || hook->present[FAMILY_IPV6];
}

// A name that fits its line; blanks behind commas.
static void put_name(struct buf *out, const char *name)
{
    struct slice rest = slice_of(name);
    size_t characters = 0;
    struct buf cut = {0};

    while (rest.length && characters < NAME_MAX) {
        const size_t bytes = printable_bytes(rest), taken = bytes ? bytes : 1;

        buf_append(&cut, bytes ? rest.at : "?", taken);
        if (rest.at[0] == ',' && rest.length > 1 && rest.at[1] != ' ')
            buf_char(&cut, ' ');
        rest = (struct slice){rest.at + taken, rest.length - taken};
        characters++;
    }
    html_put(out, "%s%s", cut.bytes ? cut.bytes : "", rest.length ? "…" : "");
    buf_clear(&cut);
}

static void put_text(const struct lane *lane, int x, const char *class, const char *text)
{
    html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, lane->y, class, text);
}

static void put_end(struct lane *lane, const char *text)
{
    lane->y += 18;
    html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"end\">%s</text>\n", WIDTH / 2, lane->y, text);
    lane->y += 8;
}

static void put_arrow(const struct lane *lane, int x, int from, int to, const char *class)
{
    html_put(lane->out,
             "<path class=\"flow %s\" d=\"M%d %dV%d\"/><path class=\"head %s\" d=\"M%d %dl-4 -7h8z\"/>\n",
             class, x, from, to - 5, class, x, to);
}

static void put_sign_at(const struct lane *lane, int x, enum sign sign)
{
    html_put(lane->out,
             "<use href=\"#sign-%s\" class=\"sign %s\" x=\"%d\" y=\"%d\" width=\"12\" height=\"12\"/>\n",
             sign_names[sign], sign_names[sign], x, lane->y - 10);
}

static void put_box(struct lane *lane, int x, int height, bool used)
{
    html_put(lane->out, "<rect class=\"box%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
             used ? "" : " unused", x, lane->y, RIGHT - x, height);
}

static void put_counts(const struct lane *lane, const size_t counts[FAMILY_COUNT])
{
    html_put(lane->out,
             "<text x=\"%d\" y=\"%d\" class=\"count\">%zu</text><text x=\"%d\" y=\"%d\" "
             "class=\"count\">%zu</text>\n",
             RIGHT - 50, lane->y, counts[FAMILY_IPV4], RIGHT - 12, lane->y, counts[FAMILY_IPV6]);
}

static void put_title(struct lane *lane, const struct report_hook *hook)
{
    lane->y += 22;
    html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"title\">%s <tspan>%s</tspan></text>\n", LEFT + 12,
             lane->y, hook->table, hook->chain);
    if (is_present(hook))
        html_put(lane->out,
                 "<text x=\"%d\" y=\"%d\" class=\"count unit\">IPv4</text><text x=\"%d\" y=\"%d\" "
                 "class=\"count unit\">IPv6</text>\n",
                 RIGHT - 50, lane->y, RIGHT - 12, lane->y);
    lane->y += 6;
}

// Below a line: how many rules there are, and how many a packet walks.
static void put_sums(struct lane *lane, const struct report_hook *hook)
{
    const enum family family = hook->present[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6;

    lane->y += 10;
    html_put(lane->out, "<path class=\"rule\" d=\"M%d %dH%d\"/>\n", LEFT + 12, lane->y, RIGHT - 12);
    lane->y += 18;
    buf_printf(lane->out,
               "<text x=\"%d\" y=\"%d\" class=\"quiet\">walked: %.1f on average, %zu at most</text>\n",
               LEFT + 12, lane->y, hook->walked[family].expected, hook->walked[family].worst);
    put_counts(lane, hook->rules);
}

#define SUMS_HEIGHT 28

// Raw.

static void add_untracked(const struct report *report, const struct entry_list *list, const char **names,
                          size_t *count)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->items[i];
        bool known = !entry->name || entry->track != CHOICE_NO;

        for (size_t j = 0; j < *count && j < NAMES && !known; j++)
            known = strcmp(names[j], entry->name) == 0;
        if (known || report->policy->tracking != TRACKING_SELECTIVE)
            continue;
        if (*count < NAMES)
            names[*count] = entry->name;
        (*count)++;
    }
}

static void put_raw_line(struct lane *lane, enum sign sign, const char *text)
{
    lane->y += ROW;
    put_sign_at(lane, LEFT + 12, sign);
    html_put(lane->out, "<text x=\"%d\" y=\"%d\">", LEFT + 32, lane->y);
    put_name(lane->out, text);
    buf_text(lane->out, "</text>\n");
}

static void put_raw(struct lane *lane, const struct report_hook *hook, bool forwarded)
{
    const struct report *report = lane->report;
    const bool present = is_present(hook);
    const char *names[NAMES];
    size_t count = 0;

    if (!forwarded) {
        add_untracked(report, &report->policy->trust, names, &count);
        add_untracked(report, &report->policy->allow, names, &count);
        add_untracked(report, &report->policy->connect, names, &count);
    }

    const size_t lines = count > NAMES ? NAMES + 1 : count ? count : 1;

    put_box(lane, LEFT, 34 + (int)lines * ROW + (present ? SUMS_HEIGHT : 0) + 8, present);
    put_title(lane, hook);
    for (size_t i = 0; i < count && i < NAMES; i++)
        put_raw_line(lane, SIGN_UNTRACKED, names[i]);
    if (count > NAMES) {
        lane->y += ROW;
        html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"quiet\">and %zu more</text>\n", LEFT + 32,
                 lane->y, count - NAMES);
    }
    if (!count && report->policy->tracking == TRACKING_NONE)
        put_raw_line(lane, SIGN_UNTRACKED, present ? "everything" : "no rules, and no tracker");
    else if (!count && forwarded)
        put_raw_line(lane, SIGN_TRACKED, "what is forwarded stays tracked");
    else if (!count)
        put_raw_line(lane, SIGN_TRACKED, present ? "everything else" : "no rules: everything is tracked");
    if (present)
        put_sums(lane, hook);
    lane->y += 14;
}

// The tracker, and the way around it.

static void put_tracker(struct lane *lane, bool around)
{
    const struct report *report = lane->report;
    const bool through = report->policy->tracking != TRACKING_NONE;
    const int top = lane->y, box = around ? 116 : LEFT;
    struct buf size = {0};

    if (around)
        put_arrow(lane, AROUND, top, top + 116, "untracked");
    if (through)
        put_arrow(lane, THROUGH, top, top + 26, "tracked");
    lane->y = top + 17;
    if (around)
        put_text(lane, AROUND + 8, "quiet", "not tracked");
    lane->y = top + 28;
    put_box(lane, box, 56, through);
    lane->y += 23;
    put_text(lane, box + 14, "title", "connection tracker");
    lane->y += 20;
    if (!through) {
        buf_text(&size,
                 report->policy->conntrack.block_modules ? "its modules are kept out" : "nothing comes here");
    } else if (report->plan->sizing.max) {
        buf_text(&size, "table of ");
        html_number(&size, report->plan->sizing.max);
        buf_text(&size, " entries");
    } else {
        buf_text(&size, "table as the kernel sizes it");
    }
    put_text(lane, box + 14, "quiet", size.bytes);
    buf_clear(&size);
    lane->y = top + 84;
    if (through)
        put_arrow(lane, THROUGH, lane->y, top + 116, "tracked");
    lane->y = top + 118;
}

// The filter.

static const char *step_name(const char *section, bool only)
{
    static const struct {
        const char *section, *name;
    } names[] = {{"default", "everything else"},
                 {"loopback", "lo, this host to itself"},
                 {"established", "established connections"},
                 {"replies", "replies, by peer and socket"},
                 {"answers", "answers of untracked services"},
                 {"invalid", "what the tracker calls invalid"},
                 {"fragments", "fragments"},
                 {"resets", "TCP resets"}};

    if (only && strcmp(section, "default") == 0)
        return "everything";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(section, names[i].section) == 0)
            return names[i].name;
    return section;
}

static size_t step_entries(const struct report *report, const char *section)
{
    const struct {
        const char *section;
        size_t count;
    } lists[] = {{"trust", report->trust.count},
                 {"deny", report->deny.count},
                 {"allow", report->allow.count},
                 {"connect", report->connect.count},
                 {"forward", report->forward.count}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        if (strcmp(lists[i].section, section) == 0)
            return lists[i].count;
    return 0;
}

static void put_step(struct lane *lane, const struct report_step *step, bool only)
{
    const size_t entries = step_entries(lane->report, step->section);

    lane->y += ROW;
    put_sign_at(lane, LEFT + 12,
                step->accepts && step->refuses ? SIGN_PART
                : step->refuses                ? SIGN_REFUSED
                                               : SIGN_TRACKED);
    html_put(lane->out, "<text x=\"%d\" y=\"%d\">%s", LEFT + 32, lane->y, step_name(step->section, only));
    if (entries)
        html_put(lane->out, " <tspan class=\"quiet\">%zu %s</tspan>", entries,
                 entries == 1 ? "entry" : "entries");
    buf_text(lane->out, "</text>\n");
    put_counts(lane, step->rules);
}

static const char *const verdict_words[] = {"accepted", "rejected", "dropped", "left to others"};

static bool says_default(const struct report_hook *hook)
{
    for (size_t i = 0; i < hook->steps.count; i++)
        if (strcmp(hook->steps.items[i].section, "default") == 0)
            return true;
    return false;
}

// Where no rule says what becomes of the rest, the chain's policy does.
static void put_rest(struct lane *lane, const struct report_hook *hook, enum verdict fallback)
{
    lane->y += ROW;
    put_sign_at(lane, LEFT + 12,
                fallback == VERDICT_ACCEPT  ? SIGN_TRACKED
                : fallback == VERDICT_LEAVE ? SIGN_NONE
                                            : SIGN_REFUSED);
    html_put(lane->out, "<text x=\"%d\" y=\"%d\">%s: %s</text>\n", LEFT + 32, lane->y,
             hook->steps.count ? "everything else" : "everything", verdict_words[fallback]);
}

static void put_filter(struct lane *lane, const struct report_hook *hook, enum verdict fallback)
{
    const bool present = is_present(hook), rest = !says_default(hook);

    put_box(lane, LEFT, 34 + ROW * (int)(hook->steps.count + rest) + (present ? SUMS_HEIGHT : 0) + 8,
            present);
    put_title(lane, hook);
    for (size_t i = 0; i < hook->steps.count; i++)
        put_step(lane, &hook->steps.items[i], hook->steps.count == 1);
    if (rest)
        put_rest(lane, hook, fallback);
    if (present)
        put_sums(lane, hook);
    lane->y += 14;
}

static bool accepts_any(const struct report_hook *hook)
{
    for (size_t i = 0; i < hook->steps.count; i++)
        if (hook->steps.items[i].accepts)
            return true;
    return false;
}

static void put_ends(struct lane *lane, const struct report_hook *hook, const char *accepted,
                     enum verdict fallback)
{
    const int top = lane->y;

    lane->y = top + 48;
    if (fallback == VERDICT_ACCEPT || fallback == VERDICT_LEAVE || accepts_any(hook)) {
        put_arrow(lane, AROUND, top, top + 30, "accepted");
        html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"end\">%s</text>\n", AROUND, lane->y, accepted);
    }
    if (fallback == VERDICT_REJECT || fallback == VERDICT_DROP) {
        put_arrow(lane, THROUGH + 30, top, top + 30, "refused");
        html_put(lane->out, "<text x=\"%d\" y=\"%d\" class=\"end refused\">%s</text>\n", THROUGH + 30,
                 lane->y, verdict_words[fallback]);
    }
    lane->y += 10;
}

struct drawing {
    const char *title, *from, *to;
    const struct report_hook *raw, *filter;
    enum verdict fallback;
    bool forwarded;
};

static void put_lane(struct buf *out, const struct report *report, const struct drawing *drawing)
{
    struct buf picture = {0};
    struct lane lane = {.out = &picture, .report = report};
    const enum tracking tracking = report->policy->tracking;
    const bool around = tracking == TRACKING_NONE || (tracking == TRACKING_SELECTIVE && !drawing->forwarded);

    put_end(&lane, drawing->from);
    put_arrow(&lane, WIDTH / 2, lane.y, lane.y + 22, "");
    lane.y += 24;
    put_raw(&lane, drawing->raw, drawing->forwarded);
    put_tracker(&lane, around);
    put_filter(&lane, drawing->filter, drawing->fallback);
    put_ends(&lane, drawing->filter, drawing->to, drawing->fallback);
    html_put(
        out,
        "<figure class=\"lane\">\n<figcaption>%s</figcaption>\n"
        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s: from %s through %s %s and %s %s to %s\">\n",
        drawing->title, WIDTH, lane.y, drawing->title, drawing->from, drawing->raw->table,
        drawing->raw->chain, drawing->filter->table, drawing->filter->chain, drawing->to);
    buf_append(out, picture.bytes, picture.length);
    buf_text(out, "</svg>\n</figure>\n");
    buf_clear(&picture);
}

void put_way(struct buf *out, const struct report *report)
{
    const struct report_hook *hooks = report->hooks;
    const struct policy *policy = report->policy;
    const struct drawing drawings[] = {
        {"Coming in", "the network", "this host", &hooks[REPORT_PREROUTING], &hooks[REPORT_INPUT],
         policy->input, false},
        {"Going out", "this host", "the network", &hooks[REPORT_RAW_OUTPUT], &hooks[REPORT_OUTPUT],
         policy->output, false},
        {"Passing through", "the network", "another host", &hooks[REPORT_PREROUTING], &hooks[REPORT_FORWARD],
         policy->forwarding, true},
    };

    buf_text(out,
             "<section id=\"way\" aria-labelledby=\"way-h\">\n<h2 id=\"way-h\">A packet&#8217;s way</h2>\n"
             "<p>First match decides, from the top. Numbers are rules, for IPv4 and IPv6.</p>\n"
             "<div class=\"lanes\">\n");
    for (size_t i = 0; i < sizeof(drawings) / sizeof(*drawings); i++)
        put_lane(out, report, &drawings[i]);
    buf_text(out, "</div>\n</section>\n");
}
