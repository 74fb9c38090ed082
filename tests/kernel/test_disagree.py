# SPDX-License-Identifier: GPL-2.0-or-later
"""The tester of agreement sees what disagrees: ctc is asked about rules of which one is not as the kernel
has it, and at least one packet has to tell."""
import re
from pathlib import Path
from typing import NamedTuple

import test_agree
import trial
from report import Report


class Change(NamedTuple):
    what: str
    file: str       # of policies/matches
    old: str        # occurs once
    new: str


CHANGES = (
    Change("a port", "v4", "--dport 3000 ", "--dport 3002 "),
    Change("the end of a range of ports", "v4", "--dport 8000:8080 -g", "--dport 8000:8081 -g"),
    Change("a port of many", "v4", "20:22,80,443,65535", "20:22,80,443,65534"),
    Change("the length of a prefix", "v6", "-s 2001:db8:2:40::/58", "-s 2001:db8:2:40::/59"),
    Change("the end of a range of addresses", "v4", "172.16.0.5-172.16.3.9", "172.16.0.5-172.16.3.8"),
    Change("a destination", "v4", "-A two -d 10.128.0.0/9", "-A two -d 10.64.0.0/10"),
    Change("a direction", "v6", "-A one -d 2001:db8:1::/48", "-A one -s 2001:db8:1::/48"),
    Change("a protocol", "v4", "-p udplite", "-p udp"),
    Change("an interface", "v4", "-A FORWARD -i eth1 -o eth2", "-A FORWARD -i eth1 -o eth1"),
    Change("a negation", "v4", "! --dports 53,123", "--dports 53,123"),
    Change("flags of TCP", "v4", "--tcp-flags FIN,PSH,URG FIN,URG", "--tcp-flags FIN,PSH,URG FIN"),
    Change("an opening", "v6", "--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags FIN,SYN,RST,ACK ACK"),
    Change("an ICMP code", "v4", "--icmp-type 3/4", "--icmp-type 3/3"),
    Change("an ICMP type", "v6", "--icmpv6-type 151", "--icmpv6-type 152"),
    Change("a hop limit", "v4", "--ttl-gt 63", "--ttl-gt 64"),
    Change("a hop limit behind forwarding", "v4", "-A three -m ttl --ttl-gt 64", "-A three -m ttl --ttl-gt 65"),
    Change("a MAC address", "v6", "02:00:5e:00:00:01", "02:00:5e:00:00:02"),
    Change("a state", "v4", "--ctstate RELATED,ESTABLISHED", "--ctstate RELATED"),
    Change("what is invalid", "v6", "--ctstate INVALID", "--ctstate UNTRACKED"),
    Change("a socket", "v4", "-m socket --nowildcard", "-m comment --comment x"),
    Change("a type of destination", "v4", "--dst-type BROADCAST -p", "--dst-type MULTICAST -p"),
    Change("what is tracked as it comes", "v4", "--dport 11211 -m addrtype --dst-type LOCAL -j CT --notrack",
           "--dport 11211 -m addrtype --dst-type LOCAL -j ACCEPT"),
    Change("what is tracked as it leaves", "v6", "-A OUTPUT -p udp -m udp --sport 11211 -j CT --notrack", ""),
    Change("a goto in raw", "v4", "-A PREROUTING -p tcp -m tcp --dport 8000:8080 -g taken-out",
           "-A PREROUTING -p tcp -m tcp --dport 8000:8080 -j taken-out"),
    Change("a goto for a jump", "v4", "-s 192.0.2.64/26 -g three", "-s 192.0.2.64/26 -j three"),
    Change("a return", "v4", "-A two -d 10.128.0.0/9 -j RETURN\n", ""),
    Change("a verdict", "v6", "-A OUTPUT -p gre -d 2001:db8:2::/48 -j DROP",
           "-A OUTPUT -p gre -d 2001:db8:2::/48 -j ACCEPT"),
    Change("the policy of a chain", "v4", ":FORWARD DROP", ":FORWARD ACCEPT"),
    Change("first fragments", "v6-untracked", "-m frag --fragfirst -j DROP", "-m frag -j DROP"),
    Change("later fragments", "v4-untracked", "-A FORWARD -f -d 203.0.113.0/24 -j ACCEPT",
           "-A FORWARD -d 203.0.113.0/24 -j ACCEPT"),
    Change("whether anything is tracked", "v6-untracked", "-A OUTPUT -p udp -m udp --dport 53:123 -j ACCEPT",
           "-A OUTPUT -p udp -m udp --dport 53:123 -m conntrack ! --ctstate INVALID -j ACCEPT"),
)
# Of the sets that rules ask for: `file` is one of policies/matches-sets.
OF_SETS = (
    Change("an address", "v4", "add hosts 198.51.100.7\n", "add hosts 198.51.100.8\n"),
    Change("the length of a prefix of a set", "v4", "add nets 198.51.100.0/24", "add nets 198.51.100.0/25"),
    Change("a member", "v6", "add nets 2001:db8:3::9\n", ""),
    Change("a port of a pair", "v6", "tcp:2000-2002", "tcp:2000-2001"),
    Change("the protocol of a pair", "v4", "198.51.100.7,udp:2001", "198.51.100.7,sctp:2001"),
    Change("a prefix of a pair", "v4", "198.51.100.0/25,udp:3000", "198.51.100.0/24,udp:3000"),
    Change("the end of a range of ports in a set", "v6", "add ports 4000-4010", "add ports 4000-4011"),
)

TRIALS = 8    # a packet may meet other rules before the one that is changed: then others are sent


def run(report: Report) -> None:
    """The kernel has the file, and ctc is asked about the change."""
    for change in CHANGES + OF_SETS:
        folder, kind = (test_agree.ASKING, "sets") if change in OF_SETS else (test_agree.MATCHES, "rules")
        path = folder / f"{change.file}.{kind}"
        loaded = path.read_text(encoding="utf-8")
        name = f"{change.what} changed in {path.name}"
        if report.equal(f"{name}: one place", len(re.findall(re.escape(change.old), loaded)), 1):
            asked = loaded.replace(change.old, change.new)
            report.check(f"{name}: seen", any(_seen(change, path, loaded, asked, number)
                                              for number in range(TRIALS)), "nobody noticed")


def _seen(change: Change, path: Path, loaded: str, asked: str, number: int) -> bool:
    family, seed = test_agree.family_of(path), f"{change.what} {number}"
    if path.suffix == ".sets":
        rules = path.with_suffix(".rules").read_text(encoding="utf-8")
        tally = trial.run(path.stem, rules, family, "legacy", test_agree.LEAST, test_agree.MOST, seed,
                          sets=loaded, asked_sets=asked)
    else:
        tally = trial.run(path.stem, loaded, family, "legacy", test_agree.LEAST, test_agree.MOST, seed, asked)
    return bool(tally.wrong)
