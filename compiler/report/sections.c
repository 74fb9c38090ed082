// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sections behind the picture and the matrix: entries with their rules, what is proved, what is found, what it costs.
#include "report/page.h"

#include <string.h>

#include "host/reasons.h"

// Rules.

static void put_family_rules(struct buf *out, const struct report_rules *rules, enum family family)
{
    html_put(out,
             "<div class=\"family\"><h4>%s <small>%zu rule%s</small></h4>\n"
             "<pre tabindex=\"0\" aria-label=\"%s rules\"><code>",
             family_name(family), rules->count, rules->count == 1 ? "" : "s", family_name(family));
    for (size_t i = 0; i < rules->lines.count; i++)
        html_put(out, "%s\n", rules->lines.items[i]);
    if (rules->count > rules->lines.count) {
        buf_text(out, "<i># and ");
        html_number(out, rules->count - rules->lines.count);
        buf_text(out, " more</i>\n");
    }
    buf_text(out, "</code></pre></div>\n");
}

static void put_counts(struct buf *out, const size_t counts[FAMILY_COUNT])
{
    html_number(out, counts[FAMILY_IPV4]);
    buf_text(out, " for IPv4, ");
    html_number(out, counts[FAMILY_IPV6]);
    buf_text(out, " for IPv6");
}

static void put_rules(struct buf *out, const struct report_rules rules[FAMILY_COUNT])
{
    const size_t counts[FAMILY_COUNT] = {rules[FAMILY_IPV4].count, rules[FAMILY_IPV6].count};

    if (!counts[FAMILY_IPV4] && !counts[FAMILY_IPV6]) {
        buf_text(out, "<p class=\"none\">No rules: what it says holds anyway.</p>\n");
        return;
    }
    buf_text(out, "<details><summary>Rules: ");
    put_counts(out, counts);
    buf_text(out, "</summary>\n");
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        if (counts[family])
            put_family_rules(out, &rules[family], family);
    buf_text(out, "</details>\n");
}

// Entries.

static bool is_tracking_word(const char *word)
{
    return strcmp(word, "not tracked") == 0;
}

// Where something stands in the policy; the file is named where it is not the policy's own.
static void put_where(struct buf *out, const struct report *report, const char *file, unsigned line)
{
    const bool own = report->files.count && strcmp(file, report->files.items[0]) == 0;

    buf_text(out, "<span class=\"where\">");
    if (own && line)
        html_put(out, "line %u", line);
    else if (line)
        html_put(out, "%s:%u", file, line);
    else
        html_text(out, file);
    buf_text(out, "</span>");
}

static void put_place(struct buf *out, const struct report *report, const char *file, unsigned line,
                      const char *text)
{
    buf_text(out, "<p class=\"place\">");
    put_where(out, report, file, line);
    if (text[0])
        html_put(out, " <code>%s</code>", text);
    buf_text(out, "</p>\n");
}

static void put_entry(struct buf *out, const struct report *report, const struct report_entry *entry)
{
    html_put(out, "<li class=\"entry\">\n<h3>%s</h3>\n<div>\n<p class=\"words\">", entry->name);
    for (size_t i = 0; i < entry->words.count; i++)
        html_put(out, "%s<span%s>%s</span>", i ? " " : "",
                 is_tracking_word(entry->words.items[i]) ? " class=untracked" : "", entry->words.items[i]);
    buf_text(out, "</p>\n");
    put_place(out, report, entry->file, entry->line, entry->text);
    put_rules(out, entry->rules);
    if (entry->shared.count) {
        buf_text(out, "<p class=\"none\">In rules joined with those of ");
        for (size_t i = 0; i < entry->shared.count && i < 6; i++)
            html_put(out, "%s%s", i ? ", " : "", entry->shared.items[i]);
        buf_text(out, entry->shared.count > 6 ? " and others.</p>\n" : ".</p>\n");
    }
    buf_text(out, "</div>\n</li>\n");
}

static void put_list(struct buf *out, const struct report *report, const char *id, const char *title,
                     const char *about, const struct report_entries *entries)
{
    if (!entries->count)
        return;
    html_put(out,
             "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n<p>%s</p>\n<ol "
             "class=\"entries\">\n",
             id, id, id, title, about);
    for (size_t i = 0; i < entries->shown.count; i++)
        put_entry(out, report, &entries->shown.items[i]);
    buf_text(out, "</ol>\n");
    if (entries->count > entries->shown.count) {
        buf_text(out, "<p class=\"more\">And ");
        html_number(out, entries->count - entries->shown.count);
        buf_text(out, " more entries. Rules of theirs: ");
        put_counts(out, entries->hidden_rules);
        buf_text(out, ".</p>\n");
    }
    buf_text(out, "</section>\n");
}

void put_entries(struct buf *out, const struct report *report)
{
    put_list(out, report, "allow", "Services",
             "What may reach this host. The first entry that matches decides; each stands here with its line "
             "of the "
             "policy and with all rules that are emitted for it, its answers among them.",
             &report->allow);
    put_list(out, report, "connect", "What this host uses elsewhere",
             "Connections that this host opens, and how their replies come back.", &report->connect);
    put_list(out, report, "forward", "Forwarding",
             "What is forwarded for others; replies and ICMP errors go without saying.", &report->forward);
    put_list(out, report, "trust", "Trusted", "All that comes from here is accepted.", &report->trust);
    put_list(out, report, "deny", "Denied", "All that comes from here is dropped, whatever it is.",
             &report->deny);
}

static const char *part_about(const char *name)
{
    static const struct {
        const char *name, *about;
    } abouts[] = {
        {"loopback", "What this host says to itself."},
        {"neighbour discovery", "What a host needs to stay on its network."},
        {"ICMP errors", "What path MTU discovery and quick failures live on."},
        {"established", "Replies that the tracker knows."},
        {"related", "Connections that a helper announces."},
        {"replies", "Replies that no tracker knows."},
        {"invalid", "What the tracker makes no sense of."},
        {"resets", "Answers to what is rejected."},
        {"answers", "Answers of untracked services."},
        {"fragments", "Pieces of packets that nobody put together."},
        {"tracking", "What the tracker never sees."},
        {"default", "Whatever nothing before it decides."},
        {"verbatim", "Rules that the policy carries as they are."},
    };

    for (size_t i = 0; i < sizeof(abouts) / sizeof(*abouts); i++)
        if (strcmp(abouts[i].name, name) == 0)
            return abouts[i].about;
    return "";
}

void put_parts(struct buf *out, const struct report *report)
{
    buf_text(
        out,
        "<section id=\"parts\" aria-labelledby=\"parts-h\">\n<h2 id=\"parts-h\">Rules of no entry</h2>\n"
        "<p>What every policy brings. With the rules above these are all that is emitted; the order in which "
        "they stand is in <code>ctc -4</code> and <code>ctc -6</code>.</p>\n<ol class=\"entries\">\n");
    for (size_t i = 0; i < report->parts.count; i++) {
        const struct report_part *part = &report->parts.items[i];

        html_put(out, "<li class=\"entry\">\n<h3>%s</h3>\n<div>\n<p class=\"words\">%s</p>\n", part->name,
                 part_about(part->name));
        put_rules(out, part->rules);
        buf_text(out, "</div>\n</li>\n");
    }
    buf_text(out, "</ol>\n</section>\n");
}

// Proof.

static void put_promise(struct buf *out, const struct report_promise *promise)
{
    const bool holds = promise->holds[FAMILY_IPV4] && promise->holds[FAMILY_IPV6];

    html_put(out, "<li class=\"%s\"><span>%s</span> <b>", holds ? "holds" : "broken", promise->words);
    if (holds)
        buf_text(out, "proved");
    else
        html_put(out, "%s: broken by rules that the policy carries",
                 promise->holds[FAMILY_IPV4]   ? "IPv6"
                 : promise->holds[FAMILY_IPV6] ? "IPv4"
                                               : "both families");
    buf_text(out, "</b></li>\n");
}

// `replies to ...: tcp from ...`: the packets in a line each.
static void put_windows(struct buf *out, const struct report *report)
{
    buf_text(out, "<h3>Reply windows</h3>\n");
    if (!report->windows.count) {
        buf_text(out, "<p>None: every reply that gets in is one that the tracker knows.</p>\n");
        return;
    }
    buf_text(out,
             "<p>Where nothing tracks, a reply is a packet like any other. These are let in as replies, off "
             "<code>lo</code>, and nothing else is:</p>\n<ul class=\"notes\">\n");
    for (size_t i = 0; i < report->windows.count; i++) {
        const struct report_finding *window = &report->windows.items[i];

        buf_text(out, "<li><p>");
        html_ticks(out, window->message);
        buf_text(out, "</p>\n");
        if (window->hint)
            html_put(out, "<p class=\"hint\">%s</p>\n", window->hint);
        if (window->file)
            put_place(out, report, window->file, window->line, window->text);
        buf_text(out, "</li>\n");
    }
    buf_text(out, "</ul>\n");
}

static void put_expectations(struct buf *out, const struct report *report)
{
    const size_t count = report->expectations.count,
                 shown = count < REPORT_FINDINGS ? count : REPORT_FINDINGS;

    if (!count)
        return;
    buf_text(out, "<h3 id=\"expectations\">Expectations</h3>\n<p>Proved for every packet of each set.</p>\n"
                  "<ol class=\"promises\">\n");
    for (size_t i = 0; i < shown; i++) {
        const struct report_expectation *expectation = &report->expectations.items[i];
        const bool both = expectation->in_family[FAMILY_IPV4] && expectation->in_family[FAMILY_IPV6];

        buf_text(out, "<li class=\"holds\"><span>");
        if (expectation->name)
            html_put(out, "%s: ", expectation->name);
        html_put(out, "<code>%s</code> ", expectation->text);
        put_where(out, report, expectation->file, expectation->line);
        html_put(out, "</span> <b>%s%s%s</b></li>\n", expectation->expected, both ? "" : ", ",
                 both                                  ? ""
                 : expectation->in_family[FAMILY_IPV4] ? "IPv4"
                                                       : "IPv6");
    }
    buf_text(out, "</ol>\n");
    if (count > shown)
        html_put(out, "<p class=\"more\">And %zu more.</p>\n", count - shown);
}

void put_proof(struct buf *out, const struct report *report)
{
    buf_text(out,
             "<section id=\"proof\" aria-labelledby=\"proof-h\">\n<h2 id=\"proof-h\">What is proved</h2>\n"
             "<p>Of the text that is written, over all packets and for both families.</p>\n"
             "<ul class=\"promises\">\n");
    for (size_t i = 0; i < report->promises.count; i++)
        put_promise(out, &report->promises.items[i]);
    buf_text(out, "</ul>\n");
    put_windows(out, report);
    put_expectations(out, report);
    buf_text(out, "</section>\n");
}

void put_findings(struct buf *out, const struct report *report)
{
    buf_text(
        out,
        "<section id=\"findings\" aria-labelledby=\"findings-h\">\n<h2 id=\"findings-h\">Findings</h2>\n");
    if (!report->findings.count)
        buf_text(out, "<p>Nothing doubtful was found.</p>\n");
    else
        buf_text(out, "<ul class=\"notes\">\n");
    for (size_t i = 0; i < report->findings.count; i++) {
        const struct report_finding *finding = &report->findings.items[i];

        html_put(out, "<li class=\"%s\"><p><b>%s</b> ", severity_name(finding->severity),
                 severity_name(finding->severity));
        html_ticks(out, finding->message);
        html_put(out, " <span class=\"name\">%s</span></p>\n", finding->name);
        if (finding->hint)
            html_put(out, "<p class=\"hint\">%s</p>\n", finding->hint);
        if (finding->file)
            put_place(out, report, finding->file, finding->line, finding->text);
        buf_text(out, "</li>\n");
    }
    if (report->findings.count)
        buf_text(out, "</ul>\n");
    if (report->findings_hidden)
        html_put(out, "<p class=\"more\">And %zu more: <code>ctc check</code> has all.</p>\n",
                 report->findings_hidden);
    buf_text(out, "</section>\n");
}

// Costs.

static void put_hook_row(struct buf *out, const struct report_hook *hook, enum family family)
{
    html_put(out,
             "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">%s %s %s</th>"
             "<td role=\"cell\" data-label=\"rules\">",
             family_name(family), hook->table, hook->chain);
    html_number(out, hook->rules[family]);
    buf_printf(out,
               "</td><td role=\"cell\" data-label=\"walked on average\">%.1f</td>"
               "<td role=\"cell\" data-label=\"at most\">%zu</td>",
               hook->walked[family].expected, hook->walked[family].worst);
    buf_text(out, "<td role=\"cell\" data-label=\"without passes\">");
    if (hook->plain_known[family]) {
        html_number(out, hook->plain[family].worst);
        buf_printf(out, " <small>%.1f on average</small>", hook->plain[family].expected);
    } else {
        buf_text(out, "more than a table holds");
    }
    buf_text(out, "</td></tr>\n");
}

static void put_walks(struct buf *out, const struct report *report)
{
    buf_text(
        out,
        "<h3>Rules that a packet walks</h3>\n"
        "<p>A rule takes a few nanoseconds. The average takes each part of the policy by its share of a busy "
        "server&#8217;s packets.</p>\n"
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Rules that a packet walks\">\n"
        "<table class=\"costs\" role=\"table\">\n<caption>By family, table and chain</caption>\n"
        "<thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">chain</th>"
        "<th role=\"columnheader\" scope=\"col\">rules</th>"
        "<th role=\"columnheader\" scope=\"col\">walked on average</th>"
        "<th role=\"columnheader\" scope=\"col\">at most</th>"
        "<th role=\"columnheader\" scope=\"col\">at most without passes</th></tr></thead>\n"
        "<tbody role=\"rowgroup\">\n");
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        for (size_t i = 0; i < REPORT_HOOKS; i++)
            if (report->hooks[i].present[family])
                put_hook_row(out, &report->hooks[i], family);
    buf_text(out, "</tbody></table></div>\n");
}

static void put_reasons(struct buf *out, const char *reasons)
{
    html_put(out, "<pre tabindex=\"0\" class=\"reasons\">%s</pre>\n", reasons);
}

static void put_table_size(struct buf *out, const struct report *report)
{
    const struct plan *plan = report->plan;
    const struct policy *policy = plan->policy;
    struct arena arena = {0};

    buf_text(out, "<h3>The tracking table</h3>\n");
    if (policy->conntrack.block_modules)
        buf_text(out, "<p>There is none: the tracker&#8217;s modules are kept out.</p>\n");
    else if (policy->tracking == TRACKING_NONE)
        buf_text(out, "<p>Nothing comes into it, even where another tool switches the tracker on.</p>\n");
    else if (!plan->sizing.max)
        buf_text(out,
                 "<p>Its size is left to the kernel. With <code>host: {memory: …}</code> in the policy it is "
                 "computed, and with <code>conntrack: {load: …}</code> predicted.</p>\n");
    if (policy->tracking != TRACKING_NONE && !policy->conntrack.block_modules) {
        if (plan->forecast.count)
            put_reasons(out, why_load(&arena, plan));
        if (plan->sizing.max) {
            buf_text(out, "<p><b>");
            html_number(out, plan->sizing.max);
            buf_text(out, "</b> entries in <b>");
            html_number(out, plan->sizing.buckets);
            buf_text(out, "</b> buckets:</p>\n");
            put_reasons(out, why_max(&arena, plan));
        }
    }
    arena_clear(&arena);
}

void put_costs(struct buf *out, const struct report *report)
{
    buf_text(out,
             "<section id=\"costs\" aria-labelledby=\"costs-h\">\n<h2 id=\"costs-h\">What it costs</h2>\n");
    put_walks(out, report);
    put_table_size(out, report);
    buf_text(out, "</section>\n");
}
