#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Looks at the pages that `ctc report` makes: their structure, what they say, and, where a Chromium is installed, how a
# browser shows them. Takes the binary from $CTC.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec "${PYTHON:-/usr/bin/python3}" -B "$here/judge.py" "$@"
