"""CAD intake: dispatch tells a call as it stands, in numbered updates."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.api.watch_center import Json, WatchCenter, call_update


def types(watch_center: WatchCenter, call: str) -> list[str]:
    return [event["type"].split(".")[-2] for event in watch_center.events(f"call-{call}")]


def test_a_call_is_received_once_however_often_it_is_sent(watch_center: WatchCenter) -> None:
    update = call_update(caller="+1 310 555 0100", narrative="someone on the roof")
    first, again = watch_center.dispatch(update), watch_center.dispatch(update)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["position"] == again.json()["position"] and again.json()["replayed"]
    assert types(watch_center, update["call"]) == ["call_received"]


def test_a_later_update_says_what_changed_and_an_older_one_nothing(watch_center: WatchCenter) -> None:
    update = call_update(update_number=5)
    watch_center.dispatch(update)
    assert watch_center.dispatch({**update, "update_number": 7, "priority": 1}).status_code == 200
    late = watch_center.dispatch({**update, "update_number": 6, "priority": 2})
    assert late.status_code == 200
    assert types(watch_center, update["call"]) == ["call_received", "call_reclassified"]


def test_a_number_says_one_thing(watch_center: WatchCenter) -> None:
    update = call_update()
    watch_center.dispatch(update)
    told = watch_center.dispatch({**update, "priority": 1})
    assert told.status_code == 409
    assert (told.json()["code"], told.json()["field"]) == ("update_number_reused", "update_number")
    assert types(watch_center, update["call"]) == ["call_received"]


def test_a_mistake_does_not_use_up_the_number(watch_center: WatchCenter) -> None:
    update = call_update()
    assert watch_center.dispatch({**update, "priority": 99}).status_code == 400
    assert watch_center.dispatch(update).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic dGhlOmtleQ=="])
def test_without_the_key_nothing_is_taken(watch_center: WatchCenter, authorization: str) -> None:
    update = call_update()
    told = watch_center.http().post("/cad/calls", json=update, headers={"authorization": authorization})
    assert (told.status_code, told.json()["code"]) == (401, "key_refused")
    assert types(watch_center, update["call"]) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"priority": "urgent"}, "priority"),
        ({"priority": 10}, "priority"),
        ({"place": {"latitude": 91, "longitude": 0}}, "place"),
        ({"place": {"latitude": "north", "longitude": 0}}, "place.latitude"),
        ({"call": "26 12"}, "call"),
        ({"call": "c" * 200}, "call"),
        ({"call": "26\u0000"}, "call"),
        ({"call_type": "\u0007"}, "call_type"),
        ({"received_at": datetime.now(UTC).replace(tzinfo=None).isoformat()}, "received_at"),
        ({"update_number": -1}, "update_number"),
    ],
)
def test_a_bad_field_is_named(watch_center: WatchCenter, changed: Json, field: str) -> None:
    update = call_update(**changed)
    before = watch_center.head("call-")
    told = watch_center.dispatch(update)
    assert (told.status_code, told.json()["field"]) == (400, field), told.text
    assert told.json()["message"]
    assert watch_center.head("call-") == before


def test_a_missing_field_and_no_json_are_told_apart(watch_center: WatchCenter) -> None:
    update = call_update()
    del update["priority"]
    assert re.search("priority", watch_center.dispatch(update).json()["message"])
    headers = {"authorization": "Bearer the key of dispatch"}
    told = watch_center.http().post("/cad/calls", content=b"{", headers=headers)
    assert (told.status_code, told.json()["code"]) == (400, "malformed")


def test_what_is_too_large_is_not_read(watch_center: WatchCenter) -> None:
    told = watch_center.dispatch(call_update(narrative="x" * 70_000))
    assert (told.status_code, told.json()["code"]) == (413, "too_large")
