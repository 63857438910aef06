"""Flies flights: takes off for an authorised one, sends drones elsewhere, brings them home.

Invariant: nothing that starts or extends a flight is sent before the store has said, just now, that this flight may,
nor after an order of safety that the store does not know yet. An order of safety asks nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from adapters.drone_gateway.following import LEVEL_PITCH_DEG, Following
from adapters.drone_gateway.journal import Journal
from adapters.drone_gateway.notes import Sortie
from adapters.mavlink.gateway import Craft, Gateway
from adapters.mavlink.modes import Intent, choice
from adapters.mavlink.outcomes import Accepted, Denied, LinkRefused, Outcome, Unknown
from adapters.mavlink.state import Authentication
from application.failpoints import failpoint
from application.flights import Flights, Mission
from application.gateway import GatewayUnavailable, Sent
from application.handling import Accepted as OnRecord
from application.handling import Actor
from application.ports import StoreUnavailable
from application.standing import service
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight import TAKE_OFF_SEEN_WITHIN
from domain.flight_commands import (
    RecordCameraLevel,
    RecordLanding,
    RecordSafetyOrder,
)
from domain.flight_state import Authorised, EnRoute, Halted, State
from domain.kernel import PersonId, Reason

RECORD_WAIT_S = 1.5  # how long an order of safety waits for its record before it answers without
STORE_WAIT_S = 2.0  # how long one waits for the store to say whose flight it is about
CLIMB_S = 120.0
WATCH_S = 2.0
DIED = "the gateway stopped before it knew what the drone made of it"

log = structlog.get_logger(__name__)


class Sorties(Following):
    """One per gateway process. Orders come in by its methods."""

    def __init__(self, flights: Flights, journal: Journal, home: Path, gateway: Gateway) -> None:
        super().__init__(journal, home, gateway)
        self._flights = flights
        self._service = service("service-drone-gateway")
        self._launching: set[str] = set()
        self.checked = True
        """Whether the access rules here are known to be the adopted ones; without that nothing takes off."""

    # -- looking after them ------------------------------------------------------

    async def watch(self) -> None:
        """For ever: learn from the store which flight each drone has, and let authorisations lapse in time."""
        while True:
            for drone in list(self._gateway.crafts):
                try:
                    await self._look(drone)
                    self._journal.away = False
                except StoreUnavailable as away:
                    self._journal.away = True
                    log.warning("store_away", error=str(away))
                    break
                except Exception:  # safety orders must go on, whatever is on the record
                    log.exception("drone_not_looked_after", drone=drone)
            await asyncio.sleep(WATCH_S)

    async def _look(self, drone: str) -> None:
        if self._notes.over.get(drone) and self._journal.waits_for(self._notes.over[drone], RecordLanding):
            return  # the store does not know yet that it has landed
        frame, flight = await asyncio.to_thread(self._flights.drone, drone)
        if frame is None:
            return
        if flight is None or (flight == self._notes.over.get(drone) and drone not in self.active):
            self._forget(drone)
            return
        sortie = self._begin(drone, flight)
        if sortie.flight == flight:
            state = await asyncio.to_thread(self._flights.state, flight)
            await self._let_lapse(drone, flight, state)
            self._go_on_outbound(drone, sortie, state)

    def _forget(self, drone: str) -> None:
        """The store says that the drone has no flight: it was called off, or its landing is on the record."""
        sortie = self.active.get(drone)
        busy = drone in self._launching or self._aloft(drone)
        if sortie and sortie.flight and not busy and not self._journal.waits_for(sortie.flight):
            self._end(drone)

    async def _let_lapse(self, drone: str, flight: str, state: State) -> None:
        if not isinstance(state, Authorised | Halted):
            return
        late = self._flights.handler.clock.now() - state.expires_at > TAKE_OFF_SEEN_WITHIN
        if late and drone not in self._launching and not self._aloft(drone) and not self._journal.waits_for(flight):
            id_ = uuid5(NAMESPACE_URL, f"urn:saferweho:lapse:{flight}:{state.expires_at.isoformat()}")
            await asyncio.to_thread(self._flights.lapse, self._service, flight, id_)

    def _go_on_outbound(self, drone: str, sortie: Sortie, state: State) -> None:
        """A restart came between the take-off and the way to the scene. Not where the drone has chosen otherwise."""
        craft = self._craft(drone)
        ours = craft.state.mode in choice(craft.state.autopilot, Intent.GUIDED).agreeing
        if (
            sortie.outbound
            and not sortie.orders
            and drone not in self._tasks
            and isinstance(state, EnRoute)
            and craft.state.airborne
            and ours
        ):
            request = state.sortie.request
            self._set_out(
                drone, state.sortie.destination.latitude, state.sortie.destination.longitude, request.cruise_agl_m
            )

    # -- what starts or extends a flight -----------------------------------------

    async def launch(self, flight: str) -> Sent:
        """Arm and take off; then fly to the scene. Raises GatewayUnavailable."""
        mission = await self._mission(flight)
        if mission.drone in self._launching:
            raise GatewayUnavailable(f"{mission.drone} is being launched at this moment", "busy")
        self._launching.add(mission.drone)
        try:
            return await self._launch(mission)
        finally:
            self._launching.discard(mission.drone)

    async def _launch(self, mission: Mission) -> Sent:
        drone, flight = mission.drone, mission.flight
        craft = self._ready(drone)
        sortie = self._begin(drone, flight)
        orders, at = sortie.orders, datetime.now(UTC)
        self._start_log(drone, sortie)
        outcome = await _commanded(craft.commander.arm())
        if isinstance(outcome, Accepted):
            try:
                mission = await self._mission(flight)  # arming took its time: the authorisation may be gone
                if self.active.get(drone) is not sortie or sortie.orders != orders:
                    raise GatewayUnavailable("an order of safety came before the take-off: ask again", "halted")
            except GatewayUnavailable:
                await self._disarm(craft)
                raise
            sortie.commanded_at, sortie.outbound = datetime.now(UTC), True
            self._keep()
            outcome = await _commanded(craft.commander.takeoff(mission.cruise_agl_m))
            if isinstance(outcome, Denied):
                sortie.outbound = False
                await self._disarm(craft)
            elif sortie.orders == orders:
                self._set_out(drone, mission.destination.latitude, mission.destination.longitude, mission.cruise_agl_m)
        return _sent(at, outcome, craft)

    def _ready(self, drone: str) -> Craft:
        craft = self._craft(drone)
        state, sortie = craft.state, self.active.get(drone)
        if state.authentication is Authentication.REFUSED:
            raise GatewayUnavailable(
                f"the link of {drone} is not signed: give it a signing key (SAFERWEHO_DRONE_KEYS)", "link_refused"
            )
        if not state.linked:
            raise GatewayUnavailable(f"the link to {drone} is down", "link_down")
        if state.airborne or (sortie is not None and sortie.flown):
            raise GatewayUnavailable(f"{drone} is in the air", "busy")
        if not state.ready_to_arm:
            raise GatewayUnavailable(
                f"{drone} is not ready to arm: {state.prearm_text or 'it has no position yet'}", "not_ready"
            )
        return craft

    async def _mission(self, flight: str) -> Mission:
        """What to fly, out of the store as it is now. Raises GatewayUnavailable."""
        if not self.checked:
            raise GatewayUnavailable("the access rules here are not known to be the adopted ones", "policy_not_adopted")
        if self.zones is not None and not self.zones.known:
            raise GatewayUnavailable(f"nothing takes off: {self.zones.fault}", "zones_unknown")
        if self._journal.waits_for(flight, RecordSafetyOrder):
            raise GatewayUnavailable("an order of safety for this flight is not on the record yet", "halted")
        try:
            found = await asyncio.to_thread(self._flights.mission, flight)
        except StoreUnavailable as away:
            said = "the event store is away: nothing that starts a flight is sent"
            raise GatewayUnavailable(said, "store_unavailable") from away
        if isinstance(found, Reason):
            raise GatewayUnavailable(found.message, found.code)
        return found

    @staticmethod
    async def _disarm(craft: Craft) -> None:
        with suppress(LinkRefused):
            outcome = await craft.commander.disarm()
            if not isinstance(outcome, Accepted):
                log.error("not_disarmed", drone=craft.spec.name, outcome=str(outcome))

    def _set_out(self, drone: str, latitude: float, longitude: float, agl_m: float) -> None:
        work = self._fly_out(self._craft(drone), self.active[drone], latitude, longitude, agl_m)
        task = self._tasks[drone] = asyncio.create_task(work, name=f"outbound {drone}")
        task.add_done_callback(lambda done: self._tasks.pop(drone) if self._tasks.get(drone) is done else None)

    async def _fly_out(self, craft: Craft, sortie: Sortie, latitude: float, longitude: float, agl_m: float) -> None:
        """Climb, level the camera, fly to the scene. An order of safety or another destination cancels this."""
        drone = craft.spec.name
        try:
            await craft.until(lambda state: (state.altitude_above_home or 0.0) >= 0.9 * agl_m, CLIMB_S)
            levelled, orders = await craft.commander.point_gimbal(LEVEL_PITCH_DEG), sortie.orders
            if isinstance(levelled, Accepted):
                looks = self._points(craft, sortie, LEVEL_PITCH_DEG, RecordCameraLevel, orders)
                self._beside(looks, f"level {drone}")
            went = await craft.commander.goto(latitude, longitude, agl_m)
            sortie.outbound = False
            if isinstance(went, Denied):
                self._anomaly(craft, f"the drone did not take the way to the scene: {went.text}")
        except TimeoutError:
            self._anomaly(craft, f"the drone did not climb to {agl_m:g} m in {CLIMB_S:g} s")
        except (LinkRefused, ValueError) as refused:
            self._anomaly(craft, str(refused))

    async def goto(self, flight: str, latitude: float, longitude: float, agl_m: float) -> Sent:
        """Fly elsewhere, for a flight whose new way is on the record. Raises GatewayUnavailable."""
        drone = self._drone_of(flight) or await self._find(flight)
        craft, sortie = self._craft(drone), self.active.get(drone)
        orders = sortie.orders if sortie else 0
        if self._journal.waits_for(flight, RecordSafetyOrder):
            raise GatewayUnavailable("an order of safety for this flight is not on the record yet", "halted")
        try:
            state = await asyncio.to_thread(self._flights.state, flight)
        except StoreUnavailable as away:
            said = "the event store is away: nothing that extends a flight is sent"
            raise GatewayUnavailable(said, "store_unavailable") from away
        there = state.sortie.destination if isinstance(state, EnRoute) else None
        if there is None or (there.latitude, there.longitude) != (latitude, longitude):
            raise GatewayUnavailable("a newer order has replaced this one", "superseded")
        if sortie is None or sortie is not self.active.get(drone) or sortie.orders != orders:
            raise GatewayUnavailable("an order of safety came before this one", "halted")
        self._cancel_outbound(drone)
        at = datetime.now(UTC)
        went = await _commanded(craft.commander.goto(latitude, longitude, agl_m))
        if not isinstance(went, Denied):
            self._level(craft, sortie)
        return _sent(at, went, craft)

    async def camera(self, flight: str, pitch_deg: float) -> Sent:
        """Turn the camera, for a turn that is on the record. Raises GatewayUnavailable."""
        craft = self._craft(self._drone_of(flight) or await self._find(flight))
        at = datetime.now(UTC)
        return _sent(at, await _commanded(craft.commander.point_gimbal(pitch_deg)), craft)

    # -- safety ------------------------------------------------------------------

    async def safety(self, flight: str, order: SafetyOrder, actor: Actor, detail: str, command_id: UUID) -> Sent:
        """Send now; record after, waiting at most RECORD_WAIT_S for it. Raises GatewayUnavailable: no such drone.

        The intent is handed to the operating system before the first frame (microseconds; no waiting for the disk)
        and forced to the disk after it: killed anywhere in between, the order is on the record as `unknown`.
        """
        drone = self._drone_of(flight) or await self._find(flight)
        commander = self._craft(drone).commander
        self._cancel_outbound(drone)
        if sortie := self.active.get(drone):
            sortie.orders += 1
        if self._journal.knows(command_id):
            command_id = self._flights.handler.ids.event_id()  # the same order once more: sent, and recorded, again
        at = datetime.now(UTC)
        command = RecordSafetyOrder(order, PersonId(actor.person), at, OrderOutcome.UNKNOWN, _said(detail, DIED))
        foreseen = self._journal.entry(drone, flight, command, actor, command_id)
        self._journal.foresee(foreseen)
        sending = asyncio.create_task(
            {
                SafetyOrder.RETURN: commander.return_to_launch,
                SafetyOrder.LAND: commander.land,
                SafetyOrder.HOLD: commander.hold,
                SafetyOrder.ABORT: commander.abort,
            }[order](),
            name=f"{order} {drone}",
        )
        await asyncio.sleep(0)  # the first frames leave
        failpoint("gateway.after_send")
        self._journal.sync()
        sent = _sent(at, await sending, self._craft(drone))
        command = replace(command, outcome=sent.outcome, detail=_said(detail, sent.detail))
        told = self._journal.put(self._journal.entry(drone, flight, command, actor, command_id))
        failpoint("gateway.after_journal")
        try:
            recorded = await asyncio.wait_for(asyncio.shield(told), 0 if self._journal.away else RECORD_WAIT_S)
        except TimeoutError:
            return sent
        # What the domain did not take is set aside in the journal; the order was sent all the same.
        return replace(sent, recorded=recorded) if isinstance(recorded, OnRecord) else sent

    async def _find(self, flight: str) -> str:
        """The drone of a flight we have not heard of. Raises GatewayUnavailable."""
        unnamed = [drone for drone, sortie in self.active.items() if sortie.flight is None]
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(STORE_WAIT_S):
                for drone in self._gateway.crafts:
                    if (await asyncio.to_thread(self._flights.drone, drone))[1] == flight:
                        self._begin(drone, flight)
                        return drone
            raise GatewayUnavailable("no drone here has this flight", "not_found")
        if len(unnamed) == 1:  # the only one in the air that nobody has told us the flight of
            return unnamed[0]
        raise GatewayUnavailable("no drone here is known to have this flight, and the event store is away", "not_found")


async def _commanded(command: Awaitable[Outcome]) -> Outcome:
    try:
        return await command
    except LinkRefused as refused:
        raise GatewayUnavailable(str(refused), "link_refused") from None
    except ValueError as wrong:
        raise GatewayUnavailable(str(wrong), "invalid_value") from None


def _sent(at: datetime, outcome: Outcome, craft: Craft) -> Sent:
    match outcome:
        case Accepted():
            return Sent(at, OrderOutcome.ACCEPTED)
        case Denied(text=text):
            return Sent(at, OrderOutcome.DENIED, text)
        case Unknown(mode=mode):
            heard = f"its mode is {mode}" if craft.state.linked else "it is not heard"
            return Sent(at, OrderOutcome.UNKNOWN, f"no answer of the drone; {heard}")


def _said(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
