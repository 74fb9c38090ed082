# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures ctc: beside the loader of its output, and as policies grow. Prints Markdown.

    bench.py CTC STAGES PACKETS [--large] [--without-packets] [--picture FILE]
"""

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import applying
import beside
import matches
from picture import growth_picture
from report import RUNS, Cost, head, number, row, touch_memory

HERE = Path(__file__).resolve().parent
STEPS = [1_000, 10_000, 100_000]
LARGE = 1_000_000
LARGE_MEGABYTES = 3_000  # that so many entries need at most
MAKING = ("read", "lower", "passes", "emit")
PROOF = ("read_back", "policy_meaning", "rules_meaning", "compare")


def generate(kind, count, folder):
    """In a process of its own, since a child's largest memory begins with that of its parent."""
    subprocess.run([sys.executable, "-B", str(HERE / "gen.py"), kind, str(count), str(folder)], check=True)


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


def runs_of(count):
    """Short ones are run more often: what disturbs them is longer than they are."""
    return max(RUNS, min(20, 200_000 // count))


def touched(count):
    """Megabytes that are had ahead of each run."""
    return LARGE_MEGABYTES if count >= LARGE else 0


def run_stages(program, policy, count):
    touch_memory(touched(count))
    return json.loads(subprocess.run([program, policy], capture_output=True, check=True).stdout)


def stage_costs(program, policy, count):
    """Milliseconds of the processor that each stage of the fastest of a few runs took."""
    runs = [run_stages(program, policy, count) for _ in range(runs_of(count))]
    best = min(runs, key=lambda run: run["rules_meaning"])
    if not best["proved"]:
        raise SystemExit(f"{policy}: not proved")
    return best, sum(best[stage] for stage in PROOF)


def growth(title, ctc, program, folder, kind, steps):
    """Each size beside the one before: by how much the processor's time grew, and that over N log N.
    Gives N and seconds, of all and of the proof."""
    print(f"## {title}\n")
    head("N", "seconds", "of the processor", "of the proof alone", "memory, MB", "rules, IPv4",
         "times the step before", "over N log N", "of the proof", "over N log N")
    all_of_it, proofs = [], []
    for count in steps:
        generate(kind, count, folder)
        cost = Cost(folder, ctc, "compile", "-4", str(folder / "policy.yaml"), runs=runs_of(count),
                    touched=touched(count))
        proof = stage_costs(program, str(folder / "policy.yaml"), count)[1] / 1000
        grown = ["–"] * 4
        if all_of_it:
            before = all_of_it[-1][0]
            expected = count * math.log(count) / (before * math.log(before))
            grown = [f"{ratio / over:.{digits}f}" for ratio in (cost.cpu / all_of_it[-1][1], proof / proofs[-1][1])
                     for over, digits in ((1, 1), (expected, 2))]
        row(number(count), f"{cost.seconds:.3f}", f"{cost.cpu:.3f}", f"{proof:.3f}", cost.memory(),
            number(cost.rules), *grown)
        all_of_it.append((count, cost.cpu))
        proofs.append((count, proof))
    print()
    return all_of_it, proofs, cost


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
    print("`read back` is the emitted text read; `policy meaning` and `rules meaning` are what the policy and that text mean, as\n"
          "diagrams, the promises with the policy's. A compile has the policy's meaning made beside the passes, on a second\n"
          "processor; here each stage has its own time.\n")
    kinds = [("ten entries", "ten", 10)] + [(f"{number(count)} entries", "pairs", count) for count in steps]
    kinds += [(f"{number(count)} entries, untracked", "untracked", count) for count in STEPS]
    kinds += [(f"{number(count)} prefixes", "prefixes", count) for count in steps[-2:]]
    head("policy", *(stage.replace("_", " ") for stage in (*MAKING, *PROOF)), "proof in all", "nodes", "memory, MB")
    for title, kind, count in kinds:
        generate(kind, count, folder)
        best, proof = stage_costs(program, str(folder / "policy.yaml"), count)
        row(title, *(f"{best[stage]:.2f}" for stage in (*MAKING, *PROOF)), f"{proof:.2f}", number(best["nodes"]),
            best["megabytes"])
    print()


def single_matches(program, folder, large):
    print("## What one rule costs a packet that it does not match, in nanoseconds, legacy tables\n")
    print(f"{matches.RULES} rules more or less of them, by their number: median (the middle half of the turns).\n")
    head("match", "nanoseconds a rule", "over the header")
    measured = matches.measure_matches(program, folder, 1 if large else 0.1)
    for name, values in measured:
        over = values.over(measured[0][1])
        row(name, values.middle("{:.1f}"), f"{over.median:.1f}" if name != "header" else "")
    print()
    return {name: values.median for name, values in measured}


def least_of_ports(work, over, match_costs):
    """The fewest nanoseconds in which rules can tell so many ports apart that are no neighbours of each other, beside
    ipset's: a rule answers yes or no, so that each halves them at best, and the last one names as many as multiport takes."""
    questions = math.log2(work.count / matches.SLOTS)
    least = (over[beside.NO_ENTRIES, "refused"].median + questions * match_costs["TCP"]
             + match_costs[f"MULTIPORT, {matches.SLOTS} ports"])
    print("## The least that any rules need\n")
    print(f"A rule tells two kinds of packets apart. {work.title.capitalize()} that are no neighbours of each other take {questions:.1f} rules that\n"
          f"ask for a port, and one of {matches.SLOTS} ports: with what the policy needs without them {least:.0f} nanoseconds by the\n"
          f"costs above, {least / over['ipset', 'worst'].median:.2f} times ipset's dearest entry. ctc's take {over['ctc', 'worst'].median:.0f}.\n")


class Targets:
    """What ctc is meant to reach, and whether it does."""

    def __init__(self):
        self.rows = []

    def ratio(self, what, own, other, most):
        """The medians; `own` may be at most that many times the other."""
        reached = own / other
        self.rows.append((what, f"{reached:.2f}", f"at most {most:g}", "yes" if reached <= most else "**no**"))

    def compiling(self, title, seconds):
        own, flat = seconds["ctc"].median, seconds[beside.LOADED].median
        if "ferm" in seconds:
            self.ratio(f"compile {title}, with the proof, beside ferm", own, seconds["ferm"].median, 0.1)
        self.ratio(f"compile {title}, with the proof, beside loading the flat rules", own, flat, 1.5)
        for other, most in (("ferm", 0.1), (beside.LOADED, 1.5)):
            if other in seconds:
                self.ratio(f"the same beside {other}{beside.PROCESSOR}", seconds["ctc" + beside.PROCESSOR].median,
                           seconds[other + beside.PROCESSOR].median, most)
        self.ratio("the same without the proof, beside loading the flat rules", seconds[beside.UNPROVED].median, flat, 1)

    def loading(self, title, seconds):
        for own, flat in beside.FLAT.items():
            self.ratio(f"load {title}: {own}, beside {flat}", seconds[own].median, seconds[flat].median, 2)

    def applying(self, count, seconds):
        self.ratio(f"apply {number(count)} pairs, with the proof, beside loading the flat rules",
                   seconds[applying.APPLY].median, seconds[applying.FLAT].median, 2)

    def packets(self, title, over):
        for name in ("ctc", beside.SETS):
            by = "" if name == "ctc" else f", {name}"
            for which in ("accepted", "refused", "worst"):
                self.ratio(f"a packet against {title}{by}, {beside.WHICH[which]}, over an empty firewall, beside ipset",
                           over[name, which].median, over["ipset", which].median, 1)

    def small(self, ctc, folder):
        generate("ten", 0, folder)
        text = subprocess.run([ctc, "compile", "-4", str(folder / "policy.yaml")], capture_output=True, check=True,
                              text=True).stdout
        chains = sum(line.startswith(":ctc-") for line in text.splitlines())
        self.rows.append(("trees of chains for a policy of ten entries", chains, "none",
                          "**no**" if chains else "yes"))

    def prefixes(self, largest, cost):
        count, seconds = largest
        self.rows.append((f"{number(count)} prefixes, with the proof, in seconds", f"{seconds:.2f}", "below 10",
                          "yes" if seconds < 10 else "**no**"))
        self.rows.append(("its memory, in MB", cost.memory(), "below 2000",
                          "yes" if cost.megabytes < 2000 else "**no**"))

    def growth(self, what, line):
        steps = [(after[1] / before[1]) / (after[0] * math.log(after[0]) / (before[0] * math.log(before[0])))
                 for before, after in zip(line, line[1:])]
        self.rows.append((f"growth of {what}: the steepest step, over N log N", f"{max(steps):.2f}", "at most 1",
                          "yes" if max(steps) <= 1 else "**no**"))

    def print(self):
        print("## What is meant to be reached\n")
        head("what", "measured here", "meant", "reached")
        for cells in self.rows:
            row(*cells)
        print()


def side_by_side(ctc, program, packets, folder, large, with_packets, targets):
    """Each kind of policy: compiled here, and loaded in a process of its own (see generate)."""
    print("## Beside others, on the same policies\n")
    print(beside.NOTES)
    for kind, count in beside.WORKLOADS[large]:
        work = beside.Workload(ctc, program, packets, folder, kind, count)
        subprocess.run([sys.executable, "-B", str(HERE / "peers.py"), kind, str(count), str(folder)], check=True)
        compiled = beside.compiling(work, 5 if large else 3)
        sys.stdout.flush()
        with ProcessPoolExecutor(max_workers=1) as other:
            loaded, over = other.submit(beside.loading_and_packets, work, large, with_packets).result()
        if kind == "pairs":
            targets.compiling(work.title, compiled)
        if kind != "services":
            targets.loading(work.title, loaded)
        if over:
            targets.packets(work.title, over)
    return work, over  # of the services


def main():
    ctc, program, packets = (os.path.abspath(path) for path in sys.argv[1:4])
    large, with_packets = "--large" in sys.argv, "--without-packets" not in sys.argv
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    # A policy that eats the machine is a result too, but not a pleasant one.
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        version = subprocess.run([ctc, "--version"], capture_output=True, check=True, text=True).stdout.strip()
        print(f"<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n# What {version} costs\n")
        print(f"Made by `tests/bench/run.sh{' --large' if large else ''}{'' if with_packets else ' --without-packets'}` on {os.cpu_count()} processors, with a load of "
              f"{os.getloadavg()[0]:.1f} before it began, Linux {os.uname().release}.\n"
              f"Where nothing else is said: the fastest of {RUNS} runs or more, the largest memory of all. Seconds differ "
              "between machines;\nthe ratios tell more.\n")
        targets = Targets()
        if os.geteuid() == 0:
            services, over = side_by_side(ctc, program, packets, folder, large, with_packets, targets)
            if with_packets:
                least_of_ports(services, over, single_matches(packets, folder, large))
            print("## `ctc apply`, from YAML to the kernel\n")
            with applying.in_memory() as state:
                for count in STEPS[1:]:
                    seconds = applying.applying(ctc, state, count)
            targets.applying(STEPS[-1], seconds)
        else:
            print("(Only root has network namespaces: nothing here is beside others.)\n")
        if shutil.which("hyperfine"):
            beside_loaders(ctc, folder)
        else:
            print("(hyperfine is not installed: no comparison with the loaders.)\n")
        more = [LARGE] if large else []
        entries, proofs, _ = growth("Entries: N times `{tcp: PORT, from: ADDRESS}`", ctc, program, folder, "pairs",
                                    STEPS + more)
        prefixes, prefix_proofs, cost = growth(
            "A file of N prefixes in `deny`, both families, duplicates and overlaps", ctc, program, folder,
            "prefixes", STEPS + [LARGE])
        targets.small(ctc, folder)
        targets.prefixes(prefixes[-1], cost)
        for what, line in (("entries, with the proof", entries), ("the proof of entries alone", proofs),
                           ("prefixes, with the proof", prefixes), ("the proof of prefixes alone", prefix_proofs)):
            targets.growth(what, line)
        if "--picture" in sys.argv:
            path = Path(sys.argv[sys.argv.index("--picture") + 1])
            path.write_text(growth_picture({"entries, with proof": entries, "entries, proof alone": proofs,
                                            "prefixes, with proof": prefixes,
                                            "prefixes, proof alone": prefix_proofs}))
            print(f"![Seconds over entries]({path.name})\n")
        checking(ctc, folder, STEPS)
        advising(ctc, folder, STEPS + [LARGE])
        stages(program, folder, STEPS + more)
        targets.print()


if __name__ == "__main__":
    main()
