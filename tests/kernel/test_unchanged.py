# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply` of what stands: nothing is compiled where nothing has changed, and all is done anew where anything has.

What is compiled is encoded by the plugins of libxtables. Where these are out of reach, an apply that compiles fails, and one that has
nothing to do does not miss them.
"""
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from firewall import restore, save
from host import OLD, Host, NftHost
from netns import IPV4
from report import Report
from test_via import NATIVE

NO_PLUGINS = {"XTABLES_LIBDIR": "/nowhere"}
POLICY = """version: 1
include: common.yaml
define: {friends: {file: friends.txt}}
tracking: selective
allow: [ssh, {service: http, track: false}, {tcp: 8443, from: $friends}]
default: {forward: leave}
verbatim: {ipv4: {file: more.rules}}
"""
FILES = {
    "policy.yaml": POLICY,
    "common.yaml": "version: 1\nallow: [ping]\n",
    "friends.txt": "192.0.2.0/24\n2001:db8::/32\n",
    "more.rules": "*mangle\n-A PREROUTING -i eth7 -j ACCEPT\nCOMMIT\n",
}
NAT = ("-t", "nat", "POSTROUTING", "-o", "eth9", "-j", "ACCEPT")


class Setting:
    """A host, and a policy of several files that it has applied."""

    def __init__(self, name: str, report: Report, own: str = "tables"):
        self.host, self.report = Host(name, own=own), report
        self.folder = self.host.state.parent / f"{name} policy"
        self.folder.mkdir()
        for each, text in FILES.items():
            (self.folder / each).write_text(text, encoding="ascii")
        self.policy = str(self.folder / "policy.yaml")

    def apply(self, *words: str, policy: str = "", more: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        return self.host.ctc("apply", *words, policy or self.policy, more=more)

    def is_quick(self, *words: str, policy: str = "") -> bool:
        return self.apply(*words, policy=policy, more=NO_PLUGINS).returncode == 0

    def quick(self, when: str, *words: str) -> None:
        done = self.apply(*(words or ("--now",)), more=NO_PLUGINS)
        self.report.check(f"{when}: there is nothing to do", done.returncode == 0, done.stderr)

    def whole(self, when: str, *words: str, policy: str = "") -> None:
        self.report.check(f"{when}: all is done anew", not self.is_quick(*(words or ("--now",)), policy=policy), "")

    def works(self, when: str, *words: str) -> subprocess.CompletedProcess:
        done = self.apply(*(words or ("--now",)))
        self.report.check(f"{when}: works", done.returncode == 0, done.stderr)
        return done


def _files(setting: Setting) -> None:
    for name in FILES:
        path = setting.folder / name
        text = path.read_text(encoding="ascii")
        path.write_text(text + "# a remark\n", encoding="ascii")
        setting.whole(f"a remark in {name}")
        setting.works(f"a remark in {name}")
        setting.quick(f"a remark in {name}, again")
        path.unlink()
        setting.whole(f"{name} is gone")
        path.write_text(text, encoding="ascii")
        setting.works(f"{name} is back")


def _tables(setting: Setting) -> None:
    host = setting.host
    run: Callable[..., str] = host.namespace.run
    run("iptables-legacy", "-w", "-A", "INPUT", "-j", "ACCEPT")
    setting.whole("a rule more")
    run("iptables-legacy", "-w", "-D", "INPUT", "-j", "ACCEPT")
    setting.quick("it is gone")
    run("ip6tables-legacy", "-w", "-P", "FORWARD", "DROP")
    setting.whole("another policy of a chain that is others'")
    run("ip6tables-legacy", "-w", "-P", "FORWARD", "ACCEPT")
    counted = save(host.namespace, IPV4, "legacy").replace("\n-A", "\n[7:700] -A")
    run("iptables-legacy-restore", "-w", "-c", text=counted)
    setting.quick("what rules have counted")
    run("iptables-legacy", "-w", *NAT[:2], "-A", *NAT[2:])
    setting.whole("a rule of others in another table")
    setting.works("a rule of others in another table")
    setting.quick("it is still there")
    run("iptables-legacy", "-w", *NAT[:2], "-D", *NAT[2:])
    setting.whole("it is not there any more")
    setting.works("it is not there any more")
    run("nft", "add table inet other; add chain inet other c { type filter hook input priority 0; policy drop; }")
    setting.whole("nft has a table that drops")
    run("nft", "delete table inet other")
    setting.quick("it has none")
    host.namespace.ip("address add 192.0.2.77/32 dev lo")
    setting.whole("this host has another address")
    setting.works("this host has another address")


def _sayings(setting: Setting) -> None:
    host = setting.host
    for words in (("--dry-run",), ("--confirm", "60"), ("--now", "--force"), ("--now", "--cut"), ("--now", "--own", "chains"),
                  ("--boot", "last")):
        setting.whole(" ".join(words), *words)
    host.ctc("rollback")    # what --boot has loaded
    setting.works("after them")
    other = setting.folder / "other.yaml"
    shutil.copy(setting.policy, other)
    setting.whole("the same by another name", policy=str(other))
    program = os.environ["CTC"]
    os.environ["CTC"] = str(shutil.copy2(program, setting.folder / "ctc"))
    setting.whole("another build")
    os.environ["CTC"] = program
    setting.quick("the same build")
    shutil.rmtree(host.lasting)
    setting.whole("the last good rules are gone")
    setting.works("the last good rules are gone")
    setting.quick("they are there")


def unchanged(report: Report) -> None:
    setting = Setting("unchanged", report)
    host = setting.host
    setting.whole("nothing was applied yet")
    setting.works("at first")
    setting.quick("of tables that were not there")
    first = host.tables()
    for form in ("text", "json"):
        whole, quick = (setting.apply("--now", "--format", form, *more, more=plugins)
                        for more, plugins in ((("--force",), None), ((), NO_PLUGINS)))
        report.equal(f"as {form}: the same is said", (quick.returncode, quick.stdout, quick.stderr), (0, whole.stdout, whole.stderr))
    report.equal("the tables are as they were", host.tables() == first, True)
    _files(setting)
    _tables(setting)
    _sayings(setting)

    # The way back is from what was loaded, however often that was found unchanged.
    report.equal("rollback: to the rules of before", (host.ctc("rollback").returncode, "-A" in save(host.namespace, IPV4, "legacy")),
                 (0, False))
    setting.whole("rolled back")
    report.equal("confirmed", (setting.apply("--confirm", "60").returncode, host.ctc("confirm").returncode), (0, 0))
    setting.quick("confirmed")

    # What a policy gives to say is said each time.
    warned = Path(setting.folder / "policy.yaml")
    warned.write_text(POLICY + "deny: [10.0.0.0/8]\n", encoding="ascii")
    said = [setting.works("a warning").stderr for _ in range(2)]
    report.check("a warning comes each time", said[0] == said[1] and "warning" in said[0], said[0])
    host.close()


def beside(report: Report) -> None:
    """The same for chains of ctc's own."""
    setting = Setting("unchanged beside", report, own="")
    host = setting.host
    restore(host.namespace, IPV4, "legacy", "*filter\n:f2b-sshd - [0:0]\n-A INPUT -p tcp --dport 22 -j f2b-sshd\n-A f2b-sshd -j RETURN\nCOMMIT\n")
    setting.works("beside others")
    whole, quick = (setting.apply("--now", *more, more=plugins) for more, plugins in ((("--force",), None), ((), NO_PLUGINS)))
    report.equal("beside others: the same is said", (quick.returncode, quick.stdout, quick.stderr), (0, whole.stdout, whole.stderr))
    report.check("beside others: they are told", "others' stay: 2 rules, 1 chain (f2b-sshd)" in quick.stdout, quick.stdout)
    host.namespace.run("iptables-legacy", "-w", "-I", "f2b-sshd", "-s", "192.0.2.200", "-j", "DROP")
    setting.whole("others change their rules")
    host.namespace.run("iptables-legacy", "-w", "-D", "f2b-sshd", "1")
    setting.quick("they change them back")
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", "-j", "ctc-INPUT")
    setting.whole("the jump is gone")
    host.close()


class Forks:
    """How many processes an apply by iptables-restore starts: compiling takes some, and looking takes always as many."""

    def __init__(self, host: NftHost, report: Report):
        self.host, self.report = host, report
        self.counted = host.state.parent / f"{host.name} forks"
        self.few = 0

    def apply(self, *words: str) -> subprocess.CompletedProcess:
        self.counted.write_text("0", encoding="ascii")
        self.host.desk.fault()
        return self.host.apply(OLD, *(words or ("--now",)), more={"FAULT_COUNT": str(self.counted), "FAULT_ONLY": "fork"})

    def count(self) -> int:
        return int(self.counted.read_text(encoding="ascii"))

    def quick(self, when: str) -> None:
        done = self.apply()
        self.report.check(f"via, {when}: there is nothing to do", done.returncode == 0 and self.count() == self.few
                          and not self.host.restores(), f"{self.count()} {done.stderr}")

    def whole(self, when: str, text: str = "") -> None:
        done = self.apply()
        self.report.check(f"via, {when}: all is done anew", done.returncode == 0 and self.count() > self.few
                          and text in done.stderr, f"{self.count()} {done.stderr}")

    def refused(self, when: str, text: str) -> None:
        done = self.apply()
        self.report.check(f"via, {when}: nothing is loaded", done.returncode == 3 and text in done.stderr, done.stderr)


def via_restore(report: Report) -> None:
    """The same by iptables-restore, in nf_tables."""
    host = NftHost("unchanged via")
    forks = Forks(host, report)
    run = host.namespace.run
    report.equal("via: at first", forks.apply().returncode, 0)
    whole, quick = forks.apply("--now", "--force"), forks.apply()
    forks.few = forks.count()
    report.equal("via: the same is said", (quick.returncode, quick.stdout, quick.stderr), (0, whole.stdout, whole.stderr))
    forks.quick("again")
    forks.apply("--now", "--force")
    report.check("via: to look takes fewer processes", forks.count() > forks.few > 0, f"{forks.count()} {forks.few}")

    run("iptables-nft", "-A", "INPUT", "-j", "ACCEPT")
    forks.whole("a rule more")
    forks.quick("a rule more, again")
    run("ip6tables-nft", "-t", "raw", "-F", "OUTPUT")
    forks.whole("rules are gone")
    run("iptables-nft-restore", "-c", text=save(host.namespace, IPV4, "nft").replace("\n-A", "\n[7:700] -A"))
    forks.quick("what rules have counted")
    run("iptables-nft", *NAT[:2], "-A", *NAT[2:])
    forks.whole("a rule of others in another table")
    forks.quick("it is still there")
    host.nft(NATIVE)
    forks.whole("nft has a table that filters", text="inet guard")
    host.nft("delete table inet guard")
    forks.quick("it has none")
    host.nft("add rule ip filter INPUT tcp dport { 22, 80 } counter accept")
    forks.refused("a rule of nft in a table of iptables", "nft list table ip filter")
    host.nft("delete table ip filter")
    forks.whole("a table is gone")
    Host.load(host, OLD)
    forks.refused("the other variant has rules, too", "the legacy ruleset has live rules")
    for family in ("iptables", "ip6tables"):
        for table in ("filter", "raw"):
            run(f"{family}-legacy-restore", "-w", text=f"*{table}\n:OUTPUT ACCEPT\nCOMMIT\n")
        for chain in ("INPUT", "FORWARD", "OUTPUT"):
            run(f"{family}-legacy", "-w", "-P", chain, "ACCEPT")
    forks.quick("it has none")
    host.desk.install("legacy")
    forks.refused("iptables-restore is the other variant", "the nf_tables ruleset has live rules")
    host.desk.install("nft")
    forks.quick("it is as it was")
    shutil.rmtree(host.state)
    forks.whole("what is remembered is gone")
    forks.quick("it is remembered")
    host.close()
