# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel agrees with `ctc explain` about every packet at the boundaries of rules: of policies that are
invented, of rulesets that people wrote, and of rulesets that hold every match there is.

$PACKETS says how many packets have to agree, in parts of 10,000 that are jobs of their own; $SEED what is
invented, and what is chosen."""
import os
import random
from itertools import count
from pathlib import Path

import collection
import invent
import trial
from firewall import POLICIES, compile_policy
from netns import FAMILIES, IPV4, IPV6, Family
from report import Report
from trial import Tally

SEED = os.environ.get("SEED", "boundaries")
PARTS = max(1, int(os.environ.get("PACKETS", "10000")) // 10000)
# Of each part and back end, so many packets agree.
OF_POLICIES, OF_COLLECTION, OF_MATCHES = 3000, 2000, 500
# Packets of one trial: at boundaries and about them.
LEAST, MOST = 200, 800
MATCHES = POLICIES / "matches"
ASKING = POLICIES / "matches-sets"
SHOWN = 8    # disagreements of one ruleset that are told


def judge(name: str, text: str, family: Family, backend: str, seed: str, report: Report, sets: str = "") -> Tally:
    """One trial, which passes where nothing disagrees."""
    tally = trial.run(name, text, family, backend, LEAST, MOST, seed, sets=sets)
    told = [f"{len(tally.wrong)} disagree; seed {seed}", *tally.wrong[:SHOWN]]
    report.check(f"{name} {family.name} {backend}: the kernel does what ctc says: {tally.text()}",
                 not tally.wrong, "\n".join(told))
    return tally


def conclude(what: str, seed: str, total: Tally, wanted: int, report: Report) -> None:
    report.note(f"{what}, seed {seed!r}: {total.text()}")
    report.check(f"{what}: at least {wanted} packets agree", total.agreed >= wanted, total.text())


def policies(backend: str, part: int, report: Report) -> None:
    """Invented ones of each mode in turn, in both families."""
    total, seed = Tally(), f"{SEED} {backend} {part}"
    for number in count():
        if total.agreed >= OF_POLICIES and number % len(invent.MODES) == 0:
            break
        mode = invent.MODES[number % len(invent.MODES)]
        name = f"invented-{mode}-{number}"
        path = Path(os.environ["SCRATCH"]) / f"{backend}-{part}-{number}.yaml"
        path.write_text(invent.policy(f"{seed} {number}", mode), encoding="utf-8")
        for family in FAMILIES:
            compiled = compile_policy(path, family)
            if report.check(f"{name} {family.name}: compiles", compiled.status == 0,
                            f"seed {seed} {number}\n{compiled.diagnostics}"):
                total.add(judge(name, compiled.text, family, backend, f"{seed} {number}", report))
        path.unlink()
    conclude("invented policies", seed, total, OF_POLICIES, report)


def foreign(backend: str, part: int, report: Report) -> None:
    """Rulesets of the collection, beginning elsewhere in each part, so that all have their turn."""
    if not (collection.CORPUS / "index.tsv").exists():
        report.skip(f"there is no collection of rules at {collection.CORPUS}")
        return
    rulesets, left_out = collection.rulesets(backend)
    random.Random(SEED).shuffle(rulesets)
    begin = len(rulesets) * part // PARTS
    total, seed, tried = Tally(), f"{SEED} {backend} {part}", 0
    for ruleset in rulesets[begin:] + rulesets[:begin]:
        if total.agreed >= OF_COLLECTION:
            break
        if collection.trouble(ruleset, backend):
            left_out["do not load here, though the index says that they do"] += 1
            continue
        total.add(judge(ruleset.name, ruleset.text, ruleset.family, backend, seed, report))
        tried += 1
    reasons = ", ".join(f"{number} that {reason}" for reason, number in sorted(left_out.items()))
    report.note(f"{tried} of {len(rulesets)} rulesets tried; left out for good: {reasons}")
    conclude("rulesets of others", seed, total, OF_COLLECTION, report)


def matches(backend: str, report: Report) -> None:
    """Rulesets with every match that ctc models, and every way through chains."""
    total = Tally()
    for path in sorted(MATCHES.glob("*.rules")):
        total.add(judge(path.stem, path.read_text(encoding="utf-8"), family_of(path), backend, SEED, report))
    conclude("every match", SEED, total, OF_MATCHES, report)


def asked_sets(backend: str, report: Report) -> None:
    """Rules that ask sets of every type that ctc models."""
    total = Tally()
    for path in sorted(ASKING.glob("*.rules")):
        total.add(judge(f"sets-{path.stem}", path.read_text(encoding="utf-8"), family_of(path), backend, SEED, report,
                        path.with_suffix(".sets").read_text(encoding="utf-8")))
    conclude("sets of every type", SEED, total, OF_MATCHES, report)


def family_of(path: Path) -> Family:
    return IPV6 if path.name.startswith("v6") else IPV4
