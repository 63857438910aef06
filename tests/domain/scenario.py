"""Given what happened, when somebody asks, then this happens: the way every rule is told in the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import pytest

from domain.kernel import Aggregate, Mistake, Reason

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")

NOW = datetime(2026, 6, 1, 20, 16, 31, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Asked(Generic[C, E, S]):
    aggregate: Aggregate[C, E, S]
    state: S
    command: C
    at: datetime

    def events(self) -> list[E]:
        return self.aggregate.decide(self.command, self.state, self.at)

    def then(self, *expected: E) -> None:
        assert self.events() == list(expected)

    def then_nothing(self) -> None:
        assert self.events() == []

    def then_types(self, *types: type) -> list[E]:
        events = self.events()
        assert [type(e) for e in events] == list(types)
        return events

    def then_refused(self, by: type, *codes: str) -> tuple[Reason, ...]:
        """The last event is this refusal, for exactly these reasons."""
        last: Any = self.events()[-1]
        assert isinstance(last, by), last
        reasons: tuple[Reason, ...] = last.reasons  # type: ignore[attr-defined]
        assert sorted(r.code for r in reasons) == sorted(codes)
        assert all(r.message and r.rule for r in reasons)
        return reasons

    def then_raises(self, mistake: type[Mistake], field: str | None = None) -> Mistake:
        with pytest.raises(mistake) as raised:
            self.events()
        if field is not None:
            assert raised.value.field == field
        return raised.value


@dataclass(frozen=True)
class Given(Generic[C, E, S]):
    aggregate: Aggregate[C, E, S]
    happened: Sequence[E]

    @property
    def state(self) -> S:
        return self.aggregate.fold(list(self.happened))

    def when(self, command: C, at: datetime = NOW) -> Asked[C, E, S]:
        return Asked(self.aggregate, self.state, command, at)

    def and_when(self, command: C, at: datetime = NOW) -> Given[C, E, S]:
        """The same, with what the command led to."""
        events = self.aggregate.decide(command, self.state, at)
        return Given(self.aggregate, [*self.happened, *events])


@dataclass(frozen=True)
class Scenario(Generic[C, E, S]):
    aggregate: Aggregate[C, E, S]

    def __call__(self, *happened: E) -> Given[C, E, S]:
        return Given(self.aggregate, happened)
