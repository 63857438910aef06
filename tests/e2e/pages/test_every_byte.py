"""Pictures from the camera to their end: seen live and afterwards, lifted, taken out as a file, destroyed by their key;
and the record accounts for every byte that left."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from api.processes.demonstration import CAMERAS, person_of
from api.processes.scenes import FOOTAGE
from tests.adapters.footage_files.clips import clip
from tests.api.live import Screen, screen, showing
from tests.api.looking import REQUEST
from tests.api.watch_center import Asker, Json
from tests.e2e.pages.product import People, Product, a_flight_on_scene, in_a_hurry, until
from tests.e2e.pages.screens import with_a_second_factor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

WINDOWS = "camera-city-hall"  # of flats, masked from the first day on
CASE = "26-00437"
GROUNDS = {"purpose": "call_for_service", "caseNumber": CASE, "reason": "Who pushed the woman on the platform?"}
WARRANT = {"kind": "warrant", "number": "26-SW-0437", "issuer": "Superior Court"}
OVERRIDE = "requestOverride(input: $target, legalBasis: $basis, reason: $text)"
APPROVE_OVERRIDE = "approveOverride(override: $override)"
LIVE = """mutation($view: ID!, $override: ID) { livePicture(view: $view, override: $override) {
  url token masked reason { code message } } }"""
VIEW = "requestViewing(footage: $footage, grounds: $grounds)"
PICTURE = """mutation($viewing: ID!, $override: ID) { footagePicture(viewing: $viewing, override: $override) {
  url token masked reason { code message } } }"""
EXPORT = """requestExport(footage: $footage, grounds: $grounds, recipient: "District Attorney", legalBasis: $basis,
  override: $override)"""
APPROVE_EXPORT = (
    """approveExport(export: $export, category: "investigation", reason: "an assault under investigation")"""
)
MINE = "{ exports(first: 20) { edges { node { id state download reasons { message } } } } }"
GONE = """query($id: ID!) { retainedFootage(which: "destroyed", id: $id) { edges { node { unrecoverableAfter
  destructionApprovedBy { id } } } } }"""
RECORD = "{ accessRecord(first: 100) { edges { node { id caseNumber state bytes } } } }"
TRAIL = """query($subject: ID!) { auditTrail(filter: { subject: $subject }, order: POSITION_ASC, first: 100) {
  edges { node { type content } } } }"""


def console(product: Product, role: str, *, step_up: bool = False) -> Asker:
    """Of the demonstration's person of this role."""
    token = product.token(role, step_up=step_up)
    http = httpx.Client(base_url=product.base_url, headers={"authorization": f"Bearer {token}"}, timeout=60)
    return Asker(http, person_of(role), token)


@dataclass
class Look:
    """A live view, and what came of it."""

    view: str
    feed: str
    shown: Screen


@contextmanager
def looking(deputy: Asker, feed: str) -> Iterator[Look]:
    view = str(deputy.accepted(REQUEST, feed=feed, grounds=GROUNDS)["id"])
    ticket = deputy.ask(LIVE, view=view)["livePicture"]
    with showing(deputy, view), screen(ticket) as shown:
        shown.shows(3)
        yield Look(view, feed, shown)
        deputy.accepted("closeLiveView(view: $view)", view=view)
        until(f"the picture of {feed} ends", lambda: shown.closed is not None, 60)


def masked(shown: Screen) -> list[bool]:
    """Of each picture that was begun."""
    return [said["masked"] for said in shown.said if said["type"] == "picture"]


def windows_are_black(shown: Screen) -> bool:
    """In every picture since the last one that was begun; else in none."""
    frames = [frame.to_ndarray(format="gray") for frame in shown.frames()]
    black = {bool(f[len(f) // 5 : 2 * len(f) // 5, len(f[0]) // 8 : len(f[0]) // 5].max() < 40) for f in frames}
    assert len(black) == 1, "all of them, from the first fragment on"
    return black.pop()


def lifted(product: Product, target: str, since: datetime, to: datetime) -> str:
    """An override that a second person approved."""
    where = {"target": target, "since": since.isoformat(), "until": to.isoformat()}
    where |= {"purpose": GROUNDS["purpose"], "caseNumber": CASE}
    text = "the face of the man who pushed her"
    override = console(product, "watch_operator").accepted(OVERRIDE, target=where, basis=WARRANT, text=text)["id"]
    console(product, "watch_supervisor", step_up=True).accepted(APPROVE_OVERRIDE, override=override)
    return str(override)


def events(auditor: Asker, subject: str) -> dict[str, list[Json]]:
    """What the audit trail tells of it, by kind."""
    found: dict[str, list[Json]] = {}
    for edge in auditor.ask(TRAIL, subject=subject)["auditTrail"]["edges"]:
        kind = edge["node"]["type"].rpartition(".")[2]
        found.setdefault(kind, []).append(json.loads(edge["node"]["content"])["data"])
    return found


def told(auditor: Asker, subject: str, *kinds: str) -> dict[str, list[Json]]:
    """The same, once all of these are there."""
    until(f"the audit trail tells {kinds} of {subject}", lambda: set(kinds) <= events(auditor, subject).keys(), 60)
    return events(auditor, subject)


def test_what_is_seen_taken_out_and_destroyed_is_on_the_record_to_the_byte(
    people: People, product: Product, tmp_path: Path
) -> None:
    deputy, auditor = console(product, "watch_operator"), console(product, "auditor")
    looks, seen_at, live_override = four_pictures_are_seen_live(product, deputy)
    all_of_it_was_recorded(product, deputy, looks, seen_at)
    footage, taken = footage_of_another_agency_comes_in(product, tmp_path)
    override = lifted(product, f"footage-{footage}", taken - timedelta(minutes=1), taken + timedelta(minutes=1))
    viewing, came = it_is_played_without_its_mask(deputy, footage, override)
    export, file = it_is_taken_out_and_verified_offline(product, deputy, footage, override, tmp_path)
    it_is_destroyed_by_its_key(people, product, deputy, footage)

    # What the record says of each, against what came here.
    views = {look.view: sum(map(len, look.shown.fragments)) for look in looks}

    def left(view: str) -> int:
        return sum(event["size_bytes"] for event in events(auditor, f"liveview-{view}").get("live_pictures_served", ()))

    for look in looks:
        until(f"what left of {look.feed} is told", lambda view=look.view: left(view) >= views[view], 60)  # type: ignore[misc]
        trail = told(auditor, f"liveview-{look.view}", "live_view_granted", "live_view_ended")
        under = {event["override"] for event in trail["live_pictures_served"]}
        assert under == ({None, f"override-{live_override}"} if look.feed == WINDOWS else {None})

    trail = told(auditor, f"viewing-{viewing}", "viewing_granted", "segments_served", "viewing_ended")
    reserved, served = trail["segments_reserved"], trail["segments_served"]
    assert [event["size_bytes"] for event in served] == came
    assert [event["ranges"] for event in served] == [[event["range"]] for event in reserved]
    (end,) = trail["viewing_ended"]
    assert (end["size_bytes"], end["unclosed"]) == (sum(came), 0)

    trail = told(auditor, f"export-{export}", "export_requested", "export_approved", "export_downloaded")
    (exported,), (fetched,) = trail["footage_exported"], trail["export_downloaded"]
    for event in (exported, fetched):
        assert (event["size_bytes"], event["file_sha256"]) == (len(file), hashlib.sha256(file).hexdigest())

    for each in (override, live_override):
        told(auditor, f"override-{each}", "override_requested", "override_approved", "override_used")
    told(auditor, f"footage-{footage}", "footage_recorded", "footage_imported", "footage_destroyed")

    # Oversight reads the same, and of nothing else that left under this case. The look that was refused showed nothing.
    def on_record() -> dict[str, int]:
        rows = [edge["node"] for edge in auditor.ask(RECORD)["accessRecord"]["edges"]]
        return {row["id"]: row["bytes"] for row in rows if row["caseNumber"] == CASE and row["state"] != "refused"}

    def all_told() -> dict[str, int]:
        return {viewing: sum(came), export: len(file), **{view: left(view) for view in views}}

    until("oversight reads every byte of it", lambda: on_record() == all_told(), 60)
    for look in looks:
        # What was on its way when the view was closed: less than a segment of two seconds, in halves of one.
        most = 4 * max(map(len, look.shown.fragments))
        assert views[look.view] <= left(look.view) <= views[look.view] + most, look.feed


# -- the steps -----------------------------------------------------------------


def four_pictures_are_seen_live(product: Product, deputy: Asker) -> tuple[list[Look], datetime, str]:
    """Three cameras and the drone's; of one the mask is lifted, of that one alone. What was seen, when, and by which
    override."""
    with a_flight_on_scene(product) as flight, ExitStack() as stack:
        feeds = [*(f"camera-{camera.id}" for camera in CAMERAS), f"flight-{flight}"]
        looks = {feed: stack.enter_context(looking(deputy, feed)) for feed in feeds}
        seen_at = datetime.now(UTC)
        city_hall = looks[WINDOWS].shown
        assert masked(city_hall) == [True] and windows_are_black(city_hall)
        override = lifted(product, WINDOWS, seen_at, seen_at + timedelta(minutes=30))
        ticket = deputy.ask(LIVE, view=looks[WINDOWS].view, override=override)["livePicture"]
        assert ticket["masked"] is False, ticket
        assert masked(city_hall) == [True], "nothing is lifted before its ticket is shown"
        city_hall.send({"token": ticket["token"]})
        until("the mask is lifted", lambda: masked(city_hall) == [True, False], 60)
        for look in looks.values():
            look.shown.shows(5)
            assert look.shown.frames()[0].key_frame
        assert not windows_are_black(city_hall)
    return list(looks.values()), seen_at, override


def all_of_it_was_recorded(product: Product, deputy: Asker, looks: list[Look], at: datetime) -> None:
    """What the pictures showed when they were seen."""
    around = {"since": (at - timedelta(minutes=1)).isoformat(), "until": (at + timedelta(minutes=1)).isoformat()}

    def kept(feed: str) -> bool:
        rows = [row for row in deputy.ask(FOOTAGE, feed=feed, **around)["footage"] if row["state"] == "kept"]
        return any(datetime.fromisoformat(row["since"]) <= at < datetime.fromisoformat(row["until"]) for row in rows)

    with in_a_hurry(product):  # what a flight recorded is told when the drone is home
        for look in looks:
            until(f"{look.feed} was recorded", partial(kept, look.feed), 500)


def footage_of_another_agency_comes_in(product: Product, folder: Path) -> tuple[str, datetime]:
    """It is due already, for it was taken long ago. Its id, and when it was."""
    taken = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=400)
    film, token = folder / "platform.mp4", folder / "me.jwt"
    film.write_bytes(clip(seconds=8))
    token.write_text(product.token("watch_operator"))
    said = {
        "--token-file": str(token),
        "--taken-at": taken.isoformat(),
        "--received-at": (taken + timedelta(hours=3)).isoformat(),
        "--source-agency": "LA Metro",
        "--handed-over-by": "Sgt. M. Ibarra, Transit Security",
        "--received": "medium",
        "--case": CASE,
        "--category": "routine",
    }
    typed = product.typed("footage", "import", str(film), "--json", *(word for pair in said.items() for word in pair))
    assert typed.returncode == 0, typed.stdout + typed.stderr
    (footage,) = json.loads(typed.stdout)["footage"]
    return str(footage), taken


def it_is_played_without_its_mask(deputy: Asker, footage: str, override: str) -> tuple[str, list[int]]:
    """The viewing, and how many bytes of pictures came at a time."""
    viewing = str(deputy.accepted(VIEW, footage=footage, grounds=GROUNDS)["id"])
    ticket = deputy.ask(PICTURE, viewing=viewing, override=override)["footagePicture"]
    assert ticket["masked"] is False, ticket
    with httpx.Client(headers={"authorization": f"Bearer {ticket['token']}"}, timeout=60) as player:
        folder = ticket["url"].rpartition("/")[0]
        listed = player.get(ticket["url"]).text
        names = re.findall(r"^(\S+\.m4s)$", listed, re.MULTILINE)
        assert len(names) >= 3, listed
        came = [player.get(f"{folder}/{name}") for name in names]
    assert {answer.status_code for answer in came} == {200} and all(answer.content for answer in came)
    deputy.accepted("closeViewing(viewing: $viewing)", viewing=viewing)
    return viewing, [len(answer.content) for answer in came]


def it_is_taken_out_and_verified_offline(
    product: Product, deputy: Asker, footage: str, override: str, folder: Path
) -> tuple[str, bytes]:
    """The export and its file."""
    wanted = {"footage": footage, "grounds": GROUNDS, "basis": WARRANT, "override": override}
    export = str(deputy.accepted(EXPORT, **wanted)["id"])
    console(product, "station_commander", step_up=True).accepted(APPROVE_EXPORT, export=export)

    def made() -> str:
        found = [edge["node"] for edge in deputy.ask(MINE)["exports"]["edges"] if edge["node"]["id"] == export]
        assert all(node["state"] != "refused" for node in found), found
        return found[0]["download"] or "" if found else ""

    until("the file is made", lambda: made() != "", 240)
    file, root = folder / "export.zip", folder / "root.pem"
    file.write_bytes(deputy.http.get(made()).content)
    root.write_bytes(httpx.get(f"{product.base_url}/export-root.pem", timeout=60).content)
    verified = product.typed("export", "verify", str(file), "--root", str(root))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    return export, file.read_bytes()


def it_is_destroyed_by_its_key(people: People, product: Product, deputy: Asker, footage: str) -> None:
    """On the captain's word: nobody sees it any more."""
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
    refused = deputy.order(VIEW, footage=footage, grounds=GROUNDS)
    assert refused["__typename"] != "Accepted", refused
    gone = partial(console(product, "auditor").ask, GONE, id=footage)
    until("it is told as destroyed", lambda: gone()["retainedFootage"]["edges"], 60)
    (edge,) = gone()["retainedFootage"]["edges"]
    assert edge["node"]["destructionApprovedBy"]["id"] == person_of("station_commander")
    assert edge["node"]["unrecoverableAfter"]
