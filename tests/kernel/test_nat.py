# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a service of the router's own out of tracking leaves translated connections alone, also
those to the same port elsewhere."""
import clients
import table
from firewall import load, policy_path
from netns import FAMILIES, Family, address
from report import Report
from scene import Scene

CONNECTIONS = 20


def run(backend: str, report: Report) -> None:
    scene = Scene(backend)
    load(scene.topology.router, policy_path("nat"), backend)
    for family in FAMILIES:
        scene.services.tcp(scene.topology.router, family, 80)
        translated(scene, family, report.part(f"nat {family.name} {backend}: "))


def translated(scene: Scene, family: Family, report: Report) -> None:
    client, server, host = scene.client(family), scene.server(family), scene.topology.router
    router, resolver = address("router", family), address("resolver", family)
    for _ in range(CONNECTIONS):
        report.works("tcp 80 of the router", clients.tcp(client, router, 80))
    report.equal("entries left for tcp 80 of the router", table.entries(host, family, "tcp", 80), 0)
    report.works("a published port", clients.tcp(client, router, 2222))
    report.works("tcp 80 outbound behind the router's address", clients.tcp(server, resolver, 80))
    report.works("dns query behind the router's address", clients.udp(server, resolver, 53))
    report.works("ping behind the router's address", clients.ping(server, resolver))
    report.equal("entries for translated tcp 80", table.entries(host, family, "tcp", 80), 1)
    report.check("a port of the router that is not published is refused",
                 clients.tcp(client, router, 22, timeout=0.3) != "", "it works")
