"""A sign-on session: one person at one place, from sign-on to sign-off.

The identity provider says who; whether that person has access is decided here, out of the person's own stream.
Denied and invalid attempts are on the record with field and code, never with the rejected value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, NotFound, PersonId, Reason, WrongState, event
from domain.person import PersonStanding

LONGEST_SESSION = timedelta(hours=12)  # one shift; then sign on again


class SignOffReason(StrEnum):
    CLOSED = "closed"  # by the person
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    REPLACED = "replaced"
    REVOKED = "revoked"  # by somebody else


# -- events ------------------------------------------------------------------


@event("session.signed_on")
class SignedOn:
    """A person signed on."""

    person: PersonId
    issuer: str
    method: str
    source: str
    ends_at: datetime


@event("session.sign_on_refused")
class SignOnRefused:
    """Somebody proved who he is and was refused all the same."""

    claimed: str
    issuer: str
    method: str
    source: str
    reasons: tuple[Reason, ...]


@event("session.stepped_up")
class SteppedUp:
    """A person proved his identity once more, for acts that need it."""

    until: datetime
    method: str


@event("session.session_locked")
class SessionLocked:
    """A console was locked; the person must prove his identity again."""

    reason: str


@event("session.signed_off")
class SignedOff:
    """A session ended."""

    reason: SignOffReason


@event("session.attempt_refused")
class AttemptRefused:
    """A signed-on person tried what policy denies or what makes no sense; `target` is the stream it was aimed at."""

    action: str
    target: str
    reasons: tuple[Reason, ...]
    rule: str


Event = SignedOn | SignOnRefused | SteppedUp | SessionLocked | SignedOff | AttemptRefused

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignOn:
    """`claimed`: the subject the identity provider vouched for; `ends_at`: when its proof ends at the latest;
    `authenticated_at`: when the person last showed a factor there."""

    claimed: PersonStanding
    issuer: str
    method: str
    source: str
    ends_at: datetime
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepUp:
    """`minutes`: the policy's length of a step-up."""

    method: str
    minutes: int


@dataclass(frozen=True, slots=True)
class LockSession:
    reason: str


@dataclass(frozen=True, slots=True)
class SignOff:
    reason: SignOffReason


@dataclass(frozen=True, slots=True)
class RecordRefusedAttempt:
    action: str
    target: str
    reasons: tuple[Reason, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class ExpireSession:
    """Ends the session if its time is over."""


Command = SignOn | StepUp | LockSession | SignOff | ExpireSession | RecordRefusedAttempt

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotSignedOn:
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    person: PersonId
    ends_at: datetime
    stepped_up_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Locked:
    person: PersonId
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    person: PersonId


State = NotSignedOn | Open | Locked | Ended


@dataclass(frozen=True, slots=True)
class SessionStanding:
    """What other decisions may know of a session: whose it is, whether it is open and stepped up at that moment."""

    session: str
    person: PersonId | None
    open: bool
    stepped_up_until: datetime | None = None

    def stepped_up(self, at: datetime) -> bool:
        return self.open and self.stepped_up_until is not None and at <= self.stepped_up_until


def session_standing(session: str, state: State, at: datetime) -> SessionStanding:
    match state:
        case Open(person, ends_at, until):
            is_open = at <= ends_at
            return SessionStanding(session, person, is_open, until if is_open else None)
        case Locked(person) | Ended(person):
            return SessionStanding(session, person, False)
        case NotSignedOn():
            return SessionStanding(session, None, False)
        case _:
            assert_never(state)


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case SignOn(), NotSignedOn(refused=False):
            who = command.claimed
            if reasons := (*who.access_refusals(), *_void_proof(who, command.authenticated_at)):
                return [SignOnRefused(who.person, command.issuer, command.method, command.source, reasons)]
            ends_at = min(checks.aware("ends_at", command.ends_at), at + LONGEST_SESSION)
            return [SignedOn(who.person, command.issuer, command.method, command.source, ends_at)]
        case SignOn(), _:
            raise WrongState("this session was used before: sign on with a new one", field="session")
        case RecordRefusedAttempt(), Open() | Locked() | Ended():
            return [AttemptRefused(command.action, command.target, command.reasons, command.rule)]
        case StepUp(), (Open() | Locked()) if at <= state.ends_at:
            until = min(at + timedelta(minutes=command.minutes), state.ends_at)
            return [SteppedUp(until, command.method)]
        case LockSession(), Open():
            return [SessionLocked(checks.text("reason", command.reason))]
        case LockSession(), Locked():
            return []
        case SignOff(), Open() | Locked():
            return [SignedOff(command.reason)]
        case SignOff(), Ended():
            return []
        case ExpireSession(), Open() | Locked():
            return [SignedOff(SignOffReason.EXPIRED)] if at >= state.ends_at else []
        case ExpireSession(), Ended():
            return []
        case _, NotSignedOn():
            raise NotFound("there is no such session: sign on first", field="session")
        case _:
            raise WrongState("the session has ended: sign on again", field="session")


def _void_proof(who: PersonStanding, authenticated_at: datetime | None) -> tuple[Reason, ...]:
    if who.proofs_from is None or (authenticated_at is not None and authenticated_at > who.proofs_from):
        return ()
    said = "this proof of identity was revoked: show at your identity provider anew who you are"
    return (Reason("proof_revoked", said, "access that was revoked takes a fresh proof"),)


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case SignedOn(), _:
            return Open(happened.person, happened.ends_at)
        case SignOnRefused(), _:
            return NotSignedOn(refused=True)
        case SteppedUp(until), Open():
            return replace(state, stepped_up_until=until)
        case SteppedUp(until), Locked(person, ends_at):
            return Open(person, ends_at, until)
        case SessionLocked(), Open(person, ends_at):
            return Locked(person, ends_at)
        case SignedOff(), Open(person) | Locked(person):
            return Ended(person)
        case _:
            return state


SESSION: Aggregate[Command, Event, State] = Aggregate("session", NotSignedOn(), decide, evolve)
