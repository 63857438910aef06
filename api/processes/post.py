"""The mailbox that the public writes to, looked into every half minute by the scheduler's process."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from adapters.allowances import PostgresAllowances, Rate
from adapters.identity.keys import session_keys
from adapters.mailbox import MailAddress
from adapters.notify import MailServer
from api.settings import Settings
from application.complaints import Complaints
from application.handling import Handler
from application.letters import Letter, MailboxAway, Post
from application.notices import NotDelivered, Notices
from application.ports import StoreUnavailable
from application.standing import service
from domain.kernel import StreamId
from domain.notice import CallForAttention

log = structlog.get_logger()
LOOK_EVERY_S = 30.0
AWAY_FOR = timedelta(hours=1)  # then somebody is told
RECEIPTS = Rate(3, timedelta(hours=1))  # to one address: whoever writes in the name of another annoys them no more
TEXT = """Your message to the watch center of West Hollywood has come. Nobody has read it yet: this answer is automatic.

Your receipt number:  {receipt}

With it you can read how far your message has come, at {page}, and ask for your words to be made
unreadable for ever. We keep what you wrote and when it came, sealed under a key of its own, to answer it.
Attachments are not taken in.

Su mensaje ha llegado. Con el numero de recibo puede consultarlo en {page}?lang=es.

In an emergency call 911. En una emergencia llame al 911.
"""


class ReceiptsByMail:
    """Implements `application.letters.Answers`."""

    def __init__(self, server: MailServer, allowances: PostgresAllowances, base_url: str, own: frozenset[str]) -> None:
        """`own`: our own addresses, which are never answered."""
        self._server, self._allowances, self._base_url, self._own = server, allowances, base_url, own

    def receipt(self, letter: Letter, receipt: str) -> None:
        to = letter.answer_to
        if to is None or to.lower() in self._own:
            return
        try:
            if not self._allowances.take("receipt by mail", to.lower(), RECEIPTS, datetime.now(UTC)):
                raise NotDelivered("this address had enough receipts within the hour", final=True)
        except StoreUnavailable as away:
            raise NotDelivered(str(away)) from None
        text = TEXT.format(receipt=receipt, page=f"{self._base_url}/feedback/receipt")
        self._server.answer(receipt, to, "Your message has come", text, letter.message_id)


class PostOffice:
    """Looks into the mailbox. A mailbox that goes away is waited for, and told of after an hour."""

    def __init__(self, settings: Settings, handler: Handler) -> None:
        """Needs SAFERWEHO_IMAP_URL."""
        assert settings.imap_url is not None
        self._settings, self.handler = settings, handler
        self.address = MailAddress(settings.imap_url.get_secret_value())
        self._notices = Notices(handler)
        self.read_at = handler.clock.now()
        self.away_for = AWAY_FOR
        self._fault: str | None = None

    def run(self, stop: threading.Event) -> None:
        with ExitStack() as stack:
            post = self.post(stack)
            while True:
                self.look(post)
                if stop.wait(LOOK_EVERY_S):
                    return

    def post(self, stack: ExitStack) -> Post:
        """Open as long as `stack` is."""
        return Post(Complaints(self.handler), self._notices, self._answers(stack))

    def look(self, post: Post) -> None:
        now = self.handler.clock.now()
        try:
            with self.address.opened() as mailbox:
                taken = post.take_in(mailbox)
            self.read_at, self._fault = now, None
            if taken:
                log.info("letters_taken_in", letters=taken)
        except MailboxAway as away:
            self._fault = str(away)
            log.warning("mailbox_away", reason=self._fault)
            if now - self.read_at >= self.away_for:
                about = StreamId("service-community")
                command = CallForAttention("mailbox_away", about, self.read_at, f"{self._fault}.")
                self._notices.call_for_attention(service("service-community"), command)

    def check(self) -> dict[str, Any]:
        """Not well only once somebody is told: a mail server that restarts is no fault of this process."""
        late = self.handler.clock.now() - self.read_at >= self.away_for
        return {"ok": not late, "mailbox": self.address.name, "fault": self._fault}

    def _answers(self, stack: ExitStack) -> ReceiptsByMail | None:
        settings = self._settings
        if settings.smtp_url is None or settings.write_url is None:
            return None
        key = settings.session_key.get_secret_value() if settings.session_key else None
        secret = session_keys(settings.home, key)[0].raw_value
        allowances = stack.enter_context(PostgresAllowances(settings.write_url, secret))
        server = MailServer(settings.smtp_url.get_secret_value(), settings.mail_from)
        own = frozenset({settings.mail_from.lower(), self.address.user.lower()})
        return ReceiptsByMail(server, allowances, settings.base_url, own)
