"""The pilot programme and its figures through GraphQL."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from tests.api.looking import REQUEST, camera, grounds, watching
from tests.api.watch_center import Asker, Json, WatchCenter, fresh

START = (
    'startPilot(pilot: $pilot, title: $name, authority: "Council action 24-0819", startsOn: $date, endsOn: $until,'
    " commandId: $commandId)"
)
COST = "recordCost(pilot: $pilot, input: $spent, commandId: $commandId)"
WHY = "the council asked for it in session"
METRIC = """query($code: String!, $by: String, $asOf: Position, $at: Position, $filter: MetricFilter) {
  metric(code: $code, by: $by, asOf: $asOf, afterPosition: $at, filter: $filter) { asOf
    definition { code version sentence kind unit clock numerator denominator exclusions brokenDownBy }
    figures { key n numerator denominator value median p90 clocksApart suppressed } } }"""
CASES = """query($code: String!, $asOf: Position) { metric(code: $code, asOf: $asOf) { cases(first: 5) {
    stream position value inNumerator events(first: 3) { edges { node { type } } } } } }"""


def started(watch_center: WatchCenter) -> tuple[Asker, str, int]:
    """A programme of the test's own: who runs it, its id, the position of its start."""
    analyst, key = watch_center.as_role("city_analyst"), f"pilot{secrets.token_hex(5)}"
    today = datetime.now(UTC).date()
    days = {"date": str(today), "until": str(today + timedelta(days=365))}
    answer = analyst.accepted(START, pilot=key, name="Safer WeHo", commandId=fresh(), **days)
    return analyst, key, answer["position"]


def cost(**changed: object) -> Json:
    return {
        "cost": f"c{secrets.token_hex(5)}",
        "heading": "maintenance",
        "equipment": "drone",
        "amountCents": 125_050,
        "spentOn": str((datetime.now(UTC) - timedelta(days=2)).date()),
        "fundSource": "General Fund",
        "description": "propellers",
        **changed,
    }


def programme(asker: Asker, key: str, at: int, as_of: int | None = None) -> Json | None:
    query = (
        "query($at: Position, $asOf: Position) { pilotProgrammes(afterPosition: $at, asOf: $asOf)"
        " { id title phase startsOn endsOn authority evaluations } }"
    )
    found = asker.ask(query, at=at, asOf=as_of)["pilotProgrammes"]
    return next((each for each in found if each["id"] == key), None)


def test_a_programme_is_started_paused_by_the_captain_and_resumed_by_the_city(watch_center: WatchCenter) -> None:
    analyst, key, first = started(watch_center)
    captain = watch_center.as_role("station_commander")
    captain.accepted("pausePilot(pilot: $pilot, reason: $text)", pilot=key, text=WHY)
    told = captain.order("resumePilot(pilot: $pilot, reason: $text)", pilot=key, text=WHY)
    assert (told["__typename"], told["reasons"][0]["code"]) == ("Refused", "not_permitted")
    last = analyst.accepted("resumePilot(pilot: $pilot, reason: $text)", pilot=key, text=WHY)["position"]
    shown = programme(analyst, key, last)
    assert shown is not None and (shown["phase"], shown["title"]) == ("running", "Safer WeHo")
    shown = programme(analyst, key, last, as_of=last - 1)
    assert shown is not None and shown["phase"] == "paused"
    assert programme(analyst, key, last, as_of=first - 1) is None
    told = analyst.order("resumePilot(pilot: $pilot, reason: $text)", pilot=key, text=WHY)
    assert (told["__typename"], told["code"]) == ("Mistaken", "wrong_state")


def test_costs_are_told_by_their_headings_and_a_correction_changes_later_figures_alone(
    watch_center: WatchCenter,
) -> None:
    analyst, key, before = started(watch_center)
    spent = cost(heading="storage", equipment=f"e{secrets.token_hex(4)}")
    at = analyst.accepted(COST, pilot=key, spent=spent, commandId=fresh())["position"]
    correction = {**spent, "cost": "credit", "corrects": spent["cost"], "amountCents": -25_050}
    after = analyst.accepted(COST, pilot=key, spent=correction, commandId=fresh())["position"]

    def cents(as_of: int) -> float | None:
        metric = analyst.ask(METRIC, code="costs", by="equipment", asOf=as_of, at=after)["metric"]
        found = [figure["value"] for figure in metric["figures"] if figure["key"] == spent["equipment"]]
        return found[0] if found else None

    assert [cents(as_of) for as_of in (before, at, after, at)] == [None, 125_050, 100_000, 125_050]
    told = analyst.order(
        COST, pilot=key, spent={**correction, "cost": "again", "amountCents": -100_001}, commandId=fresh()
    )
    assert (told["__typename"], told["field"]) == ("Mistaken", "amount_cents")
    told = analyst.order(COST, pilot=key, spent=cost(heading="parties"), commandId=fresh())
    assert (told["__typename"], told["field"]) == ("Mistaken", "heading")


def test_a_figure_comes_with_its_definition_and_the_records_behind_it_are_for_oversight(
    watch_center: WatchCenter,
) -> None:
    analyst, key, _ = started(watch_center)
    at = analyst.accepted(COST, pilot=key, spent=cost(), commandId=fresh())["position"]
    metric = analyst.ask(METRIC, code="costs", at=at)["metric"]
    definition, (figure,) = metric["definition"], metric["figures"]
    assert (definition["code"], definition["version"], definition["unit"]) == ("costs", 1, "US cents")
    assert definition["sentence"] and definition["clock"] and definition["denominator"]
    assert figure["n"] >= 1 and metric["asOf"] >= at
    refused = analyst.code(CASES, code="costs", asOf=at)
    assert refused == "not_permitted"
    auditor = watch_center.as_role("auditor")
    cases = auditor.ask(CASES, code="costs", asOf=at)["metric"]["cases"]
    assert cases and all(case["events"]["edges"] for case in cases)
    codes = analyst.ask("{ metricDefinitions { code clock brokenDownBy } }")["metricDefinitions"]
    assert {"response_from_call", "first_on_scene", "costs"} <= {each["code"] for each in codes}


def test_who_works_the_console_reads_no_figures_and_what_makes_no_sense_is_told(watch_center: WatchCenter) -> None:
    refused = watch_center.as_role("watch_operator").code(METRIC, code="flights")
    assert refused == "not_permitted"
    analyst = watch_center.as_role("city_analyst")
    for wrong, code in (
        ({"code": "happiness"}, "not_found"),
        ({"code": "costs", "by": "cell"}, "invalid_value"),
        ({"code": "costs", "by": "phase of the moon"}, "invalid_value"),
        ({"code": "costs", "asOf": 0}, "invalid_value"),
        ({"code": "costs", "asOf": watch_center.head() + 1_000_000}, "not_yet_applied"),
    ):
        assert analyst.code(METRIC, **wrong) == code, wrong


def test_flown_is_published_and_withheld(watch_center: WatchCenter) -> None:
    query = (
        "query($at: Position) { flightReconciliation(afterPosition: $at)"
        " { asOf flown published withheld { reasonCode flights } undecided inTheAir balanced } }"
    )
    told = watch_center.as_role("auditor").ask(query, at=watch_center.head())["flightReconciliation"]
    withheld = sum(each["flights"] for each in told["withheld"])
    assert told["flown"] == told["published"] + withheld + len(told["undecided"]) + told["inTheAir"]
    assert told["balanced"] == (not told["undecided"] and not told["inTheAir"])


def test_the_vague_reason_is_published_as_a_rate_of_each_unit(watch_center: WatchCenter) -> None:
    operator, analyst = watch_center.as_role("watch_operator"), watch_center.as_role("city_analyst")

    def told(at: int) -> tuple[int, int]:
        """Reasons given by the station, and the vague ones among them."""
        metric = analyst.ask(METRIC, code="vague_reasons", by="unit", asOf=at, at=at)["metric"]
        found = [(x["n"], x["numerator"]) for x in metric["figures"] if x["key"] == "lasd_west_hollywood"]
        return found[0] if found else (0, 0)

    before, feed = told(watch_center.head()), camera(watch_center)
    for reason in ("investigation", "man with a knife at the bus stop on Fairfax"):
        at = operator.accepted(REQUEST, feed=feed, grounds=grounds(watch_center, reason=reason))["position"]
    after = told(at)
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


def test_camera_use_is_told_by_purpose(watch_center: WatchCenter) -> None:
    operator, analyst = watch_center.as_role("watch_operator"), watch_center.as_role("city_analyst")

    def told(code: str, at: int) -> int:
        metric = analyst.ask(METRIC, code=code, by="purpose", asOf=at, at=at)["metric"]
        return next((x["n"] for x in metric["figures"] if x["key"] == "call_for_service"), 0)

    before, codes = watch_center.head(), ("live_views", "live_view_length")
    first = [told(code, before) for code in codes]
    view = watching(watch_center, operator)
    at = operator.accepted("closeLiveView(view: $view)", view=view)["position"]
    assert [told(code, at) for code in codes] == [n + 1 for n in first]
