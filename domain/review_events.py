"""What oversight puts on the record: samples, reviews, findings, what was done about them, and its own reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.kernel import Personal, PersonId, Reason, StreamId, event
from domain.sampling import Access


class AccessVerdict(StrEnum):
    UNCLEAR = "unclear"  # the record does not say enough to tell
    IMPROPER = "improper"
    PROPER = "proper"


class FindingKind(StrEnum):
    NO_AUTHORITY = "no_authority"  # who did it was not allowed to
    PROHIBITED_PURPOSE = "prohibited_purpose"
    VAGUE_REASON = "vague_reason"
    NO_SUCH_CASE = "no_such_case"
    PROCEDURE = "procedure"
    RECORD = "record"  # the record itself is incomplete or wrong
    OTHER = "other"


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class Redaction:
    """What an export leaves out: which field of which records, how often, under which section, and who decided so."""

    element: str
    section: str
    reason: str
    times: int
    redacted_by: PersonId


class Discrepancy(StrEnum):
    COUNT = "count"  # two counts of the same thing differ
    CLOCK = "clock"
    MISSING = "missing"  # something is named and not there
    UNRECORDED = "unrecorded"  # something is there and nobody recorded it


@event("review.audit_seed_committed")
class AuditSeedCommitted:
    """Oversight bound itself to a nonce for the sample of a week that is not over yet."""

    week: str
    nonce_sha256: str
    week_ends_at: datetime
    reveal_by: datetime
    committed_by: PersonId


@event("review.audit_seed_missed")
class AuditSeedMissed:
    """Oversight committed to no nonce for a week before it ended; its sample is drawn from the log's root alone."""

    week: str
    week_ends_at: datetime
    draw_by: datetime
    noted_by: PersonId


@event("review.audit_sample_drawn")
class AuditSampleDrawn:
    """The nonce of a week was revealed, and out of it and the log's root the accesses to review."""

    # `position`, `root_sha256`: of the log at the week's end; `access_types`: which events were the population;
    # `population_sha256`: of their positions.

    week: str
    nonce: str
    position: int
    root_sha256: str
    drawing_method: str
    access_types: tuple[str, ...]
    population_size: int
    population_sha256: str
    sample: tuple[Access, ...]
    review_by: datetime
    late: bool
    drawn_by: PersonId


@event("review.access_reviewed")
class AccessReviewed:
    """An access out of the sample was looked into."""

    position: int
    verdict: AccessVerdict
    note: Personal[str] | None
    late: bool
    reviewed_by: PersonId


@event("review.finding_recorded")
class FindingRecorded:
    """Something was found to be wrong; `number` is its own within its stream, `person` is whose act it is about."""

    number: int
    kind: FindingKind
    about: StreamId
    position: int | None
    person: PersonId | None
    shortcoming: Personal[str]
    action_by: datetime
    recorded_by: PersonId


@event("review.corrective_action_taken")
class CorrectiveActionTaken:
    """Something was done about a finding."""

    finding: int
    measure: Personal[str]
    late: bool
    taken_by: PersonId


@event("review.step_refused")
class StepRefused:
    """Somebody tried a step of a review that the rules do not allow."""

    step: str
    requested_by: PersonId
    reasons: tuple[Reason, ...]


@event("review.audit_trail_consulted")
class AuditTrailConsulted:
    """Somebody asked the audit trail something, which could answer up to a position of the log."""

    # The same question again within a quarter of an hour is the same consultation, however many pages were turned.

    question: str
    filter: tuple[str, ...]
    up_to_position: int
    consulted_at: datetime
    consulted_by: PersonId


@event("review.audit_exported")
class AuditExported:
    """Records left the audit trail as a file whose hash this is; nothing but what is named was left out or changed."""

    format: ExportFormat
    filter: tuple[str, ...]
    purpose: str
    first_position: int
    as_of_position: int
    records: int
    file_sha256: str
    size_bytes: int
    redactions: tuple[Redaction, ...]
    exported_by: PersonId


@event("review.discrepancy_found")
class DiscrepancyFound:
    """Two things that should agree do not."""

    kind: Discrepancy
    about: StreamId | None
    detail: str
    found_by: PersonId


Event = (
    AuditSeedCommitted
    | AuditSeedMissed
    | AuditSampleDrawn
    | AccessReviewed
    | FindingRecorded
    | CorrectiveActionTaken
    | StepRefused
    | AuditTrailConsulted
    | AuditExported
    | DiscrepancyFound
)
