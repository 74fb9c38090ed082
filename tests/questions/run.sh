#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [--update] [CASE...]: what $CTC answers to the questions of each case, compared with what is on file.
#
#   CASE/commands       a command a line, run in the case's folder; `#` begins a comment
#   CASE/expected.txt   each command, what it prints on both outputs, and its exit code where that is not 0
#
# Then the packets that `ctc diff` names for each change of examples and cases are asked about again (asked_again.py).
# --update writes what it finds, for a person to review: git diff tests/questions.
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/support/tally.sh
. ../support/tally.sh
choose_cases commands "$@"
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

# shellcheck disable=SC2329 # the evaluated commands call it
ctc() { "$ctc" "$@"; }

answer() { # the commands of the case in the current folder, with what they answer
    local line status
    while IFS= read -r line; do
        case $line in
        '' | '#'*) continue ;;
        esac
        printf '$ %s\n' "$line"
        (eval "$line") 2>&1
        status=$?
        [ "$status" -eq 0 ] || echo "[exit $status]"
    done <commands
}

for case in "${cases[@]}"; do
    (cd "$case" && answer) </dev/null 2>&1 | sed -e 's/"ctc": "[^"]*"/"ctc": "VERSION"/' -e 's/made by ctc [0-9][^ ]*/made by ctc VERSION/' >"$new/answers"
    if "$update"; then
        cp "$new/answers" "$case/expected.txt"
    fi
    judge "$case" "$(diff -u "$case/expected.txt" "$new/answers" 2>&1)"
done

# Any Python 3: nothing beyond its standard library is needed.
again=$(CTC=$ctc python3 -B ./asked_again.py)
status=$?
echo "$again" | sed '$d'
tally=$(echo "$again" | tail -n 1)
if [[ $tally =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
else
    fail "asked_again.py ends with status $status and without a tally"
fi
tally
