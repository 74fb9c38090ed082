# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy on the router: what it allows goes through with its replies and errors, the rest does
not."""
import clients
from firewall import load, policy_path
from netns import FAMILIES, Family, address
from packets import (ACK, FIN, ICMP, PROHIBITED, SYN, UDP, Probe, icmp_message, ip_packet, mark,
                     udp_datagram)
from probes import Prober
from report import Report
from scene import Scene

SOURCE_PORTS = (0, 20, 53, 80, 123, 443)
FRAGMENTATION_NEEDED = {"ipv4": (3, 4), "ipv6": (2, 0)}


def run(policy: str, backend: str, report: Report) -> None:
    scene = Scene(backend)
    load(scene.topology.router, policy_path(policy), backend)
    for family in FAMILIES:
        part = report.part(f"{policy} {family.name} {backend}: ")
        refused(scene, family, part)
        errors(scene, family, part)
        allowed(scene, policy, family, part)


def allowed(scene: Scene, policy: str, family: Family, report: Report) -> None:
    client, server, far = scene.client(family), scene.server(family), scene.far(family)
    here, resolver, there = (address(who, family) for who in ("server", "resolver", "far"))
    for port in (80, 443):
        report.works(f"tcp {port} is forwarded", clients.tcp(client, here, port))
    report.works("udp 25565 is forwarded", clients.udp(client, here, 25565))
    report.works("udp 25565 is forwarded in fragments",
                 clients.udp(client, here, 25565, request=4000))
    report.works("udp 25565 is answered in fragments",
                 clients.udp(client, here, 25565, answer=4000))
    report.works("dns query from the server", clients.udp(server, resolver, 53))
    report.works("dns query from the server, answered in fragments",
                 clients.udp(server, resolver, 53, answer=4000))
    report.works("ping is forwarded", clients.ping(client, here))
    report.works("ping to the router itself", clients.ping(client, address("router", family)))
    for verb, function in (("downloads", clients.download), ("uploads", clients.upload)):
        for name, end, dest, port in ((f"tcp 80 {verb}", far, here, 80),
                                      (f"tcp 9000 from the server {verb}", server, there, 9000)):
            scene.topology.forget_path_mtu(family)
            report.works(f"{name} 300 kB through a link of 1300 bytes behind the router",
                         function(end, dest, port))
    scene.topology.forget_path_mtu(family)
    report.works("udp 25565 sends an answer of 4000 bytes through a link of 1300 bytes",
                 clients.udp(far, here, 25565, answer=4000, tries=3, timeout=0.3))
    limited(scene, family, report)
    if policy == "forward-ftp":
        for kind, passive in (("passive", True), ("active", False)):
            report.works(f"{kind} ftp is forwarded", clients.ftp(client, here, passive))


def limited(scene: Scene, family: Family, report: Report) -> None:
    client, here = scene.client(family), address("server", family)
    socks = []
    try:
        socks = [clients.open_echo(client, here, 8080) for _ in range(3)]
        trouble = next(filter(None, (clients.echo(socks[0]) for _ in range(200))), "")
    except OSError as error:
        trouble = clients.why(error)
    report.works("200 segments of a limited forwarded connection pass", trouble)
    report.check("one connection more than the limit is refused",
                 clients.tcp(client, here, 8080, clients.SECOND_SYN) != "", "it works")
    for sock in socks:
        sock.close()


def refused(scene: Scene, family: Family, report: Report) -> None:
    """Out of the client's network, mostly; and from a server that pretends to answer."""
    prober = Prober(scene.topology.client, "to-router", family)
    here, there = address("server", family), address("far", family)
    source = address("client", family)
    wanted = {PROHIBITED[family.name]}
    probes = [(prober.probe(source, dest, "tcp", sport=sport, dport=dport, flags=flags), wanted)
              for sport in SOURCE_PORTS
              for dest, dport in ((here, 6379), (here, 50000), (there, 80))
              for flags in (SYN, ACK, FIN, SYN | ACK)]
    probes += [(prober.probe(source, dest, "udp", sport=sport, dport=dport), wanted)
               for sport in SOURCE_PORTS for dest, dport in ((here, 11211), (there, 9000))]
    probes += [(prober.probe(source, here, "tcp", sport=40000, dport=3306), set()),
               (prober.probe(source, there, "ping"), wanted)]
    banned = address("banned", family)
    probes += [(prober.probe(banned, here, "tcp", sport=40000, dport=80), set()),
               (prober.probe(banned, here, "udp", sport=40000, dport=25565), set()),
               (prober.probe(banned, here, "ping"), set())]
    judge(scene, prober, probes, report)

    prober = Prober(scene.topology.server, "to-router", family)
    client = address("client", family)
    probes = [(prober.probe(here, client, "tcp", sport=sport, dport=9999), wanted)
              for sport in (53, 80, 443, 9000, 25565)]
    probes += [(prober.probe(here, client, "udp", sport=sport, dport=9999), wanted)
               for sport in (0, 53, 80, 123)]
    judge(scene, prober, probes, report)


def judge(scene: Scene, prober: Prober, probes: list[tuple[Probe, set[str]]],
          report: Report) -> None:
    answers = prober.exchange(probe for probe, _ in probes)
    prober.close()
    for probe, wanted in probes:
        got = answers.get(probe.number, set())
        opens = probe.protocol != "tcp" or probe.flags == SYN
        arrived = probe.protocol == "udp" and mark(probe.number) in scene.services.received
        report.check(f"{probe.what()} from {probe.source} port {probe.sport} to {probe.dest} "
                     "is not forwarded",
                     (got == wanted if opens else got <= wanted) and not arrived,
                     f"answered with {sorted(got) or 'nothing'}, wanted "
                     f"{sorted(wanted) or 'nothing'}" + ", and it arrived" * arrived)


def errors(scene: Scene, family: Family, report: Report) -> None:
    """An ICMP error goes through whatever it quotes, though not from a banned host."""
    server, client = address("server", family), address("client", family)
    sender = Prober(scene.topology.client, "to-router", family)
    watch = Prober(scene.topology.server, "to-router", family)
    kind, code = FRAGMENTATION_NEEDED[family.name]
    senders = {"client": 900001, "banned": 900002}
    for who, number in senders.items():
        quoted = ip_packet(family, server, client, UDP, udp_datagram(
            family, server, client, 25565, 40000, mark(number)))
        source = address(who, family)
        sender.send(ip_packet(family, source, server, ICMP[family.name], icmp_message(
            family, source, server, kind, code, 1300, quoted)), server)
    seen = watch.exchange([])
    sender.close()
    watch.close()
    report.check("an ICMP error is forwarded", senders["client"] in seen)
    report.check("an ICMP error of the banned host is not forwarded",
                 senders["banned"] not in seen)
