"""Feedback of the public, and the complaints it may become: received, opened, assigned, answered.

Who writes from outside gets a receipt number, with which the state can be read without any account. The complaint's id
is a function of that number and not the other way round: who knows the one on the record cannot make up the other.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome, standing_of
from domain import complaint
from domain.catalogue import AGGREGATES, aggregate_of
from domain.complaint import COMPLAINT, Disposal, FeedbackChannel, Resolution, Topic
from domain.kernel import InvalidValue, NotFound, PersonId, StreamId
from domain.person import PERSON


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody of the public says; `name` and `contact` blank where they give none."""

    channel: FeedbackChannel
    topic: Topic
    said: str
    received_at: datetime
    name: str = ""
    contact: str = ""
    wants_answer: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far feedback has come, as its sender may know. `answer`: None before, or where its key was destroyed."""

    phase: Phase
    received_at: datetime
    answer_by: datetime | None = None
    resolution: Resolution | None = None
    answer: str | None = None


class Phase(StrEnum):
    RECEIVED = "received"
    LOOKED_INTO = "looked_into"
    DEALT_WITH = "dealt_with"  # it was no complaint
    ANSWERED = "answered"


RECEIPT_BYTES = 10
_RECEIPT = re.compile(r"WH([A-Z2-7]{16})")
_MISREAD = str.maketrans({"0": "O", "1": "I", "8": "B", "-": None, " ": None})


def receipt_of(seed: bytes) -> str:
    """`WH-XXXX-XXXX-XXXX-XXXX` for RECEIPT_BYTES bytes that nobody can guess."""
    letters = base64.b32encode(seed).decode()
    return "-".join(["WH", *(letters[i : i + 4] for i in range(0, len(letters), 4))])


def complaint_of(receipt: str) -> UUID:
    """The id of the complaint that a receipt number is for, however it was typed. Raises InvalidValue."""
    found = _RECEIPT.fullmatch(receipt.strip().upper().translate(_MISREAD)[:64])
    if found is None:
        accepted = "WH- and four groups of four letters or digits"
        raise InvalidValue("this is no receipt number", field="receipt", accepted=accepted)
    return uuid5(NAMESPACE_URL, f"urn:saferweho:receipt:{found[1]}")


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a complaint, None where their key is destroyed; `concerns`: whom it is about."""

    said: str | None
    name: str | None
    contact: str | None
    answer: str | None = None
    measure: str | None = None
    concerns: PersonId | None = None


class Complaints(Commands):
    def receive(self, actor: Actor, feedback: Feedback, command_id: UUID | None = None) -> Outcome:
        """Put feedback on the record. Its id is the command's."""
        ticket = self.handler.ticket("receive_feedback", feedback, actor, command_id)
        key = str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "receive_feedback", COMPLAINT.stream(key))
            command = complaint.ReceiveFeedback(
                key,
                feedback.channel,
                feedback.topic,
                feedback.said,
                feedback.received_at,
                feedback.name,
                feedback.contact,
                feedback.wants_answer,
            )
            attempt.decide(COMPLAINT, key, command)
            return outcome(attempt, COMPLAINT.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def close(self, actor: Actor, key: str, disposal: Disposal, command_id: UUID | None = None) -> Outcome:
        """Say what became of feedback that is no complaint."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "close_feedback", COMPLAINT.stream(key))
            attempt.decide(COMPLAINT, key, complaint.CloseFeedback(disposal, PersonId(actor.person)))
            return outcome(attempt, COMPLAINT.stream(key), key)

        return self.run(actor, "close_feedback", [key, disposal], command_id, use)

    def open(
        self,
        actor: Actor,
        key: str,
        topic: Topic,
        about: StreamId | None,
        concerns: PersonId | None,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Feedback is a complaint, to be answered within the time the use policy states."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "open_complaint", COMPLAINT.stream(key))
            if about is not None:
                must_exist(attempt, about, "about")
            if concerns is not None:
                must_exist(attempt, PERSON.stream(concerns), "concerns")
            within = timedelta(days=policy.parameters.complaint_answer_days)
            command = complaint.OpenComplaint(topic, within, PersonId(actor.person), about, concerns)
            attempt.decide(COMPLAINT, key, command)
            return outcome(attempt, COMPLAINT.stream(key), key)

        return self.run(actor, "open_complaint", [key, topic, about, concerns], command_id, use)

    def assign(self, actor: Actor, key: str, to: PersonId, command_id: UUID | None = None) -> Outcome:
        """Have somebody look into a complaint and answer it."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "assign_complaint", COMPLAINT.stream(key))
            command = complaint.AssignComplaint(standing_of(attempt, to, policy), PersonId(actor.person))
            attempt.decide(COMPLAINT, key, command)
            return outcome(attempt, COMPLAINT.stream(key), key)

        return self.run(actor, "assign_complaint", [key, to], command_id, use)

    def resolve(
        self,
        actor: Actor,
        key: str,
        resolution: Resolution,
        answer: str,
        measure: str = "",
        command_id: UUID | None = None,
    ) -> Outcome:
        """Answer a complaint, as the person it is assigned to."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "resolve_complaint", COMPLAINT.stream(key))
            command = complaint.ResolveComplaint(key, resolution, answer, PersonId(actor.person), measure)
            attempt.decide(COMPLAINT, key, command)
            return outcome(attempt, COMPLAINT.stream(key), key)

        return self.run(actor, "resolve_complaint", [key, resolution, answer, measure], command_id, use)

    def progress(self, key: str) -> Progress | None:
        """Out of the stream itself; None where there is no such feedback. Raises StoreUnavailable."""
        state: complaint.State = self.handler.states.load([(COMPLAINT, key)])[COMPLAINT.stream(key)][1]
        match state:
            case complaint.Received(told):
                return Progress(Phase.RECEIVED, told.received_at)
            case complaint.Open(told, opened):
                return Progress(Phase.LOOKED_INTO, told.received_at, opened.answer_by)
            case complaint.Closed(told, _, None):
                return Progress(Phase.DEALT_WITH, told.received_at)
            case complaint.Closed(told, _, resolved) if resolved is not None:
                answer = self.handler.keys.text(resolved.answer)
                return Progress(Phase.ANSWERED, told.received_at, resolution=resolved.resolution, answer=answer)
            case _:
                return None

    def said(self, key: str) -> Said | None:
        """The words, out of the stream itself: no read model keeps them. None where there is no such feedback."""
        state: complaint.State = self.handler.states.load([(COMPLAINT, key)])[COMPLAINT.stream(key)][1]
        text = self.handler.keys.text
        match state:
            case complaint.Received(told):
                return Said(text(told.said), text(told.name), text(told.contact))
            case complaint.Open(told, opened):
                return Said(text(told.said), text(told.name), text(told.contact), concerns=opened.concerns)
            case complaint.Closed(told, opened, resolved):
                answer, measure = (text(resolved.answer), text(resolved.measure)) if resolved else (None, None)
                concerns = opened.concerns if opened else None
                return Said(text(told.said), text(told.name), text(told.contact), answer, measure, concerns)
            case _:
                return None


def must_exist(attempt: Attempt, stream: StreamId, field: str) -> None:
    """Raises InvalidValue for what names no stream, NotFound where nothing is on it."""
    kind, _, key = stream.partition("-")
    if kind not in AGGREGATES or not key:
        accepted = "a stream such as flight-…, camera-… or person-…"
        raise InvalidValue("this names nothing of the record", field=field, accepted=accepted)
    if attempt.version(aggregate_of(stream), key) == 0:
        raise NotFound("there is no such thing", field=field)
