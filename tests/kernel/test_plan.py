# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply --dry-run`: the plan counts what a load changes, and changes nothing itself."""
import json
import os
import subprocess

from blobs import blobs, table_names
from firewall import ROOT, compile_policy, restore
from netns import FAMILIES, IPV4, IPV6, Namespace
from report import Report
from schemas import schema_trouble
from test_backend import without

POLICY = ROOT / "examples/first.yaml"
CAP_NET_ADMIN = 12


def plan(namespace: Namespace, *words: str, **options) -> subprocess.CompletedProcess:
    with namespace:
        return subprocess.run([os.environ["CTC"], "apply", "--dry-run", "--own", "tables", *words, str(POLICY)],
                              capture_output=True, text=True, timeout=60, check=False, **options)


def summary(document: dict) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(table["family"], table["table"]): (table["added"], table["removed"], table["kept"])
            for table in document["tables"]}


def run(report: Report) -> None:
    namespace = Namespace("plan")
    rules = {family: compile_policy(POLICY, family).text for family in FAMILIES}
    count = {(family.name, table.split()[0]): table.count("\n-A ")
             for family in FAMILIES for table in rules[family].split("\n*")[1:]}

    def planned(name: str) -> dict:
        before = {family: blobs(namespace, family) for family in FAMILIES}
        done = plan(namespace, "--format", "json")
        if not report.check(f"{name}: is planned", done.returncode == 0, done.stderr):
            return {"tables": [], "changes": [], "same": None}
        document = json.loads(done.stdout)
        report.works(f"{name}: the schema holds", schema_trouble(document))
        report.equal(f"{name}: nothing is changed",
                     {family: blobs(namespace, family) for family in FAMILIES} == before, True)
        return document

    empty = planned("empty")
    report.equal("empty: all rules are new", summary(empty),
                 {key: (number, 0, 0) for key, number in count.items()})
    report.equal("empty: no table is there", [each["there"] for each in empty["tables"]], [False] * len(count))
    report.check("empty: traffic is shut out", any(each["change"] == "closed" for each in empty["changes"]))
    report.equal("empty: no table is made", [table_names(namespace, family) for family in FAMILIES], [set()] * 2)

    for family in FAMILIES:
        restore(namespace, family, "legacy", rules[family])
    loaded = planned("loaded")
    report.equal("loaded: all rules stay", summary(loaded), {key: (0, 0, number) for key, number in count.items()})
    report.equal("loaded: nothing changes", (loaded["same"], loaded["changes"]), (True, []))

    # Somebody else's: a rule, a chain, a policy, a table.
    namespace.run("iptables-legacy", "-w", "-I", "INPUT", "3", "-p", "tcp", "--dport", "99", "-j", "ACCEPT")
    namespace.run("iptables-legacy", "-w", "-N", "theirs")
    namespace.run("iptables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "eth9", "-j", "MASQUERADE")
    namespace.run("ip6tables-legacy", "-w", "-P", "FORWARD", "ACCEPT")
    drifted = planned("drifted")
    key = (IPV4.name, "filter")
    report.equal("drifted: one rule goes", summary(drifted),
                 {**summary(loaded), key: (0, 1, count[key])})
    chains = {(table["family"], chain["chain"]): chain for table in drifted["tables"] for chain in table["chains"]
              if table["table"] == "filter"}
    report.equal("drifted: their chain goes", chains[IPV4.name, "theirs"]["wanted"], False)
    report.equal("drifted: the policy is set", chains[IPV6.name, "FORWARD"]["policy"], "DROP")
    report.equal("drifted: the traffic that changes", [(each["change"], each["packets"])
                                                       for each in drifted["changes"]],
                 [("closed", "in any tcp to port 99 not established")])

    report.equal("drifted: in words", plan(namespace).stdout.splitlines()[0].split(),
                 f"IPv4 filter -1 rule, -1 chain, kept: {count[key]}".split())

    done = plan(namespace, preexec_fn=without(CAP_NET_ADMIN))
    report.check("without CAP_NET_ADMIN: refused", done.returncode == 3 and not done.stdout
                 and "it takes CAP_NET_ADMIN" in done.stderr, done.stderr)
    namespace.close()
