# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of writing share: a folder with policies, disks of their own, what is expected, and how they are run."""

import contextlib
import ctypes
import os
import tempfile
from pathlib import Path

from running import run

EXIT_FINE, EXIT_POLICY, EXIT_USAGE, EXIT_WORLD = 0, 1, 2, 3
OLD = b"# the old rules\n"

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REC, MS_PRIVATE = 1, 1 << 14, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)

# Its rules are some hundred kilobytes in each family.
LARGE = "version: 1\nallow:\n" + "".join(
    f"  - {{name: entry {i}, tcp: {1024 + i}, from: [10.{i >> 8}.{i & 255}.0/24, \"2001:db8:{i:x}::/48\"]}}\n"
    for i in range(2000))
SMALL = "version: 1\nallow: [ssh, https]\n"
WRONG = "version: 1\nallow: [shh]\n"
# With warnings and notes, so that stderr is written to.
TALKATIVE = "version: 1\ndefault: {input: accept}\ndefine: {unused: 192.0.2.1}\nallow:\n  - {service: ssh, from: []}\n"


class Scene:
    """A folder with policies in it, and another one for what is written."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.out = self.folder / "out"
        self.out.mkdir()
        for name, text in {"large": LARGE, "small": SMALL, "wrong": WRONG, "talkative": TALKATIVE}.items():
            (self.folder / f"{name}.yaml").write_text(text)

    def ctc(self, *arguments, **options):
        return run(arguments, self.folder, **options)

    def rules(self, policy, family="-4"):
        with open(self.folder / "expected", "wb") as file:
            self.ctc("compile", family, policy, stdout=file)
        return (self.folder / "expected").read_bytes()


class Complaint(Exception):
    """What a test found wrong."""


class Skip(Exception):
    """Why a test cannot be done here."""


def expect(condition, text):
    if not condition:
        raise Complaint(text)


def expect_exit(result, *codes):
    expect(not result.crash(), result.crash())
    expect(result.status in codes, f"exit {result.status}, expected {' or '.join(map(str, codes))}; "
                                   f"stderr: {result.stderr[:500].decode(errors='replace')}")
    if result.status:
        expect(result.stderr, "a failure without a word on stderr")


def expect_content(path, content, what):
    got = path.read_bytes()
    expect(got == content, f"{path.name} is not {what} but has {len(got)} bytes, {got[:60]!r}")


def expect_alone(folder, *names):
    strays = sorted(set(os.listdir(folder)) - set(names))
    expect(not strays, f"stray files: {strays}")


def old_file(scene, name="rules", mode=0o644):
    path = scene.out / name
    path.write_bytes(OLD)
    path.chmod(mode)
    return path


@contextlib.contextmanager
def mounted(folder, options, flags=0):
    """A small disk in memory, in this process's own mount namespace."""
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options.encode()) != 0:
        raise Skip(f"no tmpfs: {os.strerror(ctypes.get_errno())}")
    try:
        yield (lambda: libc.mount(None, str(folder).encode(), None, 32 | flags, options.encode())) if flags else None
    finally:
        libc.umount2(str(folder).encode(), 0)


def own_mounts():
    """Makes mounts of this process invisible to all others."""
    return (libc.unshare(CLONE_NEWNS) == 0 and
            libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0)


def judge(tally, kind, all_tests, all_with_disk):
    tests = [test for test in all_tests + all_with_disk if tally.wants(f"{kind}: {test.__doc__}")]
    has_mounts = any(test in all_with_disk for test in tests) and own_mounts()

    for test in tests:
        name = f"{kind}: {test.__doc__}"
        if test in all_with_disk and not has_mounts:
            tally.skip(name, "needs a mount namespace of its own")
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Scene(folder))
                tally.check(name)
            except Complaint as complaint:
                tally.check(name, str(complaint))
            except Skip as why:
                tally.skip(name, str(why))
