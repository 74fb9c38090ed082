# SPDX-License-Identifier: GPL-2.0-or-later
"""The example packet of each change that `ctc diff` finds, asked of `ctc explain` in both files: what diff says happens.

Pairs are the examples, each with the next one and with its own rules, and old and new files of the cases beside this file.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CTC = os.environ["CTC"]

# What the notation has no words for: limits, and matches that are not modelled.
BEYOND = re.compile(r"\(| over \S+/\S+$| while the limit's table is full$")
# What a region has beside: limits within their rates, long lists.
UNSAID = re.compile(r"\(| (over|up to) \S+/| while the limit's table is full|,and-")
# Behind what packets have in common that other regions leave.
ALL_ELSE = re.compile(r", all else$")
# An answer that depends on them: the packet is among those that it names. Fragments are put together where one of the two
# files needs it, and diff sees none.
DEPENDS = re.compile(r"(^|\s)(up to|over|while the limit's table is full|fragment|\(.*\))")


def run(*arguments, text=""):
    return subprocess.run([CTC, *arguments], input=text, capture_output=True, text=True, timeout=300)


def verdict(decision):
    tracked = decision["tracked"] if decision["verdict"] == "accept" else None  # of what is refused nothing stays
    return decision["text"], tracked


class Tally:
    passed = failed = skipped = 0

    def judge(self, title, complaint):
        if complaint:
            self.failed += 1
            print(f"FAILED  {title}: {complaint}")
        else:
            self.passed += 1


def judge_side(tally, path, family, side, changes):
    """Asks about the examples of all changes at once."""
    asked = run("explain", f"-{family[-1]}", "--format", "json", str(path), "-",
                text="".join(change["example"] + "\n" for change in changes))
    if asked.returncode:
        tally.judge(f"{path} {family}", f"exit {asked.returncode}: {asked.stderr[:300]}")
        return
    for change, answer in zip(changes, json.loads(asked.stdout)["sets"]):
        wanted = verdict(change[side])
        parts = [part for each in answer["answers"] for part in each["parts"]]
        found = {verdict(part) for part in parts}
        open_end = any(DEPENDS.search(box) for part in parts for box in part["packets"])
        complaint = None
        if wanted not in found or (len(found) > 1 and not open_end):
            complaint = f"diff says {wanted}, explain {sorted(map(str, found))}"
        tally.judge(f"{path} {family}: {change['example']}", complaint)


def judge_regions(tally, path, family, changes):
    """What is printed of a region can be asked."""
    regions = [ALL_ELSE.sub("", change["packets"]) for change in changes if not UNSAID.search(change["packets"])]
    asked = run("explain", f"-{family[-1]}", "--format", "json", str(path), "-", text="\n".join(regions) + "\n")
    tally.judge(f"regions of {path} {family}", asked.stderr[:300] if regions and asked.returncode else None)


def judge_pair(tally, before, now):
    compared = run("diff", "--format", "json", str(before), str(now))
    if compared.returncode not in (0, 4):
        tally.judge(f"diff {before} {now}", f"exit {compared.returncode}: {compared.stderr[:300]}")
        return
    changes = json.loads(compared.stdout)["changes"]
    for family in ("ipv4", "ipv6"):
        mine = [change for change in changes if change["family"] == family]
        sayable = [change for change in mine if not BEYOND.search(change["example"])]
        tally.skipped += len(mine) - len(sayable)
        if sayable:
            judge_side(tally, before, family, "before", sayable)
            judge_side(tally, now, family, "now", sayable)
        judge_regions(tally, now, family, mine)


def main():
    os.chdir(ROOT)
    tally = Tally()
    policies = sorted(Path("examples").glob("*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        for before, now in zip(policies, policies[1:] + policies[:1]):
            judge_pair(tally, before, now)
            rules = Path(folder, f"{now.stem}.v4")
            rules.write_text(run("-4", str(now)).stdout, encoding="utf-8")
            judge_pair(tally, before, rules)
    for old in sorted(HERE.glob("*/old.*")):
        for new in sorted(old.parent.glob("new*")):
            judge_pair(tally, old.relative_to(ROOT), new.relative_to(ROOT))
    print(f"({tally.skipped} examples ask for what the notation has no words for)")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
