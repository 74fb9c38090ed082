# SPDX-License-Identifier: GPL-2.0-or-later
"""The host that the probes meet: a namespace with an Ethernet device for each interface the rules
name, addresses that make destinations local, and sockets of every kind.

Frames are written to the devices by hand. Nobody answers ARP or neighbour discovery there and nobody
needs to; what the host sends is lost."""
import fcntl
import os
import socket
import struct
from typing import Iterable

from frames import ERRORS, ICMP, Packet, TCP, UDP, address_bytes, address_text, datagrams
from netns import Family, IPV4, Namespace
from observer import NETLINK_NETFILTER, SUBSYSTEM_CONNTRACK, attribute, message, nest

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
TCP_REPAIR, REPAIR_ON, REPAIR_OFF = 19, 1, -1
STRANGER_MAC = 0x020000000001

# This host's address in the networks of nobody's rules, and destinations that are not of one host.
OWN = ("10.203.7.1", "2001:db8:ffff::1")
BROADCASTS = ("10.203.7.255", "127.255.255.255", "255.255.255.255")
GROUPS = (("224.0.0.1", "224.0.0.251", "239.1.2.3"), ("ff02::1", "ff02::fb", "ff05::1:3"))

QUIET_KERNEL = {
    "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.accept_local": 1, "net.ipv4.conf.all.route_localnet": 1,
    "net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.conf.default.router_solicitations": 0, "net.ipv6.conf.all.accept_redirects": 0,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
}


def number_of(family: Family, text: str) -> int:
    return int.from_bytes(socket.inet_pton(family.af, text), "big")


class Ground:
    def __init__(self, family: Family, interfaces: Iterable[str]):
        self.family = family
        self.space = Namespace("ground")
        for name, value in QUIET_KERNEL.items():
            self.space.sysctl(name, value)
        self.own = number_of(family, OWN[family.index])
        self.broadcasts = {number_of(family, each) for each in BROADCASTS} if family is IPV4 else set()
        self.groups = [number_of(family, each) for each in GROUPS[family.index]]
        self.local: set[int] = set()
        self.devices: dict[str, int] = {}
        self.macs: dict[str, bytes] = {}
        self.keep: list[socket.socket] = []
        self.tracker = self._socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        for name in interfaces:
            self._add_device(name)
        self.senders = {name: self._sender(name) for name in (*self.devices, "lo")}
        self.sockets: dict[tuple, str] = {}
        self.reset_addresses(())

    def _socket(self, *what) -> socket.socket:
        with self.space:
            return socket.socket(*what)

    def close(self) -> None:
        """Sockets first: a device goes only when nothing holds it."""
        for each in (*self.keep, *self.senders.values(), self.tracker):
            each.close()
        for device in self.devices.values():
            os.close(device)
        self.space.close()

    def _ip(self, *lines: str) -> None:
        self.space.run("ip", self.family.option, "-batch", "-", text="\n".join(lines) + "\n")

    def _add_device(self, name: str) -> None:
        with self.space:
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        index = len(self.devices) + 1
        self.devices[name] = device
        self.macs[name] = bytes((2, 0, 0, 0, 1, index))
        table = 100 + index
        self._ip(f"link set {name} address {self.macs[name].hex(':')} arp off",
                      f"link set {name} up",
                      f"route add default dev {name} metric {table}",
                      f"route add default dev {name} table {table}",
                      f"rule add tos {self.tos(name):#x} table {table}")
        for group in self.groups:
            packed = address_bytes(self.family, group)
            member = self._socket(self.family.af, socket.SOCK_DGRAM)
            self.keep.append(member)
            with self.space:
                at = socket.if_nametoindex(name)
            if self.family is IPV4:
                request = packed + struct.pack("=4xI", at)
                self._join(member, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            else:
                self._join(member, socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                           packed + struct.pack("=I", at))

    @staticmethod
    def _join(member, level, option, request) -> None:
        try:
            member.setsockopt(level, option, request)
        except OSError:    # a group that every host is in
            pass

    def tos(self, name: str) -> int:
        """The type of service by which a forwarded packet finds its way out. It has 7 values."""
        return 4 * (list(self.devices).index(name) + 1)

    def _sender(self, name: str) -> socket.socket:
        sender = self._socket(self.family.af, socket.SOCK_RAW, socket.IPPROTO_RAW)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if name != "lo":
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        return sender

    def reset_addresses(self, wanted: Iterable[int]) -> None:
        """Make these destinations local, and no others but the host's own and its loopback."""
        family = self.family
        whole = 8 * len(address_bytes(family, 0))
        nodad = "" if family is IPV4 else " nodad"
        if self.local:
            self._ip(*(f"address del {address_text(family, each)}/{whole} dev lo"
                            for each in sorted(self.local - {self.own})))
        self.local = {self.own}
        first = next(iter(self.devices))
        lines = [f"address replace {address_text(family, self.own)}/"
                 f"{24 if family is IPV4 else 64} "
                 f"{'broadcast + ' if family is IPV4 else ''}dev {first}{nodad}"]
        for each in wanted:
            if self.can_be_local(each):
                lines.append(f"address replace {address_text(family, each)}/{whole} dev lo{nodad}")
                self.local.add(each)
        self._ip(*lines)

    def can_be_local(self, address: int) -> bool:
        if self.family is IPV4:
            return 1 <= address >> 24 < 224 and address >> 24 != 127 \
                and address >> 8 != self.own >> 8
        return address > 1 and address >> 118 != 0xfe80 >> 6 and address >> 120 != 0xff \
            and address >> 32 != 0xffff

    def cast(self, address: int) -> str:
        if address in self.broadcasts:
            return "broadcast"
        if self.family is IPV4:
            if 224 <= address >> 24 < 240:
                return "multicast"
            return "local" if address in self.local or address >> 24 == 127 else "other"
        if address >> 120 == 0xff:
            return "multicast"
        return "local" if address in self.local or address == 1 else "other"

    # Sockets.

    def listen(self, protocol: int, port: int, bound: bool) -> None:
        """A listener at every address, or at the host's own."""
        address = OWN[self.family.index] if bound else ("0.0.0.0", "::")[self.family.index]
        sock = self._inet(protocol)
        sock.bind((address, port))
        if protocol == TCP:
            sock.listen(512)
        self.sockets[protocol, self.own if bound else None, port] = "bound" if bound else "wildcard"

    def connect(self, protocol: int, port: int, peer: int, peer_port: int) -> None:
        """A socket of the host's own address that is connected, without a packet."""
        sock = self._inet(protocol)
        if protocol == TCP:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
        sock.bind((OWN[self.family.index], port))
        sock.connect((address_text(self.family, peer), peer_port))
        if protocol == TCP:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF)
        self.sockets[protocol, self.own, port, peer, peer_port] = "connected"

    def _inet(self, protocol: int) -> socket.socket:
        sock = self._socket(self.family.af, socket.SOCK_STREAM if protocol == TCP else socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family is not IPV4:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Closed without a farewell, for which a device would have to wait.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep.append(sock)
        return sock

    def socket_for(self, packet: Packet) -> str:
        """What the host has open for a packet, or for the one that it quotes."""
        protocol, ends = packet.protocol, (packet.dest, packet.dport, packet.source, packet.sport)
        if packet.quote and protocol == ICMP[self.family.name] and packet.kind in ERRORS[self.family.name]:
            protocol, quote = packet.quote.protocol, packet.quote
            ends = (quote.source, quote.sport, quote.dest, quote.dport)
        if protocol not in (TCP, UDP):
            return "none"
        for key in ((protocol, *ends), (protocol, *ends[:2]), (protocol, None, ends[1])):
            if key in self.sockets:
                return self.sockets[key]
        return "none"

    # Packets.

    def send(self, packet: Packet, number: int) -> None:
        tos = self.tos(packet.outside) if packet.hook == "forward" else 0
        for datagram in datagrams(self.family, packet, number, tos):
            if packet.hook == "output":
                try:
                    self.senders[packet.outside].sendto(
                        datagram, (address_text(self.family, packet.dest), 0))
                except OSError:    # what the rules drop is an error to the sender
                    pass
            else:
                mac = STRANGER_MAC if packet.mac is None else packet.mac
                os.write(self.devices[packet.inside], self.macs[packet.inside] + mac.to_bytes(6, "big")
                         + struct.pack("!H", self.family.ethertype) + datagram)

    # The tracking table.

    def forget(self) -> None:
        self.tracker.send(message(SUBSYSTEM_CONNTRACK, 2, 0, self.family.af, 0))

    def track(self, protocol: int, source: int, dest: int, sport: int, dport: int) -> None:
        """An entry for a connection that was answered. Of ICMP: type and identifier for the ports."""
        status = 2 | 4 | 8    # answered, assured, confirmed
        tcp = nest(4, nest(1, attribute(1, bytes((3,))))) if protocol == TCP else b""
        if protocol == ICMP[self.family.name]:
            answers = {8: 0, 128: 129}
            there = self._icmp_tuple(source, dest, sport, dport)
            back = self._icmp_tuple(dest, source, answers[sport], dport)
        else:
            there = self._tuple(protocol, source, dest, sport, dport)
            back = self._tuple(protocol, dest, source, dport, sport)
        self.tracker.send(message(SUBSYSTEM_CONNTRACK, 0, 0x400, self.family.af, 0, nest(1, *there),
                                  nest(2, *back), attribute(3, struct.pack("!I", status)), tcp,
                                  attribute(7, struct.pack("!I", 300))))

    def _ends(self, source: int, dest: int) -> bytes:
        first = 1 if self.family is IPV4 else 3
        return nest(1, attribute(first, address_bytes(self.family, source)),
                    attribute(first + 1, address_bytes(self.family, dest)))

    def _tuple(self, protocol: int, source: int, dest: int, sport: int, dport: int):
        return (self._ends(source, dest),
                nest(2, attribute(1, bytes((protocol,))), attribute(2, struct.pack("!H", sport)),
                     attribute(3, struct.pack("!H", dport))))

    def _icmp_tuple(self, source: int, dest: int, kind: int, identifier: int):
        first = 4 if self.family is IPV4 else 7
        return (self._ends(source, dest),
                nest(2, attribute(1, bytes((ICMP[self.family.name],))),
                     attribute(first, struct.pack("!H", identifier)),
                     attribute(first + 1, bytes((kind,))), attribute(first + 2, bytes((0,)))))
