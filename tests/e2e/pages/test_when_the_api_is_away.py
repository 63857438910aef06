"""What the pages say while nobody answers."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import People, Product
from tests.e2e.pages.screens import Board

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
