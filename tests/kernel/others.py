# SPDX-License-Identifier: GPL-2.0-or-later
"""What others have in a host's tables: put there, and looked at afterwards."""
import re
from itertools import count

from firewall import HERE
from host import Host
from netns import FAMILIES, IPV4
from report import Report

OTHERS = HERE / "others"
OWN_LINE = re.compile(r":ctc-|(\[\d+:\d+\] )?-A (ctc-|\w+ -j ctc-)|#")


def write(host: Host, name: str, text: str) -> str:
    path = host.state.parent / f"{host.name} {name}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def with_counters(text: str) -> str:
    """The same rules and chain policies, with counters of which no two are the same."""
    numbers = count(101)
    return re.sub(r"(?m)^(-A|:\S+ \S+)", lambda found: f"[{next(numbers)}:{next(numbers)}] {found[1]}" if found[1] == "-A"
                  else found[1], re.sub(r"(?m)^(:\S+ (?:ACCEPT|DROP)) \[0:0\]", lambda found: f"{found[1]} [{next(numbers)}:{next(numbers)}]",
                                        text))


def load_others(host: Host, name: str) -> None:
    for family in FAMILIES:
        text = (OTHERS / f"{name}.v{4 if family is IPV4 else 6}.rules").read_text(encoding="utf-8")
        host.namespace.run(f"{family.iptables}-{host.variant}-restore", "-w", "-c", text=with_counters(text))


def saved(host: Host, own: bool = False) -> dict[str, dict[str, list[str]]]:
    """The lines of each table with their counters: those of others, or ctc's own."""
    found = {}
    for family in FAMILIES:
        text = host.namespace.run(f"{family.iptables}-{host.variant}-save", "-c")
        found[family.name] = {table.split("\n", 1)[0]: [line for line in table.split("\n")[1:]
                                                        if bool(OWN_LINE.match(line)) == own and not line.startswith("#")]
                              for table in text.split("\n*")[1:]}
    return found


class Watch:
    """What others have, which is looked at again and again."""

    def __init__(self, host: Host, report: Report, policies: bool = True):
        self.host, self.report, self.policies = host, report, policies
        self.before = self.look()

    def look(self) -> dict[str, dict[str, list[str]]]:
        found = saved(self.host)
        for tables in found.values() if not self.policies else ():
            for table, lines in tables.items():
                tables[table] = [re.sub(r"^(:.*) \[\d+:\d+\]$", r"\1", line) for line in lines]
        return found

    def same(self, when: str) -> None:
        now = self.look()
        for family, tables in self.before.items():
            for table, lines in tables.items():
                self.report.equal(f"{when}: {family} {table} of others is as it was", now[family][table], lines)
            for table in now[family].keys() - tables.keys():
                self.report.check(f"{when}: {family} {table} holds nothing but ctc's",
                                  all(re.fullmatch(r":\w+ ACCEPT.*|COMMIT|", line) for line in now[family][table]),
                                  str(now[family][table]))
