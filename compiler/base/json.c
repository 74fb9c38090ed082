// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include "base/fatal.h"

// jansson refuses text that is not UTF-8, which a file name or a quoted word may be: such bytes become '?'.
json_t *json_text(const char *text)
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

json_t *json_text_or_null(const char *text)
{
    return text ? json_text(text) : json_null();
}

json_t *json_family(enum family family)
{
    static const char *const words[FAMILY_COUNT + 1] = {"ipv4", "ipv6", NULL};

    return json_text_or_null(words[family]);
}

void json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        fatal_no_memory();
}

void json_push(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) < 0)
        fatal_no_memory();
}

static int put_piece(const char *piece, size_t size, void *out)
{
    buf_append(out, piece, size);
    return 0;
}

json_t *json_document(const char *command)
{
    json_t *document = json_object();

    json_set(document, "version", json_integer(1));
    json_set(document, "tool", json_text("ctc"));
    if (command)
        json_set(document, "command", json_text(command));
    json_set(document, "ctc", json_text(CTC_VERSION));
    return document;
}

void json_print(struct buf *out, json_t *document)
{
    if (!document || json_dump_callback(document, put_piece, out, JSON_INDENT(2)) < 0)
        fatal_no_memory();
    buf_char(out, '\n');
    json_decref(document);
}
