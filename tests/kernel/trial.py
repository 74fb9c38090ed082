# SPDX-License-Identifier: GPL-2.0-or-later
"""One ruleset on trial: packets at the boundaries of its rules meet the kernel that has it loaded, and
what becomes of each is compared with what `ctc explain` says of it."""
import os
import random
import re
from collections import Counter
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import answers
import boundaries
import frames
import table
from answers import Answer
from firewall import restore
from frames import Packet, TCP
from ground import Ground
from netns import Family, IPV4
from observer import Observer, Track
from probing import Prober, devices_of

BATCH = 400
LAST_NUMBER = 60000


class Outcome(NamedTuple):
    """What the kernel did with a packet."""
    packet: Packet
    fragment: str
    state: str | None       # as the tracker gave it; None: it gave none
    tracked: bool | None    # None: it never came so far
    accepted: bool


class Tally:
    """How the packets fared. Undecided are those of which ctc says that it depends on what no probe
    controls: a limit, or a match outside its model."""

    def __init__(self):
        self.verdicts: Counter[str] = Counter()    # of those that agree
        self.states: Counter[str] = Counter()
        self.undecided = 0
        self.aside: Counter[str] = Counter()       # what is not compared, by what it is
        self.boundaries = self.reached = 0
        self.wrong: list[str] = []

    @property
    def agreed(self) -> int:
        return self.verdicts.total()

    def add(self, other: "Tally") -> None:
        self.verdicts += other.verdicts
        self.states += other.states
        self.undecided += other.undecided
        self.aside += other.aside
        self.boundaries += other.boundaries
        self.reached += other.reached
        self.wrong += other.wrong

    def text(self) -> str:
        def list_of(counts: Counter[str]) -> str:
            return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))

        return (f"{self.agreed} packets agree ({list_of(self.verdicts)}; {list_of(self.states)}), at "
                f"{self.reached} of {self.boundaries} boundaries; {len(self.wrong)} disagree, {self.undecided} "
                f"undecided; left aside: {list_of(self.aside) or 'none'}")


def without_nat(text: str) -> str:
    """NAT changes packets on their way, so that rules behind it meet others than were sent."""
    return re.sub(r"(?ms)^\*nat\b.*?^COMMIT *$\n?", "", text)


class Trial:
    """One ruleset of one family, loaded on a ground of its own. Where `probed` is given, packets are sent at the
    boundaries of its rules in place of those that are loaded: the same ones for the same seed. `sets` are loaded
    ahead of the rules; ctc is told of `asked_sets` where they are given, else of the same."""

    def __init__(self, family: Family, backend: str, loaded: str, asked: str, name: str, seed: str,
                 probed: str | None = None, sets: str = "", asked_sets: str | None = None):
        self.family, self.backend = family, backend
        self.rng = random.Random(seed)
        self.path = Path(os.environ["SCRATCH"]) / f"{name}-{os.getpid()}.rules".replace("/", "-")
        self.path.write_text(asked, encoding="utf-8")
        self.sets_path = self.path.with_suffix(".sets")
        self.sets_path.write_text(sets if asked_sets is None else asked_sets, encoding="utf-8")
        rules = boundaries.read(family, loaded if probed is None else probed, self.rng, sets)
        self.ground = Ground(family, devices_of(rules, self.rng))
        self.prober = Prober(family, backend, rules, self.ground, self.rng)
        self.prober.open_sockets()
        if sets:
            self.ground.space.run("ipset", "restore", text=sets)
        restore(self.ground.space, family, backend, loaded)
        self.observer: Observer | None = None
        self.number = 0
        self.tally = Tally()

    def close(self) -> None:
        self.tally.boundaries, self.tally.reached = self.prober.coverage()
        if self.observer:
            self.observer.log.close()
        self.ground.close()
        self.path.unlink()
        self.sets_path.unlink()

    # Whether the tracker runs.

    def tracks(self) -> bool:
        """Before anybody asks for a state: whether the kernel tracks anything of what comes in."""
        self.ground.space.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
        for packet in islice(self.prober.anywhere(("input",)), 300):
            if packet.hook == "input":
                self.ground.send(packet._replace(flags=16, pieces=False), self._next_number())
        self.prober.used.clear()    # a segment that opens nothing leaves nothing behind but an entry
        return table.work_done(self.ground.space) > 0 or table.count(self.ground.space) > 0

    def _next_number(self) -> int:
        self.number = self.number % LAST_NUMBER + 1
        return self.number

    # Probes.

    def probe(self, hooks: tuple[str, ...], least: int, most: int) -> list[Outcome]:
        if self.observer is None:
            self.observer = Observer(self.ground.space, self.family, self.tracks())
        boundaries = list(islice(self.prober.at_boundaries(hooks), most))
        packets = chain(boundaries, islice(self.prober.anywhere(hooks), max(0, least - len(boundaries))))
        outcomes: list[Outcome] = []
        while batch := list(islice(packets, BATCH)):
            outcomes += self._batch(batch)
        return outcomes

    def probe_everywhere(self, least: int, most: int) -> list[Outcome]:
        """At least so many packets, and at most so many: half of them come in for this host."""
        self.ground.reset_addresses(self.prober.destinations)
        outcomes = self.probe(("input",), least // 2, most // 2)
        self.ground.reset_addresses(())
        return outcomes + self.probe(("forward", "output"), least - least // 2, most - most // 2)

    def _batch(self, packets: list[Packet]) -> list[Outcome]:
        ground = self.ground
        ground.forget()
        ground.space.sysctl("net.netfilter.nf_conntrack_tcp_loose", self.rng.randrange(2))
        numbered = {self._next_number(): packet for packet in packets}
        for number, packet in numbered.items():
            if self.observer.stateful and packet.entry:
                self._track(packet, number)
            ground.send(packet, number)
        seen = self.observer.watch(set(numbered), {number for number, packet in numbered.items()
                                                   if packet.hook != "output" or packet.outside == "lo"})
        outcomes = []
        for number, packet in numbered.items():
            tracks = {each.fragment: seen[each] for each in frames.seen_as(self.family, packet, number)
                      if each in seen}
            if not tracks:
                if packet.hook == "output" and packet.outside != "lo":
                    self.tally.aside["never sent"] += 1
                else:
                    self.tally.wrong.append(f"{self._text(packet)}: the kernel never saw it")
                continue
            if self.family is IPV4 and packet.hook != "output" and packet.pieces:
                tracks = joined(tracks)
            if self.family is IPV4 and packet.hook == "input" and "none" not in tracks:
                # Of a packet for this host ctc knows the whole alone, which INPUT sees; raw has let a piece go.
                self.tally.aside["pieces that never met"] += 1
                continue
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
            self.tally.aside["routed elsewhere"] += 1
            return None
        if fragment == "later" and self.backend == "nft":
            # Its payload expressions read what stands where a header would be (net/netfilter/nf_tables_core.c,
            # nft_payload_fast_eval), so that ports and flags are found in the data.
            self.tally.aside["later fragments in nf_tables"] += 1
            return None
        if self.sets_path.stat().st_size and self.backend == "nft" and packet.extension == frames.AUTHENTICATION:
            # To rules a protocol, where sets see what is behind it (net/netfilter/ipset/ip_set_getport.c).
            self.tally.aside["authentication headers in nf_tables, which sets look behind"] += 1
            return None
        state = track.states.get(tracker)
        tracked = None if tracker not in stations else state not in (None, "untracked")
        return Outcome(frames.as_rules_see(packet, self.backend), fragment,
                       None if state == "untracked" else state, tracked, last in stations)

    # What ctc says.

    def _text(self, packet: Packet, state: str | None = None, fragment: str = "none") -> str:
        return frames.notation(self.family, packet, state, fragment)

    def compare(self, outcomes: list[Outcome]) -> None:
        questions = [self._text(each.packet, each.state, each.fragment) for each in outcomes]
        if not questions:
            return
        sets = str(self.sets_path) if self.sets_path.stat().st_size else ""
        for outcome, question, parts in zip(outcomes, questions,
                                            answers.explain(str(self.path), self.family, questions, sets)):
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
            tally.verdicts["accepted" if outcome.accepted else "refused"] += 1
            tally.states[outcome.state or "untracked"] += 1


def joined(tracks: dict[str, Track]) -> dict[str, Track]:
    """Pieces of an IPv4 packet for this host, which the kernel puts together behind routing."""
    whole = tracks.get("none")
    if whole is None or "P" in whole.stations:
        return tracks
    whole.stations = "Ppr" + whole.stations
    return {"none": whole}


def run(name: str, text: str, family: Family, backend: str, least: int, most: int, seed: str,
        asked: str | None = None, sets: str = "", asked_sets: str | None = None) -> Tally:
    """Probe a ruleset at every boundary that a packet can be at, with at least so many packets and at
    most so many. Where `asked` is given, ctc is asked about that in place of what is loaded;
    and so with the sets that the rules ask for."""
    loaded = without_nat(text)
    trial = Trial(family, backend, loaded, loaded if asked is None else asked, name, seed,
                  sets=sets, asked_sets=asked_sets)
    try:
        trial.compare(trial.probe_everywhere(least, most))
    finally:
        trial.close()
    return trial.tally
