"""What several processes build alike: the store, the clock, the ids, the handler."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from api.settings import Settings
from application.handling import Handler
from application.policies import Policies
from application.standing import record_attempt


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds:
    def event_id(self) -> UUID:
        return uuid_utils.compat.uuid7()

    def nonce(self) -> str:
        return secrets.token_urlsafe(16)


@contextmanager
def handler(settings: Settings, *, checked: bool = True) -> Iterator[Handler]:
    """A handler on the event store. Raises PolicyNotAdopted where the access rules here are not the adopted ones, and
    StoreUnavailable where nobody can say; not `checked`: who uses it asks that himself before anything is decided."""
    assert settings.write_url
    with PostgresEventStore(settings.write_url) as store:
        made = Handler(store, SystemClock(), RandomIds(), CedarAuthoriser(), record_attempt)
        if checked:
            Policies(made).check_adopted()
        yield made
