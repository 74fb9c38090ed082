#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The mutants tier: one change at a time in emitted rules, and what the proof says about it, judged by packets
# that walk through the rules one by one. $MUTANTS_EACH changes a family of a policy; the program is from
# $BUILD.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
BUILD=${BUILD:-$root/build/release}

cd "$root"
exec "$BUILD/mutants" --each "${MUTANTS_EACH:-80}" --generated "${MUTANTS_GENERATED:-60}" \
    examples/*.yaml tests/golden/*/policy.yaml
