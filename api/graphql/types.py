"""What GraphQL speaks of: one type per thing on the board and on the record. Lengths in metres, speeds in m/s."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, NewType

import strawberry

if TYPE_CHECKING:
    from api.graphql.audit import AuditConnection

Position = NewType("Position", int)
POSITION = strawberry.scalar(
    name="Position",
    description="Gapless place in the log, from 1: a JSON integer that may pass 2^31.",
    serialize=int,
    parse_value=int,
)


@strawberry.type
class Reason:
    """One reason of a refusal: what, by which rule, and what would have been accepted."""

    code: str
    message: str
    rule: str
    field: str | None = None
    accepted: str | None = None


@strawberry.type
class Place:
    """A point on WGS 84, degrees."""

    latitude: float
    longitude: float


@strawberry.type
class Person:
    id: strawberry.ID
    name: str


@strawberry.type
class Telemetry:
    """The newest telemetry of a drone, at most two samples a second. `at`: when we received it."""

    at: datetime
    device_time: datetime | None
    place: Place
    agl_m: float
    amsl_m: float | None
    heading_deg: float | None
    ground_speed_mps: float | None
    climb_mps: float | None
    battery_percent: float | None
    mode: str | None
    armed: bool
    link: str = strawberry.field(description="up | lost")
    authenticated: bool = strawberry.field(description="whether the link is signed and verified (MAVLink 2)")
    camera_pitch_deg: float | None


@strawberry.type
class Observation:
    """What somebody on the street saw of a call. `observedAt`: by their own clock."""

    id: strawberry.ID
    kind: str = strawberry.field(
        description="person_needs_help | disturbance | hazard | vehicle | property | nothing_there | other"
    )
    place: Place | None
    observed_at: datetime
    reported_by: Person
    call: strawberry.Private[str]

    @strawberry.field(description="In the words of who saw it, read from the record; null where the key was destroyed.")
    async def said(self, info: strawberry.Info) -> str | None:
        from api.graphql.street import said_of

        return await said_of(info, self.call, str(self.id))


@strawberry.type
class Call:
    """A call for service, as dispatch tells it."""

    number: strawberry.ID
    call_type: str
    priority: int
    place: Place
    received_at: datetime
    state: str = strawberry.field(description="open | closed")
    units: list[str]
    first_unit_arrived_at: datetime | None
    flight_ids: list[strawberry.ID]
    observations: list[Observation] = strawberry.field(description="of those on the street, oldest first")


@strawberry.type
class Dock:
    id: strawberry.ID
    name: str
    place: Place


@strawberry.type
class Drone:
    id: strawberry.ID
    registration: str
    model: str
    dock_id: strawberry.ID
    status: str = strawberry.field(description="ready | assigned | flying | grounded | not_ready")
    flight_id: strawberry.ID | None
    telemetry: Telemetry | None


@strawberry.type
class Flight:
    """One flight, from the request to what came of it."""

    id: strawberry.ID
    state: str = strawberry.field(
        description="requested | refused | authorised | halted | lapsed | withdrawn | en_route | on_scene | holding"
        " | returning | landing | aborted | landed"
    )
    purpose: str
    call_number: str | None
    case_number: str | None
    pilot: Person
    requested_by: Person
    drone_id: strawberry.ID
    dock_id: strawberry.ID
    destination: Place
    requested_at: datetime
    authorised_at: datetime | None
    authorisation_expires_at: datetime | None
    launched_at: datetime | None
    arrived_at: datetime | None
    return_ordered_at: datetime | None
    landed_at: datetime | None
    max_agl_m: float | None
    link_lost: bool
    recording: bool
    reasons: list[Reason]
    policy_version: int | None
    telemetry: Telemetry | None

    @strawberry.field(description="Every event of this flight, oldest first.")
    async def events(
        self, info: strawberry.Info, first: int | None = None, after: str | None = None
    ) -> Annotated[AuditConnection, strawberry.lazy("api.graphql.audit")]:
        from api.graphql.audit import flight_events

        return await flight_events(info, str(self.id), first, after)


@strawberry.type
class Board:
    """The live board as one snapshot, complete up to `position`."""

    position: Position
    lag: int = strawberry.field(description="events in the log that the board has not applied")
    applied_at: datetime | None
    incomplete_streams: list[strawberry.ID] = strawberry.field(
        description="streams set aside because one of their events could not be read"
    )
    calls: list[Call]
    docks: list[Dock]
    drones: list[Drone]
    flights: list[Flight] = strawberry.field(description="open ones, and those landed in the last hour")


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class FlightEdge:
    cursor: str
    node: Flight


@strawberry.type
class FlightConnection:
    edges: list[FlightEdge]
    page_info: PageInfo
    position: Position


@strawberry.type
class Purpose:
    code: str
    title: str
    needs_call: bool
    needs_commander: bool
    prohibited: bool


@strawberry.type
class UsePolicy:
    """The use policy in force: what a launch form needs to know."""

    version: int
    in_force_from: datetime
    cedar_set_hash: str
    purposes: list[Purpose]
    step_up_minutes: int


@strawberry.type
class Viewer:
    """Who is asking, and what they may do now."""

    id: strawberry.ID
    name: str
    organisation: str
    roles: list[str]
    may: list[str]
    session_id: str
    stepped_up_until: datetime | None
    environment: str


# -- outcomes of commands ----------------------------------------------------


@strawberry.type
class Accepted:
    """Done and on the record. Pass `position` as `afterPosition` to read your own write."""

    command_id: strawberry.ID
    position: Position
    stream: strawberry.ID
    id: strawberry.ID
    replayed: bool
    outcome: str | None = strawberry.field(description="for orders to a drone: accepted | denied | unknown")
    sent_at: datetime | None
    recorded: bool = strawberry.field(
        default=True,
        description="false: an order of safety was sent while the store was away; its record follows (position 0)",
    )


@strawberry.type
class Refused:
    """A rule said no; the refusal is the event at `position`."""

    command_id: strawberry.ID
    position: Position
    stream: strawberry.ID
    reasons: list[Reason]
    decided_by: str | None


@strawberry.type
class Mistaken:
    """The request cannot be: which field, what is wrong, what is accepted."""

    command_id: strawberry.ID
    code: str
    field: str | None
    message: str
    accepted: str | None


@strawberry.type
class Unavailable:
    """Nothing was recorded; the same command may be sent again under the same id."""

    command_id: strawberry.ID
    code: str
    message: str
    retry_after_seconds: int


CommandResult = Annotated[
    Accepted | Refused | Mistaken | Unavailable,
    strawberry.union("CommandResult", description="What became of a command: a refusal is a result, not an error."),
]

# -- inputs ------------------------------------------------------------------


@strawberry.input
class PlaceInput:
    latitude: float
    longitude: float


@strawberry.input
class FindingInput:
    """What a source said of one condition."""

    go: str = strawberry.field(default="unknown", description="go | no_go | unknown")
    source: str = "not asked"
    detail: str = ""


@strawberry.input
class ConditionsInput:
    """Go or no-go before the flight. What is left out is unknown, and unknown is no-go."""

    weather: FindingInput = strawberry.field(default_factory=FindingInput)
    traffic: FindingInput = strawberry.field(default_factory=FindingInput)
    airspace: FindingInput = strawberry.field(default_factory=FindingInput)


@strawberry.input
class AirspaceInput:
    """The paper a flight is allowed under."""

    kind: str = strawberry.field(description="part_107_waiver | coa")
    number: str
    version: str
    expires_on: date


@strawberry.input
class SeparationInput:
    """How other aircraft are seen and avoided."""

    method: str = strawberry.field(description="visual_observer | detect_and_avoid")
    by: str


@strawberry.input
class RequestLaunchInput:
    drone: strawberry.ID
    purpose: str
    destination: PlaceInput
    reason: str
    pilot: strawberry.ID | None = strawberry.field(default=None, description="the RPIC; without it, whoever asks")
    call_number: str | None = None
    case_number: str | None = None
    authorisation: str | None = strawberry.field(
        default=None, description="for training and special events, instead of a call or case"
    )
    cruise_agl_m: float = 60.0
    conditions: ConditionsInput = strawberry.field(default_factory=ConditionsInput)
    accept_unknowns: list[str] = strawberry.field(
        default_factory=list, description="conditions whose 'unknown' the pilot, asking himself, accepts on the record"
    )
    ask_pilot: bool = strawberry.field(
        default=False, description="where something is unknown, let the launch wait for the pilot's acceptUnknowns"
    )
    airspace: AirspaceInput | None = strawberry.field(default=None, description="without it, the station's own")
    separation: SeparationInput | None = strawberry.field(default=None, description="without it, the station's own")


@strawberry.input
class RepurposeInput:
    purpose: str
    destination: PlaceInput
    reason: str
    agl_m: float = 60.0
    call_number: str | None = None
    case_number: str | None = None
    authorisation: str | None = None


@strawberry.input
class OutcomeInput:
    outcomes: list[str] = strawberry.field(
        description="subject_located | arrest_assisted | evidence_used | de_escalation | cleared_without_patrol"
        " | nothing_found"
    )
    subjects_located: int = 0
    arrests_assisted: int = 0
    note: str | None = None
