# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rules of a file tell apart: for each rule the values that it names, with those just inside
and just outside of them. It reads no more of a rule than it needs to find them."""
import re
import shlex
from collections import defaultdict
from typing import Iterable, NamedTuple

from answers import FLAGS, PROTOCOLS
from ground import number_of
from netns import Family, IPV4, IPV6

HOOKS = {"INPUT": ("input",), "FORWARD": ("forward",), "OUTPUT": ("output",),
         "PREROUTING": ("input", "forward"), "POSTROUTING": ("forward", "output")}
ICMP_NAMES = {"echo-reply": (0, None), "destination-unreachable": (3, None), "echo-request": (8, None),
              "fragmentation-needed": (3, 4), "port-unreachable": (3, 3), "host-unreachable": (3, 1),
              "source-quench": (4, None), "redirect": (5, None), "time-exceeded": (11, None),
              "ttl-exceeded": (11, None), "parameter-problem": (12, None),
              "timestamp-request": (13, None), "address-mask-request": (17, None)}
ICMP6_NAMES = {"destination-unreachable": (1, None), "packet-too-big": (2, None),
               "time-exceeded": (3, None), "parameter-problem": (4, None), "echo-request": (128, None),
               "echo-reply": (129, None), "router-solicitation": (133, None),
               "router-advertisement": (134, None), "neighbour-solicitation": (135, None),
               "neighbor-solicitation": (135, None), "neighbour-advertisement": (136, None),
               "neighbor-advertisement": (136, None), "redirect": (137, None)}
CASTS = {"LOCAL": "local", "BROADCAST": "broadcast", "MULTICAST": "multicast", "UNICAST": "other"}


class Values(NamedTuple):
    """Of one field: what the rule takes, and what it does not."""
    inside: tuple
    outside: tuple


class Rule(NamedTuple):
    fields: dict[str, Values]
    target: str


class Rules(NamedTuple):
    rules: list[tuple[str, Rule]]                  # by "table chain", in order
    callers: dict[str, list[tuple[str, Rule]]]     # the rules that lead to a chain


def _between(ranges: Iterable[tuple[int, int]], last: int, inverted: bool) -> Values:
    ranges = list(ranges)
    inside = {edge for low, high in ranges for edge in (low, high, (low + high) // 2)}
    outside = {edge for low, high in ranges for edge in (low - 1, high + 1) if 0 <= edge <= last}
    outside = {edge for edge in outside if not any(low <= edge <= high for low, high in ranges)}
    found = tuple(sorted(inside)), tuple(sorted(outside))
    return Values(*reversed(found)) if inverted else Values(*found)


def _prefix(family: Family, text: str) -> tuple[int, int] | None:
    bits = 32 if family is IPV4 else 128
    address, _, length = text.partition("/")
    try:
        first = number_of(family, address)
        if "." in length:
            mask = number_of(family, length)
            length = bits - (mask ^ (1 << bits) - 1).bit_length()
        size = bits - int(length or bits)
    except (OSError, ValueError):    # a name
        return None
    first = first >> size << size
    return first, first + (1 << size) - 1


def _ports(text: str) -> list[tuple[int, int]]:
    found = []
    for each in text.split(","):
        low, colon, high = each.partition(":")
        if (low or colon) and (low + high).isdigit():
            found.append((int(low or 0), int(high or 65535) if colon else int(low)))
    return found


def _icmp(family: Family, text: str, inverted: bool) -> Values | None:
    kind, _, code = text.partition("/")
    if kind.isdigit():
        kind, code = int(kind), int(code) if code else None
    elif text in (ICMP_NAMES if family is IPV4 else ICMP6_NAMES):
        kind, code = (ICMP_NAMES if family is IPV4 else ICMP6_NAMES)[text]
    else:
        return None
    inside = ((kind, code),) if code is not None else ((kind, 0), (kind, 1), (kind, 255))
    outside = [(each, code or 0) for each in (kind - 1, kind + 1) if 0 <= each <= 255]
    if code is not None:
        outside += [(kind, each) for each in (code - 1, code + 1) if 0 <= each <= 255]
    return Values(tuple(outside), inside) if inverted else Values(inside, tuple(outside))


def _flags(mask: str, wanted: str, inverted: bool) -> Values:
    def bits(text: str) -> int:
        if text == "ALL":
            return 63
        return sum(FLAGS[each.lower()] for each in text.split(",") if each.lower() in FLAGS)
    mask_bits, wanted_bits = bits(mask), bits(wanted)
    inside = tuple({wanted_bits, wanted_bits | 8 & ~mask_bits, wanted_bits | 63 & ~mask_bits})
    outside = tuple({wanted_bits ^ bit for bit in FLAGS.values() if mask_bits & bit})
    return Values(outside, inside) if inverted else Values(inside, outside)


class Members(NamedTuple):
    """What a set holds, of each kind of which it holds something."""
    addresses: list[tuple[int, int]]
    protocols: list[int]
    ports: list[tuple[int, int]]


def members(text: str) -> dict[str, Members]:
    """The sets of a text by name: their members, as far as they are written as addresses, prefixes and ports."""
    sets: dict[str, Members] = {}
    for line in text.splitlines():
        match line.split():
            case ["create", name, *_]:
                sets[name] = Members([], [], [])
            case ["add", name, member, *_]:
                of_ports = re.fullmatch(r"(?:(.+),)?(?:(tcp|udp):)?(\d+)(?:-(\d+))?", member)
                address = of_ports[1] if of_ports else member
                if address:
                    sets[name].addresses.append(_prefix(IPV6 if ":" in address else IPV4, address))
                if of_ports:
                    sets[name].protocols.append(PROTOCOLS[of_ports[2] or "tcp"])
                    sets[name].ports.append((int(of_ports[3]), int(of_ports[4] or of_ports[3])))
    return sets


class _Reader:
    """The words of one rule."""

    def __init__(self, family: Family, words: list[str], sets: dict[str, Members]):
        self.family, self.words, self.sets = family, words, sets
        self.fields: dict[str, Values] = {}
        self.target = ""
        inverted = False
        while self.words:
            word = self.words.pop(0)
            if word == "!":
                inverted = True
                continue
            self._take(word, inverted)
            inverted = False

    def _next(self) -> str:
        if self.words and self.words[0] == "!":    # behind its option, as it was once written
            self.words.pop(0)
        return self.words.pop(0) if self.words else ""

    def _set(self, name: str, values: Values | None) -> None:
        if values and (values.inside or values.outside):
            self.fields[name] = values

    def _take(self, word: str, inverted: bool) -> None:
        last = 0xffffffff if self.family is IPV4 else (1 << 128) - 1
        if word in ("-s", "-d", "--source", "--destination", "--src", "--dst"):
            found = [each for text in self._next().split(",") if (each := _prefix(self.family, text))]
            self._set("source" if word in ("-s", "--source", "--src") else "dest",
                      _between(found, last, inverted))
        elif word in ("--src-range", "--dst-range"):
            low, _, high = self._next().partition("-")
            self._set("source" if word == "--src-range" else "dest",
                      _between([(number_of(self.family, low), number_of(self.family, high or low))],
                               last, inverted))
        elif word in ("--sport", "--source-port", "--sports", "--source-ports", "--dport",
                      "--destination-port", "--dports", "--destination-ports"):
            self._set("sport" if word.startswith("--s") else "dport",
                      _between(_ports(self._next()), 65535, inverted))
        elif word == "--ports":
            self._set("dport", _between(_ports(self._next()), 65535, inverted))
        elif word in ("-p", "--protocol"):
            text = self._next()
            number = int(text) if text.isdigit() else PROTOCOLS.get(text.lower(), 0)
            if number:
                self._set("protocol", Values((), (number,)) if inverted else Values((number,), (17, 6, 47)))
        elif word in ("-i", "--in-interface", "-o", "--out-interface"):
            name = self._next()
            if inverted:
                values = Values((), (name,))
            else:
                values = Values((name,), (None,))
            self._set("in" if word in ("-i", "--in-interface") else "out", values)
        elif word in ("--icmp-type", "--icmpv6-type"):
            self._set("icmp", _icmp(self.family, self._next(), inverted))
        elif word == "--tcp-flags":
            self._set("flags", _flags(self._next(), self._next(), inverted))
        elif word == "--syn":
            self._set("flags", _flags("FIN,SYN,RST,ACK", "SYN", inverted))
        elif word in ("--hl-eq", "--ttl-eq", "--hl-lt", "--ttl-lt", "--hl-gt", "--ttl-gt"):
            text = self._next()
            if text.isdigit():
                value = int(text)
                low, high = {"q": (value, value), "t": (0, value - 1)}[word[-1]] \
                    if not word.endswith("gt") else (value + 1, 255)
                self._set("hop", _between([(low, high)], 255, inverted))
        elif word in ("--state", "--ctstate"):
            states = tuple(each.lower() for each in self._next().split(","))
            others = tuple(each for each in ("new", "established", "related", "invalid")
                           if each not in states)
            self._set("state", Values(others, states) if inverted else Values(states, others))
        elif word == "--dst-type":
            casts = tuple(CASTS[each] for each in self._next().split(",") if each in CASTS)
            others = tuple(each for each in CASTS.values() if each not in casts)
            self._set("cast", Values(others, casts) if inverted else Values(casts, others))
        elif word == "--mac-source":
            text = self._next()
            if re.fullmatch("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", text):
                value = int(text.replace(":", ""), 16)
                self._set("mac", _between([(value, value)], (1 << 48) - 1, inverted))
        elif word in ("-f", "--fragment", "--fragfirst", "--fragmore"):
            self._set("pieces", Values((True,), (False,)))
        elif word in ("-m", "--match") and self.words and self.words[0] == "socket":
            self._set("socket", Values(("bound", "connected"), ("none", "wildcard")))
        elif word == "--match-set":
            self._take_set(self._next(), self._next().split(","), inverted)
        elif word in ("-j", "--jump", "-g", "--goto"):
            self.target = self._next()


    def _take_set(self, name: str, sides: list[str], inverted: bool) -> None:
        """Of pairs each part by itself: what is inside of both may be outside of the set."""
        of = self.sets.get(name, Members([], [], []))
        last = 0xffffffff if self.family is IPV4 else (1 << 128) - 1
        ports = sides[1:] if of.addresses else sides
        if of.addresses and of.addresses[0][1] <= last:
            self._set("source" if sides[0] == "src" else "dest", _between(of.addresses, last, inverted))
        if of.ports and ports:
            if "protocol" not in self.fields:
                self._set("protocol", Values(tuple(sorted({*of.protocols, 6, 17})), (47, 50)))
            self._set("sport" if ports[0] == "src" else "dport", _between(of.ports, 65535, inverted))


def read(family: Family, text: str, rng, sets: str = "", most: int = 600) -> Rules:
    """The rules of a file, and the sets that they ask for; where they are very many, some of them."""
    known = members(sets)
    lines = []
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A"):
            lines.append((table, line))
    if len(lines) > most:
        kept = set(rng.sample(range(len(lines)), most))
        lines = [each for number, each in enumerate(lines) if number in kept]
    rules, callers = [], defaultdict(list)
    for table, line in lines:
        words = shlex.split(line)
        chain = f"{table} {words[1]}"
        reader = _Reader(family, words[2:], known)
        rule = Rule(reader.fields, reader.target)
        rules.append((chain, rule))
        callers[f"{table} {rule.target}"].append((chain, rule))
    return Rules(rules, callers)


def path_to(rules: Rules, chain: str, rng) -> tuple[str, list[Rule]]:
    """One way to a chain: the built-in chain it begins at, and the rules that lead from there."""
    way: list[Rule] = []
    while chain.split()[1] not in HOOKS and len(way) < 16:
        if not rules.callers.get(chain):
            return "", way
        chain, rule = rng.choice(rules.callers[chain])
        way.insert(0, rule)
    name = chain.split()[1]
    return (name if name in HOOKS else ""), way
