"""A case number: whether it is one that dispatch (CAD) told us of, or that oversight has looked up.

Somebody's grounds may name a number that dispatch never told: a detective's file has one that CAD does not give. It is
then on the record as unverified, makes the reason worse, and waits for an auditor to look it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, CallNumber, CaseNumber, Personal, PersonId, WrongState, event


class CaseVerdict(StrEnum):
    """What an auditor found who looked a case number up elsewhere."""

    FOUND = "found"  # there is such a case
    NOT_FOUND = "not_found"  # there is none


# -- events ------------------------------------------------------------------


@event("case.case_opened")
class CaseOpened:
    """Dispatch told that work on a call goes on under a case number."""

    call: CallNumber
    update_number: int
    cad_time: datetime


@event("case.case_examined")
class CaseExamined:
    """An auditor looked up a case number that dispatch had not told."""

    verdict: CaseVerdict
    findings: Personal[str]
    examined_by: PersonId


Event = CaseOpened | CaseExamined

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCase:
    call: CallNumber
    update_number: int
    cad_time: datetime


@dataclass(frozen=True, slots=True)
class ExamineCase:
    case: CaseNumber
    verdict: CaseVerdict
    findings: str
    by: PersonId


Command = OpenCase | ExamineCase

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unheard:
    """Dispatch has told nothing of this case, and nobody has looked it up."""


@dataclass(frozen=True, slots=True)
class Examined:
    """Dispatch has told nothing of it; an auditor has looked it up."""

    verdict: CaseVerdict


@dataclass(frozen=True, slots=True)
class Told:
    """Dispatch has told of it, for these calls."""

    calls: frozenset[CallNumber]


State = Unheard | Examined | Told


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """What other decisions may know of a case. `verified`: dispatch told of it, or an auditor found it."""

    case: CaseNumber
    verified: bool


def case_standing(case: CaseNumber, state: State) -> CaseStanding:
    match state:
        case Unheard():
            return CaseStanding(case, False)
        case Examined(verdict):
            return CaseStanding(case, verdict is CaseVerdict.FOUND)
        case Told():
            return CaseStanding(case, True)
        case _:
            assert_never(state)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case OpenCase(call), Told(calls) if call in calls:
            return []
        case OpenCase(call, update_number, cad_time), _:
            return [CaseOpened(call, update_number, checks.aware("cad_time", cad_time))]
        case ExamineCase(), Told():
            raise WrongState("dispatch has told of this case", field="case", accepted="a case that dispatch never told")
        case ExamineCase(verdict=verdict), Examined(before) if verdict is before:
            raise WrongState("this case was looked up before, with the same result", field="case")
        case ExamineCase(number, verdict, findings, by), _:
            said = checks.text("findings", findings, at_least=10, at_most=500)
            return [CaseExamined(verdict, Personal(f"case-{number}", said), by)]
        case _:
            raise AssertionError(command)


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case CaseOpened(call), Told(calls):
            return Told(calls | {call})
        case CaseOpened(call), _:
            return Told(frozenset({call}))
        case CaseExamined(verdict), (Unheard() | Examined()):
            return Examined(verdict)
        case _:
            return state


CASE: Aggregate[Command, Event, State] = Aggregate("case", Unheard(), decide, evolve)
