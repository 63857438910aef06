"""A drone: registered, kept airworthy, and given to one flight at a time.

One drone, one active flight: the flight that is authorised takes the drone in the same append, so that of two
flights authorised at once only one can be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

from domain import checks
from domain.kernel import (
    Aggregate,
    AirPosition,
    DockId,
    DroneId,
    FlightId,
    InvalidValue,
    NotFound,
    PersonId,
    WrongState,
    event,
)


class SafetyOrder(StrEnum):
    """What is always sent to a drone, whatever else is away."""

    RETURN = "return"
    LAND = "land"
    HOLD = "hold"
    ABORT = "abort"


class OrderOutcome(StrEnum):
    """What the drone made of an order. Silence is `unknown`, never `accepted`."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    UNKNOWN = "unknown"


# -- events ------------------------------------------------------------------


@event("drone.drone_registered")
class DroneRegistered:
    """A drone was registered with its Remote ID, its dock and its place on the MAVLink."""

    registration: str
    remote_id_serial: str
    model: str
    dock: DockId
    system_id: int
    signing_key_id: str | None
    registered_by: PersonId


@event("drone.drone_readied")
class DroneReadied:
    """A drone stands ready to fly."""

    battery_percent: float
    checked_by: PersonId


@event("drone.drone_grounded")
class DroneGrounded:
    """A drone must not fly until it is readied again."""

    reason: str
    grounded_by: PersonId


@event("drone.battery_swapped")
class BatterySwapped:
    """A drone got another battery."""

    battery_serial: str
    cycles: int
    swapped_by: PersonId


@event("drone.maintenance_performed")
class MaintenancePerformed:
    """Work was done on a drone."""

    work: str
    performed_by: PersonId
    next_due_on: date | None


@event("drone.signing_key_rotated")
class SigningKeyRotated:
    """A drone's link is signed with another key from now on; the key itself is kept elsewhere."""

    signing_key_id: str
    rotated_by: PersonId


@event("drone.drone_assigned")
class DroneAssigned:
    """A drone was given to an authorised flight."""

    flight: FlightId


@event("drone.drone_released")
class DroneReleased:
    """A flight gave its drone back; one that has flown must be readied again."""

    flight: FlightId
    flown: bool


@event("drone.safety_order_given")
class SafetyOrderGiven:
    """A drone without a flight was ordered to return, land, hold or abort."""

    order: SafetyOrder
    ordered_by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str
    recorded_late: bool


@event("drone.unassigned_flight_observed")
class UnassignedFlightObserved:
    """A drone was seen in the air without a flight that it belongs to; it is grounded until somebody readies it."""

    position: AirPosition
    device_time: datetime | None
    observed_at: datetime


Event = (
    DroneRegistered
    | DroneReadied
    | DroneGrounded
    | BatterySwapped
    | MaintenancePerformed
    | SigningKeyRotated
    | DroneAssigned
    | DroneReleased
    | SafetyOrderGiven
    | UnassignedFlightObserved
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterDrone:
    """`system_id`: the MAVLink system id, 1 to 250. `signing_key_id` names a key of the key store, None: unsigned."""

    drone: DroneId
    registration: str
    remote_id_serial: str
    model: str
    dock: DockId
    system_id: int
    signing_key_id: str | None
    by: PersonId


@dataclass(frozen=True, slots=True)
class ReadyDrone:
    battery_percent: float
    by: PersonId


@dataclass(frozen=True, slots=True)
class GroundDrone:
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class SwapBattery:
    battery_serial: str
    cycles: int
    by: PersonId


@dataclass(frozen=True, slots=True)
class PerformMaintenance:
    work: str
    next_due_on: date | None
    by: PersonId


@dataclass(frozen=True, slots=True)
class RotateSigningKey:
    signing_key_id: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class AssignDrone:
    flight: FlightId


@dataclass(frozen=True, slots=True)
class ReleaseDrone:
    flight: FlightId
    flown: bool


@dataclass(frozen=True, slots=True)
class RecordDroneOrder:
    order: SafetyOrder
    by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReportUnassignedFlight:
    position: AirPosition
    device_time: datetime | None
    observed_at: datetime


Command = (
    RegisterDrone
    | ReadyDrone
    | GroundDrone
    | SwapBattery
    | PerformMaintenance
    | RotateSigningKey
    | AssignDrone
    | ReleaseDrone
    | RecordDroneOrder
    | ReportUnassignedFlight
)

LEAST_BATTERY_PERCENT = 50.0  # of a drone called ready

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unregistered:
    """No drone is known under this id."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stays the same while a drone's readiness changes."""

    registration: str
    remote_id_serial: str
    model: str
    dock: DockId
    system_id: int
    signing_key_id: str | None


@dataclass(frozen=True, slots=True)
class NotReady:
    frame: Frame


@dataclass(frozen=True, slots=True)
class Grounded:
    frame: Frame
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    frame: Frame
    battery_percent: float


@dataclass(frozen=True, slots=True)
class Assigned:
    """`grounded`: why it must not fly again once it is back."""

    frame: Frame
    flight: FlightId
    battery_percent: float
    grounded: str | None = None


State = Unregistered | NotReady | Grounded | Ready | Assigned


@dataclass(frozen=True, slots=True)
class DroneStanding:
    """What other decisions may know of a drone."""

    drone: DroneId
    registered: bool
    ready: bool
    dock: DockId | None = None
    assigned_to: FlightId | None = None
    grounded: str | None = None


def drone_standing(drone: DroneId, state: State) -> DroneStanding:
    match state:
        case Unregistered():
            return DroneStanding(drone, registered=False, ready=False)
        case NotReady(frame):
            return DroneStanding(drone, True, False, frame.dock)
        case Grounded(frame, reason):
            return DroneStanding(drone, True, False, frame.dock, grounded=reason)
        case Ready(frame):
            return DroneStanding(drone, True, True, frame.dock)
        case Assigned(frame, flight, _, grounded):
            return DroneStanding(drone, True, grounded is None, frame.dock, flight, grounded)
        case _:
            assert_never(state)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RegisterDrone(), Unregistered():
            return [_registered(command)]
        case RegisterDrone(), _:
            raise WrongState("this drone is registered already: choose another id", field="drone")
        case _, Unregistered():
            raise NotFound("no drone is registered under this id: register it first", field="drone")
        case RecordDroneOrder(order, by, ordered_at, outcome, detail), _:
            # It was sent; the record may not be refused.
            late = at - ordered_at > checks.CLOCK_TOLERANCE
            return [SafetyOrderGiven(order, by, ordered_at, outcome, checks.cleaned(detail), late)]
        case ReportUnassignedFlight(position, device_time, observed_at), _:
            return [UnassignedFlightObserved(position, device_time, observed_at)]
        case AssignDrone(flight), Ready():
            return [DroneAssigned(flight)]
        case AssignDrone(flight), Assigned(flight=current) if flight == current:
            return []
        case AssignDrone(), Assigned():
            raise WrongState("the drone belongs to another flight: one drone, one active flight", field="drone")
        case AssignDrone(), _:
            raise WrongState("the drone is not ready: ready it first", field="drone")
        case ReleaseDrone(flight, flown), Assigned(flight=current) if flight == current:
            return [DroneReleased(flight, flown)]
        case ReleaseDrone(), _:
            return []
        case ReadyDrone(), Assigned():
            raise WrongState("the drone belongs to a flight: ready it when that has ended", field="drone")
        case ReadyDrone(percent, by), _:
            checks.within("battery_percent", percent, LEAST_BATTERY_PERCENT, 100, "percent")
            return [DroneReadied(percent, by)]
        case GroundDrone(reason, by), _:
            return [DroneGrounded(checks.text("reason", reason, at_least=3), by)]
        case SwapBattery(serial, cycles, by), _:
            checks.within("cycles", cycles, 0, 10_000, "charging cycles")
            return [BatterySwapped(checks.identifier("battery_serial", serial), cycles, by)]
        case PerformMaintenance(work, next_due_on, by), _:
            return [MaintenancePerformed(checks.text("work", work, at_least=3), by, next_due_on)]
        case RotateSigningKey(key, by), _:
            return [SigningKeyRotated(checks.identifier("signing_key_id", key), by)]
        case _:
            raise AssertionError(f"{type(command).__name__} is decided above in every state")


def _registered(command: RegisterDrone) -> DroneRegistered:
    checks.identifier("drone", command.drone)
    checks.identifier("dock", command.dock)
    if not 1 <= command.system_id <= 250:
        raise InvalidValue(
            "system_id is no vehicle's", field="system_id", accepted="1 to 250 (251 to 255 are stations)"
        )
    if command.signing_key_id is not None:
        checks.identifier("signing_key_id", command.signing_key_id)
    return DroneRegistered(
        checks.identifier("registration", command.registration),
        checks.identifier("remote_id_serial", command.remote_id_serial),
        checks.text("model", command.model, at_most=80),
        command.dock,
        command.system_id,
        command.signing_key_id,
        command.by,
    )


def evolve(state: State, happened: Event) -> State:
    if isinstance(happened, DroneRegistered):
        frame = Frame(
            happened.registration,
            happened.remote_id_serial,
            happened.model,
            happened.dock,
            happened.system_id,
            happened.signing_key_id,
        )
        return NotReady(frame)
    match happened, state:
        case _, Unregistered():
            return state
        case DroneReadied(percent), NotReady(frame) | Grounded(frame) | Ready(frame):
            return Ready(frame, percent)
        case DroneGrounded(reason), _:
            return _grounded(state, reason)
        case UnassignedFlightObserved(), _:
            return _grounded(state, "it was seen in the air without a flight")
        case SigningKeyRotated(key), _:
            return replace(state, frame=replace(state.frame, signing_key_id=key))
        case DroneAssigned(flight), Ready(frame, percent):
            return Assigned(frame, flight, percent)
        case DroneReleased(), Assigned(frame, _, _, str(grounded)):
            return Grounded(frame, grounded)
        case DroneReleased(flown=flown), Assigned(frame, _, percent):
            return NotReady(frame) if flown else Ready(frame, percent)
        case _:
            return state


def _grounded(state: NotReady | Grounded | Ready | Assigned, reason: str) -> State:
    if isinstance(state, Assigned):
        return replace(state, grounded=reason)
    return Grounded(state.frame, reason)


DRONE: Aggregate[Command, Event, State] = Aggregate("drone", Unregistered(), decide, evolve)
