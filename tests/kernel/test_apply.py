# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply`: the new rules stand or the old ones do, whatever fails or is killed, and whoever else changes the tables."""
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from desk import Desk
from firewall import policy_path, restore, save
from host import FOREIGN, MANY, NEW, OLD, REVERT_SECONDS, Host, faulty, kill_with_children, rules_of, stopped
from netns import FAMILIES, IPV4
from report import Report
from scene import Scene
from schemas import schema_trouble
from speakers import Speakers

# They are encoded beside their proof, which fails.
BROKEN = MANY + "expect: [{packets: in eth0 tcp from 10.0.0.0 to port 1024, verdict: refuse}]\n"


def applied(report: Report) -> None:
    host = Host("applied")
    wanted = Host("wanted")
    wanted.load(NEW)
    host.load(OLD)
    # A table that the policy has nothing in, and what the rules that stay have counted.
    host.namespace.run("iptables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "eth9", "-j", "ACCEPT")
    counted = re.sub(r"(?m)^-A", "[7:700] -A", save(host.namespace, IPV4, "legacy"))
    host.namespace.run("iptables-legacy-restore", "-w", "-c", text=counted)
    before = host.tables()

    done = host.ctc("apply", "--now", "--format", "json", str(NEW))
    if not report.check("apply: works", done.returncode == 0, done.stderr):
        return
    document = json.loads(done.stdout)
    report.works("apply: the schema holds", schema_trouble(document))
    report.equal("apply: it says so", (document["applied"], document["confirm"]), (True, None))
    nat = host.tables()["ipv4"].pop("nat")
    report.equal("apply: other tables stay", nat, before["ipv4"]["nat"])
    report.equal("apply: the rules are those of iptables-restore",
                 [{name: table[1] for name, table in host.tables()[family.name].items() if name != "nat"}
                  for family in FAMILIES],
                 [{name: table[1] for name, table in wanted.tables()[family.name].items()} for family in FAMILIES])
    kept = host.namespace.run("iptables-legacy-save", "-c", "-t", "filter").count("[7:700] -A")
    report.equal("apply: rules that stay keep their counters", kept,
                 next(table["kept"] for table in document["tables"]
                      if (table["family"], table["table"]) == ("ipv4", "filter")))
    report.check("apply: some stay", kept > 0)
    mode = [(host.state / name).stat().st_mode & 0o7777 for name in host.remembered()]
    report.equal("apply: what is remembered is root's alone", (host.remembered(), mode), ({"last"}, [0o600]))

    after = host.tables()
    done = host.ctc("apply", "--now", str(NEW))
    report.check("apply again: nothing changes", done.returncode == 0 and host.tables() == after, done.stderr)
    done = host.ctc("status")
    report.check("status: applied", done.returncode == 0 and f"{NEW}\n" in done.stdout
                 and done.stdout.endswith("applied\n"), done.stdout + done.stderr)
    host.namespace.run("iptables-legacy", "-w", "-A", "INPUT", *FOREIGN)
    done = host.ctc("status")
    report.check("status: drift", done.returncode == 4 and "IPv4 filter   changed since" in done.stdout, done.stdout)
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", *FOREIGN)

    done = host.ctc("rollback")
    report.check("rollback: works", done.returncode == 0 and "tables that changed: 4" in done.stdout,
                 done.stdout + done.stderr)
    report.equal("rollback: the rules of before", host.tables() == before, True)
    report.equal("rollback: once", host.ctc("rollback").returncode, 3)
    host.ctc("apply", "--now", str(NEW))
    host.namespace.run("iptables-legacy", "-w", "-A", "INPUT", *FOREIGN)
    done = host.ctc("rollback")
    report.check("rollback: what others had changed since is told", done.returncode == 0 and host.tables() == before
                 and "what others had changed in the tables since is gone; tables: 1\n" in done.stderr, done.stderr)
    moved = host.state.rename(f"{host.state} moved")
    host.state.symlink_to(moved)
    done = host.ctc("apply", "--now", str(NEW))
    report.check("a state that is a link is refused", done.returncode == 3 and "cannot open the directory" in done.stderr
                 and host.tables() == before, done.stderr)
    host.state.unlink()
    moved.rename(host.state)
    host.state.chmod(0o777)
    done = host.ctc("apply", "--now", str(NEW))
    report.check("a state that others can write to is refused", done.returncode == 3
                 and "must belong to root alone" in done.stderr and host.tables() == before, done.stderr)
    host.state.chmod(0o700)
    for what, text in (("is wrong", "version: 1\nallow: [frobnicate]\n"), ("breaks an expectation", BROKEN)):
        policy = host.state.parent / "wrong.yaml"
        policy.write_text(text, encoding="ascii")
        done = host.ctc("apply", "--now", str(policy))
        report.check(f"a policy that {what} changes nothing, and is said at once",
                     done.returncode == 1 and not done.stdout and host.tables() == before, done.stderr)
    target = host.state.parent / "elsewhere"
    target.write_text("as it was", encoding="ascii")
    for name in ("pending", "new", "last"):
        (host.state / name).unlink(missing_ok=True)
        (host.state / name).symlink_to(target)
    done = host.ctc("apply", "--now", str(NEW))
    report.equal("links in the state are not followed", target.read_text(encoding="ascii"), "as it was")
    host.close()
    wanted.close()


def count_calls(host: Host) -> int:
    counted = host.state.parent / f"count {host.name}"
    host.fresh()
    host.ctc("apply", "--now", str(NEW), more=faulty(COUNT=counted))
    return int(counted.read_text(encoding="ascii"))


def faults(how: str, report: Report) -> None:
    """At every call in turn: it fails, or the applier is killed ahead of it."""
    host = Host(f"faults {how}")
    host.fresh()
    old = host.tables()
    calls = count_calls(host)
    new = host.tables()
    report.check(f"faults {how}: there are calls, and the tables differ", calls > 40 and old != new)
    for at in range(1, calls + 1):
        host.fresh()
        done = host.ctc("apply", "--now", str(NEW), more=faulty(AT=at, HOW=how))
        name = f"faults {how} {at}"
        report.check(f"{name}: the old rules or the new ones", host.becomes(old, new), done.stderr)
        if how == "fail" and done.returncode:
            report.check(f"{name}: an error is told, and the old rules stand", done.returncode == 3
                         and "ctc: error: " in done.stderr and host.tables() == old, done.stderr)
        elif how == "fail":
            report.equal(f"{name}: no error, and the new rules stand", host.tables() == new, True)
        again = host.ctc("apply", "--now", str(NEW))
        if again.returncode:    # nobody was there to clean up
            again = host.ctc("rollback")
            report.check(f"{name}: rollback clears it", again.returncode == 0 and host.tables() == old, again.stderr)
            again = host.ctc("apply", "--now", str(NEW))
        report.check(f"{name}: the next apply works", again.returncode == 0 and host.tables() == new, again.stderr)
    host.close()


def both_killed(report: Report) -> None:
    """Applier and guard, at every commit: what is remembered is enough to go back."""
    host = Host("both killed")
    host.fresh()
    old = host.tables()
    for at in range(1, 5):
        host.fresh()
        process = host.start("apply", "--now", str(NEW), more=faulty(AT=at, HOW="stop", ONLY="commit"))
        if not report.check(f"both killed {at}: there is such a commit", stopped(process)):
            continue
        kill_with_children(process)
        time.sleep(0.05)
        report.equal(f"both killed {at}: nobody goes back", host.tables() == old, at == 1)
        report.check(f"both killed {at}: status says so", "cut short" in host.ctc("status").stdout)
        done = host.ctc("apply", "--now", str(NEW))
        report.check(f"both killed {at}: no other apply", done.returncode == 3 and "cut short" in done.stderr, done.stderr)
        report.equal(f"both killed {at}: rollback", (host.ctc("rollback").returncode, host.tables() == old), (0, True))
    host.close()


def elsewhere(report: Report) -> None:
    """What is remembered is of another network namespace, or cannot be: nothing is loaded, and what helps is said."""
    there, host = Host("elsewhere there"), Host("elsewhere")
    host.state = there.state
    for each in (there, host):
        each.load(OLD)
    old = host.tables()
    done = there.ctc("apply", "--confirm", "60", str(NEW))
    report.check("elsewhere: one waits", done.returncode == 0, done.stderr)
    for word in (("apply", "--now", str(NEW)), ("rollback",), ("confirm",), ("status",)):
        done = host.ctc(*word)
        report.check(f"elsewhere: {word[0]}", done.returncode == 3 and "in another network namespace" in done.stderr
                     and host.tables() == old, done.stderr)
    report.check("elsewhere: it is told what to do", "remove the file pending" in host.ctc("apply", "--now", str(NEW)).stderr)
    report.check("elsewhere: rollback there", there.ctc("rollback").returncode == 0 and there.tables() == old)
    report.equal("elsewhere: and here it goes on", host.ctc("apply", "--now", str(NEW)).returncode, 0)
    there.close()

    host.load(OLD)
    full = Path(f"{host.state}.full")
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "full", str(full)], check=True)
    host.state = full
    (full / "ballast").write_bytes(bytes(12288))
    done = host.ctc("apply", "--now", str(NEW))
    report.check("no space for what is remembered: nothing is loaded", done.returncode == 3 and "No space left" in done.stderr
                 and host.tables() == old and host.remembered() == {"ballast"}, f"{done.stderr} {host.remembered()}")
    subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
    done = host.ctc("apply", "--now", str(NEW))
    report.check("read-only: nothing is loaded", done.returncode == 3 and "Read-only file system" in done.stderr
                 and host.tables() == old, done.stderr)
    subprocess.run(["umount", str(full)], check=True)
    host.close()


def taken_back(report: Report) -> None:
    """What stood before an apply that is taken back stands again, and is ctc's; also where the way back was cut short."""
    host = Host("taken back", own="")
    host.ctc("apply", "--now", str(OLD))
    old = host.tables()
    host.ctc("apply", "--now", str(NEW))
    new = host.tables()
    report.check("taken back: the one before stands again", host.ctc("rollback").returncode == 0 and host.tables() == old
                 and str(OLD) in host.ctc("status").stdout)
    done = host.ctc("apply", "--now", str(NEW))
    report.check("taken back: its rules are ctc's", done.returncode == 0 and "others" not in done.stdout and host.tables() == new,
                 done.stdout + done.stderr)
    for at in (1, 2, 3):
        process = host.start("rollback", more={"LD_PRELOAD": os.environ["FAULTS"], "FAULT_AT": str(at), "FAULT_HOW": "kill",
                                               "FAULT_ONLY": "renameat"})
        process.communicate(timeout=30)
        host.ctc("rollback")
        report.check(f"taken back: killed at {at}", host.tables() == old and str(OLD) in host.ctc("status").stdout,
                     host.ctc("status").stdout)
        host.ctc("apply", "--now", str(NEW))
    report.equal("taken back: one by one", [host.ctc("rollback").returncode for _ in range(3)], [0, 0, 3])
    report.check("taken back: to the rules of before the first", "-A " not in str(host.tables()), str(host.tables()))
    report.check("taken back: nothing stands", "Nothing" in host.ctc("status").stdout)
    host.close()


def damaged(report: Report) -> None:
    """What is remembered of an apply is not what was written: nothing is put back, nothing crashes, and what helps is said."""
    host = Host("damaged")
    host.fresh()
    host.ctc("apply", "--now", str(NEW))
    new = host.tables()
    whole = (host.state / "last").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1    # which could be an address
    for what, data in (("empty", b""), ("cut short", whole[:-16]), ("flipped", bytes(flipped)), ("longer", whole + b"0"),
                       ("of another version", whole.replace(b"journal 4", b"journal 9", 1)),
                       ("of one rule more", whole.replace(b"filter", b"filtre", 1))):
        for name in ("last", "pending"):
            for each in host.remembered():
                (host.state / each).unlink()
            (host.state / name).write_bytes(data)
            for words in (("rollback",), ("status",), *((("apply", "--now", str(OLD)), ("confirm",)) if name == "pending" else ())):
                done = host.ctc(*words)
                report.check(f"damaged: {name} is {what}: {words[0]}", done.returncode == 3 and host.tables() == new
                             and f"is damaged, or another version's, and nobody can take it back: remove the file {name} " in done.stderr,
                             f"{done.returncode} {done.stderr}")
    (host.state / "pending").unlink()
    done = host.ctc("apply", "--now", str(NEW))
    report.check("damaged: without it all is well", done.returncode == 0 and host.tables() == new, done.stderr)
    host.close()


def blind(report: Report) -> None:
    """Where there is no /proc nobody can say which tables there are: nothing is loaded, and others' rules are not taken for none."""
    if Path(os.environ["CTC"]).parent.name == "asan":
        report.skip("AddressSanitizer needs /proc, for its options already")
        return
    host = Host("blind")
    host.load(OLD)
    old = host.tables()
    for words in (("apply", "--now"), ("apply", "--dry-run"), ("apply", "--check"), ("diff", "--live"), ("check", "--live")):
        with host.namespace:
            done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh",
                                   *host.command((*words, str(NEW)))], capture_output=True, text=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL, env=host.environment())
        report.check(f"blind: {' '.join(words)}", done.returncode == 3 and "is /proc mounted?" in done.stderr
                     and host.tables() == old, f"{done.returncode} {done.stderr}")
    host.close()


def alone(report: Report) -> None:
    """Where the kernel has legacy tables no program is needed, and so none is started."""
    host, desk = Host("alone"), Desk("alone", ())
    (desk.path / "modprobe").unlink(missing_ok=True)
    host.fresh()
    old = host.tables()
    for words, stands in ((("apply", "--dry-run", str(NEW)), True), (("apply", "--now", str(NEW)), False), (("rollback",), True)):
        with host.namespace:
            done = subprocess.run(desk.words(*host.command(words)), capture_output=True, text=True, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL, env=host.environment())
        report.check(f"alone: {words[0]} works", done.returncode == 0 and not done.stderr and (host.tables() == old) == stands, done.stderr)
    host.close()


def removed_rules(plan: str) -> int:
    """By the JSON of a plan, from the IPv4 filter."""
    return next(table["removed"] for table in json.loads(plan)["tables"]
                if (table["family"], table["table"]) == ("ipv4", "filter"))


def others(report: Report) -> None:
    """At every call in turn somebody adds a rule, without asking for the lock: it stays, or the plan had it go."""
    host = Host("others")
    calls = count_calls(host)
    host.fresh()
    removed = removed_rules(host.ctc("apply", "--dry-run", "--format", "json", str(NEW)).stdout)
    outcomes = {0: 0, 3: 0}
    told: list[bool] = []    # of a change behind the load, which is as it is told
    for at in range(1, calls + 1):
        host.fresh()
        process = host.start("apply", "--now", "--format", "json", str(NEW),
                             more=faulty(AT=at, HOW="stop"))
        if stopped(process):
            host.namespace.run("env", "XTABLES_LOCKFILE=/dev/null", "iptables-legacy", "-A", "INPUT", *FOREIGN)
            process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=30)[1]
        planned = process.returncode == 0 and removed_rules(host.printed.read_text(encoding="utf-8")) == removed + 1
        lost = not any("--dport 9 " in rule for rule in rules_of(host, "filter"))
        outcomes[process.returncode] = outcomes.get(process.returncode, 0) + 1
        report.check(f"others {at}: their rule stays, or was planned away", planned or not lost, said)
        if "somebody else changed IPv4 filter as soon as it was loaded; that stays" in said:
            told.append(process.returncode == 0 and not lost)
    report.check("others: some applies are given up, and some work", outcomes[0] > 0 and outcomes[3] > 0, str(outcomes))
    report.check("others: what comes as soon as a table is loaded is told, and stays", bool(told) and all(told), str(told))
    host.close()


FIRST_CALLS = 3    # by which the first table is changed, at least


def replacing(report: Report) -> None:
    """While a table is made somebody replaces a rule by another, so that there are as many as before, which is all that the kernel
    looks at: the apply is given up, and theirs stays."""
    host = Host("replacing")
    counted = host.state.parent / "count replacing"
    host.fresh()
    host.ctc("apply", "--now", str(NEW), more=faulty(ONLY="_entry", COUNT=counted))
    calls = int(counted.read_text(encoding="ascii"))
    for at in (*range(1, FIRST_CALLS + 1), *range(FIRST_CALLS + 1, calls + 1, 9)):
        host.fresh()
        process = host.start("apply", "--now", str(NEW), more=faulty(AT=at, HOW="stop", ONLY="_entry"))
        if report.check(f"replacing {at}: there is such a call", stopped(process)):
            for program in ("iptables-legacy", "ip6tables-legacy"):
                for table, chain in (("filter", "INPUT"), ("raw", "OUTPUT")):
                    host.namespace.run("env", "XTABLES_LOCKFILE=/dev/null", program, "-t", table, "-R", chain, "1", *FOREIGN)
            process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=30)[1]
        report.check(f"replacing {at}: the apply is given up", process.returncode == 3 and "somebody else has changed" in said, said)
        if at <= FIRST_CALLS:    # else one of the tables was begun, and is put back
            there = [save(host.namespace, family, "legacy").count("--dport 9 ") for family in FAMILIES]
            report.equal(f"replacing {at}: their rules stay", there, [2, 2])
    report.check("replacing: there are calls", calls > 20, str(calls))
    host.close()


def confirmed(report: Report) -> None:
    host = Host("confirmed")
    host.fresh()
    old = host.tables()
    done = host.ctc("apply", "--confirm", "30", str(NEW))
    new = host.tables()
    report.check("confirm: the new rules stand at first", done.returncode == 0 and old != new, done.stderr)
    report.check("confirm: status says so", "not confirmed" in host.ctc("status").stdout)
    report.equal("confirm: another apply has to wait", host.ctc("apply", "--now", str(OLD)).returncode, 3)
    report.equal("confirm: taken", (host.ctc("confirm").returncode, host.tables() == new), (0, True))
    report.equal("confirm: once", host.ctc("confirm").returncode, 3)
    report.equal("confirm: rollback goes back all the same", (host.ctc("rollback").returncode, host.tables() == old),
                 (0, True))
    host.ctc("apply", "--confirm", "30", str(NEW))
    report.equal("confirm: rollback does not wait", (host.ctc("rollback").returncode, host.tables() == old), (0, True))

    # Whoever has the lock of the iptables programs as the time is over is waited for.
    host.ctc("apply", "--confirm", "1", str(NEW))
    with open(host.lock, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        time.sleep(1.5)
        report.check("confirm: no table is touched without the lock", host.tables() == new)
    report.check("confirm: with it the old rules come back", host.becomes(old))

    # The caller and all of its session are killed as soon as the rules stand.
    for name in host.remembered():
        (host.state / name).unlink()
    process = host.start("apply", "--confirm", "2", str(NEW))
    begun = time.monotonic()
    while host.tables() != new and time.monotonic() - begun < 5:
        time.sleep(0.01)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()
    report.check("confirm: the new rules stand while time is left", host.tables() == new)
    time.sleep(2)
    report.check("confirm: the old rules come back without the caller", host.becomes(old))
    report.check("confirm: it is remembered as reverted", host.comes_to_remember("reverted"), str(host.remembered()))
    host.close()


def on_terminal(host: Host, *words: str, more: dict[str, str] | None = None) -> tuple[subprocess.Popen, int]:
    """What is started there, and our end of it."""
    ours, theirs = pty.openpty()
    with host.namespace:
        process = subprocess.Popen(host.command(words), stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
                                   env=host.environment(more), start_new_session=True)
    os.close(theirs)
    return process, ours


def hear(terminal: int, text: bytes, times: int = 1) -> bytes:
    """What is said there until that was said so often, or it is over."""
    said, end = b"", time.monotonic() + 15
    while said.count(text) < times and b"Not confirmed" not in said and time.monotonic() < end:
        try:
            said += os.read(terminal, 65536)
        except OSError:    # nobody is there any more
            break
    return said


def asked(report: Report) -> None:
    """On a terminal: words that are no answer take no time off, and yes is heard. Over SSH that is the default."""
    host = Host("asked")
    host.fresh()
    process, ours = on_terminal(host, "apply", "--confirm", "20", str(NEW))
    os.write(ours, b"what?\n" * 30)
    said = hear(ours, b"Keep the new ones?", 31)
    os.write(ours, b"yes\n")
    process.wait(timeout=30)
    report.check("asked: the new rules are kept", process.returncode == 0 and host.remembered() == {"last"}, said[-300:].decode())
    os.close(ours)
    ssh = {"SSH_CONNECTION": "198.51.100.10 51234 192.0.2.2 22"}
    for words, asks in ((("apply",), True), (("apply", "--now"), False)):
        host.fresh()
        process, ours = on_terminal(host, *words, str(NEW), more=ssh)
        said = hear(ours, b"Keep the new ones? (yes) ")
        report.check(f"asked: over SSH, {' '.join(words)}", (b"come back in 60 s" in said) == asks, said.decode())
        os.write(ours, b"yes\n")
        report.check(f"asked: over SSH, {' '.join(words)} works", process.wait(timeout=30) == 0 and host.remembered() == {"last"}, said.decode())
        os.close(ours)
    host.fresh()
    done = host.ctc("apply", str(NEW), more=ssh)
    report.check("asked: over SSH without a terminal nobody is", done.returncode == 0 and not done.stderr and host.remembered() == {"last"},
                 done.stderr)
    host.close()


def hung_up(report: Report) -> None:
    """Its terminal is lost while it asks, and with that all of its session: the old rules come back in time."""
    host = Host("hung up")
    host.fresh()
    old = host.tables()
    ours, theirs = pty.openpty()
    with host.namespace:
        process = subprocess.Popen(["setsid", "--ctty", *host.command(("apply", "--confirm", "2", str(NEW)))], stdin=theirs,
                                   stdout=subprocess.DEVNULL, stderr=theirs, env=host.environment())
    os.close(theirs)
    said, end = b"", time.monotonic() + 15
    while b"Keep the new ones?" not in said and time.monotonic() < end:
        said += os.read(ours, 65536)
    report.check("hung up: the new rules stand", host.tables() != old, said.decode())
    os.close(ours)
    report.equal("hung up: it ends with its terminal", process.wait(timeout=30), -signal.SIGHUP)
    report.check("hung up: they stand while time is left", host.tables() != old)
    time.sleep(2)
    report.check("hung up: the old rules come back", host.becomes(old))
    host.close()


def one_family(report: Report) -> None:
    """A kernel that was started without IPv6 gets the rules of IPv4, by either way and at a start; there is no drift, and a way back."""
    host = Host("one family")
    alone = faulty(IPV6="no")
    host.fresh()
    ip6 = host.tables()["ipv6"]
    host.ctc("apply", "--now", str(NEW))
    wanted = host.tables()["ipv4"]
    host.fresh()
    old = host.tables()["ipv4"]
    for words in (("apply", "--dry-run"), ("apply", "--now"), ("apply", "--boot", "closed")):
        done = host.ctc(*words, str(NEW), more=alone)
        report.check(f"one family: {' '.join(words)} works, and tells", done.returncode == 0 and done.stderr ==
                     "ctc: note: this kernel has no IPv6, and gets no rules for it\n" and "IPv6" not in done.stdout, done.stderr)
        report.check(f"one family: the rules of {' '.join(words)}", host.tables() == {"ipv4": old if "--dry-run" in words else wanted,
                                                                                   "ipv6": ip6})
        host.ctc("apply", "--now", "--own", "chains", str(NEW), more=alone)
        report.equal(f"one family: they go behind {words[1]}, and come back from chains of its own",
                     (host.ctc("rollback", more=alone).returncode, host.tables()["ipv4"] == (old if "--dry-run" in words else wanted)), (0, True))
    for words in (("apply", "--check"), ("diff", "--live"), ("status",)):
        done = host.ctc(*words, *((str(NEW),) if words[0] != "status" else ()), more=alone)
        report.check(f"one family: {' '.join(words)}", done.returncode == 0 and not done.stderr and "IPv6" not in done.stdout,
                     f"{done.returncode} {done.stdout} {done.stderr}")
    host.namespace.run("iptables-legacy", "-w", "-A", "INPUT", *FOREIGN)
    report.equal("one family: drift is found", host.ctc("apply", "--check", str(NEW), more=alone).returncode, 4)
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", *FOREIGN)
    broken = host.state.parent / "one family.yaml"
    broken.write_text("version: 1\nallow: [sssh]\n", encoding="ascii")
    for choice, text, rules in (("last", "the last good rules are loaded instead", wanted), ("closed", "nothing passes now but lo", None)):
        done = host.ctc("apply", "--boot", choice, str(broken), more=alone)
        report.check(f"one family: a start with a broken policy, {choice}", done.returncode == 1 and text in done.stderr
                     and "not even" not in done.stderr and rules in (None, host.tables()["ipv4"]), done.stderr)
    host.close()


def lost(report: Report) -> None:
    """What is remembered of an apply that waits for its confirmation is taken away, which confirms nothing. What has been applied
    since stays."""
    host = Host("lost")
    host.fresh()
    old = host.tables()
    for what, since in (("the directory", ()), ("the file", ()), ("the directory", ("--now",)), ("the file", ("--confirm", "60"))):
        part = report.part(f"lost, {what}{', and applied since' if since else ''}: ")
        host.fresh()
        done = host.ctc("apply", "--confirm", "1", str(NEW))
        part.check("the new rules stand", done.returncode == 0 and host.tables() != old, done.stderr)
        if what == "the file":
            (host.state / "pending").unlink()
        else:
            shutil.rmtree(host.state)
        if since:
            part.equal("another is applied", host.ctc("apply", *since, str(policy_path("full"))).returncode, 0)
        wanted = host.tables() if since else old
        time.sleep(1.1)
        if since:
            time.sleep(REVERT_SECONDS)
        part.check("what was applied since stays" if since else "the old rules come back", host.becomes(wanted))
    host.ctc("rollback")
    host.close()


def closed(report: Report) -> None:
    """Its standard descriptors are closed: no file takes their place, so that nothing is said into one, and the rules stand."""
    host = Host("closed")
    host.fresh()
    old = host.tables()
    for words in ("<&-", "2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        host.fresh()
        with host.namespace:
            done = subprocess.run(["sh", "-c", f'exec "$@" {words}', "sh", *host.command(("apply", "--now", str(NEW)))],
                                  capture_output=True, text=True, timeout=60, check=False, env=host.environment())
        report.equal(f"closed {words}: it ends as it should", done.returncode, 3 if ">&-" in words.split() else 0)
        report.check(f"closed {words}: the rules stand, and are remembered", host.tables() != old
                     and host.ctc("status").returncode == 0, done.stderr)
        report.equal(f"closed {words}: rollback", (host.ctc("rollback").returncode, host.tables() == old), (0, True))
    host.close()


def hitless(report: Report) -> None:
    """From one mode to the next, with live connections that speak between any two commits."""
    scene = Scene("legacy")
    host = Host("hitless", scene.topology.server)
    host.load(policy_path("full"))
    speakers = Speakers(scene, report.part("hitless: "))
    before = "full"
    for mode in ("selective", "none", "full", "none", "selective", "full"):
        at, done = 0, False
        while not done:
            at += 1
            for name in host.remembered():
                (host.state / name).unlink()
            host.load(policy_path(before))
            process = host.start("apply", "--now", "--format", "json", str(policy_path(mode)),
                                 more=faulty(AT=at, HOW="stop", ONLY="commit"))
            done = not stopped(process)
            speakers.speak(f"{before} to {mode}, commit {at}")
            if not done:
                process.send_signal(signal.SIGCONT)
            said = process.communicate(timeout=30)[1]
            if process.returncode:
                report.check(f"hitless: {before} to {mode}, commit {at}", False, said)
        report.equal(f"hitless: {before} to {mode} is proved", {order["between"] for order in json.loads(host.printed.read_text(encoding="utf-8"))["orders"]},
                     {"safe"})
        speakers.speak(f"behind {mode}")
        before = mode
    speakers.end(200)


def orders(report: Report) -> None:
    """Rather a loss than an opening: what raw drops and the filter refuses from now on would be let in where raw goes first."""
    host = Host("orders")
    opening = "*raw\n-A PREROUTING -p tcp --dport 7 -j DROP\nCOMMIT\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\n"
    restore(host.namespace, IPV4, "legacy", opening)
    done = host.ctc("apply", "--now", "--format", "json", str(OLD))
    document = json.loads(done.stdout)
    report.works("orders: the schema holds", schema_trouble(document))
    report.equal("orders: rather a loss than an opening", [(order["tables"], order["between"]) for order in document["orders"]][0],
                 (["filter", "raw"], "loses"))
    report.check("orders: with a packet", bool(document["orders"][0]["example"]), str(document["orders"]))
    report.check("orders: a loss is told", done.returncode == 0 and "packets are lost" in done.stderr, done.stderr)
    host.close()


def session_between(report: Report) -> None:
    """The connection of the caller is not cut between two tables either: its packets are dropped where they are tracked, which they
    are behind the filter, and no more behind raw."""
    host = Host("session between")
    host.namespace.ip("link add to-client type veth peer name client", "link set to-client up", "address add 192.0.2.2/24 dev to-client")
    restore(host.namespace, IPV4, "legacy",
            "*raw\n-A PREROUTING -p tcp --dport 7 -j DROP\nCOMMIT\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\n")
    old = host.tables()
    (host.state.parent / "between.v4").write_text(
        "*filter\n-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -j DROP\nCOMMIT\n", encoding="ascii")
    policy = host.state.parent / "between.yaml"
    policy.write_text("version: 1\ntracking: selective\nallow: [{service: ssh, track: false}, http]\n"
                      "verbatim: {ipv4: {file: between.v4}}\n", encoding="ascii")
    done = host.ctc("apply", "--now", str(policy), more={"SSH_CONNECTION": "198.51.100.10 51234 192.0.2.2 22"})
    report.check("session between: it would be cut for a moment", done.returncode == 3 and host.tables() == old
                 and "would be cut for the moment behind filter" in done.stderr, done.stderr)
    done = host.ctc("apply", "--now", str(policy), more={"SSH_CONNECTION": "198.51.100.10 51234 192.0.2.2 80"})
    report.check("session between: and another one would not", done.returncode == 0 and host.tables() != old, done.stderr)
    host.close()


def session(report: Report) -> None:
    """The connection of the caller is not cut."""
    host = Host("session")
    host.namespace.ip("link add to-client type veth peer name client", "link set to-client up",
                      "address add 192.0.2.2/24 dev to-client", "address add 2001:db8:2::2/64 dev to-client")
    for client, server in (("198.51.100.10", "192.0.2.2"), ("2001:db8:1::10", "2001:db8:2::2")):
        host.fresh()
        old = host.tables()

        def load(port: int, policy: Path, *words: str) -> subprocess.CompletedProcess:
            return host.ctc("apply", "--now", *words, str(policy),
                            more={"SSH_CONNECTION": f"{client} 51234 {server} {port}"})    # pylint: disable=W0640

        for policy in ("none", "selective", "full", "none"):
            done = load(22, policy_path(policy))
            report.check(f"session {client}: to {policy}, and stays", done.returncode == 0, done.stderr)
        host.fresh()
        done = load(9999, NEW)
        report.check(f"session {client}: would be cut", done.returncode == 3 and host.tables() == old
                     and f"your SSH connection from {client} would be cut" in done.stderr
                     and "default: input" in done.stderr, done.stderr)
        done = host.ctc("apply", "--dry-run", str(NEW),
                        more={"SSH_CONNECTION": f"{client} 51234 {server} 9999"})
        report.check(f"session {client}: a dry run says so", done.returncode == 0 and "would be cut" in done.stderr,
                     done.stderr)
        with host.namespace:    # as behind sudo, which leaves the variable out
            done = subprocess.run(["sh", "-c", f"env -u SSH_CONNECTION {os.environ['CTC']} apply --now --own tables {NEW}; exit $?"],
                                  capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                                  env=host.environment({"SSH_CONNECTION": f"{client} 51234 {server} 9999"}))
        report.check(f"session {client}: is found above", done.returncode == 3 and "would be cut" in done.stderr,
                     done.stderr)
        done = load(9999, NEW, "--force")
        report.check(f"session {client}: --force", done.returncode == 0 and host.tables() != old, done.stderr)
        # Established, and tracked: it would live on, and no other could follow.
        host.load(policy_path("full"))
        done = load(9999, policy_path("selective"))
        report.check(f"session {client}: could not be opened again", done.returncode == 3
                     and "could not be opened again" in done.stderr, done.stderr)
    host.close()
