# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets made by hand, for what no ordinary socket sends: source port 0, a lone FIN, a reply that
nobody asked for. And the answers to them, read off the wire.

Every probe carries its own number where an answer repeats it: in the TCP sequence and
acknowledgement numbers, in the UDP payload, in the echo identifier.
"""
import re
import socket
import struct
from typing import NamedTuple

from netns import Family, IPV4

FIN, SYN, RST, ACK = 1, 2, 4, 16
FLAG_NAMES = {SYN: "syn", ACK: "ack", FIN: "fin", FIN | ACK: "fin+ack", SYN | ACK: "syn+ack"}
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
ICMP = {"ipv4": socket.IPPROTO_ICMP, "ipv6": socket.IPPROTO_ICMPV6}
ECHO_REQUEST = {"ipv4": 8, "ipv6": 128}
ECHO_REPLY = {"ipv4": 0, "ipv6": 129}
ERROR_TYPES = {"ipv4": (3, 11, 12), "ipv6": (1, 2, 3, 4)}
# What a refused packet is answered with by default: host prohibited, administratively prohibited.
PROHIBITED = {"ipv4": "icmp 3/10", "ipv6": "icmp 1/1"}
MARK = re.compile(rb"probe-([0-9]{6})")


class Probe(NamedTuple):
    number: int
    source: str
    dest: str
    protocol: str            # tcp, udp or ping
    sport: int = 0
    dport: int = 0
    flags: int = SYN

    def what(self) -> str:
        if self.protocol == "ping":
            return "ping"
        kind = f" {FLAG_NAMES[self.flags]}" if self.protocol == "tcp" else ""
        return f"{self.protocol}{kind} {self.dport}"


def mark(number: int) -> bytes:
    return b"probe-%06d" % number


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _with_checksum(family: Family, source: str, dest: str, protocol: int, segment: bytes,
                   offset: int) -> bytes:
    """Fill in the two bytes at `offset`. ICMP of IPv4 has no pseudo header."""
    pseudo = b""
    if protocol != socket.IPPROTO_ICMP:
        pseudo = (socket.inet_pton(family.af, source) + socket.inet_pton(family.af, dest)
                  + struct.pack("!II", len(segment), protocol))
    value = checksum(pseudo + segment)
    return segment[:offset] + struct.pack("!H", value) + segment[offset + 2:]


def tcp_segment(family, source, dest, sport, dport, flags, seq, ack) -> bytes:
    header = struct.pack("!HHIIBBHHH", sport, dport, seq, ack if flags & ACK else 0,
                         5 << 4, flags, 64240, 0, 0)
    return _with_checksum(family, source, dest, TCP, header, 16)


def udp_datagram(family, source, dest, sport, dport, payload: bytes) -> bytes:
    header = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)
    return _with_checksum(family, source, dest, UDP, header + payload, 6)


def icmp_message(family, source, dest, kind, code, rest: int, payload: bytes) -> bytes:
    """`rest` is the second word: identifier and sequence, or an MTU."""
    header = struct.pack("!BBHI", kind, code, 0, rest)
    return _with_checksum(family, source, dest, ICMP[family.name], header + payload, 2)


def ip_packet(family: Family, source: str, dest: str, protocol: int, payload: bytes) -> bytes:
    addresses = socket.inet_pton(family.af, source) + socket.inet_pton(family.af, dest)
    if family is IPV4:    # the kernel fills in the header's checksum
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) \
            + addresses + payload
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + addresses + payload


def probe_packet(family: Family, probe: Probe) -> bytes:
    number = probe.number << 8
    ends = (family, probe.source, probe.dest)
    if probe.protocol == "tcp":
        return ip_packet(*ends, TCP, tcp_segment(*ends, probe.sport, probe.dport, probe.flags,
                                                 number, number))
    if probe.protocol == "udp":
        return ip_packet(*ends, UDP, udp_datagram(*ends, probe.sport, probe.dport,
                                                  b"32 " + mark(probe.number)))
    return ip_packet(*ends, ICMP[family.name],
                     icmp_message(*ends, ECHO_REQUEST[family.name], 0,
                                  probe.number << 16, mark(probe.number)))


def _transport(family: Family, packet: bytes) -> tuple[int, bytes]:
    """Protocol and bytes behind the IP header; no test sends extension headers but fragments."""
    if family is IPV4:
        return packet[9], packet[(packet[0] & 15) * 4:]
    protocol, at = packet[6], 40
    if protocol == socket.IPPROTO_FRAGMENT:
        protocol, at = packet[at], at + 8
    return protocol, packet[at:]


def _number(family: Family, protocol: int, segment: bytes) -> int:
    """The number of the probe that this segment is, or answers."""
    if protocol == TCP:
        return struct.unpack("!I", segment[4:8])[0] >> 8
    if protocol == ICMP[family.name]:
        return struct.unpack("!H", segment[4:6])[0]
    found = MARK.search(segment)
    return int(found[1]) if found else -1


def read_answer(family: Family, packet: bytes) -> tuple[int, str] | None:
    """The number of the probe that `packet` answers and what it says, or None."""
    protocol, segment = _transport(family, packet)
    if protocol == TCP and len(segment) >= 20:
        seq, ack = struct.unpack("!II", segment[4:12])
        flags = segment[13]
        if flags & RST:
            # A reset repeats our acknowledgement number as its sequence number, or our sequence
            # number as what it acknowledges.
            return (seq or ack) >> 8, "rst"
        if flags & SYN:
            return ack >> 8, "syn+ack"
        return ack >> 8, "tcp"
    if protocol == UDP:
        return _number(family, UDP, segment), "udp"
    if protocol == ICMP[family.name] and len(segment) >= 8:
        kind, code = segment[0], segment[1]
        if kind == ECHO_REPLY[family.name]:
            return _number(family, protocol, segment), "echo reply"
        if kind in ERROR_TYPES[family.name]:
            inner, quoted = _transport(family, segment[8:])
            return _number(family, inner, quoted), f"icmp {kind}/{code}"
    return None
