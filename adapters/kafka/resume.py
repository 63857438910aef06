"""Where the relay goes on: the last committed record of `<prefix>.relay`, written in the transaction of the events.

Invariant: every position up to the resume point is in the log and committed, none above it is.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import msgspec

from adapters.kafka.clients import TopicPartition, consumer
from adapters.kafka.topics import EVENT_PARTITIONS, name

RESUME_KEY = b"resume"
FIRST_STEP = 64  # offsets; aborted transactions may fill them, then the step doubles
_PATIENCE_S = 10.0


class ResumePoint(msgspec.Struct, frozen=True):
    """`position` and `rolling_hash` (hex) as in `Head`; `event_hash`: SHA-256 (hex) of the event at `position`."""

    position: int
    rolling_hash: str
    event_hash: str
    holder: str = ""
    epoch: int = 0


_decoder = msgspec.json.Decoder(ResumePoint)
encode = msgspec.json.Encoder().encode


class ResumePointUnreadable(Exception):
    """The topic of resume points could not be read to its end; nothing may be sent before that."""


def last_resume_point(bootstrap: str, prefix: str) -> ResumePoint | None:
    """The last committed one, or None in a new log. Call it after `init_transactions`, which ends what was open.

    Steps back from the end in doubling steps. Raises KafkaError, ResumePointUnreadable.
    """
    partition = TopicPartition(name(prefix, "relay"), 0)
    reader = consumer(bootstrap)
    try:
        reader.assign([partition])
        begin = reader.beginning_offsets([partition])[partition]
        end = reader.end_offsets([partition])[partition]
        step, upper = FIRST_STEP, end
        while upper > begin:
            lower = max(begin, end - step)
            if found := _last_between(reader, partition, lower, upper):
                return found
            step, upper = step * 2, lower
        return None
    finally:
        reader.close()


def holds_events(bootstrap: str, prefix: str) -> bool:
    """Whether any event is committed in the log. Raises KafkaError."""
    reader = consumer(bootstrap)
    try:
        partitions = [TopicPartition(name(prefix, "events"), number) for number in range(EVENT_PARTITIONS)]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        for partition, begin in reader.beginning_offsets(partitions).items():
            reader.seek(partition, begin)
        # Aborted transactions leave offsets behind, so only reading tells.
        while any(reader.position(partition) < end for partition, end in ends.items()):
            if reader.poll(timeout_ms=500, max_records=1):
                return True
        return False
    finally:
        reader.close()


def _last_between(reader: Any, partition: TopicPartition, lower: int, end: int) -> ResumePoint | None:
    reader.seek(partition, lower)
    found: ResumePoint | None = None
    polls_without_progress = 0
    before = lower
    while (at := reader.position(partition)) < end:
        # A poll can end with nothing although aborted records were skipped, so it is the position that counts.
        polls_without_progress = polls_without_progress + 1 if at == before else 0
        if polls_without_progress * 0.5 > _PATIENCE_S:
            raise ResumePointUnreadable(
                f"{partition.topic} can be read to offset {at} only, its end is {end}: is a broker missing?"
            )
        before = at
        for record in reader.poll(timeout_ms=500).get(partition, ()):
            if record.key == RESUME_KEY and record.value is not None:
                found = _decoder.decode(record.value)
    return found


class LogTail:
    """The last committed position, kept up to date without blocking. Raises KafkaError."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._partition = TopicPartition(name(prefix, "relay"), 0)
        self._reader = consumer(bootstrap)
        self._reader.assign([self._partition])
        self._reader.seek(self._partition, self._reader.end_offsets([self._partition])[self._partition])
        found = last_resume_point(bootstrap, prefix)
        self._position = found.position if found else 0
        self._looked_at = monotonic()

    def position(self) -> int:
        """At most about a second old."""
        if monotonic() - self._looked_at >= 0.5:
            self._looked_at = monotonic()
            for record in self._reader.poll(timeout_ms=0).get(self._partition, ()):
                if record.key == RESUME_KEY and record.value is not None:
                    self._position = _decoder.decode(record.value).position
        return self._position

    def close(self) -> None:
        self._reader.close(timeout_ms=1000)
