"""The scheduler: does what is due, oldest first, once.

Invariant: the command of a deadline has an id made of the stream, the kind and the time, so it takes effect once,
whether the scheduler dies between doing and noting, two of them run, or the clock is set back. The read model that
names the deadlines lags; each act therefore asks the stream itself whether the time has come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from application.deadlines import Due, act_of, command_id
from application.failpoints import failpoint
from application.handling import Handler, Unavailable
from application.ports import StoreUnavailable

AHEAD = timedelta(seconds=1)  # how far a look reaches: the longest wait between two
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)

log = structlog.get_logger()
FIRED = Counter("saferweho_scheduler_fired_total", "Deadlines acted on", ["kind", "outcome"])
FAILED = Counter("saferweho_scheduler_failures_total", "Acts that failed and will be tried again", ["kind"])
OVERDUE = Gauge("saferweho_scheduler_overdue_seconds", "How late the oldest deadline not yet acted on is")

DueUntil = Callable[[datetime], Sequence[Due]]


@dataclass(slots=True)
class _Trouble:
    pause: timedelta
    again_at: datetime


@dataclass(slots=True)
class Scheduler:
    """`due_until` names the deadlines up to a time, oldest first. Time is the handler's clock."""

    handler: Handler
    due_until: DueUntil
    late: int = 0  # deadlines that failed, or that nobody acts on, at the last look
    _done: set[Due] = field(default_factory=set)
    _troubles: dict[Due, _Trouble] = field(default_factory=dict)

    def look(self) -> timedelta:
        """Act on all that is due; returns how long to wait before the next look. Raises StoreUnavailable."""
        now = self.handler.clock.now()
        known = self.due_until(now + AHEAD)
        # What was done stays listed until the read model has seen it; what is no longer listed needs no memory.
        self._done.intersection_update(known)
        self._troubles = {due: trouble for due, trouble in self._troubles.items() if due in set(known)}
        pending = [due for due in known if due.at <= now and due not in self._done]
        OVERDUE.set((now - pending[0].at).total_seconds() if pending else 0)
        for due in pending:
            trouble = self._troubles.get(due)
            # A clock that was set back must not keep what failed waiting: never longer than the pause itself.
            if trouble is None or now >= trouble.again_at or trouble.again_at - now > trouble.pause:
                self._act(due, now)
        self.late = sum(due not in self._done for due in pending)
        upcoming = next((due.at for due in known if due.at > now), now + AHEAD)
        return min(max(upcoming - self.handler.clock.now(), timedelta()), AHEAD)

    def _act(self, due: Due, now: datetime) -> None:
        failpoint("scheduler.before_act")
        try:
            outcome = act_of(due.kind)(self.handler, due, command_id(due))
        except StoreUnavailable:
            raise
        except Exception:  # one that fails must not keep the others from happening
            self._failed(due, now)
            return
        if isinstance(outcome, Unavailable):
            raise StoreUnavailable(outcome.message)
        failpoint("scheduler.after_act")
        self._done.add(due)
        self._troubles.pop(due, None)
        told = type(outcome).__name__.lower()
        FIRED.labels(due.kind.partition(":")[0], told).inc()
        log.info("deadline", kind=due.kind, stream=due.stream, due_at=due.at.isoformat(), outcome=told)

    def _failed(self, due: Due, now: datetime) -> None:
        before = self._troubles.get(due)
        pause = min(before.pause * 2, LONGEST_PAUSE) if before else FIRST_PAUSE
        self._troubles[due] = _Trouble(pause, now + pause)
        FAILED.labels(due.kind.partition(":")[0]).inc()
        log.exception("deadline_failed", kind=due.kind, stream=due.stream, again_in_s=pause.total_seconds())
