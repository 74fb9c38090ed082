# SPDX-License-Identifier: GPL-2.0-or-later
"""Send many hand-made packets at once and gather what comes back."""
import select
import socket
import time
from collections import defaultdict
from typing import Iterable

from netns import Family, IPV4, Namespace
from packets import Probe, probe_packet, read_answer

PACKET_OUTGOING = 4
QUIET = 0.4    # seconds without an answer after which none is expected any more


class Prober:
    """Probes out of one namespace, by raw socket; answers read at its interface, before any socket
    or rule of that namespace could hide them."""

    def __init__(self, namespace: Namespace, interface: str, family: Family):
        self.family = family
        self.next_number = 1
        with namespace:
            self.sender = socket.socket(family.af, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                     socket.htons(family.ethertype))
            self.tap.bind((interface, family.ethertype))
        self.tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.tap.setblocking(False)
        self.poll = select.poll()
        self.poll.register(self.tap, select.POLLIN)

    def probe(self, source: str, dest: str, protocol: str, **rest) -> Probe:
        self.next_number += 1
        return Probe(self.next_number, source, dest, protocol, **rest)

    def exchange(self, probes: Iterable[Probe]) -> dict[int, set[str]]:
        """What each probe, by number, was answered with."""
        answers: dict[int, set[str]] = defaultdict(set)
        for probe in probes:
            self.send(probe_packet(self.family, probe), probe.dest)
            self._gather(answers, 0)
        self._gather(answers, QUIET)
        return answers

    def send(self, packet: bytes, dest: str) -> None:
        self.sender.sendto(packet, (dest, 0))

    def _gather(self, answers, wait: float) -> None:
        end = time.monotonic() + wait
        while True:
            left = max(0.0, end - time.monotonic())
            if not self.poll.poll(left * 1000):
                return
            packet, sender = self.tap.recvfrom(65536)
            if sender[2] == PACKET_OUTGOING or len(packet) < (20 if self.family is IPV4 else 40):
                continue
            answer = read_answer(self.family, packet)
            if answer:
                answers[answer[0]].add(answer[1])

    def close(self) -> None:
        self.sender.close()
        self.tap.close()
