"""Genuine tickets that were shown for what they do not open: each such attempt goes on the record of the sign-on that
the ticket was given to.

Invariants: what a forged ticket says is never written down, it is counted alone (ADR 27); and the same attempt is on
the record once a minute, so that nobody fills the log with one stale ticket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter

from adapters.identity.picture_tokens import Ticket
from application.handling import Actor, Outcome, Unavailable
from domain.kernel import Mistake, Reason

TOLD_AGAIN = timedelta(minutes=1)

REFUSED = Counter("saferweho_media_refused", "Connections and requests that got no picture, by reason", ["code"])
log = structlog.get_logger()


class Attempts:
    """Of one process, on one event loop. `record`: of the views or viewings that the tickets are for."""

    def __init__(
        self,
        record: Callable[[Actor, str, Reason], Outcome],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._record, self._now = record, clock
        self._told: dict[tuple[str, str, str], datetime] = {}

    async def put(self, ticket: Ticket, source: str, reason: Reason) -> None:
        """`source`: the address it was shown from. What the store does not take is tried with the next attempt."""
        now, key = self._now(), (ticket.session, ticket.subject, reason.code)
        for old in [known for known, at in self._told.items() if now - at >= TOLD_AGAIN]:
            del self._told[old]
        if key in self._told:
            return
        self._told[key] = now
        actor = Actor(ticket.person, ticket.person, "", frozenset(), ticket.session, source)
        try:
            told = await asyncio.to_thread(self._record, actor, ticket.subject, reason)
        except Mistake as unknown:  # the store knows no such session: it was restored, or somebody has our key
            log.error("attempt_of_no_session", code=reason.code, why=unknown.message)
            return
        if isinstance(told, Unavailable):
            self._told.pop(key, None)
            log.error("attempt_not_on_record", code=reason.code, subject=ticket.subject, why=told.message)
