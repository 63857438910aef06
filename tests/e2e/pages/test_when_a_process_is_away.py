"""What the pages say while nobody answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import STRIP, People, Product, newest_look, until
from tests.e2e.pages.screens import Board, Wall, seen_to_move

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_board_that_is_not_live_says_so_and_comes_back_by_itself(people: People, product: Product) -> None:
    page = people.page("watch_supervisor")
    board = Board(page)
    expect(board.freshness).to_contain_text("live")
    os.kill(product.pid("api"), signal.SIGKILL)
    expect(board.not_live).to_be_visible()
    expect(board.freshness).to_contain_text("not live for")
    expect(board.not_live).to_have_count(0, timeout=120_000)
    assert board.position() > 0
    page.close()
    people.faults.clear()  # the browser says itself that it reached nobody


@contextmanager
def killed(product: Product, process: str) -> Iterator[None]:
    """Within, it is gone: who would start it again is held up. Behind, it was started again."""
    supervisor, pid = product.pid("supervisor"), product.pid(process)
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)
    until("it is started again", lambda: product.pids().get(process, pid) != pid, 120)


def test_a_live_picture_whose_process_was_killed_says_so_and_goes_on_by_itself(
    people: People, product: Product
) -> None:
    page = people.page("watch_operator")
    page.goto(f"{product.base_url}/cameras?feed={STRIP}")
    wall = Wall(page)
    asked = wall.asked
    asked.fill(purpose="call_for_service", case="26-00434", reason="Two cars collided, is somebody hurt or trapped?")
    asked.button("Ask to watch").click()
    tile = wall.tile(STRIP)
    seen_to_move("the strip", wall.picture(STRIP))
    view = newest_look(product, "live_view", "26-00434")["id"]
    with killed(product, "media"):
        expect(tile).to_contain_text("No live picture")
        expect(tile).to_contain_text("It is tried again.")
    expect(tile).not_to_contain_text("No live picture", timeout=120_000)
    seen_to_move("the strip, again", wall.picture(STRIP))
    assert newest_look(product, "live_view", "26-00434")["id"] == view, "nobody asked again"
    tile.get_by_role("button", name="Stop", exact=True).click()
    expect(tile).to_have_count(0)
    page.close()
    people.faults.clear()  # the browser says itself that it reached nobody
