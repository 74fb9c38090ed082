// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of the kernel, which one rule asks for many addresses or ports: `-m set --match-set NAME src`. They live beside the
// tables, made by `ipset restore` from a text of their own, which must be loaded ahead of the rules.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "diag/diag.h"
#include "source/source.h"

#define IPSET_NAME_MAX 31 // bytes; IPSET_MAXNAMELEN (linux/netfilter/ipset/ip_set.h) counts the NUL

enum ipset_kind {
#define IPSET(id, name, addresses, prefixes, ports) IPSET_##id,
#include "ipset/kinds.def"
#undef IPSET
    IPSET_OTHER // of another type, or with more to its members than they say: nothing is known of them
};

struct ipset_type {
    const char *name;
    bool addresses; // members hold an address
    bool prefixes;  // or a prefix of them
    bool ports;     // members hold a port: beside an address with its protocol, else of TCP and UDP alike
};
extern const struct ipset_type ipset_types[IPSET_OTHER];

// A member. What its type has no place for is zero.
struct ipset_member {
    struct prefix prefix; // of all bits where the type has no prefixes
    uint8_t protocol;     // of a port beside an address: TCP, UDP, SCTP or UDP-Lite
    uint16_t port;
};

struct ipset {
    const char *name;
    enum ipset_kind kind;
    bool
        holds_sets; // of the type list:set, an IPSET_OTHER: what is put into it goes into a set that it holds
    enum family family;                 // of types with addresses
    const struct ipset_member *members; // in ascending order of prefix, protocol and port, none twice
    size_t count;
};

struct ipset_list {
    const struct ipset **items;
    size_t count;
    size_t capacity;
    const struct ipset *
        *by_name; // in the order of their names, as ipset_find() wants them; ipset_read() makes it
    bool partial; // there may be other sets beside them
};

// NULL where there is none of that name.
const struct ipset *ipset_find(const struct ipset_list *list, struct slice name);

// Whether both are of one type and hold the same, whatever their names.
bool ipset_same_members(const struct ipset *a, const struct ipset *b);

// By prefix (address, then length, the shorter first), protocol and port.
int ipset_member_compare(const struct ipset_member *a, const struct ipset_member *b);

// Sorts members and leaves those out that stand twice. Gives how many are left.
size_t ipset_members_sort(struct ipset_member *members, size_t count);

// Whether sets of the type can hold the prefix. None holds the prefix of all addresses, and those of addresses alone hold no
// address of all zeros (ip_set_hash_net.c, ip_set_hash_ip.c; Linux 6.18 keeps it out of hash:ip,port too).
bool ipset_takes(enum ipset_kind kind, enum family family, struct prefix prefix);

// How many members a text may add, some of them again. A few words make as many; under the fuzzer, they are to be quick.
#ifdef FUZZING
#define IPSET_MEMBERS_MAX ((size_t)1 << 16)
#else
#define IPSET_MEMBERS_MAX ((size_t)1 << 24)
#endif
#define IPSET_SETS_MAX 65534 // IPSET_INVALID_ID - 1 (linux/netfilter/ipset/ip_set.h)

// Reads what makes sets: the text of `ipset save`, and what people write for `ipset restore`: create, add, flush, destroy,
// rename and swap. A member that stands twice counts once, as with `ipset -exist restore`. An IPSET_OTHER is a set of a type
// that is not among ipset_types, with a timeout, a netmask or a bitmask, or with a member that says `nomatch`, that is of a
// protocol without ports, or whose host or service only the host knows (a warning says so). False, with what is wrong in
// `diags` (DIAG_IPSET), where `ipset restore` would not take the text: a set made twice, a member of a set that is not there, a
// member that its type cannot hold, more members than `maxelem`; and for the commands that list, test or take away members.
bool ipset_read(struct arena *arena, const struct source *source, struct ipset_list *list,
                struct diag_list *diags);

// Reads what `ipset save` has just printed of the kernel's sets. A set with a timeout holds what is there at that moment, as the
// others do. What cannot be read, such as a type that a later kernel has, makes of its set an IPSET_OTHER, and is no mistake.
// False where there are lines that `ipset save` does not print: names may hold newlines, and forge some. No set is known then.
bool ipset_read_saved(struct arena *arena, const struct source *source, struct ipset_list *list);

// Appends the lines that make a set, `create` first. They say `-exist`, so that twice loaded is once loaded, whether
// `ipset restore` or `ipset -exist restore` does it. The hash is as large as it is to be from the beginning, so that no members
// move while others are added. Not for IPSET_OTHER; all members are such as ipset_takes().
void ipset_print(struct buf *out, const struct ipset *set);

#define IPSET_OWN "ctc-" // what names that ctc makes begin with

// A name for a set that says what it is for and tells it from any other: a set with other members has another name, so that
// old and new ones stand side by side while rules change over. `about`, of lower case letters and hyphens, is cut to fit.
const char *ipset_name(struct arena *arena, const char *about, const struct ipset *set);
