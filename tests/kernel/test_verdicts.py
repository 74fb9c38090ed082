# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel decides about every source as policies/lists.yaml says: who may reach what, told here
once more in the plainest way."""
from collections import defaultdict
from typing import Callable, NamedTuple

from firewall import load, policy_path
from netns import FAMILIES, Family, address
from packets import PROHIBITED
from probes import Prober
from report import Report
from scene import Scene

SOURCES = range(128, 255)    # the last part of the address
EVERYBODY = SOURCES
OFFICE = set(range(128, 192)) - {150}
SCATTERED = set(range(129, 255, 3))
BLOCKED = set(range(240, 248)) | set(range(201, 207)) | {131}
NOBODY: set[int] = set()
ACCEPTED, REJECTED, DROPPED = "accepted", "rejected", "dropped"


class Entry(NamedTuple):
    protocol: str
    ports: tuple[int, ...]
    sources: object
    verdict: str = ACCEPTED


ENTRIES = (
    Entry("tcp", (2222,), OFFICE),
    Entry("tcp", (3306,), OFFICE, REJECTED),
    Entry("tcp", (3306,), SCATTERED, DROPPED),
    Entry("tcp", (3306,), EVERYBODY),
    Entry("udp", (11211,), set(SOURCES) - set(range(128, 192))),
    Entry("tcp", (6379,), SCATTERED),
    Entry("udp", (1194,), SCATTERED),
    Entry("tcp", (*range(20, 26), 80, 443, *range(1000, 1023, 2), *range(8080, 8091),
                  *range(9998, 10003), 65535), EVERYBODY),
    Entry("tcp", (25565,), NOBODY),
    Entry("tcp", (50000,), EVERYBODY),
    Entry("udp", (25565,), EVERYBODY),
    Entry("udp", (5060,), NOBODY),
)
# From every source; ports in and around the lists.
PROBED = {"tcp": (2222, 3306, 6379, 80, 25565, 50000, 9998, 10002),
          "udp": (11211, 1194, 25565, 5060)}
# From two sources.
EDGES = (1, 19, 20, 22, 25, 26, 79, 81, 442, 443, 444, 999, 1000, 1001, 1012, 1022, 1023, 2221,
         2223, 8079, 8080, 8085, 8090, 8091, 9997, 10003, 49999, 65534, 65535)


def verdict(protocol: str, port: int, source: int) -> str:
    if source in BLOCKED:
        return DROPPED
    for entry in ENTRIES:
        if entry.protocol == protocol and port in entry.ports and source in entry.sources:
            return entry.verdict
    return REJECTED


def seen(family: Family, answers: set[str]) -> str:
    """What the answers to one probe say about the verdict."""
    if not answers:
        return DROPPED
    return REJECTED if answers == {PROHIBITED[family.name]} else ACCEPTED


def run(policy: str, backend: str, report: Report) -> None:
    scene = Scene(backend)
    load(scene.topology.server, policy_path(policy), backend)
    # The client stands for all of these; nobody answers in their name.
    scene.topology.router.ip("route add 198.51.100.128/25 via " + address("client", FAMILIES[0]),
                             "route add 2001:db8:6::/64 via " + address("client", FAMILIES[1]))
    for family in FAMILIES:
        source: Callable[[int], str] = (
            ("198.51.100.{}", "2001:db8:6::{:x}")[family.index]).format
        prober = Prober(scene.topology.client, "to-router", family)
        probes = {(protocol, port, number): prober.probe(
                      source(number), address("server", family), protocol, sport=40000, dport=port)
                  for protocol, port, number in questions()}
        answers = prober.exchange(probes.values())
        prober.close()
        wrong = defaultdict(list)
        for (protocol, port, number), probe in probes.items():
            got = seen(family, answers.get(probe.number, set()))
            wanted = verdict(protocol, port, number)
            found = wrong[protocol, port]
            if got != wanted:
                found.append(f"{probe.source} is {got}, wanted {wanted}")
        for (protocol, port), found in wrong.items():
            report.check(f"{policy} {family.name} {backend}: {protocol} {port} is decided for "
                         "every source as the policy says", not found, "\n".join(found))


def questions():
    for protocol, ports in PROBED.items():
        for port in ports:
            for number in SOURCES:
                yield protocol, port, number
    for port in EDGES:
        for number in (128, 254):
            yield "tcp", port, number
            yield "udp", port, number
