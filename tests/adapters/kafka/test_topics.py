from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.kafka import topics
from adapters.kafka.clients import admin
from infra.stack.kafka import EmbeddedKafka

pytestmark = pytest.mark.slow  # needs a broker


def test_topics_are_created_once_as_they_must_be(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    created = topics.create(kafka.bootstrap, topic_prefix)
    assert created == [topics.name(topic_prefix, topic.name) for topic in topics.TOPICS]
    assert topics.create(kafka.bootstrap, topic_prefix) == []
    assert topics.verify(kafka.bootstrap, topic_prefix) == []
    topics.require(kafka.bootstrap, topic_prefix)


def test_what_differs_is_named_setting_by_setting(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    events = topics.name(topic_prefix, "events")
    client = admin(kafka.bootstrap)
    client.create_topics({events: {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "1000"}}})
    client.close()
    topics.create(kafka.bootstrap, topic_prefix)
    found = {
        (difference.setting, difference.expected, difference.found)
        for difference in topics.verify(kafka.bootstrap, topic_prefix)
    }
    assert {("partitions", "8", "3"), ("retention.ms", "-1", "1000")} <= found
    with pytest.raises(topics.TopicsNotReady, match=r"retention\.ms is 1000, must be -1"):
        topics.require(kafka.bootstrap, topic_prefix)


def test_a_topic_that_is_missing_is_told_with_the_way_out(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    with pytest.raises(topics.TopicsNotReady, match="run 'saferweho topics create'"):
        topics.require(kafka.bootstrap, topic_prefix)


def test_two_processes_may_create_the_topics_at_once(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        created = list(pool.map(lambda _: topics.create(kafka.bootstrap, topic_prefix), range(2)))
    assert topics.verify(kafka.bootstrap, topic_prefix) == []
    assert sorted(created[0] + created[1]) == sorted(topics.name(topic_prefix, topic.name) for topic in topics.TOPICS)
