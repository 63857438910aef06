"""How this project speaks to Kafka: the settings of every client, in one place, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner.default import murmur2

BOOTSTRAP_MS = 5_000
REQUEST_MS = 10_000

# What a client raises when the broker is away, answers badly or has fenced us.
TRANSPORT_ERRORS: tuple[type[Exception], ...] = (KafkaError, OSError)

_CLIENT: dict[str, Any] = {
    "bootstrap_timeout_ms": BOOTSTRAP_MS,
    "request_timeout_ms": REQUEST_MS,
    "reconnect_backoff_max_ms": 1_000,  # the default of 30 s would be how long a board stays dark after a restart
}
_QUIET = {"metrics_enabled": False}  # our figures are Prometheus'; the library's cost time on every fetch


_security: dict[str, Any] = {}


def secure(**settings: Any) -> None:
    """How this process's clients authenticate: `security_protocol`, `ssl_cafile`, `sasl_mechanism`,
    `sasl_plain_username`, `sasl_plain_password` … under kafka-python's names. Called once, where the process is
    wired; without it connections are plain, as the development broker's are."""
    _security.update(settings)


def _open(kind: Callable[..., Any], bootstrap: str, settings: dict[str, Any]) -> Any:
    connections: list[Any] = []

    def connect(**config: Any) -> Any:
        connections.append(KafkaNetClient(**config))
        return connections[-1]

    brokers = [broker.strip() for broker in bootstrap.split(",") if broker.strip()]
    try:
        return kind(bootstrap_servers=brokers, kafka_client=connect, **_security, **settings)
    except BaseException:
        # A constructor that finds no broker leaves its thread and its files behind: hundreds, in an hour without one.
        for connection in connections:
            connection.close()
        raise


def admin(bootstrap: str, **settings: Any) -> Any:
    """An admin client; close it. Raises KafkaError when no broker answers in 5 s."""
    defaults = {**_CLIENT, "client_id": "saferweho-admin", "retry_backoff_ms": 50}
    return _open(KafkaAdminClient, bootstrap, defaults | settings)


def consumer(bootstrap: str, **settings: Any) -> Any:
    """A consumer of committed records that is told where to read and never guesses. Raises KafkaError as `admin`."""
    defaults = {
        **_CLIENT,
        **_QUIET,
        "client_id": "saferweho-feed",
        "group_id": None,  # places are kept with the rows they produced, not in Kafka
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "auto_offset_reset": "none",
        "allow_auto_create_topics": False,
        "max_poll_records": 5_000,  # measured: 95.7k records a second against 40.4k at the default 500
        "fetch_min_bytes": 1,  # a long poll that ends with the first record: milliseconds when idle
        "fetch_max_wait_ms": 500,
        "retry_backoff_ms": 50,
    }
    return _open(KafkaConsumer, bootstrap, defaults | settings)


def producer(bootstrap: str, transactional_id: str, **settings: Any) -> Any:
    """A transactional producer, not yet initialised. Raises KafkaError as `admin`."""
    defaults = {
        **_CLIENT,
        **_QUIET,
        "client_id": transactional_id,
        "transactional_id": transactional_id,
        "transaction_timeout_ms": 30_000,  # how long a dead relay's transaction can hold readers up with no successor
        "delivery_timeout_ms": 15_000,
        "max_block_ms": 10_000,
        "retry_backoff_ms": 5,  # the default of 100 is the p99 of commits: the next begin waits for the last's markers
        "batch_size": 256 * 1024,
        "max_request_size": 1024 * 1024,
        "allow_auto_create_topics": False,
    }
    return _open(KafkaProducer, bootstrap, defaults | settings)


def plain_producer(bootstrap: str, client_id: str, **settings: Any) -> Any:
    """A producer outside any transaction, idempotent, acknowledged by all replicas. Raises KafkaError as `admin`."""
    defaults = {
        **_CLIENT,
        **_QUIET,
        "client_id": client_id,
        "delivery_timeout_ms": 15_000,
        "max_block_ms": 10_000,
        "allow_auto_create_topics": False,
    }
    return _open(KafkaProducer, bootstrap, defaults | settings)


def discard(client: Any) -> None:
    """Throw a producer away without sending what it still holds."""
    # close(timeout) flushes first and gives up when that fails, leaving its thread behind to send what we gave up.
    with suppress(Exception):
        client._sender.force_close()
    with suppress(Exception):
        client.close(timeout=1)


@lru_cache(maxsize=65_536)
def partition_of(stream: str, partitions: int) -> int:
    """The partition of a stream's events: Kafka's default for a key, so that every client agrees."""
    return int((murmur2(stream.encode()) & 0x7FFFFFFF) % partitions)


def ends(bootstrap: str, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
    """High watermarks, open transactions included. Raises KafkaError."""
    from kafka.admin import OffsetSpec

    client = admin(bootstrap)
    try:
        found = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {partition: int(answer.offset) for partition, answer in found.items()}
    finally:
        client.close()


__all__ = [
    "TRANSPORT_ERRORS",
    "TopicPartition",
    "admin",
    "consumer",
    "discard",
    "ends",
    "partition_of",
    "plain_producer",
    "producer",
    "secure",
]
