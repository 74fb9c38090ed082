# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ctc advise` says of a table with known entries, to the entry; and that following it takes out
of the table what it promised."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import clients
import table
from firewall import load, policy_path
from netns import FAMILIES, Namespace, address
from report import Report
from scene import Scene

HERE, HERE6, RESOLVER = "192.0.2.10", "2001:db8::1", "192.0.2.53"

# count, protocol, source, target, port, state of TCP, and the rest
SHARES = f"""\
600 tcp 240.0.0.1 {HERE} 443 3 assured
300 tcp 240.0.1.1 {HERE} 443 7 assured
100 tcp 240.0.2.1 {HERE} 443 1 unreplied
30 tcp 2001:db8::9 {HERE6} 443 3 assured
200 tcp {HERE} 240.0.3.1 25 3 assured
150 udp {HERE} {RESOLVER} 53 0
100 udp 240.0.4.1 {HERE} 123 0 unreplied
80 tcp 240.0.5.1 {HERE} 8080 3 assured translated
40 tcp 240.0.6.1 240.0.7.1 22 3 assured
"""
ENTRIES = 1600

# service, direction, protocol: entries, assured, unreplied, what is against untracking it
SERVICES = {
    ("https", "in", "tcp"): (1030, 930, 100, "none"),
    ("smtp", "out", "tcp"): (200, 200, 0, "none"),
    ("dns", "out", "udp"): (150, 0, 0, "none"),
    ("ntp", "in", "udp"): (100, 0, 100, "none"),
    ("http-alt", "in", "tcp"): (80, 80, 0, "nat"),
    ("ssh", "forwarded", "tcp"): (40, 40, 0, "forwarded"),
}
LINES = ["{service: https, track: false}", "{service: smtp, to: [240.0.3.1], track: false}",
         f"{{service: dns, to: [{RESOLVER}], track: false}}", "{service: ntp, track: false}"]


def advise(namespace: Namespace, *arguments: str, text: str | None = None,
           prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    with namespace:
        return subprocess.run((*prefix, os.environ["CTC"], "advise", *arguments), input=text, capture_output=True,
                              text=True, timeout=60, check=False)


def services(document: dict) -> dict:
    return {(each["service"], each["direction"], each["protocol"]):
            (each["entries"], each["assured"], each["unreplied"], each["obstacle"])
            for each in document["services"]}


def host_with(shares: str) -> Namespace:
    host = Namespace("host")
    host.ip(f"address add {HERE}/32 dev lo", f"address add {HERE6}/128 dev lo nodad")
    host.run(os.environ["FILL_SHARES"], text=shares)
    return host


def to_the_entry(host: Namespace, report: Report) -> None:
    done = advise(host, "--json")
    report.equal("exit", (done.returncode, done.stderr), (0, ""))
    found = json.loads(done.stdout)
    report.equal("entries", found["table"]["entries"], ENTRIES)
    report.equal("count of the kernel", found["table"]["count"], ENTRIES)
    report.equal("max of the kernel", found["table"]["max"], table.limit(host))
    report.equal("assured", found["table"]["assured"], 1250)
    report.equal("translated", found["table"]["translated"], 80)
    report.equal("drops are known", found["table"]["early_dropped"], 0)
    report.equal("directions", found["directions"],
                 {"in": 1210, "out": 350, "forwarded": 40, "loopback": 0})
    report.equal("states", found["states"], {"SYN_SENT": 100, "ESTABLISHED": 950, "TIME_WAIT": 300,
                                             "UNREPLIED": 100, "REPLIED": 150})
    report.equal("services", services(found), SERVICES)
    report.equal("lines", [each["entry"] for each in found["lines"]], LINES)
    report.equal("what they save", found["saves"], 1480)
    report.equal("the first of the sources", found["sources"][0], {"address": "240.0.0.1", "entries": 600})
    report.equal("how many there are", found["source_count"], 7)


def prometheus(host: Namespace, report: Report) -> None:
    lines = advise(host, "--prometheus").stdout.splitlines()
    report.check("a service", 'ctc_conntrack_service_entries{service="https",direction="in",protocol="tcp",'
                 'obstacle="none"} 1030' in lines, "\n".join(lines))
    report.check("every line is a comment or a sample", all(
        re.fullmatch(r'# (HELP|TYPE) ctc_conntrack_\w+ .+|ctc_conntrack_\w+(\{(\w+="[^"]*",?)+\})? \d+', each)
        for each in lines), "\n".join(lines))


def saved_tables(host: Namespace, report: Report) -> None:
    """The same table from the kernel and from every form that it is saved in."""
    forms = {"conntrack -L": [host.run("conntrack", "-L", "-f", family.name) for family in FAMILIES],
             "conntrack -L -o extended": [host.run("conntrack", "-L", "-o", "extended", "-f", family.name)
                                          for family in FAMILIES],
             "conntrack -L -o id,timestamp": [host.run("conntrack", "-L", "-o", "id,timestamp", "-f", family.name)
                                              for family in FAMILIES],
             "/proc/net/nf_conntrack": [host.run("cat", "/proc/thread-self/net/nf_conntrack")]}
    for name, texts in forms.items():
        done = advise(host, "--json", "--dump", "-", "--local", f"{HERE},{HERE6}", text="".join(texts))
        if not report.check(f"{name}: is read", done.returncode == 0, done.stderr):
            continue
        found = json.loads(done.stdout)
        report.equal(f"{name}: services", services(found), SERVICES)
        report.equal(f"{name}: lines", [each["entry"] for each in found["lines"]], LINES)
        report.equal(f"{name}: size is not known", found["table"]["max"], None)
    done = advise(host, "--json", "--dump", "-", text="".join(forms["conntrack -L"]))
    report.equal("the host's address is found by how often it is there", json.loads(done.stdout)["local"],
                 ["127.0.0.0-127.255.255.255", HERE, "::1"])


def refusals(host: Namespace, report: Report) -> None:
    stranger = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all")
    done = advise(host, prefix=stranger)
    report.equal("not root", (done.returncode, done.stdout), (3, ""))
    report.check("not root: it says so", "it takes root" in done.stderr, done.stderr)
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/sys/net/netfilter && exec "$@"', "sh")
    done = advise(host, "--json", prefix=hidden)
    report.equal("no size in /proc: the rest is there", done.returncode, 0)
    if done.returncode == 0:
        found = json.loads(done.stdout)["table"]
        report.equal("no size in /proc", (found["count"], found["max"], found["entries"]), (None, None, ENTRIES))
    report.equal("an empty table", advise(Namespace("empty")).stdout.splitlines()[0].split(",")[0],
                 f"tracking table: 0 of {table.limit(host)} entries")


def watched(host: Namespace, report: Report) -> None:
    done = advise(host, "--watch=1", prefix=("timeout", "2.5"))
    report.equal("--watch reports again and again", done.stdout.count(f"{ENTRIES} of "), 3)


def traffic(scene: Scene) -> str:
    for family in FAMILIES:
        end, here = scene.client(family), address("server", family)
        for _ in range(100):
            trouble = clients.tcp(end, here, 80)
            if trouble:
                return trouble
        for _ in range(2):    # too few to be worth an untracked entry
            trouble = clients.tcp(end, here, 22)
            if trouble:
                return trouble
    return ""


def followed(report: Report) -> None:
    """The table before and after."""
    scene = Scene("legacy")
    host = scene.topology.server
    policy = Path(os.environ["SCRATCH"], "advised.yaml")
    shutil.copy(policy_path("advise"), policy)
    load(host, policy, "legacy")
    table.empty(host)
    report.works("connections before", traffic(scene))
    before = table.count(host)
    promised = json.loads(advise(host, "--json", str(policy)).stdout)["saves"]
    report.equal("what is promised", promised, 200)

    done = advise(host, "--write", str(policy))
    report.equal("--write: exit", (done.returncode, done.stderr), (0, ""))
    report.check("--write shows the difference", "\n+  - {service: http, track: false}    # a comment that stays\n"
                 in done.stdout, done.stdout)
    text = policy.read_text(encoding="utf-8")
    report.equal("nothing else is changed", text.replace("tracking: selective\n", "")
                 .replace("{service: http, track: false}", "http"), policy_path("advise").read_text(encoding="utf-8"))

    load(host, policy, "legacy")
    table.empty(host)
    report.works("connections after", traffic(scene))
    report.equal("the table shrinks by what was promised", before - table.count(host), promised)


def run(report: Report) -> None:
    host = host_with(SHARES)
    to_the_entry(host, report)
    prometheus(host, report)
    saved_tables(host, report)
    refusals(host, report)
    watched(host, report)
    followed(report)
