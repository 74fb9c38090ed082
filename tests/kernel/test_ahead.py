# SPDX-License-Identifier: GPL-2.0-or-later
"""Very many rules for tables that have none: the tables are filled, and the journal is written, beside other work."""
import shutil
import signal

from firewall import restore
from host import FOREIGN, MANY, Host, faulty, rules_of, stopped
from netns import FAMILIES
from report import Report


def empty(host: Host) -> None:
    for family in FAMILIES:
        restore(host.namespace, family, "legacy", "*raw\nCOMMIT\n*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\nCOMMIT\n")
    for name in host.remembered():
        (host.state / name).unlink()
    shutil.rmtree(host.lasting, ignore_errors=True)


def good(host: Host) -> list[str]:
    return sorted(each.name for each in host.lasting.iterdir()) if host.lasting.exists() else []


def run(report: Report) -> None:
    host, wanted = Host("ahead"), Host("ahead wanted")
    policy = host.state.parent / "many.yaml"
    policy.write_text(MANY, encoding="ascii")
    wanted.load(policy)
    new = wanted.tables()
    done = host.ctc("apply", "--now", str(policy))
    report.check("ahead: the rules are those of iptables-restore", done.returncode == 0 and host.tables() == new, done.stderr)
    done = host.ctc("rollback")
    report.check("ahead: rollback", done.returncode == 0 and not rules_of(host, "filter"), done.stderr)
    empty(host)
    old = host.tables()
    for how in ("fail", "kill"):
        for only, calls in (("init", (1, 3)), ("append", (2, 900)), ("fork", (3,)), ("fsync", (1, 2)), ("renameat", (1,)),
                            ("send", (2, 4)), ("getsockopt", (2, 8, 9, 10)), ("commit", (1, 2))):
            for at in calls:
                name = f"ahead {how} {only} {at}"
                empty(host)
                done = host.ctc("apply", "--now", str(policy), more=faulty(HOW=how, ONLY=only, AT=at))
                report.check(f"{name}: the old rules or the new ones", host.becomes(old, new), done.stderr)
                report.check(f"{name}: an error is told, or the new rules stand",
                             how == "kill" or (done.returncode == 3 and "ctc: error: " in done.stderr
                                               and host.tables() == old)
                             or (done.returncode == 0 and host.tables() == new), done.stderr)
                # They are written while the tables are loaded, and are good once those stand.
                report.check(f"{name}: what does not stand is not good",
                             how == "kill" or good(host) == (["good"] if host.tables() == new
                                                             and "are not remembered" not in done.stderr else []), done.stderr)
    # Somebody is quicker: between the reading of a table ahead and the lock, and just before the commit.
    for only, at, own in (("flock", 2, "chains"), ("commit", 1, "tables")):
        empty(host)
        process = host.start("apply", "--now", str(policy), "--own", own,
                             more=faulty(HOW="stop", ONLY=only, AT=at))
        if report.check(f"ahead {only}: it is stopped", stopped(process)):
            host.namespace.run("iptables-legacy", "-A", "OUTPUT", *FOREIGN)
            process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        report.equal(f"ahead {only}: a rule of somebody else stays",
                     rules_of(host, "filter").count("-A OUTPUT " + "-p tcp -m tcp --dport 9 -j ACCEPT"), 1)
    wanted.close()
    host.close()
