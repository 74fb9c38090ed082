#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [--update] [CASE...]: what $CTC makes of each case's policy.yaml, compared with the files beside it.
#
#   CASE/policy.yaml      the policy; what it names stands beside it
#   CASE/diagnostics.txt  the text that `ctc check` prints
#   CASE/v4.rules         the rules for IPv4; absent where the policy is refused
#   CASE/v6.rules         the same for IPv6
#   CASE/sets             the sets that `--sets` writes, where it is asked for: an empty file asks, too
#   CASE/options          further arguments of `ctc compile`, where there are any
#   CASE/check-options    further arguments of `ctc check`, where there are any
#
# --update writes what it finds into the files, for a person to review: git diff tests/golden.
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/support/tally.sh
. ../support/tally.sh
choose_cases policy.yaml "$@"
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

words() { # the words of an optional file of arguments
    [ ! -e "$1" ] || cat "$1"
}

without_version() {
    sed '1s/ctc [0-9][^ ]*/ctc VERSION/'
}

make_rules() { # FAMILY: what `ctc compile` prints
    local options status
    read -ra options <<<"$(words options)"
    [ ! -e sets ] || options+=(--sets "$new/made")
    "$ctc" compile "-$1" "${options[@]}" policy.yaml 2>"$new/stderr" | without_version >"$new/v$1.rules"
    status=${PIPESTATUS[0]}
    [ ! -e "$new/made" ] || without_version <"$new/made" >"$new/sets"
    rm -f "$new/made"
    return "$status"
}

# Makes the files of the case in the current folder; prints what is wrong without any comparison.
make_case() {
    local options status family
    rm -f "$new"/*
    read -ra options <<<"$(words check-options)"
    "$ctc" check "${options[@]}" policy.yaml >"$new/diagnostics.txt" 2>"$new/stderr"
    status=$?
    [ "$status" -le 3 ] || echo "ctc check ends with status $status"
    [ ! -s "$new/stderr" ] || { echo 'ctc check writes to standard error:' && cat "$new/stderr"; }

    for family in 4 6; do
        make_rules "$family"
        local compiled=$?
        # `check --strict` refuses what `compile` takes.
        if [ "$compiled" -ne "$status" ] && [ ! -e check-options ]; then
            echo "ctc compile -$family ends with status $compiled, ctc check with $status"
        fi
        if [ "$compiled" -ne 0 ]; then
            [ ! -s "$new/v$family.rules" ] || echo "ctc compile -$family fails and prints rules"
            rm -f "$new/v$family.rules"
        fi
    done
    rm -f "$new/stderr"
}

compare_case() {
    local file
    for file in diagnostics.txt v4.rules v6.rules sets; do
        if [ -e "$new/$file" ] && [ -e "$file" ]; then
            diff -u --label "$file" --label "$file, now" "$file" "$new/$file"
        elif [ -e "$new/$file" ]; then
            echo "$file is not on file"
        elif [ -e "$file" ]; then
            echo "$file is no longer made"
        fi
    done
}

update_case() {
    rm -f diagnostics.txt v4.rules v6.rules sets
    cp "$new"/* .
}

for case in "${cases[@]}"; do
    pushd "$case" >/dev/null || exit 1
    problems=$(make_case)
    if $update; then
        update_case
    else
        problems+=$(compare_case)
    fi
    popd >/dev/null || exit 1
    judge "$case" "$problems"
done
tally
