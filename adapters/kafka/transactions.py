"""Writing to the log: one transaction a batch, by the only producer that Kafka lets write.

Invariant: there is one transactional id per topic prefix, so opening a writer ends every earlier one: what that had
open is aborted, what it had begun to commit is committed, and whatever it tries afterwards is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from kafka.errors import KafkaTimeoutError

from adapters.kafka.clients import discard, partition_of, producer
from adapters.kafka.resume import RESUME_KEY, ResumePoint, encode
from adapters.kafka.topics import EVENT_PARTITIONS, name
from application.codec import CONTENT_TYPE
from application.failpoints import failpoint


class Outgoing(NamedTuple):
    """An event as the store has it."""

    position: int
    stream: str
    content: bytes


class _Trace(msgspec.Struct):
    traceparent: str = ""


_CONTENT_TYPE = ("content-type", CONTENT_TYPE.encode())
_trace = msgspec.json.Decoder(_Trace).decode


def headers(position: int, content: bytes) -> list[tuple[str, bytes]]:
    """`position` comes first: readers look there before they search."""
    found = [("position", b"%d" % position), _CONTENT_TYPE]
    try:
        if parent := _trace(content).traceparent:
            found.append(("traceparent", parent.encode()))
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # whatever the store holds must reach the log; the reader decides what it can't read
    return found


class LogWriter:
    """The one writer of a topic prefix's log. After any exception it is of no more use: close it and open another."""

    def __init__(self, bootstrap: str, prefix: str, *, seconds: float = 10.0) -> None:
        """Opens and fences. `seconds` bounds every wait for the broker. Raises KafkaError."""
        self._events, self._relay = name(prefix, "events"), name(prefix, "relay")
        self._seconds = seconds
        self._producer = producer(bootstrap, f"{prefix}.relay")
        try:
            self._producer.init_transactions()
        except BaseException:
            discard(self._producer)
            raise

    def write(self, events: Iterable[Outgoing], resume: ResumePoint | None) -> None:
        """Send these events in order, and the resume point after them, in one transaction.

        Raises KafkaError; whether the transaction was committed is then known only to the next writer.
        """
        self._producer.begin_transaction()
        failpoint("relay.before_send")
        send = self._producer.send
        sent = [
            send(
                self._events,
                value=content,
                key=stream.encode(),
                headers=headers(position, content),
                partition=partition_of(stream, EVENT_PARTITIONS),
            )
            for position, stream, content in events
        ]
        if resume is not None:
            sent.append(send(self._relay, value=encode(resume), key=RESUME_KEY, partition=0))
        failpoint("relay.after_send")
        # flush() returns as well when a batch was lost, and a commit would then commit the rest.
        self._producer.flush(timeout=self._seconds)
        for future in sent:
            if not future.succeeded():
                raise future.exception or KafkaTimeoutError(f"{self._events}: a record was not acknowledged")
        failpoint("relay.before_commit")
        self._commit()
        failpoint("relay.after_commit")

    def close(self) -> None:
        discard(self._producer)

    def _commit(self) -> None:
        # commit_transaction() waits for ever. These are its own two steps, with an end.
        result = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not result.wait(timeout_ms=self._seconds * 1000):
            raise KafkaTimeoutError(f"{self._events}: the commit was not answered in {self._seconds:.0f} s")
