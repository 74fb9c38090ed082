// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/protocols.h"

static const struct {
    const char *name;
    uint8_t number;
    bool builtin;
} protocols[] = {
#define PROTOCOL(name, number, builtin) {name, number, builtin},
#include "base/protocols.def"
#undef PROTOCOL
};

const char *const protocol_names[] = {
#define PROTOCOL(name, number, builtin) name,
#include "base/protocols.def"
#undef PROTOCOL
    NULL,
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(*protocols))

uint8_t protocol_find(struct slice word)
{
    uint64_t number;

    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (slice_is(word, protocols[i].name))
            return protocols[i].number;
    return parse_number(word, UINT8_MAX, &number) ? (uint8_t)number : 0;
}

const char *protocol_builtin_name(uint8_t number)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (protocols[i].number == number && protocols[i].builtin)
            return protocols[i].name;
    return NULL;
}

const char *protocol_name(uint8_t number)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (protocols[i].number == number)
            return protocols[i].name;
    return NULL;
}

bool protocol_has_ports(uint8_t number)
{
    return number == PROTOCOL_TCP || number == PROTOCOL_UDP || number == 33 || number == 132 || number == 136;
}
