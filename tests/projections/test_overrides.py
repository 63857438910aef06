"""The read models of overrides and privacy zones: against a naive fold of random histories, and their queries."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application import codec
from domain import privacy_override as po
from domain import privacy_override_events as o
from domain import privacy_zone as z
from domain.flight_events import ZoneRule
from domain.kernel import CaseNumber, FlightId, Mistake, PersonId, Place, PolicyVersion, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import PersonStanding, Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from projections.engine.host import ProjectionHost
from projections.overrides import queries
from projections.overrides.projection import OVERRIDES
from projections.overrides.queries import Which
from projections.privacy_zones import queries as zone_queries
from projections.privacy_zones.projection import PRIVACY_ZONES
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, rows, wait_applied

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "0" * 64, START)
SERGEANT = PersonStanding(PersonId("p-cruz"), True, roles=frozenset({Role.WATCH_SUPERVISOR}), trained=True)
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court")
LEE, AUDITOR = PersonId("p-lee"), PersonId("p-audrey")
Happened = tuple[datetime, str, Any]


def plan(key: str) -> po.OverridePlan:
    range_ = o.Range(START, START + 12 * HOUR)
    case, flight = CaseNumber("C-7"), FlightId("f1")
    return po.OverridePlan(key, StreamId("zone-pool"), range_, "call_for_service", 30, case=case, flight=flight)


def history(seed: int, overrides: int = 12, steps: int = 160) -> tuple[list[Happened], dict[str, po.State]]:
    """What the aggregate makes of random commands at random times, and where each stream ends."""
    chance, at = random.Random(seed), START
    states: dict[str, po.State] = {f"o{n}": po.NotRequested() for n in range(overrides)}
    happened: list[Happened] = []
    for _ in range(steps):
        at += chance.choice([timedelta(seconds=7), 5 * MINUTE, HOUR])
        key = chance.choice(list(states))
        target, said = StreamId("zone-pool"), "said at some length, so that it is enough"
        options: list[po.Command] = [
            po.RequestOverride(plan(key), WARRANT, said, LEE, POLICY),
            po.RequestOverride(replace(plan(key), minutes=90), WARRANT, said, LEE, POLICY),
            po.InvokeEmergency(plan(key), said, LEE, POLICY),
            po.ApproveOverride(SERGEANT, POLICY),
            po.ApproveOverride(SERGEANT, POLICY),
            po.ApproveOverride(replace(SERGEANT, person=LEE), POLICY),
            po.RefuseOverride(PersonId("p-cruz"), "no ground for it"),
            po.UseOverride(target, StreamId("flight-f1"), o.Range(START, START + MINUTE), LEE),
            po.ExpireOverride(),
            po.ExpireOverride(),
            po.JustifyOverride(said, LegalBasis(BasisKind.EXIGENCY), LEE),
            po.ReviewOverride(o.Verdict.ABUSE, said, AUDITOR),
        ]
        command = chance.choice(options)
        try:
            events = po.decide(command, states[key], at)
        except Mistake:
            continue
        for event in events:
            states[key] = po.evolve(states[key], event)
            happened.append((at, f"override-{key}", event))
    return happened, states


def applied(log: Log, happened: list[Happened], batch: int) -> None:
    for at, stream, event in happened:
        last = log.append((stream, event), time=at)
    with ProjectionHost(log.url, store_feeds(log.url, batch), [OVERRIDES]) as host:
        wait_applied(host, log.url, last, "overrides")


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_the_read_model_is_what_the_streams_say(log: Log, seed: int, batch: int) -> None:
    happened, states = history(seed)
    applied(log, happened, batch)
    shown = {row["override"]: row for row in rows(log.url, "overrides_overrides")}
    assert set(shown) == {key for key, state in states.items() if not isinstance(state, po.NotRequested)}
    for key, row in shown.items():
        match states[key]:
            case po.Waiting():
                assert (row["phase"], row["expires_at"]) == ("waiting", None)
            case po.Closed():
                assert row["phase"] in ("refused", "unanswered") and row["review_by"] is None
            case po.Active(grant) | po.Ended(grant) | po.Reviewed(grant) as state:
                assert (row["phase"] == "granted") == isinstance(state, po.Active)
                assert (row["expires_at"], row["review_by"]) == (grant.expires_at, grant.review_by)
                assert (row["uses"], row["emergency"]) == (grant.uses, grant.justify_by is not None)
                assert (row["justified_at"] is not None) == (grant.justification is not None)
                assert (row["verdict"] is not None) == isinstance(state, po.Reviewed)
    assert len({row["phase"] for row in shown.values()}) >= 3
    assert "at some length" not in str(shown)  # free text stays in the streams


def test_each_list_holds_what_it_says_in_its_order(log: Log) -> None:
    happened, _ = history(4, overrides=30, steps=400)
    applied(log, happened, 500)
    now = happened[len(happened) // 2][0]
    everything = ask(log.url, queries.overrides, Which.ALL, now, first=100).overrides
    assert [x.requested_at for x in everything] == sorted((x.requested_at for x in everything), reverse=True)

    def listed(which: Which) -> list[queries.Override]:
        found: list[queries.Override] = []
        while True:
            after = found[-1].override if found else None
            page = ask(log.url, queries.overrides, which, now, first=2, after=after)
            found += page.overrides
            if not page.has_next:
                return found

    expected: dict[Which, Callable[[queries.Override], object]] = {
        Which.QUEUE: lambda x: x.phase == "waiting" and x.awaits_until and x.awaits_until > now,
        Which.ACTIVE: lambda x: x.active(now),
        Which.REVIEWS: lambda x: x.review_by and not x.reviewed_at and x.expires_at and x.expires_at <= now,
        Which.UNJUSTIFIED: lambda x: x.justify_by and not x.justified_at,
        Which.ALL: lambda x: True,
    }
    for which, holds in expected.items():
        found = listed(which)
        assert {x.override for x in found} == {x.override for x in everything if holds(x)}, which
    overdue = [x.review_overdue(now + 100 * HOUR) for x in listed(Which.REVIEWS)]
    assert overdue == sorted(overdue, reverse=True)
    (first, *_), key = everything, everything[0].override
    assert ask(log.url, queries.override, key)[1] == first
    assert ask(log.url, queries.override, "nothing")[1] is None
    mine = ask(log.url, queries.overrides, Which.ALL, now, first=100, person="p-nobody")
    assert mine.overrides == ()


def test_zones_are_shown_as_they_are_now(log: Log) -> None:
    a, b, c = Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507)
    outline, quan = (a, b, c, a), PersonId("p-quan")
    last = log.append(
        ("zone-pool", z.PrivacyZoneDrawn("Pool", outline, 60.0, ZoneRule.NO_RECORD, "people swim here", quan)),
        ("zone-yard", z.PrivacyZoneDrawn("Yard", outline, 40.0, ZoneRule.NO_VIEW, "children play here", quan)),
        ("zone-pool", z.PrivacyZoneRedrawn(outline, 50.0, ZoneRule.MASK, "roofed over", quan)),
        ("zone-yard", z.PrivacyZoneRetired("built upon", quan)),
    )
    with ProjectionHost(log.url, store_feeds(log.url, 1), [PRIVACY_ZONES]) as host:
        wait_applied(host, log.url, last, "privacy_zones")
    (pool,) = ask(log.url, zone_queries.zones).zones
    assert (pool.zone, pool.name, pool.rule, pool.ceiling_agl_m) == ("pool", "Pool", "mask", 50.0)
    assert (pool.outline, pool.reason) == (outline, "roofed over")
    both = ask(log.url, zone_queries.zones, retired=True).zones
    assert [(zone.zone, zone.retired_at is None) for zone in both] == [("pool", True), ("yard", False)]
    assert codec.to_builtins(both[1].outline) == codec.to_builtins(outline)
