"""Flights: asked for, authorised, flown, and what came of them.

What starts or extends a flight is on the record before it is sent to the drone. Return, land, hold and abort are sent
first, whatever else is away, and recorded after (`record_safety_order`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from application.commands import Commands
from application.conditions import Sources, Way
from application.handling import Accepted, Actor, Attempt, Outcome, Recorded
from application.overrides import as_overridden
from application.standing import authorise, in_force, last_in_force, outcome, session_of, standing_of
from domain.call import CALL, CallStanding, call_standing
from domain.dock import DOCK, InService
from domain.drone import DRONE, Assigned, Frame, OrderOutcome, SafetyOrder, Unregistered, drone_standing
from domain.flight import FLIGHT, drone_follows, records_by_policy
from domain.flight_commands import (
    AcceptUnknowns,
    ArchiveTelemetry,
    AuthoriseLaunch,
    Command,
    DeclineLaunch,
    InFlight,
    LapseLaunch,
    OrderLaunch,
    RecordArrival,
    RecordCameraLevel,
    RecordCameraTurn,
    RecordLaunch,
    RecordOutcome,
    RecordSafetyOrder,
    RecordZoneEntry,
    RecordZoneExit,
    Redirect,
    ReportAnomaly,
    Repurpose,
    RequestLaunch,
    StartRecording,
    StopRecording,
    WithdrawLaunch,
)
from domain.flight_events import LaunchRequested
from domain.flight_state import (
    Authorised,
    CalledOff,
    Halted,
    NotRequested,
    Published,
    Refused,
    Requested,
    Sortie,
    State,
    Withheld,
    launch_permit,
)
from domain.kernel import (
    CallNumber,
    CaseNumber,
    DockId,
    DroneId,
    FlightId,
    InvalidValue,
    NotFound,
    PersonId,
    Place,
    Reason,
    WrongState,
)
from domain.launch import AirspaceAuthority, Conditions, LaunchFacts, LaunchPlan, Separation
from domain.person import PERSON, pilot_standing
from domain.policy import COMMANDER_PURPOSES

Observed = InFlight | RecordLaunch | ReportAnomaly | ArchiveTelemetry

ORDER_ACTIONS = {
    SafetyOrder.RETURN: "return_drone",
    SafetyOrder.LAND: "land_drone",
    SafetyOrder.HOLD: "hold_drone",
    SafetyOrder.ABORT: "abort_flight",
}
LEVEL_PITCH_DEG = -5.0  # a camera above this looks ahead rather than down


@dataclass(frozen=True, slots=True)
class StandingPapers:
    """What the station flies under where a request names nothing else: airspace authority and separation."""

    airspace: AirspaceAuthority | None = None
    separation: Separation | None = None


@dataclass(frozen=True, slots=True)
class RepurposePlan:
    """Another job for a drone in the air. `agl_m`: metres above ground to fly there."""

    purpose: str
    destination: Place
    agl_m: float
    reason: str
    call: CallNumber | None = None
    case: CaseNumber | None = None
    authorisation: str | None = None
    airspace: AirspaceAuthority | None = None


@dataclass(frozen=True, slots=True)
class Mission:
    """What the gateway needs of an authorised flight to fly it."""

    flight: FlightId
    drone: DroneId
    pilot: PersonId
    destination: Place
    cruise_agl_m: float
    expires_at: datetime


class Flights(Commands):
    papers = StandingPapers()
    sources = Sources()

    # -- asking --------------------------------------------------------------

    def request(self, actor: Actor, plan: LaunchPlan, command_id: UUID | None = None) -> Outcome:
        """Ask for a launch. `plan.dock` may be empty: the drone's own. The flight's id is the command's."""
        ticket = self.handler.ticket("request_launch", plan, actor, command_id)
        key = FlightId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            stream = FLIGHT.stream(key)
            attempt.load((DRONE, plan.drone), (PERSON, plan.pilot), *([(CALL, plan.call)] if plan.call else []))
            attempt.purpose, attempt.case_number = plan.purpose, plan.call or plan.case or ""
            authorise(attempt, "request_launch", stream)
            chosen = self._with_papers(attempt, plan)
            command = RequestLaunch(
                key, chosen, self._facts(attempt, chosen.drone, chosen.pilot, chosen.call), PersonId(actor.person)
            )
            self._decide(attempt, key, command)
            return outcome(attempt, stream, key)

        return self.handler.handle(actor, ticket, use)

    def _with_papers(self, attempt: Attempt, plan: LaunchPlan) -> LaunchPlan:
        dock = plan.dock or self._frame_dock(attempt, plan.drone)
        return replace(
            plan,
            dock=dock,
            conditions=self._conditions(attempt, plan, dock),
            airspace=plan.airspace or self.papers.airspace,
            separation=plan.separation or self.papers.separation,
        )

    def _conditions(self, attempt: Attempt, plan: LaunchPlan, key: DockId) -> Conditions:
        if self.sources == Sources():
            return plan.conditions
        found = attempt.state(DOCK, key)
        place = found.place if isinstance(found, InService) else plan.destination
        return self.sources.complete(plan.conditions, Way(place, plan.destination, plan.cruise_agl_m), attempt.at)

    @staticmethod
    def _frame_dock(attempt: Attempt, drone: DroneId) -> DockId:
        standing = drone_standing(drone, attempt.state(DRONE, drone))
        if standing.dock is None:
            raise NotFound("no drone is registered under this id", field="drone", accepted="a registered drone's id")
        return standing.dock

    def _facts(self, attempt: Attempt, drone: DroneId, pilot: PersonId, call: CallNumber | None) -> LaunchFacts:
        courses = last_in_force(attempt).parameters.required_courses
        return LaunchFacts(
            session=session_of(attempt),
            pilot=pilot_standing(pilot, attempt.state(PERSON, pilot), attempt.at, courses),
            drone=drone_standing(drone, attempt.state(DRONE, drone)),
            call=self._call(attempt, call),
            policy=in_force(attempt),
        )

    @staticmethod
    def _call(attempt: Attempt, call: CallNumber | None) -> CallStanding | None:
        return call_standing(call, attempt.state(CALL, call)) if call else None

    def authorise(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """Authorise a launch that waits for a second person."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            policy = authorise(
                attempt,
                "authorise_launch",
                FLIGHT.stream(key),
                own_request=request.requested_by == actor.person,
                needs_station_commander=request.purpose in COMMANDER_PURPOSES,
            )
            by = standing_of(attempt, actor.person, policy)
            facts = self._facts(attempt, request.drone, request.pilot, request.call)
            self._decide(attempt, key, AuthoriseLaunch(by, facts))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "authorise_launch", key, command_id, use)

    def accept_unknowns(
        self, actor: Actor, key: str, conditions: Sequence[str], reason: str, command_id: UUID | None = None
    ) -> Outcome:
        """The pilot in command accepts what no source could tell, for a launch that waits for it."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "accept_unknowns", FLIGHT.stream(key))
            facts = self._facts(attempt, request.drone, request.pilot, request.call)
            self._decide(attempt, key, AcceptUnknowns(PersonId(actor.person), tuple(conditions), reason, facts))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "accept_unknowns", [key, list(conditions), reason], command_id, use)

    def decline(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Refuse a launch that waits for a second person."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "refuse_launch", FLIGHT.stream(key))
            self._decide(attempt, key, DeclineLaunch(PersonId(actor.person), reason))
            return Accepted(FLIGHT.stream(key), key)

        return self.run(actor, "refuse_launch", [key, reason], command_id, use)

    def withdraw(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Call a launch off before it begins."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "request_launch", FLIGHT.stream(key), gives_up=True)
            self._decide(attempt, key, WithdrawLaunch(PersonId(actor.person), reason))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "withdraw_launch", [key, reason], command_id, use)

    def lapse(self, actor: Actor, key: str, command_id: UUID) -> Outcome:
        """Give the drone back where an authorised launch did not begin in time."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "record_flight_observation", FLIGHT.stream(key))
            self._decide(attempt, key, LapseLaunch())
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "lapse_launch", key, command_id, use)

    # -- flying --------------------------------------------------------------

    def order_launch(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """The pilot's order to take off, on the record before anything is sent."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "launch_drone", FLIGHT.stream(key))
            facts = self._facts(attempt, request.drone, request.pilot, request.call)
            self._decide(attempt, key, OrderLaunch(PersonId(actor.person), facts))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "launch_drone", key, command_id, use)

    def redirect(
        self, actor: Actor, key: str, destination: Place, agl_m: float, reason: str, command_id: UUID | None = None
    ) -> Outcome:
        """Send a flying drone to another place for the same job."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            policy = authorise(attempt, "goto", FLIGHT.stream(key))
            self._in_command(request, actor)
            self._decide(
                attempt, key, Redirect(FlightId(key), destination, agl_m, reason, PersonId(actor.person), policy)
            )
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "goto", [key, destination, agl_m, reason], command_id, use)

    def repurpose(self, actor: Actor, key: str, plan: RepurposePlan, command_id: UUID | None = None) -> Outcome:
        """Give a flying drone another job, with its own purpose and authority."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            attempt.purpose, attempt.case_number = plan.purpose, plan.call or plan.case or ""
            policy = authorise(attempt, "repurpose_flight", FLIGHT.stream(key))
            command = Repurpose(
                FlightId(key),
                plan.purpose,
                plan.call,
                plan.case,
                plan.authorisation,
                plan.airspace or self.papers.airspace,
                plan.destination,
                plan.agl_m,
                plan.reason,
                PersonId(actor.person),
                self._call(attempt, plan.call),
                policy,
            )
            self._decide(attempt, key, command)
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "repurpose_flight", [key, plan], command_id, use)

    def may_point_camera(self, actor: Actor, key: str, pitch_deg: float, command_id: UUID | None = None) -> Outcome:
        """Turn the camera to the scene, or level it; the record comes before the order."""

        def use(attempt: Attempt) -> Recorded:
            if not -90 <= pitch_deg <= 30:
                raise InvalidValue(
                    "the camera cannot look there", field="pitchDeg", accepted="-90 (down) to 30 degrees"
                )
            request = self._requested(attempt, key)
            authorise(attempt, "point_camera", FLIGHT.stream(key))
            self._in_command(request, actor)
            command: Command = RecordCameraTurn(pitch_deg, attempt.at)
            if pitch_deg >= LEVEL_PITCH_DEG:
                command = RecordCameraLevel(pitch_deg, attempt.at)
            self._decide(attempt, key, command)
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "point_camera", [key, pitch_deg], command_id, use)

    def start_recording(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        """Record what the drone sees, with a reason. Where the policy does not record by default, it says who may."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            policy = authorise(attempt, "start_recording", FLIGHT.stream(key))
            by = standing_of(attempt, actor.person, policy)
            self._decide(attempt, key, StartRecording(FlightId(key), by, reason, policy))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "start_recording", [key, reason], command_id, use)

    def stop_recording(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """Record no more, until the drone comes to a scene again."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "stop_recording", FLIGHT.stream(key))
            self._decide(attempt, key, StopRecording(PersonId(actor.person)))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, "stop_recording", key, command_id, use)

    @staticmethod
    def _in_command(request: LaunchRequested, actor: Actor) -> None:
        """Only the pilot in command flies (14 CFR 107.19). Raises WrongState."""
        if request.pilot != actor.person:
            raise WrongState("another pilot is in command of this flight", field="flight", accepted=request.pilot)

    def may_order(self, actor: Actor, order: SafetyOrder, key: str) -> bool:
        """Whether the policy lets this person give an order of safety, asked without the store."""
        return self.handler.would_allow(actor, ORDER_ACTIONS[order], FLIGHT.stream(key), {"own_request": False})

    def deny_order(self, actor: Actor, key: str, order: SafetyOrder, command_id: UUID) -> Outcome:
        """Put on the record that somebody gave an order who may not."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, ORDER_ACTIONS[order], FLIGHT.stream(key))
            # Permitted in the meantime: nothing was sent, so nothing may look as if it was.
            raise WrongState("your roles have just changed: give the order again", field="flight")

        return self.run(actor, ORDER_ACTIONS[order], [key, order, "denied"], command_id, use)

    def record_safety_order(
        self,
        actor: Actor,
        key: str,
        order: SafetyOrder,
        ordered_at: datetime,
        result: OrderOutcome,
        detail: str,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Put an order on the record that was sent already. Whether it may be given was asked before it was sent."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            last_in_force(attempt)
            attempt.decided_by = "safety-first"
            attempt.role = min(actor.roles, default="")
            self._decide(attempt, key, RecordSafetyOrder(order, PersonId(actor.person), ordered_at, result, detail))
            return outcome(attempt, FLIGHT.stream(key), key)

        return self.run(actor, ORDER_ACTIONS[order], [key, order, detail], command_id, use)

    # -- afterwards ----------------------------------------------------------

    def record_outcome(self, actor: Actor, command: RecordOutcome, command_id: UUID | None = None) -> Outcome:
        """What a flight was good for."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, command.flight)
            authorise(attempt, "record_outcome", FLIGHT.stream(command.flight))
            self._decide(attempt, command.flight, command)
            return outcome(attempt, FLIGHT.stream(command.flight), command.flight)

        return self.run(actor, "record_outcome", command, command_id, use)

    # -- the gateway ---------------------------------------------------------

    def record(self, actor: Actor, key: str, command: Observed, command_id: UUID, causation_id: str = "") -> Outcome:
        """Put what the gateway saw on the record, with what it means for the drone."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "record_flight_observation", FLIGHT.stream(key))
            policy = in_force(attempt)
            chosen = (
                as_overridden(attempt, FLIGHT.stream(key), command) if isinstance(command, RecordZoneEntry) else command
            )
            self._decide(attempt, key, chosen)
            begins = isinstance(command, RecordArrival | RecordZoneEntry | RecordZoneExit)
            if begins and policy is not None and records_by_policy(attempt.state(FLIGHT, key), policy):
                self._decide(attempt, key, StartRecording(FlightId(key), None, None, policy))
            return outcome(attempt, FLIGHT.stream(key), key)

        ticket = self.handler.ticket(
            "record_flight_observation",
            [key, type(command).__name__, command],
            actor,
            command_id,
            causation_id=causation_id,
        )
        return self.handler.handle(actor, ticket, use)

    def mission(self, key: str) -> Mission | Reason:
        """What to fly, read in the store now, or why the drone must not be told to take off."""
        state = self.state(key)
        reason = launch_permit(state, self.handler.clock.now())
        if reason is not None or not isinstance(state, Authorised):
            return reason or Reason("not_authorised", "this flight has no authorised launch", "no launch without one")
        request = state.request
        return Mission(
            FlightId(key), request.drone, request.pilot, request.destination, request.cruise_agl_m, state.expires_at
        )

    def state(self, key: str) -> State:
        found: State = self.handler.states.load([(FLIGHT, key)])[FLIGHT.stream(key)][1]
        return found

    def drone(self, key: str) -> tuple[Frame | None, FlightId | None]:
        """A drone's registration, and the flight that has it now."""
        state = self.handler.states.load([(DRONE, key)])[DRONE.stream(key)][1]
        if isinstance(state, Unregistered):
            return None, None
        return state.frame, state.flight if isinstance(state, Assigned) else None

    # -- shared --------------------------------------------------------------

    @staticmethod
    def _requested(attempt: Attempt, key: str) -> LaunchRequested:
        """What was asked for; puts the flight's present purpose and case on the attempt. Raises NotFound."""
        state = attempt.state(FLIGHT, key)
        if isinstance(state, NotRequested):
            raise NotFound("nobody has asked for this flight", field="flight", accepted="a flight's id")
        job = _job(state)
        if not attempt.purpose:
            attempt.purpose, attempt.case_number = job.purpose, job.call or job.case or ""
        request = job.request if isinstance(job, Sortie) else job
        attempt.load((DRONE, request.drone))
        return request

    @staticmethod
    def _decide(attempt: Attempt, key: str, command: Command) -> None:
        """Decide for the flight, and for its drone what follows, in the same append."""
        events = attempt.decide(FLIGHT, key, command)
        for follows in drone_follows(FlightId(key), events):
            job = _job(attempt.state(FLIGHT, key))
            attempt.decide(DRONE, (job.request if isinstance(job, Sortie) else job).drone, follows)


def _job(state: State) -> LaunchRequested | Sortie:
    """What the flight is for now: what was asked for, or in the air what it was last given."""
    match state:
        case NotRequested():
            raise NotFound("nobody has asked for this flight", field="flight", accepted="a flight's id")
        case Requested() | Refused() | Authorised() | Halted() | CalledOff():
            return state.request
        case Published() | Withheld():
            return state.landed.sortie
        case _:
            return state.sortie
