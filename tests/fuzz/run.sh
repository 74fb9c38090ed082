#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The fuzz tier: each harness of this folder gets made-up inputs for $FUZZ_TIME seconds. A crash, a hang, a leak or a
# broken promise fails the tier; the input is kept in build/fuzz, and the command that tries it again is printed.
#
#   BUILD=build/fuzz FUZZ_TIME=60 tests/fuzz/run.sh [HARNESS...]
#
# Inputs that found something new are kept in $BUILD/corpus and are where the next run begins. An input that once broke
# something belongs into corpus/<harness>/ of this folder, under a name that says what it did.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=$(realpath -m "${BUILD:-$root/build/fuzz}")
FUZZ_TIME=${FUZZ_TIME:-10}
passed=0 failed=0

harnesses=("$@")
if [ $# -eq 0 ]; then
    for source in "$here"/fuzz_*.c; do
        harnesses+=("$(basename "$source" .c)")
    done
fi

# Where a run cannot happen: fine on somebody's desk, a failure in CI.
cannot_run() {
    if [ "${CI:-}" = true ]; then
        echo "FAIL the fuzz tier cannot run: $1"
        echo "0 passed, ${#harnesses[@]} failed"
        exit 1
    fi
    echo "skipped: the fuzz tier cannot run: $1"
    echo "0 passed, 0 failed, ${#harnesses[@]} skipped"
    exit 0
}

clang=${CLANG:-clang}
command -v "$clang" >/dev/null || cannot_run "there is no clang, which brings the fuzzer; try \`make deps\`"
echo 'int LLVMFuzzerTestOneInput(const char *b, long n); int LLVMFuzzerTestOneInput(const char *b, long n) { return b && n < 0; }' |
    "$clang" -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null ||
    cannot_run "clang is there without its fuzzer (libclang-rt); try \`make deps\`"

# Memory rather than a disk: the policy harness writes a file for every input.
scratch=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$scratch"' EXIT

# The words in the tables of the compiler: FIELD("name", ... and the like.
sed -nE 's/^(FIELD|SERVICE|PROTOCOL|HELPER|TIMEOUT)\(([A-Z0-9_]+, )?("[^"]+").*/\3/p' \
    "$root"/compiler/{policy,base}/*.def | sort -u | cat "$here/yaml.dict" - >"$scratch/dictionary"

# The words of rules: names of extensions, their options, what stands behind those.
sed -E 's#//.*##' "$root"/compiler/rules/*.def | grep -oE '(FLAG|VALUE|PAIR|MAYBE)\("[^"]+"' |
    sed -E 's/.*"(.*)"/"--\1"/' | sort -u >"$scratch/rules-dictionary"
sed -E 's#//.*##; s/(FLAG|VALUE|PAIR|MAYBE)\("[^"]+"\)//g' "$root"/compiler/rules/*.def | grep -oE '"[^"]+"' |
    sort -u >>"$scratch/rules-dictionary"
printf '"%s"\n' -A -I -D -P -N -F -s -d -i -o -p -m -j -g -f -c ! '*filter' '*nat' '*raw' :INPUT :mine COMMIT \
    ACCEPT DROP RETURN INPUT FORWARD mine ' - [0:0]' 192.0.2.1/24 2001:db8::/32 >>"$scratch/rules-dictionary"

# The words of sets: their types, options and commands.
sed -E 's#//.*##' "$root"/compiler/ipset/{kinds.def,commands.c,read_add.c,read_create.c} | grep -oE '\{?"[a-z:,]+", ?' |
    grep -oE '"[^"]+"' | sort -u >"$scratch/ipset-dictionary"
printf '"%s"\n' 'create a ' 'add a ' 'hash:ip' inet6 -exist 192.0.2.1/24 2001:db8::/32 ,udp:53 192.0.2.1-192.0.2.9 80-90 \
    >>"$scratch/ipset-dictionary"

# Policies of the other tiers are seeds, each *.cases file cut at its `### NAME` lines.
mkdir "$scratch/policies"
count=0
for file in "$root"/examples/*.yaml "$root"/tests/golden/*/policy.yaml "$root"/tests/kernel/policies/*.yaml; do
    [ ! -f "$file" ] || cp "$file" "$scratch/policies/$((count += 1))"
done
for file in "$root"/tests/{schema,hostile}/*.cases; do
    [ ! -f "$file" ] ||
        awk -v out="$scratch/policies/$(basename "$file")" \
            '/^### / { close(name); name = out "." ++n; next } name { print > name }' "$file"
done

# Lines of a report that say what broke, and the calls in between that are ours.
telling='ERROR|SUMMARY|not so:|runtime error|libFuzzer:|allocated|compiler/|tests/fuzz/'

fuzz() { # harness
    local harness=$1 name=${1#fuzz_} log=$scratch/log status=0 seeds artifact dictionary=$scratch/dictionary
    local program=$BUILD/$harness kept=$BUILD/corpus/${1#fuzz_}

    if [ ! -x "$program" ]; then
        echo "FAIL $harness: there is no $program; build it with make MODE=fuzz"
        failed=$((failed + 1))
        return
    fi
    mkdir -p "$kept"
    seeds=("$here/corpus/$name")
    case $name in policy | document) seeds+=("$scratch/policies") ;; esac
    case $name in rules | ipset) dictionary=$scratch/$name-dictionary ;; esac
    TMPDIR=$scratch "$program" -max_total_time="$FUZZ_TIME" -max_len=8192 -timeout=10 -report_slow_units=2 \
        -rss_limit_mb=2048 -dict="$dictionary" -artifact_prefix="$BUILD/$harness." -print_final_stats=1 \
        "$kept" "${seeds[@]}" >"$log" 2>&1 || status=$?
    if [ $status -ne 0 ]; then
        failed=$((failed + 1))
        echo "FAIL $harness (exit status $status)"
        # From the report on; the lines before it are progress.
        { grep -m1 -nE 'ERROR|not so:|runtime error|libFuzzer:' "$log" || echo 1:; } | cut -d: -f1 |
            { read -r line && tail -n "+$line" "$log" | grep -E "$telling" | cut -c1-200 | head -n 25 | sed 's/^/    /'; }
        artifact=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        [ -z "$artifact" ] || echo "    again: $program $artifact"
        return
    fi
    passed=$((passed + 1))
    printf '  %-16s %s inputs, slowest %s s, %s MB\n' "$harness" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$log")" \
        "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")"
}

for harness in "${harnesses[@]}"; do
    fuzz "$harness"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
