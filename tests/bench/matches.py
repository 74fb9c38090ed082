# SPDX-License-Identifier: GPL-2.0-or-later
"""What one match costs a packet: many rules that do not match, less one of them, by their number."""

from network import Namespaces, load, measure

RULES = 256
SLOTS = 15  # of multiport (XT_MULTI_PORTS, linux/netfilter/xt_multiport.h)
UDP, TCP, ICMP = "udp 198.51.100.7 40000 53", "tcp 198.51.100.7 40000 80", "icmp 198.51.100.7 8 0"

# Of what ctc's rules ask. A rule without any match (the header) is taken off the others.
MATCHES = [
    ("header", "-s 203.0.113.1", UDP),
    ("TCP", "-p tcp -m tcp --dport 9", TCP),
    ("UDP", "-p udp -m udp --dport 9", UDP),
    ("MULTIPORT, 2 ports", "-p udp -m multiport --dports 9,11", UDP),
    ("MULTIPORT, 15 ports", "-p udp -m multiport --dports 9,11,13,15,17,19,21,23,25,27,29,31,33,35,37", UDP),
    ("IPRANGE", "-m iprange --src-range 203.0.113.1-203.0.113.9", UDP),
    ("ICMP", "-p icmp -m icmp --icmp-type 13", ICMP),
    ("ADDRTYPE", "-m addrtype --dst-type BROADCAST", UDP),
    ("CONNTRACK", "-m conntrack --ctstate RELATED", UDP),
    ("HELPER", "-m helper --helper ftp", UDP),
    ("SOCKET", "-m socket", UDP),
    ("HOPLIMIT (as ttl)", "-m ttl --ttl-eq 3", UDP),
    ("LIMIT", "-m limit --limit 1/hour --limit-burst 1", UDP),
    ("HASHLIMIT", "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip "
     "--hashlimit-name {name}", UDP),
]


def rules(match, count):
    lines = [f"-A INPUT {match.replace('{name}', f'name-{i}')}" for i in range(count)]
    return "*filter\n" + "".join(line + "\n" for line in lines) + "COMMIT\n"


def measure_matches(program, folder, seconds):
    """Gives (name, nanoseconds of one more rule, as turns)."""
    with Namespaces() as spaces:
        cases = []
        for _, match, packet in MATCHES:
            for count in (1, 1 + RULES):
                name = spaces.make()
                load(name, (["iptables-legacy-restore"], rules(match, count).encode()))
                cases.append(("random", name, [packet]))
        turns = measure(program, folder, seconds, cases)
    return [(name, turns[2 * i + 1].over(turns[2 * i]).divided(RULES)) for i, (name, _, _) in enumerate(MATCHES)]
