# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracking table of a namespace: how many entries it holds and of what, and how to fill it."""
import os
import re

from netns import Family, Namespace


def count(namespace: Namespace) -> int:
    return int(namespace.sysctl("net.netfilter.nf_conntrack_count"))


def limit(namespace: Namespace) -> int:
    return int(namespace.sysctl("net.netfilter.nf_conntrack_max"))


def listing(namespace: Namespace, family: Family, *filters: str) -> list[str]:
    return namespace.run("conntrack", "-L", "-f", family.name, *filters).splitlines()


def entries(namespace: Namespace, family: Family, protocol: str, port: int) -> int:
    """How many entries have this destination port in their first direction."""
    return sum(re.search(r"dport=(\d+)", line)[1] == str(port)
               for line in listing(namespace, family, "-p", protocol))


def empty(namespace: Namespace) -> None:
    namespace.run("conntrack", "-F")


def fill(namespace: Namespace) -> int:
    """Fill the table to its limit with entries the kernel may not push out; how many went in. The
    limit is the machine's and stays as it is."""
    return int(namespace.run(os.environ["FILL_TABLE"], str(limit(namespace) + 1)))


def work_done(namespace: Namespace) -> int:
    """The sum of all that the tracker counts: 0 if it never looked at a packet."""
    with namespace, open("/proc/thread-self/net/stat/nf_conntrack", encoding="ascii") as file:
        header, *processors = (line.split() for line in file)
    return sum(int(value, 16) for processor in processors
               for name, value in zip(header, processor)
               if name not in ("entries", "clashres"))
