"""Records that a read model could not apply, told to whoever watches `<prefix>.parked`.

The table of the projection engine is what counts; the topic is for alerts and for readers outside, so a broker that
is away never holds a projection up, and a record may be told twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any

from prometheus_client import Counter

from adapters.kafka.clients import TRANSPORT_ERRORS, discard, plain_producer
from adapters.kafka.topics import DEFAULT_PREFIX, name
from application.codec import CONTENT_TYPE
from projections.engine.parking import ParkedRecord

UNTOLD = Counter("saferweho_parked_untold_records", "Parked records that could not be written to the topic")
_SECONDS = 10.0

log = logging.getLogger(__name__)


class ParkedWriter:
    """The projection host's `on_parked`. Key: the stream; value: the event's bytes as they are; headers: `position`,
    `content-type`, `projection`, `error` (at most 1,000 characters). Thread-safe."""

    def __init__(self, bootstrap: str, topic_prefix: str = DEFAULT_PREFIX) -> None:
        self._bootstrap, self._topic = bootstrap, name(topic_prefix, "parked")
        self._producer: Any = None
        self._lock = Lock()

    def __call__(self, projection: str, records: Sequence[ParkedRecord]) -> None:
        with self._lock:
            try:
                if self._producer is None:
                    self._producer = plain_producer(self._bootstrap, "saferweho-parked", bootstrap_timeout_ms=2_000)
                sent = [self._send(projection, record) for record in records]
                for future in sent:
                    future.get(_SECONDS)
            except TRANSPORT_ERRORS as error:
                UNTOLD.inc(len(records))
                log.warning("%d parked records of %s were not told: %s", len(records), projection, error)
                self._drop()

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _send(self, projection: str, record: ParkedRecord) -> Any:
        headers = [
            ("position", b"%d" % record.position),
            ("content-type", CONTENT_TYPE.encode()),
            ("projection", projection.encode()),
            ("error", record.error[:1000].encode()),
        ]
        return self._producer.send(self._topic, key=record.stream.encode(), value=record.content, headers=headers)

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            discard(producer)
