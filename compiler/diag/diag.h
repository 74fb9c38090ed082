// SPDX-License-Identifier: GPL-2.0-or-later
//
// The list of what is wrong, doubtful or worth knowing about a policy. Stages collect; only diag/render*.c prints.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/vec.h"
#include "source/source.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_COUNT };

enum diag_code {
#define DIAG(id, name, severity, exit, about) DIAG_##id,
#include "diag/codes.def"
#undef DIAG
    DIAG_COUNT
};

// What is known of a code, whatever policy it is found in.
struct diag_kind {
    const char *name; // stable
    enum severity severity;
    enum exit_code exit; // of a run in which it stands as an error
    const char *about;
};

extern const struct diag_kind diag_kinds[DIAG_COUNT];

const char *severity_name(enum severity severity);

struct diag {
    enum diag_code code;
    enum severity severity;
    struct span span;
    const char *message;
    const char *hint; // NULL where there is none
};

// Keeps at most DIAG_KEPT diagnostics of each severity that one file gives; those beyond are counted.
#define DIAG_KEPT 500

struct diag_list {
    struct arena *arena;
    VEC(struct diag) items;
    size_t counts[SEVERITY_COUNT];
    bool last_dropped;   // the newest was counted but not kept
    enum exit_code exit; // EXIT_FINE, or that of the worst error so far
};

// Adds a diagnostic with the severity of its code.
void diag_add(struct diag_list *list, enum diag_code code, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// The same with another severity.
void diag_add_as(struct diag_list *list, enum severity severity, enum diag_code code, struct span span,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

// Gives the diagnostic added last its hint.
void diag_hint(struct diag_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Turns warnings into errors.
void diag_make_strict(struct diag_list *list);

// Whether a diagnostic of that code and text stands at the place.
bool diag_has(const struct diag_list *list, enum diag_code code, struct span span, const char *message);

// Adds all of another list behind this one's own, but for what is about another file than `own` and is there already, as what
// many policies include is. The exit code is the worse one.
void diag_append_new(struct diag_list *list, const struct diag_list *more, const char *own);

// Adds all of another list behind this one's own. The exit code is the worse one.
void diag_append(struct diag_list *list, const struct diag_list *more);

// Sorts by place: the sources in the order in which they were read, then line and column.
void diag_sort(struct diag_list *list);
