// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an entry is about: service words, ports and protocols, joined by protocol.
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/services.h"
#include "policy/reader.h"

static void add_traffic(struct reader *reader, enum traffic_kind kind, uint8_t number,
                        const struct port_set *ports)
{
    static struct port_range all_ports[] = {{0, UINT16_MAX}};
    const struct port_set all = {all_ports, 1, 1};
    struct traffic *traffic = NULL;

    for (size_t i = 0; i < reader->traffic.count && !traffic; i++)
        if (reader->traffic.items[i].kind == kind && reader->traffic.items[i].number == number)
            traffic = &reader->traffic.items[i];
    if (!traffic) {
        traffic = vec_push(reader->arena, &reader->traffic);
        *traffic = (struct traffic){.kind = kind, .number = number};
    }
    if (kind != TRAFFIC_TCP && kind != TRAFFIC_UDP)
        return;
    if (!ports)
        ports = &all;
    for (size_t i = 0; i < ports->count; i++)
        port_set_add(reader->arena, &traffic->ports, ports->items[i]);
}

static bool is_in_any_case(struct slice text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

// `53/both`, `53/tcp/udp`, `53/tcp+udp`
static bool is_both(struct slice protocol)
{
    static const char *const words[] = {"both",    "any",     "all",     "tcp/udp", "udp/tcp",
                                        "tcp+udp", "tcp,udp", "udp,tcp", "tcpudp",  NULL};

    for (size_t i = 0; words[i]; i++)
        if (is_in_any_case(protocol, words[i]))
            return true;
    return false;
}

static void hint_port_text(struct reader *reader, struct slice ports, struct slice protocol,
                           const char *problem)
{
    struct port_range range;

    if (service_find(ports))
        diag_hint(reader->diags, "a service word stands alone: %.*s", QUOTE(ports));
    else if (!problem && is_both(protocol))
        diag_hint(reader->diags, "each protocol has its own item: %.*s/tcp and %.*s/udp", QUOTE(ports),
                  QUOTE(ports));
    else if (is_in_any_case(ports, "icmp") || is_in_any_case(ports, "icmpv6"))
        diag_hint(reader->diags, "echo requests are the service ping; all of it is {protocol: %.*s}",
                  QUOTE(ports));
    else if (protocol_find(ports) && !port_range_parse(protocol, &range))
        diag_hint(reader->diags, "the port stands first: %.*s/%.*s", QUOTE(protocol), QUOTE(ports));
    else if (!problem && (is_in_any_case(protocol, "tcp") || is_in_any_case(protocol, "udp")))
        diag_hint(reader->diags, "the protocol is written in lower case: tcp or udp");
    else
        diag_hint(reader->diags, "%s", problem ? problem : "write 8443/tcp or 6881-6999/udp");
}

// Reads `N/tcp`, `N-M/udp`. False where it is not of that form; what is wrong with one that is, is reported.
static bool add_port_text(struct reader *reader, const struct node *node, struct slice word)
{
    struct slice ports, protocol;
    struct port_range range;

    if (!slice_split(word, '/', &ports, &protocol))
        return false;

    const bool tcp = slice_is(protocol, "tcp");
    const char *problem = port_range_parse(ports, &range);

    if (problem || (!tcp && !slice_is(protocol, "udp"))) {
        diag_add(reader->diags, DIAG_PORT, node_span(node), "'%.*s' is not a port with its protocol",
                 QUOTE(word));
        if (is_both(protocol) || !hint_spelling(reader, word))
            hint_port_text(reader, ports, protocol, problem);
    } else {
        struct port_set set = {&range, 1, 1};

        add_traffic(reader, tcp ? TRAFFIC_TCP : TRAFFIC_UDP, 0, &set);
    }
    return true;
}

// The items of the built-in table, which are right.
static void add_builtin(struct reader *reader, const struct service *service)
{
    struct slice rest = slice_of(service->ports);

    for (struct slice word = slice_word(&rest); word.length; word = slice_word(&rest)) {
        if (slice_is(word, "ping"))
            add_traffic(reader, TRAFFIC_ECHO, 0, NULL);
        else if (!add_port_text(reader, NULL, word))
            add_traffic(reader, TRAFFIC_PROTOCOL, protocol_find(word), NULL);
    }
}

static void merge_traffic(struct reader *reader, const struct traffic *traffic, size_t count)
{
    assert(traffic || !count);
    for (size_t i = 0; i < count; i++)
        add_traffic(reader, traffic[i].kind, traffic[i].number, &traffic[i].ports);
}

// The policy's own service is read once, on its own, so that its mistakes are reported once.
static void read_own(struct reader *reader, struct definition *definition)
{
    struct reader apart = *reader;
    size_t count;
    const struct node *items = value_items(definition->value, &count);

    apart.traffic.items = NULL;
    apart.traffic.count = apart.traffic.capacity = 0;
    if (!count)
        diag_add(reader->diags, DIAG_EMPTY_LIST, node_span(definition->value), "the service %s has no ports",
                 definition->key->text);
    for (size_t i = 0; i < count; i++) {
        struct port_range range;
        struct slice text;

        if (value_scalar(reader, &items[i], "services", &text) && !add_port_text(&apart, &items[i], text)) {
            diag_add(reader->diags, DIAG_PORT, node_span(&items[i]), "'%.*s' is not a port with its protocol",
                     QUOTE(text));
            if (!port_range_parse(text, &range))
                diag_hint(reader->diags, "write %.*s/tcp or %.*s/udp", (int)text.length, text.at,
                          (int)text.length, text.at);
            else if (protocol_find(text))
                diag_hint(reader->diags, "a protocol without ports is an entry of its own: {protocol: %.*s}",
                          (int)text.length, text.at);
            else if (service_find(text))
                diag_hint(reader->diags, "a service is made of ports, not of services: %s is %s",
                          service_find(text)->word, service_find(text)->ports);
            else if (!hint_spelling(reader, text))
                diag_hint(reader->diags, "write 8443/tcp or 6881-6999/udp");
        }
    }
    definition->traffic = apart.traffic.items;
    definition->traffic_count = apart.traffic.count;
    definition->state = DEFINITION_READ;
}

static void add_own(struct reader *reader, struct definition *definition)
{
    definition->used = true;
    if (definition->state != DEFINITION_READ)
        read_own(reader, definition);
    merge_traffic(reader, definition->traffic, definition->traffic_count);
}

// `tcp:80`, `tcp 80`, and `80 tcp`.
static bool hint_turned_port(struct reader *reader, struct slice word)
{
    struct slice first, second;
    struct port_range range;

    if (!slice_split(word, ':', &first, &second) && !slice_split(word, ' ', &first, &second))
        return false;
    if (!port_range_parse(first, &range)) {
        const struct slice turned = first;

        first = second;
        second = turned;
    }
    if ((!slice_is(first, "tcp") && !slice_is(first, "udp")) || port_range_parse(second, &range))
        return false;
    diag_hint(reader->diags, "a port and its protocol are one word: %.*s/%.*s", QUOTE(second), QUOTE(first));
    return true;
}

static void report_service(struct reader *reader, const struct node *node, struct slice word, bool own)
{
    const char *suggested = NULL;
    struct port_range range;

    // A word that is nearly one of ctc's is a slip; any other may stand in the file that could not be read.
    if (own && reader->incomplete && !suggested_word(word, service_words))
        return;
    diag_add(reader->diags, DIAG_SERVICE, node_span(node), "'%.*s' is not a service", QUOTE(word));
    if (reader->diags->last_dropped || hint_spelling(reader, word))
        return;
    suggested = own ? definition_nearest(&reader->services, word) : NULL;
    if (!suggested)
        suggested = suggested_word(word, service_words);
    if (word.length > 1 && word.at[0] == '-')
        diag_hint(reader->diags, "an item of a list is a dash, a blank and the word");
    else if (hint_turned_port(reader, word))
        return;
    else if (memchr(word.at, ' ', word.length))
        hint_list(reader, word);
    else if (!port_range_parse(word, &range))
        diag_hint(reader->diags, "a port needs its protocol: %.*s/tcp", (int)word.length, word.at);
    else if (protocol_find(word))
        diag_hint(reader->diags, "a protocol is an entry of its own: {protocol: %.*s}", (int)word.length,
                  word.at);
    else if (word.length && word.at[0] == '$')
        diag_hint(reader->diags, "addresses go with what they may reach: {service: ssh, from: %.*s}",
                  (int)word.length, word.at);
    else if (slice_is(word, "any") || slice_is(word, "all") || slice_is(word, "*"))
        diag_hint(reader->diags, "{protocol: any} stands for all there is");
    else if (suggested)
        diag_hint(reader->diags, "did you mean %s?", suggested);
    else
        diag_hint(reader->diags, "`ctc services` lists them; own ones are named under `services`");
}

bool add_service(struct reader *reader, const struct node *node, struct slice word, bool own)
{
    struct definition *definition = own ? definition_find(&reader->services, word) : NULL;
    const struct service *service = definition ? NULL : service_find(word);

    if (definition)
        add_own(reader, definition);
    else if (service)
        add_builtin(reader, service);
    else if (!add_port_text(reader, node, word))
        report_service(reader, node, word, own);
    else
        return true;
    return definition || service;
}

void read_service(struct reader *reader, const struct node *value)
{
    size_t count;
    const struct node *items = value_items(value, &count);

    if (!count)
        warn_empty(reader, value, "service");
    for (size_t i = 0; i < count; i++) {
        struct slice word;

        if (value_scalar(reader, &items[i], "service", &word))
            add_service(reader, &items[i], word, true);
    }
    if (!reader->entry->name)
        reader->entry->name = joined_text(reader->arena, value);
}

static void read_ports(struct reader *reader, const struct node *value, const char *what,
                       enum traffic_kind kind)
{
    struct port_set ports = {0};

    if (value_ports(reader, value, what, &ports) && ports.count)
        add_traffic(reader, kind, 0, &ports);
}

void read_tcp(struct reader *reader, const struct node *value)
{
    read_ports(reader, value, "tcp", TRAFFIC_TCP);
}

void read_udp(struct reader *reader, const struct node *value)
{
    read_ports(reader, value, "udp", TRAFFIC_UDP);
}

// Extension headers of IPv6 (RFC 8200, section 4; 59 is "no next header"): ip6tables never sees them as the protocol.
static bool is_extension_header(uint8_t number)
{
    return number == 43 || number == 44 || number == 59 || number == 60;
}

static void add_protocol(struct reader *reader, const struct node *item, struct slice word)
{
    const uint8_t number = protocol_find(word);

    if (slice_is(word, "any")) {
        add_traffic(reader, TRAFFIC_ANY, 0, NULL);
    } else if (slice_is(word, "icmp")) {
        add_traffic(reader, TRAFFIC_ICMP, 0, NULL);
    } else if (number == PROTOCOL_TCP || number == PROTOCOL_UDP) {
        add_traffic(reader, number == PROTOCOL_TCP ? TRAFFIC_TCP : TRAFFIC_UDP, 0, NULL);
    } else if (number && !is_extension_header(number)) {
        add_traffic(reader, TRAFFIC_PROTOCOL, number, NULL);
    } else if (number || slice_is(word, "0")) {
        diag_add(reader->diags, DIAG_PROTOCOL, node_span(item),
                 "protocol %.*s cannot be told from others by a rule", (int)word.length, word.at);
        diag_hint(reader->diags, number ? "it is a header of IPv6, not what the packet carries"
                                        : "iptables reads 0 as every protocol: say any if you mean that");
    } else {
        report_word(reader, DIAG_PROTOCOL, node_span(item), word, "a protocol", protocol_names);
    }
}

void read_protocol(struct reader *reader, const struct node *value)
{
    size_t count;
    const struct node *items = value_items(value, &count);

    if (!count)
        warn_empty(reader, value, "protocol");
    for (size_t i = 0; i < count; i++) {
        struct slice word;

        if (value_scalar(reader, &items[i], "protocol", &word))
            add_protocol(reader, &items[i], word);
    }
}
