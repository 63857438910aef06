"""Commands over GraphQL: every outcome is a type, and every attempt is on the record."""

from __future__ import annotations

import pytest

from tests.api.watch_center import Json, WatchCenter, fresh

REQUEST = "requestLaunch(input: $input, commandId: $commandId)"


def attempts(watch_center: WatchCenter, session: str) -> list[Json]:
    """What somebody tried in vain in a session, as it stands in the log."""
    events = watch_center.events(f"session-{session}")
    return [event for event in events if event["type"].endswith("attempt_refused.v1")]


def test_a_launch_is_asked_for_and_on_the_record(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked = watch_center.launch()
    answer = deputy.accepted(REQUEST, input=asked, commandId=fresh())
    requested, authorised = watch_center.events(answer["stream"])[:2]
    assert requested["type"] == "org.weho.safer.flight.launch_requested.v1"
    assert (requested["actorid"], requested["actorrole"]) == (deputy.person, "watch_operator")
    assert (requested["purpose"], requested["casenumber"]) == ("call_for_service", asked["callNumber"])
    assert requested["commandid"] == answer["commandId"]
    assert authorised["type"].endswith("launch_authorised.v1")


def test_a_refusal_is_a_result_with_every_reason(watch_center: WatchCenter) -> None:
    asked = watch_center.launch(drone=watch_center.drone(ready=False), callNumber="26-nobody-called", conditions={})
    deputy = watch_center.as_role("watch_operator", step_up=True)
    answer = deputy.order(REQUEST, input=asked, commandId=fresh())
    assert answer["__typename"] == "Refused" and answer["position"] > 0
    codes = {reason["code"] for reason in answer["reasons"]}
    assert len(answer["reasons"]) >= 4 and len(codes) >= 3
    assert all(reason["message"] and reason["rule"] for reason in answer["reasons"])
    refused = watch_center.events(answer["stream"])[-1]
    assert refused["type"].endswith("launch_refused.v1")
    assert {reason["code"] for reason in refused["data"]["reasons"]} == codes


def test_a_launch_needs_a_step_up(watch_center: WatchCenter) -> None:
    asked = watch_center.launch()
    told = watch_center.as_role("watch_operator").order(REQUEST, input=asked, commandId=fresh())
    assert [reason["code"] for reason in told["reasons"]] == ["step_up_required"]
    stepped_up = watch_center.as_role("watch_operator", step_up=True)
    assert stepped_up.order(REQUEST, input=asked, commandId=fresh())["__typename"] == "Accepted"


def test_the_pilots_order_needs_a_step_up_too_and_is_recorded_before_it_is_sent(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    flight = deputy.accepted(REQUEST, input=watch_center.launch(), commandId=fresh())["id"]
    told = watch_center.as_role("remote_pilot").order("launchDrone(flight: $flight)", flight=flight)
    assert [reason["code"] for reason in told["reasons"]] == ["step_up_required"]
    told = watch_center.as_role("remote_pilot", step_up=True).order("launchDrone(flight: $flight)", flight=flight)
    assert (told["__typename"], told["code"]) == ("Unavailable", "gateway_unavailable")  # none runs here
    assert watch_center.events(f"flight-{flight}")[-1]["type"].endswith("launch_ordered.v1")


def test_two_persons_for_what_needs_the_captain(watch_center: WatchCenter) -> None:
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    flight = sergeant.accepted(REQUEST, input=watch_center.launch(purpose="proactive"), commandId=fresh())["id"]
    authorise = "authoriseLaunch(flight: $flight)"
    assert sergeant.order(authorise, flight=flight)["__typename"] == "Refused"
    unsure = watch_center.as_role("station_commander").order(authorise, flight=flight)
    assert [reason["code"] for reason in unsure["reasons"]] == ["step_up_required"]
    assert watch_center.as_role("station_commander", step_up=True).accepted(authorise, flight=flight)


@pytest.mark.rule("record.refusals")
def test_who_may_not_is_refused_and_on_the_record(watch_center: WatchCenter) -> None:
    analyst = watch_center.as_role("city_analyst")
    session = analyst.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    told = analyst.order("readyDrone(droneId: $drone, batteryPercent: 90)", drone="skylark-1")
    assert [reason["code"] for reason in told["reasons"]] == ["not_permitted"]
    (attempt,) = attempts(watch_center, session)
    assert attempt["data"]["target"] == "drone-skylark-1" and attempt["actorid"] == analyst.person
    assert attempt["decidedby"] == "default-deny"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": "curiosity-SECRET"}, "purpose"),
        ({"purpose": "curiosity_secret"}, "purpose"),
        ({"reason": " "}, "reason"),
        ({"reason": "SECRET" * 200}, "reason"),
        ({"cruiseAglM": 7777.5}, "cruise_agl_m"),
        ({"destination": {"latitude": 134.0905, "longitude": -118.37}}, "place"),
        ({"conditions": {"weather": {"go": "SECRET"}}}, "conditions.weather.go"),
        ({"separation": {"method": "SECRET", "by": "x"}}, "separation.method"),
        ({"drone": "no-such-drone-SECRET"}, "drone"),
        ({"drone": "SECRET\u0000"}, "drone"),
        ({"drone": "d" * 4000}, "drone"),
        ({"callNumber": "26 \u202e SECRET"}, "call"),
        ({"callNumber": "c" * 5000}, "call"),
        ({"pilot": "SECRET\n"}, "person"),
    ],
)
@pytest.mark.rule("record.refusals")
def test_a_mistake_names_the_field_and_the_attempt_is_on_the_record(
    watch_center: WatchCenter, changed: Json, field: str
) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    asked = watch_center.launch(**{"drone": "skylark-1", "callNumber": "26-1", **changed})
    told = deputy.order(REQUEST, input=asked, commandId=fresh())
    assert told["__typename"] == "Mistaken", told
    assert told["field"] == field and told["message"] and told["accepted"]
    (attempt,) = attempts(watch_center, session)
    assert [(reason["code"], reason["field"]) for reason in attempt["data"]["reasons"]] == [(told["code"], field)]
    assert "secret" not in str(attempt).lower() and "7777.5" not in str(attempt) and "134.0905" not in str(attempt)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"destination": {"latitude": "SECRET", "longitude": 1}}, "input.destination.latitude"),
        ({"destination": {"latitude": 34.1}}, "input.destination"),
        ({"cruiseAglM": "SECRET"}, "input.cruiseAglM"),
        ({"tail": "SECRET"}, "input"),
    ],
)
def test_what_does_not_fit_the_schema_is_on_the_record_too(
    watch_center: WatchCenter, changed: Json, field: str
) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    asked = watch_center.launch(**{"drone": "skylark-1", "callNumber": "26-1", **changed})
    query = "mutation($input: RequestLaunchInput!) { requestLaunch(input: $input) { __typename } }"
    (error,) = deputy.errors(query, input=asked)
    assert error["extensions"] == {"code": "invalid_value", "field": field}
    (attempt,) = attempts(watch_center, session)
    assert attempt["data"]["action"] == "request_launch"
    assert [reason["field"] for reason in attempt["data"]["reasons"]] == [field]
    assert "SECRET" not in str(attempt)


@pytest.mark.parametrize("drone", ["x\u0000y", "d" * 6000, "a\u2028b", ""])
def test_a_malformed_id_of_a_denied_attempt_is_not_kept(watch_center: WatchCenter, drone: str) -> None:
    """It would have become a key of the audit trail's rows, which no row can have."""
    deputy = watch_center.as_role("watch_operator")
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    told = deputy.order("readyDrone(droneId: $drone, batteryPercent: 90)", drone=drone)
    assert told["__typename"] == "Refused"
    (attempt,) = attempts(watch_center, session)
    assert attempt["data"]["target"] == ""
    watch_center.applied(told["position"])


@pytest.mark.parametrize("wrong", ["", "12", "zzzzzzzz-0000-7000-8000-000000000000"])
def test_a_command_id_is_a_uuid(watch_center: WatchCenter, wrong: str) -> None:
    told = watch_center.as_role("watch_operator", step_up=True).order(
        REQUEST, input=watch_center.launch(drone="skylark-1", callNumber="26-1"), commandId=wrong
    )
    assert (told["__typename"], told["field"]) == ("Mistaken", "commandId")


# -- the same command again ----------------------------------------------------


@pytest.mark.rule("record.once")
def test_the_same_command_again_gets_the_first_answer(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked, id_ = watch_center.launch(), fresh()
    first = deputy.accepted(REQUEST, input=asked, commandId=id_)
    before = watch_center.head(first["stream"])
    again = deputy.accepted(REQUEST, input=asked, commandId=id_)
    assert again == {**first, "replayed": True} and first["replayed"] is False
    assert watch_center.head(first["stream"]) == before


def test_a_refusal_again_is_the_same_refusal_also_when_it_would_pass_now(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    drone = watch_center.drone(ready=False)
    asked, id_ = watch_center.launch(drone=drone), fresh()
    first = deputy.order(REQUEST, input=asked, commandId=id_)
    assert first["__typename"] == "Refused"
    watch_center.as_role("remote_pilot").accepted("readyDrone(droneId: $drone, batteryPercent: 95)", drone=drone)
    again = deputy.order(REQUEST, input=asked, commandId=id_)
    assert (again["position"], again["reasons"]) == (first["position"], first["reasons"])


def test_an_id_is_good_for_one_content_and_one_person(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked, id_ = watch_center.launch(), fresh()
    deputy.accepted(REQUEST, input=asked, commandId=id_)
    other = deputy.order(REQUEST, input={**asked, "reason": "another reason"}, commandId=id_)
    assert (other["__typename"], other["code"]) == ("Mistaken", "command_id_reused")
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    assert sergeant.order(REQUEST, input=asked, commandId=id_)["code"] == "command_id_reused"


def test_a_mistake_is_the_first_answer_too(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked, id_ = watch_center.launch(drone="skylark-1", callNumber="26-1", purpose="curiosity"), fresh()
    first, again = (deputy.order(REQUEST, input=asked, commandId=id_) for _ in range(2))
    assert first == again and first["__typename"] == "Mistaken"
    mended = {**asked, "purpose": "call_for_service"}
    assert deputy.order(REQUEST, input=mended, commandId=id_)["code"] == "command_id_reused"
