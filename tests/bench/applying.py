# SPDX-License-Identifier: GPL-2.0-or-later
"""ctc apply, from YAML to the kernel with the proof, beside the loader of its flat rules. Takes turns. Prints Markdown.

    applying.py CTC COUNT...      this section alone, for so many entries
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from network import Namespaces, Spread
from report import TOUCHED, head, number, row, touch_memory

HERE = Path(__file__).resolve().parent
TURNS = 15
APPLY, AGAIN, COMPILE, FLAT = ("ctc apply --now, of an empty namespace", "the same again: nothing changes",
                               "ctc compile, both families", "iptables-legacy-restore of the flat rules")
READ = "iptables-legacy-save of what stands"


class Turn:
    """Each command in turn, with what it took: seconds, and seconds of the processor with all its children."""

    def __init__(self, ctc, folder, names):
        self.ctc, self.folder, self.names = ctc, folder, names
        self.took = {}

    def run(self, what, namespace, *command, given=None):
        environment = {**os.environ, "CTC_STATE_DIR": str(self.folder / "state"), "SSH_CONNECTION": ""}
        touch_memory(TOUCHED)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        with open(given or os.devnull, "rb") as rules:
            ran = subprocess.run(["ip", "netns", "exec", namespace, *command], stdin=rules, capture_output=True,
                                 check=False, env=environment)
        seconds = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if ran.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit code {ran.returncode}: {ran.stderr.decode()[:500]}")
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.took.setdefault(what, []).append((seconds, processor))

    def all(self, flat):
        policy = str(self.folder / "policy.yaml")
        for each in ("state/last", "state/reverted"):    # there is no way back into a namespace that is gone
            (self.folder / each).unlink(missing_ok=True)
        own, other = self.names.make(), self.names.make()
        self.run(FLAT, other, "iptables-legacy-restore", given=flat)
        self.run(COMPILE, own, self.ctc, "compile", "-o", str(self.folder / "applied") + "/", policy)
        self.run(APPLY, own, self.ctc, "apply", "--now", policy)
        self.run(AGAIN, own, self.ctc, "apply", "--now", policy)
        self.run(READ, own, "iptables-legacy-save")


def applying(ctc, folder, count):
    """Gives the seconds of each, as the values of its turns."""
    subprocess.run([sys.executable, "-B", str(HERE / "gen.py"), "pairs", str(count), str(folder)], check=True)
    (folder / "applied").mkdir(exist_ok=True)
    flat = folder / "flat"
    with open(flat, "wb") as out:
        subprocess.run([ctc, "compile", "-4", "--until", "none", str(folder / "policy.yaml")], stdout=out,
                       stderr=subprocess.DEVNULL, check=True)
    with Namespaces() as names:
        turn = Turn(ctc, folder, names)
        for _ in range(TURNS):
            turn.all(flat)
    print(f"### Applying {number(count)} (address, port) pairs\n")
    head("what", "seconds: median (least–most)", "times the flat rules'", "of the processor: median", "times the flat rules'")
    spreads = {what: [Spread([each[side] for each in took]) for side in (0, 1)] for what, took in turn.took.items()}
    for what, (seconds, processor) in spreads.items():
        row(what, f"{seconds.median:.3f} ({seconds.least:.3f}–{seconds.most:.3f})",
            f"{seconds.median / spreads[FLAT][0].median:.2f}", f"{processor.median:.3f}",
            f"{processor.median / spreads[FLAT][1].median:.2f}")
    print()
    return {what: seconds for what, (seconds, _) in spreads.items()}


@contextmanager
def in_memory():
    """A folder that is memory, as /run is, where the state of an apply belongs."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def main():
    with in_memory() as folder, tempfile.NamedTemporaryFile() as lock:
        os.environ["XTABLES_LOCKFILE"] = lock.name
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        print(f"Load before it began: {os.getloadavg()[0]:.1f}\n")
        for count in sys.argv[2:]:
            applying(os.path.abspath(sys.argv[1]), folder, int(count))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main()
