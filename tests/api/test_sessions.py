"""Sessions: what ends them and what that means for whoever goes on asking."""

from __future__ import annotations

import re
import secrets

import httpx
import pytest

from adapters.identity.development_issuer import sign_in_ticket
from tests.api.watch_center import PERSISTED, Json, WatchCenter, fresh

VIEWER = "{ viewer { id sessionId } }"
REQUEST = "requestLaunch(input: $input, commandId: $commandId)"


def types(watch_center: WatchCenter, session: str) -> list[str]:
    return [event["type"].split(".")[-2] for event in watch_center.events(f"session-{session}")]


def test_a_token_that_was_refused_is_refused_again_and_written_down_once(watch_center: WatchCenter) -> None:
    stranger = watch_center.asker(f"stranger{secrets.token_hex(4)}")
    assert stranger.code(VIEWER) == "not_signed_on"
    head = watch_center.head("session-")
    for _ in range(3):
        assert stranger.code(VIEWER) == "not_signed_on"
    assert watch_center.head("session-") == head


def test_after_signing_off_a_token_is_worth_nothing_and_adds_nothing(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    session = deputy.ask(VIEWER)["viewer"]["sessionId"]
    deputy.accepted("signOff")
    head = watch_center.head("session-")
    for _ in range(3):
        assert deputy.code(VIEWER) == "not_signed_on"
        assert deputy.code('mutation { returnDrone(flight: "x") { __typename } }') == "not_signed_on"
    assert types(watch_center, session) == ["signed_on", "signed_off"] and watch_center.head("session-") == head


@pytest.fixture
def page(watch_center: WatchCenter) -> httpx.Client:
    browser = watch_center.http(follow_redirects=True)
    ticket = sign_in_ticket(watch_center.home, watch_center.enrolled("watch_operator"))
    browser.get("/sign-in", params={"ticket": ticket}).raise_for_status()
    browser.headers["origin"] = watch_center.base
    return browser


def asked(page: httpx.Client) -> Json:
    answer: Json = page.post("/graphql", json={"query": PERSISTED[0]}).json()
    return answer


def test_a_locked_session_opens_again_after_a_step_up(watch_center: WatchCenter, page: httpx.Client) -> None:
    session = asked(page)["data"]["viewer"]["sessionId"]
    page.post("/graphql", json={"query": PERSISTED[3]}).raise_for_status()
    assert types(watch_center, session) == ["signed_on", "session_locked"]
    told = asked(page)["errors"][0]
    assert told["extensions"]["code"] == "not_signed_on" and "locked" in told["message"]
    confirm = page.get("/sign-in/step-up")
    secret = re.search(r'name="confirmation" value="([^"]+)"', confirm.text)
    assert secret, confirm.text
    page.post("/dev-issuer/confirm", data={"confirmation": secret[1]}).raise_for_status()
    assert asked(page)["data"]["viewer"]["sessionId"] == session
    assert types(watch_center, session) == ["signed_on", "session_locked", "stepped_up"]


def test_signing_out_on_the_page_ends_the_session(watch_center: WatchCenter, page: httpx.Client) -> None:
    session = asked(page)["data"]["viewer"]["sessionId"]
    page.post("/sign-out", headers={"content-type": "application/json"}).raise_for_status()
    assert types(watch_center, session) == ["signed_on", "signed_off"]
    assert asked(page)["errors"][0]["extensions"]["code"] == "not_signed_on"


def test_a_locked_console_can_still_bring_a_drone_home_and_nothing_else(watch_center: WatchCenter) -> None:
    flight = watch_center.as_role("watch_operator", step_up=True).accepted(
        REQUEST, input=watch_center.launch(), commandId=fresh()
    )["id"]
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    deputy.accepted('lockSession(reason: "away for coffee")')
    assert deputy.code(VIEWER) == "not_signed_on"
    told = deputy.order("returnDrone(flight: $flight)", flight=flight)
    # No gateway runs here: the order did not reach the drone, and the answer says so in capitals.
    assert told["code"] == "gateway_unavailable" and told["message"].startswith("NOT SENT")
    assert watch_center.events(f"flight-{flight}")[-1]["type"].endswith("return_ordered.v1")
    assert deputy.code('mutation { recordOutcome(flight: "x", input: {outcomes: []}) { __typename } }') in (
        "not_signed_on",
        "not_permitted",
    )


def test_who_may_not_order_a_drone_may_not_from_a_locked_console_either(watch_center: WatchCenter) -> None:
    flight = watch_center.as_role("watch_operator", step_up=True).accepted(
        REQUEST, input=watch_center.launch(), commandId=fresh()
    )["id"]
    keeper = watch_center.asker(watch_center.enrolled("administrator"))
    keeper.accepted('lockSession(reason: "away for coffee")')
    told = keeper.order("returnDrone(flight: $flight)", flight=flight)
    assert told["__typename"] == "Refused"
    assert "return_ordered" not in watch_center.events(f"flight-{flight}")[-1]["type"]
