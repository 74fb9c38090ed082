# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler emits, restored and saved again, is the same text table by table, but for
counters, comments, the order of tables, and names of protocols outside the built-in list."""
import difflib
import re
from pathlib import Path

from firewall import compile_policy, restore, save
from netns import FAMILIES, Namespace
from report import Report

ROOT = Path(__file__).resolve().parent.parent.parent
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


def differences(emitted: str, saved: str) -> str:
    """The first few lines that differ, or nothing."""
    left, right = normalised(emitted), normalised(saved)
    lines = []
    for name in sorted(left.keys() | right.keys()):
        lines += difflib.unified_diff(left.get(name, []), right.get(name, []), f"{name} emitted",
                                      f"{name} saved", lineterm="", n=0)
    return "\n".join(lines[:40])


def run(backend: str, report: Report) -> None:
    compiled = 0
    for policy in sorted(path for folder in FOLDERS for path in ROOT.glob(folder)):
        for family in FAMILIES:
            rules = compile_policy(policy, family)
            if rules.status == 1:    # a policy that is wrong on purpose
                continue
            name = f"fixed point {policy.relative_to(ROOT)} {family.name} {backend}"
            if not report.check(f"{name}: compiles", rules.status == 0, rules.diagnostics):
                continue
            compiled += 1
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
    report.check(f"fixed point {backend}: there are policies to try", compiled > 0)
