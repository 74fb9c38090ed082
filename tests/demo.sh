#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh: one policy and the rules it becomes, then three more: how many rules they give and what they put right. Rules
# are tried on the system's iptables-restore where there is one that may be asked; nothing is ever loaded.
set -eu
cd "$(dirname "$0")/.."
ctc=${CTC:-build/release/ctc}
PATH=$PATH:/usr/sbin:/sbin

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

heading() {
    printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"
}

indented() { # comments dimmed
    sed -e "s/^\( *#.*\)$/$dim\1$plain/" -e 's/^/    /'
}

# How many rules of a table are in a rule file.
rules_in() { # table file
    awk -v table="*$1" '/^\*/ { here = $0 == table } /^-A/ && here { n++ } END { print n + 0 }' "$2"
}

# What `iptables-restore --test` makes of the rule files, in a network namespace of its own where one can be had.
tried() { # tool file...
    local tool=$1 file answer
    shift
    if ! command -v "$tool" >/dev/null; then
        echo "$tool: not tried, it is not here"
    elif [ "$(id -u)" -ne 0 ]; then
        echo "$tool: not tried, it needs root"
    elif ! unshare --net true 2>/dev/null; then
        echo "$tool: not tried, there is no network namespace to try it in"
    else
        for file in "$@"; do
            if ! answer=$(unshare --net "$tool" --test "$file" 2>&1); then
                echo "$tool --test, ${file#"$out"/}: $(head -n 1 <<<"$answer")"
                return
            fi
        done
        echo "$tool --test takes all of them"
    fi
}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

compile() { # policy: its rules.v4 and rules.v6, in a folder with its name
    local folder
    folder=$out/$(basename "$1" .yaml)
    mkdir "$folder"
    "$ctc" compile -o "$folder/" "$1"
}

first=examples/first.yaml
compile "$first"
heading "A policy, $first:"
tail -n +3 "$first" | indented
heading "The rules it becomes for IPv4, by: ctc -4 $first"
indented <"$out/first/rules.v4"

heading 'Three ways out of "nf_conntrack: table full" that an article gives, put right:'
printf '  %-28s %13s %13s\n' 'rules' 'IPv4' 'IPv6'
printf '  %-28s %7s %5s %7s %5s\n' 'policy' filter raw filter raw
while IFS='|' read -r name fixes; do
    compile "examples/$name.yaml"
    v4=$out/$name/rules.v4 v6=$out/$name/rules.v6
    printf '  %-28s %7d %5d %7d %5d\n' "$name.yaml" "$(rules_in filter "$v4")" "$(rules_in raw "$v4")" \
        "$(rules_in filter "$v6")" "$(rules_in raw "$v6")"
    printf '    %s%s%s\n' "$dim" "$fixes" "$plain"
done <<'END'
article-selective|untracked no longer means accepted, so memcached is shut to the world; replies are untracked too
article-notrack|nobody gets in by sending from port 80, 53 or 123; the host reaches more than port 80
article-nomodules|the host can open TCP connections at all; port 53 is no way in
END
printf '\n  %s\n  %s\n' "$(tried iptables-restore "$out"/*/rules.v4)" "$(tried ip6tables-restore "$out"/*/rules.v6)"

heading 'Next'
printf '  %-48s %s\n' \
    "$ctc -6 $first" 'the same policy for IPv6' \
    "$ctc check examples/web-front.yaml" 'what there is to say about a larger one' \
    'ls examples' 'policies of other servers' \
    'man -l compiler/man/ctc-policy.5' 'the language'
