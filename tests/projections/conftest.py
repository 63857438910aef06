from collections.abc import Iterator

import pytest

from tests.projections.log import Log


@pytest.fixture
def log(database_url: str) -> Iterator[Log]:
    log = Log(database_url)
    yield log
    log.close()
