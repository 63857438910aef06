"""One reader of the log for all the read models of a process that have come to its end.

Every projector asks for a feed of its own. One that is behind (being built, or slower than the others) reads the log
for itself; once it has come to what the others read now, it follows with them: each record is then fetched, checked and
merged once for the process, not once for each read model.

Invariants: a feed out of here gives what the feed it stands on would give, from its own position, without a gap and
without a repetition; whoever finds that the shared reader cannot serve it reads for itself again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic

from projections.engine.feed import Feed, FeedBatch, FeedFactory, FeedRecord, FeedState

KEPT_BYTES = 16 << 20  # of events that all but the slowest have taken
END_S = 1.0  # how old the answer to "where does the log end?" may be


class SharedFeeds:
    """A FeedFactory over another. Its feeds may be used by a thread each."""

    def __init__(self, feeds: FeedFactory, kept_bytes: int = KEPT_BYTES) -> None:
        self._feeds, self._kept_bytes = feeds, kept_bytes
        self._lock = threading.Lock()
        self._tail: _Tail | None = None

    def __call__(self, start: FeedState) -> Feed:
        """Raises LogReplaced."""
        tail = self.join(start)
        return _Feed(self, start, tail, None if tail is not None else self._feeds(start))

    def alone(self, start: FeedState) -> Feed:
        return self._feeds(start)

    def join(self, state: FeedState) -> _Tail | None:
        """The shared reader, if it can serve this state."""
        with self._lock:
            tail = self._tail
            return tail if tail is not None and tail.admit(state) else None

    def lend(self, feed: Feed, state: FeedState) -> _Tail | None:
        """Let the others follow a feed that has come to the end of the log. None where they follow one already."""
        with self._lock:
            if self._tail is not None and not self._tail.over:
                return None
            self._tail = _Tail(feed, state, self._kept_bytes)
            return self._tail


class _Feed:
    """A projector's view: alone with a feed of its own, or one of those that follow the shared reader."""

    def __init__(self, shared: SharedFeeds, start: FeedState, tail: _Tail | None, own: Feed | None) -> None:
        self._shared, self._state, self._tail, self._own = shared, start, tail, own

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        if self._tail is not None:
            try:
                return self._moved(self._tail.poll(self._state.position, timeout, limit))
            except _CannotServe:
                self.close()
        if self._own is None:
            self._own = self._shared.alone(self._state)
        batch = self._moved(self._own.poll(timeout, limit))
        if batch is None or len(batch.records) < limit:  # nothing more is waiting
            self._follow(self._own)
        return batch

    def end_position(self) -> int:
        if self._tail is not None:
            return max(self._tail.end, self._state.position)
        return self._own.end_position() if self._own is not None else self._state.position

    def trouble(self) -> str:
        if self._tail is not None:
            return self._tail.trouble()
        return self._own.trouble() if self._own is not None else ""

    def close(self) -> None:
        tail, self._tail = self._tail, None
        own, self._own = self._own, None
        if tail is not None:
            tail.leave()
        if own is not None:
            own.close()

    def _moved(self, batch: FeedBatch | None) -> FeedBatch | None:
        if batch is not None:
            self._state = batch.after
        return batch

    def _follow(self, own: Feed) -> None:
        self._tail = self._shared.join(self._state)
        if self._tail is not None:
            self._own = None
            own.close()
        elif (lent := self._shared.lend(own, self._state)) is not None:
            self._tail, self._own = lent, None


class _CannotServe(Exception):
    """What a follower needs is no longer kept, or the reader failed."""


class _Tail:
    """The shared reader. There is no thread of its own: whoever waits first reads for all.

    `end`: where the log ends, as last asked. `over`: the reader failed or nobody is left; nobody joins any more.
    """

    def __init__(self, feed: Feed, state: FeedState, kept_bytes: int) -> None:
        self._feed, self._kept_bytes = feed, kept_bytes
        self._base, self._state = state.position, state
        self._batches: deque[tuple[FeedBatch, int]] = deque()  # with the bytes of its events
        self._bytes = 0
        self._moved = threading.Condition()
        self._reading = False
        self._followers = 1
        self._ask_end_at = 0.0
        self.end = state.position
        self.over = False

    def admit(self, state: FeedState) -> bool:
        with self._moved:
            same_log = state.position == 0 or state.log_id == self._state.log_id
            if self.over or not same_log or state.position < self._base:
                return False
            self._followers += 1
            return True

    def trouble(self) -> str:
        return self._feed.trouble()

    def leave(self) -> None:
        with self._moved:
            self._followers -= 1
            last = self._followers == 0
            self.over = self.over or last
            self._moved.notify()
        if last:
            self._feed.close()

    def poll(self, position: int, timeout: float, limit: int) -> FeedBatch | None:
        """What follows `position`. Raises _CannotServe, and what the feed raises to the one who reads."""
        deadline = monotonic() + timeout
        with self._moved:
            while True:
                if self.over or position < self._base:
                    raise _CannotServe
                if position < self._state.position:
                    return self._after(position, limit)
                left = deadline - monotonic()
                if left <= 0:
                    return None
                if not self._reading:
                    break
                self._moved.wait(left)
            self._reading = True
        batch: FeedBatch | None = None
        failed = True
        try:
            if monotonic() >= self._ask_end_at:
                self.end = self._feed.end_position()
                self._ask_end_at = monotonic() + END_S
            batch = self._feed.poll(max(deadline - monotonic(), 0), limit)
            failed = False
        finally:
            with self._moved:
                self._reading, self.over = False, self.over or failed
                if batch is not None:
                    self._keep(batch)
                if batch is not None or failed:
                    self._moved.notify_all()
                else:
                    self._moved.notify()  # the next one reads
        with self._moved:
            return self._after(position, limit) if position < self._state.position else None

    def _keep(self, batch: FeedBatch) -> None:
        size = sum(len(record.content) for record in batch.records)
        self._batches.append((batch, size))
        self._bytes += size
        self._state = batch.after
        while self._bytes > self._kept_bytes and len(self._batches) > 1:
            dropped, freed = self._batches.popleft()
            self._base, self._bytes = dropped.after.position, self._bytes - freed

    def _after(self, position: int, limit: int) -> FeedBatch:
        records: list[FeedRecord] = []
        after = self._state
        for batch, _ in self._batches:
            if batch.after.position <= position:
                continue
            if records and len(records) + len(batch.records) > limit:
                break
            records += _above(batch.records, position)
            after = batch.after
        return FeedBatch(records, after)


def _above(records: Sequence[FeedRecord], position: int) -> Sequence[FeedRecord]:
    return records if not records or records[0].position > position else [r for r in records if r.position > position]
