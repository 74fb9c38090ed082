// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers and addresses as iptables reads them, which is wider than what it prints.
#pragma once

#include "base/addr.h"
#include "base/text.h"

// A number as strtoul reads it in base 0: 22, 026, 0x16.
bool number_read(struct slice text, uint64_t max, uint64_t *value);

// A word that can be printed without quotes, where only that is printed.
bool is_bare(struct slice text);

enum address_kind { ADDRESS_FINE, ADDRESS_NAME, ADDRESS_MASK, ADDRESS_FAMILY, ADDRESS_WRONG };

// Reads one address with its mask, host bits masked off.
enum address_kind address_read(struct slice text, enum family family, struct prefix *prefix);

// Reads one address without a mask.
bool address_plain(struct slice text, enum family family, struct addr *addr);
