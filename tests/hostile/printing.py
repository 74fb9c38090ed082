# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard output and errors that take nothing, and names that reach what is printed."""

import json
import os
import signal

from scene import EXIT_FINE, EXIT_POLICY, EXIT_WORLD, OLD, SMALL, expect, expect_content, expect_exit, old_file


def full_device(scene):
    """/dev/full"""
    for arguments in (["small.yaml"], ["large.yaml"], ["compile", "-6", "small.yaml"], ["check", "wrong.yaml"],
                      ["check", "--format", "json", "small.yaml"], ["check", "--format", "sarif", "small.yaml"],
                      ["services"], ["help"], ["--version"]):
        with open("/dev/full", "wb") as full:
            result = scene.ctc(*arguments, stdout=full)
        expect(result.status == EXIT_WORLD, f"ctc {' '.join(arguments)} > /dev/full: exit {result.status}")
        expect_exit(result, EXIT_WORLD)


def full_device_for_errors(scene):
    """/dev/full for stderr"""
    with open("/dev/full", "wb") as full:
        result = scene.ctc("wrong.yaml", prepare=lambda: os.dup2(full.fileno(), 2))
    expect(result.status in (EXIT_POLICY, EXIT_WORLD) and not result.stdout, f"exit {result.status}")


def closed_pipe(scene):
    """a pipe that nobody reads"""
    for prepare in (None, lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            result = scene.ctc("large.yaml", stdout=pipe, prepare=prepare)
        expect(result.status == EXIT_WORLD or (prepare is None and result.status == -signal.SIGPIPE),
               f"exit {result.status}")


def closed_stdout(scene):
    """standard output closed"""
    expect_exit(scene.ctc("small.yaml", prepare=lambda: os.close(1)), EXIT_WORLD)


def closed_descriptors(scene):
    """-o with standard descriptors closed"""
    rules = scene.rules("talkative.yaml")
    for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
        path = old_file(scene)
        result = scene.ctc("compile", "-4", "-o", "out/rules", "talkative.yaml",
                           prepare=lambda closed=closed: [os.close(fd) for fd in closed])
        expect(not result.crash(), result.crash())
        if result.status == EXIT_FINE:
            expect_content(path, rules, f"the new rules (closed: {closed})")
        else:
            expect_content(path, OLD, f"the old rules (closed: {closed})")


def wrong_policy_is_silent(scene):
    """a wrong policy prints no rules"""
    result = scene.ctc("wrong.yaml")
    expect_exit(result, EXIT_POLICY)
    expect(not result.stdout, f"stdout: {result.stdout!r}")


# Text that must not become rules

def rules_alone(text):
    """The lines of a ruleset that are no comments."""
    return [line for line in text.split(b"\n") if not line.startswith(b"#")]


def file_name_with_rules(scene):
    """a policy whose file name holds rules"""
    expected = rules_alone(scene.rules("small.yaml"))
    for name in ("x\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n.yaml", "x\r-A INPUT -j ACCEPT.yaml", "\x1b[2J.yaml",
                 "\udcff.yaml", "y" * 240 + ".yaml"):
        (scene.folder / name).write_text(SMALL)
        result = scene.ctc("compile", "-4", f"./{name}")
        expect_exit(result, EXIT_FINE, EXIT_WORLD)
        if result.status == EXIT_FINE:
            expect(rules_alone(result.stdout) == expected, f"{name!r} is in the rules")
            control = [byte for byte in result.stdout if byte < 32 and byte != 10 or byte == 127]
            expect(not control, f"{name!r} puts control characters into the rules")


def unquote(text):
    """The words of a line as iptables-restore splits it (add_param_to_argv of xshared.c)."""
    words, word, quoted, escaped = [], None, False, False
    for char in text:
        if quoted and escaped:
            word, escaped = word + char, False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            word, quoted = word or "", not quoted
        elif not quoted and char in " \t\n":
            words, word = words + ([word] if word is not None else []), None
        else:
            word = (word or "") + char
    expect(not quoted, f"an open quote: {text}")
    return words + ([word] if word is not None else [])


def names_with_quotes(scene):
    """names with quotes and options come out as comments"""
    names = ['"', '\\', '\\"', "'", "it's", '" -j ACCEPT', "-j ACCEPT", "--comment x", "$(reboot)", "`reboot`", "#",
             "a  b", "%s%n", "*filter", ":INPUT ACCEPT [0:0]", "COMMIT", "é", "x" * 64, "\\" * 64, '"' * 64, " ",
             "a " * 32]
    for name in names:
        text = json.dumps(name, ensure_ascii=False)
        (scene.folder / "plain.yaml").write_text("version: 1\nallow: [{name: web, tcp: 80}]\n")
        (scene.folder / "named.yaml").write_text(f"version: 1\nallow: [{{name: {text}, tcp: 80}}]\n")
        result = scene.ctc("compile", "-4", "--comments", "named.yaml")
        plain = scene.ctc("compile", "-4", "--comments", "plain.yaml")
        expect_exit(result, EXIT_FINE)
        expect(result.stdout.count(b"\n") == plain.stdout.count(b"\n"), f"{name!r} adds lines")
        comments = 0
        for line in result.stdout.decode().split("\n"):
            if not line.startswith("#"):
                words = unquote(line)
                comments += any(words[i] == "--comment" and name in words[i + 1] for i in range(len(words) - 1))
        expect(comments, f"{name!r} is no comment of the rules:\n" +
               "\n".join(line for line in result.stdout.decode().split("\n") if "--dport 80" in line))


def log_prefixes_with_quotes(scene):
    """log prefixes with quotes and options come out as prefixes"""
    for prefix in ('"', "\\", '" -j ACCEPT ', "-j ACCEPT", "%s%n", "é", " ", "x" * 29, '"' * 29):
        (scene.folder / "log.yaml").write_text(
            f"version: 1\nlog: {{prefix: {json.dumps(prefix, ensure_ascii=False)}}}\n")
        result = scene.ctc("compile", "-4", "log.yaml")
        expect_exit(result, EXIT_FINE)
        lines = [unquote(line) for line in result.stdout.decode().split("\n") if "LOG" in line]
        expect(lines and all(words[words.index("--log-prefix") + 1] == prefix for words in lines),
               f"{prefix!r}: {lines}")


TESTS = [
    full_device, full_device_for_errors, closed_pipe, closed_stdout, closed_descriptors, wrong_policy_is_silent,
    file_name_with_rules, names_with_quotes, log_prefixes_with_quotes,
]
TESTS_WITH_DISK = []
