# SPDX-License-Identifier: GPL-2.0-or-later
"""The same policy for ctc and for others: a host that accepts some packets, answers none, and tracks nothing.

    peers.py KIND COUNT FOLDER    writes it for each

Three kinds of entries, all different:
  addresses  one service, from COUNT addresses
  pairs      COUNT times a TCP port, from an address
  services   COUNT TCP ports, from anywhere, no two of them neighbours
"""

import random
import sys
from pathlib import Path

from gen import address, port

KINDS = {
    "addresses": lambda i, count: (address(i), 53),
    "pairs": lambda i, count: (address(i), port(i)),
    "services": lambda i, count: (None, 1024 + i * (64000 // count)),
}
SHOREWALL_CONF = "/etc/shorewall/shorewall.conf"
NOBODY = "0.0.0.1"  # stands where a set will stand

FRAME = "version: 1\ntracking: none\ndefault: {input: drop, forward: leave, output: accept}\n"


def entries(kind, count):
    return [KINDS[kind](i, count) for i in range(count)]


def text_of(lines):
    return "".join(line + "\n" for line in lines)


def write_ctc(folder, kind, which):
    policy = folder / "policy.yaml"
    if kind == "addresses":
        (folder / "list").write_text(text_of(source for source, _ in which))
        policy.write_text(FRAME + "allow: [{tcp: 53, from: {file: list}}]\n")
    elif kind == "pairs":
        policy.write_text(FRAME + "allow:\n" + text_of(f"  - {{tcp: {to}, from: {source}}}" for source, to in which))
    else:
        policy.write_text(FRAME + "allow:\n" + text_of(f"  - {{tcp: {to}}}" for _, to in which))
    return policy


def ferm_rule(source, to):
    return f"    {f'saddr {source} ' if source else ''}proto tcp dport {to} ACCEPT;"


def write_ferm(folder, which):
    path = folder / "policy.ferm"
    path.write_text("table filter chain INPUT {\n    policy DROP;\n    interface lo ACCEPT;\n"
                    + text_of(ferm_rule(*entry) for entry in which)
                    + "    proto icmp icmp-type (3 11 12) ACCEPT;\n}\n"
                    + "table raw chain (PREROUTING OUTPUT) NOTRACK;\n")
    return path


def write_shorewall(folder, which):
    """Without its optimiser, whose time grows by the square."""
    into = folder / "shorewall"
    into.mkdir(exist_ok=True)
    given = Path(SHOREWALL_CONF).read_text(encoding="utf-8").splitlines()
    settings = [line for line in given if not line.startswith(("OPTIMIZE=", "STARTUP_ENABLED="))]
    (into / "shorewall.conf").write_text(text_of(settings) + "OPTIMIZE=0\nSTARTUP_ENABLED=Yes\n")
    (into / "params").write_text("")
    (into / "zones").write_text("fw firewall\nnet ipv4\n")
    (into / "interfaces").write_text("?FORMAT 2\nnet eth0\n")
    (into / "policy").write_text("$FW net ACCEPT\nnet all DROP\n")
    (into / "rules").write_text(text_of(f"ACCEPT net{f':{source}' if source else ''} $FW tcp {to}"
                                        for source, to in which))
    return into


def frame_of(flat, rule):
    """ctc's flat rules with one in place of those of the entries, or with none."""
    lines = flat.splitlines()
    places = [i for i, line in enumerate(lines) if NOBODY in line]
    return text_of(line for i, line in enumerate(lines) if i not in places[1:]
                   for line in ([rule] if i == places[0] and rule else [] if i == places[0] else [line]))


def ipset(kind, which):
    """The commands that make the set, and the rule that asks it."""
    made, asked, element = {
        "addresses": ("hash:ip", "src", lambda source, to: source),
        "pairs": ("hash:ip,port", "src,dst", lambda source, to: f"{source},tcp:{to}"),
        "services": ("bitmap:port range 0-65535", "dst", lambda source, to: str(to)),
    }[kind]
    room = "" if kind == "services" else f" maxelem {2 * len(which)}"
    create = f"create entries {made}{room}\n" + text_of(f"add entries {element(*entry)}" for entry in which)
    ports = " -m tcp --dport 53" if kind == "addresses" else ""
    return create, f"-A INPUT -p tcp{ports} -m set --match-set entries {asked} -j ACCEPT"


def nft_set(kind, which):
    key, asked, element = {
        "addresses": ("ipv4_addr", "tcp dport 53 ip saddr", lambda source, to: source),
        "pairs": ("ipv4_addr . inet_service", "ip protocol tcp ip saddr . tcp dport",
                  lambda source, to: f"{source} . {to}"),
        "services": ("inet_service", "tcp dport", lambda source, to: str(to)),
    }[kind]
    return ("table ip filter {\n"
            f"set entries {{ type {key}; elements = {{ " + ", ".join(element(*entry) for entry in which) + " } }\n"
            "chain PREROUTING { type filter hook prerouting priority raw; notrack; }\n"
            "chain OUTPUT { type filter hook output priority raw; notrack; }\n"
            "chain INPUT { type filter hook input priority filter; policy drop;\n"
            f'iifname "lo" accept\n{asked} @entries accept\n'
            "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept\n}\n}\n")


def packets(which):
    """Accepted ones at random, refused ones at random that come close to the entries, and a sample of accepted ones."""
    source = random.Random(1)
    known = set(which)
    accepted = [f"tcp {address_of(entry)} 40000 {entry[1]}" for entry in source.sample(which, len(which))]
    refused = [f"tcp {address_of(entry)} 40000 {entry[1]}" for entry in map(beside, source.sample(which, len(which)))
               if entry not in known]
    deep = accepted[:3000] + [f"tcp {address_of(entry)} 40000 {entry[1]}" for entry in (*which[:500], *which[-500:])]
    # Linear rules come in the order of the entries, or of their addresses.
    ends = which[-8:] + sorted(which, key=number_of)[-8:]
    last = [f"tcp {address_of(entry)} 40000 {entry[1]}" for entry in ends]
    return {"accepted": accepted, "refused": refused, "deep": deep, "last": last}


def number_of(entry):
    return [int(part) for part in (entry[0] or "0").split(".")], entry[1]


def address_of(entry):
    return entry[0] or "198.51.100.7"


def beside(entry):
    """The neighbour of an entry, which mostly is none itself."""
    source, to = entry
    if source is None:
        return None, to + 1
    head, tail = source.rsplit(".", 1)
    return f"{head}.{(int(tail) + 1) % 256}", to


if __name__ == "__main__":
    ENTRIES = entries(sys.argv[1], int(sys.argv[2]))
    INTO = Path(sys.argv[3])
    write_ctc(INTO, sys.argv[1], ENTRIES)
    write_ferm(INTO, ENTRIES)
    if Path(SHOREWALL_CONF).exists():
        write_shorewall(INTO, ENTRIES)
