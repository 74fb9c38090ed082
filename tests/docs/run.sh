#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [--update]: do README, manual and examples say what the compiler does? With --update, the output blocks of the
# README are written anew first, for review. Takes the binary from $CTC.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1

ctc=${CTC:-build/release/ctc}
case $ctc in
/*) ;;
*) ctc=$PWD/$ctc ;;
esac
if [ ! -x "$ctc" ]; then
    echo "run.sh: no program $ctc; try make" >&2
    exit 1
fi

# shellcheck source=tests/support/tally.sh
. tests/support/tally.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

judge_file() { # what file: passes when nothing is in it
    judge "$1" "$(cat "$2")"
}

# --- README: each block below `<!-- run: COMMAND -->` is what the command prints.

run_command() { # command
    # shellcheck disable=SC2329 # the evaluated command calls it
    ctc() { "$ctc" "$@"; }
    eval "$1" 2>/dev/null
}

regenerate() { # file: the same text with the output blocks made anew
    local line command='' state=text
    while IFS= read -r line; do
        case $state in
        text)
            printf '%s\n' "$line"
            if [[ $line =~ ^\<!--\ run:\ (.*)\ --\>$ ]]; then
                command=${BASH_REMATCH[1]} state=marked
            fi
            ;;
        marked)
            printf '%s\n' "$line"
            if [[ $line == '```'* ]]; then
                run_command "$command"
                state=block
            fi
            ;;
        block)
            if [[ $line == '```' ]]; then
                printf '%s\n' "$line"
                state=text
            fi
            ;;
        esac
    done <"$1"
}

check_readme() {
    regenerate README.md >"$work/README.md"
    if [ "${1-}" = --update ]; then
        cat "$work/README.md" >README.md
    fi
    diff -u README.md "$work/README.md" >"$work/report"
    judge_file 'README: output blocks are what the commands print (--update writes them anew)' "$work/report"

    if [ "$(grep -c '^<!-- run: ' README.md)" -ge 3 ]; then
        pass
    else
        fail 'README: the output blocks are marked'
    fi
}

check_links() {
    local link
    while IFS= read -r link; do
        case $link in
        *://* | '#'*) continue ;;
        esac
        if [ -e "${link%%#*}" ]; then
            pass
        else
            fail "README: the link $link leads nowhere"
        fi
    done < <(grep -o '](\([^)]*\))' README.md | sed 's/^](//; s/)$//' | sort -u)
}

# --- Manual

policy_page=compiler/man/ctc-policy.5
command_page=compiler/man/ctc.1

# Keys that the language has: "SCOPE key", one a line.
fields() {
    sed -n 's/^FIELD("\([^"]*\)", \([A-Z_| ]*\),.*/\1 \2/p' compiler/policy/fields.def |
        while read -r key scopes; do
            for scope in ${scopes//|/ }; do
                echo "$scope $key"
            done
        done
}

# Keys that the manual documents, likewise. A section bears the name of its scope; one key of ENTRIES belongs to the
# scopes that the line below it lists.
documented_fields() {
    awk '
        /^\.Sh / { section = $2; next }
        /^\.It Ic / { key = $3; if (section != "ENTRIES") print section, key; else waiting = 1; next }
        waiting {
            waiting = 0
            sub(/\..*/, "")
            gsub(/,/, "")
            for (i = 1; i <= NF; i++) print toupper($i), key
        }' "$policy_page"
}

same_sets() { # what wanted documented
    sort "$2" >"$work/wanted"
    sort "$3" >"$work/documented"
    diff "$work/wanted" "$work/documented" |
        sed -n -e 's/^< /not documented: /p' -e 's/^> /documented, but not there, or twice: /p' >"$work/report"
    if [ ! -s "$work/wanted" ]; then
        echo 'the table was not found' >"$work/report"
    fi
    judge_file "$1" "$work/report"
}

check_tables() {
    fields >"$work/a"
    documented_fields >"$work/b"
    same_sets 'ctc-policy(5): every key of every mapping, once' "$work/a" "$work/b"

    sed -n 's/^HELPER("\([^"]*\)", \([A-Z]*\), \([0-9]*\), \([A-Z]*\))$/\1 \2 \3 \4/p' compiler/policy/helpers.def >"$work/a"
    sed -n '/^\.Ss Helpers/,/^\.S[hs] DEFAULT/s/^\.It Cm \(.*\)$/\1/p' "$policy_page" | sed 's/ Ta / /g' >"$work/b"
    same_sets 'ctc-policy(5): every helper with its ports' "$work/a" "$work/b"

    sed -n 's/^TIMEOUT([A-Z0-9_]*, "\([^"]*\)", .*$/\1/p' compiler/policy/timeouts.def >"$work/a"
    sed -n '/^\.It Ic timeouts/,/^Each is/p' "$policy_page" | sed -n 's/^\.Cm //p' | tr -d '.,' | tr -s ' ' '\n' >"$work/b"
    same_sets 'ctc-policy(5): every timeout' "$work/a" "$work/b"

    # A row may go on on the next line.
    tr '\n' ' ' <compiler/diag/codes.def | grep -o 'DIAG([A-Z_]*, "[^"]*", [A-Z]*' |
        sed 's/DIAG([A-Z_]*, "\([^"]*\)", \([A-Z]*\)/\2 \1/' >"$work/a"
    sed -n '/^\.Sh DIAGNOSTICS/,/^\.Sh SEE/p' "$command_page" |
        awk '/^\.Ss / { severity = toupper(substr($2, 1, length($2) - 1)) } /^\.It Sy / { print severity, $3 }' >"$work/b"
    same_sets 'ctc(1): every diagnostic with its severity, once' "$work/a" "$work/b"

    sed -n 's/^COMMAND(\([a-z]*\), .*/\1/p' compiler/cli/commands.def >"$work/a"
    sed -n '/^\.Sh COMMANDS/,/^\.Sh [^C]/s/^\.It Cm \([a-z]*\).*/\1/p' "$command_page" | grep -vxE 'text|json|sarif|github' >"$work/b"
    same_sets 'ctc(1): every command' "$work/a" "$work/b"

    usage_options >"$work/a"
    synopsis_options >"$work/b"
    same_sets 'ctc(1): the synopsis has the options of each command' "$work/a" "$work/b"
    sed -n 's/^OPTION("\([a-z]*\)", "--\([a-z-]*\).*/\1 \2/p' compiler/cli/options.def >"$work/b"
    same_sets 'ctc COMMAND --help: the options of each command' "$work/a" "$work/b"
}

# Long options by command, one a line: as `ctc COMMAND` prints its usage, and as the manual's SYNOPSIS has it.
usage_options() {
    local command
    while read -r command; do
        "$ctc" "$command" --no-such-option 2>&1 | sed -n 's/^usage: //p' | grep -o -- '--[a-z][a-z-]*' | sort -u |
            sed "s/^--/$command /"
    done < <(sed -n 's/^COMMAND(\([a-z]*\), .*/\1/p' compiler/cli/commands.def)
}
synopsis_options() {
    sed -n '/^\.Sh SYNOPSIS/,/^\.Sh D/p' "$command_page" |
        awk '/^\.Nm/ { command = ""; next }
            /^\.Cm/ && command == "" { command = $2; next }
            command != "" { for (i = 2; i <= NF; i++) if ($i ~ /^-[a-z]/ && ($(i - 1) ~ /^[.]?Fl$/ || $(i - 1) == "|")) print command, substr($i, 2) }' |
        sort -u
}

# Each long option that the program knows stands in the manual.
check_options() {
    local option count=0
    while IFS= read -r option; do
        count=$((count + 1))
        if grep -q -- "Fl -$option" "$command_page" || grep -q -- "-$option\$\|, -$option " "$command_page"; then
            pass
        else
            fail "ctc(1): the option --$option"
        fi
    done < <(sed -n 's/.*\(option_[a-z]*(\|\.word = \)"\([a-z0-9-]*\)".*/\2/p' compiler/cli/*.[ch] | sort -u)
    [ "$count" -gt 20 ] || fail "the options of the program: only $count were found"
}

# The examples of ctc-policy(5) go to a file each: the text behind `.\" policy`, then the display that follows it.
write_manual_policies() { # folder
    awk -v folder="$1" '
        /^\.\\" policy/ {
            prefix = $0
            sub(/^\.\\" policy */, "", prefix)
            gsub(/; */, "\n", prefix)
            marked = 1
            next
        }
        /^\.Bd -literal/ && marked { inside = 1; marked = 0; text = ""; line = NR; next }
        /^\.Ed/ && inside {
            inside = 0
            file = folder "/line-" line ".yaml"
            if (text !~ /(^|\n)version:/) printf "version: 1\n" >file
            if (prefix != "") print prefix >file
            printf "%s", text >file
            close(file)
            next
        }
        inside { text = text $0 "\n"; next }
        /^\.Bd -literal/ { print "line " NR ": a display without `policy` before it" }' "$policy_page" >"$work/report"
    judge_file 'ctc-policy(5): each example is marked to be compiled' "$work/report"
}

check_manual_policies() {
    local policy
    cp -r examples "$work/manual"
    printf '*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n' >"$work/manual/nat.v4"
    cp "$work/manual/nat.v4" "$work/manual/nat.v6"
    write_manual_policies "$work/manual"
    if ! ls "$work"/manual/line-*.yaml >/dev/null 2>&1; then
        fail 'ctc-policy(5): there are examples'
        return
    fi
    for policy in "$work"/manual/line-*.yaml; do
        if "$ctc" check --strict "$policy" >"$work/report" 2>&1; then
            pass
        else
            fail "ctc-policy(5), $(basename "$policy" .yaml): the example compiles without warnings"
            sed 's/^/    /' "$work/report"
        fi
    done
}

check_manual_form() {
    local page
    if ! command -v mandoc >/dev/null; then
        skip 'manual: lint (no mandoc here)'
        return
    fi
    for page in "$command_page" "$policy_page"; do
        mandoc -Tlint -W warning "$page" 2>/dev/null >"$work/report"
        judge_file "$page: mandoc has nothing to say" "$work/report"
    done
}

# --- Examples

# shellcheck disable=SC2016 # the dollar is the editor's
schema_line='# yaml-language-server: $schema=../schemas/policy.schema.json'

check_examples() {
    local policy family
    for policy in examples/*.yaml; do
        for family in 4 6; do
            # The note about the other family is no complaint.
            if "$ctc" compile "-$family" "$policy" >"$work/rules" 2>"$work/report" &&
                ! grep -qv '^ctc: note:' "$work/report" && grep -q '^COMMIT$' "$work/rules"; then
                pass
            else
                fail "$policy: compiles for IPv$family without errors and warnings"
                sed 's/^/    /' "$work/report"
            fi
        done
        if [ "$(sed -n 2p "$policy")" = "$schema_line" ]; then
            pass
        else
            fail "$policy: the second line names the schema"
        fi
        if grep -qF "(examples/${policy##*/})" README.md; then
            pass
        else
            fail "$policy: README lists it"
        fi
    done
}

# --- The unit as it is installed: systemd has nothing against it, and it comes ahead of the network.

check_unit() {
    local unit=$work/usr/lib/systemd/system/ctc-apply.service
    make -s install PREFIX="$work/usr" SYSCONFDIR="$work/etc" >"$work/report" 2>&1
    if grep -q "^ExecStart=$work/usr/sbin/ctc apply --boot last $work/etc/ctc/policy.yaml\$" "$unit" 2>>"$work/report" &&
        grep -q '^Before=network-pre.target ' "$unit"; then
        pass
    else
        fail 'make install: the unit has the paths of the installation'
        sed 's/^/    /' "$work/report"
    fi
    # So have the pages, and the examples name a schema that is there.
    grep -o '/usr/local/\(share\|lib\)[^ ]*' "$work"/usr/share/man/man?/ctc* >"$work/report"
    # shellcheck disable=SC2016 # the dollar is the editor's
    sed -n 's/^# yaml-language-server: $schema=//p' "$work"/usr/share/doc/ctc/examples/*.yaml |
        sort -u | while read -r schema; do
        [ -e "$schema" ] || echo "there is no $schema"
    done >>"$work/report"
    judge_file 'make install: pages and examples have the paths of the installation' "$work/report"
    if ! command -v systemd-analyze >/dev/null; then
        skip 'no systemd-analyze to verify the unit'
        return
    fi
    systemd-analyze --man=no verify "$unit" >"$work/report" 2>&1
    judge_file 'systemd-analyze verify: the unit' "$work/report"
    sed 's/^ProtectSystem=/ProtectSistem=/' "$unit" >"$work/wrong.service"
    if systemd-analyze --man=no verify "$work/wrong.service" 2>&1 | grep -q ProtectSistem; then
        pass
    else
        fail 'systemd-analyze verify: tells a unit that is wrong'
    fi
}

case ${1-} in
'' | --update) ;;
*)
    echo 'usage: tests/docs/run.sh [--update]' >&2
    exit 2
    ;;
esac

check_readme "${1-}"
check_links
check_tables
check_options
check_manual_policies
check_manual_form
check_examples
check_unit

tally
