"""Footage: what is recorded, found, looked at, lifted, taken out and destroyed, all of it accounted for."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.adapters.footage_files.clips import clip
from tests.e2e.pages.product import LOOKS, STRIP, TOLD, People, Product, newest_look, until, wait_for_footage
from tests.e2e.pages.screens import FootageDesk, seen_to_move, with_a_second_factor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

APPROVE = f"mutation($override: ID!) {{ told: approveOverride(override: $override) {{ {TOLD} }} }}"


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


def test_what_is_lifted_taken_out_and_destroyed_is_accounted_for(
    people: People, product: Product, tmp_path: Path
) -> None:
    # Footage that is due already: another agency's, which came here long ago.
    taken = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=400)
    film, token = tmp_path / "platform.mp4", tmp_path / "me.jwt"
    film.write_bytes(clip(seconds=8))
    token.write_text(product.token("watch_operator"))
    said = {
        "--token-file": str(token),
        "--taken-at": taken.isoformat(),
        "--received-at": (taken + timedelta(hours=3)).isoformat(),
        "--source-agency": "LA Metro",
        "--handed-over-by": "Sgt. M. Ibarra, Transit Security",
        "--received": "medium",
        "--case": "26-00433",
        "--category": "routine",
    }
    typed = product.typed("footage", "import", str(film), "--json", *(word for pair in said.items() for word in pair))
    assert typed.returncode == 0, typed.stdout + typed.stderr
    (footage,) = json.loads(typed.stdout)["footage"]
    grounds = {
        "purpose": "call_for_service",
        "caseNumber": "26-00433",
        "reason": "Who pushed the woman on the platform?",
    }
    warrant = {"kind": "warrant", "number": "26-SW-0433", "issuer": "Superior Court"}

    # Seen with a purpose, and without its mask once a second person approved that.
    look = f"""mutation($footage: ID!, $grounds: GroundsInput!) {{
        told: requestViewing(footage: $footage, grounds: $grounds) {{ {TOLD} }} }}"""
    viewing = product.accepted("watch_operator", look, footage=footage, grounds=grounds)
    lift = f"""mutation($target: OverrideTargetInput!, $basis: LegalBasisInput!) {{ told: requestOverride(
        input: $target, legalBasis: $basis, reason: "the face of the man who pushed her") {{ {TOLD} }} }}"""
    target = {
        "target": f"footage-{footage}",
        "since": (taken - timedelta(minutes=1)).isoformat(),
        "until": (taken + timedelta(minutes=1)).isoformat(),
        "purpose": "call_for_service",
        "caseNumber": "26-00433",
    }
    override = product.accepted("watch_operator", lift, target=target, basis=warrant)
    product.accepted("watch_supervisor", APPROVE, step_up=True, override=override)
    picture = """mutation($viewing: ID!, $override: ID) { footagePicture(viewing: $viewing, override: $override) {
        url token masked reason { code message } } }"""
    ticket = product.ask("watch_operator", picture, viewing=viewing, override=override)["footagePicture"]
    assert ticket["masked"] is False, ticket
    shown = {"authorization": f"Bearer {ticket['token']}"}
    playlist = httpx.get(ticket["url"], headers=shown, timeout=60)
    (first, *_) = re.findall(r"^(\S+\.m4s)$", playlist.text, re.MULTILINE)
    seen = httpx.get(f"{ticket['url'].rpartition('/')[0]}/{first}", headers=shown, timeout=60)
    assert seen.status_code == 200, seen.text
    stop = f"mutation($viewing: ID!) {{ told: closeViewing(viewing: $viewing) {{ {TOLD} }} }}"
    product.accepted("watch_operator", stop, viewing=viewing)

    # Taken out as a file, which is verified without the product.
    take = f"""mutation($footage: ID!, $grounds: GroundsInput!, $basis: LegalBasisInput!, $override: ID) {{
        told: requestExport(footage: $footage, grounds: $grounds, recipient: "District Attorney", legalBasis: $basis,
        override: $override) {{ {TOLD} }} }}"""
    export = product.accepted(
        "watch_operator", take, footage=footage, grounds=grounds, basis=warrant, override=override
    )
    approve = f"""mutation($export: ID!) {{ told: approveExport(export: $export, category: "investigation",
        reason: "an assault under investigation") {{ {TOLD} }} }}"""
    product.accepted("station_commander", approve, step_up=True, export=export)
    mine = "{ exports(first: 20) { edges { node { id state download reasons { message } } } } }"

    def made() -> str:
        edges = product.ask("watch_operator", mine)["exports"]["edges"]
        found = [edge["node"] for edge in edges if edge["node"]["id"] == export]
        assert all(node["state"] != "refused" for node in found), found
        return found[0]["download"] or "" if found else ""

    until("the file is made", lambda: made() != "", 240)
    sent = httpx.get(
        f"{product.base_url}{made()}",
        headers={"authorization": f"Bearer {product.token('watch_operator')}"},
        timeout=60,
    )
    file, root = tmp_path / "export.zip", tmp_path / "root.pem"
    file.write_bytes(sent.content)
    root.write_bytes(httpx.get(f"{product.base_url}/export-root.pem", timeout=60).content)
    verified = product.typed("export", "verify", str(file), "--root", str(root))
    assert verified.returncode == 0, verified.stdout + verified.stderr

    # Destroyed by its key on the captain's word: nobody sees it any more.
    captain = people.page("station_commander")
    captain.get_by_role("link", name="Retention").click()
    due = captain.locator(f"[data-footage='{footage}']")

    def destroy() -> None:
        due.get_by_role("button", name="Destroy…").click()
        due.get_by_label("Nobody will be able to see it again").check()
        due.get_by_role("button", name="Destroy it for good").click()

    with_a_second_factor(captain, due, destroy)
    captain.get_by_role("tab", name="Destroyed").click()
    expect(captain.locator(f"[data-footage='{footage}']")).to_have_attribute("data-state", "destroyed")
    captain.close()
    refused = product.ask("watch_operator", look, footage=footage, grounds=grounds)["told"]
    assert refused["__typename"] != "Accepted", refused
    gone = f"""{{ retainedFootage(which: "destroyed", id: "{footage}") {{ edges {{ node {{ unrecoverableAfter
        destructionApprovedBy {{ id }} }} }} }} }}"""
    until("it is told as destroyed", lambda: product.ask("auditor", gone)["retainedFootage"]["edges"], 60)

    # And who asks the audit trail of each finds all of it.
    trail = """query($subject: ID!) { auditTrail(filter: { subject: $subject }, order: POSITION_ASC, first: 100) {
        edges { node { type } } } }"""

    def accounted(subject: str, steps: set[str]) -> bool:
        edges = product.ask("auditor", trail, subject=subject)["auditTrail"]["edges"]
        return steps <= {edge["node"]["type"].rpartition(".")[2] for edge in edges}

    for subject, steps in (
        (f"viewing-{viewing}", {"viewing_requested", "viewing_granted", "segments_reserved", "segments_served"}),
        (f"override-{override}", {"override_requested", "override_approved", "override_used"}),
        (f"export-{export}", {"export_requested", "export_approved", "footage_exported", "export_downloaded"}),
        (f"footage-{footage}", {"footage_recorded", "footage_imported", "footage_destroyed"}),
    ):
        until(f"the audit trail tells {sorted(steps)} of {subject}", partial(accounted, subject, steps), 60)

    def bytes_seen() -> int:
        found = product.ask("watch_operator", LOOKS, kind="viewing")["accessRecord"]
        return sum(edge["node"]["bytes"] or 0 for edge in found["edges"] if edge["node"]["id"] == viewing)

    until("every byte of the look is told", lambda: bytes_seen() >= len(seen.content) > 0, 60)


def test_what_the_drone_sees_on_scene_is_recorded(product: Product) -> None:
    kept = """{ retainedFootage(which: "kept", first: 100) { edges { node { feed } } } }"""

    def flights() -> list[str]:
        edges = product.ask("auditor", kept)["retainedFootage"]["edges"]
        return [edge["node"]["feed"] for edge in edges if edge["node"]["feed"].startswith("flight-")]

    until("a flight's footage is on the record", flights, 500)
    feed = flights()[0]
    story = """query($flight: ID!) { flight(id: $flight) { id } }"""
    assert product.ask("auditor", story, flight=feed.removeprefix("flight-"))["flight"]["id"]
    assert (product.home / "vault" / feed).is_dir()


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
