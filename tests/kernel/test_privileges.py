# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply` and its guard may read and change tables, and nothing else; without that they say so."""
import os
import signal
import subprocess
from pathlib import Path

from host import NEW, Host, children, faulty, stopped
from report import Report
from test_backend import without

CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
KEPT = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW


def _status(process: int) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
                if ":\t" in line)


def _capabilities(process: int) -> dict[str, int]:
    return {name: int(_status(process)[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def run(report: Report) -> None:
    host = Host("privileges")
    host.fresh()
    old = host.tables()

    def at_commit(policy: Path, *words: str) -> tuple[subprocess.Popen, int]:
        process = host.start("apply", *words, str(policy), more=faulty(AT=1, HOW="stop", ONLY="commit"))
        report.check(f"privileges {words}: there is a commit", stopped(process))
        guards = children(process.pid)
        report.equal(f"privileges {words}: and a guard", len(guards), 1)
        return process, guards[0]

    wanted = {"CapInh": 0, "CapPrm": KEPT, "CapEff": KEPT, "CapBnd": KEPT, "CapAmb": 0}
    for words in (("--now",), ("--confirm", "30")):
        host.fresh()
        process, guard = at_commit(NEW, *words)
        for name, number in (("applier", process.pid), ("guard", guard)):
            report.equal(f"privileges {words}: of the {name}", _capabilities(number), wanted)
            report.equal(f"privileges {words}: and it gets no new ones", _status(number)["NoNewPrivs"], "1")
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=30)[1]
        report.check(f"privileges {words}: that is enough", process.returncode == 0 and host.tables() != old, said)
    report.equal("privileges: that is enough for the watchdog", _capabilities(guard), wanted)
    report.check("privileges: and to go back", host.ctc("rollback").returncode == 0 and host.tables() == old)

    # A policy of somebody else's, which root reads only by more than that.
    theirs = host.state.parent / "theirs"
    theirs.mkdir(mode=0o700)
    policy = theirs / "policy.yaml"
    policy.write_text("version: 1\nallow: [ssh]\n", encoding="utf-8")
    policy.chmod(0o600)
    for path in (policy, theirs):
        os.chown(path, 65534, 65534)
    host.fresh()
    process, guard = at_commit(policy, "--now")
    report.equal("privileges: the right to read is gone once the policy is read",
                 [_capabilities(number)["CapPrm"] for number in (process.pid, guard)], [KEPT, KEPT])
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=30)[1]
    report.check("privileges: a policy of somebody else's", process.returncode == 0, said)

    for lacking in (CAP_NET_ADMIN, CAP_NET_RAW):
        host.fresh()
        for command in (("apply", "--now", str(NEW)), ("apply", "--dry-run", str(NEW)), ("rollback",)):
            with host.namespace:
                done = subprocess.run([os.environ["CTC"], *command], capture_output=True, text=True, timeout=60, check=False,
                                      env=host.environment(), preexec_fn=without(lacking))
            report.check(f"privileges: without {lacking} {command[0]} says what lacks", done.returncode == 3 and not done.stdout
                         and "CAP_NET_ADMIN" in done.stderr and "CAP_NET_RAW" in done.stderr and host.tables() == old, done.stderr)
    host.close()
