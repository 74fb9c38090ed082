// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/reason.h"

void set_reason(json_t *object, const struct reason *reason)
{
    const struct source *source = reason->span.source;

    json_set(object, "section", json_text_or_null(reason->section));
    json_set(object, "name", json_text_or_null(reason->name));
    json_set(object, "file", json_text_or_null(source ? source->name : NULL));
    json_set(object, "line", source ? json_integer(reason->span.line) : json_null());
}
