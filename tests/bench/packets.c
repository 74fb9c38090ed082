// SPDX-License-Identifier: GPL-2.0-or-later
//
// packets SECONDS <PLAN: what a packet costs the rules of network namespaces, in nanoseconds. A line of the plan is
//
//   random|worst NAMESPACE FILE
//
// those with `random` first. A file holds packets, one a line: `PROTOCOL SOURCE PORT PORT` (of ICMP: type and code).
// `random` sends them in the file's order; `worst` sends each a few times in a row, and again those that cost the most,
// and tells what the dearest costs at least. The lines take turns, so that what else the machine does falls on all alike.
// Each may take SECONDS, and `random` as much again. Prints a line of JSON for each line of the plan: the nanoseconds of
// each turn, or those of the dearest packet.
//
// A packet is written to a TUN device, and the kernel has carried it through its rules when write() returns
// (tun_get_user() in drivers/net/tun.c). Its checksum is wrong, so nobody answers it, and nobody takes it in.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HOST       "192.0.2.1"
#define DEVICE     "ctc-bench"
#define TURN_NS    10e6 // of `random`, after as much again for the caches
#define STRETCH    16   // packets between two looks at the clock
#define REPEAT     8    // of one packet in a row, and as many turns over all
#define SECONDS_NS 1e9

struct packet {
    struct iphdr ip;
    union {
        struct udphdr udp;
        struct tcphdr tcp;
        struct icmphdr icmp;
    } of;
};

struct measured {
    char mode[8], space[64], file[256];
    struct packet *packets;
    double *least; // of each packet, in nanoseconds
    size_t *order;
    size_t count, next;
    double spent;  // nanoseconds, on the dearest
    double *turns; // nanoseconds a packet
    size_t turn_count;
    int device;
};

static void die(const char *what)
{
    fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
    exit(3);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        die("calloc");
    return memory;
}

// Time of the processor that this program has used, its system calls included.
static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void set(const char *path, const char *value)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(value, file) == EOF || fclose(file) == EOF)
        die(path);
}

// A device in the namespace, with this host's address.
static int open_device(const char *space)
{
    struct ifreq request = {.ifr_name = DEVICE, .ifr_flags = IFF_TUN | IFF_NO_PI};
    struct sockaddr_in address = {.sin_family = AF_INET};
    char path[128];
    int inside, device, control;

    snprintf(path, sizeof(path), "/run/netns/%s", space);
    inside = open(path, O_RDONLY | O_CLOEXEC);
    if (inside < 0 || setns(inside, CLONE_NEWNET) != 0)
        die(path);
    close(inside);
    device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0)
        die("/dev/net/tun");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, HOST, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof(address));
    if (control < 0 || ioctl(control, SIOCSIFADDR, &request) != 0)
        die(HOST);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
        die(DEVICE);
    close(control);
    set("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
    set("/proc/sys/net/ipv4/conf/" DEVICE "/rp_filter", "0");
    return device;
}

static uint16_t checksum(const struct iphdr *ip)
{
    const uint16_t *words = (const uint16_t *)(const void *)ip;
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof(*ip) / 2; i++)
        sum += words[i];
    sum = (sum >> 16) + (sum & 0xFFFF);
    return (uint16_t) ~(sum + (sum >> 16));
}

static struct packet make_packet(const char *protocol, const char *source, unsigned from, unsigned to)
{
    struct packet packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64}};
    size_t length = sizeof(packet.ip);

    if (strcmp(protocol, "udp") == 0) {
        packet.ip.protocol = IPPROTO_UDP;
        packet.of.udp = (struct udphdr){.source = htons((uint16_t)from),
                                        .dest = htons((uint16_t)to),
                                        .len = htons(sizeof(packet.of.udp)),
                                        .check = htons(1)};
        length += sizeof(packet.of.udp);
    } else if (strcmp(protocol, "tcp") == 0) {
        packet.ip.protocol = IPPROTO_TCP;
        packet.of.tcp = (struct tcphdr){.source = htons((uint16_t)from),
                                        .dest = htons((uint16_t)to),
                                        .doff = 5,
                                        .syn = 1,
                                        .check = htons(1)};
        length += sizeof(packet.of.tcp);
    } else if (strcmp(protocol, "icmp") == 0) {
        packet.ip.protocol = IPPROTO_ICMP;
        packet.of.icmp = (struct icmphdr){.type = (uint8_t)from, .code = (uint8_t)to, .checksum = htons(1)};
        length += sizeof(packet.of.icmp);
    } else {
        errno = EPROTONOSUPPORT;
        die(protocol);
    }
    packet.ip.tot_len = htons((uint16_t)length);
    if (inet_pton(AF_INET, source, &packet.ip.saddr) != 1 || inet_pton(AF_INET, HOST, &packet.ip.daddr) != 1)
        die(source);
    packet.ip.check = checksum(&packet.ip);
    return packet;
}

// Gives false where the line is none of a packet.
static bool read_packet(char *line, struct packet *packet)
{
    const char *protocol = strtok(line, " "), *source = strtok(NULL, " ");
    char *rest = strtok(NULL, ""), *after;

    if (!rest)
        return false;

    const unsigned long from = strtoul(rest, &after, 10), to = strtoul(after, &rest, 10);

    if (after == rest || *rest != '\n')
        return false;
    *packet = make_packet(protocol, source, (unsigned)from, (unsigned)to);
    return true;
}

static void read_packets(struct measured *measured)
{
    char line[128];
    size_t room = 0;
    FILE *file = fopen(measured->file, "re");

    if (!file)
        die(measured->file);
    while (fgets(line, sizeof(line), file)) {
        if (measured->count == room) {
            room = room ? 2 * room : 1024;
            measured->packets = realloc(measured->packets, room * sizeof(*measured->packets));
            if (!measured->packets)
                die("realloc");
        }
        errno = EINVAL;
        if (!read_packet(line, &measured->packets[measured->count++]))
            die(measured->file);
    }
    fclose(file);
    errno = ENODATA;
    if (measured->count == 0)
        die(measured->file);
}

static void send_packet(const struct measured *measured, size_t i)
{
    const struct packet *packet = &measured->packets[i];

    if (write(measured->device, packet, ntohs(packet->ip.tot_len)) < 0)
        die("write");
}

// Sends packets for a while, in the file's order. Gives nanoseconds a packet.
static double send_for(struct measured *measured, double time_ns)
{
    const double begin = now();
    size_t sent = 0;
    double end;

    do {
        for (int i = 0; i < STRETCH; i++, sent++)
            send_packet(measured, measured->next++ % measured->count);
        end = now();
    } while (end - begin < time_ns);
    return (end - begin) / (double)sent;
}

static double take_turn(struct measured *measured)
{
    send_for(measured, TURN_NS);
    return send_for(measured, TURN_NS);
}

// Sends one packet a few times; the first one fetches what it needs into the caches.
static void repeat(struct measured *measured, size_t i)
{
    double begin, cost;

    send_packet(measured, i);
    begin = now();
    for (int j = 0; j < REPEAT; j++)
        send_packet(measured, i);
    cost = (now() - begin) / REPEAT;
    if (measured->least[i] == 0 || cost < measured->least[i])
        measured->least[i] = cost;
}

static const double *costs_to_sort;

static int dearer_first(const void *left, const void *right)
{
    const double a = costs_to_sort[*(const size_t *)left], b = costs_to_sort[*(const size_t *)right];

    return (a < b) - (a > b);
}

// Sends once more the dearest of its packets, one of `share` of them. All have been sent once whatever the time.
static void repeat_dearest(struct measured *measured, size_t share, double time_ns)
{
    const size_t count = measured->count / share ? measured->count / share : 1;

    for (size_t i = 0; i < count; i++) {
        const double begin = now();

        if (measured->spent >= time_ns && measured->least[measured->order[i]] != 0)
            return;
        repeat(measured, measured->order[i]);
        measured->spent += now() - begin;
    }
}

// The dearest packets of all lines in turns. They are sent again and again, until what is left of their cost is that of the
// rules and no accident. A line whose time is up stays with what it has.
static void find_dearest(struct measured *plan, size_t count, double time_ns)
{
    bool more = true;

    for (size_t share = 1; more; share *= share < 8 ? 8 : 2) {
        more = false;
        for (int turn = 0; turn < REPEAT; turn++)
            for (size_t i = 0; i < count; i++)
                repeat_dearest(&plan[i], share, time_ns);
        for (size_t i = 0; i < count; i++) {
            costs_to_sort = plan[i].least;
            qsort(plan[i].order, plan[i].count, sizeof(*plan[i].order), dearer_first);
            more = more || (share < plan[i].count && plan[i].spent < time_ns);
        }
    }
    for (size_t i = 0; i < count; i++)
        plan[i].turns[plan[i].turn_count++] = plan[i].least[plan[i].order[0]];
}

static bool is_random(const struct measured *measured)
{
    return strcmp(measured->mode, "random") == 0;
}

int main(int argc, char **argv)
{
    static struct measured plan[256];
    const double time_ns = argc == 2 ? strtod(argv[1], NULL) * SECONDS_NS : 0;
    size_t count = 0, randoms = 0, turns;

    if (time_ns <= 0) {
        fputs("usage: packets SECONDS <PLAN\n", stderr);
        return 2;
    }
    while (count < sizeof(plan) / sizeof(*plan) &&
           scanf("%7s %63s %255s", plan[count].mode, plan[count].space, plan[count].file) == 3)
        count++;
    turns = (size_t)(time_ns / TURN_NS);
    for (size_t i = 0; i < count; i++) {
        struct measured *measured = &plan[i];

        read_packets(measured);
        measured->turns = allocate(turns, sizeof(*measured->turns));
        measured->least = allocate(measured->count, sizeof(*measured->least));
        measured->order = allocate(measured->count, sizeof(*measured->order));
        for (size_t j = 0; j < measured->count; j++)
            measured->order[j] = j;
        // One device serves all the lines of a namespace.
        measured->device = -1;
        for (size_t j = 0; j < i && measured->device < 0; j++)
            if (strcmp(plan[j].space, measured->space) == 0)
                measured->device = plan[j].device;
        if (measured->device < 0)
            measured->device = open_device(measured->space);
    }
    while (randoms < count && is_random(&plan[randoms]))
        randoms++;
    for (size_t turn = 0; turn < turns; turn++)
        for (size_t i = 0; i < randoms; i++)
            plan[i].turns[plan[i].turn_count++] = take_turn(&plan[i]);
    find_dearest(plan + randoms, count - randoms, time_ns);
    for (size_t i = 0; i < count; i++) {
        printf("[");
        for (size_t turn = 0; turn < plan[i].turn_count; turn++)
            printf("%s%.1f", turn ? ", " : "", plan[i].turns[turn]);
        printf("]\n");
    }
    return 0;
}
