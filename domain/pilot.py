"""A pilot programme: from when to when, under which council's decision, at what cost, and how it was judged.

Costs are kept by the headings in which the state asks for them, in whole cents, and come also after the end: invoices
are late. A correction is a record of its own, and never takes back more than was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, InvalidValue, NotFound, PersonId, WrongState, event

MOST_CENTS = 100_000_000_00
MOST_COSTS = 20_000


class CostHeading(StrEnum):
    """Gov. Code §7072(a)(4) (AB 481)."""

    ACQUISITION = "acquisition"
    PERSONNEL = "personnel"
    TRAINING = "training"
    TRANSPORTATION = "transportation"
    MAINTENANCE = "maintenance"
    STORAGE = "storage"
    UPGRADE = "upgrade"
    OTHER = "other"


# -- events ------------------------------------------------------------------
# Days are the city's own; `ends_on` is the last day. `authority`: the decision that it rests on, as the council numbers
# it.


@event("pilot.pilot_started")
class PilotStarted:
    """A pilot programme began."""

    title: str
    authority: str
    starts_on: date
    ends_on: date
    started_by: PersonId


@event("pilot.pilot_paused")
class PilotPaused:
    """A pilot programme was interrupted."""

    reason: str
    paused_by: PersonId


@event("pilot.pilot_resumed")
class PilotResumed:
    """A pilot programme went on after a pause."""

    reason: str
    resumed_by: PersonId


@event("pilot.pilot_extended")
class PilotExtended:
    """A pilot programme was given a later last day."""

    authority: str
    ends_on: date
    reason: str
    extended_by: PersonId


@event("pilot.pilot_concluded")
class PilotConcluded:
    """A pilot programme came to its end."""

    reason: str
    concluded_by: PersonId


@event("pilot.cost_recorded")
class CostRecorded:
    """Money was spent on a pilot programme; with `corrects`, an earlier record is made less or more by this."""

    cost: str
    heading: CostHeading
    equipment: str
    amount_cents: int
    spent_on: date
    fund_source: str
    description: str
    corrects: str | None
    recorded_by: PersonId


@event("pilot.evaluation_published")
class EvaluationPublished:
    """A judgement of a pilot programme was published, on the figures as of a position."""

    title: str
    document_sha256: str
    as_of_position: int
    published_by: PersonId


Event = PilotStarted | PilotPaused | PilotResumed | PilotExtended | PilotConcluded | CostRecorded | EvaluationPublished

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartPilot:
    title: str
    authority: str
    starts_on: date
    ends_on: date
    by: PersonId


@dataclass(frozen=True, slots=True)
class PausePilot:
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class ResumePilot:
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class ExtendPilot:
    authority: str
    ends_on: date
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class ConcludePilot:
    reason: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class RecordCost:
    """`amount_cents` is above zero; a correction (`corrects`: the id of the first record) may be below."""

    cost: str
    heading: CostHeading
    equipment: str
    amount_cents: int
    spent_on: date
    fund_source: str
    description: str
    by: PersonId
    corrects: str | None = None


@dataclass(frozen=True, slots=True)
class PublishEvaluation:
    """`document_sha256`: of the document as published; `as_of_position`: what its figures rest on."""

    title: str
    document_sha256: str
    as_of_position: int
    by: PersonId


Command = StartPilot | PausePilot | ResumePilot | ExtendPilot | ConcludePilot | RecordCost | PublishEvaluation

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """What a cost has come to with its corrections."""

    heading: CostHeading
    equipment: str
    cents: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    pass


@dataclass(frozen=True, slots=True)
class Running:
    starts_on: date
    ends_on: date
    costs: Mapping[str, Spent] = field(default_factory=lambda: MappingProxyType({}))
    records: frozenset[str] = frozenset()  # ids of costs and corrections


@dataclass(frozen=True, slots=True)
class Paused:
    running: Running


@dataclass(frozen=True, slots=True)
class Concluded:
    running: Running


State = NotStarted | Running | Paused | Concluded

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(state, NotStarted):
        if isinstance(command, StartPilot):
            return [_started(command)]
        raise NotFound("there is no such pilot programme", field="pilot", accepted="the id of one that was started")
    match command:
        case StartPilot():
            raise WrongState("this programme was started before", field="pilot", accepted="another id")
        case RecordCost():
            return [_cost(command, _running(state), at)]
        case PublishEvaluation():
            return [_evaluation(command)]
    match command, state:
        case _, Concluded():
            raise WrongState("this programme is concluded", field="pilot", accepted="costs and evaluations only")
        case PausePilot(reason, by), Running():
            return [PilotPaused(_reason(reason), by)]
        case PausePilot(), Paused():
            raise WrongState("this programme is paused already", field="pilot", accepted="one that runs")
        case ResumePilot(reason, by), Paused():
            return [PilotResumed(_reason(reason), by)]
        case ResumePilot(), Running():
            raise WrongState("this programme runs already", field="pilot", accepted="one that is paused")
        case ExtendPilot(authority, ends_on, reason, by), _:
            before = _running(state).ends_on
            if ends_on <= before:
                raise InvalidValue("not an extension", field="ends_on", accepted=f"a day after {before}")
            return [PilotExtended(_authority(authority), ends_on, _reason(reason), by)]
        case ConcludePilot(reason, by), _:
            return [PilotConcluded(_reason(reason), by)]
        case _:
            raise AssertionError(command)


def _running(state: Running | Paused | Concluded) -> Running:
    return state if isinstance(state, Running) else state.running


def _started(command: StartPilot) -> PilotStarted:
    if command.ends_on <= command.starts_on:
        raise InvalidValue("the programme ends before it begins", field="ends_on", accepted="a day after its first")
    title = checks.text("title", command.title, at_least=3, at_most=120)
    return PilotStarted(title, _authority(command.authority), command.starts_on, command.ends_on, command.by)


def _cost(command: RecordCost, running: Running, at: datetime) -> CostRecorded:
    checks.identifier("cost", command.cost)
    checks.code("equipment", command.equipment)
    if command.cost in running.records:
        raise WrongState("a cost was recorded under this id before", field="cost", accepted="a fresh id")
    if len(running.records) >= MOST_COSTS:
        raise WrongState("too many costs in one programme", field="cost", accepted=f"at most {MOST_COSTS}")
    checks.within("amount_cents", command.amount_cents, -MOST_CENTS, MOST_CENTS, "cents")
    if command.spent_on > at.date():
        raise InvalidValue("money is not spent in the future", field="spent_on", accepted=f"{at.date()} or before")
    if command.corrects is None:
        if command.amount_cents <= 0:
            raise InvalidValue("a cost is above zero", field="amount_cents", accepted="1 cent and up, or a correction")
    else:
        _check_correction(command, running)
    return CostRecorded(
        command.cost,
        command.heading,
        command.equipment,
        command.amount_cents,
        command.spent_on,
        checks.text("fund_source", command.fund_source, at_least=2, at_most=120),
        checks.text("description", command.description, at_least=3, at_most=500),
        command.corrects,
        command.by,
    )


def _check_correction(command: RecordCost, running: Running) -> None:
    corrected = running.costs.get(command.corrects or "")
    if corrected is None:
        raise NotFound("there is no such cost", field="corrects", accepted="the id of a cost that was recorded")
    if (command.heading, command.equipment) != (corrected.heading, corrected.equipment):
        accepted = f"{corrected.heading} of {corrected.equipment}; take it back in full, then record it anew elsewhere"
        raise InvalidValue("a correction stays under its heading", field="heading", accepted=accepted)
    if command.amount_cents == 0 or corrected.cents + command.amount_cents < 0:
        accepted = f"{-corrected.cents} cents and up, not zero"
        raise InvalidValue("it takes back more than was recorded", field="amount_cents", accepted=accepted)


def _evaluation(command: PublishEvaluation) -> EvaluationPublished:
    if command.as_of_position < 1:
        raise InvalidValue("this is no position", field="as_of_position", accepted="1 and up")
    return EvaluationPublished(
        checks.text("title", command.title, at_least=3, at_most=200),
        checks.sha256("document_sha256", command.document_sha256),
        command.as_of_position,
        command.by,
    )


def _reason(reason: str) -> str:
    return checks.text("reason", reason, at_least=10, at_most=500)


def _authority(authority: str) -> str:
    return checks.text("authority", authority, at_least=3, at_most=200)


def evolve(state: State, happened: Event) -> State:
    match happened:
        case PilotStarted(starts_on=starts_on, ends_on=ends_on):
            return Running(starts_on, ends_on)
        case EvaluationPublished():
            return state
    if isinstance(state, NotStarted):
        return state
    match happened:
        case PilotPaused():
            return Paused(_running(state))
        case PilotResumed():
            return _running(state)
        case PilotExtended(ends_on=ends_on):
            return _with(state, replace(_running(state), ends_on=ends_on))
        case PilotConcluded():
            return Concluded(_running(state))
        case CostRecorded():
            return _with(state, _spent(_running(state), happened))
        case _:
            assert_never(happened)


def _with(state: Running | Paused | Concluded, running: Running) -> State:
    return running if isinstance(state, Running) else replace(state, running=running)


def _spent(running: Running, cost: CostRecorded) -> Running:
    of = cost.corrects or cost.cost
    before = running.costs[of].cents if of in running.costs else 0
    now = Spent(cost.heading, cost.equipment, before + cost.amount_cents)
    return replace(running, costs=MappingProxyType({**running.costs, of: now}), records=running.records | {cost.cost})


PILOT: Aggregate[Command, Event, State] = Aggregate("pilot", NotStarted(), decide, evolve)
