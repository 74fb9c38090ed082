#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures ctc, in Markdown: `tests/bench/run.sh --large >tests/bench/RESULTS.md` makes the page that stands there, and
# its picture; `--without-packets` leaves out what rules cost packets. Takes the binary from $CTC, and what `make bench` has
# built beside it. As root, ctc stands beside others, in network namespaces of their own. Nothing is judged: what is fast
# enough depends on the machine.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
CTC=${CTC:-$here/../../build/release/ctc}
built=$(dirname -- "$CTC")
case " $* " in *" --large "*) set -- "$@" --picture "$here/growth.svg" ;; esac

# Not the lock that the machine's own firewall takes.
XTABLES_LOCKFILE=$(mktemp)
export XTABLES_LOCKFILE
trap 'rm -f "$XTABLES_LOCKFILE"' EXIT
"${PYTHON:-/usr/bin/python3}" -B "$here/bench.py" "$CTC" "$built/stages" "$built/packets" "$@"
