# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the jobs, each in a process of its own, and print what they found.

    run.py [-v] [-j WORKERS] [WORDS...]      only jobs whose names contain one of the words
"""
import argparse
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
import traceback
from typing import Iterator, NamedTuple

import jobs
from report import Report

JOB_SECONDS = int(os.environ.get("JOB_SECONDS", "150"))    # a job that takes longer hangs
PR_SET_PDEATHSIG = 1


class Outcome(NamedTuple):
    name: str
    seconds: float
    report: Report


def perform(name: str, to_parent) -> None:
    """One job. Whatever goes wrong in it is one more failure with the trace as its detail."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    report = Report()
    start = time.monotonic()
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(JOB_SECONDS)
    try:
        jobs.JOBS[name](report)
    except Exception:    # the other jobs go on
        report.check(f"{name}: ran to its end", False, traceback.format_exc())
    finally:
        signal.alarm(0)
    to_parent.send(Outcome(name, time.monotonic() - start, report))


def show(outcome: Outcome, verbose: bool) -> None:
    results = outcome.report.results
    failures = [each for each in results if not each.passed]
    for each in results if verbose else failures:
        print(("ok   " if each.passed else "FAIL ") + each.name)
        if not each.passed and each.detail:
            print("       " + each.detail.rstrip().replace("\n", "\n       "))
    for note in outcome.report.notes:
        print(f"{outcome.name}: {note}")
    for skipped in outcome.report.skipped:
        print(f"{outcome.name}: skipped: {skipped}")
    print(f"{outcome.name}: {len(results) - len(failures)} passed, {len(failures)} failed "
          f"in {outcome.seconds:.1f} s", flush=True)


class Hangs(Exception):
    """Not an OSError: the tests take those for answers."""


def on_alarm(*_):
    raise Hangs(f"still running after {JOB_SECONDS} s")


def outcomes(names: list[str], workers: int) -> Iterator[Outcome]:
    """Run the jobs, so many at a time. Each has a process of its own, and with its end the kernel
    takes its namespaces down."""
    waiting, running = list(names), {}
    while waiting or running:
        while waiting and len(running) < workers:
            name = waiting.pop(0)
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=perform, args=(name, sender), daemon=True)
            process.start()
            sender.close()
            running[receiver] = name
        for receiver in multiprocessing.connection.wait(list(running)):
            name = running.pop(receiver)
            try:
                yield receiver.recv()
            except EOFError:
                died = Report()
                died.check(f"{name}: ran to its end", False, "it died")
                yield Outcome(name, 0, died)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-j", "--workers", type=int, default=4)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    passed = failed = skipped = 0
    for outcome in outcomes([name for name in jobs.JOBS if not options.words or any(word in name for word in options.words)],
                            options.workers):
        show(outcome, options.verbose)
        passed += sum(each.passed for each in outcome.report.results)
        failed += sum(not each.passed for each in outcome.report.results)
        skipped += len(outcome.report.skipped)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not (passed or skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
