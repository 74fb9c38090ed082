#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gives ctc policies that mean harm and places where writing fails. Takes the binary from $CTC; under a sanitizer
# (MODE=asan, or BUILD ending in /asan) time and memory are not judged. ONLY=WORD runs the tests whose name has it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec "${PYTHON:-/usr/bin/python3}" -B "$here/judge.py" "$@"
