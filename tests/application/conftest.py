from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.watch_center import WatchCenter, installed


@pytest.fixture
def center(database_url: str, tmp_path: Path) -> Iterator[WatchCenter]:
    """A founded store with the demonstration's people; nothing runs on it."""
    made = installed(database_url, tmp_path)
    yield made
    made.close()
