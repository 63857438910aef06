"""Live views over GraphQL against the real path: asked for, granted or refused, watched, ended, and told afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import uuid4

import pytest

from api.processes import demonstration, wiring
from application import deadlines
from application.flights import Flights, Observed
from application.handling import Accepted, Refused
from application.standing import service
from application.views import Permit
from domain.flight_commands import RecordLaunch, RecordZoneEntry, RecordZoneExit
from domain.flight_events import Observation, ZoneRule
from domain.grounds import Grounds
from domain.kernel import AirPosition, CallNumber, Reason
from tests.api.looking import REQUEST, beating, camera, ended, grounds, in_person, pulse, watching
from tests.api.test_overrides import target, zone
from tests.api.watch_center import Json, WatchCenter, call_update, settings_as, until

THREAT = "a child has fallen into the water, nobody is near"

LOOK = "stream kind person { id name } feed purpose callNumber state endReason seconds vague reasonScore sharedByCall"
RECORD = "query($person: ID, $at: Position) { accessRecord(personId: $person, afterPosition: $at)"
RECORD += f" {{ edges {{ node {{ {LOOK} }} }} }} }}"
AUDIENCE = "query($subject: ID!, $at: Position) { audience(subject: $subject, afterPosition: $at)"
AUDIENCE += f" {{ edges {{ node {{ {LOOK} }} }} }} }}"
REFUSED = """query($person: ID, $subject: ID, $at: Position) {
  refusedAttempts(personId: $person, subject: $subject, afterPosition: $at) {
    edges { node { action target person { id } role rule reasons { code } } } } }"""


def nodes(answer: Json) -> list[Json]:
    (connection,) = answer.values()
    return [edge["node"] for edge in connection["edges"]]


def codes(answer: Json) -> list[str]:
    return [reason["code"] for reason in answer["reasons"]]


# -- before the first frame ------------------------------------------------------


def test_a_view_is_granted_with_its_grounds_on_the_record(watch_center: WatchCenter) -> None:
    deputy, feed, stated = watch_center.as_role("watch_operator"), camera(watch_center), grounds(watch_center)
    told = deputy.accepted(REQUEST, feed=feed, grounds=stated)
    requested, granted = watch_center.events(told["stream"])
    assert (requested["purpose"], requested["casenumber"]) == ("call_for_service", stated["callNumber"])
    assert requested["data"]["feed"] == granted["data"]["feed"] == feed
    assert requested["data"]["grounds"]["reason"]["subject"] == f"call-{stated['callNumber']}"
    assert requested["data"]["grounds"]["quality"] == {"score": 100, "vague": False, "flaws": [], "rules": 2}
    assert granted["decidedby"].startswith("watch-looks-live@")
    length = datetime.fromisoformat(granted["data"]["until"]) - datetime.fromisoformat(granted["data"]["granted_at"])
    assert length == timedelta(minutes=30)
    alive = pulse(deputy, told["id"])
    assert alive["open"] and alive["until"] == granted["data"]["until"].replace("Z", "+00:00")
    # Whoever reviews the access reads the reason, however it is kept in the event.
    query = "query($person: ID, $at: Position) { accessRecord(personId: $person, first: 1, afterPosition: $at)"
    query += " { edges { node { stream stated } } } }"
    (look,) = nodes(watch_center.as_role("auditor").ask(query, person=deputy.person, at=told["position"]))
    assert look == {"stream": told["stream"], "stated": [stated["reason"]]}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purpose": "immigration_enforcement"}, "purpose_prohibited"),
        ({"purpose": "face_recognition"}, "purpose_prohibited"),
        ({"callNumber": "26-nobody-called"}, "call_unknown"),
        ({"callNumber": None}, "call_or_case_missing"),
        ({"purpose": "training", "callNumber": None}, "authorisation_missing"),
    ],
)
def test_a_refused_view_is_on_the_record_with_its_reasons(watch_center: WatchCenter, changed: Json, code: str) -> None:
    deputy, feed = watch_center.as_role("watch_operator"), camera(watch_center)
    told = deputy.order(REQUEST, feed=feed, grounds=grounds(watch_center, **changed))
    assert told["__typename"] == "Refused" and codes(told) == [code]
    assert watch_center.events(told["stream"])[-1]["type"].endswith("live_view_refused.v1")
    found = nodes(watch_center.as_role("auditor").ask(REFUSED, subject=feed, at=told["position"]))
    assert [(row["action"], row["person"]["id"], codes(row)) for row in found] == [
        ("request_live_view", deputy.person, [code])
    ]


def test_a_camera_without_a_picture_grants_no_view(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    told = deputy.order(REQUEST, feed=camera(watch_center, online=False), grounds=grounds(watch_center))
    assert codes(told) == ["feed_offline"]
    told = deputy.order(REQUEST, feed="camera-nowhere", grounds=grounds(watch_center))
    assert codes(told) == ["feed_unknown"]


@pytest.mark.parametrize(
    ("feed", "changed", "field"),
    [
        ("zone-1", {}, "feed"),
        ("", {}, "feed"),
        ("camera-x\u0000y", {}, "feed"),
        ("camera-x", {"reason": " "}, "reason"),
        ("camera-x", {"purpose": "curiosity"}, "purpose"),
        ("camera-x", {"callNumber": "26 \u202e SECRET"}, "call"),
    ],
)
def test_a_view_that_cannot_be_is_a_mistake_with_its_field(
    watch_center: WatchCenter, feed: str, changed: Json, field: str
) -> None:
    stated = {"purpose": "call_for_service", "reason": "man with a knife", "caseNumber": "926-1", **changed}
    told = watch_center.as_role("watch_operator").order(REQUEST, feed=feed, grounds=stated)
    assert (told["__typename"], told["field"]) == ("Mistaken", field)


@pytest.mark.parametrize("role", ["administrator", "city_analyst", "auditor", "station_commander", "remote_pilot"])
def test_who_may_not_look_is_refused_and_on_the_record(watch_center: WatchCenter, role: str) -> None:
    asker, feed = watch_center.as_role(role), camera(watch_center)
    told = asker.order(REQUEST, feed=feed, grounds=grounds(watch_center))
    assert codes(told) == ["not_permitted"]
    found = nodes(watch_center.as_role("auditor").ask(REFUSED, subject=feed, at=told["position"]))
    assert [(row["action"], row["person"]["id"], row["role"]) for row in found] == [
        ("request_live_view", asker.person, role)
    ]


def test_how_good_a_reason_is_is_told_at_entry(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    query = "query($grounds: GroundsInput!) { reasonQuality(grounds: $grounds)"
    query += " { score vague advice { code message } } }"
    poor = deputy.ask(query, grounds={"purpose": "call_for_service", "reason": "investigation"})["reasonQuality"]
    assert poor["vague"] and {advice["code"] for advice in poor["advice"]} >= {"vague_words", "no_known_call"}
    good = deputy.ask(query, grounds=grounds(watch_center))["reasonQuality"]
    assert (good["score"], good["vague"]) == (100, False)


def test_repeated_boilerplate_is_found_among_the_persons_own_requests(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy, feed, stated = watch_center.asker(person), camera(watch_center), grounds(watch_center)
    for _ in range(2):
        watch_center.applied(deputy.accepted(REQUEST, feed=feed, grounds=stated)["position"])
    third = watch_center.events(deputy.accepted(REQUEST, feed=feed, grounds=stated)["stream"])[0]
    assert third["data"]["grounds"]["quality"]["flaws"] == ["boilerplate"]


# -- while it lasts --------------------------------------------------------------


def test_who_watches_asks_again_and_says_why(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    view = watching(watch_center, deputy)
    with beating(deputy, view):
        before = pulse(deputy, view)["until"]
        deputy.accepted("renewLiveView(view: $view, reason: $text)", view=view, text="he has gone round the corner")
        assert pulse(deputy, view)["until"] > before
        other = watch_center.as_role("watch_supervisor")
        told = other.order("renewLiveView(view: $view, reason: $text)", view=view, text="let me see too")
        assert codes(told) == ["not_your_view"]
        assert pulse(other, view) == {"open": False, "until": None, "reason": {"code": "not_your_view"}}
        assert codes(other.order("closeLiveView(view: $view)", view=view)) == ["not_permitted"]


def test_who_stops_watching_has_a_measured_view(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    view = watching(watch_center, deputy)
    told = deputy.accepted("closeLiveView(view: $view)", view=view)
    end = ended(watch_center, view)
    assert end is not None and end["data"]["why"] == "closed" and 0 <= end["data"]["watched_s"] < 60
    assert pulse(deputy, view)["reason"] == {"code": "view_ended"}
    (look,) = [row for row in nodes(deputy.ask(RECORD, at=told["position"])) if row["stream"] == told["stream"]]
    assert (look["state"], look["endReason"], look["seconds"]) == ("ended", "closed", end["data"]["watched_s"])


@pytest.mark.slow
@pytest.mark.rule("view.heartbeat")
def test_a_lost_heartbeat_ends_a_view_within_ten_seconds(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    silent, shown = watching(watch_center, deputy), watching(watch_center, deputy)
    with beating(deputy, shown):
        until(lambda: ended(watch_center, silent), what="the silent view has ended")
        assert ended(watch_center, shown) is None
    end = ended(watch_center, silent)
    assert end is not None and end["data"]["why"] == "lost"
    assert 10 <= end["data"]["watched_s"] < 15  # found by who looks each second, on a busy machine
    assert end["actorid"] == "service-reactor"


@pytest.mark.rule("view.ends_with_access")
def test_a_suspension_ends_open_views_within_five_seconds(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy, captain = watch_center.asker(person), watch_center.as_role("station_commander", step_up=True)
    view = watching(watch_center, deputy)
    captain.accepted("suspendPerson(personId: $person, reason: $text)", person=person, text="left the department")
    at = monotonic()
    until(lambda: ended(watch_center, view), what="the view has ended")
    assert monotonic() - at < 5
    end = ended(watch_center, view)
    assert end is not None and end["data"]["why"] == "revoked"
    suspended = watch_center.events(f"person-{person}")[-1]
    assert end["causationid"] == suspended["id"]


def test_a_sign_off_ends_the_views_of_that_session_alone(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    here, there = watch_center.asker(person), watch_center.asker(person)
    left, kept = watching(watch_center, here), watching(watch_center, there)
    with beating(there, kept):
        here.accepted("signOff")
        until(lambda: ended(watch_center, left), what="the view of the session has ended")
        assert pulse(there, kept)["open"]


# -- shared with an incident -----------------------------------------------------


def shared(center: WatchCenter, feed: str, call: str) -> None:
    center.as_role("watch_operator").accepted(
        "shareFeed(callNumber: $call, feed: $feed, reason: $text)", call=call, feed=feed, text="the roof, for engine 7"
    )


def asked_for(call: str) -> Grounds:
    return Grounds("call_for_service", "is the fire in the stairwell too", CallNumber(call))


@pytest.mark.rule("view.field")
def test_la_county_fire_sees_only_feeds_shared_with_an_open_incident(watch_center: WatchCenter) -> None:
    feed, other = camera(watch_center), camera(watch_center)
    update = call_update()
    call = str(update["call"])
    watch_center.dispatch(update)
    with in_person(watch_center, demonstration.person_of("field_responder")) as (responder, views):
        assert isinstance(views.request(responder, feed, asked_for(call)), Refused)
        shared(watch_center, feed, call)
        assert isinstance(views.request(responder, other, asked_for(call)), Refused)
        assert isinstance(views.request(responder, feed, asked_for(watch_center.call())), Refused)
        granted = views.request(responder, feed, asked_for(call))
        assert isinstance(granted, Accepted)
        requested = watch_center.events(granted.stream)[0]
        assert requested["data"]["shared_by_call"] == call and requested["actorrole"] == "field_responder"
        closing = {"update_number": 2, "disposition": "fire out", "closed_at": update["cad_time"]}
        watch_center.dispatch({**update, **closing})
        assert isinstance(views.request(responder, feed, asked_for(call)), Refused)
        refused = views.permit(responder, granted.key)
        assert isinstance(refused, Reason) and refused.code in ("no_longer_shared", "view_ended")
    until(lambda: ended(watch_center, granted.key), what="the closed call has ended the view")
    end = ended(watch_center, granted.key)
    assert end is not None and end["data"]["why"] == "revoked"


def test_a_feed_no_longer_shared_is_no_longer_seen(watch_center: WatchCenter) -> None:
    feed, call = camera(watch_center), watch_center.call()
    shared(watch_center, feed, call)
    with in_person(watch_center, demonstration.person_of("field_responder")) as (responder, views):
        granted = views.request(responder, feed, asked_for(call))
        assert isinstance(granted, Accepted)
        deputy = watch_center.as_role("watch_operator")
        deputy.accepted("stopSharingFeed(callNumber: $call, feed: $feed)", call=call, feed=feed)
        until(lambda: ended(watch_center, granted.key), what="the view has ended")


def test_nothing_is_shared_with_a_closed_call_nor_what_does_not_exist(watch_center: WatchCenter) -> None:
    deputy, feed = watch_center.as_role("watch_operator"), camera(watch_center)
    closed = watch_center.call(disposition="report taken")
    share = "shareFeed(callNumber: $call, feed: $feed, reason: $text)"
    told = deputy.order(share, call=closed, feed=feed, text="the roof, for engine 7")
    assert (told["code"], told["field"]) == ("wrong_state", "call")
    told = deputy.order(share, call=watch_center.call(), feed="camera-nowhere", text="the roof, for engine 7")
    assert told["field"] == "feed"


# -- drones ----------------------------------------------------------------------


def test_a_flight_is_seen_while_it_flies_by_the_watch_and_by_its_own_pilot(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked = watch_center.launch()
    flight = deputy.accepted("requestLaunch(input: $input)", input=asked)["id"]
    stated, feed = grounds(watch_center, callNumber=asked["callNumber"]), f"flight-{flight}"
    assert codes(deputy.order(REQUEST, feed=feed, grounds=stated)) == ["feed_offline"]
    pilot = watch_center.as_role("remote_pilot")
    assert codes(pilot.order(REQUEST, feed=feed, grounds=stated)) == ["not_permitted"]
    now = datetime.now(UTC)
    seen = Observation(AirPosition(34.0845, -118.3834, 95.0, 5.0), None, now)
    with wiring.handler(settings_as("saferweho_gateway", watch_center.environ)) as handler:
        gateway = service("service-drone-gateway")
        told = Flights(handler).record(gateway, flight, RecordLaunch(seen, now), uuid4())
        assert isinstance(told, Accepted), told
    for asker in (deputy, pilot):
        granted = watch_center.events(asker.accepted(REQUEST, feed=feed, grounds=stated)["stream"])[1]
        assert granted["data"]["feed"] == feed
    other = watch_center.asker(watch_center.enrolled("remote_pilot"))
    assert codes(other.order(REQUEST, feed=feed, grounds=stated)) == ["not_permitted"]


def flying(center: WatchCenter) -> tuple[str, str]:
    """A flight in the air and the call it is flown to."""
    asked = center.launch()
    flight = str(
        center.as_role("watch_operator", step_up=True).accepted("requestLaunch(input: $input)", input=asked)["id"]
    )
    now = datetime.now(UTC)
    noted(center, flight, RecordLaunch(Observation(AirPosition(34.0845, -118.3834, 95.0, 5.0), None, now), now))
    return flight, str(asked["callNumber"])


def noted(center: WatchCenter, flight: str, command: Observed) -> None:
    """What the gateway saw of a drone, on the record."""
    with wiring.handler(settings_as("saferweho_gateway", center.environ)) as handler:
        told = Flights(handler).record(service("service-drone-gateway"), flight, command, uuid4())
        assert isinstance(told, Accepted), told


def in_zone(key: str, rule: ZoneRule, override: str | None = None) -> RecordZoneEntry:
    seen = Observation(AirPosition(34.0915, -118.3512, 130.0, 40.0), None, datetime.now(UTC))
    return RecordZoneEntry(key, rule, override, seen)


def test_a_zone_that_forbids_viewing_ends_open_views_within_five_seconds(watch_center: WatchCenter) -> None:
    deputy, pilot = watch_center.as_role("watch_operator"), watch_center.as_role("remote_pilot")
    flight, call = flying(watch_center)
    feed, key = f"flight-{flight}", zone(watch_center).removeprefix("zone-")
    views = [watching(watch_center, asker, feed, callNumber=call) for asker in (deputy, pilot)]
    elsewhere = watching(watch_center, deputy)
    with beating(deputy, views[0], elsewhere), beating(pilot, views[1]):
        noted(watch_center, flight, in_zone(key, ZoneRule.NO_RECORD))
        noted(watch_center, flight, RecordZoneExit(key, in_zone(key, ZoneRule.NO_VIEW).seen))
        assert pulse(deputy, views[0])["open"], "a zone that forbids recording alone ends no view"
        noted(watch_center, flight, in_zone(key, ZoneRule.NO_VIEW))
        at = monotonic()
        for view in views:
            until(lambda view=view: ended(watch_center, view), 30, what="the view has ended")  # type: ignore[misc]
        assert monotonic() - at < 5
        entered = watch_center.events(feed)[-1]
        for view in views:
            end = ended(watch_center, view)
            assert end is not None and end["data"]["why"] == "privacy_zone"
            assert (end["causationid"], end["actorid"]) == (entered["id"], "service-reactor")
        assert pulse(deputy, elsewhere)["open"]
    told = deputy.order(REQUEST, feed=feed, grounds=grounds(watch_center, callNumber=call))
    assert codes(told) == ["in_privacy_zone"]
    noted(watch_center, flight, RecordZoneExit(key, in_zone(key, ZoneRule.NO_VIEW).seen))
    watching(watch_center, deputy, feed, callNumber=call)


def test_no_frame_leaves_from_inside_such_a_zone_even_before_the_view_has_ended(watch_center: WatchCenter) -> None:
    flight, call = flying(watch_center)
    key = zone(watch_center).removeprefix("zone-")
    with in_person(watch_center, demonstration.person_of("watch_operator")) as (deputy, views):
        stated = Grounds("call_for_service", "which way did he run from the bank", CallNumber(call))
        told = views.request(deputy, f"flight-{flight}", stated)
        assert isinstance(told, Accepted)
        assert isinstance(views.permit(deputy, told.key), Permit)
        noted(watch_center, flight, in_zone(key, ZoneRule.NO_VIEW))
        refused = views.permit(deputy, told.key)
        assert isinstance(refused, Reason) and refused.code in ("in_privacy_zone", "view_ended")


def test_an_active_override_of_the_zone_lets_the_watch_look_and_its_use_is_recorded(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    flight, call = flying(watch_center)
    feed, stream = f"flight-{flight}", zone(watch_center)
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    where = target(watch_center, stream, callNumber=call, flight=flight)
    override = str(
        sergeant.accepted("invokeEmergencyOverride(input: $target, threat: $text)", target=where, text=THREAT)["id"]
    )
    key = stream.removeprefix("zone-")
    noted(watch_center, flight, in_zone(key, ZoneRule.NO_VIEW, override))
    view = watching(watch_center, deputy, feed, callNumber=call)
    assert [e["type"].split(".")[-2] for e in watch_center.events(f"override-{override}")][-1] == "override_used"
    with beating(deputy, view):
        noted(watch_center, flight, in_zone(key, ZoneRule.NO_VIEW))  # the override has ended, the drone is still inside
        until(lambda: ended(watch_center, view), 30, what="the view has ended with the override")
    end = ended(watch_center, view)
    assert end is not None and end["data"]["why"] == "privacy_zone"


# -- afterwards ------------------------------------------------------------------


def test_everything_x_saw_and_everyone_who_saw_y(watch_center: WatchCenter) -> None:
    person, feed = watch_center.enrolled("watch_operator"), camera(watch_center)
    deputy, sergeant = watch_center.asker(person), watch_center.as_role("watch_supervisor")
    mine = watching(watch_center, deputy, feed)
    theirs = watching(watch_center, sergeant, feed)
    with beating(deputy, mine), beating(sergeant, theirs):
        at = watch_center.head()
        auditor = watch_center.as_role("auditor")
        assert [row["stream"] for row in nodes(auditor.ask(RECORD, person=person, at=at))] == [f"liveview-{mine}"]
        seen_by = nodes(auditor.ask(AUDIENCE, subject=feed, at=at))
        assert [row["stream"] for row in seen_by] == [f"liveview-{theirs}", f"liveview-{mine}"]
        assert seen_by[1]["person"] == {"id": person, "name": f"Dep. {person}"}
        assert {row["state"] for row in seen_by} == {"open"}
        counts = deputy.ask("query($at: Position) { watchers(afterPosition: $at) { feed watchers } }", at=at)[
            "watchers"
        ]
        assert {"feed": feed, "watchers": 2} in counts
        open_ = auditor.ask("query($feed: ID) { openViews(feed: $feed) { person { id } } }", feed=feed)["openViews"]
        assert [row["person"]["id"] for row in open_] == [person, sergeant.person]
        query = "query($id: ID) { cameras(id: $id) { edges { node { feed name watchers online } } } }"
        assert nodes(deputy.ask(query, id=feed.removeprefix("camera-"))) == [
            {"feed": feed, "name": "Plummer Park", "watchers": 2, "online": True}
        ]


def test_everybody_reads_their_own_access_and_oversight_reads_all(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    view = watching(watch_center, deputy)
    with beating(deputy, view):
        at = watch_center.head()
        assert [row["stream"] for row in nodes(deputy.ask(RECORD, at=at))] == [f"liveview-{view}"]
        own = deputy.ask("query($at: Position) { openViews(afterPosition: $at) { person { id } } }", at=at)["openViews"]
        assert [row["person"]["id"] for row in own] == [person]
        for query, asked in (
            (RECORD, {"person": "j.alvarez"}),
            (AUDIENCE, {"subject": "camera-x"}),
            (REFUSED, {"person": "x"}),
        ):
            assert deputy.code(query, **asked) == "not_permitted"


def test_pages_of_a_record_hold_every_look_once(watch_center: WatchCenter) -> None:
    deputy, feed, stated = (
        watch_center.asker(watch_center.enrolled("watch_operator")),
        camera(watch_center),
        grounds(watch_center),
    )
    made = [deputy.accepted(REQUEST, feed=feed, grounds=stated) for _ in range(5)]
    query = """query($after: String, $at: Position) { accessRecord(first: 2, after: $after, afterPosition: $at) {
      edges { node { stream } } pageInfo { hasNextPage endCursor } } }"""
    found: list[str] = []
    cursor = None
    while True:
        page = deputy.ask(query, after=cursor, at=made[-1]["position"])["accessRecord"]
        found += [edge["node"]["stream"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
    assert found == [told["stream"] for told in reversed(made)]
    assert deputy.code(query, after="nonsense") == "invalid_cursor"


def test_a_mask_needs_a_reason_and_corners_inside_the_picture(watch_center: WatchCenter) -> None:
    admin, feed = watch_center.as_role("administrator"), camera(watch_center, online=False)
    query = """mutation($camera: ID!, $outlines: [[CornerInput!]!]!) {
      maskCamera(camera: $camera, outlines: $outlines, reason: "windows of the flats") {
        __typename ... on Mistaken { field accepted } ... on Accepted { position } } }"""
    corners = [[{"x": 0.1, "y": 0.1}, {"x": 0.4, "y": 0.1}, {"x": 0.4, "y": 0.5}]]
    key = feed.removeprefix("camera-")
    assert admin.ask(query, camera=key, outlines=corners)["maskCamera"]["__typename"] == "Accepted"
    told = admin.ask(query, camera=key, outlines=[corners[0][:2]])["maskCamera"]
    assert (told["__typename"], told["field"]) == ("Mistaken", "outlines")


class Ahead:
    """A clock that stands at a time to come."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def test_a_view_that_nobody_renews_ends_by_itself_when_its_time_is_over(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    left, renewed = watching(watch_center, deputy), watching(watch_center, deputy)
    until_ = datetime.fromisoformat(watch_center.events(f"liveview-{left}")[1]["data"]["until"])
    with beating(deputy, left, renewed):
        with wiring.handler(settings_as("saferweho_api", watch_center.environ)) as handler:
            due = [deadlines.Due("live_view_expiry", f"liveview-{view}", until_) for view in (left, renewed)]
            act = deadlines.act_of("live_view_expiry")
            act(handler, due[0], deadlines.command_id(due[0]))
            assert ended(watch_center, left) is None, "not before its time"
            deputy.accepted("renewLiveView(view: $view, reason: $text)", view=renewed, text="he is still there")
            handler.clock = Ahead(until_)
            for each in due * 2:  # also when the scheduler starts again
                act(handler, each, uuid4())
        end = ended(watch_center, left)
        assert end is not None and end["data"]["why"] == "expired"
        assert end["data"]["watched_s"] == 1800.0 and end["actorid"] == "service-scheduler"
        assert ended(watch_center, renewed) is None
