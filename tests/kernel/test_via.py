# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply --via restore`: the same by the host's iptables-restore, in nf_tables, whatever becomes of that program."""
import json
import os
import re
import statistics
import subprocess
import time

import collection
from desk import Desk
from firewall import policy_path, restore, save
from host import FOREIGN, NEW, OLD, REVERT_SECONDS, Host, NftHost, stopped, without_notes
from netns import FAMILIES, IPV4, Namespace
from report import Report
from scene import Scene
from schemas import schema_trouble
from speakers import Speakers

HANG_SECONDS = 10    # what a program with a few rules may take
ALL_STEPS = os.environ.get("VIA_STEPS") == "all"    # else some of them
BUSY = int(os.environ.get("VIA_BUSY", "0"))    # loops that keep a processor busy meanwhile
NO_LEGACY = {"FAULT_LEGACY": "no"}

# Rules of nft's own.
STRANGE = ("tcp dport { 22, 80 } counter accept", "udp length 5 counter accept", "iifname { eth0, eth1 } accept",
           "tcp dport vmap { 22 : accept }", "meta skuid 0 accept", "fib daddr type local counter accept")

# What is said of a program that failed so.
TOLD = {"fail": ": it does not want to\n", "fail-late": ": it is done, and unhappy\n", "die": " was ended by signal 9\n",
        "die-late": " was ended by signal 9\n", "hang": f" was not done in {HANG_SECONDS} s, and was stopped\n"}

NATIVE = """table inet guard { chain in { type filter hook input priority 10; policy accept;
    tcp dport 7777 counter drop; ct state invalid counter; }; }
table ip names { map them { type ipv4_addr : mark; }; }
"""


def applied(report: Report) -> None:
    host = NftHost("via applied")
    wanted = NftHost("via wanted", desk=host.desk)
    wanted.load(NEW)
    host.load(OLD)
    host.nft(NATIVE)
    host.namespace.run("iptables-nft", "-t", "mangle", "-A", "POSTROUTING", "-o", "eth9", "-j", "MARK",
                       "--set-mark", "1")
    counted = re.sub(r"(?m)^-A", "[7:700] -A", save(host.namespace, IPV4, "nft"))
    host.namespace.run("iptables-nft-restore", "-c", text=counted)
    native = [host.namespace.run("nft", "list", "table", *table) for table in (("inet", "guard"), ("ip", "names"))]
    before, other = host.tables(), host.namespace.run("iptables-nft-save", "-c", "-t", "mangle")

    done = host.apply(NEW, "--dry-run", "--format", "json")
    report.check("via: a dry run loads nothing", done.returncode == 0 and host.restores() == 0
                 and host.tables() == before, done.stderr)
    planned = json.loads(done.stdout)["tables"]
    done = host.apply(NEW, "--now", "--format", "json")
    if not report.check("via: works", done.returncode == 0, done.stderr):
        return
    document = json.loads(done.stdout)
    report.works("via: the schema holds", schema_trouble(document))
    report.equal("via: it says so", (document["applied"], document["via"], document["program"]),
                 (True, "restore", "/usr/sbin/iptables-restore (nf_tables)"))
    report.equal("via: a table at a time", (host.restores(), document["tables"] == planned), (4, True))
    report.equal("via: the rules are those of iptables-restore",
                 {name: re.sub(r"(?s)\*mangle\n.*?COMMIT\n", "", text) for name, text in host.tables().items()}, wanted.tables())
    report.equal("via: other tables stay", without_notes(host.namespace.run("iptables-nft-save", "-c", "-t", "mangle")),
                 without_notes(other))
    kept = host.namespace.run("iptables-nft-save", "-c", "-t", "filter").count("[7:700] -A")
    report.equal("via: rules that stay keep their counters", kept,
                 next(table["kept"] for table in document["tables"]
                      if (table["family"], table["table"]) == ("ipv4", "filter")))
    report.check("via: some stay", kept > 0)
    report.check("via: nobody else was at it", "somebody else" not in done.stderr, done.stderr)
    report.equal("via: nft's own tables stay", native,
                 [host.namespace.run("nft", "list", "table", *table) for table in (("inet", "guard"), ("ip", "names"))])
    report.check("via: those that filter or track are named", "inet guard (filters and tracks)" in done.stderr
                 and "names" not in done.stderr, done.stderr)

    after, handles = host.tables(), host.namespace.run("nft", "-a", "list", "ruleset")
    host.desk.fault()
    done = host.apply(NEW)
    report.check("via again: nothing changes", done.returncode == 0 and host.restores() == 0
                 and host.namespace.run("nft", "-a", "list", "ruleset") == handles, done.stderr)
    done = host.ctc("status")
    report.check("via status: applied, and by what", done.returncode == 0 and f"{NEW}\n" in done.stdout
                 and "applied   by /usr/sbin/iptables-restore (nf_tables)\n" in done.stdout, done.stdout + done.stderr)
    host.namespace.run("iptables-nft", "-A", "INPUT", *FOREIGN)
    done = host.ctc("status")
    report.check("via status: drift", done.returncode == 4 and "IPv4 filter   changed since" in done.stdout, done.stdout)
    host.namespace.run("iptables-nft", "-D", "INPUT", *FOREIGN)
    report.equal("via: as it was", host.tables() == after, True)
    done = host.ctc("rollback")
    report.check("via rollback: works", done.returncode == 0 and "tables that changed: 4" in done.stdout
                 and host.tables() == before, done.stdout + done.stderr)
    done = host.apply(NEW, "--now", more={"SSH_CONNECTION": "198.51.100.10 51234 192.0.2.2 9999"})
    report.check("via: the connection of the caller is not cut", done.returncode == 3 and "would be cut" in done.stderr
                 and host.tables() == before, done.stderr)
    host.close()
    wanted.close()


def first_time(report: Report) -> None:
    """From no table at all, and back."""
    host = NftHost("via first")
    done = host.apply(NEW)
    report.check("via first: works", done.returncode == 0 and host.restores() == 4, done.stderr)
    done = host.ctc("rollback")
    left = [line for line in host.tables()["ipv4"].splitlines() if line.startswith("-A") or "DROP" in line]
    report.equal("via first: rollback leaves no rule and no policy", (done.returncode, left), (0, []))
    done = host.apply(NEW, "--dry-run")
    report.check("via first: a plan of empty tables", done.returncode == 0 and "+" in done.stdout, done.stderr)
    host.close()


def faults(report: Report) -> None:
    """Whatever becomes of the programs, and of the applier while they run."""
    host = NftHost("via faults")
    host.fresh()
    old = host.tables()
    host.apply(NEW)
    new = host.tables()
    saves, restores = (sum(name.endswith(what) for name in host.desk.called()) for what in ("-save", "-restore"))
    report.check("via faults: there are calls, and the tables differ", restores == 4 and saves > 12 and old != new)
    every = 1 if ALL_STEPS else 6
    cases = [("-restore", at, how) for how in ("fail", "fail-late", "die", "die-late", "kill", "kill-late")
             for at in range(1, restores + 1, 1 if every == 1 else 3)]
    cases += [("-save", at, how) for number, how in enumerate(("fail", "die", "kill"))
              for at in range(1 + number % every, saves + 1, every)]
    cases += [("-restore", 3, "kill-fail"), ("-restore", 2, "hang")]    # behind the first, the guard's program fails
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(BUSY)]
    seconds = []    # from the applier's death until the guard was done
    for what, at, how in cases:
        name = f"via faults {what[1:]} {at} {how}"
        host.fresh()
        host.desk.fault(at, what, how)
        begun = time.monotonic()
        done = host.apply(NEW)
        died, took = time.time(), time.monotonic() - begun
        report.check(f"{name}: the old rules or the new ones", host.becomes(old, new), done.stderr)
        if how.startswith("kill"):
            report.check(f"{name}: the applier is dead", done.returncode == -9, f"{done.returncode} {done.stderr}")
        elif done.returncode:
            report.check(f"{name}: an error is told, and the old rules stand", done.returncode == 3
                         and f"ctc: error: /usr/sbin/ip{TOLD[how]}" in re.sub(r"(?<=/usr/sbin/ip)6?tables-(save|restore)", "", done.stderr)
                         and host.tables() == old, done.stderr)
        else:
            report.equal(f"{name}: no error, and the new rules stand", host.tables() == new, True)
        if how == "hang":
            report.check(f"{name}: does not take forever", done.returncode == 3 and "was not done in" in done.stderr
                         and took < HANG_SECONDS + 3, f"{took} {done.stderr}")
        while host.remembered() & {"pending", "reverting"} and time.monotonic() - begun < took + REVERT_SECONDS:
            time.sleep(0.01)
        if how.startswith("kill") and "reverted" in host.remembered():
            seconds.append((host.state / "reverted").stat().st_ctime - died)
        if (what, at, how) == ("-restore", restores, "kill-late"):
            report.equal(f"{name}: one program for both tables of a family", host.restores(), restores + len(FAMILIES))
        host.desk.fault()
        if "pending" in host.remembered() or "reverting" in host.remembered():    # nobody was there to clean up
            report.equal(f"{name}: rollback", (host.ctc("rollback").returncode, host.tables() == old), (0, True))
        if at == 1:
            again = host.apply(NEW)
            report.check(f"{name}: the next apply works", again.returncode == 0 and host.tables() == new, again.stderr)
    for each in loops:
        each.kill()
        each.wait()
    report.note(f"{len(cases)} faults, the old or the new rules within {REVERT_SECONDS} s; the guard of a killed applier needs "
                f"{1000 * statistics.median(seconds):.0f} ms, at most {1000 * max(seconds):.0f}")
    host.close()


def both_killed(report: Report) -> None:
    """Applier and guard, while a program runs: what is remembered is enough to go back, if the programs are there."""
    host, bare = NftHost("via both killed"), Desk("via bare", ())
    host.fresh()
    old = host.tables()
    for at in range(1, 5):
        host.fresh()
        host.desk.fault(at, "-restore", "kill-both")
        host.apply(NEW)
        time.sleep(0.1)
        host.desk.fault()
        # The program ends with the applier, but may have been quicker.
        report.check(f"via both killed {at}: nobody goes back", at == 1 or host.tables() != old)
        report.check(f"via both killed {at}: status says so", "cut short" in host.ctc("status").stdout)
        done = host.apply(NEW)
        report.check(f"via both killed {at}: no other apply", done.returncode == 3 and "cut short" in done.stderr, done.stderr)
        desk, host.desk = host.desk, bare
        done = host.ctc("rollback")
        report.check(f"via both killed {at}: no rollback without programs", done.returncode == 3
                     and "is gone" in done.stderr, done.stderr)
        host.desk = desk
        report.equal(f"via both killed {at}: rollback", (host.ctc("rollback").returncode, host.tables() == old), (0, True))
    host.close()


def others(report: Report) -> None:
    """Ahead of a program somebody adds a rule: it stays, or the plan had it go, but for the last moment ahead of a commit."""
    host = NftHost("via others")
    host.fresh()
    outcomes = {0: 0, 3: 0}
    host.apply(NEW)
    saves = sum(name.endswith("-save") for name in host.desk.called())
    for what, last in (("-save", saves), ("-restore", 4)):
        for at in range(1, last + 1, 3 if what == "-save" and not ALL_STEPS else 1):
            host.fresh()
            host.desk.fault(at, what, "others")
            done = host.apply(NEW, "--now", "--format", "json")
            planned = done.returncode == 0 and next(
                table["removed"] for table in json.loads(done.stdout)["tables"]
                if (table["family"], table["table"]) == ("ipv4", "filter")) == 8
            there = "--dport 9 " in host.tables()["ipv4"]
            told = "changed nf_tables in the moment in which IPv4 filter was loaded" in done.stderr
            outcomes[done.returncode] = outcomes.get(done.returncode, 0) + 1
            report.check(f"via others {what[1:]} {at}: their rule stays, was planned away, or its loss is told",
                         planned or there or told, done.stderr)
    report.check("via others: some applies are given up, and some work", outcomes[0] > 0 and outcomes[3] > 0, str(outcomes))
    host.close()


def confirmed(report: Report) -> None:
    host = NftHost("via confirmed")
    host.fresh()
    old = host.tables()
    host.apply(NEW, "--confirm", "30")
    new = host.tables()
    report.equal("via confirm: taken", (host.ctc("confirm").returncode, host.tables() == new, old != new), (0, True, True))
    report.equal("via confirm: rollback", (host.ctc("rollback").returncode, host.tables() == old), (0, True))
    done = host.apply(NEW, "--confirm", "1")
    report.check("via confirm: the new rules stand at first", done.returncode == 0 and host.tables() == new, done.stderr)
    time.sleep(1)
    report.check("via confirm: the old rules come back", host.becomes(old))
    report.check("via confirm: it is remembered as reverted", host.comes_to_remember("reverted"), str(host.remembered()))
    host.apply(NEW, "--confirm", "1")
    host.nft(f"insert rule ip filter INPUT {STRANGE[0]}")
    time.sleep(1)
    report.check("via confirm: they come back whatever the table holds by then", host.becomes(old))
    host.close()


def choice(report: Report) -> None:
    """Which way is taken, and what is said where there is none."""
    host = NftHost("via choice")
    host.fresh()
    done = host.ctc("apply", "--now", str(NEW), more=NO_LEGACY)
    report.check("choice: without legacy tables it is iptables-restore", done.returncode == 0 and host.restores() == 4
                 and "this kernel has no legacy tables" in done.stderr
                 and "/usr/sbin/iptables-restore (nf_tables)" in done.stderr, done.stderr)
    after = host.tables()
    done = host.ctc("apply", "--now", str(NEW), more={"FAULT_LEGACY": "no6"})
    report.check("choice: what is missing is named", done.returncode == 0
                 and "this kernel has no legacy tables for IPv6 (module ip6_tables): /usr/sbin" in done.stderr, done.stderr)
    done = host.ctc("apply", "--via", "libiptc", "--now", str(OLD), more=NO_LEGACY)
    report.check("choice: libiptc if it is asked for", done.returncode == 3 and "has no legacy tables" in done.stderr
                 and "--via restore loads the rules by it" in done.stderr
                 and host.tables() == after, done.stderr)
    done = host.ctc("apply", "--via", "nft", "--now", str(OLD))
    report.check("choice: no other word", done.returncode == 2 and "libiptc or restore" in done.stderr, done.stderr)
    host.close()
    for name, variants, more, words, text in (
            ("nothing", (), NO_LEGACY, (), "and there are no iptables-restore and iptables-save"),
            ("nothing, asked for", (), {}, ("--via", "restore"), "there are no iptables-restore and iptables-save"),
            ("only what needs legacy tables", ("legacy",), NO_LEGACY, (), "(legacy)) needs them too")):
        host = NftHost(f"via {name}", desk=Desk(f"via {name}", variants))
        done = host.ctc("apply", "--now", *words, str(NEW), more=more)
        report.check(f"choice: {name}", done.returncode == 3 and text in done.stderr and not done.stdout, done.stderr)
        host.close()
    # The legacy variant takes the lock that ctc holds.
    host = NftHost("via legacy", desk=Desk("via legacy", ("legacy", "nft")))
    done = host.apply(NEW)
    report.check("choice: the legacy variant", done.returncode == 0 and host.restores() == 4, done.stderr)
    wanted = Host("via legacy wanted")
    wanted.load(NEW)
    report.equal("choice: it loads legacy tables",
                 [{name: table[1] for name, table in Host.tables(each)[family.name].items()}
                  for each in (host,) for family in FAMILIES],
                 [{name: table[1] for name, table in wanted.tables()[family.name].items()} for family in FAMILIES])
    for name in ("ip6tables-save", "ip6tables-restore"):    # set apart, as update-alternatives can
        (host.desk.path / name).rename(host.desk.path / f"{name}.old")
        (host.desk.path / name).symlink_to(host.desk.path / name.replace("-", "-nft-"))
    done = host.apply(NEW, "--dry-run", "--format", "json")
    report.check("choice: both families by one variant", done.returncode == 0
                 and json.loads(done.stdout)["program"] == "/usr/sbin/iptables-legacy-restore (legacy)", done.stdout + done.stderr)
    for name in ("ip6tables-save", "ip6tables-restore"):
        (host.desk.path / f"{name}.old").rename(host.desk.path / name)
    host.desk.fault()
    done = NftHost("via other", desk=host.desk).ctc("apply", "--now", str(NEW), more=NO_LEGACY)
    report.check("choice: the variant of another name", done.returncode == 0 and not host.restores()
                 and "iptables-nft-restore (nf_tables)" in done.stderr, done.stderr)
    host.close()
    wanted.close()


def rivals(report: Report) -> None:
    """Both rulesets of iptables on one host; tables that iptables does not know."""
    host = NftHost("via rivals")
    Host.load(host, OLD)
    legacy = Host.tables(host)
    done = host.apply(NEW)
    report.check("rivals: legacy rules beside nft's", done.returncode == 3 and "the legacy ruleset has live rules" in done.stderr
                 and "IPv4 filter" in done.stderr and host.restores() == 0, done.stderr)
    report.equal("rivals: a dry run only says so", host.apply(NEW, "--dry-run").returncode, 0)
    done = host.apply(NEW, "--now", "--force")
    report.check("rivals: --force", done.returncode == 0 and Host.tables(host) == legacy, done.stderr)
    done = Host.ctc(host, "apply", "--now", str(NEW))
    report.check("rivals: nft's rules beside legacy ones", done.returncode == 3 and Host.tables(host) == legacy
                 and "the nf_tables ruleset has live rules" in done.stderr and "ip filter" in done.stderr, done.stderr)
    host.close()
    host = NftHost("via unknown", desk=host.desk)
    host.nft("table ip filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }")
    host.nft("table ip nat { chain post { type nat hook postrouting priority 100; oifname eth9 masquerade; }; }")
    held = host.namespace.run("nft", "list", "ruleset")
    for words in (("--now",), ("--dry-run",)):
        done = host.apply(NEW, *words)
        report.check(f"rivals: what iptables does not know is not lost, {words[0]}", done.returncode == 3
                     and "nft list table ip filter" in done.stderr
                     and host.namespace.run("nft", "list", "ruleset") == held, done.stderr)
    host.nft("delete table ip filter")
    for rule in STRANGE:    # in a chain of iptables: it shows the first ones without what they say
        host.namespace.run("iptables-nft", "-A", "INPUT", *FOREIGN)
        host.nft(f"add rule ip filter INPUT {rule}")
        held = host.namespace.run("nft", "list", "ruleset")
        done = host.apply(NEW)
        report.check(f"rivals: {rule}", done.returncode == 3 and "nft list table ip filter" in done.stderr
                     and host.namespace.run("nft", "list", "ruleset") == held, done.stderr)
        host.nft("delete table ip filter")
    host.nft("add rule ip nat post tcp dport { 22, 80 } counter accept; add rule ip nat post meta skuid 0 counter accept")
    done = host.apply(NEW)
    report.check("rivals: nor does a table matter that stays", done.returncode == 0
                 and "ip nat (tracks)" in done.stderr and "masquerade" in host.namespace.run("nft", "list", "table", "ip", "nat"),
                 done.stderr)
    host.close()


def corpus(report: Report) -> None:
    """Rules that people really wrote are read as the program prints them, and none of them is taken for nft's own."""
    if not (collection.CORPUS / "index.tsv").exists():
        report.skip(f"there is no collection of rules at {collection.CORPUS}")
        return
    every = 1 if ALL_STEPS else 8
    found, _ = collection.rulesets("nft")
    for ruleset in found[::every]:
        space = Namespace("corpus")
        restore(space, ruleset.family, "nft", ruleset.text)
        with space:
            done = subprocess.run([os.environ["LOADER"], ruleset.family.option[1:], "save"], capture_output=True, text=True,
                                  timeout=60, check=False, env={**os.environ, "LOADER_VIA": "restore"})
        report.check(f"via corpus: {ruleset.name}", done.returncode == 0 and done.stdout
                     == without_notes(space.run(f"{ruleset.family.iptables}-nft-save", "-c")), done.stderr)
        space.close()
    report.note(f"{len(found[::every])} of {len(found)} rulesets read as they are")


def hitless(report: Report) -> None:
    """From one mode to the next, with live connections that speak behind each commit."""
    scene = Scene("nft")
    host = NftHost("via hitless", scene.topology.server)
    host.load(policy_path("full"))
    speakers = Speakers(scene, report.part("via hitless: "))
    before = "full"
    for mode in ("selective", "none", "full"):
        at, done = 0, False
        while not done:
            at += 1
            host.fresh(policy_path(before))
            host.desk.fault(at, "-restore", "stop-late")
            process = host.start("apply", "--via", "restore", "--now", str(policy_path(mode)))
            done = not stopped(process)
            speakers.speak(f"{before} to {mode}, behind commit {at}")
            if not done:
                process.send_signal(18)
            said = process.communicate(timeout=30)[1]
            if process.returncode:
                report.check(f"via hitless: {before} to {mode}, commit {at}", False, said)
        speakers.speak(f"behind {mode}")
        before = mode
    speakers.end(100)
