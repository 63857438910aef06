"""What waits for the record: in order, once, whatever breaks in between."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.drone_gateway import journal as journals
from adapters.drone_gateway.journal import Journal
from application.handling import Accepted, Mistaken
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_commands import (
    RecordArrival,
    RecordCameraTurn,
    RecordLanding,
    RecordLaunch,
    RecordSafetyOrder,
    ReportAnomaly,
)
from domain.flight_events import AnomalyKind, Observation
from domain.kernel import AirPosition, PersonId
from tests.adapters.drone_gateway.ground import DRONE, PILOT, Ground, becomes
from tests.adapters.mavlink.conftest import run


def seen() -> Observation:
    now = datetime.now(UTC)
    return Observation(AirPosition(34.0845, -118.3834, 110.0, 20.0), now, now)


def anomaly(text: str) -> ReportAnomaly:
    return ReportAnomaly(AnomalyKind.OTHER, text, None, None, datetime.now(UTC))


def returned(outcome: OrderOutcome = OrderOutcome.ACCEPTED, detail: str = "") -> RecordSafetyOrder:
    return RecordSafetyOrder(SafetyOrder.RETURN, PersonId(PILOT), datetime.now(UTC), outcome, detail)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def written(file: Path, station: Ground, *details: str, flight: str) -> None:
    """A journal that a gateway left behind, the store being away."""

    async def write() -> None:
        left = Journal(file, station.flights)
        for detail in details:
            left.put(left.entry(DRONE, flight, anomaly(detail)))

    asyncio.run(write())


async def recorded(journal: Journal) -> None:
    """Let the journal give all it has to the store."""
    work = asyncio.create_task(journal.run())
    await becomes(lambda: not journal.waiting)
    work.cancel()


def test_what_a_killed_gateway_left_is_recorded_in_its_order_and_the_file_is_empty(station: Ground, file: Path) -> None:
    flight = station.authorised()
    written(file, station, "first", "second", "third", flight=flight)

    run(recorded(Journal(file, station.flights)))

    assert [each["detail"] for each in station.told(flight, "anomaly_reported")] == ["first", "second", "third"]
    assert file.read_bytes() == b""


def test_entries_that_are_recorded_twice_are_on_the_record_once(station: Ground, file: Path) -> None:
    flight = station.authorised()
    written(file, station, "once", flight=flight)
    kept = file.read_bytes()
    run(recorded(Journal(file, station.flights)))
    file.write_bytes(kept)  # a power cut took the line that says it is done
    run(recorded(Journal(file, station.flights)))
    assert len(station.told(flight, "anomaly_reported")) == 1


@pytest.mark.parametrize("torn", [b'{"id":"0198', b"-0198", b"~{", b"\xff\xfe"])
def test_a_torn_line_costs_neither_what_came_before_nor_what_comes_after(
    station: Ground, file: Path, torn: bytes
) -> None:
    flight = station.authorised()
    written(file, station, "before", flight=flight)
    file.write_bytes(file.read_bytes() + torn)
    written(file, station, "after", flight=flight)

    run(recorded(Journal(file, station.flights)))

    assert [each["detail"] for each in station.told(flight, "anomaly_reported")] == ["before", "after"]


def test_an_entry_that_the_domain_does_not_take_is_set_aside_and_blocks_nothing(station: Ground, file: Path) -> None:
    async def scene() -> None:
        flight, journal = station.authorised(), Journal(file, station.flights)
        turned = journal.put(journal.entry(DRONE, flight, RecordCameraTurn(-45.0, datetime.now(UTC))))
        nowhere = journal.put(journal.entry(DRONE, "no-such-flight", anomaly("of nobody")))
        taken = journal.put(journal.entry(DRONE, flight, anomaly("of this flight")))
        await recorded(journal)
        assert isinstance(turned.result(), Mistaken)
        assert isinstance(nowhere.result(), Mistaken)
        assert isinstance(taken.result(), Accepted)
        assert file.with_suffix(".refused").read_bytes().count(b"\n") == 2

    run(scene())


def test_an_entry_of_a_kind_that_nobody_knows_any_more_blocks_nothing(station: Ground, file: Path) -> None:
    flight = station.authorised()
    written(file, station, "of an older gateway", "of this one", flight=flight)
    file.write_bytes(file.read_bytes().replace(b"ReportAnomaly", b"ReportMystery", 1))

    run(recorded(Journal(file, station.flights)))

    assert [each["detail"] for each in station.told(flight, "anomaly_reported")] == ["of this one"]
    assert b"ReportMystery" in file.with_suffix(".refused").read_bytes()


def test_an_order_foreseen_is_recorded_as_unknown_unless_something_better_came(station: Ground, file: Path) -> None:
    async def scene() -> None:
        flight, left = station.authorised(), Journal(file, station.flights)
        first = left.entry(DRONE, flight, returned(OrderOutcome.UNKNOWN, "nobody knows"))
        left.foresee(first)
        second = left.entry(DRONE, flight, returned(OrderOutcome.UNKNOWN, "nobody knows"))
        left.foresee(second)
        left.put(left.entry(DRONE, flight, returned(detail="it obeyed"), id_=second.id))
        assert left.waits_for(flight, RecordSafetyOrder)
        # killed here
        await recorded(Journal(file, station.flights))
        orders = station.told(flight, "return_ordered")
        assert [(order["outcome"], order["detail"]) for order in orders] == [
            ("unknown", "nobody knows"),
            ("accepted", "it obeyed"),
        ]

    run(scene())


def test_an_order_that_the_api_recorded_itself_is_not_lost_for_having_the_same_id(station: Ground, file: Path) -> None:
    async def scene() -> None:
        flight, journal = station.authorised(), Journal(file, station.flights)
        pilot, now = station.signed_on(PILOT), datetime.now(UTC)
        entry = journal.entry(DRONE, flight, returned(detail="it obeyed"), pilot)
        station.flights.record_safety_order(
            pilot, flight, SafetyOrder.RETURN, now, OrderOutcome.UNKNOWN, "the gateway did not answer", entry.id
        )
        told = journal.put(entry)
        await recorded(journal)
        assert isinstance(told.result(), Accepted)
        outcomes = [order["outcome"] for order in station.told(flight, "return_ordered")]
        assert outcomes == ["unknown", "accepted"]

    run(scene())


def test_the_file_does_not_grow_with_what_is_done(station: Ground, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "COMPACTED_ABOVE", 4_000)

    flight = station.authorised()

    async def scene() -> None:
        journal = Journal(file, station.flights)
        journal.foresee(journal.entry(DRONE, flight, returned(OrderOutcome.UNKNOWN, "still flying")))  # never empty
        for number in range(30):
            journal.put(journal.entry(DRONE, flight, anomaly(f"number {number}")))
        await recorded(journal)

    run(scene())
    assert file.stat().st_size < 6_000
    left = Journal(file, station.flights)
    assert left.waiting == 1
    assert left.waits_for(flight, RecordSafetyOrder)


def test_a_full_disk_keeps_nothing_from_the_record_while_the_process_lives(station: Ground, file: Path) -> None:
    async def scene() -> None:
        flight, journal = station.authorised(), Journal(file, station.flights)
        os.dup2(os.open("/dev/full", os.O_WRONLY), journal._out)
        told = journal.put(journal.entry(DRONE, flight, returned()))
        await recorded(journal)
        assert isinstance(told.result(), Accepted)

    run(scene())


def test_what_a_drone_without_known_flight_did_goes_to_the_flight_it_has(station: Ground, file: Path) -> None:
    async def scene() -> None:
        flight, journal = station.authorised(), Journal(file, station.flights)
        journal.put(journal.entry(DRONE, None, RecordLaunch(seen(), None)))
        journal.put(journal.entry(DRONE, None, RecordArrival(seen())))
        journal.put(journal.entry(DRONE, None, RecordLanding(seen(), 20.0)))
        await recorded(journal)
        flown = ["drone_launched", "arrived_on_scene", "recording_started", "recording_stopped", "drone_landed"]
        assert station.story(flight)[-5:] == flown  # the policy records every mission
        journal.put(journal.entry(DRONE, None, RecordLaunch(seen(), None)))
        journal.put(journal.entry(DRONE, None, RecordLanding(seen(), 20.0)))
        await recorded(journal)
        assert station.drone_story()[-1] == "unassigned_flight_observed"

    run(scene())
