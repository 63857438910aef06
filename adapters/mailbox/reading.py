"""A mail, read out of bytes that anybody may have written: cut, counted, and never trusted.

What is read: who says to have sent it, the subject, and the text, or what is left of HTML without its marks.
Attachments stay in the mailbox, and the text says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import cast

from domain import checks
from domain.complaint import LONGEST

READ_AT_MOST = 256 * 1024  # bytes of a mail: with room for the text, however it is encoded
MOST_PARTS = 100
MOST_NAMED = 10
_ADDRESS = re.compile(r"[^\s<>@,;:\"]{1,64}@[A-Za-z0-9.-]{1,190}")
_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "blockquote", "table"})
_HIDDEN = frozenset({"script", "style", "head", "title", "template"})


class Unreadable(Exception):
    """Nothing can be made of it."""


@dataclass(frozen=True, slots=True)
class Read:
    """`digest`: of what is taken in, so that the same letter is known again."""

    said: str
    name: str
    contact: str
    answer_to: str | None
    message_id: str
    automatic: bool
    digest: str


def read(raw: bytes, size: int) -> Read:
    """`raw`: the beginning of a mail of `size` bytes. Raises Unreadable."""
    try:
        message = BytesParser(policy=default).parsebytes(raw)
        parts = list(_parts(message))
        text = _text(parts)
    except Exception as error:  # the parser meets everything that anybody can write, and has faults of its own
        raise Unreadable(f"{type(error).__name__} while it was read") from error
    subject, notes = _header(message, "subject"), _notes(parts, len(raw) < size)
    if not text and not subject and not notes:
        raise Unreadable("there is nothing in it")
    name, contact = _sender(message)
    said = _within("\n\n".join(filter(None, (subject, text))), notes)
    digest = hashlib.sha256("\n".join((contact, said)).encode()).hexdigest()
    return Read(
        said, name, contact, _answer_to(message, contact), _header(message, "message-id"), _automatic(message), digest
    )


def _within(said: str, notes: str) -> str:
    """At most as much as feedback may be, and what was left away named at its end."""
    ending = f"\n\n[{notes}]" if notes else ""
    if len(said) + len(ending) > LONGEST:
        cut = f"\n\n[It goes on: {len(said)} characters in all, which are in the mailbox.{' ' if notes else ''}{notes}]"
        return said[: LONGEST - len(cut)] + cut
    return (said + ending).strip()


# -- parts -------------------------------------------------------------------------


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Leaves of the tree, in order, as many as anybody looks at; letters within the letter are leaves."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting[:0] = cast(list[EmailMessage], payload)
        else:
            yield part


def _text(parts: list[EmailMessage]) -> str:
    """The text, or the HTML read as text."""
    for kind in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == kind and not part.is_attachment():
                content = _decoded(part)
                if found := checks.fit(_without_marks(content) if kind == "text/html" else content):
                    return found
    return ""


def _decoded(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    for charset in (part.get_content_charset(), "utf-8"):
        try:
            return content.decode(charset or "utf-8")
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")


def _notes(parts: list[EmailMessage], cut: bool) -> str:
    left = [part for part in parts if part.is_attachment() or part.get_content_maintype() != "text"]
    notes = []
    if left:
        names = ", ".join(_called(part) for part in left[:MOST_NAMED])
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        notes.append(f"Left in the mailbox, because attachments are not taken in: {names}{more}.")
    if cut:
        notes.append("The mail is larger than what is read of one.")
    return " ".join(notes)


def _called(part: EmailMessage) -> str:
    try:
        name = part.get_filename() or "without a name"
    except Exception:  # of header values that the parser cannot bear
        name = "without a name"
    return f"{checks.cleaned(name, 60)} ({checks.cleaned(part.get_content_type(), 60)})"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in _HIDDEN
        if tag in _BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(re.sub(r"\s+", " ", data))


def _without_marks(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (line.strip() for line in "".join(reader.said).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


# -- headers -----------------------------------------------------------------------


def _header(message: EmailMessage, name: str) -> str:
    try:
        return checks.cleaned(str(message.get(name, "")), 300)
    except Exception:  # of header values that the parser cannot bear
        return ""


def _sender(message: EmailMessage) -> tuple[str, str]:
    name, address = parseaddr(_header(message, "from"))
    return checks.cleaned(name, 200), address if _ADDRESS.fullmatch(address) else ""


def _answer_to(message: EmailMessage, contact: str) -> str | None:
    """Where an automatic answer may go (RFC 3834 §4): to the return path, and to nobody on a list."""
    if message.get("list-id") is not None or _header(message, "precedence").lower() in ("bulk", "junk", "list"):
        return None
    path = message.get("return-path")
    address = parseaddr(_header(message, "return-path"))[1] if path is not None else contact
    return address if _ADDRESS.fullmatch(address) else None


def _automatic(message: EmailMessage) -> bool:
    """Whether a machine wrote it: it says so (RFC 3834 §5), or nobody would hear of an answer (a bounce)."""
    submitted = _header(message, "auto-submitted").partition(";")[0].strip().lower()
    return submitted not in ("", "no") or _header(message, "return-path").replace(" ", "") == "<>"
