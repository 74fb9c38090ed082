// SPDX-License-Identifier: GPL-2.0-or-later
//
// The formats for programs: JSON, SARIF and workflow commands. JSON text is jansson's work.
#include <string.h>

#include "base/json.h"
#include "diag/render.h"

static const char *span_file(const struct span *span)
{
    return span->source ? span->source->name : "";
}

static json_t *finding(const struct diag *diag)
{
    json_t *object = json_object();

    json_set(object, "code", json_text(diag_kinds[diag->code].name));
    json_set(object, "severity", json_text(severity_name(diag->severity)));
    json_set(object, "message", json_text(diag->message));
    json_set(object, "hint", json_text_or_null(diag->hint));
    json_set(object, "file", json_text(span_file(&diag->span)));
    json_set(object, "line", json_integer(diag->span.line));
    json_set(object, "column", json_integer(diag->span.column));
    json_set(object, "end_column", json_integer((json_int_t)diag->span.column + diag->span.length));
    return object;
}

static json_t *summary_of(const struct diag_list *list)
{
    json_t *summary = json_object();

    json_set(summary, "errors", json_integer((json_int_t)list->counts[SEVERITY_ERROR]));
    json_set(summary, "warnings", json_integer((json_int_t)list->counts[SEVERITY_WARNING]));
    json_set(summary, "notes", json_integer((json_int_t)list->counts[SEVERITY_NOTE]));
    return summary;
}

static json_t *file_of(const struct checked_file *file)
{
    json_t *object = json_object();

    json_set(object, "file", json_text(file->path));
    json_set(object, "kind", json_text(file->is_ruleset ? "ruleset" : "policy"));
    json_set(object, "summary", summary_of(file->diags));
    return object;
}

void render_json(struct buf *out, const struct diag_list *list, const struct checked_file *files,
                 size_t count)
{
    json_t *document = json_document(NULL), *findings = json_array(), *checked = json_array();

    for (size_t i = 0; i < list->items.count; i++)
        json_push(findings, finding(&list->items.items[i]));
    for (size_t i = 0; i < count; i++)
        json_push(checked, file_of(&files[i]));
    json_set(document, "policy", json_text(count ? files[0].path : ""));
    json_set(document, "files", checked);
    json_set(document, "findings", findings);
    json_set(document, "summary", summary_of(list));
    json_print(out, document);
}

static json_t *message_of(const char *text, const char *hint)
{
    json_t *message = json_object();
    struct buf whole = {0};

    buf_text(&whole, text);
    if (hint)
        buf_printf(&whole, " (%s)", hint);
    json_set(message, "text", json_text(whole.bytes));
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
    value = json_text(uri.bytes ? uri.bytes : "");
    buf_clear(&uri);
    return value;
}

static json_t *sarif_location(const struct span *span)
{
    json_t *location = json_object(), *physical = json_object(), *artifact = json_object(),
           *region = json_object();

    json_set(artifact, "uri", uri_of(span_file(span)));
    json_set(physical, "artifactLocation", artifact);
    if (span->line) {
        json_set(region, "startLine", json_integer(span->line));
        json_set(region, "startColumn", json_integer(span->column));
        json_set(region, "endColumn", json_integer((json_int_t)span->column + span->length));
        json_set(physical, "region", region);
    } else {
        json_decref(region);
    }
    json_set(location, "physicalLocation", physical);
    return location;
}

static json_t *sarif_rules(void)
{
    json_t *rules = json_array();

    for (size_t i = 0; i < DIAG_COUNT; i++) {
        json_t *rule = json_object(), *defaults = json_object();

        json_set(defaults, "level", json_text(severity_name(diag_kinds[i].severity)));
        json_set(rule, "id", json_text(diag_kinds[i].name));
        json_set(rule, "shortDescription", message_of(diag_kinds[i].about, NULL));
        json_set(rule, "defaultConfiguration", defaults);
        json_push(rules, rule);
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

        json_set(result, "ruleId", json_text(diag_kinds[diag->code].name));
        json_set(result, "ruleIndex", json_integer((json_int_t)diag->code));
        json_set(result, "level", json_text(severity_name(diag->severity)));
        json_set(result, "message", message_of(diag->message, diag->hint));
        json_push(locations, sarif_location(&diag->span));
        json_set(result, "locations", locations);
        json_push(results, result);
    }
    json_set(driver, "name", json_text("ctc"));
    json_set(driver, "version", json_text(CTC_VERSION));
    json_set(driver, "rules", sarif_rules());
    json_set(tool, "driver", driver);
    json_set(run, "tool", tool);
    json_set(run, "columnKind", json_text("unicodeCodePoints"));
    json_set(run, "results", results);
    json_push(runs, run);
    json_set(document, "$schema", json_text("https://json.schemastore.org/sarif-2.1.0.json"));
    json_set(document, "version", json_text("2.1.0"));
    json_set(document, "runs", runs);
    json_print(out, document);
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
