# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply` and connections that are open: entries that no packet meets any more go, what is refused is told and can be cut."""
import json
import re
import time

from clients import connect, echo, ping, udp
from firewall import policy_path
from host import Host
from netns import FAMILIES, Family, address
from report import Report
from scene import Scene
from schemas import schema_trouble
from table import empty, entries, listing

SHUT = """version: 1
tracking: full
allow:
  - {service: https}
  - ping
"""


def _told(host: Host, *words: str) -> dict:
    done = host.ctc("apply", "--format", "json", *words)
    return json.loads(done.stdout) if done.returncode == 0 else {"connections": {}, "error": done.stderr}


def _settle(scene: Scene) -> None:
    """Entries of what is long over, such as the pings that waited for the links, are none of the test's."""
    empty(scene.topology.server)


def _speak(scene: Scene, family: Family) -> dict:
    """Connections that a selective policy untracks, and others, which all begin with an entry."""
    found = {}
    for name, end, dest, port in (("web", scene.client(family), "server", 80),
                                  ("upstream", scene.server(family), "client", 80),
                                  ("ssh", scene.client(family), "server", 22),
                                  ("backup", scene.server(family), "client", 9000)):
        found[name] = connect(end, address(dest, family), port)
        found[name].sendall(b"echo\n")
        echo(found[name])
    udp(scene.client(family), address("server", family), 25565)
    udp(scene.client(family), address("server", family), 1194)
    ping(scene.client(family), address("server", family))
    return found


def _counts(scene: Scene, family: Family) -> dict[str, int]:
    server = scene.topology.server
    return {"web": entries(server, family, "tcp", 80), "ssh": entries(server, family, "tcp", 22),
            "backup": entries(server, family, "tcp", 9000), "game": entries(server, family, "udp", 25565),
            "tunnel": entries(server, family, "udp", 1194),
            "ping": len([line for line in listing(server, family, "-p", "icmp" if family.index == 0 else "icmpv6")])}


def stale(report: Report) -> None:
    """Full to selective, and back by a rollback."""
    scene = Scene("legacy")
    host = Host("stale", scene.topology.server)
    host.load(policy_path("full"))
    _settle(scene)
    sockets = {family: _speak(scene, family) for family in FAMILIES}
    before = {family.name: _counts(scene, family) for family in FAMILIES}
    report.equal("stale: all begin with entries", before,
                 {family.name: {"web": 2, "ssh": 1, "backup": 1, "game": 1, "tunnel": 1, "ping": 1} for family in FAMILIES})
    # What passes through belongs to others, whatever its ports.
    for number, ends in enumerate((("198.51.100.10", "203.0.113.130"), ("2001:db8:1::10", "2001:db8:5::2"))):
        scene.topology.server.run("conntrack", "-I", "-s", ends[0], "-d", ends[1], "-p", "tcp",
                                  "--sport", "40000", "--dport", "80", "--state", "ESTABLISHED", "-t", "600")
    # So does what is translated.
    scene.topology.server.run("conntrack", "-I", "-s", "198.51.100.10", "-d", "192.0.2.2", "-p", "tcp", "--sport", "40001",
                              "--dport", "80", "--reply-src", "10.9.9.9", "--reply-dst", "198.51.100.10", "--reply-port-src",
                              "8080", "--reply-port-dst", "40001", "--state", "ESTABLISHED", "-t", "600")
    kept = {"ipv4": 2, "ipv6": 1}

    plan = _told(host, "--dry-run", str(policy_path("selective")))
    report.works("stale: the schema holds", schema_trouble(plan))
    report.equal("stale: a dry run counts", (plan["connections"].get("stale"), plan["connections"].get("deleted")), (6, 0))
    report.equal("stale: and deletes nothing", {family.name: entries(scene.topology.server, family, "tcp", 80) for family in FAMILIES},
                 {name: 2 + more for name, more in kept.items()})

    done = _told(host, "--confirm", "30", str(policy_path("selective")))
    report.equal("stale: then they go", (done["connections"].get("stale"), done["connections"].get("deleted")), (6, 6))
    for family in FAMILIES:
        report.equal(f"stale {family.name}: untracked entries are gone, the others stay", _counts(scene, family),
                     {**before[family.name], "web": kept[family.name], "game": 0})
        for name, sock in sockets[family].items():
            report.works(f"stale {family.name}: {name} lives on", echo(sock))

    # They have spoken meanwhile: to an entry that was left they would be out of all bounds.
    report.equal("stale: rollback", host.ctc("rollback").returncode, 0)
    for family in FAMILIES:
        for name, sock in sockets[family].items():
            report.works(f"stale {family.name}: {name} lives on behind a rollback", echo(sock))
    done = _told(host, "--now", str(policy_path("selective")))
    report.equal("stale: with --now at once", (done["connections"].get("stale"), done["connections"].get("deleted")), (4, 4))
    done = _told(host, "--now", str(policy_path("selective")))
    report.equal("stale: where nothing changes nothing is looked for", done["connections"].get("stale"), 0)
    done = _told(host, "--now", str(policy_path("none")))
    report.check("stale: in none all of this host's go", done["connections"].get("deleted", 0) >= 6, str(done["connections"]))
    for family in FAMILIES:
        report.equal(f"stale {family.name}: those of others stay", len(listing(scene.topology.server, family)), kept[family.name])
    # One that is there while its packets go untracked is out of all bounds behind a rollback.
    scene.topology.server.run("conntrack", "-I", "-s", "198.51.100.10", "-d", "192.0.2.2", "-p", "tcp", "--sport", "40002",
                              "--dport", "80", "--state", "ESTABLISHED", "-t", "600")
    report.equal("stale: with a rollback they go, too", (host.ctc("rollback").returncode, any(
        "sport=40002" in line for line in listing(scene.topology.server, FAMILIES[0]))), (0, False))


def _is_over(sock) -> bool:
    """Whether the connection was reset, which takes a moment."""
    for _ in range(20):
        if re.match("ECONN|EPIPE|closed", echo(sock)):
            return True
        time.sleep(0.02)
    return False


def refused(report: Report) -> None:
    """From a policy to one that shuts ports of live connections."""
    scene = Scene("legacy")
    host = Host("refused", scene.topology.server)
    policy = host.state.parent / "shut.yaml"
    policy.write_text(SHUT, encoding="utf-8")
    host.load(policy_path("full"))
    _settle(scene)
    sockets = {}
    for family in FAMILIES:
        for port in (22, 443):
            sockets[family, port] = connect(scene.client(family), address("server", family), port)
            sockets[family, port].sendall(b"echo\n")
            echo(sockets[family, port])
        sockets[family, 9000] = connect(scene.server(family), address("client", family), 9000)
        sockets[family, 9000].sendall(b"echo\n")
        echo(sockets[family, 9000])

    def ports(document: dict) -> list:
        return sorted((each["family"], each["target_port"], each["lives"])
                      for each in document["connections"].get("listed", []))

    def all_speak(when: str, *but: int) -> None:
        for (family, port), sock in sockets.items():
            if port not in but:
                report.works(f"refused {family.name}: {port} lives on {when}", echo(sock))

    told = [(family.name, 22, True) for family in FAMILIES]
    plan = _told(host, "--dry-run", str(policy))
    report.works("refused: the schema holds", schema_trouble(plan))
    report.equal("refused: a dry run tells", ports(plan), told)
    text = host.ctc("apply", "--dry-run", str(policy)).stdout
    report.check("refused: in words", "connections that are open and would be refused: 2" in text
                 and "port 22   lives on until it ends; --cut ends it" in text, text)
    all_speak("behind a dry run")
    done = _told(host, "--now", str(policy))
    report.equal("refused: so does an apply", (ports(done), done["connections"].get("cut")), (told, 0))
    all_speak("without --cut")
    done = _told(host, "--now", "--cut", str(policy))
    report.equal("refused: --cut cuts, also by rules that are loaded already", done["connections"].get("cut"), 2)
    for family in FAMILIES:
        report.check(f"refused {family.name}: it is over", _is_over(sockets[family, 22]))
    all_speak("beside --cut", 22)
    report.check("refused: listeners stay", scene.topology.server.run("ss", "-ltn").count(":22 ") == 2)
    done = host.ctc("apply", "--confirm", "9", "--cut", str(policy))
    report.check("refused: --cut waits for its confirmation", done.returncode == 2 and "ctc confirm --cut" in done.stderr, done.stderr)
    for end in FAMILIES:
        sockets[end, 22].close()
