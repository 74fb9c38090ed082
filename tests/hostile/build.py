# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc build` below roots that mean harm, and where writing fails: all files are written, or the root is as it was."""

import array
import contextlib
import ctypes
import errno
import fcntl
import os
import random
import resource
import shutil
import stat
import subprocess
import time

from running import CTC
from scene import (EXIT_FINE, EXIT_POLICY, EXIT_USAGE, EXIT_WORLD, MS_RDONLY, Skip, expect, expect_exit, libc, mounted)

KILLS = 60
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL = 0x80086601, 0x40086602, 0x10

# All that a layout has but the file of modprobe's, and then another set: some files change, one goes, one comes.
POLICIES = {"sized": "version: 1\nhost: {memory: 16G}\nallow: ssh\nconntrack: {timeouts: {udp: 10}}\n",
            "other": "version: 1\nhost: {memory: 16G}\nallow: https\nconntrack: {timeouts: {udp: 20}}\n",
            "blocked": "version: 1\ntracking: none\nallow: ssh\nconntrack: {modules: block}\n"}


def build(scene, policy="sized.yaml", layout="redhat", root="out", check=False, **options):
    for name, text in POLICIES.items():
        (scene.folder / f"{name}.yaml").write_text(text)
    return scene.ctc("build", "--layout", layout, "--root", root, *(["--check"] if check else []), policy, **options)


def snapshot(folder):
    """All that is below a folder: names, kinds, modes and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = (os.readlink(path) if path.is_symlink() else
                   path.read_bytes() if stat.S_ISREG(status.st_mode) else None)
        found[str(path.relative_to(folder))] = (stat.filemode(status.st_mode), content)
    return found


def expect_same(folder, before, what):
    after = snapshot(folder)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    expect(not changed, f"{what}: changed: {changed}")


def links_stay_inside(scene):
    """links of a root lead no further than the root"""
    outside = scene.folder / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"untouched\n")
    inside = scene.out / str(outside).lstrip("/")
    for link, target in (("etc", outside), ("etc/sysconfig", outside), ("etc/sysconfig/iptables", outside / "victim"),
                         ("etc/sysconfig", "../../../../../../../../../.." + str(outside)),
                         ("etc/sysconfig/iptables", "../../../../../../../../../.." + str(outside / "victim"))):
        shutil.rmtree(scene.out)
        inside.mkdir(parents=True)
        (scene.out / link).parent.mkdir(parents=True, exist_ok=True)
        (scene.out / link).symlink_to(target)
        before = snapshot(outside)
        expect_exit(build(scene), EXIT_FINE)
        expect_same(outside, before, f"{link} -> {target}")
        expect((scene.out / link).is_symlink(), f"the link {link} is gone")
        expect(any(inside.iterdir()), f"{link} -> {target}: nothing was written inside of the root")
        expect_exit(build(scene, check=True), EXIT_FINE)


def links_to_nothing(scene):
    """links of a root that lead nowhere"""
    for link, target in (("etc", "/no/where"), ("etc/sysconfig", "no/where"), ("etc/sysconfig", "sysconfig"),
                         ("etc/sysconfig/ip6tables", "ip6tables")):
        shutil.rmtree(scene.out)
        (scene.out / link).parent.mkdir(parents=True, exist_ok=True)
        (scene.out / link).symlink_to(target)
        before = snapshot(scene.out)
        expect_exit(build(scene), EXIT_WORLD)
        expect_same(scene.out, before, f"{link} -> {target}")


def without_openat2():
    """The kernel of this process is one before 5.6, as far as openat2() goes."""
    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]

    allow, no_such_call, openat2 = 0x7fff0000, 0x00050000 | errno.ENOSYS, 437
    filters = (Filter * 4)(Filter(0x20, 0, 0, 0),            # the number of the call,
                           Filter(0x15, 0, 1, openat2),      # where it is that one,
                           Filter(0x06, 0, 0, no_such_call), # is unknown
                           Filter(0x06, 0, 0, allow))
    libc.prctl(38, 1, 0, 0, 0)    # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, ctypes.byref(Program(4, filters)), 0, 0) != 0:    # PR_SET_SECCOMP, a filter
        os._exit(77)


def old_kernels_follow_no_links(scene):
    """a kernel that cannot keep links inside of a root"""
    expect_exit(build(scene), EXIT_FINE)
    wanted = snapshot(scene.out)
    for target in ("elsewhere", "/elsewhere", "../../elsewhere"):
        shutil.rmtree(scene.out)
        (scene.out / "etc").mkdir(parents=True)
        (scene.out / "elsewhere").mkdir()
        (scene.out / "etc/sysctl.d").symlink_to(target)
        before = snapshot(scene.out)
        result = build(scene, prepare=without_openat2)
        if result.status == 77:
            raise Skip("no system call can be filtered here")
        expect_exit(result, EXIT_WORLD)
        expect_same(scene.out, before, target)
    shutil.rmtree(scene.out)
    scene.out.mkdir()
    expect_exit(build(scene, prepare=without_openat2), EXIT_FINE)
    expect_same(scene.out, wanted, "without links")


def something_in_the_way(scene):
    """a folder, a pipe or a file where something else is to be"""
    names = ["etc/sysconfig/iptables", "etc/modules-load.d/ctc.conf", "etc/udev/rules.d/90-ctc.rules"]
    for make in (os.mkdir, os.mkfifo):
        for name in names:
            shutil.rmtree(scene.out)
            (scene.out / name).parent.mkdir(parents=True)
            make(scene.out / name)
            before = snapshot(scene.out)
            for check in (False, True):
                expect_exit(build(scene, check=check), EXIT_WORLD)
                expect_same(scene.out, before, f"{make.__name__} {name}")
    shutil.rmtree(scene.out)
    (scene.out / "etc/udev").mkdir(parents=True)
    (scene.out / "etc/udev/rules.d").write_bytes(b"")
    before = snapshot(scene.out)
    expect_exit(build(scene), EXIT_WORLD)
    expect_same(scene.out, before, "a file for a folder")


def wrong_policies_write_nothing(scene):
    """a wrong policy"""
    result = build(scene, "wrong.yaml")
    expect_exit(result, EXIT_POLICY)
    expect(not result.stdout and not os.listdir(scene.out), "something was written")


def policies_stay(scene):
    """the policy stands where a file is to be"""
    path = scene.out / "etc/iptables/rules.v4"
    path.parent.mkdir(parents=True)
    path.write_text(POLICIES["sized"])
    before = snapshot(scene.out)
    expect_exit(build(scene, str(path), "debian"), EXIT_USAGE)
    expect_same(scene.out, before, "a policy")


def somebody_else(scene):
    """as somebody who may not write there"""
    if os.geteuid() != 0:
        raise Skip("it takes root to become somebody else")
    scene.folder.chmod(0o755)
    expect_exit(build(scene), EXIT_FINE)
    (scene.out / "etc/sysctl.d").chmod(0o777)   # one folder may be written to
    before = snapshot(scene.out)

    def become_nobody():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    for policy in ("other.yaml", "blocked.yaml"):
        result = build(scene, policy, prepare=become_nobody)
        expect_exit(result, EXIT_WORLD)
        expect(not result.stdout, "stdout is not empty")
        expect_same(scene.out, before, policy)


def masks_are_not_asked(scene):
    """modes are the distribution's, whatever the caller's mask"""
    expect_exit(build(scene, prepare=lambda: os.umask(0o077)), EXIT_FINE)
    strict = snapshot(scene.out)
    shutil.rmtree(scene.out)
    scene.out.mkdir()
    expect_exit(build(scene, prepare=lambda: os.umask(0)), EXIT_FINE)
    expect_same(scene.out, strict, "masks 077 and 000")


def limited_files(scene):
    """beyond the limit on the size of files"""
    expect_exit(build(scene, "other.yaml"), EXIT_FINE)
    before = snapshot(scene.out)
    result = build(scene, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)))
    expect_exit(result, EXIT_WORLD)
    expect_same(scene.out, before, "a limit")


def full_disk(scene):
    """a full disk"""
    for kilobytes in range(4, 40, 4):
        with mounted(scene.out, f"size={kilobytes}k"):
            result = build(scene)
            if result.status == EXIT_FINE:
                expect(kilobytes > 4, "a disk of 4 kB was enough")
                break
            expect_exit(result, EXIT_WORLD)
            expect_same(scene.out, {}, f"{kilobytes} kB")
    else:
        expect(False, "no disk was large enough")


def full_disk_with_files(scene):
    """a disk that has room for one set of files"""
    with mounted(scene.out, "size=48k"):
        expect_exit(build(scene, "other.yaml"), EXIT_FINE)
        before = snapshot(scene.out)
        expect_exit(build(scene), EXIT_WORLD)
        expect_same(scene.out, before, "a disk that is nearly full")


def read_only_disk(scene):
    """a disk that is read-only"""
    with mounted(scene.out, "size=4m", MS_RDONLY) as seal:
        expect_exit(build(scene, "other.yaml"), EXIT_FINE)
        before = snapshot(scene.out)
        expect(seal() == 0, "cannot remount")
        for policy in ("sized.yaml", "blocked.yaml"):
            expect_exit(build(scene, policy), EXIT_WORLD)
            expect_same(scene.out, before, policy)
        expect_exit(build(scene, "other.yaml"), EXIT_FINE)   # nothing to write


@contextlib.contextmanager
def immutable(path):
    """A file that not even root can replace."""
    with open(path, "rb") as file:
        flags = array.array("l", [0])
        try:
            fcntl.ioctl(file, FS_IOC_GETFLAGS, flags, True)
            fcntl.ioctl(file, FS_IOC_SETFLAGS, array.array("l", [flags[0] | FS_IMMUTABLE_FL]))
        except OSError as error:
            raise Skip(f"no file can be made immutable: {error.strerror}") from None
        try:
            yield
        finally:
            fcntl.ioctl(file, FS_IOC_SETFLAGS, flags)


def failure_at_every_file(scene):
    """one file cannot be replaced, whichever it is"""
    with mounted(scene.out, "size=4m"):
        expect_exit(build(scene), EXIT_FINE)
        before = snapshot(scene.out)
        files = [name for name, (kind, _) in before.items() if kind.startswith("-")]
        expect(len(files) == 8, f"files: {files}")
        for policy in ("other.yaml", "blocked.yaml"):
            failed = 0
            for name in files:
                with immutable(scene.out / name):
                    result = build(scene, policy)
                    if result.status == EXIT_FINE:   # the policy leaves this one as it is
                        build(scene)
                        continue
                    expect_exit(result, EXIT_WORLD)
                    expect(name in result.stderr.decode(), f"stderr does not name {name}: {result.stderr}")
                    expect_same(scene.out, before, f"{policy}, {name}")
                    failed += 1
            expect(failed >= 6, f"{policy}: {failed} failures")


def killed(scene):
    """SIGKILL"""
    sets = []
    for policy in ("sized.yaml", "blocked.yaml"):
        shutil.rmtree(scene.out)
        scene.out.mkdir()
        expect_exit(build(scene, policy), EXIT_FINE)
        sets.append(snapshot(scene.out))
    old, new = sets
    chance, whole = random.Random(1), 0.0
    for turn in range(KILLS):
        shutil.rmtree(scene.out)
        scene.out.mkdir()
        expect_exit(build(scene), EXIT_FINE)
        start = time.monotonic()
        process = subprocess.Popen([CTC, "build", "--layout", "redhat", "--root", "out", "blocked.yaml"],
                                   cwd=scene.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if turn == 0:
            process.wait()
            whole = time.monotonic() - start
            continue
        time.sleep(whole * chance.uniform(0.3, 1.1))
        process.kill()
        process.wait()
        after = {name: it for name, it in snapshot(scene.out).items() if not os.path.basename(name).startswith(".")}
        for name in old.keys() | new.keys() | after.keys():
            expect(after.get(name) in (old.get(name), new.get(name)), f"{name} is neither old nor new")
        expect_exit(build(scene, "blocked.yaml"), EXIT_FINE)   # the next one finishes


TESTS = [links_stay_inside, links_to_nothing, old_kernels_follow_no_links, something_in_the_way, wrong_policies_write_nothing, policies_stay,
         somebody_else, masks_are_not_asked, limited_files, killed]
TESTS_WITH_DISK = [full_disk, full_disk_with_files, read_only_disk, failure_at_every_file]
