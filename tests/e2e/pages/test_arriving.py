"""Who comes to the pages: the way in, and what each role is shown first."""

import re
import subprocess

import pytest
from playwright.sync_api import Browser, expect

from infra.node import environment
from tests.e2e.pages.product import ROOT, People, Product
from tests.e2e.pages.screens import AuditTrail, Board

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_pure_parts_of_the_pages() -> None:
    ran = subprocess.run(
        ["npm", "test"], cwd=ROOT / "ui", env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_without_a_sign_in_there_is_nothing_but_the_way_in(product: Product, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{product.base_url}/audit?outcome=refused")
    way_in = page.get_by_role("link", name="Sign in")
    expect(way_in).to_have_attribute("href", "/sign-in?return_to=%2Faudit%3Foutcome%3Drefused")
    page.close()


def test_a_sign_in_link_opens_the_board_and_scripts_see_no_cookie(people: People) -> None:
    page = people.page("watch_supervisor")
    expect(page.get_by_text("Sgt. Temi Okafor")).to_be_visible()
    expect(Board(page).freshness).to_contain_text("live")
    assert page.evaluate("document.cookie") == ""
    cookies = page.context.cookies()
    assert cookies
    assert all(cookie["httpOnly"] for cookie in cookies)
    page.close()


def test_who_may_not_see_the_board_is_offered_no_order(people: People, product: Product) -> None:
    page = people.page("city_analyst")
    page.goto(product.base_url)
    expect(page.get_by_role("navigation")).to_be_visible()
    for order in ("Request launch", "Launch", "Return", "Land", "Hold", "Abort"):
        expect(page.get_by_role("button", name=order, exact=True)).to_have_count(0)
    page.close()


def test_who_may_not_see_the_board_sees_their_own_record_alone(people: People) -> None:
    page = people.page("ambassador")
    expect(page.get_by_role("link", name="Board")).to_have_count(0)
    page.get_by_role("link", name="My record").click()
    expect(page).to_have_url(re.compile("/audit$"))
    expect(AuditTrail(page).rows.first).to_contain_text("Bea Ellis")
    page.close()


def test_the_pages_may_ask_the_media_process_and_nobody_else(people: People) -> None:
    # By HTTP for footage and by WebSocket for what is live.
    assert sorted(origin.partition(":")[0] for origin in people.pictures_from) == ["http", "ws"]
    assert len({origin.partition("://")[2] for origin in people.pictures_from}) == 1
