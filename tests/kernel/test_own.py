# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctc apply --own chains`: what others have in the tables stays byte for byte, counters included, whatever ctc does there."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from collection import CORPUS, rulesets
from host import Host, NftHost, children, faulty, stopped
from others import OTHERS, Watch, load_others, saved, with_counters, write
from report import Report
from schemas import schema_trouble
from test_widen import SWAP

NAMES = sorted({path.name.split(".")[0] for path in OTHERS.iterdir()})
APPLIES = int(os.environ.get("APPLIES", "12"))    # beside others who change the tables all the time

FIRST = """version: 1
tracking: selective
allow: [{service: [http, https], track: false}, {service: ssh, limit: 10/minute}, ping]
connect: [{service: dns, to: [192.0.2.53, "2001:db8::53"], track: false}]
default: {forward: leave}
log: {limit: 5/minute}
"""
SECOND = """version: 1
tracking: full
deny: [203.0.113.0/24, "2001:db8:bad::/48"]
allow: [ssh, 8443/tcp, {tcp: 9100, from: [10.0.0.0/8, "2001:db8:1::/48"]}]
default: {input: drop, forward: leave, output: reject}
connect: [http, dns]
"""
SOMEBODY = ("-s", "192.0.2.200", "-j", "DROP")
SOMEBODY6 = ("-s", "2001:db8::200", "-j", "DROP")


def without_counters(lines: dict) -> dict:
    return json.loads(re.sub(r"\[\d+:\d+\] ?", "", json.dumps(lines)))


def apply(host: Host, report: Report, when: str, *words: str) -> dict:
    done = host.ctc("apply", "--format", "json", *words)
    report.check(f"{when}: works", done.returncode == 0, done.stderr)
    if done.returncode:
        return {"own": None, "same": None, "tables": []}
    document = json.loads(done.stdout)
    report.works(f"{when}: the schema holds", schema_trouble(document))
    return document


def beside(name: str, report: Report) -> None:
    host = Host(f"beside {name}", own="")
    first, second = write(host, "first", FIRST), write(host, "second", SECOND)
    load_others(host, name)
    watch = Watch(host, report)
    rules = sum(line.startswith("[") for line in watch.before["ipv4"]["filter"])

    plan = apply(host, report, "dry run", "--dry-run", first)
    report.equal("dry run: chains are owned", plan["own"], "chains")
    table = next((table for table in plan["tables"] if (table["family"], table["table"]) == ("ipv4", "filter")), {})
    report.equal("dry run: it says what stays", (table["others"]["rules"], table["removed"]), (rules, 0))
    watch.same("dry run")

    apply(host, report, "first", "--now", first)
    watch.same("first")
    own = without_counters(saved(host, own=True))
    report.equal("first: nothing differs now", apply(host, report, "first again", "--now", first)["same"], True)
    report.equal("first: status", host.ctc("status").returncode, 0)
    watch.same("first again")

    apply(host, report, "second", "--now", second)
    watch.same("second")
    report.check("second: other rules", without_counters(saved(host, own=True)) != own)
    report.equal("rollback: works", host.ctc("rollback").returncode, 0)
    watch.same("rollback")
    report.equal("rollback: the rules of the first", without_counters(saved(host, own=True)), own)

    apply(host, report, "confirm", "--confirm", "1", second)
    watch.same("confirm")
    # What others change meanwhile is theirs.
    host.namespace.run("iptables-legacy", "-w", "-I", "INPUT", *SOMEBODY)
    host.namespace.run("ip6tables-legacy", "-w", "-A", "FORWARD", *SOMEBODY6)
    report.equal("confirm: a change of others is no drift", host.ctc("status").returncode, 0)
    watch = Watch(host, report)
    end = time.monotonic() + 5
    while without_counters(saved(host, own=True)) != own and time.monotonic() < end:
        time.sleep(0.02)
    report.equal("confirm: the rules of the first come back", without_counters(saved(host, own=True)), own)
    watch.same("confirm: late")

    host.namespace.run("iptables-legacy", "-w", "-I", "ctc-INPUT", *SOMEBODY)
    apply(host, report, "second again", "--now", second)
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", "-j", "ctc-INPUT")
    report.equal("a jump that is gone is drift", host.ctc("status").returncode, 4)
    apply(host, report, "second once more", "--now", second)
    report.equal("it is put back", host.ctc("status").returncode, 0)
    watch.same("put back")
    host.close()


def beside_nft(report: Report) -> None:
    """The same where the tables of iptables are in nf_tables."""
    for name in ("docker", "fail2ban"):
        host = NftHost(f"own {name}")
        host.own = ""
        first, second = write(host, "first", FIRST), write(host, "second", SECOND)
        load_others(host, name)
        part = report.part(f"{name}: ")
        watch = Watch(host, part, policies=False)    # nf_tables counts nothing for them
        report.equal("chains are owned", apply(host, part, "first", "--via", "restore", "--now", first)["own"], "chains")
        watch.same("first")
        own = without_counters(saved(host, own=True))
        apply(host, part, "second", "--via", "restore", "--now", second)
        watch.same("second")
        host.namespace.run("iptables-nft", "-I", "INPUT", *SOMEBODY)
        part.equal("a change of others is no drift", host.ctc("status").returncode, 0)
        watch = Watch(host, part, policies=False)
        part.equal("rollback: works", host.ctc("rollback").returncode, 0)
        watch.same("rollback")
        part.equal("rollback: the rules of the first", without_counters(saved(host, own=True)), own)
        host.close()


def modes(report: Report) -> None:
    """From whole tables to chains and back."""
    host = Host("modes", own="")
    first, second = write(host, "first", FIRST), write(host, "second", SECOND)
    report.equal("alone: whole tables", apply(host, report, "alone", "--now", first)["own"], "tables")
    report.equal("alone: again", apply(host, report, "alone again", "--now", second)["own"], "tables")
    alone = host.tables()
    report.equal("alone: no chain of its own", saved(host, own=True)["ipv4"]["filter"], [])

    host.namespace.run("iptables-legacy", "-w", "-I", "INPUT", *SOMEBODY)
    host.namespace.run("iptables-legacy", "-w", "-A", "INPUT", *SOMEBODY)
    host.namespace.run("ip6tables-legacy", "-w", "-I", "INPUT", *SOMEBODY6)
    report.equal("whole tables: a change of others is drift", host.ctc("status").returncode, 4)
    plan = apply(host, report, "others come", "--now", second)
    report.equal("others come: chains", (plan["own"], [len(plan["changes"])]), ("chains", [0]))
    report.equal("others come: only their rules are left beside", saved(host)["ipv4"]["filter"][:3] + saved(host)["ipv4"]["filter"][3:],
                 [":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT DROP [0:0]",
                  "[0:0] -A INPUT -s 192.0.2.200/32 -j DROP", "[0:0] -A INPUT -s 192.0.2.200/32 -j DROP", "COMMIT"])
    rules = host.namespace.run("iptables-legacy", "-S", "INPUT").splitlines()
    report.equal("others come: the jump is where the rules were", rules,
                 ["-P INPUT DROP", "-A INPUT -s 192.0.2.200/32 -j DROP", "-A INPUT -j ctc-INPUT",
                  "-A INPUT -s 192.0.2.200/32 -j DROP"])
    report.equal("others come: status", host.ctc("status").returncode, 0)
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", "1")
    host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", "2")
    host.namespace.run("ip6tables-legacy", "-w", "-D", "INPUT", "1")
    report.equal("rollback from chains to whole tables", (host.ctc("rollback").returncode, host.tables() == alone), (0, True))

    apply(host, report, "to chains", "--now", "--own", "chains", second)
    chains = host.tables()
    report.equal("chains: they stay so", apply(host, report, "chains again", "--now", first)["own"], "chains")
    report.equal("chains: rollback", (host.ctc("rollback").returncode, host.tables() == chains), (0, True))
    plan = apply(host, report, "to tables", "--now", "--own", "tables", second)
    report.equal("to tables: all of them", host.tables() == alone, True)
    report.equal("to tables: rollback", (host.ctc("rollback").returncode, host.tables() == chains), (0, True))

    # Rules that ctc compiled, and another program loaded.
    host = Host("compiled", own="")
    host.load(Path(second))
    report.equal("compiled: what is wanted is nobody else's", apply(host, report, "compiled", "--now", second)["own"], "tables")
    host.close()
    host = Host("compiled chains", own="")
    host.load(Path(second))
    apply(host, report, "compiled, to chains", "--now", "--own", "chains", second)
    report.equal("compiled, to chains: nothing is left in between",
                 [line for line in saved(host)["ipv4"]["filter"] if "-A" in line], [])
    host.close()


def objections(report: Report) -> None:
    """What others have may speak against a load: it is named, and stops it or does not."""
    head = "version: 1\ntracking: {}\nallow: [http, ssh{}]\ndefault: {{input: reject, forward: {}}}\n"
    published = head.format("selective", ", {tcp: [8080, 30080], track: false}", "leave")
    selective = head.format("selective", ", {service: https, track: false}", "leave")
    none = head.format("none", "", "leave")
    cases = (
        # What others have, what is added to it, the policy; each thing that is said, of both families if it can be.
        ("docker", (), published, "error untracked-nat nat DOCKER 3 (! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT",
         "error untracked-nat nat DOCKER 1 (! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT"),
        ("kube-proxy", (), published, "error untracked-nat nat KUBE-SEP-ONE 2 (-p tcp", "error untracked-nat nat KUBE-SEP-TWO 2 (-p tcp"),
        ("docker", (), head.format("full", "", "drop"), "error others-forward Docker forwards here", ),
        ("kube-proxy", (), head.format("full", "", "reject"), "error others-forward Kubernetes forwards here"),
        ("libvirt", (), head.format("full", "", "drop"), "error others-forward libvirt forwards here"),
        ("docker", (), none, "warning others-track rules of others keep the tracker on: nat PREROUTING 1",
         "error untracked-nat nat DOCKER 3", "error untracked-nat nat POSTROUTING 1 (-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE)"),
        ("ufw", (), none + "conntrack: {modules: block}\nstateless: {replies: portable}\n",
         "error others-track rules of others keep the tracker on: filter ufw-before-forward 1"),
        ("fail2ban", ("nft add table inet guard { chain in { type filter hook input priority 10; ct state invalid drop; }; }",), none,
         "warning others-track tables of nft keep the tracker on: inet guard"),
        ("fail2ban", ("iptables -I INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",), selective,
         "error blanket-accept filter INPUT 1 (-m conntrack --ctstate UNTRACKED -j ACCEPT)"),
        ("ufw", (), selective.replace("ssh", "{service: ssh, track: false}"),
         "warning blanket-accept filter ufw-user-limit 2 (-j REJECT --reject-with icmp-port-unreachable) refuses what passes it where it "
         "goes untracked, such as in eth0 tcp from 198.51.100.9 to 192.0.2.1 port 22 untracked", "warning source-port-hole packets are accepted for their source port by filter "
         "ufw-before-input 9", "warning path-mtu fragmentation-needed or packet-too-big is refused by filter ufw-before-input 4",
         "warning others-accept filter ufw-before-input 9"),
        ("fail2ban", ("iptables -A INPUT -p icmp -j DROP", "ip6tables -A INPUT -p ipv6-icmp -j DROP"), selective,
         "warning path-mtu fragmentation-needed or packet-too-big is refused by filter INPUT 3 (-p icmp -j DROP)",
         "warning no-neighbours neighbour discovery is refused by filter INPUT 2 (-p ipv6-icmp -j DROP)"),
        ("fail2ban", ("iptables -t raw -A PREROUTING -p udp --dport 500 -j CT --notrack",), selective,
         "warning one-sided-notrack tracking: one direction is untracked and the other is not by raw PREROUTING 1 (-p udp"),
        ("fail2ban", ("iptables -A INPUT -p tcp --dport 6379 -j ACCEPT",),
         selective + "expect: [{packets: in eth0 tcp to port 6379, verdict: refuse}]\n",
         "error expectation expected refuse, and in eth0 tcp", "warning others-accept filter INPUT 3 (-p tcp -m tcp --dport 6379 -j ACCEPT)"),
        ("fail2ban", (), selective + "expect: [{packets: in eth0 tcp from any to port 22, verdict: accept}]\n",
         "warning expectation expected accept, and in eth0 tcp from 203.0.113.7", "note others-refuse filter f2b-sshd 1"),
        ("fail2ban", ("iptables -A INPUT -s 0.0.0.0/1 -j DROP", "iptables -A INPUT -s 128.0.0.0/1 -j DROP"), selective,
         "error unreached no packet comes to the policy's rules in filter INPUT"),
        ("hand", (), selective),
    )
    for number, (name, added, policy, *wanted) in enumerate(cases):
        host = Host(f"objections {number}", own="")
        load_others(host, name)
        for each in added:
            program, *words = each.split()
            host.namespace.run(*([program, *words] if program == "nft" else [f"{program}-legacy", "-w", *words]))
        part = report.part(f"objections {number}, {name}: ")
        path = write(host, "policy", policy)
        watch = Watch(host, part)
        said = apply(host, part, "dry run", "--dry-run", path).get("objections", [])
        texts = [f"{each['severity']} {each['name']} {each['text']}" for each in said]
        for each in wanted:
            part.check(f"it is said: {each}", any(text.startswith(each) for text in texts), "\n".join(texts))
        errors = {each["name"] for each in said if each["severity"] == "error"}
        part.equal("errors", errors, {each.split()[1] for each in wanted if each.startswith("error")})
        done = host.ctc("apply", "--now", path)
        part.equal("refused or not", done.returncode, 3 if errors else 0)
        part.check("the reasons are told", all(f"[{each}]; --force loads it" in done.stderr for each in errors), done.stderr)
        if errors:
            watch.same("refused")
            part.equal("refused: nothing of ctc's", {line for tables in saved(host, own=True).values() for lines in tables.values()
                                                    for line in lines}, set())
            done = host.ctc("apply", "--now", "--force", path)
            part.check("forced", done.returncode == 0, done.stderr)
        watch.same("loaded")
        host.close()


def killed(report: Report) -> None:
    """At every commit the applier is killed, alone or with its guard: what ctc has is old or new, and what others have stays,
    also where the tables in between are none of both."""
    host = Host("killed", own="")
    policies = [write(host, "one", SWAP.format("false", "true")), write(host, "two", SWAP.format("true", "false"))]
    load_others(host, "fail2ban")
    watch = Watch(host, report)
    apply(host, report, "one", "--now", policies[0])
    old = without_counters(saved(host, own=True))
    document = apply(host, report, "two", "--now", policies[1])
    new = without_counters(saved(host, own=True))
    report.check("there is a filter of both in between", any(order["joint"] for order in document["orders"]), str(document["orders"]))
    report.equal("two: rollback", (host.ctc("rollback").returncode, without_counters(saved(host, own=True)) == old), (0, True))
    for how in ("applier", "both"):
        at, done = 0, False
        while not done:
            at += 1
            process = host.start("apply", "--now", policies[1], more=faulty(AT=at, HOW="stop", ONLY="commit"))
            done = not stopped(process)
            if not done:
                if how == "both":
                    for each in children(process.pid):
                        os.kill(each, signal.SIGKILL)
                os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
            end = time.monotonic() + 1
            while how == "applier" and without_counters(saved(host, own=True)) not in (old, new) and time.monotonic() < end:
                time.sleep(0.01)
            if how == "both" and not done:
                # Others go on meanwhile.
                host.namespace.run("iptables-legacy", "-w", "-I", "INPUT", *SOMEBODY)
                report.equal(f"{how} killed {at}: rollback works", host.ctc("rollback").returncode, 0)
                host.namespace.run("iptables-legacy", "-w", "-D", "INPUT", *SOMEBODY)
                watch.policies = False
                watch.before = watch.look()
            report.equal(f"{how} killed {at}: old or new", without_counters(saved(host, own=True)) == (new if done else old), True)
            watch.same(f"{how} killed {at}")
        report.check(f"{how} killed: at several commits", at > 5, str(at))
        report.equal(f"{how} killed: rollback", (host.ctc("rollback").returncode, without_counters(saved(host, own=True)) == old),
                     (0, True))
    host.close()


def crowd(report: Report) -> None:
    """Others add and take away rules all the time, and ask for the lock: none is lost, and none comes back."""
    host = Host("crowd", own="")
    policies = [write(host, "first", FIRST), write(host, "second", SECOND)]
    load_others(host, "fail2ban")
    watch = Watch(host, report, policies=False)    # iptables itself begins to count anew at every change
    apply(host, report, "crowd", "--now", policies[0])
    script = ("i=0; while [ ! -e {stop} ]; do i=$((i+1)); {program} -w -{how} INPUT -s {net}$((i%200)) -j DROP || echo lost $i add;"
              " {program} -w -A {chain} -s {net}$((i%200)) -j DROP || echo lost $i add;"
              " {program} -w -D INPUT -s {net}$((i%200)) -j DROP || echo lost $i;"
              " {program} -w -D {chain} -s {net}$((i%200)) -j DROP || echo lost $i; done; echo $i")
    stop = host.state.parent / "crowd stop"
    others = []
    with host.namespace:
        for program, net, how in (("iptables-legacy", "10.9.8.", "I"), ("ip6tables-legacy", "2001:db8:9::", "A")):
            text = script.format(stop=f"'{stop}'", program=program, net=net, how=how, chain="f2b-sshd")
            others.append(subprocess.Popen(["sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                           env=host.environment()))
    failed = [done.stderr for done in (host.ctc("apply", "--now", policies[at % 2]) for at in range(1, APPLIES + 1))
              if done.returncode]
    stop.touch()
    said = [each.communicate(timeout=60)[0].split("\n") for each in others]
    report.equal(f"{APPLIES} applies work", failed, [])
    report.equal("no rule of others is lost", [line for lines in said for line in lines[:-2]], [])
    report.check("others were at it", all(int(lines[-2]) > APPLIES / 4 for lines in said), str(said))
    report.note(f"{APPLIES} applies beside {sum(int(lines[-2]) for lines in said) * 4} changes of others")
    watch.same("crowd")
    host.close()


def corpus(report: Report) -> None:
    """Rulesets that people really wrote, beside whatever ctc does."""
    if not CORPUS.exists():
        report.skip(f"there is no {CORPUS}")
        return
    tried = 0
    step = int(os.environ.get("CORPUS_STEP", "32"))
    for ruleset in rulesets("legacy")[0][::step]:
        if ruleset.text.count("\n-A") > 5000:
            continue
        host = Host("corpus", own="")
        first, second = write(host, "first", FIRST), write(host, "second", SECOND)
        try:
            host.namespace.run(f"{ruleset.family.iptables}-legacy-restore", "-w", "-c", text=with_counters(ruleset.text))
        except RuntimeError:
            host.close()
            continue
        tried += 1
        part = report.part(f"{ruleset.name}: ")
        watch = Watch(host, part)
        apply(host, part, "first", "--now", "--force", "--own", "chains", first)
        watch.same("first")
        apply(host, part, "second", "--now", "--force", second)
        watch.same("second")
        part.equal("rollback", host.ctc("rollback").returncode, 0)
        watch.same("rollback")
        host.close()
        for name in host.remembered():
            (host.state / name).unlink()
    report.check("there are such rulesets", tried > 4, str(tried))
    report.note(f"{tried} rulesets")
