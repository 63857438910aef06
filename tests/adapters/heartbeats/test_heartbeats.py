"""Heartbeats are kept by whoever hears them and found late by whoever looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.event_store.migrate import migrate
from adapters.heartbeats import PostgresHeartbeats
from application.ports import StoreUnavailable
from application.views import Beat

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_only_what_is_late_is_found_and_forgotten_once(database_url: str) -> None:
    migrate(database_url)
    with PostgresHeartbeats(database_url) as here, PostgresHeartbeats(database_url) as there:
        for n in range(3):
            here.beat(f"v{n}", NOON + n * SECOND)
        there.beat("v0", NOON + 5 * SECOND)
        there.beat("v1", NOON)  # what comes late does not turn time back
        assert there.late(NOON + 3 * SECOND) == [Beat("v1", NOON + SECOND), Beat("v2", NOON + 2 * SECOND)]
        there.forget("v1")
        assert [beat.view for beat in here.late(NOON + 9 * SECOND)] == ["v2", "v0"]


def test_a_store_that_is_away_is_said_to_be() -> None:
    with PostgresHeartbeats("postgresql://nobody@127.0.0.1:1/none") as away, pytest.raises(StoreUnavailable):
        away.beat("v", NOON)
