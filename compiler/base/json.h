// SPDX-License-Identifier: GPL-2.0-or-later
//
// JSON as ctc writes it: jansson's, with memory that never runs short for the caller and text that may be any bytes.
#pragma once

#include <jansson.h>

#include "base/addr.h"
#include "base/buf.h"

json_t *json_text(const char *text);
json_t *json_text_or_null(const char *text);                   // null for NULL
json_t *json_family(enum family family);                       // "ipv4" or "ipv6"; null for FAMILY_COUNT
void json_set(json_t *object, const char *key, json_t *value); // takes the value over
void json_push(json_t *array, json_t *value);                  // likewise

// The document that a command prints, with what begins each of them: its version, and whose it is; NULL where no command is
// named in it.
json_t *json_document(const char *command);

// Appends the document, indented, with a line's end; and frees it.
void json_print(struct buf *out, json_t *document);
