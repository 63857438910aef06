"""Flies flights: takes off for an authorised one, follows what the drone does, and puts it on the record.

Invariant: nothing that starts or extends a flight is sent before the store has said, just now, that this flight may.
An order of safety asks nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from adapters.drone_gateway.journal import Journal
from adapters.mavlink import observations as seen
from adapters.mavlink.gateway import Craft, Gateway
from adapters.mavlink.outcomes import Accepted, Denied, LinkRefused, Outcome
from application.flights import Flights, Mission, Observed
from application.gateway import GatewayUnavailable, Sent
from application.handling import Actor
from application.ports import StoreUnavailable
from application.standing import service
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_commands import (
    ArchiveTelemetry,
    RecordArrival,
    RecordCameraLevel,
    RecordCameraTurn,
    RecordGeofenceBreach,
    RecordLanding,
    RecordLaunch,
    RecordLinkLost,
    RecordLinkRestored,
    RecordSafetyOrder,
    ReportAnomaly,
)
from domain.flight_events import AnomalyKind, Observation
from domain.flight_state import Authorised, Halted
from domain.kernel import AirPosition, PersonId, Reason

RECORD_WAIT_S = 2.0  # how long an order of safety waits for its record before it answers without
CLIMB_S = 120.0
SCENE_PITCH_DEG = -45.0
WATCH_S = 2.0
KINDS = {
    "autopilot": AnomalyKind.AUTOPILOT,
    "crash": AnomalyKind.CRASH,
    "ekf": AnomalyKind.NAVIGATION,
    "gps_lost": AnomalyKind.NAVIGATION,
    "battery_low": AnomalyKind.BATTERY,
    "battery_critical": AnomalyKind.BATTERY,
}

log = structlog.get_logger(__name__)


@dataclass
class Sortie:
    """A flight that a drone has, as the gateway knows it."""

    flight: str
    mission: Mission | None = None
    commanded_at: datetime | None = None
    max_agl_m: float = 0.0
    counter: int = 0
    outbound: asyncio.Task[None] | None = None


class Sorties:
    """One per gateway process. Orders come in by its methods, observations by `observed`."""

    def __init__(self, flights: Flights, journal: Journal, home: Path) -> None:
        self._flights = flights
        self._journal = journal
        self._logs = home / "tlogs"
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._active_file = home / "active.json"
        self._service = service("service-drone-gateway")
        self.gateway: Gateway
        self.active: dict[str, Sortie] = {}

    # -- which flight a drone has ----------------------------------------------

    def resume(self) -> None:
        """After a restart: the flights that drones had, by our own notes; `watch` corrects them out of the store."""
        if self._active_file.exists():
            for drone, flight in json.loads(self._active_file.read_text()).items():
                self.active[drone] = Sortie(flight)

    def _note(self) -> None:
        content = json.dumps({drone: sortie.flight for drone, sortie in self.active.items()})
        new = self._active_file.with_suffix(".new")
        new.write_text(content)
        new.replace(self._active_file)

    def _begin(self, drone: str, flight: str) -> Sortie:
        known = self.active.get(drone)
        if known is None or known.flight != flight:
            known = self.active[drone] = Sortie(flight)
            self._note()
        return known

    def _craft_of(self, flight: str) -> tuple[str, Craft]:
        for drone, sortie in self.active.items():
            if sortie.flight == flight:
                return drone, self._craft(drone)
        raise GatewayUnavailable("no drone here has this flight")

    def _craft(self, drone: str) -> Craft:
        craft = self.gateway.crafts.get(drone)
        if craft is None:
            raise GatewayUnavailable(f"drone {drone} has no link here; see SAFERWEHO_DRONE_LINKS")
        return craft

    async def watch(self) -> None:
        """For ever: learn from the store which flight each drone has, and let authorisations lapse in time."""
        while True:
            for drone in self.gateway.crafts:
                try:
                    await self._look(drone)
                except StoreUnavailable as away:
                    log.warning("store_away", error=str(away))
                    break
            await asyncio.sleep(WATCH_S)

    async def _look(self, drone: str) -> None:
        frame, flight = await asyncio.to_thread(self._flights.drone, drone)
        if frame is None or flight is None:
            return
        self._begin(drone, flight)
        state = await asyncio.to_thread(self._flights.state, flight)
        airborne = self._craft(drone).state.airborne
        if isinstance(state, Authorised | Halted) and state.expires_at < datetime.now(UTC) and not airborne:
            id_ = uuid5(NAMESPACE_URL, f"urn:saferweho:lapse:{flight}")
            await asyncio.to_thread(self._flights.lapse, self._service, flight, id_)

    # -- what starts or extends a flight -----------------------------------------

    async def launch(self, flight: str) -> Sent:
        """Arm and take off; then fly to the scene. Raises GatewayUnavailable."""
        mission = await asyncio.to_thread(self._mission, flight)
        craft = self._craft(mission.drone)
        if not craft.state.linked:
            raise GatewayUnavailable(f"the link to {mission.drone} is down")
        if not craft.state.ready_to_arm:
            raise GatewayUnavailable(f"{mission.drone} is not ready to arm: {craft.state.prearm_text or 'no position'}")
        sortie = self._begin(mission.drone, flight)
        sortie.mission, sortie.commanded_at = mission, datetime.now(UTC)
        self._start_log(mission.drone, sortie)
        outcome = await self._commanded(craft.commander.arm())
        if isinstance(outcome, Accepted):
            outcome = await self._commanded(craft.commander.takeoff(mission.cruise_agl_m))
        if not isinstance(outcome, Denied):
            sortie.outbound = asyncio.create_task(self._fly_out(craft, mission), name=f"outbound {flight}")
        return _sent(sortie.commanded_at, outcome)

    def _mission(self, flight: str) -> Mission:
        try:
            found = self._flights.mission(flight)
        except StoreUnavailable as away:
            raise GatewayUnavailable("the event store is away: nothing that starts a flight is sent") from away
        if isinstance(found, Reason):
            raise GatewayUnavailable(found.message)
        return found

    @staticmethod
    async def _commanded(command: Awaitable[Outcome]) -> Outcome:
        try:
            return await command
        except LinkRefused as refused:
            raise GatewayUnavailable(str(refused)) from None

    async def _fly_out(self, craft: Craft, mission: Mission) -> None:
        """Climb, level the camera, fly to the scene. A safety order cancels this."""
        try:
            enough = 0.9 * mission.cruise_agl_m
            await craft.until(lambda state: (state.altitude_above_home or 0.0) >= enough, CLIMB_S)
            levelled = await craft.commander.point_gimbal(0.0)
            if not isinstance(levelled, Denied):
                self._record(craft.spec.name, RecordCameraLevel(0.0, datetime.now(UTC)))
            went = await craft.commander.goto(
                mission.destination.latitude, mission.destination.longitude, mission.cruise_agl_m
            )
            if isinstance(went, Denied):
                self._anomaly(craft, f"the drone did not take the way to the scene: {went.text}")
        except TimeoutError as late:
            self._anomaly(craft, f"the drone did not climb in time: {late}")
        except LinkRefused as refused:
            self._anomaly(craft, str(refused))

    async def goto(self, flight: str, latitude: float, longitude: float, agl_m: float) -> Sent:
        """Fly elsewhere, for a flight whose new way is on the record. Raises GatewayUnavailable."""
        drone, craft = self._craft_of(flight)
        self._cancel_outbound(drone)
        at = datetime.now(UTC)
        return _sent(at, await self._commanded(craft.commander.goto(latitude, longitude, agl_m)))

    async def camera(self, flight: str, pitch_deg: float) -> Sent:
        _, craft = self._craft_of(flight)
        at = datetime.now(UTC)
        return _sent(at, await self._commanded(craft.commander.point_gimbal(pitch_deg)))

    def _cancel_outbound(self, drone: str) -> None:
        sortie = self.active.get(drone)
        if sortie and sortie.outbound:
            sortie.outbound.cancel()
            sortie.outbound = None

    # -- safety ------------------------------------------------------------------

    async def safety(self, flight: str, order: SafetyOrder, actor: Actor, detail: str, command_id: UUID) -> Sent:
        """Send now; record after, waiting at most RECORD_WAIT_S for it. Raises GatewayUnavailable: no such drone."""
        drone, craft = self._craft_of(flight)
        at = datetime.now(UTC)
        self._cancel_outbound(drone)
        commander = craft.commander
        outcome = await {
            SafetyOrder.RETURN: commander.return_to_launch,
            SafetyOrder.LAND: commander.land,
            SafetyOrder.HOLD: commander.hold,
            SafetyOrder.ABORT: commander.abort,
        }[order]()
        sent = _sent(at, outcome)
        text = "; ".join(part for part in (detail, sent.detail) if part)
        command = RecordSafetyOrder(order, PersonId(actor.person), at, sent.outcome, text)
        told = self._journal.put(command_id, flight, command, actor)
        try:
            return replace(sent, recorded=await asyncio.wait_for(asyncio.shield(told), RECORD_WAIT_S))
        except TimeoutError:
            return sent

    # -- what the drone did --------------------------------------------------------

    async def observed(self, drone: str, what: seen.Observation) -> None:
        """Taken from the gateway, in order."""
        craft = self._craft(drone)
        sortie = self.active.get(drone)
        if sortie is None:
            if isinstance(what, seen.TookOff):
                log.error("took_off_without_a_flight", drone=drone)
            return
        sortie.max_agl_m = max(sortie.max_agl_m, craft.state.altitude_above_home or 0.0)
        there = Observation(_position(what, craft), what.device_time, what.received_time)
        match what:
            case seen.TookOff():
                self._start_log(drone, sortie)
                self._record(drone, RecordLaunch(there, sortie.commanded_at))
            case seen.ArrivedAt():
                self._record(drone, RecordArrival(there))
                turned = await craft.commander.point_gimbal(SCENE_PITCH_DEG)
                if not isinstance(turned, Denied):
                    self._record(drone, RecordCameraTurn(SCENE_PITCH_DEG, datetime.now(UTC)))
            case seen.LinkLost(last_heartbeat=last):
                self._record(drone, RecordLinkLost(last, there.position))
            case seen.LinkRestored():
                self._record(drone, RecordLinkRestored(what.received_time, there.position))
            case seen.FenceBreached(breach=breach):
                self._record(drone, RecordGeofenceBreach(breach, there))
            case seen.Anomaly(kind=kind, text=text):
                self._record(
                    drone,
                    ReportAnomaly(
                        KINDS.get(kind, AnomalyKind.OTHER), text, there.position, what.device_time, what.received_time
                    ),
                )
            case seen.Landed():
                self._landed(drone, sortie, there)

    def altitude(self, drone: str, agl_m: float | None) -> None:
        """The highest point of a flight, out of every sample."""
        sortie = self.active.get(drone)
        if sortie and agl_m is not None and agl_m > sortie.max_agl_m:
            sortie.max_agl_m = agl_m

    def _landed(self, drone: str, sortie: Sortie, there: Observation) -> None:
        self._cancel_outbound(drone)
        self._record(drone, RecordLanding(there, round(sortie.max_agl_m, 1)))
        if self._craft(drone).log is not None:
            closed = self.gateway.stop_log(drone)
            size = closed.path.stat().st_size
            self._record(drone, ArchiveTelemetry(closed.sha256, size, closed.frames_in, closed.frames_out))
        self.active.pop(drone, None)
        self._note()

    def _record(self, drone: str, command: Observed) -> None:
        sortie = self.active[drone]
        sortie.counter += 1
        at = datetime.now(UTC).isoformat()
        id_ = uuid5(NAMESPACE_URL, f"urn:saferweho:{sortie.flight}:{type(command).__name__}:{at}:{sortie.counter}")
        self._journal.put(id_, sortie.flight, command)

    def _anomaly(self, craft: Craft, text: str) -> None:
        position = _position_of(craft)
        self._record(craft.spec.name, ReportAnomaly(AnomalyKind.OTHER, text, position, None, datetime.now(UTC)))

    def _start_log(self, drone: str, sortie: Sortie) -> None:
        if self._craft(drone).log is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            self.gateway.start_log(drone, self._logs / f"{stamp}-{sortie.flight}.tlog")


def _sent(at: datetime, outcome: Outcome) -> Sent:
    match outcome:
        case Accepted():
            return Sent(at, OrderOutcome.ACCEPTED)
        case Denied(text=text):
            return Sent(at, OrderOutcome.DENIED, text)
        case _:
            return Sent(at, OrderOutcome.UNKNOWN, f"no answer; mode {outcome.mode}")


def _position(what: seen.Observation, craft: Craft) -> AirPosition:
    if what.latitude is None or what.longitude is None:
        return _position_of(craft) or AirPosition(0.0, 0.0, 0.0, 0.0)
    return AirPosition(what.latitude, what.longitude, what.altitude_amsl or 0.0, what.altitude_above_home or 0.0)


def _position_of(craft: Craft) -> AirPosition | None:
    state = craft.state
    if state.latitude is None or state.longitude is None:
        return None
    return AirPosition(state.latitude, state.longitude, state.altitude_amsl or 0.0, state.altitude_above_home or 0.0)
