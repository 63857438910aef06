"""Footage: at most an hour of one feed, and the segment that began in it, told by the root of its segments' manifest;
tagged, held, destroyed or lost.

Footage that should exist and does not is `FootageLost`, never silence. A legal hold beats every schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from domain import checks
from domain.kernel import (
    Aggregate,
    FeedId,
    FootageId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    PolicyVersion,
    Reason,
    StreamId,
    WrongState,
    event,
)
from domain.legal_basis import LegalBasis, check_legal_basis
from domain.policy import PolicyInForce, PolicyParameters
from domain.privacy_override_events import Range

LONGEST = timedelta(hours=1, seconds=10)  # an hour, and the segment that was under way at its end

# -- events ------------------------------------------------------------------
# `range`: by the recorder's clock. `key`: names the key of that camera and hour, whose destruction is the footage's.


@event("footage.footage_recorded")
class FootageRecorded:
    """At most an hour of a feed was recorded and sealed."""

    feed: FeedId
    range: Range
    segments: int
    size_bytes: int
    manifest_root_sha256: str
    key: str
    category: str


@event("footage.footage_imported")
class FootageImported:
    """The footage is of a file that somebody else recorded; its days count from when it was received."""

    imported_as: StreamId
    received_at: datetime


@event("footage.footage_tagged")
class FootageTagged:
    """Footage was put into a further category of the retention schedule; of several, the longest wins."""

    category: str
    note: Personal[str] | None
    tagged_by: PersonId


@event("footage.legal_hold_placed")
class LegalHoldPlaced:
    """A stretch of footage must be kept, whatever the schedule says, until the hold is released."""

    hold: str
    range: Range
    legal_basis: LegalBasis
    reason: Personal[str]
    verify_again_on: date
    placed_by: PersonId


@event("footage.legal_hold_released")
class LegalHoldReleased:
    """A legal hold ended; the schedule rules again."""

    hold: str
    reason: Personal[str]
    released_by: PersonId


@event("footage.legal_hold_verified")
class LegalHoldVerified:
    """Somebody looked whether a legal hold is still needed, and it is."""

    hold: str
    reason: Personal[str]
    verify_again_on: date
    verified_by: PersonId


@event("footage.held_range_copied")
class HeldRangeCopied:
    """What a legal hold keeps was sealed once more under a key of its own, so that the rest can go."""

    hold: str
    copy: str  # its name in the vault
    range: Range  # of the segments that were copied, which cover what is held
    segments: int
    size_bytes: int
    manifest_root_sha256: str
    key: str


@event("footage.held_copy_destroyed")
class HeldCopyDestroyed:
    """The key of the copy that a released hold had kept was destroyed."""

    hold: str
    copy: str
    policy: PolicyVersion
    approved_by: PersonId
    unrecoverable_after: datetime


@event("footage.extension_requested")
class ExtensionRequested:
    """Somebody asked to keep footage longer; the station commander decides."""

    keep_until: datetime
    reason: Personal[str]
    requested_by: PersonId


@event("footage.extension_refused")
class ExtensionRefused:
    """A longer retention was refused."""

    refused_by: PersonId
    reasons: tuple[Reason, ...]


@event("footage.retention_extended")
class RetentionExtended:
    """Footage is kept longer than its categories say."""

    keep_until: datetime
    reason: Personal[str]
    requested_by: PersonId
    approved_by: PersonId


@event("footage.footage_destroyed")
class FootageDestroyed:
    """The key of footage was destroyed. After `unrecoverable_after` no backup can bring it back."""

    due_since: datetime
    categories: tuple[str, ...]
    policy: PolicyVersion
    approved_by: PersonId
    unrecoverable_after: datetime


@event("footage.rest_destroyed")
class RestDestroyed:
    """The key of footage was destroyed; what legal holds keep of it is left in their copies."""

    due_since: datetime
    categories: tuple[str, ...]
    policy: PolicyVersion
    approved_by: PersonId
    unrecoverable_after: datetime
    left: tuple[str, ...]  # the holds


@event("footage.footage_lost")
class FootageLost:
    """Footage that should exist does not."""

    feed: FeedId
    range: Range
    noticed_at: datetime
    detail: str


Event = (
    FootageRecorded
    | FootageImported
    | FootageTagged
    | LegalHoldPlaced
    | LegalHoldReleased
    | LegalHoldVerified
    | HeldRangeCopied
    | HeldCopyDestroyed
    | ExtensionRequested
    | ExtensionRefused
    | RetentionExtended
    | RestDestroyed
    | FootageDestroyed
    | FootageLost
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordFootage:
    feed: FeedId
    range: Range
    segments: int
    size_bytes: int
    manifest_root_sha256: str
    key: str
    category: str = "routine"


@dataclass(frozen=True, slots=True)
class ImportFootage:
    """A piece of a file that was imported: `imported_as` is the file's stream."""

    record: RecordFootage
    imported_as: StreamId
    received_at: datetime


@dataclass(frozen=True, slots=True)
class TagFootage:
    footage: FootageId
    category: str
    by: PersonId
    policy: PolicyInForce
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceLegalHold:
    """`range` None: all of it."""

    footage: FootageId
    hold: str
    legal_basis: LegalBasis
    reason: str
    verify_again_on: date
    by: PersonId
    range: Range | None = None


@dataclass(frozen=True, slots=True)
class ReleaseLegalHold:
    footage: FootageId
    hold: str
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class VerifyLegalHold:
    footage: FootageId
    hold: str
    reason: str
    verify_again_on: date
    by: PersonId


@dataclass(frozen=True, slots=True)
class NoteHeldCopy:
    """`policy`, `by` and `unrecoverable_after`: for the copy of a hold that was released meanwhile, which is destroyed
    at once."""

    copied: HeldRangeCopied
    policy: PolicyInForce
    by: PersonId
    unrecoverable_after: datetime


@dataclass(frozen=True, slots=True)
class RequestExtension:
    footage: FootageId
    keep_until: datetime
    reason: str
    by: PersonId
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class AnswerExtension:
    """`refusal`: why not; None approves what was asked for."""

    by: PersonId
    policy: PolicyInForce
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class DestroyFootage:
    """Asked for when it is due; `unrecoverable_after` is when the last backup of the key is gone."""

    policy: PolicyInForce
    approved_by: PersonId
    unrecoverable_after: datetime


@dataclass(frozen=True, slots=True)
class ReportLoss:
    feed: FeedId
    range: Range
    detail: str


Holding = PlaceLegalHold | ReleaseLegalHold | VerifyLegalHold | NoteHeldCopy
Extending = RequestExtension | AnswerExtension
Command = RecordFootage | ImportFootage | TagFootage | Holding | Extending | DestroyFootage | ReportLoss

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """There is no such footage."""


@dataclass(frozen=True, slots=True)
class Kept:
    recorded: FootageRecorded
    categories: frozenset[str]
    holds: Mapping[str, LegalHoldPlaced] = field(default_factory=lambda: MappingProxyType({}))
    keep_until: datetime | None = None
    asked: ExtensionRequested | None = None
    received_at: datetime | None = None  # of what somebody else recorded
    copies: Mapping[str, HeldRangeCopied] = field(default_factory=lambda: MappingProxyType({}))  # by hold

    @property
    def counts_from(self) -> datetime:
        """From when its days are counted."""
        return self.received_at or self.recorded.range.until


@dataclass(frozen=True, slots=True)
class HeldApart:
    """Destroyed, but for what legal holds keep of it in copies. A copy whose hold is released waits to be destroyed."""

    recorded: FootageRecorded
    holds: Mapping[str, LegalHoldPlaced]
    copies: Mapping[str, HeldRangeCopied]
    rest: RestDestroyed


@dataclass(frozen=True, slots=True)
class Destroyed:
    recorded: FootageRecorded


@dataclass(frozen=True, slots=True)
class Lost:
    """`holds`: what was to be kept. Each is released by a person, who so takes note of the loss. `left`: the only
    stretches of it that had not been destroyed before, None where nothing had."""

    feed: FeedId
    range: Range
    holds: Mapping[str, LegalHoldPlaced] = field(default_factory=lambda: MappingProxyType({}))
    left: tuple[Range, ...] | None = None


State = Unrecorded | Kept | HeldApart | Destroyed | Lost


@dataclass(frozen=True, slots=True)
class Stored:
    """Where footage is in the vault: under the name `footage` there, with the root of its manifest."""

    footage: str
    range: Range
    manifest_root_sha256: str


def stored(footage: FootageId, state: State) -> tuple[Stored, ...]:
    """Itself, or of what was destroyed the copies that holds keep; in order, nothing where nothing is left."""
    match state:
        case Kept(recorded):
            return (Stored(footage, recorded.range, recorded.manifest_root_sha256),)
        case HeldApart(copies=copies):
            left = (Stored(each.copy, each.range, each.manifest_root_sha256) for each in copies.values())
            return tuple(sorted(left, key=lambda part: (part.range.since, part.footage)))
        case _:
            return ()


def destroyed(state: State, range_: Range) -> bool:
    """Whether a stretch of footage was destroyed: itself, or as a part that no hold kept in one copy. What was lost was
    not: nobody decided that it goes, and what was made of it before may be all that is left."""
    match state:
        case Destroyed():
            return True
        case HeldApart(copies=copies):
            return not any(copied.range.covers(range_) for copied in copies.values())
        case Lost(left=left) if left is not None:
            return not any(part.covers(range_) for part in left)
        case _:
            return False


def not_copied(state: Kept | HeldApart) -> tuple[LegalHoldPlaced, ...]:
    """The holds that keep footage and have no copy of their own."""
    return tuple(placed for name, placed in state.holds.items() if name not in state.copies)


def destruction_due(state: Kept, parameters: PolicyParameters) -> datetime | None:
    """When the footage is to be destroyed, but for what holds keep in copies of their own; None while a hold has none,
    or where a category of it has no length.

    Of several categories the longest wins, and an extension beats them where it is later. A category that the policy
    does not name may be the longest of them: then nobody knows when it is due, so it is not.
    """
    return None if not_copied(state) else kept_until(state, parameters)


def kept_until(state: Kept, parameters: PolicyParameters) -> datetime | None:
    """The same whether or not it is held: what schedule and extension say alone."""
    days = {rule.category: rule.days for rule in parameters.retention}
    if not state.categories <= days.keys():
        return None
    due = state.counts_from + timedelta(days=max(days[category] for category in state.categories))
    return max(due, state.keep_until) if state.keep_until else due


@dataclass(frozen=True, slots=True)
class FootageStanding:
    """What other decisions may know of footage. `fault`: why it cannot be seen, None where it can; `left`: the only
    stretches of it that are, None where it is there as a whole."""

    footage: FootageId
    feed: FeedId | None
    range: Range | None
    fault: Reason | None
    left: tuple[Range, ...] | None = None

    def covers(self, wanted: Range) -> bool:
        parts = self.left if self.left is not None else (self.range,) if self.range is not None else ()
        return any(part.covers(wanted) for part in parts)

    def stretch(self, wanted: Range | None) -> Range | None:
        """The stretch that is asked for, or all of it; None where there is no such footage. Raises InvalidValue."""
        if self.range is None:
            return wanted
        found = wanted or (self.left[0] if self.left is not None and len(self.left) == 1 else self.range)
        if not self.covers(found) or found.since >= found.until:
            left = ", ".join(f"{part.since:%Y-%m-%dT%H:%M:%SZ} to {part.until:%H:%M:%SZ}" for part in self.left or ())
            accepted = f"within what is held of it: {left}" if left else "a stretch of the footage"
            raise InvalidValue("the range is not within the footage", field="range", accepted=accepted)
        return found


def footage_standing(footage: FootageId, state: State) -> FootageStanding:
    rule = "only what is kept can be seen"
    match state:
        case Kept(recorded):
            return FootageStanding(footage, recorded.feed, recorded.range, None)
        case HeldApart(recorded):
            left = tuple(part.range for part in stored(footage, state))
            return FootageStanding(footage, recorded.feed, recorded.range, None, left)
        case Destroyed(recorded):
            gone = Reason("footage_destroyed", "this footage was destroyed when it was due", rule, field="footage")
            return FootageStanding(footage, recorded.feed, recorded.range, gone)
        case Lost(feed, range_):
            lost = Reason("footage_lost", "this footage was lost, as is on record", rule, field="footage")
            return FootageStanding(footage, feed, range_, lost)
        case _:
            unknown = Reason("footage_unknown", "there is no such footage", rule, field="footage")
            return FootageStanding(footage, None, None, unknown)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RecordFootage(), Unrecorded():
            return [_recorded(command)]
        case ImportFootage(record, imported_as, received_at), Unrecorded():
            return [_recorded(record), FootageImported(imported_as, checks.aware("received_at", received_at))]
        case ((RecordFootage() | ImportFootage()), _):
            raise WrongState("footage was recorded under this id before: take another id", field="footage")
        case ReportLoss(), (Unrecorded() | Kept() | HeldApart()):
            checks.aware("range.since", command.range.since)
            checks.aware("range.until", command.range.until)
            return [FootageLost(command.feed, command.range, at, checks.cleaned(command.detail))]
        case ReportLoss(), Lost():
            return []
        case _, Unrecorded():
            raise NotFound("there is no such footage", field="footage", accepted="recorded footage's id")
        case NoteHeldCopy(copied), (Kept() | HeldApart()) if copied.hold in state.copies:
            return []
        case NoteHeldCopy(copied), (Kept() | HeldApart()) if copied.hold in state.holds:
            return [copied]
        case NoteHeldCopy(copied), (Kept() | HeldApart() | Destroyed()):
            return [_copy_destroyed(command, copied)]
        case ReleaseLegalHold(), (Kept() | HeldApart() | Lost()):
            if command.hold not in state.holds:
                raise NotFound("this footage has no such hold", field="hold", accepted=", ".join(sorted(state.holds)))
            return [LegalHoldReleased(command.hold, _sealed(command.footage, "reason", command.reason), command.by)]
        case VerifyLegalHold(), (Kept() | HeldApart()):
            return [_verified(command, state, at)]
        case PlaceLegalHold(), (Kept() | HeldApart()):
            return [_held(command, state, at)]
        case DestroyFootage(), HeldApart():
            return _copies_destroyed(command, state)
        case _, Kept():
            return _of_kept(command, state, at)
        case _:
            raise WrongState("this footage is gone", field="footage", accepted="footage that is kept")


def _recorded(command: RecordFootage) -> FootageRecorded:
    since, until = command.range.since, command.range.until
    checks.aware("range.since", since)
    checks.aware("range.until", until)
    if not timedelta(0) < until - since <= LONGEST:
        raise InvalidValue(
            "footage is at most an hour of one feed, and the segment that began in it",
            field="range",
            accepted="up to 3610 s, not empty",
        )
    if command.segments < 1 or command.size_bytes < 1:
        raise InvalidValue("footage has segments", field="segments", accepted="1 and up")
    return FootageRecorded(
        command.feed,
        command.range,
        command.segments,
        command.size_bytes,
        checks.sha256("manifest_root_sha256", command.manifest_root_sha256),
        checks.identifier("key", command.key),
        checks.code("category", command.category),
    )


def _of_kept(command: Command, state: Kept, at: datetime) -> list[Event]:
    match command:
        case TagFootage():
            known = {rule.category for rule in command.policy.parameters.retention}
            category = checks.one_of("category", command.category, known)
            if category in state.categories:
                return []
            note = _sealed(command.footage, "note", command.note) if command.note else None
            return [FootageTagged(category, note, command.by)]
        case RequestExtension():
            until = _longer(command.keep_until, state, command.policy.parameters, at)
            return [ExtensionRequested(until, _sealed(command.footage, "reason", command.reason), command.by)]
        case AnswerExtension():
            return [_answered(command, state, at)]
        case DestroyFootage():
            return _destroyed(command, state, at)
        case _:
            raise AssertionError(command)


def _verified(command: VerifyLegalHold, state: Kept | HeldApart, at: datetime) -> LegalHoldVerified:
    if command.hold not in state.holds:
        raise NotFound("this footage has no such hold", field="hold", accepted=", ".join(sorted(state.holds)))
    _day_to_come(command.verify_again_on, at)
    reason = _sealed(command.footage, "reason", command.reason)
    return LegalHoldVerified(command.hold, reason, command.verify_again_on, command.by)


def _destroyed(command: DestroyFootage, state: Kept, at: datetime) -> list[Event]:
    due = destruction_due(state, command.policy.parameters)
    if not_copied(state):
        accepted = "release the hold first, or wait until what it keeps is copied"
        raise WrongState("this footage is under a legal hold", field="footage", accepted=accepted)
    if due is None:
        raise WrongState(
            "the policy in force gives a category of this footage no length: it is not due",
            field="footage",
            accepted="footage whose every category has a length",
        )
    if at < due:
        raise WrongState("this footage is not due yet", field="footage", accepted="footage that is due")
    checks.aware("unrecoverable_after", command.unrecoverable_after)
    spare = [_copy_destroyed(command, copied) for hold, copied in state.copies.items() if hold not in state.holds]
    how = (due, tuple(sorted(state.categories)), command.policy.version, command.approved_by)
    if state.holds:
        return [*spare, RestDestroyed(*how, command.unrecoverable_after, tuple(sorted(state.holds)))]
    return [*spare, FootageDestroyed(*how, command.unrecoverable_after)]


def _copies_destroyed(command: DestroyFootage, state: HeldApart) -> list[Event]:
    """What is left of released holds; with the last of them the footage is gone."""
    if not_copied(state) or not (spare := [c for hold, c in state.copies.items() if hold not in state.holds]):
        accepted = "release the hold first"
        raise WrongState("what is left of this footage is under a legal hold", field="footage", accepted=accepted)
    checks.aware("unrecoverable_after", command.unrecoverable_after)
    events: list[Event] = [_copy_destroyed(command, copied) for copied in spare]
    if len(spare) == len(state.copies):
        due, categories, version = state.rest.due_since, state.rest.categories, command.policy.version
        events.append(FootageDestroyed(due, categories, version, command.approved_by, command.unrecoverable_after))
    return events


def _copy_destroyed(command: DestroyFootage | NoteHeldCopy, copied: HeldRangeCopied) -> HeldCopyDestroyed:
    by = command.by if isinstance(command, NoteHeldCopy) else command.approved_by
    return HeldCopyDestroyed(copied.hold, copied.copy, command.policy.version, by, command.unrecoverable_after)


def _held(command: PlaceLegalHold, state: Kept | HeldApart, at: datetime) -> LegalHoldPlaced:
    hold, standing = checks.identifier("hold", command.hold), footage_standing(command.footage, state)
    if hold in state.holds or hold in state.copies:
        raise WrongState("there is a hold of this name on it: take another name", field="hold")
    if command.range is not None:
        checks.aware("range.since", command.range.since)
        checks.aware("range.until", command.range.until)
    held = standing.stretch(command.range) or state.recorded.range
    _day_to_come(command.verify_again_on, at)
    basis, reason = check_legal_basis(command.legal_basis), _sealed(command.footage, "reason", command.reason)
    return LegalHoldPlaced(hold, held, basis, reason, command.verify_again_on, command.by)


def _answered(command: AnswerExtension, state: Kept, at: datetime) -> RetentionExtended | ExtensionRefused:
    asked = state.asked
    if asked is None:
        raise WrongState("nobody has asked to keep this footage longer", field="footage", accepted="one that waits")
    if command.refusal is not None:
        said = checks.text("reason", command.refusal, at_least=3, at_most=500)
        return ExtensionRefused(command.by, (Reason("declined", said, "the station commander extends retention"),))
    if command.by == asked.requested_by:
        message = "who asks for an extension does not approve it"
        raise WrongState(message, field="approved_by", accepted="another person")
    until = _longer(asked.keep_until, state, command.policy.parameters, at)
    return RetentionExtended(until, asked.reason, asked.requested_by, command.by)


def _longer(keep_until: datetime, state: Kept, parameters: PolicyParameters, at: datetime) -> datetime:
    until, anyway = checks.aware("keep_until", keep_until), kept_until(state, parameters)
    if anyway is None:
        said = "a category of this footage has no length in the policy in force: it is kept anyway"
        raise InvalidValue(said, field="keep_until", accepted="footage whose every category has a length")
    if until <= max(at, anyway):
        accepted = f"after {max(at, anyway):%Y-%m-%d %H:%M:%S} UTC"
        raise InvalidValue("this extends nothing: it is kept so long anyway", field="keep_until", accepted=accepted)
    return until


def _day_to_come(verify_again_on: date, at: datetime) -> None:
    if verify_again_on <= at.date():
        raise InvalidValue("a hold is verified again", field="verify_again_on", accepted="a day to come")


def _sealed(footage: FootageId, name: str, said: str) -> Personal[str]:
    return Personal(f"footage-{footage}", checks.text(name, said, at_least=3, at_most=500))


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case FootageRecorded(), _:
            return Kept(happened, frozenset({happened.category}))
        case FootageImported(received_at=received_at), Kept():
            return replace(state, received_at=received_at)
        case FootageLost(feed, range_), Kept(holds=holds):
            return Lost(feed, range_, holds)
        case FootageLost(feed, range_), HeldApart(holds=holds, copies=copies):
            return Lost(feed, range_, holds, tuple(copied.range for copied in copies.values()))
        case FootageLost(feed, range_), _:
            return Lost(feed, range_)
        case FootageTagged(category), Kept():
            return replace(state, categories=state.categories | {category})
        case LegalHoldPlaced(hold), (Kept() | HeldApart()):
            return replace(state, holds=MappingProxyType({**state.holds, hold: happened}))
        case LegalHoldReleased(hold), (Kept() | HeldApart() | Lost()):
            left = {name: placed for name, placed in state.holds.items() if name != hold}
            return replace(state, holds=MappingProxyType(left))
        case LegalHoldVerified(hold, _, verify_again_on), (Kept() | HeldApart()) if hold in state.holds:
            placed = replace(state.holds[hold], verify_again_on=verify_again_on)
            return replace(state, holds=MappingProxyType({**state.holds, hold: placed}))
        case HeldRangeCopied(hold), (Kept() | HeldApart()):
            return replace(state, copies=MappingProxyType({**state.copies, hold: happened}))
        case HeldCopyDestroyed(hold), (Kept() | HeldApart()):
            copies = {name: copied for name, copied in state.copies.items() if name != hold}
            return replace(state, copies=MappingProxyType(copies))
        case ExtensionRequested(), Kept():
            return replace(state, asked=happened)
        case ExtensionRefused(), Kept():
            return replace(state, asked=None)
        case RetentionExtended(keep_until), Kept():
            return replace(state, keep_until=keep_until, asked=None)
        case RestDestroyed(), Kept(recorded, holds=holds, copies=copies):
            return HeldApart(recorded, holds, copies, happened)
        case FootageDestroyed(), (Kept(recorded) | HeldApart(recorded)):
            return Destroyed(recorded)
        case _:
            return state


FOOTAGE: Aggregate[Command, Event, State] = Aggregate("footage", Unrecorded(), decide, evolve)
