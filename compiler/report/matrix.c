// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tables of who reaches what. Each cell says in words what its sign says; on a narrow screen a row is a list of its cells,
// each with the name of its column.
#include "report/page.h"

#include <string.h>

struct cell_words {
    enum sign sign;
    const char *verdict, *tracking; // tracking may be NULL
};

static const char *refused_words(unsigned bits)
{
    return bits == REACH_REJECTED ? "rejected" : bits == REACH_DROPPED ? "dropped" : "refused";
}

static struct cell_words words_of(struct reach_cell cell)
{
    const unsigned accepted = cell.within & REACH_ACCEPTED, refused = cell.within & ~(unsigned)REACH_ACCEPTED;
    const char *tracking = accepted == REACH_TRACKED     ? "tracked"
                           : accepted == REACH_UNTRACKED ? "not tracked"
                                                         : "tracked in part";

    if (!cell.within)
        return (struct cell_words){SIGN_NONE, "no such packet", NULL};
    if (cell.within & REACH_ELSEWHERE)
        return (struct cell_words){SIGN_PART, "decided elsewhere", NULL};
    if (!accepted)
        return (struct cell_words){SIGN_REFUSED, refused_words(refused), NULL};
    if (refused)
        return (struct cell_words){SIGN_PART, "accepted in part", tracking};
    if (cell.over != cell.within)
        return (struct cell_words){SIGN_LIMITED, "limited", tracking};
    return (struct cell_words){accepted == REACH_UNTRACKED ? SIGN_UNTRACKED : SIGN_TRACKED, "accepted",
                               tracking};
}

// What everybody is called whom nothing names; NULL: they are named.
static const char *anyone_name(const struct reach_senders *senders)
{
    return senders->everyone ? "anyone" : senders->anyone ? "anyone else" : NULL;
}

static const char *without_from(const char *said)
{
    return strncmp(said, "from ", 5) == 0 ? said + 5 : said;
}

static bool same_texts(const struct texts *a, const struct texts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

// Whom a column is about, each in words, with the notation for whoever wants to ask again.
static void put_said(struct buf *out, const struct reach_senders *senders, enum family family)
{
    for (size_t i = 0; i < senders->said[family].count; i++) {
        const char *said = without_from(senders->said[family].items[i]);

        html_put(out, "<span class=\"who\" data-family=\"%s\" data-packets=\"%s\">", family_name(family),
                 senders->packets[family].items[i]);
        html_breakable(out, said[0] ? said : "all of it");
        buf_text(out, "</span>");
    }
    if (senders->more[family])
        buf_text(out, "<small>and more</small>");
}

static void put_senders(struct buf *out, const struct reach_senders *senders)
{
    const bool both = senders->in_family[FAMILY_IPV4] && senders->in_family[FAMILY_IPV6];
    const bool same = both && same_texts(&senders->said[FAMILY_IPV4], &senders->said[FAMILY_IPV6]);

    if (senders->anyone) {
        html_put(out, "<span class=\"who\">%s</span>", anyone_name(senders));
        if (senders->by_interface)
            buf_text(out, "<small>by other interfaces</small>");
    } else {
        for (enum family family = 0; family < FAMILY_COUNT; family++)
            if (senders->in_family[family] && !(same && family == FAMILY_IPV6))
                put_said(out, senders, family);
    }
    if (!both)
        html_put(out, "<small>%s alone</small>",
                 family_name(senders->in_family[FAMILY_IPV6] ? FAMILY_IPV6 : FAMILY_IPV4));
}

static void put_label(struct buf *out, const struct reach_senders *senders)
{
    const enum family family = senders->in_family[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6;

    if (senders->anyone)
        html_text(out, anyone_name(senders));
    else if (senders->said[family].count)
        html_text(out, without_from(senders->said[family].items[0]));
    if (!senders->anyone && senders->said[family].count > 1)
        buf_text(out, ", …");
}

static void put_cell(struct buf *out, const struct reach *reach, size_t service, size_t senders)
{
    const struct cell_words words = words_of(reach_at(reach, service, senders));

    html_put(out, "<td role=\"cell\" class=\"%s\" data-label=\"", sign_names[words.sign]);
    put_label(out, &reach->senders.items[senders]);
    buf_text(out, "\"><span class=\"cell\">");
    put_sign(out, words.sign);
    html_put(out, "<span>%s", words.verdict);
    if (words.tracking)
        html_put(out, " <small>%s</small>", words.tracking);
    buf_text(out, "</span></span></td>\n");
}

static void put_service(struct buf *out, const struct reach *reach, size_t i)
{
    const struct reach_service *service = &reach->services.items[i];

    html_put(out, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><span class=\"who\">%s</span>",
             service->name);
    if (service->what && strcmp(service->what, service->name) != 0)
        html_put(out, "<code>%s</code>", service->what);
    for (size_t j = 0; j < service->limits.count && j < 3; j++)
        html_put(out, "<small>%s</small>", service->limits.items[j]);
    buf_text(out, "</th>\n");
    for (size_t j = 0; j < reach->senders.count; j++)
        put_cell(out, reach, i, j);
    buf_text(out, "</tr>\n");
}

static void put_key(struct buf *out)
{
    static const struct {
        enum sign sign;
        const char *words;
    } items[] = {{SIGN_TRACKED, "accepted, tracked"},
                 {SIGN_UNTRACKED, "accepted, not tracked"},
                 {SIGN_LIMITED, "accepted up to a limit"},
                 {SIGN_PART, "in part"},
                 {SIGN_REFUSED, "refused"}};

    buf_text(out, "<ul class=\"key\">");
    for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
        buf_text(out, "<li>");
        put_sign(out, items[i].sign);
        html_put(out, "%s</li>", items[i].words);
    }
    buf_text(out, "</ul>\n");
}

static void put_names(struct buf *out, const struct reach *reach)
{
    if (!reach->names.count)
        return;
    buf_text(out, "<dl class=\"names\">\n");
    for (size_t i = 0; i < reach->names.count; i++) {
        html_put(out, "<div><dt>%s</dt><dd>", reach->names.items[i].name);
        html_breakable(out, reach->names.items[i].addresses);
        buf_text(out, "</dd></div>\n");
    }
    buf_text(out, "</dl>\n");
}

static void put_hidden(struct buf *out, const struct reach *reach)
{
    if (reach->services_hidden)
        html_put(out, "<p class=\"more\">%zu more entries are not shown here.</p>\n", reach->services_hidden);
    if (reach->senders_hidden)
        html_put(out,
                 "<p class=\"more\">%zu more groups of senders fare in ways of their own: <code>ctc "
                 "explain</code> "
                 "answers for each.</p>\n",
                 reach->senders_hidden);
}

void put_reach(struct buf *out, const struct report *report)
{
    const struct reach *reach = &report->reach;

    buf_text(
        out,
        "<section id=\"reach\" aria-labelledby=\"reach-h\">\n<h2 id=\"reach-h\">Who reaches what</h2>\n");
    if (reach->undecided) {
        buf_text(out,
                 "<p>The rules are too many for this table; <code>ctc explain</code> answers for sets of "
                 "packets.</p>\n</section>\n");
        return;
    }
    buf_text(
        out,
        "<p>What becomes of a packet that opens a connection to this host, in both families. Senders in one "
        "column fare alike with every service. Computed over all packets from the meaning that is proved "
        "below, not read off the policy.</p>\n");
    put_key(out);
    buf_text(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"reach-h\">\n"
        "<table class=\"matrix\" role=\"table\">\n<caption>Services in rows, senders in columns</caption>\n"
        "<thead role=\"rowgroup\"><tr role=\"row\"><td role=\"cell\"></td>\n");
    for (size_t i = 0; i < reach->senders.count; i++) {
        buf_text(out, "<th role=\"columnheader\" scope=\"col\">");
        put_senders(out, &reach->senders.items[i]);
        buf_text(out, "</th>\n");
    }
    buf_text(out, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for (size_t i = 0; i < reach->services.count; i++)
        put_service(out, reach, i);
    buf_text(out, "</tbody></table></div>\n");
    put_names(out, reach);
    put_hidden(out, reach);
    buf_text(out, "</section>\n");
}

// Forwarding.

static void put_code(struct buf *out, const char *text)
{
    buf_text(out, "<code>");
    html_breakable(out, text);
    buf_text(out, "</code>");
}

static void put_zone_family(struct buf *out, const struct zone *zone, enum family family, bool both)
{
    buf_text(out, "<span class=\"of\">");
    if (!both)
        html_put(out, "<small>%s</small> ", family_name(family));
    if (zone->passes[family] == ZONE_NOTHING)
        buf_text(out, "nothing");
    else if (zone->passes[family] == ZONE_EVERYTHING)
        buf_text(out, "everything");
    for (size_t i = 0; i < zone->packets[family].count; i++)
        put_code(out, zone->packets[family].items[i]);
    if (zone->more[family])
        buf_text(out, "<small>and more</small>");
    buf_text(out, "</span>");
}

static void put_zone(struct buf *out, const struct report *report, size_t in, size_t to)
{
    const struct zones *zones = &report->zones;
    const struct zone *zone = &zones->zones[in * zones->names.count + to];
    const bool same = zone->passes[0] == zone->passes[1] && zone->more[0] == zone->more[1] &&
                      same_texts(&zone->packets[0], &zone->packets[1]);
    const bool nothing = zone->passes[0] == ZONE_NOTHING && zone->passes[1] == ZONE_NOTHING,
               everything = zone->passes[0] == ZONE_EVERYTHING && zone->passes[1] == ZONE_EVERYTHING;
    const enum sign all = report->policy->tracking == TRACKING_NONE ? SIGN_UNTRACKED : SIGN_TRACKED;
    const enum sign sign = nothing ? SIGN_REFUSED : everything ? all : SIGN_PART;

    html_put(out, "<td role=\"cell\" class=\"%s\" data-label=\"to %s\"><span class=\"cell\">",
             sign_names[sign], zones->names.items[to]);
    put_sign(out, sign);
    buf_text(out, "<span>");
    for (enum family family = 0; family < FAMILY_COUNT && !(same && family == FAMILY_IPV6); family++)
        put_zone_family(out, zone, family, same);
    buf_text(out, "</span></span></td>\n");
}

void put_zones(struct buf *out, const struct report *report)
{
    const struct zones *zones = &report->zones;
    const size_t count = zones->names.count;

    if (!count)
        return;
    buf_text(out, "<section id=\"zones\" aria-labelledby=\"zones-h\">\n<h2 id=\"zones-h\">Who is forwarded "
                  "to whom</h2>\n");
    if (zones->undecided) {
        buf_text(out, "<p>The rules are too many for this table.</p>\n</section>\n");
        return;
    }
    buf_text(out, "<p>What may be opened from one interface to another; replies and ICMP errors go without "
                  "saying.</p>\n"
                  "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"zones-h\">\n"
                  "<table class=\"matrix zones\" role=\"table\">\n<caption>From rows to columns</caption>\n"
                  "<thead role=\"rowgroup\"><tr role=\"row\"><td role=\"cell\"></td>\n");
    for (size_t i = 0; i < count; i++)
        html_put(out, "<th role=\"columnheader\" scope=\"col\"><span class=\"who\">to %s</span></th>\n",
                 zones->names.items[i]);
    buf_text(out, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for (size_t i = 0; i < count; i++) {
        html_put(
            out,
            "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><span class=\"who\">from %s</span></th>\n",
            zones->names.items[i]);
        for (size_t j = 0; j < count; j++)
            put_zone(out, report, i, j);
        buf_text(out, "</tr>\n");
    }
    buf_text(out, "</tbody></table></div>\n");
    if (zones->hidden)
        html_put(out, "<p class=\"more\">%zu more interfaces are not shown.</p>\n", zones->hidden);
    buf_text(out, "</section>\n");
}
