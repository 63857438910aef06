"""The read model of deadlines, against a naive fold; and every kind that a rule sets has somebody who acts on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from application import deadlines
from application.deadlines import Due
from domain import flight_events as f
from domain.kernel import DroneId, PersonId
from domain.session import SignedOff, SignedOn, SignOffReason
from projections.deadlines.projection import DEADLINES
from projections.engine.host import ProjectionHost
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import rows, wait_applied
from tests.projections.sortie import fleet, flown

DRONE = DroneId("d1")


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def test_the_read_model_is_the_fold_of_the_rules(log: Log) -> None:
    signed_on = SignedOn(PersonId("ann"), "https://issuer", "pwd", "10.0.0.7", at(60))
    log.append(*fleet(), *flown("f1"))
    log.append(
        ("session-1", signed_on),
        ("flight-f2", f.LaunchAuthorised(DRONE, None, at(10), "rule")),
        ("flight-f2", f.LaunchAuthorised(DRONE, None, at(12), "rule")),
        ("session-2", signed_on),
        ("session-2", SignedOff(SignOffReason.CLOSED)),
    )
    last = log.append(("flight-f3", f.LaunchAuthorised(DRONE, None, at(20), "rule")))
    folded: dict[tuple[str, str], datetime] = {}
    for recorded in log.recorded():
        for change in deadlines.changes(recorded):
            folded.pop((change.stream, change.kind), None)
            if isinstance(change, Due):
                folded[change.stream, change.kind] = change.at
    with ProjectionHost(log.url, store_feeds(log.url, 3), [DEADLINES]) as host:
        wait_applied(host, log.url, last, DEADLINES.name)
        last = log.append(("flight-f3", f.LaunchLapsed(DRONE, at(20))))
        del folded["flight-f3", "launch_lapse"]
        wait_applied(host, log.url, last, DEADLINES.name)
    found = {(row["stream"], row["kind"]): row["due_at"] for row in rows(log.url, "deadlines_open")}
    assert found == folded
    assert set(found) == {("session-1", "session_end"), ("flight-f2", "launch_lapse")}


def test_every_rule_is_registered_by_loading_the_application() -> None:
    deadlines.load_all()
    assert deadlines.kinds() >= {"launch_lapse", "session_end"}
    assert deadlines.handled() >= {SignedOn, f.LaunchRequested}
