"""Footage: what is recorded, found, looked at, lifted, taken out and destroyed, all of it accounted for."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import STRIP, People, Product, newest_look, until, wait_for_footage
from tests.e2e.pages.screens import FootageDesk, seen_to_move

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_footage_is_found_looked_at_and_every_second_of_it_is_on_the_record(people: People, product: Product) -> None:
    wait_for_footage(product, STRIP)
    page = people.page("watch_operator")
    page.get_by_role("link", name="Footage").click()
    desk = FootageDesk(page)
    desk.find(STRIP)
    desk.kept.first.get_by_role("radio").check()
    desk.look.fill(purpose="call_for_service", case="26-00431", reason="Which of the two cars ran the red light?")
    desk.look.button("Ask to look").click()
    expect(desk.player).to_be_visible()
    expect(desk.player).to_contain_text("ends in")
    desk.player.get_by_role("button", name="Play", exact=True).click()
    seen_to_move("the footage", desk.picture)
    expect(desk.player.get_by_test_id("taken")).not_to_have_text("–")
    desk.player.get_by_role("button", name="Still of this moment").click()
    expect(desk.player.get_by_role("img", name=re.compile("^Still of"))).to_be_visible()
    desk.player.get_by_role("button", name="Stop viewing").click()
    until("its end is on the record", lambda: newest_look(product, "viewing", "26-00431").get("state") == "ended", 60)
    look = newest_look(product, "viewing", "26-00431")
    assert look["seconds"] > 0
    assert look["bytes"] > 0
    page.close()


def test_oversight_reads_who_saw_footage_and_is_shown_none_of_it(people: People, product: Product) -> None:
    seen = newest_look(product, "viewing", "26-00431")
    page = people.page("auditor")
    page.get_by_role("link", name="Footage").click()
    desk = FootageDesk(page)
    desk.find(seen["feed"])
    desk.recording(seen["footage"]).get_by_role("radio").check()
    look = desk.audience.locator(f"[data-look='viewing-{seen['id']}']")
    expect(look).to_contain_text("Which of the two cars ran the red light?")
    expect(look).to_contain_text("26-00431")
    expect(desk.audience).to_contain_text("That you read this is on the record as well.")
    expect(desk.look.form).to_have_count(0)
    expect(page.get_by_role("tab", name="Ask for a file")).to_have_count(0)
    expect(page.locator("video")).to_have_count(0)
    page.close()


def test_three_cameras_are_recorded_all_the_while_and_nothing_of_it_can_be_changed_in_silence(product: Product) -> None:
    kept = """{ retainedFootage(which: "kept", first: 100) { edges { node { feed } } } }"""

    def recorded() -> bool:
        edges = product.ask("auditor", kept)["retainedFootage"]["edges"]
        return {"camera-plummer-park", "camera-city-hall", "camera-sunset-strip"} <= {e["node"]["feed"] for e in edges}

    until("footage of all three is on the record", recorded, 400)

    def verified() -> tuple[int, dict[str, Any]]:
        typed = product.typed("footage", "verify", "--json")
        assert typed.stdout, typed.stderr
        return typed.returncode, json.loads(typed.stdout)

    code, sound = verified()
    assert code == 0 and sound["footage"] >= 3 and sound["segments"] > 10 and sound["findings"] == []
    one = next((product.home / "vault" / "camera-city-hall").rglob("000002-*.segment"))
    content = one.read_bytes()
    one.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, changed = verified()
    one.write_bytes(content)
    # Where its hour is still being recorded, the one behind it is named too: it follows from what was there.
    found = [(row["code"], row["feed"]) for row in changed["findings"]]
    assert code == 1 and 1 <= len(found) <= 2 and set(found) == {("segment_changed", "camera-city-hall")}
