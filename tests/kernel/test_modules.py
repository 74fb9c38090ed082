# SPDX-License-Identifier: GPL-2.0-or-later
"""The file for modprobe.d keeps the tracker out, by the word of modprobe itself: in a tree of modules that the test makes."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from firewall import policy_path
from report import Report

KERNELS = ("3.10.0", "4.18.0", "6.12.0")
# Modules that do without the tracker, and must load: what the rules of mode none are made of.
FREE = ("x_tables", "ip_tables", "ip6_tables", "iptable_filter", "iptable_raw", "ip6table_raw", "nf_defrag_ipv4",
        "nf_defrag_ipv6", "xt_socket", "xt_tcpudp", "xt_multiport", "xt_addrtype", "xt_hashlimit", "nf_tables", "nfnetlink")
# Modules that nobody lists, and that need the tracker; and names by which modules are asked for.
NEEDY = ("xt_somebodys", "nft_somebodys")
ALIASES = {"ip_conntrack": "nf_conntrack", "nf-conntrack": "nf_conntrack", "ipt_state": "xt_state",
           "ip6t_state": "xt_state", "ipt_conntrack": "xt_conntrack", "nfnetlink-subsys-1": "nf_conntrack_netlink",
           "nft-expr-ct": "nft_ct"}


def modprobe_file(version: str, policy: str) -> str:
    return subprocess.run([os.environ["CTC"], "tune", "--modprobe", "--kernel", version, str(policy_path(policy))],
                          capture_output=True, text=True, timeout=30, check=True).stdout


def make_module(folder: Path, name: str, needs: str | None) -> None:
    """A file that is enough of a module for depmod: names, symbols, and those that it needs."""
    made = Path(os.environ["SCRATCH"]) / f"{name}.ko"
    if not made.exists():
        aliases = "".join(f'.asciz "alias={alias}"\n' for alias, of in ALIASES.items() if of == name)
        source = f"""
            .section .modinfo, "a"
            .asciz "license=GPL"
            {aliases}
            .section __ksymtab_strings, "a"
            .asciz "{name}_symbol"
            .data
            .globl {name}_symbol
            {name}_symbol: .long 0
            """
        if needs:
            source += f".balign 8\n.dc.a {needs}_symbol\n"
        subprocess.run(["as", "-o", str(made), "-"], input=source, text=True, check=True, timeout=30)
    os.link(made, folder / made.name)


def make_tree(root: Path, version: str, names: list[str]) -> None:
    folder = root / "lib/modules" / version / "kernel"
    folder.mkdir(parents=True)
    for name in names:
        make_module(folder, name, None if name == "nf_conntrack" else "nf_conntrack")
    for name in FREE:
        make_module(folder, name, None)
    for name in NEEDY:
        make_module(folder, name, "nf_conntrack")
    subprocess.run(["depmod", "-b", str(root), version], check=True, timeout=30, capture_output=True)


def ask(root: Path, version: str, *arguments: str) -> subprocess.CompletedProcess:
    """modprobe, of that tree and its settings, and never able to load anything."""
    return subprocess.run(["setpriv", "--bounding-set", "-sys_module", "--inh-caps", "-sys_module",
                           "modprobe", "-d", str(root), "-S", version, "-C", str(root / "etc/modprobe.d"), *arguments],
                          capture_output=True, text=True, timeout=30, check=False)


def would_load(root: Path, version: str, name: str) -> list[str]:
    return [line.strip() for line in ask(root, version, "-n", "-v", "--show-depends", name).stdout.splitlines()]


def kept_out(root: Path, version: str, report: Report) -> None:
    text = modprobe_file(version, "none-blocked")
    names = re.findall(r"^install (\S+) /bin/false$", text, re.M)
    settings = root / "etc/modprobe.d"
    settings.mkdir(parents=True)
    make_tree(root, version, names)

    report.check("without the file it loads", any(line.endswith("nf_conntrack.ko") for line in
                                                   would_load(root, version, "xt_conntrack")), "modprobe finds no module")
    (settings / "ctc.conf").write_text(text, encoding="utf-8")
    shown = ask(root, version, "--showconfig")
    report.equal("modprobe reads the file", (shown.returncode, shown.stderr), (0, ""))
    report.equal("it reads all of it", sorted(line.split()[1] for line in shown.stdout.splitlines()
                                              if line.startswith("install ")), sorted(names))
    for name in (*names, *(alias for alias, of in ALIASES.items() if of in names)):
        lines = would_load(root, version, name)
        if not (lines and lines[-1] == "install /bin/false" and not any(line.startswith("insmod") for line in lines)):
            report.check(f"{name} is kept out", False, f"{lines}")
    report.check("modules are kept out", len(names) > 40, f"{len(names)}")
    for name in NEEDY:
        report.check(f"{name}: what it needs is kept out", "install /bin/false" in would_load(root, version, name),
                     f"{would_load(root, version, name)}")
    for name in FREE:
        report.equal(f"{name} loads", [line.split("/")[-1] for line in would_load(root, version, name)], [f"{name}.ko"])
    done = ask(root, version, "nf_conntrack")
    report.check("modprobe runs /bin/false", done.returncode != 0 and "Error running install command" in done.stderr,
                 f"{done.returncode}: {done.stderr}")


def options_taken(root: Path, report: Report) -> None:
    """Beside: the option of a table's size reaches the module."""
    settings = root / "etc/modprobe.d"
    settings.mkdir(parents=True)
    make_tree(root, "6.1.0", [])
    make_module(root / "lib/modules/6.1.0/kernel", "nf_conntrack", None)
    subprocess.run(["depmod", "-b", str(root), "6.1.0"], check=True, timeout=30, capture_output=True)
    (settings / "ctc.conf").write_text(modprobe_file("6.1", "tune-large"), encoding="utf-8")
    lines = would_load(root, "6.1.0", "nf_conntrack")
    report.check("options", len(lines) == 1 and re.search(r"nf_conntrack\.ko hashsize=\d+$", lines[0]), f"{lines}")


def run(report: Report) -> None:
    if not shutil.which("modprobe"):
        report.skip("modprobe is not installed")
        return
    for version in KERNELS:
        with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]) as root:
            kept_out(Path(root), version, report.part(f"Linux {version}: "))
    with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]) as root:
        options_taken(Path(root), report)


JOBS = {"modules": run}
