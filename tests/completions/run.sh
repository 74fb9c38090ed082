#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh: do the shells complete what $CTC takes? What bash offers is asked of its own completion, and compared with what
# `ctc help` and `ctc COMMAND --help` say; the words that it offers behind an option are tried. zsh and fish are asked where they are.
# shellcheck disable=SC2016 # what the shells are to expand themselves
set -u
ctc=$(realpath "${CTC:-build/release/ctc}") || exit 1
build=$(realpath "${BUILD:-$(dirname "$ctc")}") || exit 1
root=$(realpath "$(dirname "$0")/../..") || exit 1
# shellcheck source=tests/support/tally.sh
. "$root/tests/support/tally.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/here" "$work/here/excerpts" && cd "$work/here" || exit 1
touch policy.yaml 'two words.yaml'

offers() { # words of a line, the last one to be completed: what bash offers, a line each, sorted
    bash --norc --noprofile -c '
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _ctc
        printf "%s\n" "${COMPREPLY[@]}"' bash "$build/ctc.bash" "$@" 2>&1 | sed '/^$/d' | sort
}

expect_offers() { # wanted words...
    local wanted=$1
    shift
    judge "bash: $* TAB" "$(diff <(sed '/^$/d' <<<"$wanted" | sort) <(offers "$@") | grep '^[<>]')"
}

lines() { # words...: a line each
    printf '%s\n' "$@"
}

commands=$("$ctc" help | sed -n 's/^  \([a-z][a-z]*\)  *[^ ].*/\1/p')

options_of() { # command: as its help lists them
    "$ctc" help "$1" | awk '/^  -/ { for (i = 1; $i ~ /^-/; i++) { sub(/[,[].*/, "", $i); print $i } }'
}

check_bash() {
    local command
    expect_offers "$(lines explain excerpts)" ctc ex
    expect_offers "$(lines "$commands" excerpts policy.yaml 'two words.yaml')" ctc ''
    expect_offers "$commands" ctc help ''
    expect_offers "$(lines --dry-run)" ctc apply --d
    expect_offers "$(lines policy.yaml)" ctc apply --dry-run pol
    expect_offers "$(lines 'two words.yaml')" ctc check two
    expect_offers "$(lines text json sarif github)" ctc check --format ''
    expect_offers "$(lines text json)" ctc explain --format ''
    expect_offers "$(lines json)" ctc check --format = j
    expect_offers "$(lines text json)" ctc diff --format =
    expect_offers "$(lines last)" ctc apply --boot l
    expect_offers "$(lines excerpts)" ctc build --root ''
    expect_offers '' ctc apply --confirm ''
    expect_offers "$(lines excerpts policy.yaml 'two words.yaml')" ctc advise --watch ''
    for command in $commands; do
        expect_offers "$(lines --help "$(options_of "$command")")" ctc "$command" -
    done
    # Without a command, `compile` is meant.
    expect_offers "$(lines --help "$(options_of compile)")" ctc policy.yaml -
    expect_offers "$(lines --help "$(options_of compile)")" ctc -
    if [ "$(wc -w <<<"$commands")" -lt 10 ] || [ "$(options_of apply | grep -c .)" -lt 10 ]; then
        fail 'the help lists commands and options'
    fi
}

# The program takes each word that is offered behind an option: it goes on, and stumbles over the option behind it.
check_words() {
    local command option word kind tried=0
    while read -r command option; do
        kind=$(offers ctc "$command" "$option" '')
        for word in $kind; do
            [ ! -e "$word" ] || continue # files are offered
            [[ $word != two && $word != words.yaml ]] || continue
            tried=$((tried + 1))
            judge "$command $option $word is taken" \
                "$("$ctc" "$command" "$option" "$word" --nothing-like-it policy.yaml 2>&1 | head -n 1 | grep -v 'no option --nothing-like-it')"
        done
    done < <(for command in $commands; do "$ctc" help "$command" | sed -n "s/^  \(--*[a-z-]*\) [A-Z].*/$command \1/p"; done)
    [ "$tried" -ge 20 ] || fail "words behind options: only $tried were offered"
}

check_zsh() {
    local said
    if ! command -v zsh >/dev/null; then
        skip 'no zsh here'
        return
    fi
    said=$(zsh -f -c '
        _describe() { print -l "${(@P)4}"; }
        _files() { print files; }
        _arguments() { print -l -- "$@"; }
        complete_words() { words=("$@") CURRENT=$#; . "$file"; }
        file=$1
        complete_words ctc ""
        complete_words ctc apply ""' zsh "$build/ctc.zsh" 2>&1)
    for word in explain: apply: help: files '--dry-run[say what' '--boot=[' ':word:(last closed)' '--confirm=['; do
        judge "zsh: offers $word" "$(grep -qF -- "$word" <<<"$said" || echo "$said")"
    done
}

check_fish() {
    local line wanted
    if ! command -v fish >/dev/null; then
        skip 'no fish here'
        return
    fi
    while IFS='|' read -r line wanted; do
        judge "fish: $line TAB" "$(HOME=$work fish -N -c 'source $argv[1]; complete -C $argv[2]' "$build/ctc.fish" "$line" 2>&1 |
            grep -q -- "^$wanted" || echo "$wanted is not offered")"
    done <<'LINES'
ctc ex|explain
ctc help st|status
ctc apply --d|--dry-run
ctc check --format=s|--format=sarif
ctc apply --boot |closed
LINES
}

check_installed() {
    make -s -C "$root" install PREFIX=/usr DESTDIR="$work/package" >"$work/said" 2>&1
    for file in bash-completion/completions/ctc zsh/site-functions/_ctc fish/vendor_completions.d/ctc.fish; do
        judge "make install: $file" "$([ -s "$work/package/usr/share/$file" ] || cat "$work/said")"
    done
    make -s -C "$root" uninstall PREFIX=/usr DESTDIR="$work/package" >"$work/said" 2>&1
    judge 'make uninstall: no file is left' "$(find "$work/package" -type f)"
}

check_bash
check_words
check_zsh
check_fish
check_installed
tally
