// SPDX-License-Identifier: GPL-2.0-or-later
//
// The page: one document that fetches nothing, and is whole without its script.
#include "report/page.h"

#include <string.h>

const char *const sign_names[SIGN_COUNT] = {"tracked", "untracked", "limited", "part", "refused", "none"};

void put_sign(struct buf *out, enum sign sign)
{
    html_put(out, "<svg class=\"sign %s\" aria-hidden=\"true\"><use href=\"#sign-%s\"/></svg>",
             sign_names[sign], sign_names[sign]);
}

// Told apart by their shapes, whatever the colours: a disc, a ring, half a disc, a disc with a gap, a cross, a dot.
static const char signs[] =
    "<svg class=\"signs\" width=\"0\" height=\"0\" aria-hidden=\"true\">"
    "<symbol id=\"sign-tracked\" viewBox=\"0 0 12 12\"><circle cx=\"6\" cy=\"6\" r=\"4.6\" "
    "fill=\"currentColor\"/></symbol>"
    "<symbol id=\"sign-untracked\" viewBox=\"0 0 12 12\"><circle cx=\"6\" cy=\"6\" r=\"3.8\" fill=\"none\" "
    "stroke=\"currentColor\" stroke-width=\"1.8\"/></symbol>"
    "<symbol id=\"sign-limited\" viewBox=\"0 0 12 12\"><circle cx=\"6\" cy=\"6\" r=\"3.8\" fill=\"none\" "
    "stroke=\"currentColor\" stroke-width=\"1.8\"/><path d=\"M6 1.4a4.6 4.6 0 0 0 0 9.2z\" "
    "fill=\"currentColor\"/></symbol>"
    "<symbol id=\"sign-part\" viewBox=\"0 0 12 12\"><path d=\"M6 6V1.4A4.6 4.6 0 1 1 1.4 6z\" "
    "fill=\"currentColor\"/></symbol>"
    "<symbol id=\"sign-refused\" viewBox=\"0 0 12 12\"><path d=\"M2.6 2.6l6.8 6.8M9.4 2.6l-6.8 6.8\" "
    "stroke=\"currentColor\" stroke-width=\"1.5\" stroke-linecap=\"round\"/></symbol>"
    "<symbol id=\"sign-none\" viewBox=\"0 0 12 12\"><circle cx=\"6\" cy=\"6\" r=\"1.2\" "
    "fill=\"currentColor\"/></symbol>"
    "</svg>\n";

// On paper nothing can be opened: whatever is folded is unfolded for it.
static const char script[] =
    "<script>\n"
    "addEventListener('beforeprint', () => document.querySelectorAll('details:not([open])')\n"
    "  .forEach(d => { d.open = true; d.dataset.print = 1; }));\n"
    "addEventListener('afterprint', () => document.querySelectorAll('details[data-print]')\n"
    "  .forEach(d => { d.open = false; delete d.dataset.print; }));\n"
    "</script>\n";

static const char *const mode_words[TRACKING_COUNT] = {"everything is tracked", "tracking is selective",
                                                       "nothing is tracked"};

static void put_figure(struct buf *out, const char *term, const char *target)
{
    html_put(out, "<dt><a href=\"#%s\">%s</a></dt><dd>", target, term);
}

static size_t count_severity(const struct report *report, enum severity severity)
{
    size_t count = 0;

    for (size_t i = 0; i < report->findings.count; i++)
        count += report->findings.items[i].severity == severity;
    return count;
}

static void put_proof_figure(struct buf *out, const struct report *report)
{
    size_t broken = 0;

    for (size_t i = 0; i < report->promises.count; i++)
        broken +=
            !report->promises.items[i].holds[FAMILY_IPV4] || !report->promises.items[i].holds[FAMILY_IPV6];
    put_figure(out, "Promises", "proof");
    if (broken)
        html_put(out, "<b>%zu of %zu</b> <span>proved; rules of the policy break the others</span></dd>\n",
                 report->promises.count - broken, report->promises.count);
    else
        html_put(out, "<b>all %zu</b> <span>proved, over all packets and for both families</span></dd>\n",
                 report->promises.count);
}

static void put_findings_figure(struct buf *out, const struct report *report)
{
    const size_t warnings = count_severity(report, SEVERITY_WARNING),
                 notes = count_severity(report, SEVERITY_NOTE);

    put_figure(out, "Findings", "findings");
    if (warnings)
        html_put(out, "<b>%zu</b> <span>warning%s", warnings, warnings == 1 ? "" : "s");
    else
        html_put(out, "<b>none</b> <span>%s", "no warning");
    if (notes)
        html_put(out, ", %zu note%s", notes, notes == 1 ? "" : "s");
    buf_text(out, "</span></dd>\n");
}

static void put_table_figure(struct buf *out, const struct report *report)
{
    const struct plan *plan = report->plan;

    put_figure(out, "Tracking table", "costs");
    if (plan->policy->conntrack.block_modules) {
        buf_text(out, "<b>none</b> <span>its modules are kept out</span></dd>\n");
    } else if (report->policy->tracking == TRACKING_NONE) {
        buf_text(out, "<b>empty</b> <span>nothing comes into it</span></dd>\n");
    } else if (plan->sizing.max) {
        buf_text(out, "<b>");
        html_number(out, plan->sizing.max);
        buf_text(out, "</b> <span>entries");
        if (plan->forecast.entries) {
            buf_text(out, ", of which the load fills ");
            html_number(out, plan->forecast.entries);
        }
        buf_text(out, "</span></dd>\n");
    } else {
        buf_text(out, "<b>default</b> <span>the kernel sizes it, the policy does not</span></dd>\n");
    }
}

static void put_figures(struct buf *out, const struct report *report)
{
    const struct report_hook *input = &report->hooks[REPORT_INPUT];
    const enum family family = input->present[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6;

    buf_text(out, "<dl class=\"figures\">\n<div>");
    put_proof_figure(out, report);
    buf_text(out, "</div><div>");
    if (report->policy->expectation_count) {
        put_figure(out, "Expectations", "expectations");
        html_put(out, "<b>all %zu</b> <span>hold</span></dd>\n</div><div>",
                 report->policy->expectation_count);
    }
    put_findings_figure(out, report);
    buf_text(out, "</div><div>");
    put_figure(out, "Rules", "costs");
    buf_text(out, "<b>");
    html_number(out, report->rule_count[FAMILY_IPV4]);
    html_put(out, "</b> <span>for IPv4, %zu for IPv6</span></dd>\n</div><div>",
             report->rule_count[FAMILY_IPV6]);
    put_figure(out, "A packet walks", "costs");
    buf_printf(out, "<b>%.1f</b> <span>rules of INPUT on average, %zu at most</span></dd>\n</div><div>",
               input->walked[family].expected, input->walked[family].worst);
    put_table_figure(out, report);
    buf_text(out, "</div></dl>\n");
}

static void put_head(struct buf *out, const struct report *report)
{
    html_put(out,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<meta name=\"generator\" content=\"ctc %s\">\n"
             // A favicon would be fetched where none is named.
             "<link rel=\"icon\" href=\"data:,\">\n"
             "<title>%s: what it means</title>\n<style>\n",
             CTC_VERSION, report->policy->name);
    buf_text(out, report_style);
    buf_text(out, "</style>\n</head>\n");
}

static void put_contents(struct buf *out, const struct report *report)
{
    buf_text(out, "<nav aria-label=\"Contents\"><ul>\n");
    buf_text(out, "<li><a href=\"#way\">A packet&#8217;s way</a></li>\n"
                  "<li><a href=\"#reach\">Who reaches what</a></li>\n");
    if (report->zones.names.count)
        buf_text(out, "<li><a href=\"#zones\">Who is forwarded</a></li>\n");
    if (report->allow.count)
        buf_text(out, "<li><a href=\"#allow\">Services</a></li>\n");
    if (report->connect.count)
        buf_text(out, "<li><a href=\"#connect\">Used elsewhere</a></li>\n");
    buf_text(out, "<li><a href=\"#proof\">Promises</a></li>\n"
                  "<li><a href=\"#findings\">Findings</a></li>\n"
                  "<li><a href=\"#costs\">Costs</a></li>\n"
                  "<li><a href=\"#parts\">Other rules</a></li>\n</ul></nav>\n");
}

static void put_header(struct buf *out, const struct report *report)
{
    buf_text(out, "<header>\n");
    html_put(out, "<p class=\"kind\">Host firewall &#183; %s</p>\n", mode_words[report->policy->tracking]);
    html_put(out, "<h1>%s</h1>\n", report->policy->name);
    if (report->policy->description)
        html_put(out, "<p class=\"description\">%s</p>\n", report->policy->description);
    buf_text(out, "<p class=\"summary\">");
    for (size_t i = 0; i < report->summary.count; i++)
        html_put(out, "%s%s", i ? " " : "", report->summary.items[i]);
    buf_text(out, "</p>\n");
    put_figures(out, report);
    buf_text(out, "</header>\n");
    put_contents(out, report);
}

#define FILES_SHOWN 20

static void put_footer(struct buf *out, const struct report *report)
{
    buf_text(out, "<footer>\n<p>Read from ");
    for (size_t i = 0; i < report->files.count && i < FILES_SHOWN; i++)
        html_put(out, "%s<code>%s</code>", i ? ", " : "", report->files.items[i]);
    if (report->files.count > FILES_SHOWN)
        html_put(out, " and %zu more files", report->files.count - FILES_SHOWN);
    html_put(
        out,
        ".</p>\n<p>Made by ctc %s. SHA-256 of what was read: <code class=\"hash\">%s</code></p>\n</footer>\n",
        CTC_VERSION, report->policy->hash);
}

void report_page(struct buf *out, const struct report *report)
{
    put_head(out, report);
    buf_text(out, "<body>\n<a class=\"skip\" href=\"#way\">To the content</a>\n");
    buf_text(out, signs);
    put_header(out, report);
    buf_text(out, "<main>\n");
    put_way(out, report);
    put_reach(out, report);
    put_zones(out, report);
    put_entries(out, report);
    put_proof(out, report);
    put_findings(out, report);
    put_costs(out, report);
    put_parts(out, report);
    buf_text(out, "</main>\n");
    put_footer(out, report);
    buf_text(out, script);
    buf_text(out, "</body>\n</html>\n");
}
