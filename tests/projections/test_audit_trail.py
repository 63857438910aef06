"""The audit trail: complete, and every filter against a naive filter of the events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from domain import flight_events as f
from domain.kernel import DroneId, PersonId, Reason
from domain.session import AttemptRefused, SignedOn, SignOnRefused
from projections.audit_trail import queries
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.audit_trail.queries import AuditFilter
from projections.audit_trail.subjects import subjects
from projections.engine.host import ProjectionHost
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, live, rows, wait_applied
from tests.projections.sortie import fleet, flown, interleaved, received

COOK = {"actorid": "p-cook", "actorrole": "station_commander", "actororg": "lasd_west_hollywood"}
DIAZ = {"actorid": "p-diaz", "actorrole": "auditor", "actororg": "oversight", "casenumber": "C-7"}
REASON = Reason("not_permitted", "your roles do not permit it", "camera-rule")


@pytest.fixture
def trail(log: Log) -> Log:
    """A log with a few of everything, applied in batches of seven."""
    log.append(*fleet(), **COOK)
    log.append(*interleaved(received("26-1"), flown("f1", "26-1"), flown("f2", drone_id="d2")))
    log.append(("session-s1", SignedOn(PersonId("p-diaz"), "https://issuer", "pwd", "10.0.0.7", START)), **DIAZ)
    log.append(
        ("session-s1", AttemptRefused("view_footage", "flight-f1", (REASON,), "camera-rule@1")),
        ("session-s2", SignOnRefused("p-evans", "https://issuer", "pwd", "10.0.0.8", (REASON,))),
        decidedby="",
        **DIAZ,
    )
    last = log.append(("flight-f3", f.LaunchLapsed(DroneId("d1"), START)), decidedby="launch@9f", purpose="training")
    with ProjectionHost(log.url, store_feeds(log.url, 7), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, "audit_trail")
    return log


def test_every_event_is_on_the_audit_trail_as_it_was_recorded(trail: Log) -> None:
    found = rows(trail.url, "audit_trail_events")
    assert [row["content"] for row in found] == trail.contents()
    assert [row["position"] for row in found] == list(range(1, len(found) + 1))
    build = live(trail.url, "audit_trail")
    assert build is not None
    assert build.rolling_hash == trail.store.head().rolling_hash


Event = dict[str, Any]
QUESTIONS: list[tuple[AuditFilter, Callable[[Event], bool]]] = [
    (AuditFilter(), lambda e: True),
    (AuditFilter(person="p-cook"), lambda e: e["actorid"] == "p-cook"),
    (AuditFilter(role="auditor"), lambda e: e["actorrole"] == "auditor"),
    (AuditFilter(organisation="oversight"), lambda e: e["actororg"] == "oversight"),
    (AuditFilter(case_number="C-7"), lambda e: e.get("casenumber") == "C-7"),
    (AuditFilter(type="flight.link_lost"), lambda e: e["type"] == "org.weho.safer.flight.link_lost.v1"),
    (AuditFilter(outcome="refused"), lambda e: "refused" in e["type"]),
    (AuditFilter(outcome="granted"), lambda e: "decidedby" in e and "refused" not in e["type"]),
    (AuditFilter(subject="drone-d2"), lambda e: e["subject"] == "drone-d2" or e["data"].get("drone") == "d2"),
    (AuditFilter(subject="flight-f1"), lambda e: "flight-f1" in (e["subject"], e["data"].get("target"))
        or e["data"].get("flight") == "f1"),
    (AuditFilter(subject="call-26-1"), lambda e: e["subject"] == "call-26-1" or e["data"].get("call") == "26-1"),
    (AuditFilter(subject="flight-f1", type="session.attempt_refused"), lambda e: "attempt_refused" in e["type"]),
    (AuditFilter(since=START + timedelta(seconds=8)), lambda e: _time(e) >= START + timedelta(seconds=8)),
    (AuditFilter(until=START + timedelta(seconds=8)), lambda e: _time(e) < START + timedelta(seconds=8)),
    (AuditFilter(subject="nothing-1"), lambda e: False),
    (AuditFilter(since=START + timedelta(days=2)), lambda e: False),
]  # fmt: skip


def _time(event: Event) -> Any:
    return msgspec.convert(event["time"], type=type(START))


@pytest.fixture
def events(trail: Log) -> dict[int, Event]:
    return {n: msgspec.json.decode(content) for n, content in enumerate(trail.contents(), 1)}


def test_a_filter_finds_just_what_it_should_in_pages_from_either_end(trail: Log, events: dict[int, Event]) -> None:
    for wanted, holds in QUESTIONS:
        expected = [position for position, event in events.items() if holds(event)]
        forwards: list[int] = []
        while True:
            page = ask(trail.url, queries.page, wanted, first=4, after=forwards[-1] if forwards else 0)
            forwards += [event.position for event in page.events]
            if not page.has_next:
                break
        assert forwards == expected, wanted
        backwards: list[int] = []
        while True:
            page = ask(trail.url, queries.page, wanted, last=4, before=backwards[0] if backwards else None)
            backwards = [event.position for event in page.events] + backwards
            if not page.has_previous:
                break
        assert backwards == expected, wanted
        assert ask(trail.url, queries.count, wanted) == len(expected), wanted
        assert page.checkpoint.position == len(events)


def test_a_row_says_who_what_when_where_why_with_what_outcome_by_which_rule(trail: Log) -> None:
    page = ask(trail.url, queries.page, AuditFilter(type="session.attempt_refused"), first=1)
    (row,) = page.events
    assert (row.person, row.role, row.organisation, row.case_number) == ("p-diaz", "auditor", "oversight", "C-7")
    assert (row.outcome, row.rule, row.stream) == ("refused", "camera-rule", "session-s1")
    last = ask(trail.url, queries.page, last=1).events[0]
    assert (last.outcome, last.rule, last.purpose) == ("granted", "launch@9f", "training")
    checkpoint, event = ask(trail.url, queries.event_at, last.position)
    assert event == last
    assert checkpoint.position == last.position
    assert ask(trail.url, queries.event_at, last.position + 1)[1] is None


def test_clocks_that_differ_hide_no_event_from_a_filter_by_time(log: Log) -> None:
    """The hours are a range of positions; an event of another hour in between belongs to both ranges."""
    signed_on = SignedOn(PersonId("p-diaz"), "https://issuer", "pwd", "10.0.0.7", START)
    hours = [0, 3, 1, 0, 5, 2, 0, 1]
    for n, hour in enumerate(hours):
        last = log.append((f"session-{n}", signed_on), time=START + timedelta(hours=hour))
    with ProjectionHost(log.url, store_feeds(log.url, 3), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, "audit_trail")
    for since in range(6):
        for until in range(since, 7):
            wanted = AuditFilter(since=START + timedelta(hours=since), until=START + timedelta(hours=until))
            found = [e.position for e in ask(log.url, queries.page, wanted, first=10).events]
            assert found == [n for n, hour in enumerate(hours, 1) if since <= hour < until]


@pytest.mark.rule("record.public_sealed")
def test_personal_values_are_nowhere_but_in_the_events_own_bytes(trail: Log) -> None:
    shown = [{**row, "content": b""} for row in rows(trail.url, "audit_trail_events")]
    everything = str([shown, rows(trail.url, "audit_trail_subjects")])
    assert "p-diaz" in everything
    for personal in ("100 Some St", "window broken", "man on the roof"):
        assert personal not in everything


def test_an_event_speaks_of_the_streams_its_fields_name() -> None:
    request = flown("f1", "26-1")[0][1]
    assert subjects("flight-f1", request) == ("flight-f1", "drone-d1", "dock-roof", "call-26-1", "person-p-adams")
    assert subjects("flight-f2", flown("f2")[0][1]) == ("flight-f2", "drone-d1", "dock-roof", "person-p-adams")
    refused = AttemptRefused("view_footage", "", (), "")
    assert subjects("session-s1", refused) == ("session-s1",)


def test_the_page_of_one_subject_is_read_from_the_index_without_sorting(trail: Log) -> None:
    columns = ", ".join(queries.AuditEvent._fields[1:])
    with psycopg.connect(trail.url) as connection:
        connection.execute(f"SET search_path TO audit_trail_v{AUDIT_TRAIL.version}_1".encode())
        connection.execute(
            f"INSERT INTO events (position, {columns}) SELECT n, {columns}"
            f" FROM generate_series(100, 20000) n, events e WHERE e.position = 1".encode()
        )
        connection.execute("INSERT INTO subjects SELECT 'footage-' || n % 1000, n FROM generate_series(100, 20000) n")
        connection.execute("ANALYZE")
        for subject in ("footage-7", "flight-f1"):
            plan = connection.execute(
                "EXPLAIN SELECT e.content FROM read.audit_trail_subjects s JOIN read.audit_trail_events e"
                " ON e.position = s.position WHERE s.subject = %s ORDER BY s.position DESC LIMIT 20",
                (subject,),
            ).fetchall()
            assert "Scan Backward using subjects_pkey" in str(plan)
            assert "Sort" not in str(plan)
