# SPDX-License-Identifier: GPL-2.0-or-later
"""From a policy to rules in a namespace, and back out of it as text."""
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from netns import FAMILIES, Family, Namespace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
POLICIES = HERE / "policies"
HOLES = POLICIES / "holes"
BACKENDS = ("legacy", "nft")


class Compiled(NamedTuple):
    """What the compiler said about one policy in one family."""
    status: int
    text: str
    diagnostics: str


def compile_policy(policy: Path, family: Family, *options: str) -> Compiled:
    done = subprocess.run([os.environ["CTC"], "compile", family.option, *options, str(policy)],
                          capture_output=True, text=True, timeout=60, check=False)
    return Compiled(done.returncode, done.stdout, done.stderr)


def rules_of(policy: Path, family: Family) -> str:
    """The restore text of a policy that has to compile; a file of rules is taken as it is."""
    if policy.suffix == ".rules":
        return policy.read_text(encoding="utf-8")
    compiled = compile_policy(policy, family)
    if compiled.status != 0:
        raise RuntimeError(f"{policy.name} does not compile for {family.name}: exit "
                           f"{compiled.status}\n{compiled.diagnostics}")
    return compiled.text


def restore(namespace: Namespace, family: Family, backend: str, text: str) -> None:
    wait = ("-w",) if backend == "legacy" else ()
    namespace.run(f"{family.iptables}-{backend}-restore", *wait, text=text)


def save(namespace: Namespace, family: Family, backend: str) -> str:
    return namespace.run(f"{family.iptables}-{backend}-save")


def load(namespace: Namespace, policy: Path, backend: str, families=FAMILIES) -> None:
    for family in families:
        restore(namespace, family, backend, rules_of(policy, family))


def policy_path(name: str) -> Path:
    return POLICIES / f"{name}.yaml"
