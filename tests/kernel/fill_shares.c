/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fill_shares: put entries into the tracking table of the network namespace this runs in, as each line of
 * standard input says:
 *
 *     COUNT PROTOCOL SOURCE TARGET PORT STATE [assured] [unreplied] [translated]
 *
 * PROTOCOL is tcp or udp, STATE the number of a state of TCP or 0. Entry n of a line has the source port
 * 1024 + n % 60000 and the address SOURCE + n / 60000. A translated one is answered from 172.17.0.2. No
 * packet is sent: the entries go in through ctnetlink, and last ten minutes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

enum { LIFETIME_SECONDS = 600, PORTS = 60000, FIRST_PORT = 1024 };

struct share {
    unsigned long count;
    const char *protocol, *source, *target;
    unsigned port, state;
    int assured, unreplied, translated;
};

static int put_entry(struct nfct_handle *kernel, const struct share *share, unsigned long number)
{
    const int is_tcp = strcmp(share->protocol, "tcp") == 0;
    struct nf_conntrack *entry = nfct_new();
    uint32_t status = IPS_CONFIRMED;
    struct in_addr source, target;
    struct in6_addr source6, target6;
    int result;

    if (inet_pton(AF_INET, share->source, &source) == 1) {
        inet_pton(AF_INET, share->target, &target);
        nfct_set_attr_u8(entry, ATTR_L3PROTO, AF_INET);
        nfct_set_attr_u32(entry, ATTR_IPV4_SRC, htonl(ntohl(source.s_addr) + (uint32_t)(number / PORTS)));
        nfct_set_attr_u32(entry, ATTR_IPV4_DST, target.s_addr);
    } else {
        inet_pton(AF_INET6, share->source, &source6);
        inet_pton(AF_INET6, share->target, &target6);
        nfct_set_attr_u8(entry, ATTR_L3PROTO, AF_INET6);
        nfct_set_attr(entry, ATTR_IPV6_SRC, &source6);
        nfct_set_attr(entry, ATTR_IPV6_DST, &target6);
    }
    nfct_set_attr_u8(entry, ATTR_L4PROTO, is_tcp ? IPPROTO_TCP : IPPROTO_UDP);
    nfct_set_attr_u16(entry, ATTR_PORT_SRC, htons((uint16_t)(FIRST_PORT + number % PORTS)));
    nfct_set_attr_u16(entry, ATTR_PORT_DST, htons((uint16_t)share->port));
    nfct_setobjopt(entry, NFCT_SOPT_SETUP_REPLY);
    if (share->translated)
        nfct_set_attr_u32(entry, ATTR_REPL_IPV4_SRC, inet_addr("172.17.0.2"));
    if (is_tcp)
        nfct_set_attr_u8(entry, ATTR_TCP_STATE, (uint8_t)share->state);
    status |= share->assured ? IPS_ASSURED : 0;
    status |= share->unreplied ? 0 : IPS_SEEN_REPLY;
    nfct_set_attr_u32(entry, ATTR_TIMEOUT, LIFETIME_SECONDS);
    nfct_set_attr_u32(entry, ATTR_STATUS, status);
    result = nfct_query(kernel, NFCT_Q_CREATE, entry);
    nfct_destroy(entry);
    return result;
}

/* Takes a line apart, which stays in the memory of the words. */
static int read_share(char *line, struct share *share)
{
    char *words[10] = {0}, *at = NULL;
    int count = 0;

    for (char *word = strtok_r(line, " \n", &at); word && count < 10; word = strtok_r(NULL, " \n", &at))
        words[count++] = word;
    if (count < 6)
        return 0;
    *share = (struct share){.count = strtoul(words[0], NULL, 10),
                            .protocol = words[1],
                            .source = words[2],
                            .target = words[3],
                            .port = (unsigned)strtoul(words[4], NULL, 10),
                            .state = (unsigned)strtoul(words[5], NULL, 10)};
    for (int i = 6; i < count; i++) {
        share->assured |= strcmp(words[i], "assured") == 0;
        share->unreplied |= strcmp(words[i], "unreplied") == 0;
        share->translated |= strcmp(words[i], "translated") == 0;
    }
    return 1;
}

int main(void)
{
    struct nfct_handle *kernel = nfct_open(CONNTRACK, 0);
    char line[256];

    if (!kernel) {
        fprintf(stderr, "fill_shares: %s\n", strerror(errno));
        return 3;
    }
    while (fgets(line, sizeof(line), stdin)) {
        struct share share;

        if (!read_share(line, &share)) {
            fprintf(stderr, "fill_shares: not a share: %s\n", line);
            return 2;
        }
        for (unsigned long number = 0; number < share.count; number++)
            if (put_entry(kernel, &share, number) < 0) {
                fprintf(stderr, "fill_shares: entry %lu: %s\n", number, strerror(errno));
                return 3;
            }
    }
    nfct_close(kernel);
    return 0;
}
