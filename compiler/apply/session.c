// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/session.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/describe.h"
#include "analysis/query.h"
#include "analysis/witness.h"
#include "meaning/sets.h"

#define ANCESTORS_MAX 64
#define VARIABLE      "SSH_CONNECTION="

// The value in the environment that a process was started with; NULL: it has none, or is somebody else's.
static const char *value_of_process(struct arena *arena, long process)
{
    struct buf bytes = {0};
    char path[64], piece[4096];
    const char *value = NULL;
    ssize_t got;
    int file;

    snprintf(path, sizeof(path), "/proc/%ld/environ", process);
    file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && (got = read(file, piece, sizeof(piece))) > 0)
        buf_append(&bytes, piece, (size_t)got);
    for (size_t at = 0; at < bytes.length && !value; at += strlen(bytes.bytes + at) + 1)
        if (strncmp(bytes.bytes + at, VARIABLE, strlen(VARIABLE)) == 0)
            value = arena_printf(arena, "%s", bytes.bytes + at + strlen(VARIABLE));
    if (file >= 0)
        close(file);
    buf_clear(&bytes);
    return value;
}

// The process that a process descends from; 0: none.
static long parent_of(long process)
{
    char path[64], line[512] = "";
    const char *behind;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/stat", process);
    file = fopen(path, "re");
    if (file && !fgets(line, sizeof(line), file))
        line[0] = '\0';
    if (file)
        fclose(file);
    behind = strrchr(line, ')'); // the name in parentheses may hold anything; behind it: state, parent
    return behind && strlen(behind) > 4 ? strtol(behind + 4, NULL, 10) : 0;
}

static const char *find_value(struct arena *arena)
{
    const char *value = getenv("SSH_CONNECTION");
    long process = getppid();

    for (int i = 0; i < ANCESTORS_MAX && !value && process > 1; i++, process = parent_of(process))
        value = value_of_process(arena, process);
    return value;
}

static bool same_address(const struct sockaddr *address, int af, const void *bytes)
{
    if (!address || address->sa_family != af)
        return false;
    return af == AF_INET ? memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr, bytes,
                                  sizeof(struct in_addr)) == 0
                         : memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, bytes,
                                  sizeof(struct in6_addr)) == 0;
}

static const char *interface_of(struct arena *arena, int af, const void *bytes)
{
    const char *name = "any";
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return name;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next)
        if (same_address(at->ifa_addr, af, bytes) && strcmp(at->ifa_name, "lo") != 0)
            name = arena_printf(arena, "%s", at->ifa_name);
    freeifaddrs(all);
    return name;
}

bool session_find(struct arena *arena, struct session *session)
{
    const char *value = find_value(arena);
    struct slice rest = slice_of(value ? value : ""), words[4];
    unsigned char bytes[2][sizeof(struct in6_addr)];
    uint64_t ports[2];
    char *addresses[2];

    for (size_t i = 0; i < 4; i++)
        words[i] = slice_word(&rest);
    for (size_t i = 0; i < 2; i++) {
        addresses[i] = arena_copy(arena, words[i * 2].at, words[i * 2].length);
        session->family = strchr(addresses[i], ':') ? FAMILY_IPV6 : FAMILY_IPV4;
        addresses[i][strcspn(addresses[i], "%")] = '\0'; // the scope of a link-local address
        if (!parse_number(words[i * 2 + 1], UINT16_MAX, &ports[i]) ||
            inet_pton(session->family == FAMILY_IPV4 ? AF_INET : AF_INET6, addresses[i], bytes[i]) != 1)
            return false;
    }
    session->client = addresses[0];
    session->server = addresses[1];
    session->client_port = (unsigned)ports[0];
    session->server_port = (unsigned)ports[1];
    session->interface = interface_of(arena, session->family == FAMILY_IPV4 ? AF_INET : AF_INET6, bytes[1]);
    return true;
}

enum { GOING_IN, GOING_OUT, OPENING, SET_COUNT };

struct check {
    struct arena *arena;
    struct packet_space space;
    struct packets packets[SET_COUNT];
    diagram sets[SET_COUNT];
};

static bool read_packets(struct arena *arena, const char *text, struct packets *packets)
{
    const char *problem;
    struct slice bad;

    return packets_parse(arena, slice_of(text), packets, &bad, &problem);
}

// What was open before the tracker looked is new to it.
static bool name_packets(struct check *check, const struct session *s)
{
    struct arena *arena = check->arena;

    return read_packets(
               arena,
               arena_printf(arena,
                            "in %s tcp from %s port %u to %s port %u new established ack fragment none "
                            "socket connected cast local",
                            s->interface, s->client, s->client_port, s->server, s->server_port),
               &check->packets[GOING_IN]) &&
           read_packets(
               arena,
               arena_printf(arena,
                            "out %s tcp from %s port %u to %s port %u new established ack fragment none",
                            s->interface, s->server, s->server_port, s->client, s->client_port),
               &check->packets[GOING_OUT]) &&
           read_packets(arena,
                        arena_printf(arena,
                                     "in %s tcp from %s to %s port %u new syn fragment none cast local",
                                     s->interface, s->client, s->server, s->server_port),
                        &check->packets[OPENING]);
}

// What becomes of the packets of a set.
static diagram outcomes_of(struct check *check, const struct meaning *meaning, int set)
{
    return hook_outcomes(&check->space, meaning, packets_hook(&check->packets[set]), check->sets[set]);
}

// A connection that the tracker knows is established and nothing else.
static void leave_new_out(struct check *check, const struct ruleset *live)
{
    const struct meaning meaning = rules_meaning(&check->space, live, NULL);

    for (int set = GOING_IN; set <= GOING_OUT; set++)
        if (meaning.tracking && set_minus(&check->space, check->sets[set],
                                          tracked_set(&check->space, outcomes_of(check, &meaning, set))) ==
                                    set_none(&check->space))
            check->sets[set] = set_and(&check->space, check->sets[set],
                                       field_between(&check->space, FIELD_STATE, PACKET_STATE_ESTABLISHED,
                                                     PACKET_STATE_ESTABLISHED));
}

static const char *decision_text(struct check *check, const struct ruleset *rules,
                                 const struct meaning *meaning, enum hook hook, diagram refused)
{
    struct packet_space *space = &check->space;
    field_value *packet = arena_calloc(check->arena, FIELD_COUNT + space->unknowns.count, sizeof(*packet));
    struct buf text = {0};

    if (!find_packet(space, hook, refused, packet))
        return "refused";

    const struct trace trace = trace_packet(space, rules, meaning, hook, packet);
    const struct reason reason = place_reason(&trace.verdict);

    describe_verdict(&text, space, trace.outcome);
    buf_text(&text, " by ");
    describe_place(&text, &trace.verdict);
    if (reason.section) {
        buf_text(&text, ", ");
        describe_reason(&text, &reason);
    }
    return buf_to_arena(&text, check->arena);
}

// `behind`: the table that was loaded last; NULL: all are.
static const char *trouble_with(struct check *check, const struct ruleset *rules, const char *behind)
{
    struct packet_space *space = &check->space;
    const struct meaning meaning = rules_meaning(space, rules, NULL);
    const char *when = behind ? arena_printf(check->arena, " for the moment behind %s", behind) : "";
    static const char *const ways[] = {"in", "out"};

    for (int set = GOING_IN; set <= GOING_OUT; set++) {
        const diagram refused =
            set_minus(space, check->sets[set], accepted_set(space, outcomes_of(check, &meaning, set)));

        if (refused != set_none(space))
            return arena_printf(
                check->arena, "would be cut%s: its packets on their way %s meet %s", when, ways[set],
                decision_text(check, rules, &meaning, packets_hook(&check->packets[set]), refused));
    }
    // Where a limit has room, or a match of which nothing is known says so, it can be opened.
    if (!behind && accepted_set(space, outcomes_of(check, &meaning, OPENING)) == set_none(space))
        return arena_printf(check->arena, "could not be opened again: %s",
                            decision_text(check, rules, &meaning, HOOK_INPUT, check->sets[OPENING]));
    return NULL;
}

static const char *trouble_at_steps(struct check *check, enum family family, const struct apply_plan *plan)
{
    const char *trouble = NULL;
    size_t last = plan->steps.count;

    leave_new_out(check, plan->live[family]);
    while (last > 0 && plan->items[plan->steps.items[last - 1].table].family != family)
        last--;
    for (size_t i = 0; i < last && !trouble; i++) {
        const struct plan_table *planned = &plan->items[plan->steps.items[i].table];

        if (planned->family == family)
            trouble = trouble_with(check, rules_behind(check->arena, plan, family, i),
                                   i + 1 < last ? planned->name : NULL);
    }
    return trouble;
}

static void add_rules(struct check *check, const struct ruleset *rules, bool sets_vary)
{
    packet_space_add_ruleset(&check->space,
                             sets_vary ? ruleset_with_varying_sets(check->arena, rules) : rules);
}

// False where the rules are too many to decide. Of sets, what is in them now counts, unless `sets_vary`: then whatever may be.
static bool find_trouble(struct check *check, const struct session *session, const struct apply_plan *plan,
                         const struct policy *policy, bool sets_vary, const char **trouble)
{
    const enum family family = session->family;
    bool decided;

    packet_space_init(&check->space, check->arena, family);
    add_rules(check, plan->live[family], sets_vary);
    add_rules(check, plan->encoded[family].ruleset, sets_vary);
    if (plan->orders[family].joint)
        add_rules(check, plan->joint[family].ruleset, sets_vary);
    packet_space_add_policy(&check->space, policy);
    for (int set = 0; set < SET_COUNT; set++)
        packet_space_add_packets(&check->space, &check->packets[set]);
    if (!packet_space_open(&check->space, PACKET_NODES_MAX))
        return false;
    for (int set = 0; set < SET_COUNT; set++)
        check->sets[set] = packets_set(&check->space, &check->packets[set]);
    *trouble = trouble_at_steps(check, family, plan);
    decided = !diagram_overflowed(check->space.diagrams);
    packet_space_close(&check->space);
    return decided;
}

const char *session_trouble(struct arena *arena, const struct session *session, const struct apply_plan *plan,
                            const struct policy *policy)
{
    struct check check = {.arena = arena};
    struct session anywhere = *session;
    const char *trouble;

    anywhere.interface = "any";
    if (!name_packets(&check, session) && !name_packets(&check, &anywhere))
        return "cannot be told in ctc's notation";
    if (find_trouble(&check, session, plan, policy, false, &trouble) ||
        find_trouble(&check, session, plan, policy, true, &trouble))
        return trouble;
    return "cannot be decided: the rules are too many";
}
