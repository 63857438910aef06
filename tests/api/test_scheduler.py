"""The scheduler as its process runs it: with its own rights, on the whole path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from api.processes import wiring
from api.processes.scheduler import WATCHED, Scheduling, alarm_of
from application.alarm import PATIENCE
from projections.deadlines import queries
from tests.api.watch_center import Json, WatchCenter, settings_as, thread, until
from tests.application.clock import SteppedClock


def test_a_certificate_that_expires_soon_is_told_by_the_scheduler(watch_center: WatchCenter) -> None:
    settings = settings_as("saferweho_scheduler", watch_center.environ)
    assert settings.read_url
    person = watch_center.enrolled("remote_pilot")
    watch_center.as_role("administrator").accepted(
        'recordCertificate(personId: $person, kind: "part_107", number: "4417799", expiresOn: $until)',
        person=person,
        until=str((datetime.now(UTC) + timedelta(days=10)).date()),
    )

    def last() -> Json:
        return watch_center.events(f"person-{person}")[-1]

    with wiring.handler(settings) as handler:
        scheduling = Scheduling(handler, settings.read_url)
        with thread("scheduler", scheduling.run):
            until(lambda: last()["type"].endswith("expiry_approaching.v1"), what="the expiry is told")
            until(lambda: scheduling.check()["ok"], what="the scheduler is well")
    assert last()["actorid"] == "service-scheduler" and last()["data"]["what"] == "certificate"


def test_the_scheduler_may_see_that_the_record_works_and_raises_no_alarm(watch_center: WatchCenter) -> None:
    settings = settings_as("saferweho_scheduler", watch_center.environ)
    assert settings.read_url
    head = watch_center.head()

    def read() -> int:
        assert settings.read_url
        with psycopg.connect(settings.read_url) as connection:
            return queries.least_position(connection, WATCHED)

    until(lambda: read() >= head, what="what is recorded has come out of the log")
    with wiring.handler(settings) as handler:
        handler.clock = clock = SteppedClock(datetime.now(UTC))
        alarm = alarm_of(settings, handler)
        alarm.look()
        reached = watch_center.head()
        until(lambda: read() >= reached, what="what was recorded meanwhile has too")
        clock.step(2 * PATIENCE)
        alarm.look()
        assert alarm.failing is None
