# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy allows works: in, out, large, through a smaller link, from an empty cache."""
import socket
import time

import clients
from netns import Family, IPV6, address
from report import Report
from scene import Scene
from variants import Variant

LARGE = 4000    # bytes of a datagram that has to be cut in three


def run(scene: Scene, variant: Variant, family: Family, report: Report) -> None:
    neighbours(scene, family, report)
    inbound(scene, family, report)
    outbound(scene, variant, family, report)
    path_mtu(scene, family, report)
    if variant.has_ftp():
        file_transfer(scene, family, report)
    to_everyone(scene, family, report)
    if family is IPV6:
        leases(scene, report)


def neighbours(scene: Scene, family: Family, report: Report) -> None:
    """First of all, while nothing is known: then no earlier answer hides a missing one."""
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


def from_router(scene: Scene, family: Family, source: str, sport: int, dest: str,
                port: int) -> bool:
    """Whether a datagram of the router, on the server's own link, reaches a service there."""
    mark = b"link-%d" % time.monotonic_ns()
    with scene.topology.router:
        sock = socket.socket(family.af, socket.SOCK_DGRAM)
        scope = socket.if_nametoindex("to-server")
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        link = (0, scope) if family is IPV6 else ()
        sock.bind((source, sport) + link)
        sock.sendto(b"32 " + mark, (dest, port) + link)
    until = time.monotonic() + 0.3
    while mark not in scene.services.received and time.monotonic() < until:
        time.sleep(0.01)
    return mark in scene.services.received


def to_everyone(scene: Scene, family: Family, report: Report) -> None:
    """A datagram to all hosts of the link: to a service that is allowed, and to one that is not."""
    dests = {"ipv4": ("192.0.2.255", "224.0.0.1"), "ipv6": ("ff02::1",)}[family.name]
    source = ("192.0.2.1", "2001:db8:2::1")[family.index]
    for dest in dests:
        report.check(f"udp 25565 receives what is sent to {dest}",
                     from_router(scene, family, source, 40000, dest, 25565))
        report.check(f"udp 11211 receives nothing that is sent to {dest}",
                     not from_router(scene, family, source, 40000, dest, 11211))


def link_local(namespace, interface: str) -> str:
    with namespace, open("/proc/thread-self/net/if_inet6", encoding="ascii") as file:
        digits = next(line.split()[0] for line in file
                      if line.startswith("fe80") and line.split()[-1] == interface)
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))


def leases(scene: Scene, report: Report) -> None:
    """An answer of a DHCPv6 server, which comes from the link and to a port nobody opened."""
    router = link_local(scene.topology.router, "to-server")
    server = link_local(scene.topology.server, "to-router")
    scene.services.udp(scene.topology.server, IPV6, 546)
    report.check("a dhcpv6 answer arrives", from_router(scene, IPV6, router, 547, server, 546))
    for name, source, dest in (("another network", "2001:db8:1::1", address("server", IPV6)),
                               ("a global address", "2001:db8:2::1", server)):
        report.check(f"a dhcpv6 answer of {name} is refused",
                     not from_router(scene, IPV6, source, 547, dest, 546))
    report.check("from port 547 the link reaches nothing else",
                 not from_router(scene, IPV6, router, 547, server, 11211))
