from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from kafka.partitioner.default import DefaultPartitioner

from adapters.kafka.clients import TRANSPORT_ERRORS, admin, consumer, partition_of, producer
from tests.adapters.kafka.log import until

NOBODY = "127.0.0.1:9"


def resources() -> tuple[int, int]:
    gc.collect()
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(
    "open_client",
    [
        lambda: admin(NOBODY, bootstrap_timeout_ms=200),
        lambda: consumer(NOBODY, bootstrap_timeout_ms=200),
        lambda: producer(NOBODY, "test", bootstrap_timeout_ms=200),
    ],
    ids=["admin", "consumer", "producer"],
)
def test_a_broker_that_is_away_costs_no_thread_and_no_file(
    open_client: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "kafka")  # a captured line holds the connection it speaks of
    with pytest.raises(TRANSPORT_ERRORS):
        open_client()  # what is opened once and kept
    threads, files = resources()
    for _ in range(3):
        with pytest.raises(TRANSPORT_ERRORS):
            open_client()
    # What other tests left behind may end meanwhile, and a thread that was told to end may take a moment.
    until(lambda: all(now <= then for now, then in zip(resources(), (threads, files), strict=True)))


def test_a_stream_has_the_partition_that_every_client_computes() -> None:
    class Cluster:
        """What the library's partitioner asks of the cluster."""

        def topics(self) -> set[str]:
            return {"t"}

        def partitions_for_topic(self, topic: str) -> set[int]:
            return set(range(8))

        available_partitions_for_topic = partitions_for_topic

    for stream in ("flight-1", "call-26-00417", "person-ä", "x" * 200):
        key = stream.encode()
        assert partition_of(stream, 8) == DefaultPartitioner().partition("t", stream, key, None, b"", Cluster())
