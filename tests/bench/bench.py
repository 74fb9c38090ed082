# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures ctc: beside the loader of its output, and as policies grow. Prints Markdown.

    bench.py CTC [STAGES] [--large]
"""

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNS = 3  # of which the fastest counts
STEPS = [1_000, 10_000, 100_000]
LARGE = 1_000_000


def generate(kind, count, folder):
    """In a process of its own, since a child's largest memory begins with that of its parent."""
    subprocess.run([sys.executable, "-B", str(HERE / "gen.py"), kind, str(count), str(folder)], check=True)


class Cost:
    """What the fastest of a few runs took, and the largest memory of all."""

    def __init__(self, folder, *command, runs=RUNS):
        self.seconds, self.cpu, self.megabytes = math.inf, math.inf, 0
        for _ in range(runs):
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


def beside_loaders(ctc, folder):
    generate("ten", 0, folder)
    rules = folder / "rules"
    with open(rules, "wb") as out:
        subprocess.run([ctc, "compile", "-4", str(folder / "policy.yaml")], stdout=out, stderr=subprocess.DEVNULL,
                       check=True)
    commands = {"ctc": f"{ctc} compile -4 {folder}/policy.yaml"}
    for name in ("iptables-legacy-restore", "iptables-nft-restore"):
        if os.geteuid() == 0 and shutil.which(name):
            commands[f"{name} --test"] = f"{name} --test {rules}"
    apart = ["unshare", "--net"] if len(commands) > 1 else []
    subprocess.run([*apart, "hyperfine", "--style", "none", "--shell", "none", "--warmup", "20", "--min-runs", "200",
                    "--export-json", str(folder / "times.json"), *commands.values()],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times = json.loads((folder / "times.json").read_text())["results"]
    print("## A policy of ten entries, beside the loader of its rules\n")
    head("command", "median", "fastest", "median, times ctc's", "fastest, times ctc's")
    for name, result in zip(commands, times):
        row(f"`{name}`", f"{result['median'] * 1000:.2f} ms", f"{result['min'] * 1000:.2f} ms",
            f"{result['median'] / times[0]['median']:.1f}", f"{result['min'] / times[0]['min']:.1f}")
    print()


def growth(title, ctc, folder, kind, steps):
    """Each size beside the one before: by how much the processor's time grew, and that over N log N."""
    print(f"## {title}\n")
    head("N", "seconds", "of the processor", "memory, MB", "rules, IPv4", "times the step before", "over N log N")
    before = None
    for count in steps:
        generate(kind, count, folder)
        cost = Cost(folder, ctc, "compile", "-4", str(folder / "policy.yaml"))
        ratio = over = ""
        if before:
            ratio = cost.cpu / before[1]
            expected = count * math.log(count) / (before[0] * math.log(before[0]))
            ratio, over = f"{ratio:.1f}", f"{ratio / expected:.2f}"
        row(number(count), f"{cost.seconds:.3f}", f"{cost.cpu:.3f}", cost.memory(), number(cost.rules), ratio or "–",
            over or "–")
        before = count, cost.cpu
    print()


def checking(ctc, folder, steps):
    print("## `ctc check` of the same entries: both families, and what is dead among them\n")
    head("N", "seconds", "of the processor", "memory, MB")
    for count in steps:
        generate("pairs", count, folder)
        cost = Cost(folder, ctc, "check", str(folder / "policy.yaml"))
        row(number(count), f"{cost.seconds:.3f}", f"{cost.cpu:.3f}", cost.memory())
    print()


def advising(ctc, folder, steps):
    print("## `ctc advise` of a saved tracking table of N entries, with a policy of ten\n")
    head("N", "seconds", "of the processor", "memory, MB")
    generate("ten", 0, folder)
    for count in steps:
        generate("table", count, folder)
        cost = Cost(folder, ctc, "advise", "--dump", str(folder / "table"), str(folder / "policy.yaml"))
        row(number(count), f"{cost.seconds:.3f}", f"{cost.cpu:.3f}", cost.memory())
    print()


def stages(program, folder, steps):
    """What the proof adds to a compile, stage by stage."""
    print("## The stages of a compile, in milliseconds of the processor, IPv4\n")
    print("`read back` is the emitted text read; `meanings` those of policy and text as diagrams; `promises` the equations.\n")
    kinds = [("ten entries", "ten", 10)] + [(f"{number(count)} entries", "pairs", count) for count in steps]
    kinds += [(f"{number(count)} entries, untracked", "untracked", count) for count in STEPS]
    kinds += [(f"{number(count)} prefixes", "prefixes", count) for count in steps[-2:]]
    head("policy", "read", "lower", "emit", "read back", "meanings", "compare", "promises", "proof in all", "nodes",
         "memory, MB")
    for title, kind, count in kinds:
        generate(kind, count, folder)
        runs = [json.loads(subprocess.run([program, str(folder / "policy.yaml")], capture_output=True, check=True).stdout)
                for _ in range(RUNS)]
        best = min(runs, key=lambda run: run["meanings"])
        if not best["proved"]:
            raise SystemExit(f"{title}: not proved")
        names = ["read", "lower", "emit", "read_back", "meanings", "compare", "promises"]
        row(title, *(f"{best[name]:.2f}" for name in names), f"{sum(best[name] for name in names[3:]):.2f}",
            number(best["nodes"]), best["megabytes"])
    print()


def beside_ferm(ctc, folder, steps):
    print("## The same rules by ferm\n")
    head("N", "ctc, seconds", "ferm, seconds", "ferm / ctc")
    for count in steps:
        generate("pairs", count, folder)
        generate("ferm", count, folder)
        own = Cost(folder, ctc, "compile", "-4", str(folder / "policy.yaml"))
        other = Cost(folder, "ferm", "--noexec", "--lines", str(folder / "policy.ferm"), runs=1)
        row(number(count), f"{own.seconds:.3f}", f"{other.seconds:.2f}", f"{other.seconds / own.seconds:.0f}")
    print()


def main():
    ctc = os.path.abspath(sys.argv[1])
    large = [LARGE] if "--large" in sys.argv[2:] else []
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    # A policy that eats the machine is a result too, but not a pleasant one.
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        version = subprocess.run([ctc, "--version"], capture_output=True, check=True, text=True).stdout.strip()
        print(f"<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n# What {version} costs\n")
        print(f"Made by `tests/bench/run.sh{' --large' if large else ''}`: the fastest of {RUNS} runs, the largest "
              "memory of all. Seconds differ\nbetween machines; the ratios tell more.\n")
        if shutil.which("hyperfine"):
            beside_loaders(ctc, folder)
        else:
            print("(hyperfine is not installed: no comparison with the loaders.)\n")
        growth("Entries: N times `{tcp: PORT, from: ADDRESS}`", ctc, folder, "pairs", STEPS + large)
        growth("A file of N prefixes in `deny`, both families, duplicates and overlaps", ctc, folder, "prefixes",
               STEPS + [LARGE])
        checking(ctc, folder, STEPS)
        advising(ctc, folder, STEPS + [LARGE])
        if len(sys.argv) > 2 and not sys.argv[2].startswith("-"):
            stages(sys.argv[2], folder, STEPS + large)
        if shutil.which("ferm"):
            beside_ferm(ctc, folder, STEPS)


if __name__ == "__main__":
    main()
