"""The audit trail: filtered by its address, paged without a gap, taken along as a file."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import STRIP, People, Product
from tests.e2e.pages.screens import AuditTrail

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_audit_trail_is_filtered_by_its_address_and_opens_whole_events(people: People, product: Product) -> None:
    page = people.page("auditor")
    trail = AuditTrail(page)
    expect(trail.rows.first).to_be_visible()
    trail.filter("Type", "session.signed_on")
    expect(page).to_have_url(re.compile("type=session.signed_on"))
    expect(trail.rows.filter(has_not_text="A person signed on")).to_have_count(0)
    expect(trail.rows.filter(has_text="Sunita Bhatt").first).to_be_visible()
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(trail.drawer).to_contain_text("org.weho.safer.session.signed_on.v1")
    shown = page.url
    page.goto(shown)
    expect(trail.drawer).to_contain_text("org.weho.safer.session.signed_on.v1")
    page.keyboard.press("Escape")
    expect(trail.drawer).to_have_count(0)
    page.close()


def test_times_are_typed_and_shown_as_the_clocks_of_the_city_say(people: People, product: Product) -> None:
    page = people.abroad("auditor", zone="Asia/Kathmandu", locale="de-DE")
    page.goto(f"{product.base_url}/audit?since=2026-01-15T20:00:00Z&order=oldest")
    search = page.get_by_role("search")
    expect(search.get_by_label("From (Los Angeles time)")).to_have_value("2026-01-15T12:00")
    until = search.get_by_label("Until (Los Angeles time)")
    until.fill("2099-07-15T12:00")
    until.blur()
    expect(page).to_have_url(re.compile(r"until=2099-07-15T19%3A00%3A00\.000Z"))
    time = AuditTrail(page).rows.first.locator("time")
    local = datetime.fromisoformat(time.get_attribute("datetime") or "").astimezone(ZoneInfo("America/Los_Angeles"))
    expect(time).to_have_text(f"{local:%H:%M:%S}")

    page.goto(f"{product.base_url}/footage?feed={STRIP}")
    search = page.get_by_role("search", name="Find footage")
    expect(search.get_by_text("Los Angeles time")).to_have_count(2)
    search.get_by_label("From").fill("2026-07-15T12:00:00")
    search.get_by_label("Until").fill("2026-07-15T13:00:00")
    with page.expect_request(lambda request: '"until"' in (request.post_data or "")) as sent:
        search.get_by_role("button", name="Find", exact=True).click()
    asked = sent.value.post_data_json["variables"]
    assert (asked["since"], asked["until"]) == ("2026-07-15T19:00:00.000Z", "2026-07-15T20:00:00.000Z")
    page.close()


def test_oversight_reads_in_the_drawer_what_an_event_says_of_people(people: People, product: Product) -> None:
    page = people.page("auditor")
    page.goto(f"{product.base_url}/audit?type=call.call_received")
    trail = AuditTrail(page)
    expect(trail.rows.first).to_be_visible()
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(trail.drawer.locator("dt", has_text="Said")).to_be_visible()
    raw = trail.drawer.get_by_role("region", name="The event as stored")
    expect(raw).to_contain_text("A256GCM")
    page.close()


def test_the_pages_of_the_audit_trail_join_without_a_gap(people: People, product: Product) -> None:
    page = people.page("auditor")
    page.goto(f"{product.base_url}/audit?order=oldest")
    trail = AuditTrail(page)
    expect(trail.rows).to_have_count(50)
    first = trail.positions()
    trail.go("Later")
    expect(page.locator("tr[data-position='51']")).to_be_visible()
    second = trail.positions()
    assert first + second == list(range(1, 51 + len(second)))
    trail.go("Earlier")
    expect(page.locator("tr[data-position='1']")).to_be_visible()
    assert trail.positions() == first
    page.close()


def test_oversight_takes_what_matches_along_as_a_file(people: People, product: Product) -> None:
    page = people.page("auditor")
    page.goto(f"{product.base_url}/audit?type=session.signed_on")
    page.get_by_role("button", name="Export…").click()
    form = page.get_by_role("form", name="Export the audit trail")
    form.get_by_label("As", exact=True).select_option("csv")
    form.get_by_label("What it is for").fill("who signed on, for the quarterly report")
    form.get_by_label("Personal data is left out under").fill("Gov. Code §7923.600")
    form.get_by_role("button", name="Make the file").click()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download").click()
    lines = fetched.value.path().read_text().splitlines()
    assert len(lines) > 1
    assert all("session.signed_on" in line for line in lines[1:] if line[:1].isdigit())
    page.close()


def test_nothing_that_matches_is_said_and_not_left_blank(people: People, product: Product) -> None:
    page = people.page("auditor")
    page.goto(f"{product.base_url}/audit?case=no-such-case")
    expect(page.get_by_role("heading", name="No event matches")).to_be_visible()
    page.close()
