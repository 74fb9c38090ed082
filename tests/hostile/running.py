# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs ctc with a limit on its time, and measures what it took."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading

CTC = os.path.abspath(os.environ.get("CTC") or "build/release/ctc")
BUILD = os.environ.get("BUILD", os.path.dirname(CTC)).rstrip("/")
MODE = os.environ.get("MODE") or os.path.basename(BUILD)
SANITIZED = MODE == "asan"
MEASURED = MODE == "release"  # whether time and memory are judged

TIMEOUT = 20 if MEASURED else 60  # seconds until a run counts as hanging
KEPT = 1 << 20  # bytes of output that are looked at
ADDRESS_SPACE = 1 << 30  # bytes that a run may map, so that one which asks for ever more fails alone
SANITIZERS = {"ASAN_OPTIONS": "hard_rss_limit_mb=2048", "UBSAN_OPTIONS": "print_stacktrace=1"}
REPORTS = (b"AddressSanitizer", b"LeakSanitizer", b"runtime error:", b"UndefinedBehaviorSanitizer")


class Run:
    """What became of a run: status is an exit code, or minus a signal."""

    def __init__(self, status, stdout, stderr, seconds, kilobytes):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.seconds, self.kilobytes = seconds, kilobytes

    def crash(self):
        """A description of a crash, a hang or a sanitizer's report, or None."""
        for report in REPORTS:
            if report in self.stderr:
                return "a sanitizer's report:\n" + self.stderr.decode(errors="replace")
        if self.status == -signal.SIGKILL:
            return f"no end within {TIMEOUT} s"
        if self.status < 0:
            return f"died of signal {-self.status}"
        return None


def head(file):
    file.seek(0)
    return file.read(KEPT)


def run(arguments, folder, stdin=None, stdout=None, prepare=None):
    """Runs `ctc ARGUMENTS` in a folder. This process stays small, since the memory of a child counts from its own."""
    def begin():
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.RLIM_INFINITY))
        if prepare:
            prepare()

    command = [CTC, *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, cwd=folder, stdin=stdin or subprocess.DEVNULL, stdout=stdout or out,
                                   stderr=err, env={**SANITIZERS, **os.environ}, preexec_fn=begin)
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        # Of the processor: a machine with other work to do is no fault of the program.
        seconds = usage.ru_utime + usage.ru_stime
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        return Run(process.returncode, head(out), head(err), seconds, usage.ru_maxrss)


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.only = os.environ.get("ONLY", "")

    def wants(self, name):
        return self.only in name

    def check(self, name, complaint=None):
        """Counts a test; a complaint says what came in place of what was expected."""
        if complaint:
            self.failed += 1
            print(f"FAIL {name}\n" + "".join(f"     {line}\n" for line in complaint.rstrip("\n").split("\n")), end="")
        else:
            self.passed += 1
        sys.stdout.flush()

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP {name}: {why}")

    def last_line(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")
