"""The read model of plates: against the aggregate itself over random histories, its lists, and no plate in it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import plate_search as p
from domain.grounds import Grounds
from domain.kernel import CaseNumber, Mistake, PersonId, PlateSearchId, PolicyVersion
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from domain.reason_quality import quality
from projections.engine.host import ProjectionHost
from projections.plates import queries
from projections.plates.projection import PLATES
from projections.plates.queries import HitState
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, rows, wait_applied

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLICY = PolicyInForce(PolicyVersion(1), RECORD_ALL_KEEP_30_DAYS, "0" * 64, START)
BEVERLY = p.Agency("Beverly Hills Police Department", p.AgencyKind.CALIFORNIA_PUBLIC)
Happened = tuple[datetime, str, Any]


def history(seed: int, streams: int = 16, steps: int = 150) -> tuple[list[Happened], dict[str, p.State]]:
    """What the aggregate makes of random commands at random times, and where each stream ends."""
    chance, at = random.Random(seed), START
    states: dict[str, p.State] = {f"p{n}": p.Nothing() for n in range(streams)}
    happened: list[Happened] = []
    for _ in range(steps):
        at += chance.choice([timedelta(seconds=7), 5 * MINUTE, HOUR])
        key, person = chance.choice(list(states)), PersonId(chance.choice(["p-lee", "p-ana"]))
        said = chance.choice(["investigation", "silver pickup left the burglary at the bakery"])
        grounds = Grounds("call_for_service", said, case=CaseNumber("926-01234"))
        search = p.SearchPlate(
            PlateSearchId(key),
            person,
            chance.choice(["lasd_west_hollywood", "la_county_fire"]),
            p.PlateQuery(at - HOUR, at, "8ABC123", "CA", chance.choice([None, "silver pickup"]), ("west",)),
            grounds,
            quality(said),
            p.SearchFacts(None, POLICY),
            f"plate-{key}",
            chance.choice([None, BEVERLY]),
        )
        options: list[p.Command] = [
            search,
            replace(search, grounds=replace(grounds, purpose="immigration_enforcement")),
            p.NoteAnswer("readers", chance.randint(0, 9)),
            p.NoteFailure("readers", "HTTP 503"),
            p.ReceiveHit("readers", f"h-{key}", "stolen vehicles", "7XYZ999", "CA", "west", at, f"plate-{key}"),
            p.ConfirmHit(person, chance.random() < 0.7, True, "CLETS"),
            p.RejectHit(person, p.RejectionReason.MISREAD, "7XYZ999 is what it says, not ours"),
        ]
        try:
            events = p.decide(chance.choice(options), states[key], at)
        except Mistake:
            continue
        for event in events:
            states[key] = p.evolve(states[key], event)
            happened.append((at, f"platesearch-{key}", event))
    return happened, states


def applied(log: Log, happened: list[Happened], batch: int = 500) -> None:
    for at, stream, event in happened:
        last = log.append((stream, event), time=at)
    with ProjectionHost(log.url, store_feeds(log.url, batch), [PLATES], keys=log.keys) as host:
        wait_applied(host, log.url, last, "plates")


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_the_read_model_is_what_the_streams_say_and_holds_no_plate(log: Log, seed: int, batch: int) -> None:
    happened, states = history(seed)
    applied(log, happened, batch)
    searches = {row["search"]: row for row in rows(log.url, "plates_searches")}
    hits = {row["hit"]: row for row in rows(log.url, "plates_hits")}
    of: Callable[..., set[str]] = lambda *kinds: {k for k, state in states.items() if isinstance(state, kinds)}  # noqa: E731
    assert set(searches) == of(p.Searched, p.Refused) and set(hits) == of(p.Waiting, p.Confirmed, p.Rejected)
    for key, row in searches.items():
        state = states[key]
        assert isinstance(state, p.Searched | p.Refused)
        access, grounds = state.search.access, state.search.grounds
        assert (row["accessed_at"], row["person"], row["organisation"], row["purpose"]) == (
            access.accessed_at,
            access.username,
            access.organisation,
            grounds.purpose,
        )
        assert (row["vague"], row["by_description"]) == (grounds.quality.vague, access.other is not None)
        assert (row["state"] == "refused") == isinstance(state, p.Refused) == bool(row["reasons"])
        assert (row["state"] == "answered") == (isinstance(state, p.Searched) and state.answered)
        assert row["for_agency"] == state.search.for_agency
    for key, row in hits.items():
        assert row["state"] == type(states[key]).__name__.lower()
        assert (row["decided_by"] is None) == isinstance(states[key], p.Waiting)
    everything = f"{searches}{hits}"
    assert not any(said in everything for said in ("8ABC", "7XYZ", "silver", "not ours"))


def test_each_list_holds_what_it_says_in_its_order(log: Log) -> None:
    happened, states = history(4, streams=40, steps=300)
    applied(log, happened)
    found: list[queries.Search] = []
    more = True
    while more:
        page, more = ask(log.url, queries.searches, first=3, before=found[-1].position if found else None)
        found += page.rows
    assert [s.position for s in found] == sorted((s.position for s in found), reverse=True)
    assert {s.search for s in found} == {k for k, s in states.items() if isinstance(s, p.Searched | p.Refused)}
    lee, _ = ask(log.url, queries.searches, first=100, person="p-lee")
    assert list(lee.rows) == [s for s in found if s.person == "p-lee"]
    for state, kind in ((HitState.WAITING, p.Waiting), (HitState.CONFIRMED, p.Confirmed)):
        listed: list[queries.Hit] = []
        more = True
        while more:
            hits, more = ask(log.url, queries.hits, state, first=2, after=listed[-1].position if listed else None)
            listed += hits.rows
        assert {h.hit for h in listed} == {k for k, s in states.items() if isinstance(s, kind)}
        positions = [h.position for h in listed]
        assert positions == sorted(positions, reverse=state is not HitState.WAITING)


def test_the_vague_reason_rate_is_counted_by_organisation(log: Log) -> None:
    happened, _ = history(5, streams=40, steps=300)
    applied(log, happened)
    middle = happened[len(happened) // 2][0]
    asked = [e for at, _, e in happened if isinstance(e, p.PlateSearched | p.PlateSearchRefused) and at < middle]
    told = ask(log.url, queries.figures, START, middle).rows
    total = Counter(e.access.organisation for e in asked)
    vague = Counter(e.access.organisation for e in asked if e.grounds.quality.vague)
    refused = Counter(e.access.organisation for e in asked if isinstance(e, p.PlateSearchRefused))
    assert {f.organisation: (f.searches, f.vague, f.refused) for f in told} == {
        name: (total[name], vague[name], refused[name]) for name in total
    }
    assert all(f.vague_rate == vague[f.organisation] / total[f.organisation] for f in told)
