# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness sees the holes. Each file in policies/holes/ is a ruleset that somebody might load in
good faith; the checks named here have to fail under it, and others have to pass, or a check that
passes elsewhere would mean nothing."""
from typing import Callable, NamedTuple

import clients
import table
import test_allowed
import test_fixed_point
import test_forward
import test_limits
import test_refused
from firewall import HOLES, load, restore, rules_of
from netns import FAMILIES, Family, IPV4, IPV6, address
from report import Report
from scene import Scene
from variants import Variant

STATELESS = Variant("hole", "none")


class Case(NamedTuple):
    rules: str
    run: Callable[[Scene, Family, Report], None]
    fails: tuple[str, ...]
    passes: tuple[str, ...] = ()
    families: tuple[Family, ...] = FAMILIES
    place: str = "server"


def _source_ports(scene: Scene, family: Family, report: Report) -> None:
    # As if every reply were tracked, so that no probe is left out.
    test_refused.source_ports(scene, Variant("hole", "full"), family, report)


def _outbound(scene: Scene, family: Family, report: Report) -> None:
    test_allowed.outbound(scene, STATELESS, family, report)


def _entries(scene: Scene, family: Family, report: Report) -> None:
    client, here = scene.client(family), address("server", family)
    report.works("20 connections",
                 next(filter(None, (clients.tcp(client, here, 80) for _ in range(20))), ""))
    report.equal("no entry is left", table.count(scene.topology.server), 0)


def _refusals(scene: Scene, family: Family, report: Report) -> None:
    test_refused.refusals(scene, STATELESS, family, report)


def _live_connection(scene: Scene, family: Family, report: Report) -> None:
    """Opened before the rules were there: take them off, open, and load them again."""
    host, backend = scene.topology.server, scene.backend
    restore(host, family, backend, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")
    table.empty(host)
    with clients.open_echo(scene.client(family), address("server", family), 80) as sock:
        report.works("a connection works before", clients.echo(sock))
        restore(host, family, backend, rules_of(HOLES / "only-syn.rules", family))
        sock.settimeout(0.4)
        report.works("the connection lives", clients.echo(sock))


def _limited(scene: Scene, family: Family, report: Report) -> None:
    test_limits.connections(scene, family, 2222, report)


CASES = (
    Case("source-ports", _source_ports,
         fails=("tcp syn 6379 refused from source port 80",
                "tcp ack 6379 refused from source port 80",
                "tcp fin 6380 refused from source port 80",
                "udp 11211 refused from source port 53", "udp 11211 refused from source port 123",
                "udp 11212 refused from source port 53"),
         passes=("tcp syn 6379 refused from source port 0",
                 "tcp syn 6379 refused from source port 443",
                 "udp 11211 refused from source port 443")),
    Case("source-ports", _outbound, fails=("tcp 443 outbound", "tcp 9000 outbound"),
         passes=("tcp 80 outbound", "dns query", "ntp from port 123")),
    Case("blanket-accept", _source_ports,
         fails=("tcp syn 6379 refused from source port 0",
                "tcp fin 6380 refused from source port 20",
                "tcp syn+ack 3306 refused from source port 443"),
         passes=("tcp syn 3306 refused from source port 0",
                 "udp 11211 refused from source port 53")),
    Case("blanket-accept", _entries, fails=("no entry is left",), passes=("20 connections",)),
    Case("deaf-to-errors", test_allowed.path_mtu_inbound,
         fails=("tcp 80 downloads 300 kB through a link of 1300 bytes",),
         passes=("tcp 22 downloads 300 kB through a link of 1300 bytes",
                 "tcp 80 uploads 300 kB through a link of 1300 bytes")),
    Case("no-neighbours", test_allowed.neighbours,
         fails=("tcp 80 from an empty neighbour cache",), families=(IPV6,)),
    Case("no-neighbours", test_allowed.neighbours, fails=(),
         passes=("tcp 80 from an empty neighbour cache",), families=(IPV4,)),
    Case("every-fragment", test_refused.fragments, fails=("udp 11211 refused in fragments",),
         families=(IPV6,)),
    Case("every-fragment", test_refused.fragments, fails=(),
         passes=("udp 11211 refused in fragments",), families=(IPV4,)),
    Case("no-fragments", test_allowed.datagrams,
         fails=("udp 25565 takes a request of 4000 bytes",), passes=("udp 25565 works",),
         families=(IPV6,)),
    Case("any-socket", _source_ports,
         fails=("tcp syn 50001 refused from source port 0",
                "tcp ack 50001 refused from source port 443",
                "udp 11211 refused from source port 53"),
         families=(IPV4,)),
    Case("any-socket", _refusals, fails=("connect to tcp 6379 fails as the policy says",
                                         "asking udp 11211 fails as the policy says")),
    Case("only-syn", _live_connection, fails=("the connection lives",),
         passes=("a connection works before",)),
    Case("every-segment-limited", _limited,
         fails=("200 segments of one connection to tcp 2222 pass",)),
    Case("idle-tracker", _entries, fails=("no entry is left",), passes=("20 connections",)),
    Case("open-router", test_forward.refused, place="router",
         fails=tuple(f"tcp syn 6379 from {address('client', IPV4)} port {port} to "
                     f"{address('server', IPV4)} is not forwarded" for port in (0, 80)),
         families=(IPV4,)),
)


NAMES = tuple(dict.fromkeys(case.rules for case in CASES))


def run(rules: str, backend: str, report: Report) -> None:
    for case in CASES:
        if case.rules != rules:
            continue
        scene = Scene(backend)
        load(scene.topology.spaces[case.place], HOLES / f"{rules}.rules", backend)
        for family in case.families:
            found = Report()
            case.run(scene, family, found)
            prefix = f"the harness sees {rules} {family.name} {backend}: "
            failed = {each.name for each in found.results if not each.passed}
            passed = {each.name for each in found.results if each.passed}
            for name in case.fails:
                report.check(f"{prefix}not {name}", name in failed)
            for name in case.passes:
                report.check(f"{prefix}{name}", name in passed)


def another_text(report: Report) -> None:
    """What the comparison of emitted and saved text must see, and must not."""
    emitted = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1 -p 6 -j DROP\nCOMMIT\n"
    report.check("the harness sees a saved text that differs", test_fixed_point.differences(
        emitted, emitted.replace("192.0.2.1", "192.0.2.1/32")) != "")
    report.check("the harness sees a rule that is gone", test_fixed_point.differences(
        emitted, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n") != "")
    report.works("the harness looks away from counters, comments and names of protocols",
                 test_fixed_point.differences(emitted, "# saved\n" + emitted.replace(
                     "[0:0]", "[7:9]").replace("-p 6", "-p tcp")))
