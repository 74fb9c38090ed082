// SPDX-License-Identifier: GPL-2.0-or-later
//
// A text of sets, read.
#pragma once

#include "ipset/ipset.h"
#include "support/test.h"

#define IP     "create a hash:ip\n"
#define NET    "create a hash:net\n"
#define IPPORT "create a hash:ip,port\n"
#define PORTS  "create a bitmap:port range 1-1000\n"
#define IP6    "create a hash:ip family inet6\n"
#define NET6   "create a hash:net family inet6\n"

struct text {
    struct arena arena;
    struct source source;
    struct diag_list diags;
    struct ipset_list list;
    bool fine;
};

static inline void text_read_bytes(struct text *text, const char *bytes, size_t length)
{
    *text = (struct text){.source = {.name = "sets", .path = "sets", .bytes = bytes, .length = length}};
    text->diags.arena = &text->arena;
    text->fine = ipset_read(&text->arena, &text->source, &text->list, &text->diags);
}

static inline void text_read(struct text *text, const char *bytes)
{
    text_read_bytes(text, bytes, strlen(bytes));
}

static inline void text_close(struct text *text)
{
    arena_clear(&text->arena);
}
