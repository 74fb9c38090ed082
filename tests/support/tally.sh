# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# To be sourced by tiers that are shell scripts: what passed is counted, and `tally` ends the tier as tiers.sh reads it.
passed=0 failed=0 skipped=0

pass() {
    passed=$((passed + 1))
}

fail() { # what [problems]
    failed=$((failed + 1))
    printf '  FAILED: %s\n' "$1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/    /'
}

skip() { # what
    skipped=$((skipped + 1))
    echo "  skipped: $1"
}

judge() { # what problems: passes where there are none
    if [ -z "$2" ]; then
        pass
    else
        fail "$1" "$2"
    fi
}

tally() { # the last line, and the tier's status
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ]
}

# For tiers whose cases are folders: `run.sh [--update] [CASE...]`. Sets `update` to true or false, and `cases`: those that are
# named, else all folders here that have the file.
# shellcheck disable=SC2034 # the sourcing script reads them
choose_cases() { # FILE arguments...
    local file=$1
    shift
    update=false
    if [ "${1-}" = --update ]; then
        update=true
        shift
    fi
    cases=("$@")
    if [ $# -eq 0 ]; then
        cases=(*/"$file")
        cases=("${cases[@]%/"$file"}")
    fi
}
