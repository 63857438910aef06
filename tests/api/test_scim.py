"""The personnel system over SCIM 2.0 and CSV: who has come, moved and left."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from api.processes import provision
from api.scim import ENTERPRISE, MESSAGES, USER
from tests.api.watch_center import SCIM_KEY, WatchCenter, environment

Json = dict[str, Any]


def user(person: str, **changed: object) -> Json:
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": person,
        "displayName": "Dee Vance",
        "emails": [{"value": f"{person}@lasd.example", "primary": True}],
        "active": True,
        ENTERPRISE: {"organization": "lasd_west_hollywood"},
        **changed,
    }


@pytest.fixture
def scim(watch_center: WatchCenter) -> httpx.Client:
    client = watch_center.http(headers={"authorization": f"Bearer {SCIM_KEY}"})
    client.base_url = f"{watch_center.base}/scim/v2/"
    return client


@pytest.fixture
def person() -> str:
    return f"e{secrets.token_hex(5)}"


def changes(watch_center: WatchCenter, person: str) -> list[str]:
    return [event["type"].rpartition(".person.")[2] for event in watch_center.events(f"person-{person}")]


def patch(*operations: Json) -> Json:
    return {"schemas": [f"{MESSAGES}:PatchOp"], "Operations": list(operations)}


def test_joiner_mover_and_leaver(watch_center: WatchCenter, scim: httpx.Client, person: str) -> None:
    created = scim.post("Users", json=user(person))
    assert created.status_code == 201 and created.headers["content-type"] == "application/scim+json"
    assert created.json()["id"] == person and created.json()["meta"]["location"].endswith(f"/scim/v2/Users/{person}")
    moved = scim.put(f"Users/{person}", json=user(person, **{ENTERPRISE: {"organization": "city_of_west_hollywood"}}))
    assert moved.json()[ENTERPRISE]["organization"] == "city_of_west_hollywood"
    left = scim.patch(f"Users/{person}", json=patch({"op": "Replace", "path": "active", "value": "False"}))
    assert left.json()["active"] is False
    back = scim.patch(f"Users/{person}", json=patch({"op": "replace", "value": {"active": True, "displayName": "D V"}}))
    assert (back.json()["active"], back.json()["displayName"]) == (True, "D V")
    assert scim.delete(f"Users/{person}").status_code == 204
    assert scim.get(f"Users/{person}").json()["active"] is False
    names = ["enrolled", "details_changed", "suspended", "details_changed", "reinstated", "suspended"]
    assert changes(watch_center, person) == [f"{name}.v1" for name in names]


def test_nobody_leaves_or_comes_back_by_a_request_that_does_not_say_so(
    watch_center: WatchCenter, scim: httpx.Client, person: str
) -> None:
    scim.post("Users", json=user(person))
    captain = watch_center.as_role("station_commander", step_up=True)
    captain.accepted('assignRole(personId: $person, role: "watch_operator")', person=person)
    captain.accepted('suspendPerson(personId: $person, reason: "inquiry 26-14")', person=person)
    renamed = scim.patch(f"Users/{person}", json=patch({"op": "replace", "path": "displayName", "value": "D Vance"}))
    assert renamed.json()["active"] is True  # still employed
    silent = {name: value for name, value in user(person).items() if name != "active"}
    assert scim.put(f"Users/{person}", json=silent).json()["active"] is True
    once = ["enrolled.v1", "role_assigned.v1", "suspended.v1", "details_changed.v1", "details_changed.v1"]
    assert changes(watch_center, person) == once
    assert scim.patch(f"Users/{person}", json=patch({"op": "replace", "path": "active", "value": False})).is_success
    assert scim.put(f"Users/{person}", json=silent).json()["active"] is False
    assert changes(watch_center, person) == [*once, "role_revoked.v1", "suspended.v1"]


def test_a_user_is_found_by_name_and_all_are_listed(watch_center: WatchCenter, scim: httpx.Client, person: str) -> None:
    scim.post("Users", json=user(person))
    found = scim.get("Users", params={"filter": f'userName eq "{person}"'}).json()
    assert (found["totalResults"], found["Resources"][0]["userName"]) == (1, person)
    assert scim.get("Users", params={"filter": 'userName eq "nobody-here"'}).json()["totalResults"] == 0
    assert scim.get("Users", params={"filter": 'emails co "lasd"'}).json()["scimType"] == "invalidFilter"
    watch_center.applied(watch_center.head())
    page = scim.get("Users", params={"startIndex": 1, "count": 200}).json()
    names = {each["userName"] for each in page["Resources"]}
    assert person in names and not any(name.startswith("service-") for name in names)


def test_what_cannot_be_is_said_in_the_words_of_scim(scim: httpx.Client, person: str) -> None:
    def told(answer: httpx.Response) -> tuple[int, str | None]:
        body = answer.json()
        assert body["schemas"] == [f"{MESSAGES}:Error"] and body["status"] == str(answer.status_code)
        return answer.status_code, body.get("scimType")

    scim.post("Users", json=user(person))
    assert told(scim.post("Users", json=user(person))) == (409, "uniqueness")
    assert told(scim.put(f"Users/{person}", json=user("another"))) == (400, "mutability")
    assert told(scim.post("Users", json=user("x1", **{ENTERPRISE: {"organization": "?"}}))) == (400, "invalidValue")
    assert told(scim.post("Users", json=user("x1", emails=[{"value": "nowhere"}]))) == (400, "invalidValue")
    assert told(scim.post("Users", content=b"{")) == (400, "invalidSyntax")
    assert told(scim.patch(f"Users/{person}", json=patch({"op": "remove", "path": "active"}))) == (400, "invalidSyntax")
    assert told(scim.patch(f"Users/{person}", json=patch({"op": "add", "path": "groups", "value": 1}))) == (
        400,
        "invalidPath",
    )
    assert told(scim.get("Users/nobody-here")) == (404, None)
    assert told(scim.get("Users/service-reactor")) == (404, None)
    assert told(scim.post("Users", json=user("service-reactor"))) == (409, "uniqueness")
    assert told(scim.get("Users", headers={"authorization": "Bearer wrong"})) == (401, None)


def test_what_can_be_is_told(scim: httpx.Client) -> None:
    assert scim.get("ServiceProviderConfig").json()["patch"]["supported"] is True
    assert scim.get("ResourceTypes").json()["Resources"][0]["schema"] == USER


# -- CSV -----------------------------------------------------------------------


def test_a_file_of_people_is_taken_line_by_line(watch_center: WatchCenter, person: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "person,name,organisation,email,active\n"
        f"{person},Dee Vance,lasd_west_hollywood,dee@lasd.example,\n"
        f"{person}-2,Eve Park,la_county_fire,nowhere,true\n"
    )
    with environment(watch_center.environ):
        rows = provision.provision(file, whole=False)
        assert [row["ok"] for row in rows] == [True, False] and "email" in rows[1]["result"]
        file.write_text(file.read_text().splitlines()[0] + f"\n{person},Dee Vance,lasd_west_hollywood,d@x.org,false\n")
        assert provision.provision(file, whole=False)[0]["ok"]
    assert changes(watch_center, person) == ["enrolled.v1", "suspended.v1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("person,name\n", "columns email, organisation are missing"),
        ("person,name,organisation,email\nd1,D,somewhere,d@x.org\n", "line 2: 'organisation'"),
        ("person,name,organisation,email\n,D,oversight,d@x.org\n", "line 2: 'person'"),
        ("person,name,organisation,email,active\nd1,D,oversight,d@x.org,perhaps\n", "line 2: 'active'"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_taken_in_part(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    with pytest.raises(click.UsageError, match=says):
        list(provision.read(file))


@pytest.mark.rule("oversight.not_muted")
def test_nobody_of_oversight_is_suspended_or_moved_by_the_personnel_system(
    watch_center: WatchCenter, scim: httpx.Client
) -> None:
    auditor = watch_center.enrolled("auditor", "oversight")
    before = changes(watch_center, auditor)
    address = [{"value": "nobody@oversight.example"}]
    for told in (
        scim.patch(f"Users/{auditor}", json=patch({"op": "replace", "path": "active", "value": False})),
        scim.delete(f"Users/{auditor}"),
        scim.patch(f"Users/{auditor}", json=patch({"op": "replace", "path": "emails", "value": address})),
    ):
        assert told.status_code == 403 and "oversight" in told.json()["detail"]
    assert changes(watch_center, auditor) == [*before, *["change_refused.v1"] * 3]
    refused = watch_center.events(f"person-{auditor}")[-1]
    assert refused["actorid"] == "service-provisioning"
    assert refused["data"]["reasons"][0]["code"] == "oversight_not_muted"
    assert scim.get(f"Users/{auditor}").json()["active"] is True
