"""A mailbox over IMAP. At most the beginning of each mail is ever fetched, and reading marks nothing as read."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import structlog
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from adapters.mailbox.reading import READ_AT_MOST, Unreadable, read
from application.letters import Letter, MailboxAway, Shelf

TIMEOUT_S = 20.0
AT_ONCE = 50  # letters a look: who floods the mailbox does not keep the rest waiting for ever
log = structlog.get_logger()


@dataclass(frozen=True)
class MailAddress:
    """`url`: `imaps://`, `imap+starttls://` or `imap://`, then `user:password@host[:port][/folder]`."""

    url: str = field(repr=False)

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.url).username or "")

    @property
    def folder(self) -> str:
        return unquote(urlsplit(self.url).path.strip("/")) or "INBOX"

    @property
    def name(self) -> str:
        """Without the password."""
        parts = urlsplit(self.url)
        return f"{self.user}@{parts.hostname}/{self.folder}"

    @contextmanager
    def opened(self) -> Iterator[ImapMailbox]:
        """Raises MailboxAway."""
        parts = urlsplit(self.url)
        host, secure = parts.hostname or "localhost", ssl.create_default_context()
        try:
            box: BaseMailBox
            if parts.scheme == "imaps":
                box = MailBox(host, parts.port or 993, timeout=TIMEOUT_S, ssl_context=secure)
            elif parts.scheme == "imap+starttls":
                box = MailBoxStartTls(host, parts.port or 143, timeout=TIMEOUT_S, ssl_context=secure)
            else:
                box = MailBoxUnencrypted(host, parts.port or 143, timeout=TIMEOUT_S)
            with box.login(self.user, unquote(parts.password or ""), initial_folder=self.folder):
                yield ImapMailbox(box, self.name)
        except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
            # What a server says may repeat what it was sent: the kind of the error alone goes on.
            raise MailboxAway(f"{self.name} cannot be read: {type(error).__name__}") from None


class ImapMailbox:
    """Implements `application.letters.Mailbox` on an open connection."""

    def __init__(self, box: BaseMailBox, name: str) -> None:
        self._box, self._name = box, name
        (validity,) = box.client.response("UIDVALIDITY")[1] or [b""]
        self._validity = validity.decode() if isinstance(validity, bytes) else ""
        self._shelves: set[str] = set()

    def waiting(self) -> Iterator[Letter]:
        for uid in self._box.uids("UNDELETED", charset=None)[:AT_ONCE]:
            letter = self._letter(uid)
            if letter is not None:
                yield letter

    def _letter(self, uid: str) -> Letter | None:
        asked = f"(RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.{READ_AT_MOST}>)"
        _, answer = self._box.client.uid("FETCH", uid, asked)
        found = next((part for part in answer or [] if isinstance(part, tuple)), None)
        if found is None:
            return None  # taken away by somebody else meanwhile
        about = b" ".join(part if isinstance(part, bytes) else part[0] for part in answer)
        raw, size = bytes(found[1]), re.search(rb"RFC822\.SIZE (\d+)", about)
        arrived_at = _moment(about)
        where = f"{self._name} {self._validity} {uid}"
        try:
            told = read(raw, int(size[1]) if size else len(raw))
        except Unreadable as reason:
            log.warning("letter_unreadable", uid=uid, reason=str(reason))
            return Letter(uid, where, arrived_at, None)
        # With an id of its own a letter is the same under another number too, as after the mailbox was moved.
        identity = f"{told.message_id} {told.digest}" if told.message_id else f"{where} {told.digest}"
        return Letter(
            uid,
            identity,
            arrived_at,
            told.said,
            told.name,
            told.contact,
            told.answer_to,
            told.message_id,
            told.automatic,
        )

    def put_away(self, letter: Letter, where: Shelf) -> None:
        if where not in self._shelves:
            if not self._box.folder.exists(where):
                self._box.folder.create(where)
            self._shelves.add(where)
        self._box.move(letter.uid, where)


def _moment(about: bytes) -> datetime:
    """When the server took it (INTERNALDATE)."""
    found = re.search(rb'INTERNALDATE "([^"]+)"', about)
    try:
        return datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC) if found else _NEVER
    except ValueError:
        return _NEVER


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
