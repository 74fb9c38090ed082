# SPDX-License-Identifier: GPL-2.0-or-later
"""A limit counts what opens: for TCP the SYN; for tracked UDP and ping the first packet of a flow;
for untracked every packet. Over it, the default refuses."""
import clients
from firewall import load, policy_path
from netns import FAMILIES, Family, IPV4, address
from report import Report
from scene import Scene

BURST = 3          # as in limits.yaml, at 5 a minute: no second token within a test
SEGMENTS = 200
# Which of the two UDP services each policy tracks: the one at 5060, the one at 25565.
POLICIES = {"limits-full": (True, True), "limits": (True, False), "limits-none": (False, False)}


def run(policy: str, backend: str, report: Report) -> None:
    scene = Scene(backend)
    load(scene.topology.server, policy_path(policy), backend)
    for family in FAMILIES:
        part = report.part(f"{policy} {family.name} {backend}: ")
        for port in (2222, 8080):
            connections(scene, family, port, part)
        total(scene, family, part)
        for port, by_flow in zip((5060, 25565), POLICIES[policy]):
            datagrams(scene, family, port, by_flow, part)
        pings(scene, family, part)


def connections(scene: Scene, family: Family, port: int, report: Report) -> None:
    here, client = address("server", family), scene.client(family)
    socks = [clients.open_echo(client, here, port) for _ in range(BURST)]
    trouble = next(filter(None, (clients.echo(socks[0]) for _ in range(SEGMENTS))), "")
    report.works(f"{SEGMENTS} segments of one connection to tcp {port} pass", trouble)
    report.equal(f"connection {BURST + 1} to tcp {port} is refused",
                 clients.tcp(client, here, port, clients.SECOND_SYN),
                 "EHOSTUNREACH" if family is IPV4 else "EACCES")
    report.works(f"a live connection to tcp {port} goes on", clients.echo(socks[1]))
    # A source is an address in IPv4 and the 64 bits of a network in IPv6.
    other = clients.tcp(scene.client(family, "peer"), here, port, clients.SECOND_SYN)
    if family is IPV4:
        report.works(f"another host still reaches tcp {port}", other)
    else:
        report.equal(f"another host of the same network is refused at tcp {port}", other, "EACCES")
    report.works(f"another network still reaches tcp {port}",
                 clients.tcp(scene.far(family), here, port))
    for sock in socks:
        sock.close()


def total(scene: Scene, family: Family, report: Report) -> None:
    here = address("server", family)
    for end in (scene.client(family), scene.client(family, "peer"), scene.far(family)):
        report.works(f"tcp 5060 lets the {end.who} host in", clients.tcp(end, here, 5060))
    report.check("tcp 5060 is refused once all together used the limit up",
                 clients.tcp(scene.client(family, "trusted"), here, 5060, clients.SECOND_SYN) != "")


def datagrams(scene: Scene, family: Family, port: int, by_flow: bool, report: Report) -> None:
    client, here = scene.client(family), address("server", family)
    if by_flow:
        for flow in range(BURST):
            answers = [clients.udp(client, here, port, sport=30000 + flow) for _ in range(5)]
            report.works(f"five datagrams of flow {flow + 1} to udp {port} pass",
                         next(filter(None, answers), ""))
    else:
        for number in range(BURST):
            report.works(f"datagram {number + 1} of a flow to udp {port} passes",
                         clients.udp(client, here, port, sport=30000))
    what = f"flow {BURST + 1}" if by_flow else f"datagram {BURST + 1} of the same flow"
    report.equal(f"{what} to udp {port} is refused",
                 clients.udp(client, here, port, sport=30000 + BURST * by_flow),
                 "EHOSTUNREACH" if family is IPV4 else "EACCES")


def pings(scene: Scene, family: Family, report: Report) -> None:
    # Every ping here has an identifier of its own and thereby is a flow of its own.
    client, here = scene.client(family), address("server", family)
    for number in range(BURST):
        report.works(f"ping {number + 1} is answered", clients.ping(client, here))
    report.check(f"ping {BURST + 1} is refused",
                 clients.ping(client, here, timeout=0.3) != "", "it is answered")
