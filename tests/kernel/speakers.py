# SPDX-License-Identifier: GPL-2.0-or-later
"""Live connections that speak while rules change."""
import socket

from clients import connect, echo
from netns import FAMILIES, address
from report import Report
from scene import Scene


def connections(scene: Scene) -> dict[str, socket.socket]:
    """One of each kind, in each direction and family, tracked or not."""
    found = {}
    for family in FAMILIES:
        for name, end, dest, port in (("ssh", scene.client(family), "server", 22),
                                      ("http", scene.client(family), "server", 80),
                                      ("web", scene.server(family), "client", 80),
                                      ("backup", scene.server(family), "client", 9000)):
            sock = connect(end, address(dest, family), port)
            sock.settimeout(0.15)    # less than it takes until a lost segment is sent again
            sock.sendall(b"echo\n")
            found[f"{name} {family.name}"] = sock
    return found


class Speakers:
    """Live connections that are to lose nothing."""

    def __init__(self, scene: Scene, report: Report):
        self.report = report
        self.sockets = connections(scene)
        self.trips = 0

    def speak(self, when: str) -> None:
        for name, sock in self.sockets.items():
            trouble = echo(sock)
            self.trips += 1
            if trouble:
                self.report.check(f"{name}, {when}", False, trouble)

    def end(self, at_least: int) -> None:
        self.report.check("no round trip was lost", self.trips > at_least and all(each.passed for each in self.report.results))
        self.report.note(f"{self.trips} round trips over {len(self.sockets)} connections, none lost")
