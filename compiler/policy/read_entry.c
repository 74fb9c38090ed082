// SPDX-License-Identifier: GPL-2.0-or-later
//
// The entries of trust, deny, allow, connect and forward.
#include <string.h>

#include "policy/reader.h"

static bool is_included(const struct reader *reader, const struct node *node)
{
    return node->source != reader->main;
}

// An entry with an empty list among its keys: it has no packets, for it has no sources or destinations.
static void match_nothing(struct entry *entry)
{
    static const struct addr_set nobody = {0};

    entry->from = entry->to = &nobody;
}

static bool is_nobody(const struct addr_set *set)
{
    return set && addr_set_empty(set);
}

static void add_empty_warning(struct reader *reader, const struct node *node, const struct addr_set *set)
{
    if (set && addr_set_empty(set))
        diag_add(reader->diags, DIAG_EMPTY_LIST, node_span(node),
                 "no address is left here: it matches nothing");
}

// `0.0.0.0/0` is often meant for everyone, and 0.0.0.0 too.
static void note_one_family(struct reader *reader, const struct node *node, const struct addr_set *set)
{
    const struct range_list *ipv4 = set ? &set->families[FAMILY_IPV4] : NULL;

    if (node->kind != NODE_SCALAR || !ipv4 || set->families[FAMILY_IPV6].count)
        return;
    if (range_list_all(FAMILY_IPV4, ipv4)) {
        diag_add(reader->diags, DIAG_EMPTY_FAMILY, node_span(node),
                 "this is everyone of IPv4, and nobody of IPv6");
        diag_hint(reader->diags, "leave the key out where everyone is meant");
    } else if (ipv4->count == 1 && !ipv4->items[0].last.low) {
        diag_add(reader->diags, DIAG_EMPTY_FAMILY, node_span(node),
                 "this is a host that has no address yet, and nobody else");
        diag_hint(reader->diags, "leave the key out where everyone is meant");
    }
}

static const struct addr_set *read_side(struct reader *reader, const struct node *value)
{
    const struct addr_set *set = read_addresses(reader, value, reader->trusting ? ADDRESSES_NOT_ALONE : 0);

    add_empty_warning(reader, value, set);
    note_one_family(reader, value, set);
    return set;
}

void read_name(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_text(reader, value, "name", &text))
        return;
    // 255 bytes go into a comment (XT_MAX_COMMENT_LEN, linux/netfilter/xt_comment.h); a name is a word or two.
    if (!text.length || text.length > 64) {
        diag_add(reader->diags, DIAG_TEXT, node_span(value), "a name has 1 to 64 bytes");
        return;
    }
    reader->entry->name = text.at;
}

// Joins the texts of a list for the entry's name: "http,https".
const char *joined_text(struct arena *arena, const struct node *node)
{
    size_t count;
    const struct node *items = value_items(node, &count);
    struct buf text = {0};

    for (size_t i = 0; i < count; i++)
        if (items[i].kind == NODE_SCALAR)
            buf_printf(&text, "%s%s", text.length ? "," : "", items[i].text);

    char *copy = arena_copy(arena, text.bytes ? text.bytes : "", text.length < 64 ? text.length : 64);

    // It may become a comment of a rule.
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
    buf_clear(&text);
    return copy;
}

void read_from(struct reader *reader, const struct node *value)
{
    const struct addr_set *set = read_side(reader, value);

    if (!is_nobody(reader->entry->from))
        reader->entry->from = set;
}

void read_to(struct reader *reader, const struct node *value)
{
    const struct addr_set *set = read_side(reader, value);

    if (!is_nobody(reader->entry->to))
        reader->entry->to = set;
}

void read_in(struct reader *reader, const struct node *value)
{
    if (value_interfaces(reader, value, "in", &reader->entry->in) && !reader->entry->in.count)
        match_nothing(reader->entry);
}

void read_out(struct reader *reader, const struct node *value)
{
    if (value_interfaces(reader, value, "out", &reader->entry->out) && !reader->entry->out.count)
        match_nothing(reader->entry);
}

void read_local(struct reader *reader, const struct node *value)
{
    reader->entry->local_span = node_span(value);
    if (value_ports(reader, value, "local", &reader->entry->local) && !reader->entry->local.count)
        match_nothing(reader->entry);
}

void read_verdict(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"accept", "reject", "drop", NULL}; // in the order of enum verdict
    int index;

    if (value_word(reader, value, "verdict", words, &index))
        reader->entry->verdict = (enum verdict)index;
}

void read_track(struct reader *reader, const struct node *value)
{
    const enum tracking mode = reader->policy->tracking;
    bool track;

    if (!value_bool(reader, value, "track", &track))
        return;
    reader->entry->track_span = node_span(value);
    if (reader->mode_unknown)
        return;
    if (mode == TRACKING_SELECTIVE) {
        reader->entry->track = track ? CHOICE_YES : CHOICE_NO;
        return;
    }
    if (track == (mode == TRACKING_FULL))
        return;

    // A file of defaults serves hosts of every mode.
    diag_add_as(reader->diags, is_included(reader, value) ? SEVERITY_NOTE : SEVERITY_ERROR, DIAG_TRACK_MODE,
                node_span(value),
                track ? "nothing is tracked in a policy with tracking: none"
                      : "everything is tracked in a policy with tracking: full");
    diag_hint(reader->diags, "an entry chooses only with tracking: selective");
}

void read_limit(struct reader *reader, const struct node *value)
{
    struct limit *limit = arena_alloc(reader->arena, sizeof(*limit));
    struct slice text;

    reader->entry->limit_span = node_span(value);
    if (value->kind == NODE_MAPPING) {
        diag_add(reader->diags, DIAG_LIMIT, node_span(value), "a limit is one text, not a mapping");
        diag_hint(reader->diags, "write limit: 10/second burst 20");
        return;
    }
    if (value_scalar(reader, value, "limit", &text) && limit_parse(reader, node_span(value), text, limit))
        reader->entry->limit = limit;
}

void read_helper(struct reader *reader, const struct node *value)
{
    struct slice text;

    if (!value_scalar(reader, value, "helper", &text))
        return;
    reader->entry->helper = helper_find(text);
    reader->entry->helper_span = node_span(value);
    if (!reader->entry->helper)
        report_word(reader, DIAG_HELPER, node_span(value), text, "a helper that ctc knows", helper_names);
}

void read_data(struct reader *reader, const struct node *value)
{
    value_ports(reader, value, "data", &reader->entry->data);
}

void read_sockets(struct reader *reader, const struct node *value)
{
    static const char *const words[] = {"connected", "any", NULL};
    int index;

    if (value_word(reader, value, "sockets", words, &index))
        reader->entry->any_socket = index == 1;
}

void read_entry_log(struct reader *reader, const struct node *value)
{
    value_bool(reader, value, "log", &reader->entry->log);
}

// `protocol: any` says all; whole ranges of ports are no restriction.
static void keep_traffic(struct reader *reader, struct entry *entry)
{
    struct traffic *kept = arena_calloc(reader->arena, reader->traffic.count, sizeof(*kept));

    for (size_t i = 0; i < reader->traffic.count; i++) {
        struct traffic traffic = reader->traffic.items[i];

        if (traffic.kind == TRAFFIC_ANY) {
            kept[0] = traffic;
            entry->traffic_count = 1;
            break;
        }
        if (traffic.ports.count && traffic.ports.items[0].first == 0)
            traffic.ports.count = 0;
        kept[entry->traffic_count++] = traffic;
    }
    entry->traffic = kept;
}

static const char *traffic_name(struct arena *arena, const struct entry *entry)
{
    struct buf text = {0};

    for (size_t i = 0; i < entry->traffic_count && text.length < 60; i++) {
        if (i)
            buf_char(&text, ' ');
        traffic_print(&text, &entry->traffic[i]);
    }

    const char *copy = arena_copy(arena, text.bytes ? text.bytes : "", text.length < 64 ? text.length : 64);

    buf_clear(&text);
    return copy;
}

static void begin_entry(struct reader *reader, struct entry *entry, const struct node *node)
{
    *entry = (struct entry){.span = node_span(node)};
    reader->entry = entry;
    reader->traffic.count = 0;
    reader->stray_key = false;
}

static void finish_traffic(struct reader *reader, struct entry *entry, const struct node *node)
{
    if (!reader->traffic.count) {
        // One that named something that is not known was reported already.
        if (node->kind == NODE_MAPPING && !reader->stray_key && !node_find(node, "service") &&
            !node_find(node, "tcp") && !node_find(node, "udp") && !node_find(node, "protocol")) {
            diag_add(reader->diags, DIAG_ENTRY_EMPTY, entry->span,
                     "the entry names no service, port or protocol");
            diag_hint(reader->diags, "`protocol: any` says all");
        }
    }
    keep_traffic(reader, entry);
    if (!entry->name)
        entry->name = traffic_name(reader->arena, entry);
}

static struct entry *add_entry(struct reader *reader, struct entry_list *list)
{
    return vec_push(reader->arena, list);
}

static void count_entry(struct entry_list *list, const struct entry *entry)
{
    list->helped += entry->helper != NULL;
    for (enum family family = 0; family < FAMILY_COUNT; family++)
        list->in_family[family] += entry_in_family(entry, family);
}

static void read_entry(struct reader *reader, const struct node *item, enum scope scope, const char *what,
                       struct entry *entry)
{
    struct slice word;

    begin_entry(reader, entry, item);
    if (item->kind == NODE_SCALAR && scope != SCOPE_FORWARD) {
        if (!value_scalar(reader, item, what, &word))
            return;
        entry->name = word.length <= 64 ? word.at : "";
        add_service(reader, item, word, true);
    } else if (!read_mapping(reader, item, scope, what)) {
        return;
    }
    finish_traffic(reader, entry, item);
}

static void read_entries(struct reader *reader, const struct node *value, enum scope scope, const char *what,
                         struct entry_list *list)
{
    size_t count;
    const struct node *items = value_items(value, &count);

    vec_reserve(reader->arena, list, count);
    list->counted = true;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = add_entry(reader, list);

        read_entry(reader, &items[i], scope, what, entry);
        count_entry(list, entry);
    }
}

void read_allow(struct reader *reader, const struct node *value)
{
    read_entries(reader, value, SCOPE_ALLOW, "an entry of `allow`", &reader->policy->allow);
}

void read_connect(struct reader *reader, const struct node *value)
{
    read_entries(reader, value, SCOPE_CONNECT, "an entry of `connect`", &reader->policy->connect);
}

void read_forward(struct reader *reader, const struct node *value)
{
    read_entries(reader, value, SCOPE_FORWARD, "an entry of `forward`", &reader->policy->forward);
}

static void read_trusted(struct reader *reader, struct entry *entry, const struct node *item)
{
    if (item->kind == NODE_SCALAR) {
        entry->name = item->text;
        entry->from = read_addresses(reader, item, ADDRESSES_NOT_ALONE);
        add_empty_warning(reader, item, entry->from);
        return;
    }
    if (!read_mapping(reader, item, SCOPE_TRUST, "an entry of `trust`"))
        return;
    if (!node_find(item, "in") && !node_find(item, "from")) {
        diag_add(reader->diags, DIAG_ENTRY_EMPTY, entry->span, "the entry trusts nobody in particular");
        diag_hint(reader->diags, "name an interface with `in`, addresses with `from`, or both");
    }
    if (entry->track != CHOICE_UNSET && !node_find(item, "from")) {
        diag_add(reader->diags, DIAG_TRACK_INTERFACE, entry->track_span,
                 "an interface alone cannot choose what is tracked: replies may leave elsewhere");
        diag_hint(reader->diags, "name the addresses behind it with `from`");
    }
    if (!entry->name)
        entry->name = joined_text(reader->arena, node_find(item, "from") ? node_find(item, "from")
                                                 : node_find(item, "in") ? node_find(item, "in")
                                                                         : item);
}

void read_trust(struct reader *reader, const struct node *value)
{
    size_t count;
    const struct node *items = value_items(value, &count);

    for (size_t i = 0; i < count; i++) {
        struct entry *entry = add_entry(reader, &reader->policy->trust);

        begin_entry(reader, entry, &items[i]);
        reader->trusting = true;
        read_trusted(reader, entry, &items[i]);
        reader->trusting = false;
    }
}

// One entry for the items of one file, since `not` takes away from all of its list, but from no other file's.
static void read_denied(struct reader *reader, const struct node *list)
{
    struct entry *entry = add_entry(reader, &reader->policy->deny);

    begin_entry(reader, entry, list);
    entry->name = "deny";
    entry->verdict = VERDICT_DROP;
    entry->from = read_addresses(reader, list, ADDRESSES_NOT_ALONE);
    add_empty_warning(reader, list, entry->from);
}

void read_deny(struct reader *reader, const struct node *value)
{
    size_t count;
    const struct node *items = value_items(value, &count);

    for (size_t from = 0, to; from < count; from = to) {
        struct node list = items[from];

        for (to = from + 1; to < count && items[to].source == items[from].source; to++)
            ;
        if (to - from == count) {
            read_denied(reader, value);
            continue;
        }
        list.kind = NODE_SEQUENCE;
        list.count = (uint32_t)(to - from);
        list.items = arena_calloc(reader->arena, to - from, sizeof(*list.items));
        memcpy(list.items, items + from, (to - from) * sizeof(*list.items));
        read_denied(reader, &list);
    }
}
