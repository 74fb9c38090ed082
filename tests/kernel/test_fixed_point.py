# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler emits, restored and saved again, is the same text table by table, but for
counters, comments, the order of tables, and names of protocols outside the built-in list."""
import difflib
import re
from pathlib import Path

from firewall import ROOT, compile_policy, restore, save
from netns import FAMILIES, Family, Namespace
from report import Report

BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
FOLDERS = ("examples/*.yaml", "tests/kernel/policies/*.yaml", "tests/golden/*/policy.yaml")


def protocol_numbers() -> dict[str, str]:
    """The host's names of protocols, which the two programs print as they please."""
    numbers = {}
    try:
        lines = Path("/etc/protocols").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.partition("#")[0].split()
        numbers |= {word: words[1] for word in words[:1] + words[2:]}
    return numbers


PROTOCOLS = protocol_numbers()


def normalised(text: str) -> dict[str, list[str]]:
    """The lines of each table."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table = found.setdefault(line, [])
        elif line and not line.startswith("#") and line != "COMMIT":
            line = re.sub(r"^(:\S+ \S+) \[\d+:\d+\]$", r"\1 [0:0]", line)
            line = re.sub(r"(?<= -p )\S+", lambda name: PROTOCOLS.get(name[0], name[0]), line)
            table.append(line)
    return found


def told_only_by_save(left: list[str], right: list[str]) -> set[str]:
    """Chains that the emitted text leaves to others and that save prints all the same."""
    declared = {line.split()[0] for line in left if line.startswith(":")}
    return {line for line in right if line.split()[0] not in declared
            and line in (f":{chain} ACCEPT [0:0]" for chain in BUILT_IN)}


def differences(emitted: str, saved: str) -> str:
    """The first few lines that differ, or nothing."""
    left, right = normalised(emitted), normalised(saved)
    lines = []
    for name in sorted(left.keys() | right.keys()):
        old, new = left.get(name, []), right.get(name, [])
        extra = told_only_by_save(old, new)
        lines += difflib.unified_diff(old, [line for line in new if line not in extra],
                                      f"{name} emitted", f"{name} saved", lineterm="", n=0)
    return "\n".join(lines[:40])


def is_wrong_on_purpose(policy: Path) -> bool:
    """A golden case has the rules it gives beside it, unless it gives none; and some have matches that nobody knows."""
    if "golden" not in policy.parts:
        return False
    told = (policy.parent / "diagnostics.txt").read_text(encoding="utf-8")
    return "[misspelt-match]" in told or not any(
        (policy.parent / rules).exists() for rules in ("v4.rules", "v6.rules"))


def run(backend: str, report: Report) -> None:
    compiled = 0
    for policy in sorted(path for folder in FOLDERS for path in ROOT.glob(folder)):
        if is_wrong_on_purpose(policy):
            continue
        for family in FAMILIES:
            for options in ((), ("--comments",)):
                name = " ".join(("fixed point", str(policy.relative_to(ROOT)), *options,
                                 family.name, backend))
                try_policy(policy, family, backend, options, name, report)
                compiled += 1
    report.check(f"fixed point {backend}: there are policies to try", compiled > 0)


def try_policy(policy: Path, family: Family, backend: str, options: tuple[str, ...], name: str,
               report: Report) -> None:
    rules = compile_policy(policy, family, *options)
    if not report.check(f"{name}: compiles", rules.status == 0, rules.diagnostics):
        return
    namespace = Namespace("fixed-point")
    try:
        restore(namespace, family, backend, rules.text)
    except RuntimeError as error:
        report.check(f"{name}: loads", False, str(error))
    else:
        trouble = differences(rules.text, save(namespace, family, backend))
        report.check(f"{name}: the same text", trouble == "", trouble)
    finally:
        namespace.close()
