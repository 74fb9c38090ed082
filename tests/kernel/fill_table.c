/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fill_table COUNT: put COUNT established connections into the tracking table of the network
 * namespace this runs in, or as many as the kernel takes. They are ASSURED, so the kernel may not
 * push one out for a newcomer, and they last ten minutes. Prints how many went in.
 *
 * No packet is sent: the entries go in through ctnetlink. Their addresses are from 240.0.0.0/4, so
 * that they meet no traffic of any test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

enum {
    LIFETIME_SECONDS = 600,
    ENTRIES_PER_ADDRESS = 32768,
    FIRST_PORT = 1024,
};

static void describe_connection(struct nf_conntrack *entry, unsigned long number)
{
    const uint32_t client = htonl(0xf0000001u + (uint32_t)(number / ENTRIES_PER_ADDRESS));
    const uint32_t server = htonl(0xf1000001u);
    const uint16_t port = htons((uint16_t)(FIRST_PORT + number % ENTRIES_PER_ADDRESS));

    nfct_set_attr_u8(entry, ATTR_L3PROTO, AF_INET);
    nfct_set_attr_u32(entry, ATTR_IPV4_SRC, client);
    nfct_set_attr_u32(entry, ATTR_IPV4_DST, server);
    nfct_set_attr_u8(entry, ATTR_L4PROTO, IPPROTO_TCP);
    nfct_set_attr_u16(entry, ATTR_PORT_SRC, port);
    nfct_set_attr_u16(entry, ATTR_PORT_DST, htons(80));
    nfct_setobjopt(entry, NFCT_SOPT_SETUP_REPLY);
    nfct_set_attr_u8(entry, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
    nfct_set_attr_u32(entry, ATTR_TIMEOUT, LIFETIME_SECONDS);
    nfct_set_attr_u32(entry, ATTR_STATUS, IPS_CONFIRMED | IPS_ASSURED | IPS_SEEN_REPLY);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fill_table COUNT\n");
        return 2;
    }

    const unsigned long wanted = strtoul(argv[1], NULL, 10);
    struct nfct_handle *kernel = nfct_open(CONNTRACK, 0);
    struct nf_conntrack *entry = nfct_new();
    unsigned long done = 0;

    if (!kernel || !entry) {
        fprintf(stderr, "fill_table: %s\n", strerror(errno));
        return 3;
    }
    for (; done < wanted; done++) {
        describe_connection(entry, done);
        if (nfct_query(kernel, NFCT_Q_CREATE, entry) < 0)
            break;
    }
    if (done < wanted && errno != ENOMEM)
        fprintf(stderr, "fill_table: entry %lu: %s\n", done, strerror(errno));
    printf("%lu\n", done);
    nfct_destroy(entry);
    nfct_close(kernel);
    return done == 0 && wanted != 0 ? 3 : 0;
}
