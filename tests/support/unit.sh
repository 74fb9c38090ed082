#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unit.sh PROGRAM...: run each cmocka program (under $RUN_UNDER where that is set), show a line for each and all it
# printed when it failed, and count its cases.
set -u

read -ra under <<<"${RUN_UNDER:-}"
limit=${UNIT_TIMEOUT:-300} # seconds; no test comes near it
export CMOCKA_MESSAGE_OUTPUT=TAP UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

count() { # lines of the log that match
    grep -cE "$1" "$log"
}

# shellcheck source=tests/support/tally.sh
. "$(dirname "$0")/tally.sh"
for program in "$@"; do
    timeout "$limit" "${under[@]}" "$program" >"$log" 2>&1
    status=$?
    bad=$(count '^not ok ')
    skip=$(count '^ok .*# SKIP')
    good=$(($(count '^ok ') - skip))

    # A crash, a leak report or a time-out shows only in the exit status.
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    # A program that ran nothing tests nothing.
    [ $((good + bad + skip)) -eq 0 ] && bad=1

    printf '  %-28s %4d passed' "${program##*/}" "$good"
    [ "$skip" -gt 0 ] && printf ', %d skipped' "$skip"
    if [ "$bad" -gt 0 ]; then
        printf ', %d FAILED (exit status %d)\n' "$bad" "$status"
        sed 's/^/    /' "$log"
    else
        printf '\n'
    fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

tally
