#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel tier: load emitted rules in network namespaces of its own and send real packets.
#
#   CTC=build/release/ctc BUILD=build/release tests/kernel/run.sh [-v] [-j WORKERS] [WORDS...]
#
# VIA_STEPS=all: programs fail at every call, and not only at some (test_via.py); VIA_BUSY=N: beside so many busy loops.
# GUARD_STEPS=all: so do the guard's calls (test_guard.py).
# PACKETS (10000) and SEED say how many packets meet the boundaries of rules, and which (test_agree.py).
#
# Needs root. The machine's own namespace sees nothing of it: all runs in a namespace that is made
# here first, and every namespace ends with the process that holds it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=$(realpath -m "${BUILD:-$root/build/release}")
CTC=$(realpath -m "${CTC:-$BUILD/ctc}")
python=${PYTHON:-/usr/bin/python3}

# Where a run cannot happen: fine on somebody's desk, a failure in CI.
cannot_run() {
    if [ "${CI:-}" = true ]; then
        echo "FAIL the kernel tier cannot run: $1"
        echo "0 passed, 1 failed"
        exit 1
    fi
    echo "skipped: the kernel tier cannot run: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

[ "$(id -u)" = 0 ] || cannot_run "it needs root, to make network namespaces and load rules"
PATH=$PATH:/usr/sbin:/sbin
unshare --net true 2>/dev/null || cannot_run "this root may not make network namespaces"
for tool in ip ipset nft conntrack ip{,6}tables-{legacy,nft}-{restore,save}; do
    command -v "$tool" >/dev/null || cannot_run "$tool is not installed"
done
unshare --net iptables-legacy-save -t filter >/dev/null 2>&1 ||
    cannot_run "this kernel has no legacy tables"
LOADER=$BUILD/loader SETS=$BUILD/sets
for program in "$CTC" "$LOADER" "$SETS"; do
    [ -x "$program" ] && continue
    echo "FAIL there is no $program; build it with make, or set CTC and BUILD"
    echo "0 passed, 1 failed"
    exit 1
done

scratch=$(mktemp -d)
runner=
# shellcheck disable=SC2317    # the trap calls it
clean_up() {
    # Its children end with it, and their namespaces with them.
    [ -z "$runner" ] || kill -9 "$runner" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

mkdir -p "$BUILD"
for program in fill_table fill_shares; do
    "${CC:-cc}" -std=c11 -D_DEFAULT_SOURCE -O2 -Wall -Wextra -Werror -o "$BUILD/$program" \
        "$here/$program.c" -lnetfilter_conntrack
done
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Werror -shared -fPIC -o "$BUILD/faults.so" "$here/faults.c" -ldl

export CTC LOADER SETS PATH
export FAULTS=$BUILD/faults.so
export FILL_TABLE=$BUILD/fill_table FILL_SHARES=$BUILD/fill_shares SCRATCH=$scratch
export XTABLES_LOCKFILE=$scratch/lock    # not the one the machine's own firewall takes
export PYTHONDONTWRITEBYTECODE=1
# Faults are preloaded ahead of a sanitizer's own library (make check-kernel-asan).
export ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# What is remembered of an apply is in memory, as below /run, so that no disk is waited for.
# shellcheck disable=SC2016    # the inner shell expands it
unshare --net --mount sh -c 'mount -t tmpfs ctc "$SCRATCH" && exec "$@"' sh "$python" "$here/run.py" "$@" &
runner=$!
status=0
wait "$runner" || status=$?
runner=
exit "$status"
