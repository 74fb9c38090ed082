// SPDX-License-Identifier: GPL-2.0-or-later
//
// The keys of each mapping of the language, as policy/fields.def lists them: how a mapping is read by them, and what is said
// of a key that is none.
#include <string.h>

#include "base/services.h"
#include "policy/reader.h"

static const struct field fields[] = {
#define TRUST                                    SCOPE_TRUST
#define ALLOW                                    SCOPE_ALLOW
#define CONNECT                                  SCOPE_CONNECT
#define FORWARD                                  SCOPE_FORWARD
#define POLICY                                   SCOPE_POLICY
#define HOST                                     SCOPE_HOST
#define FILE                                     SCOPE_FILE
#define DEFAULT                                  SCOPE_DEFAULT
#define REJECT_WITH                              SCOPE_REJECT_WITH
#define LOG                                      SCOPE_LOG
#define STATELESS                                SCOPE_STATELESS
#define CONNTRACK                                SCOPE_CONNTRACK
#define VERBATIM                                 SCOPE_VERBATIM
#define EXPECT                                   SCOPE_EXPECT
#define FIELD(key, scopes, reader, merge, about) {key, scopes, read_##reader, MERGE_##merge, about},
#include "policy/fields.def"
#undef FIELD
#undef TRUST
#undef ALLOW
#undef CONNECT
#undef FORWARD
#undef POLICY
#undef HOST
#undef FILE
#undef DEFAULT
#undef REJECT_WITH
#undef LOG
#undef STATELESS
#undef CONNTRACK
#undef VERBATIM
#undef EXPECT
};

#define FIELD_COUNT (sizeof(fields) / sizeof(*fields))

const struct field *field_find(unsigned scope, struct slice key)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if ((fields[i].scopes & scope) && fields[i].key[0] == key.at[0] && slice_is(key, fields[i].key))
            return &fields[i];
    return NULL;
}

void field_read(struct reader *reader, const struct field *field, const struct node *value)
{
    if (value_is_missing(reader, value, field->key)) {
        reader->stray_key = true;
        reader->mode_unknown = reader->mode_unknown || strcmp(field->key, "tracking") == 0;
    } else {
        field->read(reader, value);
    }
}

// The keys of a scope, ended by NULL. Gives how many.
static size_t list_keys(unsigned scope, const char *keys[FIELD_COUNT + 1])
{
    size_t count = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].scopes & scope)
            keys[count++] = fields[i].key;
    keys[count] = NULL;
    return count;
}

static void hint_keys(struct reader *reader, unsigned scope)
{
    const char *keys[FIELD_COUNT + 1];
    const size_t count = list_keys(scope, keys);
    struct buf all = {0};

    for (size_t i = 0; i < count; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", keys[i]);
    diag_hint(reader->diags, "its keys: %s", all.bytes);
    buf_clear(&all);
}

static bool is_default(struct slice word)
{
    return slice_is(word, "accept") || slice_is(word, "reject") || slice_is(word, "drop") ||
           slice_is(word, "leave");
}

// A list of words where a mapping is meant that has a key for them, or the one value that a mapping is most often made for.
static bool hint_mapping(struct reader *reader, const struct node *node, enum scope scope)
{
    static const struct {
        enum scope scope;
        const char *key;
    } usual[] = {{SCOPE_HOST, "memory"},
                 {SCOPE_DEFAULT, "input"},
                 {SCOPE_STATELESS, "replies"},
                 {SCOPE_CONNTRACK, "max"}};
    struct buf words = {0};

    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (usual[i].scope == scope && node->kind == NODE_SCALAR && node->count) {
            diag_hint(reader->diags, "write {%s: %.*s}", usual[i].key, QUOTE(node_text(node)));
            return true;
        }
    if (scope == SCOPE_FORWARD && node->kind == NODE_SCALAR) {
        if (is_default(node_text(node)))
            diag_hint(reader->diags, "write default: {forward: %.*s}", QUOTE(node_text(node)));
        else
            diag_hint(reader->diags, "`default: {forward: leave}` leaves FORWARD to others, as to Docker");
        return true;
    }
    if (!field_find(scope, slice_of("service")) || node->kind != NODE_SEQUENCE || !node->count)
        return false;
    for (size_t i = 0; i < node->count && words.length < QUOTED_MAX; i++) {
        if (node->items[i].kind != NODE_SCALAR) {
            buf_clear(&words);
            return false;
        }
        buf_printf(&words, "%s%.*s", i ? ", " : "", QUOTE(node_text(&node->items[i])));
    }
    diag_hint(reader->diags, "write {service: [%s]}", words.bytes);
    buf_clear(&words);
    return true;
}

// What other firewalls have as a key.
static bool is_translation(struct slice key)
{
    return slice_is(key, "masquerade") || slice_is(key, "snat") || slice_is(key, "dnat") ||
           slice_is(key, "redirect");
}

// `service:ssh` is one word to YAML.
static bool is_glued(struct slice text, unsigned scope)
{
    struct slice key, value;

    return slice_split(text, ':', &key, &value) && key.length && field_find(scope, key);
}

// Whose rules people want to keep.
static bool is_other_tool(struct slice key)
{
    static const char *const tools[] = {"docker", "fail2ban", "kubernetes", "libvirt", "podman", "ufw", NULL};

    for (size_t i = 0; tools[i]; i++)
        if (slice_is(key, tools[i]))
            return true;
    return false;
}

// `limit: 0,5/second` ends at its comma in braces.
static bool is_half_rate(struct slice text)
{
    struct slice number, unit;
    uint64_t events;

    return slice_split(text, '/', &number, &unit) && parse_number(number, UINT32_MAX, &events) &&
           unit.length && strchr("smhd", unit.at[0]);
}

static void hint_key(struct reader *reader, const struct node *key, unsigned scope)
{
    const char *keys[FIELD_COUNT + 1];
    const struct slice text = node_text(key);
    const char *suggested;
    uint64_t number;

    list_keys(scope, keys);
    suggested = suggested_word(text, keys);
    if ((scope & (SCOPE_ALLOW | SCOPE_CONNECT)) && service_find(text))
        diag_hint(reader->diags, "write {service: %s, ...}", key->text);
    else if (is_glued(text, scope))
        diag_hint(reader->diags, "a blank stands behind the colon of a key: %.*s: ...",
                  (int)((const char *)memchr(text.at, ':', text.length) - text.at), text.at);
    else if (memchr(text.at, ':', text.length))
        diag_hint(reader->diags, "put IPv6 addresses that begin or end with a colon in quotes: \"fe80::\"");
    else if (is_translation(text))
        diag_hint(reader->diags, "translation is a rule of the nat table, carried under `verbatim`");
    else if (slice_is(text, "family"))
        diag_hint(reader->diags,
                  "what is said holds for both families; `from: \"::/0\"` keeps an entry to IPv6");
    else if (scope == SCOPE_POLICY &&
             (slice_is(text, "on") || slice_is(text, "in") || slice_is(text, "interface")))
        diag_hint(reader->diags, "an interface is named in an entry: {service: ssh, in: eth0}");
    else if (scope == SCOPE_POLICY && is_other_tool(text))
        diag_hint(
            reader->diags,
            "what others have in the tables stays, and `default: {forward: leave}` leaves FORWARD to them");
    else if (slice_is(text, "burst") && field_find(scope, slice_of("limit")))
        diag_hint(reader->diags, "it stands behind the rate: limit: 10/second burst 20");
    else if (is_half_rate(text))
        diag_hint(reader->diags,
                  "a rate is a whole number, without a decimal comma: 30/minute is one in two seconds");
    else if (slice_is(text, "allow") || slice_is(text, "deny"))
        diag_hint(reader->diags, "the list above says that of all its entries; `verdict: drop` refuses");
    else if (parse_number(text, UINT64_MAX, &number))
        diag_hint(reader->diags, "a list has brackets and commas: [80, 443]");
    else if (suggested)
        diag_hint(reader->diags, "did you mean `%s`?", suggested);
    else
        hint_keys(reader, scope);
}

void report_unknown_key(struct reader *reader, const struct node *key, unsigned scope, const char *what)
{
    const struct slice text = node_text(key);

    reader->stray_key = true;
    if (scope == SCOPE_POLICY && slice_is(text, "nat")) {
        diag_add(reader->diags, DIAG_RESERVED_KEY, node_span(key), "`nat` is reserved");
        diag_hint(reader->diags, "carry the nat table's rules under `verbatim`");
        return;
    }
    if (key->plain && slice_is(text, "on") && field_find(scope, slice_of("in"))) {
        diag_add(reader->diags, DIAG_UNKNOWN_KEY, node_span(key), "%s has no key `on`", what);
        diag_hint(reader->diags, "an interface is `in:` or `out:`; other YAML readers take `on` for true");
        return;
    }
    diag_add(reader->diags, DIAG_UNKNOWN_KEY, node_span(key), "%s has no key `%.*s`", what, QUOTE(text));
    if (!reader->diags->last_dropped)
        hint_key(reader, key, scope);
}

bool read_mapping(struct reader *reader, const struct node *node, enum scope scope, const char *what)
{
    if (node->kind != NODE_MAPPING) {
        diag_add(reader->diags, DIAG_TYPE, node_span(node), "%s is a mapping of keys", what);
        if (!reader->diags->last_dropped && !hint_mapping(reader, node, scope))
            hint_keys(reader, scope);
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node_key(node, i);
        const struct field *field = field_find(scope, node_text(key));

        if (!field)
            report_unknown_key(reader, key, scope, what);
        else
            field_read(reader, field, node_value(node, i));
    }
    return true;
}
