"""The library's own published cases for an application recorder, on ours.

`AggregateRecorderTestCase` does not apply: it demands that `insert_events` returns no positions, which the library
itself says of aggregate recorders alone. `ProcessRecorderTestCase` and `TrackingRecorderTestCase` are about tracking
records in the same transaction as new events; read models here are fed by Kafka and keep their own checkpoints. Of
`ApplicationRecorderTestCase` every case is run, the optional one for subscriptions too.
"""

from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from adapters.event_store import GaplessRecorder, datastore
from tests.adapters.event_store.appends import assert_whole


class TestLibraryCases(ApplicationRecorderTestCase[GaplessRecorder]):
    @pytest.fixture(autouse=True)
    def _database(self, writer_url: str, store_url: str) -> Any:
        self.datastore = datastore(writer_url, pool_size=4)
        yield
        self.datastore.close()

    def create_recorder(self) -> GaplessRecorder:
        return GaplessRecorder(self.datastore)

    def new_originator_id(self) -> str:
        return f"thing-{super().new_originator_id()}"

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


def test_a_refused_insert_burns_no_position(writer_url: str, store_url: str) -> None:
    with datastore(writer_url) as pool:
        recorder = GaplessRecorder(pool)
        first, second = (StoredEvent("thing-1", version, "t", b"{}") for version in (1, 2))
        assert list(recorder.insert_events([first]) or ()) == [1]
        for _ in range(3):
            with pytest.raises(IntegrityError):
                recorder.insert_events([first])
        assert list(recorder.insert_events([second]) or ()) == [2]
    assert assert_whole(store_url) == 2


def test_the_tables_are_the_migrations_business(writer_url: str) -> None:
    with datastore(writer_url) as pool, pytest.raises(NotImplementedError, match="migrate"):
        GaplessRecorder(pool).create_table()
