# SPDX-License-Identifier: GPL-2.0-or-later
"""Places where writing fails: what stood there before stays as it was, and ctc says so with its exit code."""

import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import time

from running import CTC, SANITIZED, run
from scene import (EXIT_FINE, EXIT_POLICY, EXIT_USAGE, EXIT_WORLD, MS_RDONLY, OLD, Skip, expect, expect_alone,
                   expect_content, expect_exit, mounted, old_file)

KILLS = 200


# -o FILE

def new_file(scene):
    """-o makes a file"""
    expect_exit(scene.ctc("compile", "-4", "-o", "out/rules", "large.yaml"), EXIT_FINE)
    expect_content(scene.out / "rules", scene.rules("large.yaml"), "the new rules")
    expect_alone(scene.out, "rules")


def new_file_is_private(scene):
    """-o makes a file that only its owner reads"""
    for mask in (0o000, 0o022, 0o077):
        (scene.out / "rules").unlink(missing_ok=True)
        expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml", prepare=lambda mask=mask: os.umask(mask)),
                    EXIT_FINE)
        mode = stat.S_IMODE((scene.out / "rules").stat().st_mode)
        expect(mode == 0o600, f"mode {mode:o} under umask {mask:o}")


def old_file_is_replaced(scene):
    """-o replaces a file"""
    path = old_file(scene)
    expect_exit(scene.ctc("compile", "-6", "-o", "out/rules", "large.yaml"), EXIT_FINE)
    expect_content(path, scene.rules("large.yaml", "-6"), "the new rules")
    expect_alone(scene.out, "rules")


def readers_keep_the_old_file(scene):
    """-o leaves the old text to those that have it open"""
    path = old_file(scene)
    with open(path, "rb") as before:
        expect_exit(scene.ctc("compile", "-o", "out/rules", "large.yaml"), EXIT_FINE)
        expect(before.read() == OLD, "the old file was written to")


def wrong_policy_keeps_the_file(scene):
    """-o with a wrong policy"""
    path = old_file(scene)
    expect_exit(scene.ctc("compile", "-o", "out/rules", "wrong.yaml"), EXIT_POLICY)
    expect_exit(scene.ctc("compile", "-o", "out/rules", "nowhere.yaml"), EXIT_WORLD)
    expect_content(path, OLD, "the old rules")
    expect_alone(scene.out, "rules")


def mode_is_kept(scene):
    """-o keeps the mode"""
    for mode in (0o600, 0o640, 0o644, 0o660, 0o444):
        path = old_file(scene, mode=mode)
        expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_FINE)
        got = stat.S_IMODE(path.stat().st_mode)
        expect(got == mode, f"mode {got:o} in place of {mode:o}")
        path.unlink()


def owner_is_kept(scene):
    """-o keeps the owner"""
    path = old_file(scene, mode=0o640)
    try:
        os.chown(path, 1234, 2345)
    except PermissionError:
        raise Skip("only root can give files away") from None
    expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_FINE)
    status = path.stat()
    expect((status.st_uid, status.st_gid) == (1234, 2345), f"owner {status.st_uid}:{status.st_gid}")


def symlinks_stay(scene):
    """-o writes through symbolic links"""
    (scene.folder / "elsewhere").mkdir()
    real = scene.folder / "elsewhere/rules"
    for target in ("../elsewhere/rules", str(real)):
        real.write_bytes(OLD)
        link = scene.out / "rules"
        link.symlink_to(target)
        expect_exit(scene.ctc("compile", "-4", "-o", "out/rules", "small.yaml"), EXIT_FINE)
        expect(link.is_symlink() and os.readlink(link) == target, "the link is gone")
        expect_content(real, scene.rules("small.yaml"), "the new rules")
        expect_alone(scene.out, "rules")
        expect_alone(scene.folder / "elsewhere", "rules")
        link.unlink()


def chain_of_symlinks_stays(scene):
    """-o writes through two symbolic links"""
    real = old_file(scene, "real")
    (scene.out / "middle").symlink_to("real")
    (scene.out / "rules").symlink_to("middle")
    expect_exit(scene.ctc("compile", "-4", "-o", "out/rules", "small.yaml"), EXIT_FINE)
    expect((scene.out / "rules").is_symlink() and (scene.out / "middle").is_symlink(), "a link is gone")
    expect_content(real, scene.rules("small.yaml"), "the new rules")


def dangling_symlink(scene):
    """-o through a symbolic link to nothing"""
    link = scene.out / "rules"
    link.symlink_to("new")
    result = scene.ctc("compile", "-4", "-o", "out/rules", "small.yaml")
    expect_exit(result, EXIT_FINE, EXIT_WORLD)
    expect(link.is_symlink(), "the link is gone")
    if result.status == EXIT_FINE:
        expect_content(scene.out / "new", scene.rules("small.yaml"), "the new rules")
    expect_alone(scene.out, "rules", "new")


def looping_symlink(scene):
    """-o through a symbolic link to itself"""
    (scene.out / "rules").symlink_to("rules")
    expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_WORLD)
    expect((scene.out / "rules").is_symlink(), "the link is gone")
    expect_alone(scene.out, "rules")


def target_is_a_folder(scene):
    """-o to a folder without its slash"""
    expect_exit(scene.ctc("compile", "-o", "out", "small.yaml"), EXIT_FINE)
    expect_content(scene.out / "rules.v4", scene.rules("small.yaml"), "the new rules")
    expect_content(scene.out / "rules.v6", scene.rules("small.yaml", "-6"), "the new rules")
    expect_alone(scene.out, "rules.v4", "rules.v6")


def target_has_no_folder(scene):
    """-o into a folder that does not exist"""
    expect_exit(scene.ctc("compile", "-o", "nowhere/rules", "small.yaml"), EXIT_WORLD)
    expect(not (scene.folder / "nowhere").exists(), "a folder was made")


def target_is_below_a_file(scene):
    """-o below a file"""
    path = old_file(scene)
    expect_exit(scene.ctc("compile", "-o", "out/rules/rules", "small.yaml"), EXIT_WORLD)
    expect_content(path, OLD, "the old rules")


def target_has_no_name(scene):
    """-o without a name"""
    expect_exit(scene.ctc("compile", "-o", "", "small.yaml"), EXIT_USAGE, EXIT_WORLD)


def long_names(scene):
    """-o to the longest name there can be, and to a longer one"""
    name = "r" * 255
    result = scene.ctc("compile", "-4", "-o", f"out/{name}", "small.yaml")
    expect_exit(result, EXIT_FINE, EXIT_WORLD)
    if result.status == EXIT_FINE:
        expect_content(scene.out / name, scene.rules("small.yaml"), "the new rules")
    expect_alone(scene.out, *([name] if result.status == EXIT_FINE else []))
    expect_exit(scene.ctc("compile", "-4", "-o", f"out/{name}r", "small.yaml"), EXIT_WORLD)
    expect_alone(scene.out, name)


def pipes_stay(scene):
    """-o to a pipe writes into it"""
    path = scene.out / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    result = scene.ctc("compile", "-4", "-o", "out/pipe", "small.yaml")
    text = os.read(reader, 1 << 16)
    os.close(reader)
    expect(stat.S_ISFIFO(path.lstat().st_mode), f"the pipe is gone, exit {result.status}")
    expect_exit(result, EXIT_FINE, EXIT_WORLD)
    expect(text == (scene.rules("small.yaml") if result.status == EXIT_FINE else b""), f"the pipe got {text[:60]!r}")
    expect_alone(scene.out, "pipe")


def devices_stay(scene):
    """-o to a device writes to it"""
    for name, minor, status in (("null", 3, EXIT_FINE), ("full", 7, EXIT_WORLD)):
        path = scene.out / name
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        except PermissionError:
            raise Skip("only root can make devices") from None
        result = scene.ctc("compile", "-o", f"out/{name}", "small.yaml")
        expect(stat.S_ISCHR(path.lstat().st_mode), f"the device is gone, exit {result.status}")
        expect_exit(result, status)
    expect_alone(scene.out, "null", "full")


def folder_is_gone(scene):
    """-o in a folder that was deleted"""
    gone = scene.folder / "gone"
    gone.mkdir()

    def leave():
        os.chdir(gone)
        os.rmdir(gone)

    result = run(["compile", "-o", "rules", str(scene.folder / "small.yaml")], scene.folder, prepare=leave)
    expect_exit(result, EXIT_WORLD)


# Limits

def limited_files(scene):
    """-o beyond the limit on the size of files"""
    for action in (signal.SIG_IGN, signal.SIG_DFL):
        path = old_file(scene)

        def prepare(action=action):
            signal.signal(signal.SIGXFSZ, action)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        result = scene.ctc("compile", "-o", "out/rules", "large.yaml", prepare=prepare)
        expect(result.status == EXIT_WORLD or (action == signal.SIG_DFL and result.status == -signal.SIGXFSZ),
               f"exit {result.status}")
        expect_content(path, OLD, "the old rules")
        expect_alone(scene.out, "rules")


def limited_memory(scene):
    """memory that does not suffice"""
    if SANITIZED:
        raise Skip("the sanitizer needs its address space")
    path = old_file(scene)
    for megabytes in (6, 8, 10, 14):
        limits = (megabytes << 20, resource.RLIM_INFINITY)
        result = scene.ctc("compile", "-4", "-o", "out/rules", "large.yaml",
                           prepare=lambda limits=limits: resource.setrlimit(resource.RLIMIT_AS, limits))
        # Below some size the program cannot even be loaded; the loader says so with 127.
        expect(result.status in (EXIT_FINE, EXIT_WORLD, 127), f"exit {result.status} with {megabytes} MB")
        if result.status == EXIT_FINE:
            expect_content(path, scene.rules("large.yaml"), "the new rules")
            break
        expect_content(path, OLD, "the old rules")
        expect_alone(scene.out, "rules")


def limited_descriptors(scene):
    """no file can be opened"""
    result = scene.ctc("small.yaml", prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)))
    expect(result.status in (EXIT_WORLD, 127), f"exit {result.status}")
    expect(not result.stdout, "rules without a policy")


# -o DIR/

def folder_gets_both(scene):
    """-o DIR/ writes both families"""
    for _ in range(2):  # into an empty folder, and over what stands there
        expect_exit(scene.ctc("compile", "-o", "out/", "large.yaml"), EXIT_FINE)
        expect_content(scene.out / "rules.v4", scene.rules("large.yaml"), "the new rules")
        expect_content(scene.out / "rules.v6", scene.rules("large.yaml", "-6"), "the new rules")
        expect_alone(scene.out, "rules.v4", "rules.v6")


def folder_keeps_both(scene):
    """-o DIR/ with a wrong policy"""
    four, six = old_file(scene, "rules.v4"), old_file(scene, "rules.v6")
    expect_exit(scene.ctc("compile", "-o", "out/", "wrong.yaml"), EXIT_POLICY)
    expect_content(four, OLD, "the old rules")
    expect_content(six, OLD, "the old rules")
    expect_alone(scene.out, "rules.v4", "rules.v6")


def folder_with_a_folder_in_the_way(scene):
    """-o DIR/ where one of the files is a folder"""
    for blocked, free in (("rules.v6", "rules.v4"), ("rules.v4", "rules.v6")):
        (scene.out / blocked).mkdir()
        path = old_file(scene, free)
        expect_exit(scene.ctc("compile", "-o", "out/", "small.yaml"), EXIT_WORLD)
        expect_content(path, OLD, "the old rules")
        expect_alone(scene.out, blocked, free)
        (scene.out / blocked).rmdir()
        path.unlink()


def folder_with_a_folder_in_the_way_and_nothing_else(scene):
    """-o DIR/ makes neither where one of the files is a folder"""
    for blocked in ("rules.v6", "rules.v4"):
        (scene.out / blocked).mkdir()
        expect_exit(scene.ctc("compile", "-o", "out/", "small.yaml"), EXIT_WORLD)
        expect_alone(scene.out, blocked)
        (scene.out / blocked).rmdir()


def folder_with_symlinks(scene):
    """-o DIR/ writes through symbolic links"""
    (scene.folder / "elsewhere").mkdir()
    for name in ("rules.v4", "rules.v6"):
        (scene.out / name).symlink_to(f"../elsewhere/{name}")
        (scene.folder / "elsewhere" / name).write_bytes(OLD)
    expect_exit(scene.ctc("compile", "-o", "out/", "small.yaml"), EXIT_FINE)
    for name, family in (("rules.v4", "-4"), ("rules.v6", "-6")):
        expect((scene.out / name).is_symlink(), f"the link {name} is gone")
        expect_content(scene.folder / "elsewhere" / name, scene.rules("small.yaml", family), "the new rules")


def folder_does_not_exist(scene):
    """-o DIR/ that does not exist"""
    result = scene.ctc("compile", "-o", "nowhere/", "small.yaml")
    expect_exit(result, EXIT_FINE, EXIT_WORLD)
    made = (scene.folder / "nowhere").exists()
    expect(made == (result.status == EXIT_FINE), f"exit {result.status}, with {os.listdir(scene.folder)}")


# A disk of their own

def full_disk(scene):
    """-o on a full disk"""
    for kilobytes in (8, 32, 64):
        with mounted(scene.out, f"size={kilobytes}k"):
            path = old_file(scene)
            expect_exit(scene.ctc("compile", "-o", "out/rules", "large.yaml"), EXIT_WORLD)
            expect_content(path, OLD, f"the old rules on {kilobytes} kB")
            expect_alone(scene.out, "rules")


def disk_without_inodes(scene):
    """-o on a disk that takes no more files"""
    with mounted(scene.out, "size=4m,nr_inodes=2"):
        path = old_file(scene)
        expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_WORLD)
        expect_content(path, OLD, "the old rules")
        expect_alone(scene.out, "rules")


def full_disk_for_a_folder(scene):
    """-o DIR/ on a disk that has room for one family"""
    size = len(scene.rules("large.yaml"))
    for kilobytes in range(size // 1024, 2 * size // 1024, max(8, size // 1024 // 6)):
        with mounted(scene.out, f"size={kilobytes}k"):
            four, six = old_file(scene, "rules.v4"), old_file(scene, "rules.v6")
            expect_exit(scene.ctc("compile", "-o", "out/", "large.yaml"), EXIT_WORLD)
            expect_content(four, OLD, f"the old rules on {kilobytes} kB")
            expect_content(six, OLD, f"the old rules on {kilobytes} kB")
            expect_alone(scene.out, "rules.v4", "rules.v6")


def read_only_disk(scene):
    """-o on a disk that is read-only"""
    with mounted(scene.out, "size=4m", MS_RDONLY) as seal:
        path = old_file(scene)
        expect(seal() == 0, "cannot remount")
        expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_WORLD)
        expect_exit(scene.ctc("compile", "-o", "out/new", "small.yaml"), EXIT_WORLD)
        expect_exit(scene.ctc("compile", "-o", "out/", "small.yaml"), EXIT_WORLD)
        expect_content(path, OLD, "the old rules")
        expect_alone(scene.out, "rules")


def read_only_folder(scene):
    """-o in a folder that may not be written to"""
    if os.geteuid() == 0:
        raise Skip("root may write everywhere")
    path = old_file(scene)
    scene.out.chmod(0o555)
    try:
        expect_exit(scene.ctc("compile", "-o", "out/rules", "small.yaml"), EXIT_WORLD)
        expect_content(path, OLD, "the old rules")
    finally:
        scene.out.chmod(0o755)


# Sudden death

def killed(scene, target, names):
    """Kills ctc at KILLS moments of its run, and looks at what it leaves of `names`."""
    new = {name: scene.rules("large.yaml", "-6" if name.endswith("6") else "-4") for name in names}
    start = time.monotonic()
    expect_exit(scene.ctc("compile", *target, "large.yaml"), EXIT_FINE)
    whole = time.monotonic() - start
    seen = {"old": 0, "new": 0}
    chance = random.Random(1)

    for _ in range(KILLS):
        shutil.rmtree(scene.out)
        scene.out.mkdir()
        for name in names:
            (scene.out / name).write_bytes(OLD)
        process = subprocess.Popen([CTC, "compile", *target, "large.yaml"], cwd=scene.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Half of them near the end, where files are written.
        time.sleep(whole * (chance.uniform(0.7, 1.0) if chance.random() < 0.5 else chance.random()))
        process.kill()
        process.wait()
        for name in names:
            content = (scene.out / name).read_bytes()
            expect(content in (OLD, new[name]), f"{name} is neither old nor new: {len(content)} bytes")
            seen["new" if content == new[name] else "old"] += 1
        # What is left over where a name had to be given must not look like rules.
        strays = [name for name in os.listdir(scene.out) if name not in names and not name.startswith(".")]
        expect(not strays, f"stray files: {strays}")
    expect(seen["old"], f"never killed before it was done: {seen}")


def killed_while_writing_a_file(scene):
    """SIGKILL with -o FILE"""
    killed(scene, ["-4", "-o", "out/rules"], ["rules"])


def killed_while_writing_a_folder(scene):
    """SIGKILL with -o DIR/"""
    killed(scene, ["-o", "out/"], ["rules.v4", "rules.v6"])


TESTS = [
    new_file, new_file_is_private, old_file_is_replaced, readers_keep_the_old_file, wrong_policy_keeps_the_file,
    mode_is_kept, owner_is_kept, symlinks_stay, chain_of_symlinks_stays, dangling_symlink, looping_symlink,
    target_is_a_folder, target_has_no_folder, target_is_below_a_file, target_has_no_name, long_names, pipes_stay,
    devices_stay, folder_is_gone, limited_files, limited_memory, limited_descriptors, folder_gets_both,
    folder_keeps_both, folder_with_a_folder_in_the_way, folder_with_a_folder_in_the_way_and_nothing_else,
    folder_with_symlinks, folder_does_not_exist, read_only_folder, killed_while_writing_a_file,
    killed_while_writing_a_folder,
]
TESTS_WITH_DISK = [full_disk, disk_without_inodes, full_disk_for_a_folder, read_only_disk]
