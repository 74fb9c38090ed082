#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The corpus tier: firewall rules that people really wrote, given to ctc in place of a policy, carried by one, read,
# printed and analysed; and rulesets/, made for what else there is to meet.
# The collection is no part of the project, for its licences differ: it is looked for in $CTC_SHARED/corpus, by default
# beside the checkout. Takes the binary from $CTC, and from $BUILD one that reads and prints rules. As root, what is carried is loaded too, in network namespaces that
# last as long as the command that loads it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
CTC=${CTC:-$root/build/release/ctc}
BUILD=${BUILD:-$(dirname "$CTC")}
CTC_SHARED=${CTC_SHARED:-$root/../shared}

exec "${PYTHON:-/usr/bin/python3}" -B "$here/judge.py" "$CTC" "$BUILD/reprint" "$CTC_SHARED/corpus" "$@"
