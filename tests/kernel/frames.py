# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of every kind the rules can tell apart, made to the last byte, and as ctc writes them.

A packet carries its number where nothing on its way changes it: in the identification of IPv4, in the
flow label of IPv6. Its two halves, where it is sent in pieces, have the same number."""
import socket
import struct
from typing import NamedTuple

from answers import FLAGS, Facts, PROTOCOL_NAMES
from netns import Family, IPV4
from packets import checksum

TCP, UDP, UDPLITE, SCTP, DCCP = 6, 17, 136, 132, 33
WITH_PORTS = (TCP, UDP, UDPLITE, SCTP, DCCP)
ICMP = {"ipv4": 1, "ipv6": 58}
ERRORS = {"ipv4": (3, 4, 5, 11, 12), "ipv6": (1, 2, 3, 4)}    # those that quote a packet
PAYLOAD = b"a probe of ctc, longer than that."
OLD = 0x40000000    # sequence numbers that are in no window, so that no connection ends by a probe
PIECE = 24    # bytes of the first half: the whole of a header, without which rules drop what they look into
FRAGMENT_HEADER = 44
AUTHENTICATION, DESTINATION_OPTIONS = 51, 60
# Headers of IPv6 that are not the protocol of a packet, whatever a rule calls them.
EXTENSIONS = (0, 43, FRAGMENT_HEADER, AUTHENTICATION, DESTINATION_OPTIONS)


class Quote(NamedTuple):
    """The packet that an ICMP error is about, as it was sent."""
    source: int
    dest: int
    protocol: int
    sport: int
    dport: int


class Packet(NamedTuple):
    hook: str                # input, forward or output
    inside: str              # the interface it comes by, or nothing
    outside: str
    source: int
    dest: int
    protocol: int
    sport: int = 0
    dport: int = 0
    flags: int = 0
    kind: int = 0            # ICMP type
    code: int = 0
    hop: int = 64
    cast: str = "local"
    socket: str = "none"
    pieces: bool = False     # sent in two fragments
    entry: str = ""          # `same` or `reply`: the direction of a tracked connection it belongs to
    quote: Quote | None = None
    mac: int | None = None
    extension: int = 0       # of IPv6: a header in front of the protocol's


class Seen(NamedTuple):
    """A packet off the observer: its number, and which piece it is."""
    number: int
    fragment: str            # none, first or later
    ends: bytes              # source and destination


def address_text(family: Family, number: int) -> str:
    return socket.inet_ntop(family.af, address_bytes(family, number))


def address_bytes(family: Family, number: int) -> bytes:
    return number.to_bytes(4 if family is IPV4 else 16, "big")


def _transport(family: Family, packet: Packet, number: int) -> bytes:
    """Header and payload of the protocol, with its checksum."""
    head = struct.pack("!HH", packet.sport, packet.dport)
    protocol = packet.protocol
    if protocol == TCP:
        segment, at = head + struct.pack("!IIBBHHH", OLD + number, OLD + number, 5 << 4, packet.flags,
                                         64240, 0, 0) + PAYLOAD, 16
    elif protocol == UDP:
        segment, at = head + struct.pack("!HH", 8 + len(PAYLOAD), 0) + PAYLOAD, 6
    elif protocol == UDPLITE:    # a coverage of 0: all of it
        segment, at = head + bytes(4) + PAYLOAD, 6
    elif protocol == SCTP:    # INIT
        segment = head + bytes(8) + struct.pack("!BBHIIHHI", 1, 0, 20, 1, 1500, 1, 1, 1)
        return segment[:8] + struct.pack("<I", crc32c(segment)) + segment[12:]
    elif protocol == DCCP:    # REQUEST with a long sequence number
        segment, at = head + struct.pack("!BBHBBHIII", 6, 0, 0, 1, 0, 0, number, 0, 0), 6
    elif protocol == ICMP[family.name]:
        segment = struct.pack("!BBHHH", packet.kind, packet.code, 0, number, 1)
        segment, at = segment + (quoted(family, packet.quote) if packet.quote else PAYLOAD), 2
    else:
        return bytes(4) + PAYLOAD
    pseudo = b""
    if protocol != ICMP["ipv4"]:
        pseudo = address_bytes(family, packet.source) + address_bytes(family, packet.dest) \
            + struct.pack("!II", len(segment), protocol)
    value = checksum(pseudo + segment) or 0xffff
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


def crc32c(data: bytes) -> int:
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


def quoted(family: Family, quote: Quote) -> bytes:
    """Header and first bytes of a packet, as an ICMP error repeats them."""
    packet = Packet("", "", "", quote.source, quote.dest, quote.protocol, quote.sport, quote.dport,
                    flags=FLAGS["ack"])
    return _header(family, packet, quote.protocol, 24, 1, 0) + _transport(family, packet, 1)[:24]


def _header(family: Family, packet: Packet, protocol: int, length: int, number: int, offset: int,
            tos: int = 0) -> bytes:
    ends = address_bytes(family, packet.source) + address_bytes(family, packet.dest)
    if family is IPV4:
        header = struct.pack("!BBHHHBBH", 0x45, tos, 20 + length, number, offset, packet.hop, protocol,
                             0) + ends
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return struct.pack("!IHBB", 6 << 28 | tos << 20 | number, length, protocol, packet.hop) + ends


def datagrams(family: Family, packet: Packet, number: int, tos: int = 0) -> list[bytes]:
    """The packet, or its pieces."""
    transport = _transport(family, packet, number)
    if packet.extension:
        after = bytes((packet.protocol,))
        header = after + (bytes((4, 0, 0)) + bytes(20) if packet.extension == AUTHENTICATION
                          else bytes((0, 1, 4, 0, 0, 0, 0)))
        transport = header + transport
        return [_header(family, packet, packet.extension, len(transport), number, 0, tos) + transport]
    if not packet.pieces:
        return [_header(family, packet, packet.protocol, len(transport), number, 0, tos) + transport]
    if family is IPV4:
        halves = ((0x2000, transport[:PIECE]), (PIECE // 8, transport[PIECE:]))
        return [_header(family, packet, packet.protocol, len(half), number, offset, tos) + half
                for offset, half in halves]
    halves = ((1, transport[:PIECE]), (PIECE, transport[PIECE:]))
    return [_header(family, packet, FRAGMENT_HEADER, 8 + len(half), number, 0, tos)
            + struct.pack("!BBHI", packet.protocol, 0, offset, number) + half
            for offset, half in halves]


def recognise(family: Family, data: bytes) -> Seen:
    """Which packet it is that begins with this IP header."""
    if family is IPV4:
        number, offset = struct.unpack_from("!HH", data, 4)
        first, later, ends = offset & 0x2000, offset & 0x1fff, data[12:20]
    else:
        number, first, later = struct.unpack_from("!I", data)[0] & 0xfffff, 0, 0
        ends = data[8:40]
        if data[6] == FRAGMENT_HEADER:
            offset, = struct.unpack_from("!H", data, 42)
            first, later = offset & 1, offset >> 3
    return Seen(number, "later" if later else "first" if first else "none", ends)


def seen_as(family: Family, packet: Packet, number: int) -> list[Seen]:
    """What an observer may recognise the packet as."""
    ends = address_bytes(family, packet.source) + address_bytes(family, packet.dest)
    return [Seen(number, piece, ends)
            for piece in (("none", "first", "later") if packet.pieces else ("none",))]


def as_rules_see(packet: Packet, backend: str) -> Packet:
    """An authentication header is one more header to legacy tables, and a protocol to nf_tables."""
    if packet.extension == AUTHENTICATION and backend == "nft":
        return packet._replace(protocol=AUTHENTICATION)
    return packet


def notation(family: Family, packet: Packet, state: str | None, fragment: str) -> str:
    """The packet as a question to ctc. What the notation cannot say is left out: port 0, and ports of
    protocols besides TCP and UDP."""
    words = []
    if packet.hook != "output":
        words += ["in", packet.inside]
    if packet.hook != "input":
        words += ["out", packet.outside]
    words.append(PROTOCOL_NAMES.get(packet.protocol, f"protocol {packet.protocol}"))
    named = fragment != "later"
    ported = named and packet.protocol in (TCP, UDP)
    for word, address, port in (("from", packet.source, packet.sport), ("to", packet.dest, packet.dport)):
        words += [word, address_text(family, address)]
        if ported and port:
            words += ["port", str(port)]
    if named and packet.protocol == ICMP[family.name]:
        words += ["type", str(packet.kind), "code", str(packet.code)]
    if state:
        words.append(state)
    if named and packet.protocol == TCP:
        words += [name for name, bit in FLAGS.items() if packet.flags & bit] or ["no-flags"]
    words += ["hop", str(packet.hop), "fragment", fragment, "cast", packet.cast]
    if packet.hook == "input":
        words += ["socket", packet.socket]
    return " ".join(words)


def facts(family: Family, packet: Packet, state: str | None, fragment: str) -> Facts:
    named = fragment != "later"
    ported = named and packet.protocol in WITH_PORTS
    icmp = named and packet.protocol == ICMP[family.name]
    return Facts(packet.inside, packet.outside, packet.protocol, packet.source, packet.dest,
                 packet.sport if ported else None, packet.dport if ported else None, packet.cast,
                 packet.kind if icmp else None, packet.code if icmp else None, state,
                 packet.flags if named and packet.protocol == TCP else None, fragment, packet.hop,
                 packet.mac, packet.socket)
