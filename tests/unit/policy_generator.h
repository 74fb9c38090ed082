// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pseudo-random policies, the same ones in every run. Most are right; the others are for the reader to refuse.
#pragma once

#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"

static inline unsigned any_of(unsigned count)
{
    return (unsigned)random() % count;
}

#define PICK(...) pick((const char *const[]){__VA_ARGS__, NULL})

static inline const char *pick(const char *const *words)
{
    unsigned count = 0;

    while (words[count])
        count++;
    return words[any_of(count)];
}

static inline const char *some_addresses(void)
{
    return PICK("192.0.2.0/24", "192.0.2.7", "198.51.100.3-198.51.100.17",
                "[192.0.2.0/24, \"2001:db8::/32\"]", "\"2001:db8:5::1\"", "$office", "$outside", "$nobody",
                "not 203.0.113.0/24", "$six", "10.0.0.0/8");
}

static inline const char *some_traffic(void)
{
    return PICK("service: ssh", "service: [http, https]", "service: dns", "service: ping",
                "tcp: [80, 443, 8000-8010]", "udp: 53", "tcp: 11211, udp: 11211", "protocol: esp",
                "protocol: icmp", "protocol: any", "protocol: any", "protocol: [tcp, 112]", "service: ftp",
                "service: ftp, helper: ftp, data: 60000-60100", "service: game", "tcp: 1-65535",
                "tcp: [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31]", "udp: [1-2, 4-5, 7-8]");
}

// `, KEY: VALUE`, one time in `odds`.
static inline void maybe(struct buf *out, unsigned odds, const char *key, const char *value)
{
    if (any_of(odds) == 0)
        buf_printf(out, ", %s: %s", key, value);
}

static inline void generate_entry(struct buf *out, const char *list, bool selective)
{
    const bool allow = strcmp(list, "allow") == 0, forward = strcmp(list, "forward") == 0;

    buf_printf(out, "  - {%s", some_traffic());
    if (allow || forward) {
        maybe(out, 3, "from", some_addresses());
        maybe(out, 4, "in", PICK("eth0", "[eth0, eth1]", "wg+"));
    }
    maybe(out, allow ? 6 : 2, "to", some_addresses());
    if (!allow)
        maybe(out, 4, "out", PICK("eth2", "[eth2, eth3]"));
    if (any_of(4) == 0)
        buf_printf(out, ", verdict: %s", PICK("accept", "reject", "drop"));
    else if (allow || forward)
        maybe(out, 4, "limit", PICK("10/minute", "5/second burst 20 total", "3/hour"));
    if (selective && !forward)
        maybe(out, 2, "track", PICK("false", "false", "false", "true"));
    if (!allow && !forward)
        maybe(out, 4, "local", PICK("123", "1024-65535", "[1000, 2000-3000]"));
    maybe(out, 6, "log", "true");
    buf_text(out, "}\n");
}

static inline void generate_list(struct buf *out, const char *list, bool selective)
{
    const unsigned count = any_of(5);

    if (!count)
        return;
    buf_printf(out, "%s:\n", list);
    for (unsigned i = 0; i < count; i++)
        generate_entry(out, list, selective);
}

static inline void generate_trust(struct buf *out, bool selective)
{
    const unsigned count = any_of(3);

    if (!count)
        return;
    buf_text(out, "trust:\n");
    for (unsigned i = 0; i < count; i++) {
        if (any_of(3) == 0) {
            buf_printf(out, "  - {in: %s}\n", PICK("eth4", "[eth4, tun0]"));
            continue;
        }
        buf_printf(out, "  - {from: %s", PICK("192.168.7.0/24", "$office", "$nobody", "\"fd00::/8\""));
        maybe(out, 3, "in", "eth5");
        if (selective)
            maybe(out, 2, "track", PICK("false", "true"));
        buf_text(out, "}\n");
    }
}

static inline void generate_policy(struct buf *out)
{
    const char *tracking = PICK("full", "selective", "none"),
               *forward = PICK("reject", "drop", "accept", "leave");
    const bool selective = strcmp(tracking, "selective") == 0;

    buf_printf(out, "version: 1\ntracking: %s\n", tracking);
    buf_text(out, "services: {game: [25565/tcp, 27000-27010/udp]}\n"
                  "define:\n"
                  "  office: [192.0.2.0/24, \"2001:db8:1::/48\", not 192.0.2.66]\n"
                  "  outside: [not 10.0.0.0/8, \"not fd00::/8\"]\n"
                  "  six: [\"2001:db8:6::/48\", \"2001:db8:7::1\"]\n"
                  "  nobody: []\n");
    buf_printf(out, "default: {input: %s, forward: %s, output: %s}\n",
               PICK("reject", "drop", "reject", "accept"), forward, PICK("accept", "reject", "drop"));
    buf_printf(out, "stateless: {replies: %s}\n", PICK("socket", "portable"));
    if (any_of(2) == 0)
        buf_text(out, "reject_with: {tcp: tcp-reset}\n");
    if (any_of(2) == 0)
        buf_text(out, "log: {limit: 5/second}\n");
    if (any_of(2) == 0)
        buf_printf(out, "deny: [%s]\n",
                   PICK("203.0.113.0/24", "$office", "$nobody", "$six", "203.0.113.5-203.0.113.9"));
    if (strcmp(tracking, "none") == 0 && any_of(4) == 0)
        buf_text(out, "conntrack: {modules: block}\n");
    generate_trust(out, selective);
    generate_list(out, "allow", selective);
    generate_list(out, "connect", selective);
    if (strcmp(forward, "leave") != 0)
        generate_list(out, "forward", selective);
    if (any_of(3) == 0)
        buf_text(out,
                 "verbatim:\n  ipv4: |\n    *filter\n    :mine - [0:0]\n    -A INPUT -i eth9 -j mine\n"
                 "    -A mine -j DROP\n    COMMIT\n    *mangle\n    -A POSTROUTING -j ACCEPT\n    COMMIT\n");
}
