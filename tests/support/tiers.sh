#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tiers.sh TARGET...: make each target in turn, go on past failures, and close with a table of how they went.
#
# A tier passes when its target succeeds and its last line is a tally without failures ("12 passed, 0 failed",
# or with ", 3 skipped"). A tier that ends without a tally was cut short, and one that tried nothing proves
# nothing: both have failed. A tier that only skipped counts as skipped.
set -u

read -ra make <<<"${MAKE:-make}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
tally='^([0-9]+) passed, ([0-9]+) failed(, [0-9]+ skipped)?$'

tenths() { # microseconds since the epoch, in tenths of a second
    local now=${EPOCHREALTIME/[.,]/}
    echo $((now / 100000))
}

passed=0 failed=0 skipped=0 table=
for tier in "$@"; do
    printf '\n== %s\n' "$tier"
    start=$(tenths)
    "${make[@]}" "$tier" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    took=$(($(tenths) - start))

    last=$(tail -n 1 "$log")
    if [ "$status" -ne 0 ]; then
        result=FAILED failed=$((failed + 1))
        [[ $last =~ $tally ]] || last=$(grep -E "$tally" "$log" | tail -n 1)
    elif ! [[ $last =~ $tally ]]; then
        result=FAILED failed=$((failed + 1)) last='ended without a tally'
    elif [ "${BASH_REMATCH[2]}" -ne 0 ]; then
        result=FAILED failed=$((failed + 1))
    elif [ "${BASH_REMATCH[1]}" -ne 0 ]; then
        result=passed passed=$((passed + 1))
    elif [ -n "${BASH_REMATCH[3]}" ]; then
        result=skipped skipped=$((skipped + 1))
    else
        result=FAILED failed=$((failed + 1)) last='tried nothing'
    fi
    table+=$(printf '  %-15s %-8s %5d.%d s   %s' "$tier" "$result" $((took / 10)) $((took % 10)) "$last")$'\n'
done

printf '\n%s' "$table"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
