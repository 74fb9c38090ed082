# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives ctc hostile policies, and checks that each gets exactly the errors it deserves.

The policies stand in *.cases beside this file, each under a line `### NAME`, and in generated.py, where they are too
large or too odd to be written down. Lines of a case that are no part of the policy:

    ==> PATH <==     begins a file that the policy refers to
        ^ CODE       an error of that name at the character above the caret
    ! CODE           an error of that name about the file as a whole
"""

import re
import sys
import tempfile
from pathlib import Path

import build
import generated
import output
import printing
import scene
from running import KEPT, MEASURED, Tally, run

HERE = Path(__file__).resolve().parent
SECONDS = 1.0
KILOBYTES = 64 << 10
EXIT_POLICY, EXIT_WORLD = 1, 3

CARET = re.compile(r"^( *)\^ ([a-z-]+)$")
WHOLE = re.compile(r"^! ([a-z-]+)$")
EXTRA_FILE = re.compile(r"^==> (\S+) <==$")
ERROR = re.compile(r"^(?:(?P<file>.+?):(?:(?P<line>\d+):(?P<column>\d+):)? )?error: .* \[(?P<code>[a-z-]+)\]$")


class Case:
    """Files, and the errors that they deserve: (file, line, column, code), line and column None for a whole file."""

    def __init__(self, name):
        self.name = name
        self.files = {"policy.yaml": []}
        self.current = "policy.yaml"
        self.errors = []

    def add(self, line):
        lines = self.files[self.current]
        caret, whole, extra = CARET.match(line), WHOLE.match(line), EXTRA_FILE.match(line)
        if caret:
            self.errors.append((self.current, len(lines), len(caret.group(1)) + 1, caret.group(2)))
        elif whole:
            self.errors.append((self.current, None, None, whole.group(1)))
        elif extra:
            self.current = extra.group(1)
            self.files[self.current] = []
        else:
            lines.append(line)

    def write(self, folder):
        for name, lines in self.files.items():
            while lines and not lines[-1]:  # the blank line before the next case
                lines.pop()
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def read_cases(path):
    cases = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("### "):
            cases.append(Case(f"{path.name}: {line[4:]}"))
        elif cases:
            cases[-1].add(line)
    return cases


def found_errors(stderr):
    errors = []
    for line in stderr.decode(errors="replace").split("\n"):
        match = ERROR.match(line)
        if match:
            place = (int(match["line"]), int(match["column"])) if match["line"] else (None, None)
            errors.append((match["file"], *place, match["code"]))
    return errors


def show(errors):
    return "\n".join(f"  {file}:{line}:{column} [{code}]" if line else f"  {file} [{code}]"
                     for file, line, column, code in errors) or "  none"


def unfit_for_terminals(stderr):
    """Bytes that must not reach a terminal from a policy: control characters, and text that is not UTF-8."""
    try:
        # Where only the head of the output was kept, its last character may be cut.
        text = stderr.decode("utf-8") if len(stderr) < KEPT else stderr.decode("utf-8", errors="ignore")
    except UnicodeDecodeError as error:
        return f"stderr is not UTF-8: {stderr[max(0, error.start - 40):error.end + 10]!r}"
    odd = [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in "\u2028\u2029\u202e"]
    return f"stderr has control characters: {odd[:10]!r}" if odd else None


def resources(result, allowance):
    if not MEASURED:
        return None
    if result.seconds > SECONDS * allowance:
        return f"took {result.seconds:.2f} s"
    if result.kilobytes > KILOBYTES * allowance:
        return f"took {result.kilobytes >> 10} MB"
    return None


def expected_exit(errors):
    if not errors:
        return 0
    return EXIT_WORLD if any(code == "file" for *_, code in errors) else EXIT_POLICY


def wrong_errors(found, errors, others):
    """What differs between the errors found and those deserved, or None."""
    same = set(errors) <= set(found) if others else sorted(errors, key=str) == sorted(found, key=str)
    return None if same else f"expected errors:\n{show(errors)}\nfound:\n{show(found[:40])}"


def wrong_codes(found, codes):
    """The same where only the codes are known."""
    if found and {code for *_, code in found} <= set(codes):
        return None
    return f"expected errors of {', '.join(codes)}, found:\n{show(found[:40])}"


def judge_run(result, errors, others=False, codes=(), allowance=1):
    """What is wrong with a run, or None."""
    found = found_errors(result.stderr)
    if errors is not None:
        exits = [expected_exit(errors)]
    else:
        exits = [expected_exit(found) or EXIT_POLICY] if codes else range(4)
    complaints = []

    if result.crash():
        return result.crash()
    if result.status not in exits:
        complaints.append(f"exit {result.status}, expected {' or '.join(map(str, exits))}")
    if result.status and result.stdout:
        complaints.append(f"stdout is not empty: {result.stdout[:200]!r}")
    if errors is not None:
        complaints.append(wrong_errors(found, errors, others))
    elif codes:
        complaints.append(wrong_codes(found, codes))
    if len(result.stderr) == KEPT:
        complaints.append("more than a megabyte on stderr")
    complaints += [unfit_for_terminals(result.stderr), resources(result, allowance)]
    complaints = list(filter(None, complaints))
    if complaints and len(result.stderr) < 4096:
        complaints.append("stderr:\n" + result.stderr.decode(errors="backslashreplace"))
    return "\n".join(complaints) or None


def judge_case(tally, case):
    if not tally.wants(case.name):
        return
    with tempfile.TemporaryDirectory() as folder:
        case.write(Path(folder))
        tally.check(case.name, judge_run(run(["policy.yaml"], folder), case.errors))


def judge_generated(tally, case):
    if not tally.wants(case.name):
        return
    with tempfile.TemporaryDirectory() as folder:
        case.make(Path(folder))
        if case.stdin:
            with case.stdin(Path(folder)) as stdin:
                result = run(case.arguments, folder, stdin=stdin)
        else:
            result = run(case.arguments, folder)
        tally.check(case.name, judge_run(result, case.errors, case.others, case.codes, case.allowance))


def main():
    tally = Tally()
    for path in sorted(HERE.glob("*.cases")):
        for case in read_cases(path):
            judge_case(tally, case)
    for case in generated.cases():
        judge_generated(tally, case)
    for kind in (printing, output, build):
        scene.judge(tally, kind.__name__, kind.TESTS, kind.TESTS_WITH_DISK)
    print(tally.last_line())
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
