"""The live board: what is told on it, and what may be ordered from it."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import People, Product, a_flight_on_scene, the_drone_to_oneself, until
from tests.e2e.pages.screens import Board, LaunchForm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_sortie_is_on_the_map_and_moves(people: People) -> None:
    page = people.page("watch_operator")
    board = Board(page)
    expect(board.flight("en_route", "on_scene", "returning").first).to_be_visible(timeout=240_000)
    mark = board.drone_marks.first
    expect(mark).to_be_visible()
    expect(board.call_marks.first).to_be_visible()
    drawn = mark.get_attribute("style")
    until("the drone has moved on the map", lambda: mark.get_attribute("style") != drawn, 60)
    expect(board.readout.first).to_have_attribute("data-stale", "false")
    attribution = page.get_by_role("link", name="© OpenStreetMap contributors")
    expect(attribution).to_have_attribute("href", "https://www.openstreetmap.org/copyright")
    page.close()


@pytest.mark.timeout(900)
def test_a_pilot_calls_the_drone_home(people: People, product: Product) -> None:
    with a_flight_on_scene(product) as flying:  # else the demonstration's own pilot may be the faster one
        page = people.page("remote_pilot")
        board = Board(page)
        flight = board.named(flying)
        board.order(flight, "Return").click()
        expect(flight.get_by_role("status").filter(has_text="Return sent")).to_be_visible()
        expect(flight).to_have_attribute("data-state", re.compile("returning|landing|landed"))
        page.close()


def filled_in(form: LaunchForm) -> LaunchForm:
    form.fill(
        purpose="call_for_service",
        case="26-00418",
        pilot="k.lindqvist",
        reason="Smoke over the roofs of Santa Monica Boulevard: is anyone up there?",
    )
    form.choose_on_map(0.6, 0.5)
    for condition in ("Weather", "Crewed traffic", "Airspace"):
        form.found(condition, "Go", source="tower, by telephone")
    return form


def test_a_launch_is_requested_confirmed_and_flown_from_the_pages(people: People, product: Product) -> None:
    with the_drone_to_oneself(product):
        operators = people.page("watch_operator")
        form = filled_in(Board(operators).request_launch())
        form.submit.click()
        expect(form.reasons).to_contain_text("prove your identity once more")
        Board(operators).confirm_who_one_is(form.form)
        form = filled_in(Board(operators).request_launch())
        form.submit.click()
        authorised = Board(operators).flight("authorised")
        expect(authorised).to_be_visible()
        name = authorised.get_attribute("data-flight")
        assert name is not None
        # Who asked may call it off, and who commands may watch; the motors are the pilot's alone.
        expect(Board(operators).order(authorised, "Withdraw")).to_be_visible()
        expect(Board(operators).order(authorised, "Launch")).to_have_count(0)
        captains = people.page("station_commander")
        expect(Board(captains).named(name)).to_have_attribute("data-state", "authorised")
        expect(Board(captains).order(Board(captains).named(name), "Launch")).to_have_count(0)
        expect(captains.get_by_role("button", name="Request launch", exact=True)).to_have_count(0)
        captains.close()

        pilots = people.page("remote_pilot")
        board = Board(pilots)
        flight = board.named(name)
        board.order(flight, "Launch").click()
        expect(flight.get_by_role("alert")).to_contain_text("Refused")
        expect(pilots.get_by_role("button", name="Request launch", exact=True)).to_have_count(0)
        board.confirm_who_one_is(flight)
        board.order(flight, "Launch").click()
        expect(flight).to_have_attribute("data-state", "en_route", timeout=120_000)
        expect(board.freshness).to_contain_text("live")
        mark = board.drone_marks.first
        drawn = mark.get_attribute("style")
        until("the drone has moved on the map", lambda: mark.get_attribute("style") != drawn, 90)
        expect(Board(operators).named(name)).to_have_attribute("data-state", re.compile("en_route|on_scene"))
        expect(Board(operators).order(Board(operators).named(name), "Return")).to_be_visible()
        board.order(flight, "Return").click()
        expect(flight).to_have_attribute("data-state", re.compile("returning|landing|landed"))
        pilots.close()
        operators.close()


def test_a_refused_launch_names_every_reason_with_its_rule(people: People) -> None:
    page = people.page("watch_operator")
    form = Board(page).request_launch()
    form.fill(purpose="call_for_service", case="26-00417", pilot="k.lindqvist", reason="investigation")
    expect(form.judgement).to_contain_text("tells a reviewer nothing")
    form.fill(
        purpose="call_for_service",
        case="26-00417",
        pilot="k.lindqvist",
        reason="Man on the roof of City Hall, is he armed?",
    )
    expect(form.submit).to_be_disabled()
    form.choose_on_map(0.6, 0.5)
    expect(form.destination).to_contain_text(re.compile(r"34\.\d+, -118\.\d+"))
    form.submit.click()
    expect(form.reasons.filter(has_text="weather is unknown")).to_be_visible()
    assert form.reasons.count() >= 3, "weather, traffic and airspace are unknown"
    for reason in form.reasons.all():
        expect(reason.locator("code")).not_to_be_empty()
    page.close()
