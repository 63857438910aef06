"""What the gateway knows of privacy zones: from the read models, and on disk while nobody can be asked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest

from adapters.drone_gateway.journal import KINDS
from adapters.drone_gateway.zones import KnownZone, ZoneGuard
from adapters.mavlink.gateway import VehicleSpec
from adapters.mavlink.samples import Sample, sample_of
from adapters.mavlink.state import VehicleState
from application.zones import Noticed, ZoneWatch, distance_m
from domain.drone import SafetyOrder
from domain.flight_commands import RecordZoneApproach, RecordZoneEntry, RecordZoneExit
from domain.flight_events import ZoneRule
from domain.kernel import Personal, PersonId, Place, StreamId
from domain.privacy_override_events import EmergencyOverrideInvoked, Range
from domain.privacy_zone import PrivacyZoneDrawn, Shape
from projections.engine.host import ProjectionHost
from projections.overrides.projection import OVERRIDES
from projections.privacy_zones.projection import PRIVACY_ZONES
from tests.adapters.drone_gateway.ground import DRONE, PILOT, SCENE, Ground, becomes, gatehouse
from tests.adapters.mavlink.conftest import Launch, free_port, run
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import wait_applied

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CORNERS = (Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507), Place(34.0912, -118.3516))
QUAN, LEE = PersonId("p-quan"), PersonId("p-lee")
drawn = PrivacyZoneDrawn("Pool", (*CORNERS, CORNERS[0]), 60.0, ZoneRule.NO_RECORD, "people swim here", QUAN)
INSIDE, OUTSIDE = (34.0915, -118.3512), (34.0930, -118.3512)


def sample(place: tuple[float, float], agl_m: float = 40.0, **changed: object) -> Sample:
    state = VehicleState(latitude=place[0], longitude=place[1], altitude_amsl=80 + agl_m, altitude_above_home=agl_m)
    state.airborne, state.armed = True, True
    return {**sample_of(state, 1), **changed}  # type: ignore[dict-item]


class Clock:
    at = START

    def __call__(self) -> datetime:
        return self.at


def known(url: str, guard: ZoneGuard) -> None:
    async def look() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await guard.look(connection)

    asyncio.run(look())


@pytest.fixture
def log(database_url: str) -> Log:
    log = Log(database_url)
    emergency = EmergencyOverrideInvoked(
        StreamId("zone-pool"),
        Range(START, START + DAY),
        Personal("override-o1", "a child is in the water"),
        "call_for_service",
        None,
        None,
        LEE,
        START + 30 * MINUTE,
        START + DAY,
        START + 3 * DAY,
    )
    last = log.append(("zone-pool", drawn), ("override-o1", emergency))
    with ProjectionHost(log.url, store_feeds(log.url), [PRIVACY_ZONES, OVERRIDES]) as host:
        wait_applied(host, log.url, last, "privacy_zones", "overrides")
    log.close()
    return log


def kinds(noticed: list[Noticed]) -> list[type]:
    return [type(command) for command in noticed]


def test_an_override_lifts_its_zone_until_its_own_end(log: Log, tmp_path: Path) -> None:
    clock, watch = Clock(), ZoneWatch()
    guard = ZoneGuard(log.url, tmp_path / "zones.json", clock)
    assert not guard.sampled(watch, sample(INSIDE))  # nothing is known yet
    known(log.url, guard)
    (entry,) = guard.sampled(watch, sample(INSIDE))
    assert isinstance(entry, RecordZoneEntry) and (entry.zone, entry.override) == ("pool", "o1")
    clock.at = START + 30 * MINUTE  # nobody has to say so
    (entry,) = guard.sampled(watch, sample(INSIDE))
    assert isinstance(entry, RecordZoneEntry) and entry.override is None
    assert kinds(list(guard.sampled(watch, sample(OUTSIDE)))) == [RecordZoneExit]


def test_zones_stay_in_force_over_a_restart_while_nobody_can_be_asked(log: Log, tmp_path: Path) -> None:
    known(log.url, ZoneGuard(log.url, tmp_path / "zones.json", Clock()))
    again = ZoneGuard("host=/nowhere", tmp_path / "zones.json", Clock())
    assert kinds(list(again.sampled(ZoneWatch(), sample(INSIDE)))) == [RecordZoneEntry]
    (tmp_path / "zones.json").write_bytes(b"half of it")
    assert not ZoneGuard("host=/nowhere", tmp_path / "zones.json").sampled(ZoneWatch(), sample(INSIDE))


def test_what_is_on_the_ground_or_has_no_position_is_in_no_zone(log: Log, tmp_path: Path) -> None:
    guard = ZoneGuard(log.url, tmp_path / "zones.json", Clock())
    known(log.url, guard)
    for ground in (sample(INSIDE, airborne=False), sample(INSIDE, latitude=None)):
        assert not guard.sampled(ZoneWatch(), ground)
    assert kinds(list(guard.sampled(ZoneWatch(), sample((34.0895, -118.3512), velocity_north=15.0)))) == []
    assert kinds(list(guard.sampled(ZoneWatch(), sample((34.0900, -118.3512), velocity_north=15.0)))) == [
        RecordZoneApproach
    ]


def test_a_drone_that_flies_into_a_zone_and_home_again_has_it_on_its_record(station: Ground, launch: Launch) -> None:
    async def scene() -> None:
        port, half = free_port(), 0.0004  # degrees, 44 m to the north
        corners = [(-half, -half), (-half, half), (half, half), (half, -half), (-half, -half)]
        outline = tuple(Place(SCENE.latitude + north, SCENE.longitude + east) for north, east in corners)
        file = station.home / "gateway" / "zones.json"
        file.parent.mkdir(parents=True)
        file.write_bytes(msgspec.json.encode([KnownZone("yard", Shape(outline, 60.0, ZoneRule.NO_VIEW))]))
        flight = station.authorised()
        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{port}")) as house:
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8")
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
            await house.sorties.launch(flight)
            await becomes(lambda: "privacy_zone_entered" in station.story(flight), 60)
            await house.sorties.safety(flight, SafetyOrder.RETURN, station.signed_on(PILOT), "", uuid4())
            await becomes(lambda: "drone_landed" in station.story(flight), 60)
        story = [kind for kind in station.story(flight) if "zone" in kind]
        assert story == ["privacy_zone_approached", "privacy_zone_entered", "privacy_zone_left"]
        (entered,) = station.told(flight, "privacy_zone_entered")
        assert (entered["rule"], entered["effect"], entered["override"]) == ("no_view", "not_recording", None)
        where = Place(entered["position"]["latitude"], entered["position"]["longitude"])
        assert distance_m(outline, where) <= 0

    run(scene())


def test_the_journal_keeps_what_happens_in_zones() -> None:
    assert {"RecordZoneApproach", "RecordZoneEntry", "RecordZoneExit"} <= set(KINDS)
