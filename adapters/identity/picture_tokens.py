"""Tickets to pictures: the API gives one to who was granted a view, and the media process lets its bearer in.

A ticket is a JSON Web Token (RFC 7519) under a secret that those two share, so that nobody else can make one; it names
the person, the sign-on, the view, the feed and the override, and is short-lived. It opens the door alone: whether a
picture goes to that person is asked of the store each time.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from domain.kernel import Reason

ALGORITHM = "HS256"
LONGEST_TOKEN = 4096  # bytes
RULE = "a picture is shown to whom it was granted"

Use = Literal["live", "playback"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """`subject`: the live view or the viewing; `override`: the privacy override that lifts the mask; None: masked."""

    use: Use
    person: str
    session: str
    subject: str
    feed: str
    override: str | None
    id: str
    issued_at: datetime
    expires_at: datetime


class PictureRefused(Exception):
    """A ticket that opens nothing. `code` is stable; `ticket`: whose it is, where it is a genuine one."""

    def __init__(self, code: str, message: str, ticket: Ticket | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.ticket = code, message, ticket

    def reason(self) -> Reason:
        return Reason(self.code, self.message, RULE, "token", "a fresh ticket of one's own view (livePicture)")


class _Claims(msgspec.Struct):
    aud: Use
    sub: str
    sid: str
    view: str
    feed: str
    jti: str
    iat: float
    exp: float
    override: str | None = None


class PictureTokens:
    """`key`: SAFERWEHO_MEDIA_KEY. `now` is another in tests alone."""

    def __init__(self, key: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._key = OctKey.import_key(key)
        self._now = now

    def issue(
        self,
        *,
        use: Use,
        person: str,
        session: str,
        subject: str,
        feed: str,
        lifetime: timedelta,
        override: str | None = None,
    ) -> tuple[str, datetime]:
        """The ticket, and until when it is taken."""
        now = self._now()
        until = now + lifetime
        claims = _Claims(
            use, person, session, subject, feed, secrets.token_urlsafe(16), now.timestamp(), until.timestamp(), override
        )
        token = jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, msgspec.to_builtins(claims), self._key)
        return token, until

    def read(self, token: str, use: Use) -> Ticket:
        """Raises PictureRefused."""
        if not token:
            raise PictureRefused("token_missing", "no ticket was shown")
        try:
            if len(token) > LONGEST_TOKEN:
                raise ValueError(token)
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            claims = msgspec.convert(decoded.claims, _Claims)
            issued, until = (datetime.fromtimestamp(at, UTC) for at in (claims.iat, claims.exp))
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, OverflowError, OSError):
            raise PictureRefused("token_forged", "this ticket is none of ours") from None
        ticket = Ticket(
            claims.aud, claims.sub, claims.sid, claims.view, claims.feed, claims.override, claims.jti, issued, until
        )
        if ticket.use != use:
            raise PictureRefused("token_other_use", f"this ticket is for {ticket.use}", ticket)
        if self._now() >= ticket.expires_at:
            raise PictureRefused("token_expired", "the time of this ticket is over: ask for another", ticket)
        return ticket


class UsedOnce:
    """Which tickets were used, as long as one could be shown again. Those from before this process are not taken: who
    could say whether they were used? Safe to use from many threads."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._since = now()
        self._used: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def use(self, ticket: Ticket) -> None:
        """Raises PictureRefused."""
        now = self._now()
        if ticket.issued_at < self._since:
            raise PictureRefused("token_expired", "this ticket is from before a restart: ask for another", ticket)
        with self._lock:
            for id_ in [id_ for id_, until in self._used.items() if until <= now]:
                del self._used[id_]
            if ticket.id in self._used:
                raise PictureRefused("token_used", "this ticket was used before: ask for another", ticket)
            self._used[ticket.id] = ticket.expires_at
