"""Mail by a server of the agency's. Codes of 500 and above will not mend (RFC 5321 §4.2.1), everything else may."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from application.notices import NotDelivered

TIMEOUT_S = 10.0
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")


@dataclass(frozen=True)
class MailServer:
    """`url`: `smtp://` (plain, for a server on this machine), `smtp+starttls://` or `smtps://`, then
    `[user:password@]host[:port]`."""

    url: str = field(repr=False)
    sender: str

    def send(self, notice: str, address: str, subject: str, text: str) -> str:
        """Raises NotDelivered."""
        message = self._message(notice, address, subject)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{text}\n\nSign in to the watch center to act on it. This address takes no answers.\n")
        return self._hand_over(message)

    def answer(self, id_: str, address: str, subject: str, text: str, message_id: str) -> str:
        """Answer a letter, `message_id`, as a machine does: nobody is to answer that, nor to send it back (RFC 3834).
        Raises NotDelivered."""
        message = self._message(id_, address, subject)
        message["Auto-Submitted"] = "auto-replied"
        if _MESSAGE_ID.fullmatch(message_id):
            message["In-Reply-To"] = message["References"] = message_id
        message.set_content(text)
        return self._hand_over(message, from_addr="")

    def _message(self, id_: str, address: str, subject: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, address, f"[Safer WeHo] {subject}"
        message["Date"] = formatdate(usegmt=True)
        # The same notification has the same id however often it goes out, so that a mailbox shows it once.
        message["Message-ID"] = f"<{id_}@{self.sender.rpartition('@')[2]}>"
        return message

    def _hand_over(self, message: EmailMessage, from_addr: str | None = None) -> str:
        try:
            with self._connected() as server:
                server.send_message(message, from_addr)
        except smtplib.SMTPRecipientsRefused as refused:
            code, said = next(iter(refused.recipients.values()))
            raise NotDelivered(f"{code} {_text(said)}", final=code >= 500) from None
        except smtplib.SMTPResponseException as answer:
            # What a server says of the sign-on or of us is mended here, not by giving up.
            final = answer.smtp_code >= 500 and isinstance(answer, smtplib.SMTPDataError)
            raise NotDelivered(f"{answer.smtp_code} {_text(answer.smtp_error)}", final=final) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotDelivered(f"the mail server does not answer: {type(error).__name__}") from None
        return "the mail server took it"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        address = urlsplit(self.url)
        host, secure = address.hostname or "localhost", ssl.create_default_context()
        server: smtplib.SMTP
        if address.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, address.port or 465, timeout=TIMEOUT_S, context=secure)
        else:
            server = smtplib.SMTP(host, address.port or 587, timeout=TIMEOUT_S)
        with server:
            if address.scheme == "smtp+starttls":
                server.starttls(context=secure)
            if address.username:
                server.login(unquote(address.username), unquote(address.password or ""))
            yield server


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
