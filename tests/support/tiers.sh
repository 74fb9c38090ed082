#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tiers.sh TARGET...: make each target, $LANES of them at a time (one for each processor unless given), go on past
# failures, and close with a table of how they went, in the order given. Most tiers keep one processor busy. What a
# tier prints is shown in one piece when it ends.
#
# A tier passes when its target succeeds and its last line is a tally without failures ("12 passed, 0 failed",
# or with ", 3 skipped"). A tier that ends without a tally was cut short, and one that tried nothing proves
# nothing: both have failed. A tier that only skipped counts as skipped.
set -u

tally='^([0-9]+) passed, ([0-9]+) failed(, [0-9]+ skipped)?$'

tenths() { # since the epoch
    local now=${EPOCHREALTIME/[.,]/}
    echo $((now / 100000))
}

# Leaves what became of the tier in $results: one word, then the row of the table.
perform() { # tier
    local tier=$1 log=$results/$1.log make start took status last result

    read -ra make <<<"${MAKE:-make}"
    start=$(tenths)
    "${make[@]}" "$tier" >"$log" 2>&1
    status=$?
    took=$(($(tenths) - start))

    last=$(tail -n 1 "$log")
    if [ "$status" -ne 0 ]; then
        result=FAILED
        [[ $last =~ $tally ]] || last=$(grep -E "$tally" "$log" | tail -n 1)
    elif ! [[ $last =~ $tally ]]; then
        result=FAILED last='ended without a tally'
    elif [ "${BASH_REMATCH[2]}" -ne 0 ]; then
        result=FAILED
    elif [ "${BASH_REMATCH[1]}" -ne 0 ]; then
        result=passed
    elif [ -n "${BASH_REMATCH[3]}" ]; then
        result=skipped
    else
        result=FAILED last='tried nothing'
    fi
    {
        echo "$result"
        printf '  %-15s %-8s %5d.%d s   %s\n' "$tier" "$result" $((took / 10)) $((took % 10)) "$last"
    } >"$results/$tier"
    { flock 9 && printf '\n== %s\n' "$tier" && cat "$log"; } 9>"$results/.output"
}

if [ "$1" = --into ]; then # one of the lanes
    results=$2
    perform "$3"
    exit
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
printf '%s\n' "$@" | xargs -P "${LANES:-$(nproc)}" -n 1 "$0" --into "$results"

# shellcheck source=tests/support/tally.sh
. "$(dirname "$0")/tally.sh"
echo
for tier in "$@"; do
    { read -r result && read -r row; } <"$results/$tier" 2>/dev/null || result=FAILED row="$tier FAILED: it was cut short"
    echo "  $row"
    case $result in
    passed) pass ;;
    skipped) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
    esac
done
tally
