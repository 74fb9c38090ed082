# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces with rules in them, and what those cost packets."""

import json
import os
import statistics
import subprocess
import tempfile
import time


class Namespaces:
    """Made as they are asked for, gone at the end."""

    def __init__(self):
        self.names = []
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def make(self):
        name = f"ctc-bench-{os.getpid()}-{self.count}"
        self.count += 1
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.names.append(name)
        return name


def load(name, *steps):
    """Runs commands, each with its input, in the namespace. Gives the seconds that they took. The input is a file, as it is
    for who loads rules: through a pipe a loader takes a quarter more."""
    seconds = 0
    for command, text in steps:
        with tempfile.TemporaryFile() as given:
            given.write(text)
            given.seek(0)
            begin = time.perf_counter()
            ran = subprocess.run(["ip", "netns", "exec", name, *command], stdin=given, capture_output=True, check=False)
            seconds += time.perf_counter() - begin
        if ran.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit code {ran.returncode}: {ran.stderr.decode()[:500]}")
    return seconds


class Spread:
    """Values of runs that took turns with those of others."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        self.least, self.most = min(self.values), max(self.values)

    def middle(self, form):
        """The median, and what half of the values lie between."""
        if len(self.values) < 4:
            return form.format(self.median)
        low, _, high = statistics.quantiles(self.values, n=4)
        return f"{form.format(self.median)} ({form.format(low)}–{form.format(high)})"

    def divided(self, number):
        return Spread([value / number for value in self.values])

    def over(self, other):
        """What these are more than those of the same turns."""
        return Spread([own - its for own, its in zip(self.values, other.values)])


def measure(program, folder, seconds, cases):
    """Cases are (mode, namespace, packets), random ones first. Gives for each the nanoseconds of its turns."""
    files = {}
    plan = []
    for mode, name, packets in cases:
        if id(packets) not in files:
            files[id(packets)] = folder / f"packets-{len(files)}"
            files[id(packets)].write_text("".join(line + "\n" for line in packets))
        plan.append(f"{mode} {name} {files[id(packets)]}\n")
    ran = subprocess.run([program, str(seconds)], input="".join(plan), capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"packets: {ran.stderr[:500]}")
    return [Spread(json.loads(line)) for line in ran.stdout.splitlines()]
