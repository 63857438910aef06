"""People, consoles, handovers and the history of the policy over GraphQL, on the whole path."""

from __future__ import annotations

import pytest

from tests.api.watch_center import WatchCenter, until

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
    assert deputy.code(f"{{ accounts {{ accounts {ACCOUNT} }} }}") == "not_permitted"


def test_dormant_accounts_and_expired_training_are_reports(watch_center: WatchCenter) -> None:
    captain = watch_center.as_role("station_commander")
    reports = "{ dormantAccounts(days: 90) { accounts { id } } expiredTraining { position accounts { id } } }"
    found = captain.ask(reports)
    assert found["dormantAccounts"]["accounts"] == [] and found["expiredTraining"]["accounts"] == []
    assert watch_center.as_role("city_analyst").code(reports) == "not_permitted"


def test_a_revoked_console_is_told_so_at_its_next_question(watch_center: WatchCenter) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    sergeant = watch_center.as_role("watch_supervisor")
    sergeant.accepted('revokeSession(session: $session, reason: "left open")', session=session)
    until(lambda: "errors" in deputy.send({"query": "{ viewer { id } }"}).json(), what="the token is void")
    position = watch_center.head()
    found = sergeant.ask(
        "query($p: ID!, $at: Position) { consoleSessions(person: $p, afterPosition: $at) { id endedBecause } }",
        p=deputy.person,
        at=position,
    )
    assert {"id": session, "endedBecause": "revoked"} in found["consoleSessions"]


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


def test_a_shift_is_handed_over_with_the_open_calls(watch_center: WatchCenter) -> None:
    call = watch_center.call()
    watch_center.applied(watch_center.head())
    operator, to = watch_center.as_role("watch_operator"), watch_center.enrolled("watch_supervisor")
    done = operator.accepted('handOverShift(to: $person, note: "quiet so far")', person=to)
    (event,) = watch_center.events(done["stream"])
    assert f"call-{call}" in event["data"]["open_items"] and "quiet so far" not in event["data"]["open_items"]
    shown = operator.ask(
        "query($at: Position) { handovers(afterPosition: $at) { handedTo openItems asOfPosition } }",
        at=done["position"],
    )["handovers"][0]
    assert shown["handedTo"] == to and shown["asOfPosition"] <= done["position"]


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
