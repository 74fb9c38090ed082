# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel backend: what libiptc puts into the kernel is, byte for byte, what iptables-legacy-restore makes of the same
rules; what it reads out of it is what iptables-legacy-save prints."""
import csv
import ctypes
import fcntl
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import collection
from blobs import blobs
from firewall import compile_policy, restore, save
from netns import FAMILIES, IPV4, Family, Namespace
from report import Report
from test_fixed_point import FOLDERS, PROTOCOLS, ROOT, is_wrong_on_purpose



PR_CAPBSET_DROP = 24

_libc = ctypes.CDLL(None, use_errno=True)


def loader(namespace: Namespace, family: Family, *words: str, **options) -> subprocess.CompletedProcess:
    with namespace:
        return subprocess.run([os.environ["LOADER"], family.option[1:], *words], capture_output=True,
                              text=True, timeout=60, check=False, **options)


def tables(text: str) -> list[str]:
    """The lines that say something, without counters, and protocols as numbers, for the host's names are not ctc's."""
    lines = [re.sub(r"(?<= -p )\S+", lambda name: PROTOCOLS.get(name[0], name[0]),
                    re.sub(r"^\[\d+:\d+\] ", "", re.sub(r" \[\d+:\d+\]$", " [0:0]", line)))
             for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def first_difference(ours: list[str], theirs: list[str]) -> str:
    for number, (left, right) in enumerate(zip(ours, theirs)):
        if left != right:
            return f"line {number + 1}:\n{left}\ninstead of\n{right}"
    return "" if len(ours) == len(theirs) else f"{len(ours)} lines instead of {len(theirs)}"


def same_blobs(ours: dict, theirs: dict) -> str:
    """Which tables differ."""
    if ours.keys() != theirs.keys():
        return f"tables {sorted(ours)} instead of {sorted(theirs)}"
    return ", ".join(name for name in ours if ours[name] != theirs[name])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def try_rules(path: Path, family: Family, name: str, report: Report) -> None:
    """A file of rules, by both ways, into namespaces that are new."""
    wanted, got = Namespace("wanted"), Namespace("got")
    try:
        # `-p all` is nothing to ctc. ip6tables sets a flag for it that changes nothing (IP6T_F_PROTO).
        restore(wanted, family, "legacy", re.sub(r"(?i) -p all\b", "", text_of(path)))
        loaded = loader(got, family, "load", str(path))
        if not report.check(f"{name}: loads", loaded.returncode == 0, loaded.stderr):
            return
        report.works(f"{name}: the same bytes", same_blobs(blobs(got, family), blobs(wanted, family)))
        saved = tables(save(wanted, family, "legacy"))
        ours = loader(wanted, family, "save")
        report.works(f"{name}: saved alike", ours.stderr or first_difference(tables(ours.stdout), saved))
        ours = loader(wanted, family, "read")
        report.works(f"{name}: read back", ours.stderr or first_difference(tables(ours.stdout), saved))
        ours = loader(wanted, family, "compare", str(path))
        report.check(f"{name}: nothing to change", ours.returncode == 0 and ours.stdout
                     and all(line.endswith(" same") for line in ours.stdout.splitlines()),
                     ours.stderr or ours.stdout)
    finally:
        wanted.close()
        got.close()


def policies(report: Report) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]) as scratch:
        rules = Path(scratch) / "rules"
        for policy in sorted(path for folder in FOLDERS for path in ROOT.glob(folder)):
            if is_wrong_on_purpose(policy):
                continue
            for family in FAMILIES:
                name = f"backend {policy.relative_to(ROOT)} {family.name}"
                compiled = compile_policy(policy, family, "--comments")
                if report.check(f"{name}: compiles", compiled.status == 0, compiled.diagnostics):
                    rules.write_text(compiled.text, encoding="utf-8")
                    try_rules(rules, family, name, report)


def collected() -> Iterator[tuple[Path, Family]]:
    """Rules that people wrote. Not those that take rules away by their text: ctc does so by their number alone."""
    with (collection.CORPUS / "index.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            path = collection.CORPUS / "rules" / row["file"]
            if not collection.reason_against(row, "legacy") and not re.search(r"(?m)^-D \S+ \D", text_of(path)):
                yield path, FAMILIES[row["family"] == "6"]


def corpus(report: Report) -> None:
    if not (collection.CORPUS / "index.tsv").exists():
        report.skip(f"there is no collection of rules at {collection.CORPUS}")
        return
    for path, family in collected():
        try_rules(path, family, f"backend corpus {path.name}", report)


def patterned(family: Family) -> str:
    """Rules that differ in little from each other: of those libxtables makes one."""
    answer, icmp, address, other = (
        ("icmp-host-prohibited", "icmp -m icmp --icmp-type", "192.0.2.7", "198.51.100.0/24") if family == IPV4 else
        ("icmp6-adm-prohibited", "icmpv6 -m icmp6 --icmpv6-type", "2001:db8::7", "2001:db8:1::/48"))
    ports = ("", "--sport 1", "--dport 65535", "--dport 0", "--sport 1:2 --dport 3", "--sport 7 --dport 8:9",
             "! --sport 5", "! --dport 7:9", "--dport 0:65535", "! --sport 3 ! --dport 4")
    flags = ("", "--tcp-flags FIN,SYN,RST,ACK SYN", "! --tcp-flags FIN,SYN,RST,ACK SYN")
    headers = ("", f"-s {address} -i eth0", f"! -s {other} -d {address} ! -i eth+", f"-d {other}")
    targets = ("", "-j ACCEPT", "-j DROP", "-j RETURN", "-j QUEUE", "-j own", "-g own", f"-j REJECT --reject-with {answer}",
               "-j LOG --log-prefix one", "-j LOG --log-prefix two", "-j MARK --set-mark 3")
    others = ("-p sctp -m sctp --dport 5", "-p sctp -m sctp --dport 6",
              "-p dccp -m dccp --dport 5", "-p tcp -m multiport --dports 1,2", "-p tcp -m multiport --dports 1,3:4",
              "-p udp -m multiport --dports 1,2", "-m conntrack --ctstate NEW", "-m conntrack --ctstate NEW,ESTABLISHED",
              f"-p {icmp} 3", f"-p {icmp} 3/1", "-m limit --limit 5/min", "-m limit --limit 6/min --limit-burst 9",
              "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name a",
              "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name b",
              "-m comment --comment a", "-m comment --comment \"a b\"", "-m mark --mark 1", "-m mark --mark 2", "-p 47", "! -p 47",
              "-m addrtype --dst-type LOCAL", "-m socket --nowildcard", "-m socket",
              "-p tcp -m tcp --dport 5 -m tcp --sport 6", "-p tcp -m tcp --dport 7 -m tcp --sport 8",
              "-p tcp -m comment --comment a -m tcp --dport 9", "-p tcp -m comment --comment a -m tcp --dport 10",
              "-p udp -m udp --dport 9 -m addrtype --dst-type LOCAL", "-p udp -m udp --dport 10 -m addrtype --dst-type LOCAL")
    rules = [f"{header} -p {protocol} -m {protocol} {port} {flag} {target}"
             for protocol in ("tcp", "udp") for header in headers for port in ports
             for flag in (flags if protocol == "tcp" else flags[:1]) for target in targets]
    rules += [f"{header} {match} {target}" for match in others for header in headers for target in targets[:7]]
    return ("*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n" +
            "".join(f"[{number}:{number * 9}] -A INPUT {' '.join(rule.split())}\n" for number, rule in enumerate(rules)) + "COMMIT\n")


def patterns(report: Report) -> None:
    """Rules of which libxtables makes one and ctc the others are what it makes of every one."""
    rules = Path(os.environ["SCRATCH"]) / "patterns"
    for family in FAMILIES:
        name = f"backend patterns {family.name}"
        text = patterned(family)
        rules.write_text(text, encoding="utf-8")
        try_rules(rules, family, name, report)
        namespace = Namespace("patterns")
        alike = loader(namespace, family, "alike", str(rules))
        report.check(f"{name}: the same as one by one",
                     alike.stdout == f"{text.count('-A INPUT')}\n", alike.stderr or alike.stdout)
        namespace.close()


def counters(report: Report) -> None:
    """What is written of them is put into the kernel, and comes back."""
    rules = Path(os.environ["SCRATCH"]) / "counted"
    text = ("*filter\n:INPUT DROP [5:500]\n:FORWARD ACCEPT [6:600]\n:OUTPUT ACCEPT [18446744073709551615:1]\n"
            ":own - [0:0]\n[1:100] -A FORWARD -p tcp -m limit --limit 1/hour -j own\n"
            "[2:200] -A FORWARD -g own\n[3:300] -A own\nCOMMIT\n")
    rules.write_text(text, encoding="utf-8")
    for family in FAMILIES:
        namespace = Namespace("counters")
        namespace.ip("link set lo down")
        done = loader(namespace, family, "load", str(rules))
        report.check(f"backend counters {family.name}: loads", done.returncode == 0, done.stderr)
        report.equal(f"backend counters {family.name}: they come back",
                     loader(namespace, family, "save").stdout, text)
        namespace.close()


KEPT, CHANGED = 2000, 16000    # rules of a chain that libiptc would walk along for too long


def remade(report: Report) -> None:
    """Where too much of a chain changes to change it, it is made anew, and what stays keeps what it has counted."""
    rules = Path(os.environ["SCRATCH"]) / "remade"

    def chain(mark: int) -> list[str]:
        kept = [f"-A FORWARD -p tcp -m tcp --dport {number + 1} -j ACCEPT" for number in range(KEPT)]
        changed = [f"-A FORWARD -p udp -m udp --sport {mark} --dport {number + 1} -j ACCEPT" for number in range(CHANGED)]
        return [rule for number in range(KEPT) for rule in (kept[number], *changed[number * 8:number * 8 + 8])]

    def text(lines: list[str]) -> str:
        return "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" + "\n".join(lines) + "\nCOMMIT\n"

    for family in FAMILIES:
        namespace = Namespace("remade")
        namespace.ip("link set lo down")
        namespace.run(f"{family.iptables}-legacy-restore", "-w", "-c",
                      text=text([f"[{number + 1}:{number + 7}] {rule}" for number, rule in enumerate(chain(1))]))
        rules.write_text(text(chain(2)), encoding="ascii")
        done = loader(namespace, family, "load", str(rules))
        wanted = [f"[{number + 1}:{number + 7}] {rule}" if "tcp" in rule else f"[0:0] {rule}" for number, rule in enumerate(chain(2))]
        got = [line for line in namespace.run(f"{family.iptables}-legacy-save", "-c", "-t", "filter").splitlines() if " -A " in line]
        report.check(f"backend remade {family.name}: loads", done.returncode == 0, done.stderr)
        report.check(f"backend remade {family.name}: counters of rules that stay", got == wanted,
                     next((f"{left} {right}" for left, right in zip(got, wanted) if left != right), f"{len(got)} {len(wanted)}"))
        namespace.close()


def without(capability: int):
    """For a command that must not have it."""
    def drop():
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    return drop


PLAIN = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
LOADED = PLAIN + "-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
REFUSED = {
    # what is wrong: a rule, what is said of it
    "a target that nobody knows": (
        "-A INPUT -j FROBNICATE --x 1", "filter INPUT 2: libxtables knows no target `FROBNICATE` for {family}"),
    "a match that nobody knows": (
        "-A INPUT -m frobnicate -j DROP", "filter INPUT 2: libxtables knows no match `frobnicate` for {family}"),
    "an option that nobody knows": (
        "-A INPUT -m owner --frobnicate 1 -j DROP", "filter INPUT 2: owner has no option --frobnicate"),
    "a value that is none": (
        "-A INPUT -m length --length many -j DROP", "filter INPUT 2: length: "),
    "an option that lacks": (
        "-A INPUT -m length -j DROP", "filter INPUT 2: length: option \"--length\" must be specified"),
    "a target where it may not be": (
        "-A INPUT -j MASQUERADE", "filter: the kernel refuses the rules"),
}


def refusals(report: Report) -> None:
    """What does not load leaves the table as it was, and says why in its own words."""
    rules = Path(os.environ["SCRATCH"]) / "refused"
    for family in FAMILIES:
        namespace = Namespace("refused")
        spoken = "IPv4" if family == IPV4 else "IPv6"
        restore(namespace, family, "legacy", LOADED)
        before = blobs(namespace, family)

        def refused(what: str, text: str, said: str, **options) -> None:
            name = f"backend refusals {family.name}: {what}"
            rules.write_text(text, encoding="utf-8")
            done = loader(namespace, family, "load", str(rules), **options)
            wanted = said.format(family=spoken)
            report.check(f"{name}: refused", done.returncode == 1 and wanted in done.stderr
                         and done.stderr.startswith(spoken + " "), f"{done.returncode}: {done.stderr}")
            report.equal(f"{name}: nothing changed", blobs(namespace, family) == before, True)

        for what, (rule, said) in REFUSED.items():
            refused(what, f"{PLAIN}-A INPUT -j DROP\n{rule}\nCOMMIT\n", said)
        for capability, number in (("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13)):
            refused(f"without {capability}", LOADED, "not permitted: it takes CAP_NET_ADMIN, to change tables, and CAP_NET_RAW",
                    preexec_fn=without(number))
        done = loader(namespace, family, "save", "frobnicate")
        report.check(f"backend refusals {family.name}: no such table", done.returncode == 1 and
                     f"this kernel has no legacy table frobnicate for {spoken}" in done.stderr, done.stderr)
        namespace.close()


def concurrency(report: Report) -> None:
    """Others at the same table."""
    rules = Path(os.environ["SCRATCH"]) / "concurrent"
    rules.write_text(LOADED, encoding="utf-8")
    held = {**os.environ, "XTABLES_LOCKFILE": f"{rules}.lock", "LOCK_WAIT": "300"}
    for family in FAMILIES:
        namespace = Namespace("concurrent")
        name = f"backend concurrency {family.name}"
        with open(held["XTABLES_LOCKFILE"], "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = loader(namespace, family, "load", str(rules), env=held)
        report.check(f"{name}: the lock is waited for, with a bound", done.returncode == 1
                     and "another program holds the lock" in done.stderr, done.stderr)
        with namespace:
            waiting = subprocess.Popen([os.environ["LOADER"], family.option[1:], "wait", str(rules)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=held)
        report.equal(f"{name}: it waits", waiting.stdout.readline(), "ready\n")
        # Somebody who does not ask for the lock that the loader holds.
        restore(namespace, family, "legacy", PLAIN + "-A OUTPUT -j DROP\nCOMMIT\n")
        said = waiting.communicate("\n", timeout=30)[1]
        report.check(f"{name}: a change by others is no success", waiting.returncode == 1
                     and "somebody else has changed the table meanwhile" in said, said)
        report.check(f"{name}: and stays", "-A OUTPUT -j DROP" in save(namespace, family, "legacy"))
        namespace.close()
