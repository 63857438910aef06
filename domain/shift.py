"""A shift handed over: who takes the watch from whom, and what is open at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain import checks
from domain.kernel import Aggregate, InvalidValue, Personal, PersonId, Reason, StreamId, WrongState, event
from domain.person import PersonStanding, Role

WATCH = frozenset({Role.WATCH_OPERATOR, Role.WATCH_SUPERVISOR, Role.REMOTE_PILOT, Role.STATION_COMMANDER})
MOST_IN_AN_EVENT = 150  # of 200 bytes at most each: an event holds 32 KiB


class OpenKind(StrEnum):
    """Why something is handed over with the watch."""

    CALL = "call"  # not closed
    FLIGHT = "flight"  # asked for and not over
    DRONE_OUT_OF_SERVICE = "drone_out_of_service"  # grounded
    LIVE_VIEW = "live_view"
    VIEWING = "viewing"
    OVERRIDE_WAITING = "override_waiting"  # for an answer
    OVERRIDE_ACTIVE = "override_active"
    HOLD_TO_VERIFY = "hold_to_verify"  # its day has come
    REVIEW_OVERDUE = "review_overdue"  # of an override or a disclosure, or the justification of a break-glass
    COMPLAINT_WAITING = "complaint_waiting"  # received and not looked at, or not answered
    STREAM_INCOMPLETE = "stream_incomplete"  # a board lacks an event of it


@dataclass(frozen=True, slots=True)
class OpenItem:
    kind: OpenKind
    stream: StreamId


# -- events ------------------------------------------------------------------


@event("shift.shift_handed_over", version=2)
class ShiftHandedOver:
    """The watch was handed over with what was open, as the boards had it at `as_of_position`."""

    # `open_count`: how much there was in all; what `open_items` does not hold is in the next events of the stream.

    handed_by: PersonId
    handed_to: PersonId
    open_items: tuple[OpenItem, ...]
    open_count: int
    as_of_position: int
    note: Personal[str] | None


@event("shift.more_was_open")
class MoreWasOpen:
    """More of what was open when the watch was handed over."""

    # `number`: of the first of them, from 1.

    number: int
    open_items: tuple[OpenItem, ...]


@event("shift.handover_refused")
class HandoverRefused:
    """Somebody tried to hand the watch to a person who cannot take it."""

    requested_by: PersonId
    handed_to: PersonId
    reasons: tuple[Reason, ...]


Event = ShiftHandedOver | MoreWasOpen | HandoverRefused

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandOverShift:
    """`open_items`: all that is open, read at `as_of_position`."""

    shift: str
    by: PersonId
    to: PersonStanding
    open_items: tuple[OpenItem, ...]
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
    items = command.open_items
    first, starts = items[:MOST_IN_AN_EVENT], range(MOST_IN_AN_EVENT, len(items), MOST_IN_AN_EVENT)
    handed = ShiftHandedOver(command.by, command.to.person, first, len(items), command.as_of_position, sealed)
    return [handed, *(MoreWasOpen(start + 1, items[start : start + MOST_IN_AN_EVENT]) for start in starts)]


def evolve(state: State, happened: Event) -> State:
    return HandedOver(happened.handed_to) if isinstance(happened, ShiftHandedOver) else state


SHIFT: Aggregate[Command, Event, State] = Aggregate("shift", UnderWay(), decide, evolve)
