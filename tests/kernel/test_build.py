# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of `ctc build` are what the programs take that read them on a host."""
import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from firewall import BACKENDS, policy_path, restore, rules_of, save
from netns import FAMILIES, Namespace
from report import Report

RULES = {"redhat": ("etc/sysconfig/iptables", "etc/sysconfig/ip6tables"),
         "debian": ("etc/iptables/rules.v4", "etc/iptables/rules.v6")}
POLICIES = ("server", "none-blocked", "tune")
SYSTEMD = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
KEYS = {"net.netfilter.nf_conntrack_tcp_timeout_established": "7500",
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "4",
        "net.netfilter.nf_conntrack_udp_timeout": "3"}


def build(root: str, layout: str, policy: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([os.environ["CTC"], "build", "--layout", layout, "--root", root, *options, policy],
                          capture_output=True, text=True, timeout=60, check=False)


def rules_load(root: Path, layout: str, policy: str, report: Report) -> None:
    """What the services do: the file, as it is, into iptables-restore."""
    for backend in BACKENDS:
        host, compiled = Namespace("host"), Namespace("compiled")
        for family in FAMILIES:
            restore(host, family, backend, (root / RULES[layout][family.index]).read_text(encoding="utf-8"))
            restore(compiled, family, backend, rules_of(policy_path(policy), family))
        lines = [[line for family in FAMILIES for line in save(each, family, backend).splitlines()
                  if not line.startswith(("#", ":"))] for each in (host, compiled)]
        report.check(f"rules load, {backend}", lines[0] and lines[0] == lines[1], f"{lines}")


def settings_hold(root: Path, layout: str, report: Report) -> None:
    """The settings, by each of the ways that they are made."""
    file = str(root / "etc/sysctl.d/90-ctc.conf")
    ways = {"sysctl -p": ["sysctl", "-q", "-p", file]}
    rule = (root / "etc/udev/rules.d/90-ctc.rules").read_text(encoding="utf-8")
    program, option = rule.split('RUN+="')[1].split('"')[0].split()
    report.check("udev calls systemd-sysctl", program in SYSTEMD, program)
    if os.path.exists(program):
        ways["the program that udev calls"] = [program, option, file]
    else:
        report.skip(f"{program} is not installed")
    if layout == "redhat":
        # As iptables.init has it.
        ways["IPTABLES_SYSCTL_LOAD_LIST"] = ["bash", "-c", f"""
            . {root}/etc/sysconfig/iptables-config
            for item in $IPTABLES_SYSCTL_LOAD_LIST; do
                grep -Fhs $item {root}/etc/sysctl.d/*.conf | sysctl -q -p -
            done"""]
    for name, command in ways.items():
        host = Namespace("host")
        host.run(*command)
        report.equal(f"settings hold: {name}", {key: host.sysctl(key) for key in KEYS}, KEYS)


def shell_reads(root: Path, report: Report) -> None:
    """The settings of the services are shell variables, as the service's own file has them."""
    for family in FAMILIES:
        name = family.iptables
        done = subprocess.run(["bash", "-euc", f'. {root}/etc/sysconfig/{name}-config; set | grep "^{name.upper()}_"'],
                              capture_output=True, text=True, timeout=10, check=False)
        found = dict(line.split("=", 1) for line in done.stdout.splitlines())
        report.equal(f"{name}-config: no noise", (done.returncode, done.stderr), (0, ""))
        report.equal(f"{name}-config: nothing is saved",
                     {found.get(f"{name.upper()}_SAVE_{when}") for when in ("ON_STOP", "ON_RESTART", "COUNTER")}, {"no"})


def udev_runs(root: Path, report: Report) -> None:
    """udev reads the rule, and would run the program when the module comes."""
    rules = root / "etc/udev/rules.d/90-ctc.rules"
    if not rules.exists():
        return
    if not shutil.which("udevadm") or not os.path.exists("/sys/module/nf_conntrack"):
        report.skip("udev: no udevadm, or no module nf_conntrack")
        return
    done = subprocess.run(["unshare", "--mount", "sh", "-c", f"""
        mount -t tmpfs none /run && mkdir -p /etc/udev/rules.d && mount -t tmpfs none /etc/udev/rules.d &&
        cp {rules} /etc/udev/rules.d && udevadm test --action=add /sys/module/nf_conntrack"""],
                          capture_output=True, text=True, timeout=30, check=False)
    told = [line for line in done.stderr.splitlines() if rules.name in line and "Reading rules" not in line]
    report.check("udev has nothing to say against the rule", len(told) == 1 and " RUN " in told[0], "\n".join(told))
    report.check("udev would run it", "run: '" in done.stdout and "systemd-sysctl --prefix=/net/netfilter" in done.stdout,
                 done.stdout)
    if "verify" in subprocess.run(["udevadm", "--help"], capture_output=True, text=True, timeout=10, check=False).stdout:
        done = subprocess.run(["udevadm", "verify", str(rules)], capture_output=True, text=True, timeout=10, check=False)
        report.equal("udevadm verify", (done.returncode, done.stderr), (0, ""))


def layouts(layout: str, report: Report) -> None:
    for policy in POLICIES:
        part = report.part(f"{policy}, {layout}: ")
        with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]) as root:
            done = build(root, layout, str(policy_path(policy)))
            if not part.equal("exit", (done.returncode, done.stderr), (0, "")):
                continue
            part.equal("--check", build(root, layout, str(policy_path(policy)), "--check").returncode, 0)
            rules_load(Path(root), layout, policy, part)
            if policy == "tune":
                settings_hold(Path(root), layout, part)
            if layout == "redhat":
                shell_reads(Path(root), part)
            udev_runs(Path(root), part)


JOBS = {f"build {layout}": partial(layouts, layout) for layout in RULES}
