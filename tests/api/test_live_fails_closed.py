"""With the store stopped a picture that is open ends, and nobody gets another; when it is back, so are pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import pytest

from infra.stack.postgres import EmbeddedPostgres
from tests.api.live import WITHIN_S, looking, plane, screen
from tests.api.looking import pulse
from tests.api.watch_center import WatchCenter, installed, serving, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ENDS_WITHIN_S = 30.0  # the domain's limit; a heartbeat that nobody could read ends it sooner


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    with TemporaryDirectory(prefix="saferweho-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder), fsync=False)
        server.start()
        yield server
        server.kill()


@pytest.fixture
def center(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[WatchCenter]:
    home = tmp_path / "home"
    home.mkdir()
    made = installed(postgres.url, home)
    yield made
    made.close()


@pytest.mark.rule("view.grant_first")
def test_the_picture_ends_with_the_store_and_comes_back_with_it(
    center: WatchCenter, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with serving(center), plane(center, tmp_path) as seen:
        deputy = center.asker(center.enrolled("watch_operator"))
        view = seen.watching(deputy, "a")
        pulse(deputy, view)
        unused = seen.ticket(deputy, view)
        with screen(seen.ticket(deputy, view)) as shown:
            shown.shows(3)
            postgres.stop()
            began = monotonic()
            assert shown.ends() in ("store_unavailable", "heartbeat_lost")
            assert shown.last_at - began < ENDS_WITHIN_S
        with screen(unused) as refused:
            assert refused.ends() == "store_unavailable" and not refused.parts
        until(lambda: seen.media.ready() is None, WITHIN_S, what="it says that it is not ready")
        postgres.start()

        def works_again() -> bool:
            told = deputy.send({"query": "{ viewer { id } }"})
            return "errors" not in told.json()

        until(works_again, WITHIN_S, what="the API reaches the store again")
        until(lambda: seen.media.ready(), WITHIN_S, what="so does the media process")
        with looking(seen, deputy) as (_, again):
            again.shows(3)
