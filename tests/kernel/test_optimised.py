# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules behind all passes and rules behind none do the same in the kernel, and so do rules that ask sets: both are
loaded, each on a ground of its own, and meet the same packets at the boundaries of the rules.

$PACKETS says how many packets each mode is tried with at least, and $SEED what is invented."""
import os
from itertools import count
from pathlib import Path
from typing import NamedTuple

import invent
from firewall import compile_policy
from netns import FAMILIES, IPV4, Family
from report import Report
from trial import Outcome, Trial

SEED = os.environ.get("SEED", "optimised")
WANTED = int(os.environ.get("PACKETS", "1000"))
CROWD = 300               # entries, of which the passes make trees, or sets
LEAST, MOST = 150, 500    # packets at the rules of one ruleset
SHOWN = 8
MARKS = {"trees": "\n:ctc-", "sets": " --match-set ctc-"}


class Rules(NamedTuple):
    """What is loaded: rules, and the sets that they ask."""
    text: str
    sets: str = ""


def run(mode: str, way: str, report: Report) -> None:
    """Invented policies, each with a crowd of entries, of which the passes make trees or sets."""
    compared, marked = 0, 0
    for number in count():
        if compared >= WANTED and marked:
            break
        name = f"invented-{mode}-{number}"
        path = Path(os.environ["SCRATCH"]) / f"optimised-{mode}-{way}-{number}.yaml"
        sets = path.with_suffix(".sets")
        path.write_text(invent.policy(f"{SEED} {number}", mode, CROWD), encoding="utf-8")
        for family in FAMILIES:
            options = ("--sets", str(sets)) if way == "sets" else ()
            compiled, plain = (compile_policy(path, family, *more) for more in (options, ("--until", "none")))
            if not report.check(f"{name} {family.name}: compiles with passes and without",
                                compiled.status == plain.status == 0, compiled.diagnostics + plain.diagnostics):
                continue
            marked += MARKS[way] in compiled.text
            own = Rules(compiled.text, sets.read_text(encoding="utf-8") if way == "sets" else "")
            # Where rules ask a set, its boundaries are those of the plain rules.
            for probed in (compiled.text, plain.text) if way == "trees" else (plain.text,):
                same, wrong = differences(family, own, Rules(plain.text), probed, f"{SEED} {mode} {number}")
                report.check(f"{name} {family.name}: {same} packets are treated alike", not wrong,
                             "\n".join(wrong[:SHOWN]))
                compared += same
        path.unlink()
        sets.unlink(missing_ok=True)
    report.note(f"{compared} packets, {marked} rulesets with {way}")


def differences(family: Family, one: Rules, other: Rules, probed: str, seed: str) -> tuple[int, list[str]]:
    """How many packets two rulesets treat alike, and what they do with the others."""
    outcomes = [outcomes_of(family, rules, probed, seed) for rules in (one, other)]
    wrong = [f"{packet}: {outcomes[0].get(packet)} and {outcomes[1].get(packet)}"
             for packet in {**outcomes[0], **outcomes[1]} if outcomes[0].get(packet) != outcomes[1].get(packet)]
    return len(outcomes[0]) - len(wrong), wrong


def outcomes_of(family: Family, rules: Rules, probed: str, seed: str) -> dict[tuple, tuple]:
    trial = Trial(family, "legacy", rules.text, rules.text, "optimised", seed, probed, rules.sets)
    try:
        outcomes: list[Outcome] = trial.probe_everywhere(LEAST, MOST)
    finally:
        trial.close()
    return {(each.packet, each.fragment): (each.state, each.tracked, each.accepted) for each in outcomes}


def differing(report: Report) -> None:
    """The test sees a ruleset that is not the same, and a set that is not."""
    rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.{} -j ACCEPT\nCOMMIT\n"
    one, other = rules.format("0/25"), rules.format("0/26")
    asking = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set one src -j ACCEPT\nCOMMIT\n"
    sets = "create one hash:net\nadd one 192.0.2.{}\n"
    report.check("other rules are seen to differ", differences(IPV4, Rules(one), Rules(other), other, SEED)[1] != [])
    report.equal("the same rules are not", differences(IPV4, Rules(one), Rules(one), one, SEED)[1], [])
    report.check("another set is seen to differ",
                 differences(IPV4, Rules(asking, sets.format("0/26")), Rules(one), one, SEED)[1] != [])
    report.equal("the same set is not", differences(IPV4, Rules(asking, sets.format("0/25")), Rules(one), one, SEED)[1], [])
