#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Small policies come out with no more rules than a careful person would write, and without trees.
#
#   NAME.v4, NAME.v6   what such a person writes for NAME's policy: nothing that could be left out, ports in one rule where
#                      one takes them, a chain only where it saves rules
#   policies.tsv       NAME, its policy, by how many rules ctc's are known to be more (IPv4, IPv6), and why
#
# That both mean the same, tracking included, `ctc diff` says; then the rules are counted. What is known to be more must
# be so exactly: it can only shrink. Takes the binary from $CTC.
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
cd "$(dirname "$0")" || exit 1
entries=20 # of a policy that is small
passed=0 failed=0

judge() { # what problems
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAILED: %s\n' "$1"
        printf '%s\n' "$2" | sed 's/^/    /'
    fi
}

count_rules() { # on standard input
    grep -c '^-A '
}

compare() { # family policy companion known-excess
    local rules ours theirs
    rules=$("$ctc" compile "-$1" "$2" 2>&1) || { echo "$rules" && return; }
    "$ctc" diff "-$1" "$2" "$3" 2>&1 || echo 'they do not mean the same'
    ours=$(count_rules <<<"$rules")
    theirs=$(count_rules <"$3")
    [ "$theirs" -gt 0 ] || echo "no rules in $3"
    [ "$ours" -eq $((theirs + $4)) ] || echo "$ours rules, by hand $theirs, known to be more: $4"
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

while IFS=$'\t' read -r name policy more4 more6 why; do
    [[ $name != \#* ]] || continue
    judge "$name: size" "$(check_size "$policy")"
    judge "$name, IPv4" "$(compare 4 "$policy" "$name.v4" "$more4" | sed '/^no traffic changes$/d')"
    judge "$name, IPv6" "$(compare 6 "$policy" "$name.v6" "$more6" | sed '/^no traffic changes$/d')"
    if [ "$more4$more6" != 00 ]; then
        judge "$name: a reason" "$([ "$why" ] || echo 'none for what is more')"
    fi
done <policies.tsv
for companion in *.v[46]; do
    judge "$companion is tried" "$(grep -q "^${companion%.v?}"$'\t' policies.tsv || echo 'not in policies.tsv')"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
