// SPDX-License-Identifier: GPL-2.0-or-later
#include "diag/diag.h"

#include <stdlib.h>
#include <string.h>

const struct diag_kind diag_kinds[DIAG_COUNT] = {
#define DIAG(id, name, severity, exit, about) {name, SEVERITY_##severity, EXIT_##exit, about},
#include "diag/codes.def"
#undef DIAG
};

const char *severity_name(enum severity severity)
{
    static const char *const names[SEVERITY_COUNT] = {"note", "warning", "error"};

    return names[severity];
}

static void note_error(struct diag_list *list, enum diag_code code)
{
    // What the world did to the input comes before what the input says.
    if (list->exit != EXIT_WORLD)
        list->exit = diag_kinds[code].exit;
}

// What a message quotes comes from input files: nothing of it may steer a terminal or begin a line of its own.
static const char *cleaned(struct arena *arena, const char *text)
{
    struct slice rest = slice_of(text);
    char *copy = arena_copy(arena, text, rest.length), *to = copy;

    while (rest.length) {
        const size_t bytes = printable_bytes(rest), step = bytes ? bytes : 1;

        if (bytes)
            memmove(to, rest.at, bytes);
        else
            *to = '?';
        to += step;
        rest = (struct slice){rest.at + step, rest.length - step};
    }
    return copy;
}

static void add(struct diag_list *list, enum severity severity, enum diag_code code, struct span span,
                const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void add(struct diag_list *list, enum severity severity, enum diag_code code, struct span span,
                const char *format, va_list args)
{
    list->counts[severity]++;
    if (severity == SEVERITY_ERROR)
        note_error(list, code);
    list->last_dropped = list->counts[severity] > DIAG_KEPT;
    if (list->last_dropped)
        return;
    *vec_push(list->arena, &list->items) = (struct diag){
        .code = code,
        .severity = severity,
        .span = span,
        .message = cleaned(list->arena, arena_vprintf(list->arena, format, args)),
    };
}

void diag_add(struct diag_list *list, enum diag_code code, struct span span, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(list, diag_kinds[code].severity, code, span, format, args);
    va_end(args);
}

void diag_add_as(struct diag_list *list, enum severity severity, enum diag_code code, struct span span,
                 const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(list, severity, code, span, format, args);
    va_end(args);
}

void diag_hint(struct diag_list *list, const char *format, ...)
{
    va_list args;

    if (list->last_dropped || !list->items.count)
        return;
    va_start(args, format);
    vec_last(&list->items)->hint = cleaned(list->arena, arena_vprintf(list->arena, format, args));
    va_end(args);
}

void diag_make_strict(struct diag_list *list)
{
    for (size_t i = 0; i < list->items.count; i++) {
        struct diag *diag = &list->items.items[i];

        if (diag->severity == SEVERITY_WARNING) {
            diag->severity = SEVERITY_ERROR;
            note_error(list, diag->code);
        }
    }
    if (list->counts[SEVERITY_WARNING] && list->exit == EXIT_FINE)
        list->exit = EXIT_POLICY;
    list->counts[SEVERITY_ERROR] += list->counts[SEVERITY_WARNING];
    list->counts[SEVERITY_WARNING] = 0;
}

bool diag_has(const struct diag_list *list, enum diag_code code, struct span span, const char *message)
{
    for (size_t i = list->items.count; i-- > 0;) {
        const struct diag *diag = &list->items.items[i];

        if (diag->code == code && diag->span.source == span.source && diag->span.line == span.line &&
            diag->span.column == span.column && strcmp(diag->message, message) == 0)
            return true;
    }
    return false;
}

void diag_append(struct diag_list *list, const struct diag_list *more)
{
    for (size_t i = 0; i < more->items.count; i++)
        *vec_push(list->arena, &list->items) = more->items.items[i];
    for (int severity = 0; severity < SEVERITY_COUNT; severity++)
        list->counts[severity] += more->counts[severity];
    if (list->exit != EXIT_WORLD && (more->exit == EXIT_WORLD || more->exit > list->exit))
        list->exit = more->exit;
}

// Whether two lists that know files by sources of their own say the same.
static bool says_the_same(const struct diag *a, const struct diag *b)
{
    return a->code == b->code && a->severity == b->severity && a->span.line == b->span.line &&
           a->span.column == b->span.column && a->span.source && b->span.source &&
           strcmp(a->span.source->name, b->span.source->name) == 0 && strcmp(a->message, b->message) == 0;
}

void diag_append_new(struct diag_list *list, const struct diag_list *more, const char *own)
{
    struct diag_list fresh = {.arena = list->arena, .exit = more->exit, .items = {0}};

    memcpy(fresh.counts, more->counts, sizeof(fresh.counts));
    for (size_t i = 0; i < more->items.count; i++) {
        const struct diag *diag = &more->items.items[i];
        bool known = false;

        if (diag->span.source && strcmp(diag->span.source->name, own) != 0)
            for (size_t j = 0; j < list->items.count && !known; j++)
                known = says_the_same(&list->items.items[j], diag);
        if (known)
            fresh.counts[diag->severity]--;
        else
            *vec_push(list->arena, &fresh.items) = *diag;
    }
    diag_append(list, &fresh);
}

static int compare(const void *a, const void *b)
{
    const struct diag *left = *(const struct diag *const *)a, *right = *(const struct diag *const *)b;
    const struct span *l = &left->span, *r = &right->span;

    if (l->source != r->source)
        return (l->source ? l->source->order : 0) < (r->source ? r->source->order : 0) ? -1 : 1;
    if (l->line != r->line)
        return l->line < r->line ? -1 : 1;
    if (l->column != r->column)
        return l->column < r->column ? -1 : 1;
    return left < right ? -1 : left > right;
}

void diag_sort(struct diag_list *list)
{
    const size_t count = list->items.count;
    const struct diag **order = arena_calloc(list->arena, count, sizeof(*order));
    struct diag *sorted = arena_calloc(list->arena, count, sizeof(*sorted));

    for (size_t i = 0; i < count; i++)
        order[i] = &list->items.items[i];
    qsort(order, count, sizeof(*order), compare);
    for (size_t i = 0; i < count; i++)
        sorted[i] = *order[i];
    list->items.items = sorted;
    list->items.capacity = count;
}
