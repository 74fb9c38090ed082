// SPDX-License-Identifier: GPL-2.0-or-later
//
// What people write in place of an address, and what they mean by it.
#include <string.h>

#include "base/interface.h"
#include "base/services.h"
#include "policy/reader.h"

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return true;
}

static bool is_address(struct slice text)
{
    enum family family;
    struct addr_range range;

    return addr_parse(text, &family, &range) == ADDR_FINE;
}

// `192.0.2.*`
static bool hint_star(struct reader *reader, struct slice text)
{
    struct buf prefix = {0};
    unsigned octets = 0;
    struct slice rest = text, octet;
    bool fine = text.length > 2 && text.at[text.length - 1] == '*';

    while (fine && slice_item(&rest, '.', &octet) && !slice_is(octet, "*")) {
        buf_printf(&prefix, "%.*s.", QUOTE(octet));
        octets++;
    }
    fine = fine && octets > 0 && octets < 4;
    for (unsigned i = octets; fine && i < 4; i++)
        buf_text(&prefix, i < 3 ? "0." : "0");
    fine = fine && is_address((struct slice){prefix.bytes, prefix.length});
    if (fine)
        diag_hint(reader->diags, "a prefix is written with its length: %s/%u", prefix.bytes, octets * 8);
    buf_clear(&prefix);
    return fine;
}

// `192.0.2.1-9`, and `192.0.2.1 - 192.0.2.9`.
static bool hint_range(struct reader *reader, struct slice text)
{
    struct slice first, last;
    const char *dot = NULL;
    uint64_t octet;

    if (!slice_split(text, '-', &first, &last) || !is_address(slice_trim(first)))
        return false;
    if (is_address(slice_trim(last)) && first.length + last.length + 1 == text.length &&
        (slice_trim(first).length < first.length || slice_trim(last).length < last.length)) {
        diag_hint(reader->diags, "a range has no blanks: %.*s-%.*s", QUOTE(slice_trim(first)),
                  QUOTE(slice_trim(last)));
        return true;
    }
    for (size_t i = 0; i < first.length; i++)
        dot = first.at[i] == '.' ? first.at + i : dot;
    if (!dot || !parse_number(last, UINT8_MAX, &octet))
        return false;
    diag_hint(reader->diags, "a range names both of its ends: %.*s-%.*s.%.*s", QUOTE(first),
              (int)(dot - first.at), first.at, QUOTE(last));
    return true;
}

// `010.0.0.1`, which is octal elsewhere.
static bool has_leading_zero(struct slice text)
{
    struct slice octet;

    while (slice_item(&text, '.', &octet))
        if (octet.length > 1 && octet.at[0] == '0' && is_digits(octet))
            return true;
    return false;
}

// `[2001:db8::1]:443`, `192.0.2.1:443`
static bool hint_port(struct reader *reader, struct slice text)
{
    struct slice address, port;

    if (text.length && text.at[0] == '[') {
        diag_hint(reader->diags, "an address stands without brackets, and a port under `tcp` or `udp`");
        return true;
    }
    if (!slice_split(text, ':', &address, &port) || !is_address(address))
        return false;
    diag_hint(reader->diags, "a port stands under `tcp` or `udp`: {tcp: %.*s, from: %.*s}", QUOTE(port),
              QUOTE(address));
    return true;
}

// `eth0`, `docker0`, `br-lan`: letters and then a number, or what begins as interfaces do.
static bool is_like_interface(struct slice text)
{
    static const char *const kinds[] = {"br-", "veth", "wlan", "tun", "tap", "vlan", "bond", NULL};
    size_t letters = 0;

    for (size_t i = 0; kinds[i]; i++)
        if (slice_starts(text, kinds[i]))
            return !interface_problem(text);
    while (letters < text.length && text.at[letters] >= 'a' && text.at[letters] <= 'z')
        letters++;
    return letters >= 2 && letters < text.length &&
           is_digits((struct slice){text.at + letters, text.length - letters});
}

static bool hint_name(struct reader *reader, struct slice text)
{
    if (definition_find(&reader->defines, text))
        diag_hint(reader->diags, "a defined list is written $%.*s", (int)text.length, text.at);
    else if (service_find(text))
        diag_hint(reader->diags, "a service is opened under `allow`: {service: %.*s}", QUOTE(text));
    else if (slice_is(text, "localhost"))
        diag_hint(reader->diags, "what comes in by lo is accepted without an entry");
    else if (is_like_interface(text))
        diag_hint(reader->diags, "an interface is named with `in` or `out`: {in: %.*s}", QUOTE(text));
    else
        diag_hint(reader->diags, "host names are not looked up; a defined list is written $name");
    return true;
}

void hint_address(struct reader *reader, struct slice text)
{
    bool letters = false;
    const bool colons = text.length && memchr(text.at, ':', text.length);

    for (size_t i = 0; i < text.length; i++)
        letters =
            letters || (text.at[i] >= 'g' && text.at[i] <= 'z') || (text.at[i] >= 'G' && text.at[i] <= 'Z');
    if (hint_spelling(reader, text))
        return;
    if (slice_is(text, "any") || slice_is(text, "all") || slice_is(text, "*"))
        diag_hint(reader->diags, "leave the key out where any address is meant");
    else if (text.length > 1 && text.at[0] == '!')
        diag_hint(reader->diags, "`not` takes away: not %.*s",
                  QUOTE(((struct slice){text.at + 1, text.length - 1})));
    else if (!text.length)
        diag_hint(reader->diags, "`not` takes the address behind it away: not 192.0.2.66");
    else if (memchr(text.at, '%', text.length))
        diag_hint(reader->diags, "a zone is no part of an address: name the interface with `in` or `out`");
    else if (hint_port(reader, text) || hint_star(reader, text) || hint_range(reader, text) || colons)
        return;
    else if (letters)
        hint_name(reader, text);
    else if (has_leading_zero(text))
        diag_hint(reader->diags, "numbers are decimal, without a leading zero");
    else
        diag_hint(reader->diags,
                  "four numbers up to 255, as in 192.0.2.1, 192.0.2.0/24 or 192.0.2.1-192.0.2.9");
}
