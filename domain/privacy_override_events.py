"""What happens to a privacy override. `target` is always the stream of what is protected (footage-…, zone-…, camera-…,
flight-…), `flight` the one that a zone is lifted for; free text is sealed with the key of the incident, because it may
speak of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.kernel import CallNumber, CaseNumber, FlightId, Personal, PersonId, Reason, StreamId, event
from domain.legal_basis import LegalBasis


class Verdict(StrEnum):
    """What the review found."""

    IN_ORDER = "in_order"
    NOT_IN_ORDER = "not_in_order"  # a rule or a form was not kept
    ABUSE = "abuse"  # there was no ground for it


@dataclass(frozen=True, slots=True)
class Range:
    """The stretch of time whose pictures are meant: from `since`, included, to `until`, not included."""

    since: datetime
    until: datetime

    def covers(self, other: Range) -> bool:
        return self.since <= other.since and other.until <= self.until


# -- events ------------------------------------------------------------------


@event("override.override_requested", version=2)
class OverrideRequested:
    """Somebody asked to see what is protected; a second person must approve it before `awaits_until`."""

    target: StreamId
    flight: FlightId | None
    range: Range
    legal_basis: LegalBasis
    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    reason: Personal[str]
    minutes: int
    requested_by: PersonId
    awaits_until: datetime


@event("override.override_approved")
class OverrideApproved:
    """A second person approved an override; it is in effect until `expires_at`."""

    approved_by: PersonId
    expires_at: datetime
    review_by: datetime


@event("override.override_refused")
class OverrideRefused:
    """An override was refused: by a rule at once (`refused_by` None), or by the person asked."""

    refused_by: PersonId | None
    reasons: tuple[Reason, ...]


@event("override.approval_refused")
class ApprovalRefused:
    """Somebody who may not tried to approve an override; it waits on."""

    by: PersonId
    reasons: tuple[Reason, ...]


@event("override.emergency_override_invoked", version=2)
class EmergencyOverrideInvoked:
    """Break-glass: life was at risk, so one person lifted the protection at once, on the record first."""

    target: StreamId
    flight: FlightId | None
    range: Range
    threat: Personal[str]
    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    invoked_by: PersonId
    expires_at: datetime
    justify_by: datetime
    review_by: datetime


@event("override.override_used")
class OverrideUsed:
    """An override was used: what it uncovered, by which view (`through`), for the n-th time."""

    through: StreamId
    range: Range
    used_by: PersonId
    use_number: int


@event("override.override_expired")
class OverrideExpired:
    """An override ended by itself at its time, or a request was over because nobody had answered it."""

    expired_at: datetime
    uses: int


@event("override.override_justified")
class OverrideJustified:
    """Who broke the glass said why. `late`: after the hours the use policy gives."""

    justification: Personal[str]
    legal_basis: LegalBasis
    justified_by: PersonId
    late: bool


@event("override.override_reviewed")
class OverrideReviewed:
    """An auditor reviewed an override that was in effect. `late`: after the hours the use policy gives."""

    verdict: Verdict
    findings: Personal[str]
    reviewed_by: PersonId
    late: bool


@event("override.review_refused")
class ReviewRefused:
    """Somebody who had a part in an override tried to review it."""

    by: PersonId
    reasons: tuple[Reason, ...]


Event = (
    OverrideRequested
    | OverrideApproved
    | OverrideRefused
    | ApprovalRefused
    | EmergencyOverrideInvoked
    | OverrideUsed
    | OverrideExpired
    | OverrideJustified
    | OverrideReviewed
    | ReviewRefused
)
