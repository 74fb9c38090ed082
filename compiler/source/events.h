// SPDX-License-Identifier: GPL-2.0-or-later
//
// The events of a YAML text, as libyaml gives them, and their places in the source. What is wrong with it is reported.
// Not for other folders.
#pragma once

#include <yaml.h>

#include "diag/diag.h"

struct events {
    struct arena *arena; // of what is reported
    const struct source *source;
    struct diag_list *diags;
    size_t characters;    // of the text
    uint32_t line_from;   // lines of the source ahead of it
    struct slice *pieces; // of it, as much as libyaml has not yet
    size_t piece_count;
    yaml_parser_t parser;
};

// Begins a text that is those pieces, one behind the other; they stay until the end, and are used up. The first four members
// are set ahead. False, and reported, where that cannot be; then there is nothing to end.
bool events_begin(struct events *events, struct slice *pieces, size_t count);
void events_end(struct events *events);

// The next one, to be deleted by the caller. False, and reported, where the text is no YAML from there on.
bool events_next(struct events *events, yaml_event_t *event);

struct span events_span(const struct events *events, yaml_mark_t start);

// Reports what is wrong with the YAML of a place; a slip that is known says it better. `from`: the line where the list or
// mapping begins that it is about.
void events_report(struct events *events, const char *problem, uint32_t from, struct span span);

// Reports what YAML has and policies have not.
void events_refuse(struct events *events, yaml_mark_t at, const char *what, const char *hint);

// Policies are plain data: whatever could make two readers see two documents is refused. True, and reported, where the event is an
// alias, or has an anchor or a tag.
bool events_decorated(struct events *events, const yaml_event_t *event);
