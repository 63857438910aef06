"""Licence plates: searches of what plate readers (ALPR) saw, and hits of hot lists. Each is a stream of its own.

A search is on the record before any reader is asked, with all that Civ. Code §1798.90.52(a) (SB 34) names. A hit is a
machine's guess: nobody acts on it before a person has looked at the picture and asked whether the entry still stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain import checks
from domain.call import CallStanding
from domain.grounds import Grounds, StatedGrounds, check_grounds, grounds_refusals, purpose_refusals, stated
from domain.kernel import (
    Aggregate,
    DisclosureId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    PlateSearchId,
    Reason,
    WrongState,
    event,
)
from domain.policy import PolicyInForce
from domain.reason_quality import ReasonQuality

LONGEST = timedelta(days=366)  # of the time that one search may cover
_PLATE = re.compile(r"[A-Z0-9]{2,8}")
_PATTERN = re.compile(r"[A-Z0-9?]{2,8}")  # '?' stands for one character that nobody saw
_STATE = re.compile(r"[A-Z]{2}")


class AgencyKind(StrEnum):
    CALIFORNIA_PUBLIC = "california_public"
    OTHER_STATE = "other_state"
    FEDERAL = "federal"
    PRIVATE = "private"


class RejectionReason(StrEnum):
    MISREAD = "misread"  # the picture shows another plate
    OTHER_STATE = "other_state"  # the same characters, issued elsewhere
    OTHER_VEHICLE = "other_vehicle"  # the plate is on another vehicle than the list says
    NO_LONGER_LISTED = "no_longer_listed"
    OTHER = "other"


# -- events ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """The record of an access by Civ. Code §1798.90.52(a): when, which query, who for which organisation.

    Why is in the grounds beside it. `plate` may hold '?' for characters unknown; `other`: what else was asked for, such
    as make and colour; `seen_from`, `seen_until`: of the sightings asked for; `readers`: none named means all.
    """

    accessed_at: datetime
    plate: Personal[str] | None
    plate_state: str | None
    other: Personal[str] | None
    seen_from: datetime
    seen_until: datetime
    readers: tuple[str, ...]
    username: PersonId
    organisation: str


@event("platesearch.plate_searched")
class PlateSearched:
    """A person searched for a plate. `for_agency`: who else gets to know, accounted for by `disclosure`; `hit`: the
    confirmed hit that led to it."""

    access: AccessRecord
    grounds: StatedGrounds
    for_agency: str | None
    disclosure: DisclosureId | None
    hit: PlateSearchId | None


@event("platesearch.plate_search_refused")
class PlateSearchRefused:
    """A person was not let search; no reader was asked."""

    access: AccessRecord
    grounds: StatedGrounds
    for_agency: str | None
    hit: PlateSearchId | None
    reasons: tuple[Reason, ...]


@event("platesearch.search_answered")
class SearchAnswered:
    """The readers' system answered. `sightings`: how many the person was shown; `cut`: there were more."""

    provider: str
    sightings: int
    cut: bool
    answered_at: datetime


@event("platesearch.search_failed")
class SearchFailed:
    """The readers' system did not answer, or not so that it could be read; the person was shown nothing."""

    provider: str
    why: str


@event("platesearch.hot_list_hit_received")
class HotListHitReceived:
    """A plate reader saw a plate that is on a hot list, by its own reading. `reference`: the provider's own name."""

    provider: str
    reference: str
    hot_list: str
    plate: Personal[str]
    plate_state: str | None
    reader: str
    seen_at: datetime


@event("platesearch.hit_confirmed")
class HitConfirmed:
    """A person saw that the picture shows this plate and learnt that the entry stands. `checked_with`: who said so."""

    by: PersonId
    checked_with: str


@event("platesearch.hit_rejected")
class HitRejected:
    """A person found that a hit is none; it is not to be acted on."""

    by: PersonId
    why: RejectionReason
    note: Personal[str] | None


@event("platesearch.confirmation_refused")
class ConfirmationRefused:
    """A person wanted to confirm a hit without what a confirmation takes; it waits on."""

    by: PersonId
    reasons: tuple[Reason, ...]


Event = (
    PlateSearched
    | PlateSearchRefused
    | SearchAnswered
    | SearchFailed
    | HotListHitReceived
    | HitConfirmed
    | HitRejected
    | ConfirmationRefused
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlateQuery:
    """What is searched for. Times as a person gave them; the plate in any spelling."""

    seen_from: datetime
    seen_until: datetime
    plate: str | None = None
    plate_state: str | None = None
    other: str | None = None
    readers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agency:
    """Another agency that asked for the search, by name, never a person's."""

    name: str
    kind: AgencyKind


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """What a search is held against. `hit_fault`: why the hit that it rests on may not be used."""

    call: CallStanding | None
    policy: PolicyInForce
    hit_fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class SearchPlate:
    """`subject`: whose key seals plate and description: 'plate-' and a random id, which tells nothing about either."""

    search: PlateSearchId
    by: PersonId
    organisation: str
    query: PlateQuery
    grounds: Grounds
    quality: ReasonQuality
    facts: SearchFacts
    subject: str
    agency: Agency | None = None
    disclosure: DisclosureId | None = None
    hit: PlateSearchId | None = None


@dataclass(frozen=True, slots=True)
class NoteAnswer:
    provider: str
    sightings: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class NoteFailure:
    provider: str
    why: str


@dataclass(frozen=True, slots=True)
class ReceiveHit:
    provider: str
    reference: str
    hot_list: str
    plate: str
    plate_state: str | None
    reader: str
    seen_at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class ConfirmHit:
    """`picture_matches`: the person read the plate in the picture; `entry_stands`: `checked_with` said so just now."""

    by: PersonId
    picture_matches: bool
    entry_stands: bool
    checked_with: str


@dataclass(frozen=True, slots=True)
class RejectHit:
    by: PersonId
    why: RejectionReason
    note: str | None = None


Command = SearchPlate | NoteAnswer | NoteFailure | ReceiveHit | ConfirmHit | RejectHit

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nothing:
    """Neither a search nor a hit."""


@dataclass(frozen=True, slots=True)
class Searched:
    """On the record; the readers may be asked. `answered`: they were, and answered."""

    search: PlateSearched
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    search: PlateSearchRefused


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hit that no person has looked at."""

    hit: HotListHitReceived


@dataclass(frozen=True, slots=True)
class Confirmed:
    hit: HotListHitReceived


@dataclass(frozen=True, slots=True)
class Rejected:
    hit: HotListHitReceived


State = Nothing | Searched | Refused | Waiting | Confirmed | Rejected


def hit_fault(state: State) -> Reason | None:
    """Why a hit may not be used; None: it may."""
    rule = "a hit is confirmed by a person before use"
    match state:
        case Confirmed():
            return None
        case Waiting():
            return Reason("hit_not_confirmed", "nobody has confirmed this hit: look at its picture", rule, field="hit")
        case Rejected():
            return Reason("hit_rejected", "a person found that this hit is none", rule, field="hit")
        case _:
            return Reason("hit_unknown", "there is no such hit", rule, field="hit")


def plate_of(field: str, written: str, *, pattern: bool = False) -> str:
    """A plate as it is compared: capitals and digits alone. Raises InvalidValue, never with the plate."""
    plate = re.sub(r"[\s.·-]", "", written).upper()
    if not (_PATTERN if pattern else _PLATE).fullmatch(plate) or len(plate.replace("?", "")) < 2:
        accepted = "2 to 8 letters and digits" + (", '?' for each that is unknown" if pattern else "")
        raise InvalidValue("this is no licence plate", field=field, accepted=accepted)
    return plate


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case SearchPlate(), Nothing():
            return [_search(command, at)]
        case SearchPlate(), _:
            raise WrongState("this search was made before: make a new one", field="search")
        case NoteAnswer(provider, sightings, cut), Searched(answered=False):
            return [SearchAnswered(checks.text("provider", provider, at_most=80), sightings, cut, at)]
        case NoteFailure(provider, why), Searched(answered=False):
            return [SearchFailed(checks.text("provider", provider, at_most=80), checks.cleaned(why))]
        case NoteAnswer() | NoteFailure(), _:
            raise WrongState("no search waits here for an answer", field="search")
        case ReceiveHit(), Nothing():
            return [_received(command)]
        case ReceiveHit(), Waiting() | Confirmed() | Rejected():
            return []  # providers send again what they have sent
        case ConfirmHit(), Waiting():
            return [_confirm(command)]
        case RejectHit(by, why, note), Waiting(hit):
            return [HitRejected(by, why, _note(hit, why, note))]
        case ConfirmHit() | RejectHit(), Confirmed() | Rejected():
            raise WrongState("a person has decided on this hit before", field="hit")
        case _:
            raise NotFound("there is no such hit", field="hit", accepted="the id of a hit that waits")


def _search(command: SearchPlate, at: datetime) -> PlateSearched | PlateSearchRefused:
    grounds, policy, agency = command.grounds, command.facts.policy, command.agency
    if agency is None:
        check_grounds(grounds, policy)
    checks.code("purpose", grounds.purpose)
    access = _access(command, at)
    on_record = stated(grounds, command.quality, f"platesearch-{command.search}")
    name = checks.text("agency", agency.name, at_least=3, at_most=120) if agency else None
    if reasons := tuple(_refusals(command)):
        return PlateSearchRefused(access, on_record, name, command.hit, reasons)
    return PlateSearched(access, on_record, name, command.disclosure if agency else None, command.hit)


def _access(command: SearchPlate, at: datetime) -> AccessRecord:
    query = command.query
    seen_from, seen_until = checks.aware("seen_from", query.seen_from), checks.aware("seen_until", query.seen_until)
    if not timedelta(0) < seen_until - seen_from <= LONGEST:
        accepted = f"a time after 'seen_from', at most {LONGEST.days} days later"
        raise InvalidValue("a search covers a stretch of time", field="seen_until", accepted=accepted)
    if query.plate is None and query.other is None:
        accepted = "a plate, whole or in part, or a description of the vehicle"
        raise InvalidValue("a search is for something", field="plate", accepted=accepted)
    plate = None if query.plate is None else plate_of("plate", query.plate, pattern=True)
    other = None if query.other is None else checks.text("other", query.other, at_least=3)
    return AccessRecord(
        at,
        None if plate is None else Personal(command.subject, plate),
        _issued_by(query.plate_state),
        None if other is None else Personal(command.subject, other),
        seen_from,
        seen_until,
        tuple(sorted({checks.identifier("readers", reader) for reader in query.readers})),
        command.by,
        command.organisation,
    )


def _issued_by(state: str | None) -> str | None:
    if state is not None and not _STATE.fullmatch(state):
        raise InvalidValue("this names no state", field="plate_state", accepted="two capitals, such as CA")
    return state


def _refusals(command: SearchPlate) -> Iterator[Reason]:
    grounds, facts = command.grounds, command.facts
    if command.agency is None:
        yield from grounds_refusals(grounds, facts.call, facts.policy)
    else:
        yield from purpose_refusals(grounds.purpose, facts.policy, adopted=False)
        if grounds.call is not None and (facts.call is None or not facts.call.known):
            yield Reason("call_unknown", "dispatch knows no such call", "a call is one that dispatch knows", "call")
        if command.agency.kind is not AgencyKind.CALIFORNIA_PUBLIC:
            message = "what plate readers saw is shared with public agencies of California alone"
            yield Reason("agency_not_eligible", message, "Civ. Code §1798.90.55(b)", field="agency")
    if command.hit is not None and facts.hit_fault is not None:
        yield facts.hit_fault


def _received(command: ReceiveHit) -> HotListHitReceived:
    plate = plate_of("plate", command.plate)
    reference = checks.identifier("reference", command.reference)
    if plate in re.sub(r"[^A-Z0-9]", "", reference.upper()):
        # The reference stays readable for ever, the plate must not.
        raise InvalidValue("the reference holds the plate", field="reference", accepted="a name without the plate")
    return HotListHitReceived(
        checks.text("provider", command.provider, at_most=80),
        reference,
        checks.text("hot_list", command.hot_list, at_least=2, at_most=80),
        Personal(command.subject, plate),
        _issued_by(command.plate_state),
        checks.identifier("reader", command.reader),
        checks.aware("seen_at", command.seen_at),
    )


def _confirm(command: ConfirmHit) -> HitConfirmed | ConfirmationRefused:
    checked_with = checks.text("checked_with", command.checked_with, at_least=2, at_most=120)
    rule = "a hit is confirmed by a person before use"
    reasons: tuple[Reason, ...] = ()
    if not command.picture_matches:
        message = "the picture must show this plate: reject the hit as misread if it does not"
        reasons += (Reason("picture_not_checked", message, rule, field="picture_matches"),)
    if not command.entry_stands:
        message = "ask who keeps the list whether the entry still stands: reject the hit if it does not"
        reasons += (Reason("entry_not_checked", message, rule, field="entry_stands"),)
    return ConfirmationRefused(command.by, reasons) if reasons else HitConfirmed(command.by, checked_with)


def _note(hit: HotListHitReceived, why: RejectionReason, note: str | None) -> Personal[str] | None:
    if note is None:
        if why is RejectionReason.OTHER:
            raise InvalidValue("say what is wrong with it", field="note", accepted="3 to 300 characters")
        return None
    return Personal(hit.plate.subject, checks.text("note", note, at_least=3, at_most=300))


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case PlateSearched(), _:
            return Searched(happened)
        case PlateSearchRefused(), _:
            return Refused(happened)
        case SearchAnswered(), Searched(search):
            return Searched(search, answered=True)
        case HotListHitReceived(), _:
            return Waiting(happened)
        case HitConfirmed(), Waiting(hit):
            return Confirmed(hit)
        case HitRejected(), Waiting(hit):
            return Rejected(hit)
        case _:
            return state


PLATE_SEARCH: Aggregate[Command, Event, State] = Aggregate("platesearch", Nothing(), decide, evolve)
