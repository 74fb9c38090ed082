# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a policy of a given size into a folder, the same one every time.

    gen.py KIND COUNT FOLDER

Kinds:
  ten       a server's policy of ten entries (COUNT is ignored)
  pairs     COUNT entries of `allow`: {tcp: PORT, from: ADDRESS}, all different
  untracked the same in mode selective, each with `track: false`
  ferm      the same rules as `pairs`, as ferm's configuration
  table     a tracking table of COUNT entries, as `conntrack -L -o extended` prints it
  prefixes  a file of COUNT IPv4 and IPv6 prefixes that `deny` names: unsorted, a tenth twice, many inside others
"""

import random
import sys
from pathlib import Path

PART = 500_000  # entries of a file

TEN = """version: 1
tracking: selective
define: {office: [192.0.2.0/24, "2001:db8:1::/48"]}
allow:
  - {service: [http, https], track: false}
  - {service: ssh, from: $office, limit: 10/minute}
  - {tcp: 11211, udp: 11211, from: 10.0.0.0/8, track: false}
  - {tcp: [9100, 9200-9210], from: 10.9.0.0/16}
  - {service: smtp, from: 198.51.100.0/24}
  - {service: ping, limit: 20/second}
  - {protocol: esp}
  - 8443/tcp
connect:
  - {service: dns, to: 192.0.2.53, track: false}
  - {service: ntp, track: false}
"""


def address(number):
    """Spread over 10.0.0.0/8 and beyond, and never the same for two numbers below 2^24."""
    number = number * 7919 % (1 << 24)
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def port(number):
    return 1024 + number * 31 % 60000


def write_entries(path, begin, numbers, more):
    with open(path, "w", encoding="ascii") as policy:
        policy.write(begin + "allow:\n")
        policy.writelines(f"  - {{tcp: {port(i)}, from: {address(i)}{more}}}\n" for i in numbers)


def write_pairs(count, folder, begin="", more=""):
    """A policy is at most 32 MiB long: what does not fit stands in files that it includes."""
    parts = range(PART, count, PART)
    for first in parts:
        write_entries(folder / f"part-{first}.yaml", "", range(first, min(first + PART, count)), more)
    include = f"include: [{', '.join(f'part-{first}.yaml' for first in parts)}]\n" if parts else ""
    write_entries(folder / "policy.yaml", "version: 1\n" + begin + include, range(min(PART, count)), more)


def write_ferm(count, folder):
    with open(folder / "policy.ferm", "w", encoding="ascii") as policy:
        policy.write("table filter chain INPUT {\n    policy DROP;\n")
        policy.writelines(f"    proto tcp dport {port(i)} saddr {address(i)} ACCEPT;\n" for i in range(count))
        policy.write("}\n")


def prefix(source):
    if source.random() < 0.7:
        bits = source.choice((16, 22, 24, 24, 24, 28, 32, 32))
        number = source.getrandbits(32) >> (32 - bits) << (32 - bits)
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{bits}"
    bits = source.choice((32, 48, 48, 56, 64, 128))
    number = (0x2001 << 112 | source.getrandbits(112)) >> (128 - bits) << (128 - bits)
    return ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -16, -16)) + f"/{bits}"


def write_prefixes(count, folder):
    source = random.Random(1)
    prefixes = [prefix(source) for _ in range(count - count // 10)]
    prefixes += source.sample(prefixes, count // 10)
    source.shuffle(prefixes)
    (folder / "list").write_text("# prefixes\n" + "\n".join(prefixes) + "\n", encoding="ascii")
    (folder / "policy.yaml").write_text("version: 1\ndeny: [{file: list}]\nallow: [ssh]\n", encoding="ascii")


def write_table(count, folder):
    """A web server's: nearly every entry has a client of its own."""
    source = random.Random(1)
    with open(folder / "table", "w", encoding="ascii") as table:
        for _ in range(count):
            client = f"{source.randint(1, 126)}.{source.randint(0, 255)}.{source.randint(0, 255)}.{source.randint(1, 254)}"
            port, service = source.randint(1024, 65535), source.choice((443, 443, 443, 443, 80, 80, 22, 8080, 9999))
            state = source.choice(("TIME_WAIT", "TIME_WAIT", "TIME_WAIT", "ESTABLISHED"))
            table.write(f"ipv4     2 tcp      6 {source.randint(1, 120)} {state} src={client} dst=192.0.2.10 sport={port} "
                        f"dport={service} src=192.0.2.10 dst={client} sport={service} dport={port} [ASSURED] mark=0 "
                        "zone=0 use=2\n")


def write(kind, count, folder):
    folder = Path(folder)
    if kind == "ten":
        (folder / "policy.yaml").write_text(TEN, encoding="ascii")
    elif kind == "pairs":
        write_pairs(count, folder)
    elif kind == "untracked":
        write_pairs(count, folder, "tracking: selective\n", ", track: false")
    elif kind == "ferm":
        write_ferm(count, folder)
    elif kind == "prefixes":
        write_prefixes(count, folder)
    elif kind == "table":
        write_table(count, folder)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    write(sys.argv[1], int(sys.argv[2]), sys.argv[3])
