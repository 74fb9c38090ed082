// SPDX-License-Identifier: GPL-2.0-or-later
//
// Scalars and lists of them: document nodes in, typed values out.
#include <string.h>
#include <strings.h>

#include "base/interface.h"
#include "base/services.h"
#include "policy/reader.h"
#include "source/slips.h"

static const char *kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_SEQUENCE:
        return "a list";
    case NODE_MAPPING:
        return "a mapping";
    case NODE_SCALAR:
        break;
    }
    return "a scalar";
}

static bool is_null(struct slice text)
{
    return !text.length || slice_is(text, "~") ||
           (text.length == 4 && (slice_is(text, "null") || slice_is(text, "Null") || slice_is(text, "NULL")));
}

// The key that is meant; or what is meant, in which keys are quoted already.
static const char *quoted(struct reader *reader, const char *what)
{
    return strchr(what, '`') ? what : arena_printf(reader->arena, "`%s`", what);
}

bool value_is_missing(struct reader *reader, const struct node *node, const char *what)
{
    if (node->kind != NODE_SCALAR || !node->plain || !is_null(node_text(node)))
        return false;
    diag_add(reader->diags, DIAG_TYPE, node_span(node), "%s has no value", quoted(reader, what));
    diag_hint(reader->diags, "leave the key out where nothing is meant; an empty list is written []");
    return true;
}

bool value_scalar(struct reader *reader, const struct node *node, const char *what, struct slice *text)
{
    if (node->kind != NODE_SCALAR) {
        diag_add(reader->diags, DIAG_TYPE, node_span(node), "%s takes a single value here, not %s",
                 quoted(reader, what), kind_name(node));
        if (node->kind == NODE_MAPPING && !reader->diags->last_dropped &&
            memmem(source_line(node->source, node->line).at, source_line(node->source, node->line).length,
                   "::", 2))
            diag_hint(reader->diags, "put IPv6 addresses that begin or end with a colon in quotes: \"::1\"");
        return false;
    }
    *text = node_text(node);
    return !value_is_missing(reader, node, what);
}

static bool is_boolean(struct slice text)
{
    static const char *const words[] = {"y",     "n",  "yes", "no",   "true",  "false", "on", "off",
                                        "Y",     "N",  "Yes", "No",   "On",    "Off",   "On", "True",
                                        "False", "NO", "YES", "TRUE", "FALSE", "ON",    "OFF"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_is(text, words[i]))
            return true;
    return false;
}

// The length of a run of digits and underscores, as YAML 1.1 allows them.
static size_t digits(const char *at)
{
    return strspn(at, "0123456789_");
}

// Integers and floats of YAML 1.1 and 1.2, sexagesimal ones and dates among them. `text` is NUL-terminated.
static bool is_number(struct slice text)
{
    const char *at = text.at + (text.length && strchr("+-", text.at[0]));
    const char *end = text.at + text.length;

    if (!strcasecmp(at, ".inf") || !strcasecmp(at, ".nan"))
        return true;
    if (at[0] == '0' && at[1] && strchr("xob", at[1]))
        return at + 2 + strspn(at + 2, "0123456789abcdefABCDEF_") == end;

    const bool whole = *at >= '0' && *at <= '9';

    at += digits(at);
    if (whole && at == end)
        return true;
    if (whole && (*at == ':' || *at == '-')) {
        // 22:30 and 22:30:15.5, and 2001-12-14
        const char separator[] = {*at, '\0'};
        unsigned parts = 0;

        for (; *at == *separator && at[1] >= '0' && at[1] <= '9'; parts++)
            at += 1 + digits(at + 1);
        if (*separator == '-')
            return parts == 2;
        at += *at == '.';
        return at + digits(at) == end;
    }
    if (*at == '.') {
        const size_t fraction = digits(at + 1);

        at += 1 + fraction;
        if (!whole && !fraction)
            return false;
    } else if (!whole) {
        return false;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] && strchr("+-", at[1]) != NULL);
        if (!digits(at))
            return false;
        at += digits(at);
    }
    return at == end;
}

// Why YAML readers disagree about a plain scalar that should be text: "a number", "a boolean", ..., or NULL.
static const char *plain_surprise(struct slice text)
{
    if (is_null(text))
        return "no value";
    if (is_boolean(text))
        return "a boolean";
    if (is_number(text))
        return "a number";
    return NULL;
}

static bool refuse_unprintable(struct reader *reader, const struct node *node, const char *what,
                               struct slice text)
{
    while (text.length) {
        const size_t bytes = printable_bytes(text);

        if (!bytes) {
            diag_add(reader->diags, DIAG_TEXT, node_span(node), "%s holds %s", quoted(reader, what),
                     text.at[0] == '\n' || text.at[0] == '\r' ? "a line break"
                                                              : "a character that is not fit to print");
            diag_hint(reader->diags, "it could break out of its line of output");
            return true;
        }
        text = (struct slice){text.at + bytes, text.length - bytes};
    }
    return false;
}

bool value_text(struct reader *reader, const struct node *node, const char *what, struct slice *text)
{
    if (!value_scalar(reader, node, what, text))
        return false;

    const char *surprise = node->plain ? plain_surprise(*text) : NULL;

    if (surprise) {
        diag_add(reader->diags, DIAG_SURPRISE, node_span(node), "`%s` takes text, and YAML reads %.*s as %s",
                 what, (int)text->length, text->at, surprise);
        diag_hint(reader->diags, "put it in quotes: \"%.*s\"", (int)text->length, text->at);
        return false;
    }
    return !refuse_unprintable(reader, node, what, *text);
}

bool hint_slip(struct reader *reader, struct slice text)
{
    size_t start, length;
    const char *hint = slip_in(text, &start, &length);

    if (hint)
        diag_hint(reader->diags, "%s", hint);
    return hint;
}

// The protocol of a list of ports that only its last one has, as in `80,443/tcp`: with its slash.
static struct slice protocol_of_all(struct slice text)
{
    size_t ports = 0;

    while (ports < text.length &&
           ((text.at[ports] >= '0' && text.at[ports] <= '9') || strchr("-, ", text.at[ports])))
        ports++;

    const struct slice rest = {text.at + ports, text.length - ports};

    return slice_is(rest, "/tcp") || slice_is(rest, "/udp") ? rest : (struct slice){"", 0};
}

bool hint_list(struct reader *reader, struct slice text)
{
    const struct slice protocol = protocol_of_all(text);
    struct slice rest = {text.at, text.length - protocol.length}, part, word;
    struct buf list = {0};

    while (slice_item(&rest, ',', &part))
        while ((word = slice_word(&part)).length && list.length < 2 * QUOTED_MAX)
            buf_printf(&list, "%s%.*s%.*s", list.length ? ", " : "", QUOTE(word), (int)protocol.length,
                       protocol.at);
    diag_hint(reader->diags, "a list has brackets and commas: [%.*s]", (int)list.length,
              list.length ? list.bytes : "");
    buf_clear(&list);
    return true;
}

bool hint_spelling(struct reader *reader, struct slice text)
{
    return hint_slip(reader, text) ||
           (text.length && memchr(text.at, ',', text.length) && hint_list(reader, text));
}

bool value_bool(struct reader *reader, const struct node *node, const char *what, bool *value)
{
    struct slice text;

    if (!value_scalar(reader, node, what, &text))
        return false;
    *value = slice_is(text, "true");
    if (node->plain && (*value || slice_is(text, "false")))
        return true;
    if (is_boolean(text)) {
        diag_add(reader->diags, DIAG_SURPRISE, node_span(node),
                 node->plain ? "YAML readers disagree about %.*s" : "\"%.*s\" in quotes is text",
                 (int)text.length, text.at);
        diag_hint(reader->diags, "`%s` is true or false, without quotes", what);
    } else {
        diag_add(reader->diags, DIAG_VALUE, node_span(node), "`%s` is true or false, not '%.*s'", what,
                 (int)text.length, text.at);
        hint_slip(reader, text);
    }
    return false;
}

static void report_number(struct reader *reader, const struct node *node, const char *what, struct slice text,
                          uint64_t max)
{
    if (!node->plain && is_number(text)) {
        diag_add(reader->diags, DIAG_SURPRISE, node_span(node), "\"%.*s\" in quotes is text",
                 (int)text.length, text.at);
        diag_hint(reader->diags, "write the number without quotes");
    } else if (is_number(text) && (text.at[0] == '0' || memchr(text.at, ':', text.length) ||
                                   memchr(text.at, '_', text.length))) {
        diag_add(reader->diags, DIAG_SURPRISE, node_span(node), "YAML readers disagree about %.*s",
                 (int)text.length, text.at);
        diag_hint(reader->diags, memchr(text.at, '_', text.length)
                                     ? "a number has digits alone: 1048576"
                                     : "write a decimal number without a leading zero");
    } else {
        diag_add(reader->diags, DIAG_VALUE, node_span(node), "`%s` is a whole number up to %llu, not '%.*s'",
                 what, (unsigned long long)max, (int)text.length, text.at);
        if (!hint_slip(reader, text) && text.length &&
            (strchr("kKmMgG", text.at[text.length - 1]) || memchr(text.at, '.', text.length) ||
             memchr(text.at, ' ', text.length)))
            diag_hint(reader->diags, "a number has digits alone: 1048576");
    }
}

bool value_number(struct reader *reader, const struct node *node, const char *what, uint64_t max,
                  uint64_t *value)
{
    struct slice text;

    if (!value_scalar(reader, node, what, &text))
        return false;
    if (node->plain && parse_number(text, max, value))
        return true;
    report_number(reader, node, what, text, max);
    return false;
}

void report_word(struct reader *reader, enum diag_code code, struct span span, struct slice word,
                 const char *what, const char *const *words)
{
    const char *suggested;
    struct buf all = {0};

    diag_add(reader->diags, code, span, "'%.*s' is not %s", QUOTE(word), what);
    if (reader->diags->last_dropped)
        return;
    if (hint_spelling(reader, word))
        return;
    suggested = suggested_word(word, words);
    if (suggested) {
        diag_hint(reader->diags, "did you mean %s?", suggested);
        return;
    }
    for (; *words && all.length < 200; words++)
        buf_printf(&all, "%s%s", all.length ? ", " : "", *words);
    diag_hint(reader->diags, "one of %s%s", all.bytes, *words ? ", ..." : "");
    buf_clear(&all);
}

bool value_word(struct reader *reader, const struct node *node, const char *what, const char *const *words,
                int *index)
{
    struct slice text;

    if (!value_scalar(reader, node, what, &text))
        return false;
    for (int i = 0; words[i]; i++) {
        if (slice_is(text, words[i])) {
            *index = i;
            return true;
        }
    }
    report_word(reader, DIAG_VALUE, node_span(node), text,
                arena_printf(reader->arena, "a value of `%s`", what), words);
    return false;
}

void warn_empty(struct reader *reader, const struct node *node, const char *what)
{
    diag_add(reader->diags, DIAG_EMPTY_LIST, node_span(node), "`%s` is empty: it matches nothing", what);
    diag_hint(reader->diags, "leave the key out where everything is meant");
}

const struct node *value_items(const struct node *node, size_t *count)
{
    if (node->kind != NODE_SEQUENCE) {
        *count = 1;
        return node;
    }
    *count = node->count;
    return node->items;
}

bool value_ports(struct reader *reader, const struct node *node, const char *what, struct port_set *ports)
{
    size_t count;
    const struct node *items = value_items(node, &count);
    bool fine = true;

    if (!count)
        warn_empty(reader, node, what);
    for (size_t i = 0; i < count; i++) {
        struct slice text;
        struct port_range range;

        if (!value_scalar(reader, &items[i], what, &text)) {
            fine = false;
            continue;
        }

        const char *problem = port_range_parse(text, &range);

        if (problem) {
            diag_add(reader->diags, DIAG_PORT, node_span(&items[i]), "'%.*s' is not a port", QUOTE(text));
            if (service_find(text))
                diag_hint(reader->diags, "words stand under `service`: {service: %.*s}", QUOTE(text));
            else if (text.length && memchr(text.at, ' ', text.length) && !memchr(text.at, '-', text.length))
                hint_list(reader, text);
            else if (!hint_spelling(reader, text))
                diag_hint(reader->diags, "%s", problem);
            fine = false;
        } else {
            port_set_add(reader->arena, ports, range);
        }
    }
    return fine;
}

bool value_interfaces(struct reader *reader, const struct node *node, const char *what,
                      struct interfaces *interfaces)
{
    size_t count;
    const struct node *items = value_items(node, &count);
    const char **names = arena_calloc(reader->arena, count, sizeof(*names));

    if (!count)
        warn_empty(reader, node, what);
    for (size_t i = 0; i < count; i++) {
        struct slice text;

        if (!value_text(reader, &items[i], what, &text))
            return false;

        const char *problem = slice_is(text, "any") || slice_is(text, "all")
                                  ? "leave the key out where any interface is meant"
                                  : interface_problem(text);

        if (problem) {
            diag_add(reader->diags, DIAG_INTERFACE, node_span(&items[i]), "'%.*s' is not an interface",
                     QUOTE(text));
            if (!hint_spelling(reader, text))
                diag_hint(reader->diags, "%s", problem);
            return false;
        }
        names[i] = text.at;
    }
    *interfaces = (struct interfaces){names, count};
    return true;
}

// Digits off the front of `*rest`.
static bool take_digits(struct slice *rest, uint64_t *value)
{
    size_t length = 0;

    while (length < rest->length && rest->at[length] >= '0' && rest->at[length] <= '9')
        length++;
    if (!parse_number((struct slice){rest->at, length}, UINT32_MAX, value))
        return false;
    *rest = (struct slice){rest->at + length, rest->length - length};
    return true;
}

// `5d`, `2h4m`, `30s`: each unit at most once, the larger ones first.
static bool add_units(struct slice rest, uint64_t *total)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    bool fine = rest.length > 0;
    uint64_t number;

    for (size_t unit = 0; fine && rest.length; unit++) {
        fine = take_digits(&rest, &number) && rest.length;
        while (fine && unit < 4 && units[unit].letter != rest.at[0])
            unit++;
        fine = fine && unit < 4;
        if (fine) {
            *total += number * units[unit].seconds;
            rest = (struct slice){rest.at + 1, rest.length - 1};
        }
    }
    return fine;
}

bool duration_parse(struct slice text, uint32_t *seconds)
{
    uint64_t total = 0;

    if (!add_units(text, &total) || !total || total > INT32_MAX)
        return false;
    *seconds = (uint32_t)total;
    return true;
}

bool value_duration(struct reader *reader, const struct node *node, const char *what, uint32_t *seconds)
{
    struct slice text;
    uint64_t number;

    if (!value_scalar(reader, node, what, &text))
        return false;
    if (node->plain && parse_number(text, INT32_MAX, &number) && number) {
        *seconds = (uint32_t)number;
        return true;
    }
    if (duration_parse(text, seconds))
        return true;
    diag_add(reader->diags, DIAG_DURATION, node_span(node), "'%.*s' is not a length of time", QUOTE(text));
    if (!hint_slip(reader, text))
        diag_hint(reader->diags, "write seconds, or 5d, 2h4m, 90s");
    return false;
}
