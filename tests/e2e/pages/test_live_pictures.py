"""Live pictures: asked for, masked, lifted by a second person, and each on the record."""

import re
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import CAMERA, PARK, STRIP, TOLD, People, Product, a_flight_on_scene, newest_look, until
from tests.e2e.pages.screens import Wall, seen_to_move

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LEFT_HALF = """mutation { maskCamera(camera: "plummer-park", reason: "the windows of the flats on the left",
    outlines: [[{ x: 0, y: 0 }, { x: 0.5, y: 0 }, { x: 0.5, y: 1 }, { x: 0, y: 1 }]]) { __typename } }"""

QUEUE = """query($target: ID!) { overrides(which: "queue", target: $target) { edges { node { id
    requestedBy { id } legalBasis { kind } texts { why } } } } }"""

APPROVE = f"mutation($override: ID!) {{ told: approveOverride(override: $override) {{ {TOLD} }} }}"


def test_a_live_picture_is_asked_for_with_a_purpose_moves_and_is_on_the_record(
    people: People, product: Product
) -> None:
    page = people.page("watch_operator")
    page.get_by_role("link", name="Cameras").click()
    wall = Wall(page)
    expect(page.get_by_role("heading", name="You watch nothing")).to_be_visible()
    wall.choose(STRIP)
    asked = wall.ask()
    expect(asked.button("Ask to watch")).to_be_disabled()
    expect(asked.form).to_contain_text("Still needed: a purpose, a call or a case, a reason.")
    asked.fill(purpose="call_for_service", case="26-00431", reason="investigation")
    expect(asked.quality).to_contain_text("these words fit every request")
    asked.fill(purpose="call_for_service", case="26-00431", reason="Two cars collided, is somebody hurt or trapped?")
    expect(asked.quality).not_to_contain_text("these words fit every request")
    asked.button("Ask to watch").click()
    tile = wall.tile(STRIP)
    seen_to_move("the strip", wall.picture(STRIP))
    expect(tile).to_contain_text("only you")
    expect(tile).to_contain_text("ends in")
    until("the picture is at the edge", lambda: wall.picture(STRIP).seconds_behind() <= 2, 30)
    tile.focus()
    page.keyboard.press("Enter")
    expect(tile).to_have_class(re.compile("large"))
    seen_to_move("the strip, enlarged", wall.picture(STRIP))
    page.keyboard.press("Escape")
    expect(tile).not_to_have_class(re.compile("large"))
    look = partial(newest_look, product, "live_view", "26-00431")
    assert look()["state"] == "open"
    tile.get_by_role("button", name="Stop").click()
    expect(tile).to_have_count(0)
    until("its end is on the record", lambda: look().get("endReason") == "closed", 60)
    assert look()["seconds"] > 0
    page.close()


def test_a_refused_live_picture_names_the_rule_and_shows_nothing(people: People, product: Product) -> None:
    product.ask("administrator", CAMERA)
    page = people.page("watch_operator")
    page.goto(f"{product.base_url}/cameras?feed=camera-plummer")
    asked = Wall(page).asked
    asked.fill(purpose="call_for_service", case="26-00431", reason="Is the gate of the park still open at night?")
    asked.button("Ask to watch").click()
    expect(asked.form).to_contain_text("Refused. The attempt is on the record")
    expect(asked.reasons.first.locator("code")).not_to_be_empty()
    expect(page.locator("video")).to_have_count(0)
    page.close()


def test_a_mask_hides_until_a_second_person_lifts_it(people: People, product: Product) -> None:
    assert product.ask("administrator", LEFT_HALF)["maskCamera"]["__typename"] == "Accepted"
    page = people.page("watch_operator")
    page.goto(f"{product.base_url}/cameras?feed={PARK}")
    wall = Wall(page)
    asked = wall.asked
    asked.fill(purpose="call_for_service", case="26-00432", reason="A man with a knife at the bus stop, where to?")
    asked.button("Ask to watch").click()
    tile, picture = wall.tile(PARK), wall.picture(PARK)
    expect(tile).to_have_attribute("data-masked", "true")
    seen_to_move("what is not masked", picture, left=0.6)
    assert picture.is_black(right=0.45)
    tile.get_by_role("button", name="Lift mask").click()
    lifting = page.get_by_role("dialog", name=re.compile("^Lift the mask"))
    lifting.get_by_label("Legal basis").select_option("exigency")
    lifting.get_by_label("Reason", exact=True).fill("He is said to have gone into the flats on the left.")
    lifting.get_by_role("button", name="Ask for the override").click()
    expect(lifting).to_have_count(0)
    expect(tile).to_contain_text("Override waits")
    assert picture.is_black(right=0.45), "who waits sees no more than before"

    def waiting() -> list[dict[str, Any]]:
        edges: list[dict[str, Any]] = product.ask("watch_supervisor", QUEUE, target=PARK)["overrides"]["edges"]
        return edges

    until("who decides is shown it", lambda: bool(waiting()), 60)
    (edge,) = waiting()
    assert edge["node"]["legalBasis"] == {"kind": "exigency"}
    assert edge["node"]["texts"]["why"] == "He is said to have gone into the flats on the left."
    product.accepted("watch_supervisor", APPROVE, step_up=True, override=edge["node"]["id"])

    expect(tile.get_by_test_id("mask")).to_have_text("Mask lifted")
    expect(tile).to_contain_text("mask back at")
    seen_to_move("what was masked", picture, right=0.45)
    used = "query($id: ID!) { override(id: $id) { uses } }"
    until(
        "its use is on the record", lambda: product.ask("auditor", used, id=edge["node"]["id"])["override"]["uses"], 60
    )
    page.get_by_role("link", name="Board").click()  # whoever leaves the wall watches nothing
    until("the view has ended", lambda: newest_look(product, "live_view", "26-00432").get("state") == "ended", 60)
    page.close()


@pytest.mark.timeout(900)
def test_a_drone_is_seen_live_and_its_camera_points_where_its_pilot_says(people: People, product: Product) -> None:
    with a_flight_on_scene(product) as flight:
        page, feed = people.page("remote_pilot"), f"flight-{flight}"
        page.goto(f"{product.base_url}/cameras?feed={feed}")
        wall = Wall(page)
        asked = wall.asked
        asked.fill(purpose="call_for_service", case="26-00418", reason="Smoke over the third floor: who is up there?")
        asked.button("Ask to watch").click()
        tile = wall.tile(feed)
        until("its picture comes", lambda: wall.picture(feed).size() == (640, 360), 90)
        expect(tile.get_by_test_id("readout")).to_have_attribute("data-stale", "false")
        camera = wall.camera_of(feed)
        expect(camera).to_contain_text(re.compile(r"Camera −?\d+°"))
        camera.get_by_role("button", name="Straight down").click()
        expect(camera).to_contain_text("Camera turned")
        expect(camera).to_contain_text("Camera −90°")
        camera.get_by_role("button", name="Level").click()
        expect(camera).to_contain_text("Camera 0°")
        expect(tile.get_by_role("button", name="Return", exact=True)).to_be_visible()
        tile.get_by_role("button", name="Stop", exact=True).click()
        expect(tile).to_have_count(0)
        page.close()
