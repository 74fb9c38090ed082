# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever is stopped in the middle of an apply keeps nobody waiting: the guard, the watchdog that it becomes, the applier, or all
of them."""
import errno
import fcntl
import os
import re
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Callable

from firewall import save
from host import FOREIGN, NEW, OLD, Host, children, faulty, stopped
from netns import IPV6
from report import Report

ANSWER_SECONDS = 5.0    # that a stopped guard is given
SLACK = 4.0             # for all else, on a machine that is busy
GUARD_STEP = 1 if os.environ.get("GUARD_STEPS") == "all" else 11   # of its calls that fail, beside the first ones


def state_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "gone"


def is_gone(process: int) -> bool:
    """Or about to: what it had is closed a moment before it is."""
    end = time.monotonic() + 1
    while state_of(process) not in ("gone", "Z", "X") and time.monotonic() < end:
        time.sleep(0.01)
    return state_of(process) in ("gone", "Z", "X")


def comes_to_stop(process: int) -> bool:
    end = time.monotonic() + 5
    while state_of(process) != "T" and time.monotonic() < end:
        time.sleep(0.01)
    return state_of(process) == "T"


def session_of(process: int) -> int:
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return 0


def stop(process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    if not comes_to_stop(process):
        raise RuntimeError(f"process {process} does not stop")


def wait_for_guard(host: Host, process: int) -> int:
    """The guard of an apply, once it is armed and its caller is stopped."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = [each for each in children(process) if session_of(each) == each]
        if found:
            return found[0]
        time.sleep(0.01)
    raise RuntimeError(f"{host.name}: there is no guard")


def is_free(lock: str) -> bool:
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def alone(name: str, call: str, at: int, new_stands: bool, text: str, report: Report) -> None:
    """The guard is stopped ahead of a call of its own."""
    host = Host(f"guard {name}")
    host.fresh()
    old = host.tables()
    host.ctc("apply", "--now", str(NEW))
    new = host.tables()
    host.fresh()
    begun = time.monotonic()
    done = host.ctc("apply", "--now", str(NEW), more=faulty(GUARD=call, AT=at))
    took = time.monotonic() - begun
    report.check(f"guard {name}: was stopped, and not waited for", ANSWER_SECONDS - 0.5 < took < ANSWER_SECONDS + SLACK,
                 f"{took:.1f} s {done.stderr}")
    report.check(f"guard {name}: {'no error, and the new' if new_stands else 'an error, and the old'} rules stand",
                 done.returncode == (0 if new_stands else 3) and text in done.stderr
                 and host.tables() == (new if new_stands else old), f"{done.returncode} {done.stderr}")
    report.check(f"guard {name}: nothing is left to do", not host.remembered() & {"pending", "reverting", "new"},
                 str(host.remembered()))
    done = host.ctc("apply", "--now", str(NEW))
    report.check(f"guard {name}: the next apply works", done.returncode == 0 and host.tables() == new, done.stderr)
    host.close()


def erring(report: Report) -> None:
    """It is stopped where the applier has begun and errs: the applier goes back itself."""
    host = Host("guard erring")
    host.fresh()
    process = host.start("apply", "--now", str(NEW), more=faulty(AT=2, HOW="stop", ONLY="commit"))
    if report.check("guard erring: there is such a commit", stopped(process)):
        guard = wait_for_guard(host, process.pid)
        stop(guard)
        half = host.tables()
        # Somebody else is at the table that comes next, and the applier gives up.
        host.namespace.run("env", "XTABLES_LOCKFILE=/dev/null", "ip6tables-legacy", "-A", "INPUT", *FOREIGN)
        host.namespace.run("env", "XTABLES_LOCKFILE=/dev/null", "iptables-legacy", "-t", "raw", "-A", "OUTPUT", *FOREIGN)
        begun = time.monotonic()
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=60)[1]
        took = time.monotonic() - begun
        report.check("guard erring: the applier goes back", process.returncode == 3 and "somebody else has changed" in said
                     and "the kernel has the rules that it had before" in said and host.tables() != half, said)
        report.check("guard erring: what others put where nothing was begun stays",
                     save(host.namespace, IPV6, "legacy").count("--dport 9 ") == 1)
        report.check("guard erring: in time", took < ANSWER_SECONDS + SLACK, f"{took:.1f} s")
        report.check("guard erring: the guard is gone", is_gone(guard))
        report.check("guard erring: it is remembered so", "reverted" in host.remembered(), str(host.remembered()))
    host.close()


def both(report: Report) -> None:
    """Applier and guard are stopped, and the lock of xtables is theirs: what is said, and the way out."""
    host = Host("both stopped")
    host.fresh()
    host.ctc("apply", "--now", str(NEW))    # which is not to be taken back too
    fresh_rules = host.tables()
    process = host.start("apply", "--now", str(OLD), more=faulty(AT=3, HOW="stop", ONLY="commit"))
    if report.check("both stopped: there is such a commit", stopped(process)):
        guard = wait_for_guard(host, process.pid)
        stop(guard)
        done = host.ctc("status")
        report.check("both stopped: status", "is stopped" in done.stdout and "`ctc rollback` ends it" in done.stdout, done.stdout)
        begun = time.monotonic()
        done = host.ctc("rollback")
        report.check("both stopped: rollback ends them", done.returncode == 0 and host.tables() == fresh_rules
                     and time.monotonic() - begun < SLACK, done.stderr)
        process.communicate(timeout=30)
        report.check("both stopped: they are gone", process.returncode == -9 and is_gone(guard))
        report.check("both stopped: the apply of before stands", "last" not in host.remembered() or
                     host.ctc("status").returncode == 0, str(host.remembered()))
    host.close()


def applier(report: Report) -> None:
    """Only the applier is stopped: rollback ends it, its guard goes back, and the apply of before is not taken back as well."""
    host = Host("applier stopped")
    host.fresh()
    host.ctc("apply", "--now", str(NEW))
    before = host.tables()
    process = host.start("apply", "--now", str(OLD), more=faulty(AT=3, HOW="stop", ONLY="commit"))
    if report.check("applier stopped: there is such a commit", stopped(process)):
        done = host.ctc("rollback")
        report.check("applier stopped: rollback", done.returncode == 0 and host.tables() == before, done.stderr)
        process.communicate(timeout=30)
        report.equal("applier stopped: it is gone", process.returncode, -9)
        report.check("applier stopped: the apply of before stands", "last" in host.remembered(), str(host.remembered()))
    host.close()


def terminal(word: str, report: Report) -> None:
    """Ctrl-Z in the middle of it stops the process behind the last table, without the lock."""
    host = Host(f"terminal {word}")
    host.fresh()
    old = host.tables()
    host.ctc("apply", "--now", str(NEW))
    new = host.tables()
    if word == "apply":
        host.fresh()
    process = host.start(word, *(["--now", str(NEW)] if word == "apply" else []), job=True,
                         more=faulty(AT=2, HOW="suspend", ONLY="commit"))
    wanted = new if word == "apply" else old
    if report.check(f"terminal {word}: it stops", stopped(process)):
        report.check(f"terminal {word}: behind the last table", host.tables() == wanted)
        report.check(f"terminal {word}: without the lock", is_free(host.lock))
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=30)[1]
        report.check(f"terminal {word}: it goes on, and all is well", process.returncode == 0 and host.tables() == wanted, said)
        report.equal(f"terminal {word}: nothing is left to do", host.ctc("status").returncode, 0)
    host.close()


def boot(report: Report) -> None:
    """A start that finds them stopped puts the old rules back, and goes on."""
    host = Host("boot stopped")
    host.fresh()
    process = host.start("apply", "--now", str(NEW), more=faulty(AT=3, HOW="stop", ONLY="commit"))
    if report.check("boot stopped: there is such a commit", stopped(process)):
        stop(wait_for_guard(host, process.pid))
        done = host.ctc("apply", "--boot", "closed", str(NEW))
        report.equal("boot stopped: goes on", (done.returncode, host.remembered()), (0, {"last", "reverted"}))
        process.communicate(timeout=30)
    host.close()


def watchdog(word: str, late: bool, report: Report) -> None:
    """The watchdog is stopped, and with `late` when its time has come, with the lock of xtables."""
    name = f"watchdog stopped, {word}{' late' if late else ''}"
    host = Host(name)
    host.fresh()
    old = host.tables()
    done = host.ctc("apply", "--confirm", "1" if late else "60", str(NEW),
                    more=faulty(GUARD="renameat", AT=1) if late else faulty(GUARD="setsockopt", AT=1000))
    new = host.tables()
    report.check(f"{name}: the rules stand", done.returncode == 0 and new != old, done.stderr)
    holders = watchdogs(host)
    if report.equal(f"{name}: there is one", len(holders), 1):
        if not late:
            stop(holders[0])
        report.check(f"{name}: it is stopped", comes_to_stop(holders[0]))
        done = host.ctc("status")
        report.check(f"{name}: status", f"Process {holders[0]}, which attends to it, is stopped" in done.stdout
                     and "`ctc confirm` or `ctc rollback`" in done.stdout, done.stdout)
        begun = time.monotonic()
        done = host.ctc(word)
        report.check(f"{name}: works at once", done.returncode == 0 and time.monotonic() - begun < SLACK
                     and host.tables() == (new if word == "confirm" else old), done.stderr)
        report.check(f"{name}: it is gone", is_gone(holders[0]))
        done = host.ctc("apply", "--now", str(NEW))
        report.check(f"{name}: the next apply works", done.returncode == 0 and host.tables() == new, done.stderr)
    host.close()


def told_to_end(report: Report) -> None:
    """The watchdog is told to end: what does that may kill it later, and it waits no longer than until then."""
    host = Host("told to end")
    host.fresh()
    old = host.tables()
    host.ctc("apply", "--confirm", "600", str(NEW))
    new = host.tables()
    for each in watchdogs(host):
        for _ in range(2):
            os.kill(each, signal.SIGTERM)
            time.sleep(0.2)
    said = host.ctc("status").stdout
    report.check("told to end: it waits for a minute", re.search(r"come back in (60|59|58) s unless", said) is not None, said)
    report.check("told to end: which a confirmation ends", new != old and host.ctc("confirm").returncode == 0 and host.tables() == new)
    host.close()


def watchdogs(host: Host) -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and each.joinpath("cmdline").exists()
            and str(NEW).encode() in cmdline(each) and environment_of(each, host)]


def cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def environment_of(process: Path, host: Host) -> bool:
    try:
        return f"CTC_STATE_DIR={host.state}".encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def silent(report: Report) -> None:
    """The applier is stopped for good, and nobody comes: its guard ends it."""
    host = Host("applier silent")
    host.fresh()
    old = host.tables()
    process = host.start("apply", "--now", str(NEW), more=faulty(AT=3, HOW="stop", ONLY="commit"))
    if report.check("applier silent: there is such a commit", stopped(process)):
        begun = time.monotonic()
        process.communicate(timeout=60)
        took = time.monotonic() - begun
        report.check("applier silent: it is ended, and the old rules are back", process.returncode == -9 and host.becomes(old),
                     f"{took:.1f} s")
        report.check("applier silent: in time", 25 < took < 40, f"{took:.1f} s")
        report.check("applier silent: it is remembered as reverted", host.comes_to_remember("reverted"), str(host.remembered()))
    host.close()


def files_of(process: int) -> set[str]:
    try:
        return {os.readlink(each).split(":")[0] for each in Path(f"/proc/{process}/fd").iterdir()}
    except FileNotFoundError:    # one was closed meanwhile
        return set()


def unarmed(report: Report) -> None:
    """Before there is anything to guard it has nothing of its caller's, not even a terminal, and goes with that."""
    host = Host("guard unarmed")
    host.fresh()
    old = host.tables()
    for case in ("the applier is killed", "it is killed", "it is stopped, and the applier errs"):
        part = report.part(f"guard unarmed, {case}: ")
        process = host.start("apply", "--now", str(NEW), more=faulty(AT=2, HOW="stop", ONLY="flock"))    # for the xtables lock
        if not part.check("there is such a lock", stopped(process)):
            continue
        guard = wait_for_guard(host, process.pid)
        end = time.monotonic() + 1    # it is about to close what it has found
        while (held := files_of(guard)) != {"/dev/null", "socket"} and time.monotonic() < end:
            time.sleep(0.01)
        part.equal("it has no files", held, {"/dev/null", "socket"})
        if case == "the applier is killed":
            process.kill()
        elif case == "it is killed":
            os.kill(guard, signal.SIGKILL)
        else:
            host.state.chmod(0o777)
            stop(guard)
        begun = time.monotonic()
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=60)[1]
        part.check("nobody is waited for", time.monotonic() - begun < SLACK)
        part.check("an error is told", process.returncode == -9 or (process.returncode == 3 and "ctc: error: " in said), said)
        part.check("it is gone", is_gone(guard))
        host.state.chmod(0o700)
        part.check("nothing was done", host.tables() == old and not host.remembered(), str(host.remembered()))
    host.close()


def faults(report: Report) -> None:
    """The applier is killed at a commit, or errs there, and a call of the guard's fails or is its last: the old rules come back."""
    host = Host("guard faults")
    host.fresh()
    old = host.tables()
    counted = host.state.parent / "count guard"
    lasting = {"GUARD": "setsockopt", "AT": 1, "TIMES": 5, "COMMIT": 3, "HOW": "fail", "ERRNO": errno.ENOMEM}
    cases = [("there is no memory for a while", "", lasting), ("there is none, and the applier errs", "", {**lasting, "ERRS": "yes"})]
    for applier, more in (("killed", {}), ("erring", {"ERRS": "yes"})):
        host.fresh()
        counted.unlink(missing_ok=True)
        host.ctc("apply", "--now", str(NEW), more=faulty(GUARD="", COUNT=counted, COMMIT=3, HOW="fail", **more))
        report.check(f"guard faults: the old rules come back from an applier {applier}", host.becomes(old))
        calls = int(counted.read_text(encoding="ascii"))
        report.check(f"guard faults: there are calls beside an applier {applier}", calls > 40, str(calls))
        # Where its first word fails, that is waited for.
        for at in (2, 3, 4, *range(5, calls + 1, GUARD_STEP)):
            cases += [(f"the applier {applier}, call {at} to {how}", how, {"GUARD": "", "AT": at, "COMMIT": 3, "HOW": how,
                                                                          "ERRNO": errno.ENOMEM, **more})
                      for how in (("fail", "kill") if applier == "erring" else ("fail",))]
    for name, how, settings in cases:
        host.fresh()
        done = host.ctc("apply", "--now", str(NEW), more=faulty(**settings))
        report.check(f"guard faults, {name}: the old rules are back", host.becomes(old), f"{done.returncode} {done.stderr}")
        # Where the guard cannot hear it, it is killed.
        if "ERRS" in settings and not (how == "fail" and done.returncode == -9):
            report.check(f"guard faults, {name}: an error is told", done.returncode == 3 and "ctc: error: " in done.stderr
                         and "the kernel has the rules that it had before" in done.stderr, f"{done.returncode} {done.stderr}")
    host.close()


def locked(report: Report) -> None:
    """The applier is killed, and its guard has the lock of the iptables programs until the old rules are back."""
    host = Host("guard locked")
    host.fresh()
    old = host.tables()
    done = host.ctc("apply", "--now", str(NEW), more=faulty(GUARD="setsockopt", AT=1, COMMIT=3))
    guards = watchdogs(host)
    if report.check("guard locked: it is at it", done.returncode == -9 and len(guards) == 1 and comes_to_stop(guards[0]), done.stderr):
        report.check("guard locked: nobody else is", host.tables() != old and not is_free(host.lock))
        os.kill(guards[0], signal.SIGCONT)
        report.check("guard locked: the old rules are back", host.becomes(old))
        report.check("guard locked: then it is given back", is_gone(guards[0]) and is_free(host.lock))
    host.close()


def hung_up(report: Report) -> None:
    """What ends whoever rolls back, as a connection that is lost does, comes when the old rules are there: nobody else would go on."""
    host = Host("hung up")
    host.fresh()
    old = host.tables()
    for ends in ((signal.SIGHUP,), (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)):
        part = report.part(f"hung up, {' '.join(each.name for each in ends)}: ")
        host.ctc("apply", "--now", str(NEW))
        process = host.start("rollback", more=faulty(AT=2, HOW="stop", ONLY="commit"))
        if part.check("there is such a commit", stopped(process)):
            part.check("it is half-way", host.tables() != old)
            for each in ends:
                process.send_signal(each)
            process.send_signal(signal.SIGCONT)
            process.communicate(timeout=30)
            part.equal("it is ended", process.returncode, -ends[0])
            part.check("the old rules are back", host.tables() == old)
            part.check("nothing is left to do", "Nothing" in host.ctc("status").stdout, host.ctc("status").stdout)
    host.close()


# Each waits for most of its time.
CASES: tuple[Callable[[Report], None], ...] = (
    lambda report: alone("at the start", "send", 1, False, "cannot start a guard: the guard process did not answer", report),
    lambda report: alone("at an order", "recv", 2, True, "", report),
    lambda report: alone("ahead of the journal", "renameat", 1, True, "", report),
    lambda report: alone("ahead of its answer", "send", 2, True, "", report),
    erring, both, applier, boot, unarmed, locked, hung_up, told_to_end,
    lambda report: terminal("apply", report),
    lambda report: terminal("rollback", report),
    lambda report: watchdog("confirm", False, report),
    lambda report: watchdog("confirm", True, report),
    lambda report: watchdog("rollback", False, report),
    lambda report: watchdog("rollback", True, report))


def attempt(case: Callable[[Report], None], report: Report) -> None:
    try:
        case(report)
    except Exception:    # the other cases go on
        report.check("a case ran to its end", False, traceback.format_exc())


def run(report: Report) -> None:
    parts = [Report() for _ in CASES]
    threads = [threading.Thread(target=attempt, args=each) for each in zip(CASES, parts)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for part in parts:
        report.results += part.results
