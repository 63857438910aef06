"""Those in the field: ambassadors tell what they see and see no picture; responders see what is shared, while it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from gql import gql

from api.processes import demonstration
from tests.api.looking import camera, grounds
from tests.api.test_looking import shared
from tests.api.test_subscriptions import connected, run
from tests.api.watch_center import EVERY_QUESTION, FIELD, PERSISTED, Asker, Json, WatchCenter, call_update

SPOT = {"latitude": 34.0899, "longitude": -118.3768}
BOARD = """query($at: Position) { board(afterPosition: $at) { calls { number observations {
  kind said observedAt place { latitude } reportedBy { id name } } } } }"""


def reported(asker: Asker, on: str, **changed: object) -> Json:
    seen = {"kind": "hazard", "said": "glass all over the pavement", "seen": datetime.now(UTC).isoformat()}
    told: Json = asker.ask(FIELD["report"], **{"call": on, "place": SPOT, **seen, **changed})["reportObservation"]
    return told


def feeds(asker: Asker, at: int | None = None) -> list[str]:
    return [row["feed"] for row in asker.ask(FIELD["shared"], at=at)["sharedFeeds"]["shared"]]


# -- ambassadors -------------------------------------------------------------------


def test_an_ambassador_files_an_observation_on_a_call_and_the_live_board_shows_it(watch_center: WatchCenter) -> None:
    call, ambassador = watch_center.call(), watch_center.as_role("ambassador")
    told = reported(ambassador, call)
    assert told["__typename"] == "Accepted", told
    event = watch_center.events(f"call-{call}")[-1]
    assert (event["type"], event["actorrole"]) == ("org.weho.safer.call.observation_reported.v1", "ambassador")
    assert (event["casenumber"], event["data"]["reported_by"]) == (call, ambassador.person)
    assert event["decidedby"].startswith("street-reports-what-it-sees@")
    board = watch_center.as_role("watch_operator").ask(BOARD, at=told["position"])["board"]
    (shown,) = [row for row in board["calls"] if row["number"] == call]
    (seen,) = shown["observations"]
    assert (seen["kind"], seen["said"], seen["place"]) == (
        "hazard",
        "glass all over the pavement",
        {"latitude": 34.0899},
    )
    assert seen["reportedBy"] == {"id": "b.ellis", "name": seen["reportedBy"]["name"]}
    asked = "query($call: ID!) { observations(callNumber: $call) { kind said reportedBy { id } } }"
    assert watch_center.as_role("watch_supervisor").ask(asked, call=call)["observations"] == [
        {"kind": "hazard", "said": "glass all over the pavement", "reportedBy": {"id": "b.ellis"}}
    ]


def test_an_ambassador_is_shown_which_calls_are_open_and_no_more_of_them(watch_center: WatchCenter) -> None:
    caller = "Ana Pérez, 310-555-0142"
    update = call_update(caller=caller, address="8300 Santa Monica Blvd", narrative="two at the rear door")
    assert watch_center.dispatch(update).status_code == 200
    closed = watch_center.call(disposition="report taken")
    answer = watch_center.as_role("ambassador").send(
        {"query": FIELD["open_calls"], "variables": {"at": watch_center.head()}}
    )
    numbers = [row["number"] for row in answer.json()["data"]["openCalls"]["calls"]]
    assert update["call"] in numbers and closed not in numbers
    assert not [word for word in ("Pérez", "8300 Santa Monica", "rear door") if word in answer.text]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "gossip"}, "kind"),
        ({"said": " "}, "said"),
        ({"seen": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "observed_at"),
        ({"call": "26-nobody-called"}, "call"),
        ({"place": {"latitude": 340.9, "longitude": 0.0}}, "place"),
    ],
)
def test_an_observation_that_cannot_be_is_a_mistake_with_its_field(
    watch_center: WatchCenter, changed: Json, field: str
) -> None:
    told = reported(watch_center.as_role("ambassador"), watch_center.call(), **changed)
    assert (told["__typename"], told["field"]) == ("Mistaken", field)


def test_an_observation_of_a_closed_call_goes_to_dispatch_instead(watch_center: WatchCenter) -> None:
    told = reported(watch_center.as_role("ambassador"), watch_center.call(disposition="report taken"))
    assert (told["__typename"], told["code"], told["field"]) == ("Mistaken", "wrong_state", "call")


def test_what_comes_in_by_radio_the_watch_writes_down_and_nobody_else(watch_center: WatchCenter) -> None:
    call = watch_center.call()
    assert reported(watch_center.as_role("watch_operator"), call)["__typename"] == "Accepted"
    told = reported(watch_center.as_role("administrator"), call)
    assert told["__typename"] == "Refused" and told["reasons"][0]["code"] == "not_permitted"


# -- responders --------------------------------------------------------------------


def test_a_responder_is_listed_what_is_shared_with_an_open_incident_until_it_closes(watch_center: WatchCenter) -> None:
    engine, feed, other = watch_center.as_role("field_responder"), camera(watch_center), camera(watch_center)
    update = call_update()
    call = str(update["call"])
    watch_center.dispatch(update)
    shared(watch_center, feed, call)
    found = engine.ask(FIELD["shared"], at=watch_center.head())["sharedFeeds"]["shared"]
    assert {"feed": feed, "name": "Plummer Park", "kind": "camera", "callNumber": call, "callType": "prowler"} in found
    assert other not in [row["feed"] for row in found]
    stated = grounds(watch_center, callNumber=call)
    told = engine.ask(FIELD["watch"], feed=feed, grounds=stated)["requestLiveView"]
    assert told["__typename"] == "Accepted"
    for wrong, why in ((other, stated), (feed, grounds(watch_center)), (feed, {**stated, "callNumber": None})):
        told = engine.ask(FIELD["watch"], feed=wrong, grounds=why)["requestLiveView"]
        assert told["__typename"] in ("Refused", "Mistaken"), told
    closing = {"update_number": 2, "disposition": "fire out", "closed_at": update["cad_time"]}
    watch_center.dispatch({**update, **closing})
    assert feed not in feeds(engine, watch_center.head())
    told = engine.ask(FIELD["watch"], feed=feed, grounds=stated)["requestLiveView"]
    assert told["reasons"][0]["code"] == "not_permitted"
    watch_center.dispatch({**update, "update_number": 3})  # opened again: what was shared before is not shared any more
    assert feed not in feeds(engine, watch_center.head())


def test_a_responders_list_follows_what_is_shared(watch_center: WatchCenter) -> None:
    feed, call = camera(watch_center), watch_center.call()

    async def test() -> None:
        async with connected(watch_center, watch_center.token(demonstration.person_of("field_responder"))) as session:
            seen: list[bool] = []
            async for message in session.subscribe(gql(FIELD["follow_shared"])):
                now = feed in [row["feed"] for row in message["sharedFeeds"]["shared"]]
                if seen[-1:] != [now]:
                    seen.append(now)
                if seen == [False]:
                    await asyncio.to_thread(shared, watch_center, feed, call)
                elif seen == [False, True]:
                    deputy = watch_center.as_role("watch_operator")
                    stop = "stopSharingFeed(callNumber: $call, feed: $feed)"
                    await asyncio.to_thread(deputy.accepted, stop, call=call, feed=feed)
                elif seen == [False, True, False]:
                    return

    run(test)


# -- nothing else ------------------------------------------------------------------

FOR_EVERYBODY = {"viewer", "usePolicy", "policyHistory", "reasonQuality"}
ONES_OWN = {
    "auditTrail",
    "auditEvent",
    "openViews",
    "accessRecord",
    "refusedAttempts",
    "consultations",
    "exports",
    "overrides",
    "override",
}
THEIRS = {"field_responder": {"sharedFeeds"}, "ambassador": {"openCalls"}}


@pytest.mark.parametrize("role", sorted(THEIRS))
def test_those_in_the_field_may_ask_for_nothing_else(watch_center: WatchCenter, role: str) -> None:
    asker = watch_center.as_role(role)
    answered = set()
    for name, document in EVERY_QUESTION.items():
        errors = asker.send({"query": document}).json().get("errors")
        if not errors or errors[0]["extensions"]["code"] != "not_permitted":
            answered.add(name)
    assert answered == FOR_EVERYBODY | ONES_OWN | THEIRS[role]


@pytest.mark.parametrize("role", sorted(THEIRS))
def test_of_the_record_they_read_their_own_acts_alone(watch_center: WatchCenter, role: str) -> None:
    asker = watch_center.as_role(role)
    page = asker.ask(PERSISTED[2], size=50)["auditTrail"]
    assert {edge["node"]["actor"]["id"] for edge in page["edges"]} <= {asker.person}
