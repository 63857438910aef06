"""The alarm: the record itself fails, and those who must know are told directly, well within the hour of CJIS AU-5.

Everything else that somebody is told goes through the log. This cannot, so the message leaves first and is put on the
record once the store takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import structlog

from application.handling import Handler, Unavailable
from application.notices import Messenger, NotDelivered, Notices
from application.ports import StoreUnavailable
from application.standing import service
from domain.kernel import StreamId
from domain.notice import CallForAttention

PATIENCE = timedelta(minutes=5)  # a restart is no failure
WHAT = "logging_failure"
ABOUT = StreamId("service-scheduler")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ends:
    """How far the log goes, and how far what was recorded has come back out of it to those who read it."""

    recorded: int
    read: int


@dataclass(slots=True)
class _Failure:
    since: datetime
    detail: str
    reached: list[str] = field(default_factory=list)
    told: bool = False  # on the record


class Alarm:
    """`ends` raises StoreUnavailable where nothing can be recorded; `addresses`: of people; `endpoints`: webhooks."""

    def __init__(
        self,
        handler: Handler,
        messenger: Messenger,
        ends: Callable[[], Ends],
        addresses: Sequence[str] = (),
        endpoints: Sequence[str] = (),
    ) -> None:
        self._notices, self._clock = Notices(handler), handler.clock
        self._messenger, self._ends = messenger, ends
        self._addresses, self._endpoints = tuple(addresses), tuple(endpoints)
        self._away_since: datetime | None = None
        self._waits: tuple[int, datetime] | None = None  # for which position to be read, and since when
        self._failure: _Failure | None = None
        self._unrecorded: list[_Failure] = []

    @property
    def failing(self) -> str | None:
        """What fails, in words."""
        return self._failure.detail if self._failure else None

    def look(self) -> None:
        """To be called every minute or more often."""
        now = self._clock.now()
        found = self._fault(now)
        if found is not None:
            since, detail = found
            if self._failure is None:
                self._failure = _Failure(since, detail)
                log.error("logging_failure", since=since.isoformat(), detail=detail)
            self._tell(self._failure, "The record fails", f"{detail} Look after it now.", self._failure.reached)
        elif self._failure is not None:
            over = f"{self._failure.detail} Since {now:%Y-%m-%d %H:%M} UTC it works again."
            self._tell(self._failure, "The record works again", over, [])
            self._unrecorded.append(self._failure)
            self._failure = None
        self._record()

    def _fault(self, now: datetime) -> tuple[datetime, str] | None:
        try:
            ends = self._ends()
        except StoreUnavailable as away:
            # A clock that was set back must not put the alarm off.
            self._away_since, self._waits = min(self._away_since or now, now), None
            since = self._away_since
            return (since, f"Nothing can be recorded: {away}") if now - since >= PATIENCE else None
        self._away_since = None
        if self._waits is None or ends.read >= self._waits[0]:
            self._waits = (ends.recorded, now) if ends.read < ends.recorded else None
        if self._waits is None:
            return None
        position, since = self._waits[0], min(self._waits[1], now)
        self._waits = (position, since)
        if now - since < PATIENCE:
            return None
        detail = f"What was recorded does not reach those who read the record: {ends.read} of {position} events have."
        return since, detail

    def _tell(self, failure: _Failure, subject: str, text: str, reached: list[str]) -> None:
        """Each who was not reached yet; who cannot be reached now is tried at the next look."""
        about = f"Since {failure.since:%Y-%m-%d %H:%M} UTC. {text}"
        notice = str(uuid5(NAMESPACE_URL, f"urn:saferweho:alarm:{failure.since.isoformat()}:{subject}"))
        content = {"rule": WHAT, "about": ABOUT, "subject": subject, "text": about}
        ways: list[tuple[str, Callable[[], str]]] = [
            *((to, lambda to=to: self._messenger.mail(notice, to, subject, about)) for to in self._addresses),
            *((to, lambda to=to: self._messenger.call(notice, to, content)) for to in self._endpoints),
        ]
        for to, tell in ways:
            if to not in reached:
                try:
                    tell()
                except NotDelivered as failed:
                    log.error("alarm_not_delivered", to=to, reason=failed.detail)
                else:
                    reached.append(to)

    def _record(self) -> None:
        if self._failure is not None and not self._failure.told and self._all_reached(self._failure):
            self._unrecorded.append(self._failure)
        for failure in list(self._unrecorded):
            if failure.told or self._recorded(failure):
                failure.told = True
                self._unrecorded.remove(failure)

    def _all_reached(self, failure: _Failure) -> bool:
        return {*self._addresses, *self._endpoints} <= {*failure.reached}

    def _recorded(self, failure: _Failure) -> bool:
        wanted = len(self._addresses) + len(self._endpoints)
        detail = f"{failure.detail} Told directly: {len(failure.reached)} of {wanted}."
        command = CallForAttention(WHAT, ABOUT, failure.since, detail)
        try:
            told = self._notices.call_for_attention(service("service-scheduler"), command)
        except StoreUnavailable:
            return False
        return not isinstance(told, Unavailable)
