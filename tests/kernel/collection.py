# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets that people really wrote, from the collection beside the checkout: $CTC_SHARED/corpus, which
tests/corpus/run.sh tells more of. Which of them can be tried, and why the others cannot."""
import csv
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from firewall import ROOT, restore
from netns import FAMILIES, Family, Namespace
from trial import without_nat

CORPUS = Path(os.environ.get("CTC_SHARED", ROOT.parent / "shared")) / "corpus"
DUPLICATING = ("TEE",)    # targets that send packets of their own elsewhere


class Foreign(NamedTuple):
    name: str
    family: Family
    text: str


def rulesets(backend: str) -> tuple[list[Foreign], Counter[str]]:
    """What can be tried, and how many files are left out for what reason. Whether a file loads is as the
    index of the collection has it."""
    found, left_out = [], Counter()
    with open(CORPUS / "index.tsv", encoding="utf-8", newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            reason = reason_against(row, backend)
            if not reason:
                path = CORPUS / "rules" / row["file"]
                text = path.read_text(encoding="utf-8", errors="replace")
                reason = "" if "\n-A" in without_nat(text) else "hold no rule but of nat"
            if reason:
                left_out[reason] += 1
            else:
                found.append(Foreign(row["file"], FAMILIES[row["family"] == "6"], text))
    return found, left_out


def reason_against(row: dict[str, str], backend: str) -> str:
    """Why a file of the index cannot be loaded here, or nothing."""
    targets = {each.partition(":")[0] for each in row["targets"].split(",")}
    if targets & set(DUPLICATING):
        return "duplicate packets"
    if row["category"].startswith("dup"):
        return "are there twice"
    if row[f"{backend}_load"] != "ok":
        return "name what the host lacks: modules, sets, names"
    return ""


def trouble(ruleset: Foreign, backend: str) -> str:
    """What this kernel has against a ruleset, or nothing."""
    space = Namespace("collection")
    try:
        restore(space, ruleset.family, backend, without_nat(ruleset.text))
    except RuntimeError as error:
        return str(error)
    finally:
        space.close()
    return ""
