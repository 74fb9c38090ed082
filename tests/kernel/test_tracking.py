# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tracking table holds after traffic, and what a full one keeps from working."""
import clients
import table
from firewall import load, policy_path, restore
from netns import FAMILIES, Family, address
from report import Report
from scene import Scene
from test_link import from_router

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
                sock.sendall(b"send 1\n")    # data both ways: some of it would be tracked
                sock.recv(2)
        except OSError as error:
            return f"connection {number}: {clients.why(error)}"
    return ""


def many_exchanges(scene: Scene, family: Family) -> str:
    """All else that `server.yaml` leaves untracked: in, out, from the link, over loopback."""
    client, server, peer = scene.client(family), scene.server(family), scene.client(family, "peer")
    here, resolver = address("server", family), address("resolver", family)
    itself = address("loopback", family)
    for _ in range(SOME):
        trouble = clients.udp(client, here, 25565) or clients.udp(server, resolver, 53)
        if trouble:
            return trouble
    broadcast = {"ipv4": "192.0.2.255", "ipv6": "ff02::1"}[family.name]
    link = ("192.0.2.1", "2001:db8:2::1")[family.index]
    if not from_router(scene, family, link, 40000, broadcast, 25565):
        return f"a datagram to {broadcast} does not arrive"
    return (clients.udp(server, resolver, 123, sport=123)
            or clients.udp(server, resolver, 9001, connected=False)
            or clients.tcp(client, here, 25565)
            or clients.tcp(server, resolver, 53) or clients.tcp(server, resolver, 443)
            or clients.tcp(peer, here, 6379) or clients.udp(peer, here, 11211)
            or clients.ping(peer, here)
            or clients.tcp(server, here, 80) or clients.udp(server, here, 25565)
            or clients.tcp(server._replace(who="loopback"), itself, 6379)
            or clients.udp(server._replace(who="loopback"), itself, 11211))


def entries_left(policy: str, mode: str, backend: str, report: Report) -> None:
    scene = Scene(backend)
    host = scene.topology.server
    load(host, policy_path(policy), backend)
    for family in FAMILIES:
        part = report.part(f"{policy} {family.name} {backend}: ")
        part.works(f"{MANY} connections to tcp 80", many_connections(scene, family, 80))
        part.works(f"{SOME} datagrams to udp 25565, dns queries, and more",
                   many_exchanges(scene, family))
        if mode == "full":    # some ports serve a second time within the life of an entry
            for protocol, port, number in (("tcp", 80, MANY), ("udp", 53, SOME)):
                got = table.entries(host, family, protocol, port)
                part.check(f"the table holds the connections to {protocol} {port}",
                           got >= number * 3 // 4, f"{got} entries")
        else:
            listing = table.listing(host, family)
            part.check("the table is empty after untracked traffic", not listing,
                       f"{len(listing)} entries\n" + "\n".join(listing[:10]))
        tracked = 1 if mode == "selective" else 0
        server = address("server", family)
        for who, port in (("client", 22), ("watched", 25565)):
            trouble = clients.tcp(scene.client(family, who), server, port)
            part.works(f"tcp {port} works for the {who} host", trouble)
            if mode != "full":
                part.equal(f"entries left for tcp {port} of the {who} host",
                           table.entries(host, family, "tcp", port), tracked)
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
