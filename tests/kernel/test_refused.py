# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy does not allow is refused, whatever port or flags it comes with, and the refusal
arrives."""
import time

import clients
from netns import Family, IPV4, address
from packets import ACK, FIN, SYN, Probe, mark
from probes import Prober
from report import Report
from scene import BOUND_PORT, CLOSED_TCP, CLOSED_UDP, Scene
from services import Services
from variants import Variant

SOURCE_PORTS = (0, 20, 53, 80, 123, 443)
TCP_TARGETS = (3306, 6379, 50000, BOUND_PORT) + CLOSED_TCP
UDP_TARGETS = (11211, 50000, BOUND_PORT, 123) + CLOSED_UDP
TCP_FLAGS = (SYN, ACK, FIN, FIN | ACK, SYN | ACK)
STARTS_NOTHING = (FIN, FIN | ACK, SYN | ACK)    # no connection begins so
EPHEMERAL = range(32768, 61000)
# Source ports of untracked services in `connect` that any host may offer, and the name server's.
ANYONES_PORTS = (80, 443)
RESOLVERS_PORTS = ANYONES_PORTS + (53,)
PROMPT = 0.35    # seconds within which a datagram's reject has to arrive


def run(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    source_ports(scene, variant, family, report)
    refusals(scene, variant, family, report)
    fragments(scene, family, report)
    banned(scene, family, report)
    if variant.output != "accept":
        output(scene, variant, family, report)


def is_reply_window(variant: Variant, probe: Probe, who: str) -> bool:
    """Where nothing tracks, replies are told by ports and sockets alone. What looks like a reply
    gets in, and may: a segment without SYN or a name server's datagram, to the ephemeral range,
    and with `replies: socket` only to a socket that is not a listener at any address."""
    if variant.mode == "full":
        return False
    if variant.replies == "socket" and probe.dport != BOUND_PORT:
        return False
    if probe.protocol == "udp":
        return who == "resolver" and (
            (probe.sport == 53 and probe.dport in EPHEMERAL)
            or (probe.sport, probe.dport) == (123, 123))
    return (probe.flags != SYN and probe.dport in EPHEMERAL
            and probe.sport in (RESOLVERS_PORTS if who == "resolver" else ANYONES_PORTS))


def source_port_probes(prober: Prober, family: Family) -> list[tuple[str, Probe]]:
    server = address("server", family)
    probes = []
    for who, sports in (("client", SOURCE_PORTS), ("resolver", (53, 123, 443))):
        source = address(who, family)
        for sport in sports:
            probes += [(who, prober.probe(source, server, "tcp", sport=sport, dport=dport,
                                          flags=flags))
                       for dport in TCP_TARGETS for flags in TCP_FLAGS]
            probes += [(who, prober.probe(source, server, "udp", sport=sport, dport=dport))
                       for dport in UDP_TARGETS]
    return probes


def source_ports(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    prober = Prober(scene.topology.client, "to-router", family)
    probes = [(who, probe) for who, probe in source_port_probes(prober, family)
              if not is_reply_window(variant, probe, who)]
    answers = prober.exchange(probe for _, probe in probes)
    prober.close()
    for who, probe in probes:
        wanted = variant.refused_with(family, probe.protocol)
        got = answers.get(probe.number, set())
        name = f"{probe.what()} refused from source port {probe.sport}"
        if who != "client":
            name += f" of the {who}"
        invalid = probe.protocol == "tcp" and probe.flags in STARTS_NOTHING
        if invalid and variant.mode == "full":
            wanted = set()    # the tracker calls it invalid, and that is dropped
        fine = got <= wanted if invalid and variant.mode == "selective" else got == wanted
        report.check(name, fine and not reached(scene.services, probe),
                     f"answered with {sorted(got) or 'nothing'}, wanted "
                     f"{sorted(wanted) or 'nothing'}" + ", and the service received it"
                     * reached(scene.services, probe))


def reached(services: Services, probe: Probe) -> bool:
    return probe.protocol == "udp" and mark(probe.number) in services.received


def refusals(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    """What the program sees whose connection is refused."""
    client, server = scene.client(family), address("server", family)
    prohibited = "EHOSTUNREACH" if family is IPV4 else "EACCES"
    wanted = {"silent": ("no answer", "no answer"), "reset": ("ECONNREFUSED", prohibited),
              "prohibited": (prohibited, prohibited)}[variant.refusal]
    report.equal("connect to tcp 6379 fails as the policy says",
                 clients.tcp(client, server, 6379, timeout=clients.SECOND_SYN), wanted[0])
    report.equal("asking udp 11211 fails as the policy says",
                 clients.udp(client, server, 11211, timeout=PROMPT), wanted[1])


def fragments(scene: Scene, family: Family, report: Report) -> None:
    before = len(scene.services.received)
    got = clients.udp(scene.client(family), address("server", family), 11211, request=4000,
                      timeout=PROMPT)
    report.check("udp 11211 refused in fragments",
                 got != "" and len(scene.services.received) == before, got or "answered")


def banned(scene: Scene, family: Family, report: Report) -> None:
    prober = Prober(scene.topology.client, "to-router", family)
    source, server = address("banned", family), address("server", family)
    probes = [prober.probe(source, server, "tcp", sport=40000, dport=80),
              prober.probe(source, server, "tcp", sport=40000, dport=22),
              prober.probe(source, server, "udp", sport=40000, dport=25565),
              prober.probe(source, server, "ping")]
    answers = prober.exchange(probes)
    prober.close()
    for probe in probes:
        got = answers.get(probe.number, set())
        report.check(f"{probe.what()} dropped from the banned host",
                     not got and not reached(scene.services, probe), f"answered with {sorted(got)}")


def output(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    """Where the default of output refuses, what is not in `connect` does not leave."""
    server, resolver = scene.server(family), address("resolver", family)
    before = len(scene.services.received)
    for protocol, function in (("tcp", clients.tcp), ("udp", clients.udp)):
        start = time.monotonic()
        got = function(server, resolver, 9999, timeout=clients.SECOND_SYN)
        took = time.monotonic() - start
        report.check(f"{protocol} 9999 outbound refused", got != "", "it works")
        if variant.output == "reject":
            report.check(f"{protocol} 9999 outbound rejected at once",
                         got != "no answer" and took < clients.SECOND_SYN,
                         f"{got} after {took:.2f} s")
    report.check("udp 9999 outbound never arrives", len(scene.services.received) == before)
