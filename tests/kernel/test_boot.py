# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply --boot`: whatever state the machine starts in, the policy stands, or the last good rules do, or nothing passes."""
import shutil
import subprocess
import time
from pathlib import Path

from firewall import policy_path
from host import FOREIGN, Host, faulty, kill_with_children, stopped
from netns import FAMILIES
from others import Watch, load_others, saved, write
from report import Report

POLICY, OTHER = policy_path("selective"), policy_path("none")
BROKEN = "version: 1\nallow: [sssh]\n"


class Machine(Host):
    """A host that can start anew: its tables are empty then, and what was below /run is gone."""

    def __init__(self, name: str, own: str = "tables"):
        super().__init__(name, own=own)
        self.broken = self.state.parent / f"{name}.yaml"
        self.broken.write_text(BROKEN, encoding="utf-8")

    def start_anew(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        for family in FAMILIES:
            for table in ("filter", "raw"):
                self.namespace.run(f"{family.iptables}-legacy-restore", "-w", text=f"*{table}\nCOMMIT\n")
            self.namespace.run(f"{family.iptables}-legacy", "-w", "-P", "INPUT", "ACCEPT")
            self.namespace.run(f"{family.iptables}-legacy", "-w", "-P", "FORWARD", "ACCEPT")
            self.namespace.run(f"{family.iptables}-legacy", "-w", "-P", "OUTPUT", "ACCEPT")

    def boot(self, choice: str, policy: Path):
        self.start_anew()
        return self.ctc("apply", "--boot", choice, str(policy))

    def is_closed(self) -> bool:
        """Nothing but lo, in both families."""
        wanted = {"-P INPUT DROP", "-P FORWARD DROP", "-P OUTPUT DROP", "-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT"}
        return all(set(self.namespace.run(f"{family.iptables}-legacy", "-w", "-S").splitlines()) == wanted for family in FAMILIES)


def chosen(report: Report) -> None:
    host = Machine("boot")
    done = host.boot("last", host.broken)
    report.check("boot: no last good rules yet: nothing passes", done.returncode == 1 and host.is_closed()
                 and "nothing passes now but lo" in done.stderr and "did you mean" in done.stderr and not done.stdout, done.stderr)

    done = host.boot("last", POLICY)
    stands = host.tables()
    report.check("boot: the policy stands", done.returncode == 0 and not done.stderr and not host.is_closed(), done.stderr)
    modes = {each.name: each.stat().st_mode & 0o7777 for each in host.lasting.iterdir()}
    report.equal("boot: its rules are the last good ones, for root alone", modes, {"good": 0o600})
    report.equal("boot: in a directory for root alone", host.lasting.stat().st_mode & 0o7777, 0o700)
    report.check("boot: status", "applied" in host.ctc("status").stdout)

    done = host.boot("last", host.broken)
    report.check("boot last: the last good rules", done.returncode == 1 and host.tables() == stands
                 and "the last good rules are loaded instead" in done.stderr, done.stderr)
    done = host.boot("closed", host.broken)
    report.check("boot closed: nothing passes", done.returncode == 1 and host.is_closed(), done.stderr)
    done = host.boot("closed", POLICY)
    report.check("boot closed: the policy stands", done.returncode == 0 and host.tables() == stands, done.stderr)
    done = host.boot("last", host.state.parent / "there is none.yaml")
    report.check("boot last: no policy there", done.returncode == 3 and host.tables() == stands, done.stderr)

    # What is not confirmed is not good, and what is rolled back was not.
    host.ctc("apply", "--confirm", "30", str(OTHER))
    done = host.boot("last", host.broken)
    report.check("boot last: rules that were not confirmed are not good", host.tables() == stands, done.stderr)
    host.ctc("apply", "--confirm", "30", str(OTHER))
    confirmed = host.tables()
    report.equal("boot: confirm", host.ctc("confirm").returncode, 0)
    done = host.boot("last", host.broken)
    report.check("boot last: those that were confirmed are", host.tables() == confirmed != stands, done.stderr)
    host.ctc("apply", "--now", str(POLICY))
    report.equal("boot: rollback", host.ctc("rollback").returncode, 0)
    done = host.boot("last", host.broken)
    report.check("boot last: those that were rolled back are not", host.tables() == confirmed, done.stderr)

    good = host.lasting / "good"
    whole = good.read_bytes()
    for name, spoil in (("cut", lambda: good.write_bytes(whole[:-9])), ("empty", lambda: good.write_bytes(b"")),
                        ("strange", lambda: good.write_bytes(whole.replace(b"ACCEPT", b"ACCEPD"))),
                        ("a directory", lambda: (good.unlink(), good.mkdir()))):
        spoil()
        done = host.boot("last", host.broken)
        report.check(f"boot last: they are {name}: nothing passes", done.returncode == 1 and host.is_closed(), done.stderr)
    good.rmdir()
    elsewhere = host.state.parent / "elsewhere good"
    elsewhere.write_bytes(whole)
    for each in ("good", "good.waiting", "new"):
        (host.lasting / each).symlink_to(elsewhere)
    done = host.boot("last", host.broken)
    report.check("boot last: a link is not followed", done.returncode == 1 and host.is_closed(), done.stderr)
    host.boot("last", POLICY)
    report.check("boot: nor written through", elsewhere.read_bytes() == whole and not good.is_symlink())
    host.lasting.chmod(0o777)
    done = host.boot("last", host.broken)
    report.check("boot last: nor are they taken from where others can write", host.is_closed() and "root alone" in done.stderr,
                 done.stderr)
    for words in (("--boot", "open"), ("--boot", "last", "--now"), ("--boot",)):
        report.equal(f"boot: usage {words}", host.ctc("apply", *words, str(POLICY)).returncode, 2)
    host.close()


def remembered(report: Report) -> None:
    """Rules that waited for a confirmation are not taken for others' that were confirmed."""
    host = Machine("boot remembered")
    full, good = str(policy_path("full")), host.lasting / "good"

    def rules(policy: str) -> bytes:
        host.ctc("apply", "--now", policy)
        return good.read_bytes()

    texts = {policy: rules(policy) for policy in (full, str(OTHER), str(POLICY))}
    report.equal("remembered: they differ", len(set(texts.values())), 3)
    report.equal("remembered: one waits", host.ctc("apply", "--confirm", "30", str(OTHER)).returncode, 0)
    report.equal("remembered: another one is refused", host.ctc("apply", "--confirm", "30", full).returncode, 3)
    report.equal("remembered: confirm", host.ctc("confirm").returncode, 0)
    report.check("remembered: the rules that were confirmed", good.read_bytes() == texts[str(OTHER)])

    # Those that were not confirmed in time are still there, and those that are cannot be written.
    stands = host.tables()
    host.ctc("apply", "--confirm", "1", full)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k,mode=700", "full", str(host.lasting)], check=True)
    for name, policy in (("good", OTHER), ("good.waiting", full)):
        (host.lasting / name).write_bytes(texts[str(policy)])
    with open(host.lasting / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(b"0"):
                pass
        except OSError:
            pass
    time.sleep(1)
    report.check("remembered: it is reverted", host.becomes(stands))
    done = host.ctc("apply", "--confirm", "30", str(POLICY))
    report.check("remembered: no space is a warning", done.returncode == 0 and "the last good rules are not remembered" in done.stderr,
                 done.stderr)
    report.equal("remembered: confirm without it", host.ctc("confirm").returncode, 0)
    report.check("remembered: those of before are the last good ones", good.read_bytes() == texts[str(OTHER)])
    subprocess.run(["umount", str(host.lasting)], check=True)

    # A rollback forgets what it takes back, and no more.
    shutil.rmtree(host.lasting)
    host.start_anew()
    rules(full)
    report.check("remembered: of the same rules in other chains", host.ctc("apply", "--now", "--own", "chains", full).returncode == 0
                 and host.ctc("rollback").returncode == 0 and good.read_bytes() == texts[full])
    files = [Path(write(host, name, f"version: 1\nallow: [ssh]\n# {name}\n")) for name in ("one", "two")]
    report.equal("remembered: of the same rules by another file", [host.ctc("apply", "--now", str(each)).returncode for each in files], [0, 0])
    report.check("remembered: they stand there", good.read_bytes() != texts[full])
    report.check("remembered: rollback to what was ahead of both", host.ctc("rollback").returncode == 0 and good.read_bytes() == texts[full])
    report.check("remembered: and to what was ahead of all", host.ctc("rollback").returncode == 0 and not good.exists())
    host.close()


HEAD = "version: 1\ntracking: selective\nallow: [ssh{}]\ndefault: {{forward: {}}}\n"
# What others have by then, rules more, the policy; what is said, and whether that lets in what the policy refuses.
BESIDE = (
    ("docker", "", HEAD.format(", {tcp: 8080, track: false}", "leave"), "IPv4: nat DOCKER 3 ", "untracked-nat", False),
    ("docker", "", HEAD.format("", "drop"), "IPv4: Docker forwards here ", "others-forward", False),
    ("fail2ban", "", HEAD.format("", "leave").replace("selective", "none") + "conntrack: {modules: block}\nstateless: {replies: portable}\n",
     "tables of nft keep the tracker on: inet guard", "others-track", False),
    ("fail2ban", "-I INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT", HEAD.format(", {service: https, track: false}", "leave"),
     "IPv4: filter INPUT 1 (-m conntrack --ctstate UNTRACKED -j ACCEPT) ", "blanket-accept", True),
    ("fail2ban", "-A INPUT -p tcp --dport 6379 -j ACCEPT",
     HEAD.format("", "leave") + "expect: [{packets: in eth0 tcp to port 6379, verdict: refuse}]\n", "IPv4: expected refuse, ", "expectation", True),
    ("fail2ban", "-A INPUT -s 0.0.0.0/1 -j DROP; -A INPUT -s 128.0.0.0/1 -j DROP", HEAD.format("", "leave"), "IPv4: no packet comes to the policy's rules in filter INPUT", "unreached", True),
)


def beside(report: Report) -> None:
    """Others were there first. Nobody can be asked: what speaks against the load is said, and keeps nobody without rules."""
    for number, (name, rules, policy, text, kind, opens) in enumerate(BESIDE):
        part = report.part(f"boot beside {number}, {kind}: ")
        host = Machine(f"boot beside {number}", own="")
        path = write(host, "policy", policy)
        load_others(host, name)
        for each in filter(None, rules.split("; ")):
            host.namespace.run("iptables-legacy", "-w", *each.split())
        if kind == "others-track":
            host.namespace.run("nft", "add table inet guard; add chain inet guard in { type filter hook input priority 10; }; "
                               "add rule inet guard in ct state invalid drop")
        watch = Watch(host, part)
        done = host.ctc("apply", "--boot", "last", path)
        part.check("it is loaded, with a warning", done.returncode == 0 and f"ctc: warning: {text}" in done.stderr
                   and f"[{kind}]\n" in done.stderr and "error" not in done.stderr and "--force" not in done.stderr, done.stderr)
        part.check("the policy's rules are there", any("ctc-INPUT" in line for line in saved(host, own=True)["ipv4"]["filter"]))
        watch.same("last")
        done = host.ctc("apply", "--boot", "closed", path)
        if opens:
            part.check("closed: nothing passes, and why is said", done.returncode == 3 and f"ctc: error: {text}" in done.stderr
                       and "nothing passes now but lo" in done.stderr and not done.stdout and host.is_closed(), done.stderr)
        else:
            part.check("closed: it is loaded all the same", done.returncode == 0 and f"ctc: warning: {text}" in done.stderr, done.stderr)
            watch.same("closed")
        host.close()


def unfinished(report: Report) -> None:
    """An apply was cut short, and the unit is started again without a start of the machine."""
    host = Machine("boot unfinished")
    host.boot("last", POLICY)
    stands = host.tables()
    for at in range(1, 5):
        host.ctc("apply", "--boot", "last", str(POLICY))
        process = host.start("apply", "--now", str(OTHER), more=faulty(AT=at, HOW="stop", ONLY="commit"))
        if not report.check(f"boot, unfinished {at}: there is such a commit", stopped(process)):
            continue
        done = host.ctc("apply", "--boot", "last", str(POLICY))
        report.check(f"boot, unfinished {at}: whoever is at work is left alone", done.returncode == 3
                     and not host.is_closed(), done.stderr)
        kill_with_children(process)
        time.sleep(0.05)
        (host.state / "reverted").unlink(missing_ok=True)
        done = host.ctc("apply", "--boot", "last", str(host.broken))
        report.check(f"boot, unfinished {at}: it is put back first", "reverted" in host.remembered(), str(host.remembered()))
        report.check(f"boot, unfinished {at}: the last good rules", done.returncode == 1 and host.tables() == stands, done.stderr)
    host.ctc("apply", "--confirm", "30", str(OTHER))
    other = host.tables()
    done = host.ctc("apply", "--boot", "closed", str(host.broken))
    report.check("boot: what waits for its confirmation is left alone", done.returncode == 3 and host.tables() == other
                 and "left alone" in done.stderr, done.stderr)
    host.ctc("rollback")
    for name in ("pending", "reverting"):
        host.state.mkdir(exist_ok=True)
        (host.state / name).write_bytes(b"no journal")
        done = host.ctc("apply", "--boot", "last", str(POLICY))
        report.check(f"boot: a damaged journal ({name}) keeps nobody from it", done.returncode == 0 and host.tables() == stands,
                     done.stderr)
    # The rules of the unit's own service are no drift, and those of others are gone.
    host.namespace.run("iptables-legacy", "-w", "-A", "INPUT", *FOREIGN)
    done = host.ctc("apply", "--boot", "last", str(POLICY))
    report.check("boot: again", done.returncode == 0 and host.tables() == stands, done.stderr)


def faults(report: Report) -> None:
    """Whatever call to the kernel fails, the end is the policy, the last good rules, or nothing."""
    host = Machine("boot faults")
    host.boot("last", OTHER)
    good = host.tables()
    host.boot("last", POLICY)
    new = host.tables()
    host.start_anew()
    counted = host.state.parent / "count boot"
    host.ctc("apply", "--boot", "last", str(POLICY), more=faulty(COUNT=counted))
    calls = int(counted.read_text(encoding="ascii"))
    report.check("boot faults: there are calls", calls > 20)
    for at in range(1, calls + 1, 5):
        host.boot("last", OTHER)
        host.start_anew()
        done = host.ctc("apply", "--boot", "last", str(POLICY), more=faulty(AT=at, HOW="fail"))
        report.check(f"boot faults {at}: the policy, or what was good", (host.tables() == new) if done.returncode == 0
                     else (host.tables() == good), done.stderr)
    host.close()
