// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers and addresses as libxtables reads them, which is wider than what it prints.
#include "rules/values.h"

#include <string.h>

static int digit_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

bool number_read(struct slice text, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    int base = 10;

    if (text.length > 1 && text.at[0] == '0') {
        const bool hex = text.at[1] == 'x' || text.at[1] == 'X';

        base = hex ? 16 : 8;
        text = (struct slice){text.at + (hex ? 2 : 1), text.length - (hex ? 2 : 1)};
    }
    if (!text.length)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const int digit = digit_value(text.at[i]);

        if (digit >= base || number > (max - (uint64_t)digit) / (uint64_t)base)
            return false;
        number = number * (uint64_t)base + (uint64_t)digit;
    }
    *value = number;
    return number <= max;
}

bool is_bare(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] == ' ' || text.at[i] == '\t' || text.at[i] == '"')
            return false;
    return text.length > 0;
}

// Missing octets at the end are 0 where `shortened`: 10.1 is 10.1.0.0 (__numeric_to_ipaddr of libxtables).
static bool dotted_read(struct slice text, bool shortened, uint32_t *value)
{
    uint32_t number = 0;
    unsigned octets = 0;
    struct slice octet;

    for (; slice_item(&text, '.', &octet); octets++) {
        uint64_t byte;

        if (octets == 4 || !number_read(octet, UINT8_MAX, &byte))
            return false;
        number = number << 8 | (uint32_t)byte;
    }
    if (!octets || (octets < 4 && !shortened))
        return false;
    *value = number << (8 * (4 - octets));
    return true;
}

// The form that nearly every address has, without a byte looked at twice.
static bool quad_read(struct slice text, uint32_t *value)
{
    uint32_t number = 0, octet = 0;
    unsigned digits = 0, dots = 0;

    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];

        if (c >= '0' && c <= '9') {
            if (digits && !octet)
                return false; // octal
            octet = octet * 10 + (uint32_t)(c - '0');
            if (++digits > 3 || octet > 255)
                return false;
        } else if (c == '.' && digits && dots < 3) {
            number = number << 8 | octet;
            octet = 0;
            digits = 0;
            dots++;
        } else {
            return false;
        }
    }
    *value = number << 8 | octet;
    return dots == 3 && digits;
}

bool address_plain(struct slice text, enum family family, struct addr *addr)
{
    enum family found;
    struct addr_range range;
    uint32_t quad;

    if (family == FAMILY_IPV4) {
        if (!quad_read(text, &quad) && !dotted_read(text, true, &quad))
            return false;
        *addr = (struct addr){0, quad};
        return true;
    }
    if (!text.length || memchr(text.at, '/', text.length) || memchr(text.at, '-', text.length) ||
        addr_parse(text, &found, &range) != ADDR_FINE || found != family)
        return false;
    *addr = range.first;
    return true;
}

// The length of a mask whose bits are contiguous from the top; -1 where they are not.
static int mask_bits(enum family family, struct addr mask)
{
    const unsigned bits = family_bits(family);
    const uint64_t high = family == FAMILY_IPV4 ? mask.low << 32 : mask.high;
    const uint64_t low = family == FAMILY_IPV4 ? 0 : mask.low;
    const int ones = ~high ? __builtin_clzll(~high) : ~low ? 64 + __builtin_clzll(~low) : 128;
    const struct addr_range range = prefix_range(family, (struct prefix){{0, 0}, (uint8_t)ones});
    const struct addr all = addr_max(family);

    if ((unsigned)ones > bits || (mask.high | range.last.high) != all.high ||
        (mask.low | range.last.low) != all.low || (mask.high & range.last.high) ||
        (mask.low & range.last.low))
        return -1;
    return ones;
}

static enum address_kind read_mask(struct slice text, enum family family, uint8_t *bits)
{
    uint64_t number;
    struct addr mask;
    uint32_t quad;

    if (number_read(text, family_bits(family), &number)) {
        *bits = (uint8_t)number;
        return ADDRESS_FINE;
    }
    if (family == FAMILY_IPV4) {
        if (!dotted_read(text, false, &quad))
            return ADDRESS_WRONG;
        mask = (struct addr){0, quad};
    } else if (!address_plain(text, family, &mask)) {
        return ADDRESS_WRONG;
    }

    const int ones = mask_bits(family, mask);

    *bits = (uint8_t)ones;
    return ones < 0 ? ADDRESS_MASK : ADDRESS_FINE;
}

// Whether text could be a host's or a network's name: letters, digits, dashes, and a letter in its last part.
static bool is_host_name(struct slice text)
{
    bool letter = false;

    if (!text.length || text.at[0] == '.' || text.at[0] == '-')
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == '.')
            letter = false;
        else if (is_letter || c == '_')
            letter = true;
        else if (c != '-' && (c < '0' || c > '9'))
            return false;
    }
    return letter || text.at[text.length - 1] == '.';
}

enum address_kind address_read(struct slice text, enum family family, struct prefix *prefix)
{
    const enum family other = family == FAMILY_IPV4 ? FAMILY_IPV6 : FAMILY_IPV4;
    const char *slash = text.length ? memrchr(text.at, '/', text.length) : NULL;
    struct slice address = text;
    struct addr ignored;
    enum address_kind kind = ADDRESS_FINE;

    prefix->bits = (uint8_t)family_bits(family);
    if (slash) {
        address.length = (size_t)(slash - text.at);
        kind = read_mask((struct slice){slash + 1, text.length - address.length - 1}, family, &prefix->bits);
    }
    // The address in front of an empty mask is not even read.
    if (kind == ADDRESS_FINE && !prefix->bits) {
        prefix->addr = (struct addr){0, 0};
        return ADDRESS_FINE;
    }
    if (!address_plain(address, family, &prefix->addr))
        return is_host_name(address) && kind != ADDRESS_WRONG ? ADDRESS_NAME
               : address_plain(address, other, &ignored)      ? ADDRESS_FAMILY
                                                              : ADDRESS_WRONG;
    if (kind != ADDRESS_FINE)
        return kind;

    // Bits beyond the prefix go.
    const struct addr host = prefix_range(family, (struct prefix){{0, 0}, prefix->bits}).last;

    prefix->addr.high &= ~host.high;
    prefix->addr.low &= ~host.low;
    return ADDRESS_FINE;
}
