#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [--update]: what `ctc check` finds in rulesets.
#
#   NAME.rules   a ruleset; one of IPv6 is NAME.v6.rules
#   NAME.txt     what `ctc check NAME.rules` prints
#
# --update writes what it finds into the files, for a person to review. Behind them stand what several files and files of
# expectations do, and article.tsv: what is wrong in the rulesets of the article that ctc was made for, of which the originals
# are tried where ../shared has them. Takes the binary from $CTC.
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
shared=$(realpath "${SHARED:-$(dirname "$0")/../../../shared}" 2>/dev/null) || shared=
cd "$(dirname "$0")" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/support/tally.sh
. ../support/tally.sh

check_ruleset() { # FILE
    local family=-4 expected=${1%.rules}.txt wanted=0
    [[ $1 != *.v6.rules ]] || family=-6
    [[ $1 != unloadable* ]] || wanted=1
    "$ctc" check "$family" "$1" >"$work/found" 2>"$work/stderr"
    local status=$?
    if [ "${update-}" ]; then
        cp "$work/found" "$expected"
    fi
    judge "$1" "$([ "$status" -eq "$wanted" ] || echo "ends with status $status"; cat "$work/stderr"
        diff -u --label "$expected" --label "$expected, now" "$expected" "$work/found" 2>&1)"
}

check_status() { # what wanted-status wanted-text arguments...
    local what=$1 wanted=$2 text=$3 status
    shift 3
    "$ctc" "$@" >"$work/found" 2>&1
    status=$?
    judge "$what" "$([ "$status" -eq "$wanted" ] || echo "status $status, not $wanted"
        grep -qF -- "$text" "$work/found" || { echo "does not say: $text" && cat "$work/found"; })"
}

check_absent() { # what name arguments...
    local what=$1 name=$2
    shift 2
    judge "$what: not $name" "$("$ctc" "$@" 2>&1 | grep -F "[$name]")"
}

check_several() {
    printf 'version: 1\nallow: [ssh]\n' >"$work/policy.yaml"
    printf 'expect:\n  - {packets: in eth0 tcp to port 22, verdict: accept}\n' >"$work/ssh.yaml"
    printf 'version: 1\nexpect: {packets: in eth0 tcp to port 80, verdict: refuse}\n' >"$work/web.yaml"
    printf 'expects: []\n' >"$work/key.yaml"
    printf '# nothing\n' >"$work/empty.yaml"

    check_status 'several files: a line of counts each' 0 'open.rules: ' check "$work/policy.yaml" open.rules
    check_status 'several files: the worst exit code' 3 'cannot read it' check "$work/policy.yaml" "$work/none.rules" open.rules
    check_status 'warnings are errors in every file' 1 'error' check --strict "$work/policy.yaml" open.rules
    check_status 'an expectation of rules and of a policy' 0 'shut.v6.rules: fine' \
        check -6 --expect "$work/web.yaml" "$work/policy.yaml" shut.v6.rules
    check_status 'an expectation that fails for rules' 1 'ssh.yaml:2:5: error: IPv4: expected accept of open.rules' \
        check --expect "$work/ssh.yaml" "$work/policy.yaml" open.rules
    check_status 'what decides is named' 1 'decided by filter INPUT policy, open.rules:' check --expect "$work/ssh.yaml" open.rules
    check_status 'one finding where both families fail' 1 "policy.yaml: 1 error" \
        check --expect <(sed 's/22/25/' "$work/ssh.yaml") "$work/policy.yaml"
    # shellcheck disable=SC2016 # backquotes of the message
    check_status 'a key that no file of expectations has' 1 'has no key `expects`' check --expect "$work/key.yaml" open.rules
    check_status 'an empty file of expectations' 1 'write expect:' check --expect "$work/empty.yaml" open.rules
    check_status 'rulesets of IPv4 say nothing of IPv6' 0 'all of these rules are of IPv4' check open.rules sane.rules
    check_status 'a ruleset of IPv6 says it' 0 'shut.v6.rules: fine' check sane.rules shut.v6.rules
    check_absent 'a ruleset of IPv6 beside one of IPv4' one-family check sane.rules shut.v6.rules
    check_absent 'a policy beside one of IPv4' one-family check "$work/policy.yaml" sane.rules
    check_absent 'a family that is named' one-family check -4 sane.rules
    check_absent 'a fragment for other rules' one-family check fragment.rules
    check_status 'standard input is read once' 2 'standard input' check --expect - -
    check_status 'a ruleset is no policy to compile' 1 '[not-a-policy]' compile open.rules
    check_status 'a ruleset on standard input' 0 '<stdin>: ' check - <open.rules
}

# Whether `ctc check` finds something at FILE:LINE; with a word behind the finding's name, in a text that says it.
check_fault() { # FAULT FINDING FILE:LINE
    local file=${3%:*} line=${3##*:} name=${2%% *} word=${2#"${2%% *}"}
    local at=$line:1
    [ "$line" != 0 ] || at=
    judge "$file: $1" "$("$ctc" check "$file" 2>&1 | grep -F "[$name]" | grep -F -- "${word# }" |
        grep -qF "$file:$at${at:+: }" || echo "no $2 at line $line")"
}

check_article() {
    local fault finding ours original
    while IFS=$'\t' read -r fault finding ours original; do
        [[ $fault != \#* ]] || continue
        check_fault "$fault" "$finding" "$ours"
        if [ "$original" = - ]; then
            continue
        elif [ -d "$shared/article" ]; then
            check_fault "$fault" "$finding" "$shared/article/$original"
        else
            skipped=$((skipped + 1))
        fi
    done <article.tsv
}

[ "${1-}" != --update ] || update=yes
for ruleset in *.rules; do
    check_ruleset "$ruleset"
done
check_several
check_article

tally
