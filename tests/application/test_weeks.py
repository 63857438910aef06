"""A week to which oversight committed no nonce is not silence: on the real store, with a stepped clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from application import deadlines
from application.deadlines import Due, NotDue
from application.oversight import Oversight, population_at
from application.scheduler import Scheduler
from application.weeks import Weeks
from domain import sampling
from domain.notice import AttentionNeeded
from domain.person import Organisation, Role
from domain.review_events import AuditSampleDrawn, AuditSeedMissed
from tests.application.small_center import SmallCenter, done, small_center
from tests.application.test_oversight import HASH, enrolled, looks

WEEK, ENDS = "2026-W23", datetime(2026, 6, 8, tzinfo=UTC)  # of the center's noon
STREAM = f"review-week-{WEEK}"


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


class Watching:
    """The scheduler as it is wired: what events have set, and what the calendar has."""

    def __init__(self, center: SmallCenter) -> None:
        self.center, self.weeks = center, Weeks(center.handler)
        self.scheduler = Scheduler(center.handler, self.due)

    def due(self, at: datetime) -> list[Due]:
        found: dict[tuple[str, str], Due] = {}
        for recorded in self.center.all_events():
            for change in deadlines.changes(recorded):
                if isinstance(change, NotDue):
                    found.pop((change.stream, change.kind), None)
                elif change.kind.startswith("audit"):
                    found[change.stream, change.kind] = change
        listed = [*found.values(), *self.weeks.due_until(at)]
        return sorted((due for due in listed if due.at <= at), key=lambda due: due.at)

    def until(self, moment: datetime) -> None:
        self.center.clock.step(moment - self.center.clock.now())
        for _ in range(3):  # what is done may set what is due at once
            self.scheduler.look()

    def of(self, stream: str) -> list[object]:
        return [recorded.event for recorded in self.center.events(stream)]

    def called_out(self) -> list[str]:
        return [r.event.what for r in self.center.all_events() if isinstance(r.event, AttentionNeeded)]


@pytest.mark.rule("oversight.silent_week", "oversight.due")
def test_a_week_nobody_committed_to_is_called_out_recorded_and_sampled_by_the_stated_fallback(
    center: SmallCenter,
) -> None:
    watching = Watching(center)
    looks(center, "dee", 40)
    watching.until(ENDS - timedelta(days=1))
    assert watching.called_out() == ["audit_seed_due"] and watching.of(STREAM) == []
    watching.until(ENDS + timedelta(minutes=1))
    missed, drawn = watching.of(STREAM)
    assert isinstance(missed, AuditSeedMissed) and isinstance(drawn, AuditSampleDrawn)
    assert (drawn.drawing_method, drawn.drawn_by) == (sampling.FALLBACK, "service-scheduler")
    population = population_at(center.handler.store, ENDS)
    assert population is not None and len(population.accesses) == 40
    assert drawn.sample == sampling.sample(population, sampling.FALLBACK_NONCE, 25)
    assert drawn.root_sha256 == population.root_sha256
    Watching(center).until(ENDS + timedelta(minutes=2))  # another scheduler, which has just started
    assert watching.of(STREAM) == [missed, drawn]


@pytest.mark.rule("oversight.silent_week")
def test_a_week_that_was_committed_to_is_left_to_oversight(center: SmallCenter) -> None:
    watching, oversight = Watching(center), Oversight(center.handler)
    done(oversight.commit_seed(enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR), WEEK, HASH))
    watching.until(ENDS + timedelta(minutes=1))
    assert [type(event).__name__ for event in watching.of(STREAM)] == ["AuditSeedCommitted"]
    assert watching.called_out() == []


@pytest.mark.rule("oversight.silent_week")
def test_weeks_of_a_scheduler_that_was_away_are_each_made_up_for(center: SmallCenter) -> None:
    watching = Watching(center)
    watching.until(ENDS + timedelta(days=15))
    for week in ("2026-W23", "2026-W24", "2026-W25"):
        assert [type(event).__name__ for event in watching.of(f"review-week-{week}")] == [
            "AuditSeedMissed",
            "AuditSampleDrawn",
        ]
    assert watching.of("review-week-2026-W22") == [] and watching.of("review-week-2026-W26") == []
