"""Telemetry on its topic: positions at 10 Hz are no events. Losing some is no harm; holding the gateway up would be."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from kafka import TopicPartition
from prometheus_client import Counter

from adapters.kafka.clients import TRANSPORT_ERRORS, consumer, plain_producer
from adapters.kafka.topics import DEFAULT_PREFIX, EVENT_PARTITIONS, name
from projections.live_board.telemetry import TelemetryRecord

WAITING = 2_000  # samples; above that the oldest go
PAUSE_S = 1.0
DROPPED = Counter("saferweho_telemetry_dropped_samples", "Samples dropped because the broker did not keep up")

log = structlog.get_logger(__name__)


class TelemetryWriter:
    """Sends samples in a thread of its own; `put` never waits."""

    def __init__(self, bootstrap: str, topic_prefix: str = DEFAULT_PREFIX) -> None:
        self._bootstrap, self._topic = bootstrap, name(topic_prefix, "telemetry")
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=WAITING)
        self._some = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, drone: str, sample: Mapping[str, Any]) -> None:
        """Where too many wait, the oldest goes: the board wants the newest."""
        if len(self._waiting) == WAITING:
            DROPPED.inc()
        self._waiting.append((drone, orjson.dumps(sample)))
        self._some.set()

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._stop.set()
        self._some.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                producer = plain_producer(
                    self._bootstrap,
                    "saferweho-telemetry",
                    acks=1,
                    enable_idempotence=False,  # a sample twice, or late, is no harm
                    linger_ms=20,
                    max_block_ms=1_000,
                    delivery_timeout_ms=5_000,
                    request_timeout_ms=4_000,
                )
                try:
                    self._send(producer)
                finally:
                    producer.close(timeout=1)
            except TRANSPORT_ERRORS as error:
                log.warning("telemetry_not_sent", error=repr(error))
                self._stop.wait(PAUSE_S)

    def _send(self, producer: Any) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._waiting:
                drone, content = self._waiting.popleft()
                producer.send(self._topic, content, key=drone.encode())
            if self._stop.is_set():
                return


class TelemetryTail:
    """What comes in on the topic from now on, as `TelemetryFeed`."""

    def __init__(self, bootstrap: str, topic_prefix: str = DEFAULT_PREFIX) -> None:
        topic = name(topic_prefix, "telemetry")
        self._consumer = consumer(bootstrap, client_id="saferweho-board", fetch_max_wait_ms=250)
        partitions = [TopicPartition(topic, number) for number in range(EVENT_PARTITIONS)]
        self._consumer.assign(partitions)
        self._consumer.seek_to_end(*partitions)

    def poll(self, timeout: float) -> Sequence[TelemetryRecord]:
        polled = self._consumer.poll(timeout_ms=int(timeout * 1000))
        return [
            TelemetryRecord(record.key.decode(), record.value)
            for records in polled.values()
            for record in records
            if record.key
        ]

    def close(self) -> None:
        self._consumer.close()
