# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules behind all passes and rules behind none do the same in the kernel: both are loaded, each on a ground
of its own, and meet the same packets at the boundaries of the rules of either.

$PACKETS says how many packets each mode is tried with at least, and $SEED what is invented."""
import os
from itertools import count
from pathlib import Path

import invent
from firewall import compile_policy
from netns import FAMILIES, IPV4, Family
from report import Report
from trial import Outcome, Trial

SEED = os.environ.get("SEED", "optimised")
WANTED = int(os.environ.get("PACKETS", "1000"))
CROWD = 300               # entries, of which the passes make trees
LEAST, MOST = 150, 500    # packets at the rules of one ruleset
SHOWN = 8


def run(mode: str, report: Report) -> None:
    """Invented policies, each with a crowd of entries."""
    compared, trees = 0, 0
    for number in count():
        if compared >= WANTED and trees:
            break
        name = f"invented-{mode}-{number}"
        path = Path(os.environ["SCRATCH"]) / f"optimised-{mode}-{number}.yaml"
        path.write_text(invent.policy(f"{SEED} {number}", mode, CROWD), encoding="utf-8")
        for family in FAMILIES:
            compiled, plain = (compile_policy(path, family, *options) for options in ((), ("--until", "none")))
            if not report.check(f"{name} {family.name}: compiles with passes and without",
                                compiled.status == plain.status == 0, compiled.diagnostics + plain.diagnostics):
                continue
            trees += "\n:ctc-" in compiled.text
            for probed in (compiled.text, plain.text):
                same, wrong = differences(family, compiled.text, plain.text, probed, f"{SEED} {mode} {number}")
                report.check(f"{name} {family.name}: {same} packets are treated alike", not wrong,
                             "\n".join(wrong[:SHOWN]))
                compared += same
        path.unlink()
    report.note(f"{compared} packets, {trees} rulesets with trees")


def differences(family: Family, one: str, other: str, probed: str, seed: str) -> tuple[int, list[str]]:
    """How many packets two rulesets treat alike, and what they do with the others."""
    outcomes = [outcomes_of(family, text, probed, seed) for text in (one, other)]
    wrong = [f"{packet}: {outcomes[0].get(packet)} and {outcomes[1].get(packet)}"
             for packet in {**outcomes[0], **outcomes[1]} if outcomes[0].get(packet) != outcomes[1].get(packet)]
    return len(outcomes[0]) - len(wrong), wrong


def outcomes_of(family: Family, text: str, probed: str, seed: str) -> dict[tuple, tuple]:
    trial = Trial(family, "legacy", text, text, "optimised", seed, probed)
    try:
        outcomes: list[Outcome] = trial.probe_everywhere(LEAST, MOST)
    finally:
        trial.close()
    return {(each.packet, each.fragment): (each.state, each.tracked, each.accepted) for each in outcomes}


def differing(report: Report) -> None:
    """The test sees a ruleset that is not the same."""
    rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.{} -j ACCEPT\nCOMMIT\n"
    one, other = rules.format("0/25"), rules.format("0/26")
    report.check("other rules are seen to differ", differences(IPV4, one, other, other, SEED)[1] != [])
    report.equal("the same rules are not", differences(IPV4, one, one, one, SEED)[1], [])
