"""What can be asked of a flight, and what the gateway reports of it. Facts of other streams come along as standings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.call import CallStanding
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_events import (
    HEIGHT_UNKNOWN,
    AnomalyKind,
    GroundHeight,
    Observation,
    Outcome,
    RecordCategory,
    ZoneRule,
)
from domain.kernel import (
    AirPosition,
    CallNumber,
    CaseNumber,
    FlightId,
    PersonId,
    Place,
)
from domain.launch import (
    AirspaceAuthority,
    LaunchFacts,
    LaunchPlan,
)
from domain.person import PersonStanding
from domain.policy import PolicyInForce
from domain.session import SessionStanding


@dataclass(frozen=True, slots=True)
class RequestLaunch:
    flight: FlightId
    plan: LaunchPlan
    facts: LaunchFacts
    by: PersonId


@dataclass(frozen=True, slots=True)
class AuthoriseLaunch:
    """`facts` as they stand now, with the authoriser's own session in them."""

    by: PersonStanding
    facts: LaunchFacts


@dataclass(frozen=True, slots=True)
class DeclineLaunch:
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawLaunch:
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptUnknowns:
    """The pilot's word for a launch that waits for it; what the policy lets start on a request, starts then."""

    by: PersonId
    conditions: tuple[str, ...]
    reason: str
    facts: LaunchFacts


@dataclass(frozen=True, slots=True)
class OrderLaunch:
    """`facts` as they stand now: pilot and drone may have changed since the authorisation."""

    by: PersonId
    facts: LaunchFacts


@dataclass(frozen=True, slots=True)
class LapseLaunch:
    """Time has passed; what follows from it, if anything."""


@dataclass(frozen=True, slots=True)
class RecordLaunch:
    """The drone was seen to leave the ground. `commanded_at`: when the gateway told it to, None if it does not know."""

    seen: Observation
    commanded_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordArrival:
    seen: Observation


@dataclass(frozen=True, slots=True)
class Redirect:
    flight: FlightId
    destination: Place
    agl_m: float
    reason: str
    by: PersonId
    policy: PolicyInForce | None


@dataclass(frozen=True, slots=True)
class Repurpose:
    """`authoriser`: who authorises it with his own session, where the purpose needs one."""

    flight: FlightId
    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    authorisation: str | None
    airspace: AirspaceAuthority | None
    destination: Place
    agl_m: float
    reason: str
    by: PersonId
    standing: CallStanding | None
    policy: PolicyInForce | None
    authoriser: tuple[PersonStanding, SessionStanding] | None = None


@dataclass(frozen=True, slots=True)
class RecordSafetyOrder:
    order: SafetyOrder
    by: PersonId
    ordered_at: datetime
    outcome: OrderOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RecordLinkLost:
    last_heard_at: datetime
    position: AirPosition | None


@dataclass(frozen=True, slots=True)
class RecordLinkRestored:
    observed_at: datetime
    position: AirPosition | None


@dataclass(frozen=True, slots=True)
class RecordGeofenceBreach:
    fence: str
    seen: Observation


@dataclass(frozen=True, slots=True)
class ReportAnomaly:
    kind: AnomalyKind
    detail: str
    position: AirPosition | None
    device_time: datetime | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class RecordCameraLevel:
    pitch_deg: float
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class RecordCameraTurn:
    pitch_deg: float
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class StartRecording:
    """`by` None: the policy itself asks for it."""

    flight: FlightId
    by: PersonStanding | None
    reason: str | None
    policy: PolicyInForce | None


@dataclass(frozen=True, slots=True)
class StopRecording:
    by: PersonId


@dataclass(frozen=True, slots=True)
class RecordZoneApproach:
    zone: str
    distance_m: float
    seen: Observation
    height: GroundHeight = HEIGHT_UNKNOWN


@dataclass(frozen=True, slots=True)
class RecordZoneEntry:
    """`override`: the privacy override that is active for this zone, if any."""

    zone: str
    rule: ZoneRule
    override: str | None
    seen: Observation
    height: GroundHeight = HEIGHT_UNKNOWN


@dataclass(frozen=True, slots=True)
class RecordZoneExit:
    zone: str
    seen: Observation
    height: GroundHeight = HEIGHT_UNKNOWN


@dataclass(frozen=True, slots=True)
class RecordLanding:
    seen: Observation
    max_agl_m: float


@dataclass(frozen=True, slots=True)
class ArchiveTelemetry:
    sha256: str
    size_bytes: int
    frames_in: int
    frames_out: int


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    flight: FlightId
    outcomes: tuple[Outcome, ...]
    subjects_located: int
    arrests_assisted: int
    note: str | None
    by: PersonId


@dataclass(frozen=True, slots=True)
class CategoriseFlight:
    category: RecordCategory
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class PublishFlight:
    by: PersonId
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class WithholdPublication:
    reason_code: str
    legal_basis: str
    by: PersonId


BeforeLaunch = AuthoriseLaunch | DeclineLaunch | AcceptUnknowns | OrderLaunch | WithdrawLaunch | LapseLaunch
InFlight = (
    RecordArrival
    | Redirect
    | Repurpose
    | RecordLinkLost
    | RecordLinkRestored
    | RecordGeofenceBreach
    | RecordCameraLevel
    | RecordCameraTurn
    | StartRecording
    | StopRecording
    | RecordZoneApproach
    | RecordZoneEntry
    | RecordZoneExit
    | RecordLanding
)
Afterwards = RecordOutcome | CategoriseFlight | PublishFlight | WithholdPublication
AtAnyTime = RecordSafetyOrder | ReportAnomaly | ArchiveTelemetry
Command = RequestLaunch | BeforeLaunch | RecordLaunch | InFlight | Afterwards | AtAnyTime
