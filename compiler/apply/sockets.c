// SPDX-License-Identifier: GPL-2.0-or-later
//
// By sock_diag(7). A connection is asked for by its ends; where none has them the kernel gives the listener, so it is named by
// its cookie once its state is known.
#include "apply/sockets.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 4096

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 socket;
};

static void put_address(__be32 out[4], enum family family, struct addr addr)
{
    const uint64_t words[2] = {addr.high, addr.low};

    if (family == FAMILY_IPV4)
        out[0] = htonl((uint32_t)addr.low);
    else
        for (size_t i = 0; i < 4; i++)
            out[i] = htonl((uint32_t)(words[i / 2] >> (i % 2 ? 0 : 32)));
}

static struct request ask_for(enum family family, struct socket_end own, struct socket_end peer)
{
    struct request request = {.header = {.nlmsg_len = sizeof(request),
                                         .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                         .nlmsg_flags = NLM_F_REQUEST},
                              .socket = {.sdiag_family = family == FAMILY_IPV4 ? AF_INET : AF_INET6,
                                         .sdiag_protocol = IPPROTO_TCP,
                                         .idiag_states = UINT32_MAX}};

    request.socket.id.idiag_sport = htons(own.port);
    request.socket.id.idiag_dport = htons(peer.port);
    put_address(request.socket.id.idiag_src, family, own.addr);
    put_address(request.socket.id.idiag_dst, family, peer.addr);
    request.socket.id.idiag_cookie[0] = request.socket.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return request;
}

static const struct nlmsghdr *exchange(int netlink, const struct request *request, char *answer, size_t size)
{
    const struct nlmsghdr *header = (const void *)answer;
    ssize_t got;

    if (send(netlink, request, sizeof(*request), 0) != sizeof(*request))
        return NULL;
    got = recv(netlink, answer, size, 0);
    return got >= (ssize_t)sizeof(*header) && header->nlmsg_len <= (size_t)got ? header : NULL;
}

static bool is_acknowledged(const struct nlmsghdr *header)
{
    struct nlmsgerr error;

    if (!header || header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
        return false;
    memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
    return error.error == 0;
}

static bool reset(int netlink, struct request *request)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    const struct nlmsghdr *header = exchange(netlink, request, answer, sizeof(answer));
    struct inet_diag_msg found;

    if (!header || header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        header->nlmsg_len < NLMSG_LENGTH(sizeof(found)))
        return false;
    memcpy(&found, mnl_nlmsg_get_payload(header), sizeof(found));
    if (found.idiag_state == TCP_LISTEN || found.id.idiag_dport != request->socket.id.idiag_dport)
        return false;
    memcpy(request->socket.id.idiag_cookie, found.id.idiag_cookie, sizeof(found.id.idiag_cookie));
    request->header.nlmsg_type = SOCK_DESTROY;
    request->header.nlmsg_flags |= NLM_F_ACK;
    return is_acknowledged(exchange(netlink, request, answer, sizeof(answer)));
}

bool socket_reset(enum family family, struct socket_end own, struct socket_end peer)
{
    struct request request = ask_for(family, own, peer);
    const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    const bool done = netlink >= 0 && reset(netlink, &request);

    if (netlink >= 0)
        close(netlink);
    return done;
}
