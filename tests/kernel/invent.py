# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies that nobody would write, to be tried: every mode, every kind of entry, values that meet and
overlap. The same seed gives the same policy."""
import json
import random

MODES = ("full", "selective", "none")
# Of IPv4 and of IPv6, some within others and some that end where others begin.
ADDRESSES = (("10.0.0.0/8", "172.16.3.4", "192.0.2.0/24", "192.0.2.128-192.0.3.7", "203.0.113.64/26",
              "198.51.100.7-198.51.100.20", "192.0.2.66"),
             ("2001:db8:1::/48", "2001:db8:1:5::/64", "2001:db8:9::9", "fd00:77::/32",
              "2001:db8:7::7-2001:db8:7::2f", "fe80::/64"))
# This host's own, where an entry names one.
OWN = (("192.0.2.2", "198.51.100.200", "203.0.113.5-203.0.113.9"),
       ("2001:db8:2::2", "2001:db8:33::/64"))
BUT = ("not 192.0.2.66", "not 2001:db8:1:5::/64", "not 192.0.2.200-192.0.2.210")
PORTS = (1, 22, 53, 80, 81, 443, 1194, 25565, 65535, "1000-1010", "1010-1012", "8080-8090", "50000-50100",
         "32000-33000", "60999-61000")
INTERFACES = ("eth0", "eth1", "wg0", "ppp+")
SERVICES = ("ssh", "http", "https", "smtp", "dns", "ntp", "ping", "wireguard")
PROTOCOLS = ("gre", "esp", "sctp", "ospf", "udplite", "icmp", 253)
# More than the probes of one trial can spend.
LIMITS = ("1000/second burst 2000 per source", "1000/second burst 2000 total")
# Entries of one kind, enough for the compiler to make a tree of chains of them.
CROWD = 100
REFUSALS = ({"ipv4": "icmp-port-unreachable", "ipv6": "icmp6-port-unreachable"}, {"tcp": "tcp-reset"})


def policy(seed: str, mode: str, crowd: int = 0) -> str:
    """Its text: JSON, which is YAML as well. With a crowd of so many entries, or with one perhaps."""
    return json.dumps(_Inventor(random.Random(f"{seed} {mode}"), mode, crowd).policy(), indent=1)


class _Inventor:
    def __init__(self, rng: random.Random, mode: str, crowd: int):
        self.rng = rng
        self.mode = mode
        self.crowd = crowd
        self.socket_replies = mode != "full" and rng.random() < 0.6

    def policy(self) -> dict:
        rng = self.rng
        invented = {"version": 1, "tracking": self.mode, "trust": self._some(self._trusted, 0, 2),
                    "deny": [each for each in rng.sample(sum(ADDRESSES, ()), rng.randrange(3))],
                    "allow": self._some(self._allowed, 2, 6), "connect": self._some(self._wanted, 0, 4),
                    "default": {"input": rng.choice(("reject", "drop", "reject", "drop", "accept")),
                                "output": rng.choice(("accept", "drop", "reject")),
                                "forward": rng.choice(("drop", "reject", "accept"))},
                    "log": rng.random() < 0.3}
        if rng.random() < 0.4 or self.crowd:
            crowd = self._crowd()
            invented["deny"] += crowd.pop("deny", [])
            at = rng.randrange(len(invented["allow"]) + 1)
            invented["allow"][at:at] = crowd.pop("allow", [])
        if rng.random() < 0.8:
            invented["forward"] = self._some(self._passed, 1, 4)
        if rng.random() < 0.3:
            invented["reject_with"] = rng.choice(REFUSALS)
        if self.mode != "full":
            invented["stateless"] = {"replies": "socket" if self.socket_replies else "portable"}
        if self.mode == "none" and rng.random() < 0.3:
            invented["conntrack"] = {"modules": "block"}
        return invented

    def _some(self, make, least: int, most: int) -> list[dict]:
        return [make() for _ in range(self.rng.randint(least, most))]

    def _lone_address(self) -> str:
        rng = self.rng
        lone = (f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}", f"192.0.2.{rng.randrange(256)}",
                f"10.{rng.randrange(256)}.{4 * rng.randrange(64)}.0/22", f"2001:db8:1:5::{rng.randrange(1, 65536):x}",
                f"2001:db8:{rng.randrange(256):x}::/48", f"203.0.113.{rng.randrange(100)}-203.0.113.{rng.randrange(100, 200)}")
        return rng.choice(lone)

    def _crowd(self) -> dict:
        """Pairs of an address and a port, some within others, of one verdict or of changing ones; addresses
        alone; or ports alone."""
        rng, kind = self.rng, self.rng.choice(("pairs", "mixed", "denied", "ports", "listed"))
        size = self.crowd or CROWD
        addresses = [self._lone_address() for _ in range(size)]
        ports = rng.sample(range(1, 65536), 4 * size)
        protocol, untracked = rng.choice(("tcp", "udp")), self._untracked(0.5)
        if kind == "pairs":
            return {"allow": [{protocol: port, "from": address} | untracked
                              for port, address in zip(ports, addresses)]}
        if kind == "mixed":
            return {"allow": [{protocol: port if rng.random() < 0.5 else rng.sample(PORTS, 2), "from": address,
                               "verdict": rng.choice(("accept", "drop"))}
                              for port, address in zip(ports, addresses)]}
        if kind == "ports":
            return {"allow": [{protocol: ports} | untracked]}
        if kind == "listed":
            return {"allow": [{protocol: rng.sample(PORTS, 4), "from": addresses} | untracked | self._verdict()]}
        return {"deny": addresses}

    def _perhaps(self, share: float) -> bool:
        return self.rng.random() < share

    def _addresses(self, pools) -> list[str]:
        """Of both families, so that neither is without."""
        return [self.rng.choice(pool) for pool in pools] + self.rng.sample(BUT, self._perhaps(0.25))

    def _untracked(self, share: float) -> dict:
        return {"track": False} if self.mode == "selective" and self._perhaps(share) else {}

    def _traffic(self) -> dict:
        rng = self.rng
        kind = rng.choice(("service", "protocol", "tcp", "tcp", "udp", "both"))
        if kind == "service":
            return {"service": rng.sample(SERVICES, rng.randint(1, 2))}
        if kind == "protocol":
            return {"protocol": ["any"] if self._perhaps(0.1) else rng.sample(PROTOCOLS, 2)}
        ports = {each: rng.sample(PORTS, rng.randint(1, 4)) for each in ("tcp", "udp")}
        return ports if kind == "both" else {kind: ports[kind]}

    def _verdict(self) -> dict:
        verdict = self.rng.choice(("accept", "accept", "accept", "drop", "reject"))
        return {} if verdict == "accept" else {"verdict": verdict}

    def _trusted(self) -> dict:
        entry = {"in": self.rng.choice(INTERFACES)} if self._perhaps(0.4) else \
            {"from": self._addresses(ADDRESSES)}
        return entry | (self._untracked(0.4) if "from" in entry else {})

    def _allowed(self) -> dict:
        entry = self._traffic() | self._verdict()
        if self._perhaps(0.6):
            entry["from"] = self._addresses(ADDRESSES)
        if self._perhaps(0.2):
            entry["to"] = self._addresses(OWN)
        if self._perhaps(0.3):
            entry["in"] = self.rng.choice(INTERFACES)
        if "verdict" not in entry and self._perhaps(0.15):
            entry["limit"] = self.rng.choice(LIMITS)
        return entry | self._untracked(0.4)

    def _wanted(self) -> dict:
        entry = self._traffic() | self._verdict()
        if self._perhaps(0.6):
            entry["to"] = self._addresses(ADDRESSES)
        if self._perhaps(0.3):
            entry["out"] = self.rng.choice(INTERFACES)
        if "udp" in entry and "tcp" not in entry and self.socket_replies and "verdict" not in entry:
            if self._perhaps(0.3):
                entry["local"] = self.rng.choice((123, 546, 40000))
            if self._perhaps(0.3):
                entry["sockets"] = "any"
        return entry | self._untracked(1 if "sockets" in entry else 0.4)

    def _passed(self) -> dict:
        entry = self._traffic() | self._verdict()
        for key, pools in (("from", ADDRESSES), ("to", OWN)):
            if self._perhaps(0.4):
                entry[key] = self._addresses(pools)
        for key in ("in", "out"):
            if self._perhaps(0.4):
                entry[key] = self.rng.choice(INTERFACES)
        return entry
