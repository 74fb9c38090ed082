#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gives ctc policies that mean harm and places where writing fails. Takes the binary from $CTC; time and memory are
# judged of release builds only (MODE, or the last part of BUILD). ONLY=WORD runs the tests whose name has it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec "${PYTHON:-/usr/bin/python3}" -B "$here/judge.py" "$@"
