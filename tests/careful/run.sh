#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Small policies come out with no more rules than a careful person would write, and without trees.
#
#   NAME.v4, NAME.v6   what such a person writes for NAME's policy, from reading it: nothing that could be left out, ports in
#                      one rule where one takes them, a chain only where it saves rules
#   policies.tsv       NAME, and its policy
#
# That both mean the same, tracking included, `ctc diff` says; then the rules are counted. There must be as many: where the
# compiler needs fewer, the person was not careful. Takes the binary from $CTC.
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
cd "$(dirname "$0")" || exit 1
entries=20 # of a policy that is small
# shellcheck source=tests/support/tally.sh
. ../support/tally.sh

count_rules() { # on standard input
    grep -c '^-A '
}

compare() { # family policy companion
    local rules ours theirs
    rules=$("$ctc" compile "-$1" "$2" 2>&1) || { echo "$rules" && return; }
    "$ctc" diff "-$1" "$2" "$3" 2>&1 || echo 'they do not mean the same'
    ours=$(count_rules <<<"$rules")
    theirs=$(count_rules <"$3")
    [ "$theirs" -gt 0 ] || echo "no rules in $3"
    [ "$ours" -eq "$theirs" ] || echo "$ours rules, by hand $theirs"
    # The only chains of a small policy are those that the default shares with limits, and the person's own.
    grep '^:.* - ' <<<"$rules" | grep -v '^:ctc-default-'
}

# No policy here may slip past the size of which the sentence speaks: entries are the items of the lists.
check_size() { # policy
    local count
    count=$(awk '/^[a-z]/ { list = /^(trust|deny|allow|connect|forward):/ }
        list && /^[a-z_]+: *\[/ { count += gsub(/,/, ",") + 1 }
        list && /^ *- / { count++ }
        END { print count + 0 }' "$1")
    [ "$count" -gt 0 ] || echo "no entries in $1"
    [ "$count" -le "$entries" ] || echo "$count entries in $1"
}

while IFS=$'\t' read -r name policy; do
    [[ $name != \#* ]] || continue
    judge "$name: size" "$(check_size "$policy")"
    judge "$name, IPv4" "$(compare 4 "$policy" "$name.v4" | sed '/^no traffic changes$/d')"
    judge "$name, IPv6" "$(compare 6 "$policy" "$name.v6" | sed '/^no traffic changes$/d')"
done <policies.tsv
for companion in *.v[46]; do
    judge "$companion is tried" "$(grep -q "^${companion%.v?}"$'\t' policies.tsv || echo 'not in policies.tsv')"
done

tally
