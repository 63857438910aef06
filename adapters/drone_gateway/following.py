"""Follows what the drones do: which flight each has, what of it goes on the record and into the archive.

Asks the store nothing: everything here goes on while it is away. Invariant: what a drone was seen to do is in the
journal before the next observation is looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from adapters.drone_gateway.journal import Journal
from adapters.drone_gateway.notes import Notebook, Notes, Sortie
from adapters.drone_gateway.poses import pose_of
from adapters.drone_gateway.sightings import command_of, frames_of, here, position_of, where
from adapters.drone_gateway.stamps import Stamps
from adapters.drone_gateway.zones import ZoneGuard
from adapters.mavlink import observations as seen
from adapters.mavlink.gateway import Craft, Gateway, Sample
from adapters.mavlink.modes import Intent, choice
from adapters.mavlink.observations import Target
from adapters.mavlink.outcomes import Accepted, LinkRefused
from adapters.mavlink.state import VehicleState
from adapters.poses.publishing import PosesServer
from application.flights import Observed
from application.gateway import GatewayUnavailable
from application.zones import ZoneWatch
from domain.flight_commands import (
    ArchiveTelemetry,
    RecordCameraLevel,
    RecordCameraTurn,
    RecordLanding,
    RecordLaunch,
    RecordLinkLost,
    RecordLinkRestored,
    ReportAnomaly,
)
from domain.flight_events import AnomalyKind, Observation
from domain.kernel import FlightId

LEVEL_PITCH_DEG, SCENE_PITCH_DEG = 0.0, -45.0
POINTS_WITHIN_DEG = 5.0
TURNS_IN_S = 10.0
TEND_S = 0.5
UNHEARD_S = 10.0  # after a start, a drone that was in the air and is not heard has lost its link

Noted = Callable[[float, datetime], RecordCameraLevel | RecordCameraTurn]
log = structlog.get_logger(__name__)


class Following:
    """The drones of one gateway and the flights they have. Observations come in by `observed`."""

    def __init__(self, journal: Journal, home: Path, gateway: Gateway) -> None:
        self._journal = journal
        self._home, self._logs = home, home / "tlogs"
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._notebook = Notebook(home)
        self._gateway = gateway
        self._started = datetime.now(UTC)
        self._tasks: dict[str, asyncio.Task[None]] = {}  # on the way out, by drone
        self._camera_tasks: set[asyncio.Task[None]] = set()
        self._notes = Notes()
        self.zones: ZoneGuard | None = None
        self.poses: PosesServer | None = None

    @property
    def active(self) -> dict[str, Sortie]:
        """The flight that each drone has."""
        return self._notes.active

    def aloft(self) -> Mapping[str, FlightId]:
        """The drones that are in the air and whose flight is known."""
        return {
            drone: FlightId(sortie.flight) for drone, sortie in self.active.items() if sortie.flown and sortie.flight
        }

    # -- which flight a drone has ----------------------------------------------

    def resume(self) -> None:
        """After a restart, before the links open: the flights that drones had, their logs so far, and how new the
        last believed frame was. `watch` corrects the flights out of the store."""
        for name, known in self._gateway.crafts.items():
            if known.signatures:
                known.signatures.keep(Stamps(self._home / "stamps" / name))
        self._notes = self._notebook.flights()
        for drone, sortie in list(self.active.items()):
            craft = self._gateway.crafts.get(drone)
            if craft is None:
                log.error("no_link_for_a_drone_in_flight", drone=drone, flight=sortie.flight)
                continue
            self._archive_broken_off(drone, sortie)
            if sortie.target:
                craft.vehicle.aim(Target(*sortie.target))
            if sortie.flown or sortie.commanded_at:
                self._start_log(drone, sortie)
        self._keep()

    def _keep(self) -> None:
        self._notebook.keep(self._notes)

    def _begin(self, drone: str, flight: str) -> Sortie:
        known = self.active.get(drone)
        if known is not None and known.flight is None:
            known.flight = flight  # it took off before we had learned its flight
        elif known is None or (known.flight != flight and not self._aloft(drone)):
            self._end(drone)
            known = self.active[drone] = Sortie(flight)
        self._keep()
        return known

    def _end(self, drone: str) -> None:
        """A drone has its flight no longer: what came over the air goes into the archive."""
        sortie = self.active.get(drone)
        if sortie is None:
            return
        self._cancel_outbound(drone)
        if self._craft(drone).log is not None:
            closed = self._gateway.stop_log(drone)
            self._archive(drone, sortie, closed.path, closed.sha256, closed.frames_in, closed.frames_out)
        del self.active[drone]
        if sortie.flight:
            self._notes.over[drone] = sortie.flight
        self._keep()

    def _aloft(self, drone: str) -> bool:
        """Whether a drone is, or may be, in the air. One that is not heard is where it was."""
        state, sortie = self._craft(drone).state, self.active.get(drone)
        return state.airborne or (sortie is not None and sortie.flown and (state.armed or not state.linked))

    def _craft(self, drone: str) -> Craft:
        craft = self._gateway.crafts.get(drone)
        if craft is None:
            raise GatewayUnavailable(f"drone {drone} has no link here; see SAFERWEHO_DRONE_LINKS")
        return craft

    def _drone_of(self, flight: str) -> str | None:
        """The drone that has this flight, or had it last and no other since."""
        for drone, sortie in self.active.items():
            if sortie.flight == flight:
                return drone
        for drone, last in self._notes.over.items():
            if last == flight and drone not in self.active:
                return drone
        return None

    def _cancel_outbound(self, drone: str) -> None:
        if sortie := self.active.get(drone):
            sortie.outbound = False
        if task := self._tasks.pop(drone, None):
            task.cancel()

    async def tend(self) -> None:
        """For ever, twice a second, asking nobody: keep the notes, see what ended while we were away."""
        while True:
            for drone, sortie in list(self.active.items()):
                craft = self._gateway.crafts.get(drone)
                if craft is None:
                    continue
                self._catch_up(drone, craft, sortie)
                target = craft.state.target
                sortie.target = (target.latitude, target.longitude) if target else None
                if craft.log:
                    craft.log.flush()
            self._keep()
            await asyncio.sleep(TEND_S)

    def _catch_up(self, drone: str, craft: Craft, sortie: Sortie) -> None:
        """What nobody saw happen, because we were not there: it landed, or it has not been heard since."""
        state, now = craft.state, datetime.now(UTC)
        if not sortie.flown:
            return
        if state.linked and state.heartbeats > 1 and not state.armed and not state.airborne:
            self._landed(drone, sortie, here(state, now))
        elif not state.heartbeats and not sortie.silent and (now - self._started).total_seconds() > UNHEARD_S:
            sortie.silent = True
            self._record(drone, RecordLinkLost(self._started, None))
        elif sortie.silent and state.linked:
            sortie.silent = False
            self._record(drone, RecordLinkRestored(now, position_of(state)))

    # -- what the drone did --------------------------------------------------------

    async def observed(self, drone: str, what: seen.Observation) -> None:
        """Taken from the gateway, in order. Only journals: it neither waits for the store nor fails with it."""
        craft = self._craft(drone)
        sortie = self.active.get(drone)
        if isinstance(what, seen.TookOff):
            if sortie is None:
                log.error("took_off_without_a_flight", drone=drone)
                sortie = self.active[drone] = Sortie(None)
            sortie.flown = True
            sortie.max_agl_m = max(sortie.max_agl_m, what.altitude_above_home or 0.0)
            self._keep()
            self._start_log(drone, sortie)
            self._record(drone, RecordLaunch(where(what, craft.state), sortie.commanded_at))
            return
        if sortie is None:
            return
        if isinstance(what, seen.ModeChanged) and sortie.flown and _comes_home(what, craft.state):
            self._level(craft, sortie)  # ordered home or by itself
        if isinstance(what, seen.Landed):
            self._landed(drone, sortie, where(what, craft.state))
        elif (sortie.flown or isinstance(what, seen.Anomaly)) and (command := command_of(what, craft.state)):
            self._record(drone, command)
            if isinstance(what, seen.ArrivedAt):
                self._beside(self._turn_to_scene(craft, sortie), f"camera {drone}")

    async def _turn_to_scene(self, craft: Craft, sortie: Sortie) -> None:
        await self._point(craft, sortie, SCENE_PITCH_DEG, RecordCameraTurn)

    def _level(self, craft: Craft, sortie: Sortie) -> None:
        """In transit the camera looks ahead."""
        work = self._point(craft, sortie, LEVEL_PITCH_DEG, RecordCameraLevel)
        self._beside(work, f"level {craft.spec.name}")

    async def _point(self, craft: Craft, sortie: Sortie, pitch_deg: float, noted: Noted) -> None:
        with suppress(LinkRefused):
            orders = sortie.orders
            if isinstance(await craft.commander.point_gimbal(pitch_deg), Accepted):
                await self._points(craft, sortie, pitch_deg, noted, orders)

    async def _points(self, craft: Craft, sortie: Sortie, pitch_deg: float, noted: Noted, orders: int) -> None:
        """Record where the camera looks once it does, by the gimbal's own word; that of one that does not say where it
        looks is that it took the order. Not after another order of safety: then the next is to be told."""
        drone = craft.spec.name
        try:
            if craft.state.gimbal_received is not None:
                await craft.until(lambda state: _points_at(state, pitch_deg), TURNS_IN_S)
        except TimeoutError:
            if self.active.get(drone) is sortie and sortie.orders == orders:
                at = craft.state.gimbal_pitch
                self._anomaly(craft, f"the camera was to look at {pitch_deg:g} degrees and looks at {at:g}")
            return
        if self.active.get(drone) is sortie and sortie.orders == orders:
            self._record(drone, noted(pitch_deg, datetime.now(UTC)))

    def _beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Done while all else goes on."""
        task = asyncio.create_task(work, name=name)
        self._camera_tasks.add(task)
        task.add_done_callback(self._camera_tasks.discard)

    def positioned(self, drone: str, sample: Sample) -> None:
        """A sample of a position just heard: who records or shows the drone's pictures is told of it, too. What the
        board is told of in between may say the last position once more, as if it were of now."""
        self.sampled(drone, sample)
        flight, pose = self.aloft().get(drone), pose_of(sample)
        if self.poses is not None and flight is not None and pose is not None:
            self.poses.pose(drone, flight, pose)

    def sampled(self, drone: str, sample: Sample) -> None:
        """The highest point of a flight, and the privacy zones on its way, out of every sample."""
        sortie, height = self.active.get(drone), sample["altitude_above_home"]
        if sortie and isinstance(height, int | float):
            sortie.max_agl_m = max(sortie.max_agl_m, float(height))
        if sortie and sortie.flown and self.zones:
            watch = ZoneWatch(sortie.inside, sortie.approached, sortie.rules)
            for noticed in self.zones.sampled(watch, sample, sortie.flight):
                self._record(drone, noticed)

    def _landed(self, drone: str, sortie: Sortie, there: Observation) -> None:
        self._record(drone, RecordLanding(there, round(sortie.max_agl_m, 1)))
        self._end(drone)

    def _record(self, drone: str, command: Observed, id_: UUID | None = None) -> None:
        sortie = self.active.get(drone)
        self._journal.put(self._journal.entry(drone, sortie.flight if sortie else None, command, id_=id_))

    def _anomaly(self, craft: Craft, text: str) -> None:
        log.error("outbound_broken_off", drone=craft.spec.name, why=text)
        position = position_of(craft.state)
        self._record(craft.spec.name, ReportAnomaly(AnomalyKind.OTHER, text, position, None, datetime.now(UTC)))

    # -- what came over the air ------------------------------------------------------

    def _start_log(self, drone: str, sortie: Sortie) -> None:
        if self._craft(drone).log is not None:
            return
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        file = self._logs / f"{stamp}-{sortie.flight or drone}.tlog"
        try:
            self._gateway.start_log(drone, file)
        except OSError as error:  # no reason to stay on the ground, let alone to forget what the drone does
            log.critical("no_telemetry_log", drone=drone, error=str(error))
            return
        sortie.tlog = str(file)
        self._keep()

    def _archive_broken_off(self, drone: str, sortie: Sortie) -> None:
        """The part of a log that a stopped gateway left open goes on the record as it is."""
        if sortie.tlog is None or not (file := Path(sortie.tlog)).exists():
            return
        content = file.read_bytes()
        self._archive(drone, sortie, file, hashlib.sha256(content).hexdigest(), *frames_of(content))
        sortie.tlog = None

    def _archive(self, drone: str, sortie: Sortie, file: Path, sha256: str, frames_in: int, frames_out: int) -> None:
        if sortie.flight is None:
            log.warning("telemetry_of_no_flight", drone=drone, file=str(file), sha256=sha256)
            return
        id_ = uuid5(NAMESPACE_URL, f"urn:saferweho:tlog:{sortie.flight}:{sha256}")
        self._record(drone, ArchiveTelemetry(sha256, file.stat().st_size, frames_in, frames_out), id_)


def _points_at(state: VehicleState, pitch_deg: float) -> bool:
    return state.gimbal_pitch is not None and abs(state.gimbal_pitch - pitch_deg) <= POINTS_WITHIN_DEG


def _comes_home(what: seen.ModeChanged, state: VehicleState) -> bool:
    return what.mode in choice(state.autopilot, Intent.RETURN).agreeing
