// SPDX-License-Identifier: GPL-2.0-or-later
//
// Three dumps: tables, chains, rules. Of a rule only the names of its expressions are looked at, and what they do to a
// packet's walk.
#include "kernel/nftables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/text.h"
#include "ruleset/ruleset.h"

struct reading {
    struct arena *arena;
    struct nft_tables *tables;
};

static const char *nft_family(uint8_t number)
{
    switch (number) {
    case NFPROTO_INET:
        return "inet";
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    case NFPROTO_ARP:
        return "arp";
    case NFPROTO_BRIDGE:
        return "bridge";
    case NFPROTO_NETDEV:
        return "netdev";
    default:
        return "?";
    }
}

// The attributes of a message by their types.
#define TYPE_MAX 32

struct attributes {
    const struct nlattr *of[TYPE_MAX];
};

static int sort_attribute(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;

    if (mnl_attr_get_type(attribute) < TYPE_MAX)
        attributes->of[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *message)
{
    struct attributes attributes = {{NULL}};

    mnl_attr_parse(message, sizeof(struct nfgenmsg), sort_attribute, &attributes);
    return attributes;
}

static struct attributes attributes_in(const struct nlattr *nest)
{
    struct attributes attributes = {{NULL}};

    if (nest)
        mnl_attr_parse_nested(nest, sort_attribute, &attributes);
    return attributes;
}

// Text that ends within its attribute; "" where there is none.
static const char *text_of(const struct nlattr *attribute)
{
    return attribute && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attribute)
                                                                               : "";
}

static uint32_t number_of(const struct nlattr *attribute, uint32_t otherwise)
{
    return attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0 ? ntohl(mnl_attr_get_u32(attribute))
                                                                        : otherwise;
}

static const char *message_family(const struct nlmsghdr *message)
{
    return nft_family(((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family);
}

static struct nft_table *find(const struct reading *reading, const struct nlmsghdr *message, const char *name)
{
    for (size_t i = 0; i < reading->tables->count; i++) {
        struct nft_table *table = &reading->tables->items[i];

        if (strcmp(table->name, name) == 0 && strcmp(table->family, message_family(message)) == 0)
            return table;
    }
    return NULL;
}

static bool iptables_has(const char *family, const char *table)
{
    bool known = false;

    for (size_t i = 0; i < table_kind_count; i++)
        known = known || strcmp(table_kinds[i].name, table) == 0;
    return known && (strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0);
}

static int take_table(const struct nlmsghdr *message, void *context)
{
    const struct reading *reading = context;
    const struct attributes found = attributes_of(message);
    const char *name = text_of(found.of[NFTA_TABLE_NAME]);

    if (!name[0])
        return MNL_CB_OK;

    struct nft_table *table = vec_push(reading->arena, reading->tables);

    table->family = message_family(message);
    table->name = arena_copy(reading->arena, name, strlen(name));
    table->iptables = iptables_has(table->family, name);
    return MNL_CB_OK;
}

// A chain at a hook that iptables has under another name, or not at all, is somebody else's.
static int take_chain(const struct nlmsghdr *message, void *context)
{
    const struct attributes found = attributes_of(message);
    struct nft_table *table = find(context, message, text_of(found.of[NFTA_CHAIN_TABLE]));

    if (!table || !found.of[NFTA_CHAIN_HOOK])
        return MNL_CB_OK;
    table->filters = table->filters || number_of(found.of[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP;
    table->iptables =
        table->iptables && table_has_hook(table->name, slice_of(text_of(found.of[NFTA_CHAIN_NAME])));
    return MNL_CB_OK;
}

// Expressions whose net/netfilter/nft_*.c asks for the tracker (nf_ct_netns_get).
static bool expression_tracks(const char *name, const struct attributes *data)
{
    static const char *const names[] = {"ct",        "nat",          "masq",    "redir",
                                        "connlimit", "flow_offload", "synproxy"};
    const bool target = strcmp(name, "target") == 0;
    bool tracks = false;

    if (target ||
        strcmp(name, "match") == 0) // their names stand at the same place (linux/netfilter/nf_tables.h)
        return extension_tracks(text_of(data->of[NFTA_MATCH_NAME]), target);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        tracks = tracks || strcmp(name, names[i]) == 0;
    return tracks;
}

// What may be in a map of verdicts is not looked at: it may drop.
static bool expression_filters(const char *name, const struct attributes *data)
{
    if (strcmp(name, "immediate") == 0) {
        const struct attributes value = attributes_in(data->of[NFTA_IMMEDIATE_DATA]);
        const struct attributes verdict = attributes_in(value.of[NFTA_DATA_VERDICT]);

        return verdict.of[NFTA_VERDICT_CODE] &&
               number_of(verdict.of[NFTA_VERDICT_CODE], NF_ACCEPT) == NF_DROP;
    }
    if (strcmp(name, "lookup") == 0)
        return data->of[NFTA_LOOKUP_DREG] && number_of(data->of[NFTA_LOOKUP_DREG], 1) == NFT_REG_VERDICT;
    return strcmp(name, "reject") == 0 || strcmp(name, "queue") == 0;
}

// What is known of a rule behind its expressions so far.
struct rule_parts {
    struct nft_table *table;
    bool counted;
};

// What iptables never writes, and takes no notice of where it reads a rule (iptables/nft-ruleparse.c): sets, and fields of a
// transport header other than ports, the flags of TCP, and the type and code of ICMP.
static bool expression_is_strange(const char *name, const struct attributes *data)
{
    if (strcmp(name, "lookup") == 0)
        return true;
    if (strcmp(name, "payload") != 0 ||
        number_of(data->of[NFTA_PAYLOAD_BASE], NFT_PAYLOAD_NETWORK_HEADER) != NFT_PAYLOAD_TRANSPORT_HEADER)
        return false;
    switch (number_of(data->of[NFTA_PAYLOAD_OFFSET], 0)) {
    case 0:
    case 1:
    case 2:
    case 13:
        return false;
    default:
        return true;
    }
}

static int take_expression(const struct nlattr *expression, void *context)
{
    const struct attributes parts = attributes_in(expression);
    const struct attributes data = attributes_in(parts.of[NFTA_EXPR_DATA]);
    const char *name = text_of(parts.of[NFTA_EXPR_NAME]);
    struct rule_parts *rule = context;
    struct nft_table *table = rule->table;

    rule->counted = rule->counted || strcmp(name, "counter") == 0;
    table->strange = table->strange || expression_is_strange(name, &data);
    table->filters = table->filters || expression_filters(name, &data);
    table->tracks = table->tracks || expression_tracks(name, &data);
    return MNL_CB_OK;
}

// Every rule of iptables counts.
static void look_at_rule(const struct attributes *found, struct nft_table *table)
{
    struct rule_parts rule = {.table = table};

    if (found->of[NFTA_RULE_EXPRESSIONS])
        mnl_attr_parse_nested(found->of[NFTA_RULE_EXPRESSIONS], take_expression, &rule);
    table->strange = table->strange || !rule.counted;
}

static int take_rule(const struct nlmsghdr *message, void *context)
{
    const struct attributes found = attributes_of(message);
    struct nft_table *table = find(context, message, text_of(found.of[NFTA_RULE_TABLE]));

    if (!table)
        return MNL_CB_OK;
    table->rules++;
    look_at_rule(&found, table);
    return MNL_CB_OK;
}

static struct mnl_socket *open_socket(void)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

    if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
        return socket;
    if (socket)
        mnl_socket_close(socket);
    return NULL;
}

#define SEQUENCE 1 // there is one request at a time

static struct nlmsghdr *begin_request(char *bytes, unsigned subsystem, unsigned what, unsigned flags,
                                      uint8_t family)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

    message->nlmsg_type = (uint16_t)(subsystem << 8 | what);
    message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    message->nlmsg_seq = SEQUENCE;
    head->nfgen_family = family;
    head->version = NFNETLINK_V0;
    return message;
}

// Sends a request, and takes all that is answered. False, and errno, where it is refused.
static bool ask(struct mnl_socket *socket, const struct nlmsghdr *request, mnl_cb_t take, void *context)
{
    char bytes[1 << 15];
    ssize_t got;
    int more = MNL_CB_OK;

    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
        return false;
    while (more == MNL_CB_OK && (got = mnl_socket_recvfrom(socket, bytes, sizeof(bytes))) > 0)
        more = mnl_cb_run(bytes, (size_t)got, SEQUENCE, mnl_socket_get_portid(socket), take, context);
    return more == MNL_CB_STOP;
}

static bool dump(struct mnl_socket *socket, unsigned what, mnl_cb_t take, struct reading *reading)
{
    char bytes[256];

    return ask(socket, begin_request(bytes, NFNL_SUBSYS_NFTABLES, what, NLM_F_DUMP, NFPROTO_UNSPEC), take,
               reading);
}

bool nft_tables_read(struct arena *arena, struct nft_tables *tables, struct kernel_error *error)
{
    struct reading reading = {arena, tables};
    struct mnl_socket *socket = open_socket();
    bool fine = socket && dump(socket, NFT_MSG_GETTABLE, take_table, &reading);

    if (fine && tables->count)
        fine = dump(socket, NFT_MSG_GETCHAIN, take_chain, &reading) &&
               dump(socket, NFT_MSG_GETRULE, take_rule, &reading);
    // The kernel has no nf_tables, or no netlink for it.
    if (!fine && (errno == EINVAL || errno == EOPNOTSUPP || errno == EPROTONOSUPPORT) && !tables->count)
        fine = true;
    else if (!fine && (errno == EPERM || errno == EACCES))
        kernel_fail(error, KERNEL_PERMISSION, "nf_tables: " KERNEL_NEEDS);
    else if (!fine)
        kernel_fail(error, KERNEL_FAILED, "cannot read what nf_tables has: %s", strerror(errno));
    if (socket)
        mnl_socket_close(socket);
    return fine;
}

static int take_own_rule(const struct nlmsghdr *message, void *context)
{
    const struct attributes found = attributes_of(message);
    struct nft_table *table = context;

    if (strcmp(message_family(message), table->family) == 0 &&
        strcmp(text_of(found.of[NFTA_RULE_TABLE]), table->name) == 0)
        look_at_rule(&found, table);
    return MNL_CB_OK;
}

bool nft_table_is_strange(enum family family, const char *name)
{
    const uint8_t number = family == FAMILY_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    struct nft_table table = {.family = nft_family(number), .name = name};
    struct mnl_socket *socket = open_socket();
    char bytes[256];
    struct nlmsghdr *request =
        begin_request(bytes, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, NLM_F_DUMP, number);

    mnl_attr_put_strz(request, NFTA_RULE_TABLE, name);
    if (socket) {
        ask(socket, request, take_own_rule, &table); // a table that is not there has no rules
        mnl_socket_close(socket);
    }
    return table.strange;
}

static int take_generation(const struct nlmsghdr *message, void *context)
{
    const struct attributes found = attributes_of(message);

    *(uint32_t *)context = number_of(found.of[NFTA_GEN_ID], 0);
    return MNL_CB_OK;
}

uint32_t nft_generation(void)
{
    struct mnl_socket *socket = open_socket();
    uint32_t generation = 0;
    char bytes[256];

    if (!socket)
        return 0;
    if (!ask(socket, begin_request(bytes, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NLM_F_ACK, NFPROTO_UNSPEC),
             take_generation, &generation))
        generation = 0;
    mnl_socket_close(socket);
    return generation;
}

static int take_nothing(const struct nlmsghdr *message, void *context)
{
    (void)message;
    (void)context;
    return MNL_CB_OK; // the acknowledgement follows
}

int nft_extension_find(enum family family, const char *name, uint8_t revision, bool target)
{
    struct mnl_socket *socket = open_socket();
    char bytes[256];
    struct nlmsghdr *request = begin_request(bytes, NFNL_SUBSYS_NFT_COMPAT, NFNL_MSG_COMPAT_GET, NLM_F_ACK,
                                             family == FAMILY_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    int result;

    if (!socket)
        return -errno;
    mnl_attr_put_strz(request, NFTA_COMPAT_NAME, name);
    mnl_attr_put_u32(request, NFTA_COMPAT_REV, htonl(revision));
    mnl_attr_put_u32(request, NFTA_COMPAT_TYPE, htonl(target));
    result = ask(socket, request, take_nothing, NULL) ? 0 : -errno;
    mnl_socket_close(socket);
    return result;
}
