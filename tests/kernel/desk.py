# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of a host that go wrong when they are told to: an own /usr/sbin, in a mount namespace of the process that is
started and nobody else."""
import os
import shutil
from pathlib import Path

FAMILIES = ("iptables", "ip6tables")
VARIANTS = ("nft", "legacy")

# Stands for a program of iptables. The call of that number, of the programs whose names end so, goes wrong.
WRAPPER = """#!/bin/sh
here=/usr/sbin
name=${0##*/}
real="$here/${name%%-*}-VARIANT-${name#*-}"
[ "$1" = -V ] && exec "$real" "$@"
echo "$name" >>$here/log
read -r at what how <$here/fault
case $name in *$what) echo "$name" >>$here/counted ;; *) exec "$real" "$@" ;; esac
[ "$(grep -c . $here/counted)" = "$at" ] || exec "$real" "$@"
case $how in
fail) echo "it does not want to" >&2; exit 1 ;;
fail-late) "$real" "$@"; echo "it is done, and unhappy" >&2; exit 1 ;;
die) kill -9 $$ ;;
die-late) "$real" "$@"; kill -9 $$ ;;
hang) exec sleep 1000 ;;
kill) kill -9 $PPID; exec "$real" "$@" ;;
kill-late) "$real" "$@"; kill -9 $PPID ;;
kill-fail) echo "1 $what fail" >$here/fault; : >$here/counted; kill -9 $PPID; exec "$real" "$@" ;;
kill-both) for each in $(cat /proc/$PPID/task/$PPID/children); do [ "$each" = $$ ] || kill -9 "$each"; done
    kill -9 $PPID; exec "$real" "$@" ;;
stop-late) "$real" "$@"; kill -STOP $PPID ;;
others) /usr/sbin/iptables-VARIANT -A INPUT -p tcp --dport 9 -j ACCEPT; exec "$real" "$@" ;;
esac
"""

# What else ctc and the programs start, and the programs by their own names.
OTHERS = ("modprobe",)
ENTER = 'mount --bind "$0" /usr/sbin && mount --bind "$0" /sbin && exec env "$@"'


class Desk:
    """`variants` are installed, the first as iptables-restore and its like."""

    def __init__(self, name: str, variants: tuple[str, ...] = VARIANTS):
        self.path = Path(os.environ["SCRATCH"]) / f"sbin {name}"
        self.path.mkdir()
        for variant in variants:
            program = self.path / f"xtables-{variant}-multi"
            shutil.copy(shutil.which(program.name), program)
            for family in FAMILIES:
                for what in ("", "-save", "-restore"):
                    (self.path / f"{family}-{variant}{what}").symlink_to(program.name)
        if variants:
            self.install(variants[0])
        self.fault()

    def install(self, variant: str) -> None:
        """From now on iptables-restore and its like are of that variant."""
        for family in FAMILIES:
            for what in ("save", "restore"):
                wrapper = self.path / f"{family}-{what}"
                wrapper.write_text(WRAPPER.replace("VARIANT", variant), encoding="ascii")
                wrapper.chmod(0o755)

    def fault(self, at: int = 0, what: str = "", how: str = "") -> None:
        """From now on. Forgets what was called so far."""
        (self.path / "fault").write_text(f"{at} {what or '-none'} {how}\n", encoding="ascii")
        for name in ("log", "counted"):
            (self.path / name).write_text("", encoding="ascii")

    def called(self) -> list[str]:
        return (self.path / "log").read_text(encoding="ascii").split()

    def words(self, *command: str, more: dict[str, str] | None = None) -> list[str]:
        """A command that sees these programs, with more in its environment."""
        settings = [f"{name}={value}" for name, value in (more or {}).items()]
        return ["unshare", "--mount", "sh", "-c", ENTER, str(self.path), *settings, *command]
