# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts of sets: ctc takes what `ipset restore` takes and knows the members that it makes; what ctc prints loads twice and is
saved as the same; what ctc refuses, `ipset restore` refuses."""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from netns import Namespace
from report import Report

IP, NET, IPPORT = "create a hash:ip\n", "create a hash:net\n", "create a hash:ip,port\n"
IP6, NET6, NETPORT6 = (f"create a {kind} family inet6\n" for kind in ("hash:ip", "hash:net", "hash:net,port"))
PORTS = "create a bitmap:port range 1-1000\n"

TAKEN = (
    "# nothing\n\nCOMMIT\n",
    "-N a iphash --maxelem 0x10\n  -A a   192.0.2.1\r\n",
    IP + "add a 192.0.2.9/30\nadd a 192.0.3.3-192.0.3.1\nadd a 10.1\nadd a 010.0.0.2\nadd a [10.0.0.9]\n",
    IP + "-exist add a 192.0.2.1\nadd a 192.0.2.1\ncreate a hash:ip family inet6\n",
    "create a hash:ip comment counters skbinfo\n"
    "add a 192.0.2.1 packets 1 bytes 2 skbmark 0x1/0xff skbprio 1:10 skbqueue 5 comment \"a b # \\\"\n",
    NET + "add a 192.0.2.9/24\nadd a 192.0.2.0\nadd a 0.0.0.0\nadd a 128.0.0.0/1\n",
    NET + "add a 0.0.0.0-191.255.255.255\n", NET + "add a 127.255.255.252-255.255.255.255\n", NET + "add a 192.0.2.9-192.0.2.0\n",
    IP6 + "add a 2001:db8::2\nadd a [2001:db8::1]\nadd a 2001:db8::3/128\nadd a ::ffff:192.0.2.1\n",
    NET6 + "add a 2001:db8::1/32\nadd a ::\nadd a ::/1\n",
    IPPORT + "add a 192.0.2.1,80\nadd a 192.0.2.1,UDP:54-53\nadd a 192.0.2.0/31,sctp:0x50\nadd a 192.0.2.0,136:0\n",
    NETPORT6 + "add a 2001:db8::/64,udp:65530-65535\nadd a ::1,tcp:0\n",
    PORTS + "add a 12-10\nadd a udp:80\nadd a 1000\n",
    "create a bitmap:port from 9 to 0\nadd a 0-9\n",
    IP + "add a 192.0.2.1\nflush\nadd a 192.0.2.2\nrename a b\ncreate c hash:ip\nswap b c\ndestroy b\n",
    "create a hash:ip maxelem 100000\nadd a 10.0.0.0/16\nadd a 10.1.0.0/17\n",
    "create " + 31 * "x" + " hash:ip " + "counters " * 26 + "\n",
)

# Of these sets it is said that nothing is known.
UNKNOWN = (
    "create a hash:ip timeout 300\nadd a 192.0.2.1 timeout 5\n", "create a hash:ip,port netmask 24\nadd a 192.0.2.1,5\n",
    NET + "add a 192.0.2.1 nomatch\n", IPPORT + "add a 192.0.2.1,icmp:8/0\n", IPPORT + "add a 192.0.2.1,esp:0\n",
    IP + "add a localhost\n", IPPORT + "add a 192.0.2.1,[ftp-data]\n", PORTS + "add a http-https\n", "create a list:set\n",
)

REFUSED = (
    "foo a\n", "ipset create a hash:ip\n", "create a\n", "create a hash:ipp\n", "create " + 32 * "x" + " hash:ip\n", IP + IP,
    IP + "-exist create a hash:net\n", IP + "-exist create a hash:ip maxelem 5\n", IP + "-exist create a hash:ip counters\n",
    "create a hash:ip " + "counters " * 27 + "\n", "create a hash:ip family inet5\n", "create a hash:ip hashsize 4294967296\n",
    "create a hash:ip range 1-2\n", "create a hash:net netmask 24\n", "create a bitmap:port\n",
    "create a bitmap:port range 5\n", "create a bitmap:port range 0-65536\n", "create a hash:ip maxelem 4 maxelem 5\n",
    "create a hash:ip maxelem 2\nadd a 192.0.2.1-192.0.2.2\nadd a 192.0.2.3\nflush\n",
    "create a hash:ip maxelem 4\nadd a 192.0.2.0/29\n", IP + "flush b\n", IP + "destroy a\nadd a 192.0.2.1\n",
    IP + "rename a a\n", IP + "create b hash:net\nswap a b\n", IP + "add b 192.0.2.1\n", IP + "add a\n", IP + "restore\n",
    IP + "add a 192.0.2.256\n", IP + "add a 192.0.2.1/33\n", IP + "add a 192.0.2.1/0\n", IP + "add a 2001:db8::1\n",
    IP + "add a 192.0.2.1,80\n", IP + "add a 0.0.0.0\n", IP + "add a 192.0.2.1 nomatch\n", IP + "add a 192.0.2.1 timeout 5\n",
    IP + "add a 192.0.2.1 comment x\n", IP + "add a 192.0.2.1 192.0.2.2\n", NET + "add a 0.0.0.0/0\n",
    NET + "add a 0.0.0.0-255.255.255.255\n", NET + "add a 0.0.0.1-255.255.255.255\n", IP6 + "add a ::\n", IP6 + "add a 2001:db8::/64\n", IP6 + "add a 192.0.2.1\n",
    NET6 + "add a ::1-::2\n", NET6 + "add a ::/0\n", IPPORT + "add a 192.0.2.1\n", IPPORT + "add a 192.0.2.1,tpc:80\n",
    IPPORT + "add a 192.0.2.1,dccp:1\n", IPPORT + "add a 192.0.2.1,080\n", IPPORT + "add a 192.0.2.1,80-90-100\n",
    PORTS + "add a 1001\n", PORTS + "add a 900-1001\n", PORTS + "add a sctp:80\n", PORTS + "add a 10,11\n",
)


def _run(namespace: Namespace, *command: str, text: str | None = None) -> subprocess.CompletedProcess:
    with namespace:
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def _sets(text: str) -> list[str]:
    """The lines of a text of sets in an order of their own, without what its writer chose freely."""
    return sorted(re.sub(r" hashsize \d+| bucketsize \d+| initval 0x\w+| -exist$", "", line) for line in text.splitlines())


class Reader:
    """What ctc makes of a text."""

    def __init__(self, folder: str):
        self._path = Path(folder) / "sets"

    def read(self, text: str) -> subprocess.CompletedProcess:
        self._path.write_text(text, encoding="utf-8", newline="")
        return subprocess.run([os.environ["SETS"], str(self._path)], capture_output=True, text=True, timeout=60, check=False)


def _taken(reader: Reader, text: str, report: Report) -> None:
    name = f"ipset {text[:60]!r}"
    ours = reader.read(text)
    theirs, again = Namespace("theirs"), Namespace("again")
    try:
        loaded = _run(theirs, "ipset", "restore", text=text)
        if not report.check(f"{name}: both take it", loaded.returncode == 0 == ours.returncode, loaded.stderr + ours.stderr):
            return
        saved = reader.read(theirs.run("ipset", "save"))
        report.check(f"{name}: the same members", _sets(ours.stdout) == _sets(saved.stdout) and saved.returncode == 0,
                     f"{ours.stdout}\n{saved.stdout}{saved.stderr}")
        for options in ((), ("-exist",), ()):
            loaded = _run(again, "ipset", *options, "restore", text=ours.stdout)
            report.check(f"{name}: printed, it loads", loaded.returncode == 0, loaded.stderr)
        report.equal(f"{name}: and is saved as the same", _sets(reader.read(again.run("ipset", "save")).stdout),
                     _sets(ours.stdout))
    finally:
        theirs.close()
        again.close()


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]) as folder:
        reader = Reader(folder)
        for text in TAKEN:
            _taken(reader, text, report)
        for text in UNKNOWN + REFUSED:
            ours, namespace = reader.read(text), Namespace("refused")
            done = _run(namespace, "ipset", "restore", text=text)
            namespace.close()
            if text in UNKNOWN:
                report.check(f"ipset {text!r}: taken, and nothing known",
                             done.returncode == 0 == ours.returncode and ours.stdout == "# a\n", done.stderr + ours.stderr)
            else:
                report.check(f"ipset {text!r}: both refuse it", done.returncode != 0 and ours.returncode == 1,
                             f"{done.stderr or 'ipset takes it'}\n{ours.stderr or 'ctc takes it'}")
