#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Proves that the JSON Schema of the language and ctc's own reader accept and refuse the same policies.
# Takes the binary from $CTC; without one, only the schema's side is judged.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# The distribution's Python, which has jsonschema and yaml as packages.
exec "${PYTHON:-/usr/bin/python3}" -B "$here/judge.py" "$@"
