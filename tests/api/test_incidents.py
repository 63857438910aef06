"""One incident over GraphQL: who, what, when, where, why, by which rule, for those who answer for it."""

from __future__ import annotations

import secrets

import pytest

from tests.api.looking import REQUEST, camera, grounds, watching
from tests.api.watch_center import Asker, Json, WatchCenter

NODE = """kind type summary stream at happenedAt actor { id name } role place { latitude } feed purpose said outcome
  reasons { code } decidedBy policyVersion"""
INCIDENT = f"""query($call: String, $case: String, $first: Int, $after: String, $at: Position) {{
  incident(callNumber: $call, caseNumber: $case, first: $first, after: $after, afterPosition: $at) {{
    position lag pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ position {NODE} }} }} }} }}"""


def timeline(asker: Asker, **asked: object) -> list[Json]:
    """The whole of it, page by page."""
    found: list[Json] = []
    after = None
    while True:
        page = asker.ask(INCIDENT, **asked, after=after)["incident"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def test_the_timeline_of_a_call_tells_each_step_by_its_rule(watch_center: WatchCenter) -> None:
    deputy, feed, call = watch_center.as_role("watch_operator"), camera(watch_center), watch_center.call()
    stated = grounds(watch_center, callNumber=call, reason="man with a knife at the bus stop")
    watching(watch_center, deputy, feed, **stated)
    refused = deputy.order(REQUEST, feed="camera-nowhere", grounds=stated)
    asked = {"call": call, "at": refused["position"]}
    received, requested, granted, again, no = timeline(watch_center.as_role("watch_supervisor"), **asked, first=2)
    assert (received["kind"], received["type"], received["role"]) == ("call", "call.call_received", "service")
    assert received["place"]["latitude"] == pytest.approx(34.0905) and received["happenedAt"]
    assert (requested["kind"], requested["feed"], requested["purpose"]) == ("live_view", feed, "call_for_service")
    assert requested["said"] == again["said"] == stated["reason"]
    assert {row["actor"]["id"] for row in (requested, granted, again, no)} == {deputy.person}
    assert granted["actor"]["name"] == "Dep. Joaquín Alvarez"
    assert (granted["outcome"], granted["policyVersion"]) == ("granted", 1)
    assert granted["decidedBy"].startswith("watch-looks-live@")
    assert (no["outcome"], no["reasons"]) == ("refused", [{"code": "feed_unknown"}])
    assert timeline(watch_center.as_role("auditor"), **asked) == timeline(
        watch_center.as_role("station_commander"), **asked
    )


def test_who_does_not_answer_for_an_incident_does_not_read_it(watch_center: WatchCenter) -> None:
    call = watch_center.call()
    for role in ("watch_operator", "remote_pilot", "city_analyst", "administrator"):
        assert watch_center.as_role(role).code(INCIDENT, call=call) == "not_permitted"
    auditor = watch_center.as_role("auditor")
    assert timeline(auditor, call=f"26-{secrets.token_hex(8)}", at=watch_center.head()) == []
    for wrong in ({}, {"call": ""}, {"case": "926 \u202e SECRET"}, {"call": call, "after": "no cursor"}):
        assert auditor.code(INCIDENT, **wrong) in ("invalid_value", "invalid_cursor")
