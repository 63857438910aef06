"""A shift handed over: who takes the watch from whom, and what is open at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import checks
from domain.kernel import Aggregate, InvalidValue, Personal, PersonId, Reason, StreamId, WrongState, event
from domain.person import PersonStanding, Role

WATCH = frozenset({Role.WATCH_OPERATOR, Role.WATCH_SUPERVISOR, Role.REMOTE_PILOT, Role.STATION_COMMANDER})
MOST_OPEN = 200

# -- events ------------------------------------------------------------------


@event("shift.shift_handed_over")
class ShiftHandedOver:
    """The watch was handed over with what was open, as the boards had it at `as_of_position`."""

    handed_by: PersonId
    handed_to: PersonId
    open_items: tuple[StreamId, ...]
    as_of_position: int
    note: Personal[str] | None


@event("shift.handover_refused")
class HandoverRefused:
    """Somebody tried to hand the watch to a person who cannot take it."""

    requested_by: PersonId
    handed_to: PersonId
    reasons: tuple[Reason, ...]


Event = ShiftHandedOver | HandoverRefused

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandOverShift:
    """`open_items`: streams of calls, flights and whatever else waits, read at `as_of_position`."""

    shift: str
    by: PersonId
    to: PersonStanding
    open_items: tuple[StreamId, ...]
    as_of_position: int
    note: str = ""


Command = HandOverShift

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Not handed over."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    to: PersonId


State = UnderWay | HandedOver

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(state, HandedOver):
        raise WrongState("this shift was handed over before", field="shift")
    if command.to.person == command.by:
        raise InvalidValue("nobody takes over from himself", field="handed_to", accepted="another person of the watch")
    if len(command.open_items) > MOST_OPEN:
        raise InvalidValue("too much is open for one handover", field="open_items", accepted=f"at most {MOST_OPEN}")
    reasons = list(command.to.access_refusals())
    if not command.to.roles & WATCH:
        accepted = ", ".join(sorted(WATCH))
        said = "this person does not work the watch"
        reasons.append(Reason("not_of_the_watch", said, "the watch takes over from the watch", "handed_to", accepted))
    if reasons:
        return [HandoverRefused(command.by, command.to.person, tuple(reasons))]
    note = checks.text("note", command.note, at_most=2000) if command.note.strip() else ""
    # Free text may name anybody: it is sealed under the shift.
    sealed = Personal(f"shift-{command.shift}", note) if note else None
    return [ShiftHandedOver(command.by, command.to.person, command.open_items, command.as_of_position, sealed)]


def evolve(state: State, happened: Event) -> State:
    return HandedOver(happened.handed_to) if isinstance(happened, ShiftHandedOver) else state


SHIFT: Aggregate[Command, Event, State] = Aggregate("shift", UnderWay(), decide, evolve)
