#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# valgrind.sh PROGRAM...: the unit programs, then $CTC on each example, under valgrind: no bad access, no leak.
set -u
cd "$(dirname "$0")/../.." || exit 1

export RUN_UNDER="${VALGRIND:-valgrind} --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all"
read -ra under <<<"$RUN_UNDER"

passed=0 failed=0
if tests/support/unit.sh "$@"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi

for policy in examples/*.yaml; do
    [ -e "$policy" ] || continue
    for family in -4 -6; do
        if "${under[@]}" "$CTC" compile "$family" "$policy" >/dev/null; then
            passed=$((passed + 1))
        else
            echo "  FAILED: ctc compile $family $policy"
            failed=$((failed + 1))
        fi
    done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
