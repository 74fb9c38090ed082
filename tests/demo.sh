#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh: one policy and the rules it becomes, then how many rules the other examples of the article give. Rules
# are tried on the system's iptables-restore where there is one that may be asked; nothing is ever loaded.
set -eu
cd "$(dirname "$0")/.."
ctc=${CTC:-build/release/ctc}
PATH=$PATH:/usr/sbin:/sbin

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

heading() {
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

indented() { # comments dimmed
    sed -e "s/^\( *#.*\)$/$dim\1$plain/" -e 's/^/    /'
}

# What `iptables-restore --test` makes of a rule file, in a network namespace of its own where one can be had.
tried() { # tool file
    local answer
    if ! command -v "$1" >/dev/null; then
        echo "not tried: no $1 here"
    elif [ "$(id -u)" -ne 0 ]; then
        echo "not tried: $1 --test needs root"
    elif ! unshare --net true 2>/dev/null; then
        echo "not tried: no network namespace to try it in"
    elif answer=$(unshare --net "$1" --test "$2" 2>&1); then
        echo "$1 --test: fine"
    else
        echo "$1 --test: $(head -n 1 <<<"$answer")"
    fi
}

shopt -s nullglob
policies=(examples/article-*.yaml)
if [ ${#policies[@]} -eq 0 ]; then
    echo 'demo: no examples/article-*.yaml here' >&2
    exit 1
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

first=${policies[0]}
heading "A policy: $first"
indented <"$first"
heading "The rules it becomes: ctc $first"
"$ctc" compile -4 "$first" >"$out/first.v4"
indented <"$out/first.v4"

heading 'Rules by policy'
printf '  %-36s %6s %6s\n' policy IPv4 IPv6
for policy in "${policies[@]}"; do
    name=$(basename "$policy" .yaml)
    for family in 4 6; do
        "$ctc" compile "-$family" "$policy" >"$out/$name.v$family" 2>/dev/null ||
            "$ctc" compile "-$family" "$policy" >/dev/null # once more, to show what is wrong
    done
    printf '  %-36s %6d %6d\n' "$policy" "$(grep -c '^-A' "$out/$name.v4")" "$(grep -c '^-A' "$out/$name.v6")"
    printf '    %s%s; %s%s\n' "$dim" "$(tried iptables-restore "$out/$name.v4")" \
        "$(tried ip6tables-restore "$out/$name.v6")" "$plain"
done

heading 'Next'
echo "  $ctc ${first}      the same by hand; -6 for IPv6"
echo "  $ctc help                  what else there is"
