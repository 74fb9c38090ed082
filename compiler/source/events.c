// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/events.h"

#include <string.h>

#include "source/slips.h"

struct span events_span(const struct events *events, yaml_mark_t start)
{
    return (struct span){events->source, events->line_from + (uint32_t)start.line + 1,
                         (uint32_t)start.column + 1, 1};
}

void events_report(struct events *events, const char *problem, uint32_t from, struct span span)
{
    const struct slip slip = slip_behind(events->arena, events->source, problem, from, span);

    diag_add(events->diags, DIAG_YAML, slip.span, "%s%s", slip.what ? "not YAML: " : "",
             slip.what ? slip.what : problem);
    if (slip.hint)
        diag_hint(events->diags, "%s", slip.hint);
}

static void report_parser(struct events *events)
{
    const yaml_parser_t *parser = &events->parser;
    const char *problem = parser->problem ? parser->problem : "not readable";

    if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR) {
        diag_add(events->diags, DIAG_YAML, source_whole(events->source), "the YAML reader gave up");
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        diag_add(events->diags, DIAG_YAML, source_at_offset(events->source, parser->problem_offset),
                 "not YAML: %s", problem);
        diag_hint(
            events->diags,
            strstr(problem, "UTF-8")
                ? "policies are UTF-8 text: iconv -f WINDOWS-1252 -t UTF-8 makes it of what old editors save"
                : "policies are UTF-8 text without control characters");
        return;
    }

    // What was begun and not ended is at fault where it began.
    const bool unclosed = (size_t)parser->problem_mark.index + 1 >= events->characters && parser->context;
    const struct span span = events_span(events, unclosed ? parser->context_mark : parser->problem_mark);

    events_report(events,
                  arena_printf(events->arena, "not YAML: %s%s%s", problem, parser->context ? " " : "",
                               parser->context ? parser->context : ""),
                  events_span(events, parser->context ? parser->context_mark : parser->problem_mark).line,
                  span);
}

// Gives libyaml the text, piece by piece.
static int feed(void *context, unsigned char *buffer, size_t size, size_t *given)
{
    struct events *events = context;

    while (events->piece_count && !events->pieces->length) {
        events->pieces++;
        events->piece_count--;
    }
    *given = 0;
    if (events->piece_count) {
        struct slice *piece = events->pieces;

        *given = piece->length < size ? piece->length : size;
        memcpy(buffer, piece->at, *given);
        *piece = (struct slice){piece->at + *given, piece->length - *given};
    }
    return 1;
}

bool events_begin(struct events *events, struct slice *pieces, size_t count)
{
    events->pieces = pieces;
    events->piece_count = count;
    if (!yaml_parser_initialize(&events->parser)) {
        diag_add(events->diags, DIAG_YAML, source_whole(events->source), "the YAML reader gave up");
        return false;
    }
    // A byte order mark of UTF-8 is allowed; other encodings are not, for other readers may guess another one.
    yaml_parser_set_encoding(&events->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&events->parser, feed, events);
    return true;
}

void events_end(struct events *events)
{
    yaml_parser_delete(&events->parser);
}

bool events_next(struct events *events, yaml_event_t *event)
{
    if (yaml_parser_parse(&events->parser, event))
        return true;
    report_parser(events);
    return false;
}

void events_refuse(struct events *events, yaml_mark_t at, const char *what, const char *hint)
{
    diag_add(events->diags, DIAG_YAML, events_span(events, at), "policies have no %s", what);
    diag_hint(events->diags, "%s", hint);
}

bool events_decorated(struct events *events, const yaml_event_t *event)
{
    const unsigned char *anchor = NULL, *tag = NULL;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        events_refuse(events, event->start_mark, "YAML aliases",
                      "name the list under `define` and use it as $name");
        return true;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        events_refuse(events, event->start_mark, "YAML anchors",
                      "name the list under `define` and use it as $name");
    else if (tag)
        events_refuse(events, event->start_mark, "YAML tags",
                      "text that begins with '!' needs quotes; to take an address away write `not X`");
    return anchor || tag;
}
