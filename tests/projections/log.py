"""A log to project: events appended to the real store, and a feed that reads them from there in order of position."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.event_store.migrate import migrate
from adapters.event_store.store import PostgresEventStore
from application import codec
from application.ports import Append, NewEvent
from projections.engine.feed import FeedBatch, FeedRecord, FeedState
from tests.keys import keyring

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def envelope(event: object, stream: str, version: int, at: datetime, **attributes: Any) -> codec.Envelope:
    name = codec.type_uri(type(event))
    known: dict[str, Any] = {
        "actorid": "p-adams",
        "actororg": "lasd_west_hollywood",
        "actorrole": "watch_operator",
        "id": uuid4(),
        "time": at,
    }
    return codec.Envelope(
        specversion="1.0",
        type=name,
        source="urn:saferweho:test",
        subject=stream,
        datacontenttype="application/json",
        dataschema=codec.schema_uri(type(event)),
        streamversion=version,
        nonce="00" * 16,
        **(known | attributes),
    )


class Log:
    """Appends events one second apart, whatever an aggregate would say of them."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.url = url
        self.store = PostgresEventStore(url, commit_timeout=60)  # what is shown here is not how soon it gives up
        self._ends = ExitStack()
        self.keys = self._ends.enter_context(keyring(url))
        self._versions: Counter[str] = Counter()
        self._appended = 0

    def append(self, *events: tuple[str, object], **attributes: Any) -> int:
        """The position of the last of them."""
        last = 0
        for chunk in (events[i : i + 300] for i in range(0, len(events), 300)):
            new = [self._new(stream, event, attributes) for stream, event in chunk]
            last = self.store.append(Append(uuid4(), bytes(32), new)).last_position
        return last

    def raw(self, stream: str, content: bytes) -> int:
        """Bytes as they are, perhaps no event at all."""
        self._versions[stream] += 1
        new = NewEvent(stream, self._versions[stream], "test.raw.v1", content)
        return self.store.append(Append(uuid4(), bytes(32), [new])).last_position

    def _new(self, stream: str, event: object, attributes: dict[str, Any]) -> NewEvent:
        self._versions[stream] += 1
        self._appended += 1
        at = START + timedelta(seconds=self._appended)
        return codec.new_event(envelope(event, stream, self._versions[stream], at, **attributes), event, self.keys)

    def contents(self) -> list[bytes]:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT state FROM events.stored_events ORDER BY notification_id").fetchall()
        return [bytes(content) for (content,) in rows]

    def recorded(self) -> Iterable[codec.Recorded]:
        for number, content in enumerate(self.contents(), 1):
            yield codec.decode(content, number)

    def close(self) -> None:
        self._ends.close()
        self.store.close()


class StoreFeed:
    """Reads the store itself: the engine's tests need no broker. `start.offsets` is carried along unread."""

    def __init__(self, url: str, start: FeedState, limit: int | None = None) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._state, self._limit, self._end = start, limit, start.position

    def poll(self, timeout: float, limit: int = 5000) -> FeedBatch | None:
        deadline = time.monotonic() + timeout
        while not (records := self._read(min(limit, self._limit or limit))):
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.005)
        self._state = FeedState(records[-1].position, {0: records[-1].position}, "store")
        return FeedBatch(records, self._state)

    def _read(self, limit: int) -> list[FeedRecord]:
        rows = self._connection.execute(
            "SELECT notification_id, originator_id, state FROM events.stored_events WHERE notification_id > %s"
            " ORDER BY notification_id LIMIT %s",
            (self._state.position, limit),
        ).fetchall()
        return [FeedRecord(position, stream, bytes(content)) for position, stream, content in rows]

    def end_position(self) -> int:
        (end,) = self._connection.execute("SELECT position FROM events.head").fetchone() or (0,)
        return int(end)

    def trouble(self) -> str:
        return ""

    def close(self) -> None:
        self._connection.close()


def store_feeds(url: str, limit: int | None = None) -> Any:
    return lambda start: StoreFeed(url, start, limit)


def command_id() -> UUID:
    return uuid4()
