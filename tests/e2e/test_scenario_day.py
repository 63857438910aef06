"""A day at the watch center, from the change of shift to what oversight found, under each of the two use policies.

Everybody acts through GraphQL with a token of their own, dispatch through its own interface; the drone speaks MAVLink.
At the end the audit trail answers for every step who, what, when, where, why and by which rule.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from api.cli import main
from api.processes import wiring
from domain.sampling import week_of
from infra.stack.kafka import EmbeddedKafka
from tests.adapters.drone_gateway.ground import DRONE
from tests.adapters.mavlink.conftest import Launch
from tests.api.looking import beating
from tests.api.test_incidents import timeline
from tests.api.watch_center import WEATHER, Json, WatchCenter, call_update, environment, until
from tests.conftest import url_of_database
from tests.e2e.watch_day import PATIENCE_S, Day, everything

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLES = Path(__file__).parents[2] / "docs" / "policies"
CITY, LASD = "city-record-all-keep-30-days", "lasd-record-on-approval-keep-2-years"
KEEP_DAYS = {CITY: 30, LASD: 730}
GARDEN, PARK = {"latitude": 34.0858, "longitude": -118.3834}, {"latitude": 34.0866, "longitude": -118.3834}
CORNERS = ((34.0918, -118.3516), (34.0918, -118.3507), (34.0912, -118.3507), (34.0912, -118.3516))
POOL = {"ceilingAglM": 60, "rule": "no_record"}
POOL["outline"] = [{"latitude": north, "longitude": east} for north, east in (*CORNERS, CORNERS[0])]  # type: ignore[assignment]
WARRANT = {"kind": "warrant", "number": "26-SW-0417", "issuer": "Superior Court of Los Angeles"}
DENIED = "session.attempt_refused"  # by a rule of who may what
JOB = "call_for_service"
LOOK = "requestLiveView(feed: $feed, grounds: $grounds)"
PLATE = "searchPlate(input: $plate, grounds: $grounds)"
OVERRIDE = "requestOverride(input: $target, legalBasis: $basis, reason: $text)"
REVIEW = 'reviewOverride(override: $override, verdict: "in_order", findings: $text)'
BREAK_GLASS = "invokeEmergencyOverride(input: $target, threat: $text)"


@pytest.fixture
def center(
    pg_admin_url: str, kafka: EmbeddedKafka, launch: Launch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WatchCenter]:
    name = f"day_{secrets.token_hex(6)}"
    with psycopg.connect(pg_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url, home = url_of_database(pg_admin_url, name), tmp_path_factory.mktemp("day")
    with everything(url, kafka.bootstrap, f"t{secrets.token_hex(6)}", home, launch) as made:
        yield made


@pytest.mark.parametrize("sample", [CITY, LASD])
def test_a_day_at_the_watch_center_and_what_the_record_says_of_it(
    center: WatchCenter, monkeypatch: pytest.MonkeyPatch, sample: str
) -> None:
    day = Day(center, policy=1)
    the_policy_of_the_day_is_in_force(day, sample)
    week, nonce = oversight_commits_to_a_nonce(day)

    garden = day.dispatch(call_update(call_type="prowler", place=GARDEN), "call.call_received")
    the_night_hands_over_to_the_day(day, garden)
    flight = a_drone_flies_to_the_call(day, garden)
    recording_follows_the_policy(day, flight, garden, sample)
    the_deputy_looks_live(day, flight, garden)
    park = the_drone_is_diverted(day, flight, sample)
    override, break_glass = protections_are_lifted(day, flight, park)
    the_drone_comes_home(day, flight, park)
    footage = footage_is_looked_at_and_held(day, flight, park, sample)
    vague = a_plate_is_searched_for(day, park)
    a_neighbour_complains(day, flight)
    the_calls_are_closed(day, garden, park)

    time_passes(day, monkeypatch, days=1)
    oversight_reviews_the_override(day, override, park)
    time_passes(day, monkeypatch, days=7)
    oversight_draws_its_sample_and_finds_something(day, week, nonce, vague)
    a_break_glass_that_nobody_reviewed_is_shown_overdue(day, break_glass, park)

    wrong = [each for step in day.steps for each in day.wrong_about(step)]
    assert not wrong, "\n".join(wrong)
    nothing_else_is_without_an_answer(day)
    each_incident_is_one_timeline(day, garden, park, flight, footage)
    store_log_and_read_models_say_the_same(center)


# -- the morning -------------------------------------------------------------------


def the_policy_of_the_day_is_in_force(day: Day, sample: str) -> None:
    """The city's was adopted on the first day. Another one is drafted out of its file by IT, adopted by the captain."""
    asked = json.loads((SAMPLES / f"{sample}.json").read_text())
    if sample != CITY:
        draft = "draftPolicy(parameters: $parameters, summary: $text, amends: 1)"
        by_it = ("policy.policy_drafted", "administrators-draft-policy")
        drafted = day.done("administrator", draft, *by_it, parameters=asked["parameters"], text=asked["summary"])
        history = "query($at: Position) { policyHistory(afterPosition: $at) { version parametersSha256 cedarSetHash"
        history += " differences { parameter before after } } }"
        newest = day.of("station_commander").ask(history, at=drafted["position"])["policyHistory"][0]
        changed = {d["parameter"]: (d["before"], d["after"]) for d in newest["differences"]}
        assert changed["recording_default"] == ('"all_missions"', '"not_by_default"')
        adopt = "adoptPolicy(version: $version, parametersSha256: $text, cedarSetSha256: $name)"
        hashes = {"text": newest["parametersSha256"], "name": newest["cedarSetHash"]}
        by_captain = ("policy.policy_amended", "commanders-adopt-policy")
        day.refused("administrator", adopt, DENIED, "nobody-approves-own-request", "not_permitted", version=2, **hashes)
        day.done("station_commander", adopt, *by_captain, version=2, **hashes)
        day.policy = 2
    now = day.of("watch_operator").ask("{ usePolicy { version } policyHistory { version state parameters } }")
    assert now["usePolicy"]["version"] == day.policy
    (binding,) = [version for version in now["policyHistory"] if version["state"] == "in_force"]
    assert binding["parameters"] == asked["parameters"]


def oversight_commits_to_a_nonce(day: Day) -> tuple[str, str]:
    """Before the week is over, and without telling it."""
    # An hour from now the day's part by the real clock is over: what is looked at in it is before the end of this week,
    # also where the day begins on a Sunday just before midnight. Eight days later that week is over.
    week, nonce = week_of(datetime.now(UTC) + timedelta(hours=1)), secrets.token_bytes(32)
    commit = "commitAuditSeed(week: $week, nonceSha256: $text)"
    digest = hashlib.sha256(nonce).hexdigest()
    day.done("auditor", commit, "review.audit_seed_committed", "auditors-oversee", week=week, text=digest)
    return week, nonce.hex()


def the_night_hands_over_to_the_day(day: Day, call: str) -> None:
    """With what is open. Who comes on is the deputy; who goes off is the sergeant of the night."""
    day.center.applied(day.center.head())
    deputy = day.of("watch_operator").person
    hand_over = 'handOverShift(to: $person, note: "a prowler, units are on their way")'
    rule, about = "the-watch-is-handed-over-by-the-watch", (None, call)
    told = day.done("watch_supervisor", hand_over, "shift.shift_handed_over", rule, about, person=deputy)
    query = """query($at: Position) { handovers(afterPosition: $at) {
      edges { node { handedTo openItems { edges { node { kind id } } } } } } }"""
    (handover,) = day.of("watch_operator").ask(query, at=told["position"])["handovers"]["edges"]
    items = [edge["node"] for edge in handover["node"]["openItems"]["edges"]]
    assert (handover["node"]["handedTo"], items) == (deputy, [{"kind": "call", "id": f"call-{call}"}])


# -- a call, and a launch ------------------------------------------------------------


def a_drone_flies_to_the_call(day: Day, call: str) -> str:
    ready = "readyDrone(droneId: $drone, batteryPercent: 96)"
    day.done("remote_pilot", ready, "drone.drone_readied", "pilots-look-after-drones", drone=DRONE)
    request = "requestLaunch(input: $input)"
    form = {
        "drone": DRONE,
        "purpose": JOB,
        "destination": GARDEN,
        "reason": "somebody on the roof with a crowbar: see before units arrive",
        "pilot": day.of("remote_pilot").person,
        "conditions": WEATHER,
        "cruiseAglM": 20.0,
        "callNumber": call,
    }
    why = (JOB, call)
    refused, rule = "flight.launch_refused", "watch-requests-launches"
    against = {**form, "purpose": "identify_demonstrators"}
    prohibited = ("identify_demonstrators", call)
    day.refused("watch_operator", request, refused, rule, "purpose_prohibited", prohibited, input=against)
    flight = str(day.done("watch_operator", request, "flight.launch_authorised", rule, why, input=form)["id"])
    take_off = "launchDrone(flight: $flight)"
    day.refused("watch_operator", take_off, DENIED, "default-deny", "not_permitted", why, flight=flight)
    day.done("remote_pilot", take_off, "flight.launch_ordered", "pilots-launch", why, flight=flight)
    day.seen(flight, "flight.drone_launched", why)
    day.seen(flight, "flight.arrived_on_scene", why)
    return flight


def recording_follows_the_policy(day: Day, flight: str, call: str, sample: str) -> None:
    """The city records every mission from its arrival. LASD does not, until who may approves it."""
    if sample == CITY:
        day.seen(flight, "flight.recording_started", (JOB, call))
        return
    assert day.found(f"flight-{flight}", "flight.recording_started") == []
    start, rule, why = "startRecording(flight: $flight, reason: $text)", "watch-asks-to-record", (JOB, call)
    said = {"flight": flight, "text": "he forces the skylight: evidence of a burglary"}
    day.refused("watch_operator", start, "flight.recording_refused", rule, "role_cannot_authorise", why, **said)
    day.done("watch_supervisor", start, "flight.recording_started", rule, why, **said)


def the_deputy_looks_live(day: Day, flight: str, call: str) -> None:
    """Refused without a call that dispatch knows, granted with one, renewed with a reason of its own, closed."""
    feed, rule = f"flight-{flight}", "watch-looks-live"
    grounds: Json = {"purpose": JOB, "reason": "man on the roof with a crowbar", "callNumber": "26-nobody-called"}
    unknown = (JOB, "26-nobody-called")
    day.refused(
        "watch_operator", LOOK, "liveview.live_view_refused", rule, "call_unknown", unknown, feed=feed, grounds=grounds
    )
    grounds, why = {**grounds, "callNumber": call}, (JOB, call)
    day.refused(
        "administrator",
        LOOK,
        DENIED,
        "some-never-see-video",
        "not_permitted",
        why,
        feed=feed,
        grounds=grounds,
    )
    view = day.done("watch_operator", LOOK, "liveview.live_view_granted", rule, why, feed=feed, grounds=grounds)["id"]
    with beating(day.of("watch_operator"), view):
        opened = "query { openViews { id feed person { id } } }"
        until(lambda: day.of("auditor").ask(opened)["openViews"], PATIENCE_S, what="oversight sees who watches now")
        renew, text = "renewLiveView(view: $view, reason: $text)", "he has gone round the chimney"
        day.done("watch_operator", renew, "liveview.live_view_renewed", rule, why, view=view, text=text)
        close, own = "closeLiveView(view: $view)", "everyone-stops-own-view"
        day.done("watch_operator", close, "liveview.live_view_ended", own, why, view=view)


def the_drone_is_diverted(day: Day, flight: str, sample: str) -> str:
    """To another call, for which the sergeant answers anew."""
    update = call_update(call_type="battery_in_progress", priority=1, place=PARK)
    call = day.dispatch(update, "call.call_received")
    job = {"purpose": JOB, "destination": PARK, "reason": "two men fighting, nearer than any unit", "aglM": 20.0}
    divert, why = "repurposeFlight(flight: $flight, input: $job)", (JOB, call)
    asked: Json = {"flight": flight, "job": {**job, "callNumber": call}}
    day.refused("remote_pilot", divert, DENIED, "default-deny", "not_permitted", why, **asked)
    day.done("watch_supervisor", divert, "flight.flight_repurposed", "supervisors-repurpose", why, **asked)
    day.seen(flight, "flight.arrived_on_scene", why, times=2)
    if sample == CITY:
        day.seen(flight, "flight.recording_started", why, times=2)
    return call


# -- protections lifted --------------------------------------------------------------


def protections_are_lifted(day: Day, flight: str, call: str) -> tuple[str, str]:
    """An override that a second person approves, and one in an emergency that is answered for afterwards."""
    draw = "drawPrivacyZone(zone: $zone, name: $name, shape: $shape, reason: $text)"
    zone = {"zone": "pool", "name": "Pool", "shape": POOL, "text": "people swim here"}
    stream = day.done("station_commander", draw, "zone.privacy_zone_drawn", "zones-are-drawn", **zone)["stream"]
    now, why = datetime.now(UTC), (JOB, call)
    span = {"since": now.isoformat(), "until": (now + timedelta(hours=1)).isoformat()}
    target: Json = {"target": stream, "flight": flight, "purpose": JOB, "callNumber": call, **span}
    asked = {"target": target, "basis": WARRANT, "text": "the suspect hides at the pool"}
    requested = ("override.override_requested", "watch-requests-overrides")
    override = day.done("watch_supervisor", OVERRIDE, *requested, why, **asked)["id"]
    approve = "approveOverride(override: $override)"
    four_eyes = (DENIED, "nobody-approves-own-request", "not_permitted")
    day.refused("watch_supervisor", approve, *four_eyes, why, override=override)
    mine = day.done("watch_operator", OVERRIDE, *requested, why, **asked)["id"]
    approved = ("override.override_approved", "supervisors-decide-overrides")
    day.done("watch_supervisor", approve, *approved, why, override=mine)
    invoked = ("override.emergency_override_invoked", "watch-breaks-glass")
    glass = day.done("watch_operator", BREAK_GLASS, *invoked, why, target=target, text="a child is in the water")["id"]
    justify = "justifyOverride(override: $override, justification: $text, legalBasis: $basis)"
    exigency = {"kind": "exigency"}
    said = {"override": glass, "text": "the child was drowning, nobody else could see it", "basis": exigency}
    day.done("watch_operator", justify, "override.override_justified", "watch-breaks-glass", why, **said)
    return str(mine), str(glass)


# -- home, and afterwards --------------------------------------------------------------


def the_drone_comes_home(day: Day, flight: str, call: str) -> None:
    why = (JOB, call)
    home = 'returnDrone(flight: $flight, reason: "both are in custody")'
    day.done("remote_pilot", home, "flight.return_ordered", "safety-first", why, flight=flight)
    day.seen(flight, "flight.drone_landed", why)
    outcome, told = "recordOutcome(flight: $flight, input: $outcome)", {"outcomes": ["arrest_assisted"]}
    rule = "watch-records-outcomes"
    day.done("watch_operator", outcome, "flight.outcome_recorded", rule, why, flight=flight, outcome=told)


def footage_is_looked_at_and_held(day: Day, flight: str, call: str, sample: str) -> str:
    """Kept as long as the policy says, and beyond it under a legal hold."""
    footage = day.footage(f"flight-{flight}")
    look, rule = "requestViewing(footage: $footage, grounds: $grounds)", "watch-looks-at-footage"
    grounds = {"purpose": JOB, "reason": "who struck first, for the report", "callNumber": call}
    prohibited = {**grounds, "purpose": "face_recognition"}
    no = ("viewing.viewing_refused", rule, "purpose_prohibited", ("face_recognition", call))
    day.refused("watch_operator", look, *no, footage=footage, grounds=prohibited)
    granted, why = "viewing.viewing_granted", (JOB, call)
    seen = day.done("watch_operator", look, granted, rule, why, footage=footage, grounds=grounds)
    own = "everyone-stops-own-view"
    day.done("watch_operator", "closeViewing(viewing: $viewing)", "viewing.viewing_ended", own, why, viewing=seen["id"])
    days, held = _kept(day, footage, day.center.head())
    assert (days, held) == (KEEP_DAYS[sample], 0)
    hold = 'placeLegalHold(footage: $footage, hold: "trial", legalBasis: $basis, reason: $text, verifyAgainOn: $date)'
    until_then = str((datetime.now(UTC) + timedelta(days=90)).date())
    said = {"footage": footage, "basis": WARRANT, "text": "evidence in the assault", "date": until_then}
    told = day.done("watch_supervisor", hold, "footage.legal_hold_placed", "supervisors-hold-footage", **said)
    assert _kept(day, footage, told["position"]) == (None, 1)
    return footage


def _kept(day: Day, footage: str, at: int) -> tuple[int | None, int]:
    """For how many days it is kept by the policy, and how many holds are on it."""
    query = 'query($id: ID!, $at: Position) { retainedFootage(which: "kept", id: $id, afterPosition: $at)'
    query += " { edges { node { dueAt until holds } } } }"
    (edge,) = day.of("auditor").ask(query, id=footage, at=at)["retainedFootage"]["edges"]
    row = edge["node"]
    if row["dueAt"] is None:
        return None, row["holds"]
    return (datetime.fromisoformat(row["dueAt"]) - datetime.fromisoformat(row["until"])).days, row["holds"]


def a_plate_is_searched_for(day: Day, call: str) -> int:
    """First with a reason that tells nobody anything: it is counted, and oversight will see it. Its position."""
    now = datetime.now(UTC)
    span = {"seenFrom": (now - timedelta(hours=1)).isoformat(), "seenUntil": now.isoformat()}
    query, rule, why = {**span, "plate": "8ABC123"}, "watch-searches-plates-and-checks-hits", (JOB, call)
    grounds = {"purpose": JOB, "reason": "investigation", "callNumber": call}
    what = "platesearch.plate_searched"
    found = day.done("watch_operator", PLATE, what, rule, why, plate=query, grounds=grounds)
    assert [sighting["plate"] for sighting in found["sightings"]] == ["8ABC123"]
    return int(day.found(found["stream"], what, found["position"])[0]["position"])


def a_neighbour_complains(day: Day, flight: str) -> None:
    """At the desk of the city; the captain looks into it and answers."""
    receive = 'receiveFeedback(topic: "drone", said: $text, receivedAt: $moment, wantsAnswer: true, contact: $name)'
    said = {"text": "It hung over my garden for ten minutes.", "moment": datetime.now(UTC).isoformat()}
    said["name"] = "ana@mail.example"
    received = ("complaint.feedback_received", "feedback-is-taken-in")
    complaint = day.done("city_analyst", receive, *received, **said)["id"]
    about = 'openComplaint(complaint: $complaint, topic: "drone", about: $subject)'
    opened = ("complaint.complaint_opened", "city-and-oversight-open-complaints")
    day.done("city_analyst", about, *opened, complaint=complaint, subject=f"flight-{flight}")
    assign, captain = "assignComplaint(complaint: $complaint, personId: $person)", day.of("station_commander").person
    assigned = ("complaint.complaint_assigned", "complaints-are-assigned")
    day.done("city_analyst", assign, *assigned, complaint=complaint, person=captain)
    answer = 'resolveComplaint(complaint: $complaint, resolution: "exonerated", answer: $text)'
    resolved = ("complaint.complaint_resolved", "complaints-are-read-and-answered")
    text = "It watched a man on the next roof, and recorded him alone."
    day.done("station_commander", answer, *resolved, complaint=complaint, text=text)


def the_calls_are_closed(day: Day, *calls: str) -> None:
    for call in calls:
        closed = {"closed_at": datetime.now(UTC).isoformat(), "disposition": "report_taken"}
        day.dispatch(call_update(call=call, update_number=2, **closed), "call.call_closed")


# -- the days after --------------------------------------------------------------------


def time_passes(day: Day, monkeypatch: pytest.MonkeyPatch, *, days: int) -> None:
    """For every process but the gateway, whose drone stands in its dock: their clocks go on by so many days, and
    everybody signs on anew."""
    day.ahead += timedelta(days=days)
    monkeypatch.setattr(wiring.SystemClock, "now", lambda _: datetime.now(UTC) + day.ahead)


def oversight_reviews_the_override(day: Day, override: str, call: str) -> None:
    """The next day, once it has ended by itself, and well within 72 hours."""
    until(lambda: _override(day, override)["state"] == "expired", PATIENCE_S, what="the override has ended by itself")
    reviewed, rule = "override.override_reviewed", "auditors-review-overrides"
    day.done("auditor", REVIEW, reviewed, rule, (JOB, call), override=override, text="a warrant, and it was needed")


def oversight_draws_its_sample_and_finds_something(day: Day, week: str, nonce: str, vague: int) -> None:
    draw = "drawAuditSample(week: $week, nonce: $text)"
    day.of("auditor").ask("{ viewer { id } }")  # the new week is on the record by this sign-on
    told = day.done("auditor", draw, "review.audit_sample_drawn", "auditors-oversee", week=week, text=nonce)
    samples = "query($week: String!, $at: Position) { auditSamples(week: $week, afterPosition: $at)"
    samples += " { samples { id nonce accesses { position person { id } } } } }"
    (sample,) = day.of("auditor").ask(samples, week=week, at=told["position"])["auditSamples"]["samples"]
    deputy = day.of("watch_operator").person
    assert sample["nonce"] == nonce and {a["person"]["id"] for a in sample["accesses"]} == {deputy}
    assert vague in {access["position"] for access in sample["accesses"]}
    review = 'reviewAccess(review: $review, position: $position, verdict: "improper", note: $text)'
    of = {"review": sample["id"], "position": vague}
    reviewed = ("review.access_reviewed", "auditors-oversee")
    day.done("auditor", review, *reviewed, **of, text="'investigation' tells nobody why")
    find = "recordFinding(input: $finding)"
    finding = {"kind": "vague_reason", "shortcoming": "a plate was searched for with a reason that says nothing", **of}
    found = ("review.finding_recorded", "auditors-oversee")
    day.done("auditor", find, *found, finding=finding)
    act = "takeCorrectiveAction(review: $review, finding: $number, measure: $text)"
    text = "the deputy was shown what a reason is, and takes the course again"
    acted = ("review.corrective_action_taken", "captains-act-on-findings")
    day.done("station_commander", act, *acted, review=sample["id"], number=1, text=text)


def a_break_glass_that_nobody_reviewed_is_shown_overdue(day: Day, override: str, call: str) -> None:
    """Oversight's delays are as plain as everybody's."""
    found = _override(day, override)
    assert (found["state"], found["emergency"], found["reviewOverdue"]) == ("expired", True, True)
    reviewed, rule = "override.override_reviewed", "auditors-review-overrides"
    day.done("auditor", REVIEW, reviewed, rule, (JOB, call), override=override, text="a life was at risk; we were late")


def _override(day: Day, override: str) -> Json:
    query = "query($id: ID!) { override(id: $id) { state emergency reviewOverdue } }"
    found: Json = day.of("auditor").ask(query, id=override)["override"]
    return found


# -- what the record says ------------------------------------------------------------------


def nothing_else_is_without_an_answer(day: Day) -> None:
    """Also of what the story does not tell: no position is missing from the trail, and each event says who did what,
    why it was refused where it was; and where a person acted, from where, in which role and by which rule."""
    rows = list(day.everything_on_record())
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert row["actor"]["id"] and row["summary"] and row["stream"], row
        assert (row["outcome"] == "refused") == bool(row["reasons"]), row
        if row["sessionId"]:
            assert row["sourceAddress"] and row["actor"]["name"] and row["organisation"] and row["role"], row
            of_own_session = row["stream"] == f"session-{row['sessionId']}"
            assert of_own_session or (row["policyVersion"] and row["decidedBy"]), row


def each_incident_is_one_timeline(day: Day, garden: str, park: str, flight: str, footage: str) -> None:
    """The same flight is in both, each with its own part; what was done about footage and plates where it belongs."""
    first = timeline(day.of("auditor"), call=garden, at=day.center.head())
    then = timeline(day.of("auditor"), call=park, at=day.center.head())
    flown = [{row["type"] for row in told if row["stream"] == f"flight-{flight}"} for told in (first, then)]
    assert "flight.launch_authorised" in flown[0] - flown[1]
    assert {"flight.flight_repurposed", "flight.drone_landed", "flight.outcome_recorded"} <= flown[1] - flown[0]
    for told in (first, then):
        positions = [row["position"] for row in told]
        assert positions == sorted(set(positions))
        assert any(row["type"] == "flight.arrived_on_scene" and row["place"] for row in told)
    assert {"call", "drone", "live_view"} <= {row["kind"] for row in first}
    assert {"call", "drone", "footage", "plates", "override"} <= {row["kind"] for row in then}
    assert {"liveview.live_view_renewed", DENIED} <= {row["type"] for row in first}
    assert {"footage.legal_hold_placed", "override.emergency_override_invoked"} <= {row["type"] for row in then}
    assert f"footage-{footage}" in {row["stream"] for row in then}


def store_log_and_read_models_say_the_same(center: WatchCenter) -> None:
    center.applied(center.head())
    with environment(center.environ):
        told = CliRunner().invoke(main, ["reconcile", "--json"])
    report = json.loads(told.stdout)
    assert told.exit_code == 0 and report["agree"] is True, report
    assert report["store"]["events"] == report["kafka"]["records"] == report["store"]["position"]
