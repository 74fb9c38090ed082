# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ctc tune` plans is what the kernel takes, and what it predicts is what the table holds."""
import os
import re
import socket
import subprocess
import threading
import time

from firewall import load, policy_path
from netns import IPV4, Namespace
from report import Report
from table import entries, limit

ATTEMPTS = 3         # a machine that is busy with other things does not keep pace
LATE = 0.05          # seconds behind its schedule at which a generator no longer has its rate
KEYS = {"net.netfilter.nf_conntrack_tcp_timeout_established": "7500",
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "4",
        "net.netfilter.nf_conntrack_udp_timeout": "3"}


def tune(namespace: Namespace, *arguments: str, hide: str = "",
         prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run `ctc tune` in there; with `hide`, where that directory is empty."""
    command = (*prefix, os.environ["CTC"], "tune", *arguments)
    if hide:
        command = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {hide} && exec "$@"',
                   "sh", *command)
    with namespace:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def applied(report: Report) -> None:
    policy, host = str(policy_path("tune")), Namespace("host")
    report.equal("--live: before", tune(host, "--live", policy).returncode, 4)
    done = tune(host, "--apply", policy)
    report.equal("--apply: exit", (done.returncode, done.stderr), (0, ""))
    report.equal("--apply: every value is said to be written", done.stdout.count("read back"), 3)
    report.equal("--apply: values", {key: host.sysctl(key) for key in KEYS}, KEYS)
    report.equal("--live: after", tune(host, "--live", policy).returncode, 0)
    again = tune(host, "--apply", policy)
    report.equal("--apply: again", (again.returncode, again.stdout.count("holds")), (0, 4))


def reserved(report: Report) -> None:
    host, key = Namespace("host"), "net.ipv4.ip_local_reserved_ports"
    done = tune(host, "--apply", str(policy_path("tune-ports")))
    report.equal("ports are reserved", (done.returncode, host.sysctl(key)), (0, "40000,60000-60100"))
    host.sysctl(key, "1234")
    done = tune(host, "--live", str(policy_path("tune-ports")))
    report.equal("--live: other ports are", done.returncode, 4)
    report.check("--live: it says which", "1234" in done.stdout and "40000,60000-60100" in done.stdout, done.stdout)


def loaded_as_a_file(report: Report) -> None:
    host = Namespace("host")
    host.run("sysctl", "-q", "-p", "-",
             text=tune(host, "--sysctl", str(policy_path("tune"))).stdout)
    report.equal("sysctl -p takes the file", {key: host.sysctl(key) for key in KEYS}, KEYS)


def refused(report: Report) -> None:
    """What cannot be had leaves everything as it was."""
    host, key = Namespace("host"), "net.netfilter.nf_conntrack_tcp_timeout_time_wait"
    before, size = host.sysctl(key), limit(host)
    large, small = str(policy_path("tune-large")), str(policy_path("tune"))

    done = tune(host, "--apply", large)
    report.equal("a size, elsewhere than in the first namespace", (done.returncode, done.stdout), (3, ""))
    report.check("it says why", "first network namespace" in done.stderr, done.stderr)
    report.check("it says that nothing was changed", "nothing was changed" in done.stderr, done.stderr)
    report.equal("nothing was changed", (host.sysctl(key), limit(host)), (before, size))

    done = tune(host, "--apply", small, hide="/proc/sys/net/netfilter")
    report.equal("a kernel without the tracker", (done.returncode, done.stdout), (3, ""))
    report.check("it says so", "modprobe nf_conntrack" in done.stderr, done.stderr)
    report.equal("--live without the tracker",
                 tune(host, "--live", small, hide="/proc/sys/net/netfilter").returncode, 3)

    with open(small, encoding="utf-8") as policy:
        text = policy.read()
    with host:
        done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534",
                               "--inh-caps=-all", os.environ["CTC"], "tune", "--apply", "-"],
                              input=text, capture_output=True, text=True, timeout=30, check=False)
    report.equal("somebody else than root", (done.returncode, done.stdout), (3, ""))
    report.equal("and nothing was changed", host.sysctl(key), before)


def facts(report: Report) -> None:
    """A range of ports that is not the policy's is told, and stays."""
    host, key = Namespace("host"), "net.ipv4.ip_local_port_range"
    host.sysctl(key, "20000 30000")
    done = tune(host, "--apply", str(policy_path("tune")))
    report.equal("another ephemeral range", done.returncode, 3)
    report.check("it is told", "the policy takes it for 32768 60999" in done.stderr, done.stderr)
    report.equal("it stays", host.sysctl(key).split(), ["20000", "30000"])


class Generator(threading.Thread):
    """So many connections a second, by the clock: what comes late is made up for."""

    def __init__(self, rate: int, connect):
        super().__init__(daemon=True)
        self.rate, self.connect, self.stop, self.latest = rate, connect, False, 0.0

    def run(self):
        start, done = time.monotonic(), 0
        while not self.stop:
            due = start + done / self.rate
            late = time.monotonic() - due
            if late < 0:
                time.sleep(-late)
            elif done > self.rate:
                self.latest = max(self.latest, late)
            self.connect()
            done += 1


def predicted(policy: str) -> dict[str, int]:
    text = subprocess.run([os.environ["CTC"], "tune", "--sysctl", policy], capture_output=True, text=True,
                          timeout=30, check=True).stdout
    return {service: int(count)
            for service, count in re.findall(r"^#   (\S+) .* = (\d+)", text, re.M)}


def filled(host: Namespace) -> tuple[dict[str, float], float]:
    """Mean entries of each service while connections come at the policy's rates, and how late the
    latest of them was."""
    with host:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 443))
        tcp.listen(100)
        udp.bind(("127.0.0.1", 53))

        def visit() -> None:
            with socket.create_connection(("127.0.0.1", 443), timeout=5):
                pass

        def answer_tcp() -> None:
            while True:
                try:
                    tcp.accept()[0].close()
                except OSError:
                    return

        def ask() -> None:
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.sendto(b"?", ("127.0.0.1", 53))
                client.recv(10)

        def answer_udp() -> None:
            while True:
                try:
                    udp.sendto(b"!", udp.recvfrom(10)[1])
                except OSError:
                    return

        for server in (answer_tcp, answer_udp):
            threading.Thread(target=server, daemon=True).start()
        generators = [Generator(100, visit), Generator(150, ask)]
        for generator in generators:
            generator.start()
    time.sleep(5.5)    # longer than the longest lifetime
    samples = []
    for _ in range(4):
        samples.append((entries(host, IPV4, "tcp", 443), entries(host, IPV4, "udp", 53)))
        time.sleep(0.25)
    for generator in generators:
        generator.stop = True
    for generator in generators:
        generator.join()
    tcp.shutdown(socket.SHUT_RDWR)
    tcp.close()
    udp.close()
    means = [sum(each) / len(samples) for each in zip(*samples)]
    return {"https": means[0], "dns": means[1]}, max(each.latest for each in generators)


def prediction(report: Report) -> None:
    policy = policy_path("tune")
    wanted = predicted(str(policy_path("tune-load")))
    report.equal("rates and lifetimes", wanted, {"https": 400, "dns": 450})
    for _ in range(ATTEMPTS):
        host = Namespace("host")
        load(host, policy, "legacy", (IPV4,))
        tune(host, "--apply", str(policy))
        found, late = filled(host)
        if late < LATE:
            break
    for service, count in wanted.items():
        report.check(f"{service}: the table holds what was predicted, within 5 %",
                     abs(found[service] - count) <= 0.05 * count,
                     f"predicted {count}, found {found[service]}, generator late by {late:.3f} s")


def run(report: Report) -> None:
    applied(report)
    reserved(report)
    loaded_as_a_file(report)
    refused(report)
    facts(report)
    prediction(report)
