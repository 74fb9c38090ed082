# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from the server's own link: datagrams to everyone on it, and leases."""
import contextlib
import socket
import time

from netns import Family, IPV6, Namespace, address
from report import Report
from scene import Scene


def run(scene: Scene, family: Family, report: Report) -> None:
    to_everyone(scene, family, report)
    if family is IPV6:
        leases(scene, report)


def from_router(scene: Scene, family: Family, source: str, sport: int, dest: str,
                port: int) -> bool:
    """Whether a datagram of the router, on the server's own link, reaches a service there."""
    return datagram(scene, scene.topology.router, "to-server", family, (source, sport),
                    (dest, port))


def datagram(scene: Scene, namespace: Namespace, interface: str, family: Family,
             source: tuple[str, int], dest: tuple[str, int]) -> bool:
    mark = b"link-%d" % time.monotonic_ns()
    with namespace:
        sock = socket.socket(family.af, socket.SOCK_DGRAM)
        scope = socket.if_nametoindex(interface)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        link = (0, scope) if family is IPV6 else ()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(source + link)
        with contextlib.suppress(PermissionError):    # refused on its way out
            sock.sendto(b"32 " + mark, dest + link)
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


def link_local(namespace: Namespace, interface: str) -> str:
    with namespace, open("/proc/thread-self/net/if_inet6", encoding="ascii") as file:
        digits = next(line.split()[0] for line in file
                      if line.startswith("fe80") and line.split()[-1] == interface)
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))


def leases(scene: Scene, report: Report) -> None:
    """DHCPv6: a request to all servers of the link, and an answer to a port nobody opened."""
    router = link_local(scene.topology.router, "to-server")
    server = link_local(scene.topology.server, "to-router")
    scene.services.udp(scene.topology.router, IPV6, 547)
    report.check("a dhcpv6 request leaves", datagram(
        scene, scene.topology.server, "to-router", IPV6, (server, 546), (router, 547)))
    scene.services.udp(scene.topology.server, IPV6, 546)
    report.check("a dhcpv6 answer arrives", from_router(scene, IPV6, router, 547, server, 546))
    for name, source, dest in (("another network", "2001:db8:1::1", address("server", IPV6)),
                               ("a global address", "2001:db8:2::1", server)):
        report.check(f"a dhcpv6 answer of {name} is refused",
                     not from_router(scene, IPV6, source, 547, dest, 546))
    report.check("from port 547 the link reaches nothing else",
                 not from_router(scene, IPV6, router, 547, server, 11211))
