"""Questions: one's own write, pages without loss or doubling, filters, and who reads what."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.api.watch_center import Asker, Json, WatchCenter, call_update

PAGE = """query($filter: AuditFilter, $order: AuditOrder!, $first: Int, $after: String, $last: Int, $before: String) {
  auditTrail(filter: $filter, order: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount position pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { position } } } }"""
TRAIL = "query($filter: AuditFilter!, $at: Position) { auditTrail(filter: $filter, first: 100, afterPosition: $at)"
ROW = "{ totalCount edges { node { position type stream role organisation caseNumber outcome sessionId time"
ROWS = f"{TRAIL} {ROW} actor {{ id }} content }} }} }} }}"


@pytest.fixture(scope="module")
def busy_call(watch_center: WatchCenter) -> tuple[str, list[int]]:
    """A call with 130 events, and their positions."""
    update = call_update()
    for number in range(1, 131):
        told = watch_center.dispatch({**update, "update_number": number, "priority": 1 + number % 3})
        assert told.status_code == 200
    watch_center.applied(told.json()["position"])
    with psycopg.connect(watch_center.url) as connection:
        rows = connection.execute(
            "SELECT notification_id FROM events.stored_events WHERE originator_id = %s ORDER BY 1",
            (f"call-{update['call']}",),
        ).fetchall()
    assert len(rows) == 130
    return f"call-{update['call']}", [position for (position,) in rows]


def pages(asker: Asker, subject: str, order: str, size: int, forward: bool) -> Iterator[list[int]]:
    """Follow the cursors to the end, checking what Relay promises of each page."""
    count, edge = ("first", "after") if forward else ("last", "before")
    cursor = None
    while True:
        asked: dict[str, Any] = {"filter": {"subject": subject}, "order": order, count: size, edge: cursor}
        page = asker.ask(PAGE, **asked)["auditTrail"]
        assert page["totalCount"] == 130
        info, edges = page["pageInfo"], page["edges"]
        assert (info["startCursor"], info["endCursor"]) == (edges[0]["cursor"], edges[-1]["cursor"])
        yield [e["node"]["position"] for e in edges]
        if not info["hasNextPage" if forward else "hasPreviousPage"]:
            return
        assert len(edges) == size
        cursor = info["endCursor" if forward else "startCursor"]


@pytest.mark.parametrize("size", [7, 65, 100])
@pytest.mark.parametrize("forward", [True, False], ids=["forward", "backward"])
@pytest.mark.parametrize("order", ["POSITION_ASC", "POSITION_DESC"])
def test_pages_hold_every_event_once(
    watch_center: WatchCenter, busy_call: tuple[str, list[int]], order: str, forward: bool, size: int
) -> None:
    subject, positions = busy_call
    expected = positions if order == "POSITION_ASC" else positions[::-1]
    found = list(pages(watch_center.as_role("auditor"), subject, order, size, forward))
    in_order = found if forward else found[::-1]
    assert [position for page in in_order for position in page] == expected


def test_a_page_stays_where_it_is_while_the_log_grows(
    watch_center: WatchCenter, busy_call: tuple[str, list[int]]
) -> None:
    auditor = watch_center.as_role("auditor")
    asked: Json = {"filter": {}, "order": "POSITION_DESC", "first": 5}
    first = auditor.ask(PAGE, **asked)["auditTrail"]
    position = watch_center.dispatch(call_update()).json()["position"]
    watch_center.applied(position)
    rest = auditor.ask(PAGE, **{**asked, "after": first["pageInfo"]["endCursor"]})["auditTrail"]
    newest = [edge["node"]["position"] for edge in first["edges"] + rest["edges"]]
    assert newest == list(range(newest[0], newest[0] - 10, -1))


def test_flights_page_without_loss(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    drone = watch_center.drone(ready=False)
    asked = [
        deputy.order("requestLaunch(input: $input)", input=watch_center.launch(drone=drone, callNumber="26-0"))
        for _ in range(7)
    ]
    watch_center.applied(asked[-1]["position"])
    query = "query($after: String) { flights(first: 3, after: $after) { edges { cursor node { id } } pageInfo {"
    query += " hasNextPage hasPreviousPage endCursor } } }"
    found: list[str] = []
    cursor = None
    while True:
        page = deputy.ask(query, after=cursor)["flights"]
        assert page["pageInfo"]["hasPreviousPage"] == (cursor is not None)
        found += [edge["node"]["id"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(found) == len(set(found))
    mine = [each["stream"].removeprefix("flight-") for each in reversed(asked)]
    assert [flight for flight in found if flight in mine] == mine


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: 101", "invalid_page"),
        ("first: 0", "invalid_page"),
        ("last: -1", "invalid_page"),
        ("first: 5, last: 5", "invalid_page"),
        ('first: 5, after: "nonsense"', "invalid_cursor"),
        ('first: 5, after: "cDEyeA=="', "invalid_cursor"),
        (f'last: 5, before: "{base64.urlsafe_b64encode(b"q12").decode()}"', "invalid_cursor"),
        ('first: 5, after: "é"', "invalid_cursor"),
    ],
)
def test_a_page_that_cannot_be_is_a_typed_error(watch_center: WatchCenter, arguments: str, code: str) -> None:
    (error,) = watch_center.as_role("auditor").errors(f"{{ auditTrail({arguments}) {{ edges {{ cursor }} }} }}")
    assert error["extensions"]["code"] == code and error["message"]


def test_a_filter_each(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person, step_up=True)
    asked = watch_center.launch()
    flight = deputy.accepted("requestLaunch(input: $input)", input=asked)
    refused = deputy.order("requestLaunch(input: $input)", input=asked)  # the drone is taken
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    auditor = watch_center.as_role("auditor")

    def rows(**wanted: object) -> list[Json]:
        found = auditor.ask(ROWS, filter=wanted, at=refused["position"])["auditTrail"]
        assert found["totalCount"] == len(found["edges"]) or found["totalCount"] > 100
        return [edge["node"] for edge in found["edges"]]

    mine = rows(personId=person)
    assert {row["actor"]["id"] for row in mine} == {person}
    assert {row["type"] for row in mine} >= {"session.signed_on", "flight.launch_requested", "flight.launch_refused"}
    assert rows(personId=person, role="watch_operator") == [r for r in mine if r["role"] == "watch_operator"]
    assert rows(personId=person, role="auditor") == []
    assert rows(personId=person, organisation="lasd_west_hollywood") == mine
    assert {row["stream"] for row in rows(caseNumber=asked["callNumber"], personId=person)} == {
        flight["stream"],
        refused["stream"],
        f"drone-{asked['drone']}",  # that it is taken
    }
    about_the_drone = rows(subject=f"drone-{asked['drone']}")
    assert {row["type"] for row in about_the_drone} >= {"drone.drone_registered", "flight.launch_requested"}
    assert [row["position"] for row in rows(type="flight.launch_refused", personId=person)] == [refused["position"]]
    assert [row["position"] for row in rows(outcome="refused", personId=person)] == [refused["position"]]
    assert rows(sessionId=session) == mine
    times = sorted(row["time"] for row in mine)
    middle = times[len(times) // 2]
    since, until = rows(personId=person, since=middle), rows(personId=person, until=middle)
    assert {row["position"] for row in since} | {row["position"] for row in until} == {r["position"] for r in mine}
    assert all(row["time"] >= middle for row in since) and all(row["time"] < middle for row in until)


@pytest.mark.parametrize(
    "wanted", [{"personId": "a\u0000"}, {"subject": "x\u0000"}, {"since": "2026-01-01T00:00:00"}, {"role": "\u0000"}]
)
def test_a_filter_that_cannot_match_anything_is_told_as_such(watch_center: WatchCenter, wanted: Json) -> None:
    assert watch_center.as_role("auditor").code(ROWS, filter=wanted) == "invalid_value"


# -- one's own write -------------------------------------------------------------


def test_whoever_passes_the_position_reads_their_own_write(watch_center: WatchCenter) -> None:
    """Whatever else is going on: twenty times, from four at once."""
    board = "query($at: Position!) { board(afterPosition: $at) { position calls { number } } }"
    failures: list[BaseException] = []

    def write_and_read() -> None:
        deputy = watch_center.as_role("watch_operator")
        try:
            for _ in range(5):
                update = call_update()
                position = watch_center.dispatch(update).json()["position"]
                found = deputy.ask(board, at=position)["board"]
                assert found["position"] >= position
                assert update["call"] in {call["number"] for call in found["calls"]}
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write_and_read) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures


@pytest.mark.parametrize("field", ["board", "auditTrail"])
def test_a_position_that_does_not_come_is_told_within_five_seconds(watch_center: WatchCenter, field: str) -> None:
    asker = watch_center.as_role("watch_operator")
    (error,) = asker.errors(f"{{ {field}(afterPosition: {10**12}) {{ position }} }}")
    assert error["extensions"]["code"] == "not_yet_applied"
    assert 0 < error["extensions"]["position"] < 10**12


# -- who reads what --------------------------------------------------------------


def test_an_operator_reads_the_record_of_their_own_acts_alone(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    deputy.ask("{ viewer { id } }")
    head = watch_center.head()
    found = deputy.ask(ROWS, filter={}, at=head)["auditTrail"]["edges"]
    assert found and {edge["node"]["actor"]["id"] for edge in found} == {person}
    assert deputy.code(ROWS, filter={"personId": "j.alvarez"}) == "not_permitted"
    one = "query($position: Position!) { auditEvent(position: $position) { position } }"
    assert deputy.ask(one, position=1)["auditEvent"] is None
    assert watch_center.as_role("auditor").ask(one, position=1)["auditEvent"] == {"position": 1}


@pytest.mark.rule("record.auditor_reads_all")
def test_the_auditor_reads_everything_with_the_very_bytes(watch_center: WatchCenter) -> None:
    auditor = watch_center.as_role("auditor")
    found = auditor.ask(ROWS, filter={}, at=watch_center.head())["auditTrail"]["edges"][0]["node"]
    (stored,) = [e for e in watch_center.events(found["stream"]) if e["time"].startswith(found["time"][:19])][-1:]
    assert stored["subject"] == found["stream"]
    assert '"specversion":"1.0"' in found["content"]
    assert auditor.code("{ board { position } }") == "not_permitted"


@pytest.mark.parametrize("role", ["administrator", "city_analyst"])
def test_no_board_for_who_does_not_work_the_watch(watch_center: WatchCenter, role: str) -> None:
    asker = watch_center.as_role(role)
    for query in (
        "{ board { position } }",
        "{ flights { position } }",
        '{ flight(id: "x") { id } }',
    ):
        assert asker.code(query) == "not_permitted"


@pytest.mark.parametrize("role", ["field_responder", "ambassador"])
def test_who_may_not_ask_freely_sends_no_documents_of_their_own(watch_center: WatchCenter, role: str) -> None:
    assert watch_center.as_role(role).code("{ viewer { id } }") == "not_permitted"


def test_nobody_reads_anything_without_a_token(watch_center: WatchCenter) -> None:
    nobody = Asker(watch_center.http(), "", "")
    for query in (
        "{ viewer { id } }",
        "{ board { position } }",
        "{ auditTrail { position } }",
        "{ auditEvent(position: 1) { id } }",
        "{ usePolicy { version } }",
        '{ flight(id: "x") { id } }',
        "mutation { signOff { __typename } }",
        'mutation { returnDrone(flight: "x") { __typename } }',
    ):
        assert nobody.code(query) == "not_signed_on", query


@pytest.mark.parametrize("token", ["Bearer x.y.z", "Bearer", "Basic abc", f"Bearer {'7c' * 40}"])
def test_a_bad_token_is_refused_before_anything_else(watch_center: WatchCenter, token: str) -> None:
    told = watch_center.http().post("/graphql", json={"query": "{ viewer { id } }"}, headers={"authorization": token})
    assert told.status_code == 401 and told.json()["errors"][0]["extensions"]["code"]


def test_a_person_nobody_enrolled_has_no_access(watch_center: WatchCenter) -> None:
    stranger = watch_center.asker(f"stranger{secrets.token_hex(4)}")
    assert stranger.code("{ viewer { id } }") == "not_signed_on"
