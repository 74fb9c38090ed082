# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands cost, and tables of it in Markdown."""

import math
import os
import resource
import subprocess
import sys
import time

RUNS = 3  # of which the fastest counts
TOUCHED = 512  # megabytes that are had ahead of each command that stands beside others, whoever's it is


def touch_memory(megabytes):
    """The host of a virtual machine takes memory back that nobody uses, and a program that is given it again waits for it
    at each page: as much as it needs is had just before."""
    if megabytes:
        subprocess.run([sys.executable, "-c", "import mmap; mmap.mmap(-1, "
                        f"{megabytes << 20}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)"], check=True)


class Cost:
    """What the fastest of a few runs took, and the largest memory of all. Ahead of each, `touched` megabytes are had."""

    def __init__(self, folder, *command, runs=RUNS, touched=0):
        self.seconds, self.cpu, self.megabytes = math.inf, math.inf, 0
        for _ in range(runs):
            touch_memory(touched)
            with open(folder / "out", "wb") as out:
                begin = time.perf_counter()
                child = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
                errors = child.stderr.read()
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}: {errors.decode()[:500]}")
            self.seconds = min(self.seconds, time.perf_counter() - begin)
            self.cpu = min(self.cpu, usage.ru_utime + usage.ru_stime)
            self.megabytes = max(self.megabytes, usage.ru_maxrss / 1024)
        with open(folder / "out", "rb") as out:
            self.rules = sum(line.startswith(b"-A ") for line in out)

    def memory(self):
        """Less than this program's own cannot be told from it."""
        own = math.ceil(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024) + 1
        return f"{self.megabytes:.0f}" if self.megabytes > own else f"below {own}"


def number(value):
    return f"{value:,}"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells):
    row(*cells)
    row(*("---" for _ in cells))
