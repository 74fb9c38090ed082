# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy allows works: in, out, large, through a smaller link, from an empty cache."""
import socket

import clients
from netns import Family, address
from packets import ICMP, UDP, icmp_message, ip_packet, udp_datagram
from probes import Prober
from report import Report
from scene import Scene
from variants import Variant

# Socket options that hand errors to a datagram socket: IP_RECVERR and IPV6_RECVERR.
RECEIVE_ERRORS = {"ipv4": (socket.IPPROTO_IP, 11), "ipv6": (socket.IPPROTO_IPV6, 25)}
LARGE = 4000    # bytes of a datagram that has to be cut in three


def run(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    neighbours(scene, family, report)
    inbound(scene, family, report)
    outbound(scene, variant, family, report)
    path_mtu(scene, family, report)
    if variant.has_ftp():
        file_transfer(scene, family, report)
    icmp_errors(scene, family, report)


def neighbours(scene: Scene, family: Family, report: Report) -> None:
    server, resolver = address("server", family), address("resolver", family)
    scene.topology.forget_neighbours(family)
    report.works("tcp 80 from an empty neighbour cache",
                 clients.tcp(scene.client(family), server, 80, timeout=2.5))
    scene.topology.forget_neighbours(family)
    report.works("tcp 443 outbound from an empty neighbour cache",
                 clients.tcp(scene.server(family), resolver, 443, timeout=2.5))


def inbound(scene: Scene, family: Family, report: Report) -> None:
    client, server = scene.client(family), address("server", family)
    for port in (22, 80, 443, 25565):
        report.works(f"tcp {port} works", clients.tcp(client, server, port))
    datagrams(scene, family, report)
    report.works("ping works", clients.ping(client, server))
    report.works(f"ping of {LARGE} bytes works", clients.ping(client, server, LARGE))
    for who in ("trusted", "peer"):
        friend = scene.client(family, who)
        report.works(f"tcp 6379 works for the {who} host", clients.tcp(friend, server, 6379))
        report.works(f"udp 11211 works for the {who} host", clients.udp(friend, server, 11211))
    report.works("tcp 6379 works over loopback",
                 clients.tcp(scene.server(family), server, 6379))


def datagrams(scene: Scene, family: Family, report: Report) -> None:
    client, server = scene.client(family), address("server", family)
    for port in (1194, 25565):
        report.works(f"udp {port} works", clients.udp(client, server, port))
        report.works(f"udp {port} takes a request of {LARGE} bytes",
                     clients.udp(client, server, port, request=LARGE))
        report.works(f"udp {port} sends an answer of {LARGE} bytes",
                     clients.udp(client, server, port, answer=LARGE))


def outbound(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    server, resolver = scene.server(family), address("resolver", family)
    report.works("dns query", clients.udp(server, resolver, 53))
    report.works(f"dns query with an answer of {LARGE} bytes",
                 clients.udp(server, resolver, 53, answer=LARGE))
    report.works("dns query over tcp", clients.tcp(server, resolver, 53))
    report.works("ntp from port 123", clients.udp(server, resolver, 123, sport=123))
    report.works("udp 9001 outbound from a socket that never connects",
                 clients.udp(server, resolver, 9001, connected=False))
    for port in (80, 443, 9000):
        report.works(f"tcp {port} outbound", clients.tcp(server, resolver, port))
    report.works("udp 9000 outbound", clients.udp(server, resolver, 9000, connected=(
        variant.mode == "none")))
    report.works("ping outbound", clients.ping(server, resolver))
    if variant.output == "accept" and variant.mode != "none":
        report.works("tcp 9999 outbound, which only the default allows",
                     clients.tcp(server, resolver, 9999))


def transfers(scene: Scene, end: clients.End, dest: str, port: int, what: str,
              report: Report) -> None:
    """Each has to learn the size of the small link anew."""
    for verb, function in (("downloads", clients.download), ("uploads", clients.upload)):
        scene.topology.forget_path_mtu(end.family)
        report.works(f"{what} {verb} 300 kB through a link of 1300 bytes",
                     function(end, dest, port))


def path_mtu_inbound(scene: Scene, family: Family, report: Report) -> None:
    for port in (80, 22):
        transfers(scene, scene.far(family), address("server", family), port, f"tcp {port}", report)


def path_mtu(scene: Scene, family: Family, report: Report) -> None:
    path_mtu_inbound(scene, family, report)
    for port in (443, 9000):
        transfers(scene, scene.server(family), address("far", family), port,
                  f"tcp {port} outbound", report)
    scene.topology.forget_path_mtu(family)
    report.works(f"udp 25565 sends an answer of {LARGE} bytes through a link of 1300 bytes",
                 clients.udp(scene.far(family), address("server", family), 25565, answer=LARGE,
                             tries=3, timeout=0.3))


def file_transfer(scene: Scene, family: Family, report: Report) -> None:
    server, resolver = address("server", family), address("resolver", family)
    for kind, passive in (("passive", True), ("active", False)):
        report.works(f"{kind} ftp", clients.ftp(scene.client(family), server, passive))
        report.works(f"{kind} ftp outbound", clients.ftp(scene.server(family), resolver, passive))


def icmp_errors(scene: Scene, family: Family, report: Report) -> None:
    """Every kind of error reaches the socket it is about. The tracker knows nothing of what these
    quote, and calls them invalid."""
    server, client = address("server", family), address("client", family)
    kinds = {"ipv4": ((3, 3), (3, 4), (11, 0), (12, 0)),
             "ipv6": ((1, 4), (2, 0), (3, 0), (4, 0))}[family.name]
    sender = Prober(scene.topology.client, "to-router", family)
    for kind, code in kinds:
        with scene.server(family).open(socket.SOCK_DGRAM) as sock:
            sock.setsockopt(*RECEIVE_ERRORS[family.name], 1)
            sock.connect((client, 9))
            sock.settimeout(0.4)
            quoted = ip_packet(family, server, client, UDP, udp_datagram(
                family, server, client, sock.getsockname()[1], 9, b"x" * 1300))
            sender.send(ip_packet(family, client, server, ICMP[family.name], icmp_message(
                family, client, server, kind, code, 1300, quoted[:1000])), server)
            try:
                sock.recv(1)
                got = "data"
            except OSError as error:
                got = clients.why(error)
        report.check(f"an icmp error {kind}/{code} arrives", got not in ("data", "no answer"), got)
    sender.close()
    scene.topology.forget_path_mtu(family)
