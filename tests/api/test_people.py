"""People, consoles, handovers and the history of the policy over GraphQL, on the whole path."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.event_store import PostgresEventStore
from api.processes import demonstration
from application.codec import decode, new_event
from application.ports import Append
from domain.kernel import PersonId
from domain.person import PERSON, Account, Enrolled, Organisation, Role
from domain.session import SignedOn
from tests.api.looking import beating, camera, grounds, watching
from tests.api.test_leaving import WARRANT, recorded
from tests.api.test_looking import flying
from tests.api.test_overrides import target
from tests.api.watch_center import Asker, Json, WatchCenter, until
from tests.projections.log import envelope

BY = PersonId(demonstration.ADMINISTRATOR.id)
FEEDBACK = """receiveFeedback(topic: "drone", receivedAt: "2026-06-01T19:00:00Z", wantsAnswer: true,
  said: "It hung over my garden for ten minutes. What did it record?", contact: "neighbour@mail.example")"""

ACCOUNT = "{ id name roles courses { course expiresOn } suspendedBecause lastSignedOnAt openSessions }"


def test_an_account_is_shown_to_those_who_keep_it_and_to_its_person(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    own = deputy.ask("{ viewer { id } }")
    assert own["viewer"]["id"] == person
    watch_center.applied(watch_center.head())
    query = f"query($person: ID!) {{ account(id: $person) {ACCOUNT} }}"
    for asker in (deputy, watch_center.as_role("administrator"), watch_center.as_role("auditor")):
        shown = asker.ask(query, person=person)["account"]
        assert shown["roles"] == ["watch_operator"] and shown["openSessions"] == 1 and shown["lastSignedOnAt"]
    assert watch_center.as_role("watch_operator").code(query, person=person) == "not_permitted"
    assert deputy.code(f"{{ accounts {{ edges {{ node {ACCOUNT} }} }} }}") == "not_permitted"


def pages(asker: Asker, question: str, selected: str, at: int | None = None, first: int = 7) -> list[Json]:
    """Every node of a connection, a page at a time."""
    name, _, more = question.partition("(")
    arguments = f"{more.rstrip(')')}, " if more else ""
    query = f"""query($first: Int!, $after: String, $at: Position) {{
      found: {name}({arguments}first: $first, after: $after, afterPosition: $at) {{
        edges {{ cursor node {selected} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    nodes: list[Json] = []
    after = None
    while True:
        page = asker.ask(query, first=first, after=after, at=at)["found"]
        assert len(page["edges"]) <= first
        nodes += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


def accounts_on_record(watch_center: WatchCenter) -> dict[str, Account]:
    """Everybody who is enrolled, folded from their own events."""
    with psycopg.connect(watch_center.url) as connection:
        rows = connection.execute(
            "SELECT originator_id, state FROM events.stored_events WHERE originator_id LIKE 'person-%'"
            " ORDER BY notification_id"
        ).fetchall()
    states: dict[str, Any] = {}
    for stream, content in rows:
        key = str(stream).removeprefix("person-")
        states[key] = PERSON.evolve(states.get(key, PERSON.initial), decode(bytes(content)).event)
    return {key: state for key, state in states.items() if isinstance(state, Account)}


@pytest.mark.rule("people.training")
def test_the_reports_name_everybody_who_is_untrained_or_dormant_and_nobody_else(watch_center: WatchCenter) -> None:
    admin, captain = watch_center.as_role("administrator"), watch_center.as_role("station_commander", step_up=True)
    today = datetime.now(UTC).date()

    def joined(role: str | None, course: tuple[int, int] | None) -> str:
        person = f"r{secrets.token_hex(5)}"
        enrol = 'enrolPerson(personId: $person, name: $name, organisation: "lasd_west_hollywood", email: $text)'
        admin.accepted(enrol, person=person, name=f"Dep. {person}", text=f"{person}@weho.example")
        if course is not None:
            days = ", ".join(
                f'{name}: "{today + timedelta(days=n)}"'
                for name, n in zip(("completedOn", "expiresOn"), course, strict=True)
            )
            admin.accepted(f'recordTraining(personId: $person, course: "watch_center_use", {days})', person=person)
        if role is not None:
            captain.accepted(f'assignRole(personId: $person, role: "{role}")', person=person)
        return person

    never, lapsed = joined("watch_operator", None), joined("watch_operator", (-400, -1))
    trained, idle = joined("watch_operator", (-10, 300)), joined(None, None)
    watch_center.asker(trained).ask("{ viewer { id } }")
    at = watch_center.head()
    due = {node["id"]: node["trainingDue"] for node in pages(captain, "expiredTraining", "{ id trainingDue }", at)}
    assert due[never] == due[lapsed] == ["watch_center_use"] and not {trained, idle} & due.keys()
    everybody = {key: each for key, each in accounts_on_record(watch_center).items() if Role.SERVICE not in each.roles}
    known = {node["id"] for node in pages(admin, "accounts", "{ id roles }", at) if "service" not in node["roles"]}
    assert known == everybody.keys()
    in_use = {key: each for key, each in everybody.items() if not each.suspended and not each.left}
    assert due.keys() == {
        key
        for key, each in in_use.items()
        if any(day < today for day in each.courses.values()) or (each.roles and "watch_center_use" not in each.courses)
    }
    for report in ("dormantAccounts", "expiredTraining"):
        assert watch_center.as_role("city_analyst").code(f"{{ {report} {{ position }} }}") == "not_permitted"


def test_a_revoked_console_is_told_so_at_its_next_question(watch_center: WatchCenter) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    sergeant = watch_center.as_role("watch_supervisor")
    sergeant.accepted('revokeSession(session: $session, reason: "left open")', session=session)
    until(lambda: "errors" in deputy.send({"query": "{ viewer { id } }"}).json(), what="the token is void")
    position = watch_center.head()
    found = sergeant.ask(
        "query($p: ID!, $at: Position) { consoleSessions(person: $p, afterPosition: $at)"
        " { edges { node { id endedBecause } } } }",
        p=deputy.person,
        at=position,
    )
    assert {"id": session, "endedBecause": "revoked"} in [e["node"] for e in found["consoleSessions"]["edges"]]


def test_revoked_access_ends_every_console_of_a_person(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    consoles = [watch_center.asker(person) for _ in range(2)]
    sessions = [console.ask("{ viewer { sessionId } }")["viewer"]["sessionId"] for console in consoles]
    captain = watch_center.as_role("station_commander")
    captain.accepted('revokeAccess(personId: $person, reason: "phone stolen")', person=person)

    def ended() -> bool:
        last = [watch_center.events(f"session-{session}")[-1] for session in sessions]
        return all(event["data"].get("reason") == "revoked" for event in last)

    until(ended, what="both consoles are closed")
    assert "errors" in consoles[0].send({"query": "{ viewer { id } }"}).json()


def test_a_mover_and_a_leaver(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    admin = watch_center.as_role("administrator")
    admin.accepted(
        'changePerson(personId: $person, name: "New Name", organisation: "lasd_west_hollywood", email: $text)',
        person=person,
        text="new@lasd.example",
    )
    done = admin.accepted('recordLeaver(personId: $person, reason: "moved to Fresno")', person=person)
    shown = admin.ask(
        f"query($person: ID!, $at: Position) {{ account(id: $person, afterPosition: $at) {ACCOUNT} }}",
        person=person,
        at=done["position"],
    )["account"]
    assert (shown["name"], shown["roles"], shown["suspendedBecause"]) == ("New Name", [], "moved to Fresno")


@pytest.mark.rule("people.training")
def test_the_report_of_dormant_accounts_names_those_and_nobody_else(watch_center: WatchCenter) -> None:
    """Enrolled long ago: one who never came, one who came today, one who is suspended."""
    captain = watch_center.as_role("station_commander")
    never, came, gone = (f"d{secrets.token_hex(5)}" for _ in range(3))
    then = datetime.now(UTC) - timedelta(days=100)
    for person in (never, came, gone):
        enrolled = Enrolled(f"Dep. {person}", Organisation.LASD_WEST_HOLLYWOOD, f"{person}@weho.example", BY)
        happened(watch_center, f"person-{person}", enrolled, then)
    captain.accepted('suspendPerson(personId: $person, reason: "retired")', person=gone)
    session = SignedOn(PersonId(came), "https://id.example", "otp", "127.0.0.1", datetime.now(UTC) + timedelta(hours=1))
    happened(watch_center, f"session-{secrets.token_hex(8)}", session, datetime.now(UTC))
    at = watch_center.head()
    dormant = [node["id"] for node in pages(captain, "dormantAccounts(days: 90)", "{ id }", at, first=1)]
    assert dormant == [never]
    assert pages(captain, "dormantAccounts(days: 101)", "{ id }", at) == []


def happened(watch_center: WatchCenter, stream: str, event: object, when: datetime) -> None:
    """Put the first event of a stream on the record, as of a time."""
    with PostgresEventStore(watch_center.url) as store:
        new = new_event(envelope(event, stream, 1, when), event)
        store.append(Append(uuid4(), bytes(32), [new]))


@pytest.mark.rule("people.handover")
def test_a_shift_is_handed_over_with_all_that_is_open(watch_center: WatchCenter) -> None:
    """One thing of each kind, beside what other tests left open."""
    deputy = watch_center.as_role("watch_operator", step_up=True)
    call, drone, feed = watch_center.call(), watch_center.drone(ready=False), camera(watch_center)
    flight = flying(watch_center)[0]
    grounded = watch_center.drone(ready=False)
    pilot = watch_center.as_role("remote_pilot")
    pilot.accepted('groundDrone(droneId: $drone, reason: "a propeller is chipped")', drone=grounded)
    view = watching(watch_center, deputy, feed)
    footage = recorded(watch_center, feed)
    looked = deputy.accepted(
        "requestViewing(footage: $footage, grounds: $grounds)", footage=footage, grounds=grounds(watch_center)
    )["stream"]
    wanted = target(watch_center, f"footage-{footage}")
    ask = {"target": wanted, "text": "the face of the man with the knife"}
    waiting = deputy.accepted(
        "requestOverride(input: $target, legalBasis: $basis, reason: $text)", basis=WARRANT, **ask
    )
    broken = deputy.accepted("invokeEmergencyOverride(input: $target, threat: $text)", **ask)
    complaint = watch_center.as_role("city_analyst").accepted(FEEDBACK)["stream"]
    open_now = {
        ("call", f"call-{call}"),
        ("flight", f"flight-{flight}"),
        ("drone_out_of_service", f"drone-{grounded}"),
        ("live_view", f"liveview-{view}"),
        ("viewing", looked),
        ("override_waiting", waiting["stream"]),
        ("override_active", broken["stream"]),
        ("complaint_waiting", complaint),
    }
    with beating(deputy, view), parked(watch_center, "complaints", "complaint-of-nobody"):
        at = watch_center.head()
        shown = {(node["kind"], node["id"]) for node in pages(deputy, "stillOpen", "{ kind id }", at, first=3)}
        assert open_now | {("stream_incomplete", "complaint-of-nobody")} <= shown
        assert ("drone_out_of_service", f"drone-{drone}") not in shown, "not made ready yet is not out of service"
        to = watch_center.enrolled("watch_supervisor")
        done = deputy.accepted('handOverShift(to: $person, note: "quiet so far")', person=to)
    query = """query($at: Position, $after: String) { handovers(first: 1, afterPosition: $at) { edges { node {
      handedTo asOfPosition openItems(first: 5, after: $after) {
        totalCount edges { node { kind id } } pageInfo { hasNextPage endCursor } } } } } }"""
    handed: list[Json] = []
    after = None
    while True:
        (edge,) = deputy.ask(query, at=done["position"], after=after)["handovers"]["edges"]
        items = edge["node"]["openItems"]
        handed += [each["node"] for each in items["edges"]]
        if not items["pageInfo"]["hasNextPage"]:
            break
        after = items["pageInfo"]["endCursor"]
    assert edge["node"]["handedTo"] == to and edge["node"]["asOfPosition"] <= done["position"]
    assert items["totalCount"] == len(handed) == len({(each["kind"], each["id"]) for each in handed})
    assert open_now | {("stream_incomplete", "complaint-of-nobody")} <= {(each["kind"], each["id"]) for each in handed}
    content = str(watch_center.events(done["stream"]))
    assert "quiet so far" not in content, "what is written is sealed"


@contextmanager
def parked(watch_center: WatchCenter, model: str, stream: str) -> Iterator[None]:
    """A read model that lacks an event of a stream, as a poison event leaves it."""
    with psycopg.connect(watch_center.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO projections.parked (key, position, stream, content, error) SELECT key, 1, %s, %s, 'poison'"
            " FROM projections.catalogue WHERE name = %s AND state = 'live'",
            (stream, b"{}", model),
        )
        yield
        connection.execute("DELETE FROM projections.parked WHERE stream = %s", (stream,))


def test_a_policy_is_drafted_and_its_history_shows_what_changed(watch_center: WatchCenter) -> None:
    admin = watch_center.as_role("administrator")
    history = """query($at: Position) { policyHistory(afterPosition: $at) {
        version state parameters parametersSha256 differences { parameter before after } } }"""
    current = admin.ask(history)["policyHistory"][-1]
    assert current["state"] == "in_force"
    changed = {**current["parameters"], "live_view_minutes": 15}
    done = admin.accepted('draftPolicy(parameters: $parameters, summary: "shorter views")', parameters=changed)
    newest = admin.ask(history, at=done["position"])["policyHistory"][0]
    assert newest["state"] == "drafted"
    assert newest["differences"] == [{"parameter": "live_view_minutes", "before": "30", "after": "15"}]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "parameters"),
        ({"live_view_minutes": "SECRET"}, "parameters.live_view_minutes"),
        ({"purposes": []}, "purposes"),
    ],
)
def test_parameters_that_are_none_are_refused_with_their_field(
    watch_center: WatchCenter, parameters: dict[str, object], field: str
) -> None:
    admin = watch_center.as_role("administrator")
    current = admin.ask("{ policyHistory { parameters } }")["policyHistory"][-1]["parameters"]
    asked = {**current, **parameters} if parameters else {}
    told = admin.order('draftPolicy(parameters: $parameters, summary: "no")', parameters=asked)
    assert (told["__typename"], told["field"]) == ("Mistaken", field) and told["accepted"]
    assert "SECRET" not in str(told)


CHANGE = "oversightChange { change reason askedBy answerBy }"


@pytest.mark.rule("oversight.not_muted")
def test_one_of_oversight_leaves_by_two_persons_of_whom_one_is_of_oversight(watch_center: WatchCenter) -> None:
    auditor, colleague = watch_center.enrolled("auditor", "oversight"), watch_center.as_role("auditor", step_up=True)
    captain = watch_center.as_role("station_commander", step_up=True)
    alone = captain.order('suspendPerson(personId: $person, reason: "asks too much")', person=auditor)
    assert [reason["code"] for reason in alone["reasons"]] == ["oversight_not_muted"]
    assert "requestOversightChange" in alone["reasons"][0]["accepted"]
    ask = 'requestOversightChange(personId: $person, change: "leave", reason: "moved to another county")'
    asked = captain.accepted(ask, person=auditor)
    query = f"query($person: ID!, $at: Position) {{ account(id: $person, afterPosition: $at) {{ roles {CHANGE} }} }}"
    shown = colleague.ask(query, person=auditor, at=asked["position"])["account"]
    assert shown["roles"] == ["auditor"] and shown["oversightChange"]["askedBy"] == captain.person
    queue = "query($at: Position) { oversightQueue(first: 100, afterPosition: $at) { due { kind stream } } }"
    due = colleague.ask(queue, at=asked["position"])["oversightQueue"]["due"]
    assert {"kind": "answer_oversight_change", "stream": f"person-{auditor}"} in due
    own = captain.order("answerOversightChange(personId: $person)", person=auditor)
    assert own["__typename"] == "Refused"
    done = colleague.accepted("answerOversightChange(personId: $person)", person=auditor)
    shown = colleague.ask(query, person=auditor, at=done["position"])["account"]
    assert shown == {"roles": [], "oversightChange": None}


@pytest.mark.rule("people.training")
def test_a_mistyped_training_is_refused_with_what_is_accepted_and_a_wrong_one_put_right(
    watch_center: WatchCenter,
) -> None:
    person, admin = watch_center.enrolled("watch_operator"), watch_center.as_role("administrator")
    record = (
        'recordTraining(personId: $person, course: "watch_center_use", completedOn: "2026-01-02", expiresOn: $until)'
    )
    told = admin.order(record, person=person, until="2126-01-02")
    assert (told["__typename"], told["field"]) == ("Mistaken", "expires_on") and "days at most" in told["accepted"]
    correct = 'correctTraining(personId: $person, course: "watch_center_use", expiresOn: $until, reason: "mistyped")'
    done = admin.accepted(correct, person=person, until="2026-12-31")
    query = "query($p: ID!, $at: Position) { account(id: $p, afterPosition: $at) { courses { course expiresOn } } }"
    shown = admin.ask(query, p=person, at=done["position"])["account"]["courses"]
    assert {"course": "watch_center_use", "expiresOn": "2026-12-31"} in shown
