# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc diff --live` and `ctc apply --check` find what differs between a policy and the kernel, and nothing where nothing does."""
import json
import os
import subprocess
from typing import NamedTuple

from firewall import ROOT, load, policy_path
from netns import IPV4, Namespace
from report import Report
from schemas import schema_trouble

EXAMPLES = ROOT / "examples"
DIFF, CHECK = ("diff", "--live"), ("apply", "--check")


def ask(namespace: Namespace, command: tuple[str, ...], policy: str, *words: str,
        user: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    with namespace:
        return subprocess.run([*user, os.environ["CTC"], *command, *words, policy], capture_output=True, text=True,
                              timeout=60, check=False)


def answer(namespace: Namespace, command: tuple[str, ...], policy: str, report: Report) -> dict:
    """What it says as JSON, of which the exit status and the schema are checked."""
    done = ask(namespace, command, policy, "--format", "json")
    if not report.check(f"{command[0]}: answers", done.returncode in (0, 4) and not done.stderr, done.stderr):
        return {"same": None, "rules": [], "changes": [], "promises": []}
    document = json.loads(done.stdout)
    report.works(f"{command[0]}: the schema holds", schema_trouble(document, "drift"))
    report.equal(f"{command[0]}: status and answer agree", document["same"], done.returncode == 0)
    return document


class Case(NamedTuple):
    """A change of the tables, and what is to be said of it."""
    commands: tuple[str, ...]
    diff: int                                # exit status of diff --live
    widen: int                               # of diff --live --fail-on widen
    rules: tuple[tuple[str, ...], ...] = ()  # drift, family, table, chain, number
    changes: frozenset[str] = frozenset()
    decides: str = ""                        # the rule that each change is blamed on
    promises: tuple[tuple[str, str], ...] = ()


CASES = {
    "a rule that opens a port": Case(
        ("iptables-legacy -I INPUT 3 -p tcp --dport 9999 -j ACCEPT",), 4, 4,
        (("foreign", "ipv4", "filter", "INPUT", 3),), frozenset({"opened"}), "filter INPUT 3"),
    "a rule that closes a service": Case(
        ("ip6tables-legacy -I INPUT 1 -p tcp --dport 443 -j DROP",), 4, 0,
        (("foreign", "ipv6", "filter", "INPUT", 1),), frozenset({"closed"}), "filter INPUT 1"),
    "a rule of another table": Case(
        ("iptables-legacy -t mangle -A INPUT -p tcp --dport 443 -j DROP",), 4, 0, (), frozenset({"closed"}),
        "mangle INPUT 1"),
    "the policy of a chain that nothing comes to": Case(
        ("ip6tables-legacy -P INPUT ACCEPT",), 0, 0, (("policy", "ipv6", "filter", "INPUT", None),)),
    "rules in another order": Case(
        ("iptables-legacy -D INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT",
         "iptables-legacy -I INPUT 13 -p icmp -m icmp --icmp-type 3 -j ACCEPT"), 0, 0,
        (("foreign", "ipv4", "filter", "INPUT", 13), ("missing", "ipv4", "filter", "INPUT", 11))),
    "a hole by the source port": Case(
        ("iptables-legacy -I INPUT 1 -p udp --sport 53 -j ACCEPT",), 4, 4,
        (("foreign", "ipv4", "filter", "INPUT", 1),), frozenset({"opened"}), "filter INPUT 1",
        (("source-port-hole", "filter INPUT 1"),)),
    "one direction untracked, forwarded packets too": Case(
        ("iptables-legacy -t raw -A PREROUTING -p tcp --dport 25 -j CT --notrack",), 4, 0,
        (("foreign", "ipv4", "raw", "PREROUTING", 10),), frozenset({"closed", "answer", "untracked"}), "",
        (("one-sided-notrack", "raw PREROUTING 10"), ("forwarded-notrack", "raw PREROUTING 10"))),
    "no neighbour discovery": Case(
        ("ip6tables-legacy -t mangle -A PREROUTING -p icmpv6 -j DROP",), 4, 0, (),
        frozenset({"closed", "answer"}), "mangle PREROUTING 1",
        (("path-mtu", "mangle PREROUTING 1"), ("no-neighbours", "mangle PREROUTING 1"))),
    "everything untracked is accepted": Case(
        ("iptables-legacy -I INPUT 2 -m conntrack --ctstate UNTRACKED -j ACCEPT",), 4, 4,
        (("foreign", "ipv4", "filter", "INPUT", 2),), frozenset({"opened"}), "filter INPUT 2",
        (("blanket-accept", "filter INPUT 2"),)),
}


def tampered(report: Report) -> None:
    policy = str(policy_path("server"))
    for name, case in CASES.items():
        part, host = report.part(f"{name}: "), Namespace("host")
        load(host, policy_path("server"), "legacy")
        for command in case.commands:
            host.run(*command.split())
        part.equal("diff --live", ask(host, DIFF, policy).returncode, case.diff)
        part.equal("diff --live --fail-on widen", ask(host, DIFF, policy, "--fail-on", "widen").returncode, case.widen)
        part.equal("apply --check", ask(host, CHECK, policy).returncode, 4)
        found = answer(host, CHECK, policy, part)
        part.equal("rules", tuple((rule["drift"], rule["family"], rule["table"], rule["chain"], rule["number"])
                                  for rule in found["rules"]), case.rules)
        part.equal("traffic", frozenset(change["change"] for change in found["changes"]), case.changes)
        if case.decides:
            part.equal("what decides it", {change["now"]["rule"] for change in found["changes"]}, {case.decides})
        part.equal("promises", tuple((promise["promise"], promise["place"]) for promise in found["promises"]),
                   case.promises)
        text = ask(host, CHECK, policy).stdout
        for rule in found["rules"]:
            part.check("the rule is shown", (rule["rule"] or "instead of DROP") in text, text)
        for promise in found["promises"]:
            part.check("the rule that breaks a promise is shown", promise["rule"] in text, text)


def untouched(report: Report) -> None:
    """Where the kernel does what the policy says nothing is printed, also after traffic."""
    for path in (*(policy_path(name) for name in ("server", "none", "constructs", "limits", "nat", "forward")),
                 *(EXAMPLES / f"{name}.yaml" for name in ("web-front", "docker-host", "router", "dns-resolver"))):
        part, host = report.part(f"{path.stem}: "), Namespace("host")
        load(host, path, "legacy")
        host.run("sh", "-c", "ping -c 1 -W 1 127.0.0.1; ping -c 1 -W 1 ::1; true")
        for command in (DIFF, CHECK):
            done = ask(host, command, str(path))
            part.equal(f"{command[0]}: quiet", (done.returncode, done.stdout, done.stderr), (0, "", ""))
    found = answer(host, CHECK, str(path), report)
    report.equal("as JSON", (found["same"], found["rules"], found["changes"], found["promises"]), (True, [], [], []))


def nothing_loaded(report: Report) -> None:
    policy, host = str(policy_path("server")), Namespace("host")
    found = answer(host, CHECK, policy, report)
    report.equal("tables that are not there", {(rule["family"], rule["table"]) for rule in found["rules"]
                                               if rule["drift"] == "table"},
                 {(family, table) for family in ("ipv4", "ipv6") for table in ("filter", "raw")})
    report.equal("diff --live without a rule in the kernel", ask(host, DIFF, policy).returncode, 4)
    with host:
        subprocess.run([os.environ["CTC"], "apply", "--now", policy], check=True, timeout=60, capture_output=True)
    report.equal("after apply", ask(host, CHECK, policy).returncode, 0)
    host.run("iptables-legacy", "-I", "INPUT", "-p", "tcp", "--dport", "1", "-j", "ACCEPT")
    report.equal("of the other family", ask(host, DIFF, policy, "-6").returncode, 0)
    report.equal("of this family", ask(host, DIFF, policy, "-4").returncode, 4)


def left_to_others(report: Report) -> None:
    """With `forward: leave` what others forward is no drift; what they do to this host is."""
    policy, host = str(EXAMPLES / "docker-host.yaml"), Namespace("host")
    load(host, EXAMPLES / "docker-host.yaml", "legacy", (IPV4,))
    for command in ("-N DOCKER", "-A FORWARD -o docker0 -j DOCKER", "-A DOCKER -d 172.17.0.2/32 -p tcp --dport 80 -j ACCEPT",
                    "-P FORWARD DROP"):
        host.run("iptables-legacy", *command.split())
    report.equal("forwarding is theirs", ask(host, DIFF, policy, "-4").returncode, 0)
    host.run("iptables-legacy", "-I", "INPUT", "-i", "docker0", "-j", "ACCEPT")
    report.equal("input is not", ask(host, DIFF, policy, "-4").returncode, 4)


def by_the_programs(report: Report) -> None:
    """What iptables has in nf_tables, on a host whose iptables-restore is that variant."""
    policy, host = str(policy_path("server")), Namespace("host")
    version = host.run("iptables-restore", "--version")
    if "nf_tables" not in version:
        report.skip(f"iptables-restore is not the nf_tables variant: {version.strip()}")
        return
    load(host, policy_path("server"), "nft")
    for command in (DIFF, CHECK):
        done = ask(host, command, policy, "--via", "restore")
        report.equal(f"{command[0]}: quiet", (done.returncode, done.stdout, done.stderr), (0, "", ""))
        report.equal(f"{command[0]}: of the legacy tables", ask(host, command, policy, "--via", "libiptc").returncode, 4)
    host.run("iptables-nft", "-I", "INPUT", "3", "-p", "tcp", "--dport", "9999", "-j", "ACCEPT")
    done = ask(host, CHECK, policy, "--via", "restore")
    report.equal("a rule besides", done.returncode, 4)
    report.check("it is named", "filter INPUT 3   has besides   -p tcp -m tcp --dport 9999 -j ACCEPT" in done.stdout, done.stdout)


def refused(report: Report) -> None:
    policy, host = str(policy_path("server")), Namespace("host")
    nobody = ("setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534", "--inh-caps=-all")
    for command in (DIFF, CHECK):
        done = ask(host, command, policy, user=nobody)
        report.equal(f"{command[0]}: somebody else than root", (done.returncode, done.stdout), (3, ""))
        report.check(f"{command[0]}: is told why", "CAP_NET_ADMIN" in done.stderr, done.stderr)
        done = ask(host, command, "nowhere.yaml")
        report.equal(f"{command[0]}: no such policy", (done.returncode, done.stdout), (3, ""))
        done = ask(host, command, str(EXAMPLES / "lists/drop.netset"))
        report.equal(f"{command[0]}: no policy at all", (done.returncode, done.stdout), (1, ""))


JOBS = {"drift tampered": tampered, "drift untouched": untouched, "drift loaded": nothing_loaded,
        "drift others": left_to_others, "drift programs": by_the_programs, "drift refused": refused}
