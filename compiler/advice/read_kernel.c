// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's table by ctnetlink. It is dumped and never listened to: while somebody listens to events, every entry is
// larger.
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "advice/table.h"
#include "base/protocols.h"

// A dump of a million entries is some hundred megabytes; what does not fit the socket, the kernel holds back.
#define SOCKET_BYTES (1 << 20)

struct walk {
    enum visited (*visit)(const struct nf_conntrack *entry, const struct connection *connection,
                          void *context);
    void *context;
    struct nfct_handle *deleting; // NULL: nothing was deleted yet
    struct walked *walked;
};

static uint64_t from_network(const uint32_t word[2])
{
    return (uint64_t)ntohl(word[0]) << 32 | ntohl(word[1]);
}

static struct addr take_address(const struct nf_conntrack *entry, enum family family,
                                enum nf_conntrack_attr ipv4, enum nf_conntrack_attr ipv6)
{
    uint32_t words[4];

    if (family == FAMILY_IPV4)
        return (struct addr){0, ntohl(nfct_get_attr_u32(entry, ipv4))};
    if (!nfct_get_attr(entry, ipv6))
        return (struct addr){0, 0};
    memcpy(words, nfct_get_attr(entry, ipv6), sizeof(words));
    return (struct addr){from_network(words), from_network(words + 2)};
}

static bool same(struct addr one, struct addr other)
{
    return addr_compare(one, other) == 0;
}

static void take_entry(const struct nf_conntrack *entry, struct connection *connection)
{
    const enum family family = nfct_get_attr_u8(entry, ATTR_L3PROTO) == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
    const uint32_t status = nfct_get_attr_u32(entry, ATTR_STATUS);
    const struct addr answerer = take_address(entry, family, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC),
                      asker = take_address(entry, family, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST);

    connection->family = (uint8_t)family;
    connection->protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO);
    connection->source = take_address(entry, family, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
    connection->target = take_address(entry, family, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
    connection->timeout = nfct_get_attr_u32(entry, ATTR_TIMEOUT);
    connection->state = status & IPS_SEEN_REPLY ? CT_STATE_REPLIED : CT_STATE_UNREPLIED;
    if (!same(answerer, connection->target) || !same(asker, connection->source))
        connection->flags |= CONNECTION_NAT;
    if (protocol_has_ports(connection->protocol)) {
        connection->source_port = ntohs(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_SRC));
        connection->target_port = ntohs(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_DST));
        if (ntohs(nfct_get_attr_u16(entry, ATTR_REPL_PORT_SRC)) != connection->target_port ||
            ntohs(nfct_get_attr_u16(entry, ATTR_REPL_PORT_DST)) != connection->source_port)
            connection->flags |= CONNECTION_NAT;
    }
    if (connection->protocol == PROTOCOL_TCP && nfct_attr_is_set(entry, ATTR_TCP_STATE) > 0)
        connection->state = nfct_get_attr_u8(entry, ATTR_TCP_STATE);
    if (connection->protocol == PROTOCOL_TCP && connection->state > CT_STATE_SYN_SENT2)
        connection->state = CT_STATE_NONE;
    if (status & IPS_ASSURED)
        connection->flags |= CONNECTION_ASSURED;
    if (!(status & IPS_SEEN_REPLY))
        connection->flags |= CONNECTION_UNREPLIED;
    if (nfct_attr_is_set(entry, ATTR_HELPER_NAME) > 0)
        connection->flags |= CONNECTION_HELPER;
}

// While a table is dumped its socket is taken, so another one deletes. An entry may be over by then.
static void delete_entry(struct walk *walk, const struct nf_conntrack *entry)
{
    if (!walk->deleting)
        walk->deleting = nfct_open(CONNTRACK, 0);
    if (walk->deleting && nfct_query(walk->deleting, NFCT_Q_DESTROY, entry) == 0)
        walk->walked->deleted++;
}

static int on_entry(enum nf_conntrack_msg_type type, struct nf_conntrack *entry, void *data)
{
    struct walk *walk = data;
    struct connection connection = {0};

    (void)type;
    take_entry(entry, &connection);
    switch (walk->visit(entry, &connection, walk->context)) {
    case VISITED_KEEP:
        return NFCT_CB_CONTINUE;
    case VISITED_DELETE:
        delete_entry(walk, entry);
        return NFCT_CB_CONTINUE;
    default:
        walk->walked->stopped = true;
        return NFCT_CB_STOP;
    }
}

static const char *problem(struct arena *arena, int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "cannot read the tracking table: it takes root (CAP_NET_ADMIN)";
    case EPROTONOSUPPORT:
    case ENOENT:
    case EINVAL:
    case EOPNOTSUPP:
        return "this kernel has no connection tracking, or does not show it: modprobe nf_conntrack_netlink, "
               "or read "
               "--dump /proc/net/nf_conntrack";
    default:
        return arena_printf(arena, "cannot read the tracking table: %s", strerror(error));
    }
}

const char *table_walk_kernel(struct arena *arena,
                              enum visited (*visit)(const struct nf_conntrack *entry,
                                                    const struct connection *connection, void *context),
                              void *context, struct walked *walked)
{
    struct nfct_handle *kernel = nfct_open(CONNTRACK, 0);
    struct walk walk = {.visit = visit, .context = context, .walked = walked};
    const uint32_t family = AF_UNSPEC;
    int error;

    *walked = (struct walked){0};
    if (!kernel)
        return problem(arena, errno);
    nfnl_rcvbufsiz(nfct_nfnlh(kernel), SOCKET_BYTES);
    nfct_callback_register(kernel, NFCT_T_ALL, on_entry, &walk);
    error = nfct_query(kernel, NFCT_Q_DUMP, &family) < 0 && !walked->stopped ? errno : 0;
    nfct_close(kernel);
    if (walk.deleting)
        nfct_close(walk.deleting);
    return error ? problem(arena, error) : NULL;
}

struct reading {
    struct arena *arena;
    struct dump *table;
};

static enum visited keep_connection(const struct nf_conntrack *entry, const struct connection *connection,
                                    void *context)
{
    const struct reading *reading = context;

    (void)entry;
    *vec_push(reading->arena, &reading->table->connections) = *connection;
    return VISITED_KEEP;
}

const char *table_read_kernel(struct arena *arena, struct dump *table)
{
    struct reading reading = {arena, table};
    struct walked walked;

    return table_walk_kernel(arena, keep_connection, &reading, &walked);
}
