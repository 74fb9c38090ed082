# SPDX-License-Identifier: GPL-2.0-or-later
"""A host on which ctc applies policies: its tables, what ctc remembers of it, and the programs that it has."""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from blobs import blobs
from desk import Desk
from firewall import compile_policy, policy_path, restore, save
from netns import FAMILIES, IPV4, Namespace

OLD, NEW = policy_path("selective"), policy_path("none")
REVERT_SECONDS = 1.0    # within which the old tables are back
FOREIGN = ("-p", "tcp", "--dport", "9", "-j", "ACCEPT")
# A policy of so many rules that they are encoded beside their proof, and the tables filled.
MANY = ("version: 1\nallow:\n" +
        "".join(f"  - {{tcp: {1024 + number}, from: 10.0.{number // 200}.{number % 200}}}\n" for number in range(1500)))


def stopped(process: subprocess.Popen) -> bool:
    """Waits until the process stops, or ends."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        process.returncode = os.waitstatus_to_exitcode(status)
    return os.WIFSTOPPED(status)


def faulty(**settings: object) -> dict[str, str]:
    """What makes calls of a program fail, or stop or end it: AT, HOW, ONLY, COUNT and others of faults.c."""
    return {"LD_PRELOAD": os.environ["FAULTS"], **{f"FAULT_{name}": str(value) for name, value in settings.items()}}


def children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()]


def kill_with_children(process: subprocess.Popen) -> None:
    """An applier, and its guard first."""
    for each in (*children(process.pid), process.pid):
        os.kill(each, signal.SIGKILL)
    process.communicate(timeout=30)


class Host:
    """A namespace with rules, and a directory for what ctc remembers of it."""

    variant = "legacy"    # of iptables

    def __init__(self, name: str, namespace: Namespace | None = None, own: str = "tables"):
        self.name = name
        self.own = own    # unless a test says otherwise; the rules that tests load are nobody's that ctc knows of
        self.namespace = namespace or Namespace(name.replace(" ", "-"))
        self.state = Path(os.environ["SCRATCH"]) / f"state {name}"
        self.lasting = Path(f"{self.state}.lasting")
        self.lock = f"{self.state}.lock"
        self.printed = Path(f"{self.state}.printed")

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        # An empty one: whoever runs the tests may sit at the end of a connection.
        return {**os.environ, "SSH_CONNECTION": "", "CTC_STATE_DIR": str(self.state), "XTABLES_LOCKFILE": self.lock, **(more or {})}

    def command(self, words: tuple[str, ...]) -> list[str]:
        owning = ["--own", self.own] if self.own and words[0] == "apply" and "--own" not in words else []
        return [os.environ["CTC"], *words, *owning]

    def ctc(self, *words: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        with self.namespace:
            return subprocess.run(self.command(words), capture_output=True, text=True, timeout=60,
                                  check=False, stdin=subprocess.DEVNULL, env=self.environment(more))

    def start(self, *words: str, more: dict[str, str] | None = None, job: bool = False) -> subprocess.Popen:
        """In a session of its own; as a `job`, in a group of its own, as shells start what Ctrl-Z stops."""
        with self.namespace, open(self.printed, "w", encoding="utf-8") as printed:    # a pipe could be full
            return subprocess.Popen(self.command(words), stdin=subprocess.DEVNULL,
                                    stdout=printed, stderr=subprocess.PIPE, text=True,
                                    env=self.environment(more), start_new_session=not job,
                                    preexec_fn=os.setpgrp if job else None)

    def load(self, policy: Path) -> None:
        for family in FAMILIES:
            restore(self.namespace, family, "legacy", compile_policy(policy, family).text)

    def fresh(self, policy: Path = OLD) -> None:
        """With these rules, and nothing to remember."""
        self.load(policy)
        for name in self.remembered():
            (self.state / name).unlink()
        shutil.rmtree(self.lasting, ignore_errors=True)

    def tables(self) -> dict:
        """Those that have rules or another policy than they begin with."""
        return {family.name: blobs(self.namespace, family) for family in FAMILIES}

    def becomes(self, *wanted: dict) -> bool:
        """Whether the tables are one of these in time."""
        end = time.monotonic() + REVERT_SECONDS
        while self.tables() not in wanted:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def remembered(self) -> set[str]:
        return {each.name for each in self.state.iterdir()} if self.state.exists() else set()

    def comes_to_remember(self, *wanted: str) -> bool:
        """Whether the state is these files at last: the rules stand before the programs that load them have ended."""
        end = time.monotonic() + 5
        while self.remembered() != set(wanted):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def close(self) -> None:
        self.namespace.close()


def without_notes(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


class NftHost(Host):
    """A host whose rules are in nf_tables, and whose programs do as they are told."""

    variant = "nft"

    def __init__(self, name: str, namespace: Namespace | None = None, desk: Desk | None = None):
        super().__init__(name, namespace)
        self.desk = desk or Desk(name)

    def _command(self, words: tuple[str, ...], more: dict[str, str] | None) -> list[str]:
        more = {"LD_PRELOAD": os.environ["FAULTS"], **(more or {})}
        return self.desk.words(*self.command(words), more=more)

    def ctc(self, *words: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        with self.namespace:
            return subprocess.run(self._command(words, more), capture_output=True, text=True, timeout=60,
                                  check=False, stdin=subprocess.DEVNULL, env=self.environment())

    def start(self, *words: str, more: dict[str, str] | None = None) -> subprocess.Popen:
        with self.namespace, open(self.printed, "w", encoding="utf-8") as printed:
            return subprocess.Popen(self._command(words, more), stdin=subprocess.DEVNULL, stdout=printed,
                                    stderr=subprocess.PIPE, text=True, env=self.environment(),
                                    start_new_session=True)

    def apply(self, policy: Path, *words: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        return self.ctc("apply", "--via", "restore", *(words or ("--now",)), str(policy), more=more)

    def load(self, policy: Path) -> None:
        for family in FAMILIES:
            restore(self.namespace, family, "nft", compile_policy(policy, family).text)

    def fresh(self, policy: Path = OLD) -> None:
        super().fresh(policy)
        self.desk.fault()

    def tables(self) -> dict:
        return {family.name: re.sub(r"\[\d+:\d+\]", "", without_notes(save(self.namespace, family, "nft")))
                for family in FAMILIES}

    def nft(self, text: str) -> None:
        self.namespace.run("nft", "-f", "-", text=text)

    def restores(self) -> int:
        """How often iptables-restore was called."""
        return sum(name.endswith("-restore") for name in self.desk.called())


def rules_of(host: Host, table: str) -> list[str]:
    return [line for line in save(host.namespace, IPV4, "legacy").split(f"*{table}\n")[1].split("COMMIT")[0].splitlines()
            if line.startswith("-A")]
