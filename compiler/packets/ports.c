// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ports of a set of packets, as numbers or as the words of services. A word says protocols as well: they are meant where the
// set names none, and a set that names others is refused.
#include <string.h>

#include "base/protocols.h"
#include "base/services.h"
#include "packets/parsing.h"

// The port of a service that has the same one with all its protocols, and those. False for the others.
static bool service_port(const struct service *service, struct port_range *port, struct byte_set *protocols)
{
    struct slice items = slice_of(service->ports), number, name;

    *port = (struct port_range){0, 0};
    for (struct slice item = slice_word(&items); item.length; item = slice_word(&items)) {
        struct port_range one;

        if (!slice_split(item, '/', &number, &name) || port_range_parse(number, &one) ||
            (port->first && (one.first != port->first || one.last != port->last)))
            return false;
        *port = one;
        byte_set_add(protocols, protocol_find(name), protocol_find(name));
    }
    return true;
}

// The protocols that all services have which the set names, and those that any of them has.
static void note_protocols(struct service_words *words, const struct byte_set *protocols)
{
    for (size_t i = 0; i < sizeof(protocols->words) / sizeof(*protocols->words); i++) {
        words->all.words[i] = (words->any ? words->all.words[i] : UINT64_MAX) & protocols->words[i];
        words->some.words[i] |= protocols->words[i];
    }
    words->any = true;
}

static bool add_service(struct parsing *parsing, struct slice word, struct port_set *ports, bool inverted)
{
    const struct service *service = service_find(word);
    const char *suggested = service ? NULL : suggested_word(word, service_words);
    struct byte_set protocols = {0};
    struct port_range port;

    if (slice_is(word, "any"))
        return parsing_fail(parsing, "any port is meant where `port` is left out");
    if (suggested)
        return parsing_fail(parsing, arena_printf(parsing->arena, "did you mean `%s`?", suggested));
    if (!service)
        return parsing_fail(parsing, "a port is a number, or a word that `ctc services` lists");
    if (!service_port(service, &port, &protocols))
        return parsing_fail(parsing,
                            arena_printf(parsing->arena, "%s is not one port: `ctc services` says %s",
                                         service->word, service->ports));
    port_set_add(parsing->arena, ports, port);
    if (!inverted)
        note_protocols(&parsing->services, &protocols);
    return true;
}

// No service has port 0, and packets do.
static bool add_numbers(struct parsing *parsing, struct slice item, struct port_set *ports)
{
    const bool from_zero = slice_starts(item, "0-") && !memchr(item.at + 2, '-', item.length - 2);
    struct port_range range = {0, 0};

    const char *problem =
        slice_is(item, "0")
            ? NULL
            : port_range_parse(from_zero ? (struct slice){item.at + 2, item.length - 2} : item, &range);

    if (!item.length || memchr(item.at, ';', item.length))
        problem = "a list has commas and no blanks";
    if (problem)
        return parsing_fail(parsing, problem);
    if (from_zero)
        range.first = 0;
    port_set_add(parsing->arena, ports, range);
    return true;
}

static bool add_item(struct parsing *parsing, struct slice item, struct port_set *ports, bool inverted)
{
    struct slice first, second;

    if (slice_split(item, '/', &first, &second) && (protocol_find(first) || protocol_find(second)))
        return parsing_fail(parsing, "the protocol is a word ahead: `tcp to port 22`");
    if (item.length && item.at[0] > '9')
        return add_service(parsing, item, ports, inverted);
    parsing->services.numbers = parsing->services.numbers || !inverted;
    return add_numbers(parsing, item, ports);
}

bool parsing_ports(struct parsing *parsing, struct port_set *ports)
{
    bool inverted;

    if (!parsing_take_list(parsing, "a port is missing", &inverted))
        return false;

    struct slice list = parsing->word, item;

    while (slice_item(&list, ',', &item))
        if (!add_item(parsing, item, ports, inverted))
            return false;
    if (inverted)
        *ports = port_set_others(parsing->arena, ports);
    parsing->some_ports = parsing->some_ports || !inverted;
    return ports->count || parsing_fail(parsing, "no port is left");
}

bool parsing_service_protocols(struct parsing *parsing)
{
    const struct service_words *words = &parsing->services;
    struct byte_set *said = &parsing->packets->protocols;

    if (!words->any)
        return true;
    if (byte_set_empty(said)) {
        if (words->numbers || memcmp(&words->all, &words->some, sizeof(words->all)) != 0)
            return parsing_fail(parsing, "these ports need tcp or udp before them");
        *said = words->all;
    }
    for (unsigned number = 0; number <= UINT8_MAX; number++)
        if (byte_set_has(said, number) && !byte_set_has(&words->all, number))
            return parsing_fail(parsing,
                                "that service is of another protocol: a number names its port all the same");
    return true;
}
