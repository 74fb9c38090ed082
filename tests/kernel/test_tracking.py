# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tracking table holds after traffic, and what a full one keeps from working."""
import socket

import clients
import table
from firewall import load, policy_path, restore
from netns import FAMILIES, Family, address
from report import Report
from scene import Scene
from test_allowed import from_router

MANY = 3000
SOME = 200

# What another program might load: it makes the kernel track the family, and nothing else.
SWITCH_ON = """*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m conntrack --ctstate INVALID -j RETURN
COMMIT
"""


def many_connections(scene: Scene, family: Family, port: int, count: int = MANY) -> str:
    end, dest = scene.client(family), address("server", family)
    for number in range(count):
        try:
            with clients.connect(end, dest, port) as sock:
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)    # the service has seen the end, too
        except OSError as error:
            return f"connection {number}: {clients.why(error)}"
    return ""


def many_exchanges(scene: Scene, family: Family) -> str:
    """Datagrams and pings, in and out, to what `server.yaml` leaves untracked."""
    client, server = scene.client(family), scene.server(family)
    here, resolver = address("server", family), address("resolver", family)
    for _ in range(SOME):
        trouble = clients.udp(client, here, 25565) or clients.udp(server, resolver, 53)
        if trouble:
            return trouble
    broadcast = {"ipv4": "192.0.2.255", "ipv6": "ff02::1"}[family.name]
    link = ("192.0.2.1", "2001:db8:2::1")[family.index]
    if not from_router(scene, family, link, 40000, broadcast, 25565):
        return f"a datagram to {broadcast} does not arrive"
    return clients.udp(server, resolver, 123, sport=123) or clients.tcp(server, resolver, 443)


def entries_left(policy: str, mode: str, backend: str, report: Report) -> None:
    scene = Scene(backend)
    host = scene.topology.server
    load(host, policy_path(policy), backend)
    for family in FAMILIES:
        part = report.part(f"{policy} {family.name} {backend}: ")
        part.works(f"{MANY} connections to tcp 80", many_connections(scene, family, 80))
        part.works(f"{SOME} datagrams to udp 25565 and dns queries", many_exchanges(scene, family))
        part.works("one connection to tcp 22", clients.tcp(scene.client(family),
                                                           address("server", family), 22))
        kept = {what: table.entries(host, family, *what)
                for what in (("tcp", 80), ("udp", 25565), ("udp", 53), ("udp", 123), ("tcp", 443))}
        if mode == "full":
            part.check("the table holds every connection to tcp 80",
                       kept["tcp", 80] >= MANY - 10, f"{kept['tcp', 80]} entries")
            part.check("the table holds every dns query", kept["udp", 53] >= SOME - 10,
                       f"{kept['udp', 53]} entries")
        else:
            for (protocol, port), number in kept.items():
                part.equal(f"no entry is left for {protocol} {port}", number, 0)
            part.equal("entries left for tcp 22", table.entries(host, family, "tcp", 22),
                       1 if mode == "selective" else 0)
    if mode == "none":
        never_tracked(scene, policy, backend, report.part(f"{policy} both families {backend}: "))


def never_tracked(scene: Scene, policy: str, backend: str, report: Report) -> None:
    host = scene.topology.server
    report.equal("the table is empty", table.count(host), 0)
    report.equal("the tracker never looked at a packet", table.work_done(host), 0)
    for family in FAMILIES:
        restore(host, family, backend, SWITCH_ON)
    if policy == "none":
        # The policy takes every packet out, whoever switched the tracker on.
        for family in FAMILIES:
            report.works(f"{family.name} traffic where another program's rule tracks",
                         many_connections(scene, family, 22, SOME)
                         or many_exchanges(scene, family)
                         or clients.ping(scene.client(family), address("server", family))
                         or clients.tcp(scene.server(family), address("server", family), 6379))
        report.equal("the table is empty where another program's rule tracks",
                     table.count(host), 0)


def full_table(backend: str, report: Report) -> None:
    scene = Scene(backend)
    host = scene.topology.server
    load(host, policy_path("selective"), backend)
    report = report.part(f"selective {backend} full table: ")
    filled = table.fill(host)
    report.check("the table is full", table.count(host) >= table.limit(host),
                 f"{filled} went in, {table.count(host)} of {table.limit(host)}")
    for family in FAMILIES:
        untracked_still_works(scene, family, report.part(f"{family.name} "))
    table.empty(host)
    report.works("a tracked service works again once there is room",
                 clients.tcp(scene.client(FAMILIES[0]), address("server", FAMILIES[0]), 22))


def untracked_still_works(scene: Scene, family: Family, report: Report) -> None:
    client, server = scene.client(family), scene.server(family)
    here, resolver = address("server", family), address("resolver", family)

    def successes(attempt) -> int:
        return sum(attempt() == "" for _ in range(20))

    report.equal("tcp 80 answers", successes(lambda: clients.tcp(client, here, 80)), 20)
    report.equal("udp 25565 answers", successes(lambda: clients.udp(client, here, 25565)), 20)
    report.equal("dns queries are answered",
                 successes(lambda: clients.udp(server, resolver, 53)), 20)
    report.equal("https connects", successes(lambda: clients.tcp(server, resolver, 443)), 20)
    report.equal("loopback works", successes(lambda: clients.tcp(
        server._replace(who="loopback"), address("loopback", family), 6379)), 20)
    for name, attempt in (("tcp 22", lambda: clients.tcp(client, here, 22, timeout=0.3)),
                          ("tcp 9000 outbound",
                           lambda: clients.tcp(server, resolver, 9000, timeout=0.3))):
        report.check(f"{name}, which is tracked, does not work", attempt() != "", "it works")
