"""An incident's timeline: all that belongs to a call or case and nothing else, in the order of the log."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from domain import flight_events as f
from domain import footage, live_view, plate_search, shift, viewing
from domain.grounds import StatedGrounds
from domain.kernel import (
    CallNumber,
    CaseNumber,
    FeedId,
    FootageId,
    Personal,
    PersonId,
    PolicyVersion,
    Reason,
    StreamId,
)
from domain.launch import AirspaceAuthority, AuthorityKind
from domain.legal_basis import BasisKind, LegalBasis
from domain.live_view import EndReason
from domain.plate_search import AccessRecord
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality
from domain.session import AttemptRefused
from projections.audit_trail.incident import TIMELINE, timeline, wanted
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.audit_trail.queries import AuditEvent
from projections.engine.host import ProjectionHost
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied
from tests.projections.sortie import SCENE, Events, flown, received

ANN, HOUR = PersonId("p-adams"), Range(START, START + timedelta(hours=1))
MINE, OTHER, CASE = CallNumber("26-1"), CallNumber("26-2"), CaseNumber("926-00417")
HANDED_OVER = shift.ShiftHandedOver(
    ANN,
    ANN,
    tuple(shift.OpenItem(shift.OpenKind.CALL, StreamId(f"call-{call}")) for call in (MINE, OTHER)),
    2,
    40,
    None,
)
WHY = (Reason("feed_offline", "no picture", "a view is of a picture that is there"),)
COA = AirspaceAuthority(AuthorityKind.COA, "2026-WSA-1", "1", date(2099, 1, 1))


def grounds(call: CallNumber | None, case: CaseNumber | None = None) -> StatedGrounds:
    said = Personal("s", "man on the roof")
    return StatedGrounds("call_for_service", call, case, None, said, ReasonQuality(90, False, ()))


def watched(key: str, feed: str, call: CallNumber | None) -> Events:
    stream, seen = f"liveview-{key}", FeedId(StreamId(feed))
    until = START + timedelta(minutes=30)
    return [
        (stream, live_view.LiveViewRequested(seen, ANN, "s1", grounds(call), None)),
        (stream, live_view.LiveViewGranted(seen, ANN, START, until)),
        (stream, live_view.LiveViewEnded(seen, ANN, EndReason.LOST, until, 60.0)),
    ]


def looked_at(key: str, footage_id: str, call: CallNumber | None, case: CaseNumber | None = None) -> Events:
    asked = viewing.ViewingRequested(FootageId(footage_id), None, HOUR, ANN, "s1", grounds(call, case))
    return [
        (f"viewing-{key}", asked),
        (f"viewing-{key}", viewing.ViewingRefused(FootageId(footage_id), ANN, WHY)),
    ]


def recorded(key: str, feed: str) -> Events:
    made = footage.FootageRecorded(FeedId(StreamId(feed)), HOUR, 1800, 900_000_000, "a" * 64, f"key-{key}", "routine")
    return [(f"footage-{key}", made)]


def held(key: str) -> Events:
    basis = LegalBasis(BasisKind.WARRANT, "26-SW-1", "the court")
    hold = footage.LegalHoldPlaced("h1", HOUR, basis, Personal("s", "trial"), date(2099, 1, 1), ANN)
    return [(f"footage-{key}", hold)]


def searched(key: str, call: CallNumber) -> Events:
    access = AccessRecord(START, Personal("p", "8ABC123"), "CA", None, START, START, (), ANN, "lasd")
    stream = f"platesearch-{key}"
    return [
        (stream, plate_search.PlateSearched(access, grounds(call), None, None, None)),
        (stream, plate_search.SearchAnswered("readers", 1, False, START)),
    ]


def repurposed(flight: str, call: CallNumber) -> Events:
    job = ("call_for_service", call, None, None, COA, SCENE, 60.0, Personal("s", "nearer"), PolicyVersion(1), ANN, None)
    return [(f"flight-{flight}", f.FlightRepurposed(*job))]


# For each incident what is of it (M: the call 26-1, O: the call 26-2, C: the case, B: both calls, none: neither).
STORY: list[tuple[str, Events]] = [
    ("M", received(MINE)),
    ("O", received(OTHER)),
    ("M", flown("f1", MINE)[:5]),  # up to its arrival, with the drone's own record of it
    ("", flown("f2")[:5]),  # for something else
    ("M", watched("v1", "flight-f1", None)),  # whatever it named: it is the picture of this flight
    ("M", watched("v2", "camera-c1", MINE)),
    ("O", watched("v3", "camera-c1", OTHER)),
    ("M", [("session-s1", AttemptRefused("request_live_view", "flight-f1", WHY, "default-deny"))]),
    ("", [("session-s1", AttemptRefused("request_live_view", "flight-f2", WHY, "default-deny"))]),
    ("M", searched("p1", MINE)),
    ("M", recorded("g1", "flight-f1")),
    ("", recorded("g2", "flight-f2")),
    ("MC", recorded("g3", "camera-c1")),
    ("M", looked_at("w1", "g3", MINE)),
    ("C", looked_at("w2", "g3", None, CASE)),
    ("", looked_at("w3", "g2", None, CaseNumber("926-9"))),
    ("MC", held("g3")),
    ("M", held("g1")),
    ("B", [("shift-x", HANDED_OVER)]),
    ("O", repurposed("f1", OTHER)),
    ("O", flown("f1")[5:]),  # from here on it flies for the other call, until it has landed
    ("", flown("f2")[5:]),
]


@pytest.fixture(scope="module")
def belongs() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"M": [], "O": [], "C": []}
    position = 0
    for whose, events in STORY:
        for _ in events:
            position += 1
            for incident in {"B": "MO"}.get(whose, whose):
                found[incident].append(position)
    return found


@pytest.fixture
def incidents(log: Log) -> Log:
    last = 0
    for _, events in STORY:
        last = log.append(*events)
    with ProjectionHost(log.url, store_feeds(log.url, 11), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, "audit_trail")
    return log


def positions(log: Log, size: int, **of: Any) -> list[int]:
    found: list[int] = []
    while True:
        page = ask(log.url, timeline, first=size, after=found[-1] if found else 0, **of)
        found += [event.position for event in page.events]
        if not page.more:
            return found
        assert len(page.events) == size


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_timeline_holds_what_belongs_to_its_incident_and_nothing_else(
    incidents: Log, belongs: dict[str, list[int]], size: int
) -> None:
    assert positions(incidents, size, calls=[MINE]) == belongs["M"]
    assert positions(incidents, size, calls=[OTHER]) == belongs["O"]
    assert positions(incidents, size, cases=[CASE]) == belongs["C"]
    assert positions(incidents, size, calls=[MINE], cases=[CASE]) == sorted({*belongs["M"], *belongs["C"]})
    assert positions(incidents, size, calls=["26-nobody-called"]) == []


def test_a_command_for_a_case_is_found_under_it_though_its_event_does_not_say_so(log: Log) -> None:
    last = log.append(
        ("session-s9", AttemptRefused("search_plate", "", WHY, "default-deny")), casenumber="926-1", actorid="p-diaz"
    )
    with ProjectionHost(log.url, store_feeds(log.url, 11), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, "audit_trail")
    assert positions(log, 10, cases=["926-1"]) == [last]


def test_a_timeline_says_how_far_it_is_complete(incidents: Log) -> None:
    page = ask(incidents.url, timeline, calls=["26-nobody-called"], first=5)
    assert (page.checkpoint.position, page.checkpoint.lag) == (incidents.store.head().position, 0)


def test_a_timeline_is_read_from_the_indexes_however_long_the_log_is(incidents: Log) -> None:
    columns = ", ".join(AuditEvent._fields[1:])
    with psycopg.connect(incidents.url) as connection:
        connection.execute(f"SET search_path TO audit_trail_v{AUDIT_TRAIL.version}_1".encode())
        connection.execute(
            f"INSERT INTO events (position, {columns}) SELECT n, {columns}"
            f" FROM generate_series(1000, 60000) n, events e WHERE e.position = 7".encode()
        )
        connection.execute("INSERT INTO subjects SELECT 'flight-z' || n % 5000, n FROM generate_series(1000, 60000) n")
        connection.execute("ANALYZE")
        asked = {**wanted(["26-1"], []), "after": 0, "limit": 51}
        plan = "\n".join(row for (row,) in connection.execute(b"EXPLAIN " + TIMELINE, asked))
    assert "Seq Scan on subjects" not in plan and "Seq Scan on events" not in plan, plan
