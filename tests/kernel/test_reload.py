# SPDX-License-Identifier: GPL-2.0-or-later
"""Another policy under live connections: those that both policies allow live on, also in between
two tables of one load; those that the new one drops end."""
import socket

import clients
from firewall import policy_path, restore, rules_of
from netns import FAMILIES, Family, address
from report import Report
from scene import Scene

# Every change of mode there is.
MODES = ("full", "selective", "none", "full", "none", "selective", "full")
PATIENCE = 2.0    # seconds: a segment that a half-loaded state cost is sent again


def tables(text: str) -> list[str]:
    """Restore text cut into one piece a table, in the order they stand."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pieces, start = [], 0
    for number, line in enumerate(lines):
        if line == "COMMIT":
            pieces.append("\n".join(lines[start:number + 1]) + "\n")
            start = number + 1
    return pieces


def connections(scene: Scene, family: Family) -> dict[str, socket.socket]:
    """One to a service that selective leaves untracked, one to a service it tracks."""
    client, here = scene.client(family), address("server", family)
    return {f"tcp {port}": clients.open_echo(client, here, port, PATIENCE) for port in (80, 22)}


def outgoing(scene: Scene, family: Family) -> dict[str, socket.socket]:
    server, resolver = scene.server(family), address("resolver", family)
    return {f"tcp {port} outbound": clients.open_echo(server, resolver, port, PATIENCE)
            for port in (443, 9000)}


def changes_of_mode(backend: str, report: Report) -> None:
    scene = Scene(backend)
    host = scene.topology.server
    for family in FAMILIES:
        texts = {mode: rules_of(policy_path(mode), family) for mode in MODES}
        for old, new in zip(MODES, MODES[1:]):
            part = report.part(f"{old} to {new} {family.name} {backend}: ")
            restore(host, family, backend, texts[old])
            inward, outward = connections(scene, family), outgoing(scene, family)
            for name, sock in (inward | outward).items():
                part.works(f"{name} works before", clients.echo(sock))
            for table in tables(texts[new]):
                restore(host, family, backend, table)
                for name, sock in inward.items():
                    part.works(f"{name} lives once {table.split()[0]} is loaded",
                               clients.echo(sock))
            for name, sock in outward.items():
                part.works(f"{name} lives once all is loaded", clients.echo(sock))
            for sock in (inward | outward).values():
                sock.close()


def a_new_deny(backend: str, report: Report) -> None:
    """Deny stands before established connections."""
    scene = Scene(backend)
    host = scene.topology.server
    for family in FAMILIES:
        for mode in ("full", "selective", "none"):
            part = report.part(f"deny {mode} {family.name} {backend}: ")
            text = rules_of(policy_path(mode), family)
            banned = address("banned", family)
            open_to_all = "\n".join(line for line in text.splitlines() if banned not in line) + "\n"
            part.check("the policy's rules name the banned host", open_to_all != text)
            restore(host, family, backend, open_to_all)
            with clients.open_echo(scene.client(family, "banned"), address("server", family),
                                   22) as sock:
                part.works("tcp 22 works before", clients.echo(sock))
                restore(host, family, backend, text)
                sock.settimeout(0.3)
                part.equal("tcp 22 is cut by the reload", clients.echo(sock), "no answer")


def run(backend: str, report: Report) -> None:
    changes_of_mode(backend, report)
    a_new_deny(backend, report)
