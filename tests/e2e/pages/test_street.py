"""What those in the field hold in the hand, and what the watch sees of it."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.pages.product import CAMERA, People, Product, call_of_dispatch, until
from tests.e2e.pages.screens import Street

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PHONE: ViewportSize = {"width": 390, "height": 844}


def test_what_is_seen_on_the_street_stands_on_its_call(people: People, product: Product) -> None:
    number = call_of_dispatch(product, "prowler")
    told = product.ask(
        "watch_operator",
        """mutation($call: ID!, $at: DateTime!) { reportObservation(callNumber: $call, kind: "hazard",
        said: "glass all over the pavement", observedAt: $at) { __typename } }""",
        call=number,
        at=datetime.now(UTC).isoformat(),
    )
    assert told["reportObservation"]["__typename"] == "Accepted"
    page = people.page("watch_operator")
    card = page.locator(f'[data-call="{number}"]')
    expect(card.get_by_role("img", name="1 seen on the street")).to_be_visible()
    card.locator(".card-head").click()
    expect(card.get_by_role("list", name="Seen on the street")).to_contain_text("glass all over the pavement")
    page.close()


def test_who_works_on_the_street_does_it_with_a_phone(people: People, product: Product) -> None:
    call = call_of_dispatch(product, "structure_fire")
    # An ambassador tells what she sees of an open call.
    page = people.page("ambassador")
    page.set_viewport_size(PHONE)
    expect(page).to_have_url(re.compile("/street$"))
    street = Street(page)
    street.call(call).click()
    street.tell("hazard", "x" * 2)
    expect(street.send).to_be_disabled()
    street.tell("hazard", "Glass all over the pavement, people walk round it.")
    expect(page.locator(".pin-mark")).to_be_visible()
    street.send.click()
    expect(street.status).to_contain_text("On the record at position")
    asked = "query($call: ID!) { observations(callNumber: $call) { kind said } }"
    told = [{"kind": "hazard", "said": "Glass all over the pavement, people walk round it."}]
    until(
        "the watch sees it", lambda: bool(product.ask("watch_operator", asked, call=call)["observations"] == told), 60
    )
    page.close()
    # A responder is shown what an open incident shares while it is, and hears every reason of a refusal.
    page = people.page("field_responder")
    page.set_viewport_size(PHONE)
    expect(page).to_have_url(re.compile("/street$"))
    street = Street(page)
    expect(street.freshness).to_contain_text("live")
    product.ask("administrator", CAMERA)
    share = """mutation($call: ID!, $feed: ID!) { shareFeed(callNumber: $call, feed: $feed,
        reason: "the roof, for engine 7") { __typename } }"""
    assert (
        product.ask("watch_operator", share, call=call, feed="camera-plummer")["shareFeed"]["__typename"] == "Accepted"
    )
    camera = street.shared("camera-plummer")
    expect(camera).to_contain_text("Structure fire")
    street.ask_to_watch(camera, "call_for_service", "investigation")
    expect(street.score).to_contain_text("these words fit every request")
    street.ask_to_watch(camera, "call_for_service", "Is there fire on the roof above the third floor?")
    expect(street.score).to_contain_text("Clear enough")
    street.ask.click()
    expect(camera.locator(".reasons li").first).to_be_visible()  # it has sent no picture yet
    stop = 'mutation($call: ID!) { stopSharingFeed(callNumber: $call, feed: "camera-plummer") { __typename } }'
    assert product.ask("watch_operator", stop, call=call)["stopSharingFeed"]["__typename"] == "Accepted"
    expect(camera).to_have_count(0)
    page.close()
    # The watch sees on the map where it hangs, and that no picture has come in yet.
    page = people.page("watch_operator")
    hung = page.get_by_role("img", name="Camera Plummer Park, looks west, no picture yet")
    expect(hung).to_be_visible()
    page.close()
