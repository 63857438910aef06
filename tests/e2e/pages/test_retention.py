"""How long footage is kept: held, looked at again, let go, and kept longer on the captain's word."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import STRIP, TOLD, People, Product, wait_for_footage
from tests.e2e.pages.screens import RetentionDesk, with_a_second_factor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KEPT = '{ retainedFootage(which: "kept", first: 50) { edges { node { id feed } } } }'
ONE = """query($footage: ID!) { retainedFootage(which: "kept", id: $footage) { edges { node { keepUntil } } } }"""
LONGER = f"""mutation($footage: ID!, $until: DateTime!) {{ told: requestRetentionExtension(footage: $footage,
    keepUntil: $until, reason: "the appeal is not decided") {{ {TOLD} }} }}"""


def recorded(product: Product) -> str:
    wait_for_footage(product, STRIP)
    edges = product.ask("auditor", KEPT)["retainedFootage"]["edges"]
    return str(next(edge["node"]["id"] for edge in edges if edge["node"]["feed"] == STRIP))


def test_a_hold_is_placed_looked_at_again_and_released(people: People, product: Product) -> None:
    footage, name = recorded(product), "homicide-26-0417"
    page = people.page("watch_supervisor")
    page.get_by_role("link", name="Retention").click()
    desk = RetentionDesk(page)
    desk.show("Kept")
    item, form = desk.footage(footage), page.get_by_role("form", name="Place a legal hold")
    opener = item.get_by_role("button", name="Hold…")

    # The form closes as it was opened, and takes the keyboard along.
    opener.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(form.get_by_label("Name of the hold")).to_be_focused()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    expect(form).to_be_visible()
    opener.click()
    expect(form).to_have_count(0)
    expect(opener).to_have_attribute("aria-expanded", "false")

    opener.click()
    form.get_by_label("Name of the hold").fill(name)
    form.get_by_label("Legal basis").select_option("warrant")
    form.get_by_label("Number", exact=True).fill("26-SW-0417")
    form.get_by_label("Issued by").fill("Superior Court")
    form.get_by_label("Reason").fill("A homicide is tried with it.")
    form.get_by_role("button", name="Hold it").click()
    expect(form).to_have_count(0)

    desk.show("Legal holds")
    hold = desk.hold(name)
    expect(hold).to_contain_text("Warrant 26-SW-0417, Superior Court")
    day = str((datetime.now(UTC) + timedelta(days=120)).date())
    hold.get_by_role("button", name="Still needed…").click()
    hold.get_by_label("Why it is needed still").fill("The trial begins in spring.")
    hold.get_by_label("Look again whether it is needed on").fill(day)
    hold.get_by_role("button", name="It is still needed").click()
    expect(hold).to_contain_text("Looked at last")
    expect(hold).to_contain_text(day)

    def release() -> None:
        desk.show("Legal holds")
        hold.get_by_role("button", name="Release…").click()
        hold.get_by_label("Why it is not needed any more").fill("The trial is over.")
        hold.get_by_role("button", name="Release it").click()

    with_a_second_factor(page, hold, release)
    desk.show("Kept")
    expect(item).to_be_visible()
    expect(item).not_to_contain_text("legal hold")
    page.close()


def test_the_captain_refuses_to_keep_footage_longer_and_thinks_better_of_it(people: People, product: Product) -> None:
    footage, until = recorded(product), datetime.now(UTC) + timedelta(days=1000)
    product.accepted("watch_operator", LONGER, footage=footage, until=until.isoformat())
    page = people.page("station_commander")
    page.get_by_role("link", name="Retention").click()
    desk = RetentionDesk(page)
    item = desk.footage(footage)

    def refuse() -> None:
        desk.show("Longer?")
        item.get_by_role("button", name="Refuse…").click()
        item.get_by_label("Why it is refused").fill("Name the appeal it is for.")
        item.get_by_role("button", name="Refuse it").click()

    def keep() -> None:
        desk.show("Longer?")
        item.get_by_role("button", name="Keep it longer").click()

    with_a_second_factor(page, item, refuse)
    product.accepted("watch_operator", LONGER, footage=footage, until=until.isoformat())
    with_a_second_factor(page, item, keep)
    page.close()
    (kept,) = product.ask("auditor", ONE, footage=footage)["retainedFootage"]["edges"]
    assert datetime.fromisoformat(kept["node"]["keepUntil"]) == until
