# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel agrees with `ctc explain`: packets at the boundaries of rules meet the kernel that has the
rules loaded, and what becomes of each is what ctc says of it."""
import os
import random
import re
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import answers
import boundaries
import frames
import table
from answers import Answer
from firewall import restore
from frames import Packet, TCP, UDP
from ground import Ground
from netns import Family, IPV4
from observer import Observer, Track
from probing import Prober, devices_of
from report import Report

BATCH = 400
SHOWN = 8    # disagreements of one ruleset that are told
LAST_NUMBER = 60000


class Outcome(NamedTuple):
    """What the kernel did with a packet."""
    packet: Packet
    fragment: str
    state: str | None       # as the tracker gave it; None: it gave none
    tracked: bool | None    # None: it never came so far
    accepted: bool


class Tally:
    def __init__(self):
        self.agreed = self.undecided = self.elsewhere = self.tracked = 0
        self.states: dict[str, int] = {}
        self.accepted = {True: 0, False: 0}
        self.wrong: list[str] = []

    def text(self) -> str:
        states = ", ".join(f"{count} {name}" for name, count in sorted(self.states.items()))
        return (f"{self.agreed} packets agree ({self.accepted[True]} accepted, {self.accepted[False]} "
                f"refused; {states}), {self.undecided} undecided, {self.elsewhere} went elsewhere")


def without_nat(text: str) -> str:
    """NAT changes packets on their way, so that rules behind it meet others than were sent."""
    return re.sub(r"(?ms)^\*nat\b.*?^COMMIT *$\n?", "", text)


class Trial:
    """One ruleset of one family, loaded on a ground of its own."""

    def __init__(self, family: Family, backend: str, loaded: str, asked: str, name: str, seed: str):
        self.family = family
        self.rng = random.Random(seed)
        self.path = Path(os.environ["SCRATCH"]) / f"{name}-{os.getpid()}.rules".replace("/", "-")
        self.path.write_text(asked, encoding="utf-8")
        rules = boundaries.read(family, loaded, self.rng)
        self.ground = Ground(family, devices_of(rules, self.rng))
        self.prober = Prober(family, rules, self.ground, self.rng)
        self.prober.open_sockets()
        restore(self.ground.space, family, backend, loaded)
        self.observer: Observer | None = None
        self.number = 0
        self.tally = Tally()

    def close(self) -> None:
        if self.observer:
            self.observer.log.close()
        self.ground.close()
        self.path.unlink()

    # Whether the tracker runs.

    def tracks(self) -> bool:
        """Before anybody asks for a state: whether the kernel tracks anything of what comes in."""
        self.ground.space.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
        packets = self.prober.packets(("input",))
        for packet in islice(packets, 300):
            if packet.hook == "input":
                self.ground.send(packet._replace(flags=16, pieces=False), self._next_number())
        return table.work_done(self.ground.space) > 0 or table.count(self.ground.space) > 0

    def _next_number(self) -> int:
        self.number = self.number % LAST_NUMBER + 1
        return self.number

    # Probes.

    def probe(self, hooks: tuple[str, ...], count: int) -> None:
        if self.observer is None:
            self.observer = Observer(self.ground.space, self.family, self.tracks())
        packets = self.prober.packets(hooks)
        outcomes: list[Outcome] = []
        while len(outcomes) < count:
            batch = list(islice(packets, min(BATCH, count - len(outcomes))))
            if not batch:
                break
            outcomes += self._batch(batch)
        self._compare(outcomes)

    def _batch(self, packets: list[Packet]) -> list[Outcome]:
        ground = self.ground
        ground.forget()
        ground.space.sysctl("net.netfilter.nf_conntrack_tcp_loose", self.rng.randrange(2))
        numbered = {self._next_number(): packet for packet in packets}
        for number, packet in numbered.items():
            if self.observer.stateful and packet.entry:
                self._track(packet, number)
            ground.send(packet, number)
        seen = self.observer.watch(set(numbered))
        outcomes = []
        for number, packet in numbered.items():
            tracks = {each.fragment: seen[each] for each in frames.seen_as(self.family, packet, number)
                      if each in seen}
            if not tracks and not (packet.hook == "output" and packet.outside != "lo"):
                self.tally.wrong.append(f"{self._text(packet)}: the kernel never saw it")
            if self.family is IPV4 and packet.hook != "output" and packet.pieces:
                tracks = joined(tracks)
            for fragment, track in tracks.items():
                outcomes += self._outcomes(packet, fragment, track)
        return outcomes

    def _track(self, packet: Packet, number: int) -> None:
        """The connection that a packet belongs to."""
        ends = (packet.protocol, packet.source, packet.dest, packet.sport, packet.dport)
        if packet.entry == "quoted":
            quote = packet.quote
            ends = (quote.protocol, quote.source, quote.dest, quote.sport, quote.dport)
        elif packet.protocol == frames.ICMP[self.family.name]:
            asks = packet.kind in (8, 128)
            ends = (packet.protocol, *(ends[1:3] if asks else (packet.dest, packet.source)),
                    packet.kind if asks else {0: 8, 129: 128}[packet.kind], number)
        elif packet.entry == "reply":
            ends = (packet.protocol, packet.dest, packet.source, packet.dport, packet.sport)
        self.ground.track(*ends)

    def _outcomes(self, packet: Packet, fragment: str, track: Track) -> list[Outcome]:
        """What was seen of one packet, of which one that is sent by lo comes in again."""
        stations = track.stations
        found = []
        if packet.hook == "output":
            found.append(self._outcome(packet, fragment, track, "O", "o", "", "Z"))
            # Pieces of IPv6 that lo carries are beyond the model (compiler/meaning/space.c).
            if packet.outside == "lo" and "P" in stations and fragment == "none":
                back = packet._replace(hook="input", inside="lo", outside="", mac=0)
                found.append(self._outcome(back, fragment, track, "P", "p", "I", "Y"))
        elif packet.hook == "forward":
            found.append(self._outcome(packet, fragment, track, "P", "p", "F", "Z"))
        else:
            found.append(self._outcome(packet, fragment, track, "P", "p", "I", "Y"))
        return [each for each in found if each]

    def _outcome(self, packet, fragment, track, first, tracker, hook, last) -> Outcome | None:
        stations = track.stations
        if first not in stations or (hook and "r" in stations and hook not in stations):
            self.tally.elsewhere += 1    # routing had another mind
            return None
        state = track.states.get(tracker)
        tracked = None if tracker not in stations else state not in (None, "untracked")
        return Outcome(packet, fragment, None if state == "untracked" else state, tracked,
                       last in stations)

    # What ctc says.

    def _text(self, packet: Packet, state: str | None = None, fragment: str = "none") -> str:
        return frames.notation(self.family, packet, state, fragment)

    def _compare(self, outcomes: list[Outcome]) -> None:
        questions = [self._text(each.packet, each.state, each.fragment) for each in outcomes]
        if not questions:
            return
        for outcome, question, parts in zip(outcomes, questions,
                                            answers.explain(str(self.path), self.family, questions)):
            known = frames.facts(self.family, outcome.packet, outcome.state, outcome.fragment)
            self._judge(outcome, question, answers.possible(parts, known))

    def _judge(self, outcome: Outcome, question: str, said: list[Answer]) -> None:
        tally = self.tally
        fitting = [each for each in said if each.accepted in (None, outcome.accepted)
                   and (outcome.tracked is None or each.tracked == outcome.tracked)]
        if not fitting:
            tally.wrong.append(
                f"{question}: the kernel {'accepts' if outcome.accepted else 'refuses'} it"
                + ("" if outcome.tracked is None else ", tracked" if outcome.tracked else ", untracked")
                + (" without a state" if outcome.state is None else f" as {outcome.state}")
                + (f" (flags {outcome.packet.flags})" if outcome.packet.protocol == TCP else "")
                + "; ctc says " + ("that there is no such packet" if not said else " or ".join(
                    f"{each.text}, {'tracked' if each.tracked else 'untracked'} by {each.rule}"
                    for each in said)))
        elif len({(each.accepted, each.tracked) for each in said}) > 1 or said[0].accepted is None:
            tally.undecided += 1
        else:
            tally.agreed += 1
            tally.accepted[outcome.accepted] += 1
            state = outcome.state or "untracked"
            tally.states[state] = tally.states.get(state, 0) + 1


def joined(tracks: dict[str, Track]) -> dict[str, Track]:
    """Pieces of an IPv4 packet for this host, which the kernel puts together behind routing."""
    whole = tracks.get("none")
    if whole is None or "P" in whole.stations:
        return tracks
    whole.stations = "Ppr" + whole.stations
    return {"none": whole}


def run(name: str, text: str, family: Family, backend: str, count: int, report: Report,
        asked: str | None = None) -> Tally:
    """Probe one ruleset with about so many packets."""
    loaded = without_nat(text)
    trial = Trial(family, backend, loaded, loaded if asked is None else asked, name, f"{name} {count}")
    try:
        trial.ground.reset_addresses(trial.prober.destinations())
        trial.probe(("input",), count // 2)
        trial.ground.reset_addresses(())
        trial.probe(("forward", "output"), count - count // 2)
    finally:
        trial.close()
    tally = trial.tally
    report.check(f"{name} {family.name} {backend}: the kernel does what ctc says: {tally.text()}",
                 not tally.wrong, "\n".join([f"{len(tally.wrong)} disagree", *tally.wrong[:SHOWN]]))
    return tally
