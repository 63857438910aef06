"""What the benchmarks of read models stand on: a database, a log in Kafka with believable events."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from adapters.event_store import migrate
from adapters.kafka import topics
from adapters.kafka.clients import admin
from adapters.kafka.resume import ResumePoint
from adapters.kafka.transactions import LogWriter, Outgoing
from projections.engine.catalogue import roll
from projections.engine.feed import FeedRecord
from projections.registry import install

_BATCH = 2000


@contextmanager
def database(postgres_url: str) -> Iterator[str]:
    """URL of a fresh database, migrated as the product's is, dropped afterwards."""
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = make_conninfo(postgres_url, dbname=name)
        migrate(url)  # the roles, too: whoever projects becomes one of them
        install(url)
        try:
            yield url
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def log(bootstrap: str, records: Sequence[FeedRecord]) -> Iterator[str]:
    """Prefix of topics whose event log holds these records, in transactions as the relay sends them."""
    prefix = f"b{secrets.token_hex(6)}"
    created = topics.create(bootstrap, prefix)
    writer = LogWriter(bootstrap, prefix)
    rolling_hash = bytes(32)
    for start in range(0, len(records), _BATCH):
        batch = [Outgoing(*record) for record in records[start : start + _BATCH]]
        rolling_hash = roll(rolling_hash, [event.content for event in batch])
        last = batch[-1]
        writer.write(batch, ResumePoint(last.position, rolling_hash.hex(), sha256(last.content).hexdigest()))
    writer.close()
    try:
        yield prefix
    finally:
        client = admin(bootstrap)
        client.delete_topics(created)
        client.close()
