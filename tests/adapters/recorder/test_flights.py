"""A drone's camera recorded on its flights: an acting vehicle and its camera, a real gateway, store, key store, vault.

The camera's pictures tell where they were truly taken, in squares along their top, so what lies in the vault can be
held against the zones on the map by decoding it.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import hypot
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import av
import httpx
import msgspec
import psycopg
import pytest

from adapters.drone_gateway.zones import ZoneGuard
from adapters.kafka import topics
from adapters.mavlink.gateway import VehicleSpec
from adapters.poses.listening import Poses
from adapters.poses.telemetry import telemetry_in
from adapters.recorder.flights import NOBODY_SAYS
from adapters.recorder.notes import Notes
from adapters.recorder.recording import AWAY, NOT_RECORDING
from adapters.recorder.tap import Taps
from adapters.vault import Vault
from adapters.vault.segment import Header
from api.processes import wiring
from api.processes.flight_recorder import FlightRecorder
from application.poses import IN_A_ZONE, NO_POSE, ZONES_UNKNOWN
from application.zones import KnownZone, distance_m
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_events import ZoneRule
from domain.kernel import Place
from domain.privacy_zone import Shape
from infra.camera.aerial import place_marked
from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import free_port as free_tcp_port
from infra.stack.processes import last_lines, spawn, stop
from infra.vehicle.physics import Home
from tests.adapters.drone_gateway.ground import DRONE, PILOT, GatewayProcess, Ground, becomes, gatehouse
from tests.adapters.mavlink.conftest import Launch, free_port, run
from tests.adapters.recorder.cameras import Cameras, cameras
from tests.api.watch_center import PASSWORD, settings_as, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[3]
HOME = Home(34.0845, -118.3834)
SCENE_NORTH_M = 40.0
FILM = ("--marked", "--size", "640x360", "--rate", "15", "--key-every", "5", "--bit-rate", "1500000")


def at(north: float, east: float = 0.0) -> Place:
    return Place(*HOME.degrees_at(north, east))


def band(south: float, north: float, rule: ZoneRule = ZoneRule.NO_RECORD, east: float = 0.0) -> KnownZone:
    """From so far north of home to so far."""
    corners = ((south, -60.0), (north, -60.0), (north, 60.0), (south, 60.0), (south, -60.0))
    return KnownZone("pool", Shape(tuple(at(n, east + e) for n, e in corners), 100.0, rule))


@dataclass
class Frame:
    segment: Header
    at: datetime
    north: float
    east: float


@dataclass
class Kept:
    """What is in the vault of a flight."""

    station: Ground
    vault: Vault
    flight: str

    @property
    def feed(self) -> Any:
        return f"flight-{self.flight}"

    def segments(self) -> list[tuple[Header, bytes]]:
        found = []
        for name in self.vault.reels(self.feed):
            found += [self.vault.read(name, entry) for entry in self.vault.reread(name)._entries]
        return found

    def count(self) -> int:
        return sum(len(self.vault.storage.files(name.folder)) for name in self.vault.reels(self.feed))

    def landed(self) -> bool:
        """And all that is there is on the record: two pieces of footage, where an hour of the clock began meanwhile."""
        told, there = self.told("footage_recorded"), list(self.vault.reels(self.feed))
        return "drone_landed" in self.station.story(self.flight) and 0 < len(told) == len(there)

    def number_of_segments(self) -> int:
        """By the record."""
        return sum(recorded["segments"] for recorded in self.told("footage_recorded"))

    def lost(self) -> list[tuple[str, datetime, datetime]]:
        """By the record: why, since when, until when."""
        return [
            (lost["detail"], *(datetime.fromisoformat(lost["range"][end]) for end in ("since", "until")))
            for lost in self.told("footage_lost")
        ]

    def frames(self) -> list[Frame]:
        """All of them decoded, each with where it was truly taken."""
        found = []
        for head, content in self.segments():
            with av.open(io.BytesIO(content)) as file:
                for picture in file.decode(video=0):
                    place = place_marked(picture.to_ndarray()[: picture.height])
                    assert place is not None, "its marks can be read"
                    assert picture.time is not None
                    found.append(Frame(head, head.since + timedelta(seconds=picture.time), *place))
        return found

    def told(self, name: str) -> list[dict[str, Any]]:
        """Of footage, in the record's order."""
        with psycopg.connect(self.station.url) as connection:
            rows = connection.execute(
                "SELECT state FROM events.stored_events WHERE topic = %s ORDER BY notification_id",
                (f"footage.{name}.v1",),
            )
            events = [msgspec.json.decode(bytes(state))["data"] for (state,) in rows]
        return [event for event in events if event["feed"] == self.feed]


@contextmanager
def recorder(station: Ground, url: str) -> Iterator[tuple[FlightRecorder, Vault]]:
    """In threads of this process, with the recorder's own rights."""
    settings = settings_as("saferweho_recorder", {**station.environ, "SAFERWEHO_FOOTAGE_MINUTES": "60"})
    with wiring.vault(settings, writer="recorder") as vault, wiring.handler(settings, checked=False) as handler:
        notes, stopping, said = Notes(handler), threading.Event(), threading.Event()
        poses = Poses(station.home / "gateway" / "poses.sock")

        def keep(part: Callable[[threading.Event], None], ending: threading.Event) -> None:
            part(ending)

        known = {f"drone-{DRONE}": url}
        taps = Taps(station.home / "tap.sock")
        flights = FlightRecorder(vault, handler, notes, poses, taps, known, lambda _: [], keep)
        recording = threading.Thread(target=flights.run, args=(stopping,))
        saying = threading.Thread(target=notes.run, args=(said,))
        recording.start()
        saying.start()
        try:
            yield flights, vault
        finally:
            stopping.set()
            recording.join()
            said.set()
            saying.join()


@contextmanager
def aboard(folder: Path, look: int) -> Iterator[Cameras]:
    with cameras(folder, "--aboard", str(look), *FILM, DRONE) as running:
        yield running


def within(zone: KnownZone, frame: Frame) -> bool:
    return distance_m(zone.shape.outline, at(frame.north, frame.east)) <= 0


def test_what_lies_in_a_no_record_zone_is_in_no_segment(station: Ground, launch: Launch, tmp_path: Path) -> None:
    zone = band(SCENE_NORTH_M + 30, SCENE_NORTH_M + 50)
    file, link, look = station.home / "gateway" / "zones.json", free_port(), free_port()
    file.write_bytes(msgspec.json.encode([zone]))

    async def scene(flights: FlightRecorder, vault: Vault) -> Kept:
        flight = station.authorised(there=at(SCENE_NORTH_M))
        kept = Kept(station, vault, flight)
        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{link}")) as house:
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            vehicle = launch("--connect", f"udpout:127.0.0.1:{link}", "--camera", f"127.0.0.1:{look}")
            craft = house.gateway.crafts[DRONE]
            await becomes(lambda: craft.state.ready_to_arm, 90)
            assert (await house.sorties.launch(flight)).outcome is OrderOutcome.ACCEPTED
            await becomes(lambda: "recording_started" in station.story(flight), 150)
            await becomes(lambda: "camera_turned_to_scene" in station.story(flight), 60)
            await becomes(lambda: kept.count() >= 2, 90, "it is recorded")
            # By hand, as a pilot may: the record says that it is on scene all the while.
            await craft.commander.goto(*at_degrees(SCENE_NORTH_M + 90), 20.0)
            await becomes(lambda: "privacy_zone_left" in station.story(flight), 120)
            await becomes(lambda: station.story(flight).count("recording_started") == 2, 60)
            before = kept.count()
            await becomes(lambda: kept.count() >= before + 2, 90, "it is recorded again")
            await house.sorties.safety(flight, SafetyOrder.RETURN, station.signed_on(PILOT), "", uuid4())
            await becomes(lambda: station.story(flight).count("recording_stopped") == 2, 60)
            await becomes(lambda: flights.standing()["flights"][flight]["withheld"] == NOT_RECORDING, 60)
            vehicle.hurry()
            await becomes(kept.landed, 210, "its footage is on the record")
        return kept

    with aboard(tmp_path, look) as camera, recorder(station, camera.address(DRONE).url) as at_work:
        kept = flown(scene(*at_work))
        frames, story = kept.frames(), station.story(kept.flight)
        segments, lost, number = kept.segments(), kept.lost(), kept.number_of_segments()
        _telemetry_says_where_it_was(kept)
    assert not [frame for frame in frames if within(zone, frame)], "nothing of it was sealed"
    south, north = SCENE_NORTH_M + 30, SCENE_NORTH_M + 50
    before, after = [f for f in frames if f.north < south], [f for f in frames if f.north > north]
    assert len(before) > 30 and len(after) > 30
    assert max(frame.north for frame in before) > south - 25, "up to where it could have been inside"
    assert min(frame.north for frame in frames) > SCENE_NORTH_M - 20, "nothing of the way there or home"
    # The record says why: once by the zone, and each time by the flight itself. Nothing of that is told as lost; only a
    # machine so busy that no pose came for a moment loses, and says, that.
    assert {why for why, _, _ in lost} <= {NO_POSE} and number == len(segments)
    none_of_it_is_kept(lost, frames)
    gaps = [head.gap for head, _ in segments if head.gap and NO_POSE not in head.gap]
    assert set(gaps) <= {NOT_RECORDING, IN_A_ZONE} and 2 - len(lost) <= len(gaps) <= 2
    there = [kind for kind in story if kind.startswith("privacy_zone")][:3]
    assert there == ["privacy_zone_approached", "privacy_zone_entered", "privacy_zone_left"]
    assert story.count("camera_levelled") >= 2, "on the way there and on the way home"
    assert station.told(kept.flight, "recording_stopped")[0]["reason"] == "privacy_zone"


def _telemetry_says_where_it_was(kept: Kept) -> None:
    looked: list[float] = []
    by_segment = {head.number: telemetry_in(content) for head, content in kept.segments()}
    for frame in kept.frames()[::15]:
        known = by_segment[frame.segment.number].view(frame.at)
        assert known is not None, "every picture has a view"
        view, errors = known
        north, east = HOME.metres_to(view.place.latitude, view.place.longitude)
        assert hypot(north - frame.north, east - frame.east) < errors.position_m, (frame, view, errors)
        assert view.lens.horizontal_deg == pytest.approx(64.0)
        looked.append(view.gimbal.pitch)
    assert all(-46 <= pitch <= 1 for pitch in looked) and looked.count(-45.0) > len(looked) / 2, "it turns, and looks"


def at_degrees(north: float) -> tuple[float, float]:
    return HOME.degrees_at(north, 0.0)


def flown(work: Coroutine[Any, Any, Kept]) -> Kept:
    found: list[Kept] = []

    async def to_its_end() -> None:
        found.append(await work)

    run(to_its_end(), 560)
    return found[0]


def test_while_nobody_knows_where_the_drone_is_nothing_is_kept_and_the_loss_is_told(
    station: Ground, launch: Launch, tmp_path: Path
) -> None:
    zone = band(0, 50, east=500.0)  # far away, and in force
    file, link, look = station.home / "gateway" / "zones.json", free_port(), free_port()
    file.write_bytes(msgspec.json.encode([zone]))

    async def scene(vault: Vault) -> Kept:
        flight = station.authorised(there=at(SCENE_NORTH_M))
        kept = Kept(station, vault, flight)
        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{link}")) as house:
            house.sorties.zones = ZoneGuard("host=/nowhere", file)
            vehicle = launch(
                "--connect", f"udpout:127.0.0.1:{link}", "--camera", f"127.0.0.1:{look}", "--ground-timeout", "0"
            )
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm, 90)
            await house.sorties.launch(flight)
            await becomes(lambda: kept.count() >= 2, 200, "it is recorded")
            vehicle.toggle_link()  # its camera has another radio
            await becomes(lambda: "link_lost" in station.story(flight), 60)
            vehicle.toggle_link()
            await becomes(lambda: "link_restored" in station.story(flight), 60)
            await becomes(lambda: NO_POSE in details(kept), 90, "the loss is told")
            before = kept.count()
            await becomes(lambda: kept.count() > before, 90, "it is recorded again")
            await house.sorties.safety(flight, SafetyOrder.LAND, station.signed_on(PILOT), "", uuid4())
            vehicle.hurry()
            await becomes(kept.landed, 210)
        return kept

    with aboard(tmp_path, look) as camera, recorder(station, camera.address(DRONE).url) as (_, vault):
        kept = flown(scene(vault))
        lost, frames = kept.lost(), kept.frames()
    assert any(why == NO_POSE and until_ - since > timedelta(seconds=1.5) for why, since, until_ in lost)
    none_of_it_is_kept(lost, frames)


def none_of_it_is_kept(lost: list[tuple[str, datetime, datetime]], frames: list[Frame]) -> None:
    for why, since, until_ in lost:
        assert not [frame for frame in frames if since < frame.at < until_], why


class Recorder:
    """`saferweho recorder` as a process, which can be killed."""

    def __init__(self, station: Ground, url: str) -> None:
        file = station.home / "cameras"
        file.touch(0o600)
        file.write_text(f"drone-{DRONE} {url}\n")
        parts = urlsplit(station.url)
        host = parts.netloc.rpartition("@")[2]
        self.log, self.health_port = station.home / "recorder.log", free_tcp_port()
        self._environ = {
            **os.environ,
            **station.environ,
            "DATABASE_URL": parts._replace(netloc=f"saferweho_recorder:{quote(PASSWORD)}@{host}").geturl(),
            "SAFERWEHO_CAMERAS": str(file),
            "SAFERWEHO_HEALTH_PORT": str(self.health_port),
        }

    @contextmanager
    def running(self) -> Iterator[Any]:
        process = spawn([sys.executable, "-m", "api.cli", "recorder"], self.log, env=self._environ, cwd=ROOT)
        try:
            yield process
        finally:
            stop(process, (signal.SIGTERM, 60.0))

    def standing(self) -> dict[str, Any]:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.health_port}/health/ready", timeout=10).json()
        except (httpx.HTTPError, ValueError):
            return {"fault": None}
        found: dict[str, Any] = answer["flights"]
        return found


def test_killed_in_flight_recorder_and_gateway_lose_no_word_of_what_is_missing(
    station: Ground, kafka: EmbeddedKafka, launch: Launch, tmp_path: Path
) -> None:
    topics.create(kafka.bootstrap, station.environ["SAFERWEHO_TOPIC_PREFIX"])
    link, look = free_port(), free_port()
    gateway = GatewayProcess(station, f"{DRONE}@udpin:127.0.0.1:{link}#1", KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap)
    settings = settings_as("saferweho_recorder", station.environ)
    with aboard(tmp_path, look) as camera, wiring.vault(settings) as vault:
        try:
            gateway.start()
            launch("--connect", f"udpout:127.0.0.1:{link}", "--camera", f"127.0.0.1:{look}", "--ground-timeout", "0")
            gateway.ready()
            flight = station.authorised(there=at(SCENE_NORTH_M))
            kept, recorder = Kept(station, vault, flight), Recorder(station, camera.address(DRONE).url)
            with recorder.running() as process:
                gateway.launch(station.ordered(flight))
                until(lambda: kept.count() >= 2, 240, what=f"it is recorded: {last_lines(recorder.log)}")
                process.kill()
                process.wait()
            killed = datetime.now(UTC)
            with recorder.running():
                # It may have come late to the first picture, too.
                until(lambda: AWAY in details(kept, killed), 120, what="what it missed is told")
                gone = datetime.now(UTC)
                gateway.kill()
                until(lambda: recorder.standing()["fault"], 60, what="the gateway is missed")
                before = kept.count()
                gateway.start()
                until(lambda: details(kept, gone), 120, what="what nobody could place is told")
                until(lambda: kept.count() > before, 60, what="it is recorded again")
                gateway.safety(flight, SafetyOrder.LAND, station.signed_on(PILOT))
                until(kept.landed, 210, what="it is closed")
        finally:
            gateway.stop()
        # Also before and between, a busy machine may have been too late to say where the zones are.
        lost, frames = kept.lost(), kept.frames()
        assert set(details(kept)) <= {AWAY, ZONES_UNKNOWN, NO_POSE, NOBODY_SAYS}
        assert AWAY not in details(kept, gone)
        assert kept.number_of_segments() == len(kept.segments())
        none_of_it_is_kept(lost, frames)


def details(kept: Kept, after: datetime = datetime.min.replace(tzinfo=UTC)) -> list[str]:
    """Why footage was lost, as far as it was still missing after a time."""
    return [why for why, _, until_ in kept.lost() if until_ > after]
