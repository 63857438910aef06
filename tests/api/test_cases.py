"""Case numbers as grounds, over the whole path: those that dispatch told, and those that somebody made up."""

from __future__ import annotations

import secrets

import pytest

from tests.api.looking import REQUEST, camera, grounds
from tests.api.watch_center import Json, WatchCenter, call_update

WAITING = """query($first: Int!, $after: String, $at: Position) {
  unverifiedCases(first: $first, after: $after, afterPosition: $at) {
    edges { node { caseNumber uses people verdict } } pageInfo { hasNextPage endCursor } } }"""
FOUND = "detective Ruiz has the file, burglary desk"


def examine(case: str, verdict: str, findings: str = FOUND) -> str:
    return f'examineCase(caseNumber: "{case}", verdict: "{verdict}", findings: "{findings}")'


def number() -> str:
    return f"926-{secrets.token_hex(5)}"


def on_record(center: WatchCenter, stream: str) -> Json:
    found: Json = center.events(stream)[0]["data"]["grounds"]["quality"]
    return found


def waiting(center: WatchCenter) -> dict[str, Json]:
    """All of them, page by page."""
    auditor, after, found = center.as_role("auditor"), None, {}
    while True:
        page = auditor.ask(WAITING, first=2, after=after, at=center.head())["unverifiedCases"]
        found.update({edge["node"]["caseNumber"]: edge["node"] for edge in page["edges"]})
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.rule("view.case_verified")
def test_a_case_that_dispatch_told_is_verified_and_one_that_it_never_told_is_named_so(
    watch_center: WatchCenter,
) -> None:
    deputy, feed, told, made_up = watch_center.as_role("watch_operator"), camera(watch_center), number(), number()
    assert watch_center.dispatch(call_update(case=told)).status_code == 200
    scores = []
    for case in (told, made_up):
        ask = "query($grounds: GroundsInput!) { reasonQuality(grounds: $grounds) { score vague advice { code } } }"
        stated = grounds(watch_center, caseNumber=case)
        before = deputy.ask(ask, grounds=stated)["reasonQuality"]
        kept = on_record(watch_center, deputy.accepted(REQUEST, feed=feed, grounds=stated)["stream"])
        assert kept["flaws"] == [advice["code"] for advice in before["advice"]], "what was said at entry is kept"
        assert kept["flaws"] == ([] if case == told else ["no_known_call", "case_unverified"])
        scores.append(kept["score"])
    assert scores == [100, 65]
    assert made_up in waiting(watch_center) and told not in waiting(watch_center)


@pytest.mark.rule("view.case_verified")
def test_a_search_for_a_plate_under_a_case_that_nobody_knows_waits_to_be_looked_up(watch_center: WatchCenter) -> None:
    deputy, case = watch_center.as_role("watch_operator"), number()
    between = 'seenFrom: "2026-06-01T19:00:00Z", seenUntil: "2026-06-01T20:00:00Z"'
    query = f"""mutation($grounds: GroundsInput!) {{ told: searchPlate(input: {{plate: "8ABC123", {between}}},
      grounds: $grounds) {{ result {{ ... on Accepted {{ stream }} ... on Refused {{ stream }} }} }} }}"""
    told = deputy.ask(query, grounds=grounds(watch_center, caseNumber=case))["told"]["result"]
    assert "case_unverified" in on_record(watch_center, told["stream"])["flaws"]
    assert waiting(watch_center)[case] == {"caseNumber": case, "uses": 1, "people": 1, "verdict": None}


@pytest.mark.rule("view.case_verified")
def test_oversight_looks_an_unverified_case_up_and_nobody_else_does(watch_center: WatchCenter) -> None:
    deputy, auditor, case = watch_center.as_role("watch_operator"), watch_center.as_role("auditor"), number()
    feed, stated = camera(watch_center), grounds(watch_center, caseNumber=case)
    deputy.accepted(REQUEST, feed=feed, grounds=stated)
    for role in ("watch_operator", "watch_supervisor", "station_commander", "administrator"):
        told = watch_center.as_role(role).order(examine(case, "found"))
        assert told["__typename"] == "Refused", told
    auditor.accepted(examine(case, "not_found", "no such file at the station or at LARCIS"))
    assert case not in waiting(watch_center)
    deputy.accepted(REQUEST, feed=feed, grounds=grounds(watch_center, caseNumber=case))
    assert waiting(watch_center)[case]["verdict"] == "not_found"
    auditor.accepted(examine(case, "found"))
    assert case not in waiting(watch_center)
    again = deputy.accepted(REQUEST, feed=feed, grounds=grounds(watch_center, caseNumber=case))
    assert on_record(watch_center, again["stream"])["flaws"] == []
    wrong = auditor.order(examine(case, "perhaps"))
    assert (wrong["__typename"], wrong["field"]) == ("Mistaken", "verdict")


def test_dispatch_s_case_number_is_checked_like_a_call_s(watch_center: WatchCenter) -> None:
    answer = watch_center.dispatch(call_update(case="no such number !"))
    assert (answer.status_code, answer.json()["field"]) == (400, "case")
