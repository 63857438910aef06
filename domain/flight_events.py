"""The events of a flight. Three clocks: `device_time` is the autopilot's (None where it has none), `observed_at` ours
when its frame came in, the envelope's time ours when it was recorded. Heights and speeds in metres and m/s."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.drone import OrderOutcome
from domain.kernel import (
    AirPosition,
    CallNumber,
    CaseNumber,
    DockId,
    DroneId,
    Personal,
    PersonId,
    Place,
    PolicyVersion,
    Reason,
    event,
)
from domain.launch import AirspaceAuthority, Conditions, Separation


class AnomalyKind(StrEnum):
    LAUNCHED_WITHOUT_AUTHORISATION = "launched_without_authorisation"
    AUTOPILOT = "autopilot"  # the autopilot said so
    BATTERY = "battery"
    NAVIGATION = "navigation"
    CRASH = "crash"
    OTHER = "other"


class ZoneRule(StrEnum):
    """What a privacy zone asks for."""

    NO_RECORD = "no_record"
    NO_VIEW = "no_view"
    MASK = "mask"


class HeightSource(StrEnum):
    """Who said how high above the ground a drone was."""

    TERRAIN_REPORT = "terrain_report"  # the autopilot's ground model: MAVLink TERRAIN_REPORT (136), current_height
    ALTITUDE = "altitude"  # the autopilot's ground model or altimeter: MAVLink ALTITUDE (141), altitude_terrain
    TAKE_OFF = "take_off"  # in old events: above the place of take-off, which says nothing about the ground elsewhere
    UNKNOWN = "unknown"  # nobody did: the drone counted as below every ceiling


@dataclass(frozen=True, slots=True)
class GroundHeight:
    """How high a drone was, as it was held against a zone's ceiling. `metres`: above ground; None: unknown."""

    metres: float | None
    source: HeightSource


HEIGHT_UNKNOWN = GroundHeight(None, HeightSource.UNKNOWN)


class ZoneEffect(StrEnum):
    """What became of the recording when a drone entered a privacy zone."""

    NOT_RECORDING = "not_recording"
    STOPPED = "stopped"
    MASKED = "masked"
    OVERRIDDEN = "overridden"


class RecordingBasis(StrEnum):
    POLICY = "policy"
    OPERATOR = "operator"


class RecordingStopReason(StrEnum):
    OPERATOR = "operator"
    PRIVACY_ZONE = "privacy_zone"
    IN_TRANSIT = "in_transit"
    LANDED = "landed"


class Outcome(StrEnum):
    SUBJECT_LOCATED = "subject_located"
    ARREST_ASSISTED = "arrest_assisted"
    EVIDENCE_USED = "evidence_used"
    DE_ESCALATION = "de_escalation"
    CLEARED_WITHOUT_PATROL = "cleared_without_patrol"
    NOTHING_FOUND = "nothing_found"


class RecordCategory(StrEnum):
    """How a flight's video stands to the public records act: Castañares (2023) 98 Cal.App.5th 295."""

    INVESTIGATORY_FILE = "investigatory_file"
    INVESTIGATION = "investigation"
    FACTUAL_INQUIRY = "factual_inquiry"


# -- asking ------------------------------------------------------------------


@event("flight.launch_requested")
class LaunchRequested:
    """Somebody asked for a launch; refused or not, this is what was asked. It awaits an authorisation only so long."""

    drone: DroneId
    dock: DockId
    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    authorisation: str | None
    pilot: PersonId
    pilot_certificate: str | None
    destination: Place
    cruise_agl_m: float
    reason: Personal[str]
    airspace: AirspaceAuthority | None
    separation: Separation | None
    conditions: Conditions
    accepted_unknowns: tuple[str, ...]
    policy_version: PolicyVersion | None
    requested_by: PersonId
    awaits_until: datetime


@event("flight.launch_authorised")
class LaunchAuthorised:
    """A launch may begin until this lapses; `authorised_by` is empty where the policy asks for no second person."""

    drone: DroneId
    authorised_by: PersonId | None
    expires_at: datetime
    rule: str


@event("flight.launch_refused")
class LaunchRefused:
    """A launch was refused, with every reason."""

    refused_by: PersonId | None
    reasons: tuple[Reason, ...]


@event("flight.authorisation_refused")
class AuthorisationRefused:
    """Somebody tried to authorise a launch and could not; the request still waits."""

    requested_by: PersonId
    reasons: tuple[Reason, ...]


@event("flight.unknowns_accepted")
class UnknownsAccepted:
    """The pilot in command accepted conditions that no source could tell; nobody else can."""

    conditions: tuple[str, ...]
    accepted_by: PersonId
    reason: str


@event("flight.launch_ordered")
class LaunchOrdered:
    """The pilot in command told the drone to take off; on the record before the order is sent."""

    drone: DroneId
    ordered_by: PersonId


@event("flight.launch_lapsed")
class LaunchLapsed:
    """A launch was not authorised in time, or did not begin in time."""

    drone: DroneId
    expired_at: datetime


@event("flight.launch_withdrawn")
class LaunchWithdrawn:
    """A launch was called off before it began."""

    drone: DroneId
    withdrawn_by: PersonId
    reason: str


# -- flying ------------------------------------------------------------------


@event("flight.drone_launched")
class DroneLaunched:
    """The drone left the ground."""

    drone: DroneId
    position: AirPosition
    device_time: datetime | None
    observed_at: datetime
    clock_difference_s: float | None
    authorised: bool


@event("flight.arrived_on_scene")
class ArrivedOnScene:
    """The drone reached what it was sent to."""

    position: AirPosition
    device_time: datetime | None
    observed_at: datetime
    clock_difference_s: float | None


@event("flight.flight_redirected")
class FlightRedirected:
    """The drone was sent to another place for the same job."""

    destination: Place
    agl_m: float
    redirected_by: PersonId
    reason: Personal[str]


@event("flight.flight_repurposed")
class FlightRepurposed:
    """A drone in the air was given another job, with a purpose and an authority of its own."""

    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    authorisation: str | None
    airspace: AirspaceAuthority
    destination: Place
    agl_m: float
    reason: Personal[str]
    policy_version: PolicyVersion
    requested_by: PersonId
    authorised_by: PersonId | None


@event("flight.repurpose_refused")
class RepurposeRefused:
    """Another job for a drone in the air was refused; it goes on with the one it has."""

    purpose: str
    requested_by: PersonId
    reasons: tuple[Reason, ...]


@event("flight.link_lost")
class LinkLost:
    """Nothing was heard of the drone for too long."""

    last_heard_at: datetime
    position: AirPosition | None


@event("flight.link_restored")
class LinkRestored:
    """The drone was heard again."""

    observed_at: datetime
    silent_s: float
    position: AirPosition | None


@event("flight.geofence_breached")
class GeofenceBreached:
    """The drone left the space it was given."""

    fence: str
    position: AirPosition
    device_time: datetime | None
    observed_at: datetime


@event("flight.anomaly_reported")
class AnomalyReported:
    """Something went wrong in a flight."""

    kind: AnomalyKind
    detail: str
    position: AirPosition | None
    device_time: datetime | None
    observed_at: datetime


# -- safety orders: sent first, recorded after, with both times ---------------


@event("flight.return_ordered")
class ReturnOrdered:
    """The drone was ordered home."""

    ordered_by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str
    recorded_late: bool


@event("flight.hold_ordered")
class HoldOrdered:
    """The drone was ordered to stop where it is."""

    ordered_by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str
    recorded_late: bool


@event("flight.landing_ordered")
class LandingOrdered:
    """The drone was ordered to land."""

    ordered_by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str
    recorded_late: bool


@event("flight.flight_aborted")
class FlightAborted:
    """The flight was broken off at once."""

    ordered_by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str
    recorded_late: bool


# -- camera and privacy ------------------------------------------------------


@event("flight.camera_levelled")
class CameraLevelled:
    """The camera looks level ahead, as in transit."""

    pitch_deg: float
    observed_at: datetime


@event("flight.camera_turned_to_scene")
class CameraTurnedToScene:
    """The camera looks at the scene."""

    pitch_deg: float
    observed_at: datetime


@event("flight.recording_started")
class RecordingStarted:
    """The drone's video is recorded from here on, by policy or by somebody's act with a reason."""

    basis: RecordingBasis
    started_by: PersonId | None
    reason: Personal[str] | None
    policy_version: PolicyVersion


@event("flight.recording_refused")
class RecordingRefused:
    """Somebody asked to record and could not."""

    requested_by: PersonId | None
    reasons: tuple[Reason, ...]


@event("flight.recording_stopped")
class RecordingStopped:
    """The drone's video is no longer recorded."""

    reason: RecordingStopReason
    stopped_by: PersonId | None


@event("flight.privacy_zone_approached", version=2)
class PrivacyZoneApproached:
    """The drone came near a privacy zone."""

    zone: str
    distance_m: float
    position: AirPosition
    height: GroundHeight
    observed_at: datetime


@event("flight.privacy_zone_entered", version=2)
class PrivacyZoneEntered:
    """The drone's camera came into a privacy zone."""

    zone: str
    rule: ZoneRule
    effect: ZoneEffect
    override: str | None
    position: AirPosition
    height: GroundHeight
    observed_at: datetime


@event("flight.privacy_zone_left", version=2)
class PrivacyZoneLeft:
    """The drone's camera left a privacy zone."""

    zone: str
    position: AirPosition
    height: GroundHeight
    observed_at: datetime


# -- afterwards --------------------------------------------------------------


@event("flight.drone_landed")
class DroneLanded:
    """The drone is on the ground again."""

    drone: DroneId
    position: AirPosition
    device_time: datetime | None
    observed_at: datetime
    clock_difference_s: float | None
    max_agl_m: float
    duration_s: float


@event("flight.telemetry_archived")
class TelemetryArchived:
    """Every frame to and from the drone is kept in a file with this hash."""

    sha256: str
    size_bytes: int
    frames_in: int
    frames_out: int


@event("flight.outcome_recorded")
class OutcomeRecorded:
    """What a flight was good for."""

    outcomes: tuple[Outcome, ...]
    subjects_located: int
    arrests_assisted: int
    note: Personal[str] | None
    recorded_by: PersonId


@event("flight.flight_categorised")
class FlightCategorised:
    """It was decided how a flight's video stands to the public records act."""

    category: RecordCategory
    decided_by: PersonId
    reason: str


@event("flight.flight_published")
class FlightPublished:
    """A flight was entered in the public flight log."""

    published_by: PersonId


@event("flight.publication_withheld")
class PublicationWithheld:
    """A flight is counted but not shown in the public flight log, for a coded reason."""

    reason_code: str
    legal_basis: str
    withheld_by: PersonId


SafetyOrdered = ReturnOrdered | HoldOrdered | LandingOrdered | FlightAborted
Event = (
    LaunchRequested
    | LaunchAuthorised
    | LaunchRefused
    | AuthorisationRefused
    | UnknownsAccepted
    | LaunchOrdered
    | LaunchLapsed
    | LaunchWithdrawn
    | DroneLaunched
    | ArrivedOnScene
    | FlightRedirected
    | FlightRepurposed
    | RepurposeRefused
    | LinkLost
    | LinkRestored
    | GeofenceBreached
    | AnomalyReported
    | SafetyOrdered
    | CameraLevelled
    | CameraTurnedToScene
    | RecordingStarted
    | RecordingRefused
    | RecordingStopped
    | PrivacyZoneApproached
    | PrivacyZoneEntered
    | PrivacyZoneLeft
    | DroneLanded
    | TelemetryArchived
    | OutcomeRecorded
    | FlightCategorised
    | FlightPublished
    | PublicationWithheld
)


@dataclass(frozen=True, slots=True)
class Observation:
    """What the gateway saw: where, and by which clocks."""

    position: AirPosition
    device_time: datetime | None
    observed_at: datetime
