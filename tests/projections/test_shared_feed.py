"""Many readers of one log: each gets all of it, once, in order; the log itself is read once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from time import sleep

import pytest

from infra.stack.processes import wait_until
from projections.engine.feed import Feed, FeedBatch, FeedState, MissingPosition
from projections.engine.shared_feed import SharedFeeds
from tests.projections.log import Log, StoreFeed
from tests.projections.sortie import fleet, flown, interleaved

pytestmark = pytest.mark.slow


class Counted:
    """A factory of feeds out of the store that knows how many are open, and how many ever were."""

    def __init__(self, log: Log, kind: type[StoreFeed] = StoreFeed) -> None:
        self._log, self._kind = log, kind
        self._lock = threading.Lock()
        self.open = self.opened = 0

    def __call__(self, start: FeedState) -> Feed:
        feed = self._kind(self._log.url, start, 5)
        close = feed.close
        with self._lock:
            self.open += 1
            self.opened += 1

        def closed() -> None:
            with self._lock:
                self.open -= 1
            close()

        feed.close = closed  # type: ignore[method-assign]
        return feed


class Reader(threading.Thread):
    """Reads with pauses of its own, and begins anew behind what it has now and then, as a projector does."""

    def __init__(self, feeds: SharedFeeds, seed: int, *, restarts: bool = True, pause_s: float = 0.004) -> None:
        super().__init__()
        self._feeds, self._random, self._restarts, self._pause_s = feeds, Random(seed), restarts, pause_s
        self.stop = threading.Event()
        self.state = FeedState()
        self.seen: list[int] = []
        self.missed = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self._read(self._feeds(self.state))
        except BaseException as error:
            self.error = error

    def _read(self, feed: Feed) -> None:
        try:
            while not self.stop.is_set():
                batch = feed.poll(0.05, 50)
                if batch is not None:
                    self.seen += [r.position for r in batch.records]
                    self.state = batch.after
                    assert self.state.position == self.seen[-1]
                    sleep(self._random.random() * self._pause_s)
                if self._restarts and self._random.random() < 0.02:
                    return
        except MissingPosition:
            self.missed += 1
            sleep(0.01)
        finally:
            feed.close()


@contextmanager
def reading(*readers: Reader) -> Iterator[None]:
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        for reader in readers:
            reader.stop.set()
        for reader in readers:
            reader.join()


def came_to(last: int, readers: tuple[Reader, ...]) -> Callable[[], bool]:
    return lambda: all(r.error is not None or r.state.position >= last for r in readers)


def append(log: Log, flights: int, name: str) -> int:
    return log.append(*interleaved(*(flown(f"{name}{n}") for n in range(flights))))


def test_each_reader_gets_everything_once_and_in_order_wherever_it_begins_anew(log: Log) -> None:
    log.append(*fleet())
    feeds = Counted(log)
    shared = SharedFeeds(feeds)
    readers = tuple(Reader(shared, seed) for seed in range(8))
    with reading(*readers):
        for part in range(15):
            last = append(log, 2, f"f{part}-")
        assert wait_until(came_to(last, readers), 60)
    for reader in readers:
        assert reader.error is None
        assert reader.seen == list(range(1, last + 1))
    assert feeds.open == 0


def test_readers_that_have_come_to_the_end_read_the_log_once(log: Log) -> None:
    last = append(log, 5, "f")
    feeds = Counted(log)
    shared = SharedFeeds(feeds)
    readers = tuple(Reader(shared, seed, restarts=False) for seed in range(8))
    with reading(*readers):
        assert wait_until(came_to(last, readers), 60)
        assert wait_until(lambda: feeds.open == 1, 60)
        opened = feeds.opened
        last = append(log, 5, "g")
        assert wait_until(came_to(last, readers), 60)
        assert (feeds.open, feeds.opened) == (1, opened)
    assert {tuple(reader.seen) for reader in readers} == {tuple(range(1, last + 1))}
    assert feeds.open == 0


def test_a_reader_slower_than_what_is_kept_reads_for_itself_and_misses_nothing(log: Log) -> None:
    last = append(log, 1, "f")
    feeds = Counted(log)
    shared = SharedFeeds(feeds, kept_bytes=1)
    fast, slow = Reader(shared, 1, restarts=False, pause_s=0), Reader(shared, 2, restarts=False, pause_s=0.2)
    with reading(fast, slow):
        assert wait_until(came_to(last, (fast, slow)), 60)
        assert wait_until(lambda: feeds.open == 1, 60)
        opened = feeds.opened
        last = append(log, 10, "g")
        assert wait_until(came_to(last, (fast, slow)), 60)
        assert feeds.opened > opened
    assert fast.seen == slow.seen == list(range(1, last + 1))


class Gap(StoreFeed):
    """Position 20 is not in the log until it is mended."""

    mended = threading.Event()

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        batch = super().poll(timeout, limit)
        if batch is None or self.mended.is_set() or batch.after.position < 20:
            return batch
        raise MissingPosition(20, batch.after.position)


def test_what_is_missing_is_told_to_each_reader_and_heals_for_each(log: Log) -> None:
    last = append(log, 5, "f")
    Gap.mended.clear()
    feeds = Counted(log, Gap)
    shared = SharedFeeds(feeds)
    readers = tuple(Reader(shared, seed, restarts=False) for seed in range(4))
    with reading(*readers):
        assert wait_until(lambda: all(reader.missed for reader in readers), 60)
        assert all(reader.state.position < 20 for reader in readers)
        Gap.mended.set()
        assert wait_until(came_to(last, readers), 60)
    for reader in readers:
        assert reader.error is None
        assert reader.seen == list(range(1, last + 1))
    assert feeds.open == 0


def test_a_checkpoint_of_another_log_is_never_served_from_this_one(log: Log) -> None:
    last = append(log, 2, "f")
    feeds = Counted(log)
    shared = SharedFeeds(feeds)
    here = shared(FeedState())
    while here.poll(0.01) is not None:
        pass
    fresh = shared(FeedState())  # what has read nothing belongs to any log, but this one no longer keeps its beginning
    batch = fresh.poll(0.01)
    assert batch is not None
    assert feeds.opened == 2
    elsewhere = replace(batch.after, log_id="another/log")
    feed = shared(elsewhere)  # asked of the log itself, which refuses what is not its own
    assert feeds.opened == 3
    follows = shared(FeedState(last, batch.after.offsets, batch.after.log_id))
    assert feeds.opened == 3
    assert (follows.poll(0.01), follows.end_position()) == (None, last)
    for each in (feed, follows, fresh, here):
        each.close()
