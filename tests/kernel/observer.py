# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel does with packets, told at every station by a table of its own that stands between
those under test, accepts everything, and logs it.

    P  before raw             prerouting        O  the same of what leaves
    p  behind the tracker     prerouting        o  the same of what leaves
    r  behind prerouting, before routing
    I  F                      for this host, or forwarded, as routing decided
    Y  behind all rules       input             Z  postrouting

Asking for the state would start the tracker: it is asked for only where the tracker runs already."""
import socket
import struct
import time
from collections import defaultdict

from frames import Seen, recognise
from netns import Family, Namespace

NETLINK_NETFILTER = 12
SUBSYSTEM_CONNTRACK, SUBSYSTEM_LOG = 1, 4
GROUP = 7
SNAPLEN = 64
LOG_PREFIX, LOG_PAYLOAD = 10, 9    # attributes of what is logged
QUIET = 0.03      # seconds without a message after which none is expected any more
PATIENCE = 1.5    # seconds after which what was not seen is lost
MOST_PATIENCE = 20    # seconds, for what the kernel cannot but see: a machine under load takes its time
STATES = ("new", "established", "related", "invalid", "untracked")
SO_RCVBUFFORCE = 33


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def nest(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | 0x8000, b"".join(parts))


def message(subsystem: int, kind: int, flags: int, family: int, resource: int, *parts: bytes) -> bytes:
    body = struct.pack("!BBH", family, 0, resource) + b"".join(parts)
    return struct.pack("=IHHII", 16 + len(body), subsystem << 8 | kind, 1 | flags, 0, 0) + body


def _attributes(data: bytes, at: int, end: int):
    while at + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind, data[at + 4:at + length]
        at += (length + 3) & ~3


def chains(family: Family, stateful: bool) -> str:
    def log(prefix: str) -> str:
        return f'log prefix "{prefix}" snaplen {SNAPLEN} group {GROUP} queue-threshold 64'

    def by_state(prefix: str) -> str:
        if not stateful:
            return log(prefix)
        return "\n".join(f"ct state {state} {log(prefix + state)} accept" for state in STATES)

    stations = (("prerouting", -350, log("P")), ("prerouting", -199, by_state("p")),
                ("prerouting", 1000, log("r")), ("input", -151, log("I")), ("forward", -151, log("F")),
                ("input", 1000, log("Y")), ("output", -350, log("O")), ("output", -199, by_state("o")),
                ("postrouting", 1000, log("Z")))
    table = "ip" if family.name == "ipv4" else "ip6"
    return f"table {table} ctc_witness {{\n" + "".join(
        f"chain station{number} {{\ntype filter hook {hook} priority {priority};\n{rules}\n}}\n"
        for number, (hook, priority, rules) in enumerate(stations)) + "}\n"


class Track:
    """Where one packet was seen, and in what state."""

    def __init__(self):
        self.stations = ""
        self.states: dict[str, str] = {}    # by station; none where nobody asks the tracker


class Observer:
    def __init__(self, space: Namespace, family: Family, stateful: bool):
        self.family = family
        self.stateful = stateful
        with space:
            self.log = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.log.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.log.settimeout(QUIET)
        for setting in (attribute(1, struct.pack("!B", 1)),               # bind to the group
                        attribute(2, struct.pack("!IBB", SNAPLEN, 2, 0)),    # copy so much of a packet
                        attribute(4, struct.pack("!I", 1))):              # send after 10 ms
            self.log.send(message(SUBSYSTEM_LOG, 1, 0, 0, GROUP, setting))
        space.run("nft", "-f", "-", text=chains(family, stateful))

    def watch(self, numbers: set[int], certain: set[int]) -> dict[Seen, Track]:
        """All that was logged since the last call, until each packet was seen at least once. The kernel may
        never send some; `certain` are those that it sees whatever the rules are."""
        tracks: dict[Seen, Track] = defaultdict(Track)
        missing = set(numbers)
        begin = time.monotonic()
        while time.monotonic() < begin + (MOST_PATIENCE if missing & certain else PATIENCE):
            try:
                data = self.log.recv(1 << 18)
            except TimeoutError:
                if not missing:
                    break
                continue
            self._read(data, tracks, missing)
        return tracks

    def _read(self, data: bytes, tracks: dict[Seen, Track], missing: set[int]) -> None:
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == SUBSYSTEM_LOG << 8:
                logged = dict(_attributes(data, at + 20, at + length))
                station = logged[LOG_PREFIX][:1].decode()
                seen = recognise(self.family, logged[LOG_PAYLOAD])
                track = tracks[seen]
                track.stations += station
                if len(logged[LOG_PREFIX]) > 2:
                    track.states[station] = logged[LOG_PREFIX][1:-1].decode()
                missing.discard(seen.number)
            at += (length + 3) & ~3
