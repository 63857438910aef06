"""Oversight: the weekly sample nobody can steer, the review of each access in it, findings and what was done.

A nonce that was committed to stays the one: another one is refused, and so is a reveal before the week is over. A week
to which nobody committed is no way out: that is on the record, and its sample is drawn from the log's root alone.
Nobody reviews an access of his own, and whom a finding is about does not say what was done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from domain import checks, sampling
from domain.kernel import Aggregate, InvalidValue, NotFound, Personal, PersonId, Reason, StreamId, WrongState
from domain.review_events import (
    AccessReviewed,
    AccessVerdict,
    AuditExported,
    AuditSampleDrawn,
    AuditSeedCommitted,
    AuditSeedMissed,
    AuditTrailConsulted,
    CorrectiveActionTaken,
    Discrepancy,
    DiscrepancyFound,
    Event,
    ExportFormat,
    FindingKind,
    FindingRecorded,
    Redaction,
    StepRefused,
)
from domain.sampling import Access, Population

MOST_AHEAD = timedelta(days=35)  # how early a commitment may be made
REVEAL_WITHIN = timedelta(days=3)  # of the week's end
ACTION_WITHIN = timedelta(days=30)
ONE_CONSULTATION = timedelta(minutes=15)  # however many pages are turned, or turn by themselves, meanwhile
NOT_STEERED = "nobody can steer the sample"
INDEPENDENT = "nobody judges himself"

# -- commands ----------------------------------------------------------------
# `review`: the key of the stream, under which its free text is sealed.


@dataclass(frozen=True, slots=True)
class CommitSeed:
    """`nonce_sha256`: of 32 random bytes that oversight keeps to itself until the week is over, hexadecimal."""

    week: str
    nonce_sha256: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class DrawSample:
    """Reveals the nonce. `population`: the accesses up to the week's end; `size`: how many are drawn."""

    nonce: str
    population: Population
    size: int
    review_within: timedelta
    by: PersonId


@dataclass(frozen=True, slots=True)
class NoteMissedSeed:
    """Puts on the record that a week is over and nobody committed to a nonce for it; nothing where somebody did."""

    week: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class DrawFallback:
    """Draws the sample of a week that nobody committed to a nonce for."""

    population: Population
    size: int
    review_within: timedelta
    by: PersonId


@dataclass(frozen=True, slots=True)
class ReviewAccess:
    review: str
    position: int
    verdict: AccessVerdict
    note: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RecordFinding:
    """`position`: of the sampled access it is about, if any; else `about` and, where it is somebody's act, `person`."""

    review: str
    kind: FindingKind
    shortcoming: str
    by: PersonId
    about: StreamId | None = None
    position: int | None = None
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class TakeCorrectiveAction:
    review: str
    finding: int
    measure: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class ConsultAuditTrail:
    question: str
    filter: tuple[str, ...]
    up_to_position: int
    by: PersonId

    @property
    def asked(self) -> tuple[str, tuple[str, ...]]:
        """The question as it goes on the record: what was asked for may be anything."""
        return self.question, tuple(checks.cleaned(part) for part in self.filter)


@dataclass(frozen=True, slots=True)
class RecordAuditExport:
    format: ExportFormat
    filter: tuple[str, ...]
    purpose: str
    first_position: int
    as_of_position: int
    records: int
    file_sha256: str
    size_bytes: int
    redactions: tuple[Redaction, ...]
    by: PersonId


@dataclass(frozen=True, slots=True)
class ReportDiscrepancy:
    kind: Discrepancy
    about: StreamId | None
    detail: str
    by: PersonId


Command = (
    CommitSeed
    | DrawSample
    | NoteMissedSeed
    | DrawFallback
    | ReviewAccess
    | RecordFinding
    | TakeCorrectiveAction
    | ConsultAuditTrail
    | RecordAuditExport
    | ReportDiscrepancy
)

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Untouched:
    """Nothing of oversight's is on this stream."""


@dataclass(frozen=True, slots=True)
class Committed:
    seed: AuditSeedCommitted


@dataclass(frozen=True, slots=True)
class Missed:
    """Nobody committed to a nonce for this week; the sample is yet to be drawn."""

    seed: AuditSeedMissed


@dataclass(frozen=True, slots=True)
class Finding:
    recorded: FindingRecorded
    answered: bool = False


@dataclass(frozen=True, slots=True)
class UnderReview:
    """A sample, or a finding of its own: `sample` is empty then."""

    sample: Mapping[int, Access] = field(default_factory=lambda: MappingProxyType({}))  # by position
    review_by: datetime | None = None
    reviewed: frozenset[int] = frozenset()
    findings: Mapping[int, Finding] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def waiting(self) -> frozenset[int]:
        """The positions that nobody has reviewed yet."""
        return frozenset(self.sample.keys() - self.reviewed)

    @property
    def finished(self) -> bool:
        return not self.waiting and all(finding.answered for finding in self.findings.values())


@dataclass(frozen=True, slots=True)
class Consulting:
    """One session's reading. `last`: what was asked -> when it was last put on the record."""

    last: Mapping[tuple[str, tuple[str, ...]], datetime]


@dataclass(frozen=True, slots=True)
class Told:
    """An export or a discrepancy: said once."""


State = Untouched | Committed | Missed | UnderReview | Consulting | Told

# -- decide ------------------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command:
        case CommitSeed():
            return _commit(command, state, at)
        case DrawSample():
            return _draw(command, state, at)
        case NoteMissedSeed():
            return _missed(command, state, at)
        case DrawFallback():
            return _fall_back(command, state, at)
        case ReviewAccess():
            return _review(command, state, at)
        case RecordFinding():
            return [_find(command, state, at)]
        case TakeCorrectiveAction():
            return _correct(command, state, at)
        case ConsultAuditTrail():
            return _consult(command, state, at)
        case RecordAuditExport() | ReportDiscrepancy():
            return [_say(command, state)]
        case _:
            assert_never(command)


def _sealed(review: str, text: str) -> Personal[str]:
    """Free text may name anybody: it is sealed under its review."""
    return Personal(f"review-{review}", text)


def _refuse(step: str, by: PersonId, *reasons: Reason) -> list[Event]:
    return [StepRefused(step, by, reasons)]


def _commit(command: CommitSeed, state: State, at: datetime) -> list[Event]:
    ends_at = sampling.week_end(command.week)
    nonce = checks.sha256("nonce_sha256", command.nonce_sha256)
    if not isinstance(state, Untouched | Missed):
        if isinstance(state, Committed) and state.seed.nonce_sha256 == nonce:
            return []
        said = "a nonce is committed to for this week, and stays the one"
        return _refuse("commit_seed", command.by, Reason("seed_committed", said, NOT_STEERED, "nonce_sha256"))
    if at >= ends_at:
        said = "the week is over, and with it the root of its log may be known"
        accepted = "a week that is not over"
        return _refuse("commit_seed", command.by, Reason("week_is_over", said, NOT_STEERED, "week", accepted))
    if ends_at - at > MOST_AHEAD:
        raise InvalidValue(
            "the week is too far ahead", field="week", accepted=f"one that ends within {MOST_AHEAD.days} days"
        )
    return [AuditSeedCommitted(command.week, nonce, ends_at, ends_at + REVEAL_WITHIN, command.by)]


def _draw(command: DrawSample, state: State, at: datetime) -> list[Event]:
    if isinstance(state, UnderReview):
        raise WrongState("the sample of this week is drawn", field="week")
    if not isinstance(state, Committed):
        raise NotFound("nobody committed to a nonce for this week before it ended", field="week")
    reasons = list(draw_refusals(command.nonce, state, at))
    if reasons:
        return _refuse("draw_sample", command.by, *reasons)
    late = at > state.seed.reveal_by
    return [_drawn(command, state.seed.week, command.nonce, sampling.METHOD, late, at)]


def _drawn(
    command: DrawSample | DrawFallback, week: str, nonce: str, method: str, late: bool, at: datetime
) -> AuditSampleDrawn:
    population = command.population
    return AuditSampleDrawn(
        week,
        nonce,
        population.position,
        checks.sha256("root_sha256", population.root_sha256),
        method,
        tuple(sorted(sampling.ACCESSES)),
        len(population.accesses),
        sampling.population_sha256(population.accesses),
        sampling.sample(population, nonce, command.size),
        at + command.review_within,
        late,
        command.by,
    )


def _missed(command: NoteMissedSeed, state: State, at: datetime) -> list[Event]:
    ends_at = sampling.week_end(command.week)
    if at < ends_at or not isinstance(state, Untouched):
        return []
    return [AuditSeedMissed(command.week, ends_at, ends_at + REVEAL_WITHIN, command.by)]


def _fall_back(command: DrawFallback, state: State, at: datetime) -> list[Event]:
    if isinstance(state, UnderReview):
        return []
    if not isinstance(state, Missed):
        raise WrongState("a week whose nonce was missed is drawn so, and no other", field="week")
    late = at > state.seed.draw_by
    return [_drawn(command, state.seed.week, sampling.FALLBACK_NONCE, sampling.FALLBACK, late, at)]


def draw_refusals(nonce: str, state: Committed, at: datetime) -> tuple[Reason, ...]:
    """Why a sample may not be drawn with this nonce now. Raises InvalidValue for what is no nonce."""
    reasons = []
    if sampling.commitment(nonce) != state.seed.nonce_sha256:
        said = "this is not the nonce that was committed to"
        reasons.append(Reason("another_nonce", said, NOT_STEERED, "nonce", "the one whose SHA-256 is on the record"))
    if at < state.seed.week_ends_at:
        said = f"the week ends at {state.seed.week_ends_at.isoformat()}"
        reasons.append(Reason("week_not_over", said, NOT_STEERED, "week", "a nonce revealed after the week"))
    return tuple(reasons)


def _review(command: ReviewAccess, state: State, at: datetime) -> list[Event]:
    if not isinstance(state, UnderReview) or command.position not in state.sample:
        raise NotFound("no such access is in this sample", field="position", accepted="a position out of the sample")
    if command.position in state.reviewed:
        raise WrongState("this access was reviewed before", field="position")
    if state.sample[command.position].person == command.by:
        said = "this access is your own: somebody else of oversight reviews it"
        return _refuse("review_access", command.by, Reason("own_access", said, INDEPENDENT, "position"))
    note = checks.text("note", command.note, at_most=2000) if command.note.strip() else ""
    if not note and command.verdict is not AccessVerdict.PROPER:
        raise InvalidValue("say what is wrong or unclear", field="note", accepted="1 to 2000 printable characters")
    sealed = _sealed(command.review, note) if note else None
    late = state.review_by is not None and at > state.review_by
    return [AccessReviewed(command.position, command.verdict, sealed, late, command.by)]


def _find(command: RecordFinding, state: State, at: datetime) -> FindingRecorded:
    about, person = command.about, command.person
    match state:
        case Untouched():
            number = 1
        case UnderReview():
            number = len(state.findings) + 1
        case _:
            raise WrongState("there is nothing under review here", field="review")
    if command.position is not None:
        access = state.sample.get(command.position) if isinstance(state, UnderReview) else None
        if access is None:
            raise NotFound("no such access is in this sample", field="position", accepted="one out of the sample")
        about, person = access.stream, access.person
    if about is None:
        raise InvalidValue("what is it about?", field="about", accepted="a stream, or a position out of the sample")
    said = _sealed(command.review, checks.text("shortcoming", command.shortcoming, at_least=10, at_most=4000))
    return FindingRecorded(number, command.kind, about, command.position, person, said, at + ACTION_WITHIN, command.by)


def _correct(command: TakeCorrectiveAction, state: State, at: datetime) -> list[Event]:
    finding = state.findings.get(command.finding) if isinstance(state, UnderReview) else None
    if finding is None:
        raise NotFound("there is no such finding", field="finding")
    if finding.answered:
        raise WrongState("something was done about this finding before", field="finding")
    if command.by == finding.recorded.person:
        said = "the finding is about you: somebody else says what was done"
        return _refuse("take_corrective_action", command.by, Reason("own_finding", said, INDEPENDENT, "finding"))
    measure = _sealed(command.review, checks.text("measure", command.measure, at_least=10, at_most=4000))
    return [CorrectiveActionTaken(command.finding, measure, at > finding.recorded.action_by, command.by)]


def _consult(command: ConsultAuditTrail, state: State, at: datetime) -> list[Event]:
    checks.code("question", command.question)
    match state:
        case Untouched():
            last = None
        case Consulting(known):
            last = known.get(command.asked)
        case _:
            raise WrongState("this is no record of reading", field="review")
    if last is not None and last <= at < last + ONE_CONSULTATION:
        return []
    return [AuditTrailConsulted(*command.asked, command.up_to_position, at, command.by)]


def _say(command: RecordAuditExport | ReportDiscrepancy, state: State) -> Event:
    if not isinstance(state, Untouched):
        raise WrongState("this is on the record", field="review")
    if isinstance(command, ReportDiscrepancy):
        return DiscrepancyFound(command.kind, command.about, checks.cleaned(command.detail, 1000), command.by)
    return AuditExported(
        command.format,
        command.filter,
        checks.text("purpose", command.purpose, at_least=3, at_most=500),
        command.first_position,
        command.as_of_position,
        command.records,
        checks.sha256("file_sha256", command.file_sha256),
        command.size_bytes,
        command.redactions,
        command.by,
    )


# -- evolve ------------------------------------------------------------------


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case AuditSeedCommitted(), _:
            return Committed(happened)
        case AuditSeedMissed(), Untouched():
            return Missed(happened)
        case AuditSampleDrawn(sample=sample, review_by=review_by), _:
            return UnderReview({access.position: access for access in sample}, review_by)
        case AccessReviewed(position), UnderReview():
            return replace(state, reviewed=state.reviewed | {position})
        case FindingRecorded(finding), Untouched() | UnderReview():
            known = state if isinstance(state, UnderReview) else UnderReview()
            return replace(known, findings={**known.findings, finding: Finding(happened)})
        case CorrectiveActionTaken(finding), UnderReview():
            answered = replace(state.findings[finding], answered=True)
            return replace(state, findings={**state.findings, finding: answered})
        case AuditTrailConsulted(question, asked, _, at), Untouched() | Consulting():
            # What is older than one consultation decides nothing any more.
            before = state.last if isinstance(state, Consulting) else {}
            recent = {key: when for key, when in before.items() if abs(at - when) < ONE_CONSULTATION}
            return Consulting({**recent, (question, asked): at})
        case AuditExported() | DiscrepancyFound(), _:
            return Told()
        case _:
            return state


REVIEW: Aggregate[Command, Event, State] = Aggregate("review", Untouched(), decide, evolve)
