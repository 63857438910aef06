"""Go or no-go over GraphQL: what is unknown waits for the pilot in command, and for nobody else."""

from __future__ import annotations

from tests.api.watch_center import WatchCenter, fresh

REQUEST = "requestLaunch(input: $input, commandId: $commandId)"


def test_a_launch_waits_for_the_pilot_to_accept_what_is_unknown(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    flight = deputy.accepted(REQUEST, input=watch_center.launch(conditions={}, askPilot=True), commandId=fresh())["id"]
    types = [event["type"].rpartition(".flight.")[2] for event in watch_center.events(f"flight-{flight}")]
    assert types == ["launch_requested.v1"]
    accept = 'acceptUnknowns(flight: $flight, conditions: ["weather", "traffic", "airspace"], reason: "I can see it")'
    refused = deputy.order(accept, flight=flight)
    assert [reason["code"] for reason in refused["reasons"]] == ["not_permitted"]
    watch_center.as_role("remote_pilot").accepted(accept, flight=flight)
    accepted, authorised = watch_center.events(f"flight-{flight}")[1:]
    assert accepted["actorid"] == "k.lindqvist" and accepted["data"]["conditions"] == ["weather", "traffic", "airspace"]
    assert authorised["type"].endswith("launch_authorised.v1")


def test_without_that_what_is_unknown_is_no_go(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    told = deputy.order(REQUEST, input=watch_center.launch(conditions={}), commandId=fresh())
    assert {reason["code"] for reason in told["reasons"]} == {"weather_unknown", "traffic_unknown", "airspace_unknown"}
