#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures ctc, in Markdown: `tests/bench/run.sh --large >tests/bench/RESULTS.md` makes the page that stands there.
# Takes the binary from $CTC. As root, ctc stands beside the loaders of its output, which only test, in a network
# namespace of their own. Nothing is judged: what is fast enough depends on the machine.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
CTC=${CTC:-$here/../../build/release/ctc}
stages=$(dirname -- "$CTC")/stages
[ -x "$stages" ] || stages=

# Not the lock that the machine's own firewall takes.
XTABLES_LOCKFILE=$(mktemp)
export XTABLES_LOCKFILE
trap 'rm -f "$XTABLES_LOCKFILE"' EXIT
"${PYTHON:-/usr/bin/python3}" -B "$here/bench.py" "$CTC" ${stages:+"$stages"} "$@"
