# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules in the kernel that ask for sets are told by what is in them: `ctc diff --live`, `apply --check`, `apply`, `check --live`.
What a rollback puts back asks for the sets of the same names."""
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from desk import Desk
from firewall import load, policy_path, restore, save
from host import Host
from netns import FAMILIES, IPV4, IPV6, Namespace
from report import Report
from test_drift import CHECK, DIFF, answer, ask

OTHER = ("203.0.113.7", "2001:db8:ffff::7")


class Crowd:
    """A policy of a crowd, the files that `compile --sets` makes of it, and a host that has loaded them."""

    def __init__(self, name: str, backend: str = "legacy"):
        folder = Path(os.environ["SCRATCH"]) / f"crowd {name}"
        folder.mkdir()
        self.policy = folder / "policy.yaml"
        self.sets = folder / "sets"
        self.members = tuple([f"10.3.{number}.{number * 3 % 251}" for number in range(60)] if family is IPV4 else
                             [f"2001:db8:3:{number + 1:x}::{number * 7 + 1:x}" for number in range(60)] for family in FAMILIES)
        self.write(self.members[0] + self.members[1])
        subprocess.run([os.environ["CTC"], "compile", "-o", f"{folder}/", "--sets", str(self.sets), str(self.policy)],
                       check=True, timeout=60)
        self.host = Namespace(name.replace(" ", "-"))
        self.host.run("ipset", "restore", text=self.sets.read_text(encoding="ascii"))
        for family, rules in zip(FAMILIES, ("rules.v4", "rules.v6")):
            restore(self.host, family, backend, (folder / rules).read_text(encoding="utf-8"))
        self.names = [next(line.split()[1] for line in self.sets.read_text(encoding="ascii").splitlines()
                           if line.startswith("create") and word in line) for word in ("family inet ", "family inet6 ")]

    def write(self, members: list[str]) -> None:
        self.policy.write_text("version: 1\ntracking: selective\nallow:\n  - https\n  - {service: ssh, track: false, from: [" +
                               ", ".join(f"'{member}'" for member in members) + "]}\n", encoding="ascii")

    def put(self, family, out: str, into: str) -> None:
        """Changes a member of the family's set."""
        self.host.run("ipset", "del", self.names[family.index], out)
        self.host.run("ipset", "add", self.names[family.index], into)


def _quiet(part: Report, what: str, done: subprocess.CompletedProcess) -> None:
    part.equal(what, (done.returncode, done.stdout, done.stderr), (0, "", ""))


def _changed(crowd: Crowd, family, part: Report, *words: str) -> None:
    """One member is another one: what traffic that opens and closes, and by which rule."""
    member = crowd.members[family.index][17]
    crowd.put(family, member, OTHER[family.index])
    done = ask(crowd.host, DIFF, str(crowd.policy), *words, "--format", "json")
    found = json.loads(done.stdout)
    part.equal("a member is another one", (done.returncode, done.stderr, found["rules"]), (4, "", []))
    part.equal("what it changes", {(each["change"], each["family"]) for each in found["changes"]} &
               {("opened", family.name), ("closed", family.name)}, {("opened", family.name), ("closed", family.name)})
    part.equal("in this family alone", {each["family"] for each in found["changes"]}, {family.name})
    rule = crowd.host.run(f"{family.iptables}-{'nft' if words else 'legacy'}", "-S", "INPUT").splitlines()[1:]
    number = next(number for number, text in enumerate(rule, 1) if crowd.names[family.index] in text)
    part.equal("who opens", {each["now"]["rule"] for each in found["changes"] if each["change"] == "opened"},
               {f"filter INPUT {number}"})
    text = ask(crowd.host, DIFF, str(crowd.policy), *words).stdout
    part.check("as text", f"from {OTHER[family.index]} to port 22" in text and f"from {member} to port 22" in text
               and f"filter INPUT {number}" in text and "lacks" not in text, text)
    done = ask(crowd.host, DIFF, str(crowd.policy), *words, "--sets", str(crowd.sets))
    _quiet(part, "with the sets as they were made", done)
    crowd.put(family, OTHER[family.index], member)


def compiled(report: Report) -> None:
    crowd = Crowd("live sets")
    policy = str(crowd.policy)
    _quiet(report, "as compiled", ask(crowd.host, DIFF, policy))
    for family in FAMILIES:
        _changed(crowd, family, report.part(f"{family.name}: "))
    _quiet(report, "as compiled again", ask(crowd.host, DIFF, policy))
    found = answer(crowd.host, CHECK, policy, report)
    report.equal("an apply would load trees", (found["changes"], found["promises"], found["same"]), ([], [], False))
    crowd.write(crowd.members[0][1:] + crowd.members[1])
    done = ask(crowd.host, DIFF, policy)
    report.check("of another policy", done.returncode == 4 and not done.stderr
                 and f"from {crowd.members[0][0]} to port 22" in done.stdout, done.stdout + done.stderr)
    crowd.host.close()


def compiled_nft(report: Report) -> None:
    """What iptables has in nf_tables, on a host whose iptables-restore is that variant."""
    crowd = Crowd("live sets nft", "nft")
    if "nf_tables" not in crowd.host.run("iptables-restore", "--version"):
        report.skip("iptables-restore is not the nf_tables variant")
        return
    _quiet(report, "as compiled", ask(crowd.host, DIFF, str(crowd.policy), "--via", "restore"))
    _changed(crowd, IPV6, report, "--via", "restore")
    crowd.host.close()


def foreign(report: Report) -> None:
    """What others ask for: commands, the exit status of diff --live behind them, that with --fail-on widen, and a text."""
    policy, host = str(policy_path("server")), Namespace("foreign-sets")
    load(host, policy_path("server"), "legacy")
    for what, commands, status, widen, text in (
            ("nobody is banned", ("ipset create f2b hash:ip timeout 600", "iptables-legacy -N f2b-sshd",
                                  "iptables-legacy -I INPUT -p tcp --dport 443 -j f2b-sshd",
                                  "iptables-legacy -A f2b-sshd -m set --match-set f2b src -j DROP"), 0, 0, ""),
            ("somebody is", ("ipset add f2b 203.0.113.66",), 4, 0, "from 203.0.113.66 to port 443"),
            ("no more", ("ipset flush f2b",), 0, 0, ""),
            ("a comment of lines is no member", ("ipset create told hash:ip comment",
                                                 "ipset add told 192.0.2.1 comment 'two\nadd f2b 10.0.0.1\nlines'"), 0, 0, ""),
            ("whoever is not in a set that holds all", ("ipset create all hash:net", "ipset add all 0.0.0.0/1",
                                                        "ipset add all 128.0.0.0/1",
                                                        "iptables-legacy -I INPUT 2 -m set ! --match-set all src -j ACCEPT"), 0, 0, ""),
            ("or half of them", ("ipset del all 0.0.0.0/1",), 4, 4, "filter INPUT 2"),
            ("or all again", ("ipset add all 0.0.0.0/1",), 0, 0, ""),
            ("ports", ("ipset create ports bitmap:port range 0-65535", "ip6tables-legacy -I INPUT -p tcp -m set --match-set ports dst -j ACCEPT"),
             0, 0, ""),
            ("one port", ("ipset add ports 9999",), 4, 4, "to port 9999"),
            ("none, which rules of the other family may change", ("ipset flush ports", "iptables-legacy -t mangle -A INPUT -p udp -j SET --add-set ports dst"),
             4, 4, "where -m set --match-set ports dst"),
            ("rules are gone", ("iptables-legacy -t mangle -F", "ip6tables-legacy -D INPUT 1"), 0, 0, ""),
            ("members that are more than they say", ("ipset create nets hash:ip netmask 24", "iptables-legacy -I INPUT -m set --match-set nets src -j DROP"),
             4, 0, "where -m set --match-set nets src")):
        for command in commands:
            host.run(*shlex.split(command))
        done = ask(host, DIFF, policy)
        report.check(what, (done.returncode, done.stderr) == (status, "") and text in done.stdout, done.stdout + done.stderr)
        report.equal(f"{what}: --fail-on widen", ask(host, DIFF, policy, "--fail-on", "widen").returncode, widen)
    host.close()


def unknown(report: Report) -> None:
    """Without the program, or where it fails, a set may hold anything, and that is said."""
    policy, host, desk = str(policy_path("server")), Namespace("unknown-sets"), Desk("unknown sets", ())
    load(host, policy_path("server"), "legacy")

    def look(*words: str) -> subprocess.CompletedProcess:
        with host:
            return subprocess.run(desk.words(os.environ["CTC"], *words), capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, "SSH_CONNECTION": "", "CTC_STATE_DIR": str(desk.path / "state")})

    _quiet(report, "no rule asks", look(*DIFF, policy))
    host.run("ipset", "create", "blocked", "hash:ip")
    host.run("iptables-legacy", "-I", "INPUT", "-m", "set", "--match-set", "blocked", "src", "-j", "DROP")
    _quiet(report, "a rule asks", ask(host, DIFF, policy))
    for what, program, text in (("none", None, "there is no ipset in /usr/sbin, /sbin and /usr/local/sbin; install ipset"),
                                ("fails", "echo ipset v7.17: out of order >&2; exit 1", "/usr/sbin/ipset: out of order"),
                                ("is killed", "kill -9 $$", "was ended by signal 9"),
                                ("says what nobody knows", "echo create blocked hash:later family inet; echo add blocked x", ""),
                                ("says what is no text of sets", "echo hello", "what `/usr/sbin/ipset save` prints cannot be read")):
        if program:
            (desk.path / "ipset").write_text(f"#!/bin/sh\n{program}\n", encoding="ascii")
            (desk.path / "ipset").chmod(0o755)
        done = look(*DIFF, policy)
        report.check(f"the program {what}: it may hold anybody", done.returncode == 4
                     and "where -m set --match-set blocked src" in done.stdout, done.stdout + done.stderr)
        report.check(f"the program {what}: and that is said", text in done.stderr and bool(text) == ("is not known" in done.stderr),
                     done.stderr)
        report.equal(f"the program {what}: as JSON", look(*DIFF, "--format", "json", policy).returncode, 4)
    done = look("apply", "--dry-run", policy)
    report.check("apply: and that is no reason not to load", done.returncode == 0 and "no traffic changes" in done.stdout,
                 done.stdout + done.stderr)
    shutil.copy(shutil.which("ipset"), desk.path / "real-ipset")
    (desk.path / "ipset").write_text("#!/bin/sh\n[ -e /usr/sbin/asked ] && exec /usr/sbin/real-ipset \"$@\"\n:>/usr/sbin/asked\n",
                                     encoding="ascii")
    _quiet(report, "rules and sets are others while they are read: once more", look(*DIFF, policy))
    (desk.path / "ipset").write_text("#!/bin/sh\necho create others hash:ip family inet\n", encoding="ascii")
    done = look(*DIFF, policy)
    report.check("a set that is not there", done.returncode == 4 and "the set blocked is not there" in done.stderr, done.stderr)
    given = desk.path / "given"
    given.write_text("create others hash:ip\n", encoding="ascii")
    done = look(*DIFF, "--sets", str(given), policy)
    report.check("or not given", done.returncode == 4 and "the set blocked is not among those given" in done.stderr, done.stderr)
    given.write_text("create blocked hash:ip\n", encoding="ascii")
    _quiet(report, "given, and empty", look(*DIFF, "--sets", str(given), policy))
    given.write_text("create blocked hash:ipp\n", encoding="ascii")
    done = look(*DIFF, "--sets", str(given), policy)
    report.check("given, and wrong", done.returncode == 1 and done.stdout == "" and "did you mean hash:ip" in done.stderr, done.stderr)
    host.close()


def applied(report: Report) -> None:
    """An apply tells by what is in sets what changes, and whether the caller's connection stays; what it promises holds whatever
    others put into them."""
    host = Host("apply beside sets", own="chains")
    host.namespace.ip("link add to-client type veth peer name client", "link set to-client up", "address add 192.0.2.2/24 dev to-client")
    for command in ("ipset create f2b hash:ip timeout 0", "ipset add f2b 203.0.113.66 timeout 600",
                    "iptables-legacy -A INPUT -p tcp --dport 22 -m set --match-set f2b src -j REJECT"):
        host.namespace.run(*command.split())
    policy = policy_path("full")

    def load_over(client: str) -> subprocess.CompletedProcess:
        return host.ctc("apply", "--now", str(policy), more={"SSH_CONNECTION": f"{client} 51234 192.0.2.2 22"})

    done = load_over("203.0.113.66")
    report.check("whoever is banned is told", done.returncode == 3 and "your SSH connection from 203.0.113.66 would be cut" in done.stderr
                 and "filter INPUT 1" in done.stderr, done.stderr)
    done = load_over("198.51.100.10")
    report.check("whoever is not loads", done.returncode == 0, done.stderr)
    done = host.ctc("apply", "--dry-run", str(policy))
    report.check("again, no traffic changes", done.returncode == 0 and "no traffic changes" in done.stdout, done.stdout + done.stderr)
    for command in ("ipset create friends hash:ip", "iptables-legacy -I INPUT -m set --match-set friends src -j ACCEPT"):
        host.namespace.run(*command.split())
    done = host.ctc("apply", "--dry-run", str(policy))
    report.check("an empty set promises nothing", "filter INPUT 1 (-m set --match-set friends src -j ACCEPT) accepts what the policy refuses"
                 in done.stderr, done.stderr)
    host.namespace.run("iptables-legacy", "-D", "INPUT", "1")
    host.namespace.run("ipset", "flush", "f2b")
    report.equal("diff --live", ask(host.namespace, DIFF, str(policy)).returncode, 0)
    host.close()


def tracking(report: Report) -> None:
    """Whether raw takes every packet out may depend on a set."""
    host = Namespace("tracking-sets")
    for command in ("ipset create tracked hash:ip", "iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED",
                    "iptables-legacy -t raw -A PREROUTING -m set ! --match-set tracked src -j CT --notrack",
                    "iptables-legacy -t raw -A OUTPUT -m set ! --match-set tracked dst -j CT --notrack"):
        host.run(*command.split())
    for member, wanted in (("", "nothing is tracked: raw takes every packet out"), ("192.0.2.1", "connections are tracked")):
        if member:
            host.run("ipset", "add", "tracked", member)
        done = ask(host, ("check", "--live"), str(policy_path("none")))
        line = next((line for line in done.stdout.splitlines() if line.startswith("IPv4")), "")
        report.check(f"tracked: {member or 'nothing'}", wanted in line and not done.stderr, done.stdout + done.stderr)
    host.close()


def taken_back(report: Report) -> None:
    """The kernel knows a rule's sets by number, and gives the number of one that is gone to the next: a rollback puts back rules
    that ask for the sets of the same names, or none."""
    host = Host("rollback to sets")
    ask_for = ("iptables-legacy -A INPUT -m set --match-set friends src -j ACCEPT",
               "ip6tables-legacy -A INPUT -p tcp -m set ! --match-set ports dst -j SET --add-set seen src --exist")
    sets = ("ipset create friends hash:ip", "ipset create ports bitmap:port range 0-9", "ipset create seen hash:ip family inet6")

    def run(*commands: str) -> None:
        for command in commands:
            host.namespace.run(*command.split())

    def rules() -> list[str]:
        return [line for family in FAMILIES for line in save(host.namespace, family, "legacy").splitlines() if line.startswith("-A")]

    run(*sets, *ask_for)
    old = rules()
    report.equal("applied", host.ctc("apply", "--now", str(policy_path("full"))).returncode, 0)
    new = rules()
    run("ipset destroy", "ipset create strangers hash:net", "ipset create others hash:ip family inet6", "ipset create third hash:ip",
        *sets[1:])
    done = host.ctc("rollback")
    report.check("one is gone", done.returncode == 3 and "ask for the set friends, which is not there any more" in done.stderr, done.stderr)
    report.equal("nothing is put back", rules(), new)
    run(sets[0])
    done = host.ctc("rollback")
    report.equal("all are there", (done.returncode, done.stderr), (0, ""))
    report.equal("the rules ask for them again, by other numbers", rules(), old)
    host.close()


JOBS = {"sets live": compiled, "sets taken back": taken_back, "sets live nft": compiled_nft, "sets others": foreign, "sets unknown": unknown,
        "sets apply": applied, "sets tracking": tracking}
