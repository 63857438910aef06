"""What else the demonstration shows of the watch center: a look that is refused and one that is granted, a protection
lifted by two persons, footage played masked and unmasked, and handed over as a file, a complaint and its answer.

A scene that does not come off is told in the log and left out: the flight goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx
import structlog

log = structlog.get_logger()

TOLD = """{ __typename ... on Accepted { id position } ... on Refused { reasons { code message } }
  ... on Mistaken { code field message } ... on Unavailable { code message } }"""
LOOK = (
    f"mutation($feed: ID!, $grounds: GroundsInput!) {{ told: requestLiveView(feed: $feed, grounds: $grounds) {TOLD} }}"
)
BEAT = "mutation($view: ID!) { liveViewHeartbeat(view: $view) { open } }"
CLOSE = f"mutation($view: ID!) {{ told: closeLiveView(view: $view) {TOLD} }}"
ZONE = f"""mutation($shape: ZoneShapeInput!) {{ told: drawPrivacyZone(zone: "plummer-park-pool",
  name: "Pool, Plummer Park", shape: $shape, reason: "people swim here and may expect not to be watched") {TOLD} }}"""
OVERRIDE = f"""mutation($target: OverrideTargetInput!, $basis: LegalBasisInput!) {{ told: requestOverride(
  input: $target, legalBasis: $basis, reason: "the suspect went over the wall of the pool") {TOLD} }}"""
APPROVE = f"mutation($override: ID!) {{ told: approveOverride(override: $override) {TOLD} }}"
FOOTAGE = """query($feed: ID!, $since: DateTime!, $until: DateTime!) {
  footage(feed: $feed, since: $since, until: $until) { id since until state } }"""
VIEW = f"""mutation($footage: ID!, $range: RangeInput!, $grounds: GroundsInput!) {{ told: requestViewing(
  footage: $footage, range: $range, grounds: $grounds) {TOLD} }}"""
PICTURE = """mutation($viewing: ID!, $override: ID) { told: footagePicture(viewing: $viewing, override: $override) {
  url token reason { code message } } }"""
CLOSE_VIEWING = f"mutation($viewing: ID!) {{ told: closeViewing(viewing: $viewing) {TOLD} }}"
EXPORT = f"""mutation($footage: ID!, $range: RangeInput!, $grounds: GroundsInput!, $basis: LegalBasisInput!) {{
  told: requestExport(footage: $footage, range: $range, grounds: $grounds, recipient: "District Attorney, LA County",
  legalBasis: $basis) {TOLD} }}"""
APPROVE_EXPORT = f"""mutation($export: ID!) {{ told: approveExport(export: $export, category: "investigatory_file",
  reason: "it is of an incident that is investigated") {TOLD} }}"""
FEEDBACK = f"""mutation($at: DateTime!) {{ told: receiveFeedback(topic: "drone", receivedAt: $at, wantsAnswer: true,
  said: "It hung over my garden for ten minutes. What did it record?", contact: "neighbour@mail.example") {TOLD} }}"""
OPEN = f"""mutation($complaint: ID!, $about: ID!) {{ told: openComplaint(complaint: $complaint, topic: "drone",
  about: $about) {TOLD} }}"""
ASSIGN = f"mutation($complaint: ID!, $to: ID!) {{ told: assignComplaint(complaint: $complaint, personId: $to) {TOLD} }}"
POOL = ((34.0918, -118.3516), (34.0918, -118.3507), (34.0912, -118.3507), (34.0912, -118.3516), (34.0918, -118.3516))
WARRANT = {"kind": "warrant", "number": "26-SW-0417", "issuer": "Superior Court of Los Angeles"}


class Ask(Protocol):
    """Asks as a person; with `told`, also what was refused is an answer."""

    def __call__(self, who: str, document: str, *, step_up: bool = ..., told: bool = ..., **variables: Any) -> Any: ...


class Scenes:
    """`pause`: waits, and raises where the demonstration is told to stop."""

    def __init__(self, ask: Ask, pause: Callable[[float], None]) -> None:
        self._ask, self._pause = ask, pause

    def live_view(self, flight: str, call: str, reason: str, seconds: float) -> None:
        """The deputy names a call that nobody made, and is refused; then the right one, and watches so long."""
        grounds = {"purpose": "call_for_service", "reason": reason, "callNumber": call}
        wrong, feed = {**grounds, "callNumber": f"{call}-not"}, f"flight-{flight}"
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        try:
            self._ask("j.alvarez", LOOK, told=True, feed=feed, grounds=wrong)
            self._pause(2)
            view = self._ask("j.alvarez", LOOK, feed=feed, grounds=grounds)["told"]["id"]
            while datetime.now(UTC) < until:
                self._ask("j.alvarez", BEAT, view=view)
                self._pause(3)
            self._ask("j.alvarez", CLOSE, view=view)
        except (httpx.HTTPError, RuntimeError) as error:
            log.info("scene_left_out", scene="live view", why=str(error))
            self._pause(max(0.0, (until - datetime.now(UTC)).total_seconds()))

    def override(self, flight: str, call: str) -> None:
        """The deputy asks to lift the protection of a pool for a flight, the sergeant approves."""
        now = datetime.now(UTC)
        target = {
            "target": "zone-plummer-park-pool",
            "flight": flight,
            "since": now.isoformat(),
            "until": (now + timedelta(hours=1)).isoformat(),
            "purpose": "call_for_service",
            "callNumber": call,
            "minutes": 15,
        }
        outline = [{"latitude": north, "longitude": east} for north, east in POOL]
        shape = {"outline": outline, "ceilingAglM": 60, "rule": "no_record"}
        try:
            self._ask("m.delacroix", ZONE, told=True, shape=shape)  # there from the second time on
            asked = self._ask("j.alvarez", OVERRIDE, target=target, basis=WARRANT)
            self._ask("t.okafor", APPROVE, step_up=True, override=asked["told"]["id"])
        except (httpx.HTTPError, RuntimeError) as error:
            log.info("scene_left_out", scene="override", why=str(error))

    def footage(self, call: str, camera: str) -> None:
        """The deputy looks at the last seconds of a camera on record, masked; then, as the sergeant approves it, at the
        same without the mask."""
        feed, now = f"camera-{camera}", datetime.now(UTC)
        since = (now - timedelta(hours=1)).isoformat()
        try:
            found = self._ask("j.alvarez", FOOTAGE, feed=feed, since=since, until=now.isoformat())["footage"]
            last = [each for each in found if each["state"] == "kept"][-1]
            until = datetime.fromisoformat(last["until"])
            begin = max(datetime.fromisoformat(last["since"]), until - timedelta(seconds=12))
            part = {"since": begin.isoformat(), "until": until.isoformat()}
            about = {"purpose": "call_for_service", "callNumber": call}
            grounds = {**about, "reason": "which way the two went, and the car they left in"}
            viewing = self._ask("j.alvarez", VIEW, footage=last["id"], range=part, grounds=grounds)["told"]["id"]
            self._play(viewing)
            target = {**about, **part, "target": f"footage-{last['id']}", "minutes": 15}
            asked = self._ask("j.alvarez", OVERRIDE, target=target, basis=WARRANT)["told"]["id"]
            self._ask("t.okafor", APPROVE, step_up=True, override=asked)
            self._play(viewing, asked)
            self._ask("j.alvarez", CLOSE_VIEWING, viewing=viewing)
        except (httpx.HTTPError, RuntimeError, IndexError) as error:
            log.info("scene_left_out", scene="footage", why=str(error))

    def _play(self, viewing: str, override: str | None = None) -> None:
        """As a player does: the list, what it needs first, and a segment after the other as the time goes by."""
        told = self._ask("j.alvarez", PICTURE, told=True, viewing=viewing, override=override)["told"]
        if told["token"] is None:
            raise RuntimeError(str(told["reason"]))
        with httpx.Client(headers={"authorization": f"Bearer {told['token']}"}, timeout=40) as player:
            listed = player.get(told["url"]).raise_for_status().text.splitlines()
            for name in re.findall(r'URI="(\S+)"', "\n".join(listed)):
                player.get(urljoin(told["url"], name)).raise_for_status()
            for name in [line for line in listed if line.endswith(".m4s")][:3]:
                player.get(urljoin(told["url"], name)).raise_for_status()
                self._pause(1)

    def export(self, call: str, camera: str) -> None:
        """The deputy asks for the last half minute of a camera on record as a file, the captain approves it."""
        feed, now = f"camera-{camera}", datetime.now(UTC)
        since = (now - timedelta(hours=1)).isoformat()
        try:
            said = self._ask("j.alvarez", FOOTAGE, told=True, feed=feed, since=since, until=now.isoformat())
            (*_, last) = [each for each in said["footage"] if each["state"] == "kept"]
            until = datetime.fromisoformat(last["until"])
            begin = max(datetime.fromisoformat(last["since"]), until - timedelta(seconds=30))
            grounds = {
                "purpose": "call_for_service",
                "reason": "which way the two went, and the car they left in",
                "callNumber": call,
            }
            part = {"since": begin.isoformat(), "until": until.isoformat()}
            asked = self._ask("j.alvarez", EXPORT, footage=last["id"], range=part, grounds=grounds, basis=WARRANT)
            self._ask("m.delacroix", APPROVE_EXPORT, step_up=True, export=asked["told"]["id"])
        except (httpx.HTTPError, RuntimeError, ValueError) as error:
            log.info("scene_left_out", scene="export", why=str(error))

    def complaint(self, flight: str) -> None:
        """Somebody complains of a flight; it waits for the captain's answer."""
        try:
            received = self._ask("c.morgan", FEEDBACK, at=datetime.now(UTC).isoformat())["told"]["id"]
            self._ask("c.morgan", OPEN, complaint=received, about=f"flight-{flight}")
            self._ask("c.morgan", ASSIGN, complaint=received, to="m.delacroix")
        except (httpx.HTTPError, RuntimeError) as error:
            log.info("scene_left_out", scene="complaint", why=str(error))
