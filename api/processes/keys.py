"""`saferweho keys`: looking after the key store of personal data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.event_store import PostgresEventStore
from adapters.keys import PostgresKeyStore
from api.processes import wiring
from api.processes.tools import tool_settings
from application import codec
from application.ports import EventStore
from domain.kernel import EVENT_NAMES
from domain.subject_key import SubjectKeyCreated, SubjectKeyDestroyed

BATCH = 5_000


def rewrap() -> int:
    with _store() as (store, _):
        return store.rewrap()


def check(mend: bool) -> dict[str, Any]:
    """`back_again`: subjects whose key is there although its destruction is on the record, destroyed again where
    `mend`; `missing`: those whose key is on the record and in no key store, so that what it sealed cannot be read."""
    with _store() as (store, url), PostgresEventStore(url) as events:
        made, destroyed = on_record(events)
        standing = store.standing()
        back = sorted(subject for subject in destroyed if standing.get(subject, "") is not None)
        missing = sorted(made - destroyed - standing.keys())
        if mend:
            for subject in back:
                store.destroy(subject)
            store.sweep()
    return {"subjects": len(made), "destroyed": len(destroyed), "back_again": back, "missing": missing}


def on_record(events: EventStore) -> tuple[set[str], set[str]]:
    """Subjects whose key was made, and whose key was destroyed, by the whole log."""
    made, destroyed, position = set[str](), set[str](), 0
    names = {EVENT_NAMES[SubjectKeyCreated]: made, EVENT_NAMES[SubjectKeyDestroyed]: destroyed}
    while batch := events.notifications(position, BATCH):
        for stored in batch:
            if stored.type in names:
                names[stored.type].add(codec.recorded(stored).event.subject)
        position = batch[-1].position
    return made, destroyed


@contextmanager
def _store() -> Iterator[tuple[PostgresKeyStore, str]]:
    settings = tool_settings(["DATABASE_URL"])
    assert settings.write_url
    with PostgresKeyStore(settings.keys_url, wiring.key_encryption(settings)) as store:
        yield store, settings.write_url
