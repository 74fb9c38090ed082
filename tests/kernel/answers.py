# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ctc explain` says of packets that are known: its answer is a list of parts, each a verdict and
the boxes of packets that get it, in words. A packet belongs to the first part that has a box it fits.

A box can hold what a probe does not control, such as a limit or a match that ctc does not model. Such
a box fits perhaps, and a packet then has several answers."""
import ipaddress
import json
import os
import re
import subprocess
from typing import NamedTuple

from netns import Family

FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32}
OPENING = 1 | 2 | 4 | 16    # the flags that decide whether a segment opens
PROTOCOLS = {"icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "6in4": 41,
             "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "eigrp": 88,
             "ospf": 89, "etherip": 97, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tpv3": 115,
             "sctp": 132, "udplite": 136}
PROTOCOL_NAMES = {number: name for name, number in reversed(PROTOCOLS.items())}
STATES = ("new", "established", "related", "invalid", "untracked")
# What no probe controls.
BEYOND = re.compile(r"\((within|over|full|where|unless|if)[ /]|\b(up to|over) \d+/|while the limit's table is full")
TOKEN = re.compile(r"\([^()]*\)|\S+")


class Answer(NamedTuple):
    accepted: bool | None    # None: neither accepted nor refused as far as ctc knows
    tracked: bool
    text: str                # the verdict in words
    rule: str


class Facts(NamedTuple):
    """A packet as the boxes speak of it. None: it has no such thing, or nobody knows."""
    inside: str
    outside: str
    protocol: int
    source: int
    dest: int
    sport: int | None
    dport: int | None
    cast: str
    kind: int | None
    code: int | None
    state: str | None
    flags: int | None
    fragment: str
    hop: int
    mac: int | None
    socket: str


def explain(rules: str, family: Family, questions: list[str], sets: str = "") -> list[list[dict]]:
    """The parts of the answer to each question. `sets`: the file of those that the rules ask for."""
    options = ["--sets", sets] if sets else []
    done = subprocess.run([os.environ["CTC"], "explain", family.option, "--format", "json", *options, rules, "-"],
                          input="\n".join(questions), capture_output=True, text=True, timeout=120,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ctc explain {rules}: exit {done.returncode}\n{done.stderr[:2000]}")
    answers = []
    for each in json.loads(done.stdout)["sets"]:
        found = [answer for answer in each["answers"] if answer["family"] == family.name]
        if not found or not found[0]["decided"]:
            raise RuntimeError(f"ctc explain {rules}: nothing is said of {each['packets']}")
        answers.append(found[0]["parts"])
    return answers


def possible(parts: list[dict], facts: Facts) -> list[Answer]:
    """Every answer that the packet may have, the likeliest last; none: ctc knows no such packet."""
    answers = []
    for part in parts:
        fits = [box_fits(box, facts) for box in part["packets"]]
        if not part["complete"]:
            fits.append(None)
        if True not in fits and None not in fits:
            continue
        accepted = {"accept": True, "drop": False, "reject": False}.get(part["verdict"])
        rule = " ".join(str(part[key]) for key in ("section", "name", "rule") if part[key])
        answers.append(Answer(accepted, part["tracked"], part["text"], rule))
        if True in fits:
            break
    return answers


def box_fits(box: str, facts: Facts) -> bool | None:
    beyond = BEYOND.search(box)
    words = TOKEN.findall(box[:beyond.start()] if beyond else box)
    result: bool | None = None if beyond else True
    while words:
        fits = _take_field(words, facts)
        if fits is False:
            return False
        if fits is None:
            result = None
    return result


def _take_field(words: list[str], facts: Facts) -> bool | None:
    word = words.pop(0)
    if word == "in":
        return _interface(words, facts.inside)
    if word == "out":
        return _interface(words, facts.outside)
    if word in ("from", "to"):
        return _side(words, *((facts.source, facts.sport) if word == "from"
                              else (facts.dest, facts.dport)))
    if word in ("cast", "fragment", "socket"):
        return getattr(facts, word) in words.pop(0).split("/")
    if word in ("type", "code", "hop"):
        return _numbers(words, {"type": facts.kind, "code": facts.code, "hop": facts.hop}[word])
    if word == "mac":
        return _list(words, facts.mac, _mac)
    if word == "helper":    # no probe belongs to a connection that a helper expected
        return _list(words, "none", lambda text: (text, text))
    if word in STATES or (word == "not" and words[0] in STATES):
        return _states(word, words, facts.state)
    if _of_flags(word) or (word == "not" and _of_flags(words[0])):
        words.insert(0, word)
        return _flags(words, facts.flags)
    if word == "protocol":
        word = words.pop(0)
    words.insert(0, word)
    return _list(words, facts.protocol, _protocol)


def _interface(words: list[str], name: str) -> bool:
    word = words.pop(0)
    if word == "any":
        return True
    return name in word.split(",") if word != "not" else name not in words.pop(0).split(",")


def _side(words: list[str], address: int, port: int | None) -> bool | None:
    fits: bool | None = True
    if words and words[0] != "port":
        fits = _list(words, address, _address)
    if words and words[0] == "port":
        words.pop(0)
        of_port = _numbers(words, port)
        fits = False if False in (fits, of_port) else None if None in (fits, of_port) else True
    return fits


def _numbers(words: list[str], value: int | None) -> bool | None:
    return _list(words, value, _range)


def _list(words: list[str], value, read) -> bool | None:
    inverted = words[0] == "not"
    if inverted:
        words.pop(0)
    items = words.pop(0).split(",")
    if value is None:
        return None
    more = [each for each in items if each.startswith("and-")]
    ranges = [read(each) for each in items if each not in more]
    inside = any(first <= value <= last for first, last in ranges)
    if more and not inside:
        return None
    return inside != inverted


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _protocol(text: str) -> tuple[int, int]:
    return (PROTOCOLS[text],) * 2 if text in PROTOCOLS else _range(text)


def _mac(text: str) -> tuple[int, int]:
    first = text.removesuffix("-...")
    number = int(first.replace(":", ""), 16)
    return number, number if first == text else (1 << 48) - 1


def _address(text: str) -> tuple[int, int]:
    if "-" in text:
        first, last = text.split("-")
        return int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))
    network = ipaddress.ip_network(text)
    return int(network.network_address), int(network.broadcast_address)


def _states(word: str, words: list[str], state: str | None) -> bool | None:
    inverted = word == "not"
    named = [] if inverted else [word]
    while words and words[0] in STATES:
        named.append(words.pop(0))
    return None if state is None else (state in named) != inverted


def _of_flags(word: str) -> bool:
    return word in ("no-flags", "with", "without") or word.split(",")[0] in FLAGS


def _flags(words: list[str], flags: int | None) -> bool | None:
    """Alternatives with `or` between them, then what is not so: `syn or with urg`, `without rst not syn`."""
    said: list[bool] = []
    apart = False
    value = flags or 0
    while words and (_of_flags(words[0]) or (words[0] == "not" and words[1:] and _of_flags(words[1]))):
        if words[0] == "not":
            words.pop(0)
            apart = _flag_test(words, value) or apart
            continue
        said.append(_flag_test(words, value))
        if not words or words[0] != "or":
            continue
        words.pop(0)
    return None if flags is None else (not said or any(said)) and not apart


def _flag_test(words: list[str], flags: int) -> bool:
    """One alternative: flags by name, of which the others that open and close are not set; or those that are set
    and those that are not."""
    if words[0] == "no-flags":
        words.pop(0)
        return flags == 0
    if words[0] not in ("with", "without"):
        names = words.pop(0).split(",")
        while words and words[0] in FLAGS:
            names.append(words.pop(0))
        return flags & (OPENING | _bits(names)) == _bits(names)
    fits = True
    while words and words[0] in ("with", "without"):
        word, bits = words.pop(0), _bits(words.pop(0).split(","))
        fits = fits and (flags & bits == bits if word == "with" else flags & bits == 0)
    return fits


def _bits(names: list[str]) -> int:
    return sum(FLAGS[name] for name in names)
