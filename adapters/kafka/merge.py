"""From partitions to one total order: a pure function of what was read, without a broker.

Invariant: what `take` returns continues, without a gap and without a repetition, where the last one ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from projections.engine.feed import FeedRecord


class Merge:
    """Records come in by partition, in the order of offsets; they go out in the order of positions.

    In a partition positions rise, except that a record sent again to mend the log stands behind later ones. Whatever
    is at or below the last position taken is a repetition and dropped.
    """

    def __init__(self, position: int, offsets: Mapping[int, int]) -> None:
        """`position`: the last one applied; `offsets`: where each partition is read from."""
        self.position = position
        self.highest = position
        self._next_offset = dict(offsets)
        self._waiting: dict[int, FeedRecord] = {}
        self._unapplied: dict[int, deque[tuple[int, int, int]]] = {partition: deque() for partition in offsets}
        self._bytes: dict[int, int] = dict.fromkeys(offsets, 0)

    def add(self, partition: int, reads: Iterable[tuple[int, FeedRecord]]) -> None:
        """What was read next from a partition: (offset, record)."""
        waiting, done, highest = self._waiting, self.position, self.highest
        remember = self._unapplied[partition].append
        offset, size = self._next_offset[partition] - 1, 0
        for offset, record in reads:
            position = record[0]
            if position > done:
                waiting[position] = record
                length = len(record[2])
                remember((position, offset, length))
                size += length
                if position > highest:
                    highest = position
        self.highest = highest
        self._next_offset[partition] = offset + 1
        self._bytes[partition] += size

    def passed(self, partition: int, offset: int) -> None:
        """The partition was read up to `offset`, with control records and aborted ones that are no records of ours."""
        self._next_offset[partition] = max(offset, self._next_offset[partition])

    def found(self, record: FeedRecord) -> None:
        """A record that was looked up ahead of the others: it will be met again in its place and dropped."""
        if record.position > self.position:
            self._waiting[record.position] = record

    def take(self, limit: int) -> Sequence[FeedRecord]:
        """The next records in order, at most `limit`; empty while the next position has not been read."""
        taken: list[FeedRecord] = []
        pop = self._waiting.pop
        for position in range(self.position + 1, self.position + 1 + limit):
            record = pop(position, None)
            if record is None:
                break
            taken.append(record)
        self.position += len(taken)
        return taken

    def offsets(self) -> dict[int, int]:
        """Per partition the offset of the first record above `position`: where a restart reads on."""
        done, first = self.position, {}
        for partition, unapplied in self._unapplied.items():
            freed = 0
            while unapplied and unapplied[0][0] <= done:
                freed += unapplied.popleft()[2]
            self._bytes[partition] -= freed
            first[partition] = unapplied[0][1] if unapplied else self._next_offset[partition]
        return first

    @property
    def missing(self) -> int | None:
        """The next position, when a higher one was read and it was not."""
        following = self.position + 1
        return following if self._waiting and following not in self._waiting else None

    def buffered(self, partition: int) -> int:
        """Bytes of events of this partition that have not been taken (as of the last `offsets`)."""
        return self._bytes[partition]

    def is_lost(self, position: int) -> bool:
        """Whether this position belongs to the gap that holds everything up."""
        return self.position < position < min(self._waiting, default=0)
