# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets at the boundaries of rules: each takes what a rule names, but for one field that is just
beside it, and something usual or unusual where the rule says nothing."""
import random
from typing import Iterator

import boundaries
from boundaries import Rule, Rules, Values
from frames import (AUTHENTICATION, DESTINATION_OPTIONS, ERRORS, EXTENSIONS, ICMP, Packet, Quote, TCP,
                    UDP, WITH_PORTS)
from ground import Ground, number_of
from netns import Family, IPV4

UNNAMED = "probe9"    # an interface that no rule names
USUAL_SOURCES = (("198.51.100.9", "203.0.113.77", "10.1.2.3", "192.168.1.77"),
                 ("2001:db8:1::9", "2001:db8:77::1", "fd00::3", "fe80::77"))
ECHO = {"ipv4": (8, 0), "ipv6": (128, 129)}
DEVICES = 6           # besides the unnamed one
ATTEMPTS = 4          # at a packet for one boundary


def devices_of(rules: Rules, rng: random.Random) -> list[str]:
    """Interfaces for the names in rules; a pattern gets one that fits it."""
    names = {each for _, rule in rules.rules for side in ("in", "out") if side in rule.fields
             for values in rule.fields[side] for each in values if each}
    names = {device_for(name) for name in names} - {"lo", ""}
    names = [each for each in sorted(names) if len(each) < 16 and not set(each) & set(":/ ")]
    return rng.sample(names, min(DEVICES, len(names))) + [UNNAMED]


def device_for(pattern: str) -> str:
    if pattern == "+":
        return UNNAMED
    return pattern[:-1] + "7" if pattern.endswith("+") else pattern


class Prober:
    def __init__(self, family: Family, backend: str, rules: Rules, ground: Ground, rng: random.Random):
        self.family, self.backend, self.rules, self.ground, self.rng = family, backend, rules, ground, rng
        self.pools: dict[str, list] = {}
        for _, rule in rules.rules:
            for name, values in rule.fields.items():
                pool = self.pools.setdefault(name, [])
                if len(pool) < 4000:
                    pool += [*values.inside, *values.outside]
        usual = [number_of(family, each) for each in USUAL_SOURCES[family.index]]
        bits = 32 if family is IPV4 else 128
        self.pools["source"] = self.pools.get("source", []) + usual \
            + [rng.getrandbits(bits) for _ in range(20)]
        self.pools.setdefault("dport", []).extend((22, 80, 443, 1, 65535))
        self.pools.setdefault("sport", []).extend((40000, 1, 65535, 53, 123, 1024))
        self.pools["dport"] += [rng.randrange(65536) for _ in range(20)]
        self.pools["sport"] += [rng.randrange(65536) for _ in range(20)]
        # What is read as the address of a peer can be one of this host's, and the other way round.
        self.own = list(dict.fromkeys(self.pools.get("dest", []) + self.pools["source"][:8]))
        can_be_local = [each for each in self.own if ground.can_be_local(each)]
        self.destinations = rng.sample(can_be_local, min(30, len(can_be_local)))
        self.used: set[tuple] = set()
        self.boundaries = [(chain, rule, {name: value})
                           for chain, rule in rules.rules for name, values in rule.fields.items()
                           for side in (values.inside, values.outside) for value in side]
        self.reached: set[int] = set()    # of the boundaries, by number

    def open_sockets(self) -> None:
        """Sockets at ports that rules name, of each kind, and some elsewhere."""
        rng, taken = self.rng, set()
        ports = sorted({each for each in self.pools["dport"] if 0 < each < 65536})
        ports = rng.sample(ports, min(18, len(ports))) + [33000, 50001, 61001, 123]
        for port in ports:
            for protocol in (TCP, UDP):
                how = rng.choice(("wildcard", "bound", "connected", "connected", "none"))
                if how == "none" or (protocol, port) in taken:
                    continue
                taken.add((protocol, port))
                if how == "connected":
                    # A peer at an address of this host's would answer, and close the connection.
                    peers = [each for each in self.pools["source"] if self.ground.cast(each) == "other"
                             and self._reachable(each) and each not in self.destinations]
                    for _ in range(3):
                        peer_port = rng.choice([each for each in self.pools["sport"] + self.pools["dport"]
                                                if 0 < each < 65536])
                        try:
                            self.ground.connect(protocol, port, rng.choice(peers), peer_port)
                        except OSError:    # twice the same, or no such peer
                            pass
                else:
                    self.ground.listen(protocol, port, how == "bound")

    def _reachable(self, address: int) -> bool:
        if self.family is IPV4:
            return 0 < address >> 24 < 224 and address >> 24 != 127
        return address >> 120 not in (0, 0xff) and address >> 118 != 0xfe80 >> 6

    def at_boundaries(self, hooks: tuple[str, ...]) -> Iterator[Packet]:
        """A packet at each boundary of each rule that one can be at."""
        for number in self.rng.sample(range(len(self.boundaries)), len(self.boundaries)):
            for _ in range(ATTEMPTS):
                packet = self._at(*self.boundaries[number], hooks)
                if packet:
                    self.reached.add(number)
                    yield packet
                    break

    def anywhere(self, hooks: tuple[str, ...]) -> Iterator[Packet]:
        """Packets at and about rules, and some that no rule had in mind, until none is new."""
        fruitless = 0
        while fruitless < 200:
            if self.rules.rules and self.rng.random() < 0.7:
                packet = self._at(*self.rng.choice(self.rules.rules), {}, hooks)
            else:
                packet = self._make({}, self.rng.choice(hooks))
            fruitless = 0 if packet else fruitless + 1
            if packet:
                yield packet

    def coverage(self) -> tuple[int, int]:
        """How many boundaries there are in chains that packets come through, and how many of those a
        packet was sent at."""
        led_to = {chain: bool(boundaries.path_to(self.rules, chain, self.rng)[0])
                  for chain in {chain for chain, _, _ in self.boundaries}}
        return sum(led_to[chain] for chain, _, _ in self.boundaries), len(self.reached)

    def _at(self, chain: str, rule: Rule, chosen: dict, hooks) -> Packet | None:
        """A packet that comes to a rule and fits it, but for what is chosen."""
        start, way = boundaries.path_to(self.rules, chain, self.rng)
        if not start:
            return None
        possible = [each for each in boundaries.HOOKS[start] if each in hooks]
        if not possible:
            return None
        fields: dict[str, Values] = {}
        for each in (*way, rule):
            fields.update(each.fields)
        picked = {name: self.rng.choice(values.inside or (None,)) for name, values in fields.items()}
        if not chosen and self.rng.random() < 0.5 and fields:    # one beside
            name = self.rng.choice(list(fields))
            picked[name] = self.rng.choice(fields[name].outside or (None,))
        picked.update(chosen)
        return self._make({name: value for name, value in picked.items() if value is not None},
                          self.rng.choice(possible))

    def _some(self, name: str, usual):
        pool = self.pools.get(name)
        return self.rng.choice(pool) if pool and self.rng.random() < 0.5 else usual

    def _interface(self, picked: dict, side: str, loopback: bool) -> str:
        name = picked.get(side) or self._some(side, None) or UNNAMED
        name = device_for(name)
        if name in self.ground.devices or (loopback and name == "lo"):
            return name
        return self.rng.choice(list(self.ground.devices))

    def _protocol(self, picked: dict) -> int:
        if "protocol" in picked:
            return picked["protocol"]
        if "flags" in picked:
            return TCP
        if "icmp" in picked:
            return ICMP[self.family.name]
        return self.rng.choice((TCP, TCP, TCP, UDP, UDP, ICMP[self.family.name], 47, 132, 89, 253))

    def _make(self, picked: dict, hook: str) -> Packet | None:
        rng, family, ground = self.rng, self.family, self.ground
        protocol, extension = self._protocol(picked), 0
        if protocol in ICMP.values() and protocol != ICMP[family.name]:
            return None    # no question to ctc can name the ICMP of the other family
        if family is not IPV4:
            extension = rng.choice((0,) * 30 + (AUTHENTICATION, DESTINATION_OPTIONS))
            if protocol in EXTENSIONS:
                protocol, extension = rng.choice((TCP, UDP, 47)), AUTHENTICATION
        inside = self._interface(picked, "in", False) if hook != "output" else ""
        outside = self._interface(picked, "out", hook == "output") if hook != "input" else ""
        if hook == "input" and picked.get("in") == "lo":    # it was sent before it comes in
            hook, inside, outside = "output", "", "lo"
        source = picked["source"] if "source" in picked else rng.choice(self.pools["source"])
        dest = self._destination(picked, hook, outside)
        if dest is None or not self._exists(source, dest, hook):
            return None
        # Rules meet what is forwarded before or after it has lost a hop.
        hop = picked.get("hop", self._some("hop", 64)) + (hook == "forward" and rng.randrange(2))
        packet = Packet(hook, inside, outside, source, dest, protocol, hop=min(255, max(1, hop)),
                        cast=ground.cast(dest), mac=picked.get("mac", self._some("mac", 0x020000000001)))
        if hook == "output":
            packet = packet._replace(mac=None)
        state = picked.get("state", rng.choice(("new",) * 6 + ("established", "related", "invalid")))
        if protocol in WITH_PORTS:
            packet = packet._replace(
                sport=picked.get("sport", rng.choice(self.pools["sport"])),
                dport=picked.get("dport", rng.choice(self.pools["dport"])))
        if protocol == TCP:
            usual = 2 if state == "new" and rng.random() < 0.8 else rng.choice((16, 16, 18, 17, 4, 24))
            if rng.random() < 0.15:
                usual = rng.randrange(64)
            packet = packet._replace(flags=picked.get("flags", usual))
        elif protocol == ICMP[family.name]:
            packet = self._icmp(packet, picked, state)
        if state == "established" and (protocol in (TCP, UDP)
                                       or (protocol == ICMP[family.name] and packet.kind in ECHO[family.name])):
            packet = packet._replace(entry=rng.choice(("same", "reply")))
        if hook == "input" and protocol in (TCP, UDP) \
                and (picked.get("socket") or rng.random() < 0.15):
            packet = self._to_socket(packet, picked.get("socket"))
        if picked.get("pieces") or (rng.random() < 0.04 and "flags" not in picked):
            packet = packet._replace(pieces=protocol != TCP or rng.random() < 0.3)
        if extension and not packet.pieces and self._may_follow(extension, packet):
            packet = packet._replace(extension=extension)
        return self._once(packet._replace(cast=ground.cast(packet.dest)))

    def _may_follow(self, extension: int, packet: Packet) -> bool:
        """What follows an authentication header is hidden from rules in nf_tables, where that header is the
        protocol, but not from the tracker, which leaves neighbour discovery alone, nor from xt_socket."""
        return extension != AUTHENTICATION or self.backend == "legacy" or (
            packet.protocol != ICMP[self.family.name] and self.ground.socket_for(packet) == "none")

    def _exists(self, source: int, dest: int, hook: str) -> bool:
        """Whether there are such packets on a wire: the kernel's routing refuses the others."""
        if self.family is IPV4:
            first = source >> 24
            return 0 < first < 224 and not (hook == "forward" and (first == 127 or not self._reachable(dest)))
        return source >> 120 != 0xff and source != 1 and source >> 32 != 0xffff \
            and not (hook != "output" and dest == 1) \
            and not (hook == "forward" and not (self._reachable(source) and self._reachable(dest)))

    def _destination(self, picked: dict, hook: str, outside: str) -> int | None:
        rng, ground = self.rng, self.ground
        if hook == "output" and outside == "lo" or hook == "input":
            wanted = picked.get("dest")
            if wanted is not None and ground.cast(wanted) != "other" and \
                    (hook == "input" or ground.cast(wanted) == "local"):
                return wanted
            cast = picked.get("cast") or rng.choice(("local",) * 20 + ("broadcast", "multicast"))
            if hook == "input" and cast == "broadcast" and ground.broadcasts:
                return rng.choice(sorted(ground.broadcasts))
            if hook == "input" and cast == "multicast":
                return rng.choice(ground.groups)
            if rng.random() < 0.4:
                return ground.own
            return rng.choice(sorted(ground.local))
        wanted = picked.get("dest", rng.choice(self.own or self.pools["source"]))
        cast = picked.get("cast")
        if hook == "output" and cast == "broadcast" and ground.broadcasts:
            return rng.choice([each for each in sorted(ground.broadcasts) if each >> 24 != 127])
        if hook == "output" and (cast == "multicast" or rng.random() < 0.02):
            return rng.choice(ground.groups)
        return wanted if ground.cast(wanted) == "other" and self._reachable(wanted) else None

    def _icmp(self, packet: Packet, picked: dict, state: str) -> Packet:
        rng, errors = self.rng, ERRORS[self.family.name]
        usual = (rng.choice(errors) if state == "related" else
                 rng.choice(ECHO[self.family.name]) if state in ("new", "established")
                 else rng.randrange(256), 0)
        kind, code = picked.get("icmp", self._some("icmp", usual))
        packet = packet._replace(kind=kind, code=code)
        if kind not in errors:
            return packet
        # The packet it is about went the other way.
        quote = Quote(packet.dest, packet.source, rng.choice((TCP, UDP)), rng.choice(self.pools["dport"]),
                      rng.choice(self.pools["sport"]))
        connected = [key for key in self.ground.sockets if len(key) == 5]
        if packet.hook == "input" and connected and rng.random() < 0.4:
            protocol, own, port, peer, peer_port = rng.choice(connected)
            quote = Quote(own, peer, protocol, port, peer_port)
        elif packet.hook == "input" and self.ground.sockets and rng.random() < 0.3:
            protocol, _, port, *_ = rng.choice(list(self.ground.sockets))
            quote = Quote(self.ground.own, packet.source, protocol, port, quote.dport)
        return packet._replace(quote=quote, entry="quoted" if state == "related" else "")

    def _to_socket(self, packet: Packet, kind: str | None) -> Packet:
        keys = [key for key, known in self.ground.sockets.items()
                if key[0] == packet.protocol and kind in (None, known)]
        if kind == "none" or not keys:
            return packet
        _, own, port, *peer = self.rng.choice(keys)
        packet = packet._replace(dport=port)
        if own is not None:
            packet = packet._replace(dest=own)
        if peer:
            packet = packet._replace(source=peer[0], sport=peer[1])
        return packet

    def _once(self, packet: Packet) -> Packet | None:
        """With what the host has open for it. No packet comes twice, and none to a listener from an end
        that has opened a connection there already: it would meet another socket."""
        packet = packet._replace(socket=self.ground.socket_for(packet)
                                 if packet.hook == "input" or packet.outside == "lo" else "none")
        once = packet._replace(mac=None, entry="", quote=None)
        if packet.protocol == TCP and packet.socket in ("wildcard", "bound"):
            once = once._replace(flags=0, hop=0, inside="", pieces=False)
        if once in self.used:
            return None
        self.used.add(once)
        return packet
