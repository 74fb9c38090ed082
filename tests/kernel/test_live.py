# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc check --live` says that the kernel tracks exactly where it does, and names the rule that makes it."""
import json
import os
import subprocess
from typing import NamedTuple

from firewall import load, policy_path
from netns import FAMILIES, IPV4, IPV6, Namespace
from report import Report
from schemas import schema_trouble
from table import listing

BOTH = ("ipv4", "ipv6")

# A rule that asks for the tracker or does not, of what tool, and in which families the kernel tracks for it.
LEGACY = {
    "state": ("-m state --state NEW", "state"),
    "conntrack": ("-m conntrack --ctstate ESTABLISHED", "conntrack"),
    "connlimit": ("-p tcp -m connlimit --connlimit-above 5", "connlimit"),
    "connmark": ("-m connmark --mark 1", "connmark"),
    "helper": ("-m helper --helper ftp", "helper"),
    "untracked": ("-m conntrack --ctstate UNTRACKED", "conntrack"),
    "recent": ("-m recent --name r --set", None),
    "hashlimit": ("-m hashlimit --hashlimit-upto 1/sec --hashlimit-name h", None),
    "socket": ("-p tcp -m socket", None),
    "addrtype": ("-m addrtype --dst-type LOCAL", None),
}
LEGACY_RAW = {
    "notrack": ("-d 192.0.2.9 -j CT --notrack", None),
    "NOTRACK": ("-d 192.0.2.9 -j NOTRACK", None),
    "helper target": ("-p tcp --dport 21 -j CT --helper ftp", "CT"),
    "zone": ("-d 192.0.2.9 -j CT --zone 1", "CT"),
}


class Nft(NamedTuple):
    body: str
    what: str | None
    families: tuple[str, ...] = BOTH
    table: str = "inet"


NFT = {
    "no rule": Nft("chain c {\n type filter hook input priority 0\n}", None),
    "state": Nft("chain c {\n ct state new comment \"x\"\n}", "ct state"),
    "state of IPv6": Nft("chain c {\n ct state new\n}", "ct state", ("ipv6",), "ip6"),
    "mark to": Nft("chain c {\n ct mark set 1\n}", "ct mark", ("ipv4",), "ip"),
    "mark from": Nft("chain c {\n meta mark set ct mark\n}", "ct mark", ("ipv4",), "ip"),
    "verdict map": Nft("chain c {\n ct state vmap { new : accept }\n}", "ct state"),
    "concatenation": Nft("chain c {\n tcp dport . ct state { 80 . new } accept\n}", "ct state"),
    "count": Nft("chain c {\n ct count over 3 drop\n}", "ct count"),
    "helper": Nft("ct helper h {\n type \"ftp\" protocol tcp;\n}", "ct helper", ("ipv4",), "ip"),
    "time-out": Nft("ct timeout t {\n protocol tcp;\n l3proto ip\n policy = { established : 10 }\n}", "ct timeout",
                    ("ipv4",), "ip"),
    "nat without a rule": Nft("chain c {\n type nat hook postrouting priority 100\n accept\n}", None),
    "snat": Nft("chain c {\n type nat hook postrouting priority 100\n oifname \"eth9\" snat to 192.0.2.1\n}", "snat",
                ("ipv4",), "ip"),
    "dnat of IPv4": Nft("chain c {\n type nat hook prerouting priority -100\n tcp dport 9 dnat ip to 192.0.2.1\n}",
                        "dnat", ("ipv4",)),
    "masquerade": Nft("chain c {\n type nat hook postrouting priority 100\n oifname \"eth9\" masquerade\n}",
                      "masquerade"),
    "redirect": Nft("chain c {\n type nat hook prerouting priority -100\n tcp dport 9 redirect to :10\n}", "redirect"),
    "synproxy": Nft("chain c {\n tcp dport 9 synproxy mss 1460 wscale 7 timestamp sack-perm\n}", "synproxy"),
    "notrack": Nft("chain c {\n type filter hook prerouting priority raw\n ip daddr 192.0.2.9 notrack\n}", None),
    "words in a comment": Nft("chain c {\n accept comment \"ct state new masquerade\"\n}", None),
    "a chain of that name": Nft("chain ct_helper {\n accept\n}\nchain c {\n jump ct_helper\n}", None),
}
# What iptables-nft makes is matches and targets of iptables, whose options nft does not tell.
IPTABLES_NFT = {
    "conntrack": ("-A INPUT -m conntrack --ctstate NEW", "conntrack"),
    "notrack": ("-t raw -A PREROUTING -d 192.0.2.9 -j CT --notrack", None),
    "helper target": ("-t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp", "CT"),
    "masquerade": ("-t nat -A POSTROUTING -o eth9 -j MASQUERADE", "MASQUERADE"),
    "addrtype": ("-A INPUT -m addrtype --dst-type LOCAL", None),
}


def ask(namespace: Namespace, *arguments: str, before: str = "", user: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """ctc check --live in there; with `before`, behind commands in a mount namespace of its own."""
    command = (*user, os.environ["CTC"], "check", "--live", *arguments)
    if before:
        command = ("unshare", "--mount", "sh", "-c", f'{before} && exec "$@"', "sh", *command)
    with namespace:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def answer(namespace: Namespace, *arguments: str, **options) -> dict:
    done = ask(namespace, "--format", "json", *arguments, **options)
    if done.returncode not in (0, 4):
        raise RuntimeError(f"ctc check --live: exit {done.returncode}: {done.stderr}")
    document = json.loads(done.stdout)
    if trouble := schema_trouble(document, "tracking"):
        raise RuntimeError(trouble)
    document["families"] = {each["family"]: each for each in document["families"]}
    return document


def tracked(namespace: Namespace) -> tuple[str, ...]:
    """The families of which the kernel makes an entry when a packet passes."""
    for target in ("127.0.0.1", "::1"):
        namespace.run("ping", "-c", "1", "-W", "1", target)
    return tuple(family.name for family in FAMILIES if listing(namespace, family))


def agree(namespace: Namespace, what: str | None, tool: str, families: tuple[str, ...], report: Report) -> None:
    found = answer(namespace)["families"]
    report.equal("the kernel tracks", tracked(namespace), families if what else ())
    report.equal("ctc says so", tuple(name for name in BOTH if found[name]["tracking"] == "on"),
                 families if what else ())
    for name in families if what else ():
        causes = [(cause["tool"], cause["what"], cause["unclear"]) for cause in found[name]["causes"]]
        wanted = tool if tool == "nft" or name == "ipv4" else "ip6tables"
        report.equal(f"{name}: what makes it", causes, [(wanted, what, False)])
        report.check(f"{name}: the rule is shown", what.startswith(("ct helper", "ct timeout")) or
                     bool(found[name]["causes"][0]["rule"]), found[name]["causes"])


def constructs(report: Report) -> None:
    for table, chain, rules in (("filter", "INPUT", LEGACY), ("raw", "PREROUTING", LEGACY_RAW)):
        for name, (rule, what) in rules.items():
            host = Namespace("host")
            for family in FAMILIES:
                if rule.count("192.0.2.9") and family is IPV6:
                    continue
                host.run(f"{family.iptables}-legacy", "-t", table, "-A", chain, *rule.split())
            families = ("ipv4",) if "192.0.2.9" in rule else BOTH
            agree(host, what, "iptables", families, report.part(f"legacy {name}: "))
    for name, case in NFT.items():
        host = Namespace("host")
        host.run("nft", "-f", "-", text=f"table {case.table} t {{\n{case.body}\n}}\n")
        agree(host, case.what, "nft", case.families, report.part(f"nft {name}: "))
    for name, (rule, what) in IPTABLES_NFT.items():
        host = Namespace("host")
        host.run("iptables-nft", *rule.split())
        agree(host, what, "nft", ("ipv4",), report.part(f"iptables-nft {name}: "))


def beside_policies(report: Report) -> None:
    """With a policy: whether that is what it says."""
    none = str(policy_path("none"))
    host = Namespace("host")
    load(host, policy_path("none"), "legacy")
    report.equal("none, loaded", ask(host, none).returncode, 0)
    host.run("iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-o", "eth9", "-j", "MASQUERADE")
    found = answer(host, none)["families"]
    report.equal("a rule asks for the tracker, and raw takes all out",
                 [(found[name]["tracking"], found[name]["fits"]) for name in BOTH], [("idle", True), ("off", True)])
    report.equal("nothing is tracked then", tracked(host), ())
    host.run("iptables-legacy", "-t", "raw", "-D", "OUTPUT", "1")
    done = ask(host, none)
    report.equal("one direction is left to the tracker", done.returncode, 4)
    report.check("the rule is named", "iptables   nat POSTROUTING 1   MASQUERADE" in done.stdout, done.stdout)
    report.equal("and it is tracked", tracked(host), ("ipv4",))
    host = Namespace("host")
    load(host, policy_path("none-blocked"), "legacy")
    report.equal("a tracker that should be kept out is in the kernel", ask(host, str(policy_path("none-blocked"))).returncode, 4)
    host = Namespace("host")
    load(host, policy_path("full"), "legacy", (IPV4,))
    found = answer(host, str(policy_path("full")))["families"]
    report.equal("full, loaded of one family", [found[name]["fits"] for name in BOTH], [True, False])


def worlds(report: Report) -> None:
    """Kernels and hosts that lack something."""
    host = Namespace("host")
    host.run("iptables-legacy", "-A", "INPUT", "-m", "state", "--state", "NEW")
    found = answer(host, before="mount -t tmpfs none /proc/sys/net/netfilter")
    report.equal("without a tracker nothing is tracked",
                 (found["tracker"], found["families"]["ipv4"]["tracking"]), (False, "off"))
    done = ask(host, str(policy_path("none-blocked")), before="mount -t tmpfs none /proc/sys/net/netfilter")
    report.equal("a tracker that is kept out", (done.returncode, "not in the kernel" in done.stdout), (0, True))
    without = "mount --bind /dev/null /usr/sbin/nft"
    for name, body, wanted, causes in (
            ("nothing", "", ("off", []), []),
            ("a table", "table inet t {\n chain c {\n accept\n}\n}\n", ("unknown", ["nft is not installed"]), []),
            ("a rule", "table ip t {\n chain c {\n ct state new\n}\n}\n", ("on", ["nft is not installed"]),
             [("ip t", "a rule")])):
        host = Namespace("host")
        host.run("nft", "-f", "-", text=body)
        found = answer(host, before=without)["families"]["ipv4"]
        report.equal(f"without nft, {name}", (found["tracking"], found["unseen"]), wanted)
        report.equal(f"without nft, {name}: what makes it",
                     [(cause["place"], cause["what"]) for cause in found["causes"]], causes)
    host = Namespace("host")
    host.run("nft", "-f", "-", text="table inet t {\n chain c {\n accept\n}\n}\n")
    found = answer(host, before="mount --bind /bin/false /usr/sbin/nft")["families"]["ipv6"]
    report.check("nft that fails", found["tracking"] == "unknown" and len(found["unseen"]) == 1, found)
    found = answer(host, before="mount --bind /bin/echo /usr/sbin/nft")["families"]["ipv6"]
    report.check("nft that says something else", found["tracking"] == "unknown" and len(found["unseen"]) == 1, found)
    done = ask(host, user=("setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534", "--inh-caps=-all"))
    report.equal("somebody else than root", (done.returncode, done.stdout), (3, ""))
    report.check("is told why", "CAP_NET_ADMIN" in done.stderr, done.stderr)
    done = ask(host, "nowhere.yaml")
    report.equal("no such policy", (done.returncode, done.stdout), (3, ""))


JOBS = {"live constructs": constructs, "live policies": beside_policies, "live worlds": worlds}
