// SPDX-License-Identifier: GPL-2.0-or-later
//
// The formats for programs: JSON, SARIF and workflow commands. JSON text is jansson's work.
#include <jansson.h>
#include <string.h>

#include "base/fatal.h"
#include "diag/render.h"

static const char *span_file(const struct span *span)
{
    return span->source ? span->source->name : "";
}

// jansson refuses text that is not UTF-8, which a file name or a quoted word may be: such bytes become '?'.
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);

    if (!value) {
        struct buf ascii = {0};

        for (const char *at = text; *at; at++)
            buf_char(&ascii, (unsigned char)*at < 128 ? *at : '?');
        value = json_string(ascii.bytes);
        buf_clear(&ascii);
    }
    if (!value)
        fatal_no_memory();
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        fatal_no_memory();
}

static void push(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) < 0)
        fatal_no_memory();
}

static int put_piece(const char *piece, size_t size, void *out)
{
    buf_append(out, piece, size);
    return 0;
}

static void put_document(struct buf *out, json_t *document)
{
    if (!document || json_dump_callback(document, put_piece, out, JSON_INDENT(2)) < 0)
        fatal_no_memory();
    buf_char(out, '\n');
    json_decref(document);
}

static json_t *finding(const struct diag *diag)
{
    json_t *object = json_object();

    set(object, "code", text_of(diag_kinds[diag->code].name));
    set(object, "severity", text_of(severity_name(diag->severity)));
    set(object, "message", text_of(diag->message));
    set(object, "hint", diag->hint ? text_of(diag->hint) : json_null());
    set(object, "file", text_of(span_file(&diag->span)));
    set(object, "line", json_integer(diag->span.line));
    set(object, "column", json_integer(diag->span.column));
    set(object, "end_column", json_integer((json_int_t)diag->span.column + diag->span.length));
    return object;
}

void render_json(struct buf *out, const struct diag_list *list, const char *policy)
{
    json_t *document = json_object(), *findings = json_array(), *summary = json_object();

    for (size_t i = 0; i < list->items.count; i++)
        push(findings, finding(&list->items.items[i]));
    set(summary, "errors", json_integer((json_int_t)list->counts[SEVERITY_ERROR]));
    set(summary, "warnings", json_integer((json_int_t)list->counts[SEVERITY_WARNING]));
    set(summary, "notes", json_integer((json_int_t)list->counts[SEVERITY_NOTE]));
    set(document, "version", json_integer(1));
    set(document, "tool", text_of("ctc"));
    set(document, "ctc", text_of(CTC_VERSION));
    set(document, "policy", text_of(policy));
    set(document, "findings", findings);
    set(document, "summary", summary);
    put_document(out, document);
}

static json_t *message_of(const char *text, const char *hint)
{
    json_t *message = json_object();
    struct buf whole = {0};

    buf_text(&whole, text);
    if (hint)
        buf_printf(&whole, " (%s)", hint);
    set(message, "text", text_of(whole.bytes));
    buf_clear(&whole);
    return message;
}

// A path as a relative or absolute URI reference (RFC 3986): what is not unreserved is percent-encoded.
static json_t *uri_of(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    struct buf uri = {0};
    json_t *value;

    for (; *path; path++) {
        if (strchr(plain, *path))
            buf_char(&uri, *path);
        else
            buf_printf(&uri, "%%%02X", (unsigned char)*path);
    }
    value = text_of(uri.bytes ? uri.bytes : "");
    buf_clear(&uri);
    return value;
}

static json_t *sarif_location(const struct span *span)
{
    json_t *location = json_object(), *physical = json_object(), *artifact = json_object(),
           *region = json_object();

    set(artifact, "uri", uri_of(span_file(span)));
    set(physical, "artifactLocation", artifact);
    if (span->line) {
        set(region, "startLine", json_integer(span->line));
        set(region, "startColumn", json_integer(span->column));
        set(region, "endColumn", json_integer((json_int_t)span->column + span->length));
        set(physical, "region", region);
    } else {
        json_decref(region);
    }
    set(location, "physicalLocation", physical);
    return location;
}

static json_t *sarif_rules(void)
{
    json_t *rules = json_array();

    for (size_t i = 0; i < DIAG_COUNT; i++) {
        json_t *rule = json_object(), *defaults = json_object();

        set(defaults, "level", text_of(severity_name(diag_kinds[i].severity)));
        set(rule, "id", text_of(diag_kinds[i].name));
        set(rule, "shortDescription", message_of(diag_kinds[i].about, NULL));
        set(rule, "defaultConfiguration", defaults);
        push(rules, rule);
    }
    return rules;
}

void render_sarif(struct buf *out, const struct diag_list *list)
{
    json_t *document = json_object(), *runs = json_array(), *run = json_object(), *tool = json_object(),
           *driver = json_object(), *results = json_array();

    for (size_t i = 0; i < list->items.count; i++) {
        const struct diag *diag = &list->items.items[i];
        json_t *result = json_object(), *locations = json_array();

        set(result, "ruleId", text_of(diag_kinds[diag->code].name));
        set(result, "ruleIndex", json_integer((json_int_t)diag->code));
        set(result, "level", text_of(severity_name(diag->severity)));
        set(result, "message", message_of(diag->message, diag->hint));
        push(locations, sarif_location(&diag->span));
        set(result, "locations", locations);
        push(results, result);
    }
    set(driver, "name", text_of("ctc"));
    set(driver, "version", text_of(CTC_VERSION));
    set(driver, "rules", sarif_rules());
    set(tool, "driver", driver);
    set(run, "tool", tool);
    set(run, "columnKind", text_of("unicodeCodePoints"));
    set(run, "results", results);
    push(runs, run);
    set(document, "$schema", text_of("https://json.schemastore.org/sarif-2.1.0.json"));
    set(document, "version", text_of("2.1.0"));
    set(document, "runs", runs);
    put_document(out, document);
}

// Workflow commands end at a line's end and split at ':' and ','; those characters travel as %XX.
static void put_escaped(struct buf *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (*text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ',')))
            buf_printf(out, "%%%02X", (unsigned char)*text);
        else
            buf_char(out, *text);
    }
}

void render_github(struct buf *out, const struct diag_list *list)
{
    static const char *const commands[SEVERITY_COUNT] = {"notice", "warning", "error"};

    for (size_t i = 0; i < list->items.count; i++) {
        const struct diag *diag = &list->items.items[i];

        buf_printf(out, "::%s file=", commands[diag->severity]);
        put_escaped(out, span_file(&diag->span), true);
        if (diag->span.line)
            buf_printf(out, ",line=%u,col=%u,endColumn=%u", diag->span.line, diag->span.column,
                       diag->span.column + diag->span.length);
        buf_printf(out, ",title=ctc %s::", diag_kinds[diag->code].name);
        put_escaped(out, diag->message, false);
        if (diag->hint) {
            buf_text(out, " (");
            put_escaped(out, diag->hint, false);
            buf_char(out, ')');
        }
        buf_char(out, '\n');
    }
}
