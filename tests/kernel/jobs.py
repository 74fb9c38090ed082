# SPDX-License-Identifier: GPL-2.0-or-later
"""Every job by name: what is independent of the others and may run beside them."""
from functools import partial
from typing import Callable

import test_advise
import test_agree
import test_ahead
import test_allowed
import test_apply
import test_backend
import test_boot
import test_build
import test_connections
import test_disagree
import test_drift
import test_fixed_point
import test_forward
import test_guard
import test_holes
import test_ipset
import test_limits
import test_link
import test_live
import test_live_sets
import test_modules
import test_nat
import test_optimised
import test_own
import test_plan
import test_refused
import test_privileges
import test_reload
import test_tracking
import test_tune
import test_unchanged
import test_verdicts
import test_via
import test_widen
from firewall import BACKENDS, load, policy_path
from invent import MODES
from netns import FAMILIES
from report import Report
from scene import Scene
from variants import VARIANTS, Variant


def traffic(variant: Variant, backend: str, report: Report) -> None:
    scene = Scene(backend)
    load(scene.topology.server, policy_path(variant.policy), backend)
    for family in FAMILIES:
        part = report.part(f"{variant.policy} {family.name} {backend}: ")
        # First what is refused: an answer to a query of the server's would count as established.
        test_refused.run(scene, variant, family, part)
        test_allowed.run(scene, variant, family, part)
        test_link.run(scene, family, part)


def listener(backend: str, report: Report) -> None:
    """A policy with no rule that would put fragments together before the others see them."""
    scene = Scene(backend)
    load(scene.topology.server, policy_path("none-listener"), backend)
    for family in FAMILIES:
        part = report.part(f"none-listener {family.name} {backend}: ")
        test_allowed.datagrams(scene, family, part)
        test_refused.fragments(scene, family, part)


def _jobs() -> dict[str, Callable[[Report], None]]:
    jobs: dict[str, Callable[[Report], None]] = {
        "apply silent": test_guard.silent,    # which does nothing but wait
        "agree not": test_disagree.run}
    for backend in BACKENDS:
        jobs[f"full table {backend}"] = partial(test_tracking.full_table, backend)
        for variant in VARIANTS:
            jobs[f"traffic {variant.policy} {backend}"] = partial(traffic, variant, backend)
        for policy, mode in (("full", "full"), ("selective", "selective"), ("none", "none"),
                             ("none-blocked", "none")):
            jobs[f"tracking {policy} {backend}"] = partial(
                test_tracking.entries_left, policy, mode, backend)
        for policy in test_limits.POLICIES:
            jobs[f"limits {policy} {backend}"] = partial(test_limits.run, policy, backend)
        for policy in ("lists-full", "lists", "lists-none"):
            jobs[f"verdicts {policy} {backend}"] = partial(test_verdicts.run, policy, backend)
        for policy in ("forward", "forward-selective", "forward-none", "forward-ftp"):
            jobs[f"router {policy} {backend}"] = partial(test_forward.run, policy, backend)
        jobs[f"router nat {backend}"] = partial(test_nat.run, backend)
        jobs[f"reload {backend}"] = partial(test_reload.run, backend)
        for rules in test_holes.NAMES:
            jobs[f"holes {rules} {backend}"] = partial(test_holes.run, rules, backend)
        jobs[f"fixed point {backend}"] = partial(test_fixed_point.run, backend)
        jobs[f"listener {backend}"] = partial(listener, backend)
        jobs[f"agree matches {backend}"] = partial(test_agree.matches, backend)
        jobs[f"agree sets {backend}"] = partial(test_agree.asked_sets, backend)
        for part in range(test_agree.PARTS):
            jobs[f"agree policies {backend} {part}"] = partial(test_agree.policies, backend, part)
            jobs[f"agree rulesets {backend} {part}"] = partial(test_agree.foreign, backend, part)
    for mode in MODES:
        for way in test_optimised.MARKS:
            jobs[f"optimised {mode} {way}"] = partial(test_optimised.run, mode, way)
    jobs["optimised not"] = test_optimised.differing
    jobs.update(test_build.JOBS)
    jobs.update(test_drift.JOBS)
    jobs.update(test_live.JOBS)
    jobs.update(test_live_sets.JOBS)
    jobs.update(test_modules.JOBS)
    jobs["advise"] = test_advise.run
    jobs["tune"] = test_tune.run
    jobs["ipset"] = test_ipset.run
    jobs["holes text"] = test_holes.another_text
    jobs["backend policies"] = test_backend.policies
    jobs["backend patterns"] = test_backend.patterns
    jobs["backend counters"] = test_backend.counters
    jobs["backend remade"] = test_backend.remade
    jobs["backend refusals"] = test_backend.refusals
    jobs["backend concurrency"] = test_backend.concurrency
    jobs["backend corpus"] = test_backend.corpus
    jobs["plan"] = test_plan.run
    jobs["apply"] = test_apply.applied
    jobs["apply unchanged"] = test_unchanged.unchanged
    jobs["apply unchanged via restore"] = test_unchanged.via_restore
    jobs["apply unchanged beside"] = test_unchanged.beside
    jobs["apply ahead"] = test_ahead.run
    jobs["apply others"] = test_apply.others
    jobs["apply confirmed"] = test_apply.confirmed
    jobs["apply elsewhere"] = test_apply.elsewhere
    jobs["apply stopped"] = test_guard.run
    jobs["apply guard faults"] = test_guard.faults
    jobs["apply asked"] = test_apply.asked
    jobs["apply hung up"] = test_apply.hung_up
    jobs["apply closed"] = test_apply.closed
    jobs["apply alone"] = test_apply.alone
    jobs["apply lost"] = test_apply.lost
    jobs["apply one family"] = test_apply.one_family
    jobs["apply taken back"] = test_apply.taken_back
    jobs["apply damaged"] = test_apply.damaged
    jobs["apply blind"] = test_apply.blind
    jobs["apply both killed"] = test_apply.both_killed
    jobs["apply hitless"] = test_apply.hitless
    jobs["apply orders"] = test_apply.orders
    jobs["apply session"] = test_apply.session
    jobs["apply session between"] = test_apply.session_between
    jobs["apply others replacing"] = test_apply.replacing
    jobs["apply widened"] = test_widen.told
    jobs["apply widened killed"] = test_widen.killed
    jobs["apply widened crossing"] = test_widen.crossing
    jobs["apply under traffic"] = test_widen.traffic
    jobs["boot"] = test_boot.chosen
    jobs["boot remembered"] = test_boot.remembered
    jobs["boot beside"] = test_boot.beside
    jobs["boot unfinished"] = test_boot.unfinished
    jobs["boot faults"] = test_boot.faults
    jobs["privileges"] = test_privileges.run
    jobs["connections stale"] = test_connections.stale
    jobs["connections refused"] = test_connections.refused
    for job in (test_via.applied, test_via.first_time, test_via.faults, test_via.confirmed, test_via.choice,
                test_via.rivals, test_via.hitless, test_via.both_killed, test_via.others, test_via.corpus):
        jobs[f"via {job.__name__.replace('_', ' ')}"] = job
    for name in test_own.NAMES:
        jobs[f"own beside {name}"] = partial(test_own.beside, name)
    jobs["own modes"] = test_own.modes
    jobs["own beside nft"] = test_own.beside_nft
    jobs["own objections"] = test_own.objections
    jobs["own killed"] = test_own.killed
    jobs["own crowd"] = test_own.crowd
    jobs["own corpus"] = test_own.corpus
    for how in ("fail", "kill"):
        jobs[f"apply faults {how}"] = partial(test_apply.faults, how)
    return jobs


JOBS = _jobs()
