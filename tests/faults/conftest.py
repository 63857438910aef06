from collections.abc import Iterator

import pytest

from infra.stack.kafka import EmbeddedKafka
from tests.adapters.kafka.log import Log, open_log


@pytest.fixture
def log(database_url: str, kafka: EmbeddedKafka, topic_prefix: str) -> Iterator[Log]:
    """An empty store, its topics, and no relay."""
    with open_log(database_url, kafka.bootstrap, topic_prefix) as opened:
        yield opened
