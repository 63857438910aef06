"""Feedback by mail, on a real mail server: taken in once, answered once, and put away after that."""

from __future__ import annotations

import secrets
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from uuid import UUID

import pytest
from imap_tools import MailBoxUnencrypted, MailMessage

from adapters.mailbox import ImapMailbox, MailAddress
from api.processes import wiring
from api.processes.post import PostOffice
from api.settings import Settings, SettingsError, load
from application.complaints import Complaints, Feedback, complaint_of
from application.handling import Actor, Outcome, Unavailable
from application.letters import Letter, MailboxAway, Post, Shelf
from application.notices import Notices
from infra.mail_server import RunningMailServer, mail_server
from tests.adapters.mailbox.test_reading import letter, nested
from tests.adapters.notify.receivers import Mailbox
from tests.adapters.notify.receivers import mail_server as outgoing_server
from tests.api.watch_center import Json, WatchCenter, environment, settings_as, thread, until

SENDER = "watch-center@weho.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as running:
        yield running


class Street:
    """A mailbox of the test's own, and somebody who writes to it; what we write arrives in `outgoing`."""

    def __init__(self, center: WatchCenter, server: RunningMailServer, outgoing: Mailbox) -> None:
        self.center, self.server, self.outgoing = center, server, outgoing
        self.ours, self.ana = (f"{name}{secrets.token_hex(4)}@weho.example" for name in ("feedback", "ana"))
        self.send(letter(From=self.ours), to=self.ours)  # makes the mailbox
        with self._box(self.ours) as box:
            box.delete([message.uid for message in box.fetch() if message.uid])

    def _box(self, address: str, folder: str = "INBOX") -> MailBoxUnencrypted:
        return MailBoxUnencrypted("127.0.0.1", self.server.imap_port).login(address, address, folder)  # type: ignore[return-value]

    @property
    def settings(self) -> Settings:
        smtp = f"smtp://127.0.0.1:{self.outgoing.port}"
        mail = {"SAFERWEHO_IMAP_URL": self.server.mailbox(self.ours), "SAFERWEHO_SMTP_URL": smtp}
        return settings_as("saferweho_scheduler", {**self.center.environ, **mail, "SAFERWEHO_MAIL_FROM": SENDER})

    def send(self, message: EmailMessage, to: str = "", sender: str | None = None) -> None:
        with smtplib.SMTP("127.0.0.1", self.server.smtp_port) as smtp:
            smtp.send_message(message, self.ana if sender is None else sender, [to or self.ours])

    def lay(self, raw: bytes) -> None:
        """Bytes that no mail server would write, as one that does would leave them."""
        with self._box(self.ours) as box:
            box.append(raw, "INBOX")

    def inside(self, folder: str = "INBOX", address: str = "") -> list[MailMessage]:
        with self._box(address or self.ours) as box:
            if not box.folder.exists(folder):
                return []
            box.folder.set(folder)
            return list(box.fetch(mark_seen=False))

    def receipts(self) -> list[EmailMessage]:
        return [message for message in self.outgoing.messages if message["to"] == self.ana]

    def taken(self) -> list[Json]:
        """The feedback that the receipts are for."""
        lines = [line for message in self.receipts() for line in message.get_content().splitlines()]
        numbers = [line.split()[-1] for line in lines if "receipt number:" in line]
        return [self.center.events(f"complaint-{complaint_of(number)}")[0] for number in numbers]


@pytest.fixture
def street(watch_center: WatchCenter, server: RunningMailServer) -> Iterator[Street]:
    with outgoing_server() as outgoing:
        yield Street(watch_center, server, outgoing)


@contextmanager
def office(street: Street) -> Iterator[tuple[PostOffice, Post]]:
    settings = street.settings
    with wiring.handler(settings) as handler, ExitStack() as stack:
        made = PostOffice(settings, handler)
        yield made, made.post(stack)


def test_a_letter_is_taken_in_answered_with_a_receipt_and_put_away(street: Street) -> None:
    street.send(letter(From=f"Ana Pérez <{street.ana}>", Message_ID="<17@example.org>"))
    settings = street.settings
    with wiring.handler(settings) as handler:
        made = PostOffice(settings, handler)
        with thread("post", made.run):
            until(lambda: street.inside(Shelf.TAKEN), 60, what="the letter is put away")
            assert made.check()["ok"]
    assert not street.inside()
    (answer,) = street.receipts()
    assert (answer["from"], answer["auto-submitted"]) == (SENDER, "auto-replied")
    assert answer["in-reply-to"] == answer["references"] == "<17@example.org>"
    (event,) = street.taken()
    assert event["type"] == "org.weho.safer.complaint.feedback_received.v1"
    assert (event["data"]["channel"], event["actorid"]) == ("mail", "service-community")
    assert "Pérez" not in str(event) and "yard" not in str(event), "it is sealed"
    texts = street.center.as_role("city_analyst").ask(
        "query($id: ID!, $at: Position) { complaint(id: $id, afterPosition: $at) { texts { said name contact } } }",
        id=event["subject"].removeprefix("complaint-"),
        at=street.center.head(),
    )["complaint"]["texts"]
    assert texts["said"] == "Your drone\n\nThe drone stood over our yard."
    assert (texts["name"], texts["contact"]) == ("Ana Pérez", street.ana)


def test_a_letter_met_again_is_on_the_record_once(street: Street) -> None:
    street.send(letter(From=street.ana, Message_ID="<18@example.org>"))
    with office(street) as (_, post), MailAddress(street.server.mailbox(street.ours)).opened() as box:

        class DiesBeforePuttingAway(ImapMailbox):
            def put_away(self, letter: Letter, where: Shelf) -> None:
                raise MailboxAway("the connection broke after the commit")

        breaking = DiesBeforePuttingAway(box._box, "feedback")
        for _ in range(2):
            with pytest.raises(MailboxAway):
                post.take_in(breaking)
        before = street.center.head("complaint-")
        assert post.take_in(box) == 1
        assert street.center.head("complaint-") == before
    # Delivered a second time, under another number and at another moment, and after the mailbox was made anew.
    street.send(letter(From=street.ana, Message_ID="<18@example.org>"))
    with office(street) as (made, post):
        made.look(post)
    assert len({event["id"] for event in street.taken()}) == 1 and not street.inside()
    assert street.center.head("complaint-") == before


def test_who_uses_the_id_of_anothers_letter_is_heard_all_the_same(street: Street) -> None:
    for text in ("first", "second"):
        street.send(letter(text, From=street.ana, Message_ID="<19@example.org>"))
    with office(street) as (made, post):
        made.look(post)
    assert len({event["id"] for event in street.taken()}) == 2


def test_machines_are_neither_taken_in_nor_answered(street: Street) -> None:
    street.send(letter(From=street.ana, Auto_Submitted="auto-replied"))
    street.lay(letter(From=f"MAILER-DAEMON <{street.ana}>", Return_Path="<>").as_bytes())
    before = street.center.head("complaint-")
    with office(street) as (made, post):
        made.look(post)
    assert len(street.inside(Shelf.AUTOMATIC)) == 2 and not street.inside()
    assert not street.receipts() and street.center.head("complaint-") == before


def test_hostile_letters_stop_nobody_elses(street: Street) -> None:
    street.lay(nested(100))
    street.lay(b"From: x@y.example\r\n\r\n")
    street.lay(b"From: x@y.example\r\nContent-Type: text/plain; charset=x-none\r\n\r\n\xff\xfe \x80")
    huge = letter(From=street.ana, Subject="huge")
    huge.add_attachment(b"\0" * 3_000_000, maintype="application", subtype="zip", filename="bomb.zip")
    street.send(huge)
    street.send(letter(From=street.ana, Subject="honest"))
    with office(street) as (made, post):
        made.look(post)
    assert not street.inside() and len(street.inside(Shelf.UNREADABLE)) == 1
    assert len(street.inside(Shelf.TAKEN)) == 4 and len(street.taken()) == 2


def test_nobody_is_flooded_with_receipts_in_anothers_name(street: Street) -> None:
    for n in range(5):
        street.send(letter(f"letter {n}", From=street.ana))
    with office(street) as (made, post):
        made.look(post)
    assert len(street.receipts()) == 3 and len(street.inside(Shelf.TAKEN)) == 5


def test_while_the_store_is_away_a_letter_waits(street: Street) -> None:
    street.send(letter(From=street.ana))
    with office(street) as (made, _):
        away = Post(Nowhere(made.handler), Notices(made.handler), None)
        made.look(away)
    assert len(street.inside()) == 1 and not street.inside(Shelf.TAKEN)


class Nowhere(Complaints):
    """A store that does not answer in time."""

    def receive(self, actor: Actor, feedback: Feedback, command_id: UUID | None = None) -> Outcome:
        return Unavailable("store_unavailable", "it does not answer")


def test_a_mailbox_that_cannot_be_read_is_waited_for_and_told_of_after_an_hour(street: Street) -> None:
    settings = street.settings
    with wiring.handler(settings) as handler, ExitStack() as stack:
        made = PostOffice(settings, handler)
        made.address = MailAddress(f"imap://x:wrong@127.0.0.1:{street.server.imap_port}")
        made.look(made.post(stack))
        told = made.check()
        assert told["ok"] and "cannot be read" in told["fault"] and "wrong" not in str(told)
        made.read_at -= 2 * made.away_for
        before = street.center.head()
        made.look(made.post(stack))
        assert not made.check()["ok"] and street.center.head() > before


@pytest.mark.parametrize("url", ["imap.example.org", "http://u:p@imap.example.org", "imaps://imap.example.org"])
def test_a_mailbox_that_is_none_stops_the_start_in_words_without_the_password(url: str) -> None:
    with environment({"SAFERWEHO_ENV": "development", "SAFERWEHO_IMAP_URL": url}), pytest.raises(SettingsError) as told:
        load()
    assert "SAFERWEHO_IMAP_URL" in str(told.value) and "u:p" not in str(told.value)
