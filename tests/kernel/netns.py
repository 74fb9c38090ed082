# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces and the topology every test uses.

A namespace here has no name in the file system: it lives as long as an open descriptor, a process
or a socket holds it. When the process that made it ends, however it ends, the kernel takes it down,
with its interfaces, rules and tracking table.

    client ---- router ---- relay ==== tail ---- far
                   |             1300
                 server

Every link carries 1500 bytes but the one between relay and tail. `client` has several addresses, so
that it can be a stranger, a trusted host, a banned one and a name server.
"""
import ctypes
import os
import socket
import subprocess
import threading
from typing import NamedTuple

CLONE_NEWNET = 0x40000000
SMALL_MTU = 1300

_libc = ctypes.CDLL(None, use_errno=True)


class Family(NamedTuple):
    """What differs between the two protocols as far as the tests care."""
    name: str
    index: int        # into pairs such as an address of each family
    af: int
    option: str       # of ctc and ip: -4 or -6
    iptables: str     # how the commands begin: iptables or ip6tables
    ethertype: int


IPV4 = Family("ipv4", 0, socket.AF_INET, "-4", "iptables", 0x0800)
IPV6 = Family("ipv6", 1, socket.AF_INET6, "-6", "ip6tables", 0x86dd)
FAMILIES = (IPV4, IPV6)

ADDRESSES = {
    "client": ("198.51.100.10", "2001:db8:1::10"),
    "peer": ("198.51.100.11", "2001:db8:1::11"),
    "trusted": ("198.51.100.20", "2001:db8:1::20"),
    "watched": ("198.51.100.30", "2001:db8:1::30"),
    "resolver": ("198.51.100.53", "2001:db8:1::53"),
    "banned": ("198.51.100.66", "2001:db8:1::66"),
    "router": ("198.51.100.1", "2001:db8:1::1"),
    "server": ("192.0.2.2", "2001:db8:2::2"),
    "far": ("203.0.113.130", "2001:db8:5::2"),
    "loopback": ("127.0.0.1", "::1"),
}


def address(who: str, family: Family) -> str:
    return ADDRESSES[who][family.index]


def _system_call(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """`with namespace:` puts the calling thread into it: sockets, files below /proc/sys/net and
    commands that are started there belong to it. A socket stays where it was made."""

    _left = threading.local()

    def __init__(self, name: str):
        self.name = name
        before = _current()
        try:
            _system_call(_libc.unshare(CLONE_NEWNET))
            self.descriptor = _current()
        finally:
            _system_call(_libc.setns(before, CLONE_NEWNET))
            os.close(before)
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_ra", 0)
        # The kernel answers one host with one error a second; the tests count the errors.
        self.sysctl("net.ipv4.icmp_ratelimit", 0)
        self.sysctl("net.ipv6.icmp.ratelimit", 0)
        self.sysctl("net.ipv4.icmp_msgs_per_sec", 1000000, optional=True)
        self.sysctl("net.ipv4.icmp_msgs_burst", 100000, optional=True)
        self.ip("link set lo up")

    def __enter__(self):
        stack = self._left.__dict__.setdefault("stack", [])
        stack.append(_current())
        _system_call(_libc.setns(self.descriptor, CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        before = self._left.stack.pop()
        _system_call(_libc.setns(before, CLONE_NEWNET))
        os.close(before)

    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def run(self, *command: str, text: str | None = None) -> str:
        """Run a command in here; its output, or an error that says what it said."""
        with self:
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: exit {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done.stdout

    def ip(self, *lines: str) -> None:
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def sysctl(self, name: str, value=None, optional: bool = False) -> str:
        """Read a sysctl of the namespace, after writing it if a value is given."""
        path = "/proc/sys/" + name.replace(".", "/")
        with self:
            try:
                if value is not None:
                    with open(path, "w", encoding="ascii") as file:
                        file.write(str(value))
                with open(path, encoding="ascii") as file:
                    return file.read().strip()
            except OSError:
                if optional:
                    return ""
                raise

    def close(self) -> None:
        os.close(self.descriptor)


def link(left: Namespace, right: Namespace, left_addresses: str, right_addresses: str,
         mtu: int = 1500) -> None:
    """Join two namespaces. Each end of the link is named after where it leads."""
    left.ip(f"link add to-{right.name} type veth peer name to-{left.name} netns {right.path()}")
    for here, there, addresses in ((left, right, left_addresses), (right, left, right_addresses)):
        here.ip(f"link set to-{there.name} mtu {mtu} up",
                # Else an address of IPv6 is nobody's until the kernel finds the time to see that no other has it.
                *(f"address add {each} dev to-{there.name}{' nodad' if ':' in each else ''}" for each in addresses.split()))


class Topology:
    """The hosts and links of the picture above."""

    def __init__(self):
        names = ("client", "router", "server", "relay", "tail", "far")
        self.spaces = {name: Namespace(name) for name in names}
        self.client, self.router, self.server, self.relay, self.tail, self.far = (
            self.spaces[name] for name in names)
        clients = ("client", "peer", "trusted", "watched", "resolver", "banned")
        link(self.router, self.client, "198.51.100.1/24 2001:db8:1::1/64",
             " ".join("{}/24 {}/64".format(*ADDRESSES[who]) for who in clients))
        link(self.router, self.server, "192.0.2.1/24 2001:db8:2::1/64",
             "{}/24 {}/64".format(*ADDRESSES["server"]))
        link(self.router, self.relay, "203.0.113.1/26 2001:db8:3::1/64",
             "203.0.113.2/26 2001:db8:3::2/64")
        link(self.relay, self.tail, "203.0.113.65/26 2001:db8:4::1/64",
             "203.0.113.66/26 2001:db8:4::2/64", SMALL_MTU)
        link(self.tail, self.far, "203.0.113.129/26 2001:db8:5::1/64",
             "{}/26 {}/64".format(*ADDRESSES["far"]))
        for forwarder in (self.router, self.relay, self.tail):
            forwarder.sysctl("net.ipv4.ip_forward", 1)
            forwarder.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.client.ip("route add default via 198.51.100.1", "route add default via 2001:db8:1::1")
        self.server.ip("route add default via 192.0.2.1", "route add default via 2001:db8:2::1")
        self.router.ip("route add 203.0.113.128/26 via 203.0.113.2",
                       "route add 2001:db8:5::/64 via 2001:db8:3::2")
        self.relay.ip("route add default via 203.0.113.1", "route add default via 2001:db8:3::1",
                      "route add 203.0.113.128/26 via 203.0.113.66",
                      "route add 2001:db8:5::/64 via 2001:db8:4::2")
        self.tail.ip("route add default via 203.0.113.65", "route add default via 2001:db8:4::1")
        self.far.ip("route add default via 203.0.113.129", "route add default via 2001:db8:5::1")

    def forget_path_mtu(self, family: Family) -> None:
        for host in (self.server, self.far, self.client):
            host.run("ip", family.option, "route", "flush", "cache")

    def forget_neighbours(self, family: Family) -> None:
        for host in (self.server, self.router):
            host.run("ip", family.option, "neighbour", "flush", "all")
