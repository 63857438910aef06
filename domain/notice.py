"""A notification: one message to one person or one machine, from the wish to tell to its arrival or failure.

Nobody finds out by chance: what could not be delivered is tried again, and is on the record when it is given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from domain import checks
from domain.kernel import Aggregate, InvalidValue, NotFound, PersonId, StreamId, WrongState, event

# After each failure, how long to wait; after the last one it is given up, about nine hours after the first.
PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 360))


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


# -- events ------------------------------------------------------------------


@event("notice.notification_sent")
class NotificationSent:
    """A message was given out to be delivered; whether it arrived is told by another event."""

    rule: str
    about: StreamId
    channel: Channel
    person: PersonId | None
    endpoint: str | None
    subject: str
    text: str
    attempt: int


@event("notice.notification_delivered")
class NotificationDelivered:
    """The mail server or the machine at the other end took a message."""

    attempt: int
    detail: str


@event("notice.notification_failed")
class NotificationFailed:
    """A message could not be delivered; it is tried again at `retry_at`, or given up."""

    attempt: int
    detail: str
    retry_at: datetime | None


@event("notice.attention_needed")
class AttentionNeeded:
    """Something is overdue or runs out, and somebody has to look after it; who is told follows from `what`."""

    what: str
    about: StreamId
    since: datetime
    detail: str


Event = NotificationSent | NotificationDelivered | NotificationFailed | AttentionNeeded

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendNotification:
    """`person`: for a mail; `endpoint`: the name of a webhook. The text names nobody of the public."""

    rule: str
    about: StreamId
    channel: Channel
    subject: str
    text: str
    person: PersonId | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class RetryNotification:
    """Gives out once more what failed, when its pause is over."""


@dataclass(frozen=True, slots=True)
class RecordDelivery:
    attempt: int
    detail: str


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """`final`: no further attempt can succeed, for instance because there is no such address."""

    attempt: int
    detail: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class CallForAttention:
    """In a stream of its own, once: `what` is a code, `since` when it became so."""

    what: str
    about: StreamId
    since: datetime
    detail: str


Command = CallForAttention | SendNotification | RetryNotification | RecordDelivery | RecordFailure

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsent:
    """Nobody was told anything."""


@dataclass(frozen=True, slots=True)
class OnItsWay:
    sent: NotificationSent


@dataclass(frozen=True, slots=True)
class Waiting:
    sent: NotificationSent
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Over:
    sent: NotificationSent
    delivered: bool


@dataclass(frozen=True, slots=True)
class Called:
    """Attention was called for; what is sent because of it has streams of its own."""


State = Unsent | OnItsWay | Waiting | Over | Called

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case CallForAttention(what, about, since, detail), Unsent():
            return [AttentionNeeded(checks.code("what", what), about, since, checks.cleaned(detail))]
        case CallForAttention(), _:
            return []
        case SendNotification(), Unsent():
            return [_sent(command)]
        case SendNotification(), _:
            raise WrongState("this notification was sent before", field="notice")
        case _, Unsent():
            raise NotFound("there is no such notification", field="notice")
        case RetryNotification(), Waiting(sent, retry_at):
            return [_again(sent)] if at >= retry_at else []
        case RetryNotification(), _:
            return []
        case RecordDelivery(attempt, detail), OnItsWay(sent) if attempt == sent.attempt:
            return [NotificationDelivered(attempt, checks.cleaned(detail))]
        case RecordFailure(attempt, detail, final), OnItsWay(sent) if attempt == sent.attempt:
            again_at = None if final or attempt > len(PAUSES) else at + PAUSES[attempt - 1]
            return [NotificationFailed(attempt, checks.cleaned(detail), again_at)]
        case ((RecordDelivery() | RecordFailure()), _):
            return []  # told before
        case _:
            raise AssertionError("decided above")


def _sent(command: SendNotification) -> NotificationSent:
    if (command.person is None) == (command.channel is Channel.MAIL):
        raise InvalidValue("a mail goes to a person, a webhook to a machine", field="person", accepted="one of them")
    return NotificationSent(
        checks.code("rule", command.rule),
        command.about,
        command.channel,
        command.person,
        command.endpoint,
        checks.text("subject", command.subject, at_most=200),
        checks.text("text", command.text, at_most=2000),
        1,
    )


def _again(sent: NotificationSent) -> NotificationSent:
    return NotificationSent(
        sent.rule, sent.about, sent.channel, sent.person, sent.endpoint, sent.subject, sent.text, sent.attempt + 1
    )


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case NotificationSent(), _:
            return OnItsWay(happened)
        case AttentionNeeded(), _:
            return Called()
        case _, Unsent() | Called():
            return state
        case NotificationDelivered(), _:
            return Over(state.sent, True)
        case NotificationFailed(), _:
            again_at = happened.retry_at
            return Over(state.sent, False) if again_at is None else Waiting(state.sent, again_at)
        case _:
            assert_never(happened)


NOTICE: Aggregate[Command, Event, State] = Aggregate("notice", Unsent(), decide, evolve)
