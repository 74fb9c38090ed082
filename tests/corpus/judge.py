# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges what ctc makes of rules that people really wrote.

    judge.py CTC REPRINT CORPUS [PATTERN]

Every file of the corpus, which may be absent, is tried so:
  refused   given as a policy, it is refused at once and said to be none;
  carried   given as `verbatim: {ipv4: {file: F}}`, each of its rules is in the output, unchanged and in order, or the
            file has a line that iptables-save does not write or that keeps it from loading, and a diagnostic names it;
  loaded    where the index says that the file loads by itself, the output loads as well, and its nat, mangle and
            security tables are those that the file gives. Needs root;
  reprinted read as rules and printed, it has as many rules as the index says, and the print is a fixed point; or the
            file has a line that keeps it from loading, and a diagnostic names it;
  reloaded  where the index says that the file loads, the print loads as well, and makes the same tables. Needs root;
  unchanged the print means what the file means: `ctc diff` finds nothing;
  analysed  `ctc check` finishes, and `ctc explain` says of every packet that comes in, is forwarded or leaves what
            becomes of it, or what that hangs on; where it makes a difference what a match answers that is not
            modelled, that match is named, and nothing is guessed. Large files are checked alone.

The rulesets beside this file are made for what programs and people write that the corpus may not hold. They are tried
in the same ways, but for those that need the index; every one of them is read.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS_TO_REFUSE = 2
SECONDS_TO_CARRY = 10
SECONDS_TO_LOAD = 60
SECONDS_TO_COMPARE = 60
EXIT_FINE, EXIT_POLICY, EXIT_DIFFERENT = 0, 1, 4
OWN = Path(__file__).resolve().parent / "rulesets"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first.yaml"

OWN_TABLES = ("filter", "raw")  # the policy writes rules there too
TABLES = ("filter", "mangle", "nat", "raw", "security")
HOOKS = {
    "filter": {"INPUT", "FORWARD", "OUTPUT"},
    "raw": {"PREROUTING", "OUTPUT"},
    "mangle": {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
    "nat": {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
    "security": {"INPUT", "FORWARD", "OUTPUT"},
}
RULE = re.compile(r"(?:\[\d+:\d+\]\s+)?(?:-A|--append)\s+(\S+)\s*(.*)")
CHAIN = re.compile(r":(\S+)\s+(\S+)")
LIST = re.compile(r"(?:^| )(?:-s|-d|--source|--destination|--src|--dst) \S*,")  # as many rules as it has addresses
FAULT = re.compile(r"line:? (\d+)")
ERROR = re.compile(r"^(.+?):(?:(\d+):(\d+):)? error: .* \[([a-z-]+)\]$", re.M)


class Ruleset:
    """Restore text as tables of chains: their policies, and their rules in order."""

    def __init__(self, text):
        self.policies = {}  # (table, chain) -> policy
        self.rules = {}  # (table, chain) -> texts
        self.odd_lines = set()  # numbers of lines that iptables-save does not write there
        table = None
        for number, line in enumerate(text.split("\n"), 1):
            line = line.strip(" \t\r")
            rule, chain = RULE.fullmatch(line), CHAIN.match(line)
            if not line or line[0] == "#":
                continue
            if line[0] == "*":
                if table or line[1:] not in TABLES:
                    self.odd_lines.add(number)
                table = line[1:]
            elif line == "COMMIT" and table:
                table = None
            elif table and chain and chain.group(2).startswith("["):
                self.odd_lines.add(number)  # no policy: iptables-legacy-restore refuses it
            elif table and rule and rule.group(2).replace('\\"', "").count('"') % 2:
                self.odd_lines.add(number)
            elif table and chain:
                self.policies[table, chain.group(1)] = chain.group(2)
            elif table and rule:
                self.rules.setdefault((table, rule.group(1)), []).append(rule.group(2))
                if rule.group(1) not in HOOKS.get(table, ()) and (table, rule.group(1)) not in self.policies:
                    self.odd_lines.add(number)
            else:
                self.odd_lines.add(number)
        self.ended = table is None


def run(seconds, *command, text=None):
    """What a command gives: exit code (None where it took too long), standard output and standard error."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None, "", f"not done after {seconds} seconds"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def refuse(ctc, path):
    """None, or what is wrong with ctc's refusal of a file that is no policy."""
    code, output, errors = run(SECONDS_TO_REFUSE, ctc, str(path))
    found = {match[3] for match in ERROR.findall(errors)}
    if code != EXIT_POLICY:
        return f"exit code {code}: {errors.strip()[:200]}"
    if output:
        return "something on standard output"
    return None if found and found <= {"not-a-policy", "yaml"} else f"refused as {found}"


def compare(ctc, path, row):
    """None, or what is wrong with the answer to what putting a policy in the place of these rules would change."""
    family = "-6" if row["family"] == "6" else "-4"
    code, _, errors = run(SECONDS_TO_COMPARE, ctc, "diff", family, str(path), str(EXAMPLE))
    return None if code in (EXIT_FINE, EXIT_DIFFERENT) else f"exit code {code}: {errors.strip()[:200]}"


def in_order(rules, among):
    """Whether all of `rules` stand among others in their order."""
    rest = iter(among)
    return all(rule in rest for rule in rules)


def missing(given, output):
    """None, or a rule or a chain of the file that the output does not have."""
    for (table, chain), rules in given.rules.items():
        carried = output.rules.get((table, chain), [])
        if any(LIST.search(rule) for rule in rules):
            continue  # what is loaded tells whether they are right
        if table not in OWN_TABLES and carried != rules:
            return f"other rules in {table} {chain}"
        if chain not in HOOKS[table] and carried != rules:
            return f"other rules in the own chain {table} {chain}"
        if not in_order(rules, carried):
            return f"rules of {table} {chain} are missing or in another order"
    for (table, chain), policy in given.policies.items():
        if (table, chain) not in output.policies:
            return f"no chain {table} {chain}"
        # Of a user chain, iptables-restore takes any word for "-".
        if table not in OWN_TABLES and chain in HOOKS[table] and output.policies[table, chain] != policy:
            return f"another policy of {table} {chain}"
    return None


def faulty_lines(row, text):
    """Lines that keep iptables from loading a file, as the index has it: the first mistake, or the table's COMMIT."""
    if row["legacy_load"] == "ok" or row["nft_load"] == "ok":
        return set()
    fault = FAULT.search(row["load_error"])
    lines = text.split("\n")
    if fault and lines[int(fault[1]) - 1].strip() == "COMMIT":
        return set(range(1, len(lines) + 1))
    return {int(fault[1])} if fault else set()


def carry(ctc, path, row, folder):
    """What is wrong (or None), and the output where there is one."""
    family = row["family"]
    policy = Path(folder) / "policy.yaml"
    policy.write_text(f"version: 1\nverbatim: {{ipv{family}: {{file: '{path}'}}}}\n", encoding="utf-8")
    code, output, errors = run(SECONDS_TO_CARRY, ctc, f"-{family}", str(policy))
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    given = Ruleset(text)
    if code == EXIT_POLICY:
        named = {int(line or 0) for file, line, _, code in ERROR.findall(errors)
                 if file == str(path) and code in ("verbatim", "rules")}
        odd = given.odd_lines | faulty_lines(row, text)
        if output:
            return "refused, with something on standard output", None
        if not odd and given.ended:
            return f"refused, and all its lines look right: {errors.strip()[:200]}", None
        if odd and not named & odd:
            return f"refused for lines {named}, and what is odd are {odd}", None
        return None, None
    if code != 0:
        return f"exit code {code}: {errors.strip()[:200]}", None
    if given.odd_lines or not given.ended:
        return f"carried, and iptables-save does not write line {min(given.odd_lines, default='(COMMIT)')}", None
    return missing(given, Ruleset(output)), output


# A namespace of the command's own, or nothing at all: $0 is the namespace that rules must never reach.
APART = ['unshare', '--net', 'sh', '-c', '[ "$(readlink /proc/self/ns/net)" != "$0" ] && "$1" && exec "$2"']


def saved_tables(family, text):
    """Loads a text. What iptables-save prints afterwards, by table without counters and comments, or an error."""
    command = "ip6tables-legacy" if family == "6" else "iptables-legacy"
    code, output, errors = run(SECONDS_TO_LOAD, *APART, os.readlink("/proc/self/ns/net"), f"{command}-restore",
                               f"{command}-save", text=text.encode("utf-8", "surrogateescape"))
    if code != 0:
        return None, errors.strip()[:200]
    tables = {}
    for piece in re.split(r"^\*", output, flags=re.M)[1:]:
        name, _, rest = piece.partition("\n")
        tables[name] = re.sub(r"^#.*\n|\[\d+:\d+\]", "", rest, flags=re.M)
    return tables, None


def load(path, family, output):
    """None, or what is wrong with the output once it is loaded."""
    alone, problem = saved_tables(family, path.read_bytes().decode("utf-8", "surrogateescape"))
    if problem:
        return None  # this kernel has less than the one of the index
    together, problem = saved_tables(family, output)
    if problem:
        return f"does not load: {problem}"
    for name in TABLES:
        if name not in OWN_TABLES and alone.get(name) != together.get(name):
            return f"the table {name} is another one"
    return None


def reprint(program, path, row):
    """What is wrong (or None), and the print where there is one."""
    code, output, errors = run(SECONDS_TO_CARRY, program, row["family"], str(path))
    if code == 0:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        count, wanted = len(re.findall(r"^(?:\[\d+:\d+\] )?-A ", output, re.M)), int(row["rules"])
        if count != wanted and not (count > wanted and any(map(LIST.search, text.splitlines()))):
            return f"{count} rules, and the index has {wanted}", None
        return None, output
    if code == 1:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        named = {int(line or 0) for _, line, _, code in ERROR.findall(errors) if code == "rules"}
        # What is taken away by its text is not supported.
        odd = faulty_lines(row, text) | {n for n, line in enumerate(text.split("\n"), 1) if re.match(r"-D \S+ -", line)}
        return (None if named & odd else f"refused for lines {named}, and what is odd are {odd}"), None
    return f"exit code {code}: {errors.strip()[:200]}", None


def reload(path, family, output):
    """None, or what is wrong with the print once it is loaded."""
    alone, problem = saved_tables(family, path.read_bytes().decode("utf-8", "surrogateescape"))
    if problem:
        return None  # this kernel has less than the one of the index
    printed, problem = saved_tables(family, output)
    return f"does not load: {problem}" if problem else None if alone == printed else "the tables are others"


QUESTIONS = "in any\nin any out any\nout any\n"
LARGE = 200_000  # bytes of a file that `explain` is not asked about: all its packets at once can be too many
# A match that ctc has no model of, with what belongs to it.
UNMODELLED = re.compile(r" -m (?:connlimit|geoip|owner|physdev|pkttype|quota|recent|set|statistic|string|time|u32)\b"
                        r"(?:(?! -[mjgpsdio] |$).)*")
RULES_TRIED = 3


def unchanged(ctc, path, family, output, folder):
    """None, or what is wrong with what the print means."""
    printed = Path(folder) / "printed.rules"
    printed.write_text(output, encoding="utf-8", errors="surrogateescape")
    code, differences, errors = run(SECONDS_TO_COMPARE, ctc, "diff", f"-{family}", str(path), str(printed))
    return None if code == EXIT_FINE else f"exit code {code}: {(errors or differences).strip()[:200]}"


def said(ctc, path, family):
    """The parts of the answers to what becomes of all packets, and what is wrong with them (or None)."""
    code, output, errors = run(SECONDS_TO_COMPARE, ctc, "explain", f"-{family}", "--format", "json", str(path), "-",
                               text=QUESTIONS.encode())
    if code != EXIT_FINE:
        return [], f"explain: exit code {code}: {errors.strip()[:200]}"
    answers = [answer for each in json.loads(output)["sets"] for answer in each["answers"]]
    parts = [part for answer in answers for part in answer["parts"]]
    if len(answers) != QUESTIONS.count("\n") or not all(answer["decided"] for answer in answers):
        return parts, "explain: not decided"
    if any(part["verdict"] == "undecided" or not part["text"] for part in parts):
        return parts, "explain: packets of which nothing is said"
    return parts, None


def named(ctc, path, family, parts, folder):
    """None, or a match of the filter that is not modelled, makes a difference, and is named nowhere."""
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    boxes = " ".join(box for part in parts for box in part["packets"])
    whole = all(part["complete"] for part in parts)
    table, tried = None, 0
    for number, line in enumerate(lines):
        table = line.strip() if line.startswith("*") else table
        match = UNMODELLED.search(line)
        if not match or table != "*filter" or not line.startswith("-A ") or tried == RULES_TRIED or not whole:
            continue
        tried += 1
        files = []
        for name, changed in (("always", line.replace(match[0], "", 1)), ("never", "")):
            files.append(Path(folder) / f"{name}.rules")
            files[-1].write_text("\n".join(lines[:number] + [changed] + lines[number + 1:]), encoding="utf-8",
                                 errors="surrogateescape")
        code, _, errors = run(SECONDS_TO_COMPARE, ctc, "diff", f"-{family}", *map(str, files))
        if code not in (EXIT_FINE, EXIT_DIFFERENT):
            return f"diff: exit code {code}: {errors.strip()[:200]}"
        if code == EXIT_DIFFERENT and match[0].split("--")[-1].strip() not in boxes:
            return f"line {number + 1}: {match[0].strip()} makes a difference, and is not named"
    return None


def analyse(ctc, path, family, folder):
    """None, or what is wrong with what is found in a file and said of it."""
    code, output, errors = run(SECONDS_TO_COMPARE, ctc, "check", f"-{family}", "--format", "json", str(path))
    if code not in (EXIT_FINE, EXIT_POLICY):
        return f"check: exit code {code}: {errors.strip()[:200]}"
    # Which rules are dead may take more than what the rules do.
    if any(each["code"] == "undecided" and "which rules are dead" not in each["message"]
           for each in json.loads(output)["findings"]):
        return "check: not decided"
    if path.stat().st_size > LARGE:
        return None
    parts, problem = said(ctc, path, family)
    return problem or named(ctc, path, family, parts, folder)


def can_load():
    return os.geteuid() == 0 and shutil.which("iptables-legacy-restore") and \
        run(5, "unshare", "--net", "iptables-legacy-save")[0] == 0


def judge(ctc, program, path, row, loading):
    """Pairs of a test's name and its problem (None: passed, "": skipped) for one file."""
    with tempfile.TemporaryDirectory() as folder:
        return judge_in(folder, ctc, program, path, row, loading)


def judge_in(folder, ctc, program, path, row, loading):
    problem, output = carry(ctc, path, row, folder)
    results = [("refused", refuse(ctc, path)), ("carried", problem)]
    if output is not None and not problem and row["legacy_load"] == "ok":
        results.append(("loaded", load(path, row["family"], output) if loading else ""))
    if row["legacy_load"] == "ok":
        results.append(("compared", compare(ctc, path, row)))
    problem, output = reprint(program, path, row)
    results.append(("reprinted", problem))
    if output is not None and not problem and row["legacy_load"] == "ok":
        results.append(("reloaded", reload(path, row["family"], output) if loading else ""))
    if output is not None and not problem:
        results.append(("unchanged", unchanged(ctc, path, row["family"], output, folder)))
    results.append(("analysed", analyse(ctc, path, row["family"], folder)))
    return results


def judge_own(ctc, program, path, _, loading):
    """The same for a ruleset beside this file, whose name says its family."""
    family = path.suffix[2:]
    with tempfile.TemporaryDirectory() as folder:
        code, output, errors = run(SECONDS_TO_CARRY, program, family, str(path))
        if code != EXIT_FINE:
            return [("reprinted", f"exit code {code}: {errors.strip()[:200]}")]
        return [("refused", refuse(ctc, path)),
                ("reprinted", None),
                ("reloaded", reload(path, family, output) if loading else ""),
                ("unchanged", unchanged(ctc, path, family, output, folder)),
                ("compared", compare(ctc, path, {"family": family})),
                ("analysed", analyse(ctc, path, family, folder))]


def main():
    ctc, program, corpus = sys.argv[1], sys.argv[2], Path(sys.argv[3]).resolve()
    pattern = sys.argv[4] if len(sys.argv) > 4 else ""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    loading = can_load()
    rows = []
    if (corpus / "index.tsv").exists():
        with open(corpus / "index.tsv", encoding="utf-8", newline="") as index:
            rows = [row for row in csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
                    if pattern in row["file"]]
    own = [{"file": path.name} for path in sorted(OWN.glob("*.v[46]")) if pattern in path.name]
    os.environ.setdefault("XTABLES_LOCKFILE", str(Path(tempfile.gettempdir()) / f"ctc-corpus-lock.{os.getpid()}"))
    tally = Counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [(judge, corpus / "rules" / row["file"], row) for row in rows]
        tasks += [(judge_own, OWN / row["file"], row) for row in own]
        judged = pool.map(lambda task: task[0](ctc, program, task[1], task[2], loading), tasks)
        for row, results in zip(rows + own, judged):
            for name, problem in results:
                tally["skipped" if problem == "" else "failed" if problem else "passed"] += 1
                if problem:
                    print(f"FAIL {name}: {row['file']}: {problem}", flush=True)
    Path(os.environ["XTABLES_LOCKFILE"]).unlink(missing_ok=True)
    if not rows and not pattern:
        tally["skipped"] += 1
        print(f"skipped: there is no collection of rules at {corpus}")
    if not loading:
        print("skipped: loading needs root, network namespaces and iptables-legacy")
    skipped = f", {tally['skipped']} skipped" if tally["skipped"] else ""
    print(f"{tally['passed']} passed, {tally['failed']} failed{skipped}")
    return 1 if tally["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
