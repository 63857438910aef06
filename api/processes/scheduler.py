"""`saferweho scheduler`: what the rules say must happen at a time, happens; a record that fails is heard of."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from adapters.event_store import open_for_appends
from api.processes import wiring
from api.processes.post import PostOffice
from api.processes.running import in_threads, running
from api.settings import Settings
from application.alarm import Alarm, Ends
from application.deadlines import Due
from application.flight_footage import Landings
from application.handling import Handler
from application.notices import Notices
from application.ports import StoreUnavailable
from application.scheduler import Scheduler
from application.standing import service
from application.weeks import Weeks
from domain.kernel import StreamId
from domain.notice import CallForAttention
from projections.deadlines import queries
from projections.deadlines.projection import DEADLINES  # with it every rule is registered

AGAIN_S = 1.0
STUCK_S = 10.0
LOOK_AT_SPACE_S = 60.0
LOOK_AT_RECORD_S = 30.0
WATCHED = ("deadlines", "audit_trail")  # read models that what is recorded must reach
SCHEDULER = "service-scheduler"
log = structlog.get_logger()


def run() -> None:
    with (
        running("scheduler", ["DATABASE_URL"]) as process,
        wiring.handler(process.settings, acts_as=SCHEDULER) as handler,
    ):
        assert process.settings.read_url
        scheduling = Scheduling(handler, process.settings.read_url)
        process.health.checks["deadlines"] = scheduling.check
        watch = SpaceWatch(handler, process.settings.home, process.settings.least_free_percent)
        alarm = alarm_of(process.settings, handler)
        process.health.checks["record"] = lambda: {"ok": alarm.failing is None, "fault": alarm.failing}
        work: dict[str, Callable[[threading.Event], None]] = {"scheduler": scheduling.run, "space": watch.run}
        work["alarm"] = partial(sound, alarm)
        if process.settings.imap_url is not None:
            post = PostOffice(process.settings, handler)
            process.health.checks["mailbox"] = post.check
            work["mailbox"] = post.run
        in_threads(process.stop, work)


def alarm_of(settings: Settings, handler: Handler) -> Alarm:
    """Raises WebhooksFault."""
    assert settings.write_url and settings.read_url
    # A server that keeps silent must not keep the alarm from sounding.
    bounds: dict[str, Any] = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "options": "-c statement_timeout=10s"}
    write_url, read_url = (make_conninfo(url, **bounds) for url in (settings.write_url, settings.read_url))
    messenger = wiring.messenger(settings)

    def ends() -> Ends:
        try:
            open_for_appends(write_url)
            recorded = handler.store.head().position
            with psycopg.connect(read_url, autocommit=True) as connection:
                return Ends(recorded, queries.least_position(connection, WATCHED))
        except psycopg.Error as error:
            raise StoreUnavailable(str(error).strip()) from error

    addresses = [address.strip() for address in settings.alarm_mail.split(",") if address.strip()]
    if not (addresses and messenger.mail_server) and not messenger.webhooks:
        log.warning("alarm_reaches_nobody", set="SAFERWEHO_ALARM_MAIL and SAFERWEHO_SMTP_URL, or SAFERWEHO_WEBHOOKS")
    return Alarm(handler, messenger, ends, addresses, sorted(messenger.webhooks))


def sound(alarm: Alarm, stop: threading.Event) -> None:
    while True:
        alarm.look()
        if stop.wait(LOOK_AT_RECORD_S):
            return


class SpaceWatch:
    """Calls for attention, once a day, while the disk of our data runs full."""

    def __init__(self, handler: Handler, folder: Path, least_percent: int) -> None:
        self._notices, self._clock = Notices(handler), handler.clock
        self._folder, self._least_percent = folder, least_percent

    def run(self, stop: threading.Event) -> None:
        while True:
            self.look()
            if stop.wait(LOOK_AT_SPACE_S):
                return

    def look(self) -> None:
        disk = shutil.disk_usage(self._folder if self._folder.exists() else Path.cwd())
        free = 100 * disk.free // disk.total
        if free >= self._least_percent:
            return
        day = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        detail = f"{free} % of the disk is free, {self._least_percent} % is the least."
        about = StreamId("service-scheduler")
        self._notices.call_for_attention(
            service("service-scheduler"), CallForAttention("low_space", about, day, detail)
        )


class Scheduling:
    """The scheduler on the read model of deadlines. A database that goes away is waited for."""

    def __init__(self, handler: Handler, read_url: str) -> None:
        self._url = read_url
        self._connection: psycopg.Connection[Any] | None = None
        self._weeks, self._landings = Weeks(handler), Landings(handler)
        self._scheduler = Scheduler(handler, self._due_until)
        self._checkpoint: tuple[int, int, str | None] = (0, 0, "not read yet")
        self._looked_at = 0.0

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                wait_s = self._scheduler.look().total_seconds()
                self._looked_at = time.monotonic()
            except (psycopg.Error, StoreUnavailable) as away:
                log.warning("scheduler_waits", reason=str(away).strip())
                self._close()
                wait_s = AGAIN_S
            stop.wait(wait_s)
        self._close()

    def check(self) -> dict[str, Any]:
        position, lag, fault = self._checkpoint
        looks = time.monotonic() - self._looked_at < STUCK_S
        return {
            "ok": looks and fault is None and not self._scheduler.late,
            "read_model": DEADLINES.name,
            "position": position,
            "lag_events": lag,
            "late": self._scheduler.late,
            "fault": fault or (None if looks else "the deadlines cannot be read or acted on"),
        }

    def _due_until(self, at: datetime) -> Sequence[Due]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=5, application_name="saferweho scheduler"
            )
        self._checkpoint = queries.checkpoint(self._connection)
        known = queries.due_until(self._connection, at)
        drawn = [*self._weeks.due_until(at), *self._landings.due_until(at)]
        return sorted([*known, *drawn], key=lambda due: due.at)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
