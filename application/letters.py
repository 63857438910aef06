"""Feedback that comes by mail: each letter once on the record, its sender told the receipt number, then put away.

Invariant: a letter is put away after the commit, never before. Who dies in between meets it again, and its id is a
function of what it says, so that it is on the record once. Nobody answers a machine (RFC 3834).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import structlog

from application.complaints import RECEIPT_BYTES, Complaints, Feedback, complaint_of, receipt_of
from application.handling import Accepted, Mistaken
from application.notices import NotDelivered, Notices
from application.standing import service
from domain.complaint import FeedbackChannel, Topic
from domain.kernel import StreamId
from domain.notice import CallForAttention

log = structlog.get_logger()


class Shelf(StrEnum):
    """Where a letter is put away."""

    TAKEN = "Taken in"
    AUTOMATIC = "Automatic"  # what machines wrote: bounces, holiday notes
    UNREADABLE = "Unreadable"  # a person has to look


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as far as it could be read. `identity`: the same whenever it is met again; `arrived_at`: by the mail
    server's clock; `said`: None where nothing of it can be read; `answer_to`: None where nobody is to be answered."""

    uid: str
    identity: str
    arrived_at: datetime
    said: str | None
    name: str = ""
    contact: str = ""
    answer_to: str | None = None
    message_id: str = ""
    automatic: bool = False


class Mailbox(Protocol):
    """Each raises MailboxAway."""

    def waiting(self) -> Iterable[Letter]:
        """Letters that were not put away, the oldest first."""
        ...

    def put_away(self, letter: Letter, where: Shelf) -> None: ...


class MailboxAway(Exception):
    """The mailbox cannot be read now, in words that say why."""


class Answers(Protocol):
    def receipt(self, letter: Letter, receipt: str) -> None:
        """Tell the sender the receipt number. Raises NotDelivered."""
        ...


class Post:
    """Takes letters in."""

    def __init__(self, complaints: Complaints, notices: Notices, answers: Answers | None) -> None:
        """`answers`: None where nobody can be written to."""
        self._complaints, self._notices, self._answers = complaints, notices, answers

    def take_in(self, mailbox: Mailbox) -> int:
        """Everything that waits; how many letters were put away. Raises MailboxAway."""
        return sum(self._one(mailbox, letter) for letter in mailbox.waiting())

    def _one(self, mailbox: Mailbox, letter: Letter) -> bool:
        if letter.automatic:
            mailbox.put_away(letter, Shelf.AUTOMATIC)
            log.info("letter_of_a_machine", uid=letter.uid)
            return True
        if letter.said is None:
            self._unreadable(letter)
            mailbox.put_away(letter, Shelf.UNREADABLE)
            return True
        receipt = receipt_of(hashlib.sha256(letter.identity.encode()).digest()[:RECEIPT_BYTES])
        feedback = Feedback(
            FeedbackChannel.MAIL,
            Topic.OTHER,  # what it is about says who looks at it
            letter.said,
            letter.arrived_at,
            letter.name,
            letter.contact,
            bool(letter.contact),
        )
        told = self._complaints.receive(service("service-community"), feedback, complaint_of(receipt))
        match told:
            case Accepted() | Mistaken(code="command_id_reused"):  # the latter: delivered twice, at two moments
                pass
            case _:
                log.warning("letter_waits", uid=letter.uid, told=type(told).__name__)
                return False
        try:
            if self._answers is not None and letter.answer_to is not None:
                self._answers.receipt(letter, receipt)
        except NotDelivered as failed:
            if not failed.final:
                log.warning("receipt_waits", uid=letter.uid, detail=failed.detail)
                return False  # it is on the record; the receipt is tried again with the letter
            log.warning("receipt_not_delivered", uid=letter.uid, detail=failed.detail)
        mailbox.put_away(letter, Shelf.TAKEN)
        return True

    def _unreadable(self, letter: Letter) -> None:
        detail = f"A letter that came {letter.arrived_at:%Y-%m-%d %H:%M} UTC lies in the folder '{Shelf.UNREADABLE}'."
        about = StreamId("service-community")
        self._notices.call_for_attention(
            service("service-community"), CallForAttention("letter_unreadable", about, letter.arrived_at, detail)
        )
