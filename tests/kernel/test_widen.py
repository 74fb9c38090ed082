# SPDX-License-Identifier: GPL-2.0-or-later
"""Where no order of the tables is without a loss, a filter of both stands there meanwhile; and whole changes of mode under traffic."""
import json
import os
import re
import signal
import socket
from pathlib import Path

from clients import connect, echo
from firewall import policy_path, restore, save
from host import Host, faulty, kill_with_children, stopped
from netns import FAMILIES, IPV4, Namespace, address
from report import Report
from scene import Scene
from schemas import schema_trouble

# What the one tracks the other does not: whichever table goes first, replies of one of the two are lost.
SWAP = """version: 1
tracking: selective
allow: [{{service: http, track: false}}, ssh]
connect:
  - {{name: a, tcp: 9000, track: {}}}
  - {{name: b, tcp: 9999, track: {}}}
"""
STEPS = ["filter", "raw", "filter"]
COMMITS = 6    # of both families
REQUESTS = int(os.environ.get("REQUESTS", "600"))    # that cross each change of mode


def _policies(host: Host) -> list[Path]:
    policies = [host.state.parent / f"{host.name} {number}.yaml" for number in range(2)]
    policies[0].write_text(SWAP.format("false", "true"), encoding="utf-8")
    policies[1].write_text(SWAP.format("true", "false"), encoding="utf-8")
    return policies


def _begin(host: Host, policy: Path) -> None:
    host.load(policy)
    for name in host.remembered():
        (host.state / name).unlink()


def _at_commit(host: Host, policy: Path, at: int, how: str, *words: str):
    return host.start("apply", "--now", *words, str(policy), more=faulty(AT=at, HOW=how, ONLY="commit"))


def told(report: Report) -> None:
    """The plan says it, rules that stay keep their counters, and the way back is the same one."""
    host = Host("widened")
    policies = _policies(host)
    _begin(host, policies[0])
    counted = re.sub(r"(?m)^-A", "[7:700] -A", save(host.namespace, IPV4, "legacy"))
    host.namespace.run("iptables-legacy-restore", "-w", "-c", text=counted)
    old = host.tables()
    text = host.ctc("apply", "--dry-run", str(policies[1])).stdout
    report.equal("widened: in words", text.count("filter widened, then raw, then filter: no packet that old and new rules both accept"), 2)
    done = host.ctc("apply", "--now", "--format", "json", str(policies[1]))
    if not report.check("widened: works", done.returncode == 0 and "lost" not in done.stderr, done.stderr):
        return
    document = json.loads(done.stdout)
    report.works("widened: the schema holds", schema_trouble(document))
    report.equal("widened: as JSON", [(order["tables"], order["joint"], order["between"], order["example"])
                                      for order in document["orders"]], [(STEPS, "widened", "safe", None)] * 2)
    wanted = Host("widened wanted")
    wanted.load(policies[1])
    report.equal("widened: the rules are those of the policy",
                 [{name: table[1] for name, table in host.tables()[family.name].items()} for family in FAMILIES],
                 [{name: table[1] for name, table in wanted.tables()[family.name].items()} for family in FAMILIES])
    kept = host.namespace.run("iptables-legacy-save", "-c", "-t", "filter")
    report.equal("widened: rules that stay keep their counters", kept.count("[7:700] -A"),
                 next(table["kept"] for table in document["tables"] if (table["family"], table["table"]) == ("ipv4", "filter")))
    report.check("widened: status finds no drift", host.ctc("status").returncode == 0)
    again = host.ctc("apply", "--now", str(policies[1]))
    report.check("widened: again, and nothing changes", again.returncode == 0 and host.remembered() == {"last"}, again.stderr)
    done = host.ctc("rollback")
    report.check("widened: rollback", done.returncode == 0 and "tables that changed: 4" in done.stdout and not done.stderr
                 and host.tables() == old, done.stdout + done.stderr)
    # The old rules accept what the new ones call invalid, and the other way round: to accept both would open something.
    ssh = host.state.parent / "ssh.yaml"
    ssh.write_text("version: 1\nallow: [ssh]\n", encoding="utf-8")
    _begin(host, policy_path("selective"))
    done = host.ctc("apply", "--now", "--format", "json", str(ssh))
    report.works("split: the schema holds", schema_trouble(json.loads(done.stdout)))
    report.equal("split: the one for untracked packets, the other for the others",
                 [(order["tables"], order["joint"], order["between"]) for order in json.loads(done.stdout)["orders"]],
                 [(STEPS, "split", "safe")] * 2)
    report.check("split: rollback", host.ctc("rollback").returncode == 0)
    # Both old rules and new ones refuse port 7, the one in raw, the other in filter: to accept what one of the filters accepts
    # would open it.
    opening = "*raw\n-A PREROUTING -p tcp --dport 7 -j DROP\nCOMMIT\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\n"
    restore(host.namespace, IPV4, "legacy", opening)
    done = host.ctc("apply", "--dry-run", "--format", "json", str(policies[0]))
    order = json.loads(done.stdout)["orders"][0]
    report.check("widened: not where that opens something", order["joint"] != "widened" and order["between"] == "loses", str(order))
    host.close()
    wanted.close()
    host = Host("widened via restore")
    for policy in policies:
        done = host.ctc("apply", "--now", "--via", "restore", "--format", "json", str(policy))
        report.check(f"widened, by iptables-restore: {policy.name}", done.returncode == 0 and host.ctc("status").returncode == 0,
                     done.stderr)
    report.equal("widened, by iptables-restore", [(order["tables"], order["joint"]) for order in json.loads(done.stdout)["orders"]],
                 [(STEPS, "widened")] * 2)
    report.check("widened, by iptables-restore: rollback", host.ctc("rollback").returncode == 0)
    host.close()


def killed(report: Report) -> None:
    """At every commit: it fails, the applier is killed, or the guard too."""
    host = Host("widened killed")
    policies = _policies(host)
    _begin(host, policies[1])
    new = host.tables()
    _begin(host, policies[0])
    old = host.tables()
    for at in range(1, COMMITS + 2):
        for how in ("fail", "kill"):
            _begin(host, policies[0])
            process = _at_commit(host, policies[1], at, how)
            said = process.communicate(timeout=30)[1]
            report.check(f"widened {how} {at}: the old rules or the new ones",
                         host.becomes(new if at > COMMITS else old), said)
        _begin(host, policies[0])
        process = _at_commit(host, policies[1], at, "stop")
        if not report.equal(f"widened, both killed {at}: there is such a commit", stopped(process), at <= COMMITS) or at > COMMITS:
            process.communicate(timeout=30)
            continue
        kill_with_children(process)
        done = host.ctc("rollback")
        report.check(f"widened, both killed {at}: rollback", done.returncode == 0 and not done.stderr
                     and host.tables() == old, done.stdout + done.stderr)
    host.close()


def _retransmitted(namespace: Namespace) -> int:
    """Segments that TCP has sent again: a packet was lost, or its answer was."""
    with namespace, open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])


def _connections(scene: Scene, *kinds: tuple[str, int]) -> dict[str, socket.socket]:
    """To that port of the server, or of the client from the server."""
    found = {}
    for family in FAMILIES:
        for who, port in kinds:
            end, dest = (scene.client(family), "server") if who == "in" else (scene.server(family), "client")
            sock = connect(end, address(dest, family), port)
            sock.settimeout(5)
            sock.sendall(b"echo\n")
            found[f"{who} {port} {family.name}"] = sock
            echo(sock)
    return found


def crossing(report: Report) -> None:
    """Live connections speak at every step of a widened load, and each of their packets arrives."""
    scene = Scene("legacy")
    host = Host("widened crossing", scene.topology.server)
    policies = _policies(host)
    _begin(host, policies[0])
    sockets = _connections(scene, ("in", 22), ("in", 80), ("out", 9000), ("out", 9999))
    lost = _retransmitted(scene.topology.server), _retransmitted(scene.topology.client)
    trips = 0
    for before, after, commits in ((0, 1, range(1, COMMITS + 2)), (1, 0, (2, 3, COMMITS + 1))):
        for at in commits:
            _begin(host, policies[before])
            process = _at_commit(host, policies[after], at, "stop", "--format", "json")
            stops = stopped(process)
            for name, sock in sockets.items():
                trouble = echo(sock)
                trips += 1
                if trouble:
                    report.check(f"crossing: {before} to {after}, {name}, commit {at}", False, trouble)
            if stops:
                process.send_signal(signal.SIGCONT)
            said = process.communicate(timeout=30)[1]
            report.check(f"crossing: {before} to {after}, commit {at}", process.returncode == 0, said)
    report.check("crossing: there are round trips", trips == (COMMITS + 4) * len(sockets))
    report.equal("crossing: no packet is sent again",
                 (_retransmitted(scene.topology.server), _retransmitted(scene.topology.client)), lost)


def traffic(report: Report) -> None:
    """REQUESTS round trips over live connections cross each change of mode, and no packet of theirs is lost."""
    scene = Scene("legacy")
    host = Host("under traffic", scene.topology.server)
    host.load(policy_path("full"))
    sockets = _connections(scene, ("in", 22), ("in", 80), ("out", 80), ("out", 9000))
    lost = _retransmitted(scene.topology.server), _retransmitted(scene.topology.client)
    before, total = "full", 0
    for mode in ("selective", "none", "full", "none", "selective", "full"):
        process = host.start("apply", "--now", str(policy_path(mode)))
        trips = meanwhile = 0
        while trips < REQUESTS or process.poll() is None:
            for name, sock in sockets.items():
                trouble = echo(sock)
                trips += 1
                meanwhile += process.returncode is None
                if trouble:
                    report.check(f"traffic: {before} to {mode}: {name}", False, trouble)
                    return
        said = process.communicate(timeout=30)[1]
        report.check(f"traffic: {before} to {mode} works, and some cross it", process.returncode == 0 and meanwhile > 0, said)
        total += trips
        before = mode
    report.equal("traffic: no packet is sent again",
                 (_retransmitted(scene.topology.server), _retransmitted(scene.topology.client)), lost)
    report.note(f"{total} round trips over {len(sockets)} connections while modes change, no packet lost")
