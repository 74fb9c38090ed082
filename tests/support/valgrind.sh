#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# valgrind.sh PROGRAM...: the unit programs, then $CTC on each example, under valgrind: no bad access, no leak.
set -u
cd "$(dirname "$0")/../.." || exit 1

export RUN_UNDER="${VALGRIND:-valgrind} --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all"
read -ra under <<<"$RUN_UNDER"

# shellcheck source=tests/support/tally.sh
. tests/support/tally.sh
if tests/support/unit.sh "$@"; then
    pass
else
    fail 'unit programs'
fi

for policy in examples/*.yaml; do
    [ -e "$policy" ] || continue
    for family in -4 -6; do
        if "${under[@]}" "$CTC" compile "$family" "$policy" >/dev/null; then
            pass
        else
            fail "ctc compile $family $policy"
        fi
    done
done

tally
