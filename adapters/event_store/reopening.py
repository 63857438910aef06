"""A restore can't fork the log: which server may append to it, and how it is opened again on another.

`events.head` keeps the identity (system identifier, timeline, database) of the server that wrote the log. After a
restore, a promotion or a copy it differs, and every append is refused, because events that were committed and sent on
may be missing here. `reopen` accepts the new server once someone has compared the log with Kafka's.
A file system put back to an older snapshot keeps its identity and is not seen here; the relay sees it, whose position
is then ahead of the store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg

from adapters.event_store.audit import EMPTY, rolling
from application.ports import Head, StoredEvent, StoreError, StoreUnavailable


class LogsDisagree(StoreError):
    """This log is not what it should be. Nothing was changed."""


def closed_because(written_on_and_this: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"appends are closed: {written_on_and_this}. After a restore or a promotion run 'saferweho reconcile --open' "
        "to open them where the logs agree, or 'saferweho restore --from-kafka' when Kafka has more events"
    )


def open_for_appends(url: str) -> None:
    """Raises StoreUnavailable when another server wrote this log. Every append checks the same for itself."""
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT identity, events.server_identity(), position FROM events.head").fetchone()
    assert row is not None
    written_on, here, position = row
    if position > 0 and written_on != here:
        raise closed_because(f"the log was written on {written_on}, this is {here}")


def reopen(url: str, expected: Head) -> None:
    """Accept this server as the log's, if the log ends exactly at `expected`. For a member of saferweho_migrator.

    Raises LogsDisagree.
    """
    with psycopg.connect(url) as conn:
        found = _lock(conn)
        if found != expected:
            raise _differs("appends stay closed: the log ends", found, expected)
        conn.execute("UPDATE events.head SET identity = events.server_identity()")


def restore(url: str, events: Iterable[StoredEvent], expected: Head) -> int:
    """Add what this log lacks and open it for appends; returns how many events were added.

    `events` is the whole log in order from position 1: what is here already is compared by the rolling hash and passed
    over. All happens in one transaction, under the lock of `head`. Command ids are not in the events: a command of the
    restored part that is repeated will be decided afresh. Raises LogsDisagree.
    """
    with psycopg.connect(url) as conn:
        here = _lock(conn)
        end = EMPTY

        def missing() -> Iterator[StoredEvent]:
            nonlocal end
            for event in events:
                if event.position != end.position + 1:
                    raise LogsDisagree(f"after position {end.position} comes {event.position}: the events have a gap")
                end = Head(event.position, rolling(end.rolling_hash, event.content))
                if end.position > here.position:
                    yield event
                elif end.position == here.position and end != here:
                    raise LogsDisagree(f"the log and the events differ at or before position {end.position}")

        added = 0
        with (
            conn.cursor() as cursor,
            cursor.copy(
                "COPY events.stored_events (notification_id, originator_id, originator_version, topic, state) "
                "FROM STDIN (FORMAT binary)"
            ) as copy,
        ):
            copy.set_types(("int8", "text", "int8", "text", "bytea"))
            for added, event in enumerate(missing(), 1):  # noqa: B007 counted
                copy.write_row(event)
        if end != expected:
            raise _differs("the events end", end, expected)
        conn.execute(
            "UPDATE events.head SET position = %s, rolling_hash = %s, identity = events.server_identity()",
            (end.position, end.rolling_hash),
        )
    return added


def _differs(what: str, found: Head, expected: Head) -> LogsDisagree:
    return LogsDisagree(
        f"{what} at position {found.position} with hash {found.rolling_hash.hex()[:16]}…, not at "
        f"{expected.position} with {expected.rolling_hash.hex()[:16]}…"
    )


def _lock(conn: psycopg.Connection) -> Head:
    row = conn.execute("SELECT position, rolling_hash FROM events.head FOR UPDATE").fetchone()
    assert row is not None
    return Head(*row)
