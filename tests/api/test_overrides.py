"""Privacy zones and overrides through GraphQL, from the drawing to the review."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from tests.api.watch_center import Json, WatchCenter, fresh

CORNERS = ((34.0918, -118.3516), (34.0918, -118.3507), (34.0912, -118.3507), (34.0912, -118.3516))
OUTLINE = [{"latitude": latitude, "longitude": longitude} for latitude, longitude in (*CORNERS, CORNERS[0])]
SHAPE: Json = {"outline": OUTLINE, "ceilingAglM": 60, "rule": "no_record"}
WARRANT = {"kind": "warrant", "number": "26-SW-0417", "issuer": "Superior Court of Los Angeles"}
DRAW = 'drawPrivacyZone(zone: $zone, name: "Pool", shape: $shape, reason: $text, commandId: $commandId)'
REQUEST = "requestOverride(input: $target, legalBasis: $basis, reason: $text, commandId: $commandId)"
EMERGENCY = "invokeEmergencyOverride(input: $target, threat: $text)"
WHY = "people swim here and may expect not to be watched"
FIELDS = """id state emergency target flight minutes uses reviewOverdue justificationOverdue verdict expiresAt
  requestedBy { id name } decidedBy { id } reasons { code } legalBasis { kind number }
  texts { why justification findings }"""


def zone(watch_center: WatchCenter) -> str:
    """A privacy zone of the test's own; its stream."""
    key = f"z{secrets.token_hex(5)}"
    captain = watch_center.as_role("station_commander")
    return str(captain.accepted(DRAW, zone=key, shape=SHAPE, text=WHY, commandId=fresh())["stream"])


def flight(watch_center: WatchCenter) -> str:
    """A flight on the record; its launch was refused."""
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked = watch_center.launch(drone=watch_center.drone(ready=False))
    return str(deputy.order("requestLaunch(input: $input)", input=asked)["stream"].removeprefix("flight-"))


def target(watch_center: WatchCenter, stream: str, **changed: object) -> Json:
    now = datetime.now(UTC)
    return {
        "target": stream,
        "flight": flight(watch_center) if stream.startswith("zone-") else None,
        "since": now.isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
        "purpose": "call_for_service",
        "callNumber": watch_center.call(),
        **changed,
    }


def seen(watch_center: WatchCenter, role: str, override: str, position: int) -> Json | None:
    found: Json | None = watch_center.as_role(role).ask(
        f"query($id: ID!, $at: Position) {{ override(id: $id, afterPosition: $at) {{ {FIELDS} }} }}",
        id=override,
        at=position,
    )["override"]
    return found


def listed(watch_center: WatchCenter, role: str, which: str, position: int) -> list[str]:
    page = watch_center.as_role(role).ask(
        "query($which: String!, $at: Position) { overrides(which: $which, first: 100, afterPosition: $at)"
        " { edges { node { id } } } }",
        which=which,
        at=position,
    )["overrides"]
    return [edge["node"]["id"] for edge in page["edges"]]


def test_a_zone_is_drawn_and_shown_and_taken_away_with_a_reason(watch_center: WatchCenter) -> None:
    key = f"z{secrets.token_hex(5)}"
    admin, captain = watch_center.as_role("administrator"), watch_center.as_role("station_commander", step_up=True)
    admin.accepted(DRAW, zone=key, shape=SHAPE, text=WHY, commandId=fresh())
    milder = {**SHAPE, "rule": "mask"}
    redraw = "redrawPrivacyZone(zone: $zone, shape: $shape, reason: $text)"
    assert admin.order(redraw, zone=key, shape=milder, text=WHY)["__typename"] == "Refused"
    answer = captain.accepted(redraw, zone=key, shape=milder, text="the pool is roofed over now")
    query = (
        "query($at: Position, $retired: Boolean!) { privacyZones(retired: $retired, afterPosition: $at)"
        " { zones { id rule outline { latitude longitude } reason retiredAt } } }"
    )
    zones = admin.ask(query, at=answer["position"], retired=False)["privacyZones"]["zones"]
    (shown,) = [z for z in zones if z["id"] == key]
    assert (shown["rule"], shown["outline"], shown["retiredAt"]) == ("mask", OUTLINE, None)
    answer = captain.accepted("retirePrivacyZone(zone: $zone, reason: $text)", zone=key, text="the pool was torn down")
    for retired in (False, True):
        zones = admin.ask(query, at=answer["position"], retired=retired)["privacyZones"]["zones"]
        assert (key in [z["id"] for z in zones]) == retired


def test_an_outline_that_crosses_itself_or_lies_elsewhere_is_a_mistake_on_the_record(
    watch_center: WatchCenter,
) -> None:
    admin = watch_center.as_role("administrator")
    bow_tie = [OUTLINE[0], OUTLINE[2], OUTLINE[1], OUTLINE[3], OUTLINE[0]]
    swapped = [{"latitude": 40.0 + p["latitude"] / 100, "longitude": p["longitude"]} for p in OUTLINE]
    for outline in (bow_tie, swapped, OUTLINE[:-1]):
        key = f"z{secrets.token_hex(5)}"
        told = admin.order(DRAW, zone=key, shape={**SHAPE, "outline": outline}, text=WHY, commandId=fresh())
        assert (told["__typename"], told["field"]) == ("Mistaken", "outline"), told
        assert not watch_center.events(f"zone-{key}")


def test_an_override_needs_a_second_person_and_shows_in_the_queue_until_then(watch_center: WatchCenter) -> None:
    where = target(watch_center, zone(watch_center))
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    reason = "a burglar went over the pool's wall"
    answer = sergeant.accepted(REQUEST, target=where, basis=WARRANT, text=reason, commandId=fresh())
    override, position = answer["id"], answer["position"]
    assert override in listed(watch_center, "watch_supervisor", "queue", position)
    told = sergeant.order("approveOverride(override: $override)", override=override)
    assert (told["__typename"], told["reasons"][0]["code"]) == ("Refused", "not_permitted")
    other = watch_center.asker(watch_center.enrolled("watch_supervisor"), step_up=True)
    position = other.accepted("approveOverride(override: $override)", override=override)["position"]
    shown = seen(watch_center, "auditor", override, position)
    assert shown is not None
    assert (shown["state"], shown["emergency"], shown["uses"]) == ("active", False, 0)
    assert (shown["requestedBy"]["id"], shown["decidedBy"]["id"]) == (sergeant.person, other.person)
    assert shown["legalBasis"] == {"kind": "warrant", "number": "26-SW-0417"}
    assert shown["texts"]["why"] == reason
    assert (shown["target"], shown["flight"]) == (where["target"], where["flight"])
    assert override in listed(watch_center, "watch_supervisor", "active", position)
    assert override not in listed(watch_center, "watch_supervisor", "queue", position)
    told = watch_center.as_role("auditor").order(
        'reviewOverride(override: $override, verdict: "in_order", findings: $text)',
        override=override,
        text="used once, for the call it names",
    )
    assert (told["__typename"], told["code"]) == ("Mistaken", "wrong_state")  # it is still in effect


def test_a_refused_request_says_every_reason_and_stays_on_the_record(watch_center: WatchCenter) -> None:
    where = target(watch_center, zone(watch_center), purpose="face_recognition", minutes=90)
    deputy = watch_center.as_role("watch_operator")
    told = deputy.order(REQUEST, target=where, basis=WARRANT, text="who is this person", commandId=fresh())
    assert {r["code"] for r in told["reasons"]} == {"purpose_prohibited", "too_long"}
    types = [e["type"].rpartition("override.")[2] for e in watch_center.events(told["stream"])]
    assert types == ["override_requested.v2", "override_refused.v1"]


def test_break_glass_is_in_effect_at_once_and_its_justification_and_review_are_asked_for(
    watch_center: WatchCenter,
) -> None:
    where = target(watch_center, zone(watch_center), callNumber=None)
    deputy = watch_center.as_role("watch_operator")
    answer = deputy.accepted(EMERGENCY, target=where, text="a child is in the water and cannot swim")
    override, position = answer["id"], answer["position"]
    shown = seen(watch_center, "station_commander", override, position)
    assert shown is not None
    assert (shown["state"], shown["emergency"], shown["legalBasis"]) == ("active", True, None)
    assert override in listed(watch_center, "auditor", "unjustified", position)
    justify = "justifyOverride(override: $override, justification: $text, legalBasis: $basis)"
    said, basis = "the child was in the water, and the zone hid the pool from above", {"kind": "exigency"}
    other = watch_center.asker(watch_center.enrolled("watch_operator"))
    assert other.order(justify, override=override, text=said, basis=basis)["__typename"] == "Mistaken"
    position = deputy.accepted(justify, override=override, text=said, basis=basis)["position"]
    assert override not in listed(watch_center, "auditor", "unjustified", position)
    shown = seen(watch_center, "watch_operator", override, position)
    assert shown is not None and shown["texts"]["justification"] == said


def test_an_override_of_somebody_else_is_read_by_those_who_answer_for_it_alone(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    where = target(watch_center, zone(watch_center))
    answer = deputy.accepted(EMERGENCY, target=where, text="a child is in the water and cannot swim")
    override, position = answer["id"], answer["position"]
    for role in ("watch_operator", "watch_supervisor", "station_commander", "auditor"):
        assert seen(watch_center, role, override, position) is not None, role
    for role in ("remote_pilot", "city_analyst", "administrator"):
        assert seen(watch_center, role, override, position) is None, role


def test_what_does_not_exist_has_no_override(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    where = target(watch_center, "zone-of-nothing")
    told = deputy.order(REQUEST, target=where, basis=WARRANT, text="nothing is there at all", commandId=fresh())
    assert (told["__typename"], told["code"], told["field"]) == ("Mistaken", "not_found", "target")
