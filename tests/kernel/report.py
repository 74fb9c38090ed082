# SPDX-License-Identifier: GPL-2.0-or-later
"""Named results of one job."""
from typing import NamedTuple


class Result(NamedTuple):
    name: str
    passed: bool
    detail: str


class Report:
    def __init__(self, prefix: str = ""):
        self.prefix = prefix
        self.results: list[Result] = []
        self.notes: list[str] = []      # what is told of a job that passes, too
        self.skipped: list[str] = []    # what was not tried, and why

    def check(self, name: str, passed: bool, detail: str = "") -> bool:
        self.results.append(Result(self.prefix + name, bool(passed), detail))
        return bool(passed)

    def note(self, text: str) -> None:
        self.notes.append(self.prefix + text)

    def skip(self, text: str) -> None:
        self.skipped.append(self.prefix + text)

    def works(self, name: str, trouble: str) -> bool:
        """For clients that answer with what went wrong, or with nothing."""
        return self.check(name, trouble == "", trouble)

    def equal(self, name: str, got, wanted) -> bool:
        return self.check(name, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def part(self, prefix: str) -> "Report":
        """A report whose names begin with one more prefix, into the same results."""
        other = Report(self.prefix + prefix)
        other.results, other.notes, other.skipped = self.results, self.notes, self.skipped
        return other
