# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges schemas/ against ctc.

The cases stand in *.cases beside this file: policies under a line that says what becomes of them.

    ### good: NAME                  schema and reader accept
    ### bad: NAME [CODE]            schema and reader refuse, the reader with CODE among its findings
    ### reader-only: NAME — WHY     the schema accepts, the reader refuses

A line `==> PATH <==` within a case begins a file that the policy refers to.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLICY_KEYS = ROOT / "compiler/policy/fields.def"

HEADER = re.compile(r"^### (good|bad|reader-only): (.+?)(?: — (.+?))?(?: \[([a-z-]+)\])?$")
EXTRA_FILE = re.compile(r"^==> (\S+) <==$")

# Objects of the schema and the scope of fields.def that lists their keys.
SCOPES = {
    "POLICY": "",
    "HOST": "properties/host",
    "TRUST": "definitions/trustEntry",
    "ALLOW": "definitions/allowObject",
    "CONNECT": "definitions/connectObject",
    "FORWARD": "definitions/forwardEntry",
    "DEFAULT": "properties/default",
    "REJECT_WITH": "properties/reject_with",
    "LOG": "properties/log",
    "STATELESS": "properties/stateless",
    "CONNTRACK": "properties/conntrack",
    "VERBATIM": "properties/verbatim",
    "EXPECT": "definitions/expectation",
    "FILE": "definitions/address",
}

# Lists of words in the schema and the table of ctc that has them. NAME(..., "word", ...) is a row.
TABLES = [
    ("service words", "compiler/base/services.def", ["definitions", "serviceWord", "examples"]),
    ("helpers", "compiler/policy/helpers.def", ["definitions", "helper", "enum"]),
    ("protocols", "compiler/base/protocols.def", ["definitions", "protocolWord", "anyOf", 0, "enum"]),
    ("timeouts", "compiler/policy/timeouts.def",
     ["properties", "conntrack", "properties", "timeouts", "properties"]),
]
OWN_WORDS = {"protocols": {"any"}}  # words of the language that stand in no table


class PolicyLoader(yaml.SafeLoader):
    """Reads YAML as a schema sees it: the keys of JSON objects are text, whatever they look like."""

    def construct_mapping(self, node, deep=False):
        self.flatten_mapping(node)
        mapping = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a scalar", key.start_mark)
            mapping[key.value] = self.construct_object(value, deep=True)
        return mapping


def match_pattern(validator, pattern, instance, schema):
    """`pattern` as ECMA 262 has it: there, $ never stands before a last line break."""
    strict = re.sub(r"(?<!\\)\$(?=$|[)|])", r"\\Z", pattern)
    if validator.is_type(instance, "string") and not re.search(strict, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": match_pattern})


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, complaint=None):
        """Counts a test; a complaint is what was expected and what came instead."""
        if complaint:
            self.failed += 1
            print(f"FAIL {name}\n     {complaint}")
        else:
            self.passed += 1

    def skip(self, count, why):
        self.skipped += count
        print(f"SKIP {count}: {why}")


class Case:
    def __init__(self, source, line, kind, name, why, code):
        self.place = f"{source}:{line}"
        self.kind, self.name, self.why, self.code = kind, name, why, code
        self.files = {"policy.yaml": []}
        self.current = "policy.yaml"

    def title(self):
        return f"{self.place}: {self.kind}: {self.name}"

    def add(self, line):
        extra = EXTRA_FILE.match(line)
        if extra:
            self.current = extra.group(1)
            self.files[self.current] = []
        else:
            self.files[self.current].append(line)

    def text(self, name="policy.yaml"):
        lines = self.files[name]
        while lines and not lines[-1]:  # the blank line before the next case
            lines = lines[:-1]
        return "".join(line + "\n" for line in lines)

    def write(self, folder):
        for name in self.files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text(name), encoding="utf-8")


def read_cases(path):
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        header = HEADER.match(line)
        if header:
            cases.append(Case(path.name, number, *header.groups()))
        elif line.startswith("### "):
            sys.exit(f"{path}:{number}: not a case: {line}")
        elif cases:
            cases[-1].add(line)
    return cases


def load_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def load_schema(tally, path):
    schema = load_json(path)
    complaint = None
    try:
        jsonschema.Draft7Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        complaint = error.message
    tally.check(f"{path.name} is a JSON Schema", complaint)
    return Validator(schema)


def schema_complaint(validator, text):
    """Why the schema refuses a policy, or None."""
    try:
        policy = yaml.load(text, Loader=PolicyLoader)
    except (yaml.YAMLError, ValueError) as error:
        return f"not YAML: {error}".replace("\n", " ")
    error = jsonschema.exceptions.best_match(validator.iter_errors(policy))
    if error:
        return f"{'/'.join(map(str, error.absolute_path)) or 'policy'}: {error.message[:200]}"
    return None


def run_ctc(arguments, folder):
    return subprocess.run([CTC, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=60)


def describe(findings):
    return "; ".join(f"{f['line']}:{f['column']} {f['severity']} {f['message']} [{f['code']}]" for f in findings)


def findings_complaint(findings_validator, run):
    """Why the JSON that `check` printed is not what its schema says, or None."""
    try:
        document = json.loads(run.stdout)
    except ValueError as error:
        return f"stdout is not JSON ({error}); exit {run.returncode}, stderr: {run.stderr.strip()}"
    error = jsonschema.exceptions.best_match(findings_validator.iter_errors(document))
    if error:
        return f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
    counts = [sum(f["severity"] == severity for f in document["findings"]) for severity in ("error", "warning", "note")]
    if counts != list(document["summary"].values()):
        return f"summary {document['summary']} of findings counted {counts}"
    if (document["summary"]["errors"] > 0) != (run.returncode != 0):
        return f"exit {run.returncode} with {document['summary']['errors']} errors"
    return None


def judge_case(tally, case, policy_validator, findings_validator):
    expected_by_schema = case.kind != "bad"
    expected_exit = 0 if case.kind == "good" else 1
    refusal = schema_complaint(policy_validator, case.text())

    tally.check(f"{case.title()}: schema",
                (f"refused: {refusal}" if refusal else "accepted") if expected_by_schema == bool(refusal) else None)
    if not CTC:
        return
    with tempfile.TemporaryDirectory() as folder:
        case.write(folder)
        run = run_ctc(["check", "--format", "json", "policy.yaml"], folder)
    complaint = findings_complaint(findings_validator, run)
    tally.check(f"{case.title()}: form of the findings", complaint)
    if complaint:
        return
    findings = json.loads(run.stdout)["findings"]
    if run.returncode != expected_exit:
        complaint = f"exit {run.returncode}, not {expected_exit}; findings: {describe(findings) or 'none'}"
    elif case.code and case.code not in [f["code"] for f in findings]:
        complaint = f"no finding [{case.code}] but: {describe(findings)}"
    tally.check(f"{case.title()}: reader", complaint)


def judge_sarif(tally, cases, validator, name="policy.yaml"):
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            case.write(folder)
            Path(folder, "policy.yaml").rename(Path(folder, name))
            run = run_ctc(["check", "--format", "sarif", name], folder)
        complaint = None
        try:
            document = json.loads(run.stdout)
            error = jsonschema.exceptions.best_match(validator.iter_errors(document))
            rules = [rule["id"] for rule in document["runs"][0]["tool"]["driver"]["rules"]]
            results = document["runs"][0]["results"]
            if error:
                complaint = f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            elif any(result["ruleId"] not in rules for result in results):
                complaint = "a result without its rule"
            elif any(rules[result.get("ruleIndex", rules.index(result["ruleId"]))] != result["ruleId"]
                     for result in results):
                complaint = "a result with the index of another rule"
            elif (case.kind == "good") == any(result["level"] == "error" for result in results):
                complaint = f"results {results}"
        except (ValueError, KeyError, IndexError) as error:
            complaint = f"no SARIF ({error}): {run.stdout[:200]}{run.stderr[:200]}"
        tally.check(f"{case.title()}: SARIF of {name}", complaint)


def judge_examples(tally, validator):
    for path in sorted(ROOT.glob("examples/*.yaml")):
        refusal = schema_complaint(validator, path.read_text(encoding="utf-8"))
        tally.check(f"examples/{path.name}: schema", refusal and f"refused: {refusal}")


# Sets that ctc explain is asked about, for every example.
QUESTIONS = """\
in any
tcp to port 22
in eth0 tcp from 192.0.2.1 to port 443 untracked
in eth0 icmpv6 type 135
out any
in any out any new
"""


def judge_json(tally, name, validator, arguments, stdin, exits):
    """What a command prints with --format json is what its schema says. Gives the document, or None."""
    run = subprocess.run([CTC, *arguments], cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=120)
    document, complaint = None, None
    if run.returncode not in exits:
        complaint = f"exit {run.returncode}: {run.stderr[:200]}"
    else:
        try:
            document = json.loads(run.stdout)
            error = jsonschema.exceptions.best_match(validator.iter_errors(document))
            complaint = error and f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        except ValueError as error:
            complaint = f"stdout is not JSON: {error}"
    tally.check(name, complaint)
    return document


def judge_answers(tally):
    """explain and diff of the examples: policies, and the rules that they become."""
    explained = load_schema(tally, ROOT / "schemas/explain.schema.json")
    compared = load_schema(tally, ROOT / "schemas/diff.schema.json")
    if not CTC:
        return
    policies = sorted(ROOT.glob("examples/*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        for before, now in zip(policies, policies[1:] + policies[:1]):
            document = judge_json(tally, f"explain {now.name}", explained,
                                  ["explain", "--format", "json", f"examples/{now.name}", "-"], QUESTIONS, {0})
            asked = [each["packets"] for each in document["sets"]] if document else None
            if asked is not None and asked != QUESTIONS.splitlines():
                tally.check(f"explain {now.name}: each set is answered", f"{asked}")
            document = judge_json(tally, f"diff {before.name} {now.name}", compared,
                                  ["diff", "--format", "json", f"examples/{before.name}", f"examples/{now.name}"], "", {4})
            if document is not None and not document["changes"]:
                tally.check(f"diff {before.name} {now.name}: changes", "none, and exit 4")
            rules = Path(folder, f"{now.stem}.v4")
            rules.write_text(run_ctc(["-4", f"examples/{now.name}"], ROOT).stdout, encoding="utf-8")
            judge_json(tally, f"explain the rules of {now.name}", explained,
                       ["explain", "--format", "json", str(rules), "in", "any"], "", {0})
            document = judge_json(tally, f"diff {now.name} and its rules", compared,
                                  ["diff", "--format", "json", "-4", f"examples/{now.name}", str(rules)], "", {0})
            if document is not None and document["changes"]:
                tally.check(f"diff {now.name} and its rules: no change", f"{document['changes'][0]}")


# Two tables: every state of TCP, and what else there is.
TABLE = "".join(f"tcp 6 9 {state} src=203.0.113.9 dst=192.0.2.10 sport=50{number:03} dport=443 "
                f"src=192.0.2.10 dst=203.0.113.9 sport=443 dport=50{number:03} [ASSURED] mark=0 use=1\n"
                for number, state in enumerate(["NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",
                                                "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"]))
OTHERS = """\
udp 17 9 src=192.0.2.10 dst=192.0.2.53 sport=40000 dport=53 src=192.0.2.53 dst=192.0.2.10 sport=53 dport=40000 use=1
udp 17 9 src=203.0.113.9 dst=203.0.113.10 sport=1 dport=2 [UNREPLIED] src=203.0.113.10 dst=203.0.113.9 sport=2 dport=1 use=1
gre 47 9 src=203.0.113.9 dst=192.0.2.10 srckey=0x0 dstkey=0x0 src=192.0.2.10 dst=203.0.113.9 srckey=0x0 dstkey=0x0 use=1
unknown 253 9 src=::1 dst=::1 src=::1 dst=::1 use=1
"""


def judge_advice(tally):
    validator = load_schema(tally, ROOT / "schemas/advise.schema.json")
    if not CTC:
        return
    for name, text in (("states of TCP", TABLE), ("other protocols", OTHERS), ("an empty table", ""),
                       ("both", TABLE + OTHERS)):
        judge_json(tally, f"advise: {name}", validator, ["advise", "--json", "--dump", "-"], text, {0})
        judge_json(tally, f"advise with a policy: {name}", validator,
                   ["advise", "--json", "--dump", "-", "examples/first.yaml"], text, {0})


def at_path(schema, path):
    for part in path:
        schema = schema[part]
    return schema


def compare_words(tally, name, in_schema, in_reader):
    complaint = None
    if set(in_schema) != set(in_reader):
        complaint = (f"only in the schema: {sorted(set(in_schema) - set(in_reader))}, "
                     f"only in the reader: {sorted(set(in_reader) - set(in_schema))}")
    tally.check(name, complaint)


def judge_keys(tally, schema):
    """Every object of the schema has the keys that the reader has, no more and no less."""
    rows = re.findall(r'^FIELD\("(\w+)", ([A-Z_| ]+),', POLICY_KEYS.read_text(encoding="utf-8"), re.M)
    known = {(scope.strip(), key) for key, scopes in rows for scope in scopes.split("|")}
    for scope in sorted({scope for scope, _ in known} | set(SCOPES)):
        if scope not in SCOPES:
            tally.check(f"keys of {scope}", "this check knows no such object of the schema")
            continue
        keys = at_path(schema, filter(None, SCOPES[scope].split("/")))["properties"]
        # A key that only stands there to say that it is reserved is none that the reader takes.
        compare_words(tally, f"keys of {scope}", [key for key in keys if keys[key].get("not") != {}],
                      [key for where, key in known if where == scope])


def judge_tables(tally, schema):
    """Where the schema lists words, it lists those that ctc knows."""
    for name, table, path in TABLES:
        words = re.findall(r'^[A-Z]+\((?:\w+, )?"([^"]+)"', (ROOT / table).read_text(encoding="utf-8"), re.M)
        compare_words(tally, name, at_path(schema, path), OWN_WORDS.get(name, set()).union(words))


def print_reader_only(cases):
    print("What the schema cannot see, and ctc does:")
    for case in cases:
        if case.kind == "reader-only":
            print(f"  {case.name}: {case.why}")


def main():
    tally = Tally()
    policy_validator = load_schema(tally, ROOT / "schemas/policy.schema.json")
    findings_validator = load_schema(tally, ROOT / "schemas/diagnostics.schema.json")
    sarif_validator = load_schema(tally, HERE / "sarif-required.schema.json")
    by_file = [read_cases(path) for path in sorted(HERE.glob("*.cases"))]
    cases = [case for some in by_file for case in some]

    for case in cases:
        judge_case(tally, case, policy_validator, findings_validator)
    if CTC:
        judge_sarif(tally, [case for some in by_file for case in some[:1] + some[-1:]], sarif_validator)
        # The place of a finding is a URI, in which blanks and all that is not ASCII are written %XX.
        judge_sarif(tally, [case for case in cases if case.kind == "bad"][:1], sarif_validator, "my pölicy #1.yaml")
    else:
        tally.skip(len(cases), "the reader's side: CTC names no binary")
    judge_examples(tally, policy_validator)
    judge_answers(tally)
    judge_advice(tally)
    judge_keys(tally, policy_validator.schema)
    judge_tables(tally, policy_validator.schema)
    print_reader_only(cases)
    print(f"{tally.passed} passed, {tally.failed} failed" + (f", {tally.skipped} skipped" if tally.skipped else ""))
    return 1 if tally.failed else 0


CTC = os.path.abspath(os.environ["CTC"]) if os.environ.get("CTC") else None

if __name__ == "__main__":
    sys.exit(main())
