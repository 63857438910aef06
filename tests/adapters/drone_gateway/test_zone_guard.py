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
from adapters.drone_gateway.zones import ZoneGuard
from adapters.mavlink.gateway import VehicleSpec
from adapters.mavlink.samples import Sample, sample_of
from adapters.mavlink.state import VehicleState
from application.gateway import GatewayUnavailable
from application.zones import UNKNOWN_ZONES, KnownZone, Noticed, ZoneWatch, distance_m
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_commands import RecordZoneApproach, RecordZoneEntry, RecordZoneExit
from domain.flight_events import HEIGHT_UNKNOWN, GroundHeight, HeightSource, ZoneRule
from domain.kernel import FlightId, Personal, PersonId, Place, StreamId
from domain.privacy_override_events import EmergencyOverrideInvoked, Range
from domain.privacy_zone import PrivacyZoneDrawn, Shape
from projections.engine.host import ProjectionHost
from projections.overrides.projection import OVERRIDES
from projections.privacy_zones.projection import PRIVACY_ZONES
from tests.adapters.drone_gateway.ground import DRONE, PILOT, SCENE, Ground, Json, becomes, gatehouse
from tests.adapters.mavlink.conftest import Launch, free_port, run
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import wait_applied

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CORNERS = (Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507), Place(34.0912, -118.3516))
QUAN, LEE = PersonId("p-quan"), PersonId("p-lee")
drawn = PrivacyZoneDrawn("Pool", (*CORNERS, CORNERS[0]), 60.0, ZoneRule.NO_RECORD, "people swim here", QUAN)
NOW_US = 1_780_000_000_000_000
INSIDE, OUTSIDE = (34.0915, -118.3512), (34.0930, -118.3512)


def sample(place: tuple[float, float], agl_m: float = 40.0, **changed: object) -> Sample:
    """Over a hill: 300 m above the place of take-off, and so high above the ground."""
    state = VehicleState(latitude=place[0], longitude=place[1], altitude_amsl=380, altitude_above_home=300)
    state.airborne, state.armed = True, True
    state.height_above_terrain, state.terrain_source, state.terrain_received = agl_m, "TERRAIN_REPORT", NOW_US
    return {**sample_of(state, NOW_US), **changed}  # type: ignore[dict-item]


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
        FlightId("f1"),
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


def test_an_override_lifts_its_zone_for_its_flight_until_its_own_end(log: Log, tmp_path: Path) -> None:
    clock, watch = Clock(), ZoneWatch()
    guard = ZoneGuard(log.url, tmp_path / "zones.json", clock)
    known(log.url, guard)
    (entry,) = guard.sampled(watch, sample(INSIDE), "f1")
    assert isinstance(entry, RecordZoneEntry) and (entry.zone, entry.override) == ("pool", "o1")
    for other in ("f2", None):
        (entry,) = guard.sampled(ZoneWatch(), sample(INSIDE), other)
        assert isinstance(entry, RecordZoneEntry) and (entry.zone, entry.override) == ("pool", None)
    clock.at = START + 30 * MINUTE  # nobody has to say so
    (entry,) = guard.sampled(watch, sample(INSIDE), "f1")
    assert isinstance(entry, RecordZoneEntry) and entry.override is None
    assert kinds(list(guard.sampled(watch, sample(OUTSIDE), "f1"))) == [RecordZoneExit]


def test_zones_stay_in_force_over_a_restart_while_nobody_can_be_asked(log: Log, tmp_path: Path) -> None:
    known(log.url, ZoneGuard(log.url, tmp_path / "zones.json", Clock()))
    again = ZoneGuard("host=/nowhere", tmp_path / "zones.json", Clock())
    assert kinds(list(again.sampled(ZoneWatch(), sample(INSIDE), "f1"))) == [RecordZoneEntry]


@pytest.mark.parametrize("file", [b"half of it", b"", None], ids=["damaged", "empty", "never written"])
def test_zones_that_cannot_be_read_are_everywhere_until_somebody_can_be_asked(
    log: Log, tmp_path: Path, file: bytes | None
) -> None:
    if file is not None:
        (tmp_path / "zones.json").write_bytes(file)
    guard, watch = ZoneGuard(log.url, tmp_path / "zones.json", Clock()), ZoneWatch()
    assert not guard.known and guard.fault and "zones" in guard.fault
    for place in (INSIDE, OUTSIDE):
        (entry,) = guard.sampled(ZoneWatch(), sample(place), "f1")
        assert isinstance(entry, RecordZoneEntry)
        assert (entry.zone, entry.rule, entry.override) == (UNKNOWN_ZONES, ZoneRule.NO_VIEW, None)
    assert guard.sampled(watch, sample(OUTSIDE), "f1")
    known(log.url, guard)
    assert guard.known and guard.fault is None
    assert kinds(list(guard.sampled(watch, sample(OUTSIDE), "f1"))) == [RecordZoneExit]
    assert ZoneGuard("host=/nowhere", tmp_path / "zones.json").known, "what was asked is kept"


def test_zones_that_cannot_be_kept_are_in_force_and_said_to_be_lost_with_a_restart(log: Log, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    guard = ZoneGuard(log.url, folder / "zones.json", Clock())
    known(log.url, guard)  # there is no such folder: nothing can be written
    assert guard.known and guard.fault is not None and "cannot be kept" in guard.fault
    assert kinds(list(guard.sampled(ZoneWatch(), sample(INSIDE), "f1"))) == [RecordZoneEntry]
    folder.mkdir()
    known(log.url, guard)
    assert guard.fault is None and (folder / "zones.json").exists()


@pytest.mark.parametrize(
    ("said", "height"),
    [
        ({}, GroundHeight(40.0, HeightSource.TERRAIN_REPORT)),
        ({"terrain_source": "ALTITUDE"}, GroundHeight(40.0, HeightSource.ALTITUDE)),
        ({"height_above_terrain": None, "terrain_received_time": None}, HEIGHT_UNKNOWN),
        ({"terrain_received_time": NOW_US - 3_500_000}, HEIGHT_UNKNOWN),
    ],
    ids=["terrain report", "altitude", "never said", "said too long ago"],
)
def test_a_zone_is_held_against_the_height_above_ground_that_the_autopilot_says(
    log: Log, tmp_path: Path, said: Json, height: GroundHeight
) -> None:
    guard = ZoneGuard(log.url, tmp_path / "zones.json", Clock())
    known(log.url, guard)
    (entry,) = guard.sampled(ZoneWatch(), sample(INSIDE, **said), "f1")
    assert isinstance(entry, RecordZoneEntry) and entry.height == height


def test_without_a_height_above_ground_nobody_flies_over_a_zone(log: Log, tmp_path: Path) -> None:
    guard = ZoneGuard(log.url, tmp_path / "zones.json", Clock())
    known(log.url, guard)
    high = {"altitude_above_home": 2_000.0, "altitude_amsl": 2_080.0}
    assert not guard.sampled(ZoneWatch(), sample(INSIDE, agl_m=150.0, **high), "f1")
    silent = sample(INSIDE, height_above_terrain=None, terrain_received_time=None, terrain_source=None, **high)
    assert kinds(list(guard.sampled(ZoneWatch(), silent, "f1"))) == [RecordZoneEntry]


def test_what_is_on_the_ground_or_has_no_position_is_in_no_zone(log: Log, tmp_path: Path) -> None:
    guard = ZoneGuard(log.url, tmp_path / "zones.json", Clock())
    known(log.url, guard)
    for ground in (sample(INSIDE, airborne=False), sample(INSIDE, latitude=None)):
        assert not guard.sampled(ZoneWatch(), ground, "f1")
    assert kinds(list(guard.sampled(ZoneWatch(), sample((34.0895, -118.3512), velocity_north=15.0), "f1"))) == []
    assert kinds(list(guard.sampled(ZoneWatch(), sample((34.0900, -118.3512), velocity_north=15.0), "f1"))) == [
        RecordZoneApproach
    ]


def test_a_drone_that_flies_into_a_zone_and_home_again_has_it_on_its_record(station: Ground, launch: Launch) -> None:
    async def scene() -> None:
        port, half = free_port(), 0.0004  # degrees, 44 m to the north
        corners = [(-half, -half), (-half, half), (half, half), (half, -half), (-half, -half)]
        outline = tuple(Place(SCENE.latitude + north, SCENE.longitude + east) for north, east in corners)
        file = station.home / "gateway" / "zones.json"
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
        assert entered["height"]["source"] == "terrain_report"
        assert entered["height"]["metres"] == pytest.approx(entered["position"]["agl_m"], abs=3), "the ground is flat"
        where = Place(entered["position"]["latitude"], entered["position"]["longitude"])
        assert distance_m(outline, where) <= 0

    run(scene())


def test_while_the_zones_are_unknown_nothing_takes_off_and_what_flies_is_not_recorded_and_comes_home(
    station: Ground, launch: Launch
) -> None:
    async def scene() -> None:
        port, file = free_port(), station.home / "gateway" / "zones.json"
        flight = station.authorised()
        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{port}")) as house:
            file.write_bytes(b"half of it")
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8")
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
            with pytest.raises(GatewayUnavailable, match=r"cannot be read") as refused:
                await house.sorties.launch(flight)
            assert refused.value.code == "zones_unknown"
            file.write_bytes(b"[]")
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            await house.sorties.launch(flight)
            await becomes(lambda: "recording_started" in station.story(flight), 120)
            file.write_bytes(b"half of it")
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            await becomes(lambda: "privacy_zone_entered" in station.story(flight), 60)
            for order in (SafetyOrder.HOLD, SafetyOrder.RETURN, SafetyOrder.LAND):
                sent = await house.sorties.safety(flight, order, station.signed_on(PILOT), "", uuid4())
                assert sent.outcome is not OrderOutcome.DENIED
            await becomes(lambda: "drone_landed" in station.story(flight), 60)
        (entered,) = station.told(flight, "privacy_zone_entered")
        assert (entered["zone"], entered["rule"], entered["effect"]) == (UNKNOWN_ZONES, "no_view", "stopped")

    run(scene())


def test_the_journal_keeps_what_happens_in_zones() -> None:
    assert {"RecordZoneApproach", "RecordZoneEntry", "RecordZoneExit"} <= set(KINDS)
