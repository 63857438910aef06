from __future__ import annotations

import pytest

from adapters.kafka import topics
from adapters.kafka.parked import UNTOLD, ParkedWriter
from infra.stack.kafka import EmbeddedKafka
from projections.engine.parking import ParkedRecord
from tests.adapters.kafka.log import read_all

pytestmark = pytest.mark.slow  # needs a broker

RECORD = ParkedRecord(17, "flight-1", b'{"subject":"flight-1"}', "no such thing: " + "x" * 2000)


def test_parked_records_are_told_with_position_projection_and_error(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    topics.create(kafka.bootstrap, topic_prefix)
    parked = ParkedWriter(kafka.bootstrap, topic_prefix)
    parked("live_board", [RECORD])
    parked.close()
    (told,) = read_all(kafka.bootstrap, topics.name(topic_prefix, "parked"))
    headers = dict(told.headers)
    assert (told.key, told.value) == (b"flight-1", RECORD.content)
    assert (headers["position"], headers["projection"]) == (b"17", b"live_board")
    assert headers["error"].decode() == RECORD.error[:1000]


def test_a_broker_that_is_away_holds_nothing_up() -> None:
    before = UNTOLD._value.get()
    parked = ParkedWriter("127.0.0.1:9", "nowhere")
    parked("live_board", [RECORD, RECORD])
    parked.close()
    assert UNTOLD._value.get() == before + 2
