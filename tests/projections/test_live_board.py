"""The live board: its rows against a naive fold written here, and its queries."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from application import codec
from application.codec import Recorded
from domain import call, drone
from domain import flight_events as f
from domain.drone import OrderOutcome
from domain.kernel import CallNumber, DroneId, FeedId, FlightId, Personal, PersonId, Place, StreamId
from projections.engine.host import ProjectionHost
from projections.live_board import queries, telemetry
from projections.live_board.projection import HANDLES, LIVE_BOARD
from projections.live_board.telemetry import Sample
from tests.keys import FixedKeys
from tests.projections.log import START, Log, envelope, store_feeds
from tests.projections.models import Row, ask, rows, wait_applied
from tests.projections.sortie import Events, air, fleet, flown, received

# -- a naive fold: one event at a time, one dictionary a row -------------------


@dataclass
class NaiveBoard:
    calls: dict[str, Row] = field(default_factory=dict)
    units: dict[str, Row] = field(default_factory=dict)
    drones: dict[str, Row] = field(default_factory=dict)
    flights: dict[str, Row] = field(default_factory=dict)

    def see(self, stream: str, event: Any) -> None:
        kind, _, key = stream.partition("-")
        name = type(event).__name__
        getattr(self, f"see_{kind}")(key, name, event)

    def see_call(self, key: str, name: str, event: Any) -> None:
        row = self.calls.setdefault(key, {"closed_at": None, "disposition": None})
        if name in ("CallReceived", "CallCorrected"):
            row["latitude"], row["received_at"] = event.place.latitude, event.received_at
        if name in ("CallReceived", "CallReclassified"):
            row["call_type"], row["priority"] = event.call_type, event.priority
        if name == "CallClosed":
            row["closed_at"], row["disposition"] = event.closed_at, event.disposition
        if name == "CallReopened":
            row["closed_at"] = row["disposition"] = None
        if name.startswith("Unit"):
            unit = self.units.setdefault(f"{key}/{event.unit}", {})
            if name == "UnitDispatched":
                unit.update(dispatched_at=event.dispatched_at, arrived_at=None, cancelled_at=None)
            elif name == "UnitArrived":
                unit["arrived_at"] = event.arrived_at
            else:
                unit["cancelled_at"] = event.cancelled_at

    def see_drone(self, key: str, name: str, event: Any) -> None:
        if name == "DroneRegistered":
            self.drones[key] = {"ready": False, "grounded_reason": None, "flight": None}
        row = self.drones[key]
        if name == "DroneReadied":
            row["ready"], row["grounded_reason"] = True, None
        if name == "DroneGrounded":
            row["ready"], row["grounded_reason"] = False, event.reason
        if name == "DroneAssigned":
            row["flight"] = event.flight
        if name == "DroneReleased":
            row["flight"] = None
            if event.flown:
                row["ready"] = False

    def see_flight(self, key: str, name: str, event: Any) -> None:
        if name == "LaunchRequested":
            self.flights[key] = {
                "phase": "requested",
                "purpose": event.purpose,
                "link_lost": False,
                "recording": False,
                "return_ordered_at": None,
                "agl_m": None,
                "destination_latitude": event.destination.latitude,
            }
            return
        row = self.flights[key]
        phase = row["phase"]
        in_the_air = phase in ("en_route", "on_scene", "holding", "returning", "landing", "aborted")
        on_the_ground = not in_the_air and phase != "landed"
        denied = getattr(event, "outcome", None) == OrderOutcome.DENIED
        if on_the_ground and name in ("ReturnOrdered", "HoldOrdered", "LandingOrdered", "FlightAborted"):
            if phase.startswith(("authorised", "halted")):
                told = {"R": "returning", "H": "holding", "L": "landing", "F": "aborted"}[name[0]]
                row["phase"] = "halted" if denied else f"halted {told}"
        elif on_the_ground:
            row["phase"] = {
                "LaunchAuthorised": "authorised",
                "LaunchRefused": "refused",
                "LaunchLapsed": "lapsed",
                "LaunchWithdrawn": "withdrawn",
                "DroneLaunched": phase.split(" ")[1] if " " in phase else "en_route",
            }.get(name, phase)
        elif in_the_air and not denied and (name, phase) != ("HoldOrdered", "on_scene"):
            row["phase"] = {
                "ArrivedOnScene": "on_scene",
                "FlightRedirected": "en_route",
                "ReturnOrdered": "returning",
                "HoldOrdered": "holding",
                "LandingOrdered": "landing",
                "FlightAborted": "aborted",
                "DroneLanded": "landed",
            }.get(name, phase)
        if name == "ReturnOrdered" and not denied:
            row["return_ordered_at"] = event.ordered_at
        if name == "FlightRedirected":
            row["destination_latitude"] = event.destination.latitude
        if name in ("LinkLost", "LinkRestored", "DroneLanded"):
            row["link_lost"] = name == "LinkLost"
        if getattr(event, "position", None) is not None:
            row["agl_m"] = event.position.agl_m


# -- any events at all, of a few streams -----------------------------------------

MOMENTS = st.integers(0, 3600).map(lambda s: START + timedelta(seconds=s))
SOMEBODY = PersonId("p-adams")
DRONE = DroneId("d1")
FEEDS = [FeedId(StreamId("camera-a")), FeedId(StreamId("flight-f1"))]
SEALED = Personal("call-1", "for engine 7")


def orders(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda at, outcome: kind(SOMEBODY, at, outcome, "", False), MOMENTS, st.sampled_from(list(OrderOutcome))
    )


CALL_EVENTS = st.one_of(
    st.builds(lambda t, p: call.CallReclassified(t, p, 1, START, None), st.sampled_from("AB"), st.integers(0, 9)),
    st.builds(lambda at: call.CallCorrected(Place(34.0, -118.0), None, None, None, at, 1, START, None), MOMENTS),
    st.builds(lambda u, at: call.UnitDispatched(u, at, 1, START, None), st.sampled_from(["1", "2"]), MOMENTS),
    st.builds(lambda u, at: call.UnitArrived(u, at, 1, START, None), st.sampled_from(["1", "2"]), MOMENTS),
    st.builds(lambda u, at: call.UnitCancelled(u, at, 1, START, None), st.sampled_from(["1", "2"]), MOMENTS),
    st.builds(lambda at: call.CallClosed("report taken", at, 1, START, None), MOMENTS),
    st.just(call.CallReopened(1, START, None)),
    st.builds(lambda feed: call.FeedSharedWithIncident(feed, SOMEBODY, SEALED), st.sampled_from(FEEDS)),
    st.builds(lambda feed: call.FeedSharingEnded(feed, SOMEBODY), st.sampled_from(FEEDS)),
)
DRONE_EVENTS = st.one_of(
    st.just(drone.DroneReadied(90.0, SOMEBODY)),
    st.builds(lambda reason: drone.DroneGrounded(reason, SOMEBODY), st.sampled_from(["rotor", "wind"])),
    st.just(drone.DroneAssigned(FlightId("f1"))),
    st.builds(lambda flown: drone.DroneReleased(FlightId("f1"), flown), st.booleans()),
)
FLIGHT_EVENTS = st.one_of(
    st.builds(lambda at: f.LaunchAuthorised(DRONE, None, at, "rule"), MOMENTS),
    st.just(f.LaunchRefused(None, ())),
    st.builds(lambda at: f.LaunchLapsed(DRONE, at), MOMENTS),
    st.just(f.LaunchWithdrawn(DRONE, SOMEBODY, "no longer needed")),
    st.builds(lambda at: f.DroneLaunched(DRONE, air(2), None, at, None, True), MOMENTS),
    st.builds(lambda at: f.ArrivedOnScene(air(60), None, at, None), MOMENTS),
    st.just(f.FlightRedirected(Place(34.08, -118.37), 50.0, SOMEBODY, Personal("flight-f1", "there"))),
    st.builds(lambda at: f.LinkLost(at, air(40)), MOMENTS),
    st.builds(lambda at: f.LinkRestored(at, 4.0, None), MOMENTS),
    orders(f.ReturnOrdered),
    orders(f.HoldOrdered),
    orders(f.LandingOrdered),
    orders(f.FlightAborted),
    st.builds(lambda at: f.DroneLanded(DRONE, air(0), None, at, None, 61.0, 300.0), MOMENTS),
)
FIRST = {
    "call-1": received("1")[0],
    "drone-d1": fleet()[2],
    "flight-f1": flown("f1")[0],
    "flight-f2": flown("f2")[0],
}
ANY_OF = {"call-1": CALL_EVENTS, "drone-d1": DRONE_EVENTS, "flight-f1": FLIGHT_EVENTS, "flight-f2": FLIGHT_EVENTS}
LATER = st.sampled_from(sorted(ANY_OF)).flatmap(lambda s: st.tuples(st.just(s), ANY_OF[s]))
HISTORIES = st.lists(LATER, min_size=10, max_size=80).map(lambda later: [*FIRST.values(), *later])


# What `queries.shared_feeds` asks, here of tables without their views.
OPEN_TO_THE_FIELD = """
    SELECT s.feed FROM shared_feeds s JOIN calls c ON c.call_number = s.call_number
    WHERE NOT s.ended AND c.closed_at IS NULL AND s.shared_position > coalesce(c.last_closed, 0)"""


@pytest.fixture(scope="module")
def board_database(pg_admin_url: str) -> Iterator[psycopg.Connection]:
    """The board's tables in a schema of their own, in the session's own database."""
    schema = f"board_{secrets.token_hex(4)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {0}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET search_path TO {0}").format(sql.Identifier(schema)))
        connection.execute(LIVE_BOARD.tables.encode())
        yield connection
        connection.execute(sql.SQL("DROP SCHEMA {0} CASCADE").format(sql.Identifier(schema)))


@given(history=HISTORIES, batch=st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_the_board_is_the_fold_of_the_events_however_they_are_batched(
    board_database: psycopg.Connection, history: Events, batch: int
) -> None:
    naive = NaiveBoard()
    for stream, event in history:
        naive.see(stream, event)
    recorded = [_recorded(n, stream, event) for n, (stream, event) in enumerate(history, 1)]
    with board_database.transaction(force_rollback=True), board_database.cursor() as cursor:
        for start in range(0, len(recorded), batch):
            LIVE_BOARD.apply(cursor, recorded[start : start + batch])
        for table, key in (("calls", "call_number"), ("units", "id"), ("drones", "drone"), ("flights", "flight")):
            expected = getattr(naive, table)
            found = {row[key]: row for row in _rows(cursor, table)}
            assert found.keys() == expected.keys()
            for id_, columns in expected.items():
                assert {name: found[id_][name] for name in columns} == columns, (table, id_)
        shared = call.CALL.fold([event for stream, event in history if stream == "call-1"])
        assert isinstance(shared, call.Known)
        expected = shared.shared if shared.closing is None else set()
        assert {feed for (feed,) in cursor.execute(OPEN_TO_THE_FIELD)} == expected


def _recorded(position: int, stream: str, event: Any) -> Recorded:
    head = envelope(event, stream, position, START + timedelta(seconds=position))
    return codec.decode(codec.encode(head, event, FixedKeys()), position)


def _rows(cursor: psycopg.Cursor, table: str) -> list[Row]:
    cursor.execute(f"SELECT * FROM {table}".encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def test_every_event_of_a_flight_and_a_call_is_handled() -> None:
    """A new event of these streams reaches the board's code, so that it is looked at there."""
    assert HANDLES.issuperset({f.LaunchRequested, f.PublicationWithheld, call.CallReceived, call.CallReopened})


# -- queries ---------------------------------------------------------------------


def test_a_sortie_is_on_the_board(log: Log) -> None:
    telemetry.install(log.url)
    last = log.append(*fleet(), *received("26-1"), *flown("f1", "26-1")[:5])
    with ProjectionHost(log.url, store_feeds(log.url), [LIVE_BOARD]) as host:
        wait_applied(host, log.url, last, "live_board")
        board = ask(log.url, queries.board, START)
        (flight,), (drone,), (call,) = board.flights, board.drones, board.calls
        assert (flight.phase, flight.pilot_name, flight.call_number) == ("on_scene", "Ann Adams", "26-1")
        assert (drone.status, drone.flight) == ("flying", "f1")
        assert (call.units, call.flights, call.state) == (("22A",), ("f1",), "open")
        assert board.checkpoint.position == last
        wait_applied(host, log.url, log.append(*flown("f1", "26-1")[5:]), "live_board")
    board = ask(log.url, queries.board, START)
    assert (board.flights[0].phase, board.drones[0].status) == ("landed", "not_ready")


def test_the_board_forgets_what_ended_over_an_hour_ago(log: Log) -> None:
    telemetry.install(log.url)
    closed = ("call-26-1", call.CallClosed("report taken", START, 4, START, None))
    last = log.append(*fleet(), *received("26-1"), closed, *flown("f1", "26-1"))
    with ProjectionHost(log.url, store_feeds(log.url), [LIVE_BOARD]) as host:
        wait_applied(host, log.url, last, "live_board")
    before, after = (ask(log.url, queries.board, START + timedelta(minutes=m)) for m in (59, 62))
    assert [len(before.calls), len(before.flights)] == [1, 1]
    assert [len(after.calls), len(after.flights), len(after.drones)] == [0, 0, 1]


def test_flights_are_paged_from_the_newest(log: Log) -> None:
    telemetry.install(log.url)
    last = log.append(*fleet(), *(event for n in range(5) for event in flown(f"f{n}")[:1]))
    with ProjectionHost(log.url, store_feeds(log.url), [LIVE_BOARD]) as host:
        wait_applied(host, log.url, last, "live_board")
    page = ask(log.url, queries.flights, first=3)
    assert ([flight.flight for flight in page.flights], page.has_next) == (["f4", "f3", "f2"], True)
    page = ask(log.url, queries.flights, first=3, after="f2")
    assert ([flight.flight for flight in page.flights], page.has_next) == (["f1", "f0"], False)
    assert not ask(log.url, queries.flights, first=3, state="landed").flights
    _, flight = ask(log.url, queries.flight, "f2")
    assert flight is not None
    assert flight.phase == "requested"
    assert ask(log.url, queries.flight, "f9")[1] is None


def test_nothing_personal_is_on_the_board(log: Log) -> None:
    last = log.append(*fleet(), *received("26-1"), *flown("f1", CallNumber("26-1")))
    with ProjectionHost(log.url, store_feeds(log.url), [LIVE_BOARD]) as host:
        wait_applied(host, log.url, last, "live_board")
    shown = str([rows(log.url, f"live_board_{t}") for t in ("calls", "units", "flights", "drones", "people")])
    assert "26-1" in shown
    for personal in ("100 Some St", "window broken", "man on the roof"):
        assert personal not in shown


def test_the_newest_telemetry_of_a_drone_is_kept(log: Log) -> None:
    telemetry.install(log.url)
    with psycopg.connect(log.url, autocommit=True) as connection:
        telemetry.write(connection, {"d1": Sample(received_time=2_000_000, latitude=34.1, velocity_down=-1.5)})
        telemetry.write(connection, {"d1": Sample(received_time=1_000_000), "d2": Sample(received_time=5)})
    newest = {row["drone"]: row for row in rows(log.url, "telemetry_latest", "projections")}
    assert (newest["d1"]["latitude"], newest["d1"]["climb_mps"]) == (34.1, 1.5)
    assert newest.keys() == {"d1", "d2"}


def test_a_drone_that_takes_off_after_an_order_flies_under_that_order(log: Log) -> None:
    telemetry.install(log.url)
    request, authorised, _, launched, *_ = flown("f1")
    order = ("flight-f1", f.ReturnOrdered(SOMEBODY, START, OrderOutcome.UNKNOWN, "", True))
    last = log.append(*fleet(), request, authorised, order)
    with ProjectionHost(log.url, store_feeds(log.url), [LIVE_BOARD]) as host:
        wait_applied(host, log.url, last, "live_board")
        assert ask(log.url, queries.board, START).flights[0].phase == "halted"
        wait_applied(host, log.url, log.append(launched), "live_board")
        assert ask(log.url, queries.board, START).flights[0].phase == "returning"
