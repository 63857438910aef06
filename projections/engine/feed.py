"""The feed that read models and reactions consume: every event once, in the total order of positions.

Invariant: a batch starts at the position after the previous batch's last one, without a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class FeedRecord(NamedTuple):
    position: int
    stream: str
    content: bytes  # the event's one byte string


@dataclass(frozen=True, slots=True)
class FeedState:
    """Where a consumer resumes. `offsets`: per partition the offset of the first record not yet applied;
    `log_id` is '<cluster id>/<topic id>' of the log these offsets belong to (empty = not yet known)."""

    position: int = 0
    offsets: Mapping[int, int] = field(default_factory=dict)
    log_id: str = ""


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """Records in order, and the state to keep in the same transaction as what they did."""

    records: Sequence[FeedRecord]
    after: FeedState


class MissingPosition(Exception):
    """The log lacks a record: a higher position was seen, and every partition read past the high watermark of then."""

    def __init__(self, position: int, seen: int) -> None:
        super().__init__(
            f"position {position} is missing in the log although {seen} is there; run 'saferweho reconcile --resend'"
        )
        self.position, self.seen = position, seen


class LogReplaced(Exception):
    """The checkpoint belongs to another cluster or topic: the read model must be rebuilt."""


class Feed(Protocol):
    """One consumer's view of the log. Not thread-safe; made from a FeedState by a FeedFactory."""

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        """The next records in order, or None after `timeout` seconds without any. Raises MissingPosition, and the
        adapter's transport error after its own retries."""
        ...

    def end_position(self) -> int:
        """The highest position known to be in the log: for lag and progress."""
        ...

    def trouble(self) -> str:
        """Why the log cannot be read now, although it is tried again and again; empty while it can."""
        ...

    def close(self) -> None: ...


class FeedFactory(Protocol):
    def __call__(self, start: FeedState) -> Feed:
        """Raises LogReplaced."""
        ...
