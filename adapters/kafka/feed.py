"""The feed out of Kafka: committed records of all partitions, merged into the one order of positions.

Invariants: a batch goes on exactly where the last one ended; a gap is waited for, never skipped; and a position is
called missing only when a higher one was seen and every partition was read past the high watermark taken after that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from kafka.errors import LogTruncationError, OffsetOutOfRangeError
from prometheus_client import Counter

from adapters.kafka.clients import TRANSPORT_ERRORS, TopicPartition, admin, consumer, ends
from adapters.kafka.merge import Merge
from adapters.kafka.resume import LogTail
from adapters.kafka.topics import DEFAULT_PREFIX, TopicsNotReady, log_id, name
from projections.engine.feed import FeedBatch, FeedFactory, FeedRecord, FeedState, LogReplaced, MissingPosition

PATIENCE_S = 2.0  # a gap younger than this is a transaction whose markers are still being written
BUFFER_BYTES = 16 << 20  # events of one partition that may wait for the others
MANY = 1000  # records in one read that say that more is waiting
_BACK_OFF_S = (0.1, 2.0)
_SILENCE_S = 2.0  # a reader is not told that its broker is gone: after so long without a record it asks
_ANSWER_MS = 5_000
_OPEN_MS = 1_000  # a broker that does not answer is tried again, so that `poll` keeps about to its time

REBUILT = Counter("saferweho_feed_rebuilt_consumers", "Consumers thrown away after a transport error")
GAPS = Counter("saferweho_feed_waited_gaps", "Gaps that were waited for longer than the usual few milliseconds")

log = logging.getLogger(__name__)

_WAITED_FOR: tuple[type[Exception], ...] = (*TRANSPORT_ERRORS, TopicsNotReady)


class ForeignRecord(Exception):
    """A record in the log that the relay cannot have written."""


class KafkaFeed:
    """`projections.engine.feed.Feed` over `<prefix>.events`. Not thread-safe.

    A broker that is away is waited for: `poll` then returns None. Raises LogReplaced when the log is not the one that
    `start` belongs to, or has lost what `start` says was read: at once if a broker answers, else out of `poll`.
    """

    def __init__(
        self,
        bootstrap: str,
        start: FeedState,
        *,
        topic_prefix: str = DEFAULT_PREFIX,
        patience: float = PATIENCE_S,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._bootstrap, self._prefix, self._topic = bootstrap, topic_prefix, name(topic_prefix, "events")
        self._patience, self._buffer_bytes = patience, buffer_bytes
        self._state = start
        self._merge = Merge(start.position, start.offsets)
        self._partitions: dict[int, TopicPartition] = {}
        self._consumer: Any = None
        self._tail: LogTail | None = None
        self._gap: _Gap | None = None
        self._end: Exception | None = None  # why nothing can follow any more
        self._retry_at, self._pause = 0.0, _BACK_OFF_S[0]
        self._heard_at, self._trouble = 0.0, ""
        try:
            self._open()
        except TRANSPORT_ERRORS as error:
            self._lost(error)

    # -- Feed --------------------------------------------------------------------
    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        deadline = monotonic() + timeout
        records: list[FeedRecord] = []
        while len(records) < limit:
            records += self._merge.take(limit - len(records))
            left = 0.0 if records else max(deadline - monotonic(), 0.0)
            count = self._read_or_recover(left, has_records=bool(records))
            if count < MANY:
                records += self._merge.take(limit - len(records))
                if records or monotonic() >= deadline:
                    break
        if not records:
            return None
        self._state = FeedState(self._merge.position, self._merge.offsets(), self._state.log_id)
        self._hold_back()
        return FeedBatch(records, self._state)

    def end_position(self) -> int:
        if self._consumer is not None and monotonic() - self._heard_at > _SILENCE_S:
            try:
                self._consumer.end_offsets([next(iter(self._partitions.values()))], timeout_ms=_ANSWER_MS)
                self._heard_at = monotonic()
            except TRANSPORT_ERRORS as error:
                self._lost(error)
        if self._consumer is None:
            return self._merge.highest
        with suppress(*TRANSPORT_ERRORS):
            if self._tail is None:
                self._tail = LogTail(self._bootstrap, self._prefix)
            return max(self._merge.highest, self._tail.position())
        return self._merge.highest

    def trouble(self) -> str:
        return self._trouble

    def close(self) -> None:
        self._drop_consumer()
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    # -- for those who read the whole log -----------------------------------------
    def has_passed(self, offsets: Mapping[int, int]) -> bool:
        """Whether everything below these offsets has been returned by `poll`."""
        if self._consumer is None:
            return False
        self._note_positions(self._partitions.values())
        return all(first >= offsets.get(partition, 0) for partition, first in self._merge.offsets().items())

    def committed_ends(self) -> dict[int, int]:
        """Per partition the offset up to which records are committed now. Raises KafkaError."""
        if self._consumer is None:
            self._open()
        found = self._consumer.end_offsets(list(self._partitions.values()))
        return {partition.partition: offset for partition, offset in found.items()}

    # -- reading -------------------------------------------------------------------
    def _read_or_recover(self, seconds: float, has_records: bool) -> int:
        if self._end is None:
            try:
                count = self._read(seconds)
                if not has_records:
                    self._look_at_gap()
                return count
            except (OffsetOutOfRangeError, LogTruncationError) as error:
                self._end = LogReplaced(f"{self._topic} no longer holds what was read from it: {error}")
            except (LogReplaced, ForeignRecord) as error:
                self._end = error
            except _WAITED_FOR as error:
                self._lost(error)
                return 0
        if has_records:
            return 0  # those are good, and belong to this poll; the next one raises
        raise self._end

    def _read(self, seconds: float) -> int:
        """Read for at most `seconds` into the merge. Returns how many records came."""
        if self._consumer is None:
            wait = min(seconds, self._retry_at - monotonic())
            if wait > 0:
                sleep(wait)
            if monotonic() < self._retry_at:
                return 0
            self._open()
        if self._gap is not None:
            seconds = min(seconds, 0.1)
        polled = self._consumer.poll(timeout_ms=int(seconds * 1000))
        count = 0
        for partition, records in polled.items():
            self._merge.add(partition.partition, _records(records))
            count += len(records)
        if count:
            self._heard_at = monotonic()
            self._note_positions(polled)
            self._hold_back()
        return count

    def _open(self) -> None:
        client = admin(self._bootstrap, bootstrap_timeout_ms=_OPEN_MS)
        try:
            found = log_id(client, self._topic)
            (described,) = client.describe_topics([self._topic])
        finally:
            client.close()
        if self._state.log_id and found != self._state.log_id:
            raise LogReplaced(
                f"{self._topic} is now {found}, the checkpoint belongs to {self._state.log_id}: rebuild the read model"
            )
        numbers = sorted(partition["partition_index"] for partition in described["partitions"])
        self._partitions = {number: TopicPartition(self._topic, number) for number in numbers}
        reader = consumer(self._bootstrap, bootstrap_timeout_ms=_OPEN_MS)
        try:
            reader.assign(list(self._partitions.values()))
            offsets = dict(self._state.offsets)
            if unread := [partition for number, partition in self._partitions.items() if number not in offsets]:
                offsets |= {at.partition: begin for at, begin in reader.beginning_offsets(unread).items()}
            for number, partition in self._partitions.items():
                reader.seek(partition, offsets[number])
        except BaseException:
            reader.close()
            raise
        self._state = FeedState(self._state.position, offsets, found)
        self._merge = Merge(self._state.position, offsets)
        self._consumer, self._gap, self._pause = reader, None, _BACK_OFF_S[0]
        self._heard_at, self._trouble = monotonic(), ""

    def _lost(self, error: Exception) -> None:
        """The broker is away or talks nonsense: start again behind what was taken, later."""
        # Every two seconds for as long as the broker is away would say nothing new.
        level = logging.WARNING if self._pause < _BACK_OFF_S[1] else logging.DEBUG
        log.log(level, "%s can't be read, trying again in %.1f s: %s", self._topic, self._pause, error)
        self._trouble = f"{self._topic} cannot be read ({error}); trying again"
        REBUILT.inc()
        self._drop_consumer()
        self._state = FeedState(self._merge.position, self._merge.offsets(), self._state.log_id)
        self._merge = Merge(self._state.position, self._state.offsets)
        self._retry_at = monotonic() + self._pause
        self._pause = min(self._pause * 2, _BACK_OFF_S[1])

    def _drop_consumer(self) -> None:
        reader, self._consumer = self._consumer, None
        if self._gap is not None:
            self._gap.close()
            self._gap = None
        if reader is not None:
            with suppress(*TRANSPORT_ERRORS):
                reader.close(timeout_ms=1000)

    def _note_positions(self, partitions: Iterable[TopicPartition]) -> None:
        """Control records and aborted ones are passed over without being returned."""
        for partition in partitions:
            if (at := self._consumer.position(partition)) is not None:
                self._merge.passed(partition.partition, at)

    def _hold_back(self) -> None:
        """Pause the partitions that are far ahead, let those go on that no longer are."""
        paused = self._consumer.paused() if self._consumer is not None else ()
        for number, partition in self._partitions.items():
            buffered = self._merge.buffered(number)
            if buffered > self._buffer_bytes and partition not in paused:
                self._consumer.pause(partition)
            elif partition in paused and buffered < self._buffer_bytes // 2:
                self._consumer.resume(partition)

    # -- a position that does not come -----------------------------------------------
    def _look_at_gap(self) -> None:
        missing = self._merge.missing
        if missing is None or self._consumer is None:
            self._forget_gap()
            return
        if self._gap is None or self._gap.position != missing:
            self._forget_gap()
            self._gap = _Gap(missing, monotonic())
        gap = self._gap
        if monotonic() - gap.since < self._patience:
            return
        if gap.ends is None:
            GAPS.inc()
            log.warning("waiting for position %d; %d is there already", missing, self._merge.highest)
            found = ends(self._bootstrap, self._partitions.values())
            gap.ends = {partition.partition: offset for partition, offset in found.items()}
            return
        paused = self._consumer.paused()
        unread: dict[TopicPartition, int] = {}
        for number, partition in self._partitions.items():
            at = self._consumer.position(partition)
            if at is None or at < gap.ends[number]:
                if partition not in paused:
                    return  # still being read, or behind an open transaction
                unread[partition] = at
        # A record that was sent again stands at the end of its partition, perhaps beyond what may be buffered.
        if unread and not gap.searched:
            gap.search(self._bootstrap, self._merge, unread)
            return
        raise MissingPosition(missing, self._merge.highest)

    def _forget_gap(self) -> None:
        if self._gap is not None:
            self._gap.close()
            self._gap = None


class _Gap:
    """What is known about a position that does not come. `ends`: high watermarks taken after a higher one was seen."""

    def __init__(self, position: int, since: float) -> None:
        self.position, self.since = position, since
        self.ends: Mapping[int, int] | None = None
        self.searched = False
        self._reader: Any = None

    def search(self, bootstrap: str, merge: Merge, unread: Mapping[TopicPartition, int]) -> None:
        """Read a little further in the paused partitions, keeping only what belongs to the gap."""
        ends_ = self.ends or {}
        if self._reader is None:
            self._reader = consumer(bootstrap)
            self._reader.assign(list(unread))
            for partition, offset in unread.items():
                self._reader.seek(partition, offset)
        for records in self._reader.poll(timeout_ms=500).values():
            for _, record in _records(records):
                if merge.is_lost(record.position):
                    merge.found(record)
        self.searched = all(self._reader.position(partition) >= ends_[partition.partition] for partition in unread)

    def close(self) -> None:
        if self._reader is not None:
            with suppress(*TRANSPORT_ERRORS):
                self._reader.close(timeout_ms=1000)


def _records(records: Iterable[Any]) -> Iterator[tuple[int, FeedRecord]]:
    for record in records:
        try:
            header, value = record.headers[0]
            if header != "position":
                value = dict(record.headers)["position"]
            yield record.offset, FeedRecord(int(value), record.key.decode(), record.value)
        except (IndexError, KeyError, ValueError, AttributeError) as error:
            raise ForeignRecord(
                f"{record.topic} partition {record.partition} offset {record.offset} has no position or no key: the "
                "relay did not write it; run 'saferweho reconcile'"
            ) from error


def feed_factory(bootstrap: str, topic_prefix: str = DEFAULT_PREFIX) -> FeedFactory:
    """What the projection engine wants: a feed from any state."""

    def open_feed(start: FeedState) -> KafkaFeed:
        return KafkaFeed(bootstrap, start, topic_prefix=topic_prefix)

    return open_feed
