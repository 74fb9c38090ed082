# SPDX-License-Identifier: GPL-2.0-or-later
"""ctc side by side with others, on the same policies: what they compile, load and cost packets. Takes turns."""

import json
import resource
import shutil
import subprocess
import sys

import peers
from network import Namespaces, Spread, load, measure
from report import TOUCHED, Cost, head, number, row, touch_memory

LEGACY, NFT = ["iptables-legacy-restore"], ["iptables-nft-restore"]
LINEAR, LINEAR_NFT, JOINED = "linear rules", "linear rules, by iptables-nft", "linear rules, joined"
SETS = "ctc --sets"
NO_ENTRIES = "the policy without its entries"
UNPROVED = "ctc, without the proof"
LOADED = "loading the linear rules"
PROCESSOR = ", seconds of the processor"
FLAT = {"ctc": LINEAR, SETS: LINEAR, "ctc, by iptables-nft": LINEAR_NFT}  # which rules each load is held against
WHICH = {"accepted": "accepted, at random", "refused": "refused, at random", "worst": "the dearest entry"}
WORKLOADS = {False: [("addresses", 10_000), ("services", 1_000)],
             True: [("addresses", 100_000), ("pairs", 100_000), ("services", 5_000)]}

NOTES = """`linear rules` are those of `ctc compile --until none`, `joined` those of `--until join`, which fill multiport as a careful
person would. `ipset` and `nft set` hold the entries in a set: `hash:ip`, `hash:ip,port` and `bitmap:port` of ipset, and
what else the policy needs in the same rules as ctc's; `ctc --sets` makes its sets by itself. All take turns. Shorewall
compiles without its optimiser, whose time grows by the square, and is not loaded. foomuuri is not measured: Debian 12 has
no package of it. Ahead of each compile and load, whoever's it is, as much memory is had as any of them takes: the host of a
virtual machine takes back what nobody uses, and what ran just before would decide who waits for it.
Packets come by a TUN device, in turns of ten milliseconds after ten more for the caches; at random means over all
entries; the dearest entry is that of a sample of 4,000, with warm caches, and the last one of linear rules.
"""


def spread(values, form):
    return f"{form.format(values.median)} ({form.format(values.least)}–{form.format(values.most)})"


def times(values, base):
    return f"{values.median / base.median:.2f}"


class Workload:
    """One policy, that peers.py has written into a folder."""

    def __init__(self, ctc, stages, packets, folder, kind, count):
        self.ctc, self.stages, self.packets, self.folder, self.kind = ctc, stages, packets, folder, kind
        self.policy = str(folder / "policy.yaml")
        self.count = count
        self.title = f"{number(count)} {'(address, port) pairs' if kind == 'pairs' else kind}"

    def text(self, *options):
        return subprocess.run([self.ctc, "compile", "-4", *options, self.policy], capture_output=True,
                              check=True).stdout

    def sets(self):
        """The rules and the sets of --sets."""
        made = self.folder / "sets"
        return self.text("--sets", str(made)), made.read_bytes()

    def walked(self):
        """Rules that a packet walks in INPUT at most: with all passes, and without any."""
        for line in self.text("--explain-cost").decode().splitlines():
            if line.startswith("IPv4 filter INPUT"):
                words = line.split()
                return int(words[3]), int(words[5])
        raise SystemExit("--explain-cost says nothing of INPUT")


def unproved(work):
    """Seconds that a compile of IPv4 takes without its proof."""
    touch_memory(TOUCHED)
    ran = subprocess.run([work.stages, work.policy], capture_output=True, check=True)
    cost = json.loads(ran.stdout)
    if not cost["proved"]:
        raise SystemExit(f"{work.title}: not proved")
    return cost["made"] / 1000


def processor_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compile_commands(work):
    commands = {"ctc": [work.ctc, "compile", "-4", work.policy],
                SETS: [work.ctc, "compile", "-4", "--sets", str(work.folder / "sets"), work.policy],
                "ctc --until none": [work.ctc, "compile", "-4", "--until", "none", work.policy]}
    if shutil.which("ferm"):
        commands["ferm"] = ["ferm", "--noexec", "--lines", str(work.folder / "policy.ferm")]
    if shutil.which("shorewall"):
        commands["shorewall, unoptimised"] = ["shorewall", "compile", str(work.folder / "shorewall"),
                                              str(work.folder / "script")]
    return commands


def compiling(work, turns):
    """Gives the seconds of each, and of the kernel's loader, which takes turns with them."""
    seconds, processor, memory, out = {}, {}, {}, {}
    flat = work.text("--until", "none")
    for turn in range(turns):
        for name, command in compile_commands(work).items():
            if turn and name.startswith("shorewall"):
                continue
            cost = Cost(work.folder, *command, runs=1, touched=TOUCHED)
            if name.startswith("shorewall"):
                cost.rules = sum(line.startswith("-A ") for line in (work.folder / "script").open())
            seconds.setdefault(name, []).append(cost.seconds)
            processor.setdefault(name, []).append(cost.cpu)
            memory[name], out[name] = cost.memory(), cost.rules
        seconds.setdefault(UNPROVED, []).append(unproved(work))
        touch_memory(TOUCHED)
        with Namespaces() as spaces:
            name, begin = spaces.make(), processor_of_children()
            seconds.setdefault(LOADED, []).append(load(name, (LEGACY, flat)))
            processor.setdefault(LOADED, []).append(processor_of_children() - begin)
    spreads = {name: Spread(values) for name, values in seconds.items()}
    print(f"### Compiling {work.title}\n")
    head("by", "seconds: median (least–most)", "times ctc's", "of the processor", "memory, MB", "rules out")
    for name, values in spreads.items():
        row(name, spread(values, "{:.3f}"), times(values, spreads["ctc"]),
            f"{Spread(processor[name]).median:.3f}" if name in processor else "", memory.get(name, ""),
            number(out[name]) if name in out else "")
    print()
    return spreads | {name + PROCESSOR: Spread(values) for name, values in processor.items()}


def frame(work):
    """The flat rules of the policy with one entry, from where nobody sends."""
    work.policy_of_one = work.folder / "one.yaml"
    work.policy_of_one.write_text(peers.FRAME + f"allow: [{{tcp: 53, from: {peers.NOBODY}}}]\n")
    return subprocess.run([work.ctc, "compile", "-4", "--until", "none", str(work.policy_of_one)],
                          capture_output=True, check=True).stdout.decode()


def rulesets(work, entries):
    """Steps that load what each of them makes of the policy, by name."""
    tree, flat, around = work.text(), work.text("--until", "none"), frame(work)
    elements, rule = peers.ipset(work.kind, entries)
    asking, sets = work.sets()
    steps = {"ctc": [(LEGACY, tree)], SETS: [(["ipset", "-exist", "restore"], sets), (LEGACY, asking)],
             LINEAR: [(LEGACY, flat)]}
    if work.kind == "services":
        steps[JOINED] = [(LEGACY, work.text("--until", "join"))]
    steps["ipset"] = [(["ipset", "restore"], elements.encode()), (LEGACY, peers.frame_of(around, rule).encode())]
    steps["nft set"] = [(["nft", "-f", "-"], peers.nft_set(work.kind, entries).encode())]
    if shutil.which("ferm"):
        lines = subprocess.run(compile_commands(work)["ferm"], capture_output=True, check=True).stdout
        steps["ferm"] = [(LEGACY, lines)]
    steps["ctc, by iptables-nft"] = [(NFT, tree)]
    steps[LINEAR_NFT] = [(NFT, flat)]
    steps[NO_ENTRIES] = [(LEGACY, peers.frame_of(around, None).encode())]
    return steps


def loading(work, steps, runs):
    seconds = {name: [] for name in steps}
    for _ in range(runs):
        for name, these in steps.items():
            touch_memory(TOUCHED)
            with Namespaces() as spaces:
                seconds[name].append(load(spaces.make(), *these))
    spreads = {name: Spread(values) for name, values in seconds.items()}
    print(f"### Loading {work.title} into an empty namespace\n")
    head("what", "seconds: median (least–most)", "times the linear rules'")
    for name, values in spreads.items():
        row(name, spread(values, "{:.3f}"), times(values, spreads[LINEAR_NFT if name.endswith("-nft") else LINEAR]))
    print()
    return spreads


def packet_cost(work, entries, steps, seconds):
    """Gives nanoseconds over an empty firewall: (name, which packets) -> spread."""
    sent = peers.packets(entries)
    with Namespaces() as spaces:
        names = {"empty, accepts": spaces.make(), "empty, drops": spaces.make()}
        load(names["empty, drops"], (LEGACY, b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n"))
        for name, these in steps.items():
            names[name] = spaces.make()
            load(names[name], *these)
        cases = {}
        for name, space in names.items():
            linear = name.startswith(("linear", "ferm"))
            if name != "empty, drops" and name != NO_ENTRIES:
                cases[name, "accepted"] = ("random", space, sent["accepted"])
                cases[name, "worst"] = ("worst", space, sent["last" if linear else "deep"])
            if name != "empty, accepts":
                cases[name, "refused"] = ("random", space, sent["refused"])
        cases = dict(sorted(cases.items(), key=lambda case: case[1][0]))  # random before worst
        results = dict(zip(cases, measure(work.packets, work.folder, seconds, cases.values())))
    over = {}
    for (name, which), values in results.items():
        base = results["empty, drops" if which == "refused" else "empty, accepts", which]
        over[name, which] = values.over(base)
    return names, results, over


def packets(work, entries, steps, seconds):
    names, results, over = packet_cost(work, entries, steps, seconds)
    tree, flat = work.walked()
    walked = {"ctc": tree, "ctc, by iptables-nft": tree, LINEAR: flat, LINEAR_NFT: flat}
    print(f"### A packet against {work.title}, in nanoseconds over an empty firewall\n")
    print(f"The empty firewall takes {results['empty, accepts', 'accepted'].middle('{:.0f}')}, and "
          f"{results['empty, drops', 'refused'].middle('{:.0f}')} to drop it. Median (the middle half of the turns).\n")
    head("rules", *WHICH.values(), *(f"{words}: times ipset's" for words in WHICH.values()), "rules walked at most")
    for name in names:
        if name.startswith("empty"):
            continue
        cells, ratios = [], []
        for which in WHICH:
            own, base = over.get((name, which)), over["ipset", which]
            cells.append(own.middle("{:.0f}") if own else "")
            ratios.append(f"{own.median / base.median:.2f}" if own else "")
        row(name, *cells, *ratios, number(walked[name]) if name in walked else "")
    print()
    return over


def loading_and_packets(work, large, with_packets):
    """The packets' costs are None where none are sent."""
    entries = peers.entries(work.kind, work.count)
    steps = rulesets(work, entries)
    loaded = loading(work, steps, 5 if large else 3)
    if not with_packets:
        sys.stdout.flush()
        return loaded, None
    over = packets(work, entries, steps, 1 if large else 0.4)
    sys.stdout.flush()
    return loaded, over
