"""Time-driven rules: each deadline is kept once, whatever happens to the scheduler and its clock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from api.processes.scheduler import Scheduling
from application import deadlines
from application.deadlines import Due
from application.handling import Accepted, Handler, Outcome, Unavailable
from application.ports import StoreUnavailable
from application.scheduler import Scheduler
from domain.session import SignedOff, SignOffReason
from infra.stack.processes import wait_until
from projections.deadlines.projection import DEADLINES
from projections.engine.host import ProjectionHost
from tests.application.small_center import ADMIN, CAPTAIN, NOON, SmallCenter, small_center
from tests.projections.log import store_feeds
from tests.projections.models import applied, rows

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


@contextmanager
def projected(center: SmallCenter) -> Iterator[None]:
    with ProjectionHost(center.url, store_feeds(center.url), [DEADLINES]):
        caught_up(center)
        yield


def caught_up(center: SmallCenter) -> None:
    assert wait_until(lambda: applied(center.url, DEADLINES.name) >= center.handler.store.head().position, 60)


def looked(center: SmallCenter) -> None:
    """One look of a scheduler that has just started, at read models that are up to date."""
    caught_up(center)
    scheduling = Scheduling(center.handler, center.url)
    scheduling._scheduler.look()
    scheduling._close()


def ended(center: SmallCenter) -> list[str]:
    """The sessions that ran out, in the order in which they were ended."""
    return [r.stream for r in center.all_events() if r.event == SignedOff(SignOffReason.EXPIRED)]


def open_of_sessions(center: SmallCenter) -> list[dict[str, object]]:
    """Deadlines of sessions that are still to come; people's trainings have theirs too."""
    return [row for row in rows(center.url, "deadlines_open") if str(row["stream"]).startswith("session-")]


def test_a_session_ends_when_its_time_is_over_and_once(center: SmallCenter) -> None:
    short = center.signed_on(ADMIN, HOUR)
    center.signed_on(CAPTAIN, 3 * HOUR)
    with projected(center):
        center.clock.step(HOUR - timedelta(microseconds=1))
        looked(center)
        assert ended(center) == []
        center.clock.step(timedelta(microseconds=1))
        looked(center)
        looked(center)
        assert ended(center) == [f"session-{short.session}"]
        caught_up(center)
        assert [row["kind"] for row in open_of_sessions(center)] == ["session_end"]


@pytest.mark.rule("record.deadlines")
def test_a_clock_set_back_fires_nothing_twice(center: SmallCenter) -> None:
    session = center.signed_on(ADMIN, HOUR).session
    with projected(center):
        scheduling = Scheduling(center.handler, center.url)
        for by in (2 * HOUR, -2 * HOUR, 2 * HOUR, timedelta(days=-3), timedelta(days=3)):
            center.clock.step(by)
            scheduling._scheduler.look()
            looked(center)
        scheduling._close()
        assert ended(center) == [f"session-{session}"]


def test_what_is_due_first_happens_first(center: SmallCenter) -> None:
    hours = (5, 1, 4, 2, 3)
    sessions = {h: center.signed_on(ADMIN, h * HOUR).session for h in hours}
    with projected(center):
        center.clock.step(10 * HOUR)
        looked(center)
        assert ended(center) == [f"session-{sessions[h]}" for h in sorted(hours)]


def test_a_session_signed_off_in_time_does_not_expire(center: SmallCenter) -> None:
    actor = center.signed_on(ADMIN, HOUR)
    with projected(center):
        due = Due("session_end", f"session-{actor.session}", center.clock.now() + HOUR)
        center.accounts.sign_off(actor)
        caught_up(center)
        assert open_of_sessions(center) == []
        center.clock.step(2 * HOUR)
        # Also where the read model had not heard of it yet.
        Scheduler(center.handler, lambda at: [due]).look()
        assert ended(center) == []


@pytest.mark.rule("record.deadlines")
def test_a_killed_scheduler_does_all_that_is_due_once(center: SmallCenter, tmp_path: Path) -> None:
    sessions = [center.signed_on(ADMIN, (1 + n) * timedelta(minutes=1)).session for n in range(8)]
    hits = tmp_path / "failpoints"
    at = (center.clock.now() + HOUR).isoformat()
    places = ("scheduler.before_act:3", "scheduler.after_act:1", "scheduler.after_act:2", "")
    with projected(center):
        for place in places:
            environment = dict(os.environ, SAFERWEHO_FAILPOINT=place, SAFERWEHO_FAILPOINT_LOG=str(hits))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.application.scheduling", center.url, at], env=environment, cwd=ROOT
            )
            try:
                if place:
                    assert process.wait(120) == -9
                    caught_up(center)
                else:
                    assert wait_until(lambda: len(ended(center)) >= len(sessions), 60)
            finally:
                process.kill()
                process.wait()
    assert hits.read_text().split() == [place.partition(":")[0] for place in places if place]
    assert Counter(ended(center)) == {f"session-{session}": 1 for session in sessions}


@pytest.mark.rule("record.deadlines")
def test_of_two_schedulers_that_run_at_once_each_deadline_is_kept_by_one(center: SmallCenter) -> None:
    """As after a start by mistake, or while one is replaced by the next."""
    sessions = [center.signed_on(ADMIN, (1 + n) * timedelta(minutes=1)).session for n in range(12)]
    command = [sys.executable, "-m", "tests.application.scheduling", center.url, (NOON + HOUR).isoformat()]
    with projected(center):
        two = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
        try:
            assert wait_until(lambda: len(ended(center)) >= len(sessions), 60)
            caught_up(center)
            assert wait_until(lambda: open_of_sessions(center) == [], 30)
            assert [process.poll() for process in two] == [None, None]
        finally:
            for process in two:
                process.kill()
                process.wait()
    assert Counter(ended(center)) == {f"session-{session}": 1 for session in sessions}


# -- the loop by itself --------------------------------------------------------


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> dict[str, deadlines.Act]:
    found: dict[str, deadlines.Act] = {}
    monkeypatch.setattr(deadlines, "_ACTS", found)
    return found


def accepted(due: Due) -> Accepted:
    return Accepted(due.stream, due.stream)


def test_an_act_that_fails_is_tried_again_later_and_keeps_no_other_waiting(
    center: SmallCenter, acts: dict[str, deadlines.Act]
) -> None:
    tried: list[tuple[str, datetime]] = []

    def act(handler: Handler, due: Due, command_id: UUID) -> Outcome:
        tried.append((due.stream, handler.clock.now()))
        if due.stream == "a-1" and len(tried) < 4:
            raise RuntimeError("no")
        return accepted(due)

    acts["k"] = act
    listed = [Due("k", "a-1", NOON), Due("k:detail", "a-2", NOON)]
    scheduler = Scheduler(center.handler, lambda at: listed)
    for _ in range(12):
        scheduler.look()
        center.clock.step(timedelta(seconds=1))
    seconds = [(stream, (at - NOON).total_seconds()) for stream, at in tried]
    assert seconds == [("a-1", 0), ("a-2", 0), ("a-1", 1), ("a-1", 3)]
    assert scheduler.late == 0


def test_a_deadline_nobody_acts_on_is_shown_as_late(center: SmallCenter, acts: dict[str, deadlines.Act]) -> None:
    scheduler = Scheduler(center.handler, lambda at: [Due("unheard_of", "a-1", NOON)])
    scheduler.look()
    assert scheduler.late == 1


def test_while_the_store_is_away_nothing_counts_as_done(center: SmallCenter, acts: dict[str, deadlines.Act]) -> None:
    answers: list[Outcome] = [Unavailable("store_unavailable", "away"), Accepted("a-1", "1")]
    acts["k"] = lambda handler, due, command_id: answers.pop(0)
    scheduler = Scheduler(center.handler, lambda at: [Due("k", "a-1", NOON)])
    with pytest.raises(StoreUnavailable):
        scheduler.look()
    scheduler.look()
    assert answers == []


def test_an_event_sets_deadlines_of_its_own_stream_alone(center: SmallCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_RULES", {SignedOff: [lambda recorded: [Due("k", "person-ann", NOON)]]})
    actor = center.signed_on(ADMIN)
    center.accounts.sign_off(actor)
    with pytest.raises(ValueError, match="person-ann"):
        deadlines.changes(center.events(f"session-{actor.session}")[-1])
