"""The scheduler as its process runs it: with its own rights, on the whole path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.processes import wiring
from api.processes.scheduler import Scheduling
from tests.api.watch_center import Json, WatchCenter, settings_as, thread, until


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
