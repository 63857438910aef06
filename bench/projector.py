"""The projector against two floors, in turns in one run: a raw consumer that COPYs the same rows into the same indexed
tables, and the library's ProjectionRunner.

The raw consumer knows the rows beforehand: it reads the records, copies what belongs to them and commits, without
decoding, ordering, hashing, fence or checkpoint. The library's runner has its own store and inserts the same rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any, cast
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, DomainEventProtocol
from eventsourcing.domain import event as library_event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from psycopg.conninfo import conninfo_to_dict

from adapters.kafka.clients import TopicPartition, consumer
from adapters.kafka.feed import feed_factory
from adapters.kafka.topics import EVENT_PARTITIONS
from application.codec import decode
from bench.figures import figure
from bench.ground import database, log
from bench.history import history
from bench.stack import stack
from projections.audit_trail.projection import AUDIT_TRAIL, Rows, changes, write
from projections.engine import catalogue
from projections.engine.feed import FeedRecord
from projections.engine.projector import Projector

RAW_GOAL, LIBRARY_GOAL = 0.5, 10.0
LIBRARY_EVENTS = 2000


def run(events: int = 40_000, rounds: int = 3, **_: Any) -> list[dict[str, Any]]:
    with stack() as running:
        return measure(running.postgres_url, running.bootstrap, events, rounds)


def measure(postgres_url: str, bootstrap: str, events: int = 40_000, rounds: int = 3) -> list[dict[str, Any]]:
    records = list(history(events))
    rows = {record.position: changes([decode(record.content, record.position)]) for record in records}
    projected, raw, library = [], [], []
    with log(bootstrap, records) as prefix:
        for _ in range(rounds):
            with database(postgres_url) as url:
                raw.append(events / _raw(url, bootstrap, prefix, rows))
            with database(postgres_url) as url:
                projected.append(events / _projector(url, bootstrap, prefix, events))
            with database(postgres_url) as url:
                library.append(LIBRARY_EVENTS / _library(url, records[:LIBRARY_EVENTS], rows))
    value = median(projected)
    return [
        figure("projector, against raw consume + COPY", value, "events/s", median(raw), RAW_GOAL),
        figure("projector, against the library's ProjectionRunner", value, "events/s", median(library), LIBRARY_GOAL),
    ]


def _audit_tables(url: str) -> str:
    with catalogue.connect(url) as connection:
        return catalogue.ensure(connection, AUDIT_TRAIL)[0].key


def _projector(url: str, bootstrap: str, prefix: str, events: int) -> float:
    """Seconds from the start of an empty build to its last commit."""
    key, stop = _audit_tables(url), threading.Event()
    projector = Projector(url, feed_factory(bootstrap, prefix), AUDIT_TRAIL, key)
    thread = threading.Thread(target=projector.run, args=(stop,))
    began = perf_counter()
    thread.start()
    _wait(lambda: projector.status().position == events)
    took = perf_counter() - began
    stop.set()
    thread.join()
    return took


def _raw(url: str, bootstrap: str, prefix: str, rows: dict[int, Rows]) -> float:
    key = _audit_tables(url)
    began = perf_counter()
    reader = consumer(bootstrap)
    partitions = [TopicPartition(f"{prefix}.events", n) for n in range(EVENT_PARTITIONS)]
    reader.assign(partitions)
    reader.seek_to_beginning(*partitions)
    left = len(rows)
    with catalogue.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, false)", (key,))
        while left:
            batch = Rows()
            for records in reader.poll(timeout_ms=1000).values():
                for record in records:
                    ready = rows[int(record.headers[0][1])]
                    batch.events += ready.events
                    batch.subjects += ready.subjects
                    batch.hours |= ready.hours
            if batch.events:
                with connection.transaction():
                    write(cursor, batch)
                left -= len(batch.events)
    took = perf_counter() - began
    reader.close()
    return took


# -- the library -----------------------------------------------------------------


class Noted(Aggregate):
    """An aggregate of the library that holds one of our events."""

    @library_event("Made")
    def __init__(self, number: int) -> None:
        self.number = number


class Notes(Application[UUID]):
    name = "notes"


class AuditRows(PostgresTrackingRecorder):
    """The library's view: rows and its tracking in one transaction an event."""

    rows: dict[int, Rows]
    key: str

    def insert(self, number: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT set_config('search_path', %s, true)", (self.key,))
            self._insert_tracking(cursor, tracking)
            write(cast(Any, cursor), self.rows[number])


class IntoAuditRows(LibraryProjection[AuditRows]):
    name = "audit"
    topics = ()

    def process_event(self, domain_event: DomainEventProtocol[Any], tracking: Tracking) -> None:
        self.view.insert(cast(Any, domain_event).number, tracking)


def _library(url: str, records: Sequence[FeedRecord], rows: dict[int, Rows]) -> float:
    key = _audit_tables(url)
    parts = conninfo_to_dict(url)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts["password"]),
    }
    notes = Notes(env=environment)
    for start in range(0, len(records), 500):
        notes.save(*(Noted(record.position) for record in records[start : start + 500]))
    AuditRows.rows, AuditRows.key = rows, key
    began = perf_counter()
    with (
        ProjectionRunner(
            application_class=Notes, projection_class=IntoAuditRows, view_class=AuditRows, env=environment
        ),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        count = f'SELECT count(*) FROM "{key}".events'.encode()
        _wait(lambda: connection.execute(count).fetchone() == (len(records),))
        took = perf_counter() - began
    notes.close()
    return took


def _wait(done: Callable[[], bool], seconds: float = 300) -> None:
    deadline = monotonic() + seconds
    while not done():
        if monotonic() > deadline:
            raise TimeoutError(f"the benchmark did not finish in {seconds:.0f} s")
        sleep(0.01)
