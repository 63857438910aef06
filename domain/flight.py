"""A flight: from the request to the public log.

Safety first: return, land, hold and abort were sent before anybody asked this file, so they are recorded in every
state and never refused. Everything that starts or extends a flight is decided here before it happens. What was seen
to happen is recorded even where it should not have been, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from domain import checks, drone
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_commands import (
    AcceptUnknowns,
    Afterwards,
    ArchiveTelemetry,
    AuthoriseLaunch,
    BeforeLaunch,
    CategoriseFlight,
    Command,
    DeclineLaunch,
    LapseLaunch,
    OrderLaunch,
    PublishFlight,
    RecordArrival,
    RecordCameraLevel,
    RecordCameraTurn,
    RecordGeofenceBreach,
    RecordLanding,
    RecordLaunch,
    RecordLinkLost,
    RecordLinkRestored,
    RecordOutcome,
    RecordSafetyOrder,
    RecordZoneApproach,
    RecordZoneEntry,
    RecordZoneExit,
    Redirect,
    ReportAnomaly,
    Repurpose,
    RequestLaunch,
    StartRecording,
    StopRecording,
    WithdrawLaunch,
    WithholdPublication,
)
from domain.flight_events import (
    AnomalyKind,
    AnomalyReported,
    ArrivedOnScene,
    AuthorisationRefused,
    CameraLevelled,
    CameraTurnedToScene,
    DroneLanded,
    DroneLaunched,
    Event,
    FlightAborted,
    FlightCategorised,
    FlightPublished,
    FlightRedirected,
    FlightRepurposed,
    GeofenceBreached,
    HoldOrdered,
    LandingOrdered,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchOrdered,
    LaunchRefused,
    LaunchRequested,
    LaunchWithdrawn,
    LinkLost,
    LinkRestored,
    OutcomeRecorded,
    PrivacyZoneApproached,
    PrivacyZoneEntered,
    PrivacyZoneLeft,
    PublicationWithheld,
    RecordingBasis,
    RecordingRefused,
    RecordingStarted,
    RecordingStopped,
    RecordingStopReason,
    RepurposeRefused,
    ReturnOrdered,
    SafetyOrdered,
    TelemetryArchived,
    UnknownsAccepted,
    ZoneEffect,
    ZoneRule,
)
from domain.flight_state import (
    Authorised,
    CalledOff,
    EnRoute,
    Flying,
    Grounded,
    Halted,
    Holding,
    Landed,
    Landing,
    NotRequested,
    OnScene,
    Published,
    Refused,
    Requested,
    Returning,
    Sortie,
    State,
    Withheld,
    evolve,
)
from domain.kernel import (
    Aggregate,
    CallNumber,
    CaseNumber,
    FlightId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    Reason,
    WrongState,
)
from domain.launch import (
    LOWEST_CRUISE_M,
    LaunchPlan,
    airspace_refusals,
    authoriser_refusals,
    basis_refusals,
    check_plan,
    check_purpose,
    height_refusals,
    launch_refusals,
    purpose_refusals,
    recheck_refusals,
    roles_that_authorise,
    take_off_refusals,
    unaccepted,
    unknown_refusals,
)
from domain.policy import PolicyInForce, RecordingDefault

TAKE_OFF_SEEN_WITHIN = timedelta(seconds=30)  # of the command, at the latest

# -- decide ------------------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestLaunch(), NotRequested():
            return _request(command, at)
        case RequestLaunch(), _:
            raise WrongState("this flight was asked for before: use a new id", field="flight")
        case _, NotRequested():
            raise NotFound("nobody has asked for this flight", field="flight")
        case RecordSafetyOrder(), _:
            return _ordered(command, state, at)
        case ReportAnomaly(kind, detail, position, device_time, observed_at), _:
            return [AnomalyReported(kind, checks.cleaned(detail), position, device_time, observed_at)]
        case ArchiveTelemetry(sha256, size_bytes, frames_in, frames_out), _:
            return [TelemetryArchived(checks.sha256("sha256", sha256), size_bytes, frames_in, frames_out)]
        case RecordLaunch(), Requested() | Refused() | Authorised() | Halted() | CalledOff():
            return _launched(command, state)
        case RecordLaunch(), _:
            return []  # seen before
        case (
            (AuthoriseLaunch() | DeclineLaunch() | AcceptUnknowns() | OrderLaunch() | WithdrawLaunch() | LapseLaunch()),
            _,
        ):
            return _before_launch(command, state, at)
        case ((RecordOutcome() | CategoriseFlight() | PublishFlight() | WithholdPublication()), _):
            return _afterwards(command, state, at)
        case _, EnRoute() | OnScene() | Holding() | Returning() | Landing():
            return _in_flight(command, state, at)
        case (
            (RecordArrival() | RecordLinkLost() | RecordLinkRestored() | RecordLanding() | StopRecording()),
            Landed() | Published() | Withheld(),
        ):
            return []  # the gateway saw the last frames late
        case _:
            raise WrongState("the drone is not in the air", field="flight")


def _request(command: RequestLaunch, at: datetime) -> list[Event]:
    plan, facts = command.plan, command.facts
    checks.identifier("flight", command.flight)
    check_plan(plan, facts)
    requested = LaunchRequested(
        drone=plan.drone,
        dock=plan.dock,
        purpose=plan.purpose,
        call=plan.call,
        case=plan.case,
        authorisation=plan.authorisation,
        pilot=plan.pilot,
        pilot_certificate=facts.pilot.certificate,
        destination=plan.destination,
        cruise_agl_m=plan.cruise_agl_m,
        reason=_personal(command.flight, plan.call, plan.case, plan.reason),
        airspace=plan.airspace,
        separation=plan.separation,
        conditions=plan.conditions,
        accepted_unknowns=plan.accepted_unknowns,
        policy_version=facts.policy.version if facts.policy else None,
        requested_by=command.by,
        awaits_until=at + _authorisation_length(facts.policy),
    )
    if reasons := launch_refusals(plan, facts, command.by, at):
        return [requested, LaunchRefused(None, reasons)]
    if roles_that_authorise(plan.purpose, facts.policy) or waiting_for_pilot(requested, ()):
        return [requested]
    return [requested, _authorised(requested, facts.policy, None, at)]


def _authorised(
    request: LaunchRequested, policy: PolicyInForce | None, by: PersonId | None, at: datetime
) -> LaunchAuthorised:
    assert policy is not None, "a launch without a policy has been refused"
    expires_at = at + _authorisation_length(policy)
    return LaunchAuthorised(request.drone, by, expires_at, f"purpose {request.purpose}, use policy {policy.version}")


def _authorisation_length(policy: PolicyInForce | None) -> timedelta:
    return timedelta(minutes=policy.parameters.launch_authorisation_minutes if policy else 0)


def _personal(flight: FlightId, call: CallNumber | None, case: CaseNumber | None, said: str) -> Personal[str]:
    # Free text may name anybody: it is sealed under the incident it is about.
    subject = f"call-{call}" if call else f"case-{case}" if case else f"flight-{flight}"
    return Personal(subject, said.strip())


def _before_launch(command: BeforeLaunch, state: State, at: datetime) -> list[Event]:
    match command, state:
        case AuthoriseLaunch(by, facts), Requested(request, accepted):
            plan = _plan_of(request)
            reasons = (
                *authoriser_refusals(request.purpose, facts.policy, by, facts.session, request.requested_by, at),
                *recheck_refusals(plan, facts, at),
                *unknown_refusals(waiting_for_pilot(request, accepted)),
                *_stale(request, at),
            )
            if reasons:
                return [AuthorisationRefused(by.person, reasons)]
            return [_authorised(request, facts.policy, by.person, at)]
        case AcceptUnknowns(), Requested():
            return _accept_unknowns(command, state, at)
        case DeclineLaunch(person, reason), Requested():
            said = checks.text("reason", reason, at_least=3)
            return [LaunchRefused(person, (Reason("declined", said, "a person declined it"),))]
        case OrderLaunch(person, facts), Authorised(request, expires_at) if at <= expires_at:
            if person != request.pilot:
                raise WrongState("another pilot is in command of this flight", field="flight", accepted=request.pilot)
            for fault in take_off_refusals(facts, at):
                raise WrongState(fault.message, field=fault.field)
            return [LaunchOrdered(request.drone, person)]
        case OrderLaunch(), Authorised():
            raise WrongState("the authorisation has lapsed: ask for the launch again", field="flight")
        case WithdrawLaunch(person, reason), Requested(request) | Authorised(request) | Halted(request):
            return [LaunchWithdrawn(request.drone, person, checks.text("reason", reason, at_least=3))]
        case LapseLaunch(), Requested(request):
            return [LaunchLapsed(request.drone, request.awaits_until)] if at > request.awaits_until else []
        case LapseLaunch(), Authorised(request, expires_at) | Halted(request, expires_at):
            # A take-off that was commanded in time may be seen a little later.
            return [LaunchLapsed(request.drone, expires_at)] if at > expires_at + TAKE_OFF_SEEN_WITHIN else []
        case LapseLaunch(), _:
            return []
        case _:
            raise WrongState("this launch does not wait for that any more", field="flight")


def waiting_for_pilot(request: LaunchRequested, accepted: tuple[str, ...]) -> tuple[str, ...]:
    by_pilot = request.requested_by == request.pilot
    return unaccepted(request.conditions, accepted, request.accepted_unknowns, by_pilot)


def _stale(request: LaunchRequested, at: datetime) -> tuple[Reason, ...]:
    if at <= request.awaits_until:
        return ()
    said = "weather, traffic and airspace were asked for too long ago: ask for the launch again"
    return (Reason("request_stale", said, "a request waits only so long"),)


def _accept_unknowns(command: AcceptUnknowns, state: Requested, at: datetime) -> list[Event]:
    request = state.request
    if command.by != request.pilot:
        raise WrongState("another pilot is in command of this flight", field="flight", accepted=request.pilot)
    waiting = waiting_for_pilot(request, state.accepted)
    for name in command.conditions:
        checks.one_of("conditions", name, waiting)
    accepted = tuple(name for name in waiting if name in command.conditions)
    reason = checks.text("reason", command.reason, at_least=3)
    if not accepted:
        raise InvalidValue("no condition is named", field="conditions", accepted=", ".join(waiting) or "none waits")
    if reasons := (*recheck_refusals(_plan_of(request), command.facts, at), *_stale(request, at)):
        return [AuthorisationRefused(command.by, reasons)]
    events: list[Event] = [UnknownsAccepted(accepted, command.by, reason)]
    if accepted == waiting and not roles_that_authorise(request.purpose, command.facts.policy):
        events.append(_authorised(request, command.facts.policy, None, at))
    return events


def _plan_of(request: LaunchRequested) -> LaunchPlan:
    return LaunchPlan(
        drone=request.drone,
        dock=request.dock,
        purpose=request.purpose,
        pilot=request.pilot,
        destination=request.destination,
        cruise_agl_m=request.cruise_agl_m,
        reason="",
        conditions=request.conditions,
        call=request.call,
        case=request.case,
        authorisation=request.authorisation,
        airspace=request.airspace,
        separation=request.separation,
        accepted_unknowns=request.accepted_unknowns,
    )


def _launched(command: RecordLaunch, state: Grounded) -> list[Event]:
    seen, drone_id = command.seen, state.request.drone
    began_at = command.commanded_at or seen.observed_at
    match state:
        case Authorised(expires_at=expires_at):
            authorised = began_at <= expires_at
        case Halted(expires_at=expires_at, since=since):
            authorised = began_at <= min(expires_at, since)
        case _:
            authorised = False
    difference = checks.clock_difference_s(seen.device_time, seen.observed_at)
    launched = DroneLaunched(drone_id, seen.position, seen.device_time, seen.observed_at, difference, authorised)
    if authorised:
        return [launched]
    detail = "the drone left the ground without an authorisation in force"
    kind = AnomalyKind.LAUNCHED_WITHOUT_AUTHORISATION
    return [AnomalyReported(kind, detail, seen.position, seen.device_time, seen.observed_at), launched]


_ORDERS: Mapping[SafetyOrder, type[SafetyOrdered]] = {
    SafetyOrder.RETURN: ReturnOrdered,
    SafetyOrder.HOLD: HoldOrdered,
    SafetyOrder.LAND: LandingOrdered,
    SafetyOrder.ABORT: FlightAborted,
}


def _ordered(command: RecordSafetyOrder, state: State, at: datetime) -> list[Event]:
    late = at - command.ordered_at > checks.CLOCK_TOLERANCE
    detail = checks.cleaned(command.detail)
    order = _ORDERS[command.order](command.by, command.ordered_at, command.outcome, detail, late)
    leaves_scene = command.order is SafetyOrder.RETURN and command.outcome is not OrderOutcome.DENIED
    if leaves_scene and isinstance(state, Flying) and state.sortie.recording:
        return [order, RecordingStopped(RecordingStopReason.IN_TRANSIT, None)]
    return [order]


def _in_flight(command: Command, state: Flying, at: datetime) -> list[Event]:
    sortie = state.sortie
    match command:
        case RecordArrival(seen):
            if not isinstance(state, EnRoute | Holding):
                return []
            difference = checks.clock_difference_s(seen.device_time, seen.observed_at)
            return [ArrivedOnScene(seen.position, seen.device_time, seen.observed_at, difference)]
        case Redirect():
            return _redirect(command, state)
        case Repurpose():
            return _repurpose(command, state, at)
        case RecordLinkLost(last_heard_at, position):
            return [] if sortie.silent_since else [LinkLost(last_heard_at, position)]
        case RecordLinkRestored(observed_at, position):
            if sortie.silent_since is None:
                return []
            return [LinkRestored(observed_at, _seconds(sortie.silent_since, observed_at), position)]
        case RecordGeofenceBreach(fence, seen):
            return [GeofenceBreached(fence, seen.position, seen.device_time, seen.observed_at)]
        case RecordCameraLevel(pitch_deg, observed_at):
            return [CameraLevelled(pitch_deg, observed_at)]
        case RecordCameraTurn(pitch_deg, observed_at):
            if not isinstance(state, OnScene):
                raise WrongState("in transit the camera stays level: it turns to the scene on arrival", field="flight")
            return [CameraTurnedToScene(pitch_deg, observed_at)]
        case StartRecording():
            return _start_recording(command, state)
        case StopRecording(by):
            waits = any(sortie.zones.values()) and not sortie.stopped  # it would go on behind the zone
            return [RecordingStopped(RecordingStopReason.OPERATOR, by)] if sortie.recording or waits else []
        case RecordZoneApproach(zone, distance_m, seen, height):
            return [PrivacyZoneApproached(zone, distance_m, seen.position, height, seen.observed_at)]
        case RecordZoneEntry():
            return _enter_zone(command, sortie)
        case RecordZoneExit(zone, seen, height):
            return [PrivacyZoneLeft(zone, seen.position, height, seen.observed_at)] if zone in sortie.zones else []
        case RecordLanding(seen, max_agl_m):
            difference = checks.clock_difference_s(seen.device_time, seen.observed_at)
            landed = DroneLanded(
                sortie.request.drone,
                seen.position,
                seen.device_time,
                seen.observed_at,
                difference,
                max_agl_m,
                _seconds(sortie.launched.observed_at, seen.observed_at),
            )
            stop: list[Event] = [RecordingStopped(RecordingStopReason.LANDED, None)] if sortie.recording else []
            return [*stop, landed]
        case _:
            raise AssertionError(f"{type(command).__name__} is decided above")


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, round((end - start).total_seconds(), 3))  # a clock stepped back makes no negative length


def _stop_in_transit(sortie: Sortie) -> list[Event]:
    return [RecordingStopped(RecordingStopReason.IN_TRANSIT, None)] if sortie.recording else []


def _redirect(command: Redirect, state: Flying) -> list[Event]:
    sortie = state.sortie
    if not sortie.launched.authorised:
        raise WrongState("this drone took off without authorisation: only safety orders", field="flight")
    if isinstance(state, Returning | Landing):
        raise WrongState("the drone is on its way down or home: give it a new purpose instead", field="flight")
    if command.policy is None:
        raise WrongState("no use policy is in force: only safety orders", field="flight")
    checks.within("agl_m", command.agl_m, LOWEST_CRUISE_M, command.policy.parameters.max_agl_m, "m above ground")
    said = _personal(command.flight, sortie.call, sortie.case, checks.text("reason", command.reason, at_least=3))
    redirected = FlightRedirected(command.destination, command.agl_m, command.by, said)
    return [*_stop_in_transit(sortie), redirected]


def _repurpose(command: Repurpose, state: Flying, at: datetime) -> list[Event]:
    policy = command.policy
    check_purpose(command.purpose, policy)
    reason = checks.text("reason", command.reason, at_least=3, at_most=500)
    checks.within("agl_m", command.agl_m, LOWEST_CRUISE_M, 500, "m above ground")
    reasons = [
        *height_refusals("agl_m", command.agl_m, policy),
        *purpose_refusals(command.purpose, policy),
        *basis_refusals(command.purpose, command.call, command.case, command.authorisation, command.standing, policy),
        *airspace_refusals(command.airspace, at),
    ]
    if not state.sortie.launched.authorised:
        reasons.append(
            Reason("not_authorised", "this drone took off without authorisation", "no launch without authorisation")
        )
    if isinstance(state, Landing):
        reasons.append(Reason("landing", "the drone was ordered down", "safety orders stand"))
    authorised_by = None
    if roles := roles_that_authorise(command.purpose, policy):
        if command.authoriser is None:
            accepted = ", ".join(roles)
            said = "this purpose must be authorised by another person"
            reasons.append(Reason("not_authorised", said, "who authorises is the policy's to say", accepted=accepted))
        else:
            person, session = command.authoriser
            authorised_by = person.person
            reasons += authoriser_refusals(command.purpose, policy, person, session, command.by, at)
    if reasons or policy is None or command.airspace is None:
        return [RepurposeRefused(command.purpose, command.by, tuple(reasons))]
    repurposed = FlightRepurposed(
        command.purpose,
        command.call,
        command.case,
        command.authorisation,
        command.airspace,
        command.destination,
        command.agl_m,
        _personal(command.flight, command.call, command.case, reason),
        policy.version,
        command.by,
        authorised_by,
    )
    return [*_stop_in_transit(state.sortie), repurposed]


def _start_recording(command: StartRecording, state: Flying) -> list[Event]:
    sortie, policy, by = state.sortie, command.policy, command.by
    if sortie.recording:
        return []
    reasons = []
    if not isinstance(state, OnScene):
        reasons.append(Reason("in_transit", "nothing is recorded in transit", "not recording in transit"))
    if any(sortie.zones.values()):
        reasons.append(Reason("in_privacy_zone", "the camera is in a privacy zone", "privacy zones are not recorded"))
    if policy is None:
        reasons.append(Reason("no_policy", "no use policy is in force", "recording is by policy or approval"))
    else:
        by_default = policy.parameters.recording_default is RecordingDefault.ALL_MISSIONS
        if by is None and not by_default:
            reasons.append(Reason("not_by_default", "the policy does not record by default", "recording default"))
        if by is not None:
            reasons += by.access_refusals()
            if not by_default and not by.roles & set(policy.parameters.recording_authorised_by):
                accepted = ", ".join(policy.parameters.recording_authorised_by)
                said = "another role authorises recording"
                reasons.append(Reason("role_cannot_authorise", said, "who may authorise recording", accepted=accepted))
    said_why = None
    if by is not None:
        text = checks.text("reason", command.reason or "", at_least=3, at_most=500)
        said_why = _personal(command.flight, sortie.call, sortie.case, text)
    if reasons or policy is None:
        return [RecordingRefused(by.person if by else None, tuple(reasons))]
    basis = RecordingBasis.POLICY if by is None else RecordingBasis.OPERATOR
    return [RecordingStarted(basis, by.person if by else None, said_why, policy.version)]


def records_by_policy(state: State, policy: PolicyInForce) -> bool:
    """Whether recording is to start now, without anybody's act: the policy records every mission, the drone is on
    scene, no privacy zone forbids it, and nobody has stopped it there."""
    by_default = policy.parameters.recording_default is RecordingDefault.ALL_MISSIONS
    return (
        by_default
        and isinstance(state, OnScene)
        and not state.sortie.recording
        and not state.sortie.stopped
        and not any(state.sortie.zones.values())
    )


def _enter_zone(command: RecordZoneEntry, sortie: Sortie) -> list[Event]:
    # An override that begins or ends while the drone is inside is an entry of its own; so is a zone that then asks for
    # something else.
    zone, lifted = command.zone, command.override is not None
    blocks, covers = command.rule is not ZoneRule.MASK and not lifted, command.rule is ZoneRule.NO_VIEW and not lifted
    asked = (zone in sortie.lifted, sortie.zones.get(zone), zone in sortie.covered)
    if zone in sortie.zones and asked == (lifted, blocks, covers):
        return []
    if command.override is not None:
        effect = ZoneEffect.OVERRIDDEN
    elif not sortie.recording:
        effect = ZoneEffect.NOT_RECORDING
    else:
        effect = ZoneEffect.MASKED if command.rule is ZoneRule.MASK else ZoneEffect.STOPPED
    seen = command.seen
    entered = PrivacyZoneEntered(
        zone, command.rule, effect, command.override, seen.position, command.height, seen.observed_at
    )
    if effect is ZoneEffect.STOPPED:
        return [entered, RecordingStopped(RecordingStopReason.PRIVACY_ZONE, None)]
    return [entered]


def _afterwards(command: Afterwards, state: State, at: datetime) -> list[Event]:
    if not isinstance(state, Landed | Published | Withheld):
        raise WrongState("the flight has not landed", field="flight")
    landed = state if isinstance(state, Landed) else state.landed
    sortie = landed.sortie
    match command:
        case RecordOutcome():
            checks.within("subjects_located", command.subjects_located, 0, 1000, "persons")
            checks.within("arrests_assisted", command.arrests_assisted, 0, 1000, "arrests")
            note = None
            if command.note:
                text = checks.text("note", command.note, at_most=2000)
                note = _personal(command.flight, sortie.call, sortie.case, text)
            return [
                OutcomeRecorded(
                    tuple(dict.fromkeys(command.outcomes)),
                    command.subjects_located,
                    command.arrests_assisted,
                    note,
                    command.by,
                )
            ]
        case CategoriseFlight(category, reason, by):
            return [FlightCategorised(category, by, checks.text("reason", reason, at_least=3, at_most=500))]
        case PublishFlight() if isinstance(state, Published):
            return []
        case PublishFlight(by, policy):
            if landed.category is None:
                raise WrongState("the flight has no category yet: categorise it first", field="flight")
            shown_from = landed.at + timedelta(hours=policy.parameters.publication_delay_hours)
            if at < shown_from:
                said = "the use policy shows a flight only some time after its landing"
                raise WrongState(said, field="flight", accepted=f"from {shown_from.isoformat()}")
            return [FlightPublished(by)]
        case WithholdPublication(reason_code, legal_basis, by):
            if isinstance(state, Published):
                raise WrongState("the flight is published already", field="flight")
            legal_basis = checks.text("legal_basis", legal_basis, at_least=3)
            return [PublicationWithheld(checks.code("reason_code", reason_code), legal_basis, by)]
        case _:
            assert_never(command)


def drone_follows(flight: FlightId, events: Sequence[Event]) -> list[drone.Command]:
    """What a flight's events mean for its drone, to be appended to the drone's stream in the same append."""
    commands: list[drone.Command] = []
    for happened in events:
        match happened:
            case LaunchAuthorised():
                commands.append(drone.AssignDrone(flight))
            case DroneLaunched(authorised=False):
                commands.append(
                    drone.ReportUnassignedFlight(happened.position, happened.device_time, happened.observed_at)
                )
            case LaunchLapsed() | LaunchWithdrawn():
                commands.append(drone.ReleaseDrone(flight, flown=False))
            case DroneLanded():
                commands.append(drone.ReleaseDrone(flight, flown=True))
    return commands


FLIGHT: Aggregate[Command, Event, State] = Aggregate("flight", NotRequested(), decide, evolve)
