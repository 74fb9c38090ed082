// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pseudo-random rulesets in text: everything that ctc models, with everything else.
#pragma once

#include <stdio.h>

#include "ruleset/ruleset.h"
#include "unit/policy_generator.h"

struct writing {
    struct buf text;
    enum family family;
    const char *table, *chain;
    unsigned chains; // of the user, from u0 on; a jump leads to later ones alone
    unsigned own;    // number of this chain among them
};

static inline bool is_raw(const struct writing *writing)
{
    return strcmp(writing->table, "raw") == 0;
}

static inline void put_addresses(struct writing *writing)
{
    const bool ipv4 = writing->family == FAMILY_IPV4;

    if (any_of(3) == 0)
        buf_text(&writing->text,
                 ipv4 ? PICK(" -s 192.0.2.0/24", " ! -s 192.0.2.7/32", " -s 10.0.0.0/8", " ! -s 128.0.0.0/1")
                      : PICK(" -s 2001:db8::/32", " ! -s 2001:db8::7/128", " -s fe80::/10", " ! -s 8000::/1",
                             " -s 2001:db8:0:0:8000::/65"));
    if (any_of(4) == 0)
        buf_text(&writing->text,
                 ipv4 ? PICK(" -d 192.0.2.0/25", " ! -d 198.51.100.0/24", " -d 127.0.0.0/8",
                             " -d 224.0.0.0/4", " -d 255.255.255.255/32")
                      : PICK(" -d 2001:db8:5::/48", " ! -d fe80::/64", " -d ::1/128", " ! -d ff00::/8"));
}

static inline void put_interfaces(struct writing *writing)
{
    const bool user = writing->chain[0] == 'u', forward = strcmp(writing->chain, "FORWARD") == 0,
               leaves = strcmp(writing->chain, "OUTPUT") == 0 || strcmp(writing->chain, "POSTROUTING") == 0;

    if ((user || forward || !leaves) && any_of(4) == 0)
        buf_text(&writing->text,
                 PICK(" -i eth0", " -i eth+", " ! -i eth1", " -i lo", " ! -i lo", " ! -i e+"));
    if ((user || forward || leaves) && any_of(4) == 0)
        buf_text(&writing->text, PICK(" -o eth0", " -o eth+", " ! -o eth1", " -o lo", " ! -o wg+"));
}

static inline void put_protocol_match(struct writing *writing)
{
    if (writing->family == FAMILY_IPV4 && any_of(12) == 0)
        buf_text(&writing->text, PICK(" -f", " ! -f"));
    if (any_of(3) == 0)
        return;
    switch (any_of(5)) {
    case 0:
        buf_text(&writing->text, " -p tcp");
        buf_text(&writing->text,
                 PICK("", " -m tcp --dport 22", " -m tcp --sport 1024:65535 ! --dport 80",
                      " -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", " -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
                      " -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", " -m tcp ! --sport 53 --syn",
                      " -m tcp --tcp-flags RST RST"));
        break;
    case 1:
        buf_text(&writing->text, PICK(" -p udp", " -p udp -m udp --sport 53",
                                      " -p udp -m udp ! --dport 1:1023", " -p sctp -m sctp --dport 5000:6000",
                                      " -p dccp -m dccp ! --sport 7", " -p udplite -m udplite --dport 9"));
        break;
    case 2:
        buf_text(&writing->text, PICK(" -p tcp -m multiport", " -p udp -m multiport"));
        buf_text(&writing->text, PICK(" --dports 80,443,8000:8010", " ! --dports 22,80",
                                      " --sports 53,1024:65535", " ! --sports 1:1023", " --ports 53,123",
                                      " ! --ports 53,100:200", " --dports 100:200,150:300,90:99"));
        break;
    case 3:
        if (writing->family == FAMILY_IPV4)
            buf_text(&writing->text,
                     PICK(" -p icmp", " -p icmp -m icmp --icmp-type 3/4", " -p icmp -m icmp --icmp-type 8",
                          " -p icmp -m icmp ! --icmp-type 3/4", " -p icmp -m icmp ! --icmp-type 8",
                          " -p icmp -m icmp --icmp-type any"));
        else
            buf_text(&writing->text, PICK(" -p ipv6-icmp", " -p ipv6-icmp -m icmp6 --icmpv6-type 135",
                                          " -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4",
                                          " -p ipv6-icmp -m icmp6 ! --icmpv6-type 128",
                                          " -p ipv6-icmp -m icmp6 --icmpv6-type 1/4"));
        break;
    default:
        buf_text(&writing->text, PICK(" ! -p tcp", " -p esp", " -p 112", " ! -p udp"));
        break;
    }
}

static inline const char *some_match(const struct writing *writing)
{
    const bool ipv4 = writing->family == FAMILY_IPV4;

    switch (any_of(12)) {
    case 0:
        return ipv4 ? PICK(" -m iprange --src-range 192.0.2.3-192.0.2.99",
                           " -m iprange ! --src-range 10.0.0.1-10.0.0.2",
                           " -m iprange --src-range 1.1.1.1-9.9.9.9 ! --dst-range 192.0.2.0-192.0.2.1")
                    : PICK(" -m iprange --src-range 2001:db8::3-2001:db8::99",
                           " -m iprange ! --dst-range ::-::ffff");
    case 1:
    case 2:
        return ipv4 ? PICK(" -m addrtype --dst-type LOCAL",
                           " -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST",
                           " -m addrtype ! --dst-type MULTICAST", " -m addrtype ! --dst-type LOCAL")
                    : PICK(" -m addrtype --dst-type LOCAL", " -m addrtype --dst-type MULTICAST",
                           " -m addrtype ! --dst-type LOCAL", " -m addrtype ! --dst-type LOCAL,MULTICAST");
    case 3:
    case 4:
        return PICK(" -m conntrack --ctstate RELATED,ESTABLISHED", " -m conntrack --ctstate NEW",
                    " -m conntrack ! --ctstate INVALID", " -m state --state INVALID,NEW",
                    " -m conntrack --ctstate UNTRACKED", " -m conntrack ! --ctstate NEW,UNTRACKED",
                    " -m state --state ESTABLISHED");
    case 5:
        return is_raw(writing) ? ""
                               : PICK(" -m helper --helper ftp", " -m helper ! --helper ftp",
                                      " -m helper --helper sip", " -m helper --helper ftp-2121",
                                      " -m helper ! --helper ftp-2122", " -m helper --helper \"\"");
    case 6:
        return ipv4 ? PICK(" -m ttl --ttl-eq 64", " -m ttl ! --ttl-eq 64", " -m ttl --ttl-lt 5",
                           " -m ttl --ttl-gt 250")
                    : PICK(" -m hl --hl-eq 255", " -m hl ! --hl-eq 255", " -m hl --hl-lt 5",
                           " -m hl --hl-gt 250");
    case 7:
        return ipv4 ? "" : PICK(" -m frag --fragfirst", " -m frag", " -m frag --fragid 7");
    case 8:
        return PICK(" -m limit --limit 5/min", " -m limit --limit 5/min --limit-burst 9",
                    " -m limit --limit 3/sec");
    case 9:
        return PICK(" -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip "
                    "--hashlimit-name a",
                    " -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-name b",
                    " -m hashlimit --hashlimit-above 5/sec --hashlimit-burst 5 --hashlimit-mode "
                    "srcip,dstport --hashlimit-name c",
                    " -m hashlimit --hashlimit-above 7/sec --hashlimit-burst 5 --hashlimit-mode srcip "
                    "--hashlimit-name a");
    case 10:
        return PICK(" -m owner --uid-owner 0", " -m recent --rcheck --name x --rsource",
                    " -m mark --mark 0x1", " -m mark ! --mark 0x1", " -m comment --comment hello");
    default:
        return "";
    }
}

static inline const char *some_hook_match(const struct writing *writing)
{
    const bool comes = strcmp(writing->chain, "INPUT") == 0 || strcmp(writing->chain, "PREROUTING") == 0;

    if (!comes || any_of(6))
        return "";
    return PICK(" -m socket", " -m socket --nowildcard", " -m mac --mac-source 02:00:00:00:00:01",
                " -m mac ! --mac-source 02:00:00:00:00:01");
}

static inline void put_some_target(struct writing *writing)
{
    const bool filter = strcmp(writing->table, "filter") == 0;

    if (writing->own < writing->chains && any_of(3) == 0) {
        buf_printf(&writing->text, " -%s u%u\n", PICK("j", "j", "g"),
                   writing->own + any_of(writing->chains - writing->own));
        return;
    }
    if (is_raw(writing) && any_of(2) == 0) {
        buf_printf(&writing->text, " -j %s\n",
                   PICK("CT --notrack", "NOTRACK", "CT --helper ftp", "CT --zone 3"));
        return;
    }
    if (filter && any_of(5) == 0) {
        const bool tcp = strcmp(writing->text.bytes + writing->text.length - 7, " -p tcp") == 0;

        buf_printf(&writing->text, " -j REJECT --reject-with %s\n",
                   tcp                              ? "tcp-reset"
                   : writing->family == FAMILY_IPV4 ? PICK("icmp-port-unreachable", "icmp-host-prohibited")
                                                    : PICK("icmp6-port-unreachable", "icmp6-adm-prohibited"));
        return;
    }
    buf_printf(&writing->text, "%s\n",
               PICK(" -j ACCEPT", " -j ACCEPT", " -j DROP", " -j DROP", " -j RETURN",
                    " -j LOG --log-prefix hi", "", " -j NFQUEUE --queue-num 3", " -j NFLOG",
                    " -j MARK --set-xmark 0x1/0xffffffff"));
}

static inline void put_chain(struct writing *writing, unsigned most)
{
    const unsigned count = any_of(most);

    for (unsigned i = 0; i < count; i++) {
        buf_printf(&writing->text, "-A %s", writing->chain);
        put_addresses(writing);
        put_interfaces(writing);
        put_protocol_match(writing);
        for (unsigned j = any_of(3); j-- > 0;)
            buf_text(&writing->text, some_match(writing));
        buf_text(&writing->text, some_hook_match(writing));
        put_some_target(writing);
    }
}

static inline void put_some_table(struct writing *writing, const char *table, const char *const *hooks)
{
    writing->table = table;
    writing->chains = any_of(4);
    buf_printf(&writing->text, "*%s\n", table);
    for (size_t i = 0; hooks[i]; i++)
        if (any_of(8))
            buf_printf(&writing->text, ":%s %s [0:0]\n", hooks[i], PICK("ACCEPT", "DROP", "ACCEPT"));
    for (unsigned i = 0; i < writing->chains; i++)
        buf_printf(&writing->text, ":u%u - [0:0]\n", i);
    for (size_t i = 0; hooks[i]; i++) {
        writing->chain = hooks[i];
        writing->own = 0;
        put_chain(writing, strcmp(table, "filter") == 0 ? 12 : 5);
    }
    for (unsigned i = 0; i < writing->chains; i++) {
        char name[16];

        snprintf(name, sizeof(name), "u%u", i);
        writing->chain = name;
        writing->own = i + 1;
        put_chain(writing, 6);
    }
    writing->chain = NULL;
    buf_text(&writing->text, "COMMIT\n");
}

static inline void put_some_ruleset(struct writing *writing)
{
    if (any_of(2))
        put_some_table(writing, "raw", table_kinds[3].hooks);
    if (any_of(4) == 0)
        put_some_table(writing, "mangle", table_kinds[1].hooks);
    put_some_table(writing, "filter", table_kinds[0].hooks);
    if (any_of(8) == 0)
        put_some_table(writing, "security", table_kinds[4].hooks);
}
