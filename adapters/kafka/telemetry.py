"""Telemetry on its topic: positions at 10 Hz are no events. Losing some is no harm; holding the gateway up would be."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from kafka import KafkaProducer, TopicPartition
from prometheus_client import Counter

from adapters.kafka.clients import TRANSPORT_ERRORS, consumer
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
        self._waiting: queue.Queue[tuple[str, Mapping[str, Any]] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, drone: str, sample: Mapping[str, Any]) -> None:
        try:
            self._waiting.put_nowait((drone, sample))
        except queue.Full:
            DROPPED.inc()

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                producer = KafkaProducer(
                    bootstrap_servers=self._bootstrap.split(","),
                    client_id="saferweho-telemetry",
                    acks=1,
                    linger_ms=20,
                    max_block_ms=1_000,
                    delivery_timeout_ms=5_000,
                    request_timeout_ms=4_000,
                    reconnect_backoff_max_ms=1_000,
                    allow_auto_create_topics=False,
                )
                try:
                    while (item := self._waiting.get()) is not None:
                        drone, sample = item
                        producer.send(self._topic, orjson.dumps(sample), key=drone.encode())
                    return
                finally:
                    producer.close(timeout=1)
            except TRANSPORT_ERRORS as error:
                log.warning("telemetry_not_sent", error=repr(error))
                threading.Event().wait(PAUSE_S)


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
