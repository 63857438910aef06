"""No promise that cannot be broken: the bookkeeping of `everybody/` objects to each bad history, and to no good one.

Every case begins with a history that is in order, and tells it with one thing changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.application.everybody.deadlines import CLEARS, SETS
from tests.application.everybody.promises import Promises
from tests.application.everybody.said import Broken, Said

NOON = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
MINUTE = timedelta(minutes=1)
HOURS, DAYS = 60, 24 * 60  # in minutes
ROLES = {
    "ann": "administrator",
    "cai": "station_commander",
    "dee": "watch_operator",
    "sam": "watch_supervisor",
    "sue": "watch_supervisor",
    "pia": "remote_pilot",
    "fin": "field_responder",
    "aud": "auditor",
    "ada": "auditor",
    "abe": "ambassador",
    "cal": "city_analyst",
    "gateway": "service",
}


def at(minute: float) -> str:
    return (NOON + minute * MINUTE).isoformat()


@dataclass(frozen=True, slots=True)
class Event:
    """`minute`: after noon; `under`: the purpose in the envelope."""

    kind: str
    stream: str
    by: str
    minute: float
    data: dict[str, Any]
    under: str = "call_for_service"
    policy: int = 1

    def but(self, **data: Any) -> Event:
        return replace(self, data={**self.data, **data})


def ev(kind: str, stream: str, by: str = "dee", minute: float = 0, /, **data: Any) -> Event:
    return Event(kind, stream, by, minute, data)


PARAMETERS: dict[str, Any] = {
    "required_courses": ["use"],
    "purposes": [
        {"code": "call_for_service", "basis": "call_or_case", "authorised_by": []},
        {"code": "tactical_operation", "basis": "call_or_case", "authorised_by": ["station_commander"]},
        {"code": "training", "basis": "named_authorisation", "authorised_by": []},
    ],
    "prohibited": ["face_recognition"],
    "retention": [{"category": "routine", "days": 30}, {"category": "evidence", "days": 730}],
    "recording_default": "all_missions",
    "max_agl_m": 120.0,
}
FOUNDED = [
    ev("policy.policy_drafted", "policy-use", "", version=1, parameters=PARAMETERS),
    ev("policy.policy_adopted", "policy-use", "", version=1, in_force_from=at(0)),
]
for _who, _role in ROLES.items():
    FOUNDED += [
        ev("person.enrolled", f"person-{_who}", "", organisation="lasd"),
        ev("person.role_assigned", f"person-{_who}", "", role=_role),
        ev("person.training_completed", f"person-{_who}", "", course="use", expires_on="2027-06-01"),
        ev("session.signed_on", f"session-{_who}", _who, person=_who, ends_at=at(8 * HOURS)),
    ]
FOUNDED += [
    ev("person.certificate_recorded", "person-pia", "", kind="part_107", expires_on="2026-12-01"),
    ev("drone.drone_registered", "drone-d", "ann"),
    ev("drone.drone_readied", "drone-d", "pia"),
    ev("call.call_received", "call-7", "gateway"),
]


def told(*events: Event) -> Promises:
    """What the promises make of a history. Raises Broken."""
    promises = Promises()
    for position, happened in enumerate([*FOUNDED, *events], 1):
        moment, role = NOON + happened.minute * MINUTE, ROLES.get(happened.by, "")
        promises.take(
            Said(
                position,
                happened.stream,
                happened.kind,
                moment,
                happened.data,
                happened.by,
                role,
                happened.under,
                happened.policy,
            )
        )
        promises.flying.settled()
    return promises


def now(minute: float) -> datetime:
    return NOON + minute * MINUTE


GROUNDS = {"purpose": "call_for_service"}
RANGE = {"since": at(-60), "until": at(-30)}

# -- histories that are in order -------------------------------------------------------------------------------------

ASKED = ev("liveview.live_view_requested", "liveview-v", feed="camera-c", person="dee", session="dee", grounds=GROUNDS)
ASKED = ASKED.but(shared_by_call=None)
GRANTED = ev("liveview.live_view_granted", "liveview-v", person="dee", until=at(30))
ENDED = ev("liveview.live_view_ended", "liveview-v", "dee", 5, ended_at=at(5))
WATCHED = [ASKED, GRANTED, ENDED]

LIFT_ASKED = ev(
    "override.override_requested",
    "override-o",
    target="footage-f",
    flight=None,
    range=RANGE,
    requested_by="dee",
    awaits_until=at(15),
    purpose="call_for_service",
)
LIFTED = ev(
    "override.override_approved", "override-o", "sam", 1, approved_by="sam", expires_at=at(31), review_by=at(3 * DAYS)
)
VIEW_ASKED = ev("viewing.viewing_requested", "viewing-w", footage="f", person="dee", session="dee", grounds=GROUNDS)
VIEW_GRANTED = ev("viewing.viewing_granted", "viewing-w", person="dee", until=at(60))
RESERVED = ev(
    "viewing.segments_reserved",
    "viewing-w",
    "dee",
    2,
    footage="f",
    person="dee",
    range=RANGE,
    masked=False,
    override="override-o",
)
LIFT_OVER = ev("override.override_expired", "override-o", "gateway", 31)
REVIEWED = ev("override.override_reviewed", "override-o", "aud", 40, reviewed_by="aud", late=False)
UNMASKED = [VIEW_ASKED, VIEW_GRANTED, LIFT_ASKED, LIFTED, RESERVED, LIFT_OVER, REVIEWED]

GLASS = ev(
    "override.emergency_override_invoked",
    "override-g",
    target="footage-f",
    flight=None,
    range=RANGE,
    invoked_by="dee",
    expires_at=at(60),
    justify_by=at(DAYS),
    review_by=at(3 * DAYS),
    purpose="call_for_service",
)
JUSTIFIED = ev("override.override_justified", "override-g", "dee", 90, justified_by="dee", late=False)

KEPT = ev("footage.footage_recorded", "footage-f", "gateway", range=RANGE, category="routine")
HELD = ev("footage.legal_hold_placed", "footage-f", "sam", hold="a", verify_again_on="2026-07-01")
RELEASED = ev("footage.legal_hold_released", "footage-f", "sam", hold="a")
DESTROYED = ev("footage.footage_destroyed", "footage-f", "cai", 30 * DAYS, unrecoverable_after=at(60 * DAYS))
GONE = [KEPT, HELD, RELEASED, DESTROYED]
LONGER_ASKED = ev("footage.extension_requested", "footage-f", "sam", requested_by="sam")
LONGER = ev(
    "footage.retention_extended", "footage-f", "cai", requested_by="sam", approved_by="cai", keep_until=at(90 * DAYS)
)
FILE_ASKED = ev(
    "export.export_requested", "export-x", footage="f", person="dee", range=RANGE, override=None, grounds=GROUNDS
)
FILE_APPROVED = ev("export.export_approved", "export-x", "sam", 1, approved_by="sam")
FILE_MADE = ev("export.footage_exported", "export-x", "gateway", 2, masked=True, file_sha256="f" * 64)
FILE_OUT = ev("export.export_downloaded", "export-x", "dee", 3, file_sha256="f" * 64)
FILE = [KEPT, FILE_ASKED, FILE_APPROVED, FILE_MADE]
UNMASKED_FILE = [
    KEPT,
    LIFT_ASKED,
    LIFTED,
    FILE_ASKED.but(override="override-o"),
    FILE_APPROVED,
    FILE_MADE.but(masked=False),
]

GO = {"go": "go"}
FLIGHT_ASKED = ev(
    "flight.launch_requested",
    "flight-a",
    drone="d",
    purpose="call_for_service",
    call="7",
    case=None,
    authorisation=None,
    pilot="pia",
    cruise_agl_m=60.0,
    airspace={"expires_on": "2026-12-01"},
    separation={"by": "R. Ono"},
    conditions={"weather": GO},
    accepted_unknowns=[],
    requested_by="dee",
    awaits_until=at(10),
)
AUTHORISED = ev("flight.launch_authorised", "flight-a", "dee", authorised_by=None, expires_at=at(10))
GIVEN = ev("drone.drone_assigned", "drone-d", "dee", flight="a")
ORDERED = ev("flight.launch_ordered", "flight-a", "pia", 1, ordered_by="pia", drone="d")
LAUNCHED = ev("flight.drone_launched", "flight-a", "gateway", 1, drone="d", authorised=True, observed_at=at(1))
ARRIVED = ev("flight.arrived_on_scene", "flight-a", "gateway", 2)
RECORDS = ev("flight.recording_started", "flight-a", "gateway", 2, started_by=None, reason=None)
ENTERED = ev("flight.privacy_zone_entered", "flight-a", "gateway", 3, zone="z", rule="no_record", override=None)
STOPPED = ev("flight.recording_stopped", "flight-a", "gateway", 3, reason="privacy_zone")
LEFT = ev("flight.privacy_zone_left", "flight-a", "gateway", 4, zone="z")
HOME = ev("flight.return_ordered", "flight-a", "pia", 5, ordered_at=at(5), outcome="accepted")
LANDED = ev("flight.drone_landed", "flight-a", "gateway", 8)
UP = [FLIGHT_ASKED, AUTHORISED, GIVEN, ORDERED, LAUNCHED]
# Entry and stop are one append: what is settled after it is that nothing is recorded in a zone.
NOT_RECORDING_IN = [*UP, ARRIVED, RECORDS, STOPPED, ENTERED, LEFT, HOME, LANDED]
ZONE_LIFT = replace(LIFT_ASKED, stream="override-z").but(
    target="zone-z", flight="a", range={"since": at(0), "until": at(60)}
)
ZONE_LIFTED = [ZONE_LIFT, replace(LIFTED, stream="override-z")]
OVER_A_LIFTED_ZONE = [*ZONE_LIFTED, *UP, ARRIVED, RECORDS, ENTERED.but(override="z"), LEFT]
JOB = ev(
    "flight.flight_repurposed",
    "flight-a",
    "sam",
    4,
    purpose="call_for_service",
    call="7",
    case=None,
    authorisation=None,
    authorised_by=None,
    airspace={"expires_on": "2026-12-01"},
)
TACTICAL = [FLIGHT_ASKED.but(purpose="tactical_operation"), AUTHORISED.but(authorised_by="cai")]
TACTICAL = [TACTICAL[0], replace(TACTICAL[1], by="cai", under="tactical_operation")]

HIT = ev("platesearch.hot_list_hit_received", "platesearch-h", "gateway")
CONFIRMED = ev("platesearch.hit_confirmed", "platesearch-h", "dee", 1)
SEARCHED = ev(
    "platesearch.plate_searched",
    "platesearch-s",
    "dee",
    2,
    access={"accessed_at": at(2), "plate": {"subject": "plate-1"}, "other": None, "organisation": "lasd"},
    grounds=GROUNDS,
    hit="h",
)
SEARCHED = SEARCHED.but(access={**SEARCHED.data["access"], "username": "dee"})
FOUND = ev("platesearch.search_answered", "platesearch-s", "dee", 2)
PLATES = [HIT, CONFIRMED, SEARCHED, FOUND]
TOLD_ASKED = ev(
    "disclosure.disclosure_requested",
    "disclosure-q",
    what="platesearch-h",
    recipient="Beverly Hills PD",
    legal_basis={"kind": "warrant"},
    person="dee",
    grounds=GROUNDS,
)
TOLD = ev("disclosure.disclosure_made", "disclosure-q", "sam", 3, what="platesearch-h", made_by="sam")
TOLD_REVIEWED = ev("disclosure.disclosure_reviewed", "disclosure-q", "aud", 4, reviewed_by="aud")
DISCLOSED = [HIT, CONFIRMED, TOLD_ASKED, TOLD, TOLD_REVIEWED]

SHARED = ev("call.feed_shared_with_incident", "call-7", "dee", feed="camera-c")
FIRE_ASKED = ASKED.but(person="fin", session="fin", shared_by_call="7")
FIRE = [SHARED, replace(FIRE_ASKED, by="fin"), replace(GRANTED, by="fin").but(person="fin")]
CLOSED = ev("call.call_closed", "call-7", "gateway", 3)
OBSERVED = ev("call.observation_reported", "call-7", "abe", 2, reported_by="abe", observed_at=at(1))

LETTER = ev("complaint.feedback_received", "complaint-k", "gateway", received_at=at(0))
OPENED = ev("complaint.complaint_opened", "complaint-k", "cal", concerns="sam", answer_by=at(30 * DAYS))
ASSIGNED = ev("complaint.complaint_assigned", "complaint-k", "cal", assigned_to="sue")
ANSWERED = ev("complaint.complaint_resolved", "complaint-k", "sue", 9, resolved_by="sue", late=False)
COMPLAINT = [LETTER, OPENED, ASSIGNED, ANSWERED]

BEGUN = ev("pilot.pilot_started", "pilot-p", "cal", ends_on="2027-06-01")
PAUSED, WENT_ON = ev("pilot.pilot_paused", "pilot-p", "cai"), ev("pilot.pilot_resumed", "pilot-p", "cal")
EXTENDED = ev("pilot.pilot_extended", "pilot-p", "cal", ends_on="2027-12-01", authority="25-6021")
COST = ev("pilot.cost_recorded", "pilot-p", "cal", cost="c1", corrects=None, amount_cents=500)
LESS = ev("pilot.cost_recorded", "pilot-p", "cal", cost="c2", corrects="c1", amount_cents=-400)
OVER = ev("pilot.pilot_concluded", "pilot-p", "cal")
PROGRAMME = [BEGUN, COST, LESS, PAUSED, WENT_ON, EXTENDED, OVER]

COMMITTED = ev(
    "review.audit_seed_committed",
    "review-week-2026-W23",
    "aud",
    week_ends_at=at(7 * DAYS),
    reveal_by=at(10 * DAYS),
)
DRAWN = ev(
    "review.audit_sample_drawn",
    "review-week-2026-W23",
    "aud",
    7 * DAYS,
    population_size=1,
    sample=[{"position": len(FOUNDED) + 3, "person": "dee"}],
    review_by=at(14 * DAYS),
)
LOOKED_INTO = ev("review.access_reviewed", "review-week-2026-W23", "ada", 8 * DAYS, position=len(FOUNDED) + 3)
LOOKED_INTO = LOOKED_INTO.but(reviewed_by="ada")
SAMPLED = [COMMITTED, *WATCHED, DRAWN, LOOKED_INTO]
FOUND_WRONG = ev("review.finding_recorded", "review-r", "aud", number=1, person="dee", action_by=at(30 * DAYS))
DONE_ABOUT = ev("review.corrective_action_taken", "review-r", "cai", 1, finding=1)


def test_histories_that_are_in_order_break_nothing() -> None:
    for history in (
        WATCHED,
        UNMASKED,
        [GLASS, JUSTIFIED],
        GONE,
        [KEPT, LONGER_ASKED, LONGER],
        FILE,
        [*FILE, FILE_OUT],
        UNMASKED_FILE,
        NOT_RECORDING_IN,
        OVER_A_LIFTED_ZONE,
        [*UP, JOB],
        TACTICAL,
        PLATES,
        DISCLOSED,
        FIRE,
        [OBSERVED, CLOSED],
        COMPLAINT,
        PROGRAMME,
        SAMPLED,
        [FOUND_WRONG, DONE_ABOUT],
    ):
        told(*history)


def without(history: list[Event], *left_out: Event) -> list[Event]:
    return [event for event in history if event not in left_out]


def with_(history: list[Event], old: Event, *new: Event) -> list[Event]:
    return [told for event in history for told in (new if event is old else (event,))]


SUSPENDED = ev("person.suspended", "person-pia", "ann", suspended_by="ann")
MEDICAL = ev("person.medical_hold_placed", "person-pia", "ann")
EXPIRED = ev("person.certificate_recorded", "person-pia", "ann", kind="part_107", expires_on="2026-05-31")
GROUNDED = ev("drone.drone_grounded", "drone-d", "sam")
LAPSED = ev("flight.launch_lapsed", "flight-a", "gateway")
RETIRED = ev("policy.policy_retired", "policy-use", "cai", version=1)
UNKNOWN_WEATHER = FLIGHT_ASKED.but(conditions={"weather": {"go": "unknown"}})

BAD: list[tuple[str, list[Event]]] = [
    # looking
    ("asked first", without(WATCHED, ASKED)),
    ("what ends was granted", without(WATCHED, GRANTED)),
    ("asked first", with_(WATCHED, GRANTED, GRANTED.but(person="sam"))),
    ("only who watches renews", [ASKED, GRANTED, ENDED, ev("liveview.live_view_renewed", "liveview-v", person="dee")]),
    ("length of a view is measured", with_(WATCHED, ENDED, ENDED.but(ended_at=at(45)))),
    ("some never see video", [ev("person.role_assigned", "person-dee", "", role="city_analyst"), *WATCHED]),
    ("who looks is signed on", [ev("session.signed_off", "session-dee"), *WATCHED]),
    ("who looks is signed on", [ev("session.session_locked", "session-dee"), *WATCHED]),
    (
        "oversight looks for a review",
        [VIEW_ASKED.but(person="aud", session="aud"), replace(VIEW_GRANTED, by="aud").but(person="aud")],
    ),
    ("no view without a grant", without(UNMASKED, VIEW_GRANTED)),
    ("no view without a grant", with_(UNMASKED, RESERVED, replace(RESERVED, minute=61))),
    ("unmasked means by an override", with_(UNMASKED, RESERVED, RESERVED.but(override=None))),
    ("no unmasked byte", without(UNMASKED, LIFTED, LIFT_OVER, REVIEWED)),
    ("no unmasked byte", with_(UNMASKED, RESERVED, RESERVED.but(footage="other"))),
    ("no unmasked byte", with_(UNMASKED, RESERVED, RESERVED.but(range={"since": at(-60), "until": at(-29)}))),
    ("no unmasked byte", [*without(UNMASKED, RESERVED, LIFT_OVER, REVIEWED), replace(RESERVED, minute=31)]),
    # overrides
    ("approver is not requester", with_(UNMASKED, LIFTED, LIFTED.but(approved_by="dee"))),
    ("what is approved was asked for", without(UNMASKED, LIFT_ASKED)),
    ("waits only so long", with_(UNMASKED, LIFTED, replace(LIFTED, minute=15))),
    ("longer than an hour", with_(UNMASKED, LIFTED, LIFTED.but(expires_at=at(62)))),
    ("within 72 hours", with_(UNMASKED, LIFTED, LIFTED.but(review_by=at(4 * DAYS)))),
    ("longer than an hour", [GLASS.but(expires_at=at(61))]),
    ("within a day", [GLASS.but(justify_by=at(2 * DAYS))]),
    ("ends once", [*UNMASKED, LIFT_OVER]),
    (
        "used while it is in effect",
        [LIFT_ASKED, LIFTED, ev("override.override_used", "override-o", "dee", 31, range=RANGE, through="viewing-w")],
    ),
    (
        "opens to who asked",
        [LIFT_ASKED, LIFTED, ev("override.override_used", "override-o", "sue", 2, range=RANGE, through="viewing-w")],
    ),
    ("who broke the glass justifies", [GLASS, JUSTIFIED.but(justified_by="sam")]),
    ("what came late says so", [GLASS, replace(JUSTIFIED, minute=DAYS + 1)]),
    ("oversight is independent", with_(UNMASKED, REVIEWED, REVIEWED.but(reviewed_by="sam"))),
    ("what came late says so", with_(UNMASKED, REVIEWED, REVIEWED.but(late=True))),
    # footage
    ("nothing destroyed under hold", without(GONE, RELEASED)),
    ("before it is due", with_(GONE, DESTROYED, replace(DESTROYED, minute=29 * DAYS))),
    ("before it is due", with_(GONE, KEPT, KEPT, ev("footage.footage_tagged", "footage-f", category="evidence"))),
    ("before it is due", with_(GONE, KEPT, KEPT, LONGER_ASKED, LONGER)),
    ("by no policy", with_(GONE, DESTROYED, RETIRED, DESTROYED)),
    ("approver is not requester", [KEPT, LONGER_ASKED, LONGER.but(approved_by="sam")]),
    ("what is extended was asked for", [KEPT, LONGER]),
    ("approver is not requester", with_(FILE, FILE_APPROVED, FILE_APPROVED.but(approved_by="dee"))),
    ("the file that leaves is the one that was made", [*FILE, FILE_OUT.but(file_sha256="0" * 64)]),
    ("the file that is made was approved", without(FILE, FILE_APPROVED)),
    ("masked as it was approved", with_(FILE, FILE_MADE, FILE_MADE.but(masked=False))),
    ("no unmasked byte", [*UNMASKED_FILE[:-1], replace(UNMASKED_FILE[-1], minute=31)]),
    # launches
    ("no launch without an authorisation", without(UP, AUTHORISED, ORDERED)),
    ("no launch without an authorisation", with_(UP, LAUNCHED, LAUNCHED.but(observed_at=at(11)))),
    (
        "no launch without an authorisation",
        with_(UP, LAUNCHED, replace(HOME, minute=1).but(ordered_at=at(0.5)), LAUNCHED),
    ),
    ("no launch without an authorisation", with_(UP, LAUNCHED, LAPSED, LAUNCHED)),
    ("flies the flight that it was given", without(UP, GIVEN)),
    ("one drone, one active flight", with_(UP, GIVEN, GIVEN, GIVEN.but(flight="b"))),
    ("ready drone", [GROUNDED, *UP]),
    ("grounded does not fly", with_(UP, ORDERED, GROUNDED, ORDERED)),
    ("nobody allowed is on the record", [FLIGHT_ASKED, LAUNCHED.but(authorised=False)]),
    ("the pilot in command orders", with_(UP, ORDERED, ORDERED.but(ordered_by="dee"))),
    ("fit: role", [MEDICAL, *UP]),
    ("fit: role", [SUSPENDED, *UP]),
    ("fit: role", with_(UP, ORDERED, MEDICAL, ORDERED)),
    ("certificate is current", [EXPIRED, *UP]),
    ("names an adopted purpose", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(purpose="sightseeing"))),
    ("names a call or a case", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(call=None))),
    ("name an authorisation", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(purpose="training"))),
    ("dispatch has open", [CLOSED, *UP]),
    ("airspace authority", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(airspace={"expires_on": "2026-05-31"}))),
    ("seen and avoided", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(separation=None))),
    ("no higher", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(cruise_agl_m=130.0))),
    ("unknown is no-go", with_(UP, FLIGHT_ASKED, UNKNOWN_WEATHER)),
    ("unknown is no-go", with_(UP, FLIGHT_ASKED, UNKNOWN_WEATHER.but(accepted_unknowns=["weather"]))),
    ("unknown is no-go", with_(UP, FLIGHT_ASKED, FLIGHT_ASKED.but(conditions={"weather": {"go": "no_go"}}))),
    (
        "pilot in command alone accepts",
        [FLIGHT_ASKED, ev("flight.unknowns_accepted", "flight-a", "dee", accepted_by="dee")],
    ),
    ("need the captain", [TACTICAL[0], TACTICAL[1].but(authorised_by=None)]),
    ("need the captain", [TACTICAL[0], TACTICAL[1].but(authorised_by="sam")]),
    ("approver is not requester", [TACTICAL[0].but(requested_by="cai"), TACTICAL[1]]),
    ("was asked for, and waits", with_(UP, AUTHORISED, replace(AUTHORISED, minute=11))),
    ("an adopted purpose", [*UP, JOB.but(purpose="sightseeing")]),
    ("names a call or a case", [*UP, JOB.but(call=None)]),
    ("needs the captain", [*UP, JOB.but(purpose="tactical_operation")]),
    ("both times", [*UP, HOME.but(ordered_at=at(6))]),
    # recording and zones
    ("recorded in transit", [*UP, RECORDS]),
    ("records on the way", [*UP, ARRIVED, RECORDS, HOME]),
    ("privacy zones are not recorded", [*UP, ARRIVED, ENTERED, RECORDS]),
    ("records inside a privacy zone", [*UP, ARRIVED, RECORDS, ENTERED]),
    ("records inside a privacy zone", with_(OVER_A_LIFTED_ZONE, LEFT, ENTERED)),
    ("lifted by an override in effect", without(OVER_A_LIFTED_ZONE, ZONE_LIFTED[1])),
    ("for one flight", with_(OVER_A_LIFTED_ZONE, ZONE_LIFT, ZONE_LIFT.but(flight="b"))),
    ("does not start by itself", [*UP, ARRIVED, RECORDS, STOPPED.but(reason="operator"), RECORDS]),
    ("says why", [*UP, ARRIVED, RECORDS.but(started_by="dee")]),
    ("recorded after the landing", [*UP, ARRIVED, RECORDS, LANDED]),
    ("looks level", [*UP, ev("flight.camera_turned_to_scene", "flight-a", "pia", 2)]),
    # rights
    (
        "not theirs to do",
        with_(PLATES, SEARCHED, replace(SEARCHED, by="cai").but(access={**SEARCHED.data["access"], "username": "cai"})),
    ),
    ("does not have that role", [ev("person.role_revoked", "person-dee", "ann", role="watch_operator"), *PLATES]),
    ("never sees video or plates", [ev("person.role_assigned", "person-dee", "", role="ambassador"), *PLATES]),
    ("for a prohibited purpose", with_(PLATES, SEARCHED, SEARCHED.but(grounds={"purpose": "immigration_enforcement"}))),
    ("without a use policy", [*without(PLATES, SEARCHED, FOUND), RETIRED, SEARCHED]),
    ("and 1 was in force", with_(PLATES, SEARCHED, replace(SEARCHED, policy=2))),
    ("does not say what it was for", with_(PLATES, SEARCHED, replace(SEARCHED, under=""))),
    # plates and other agencies
    ("no hit used before a person", without(PLATES, CONFIRMED)),
    ("no hit used before a person", with_(PLATES, CONFIRMED, replace(CONFIRMED, kind="platesearch.hit_rejected"))),
    ("no hit used before a person", without(DISCLOSED, CONFIRMED)),
    ("decided on once", [HIT, CONFIRMED, replace(CONFIRMED, kind="platesearch.hit_rejected")]),
    (
        "names when, what, who",
        with_(PLATES, SEARCHED, SEARCHED.but(access={**SEARCHED.data["access"], "username": "sam"})),
    ),
    ("after the record", without(PLATES, SEARCHED)),
    ("approver is not requester", with_(DISCLOSED, TOLD, TOLD.but(made_by="dee"))),
    ("nobody asked for it", without(DISCLOSED, TOLD_ASKED)),
    ("nobody judges himself", with_(DISCLOSED, TOLD_REVIEWED, TOLD_REVIEWED.but(reviewed_by="sam"))),
    # the field and the street
    ("the field sees what is shared", without(FIRE, SHARED)),
    ("the field sees what is shared", with_(FIRE, SHARED, SHARED, CLOSED)),
    ("a call that is open", [CLOSED, OBSERVED]),
    ("who tells is who is named", [OBSERVED.but(reported_by="dee")]),
    ("what is to come", [OBSERVED.but(observed_at=at(3))]),
    ("shared with a call that is closed", [CLOSED, SHARED]),
    # the public
    ("does not look into it", with_(COMPLAINT, ASSIGNED, ASSIGNED.but(assigned_to="sam"))),
    ("have answerers", with_(COMPLAINT, ASSIGNED, ASSIGNED.but(assigned_to="dee"))),
    ("who is assigned answers", with_(COMPLAINT, ANSWERED, replace(ANSWERED, by="cal").but(resolved_by="cal"))),
    ("what came late says so", with_(COMPLAINT, ANSWERED, replace(ANSWERED, minute=31 * DAYS))),
    ("answered once", [*COMPLAINT, ANSWERED]),
    ("an open complaint", without(COMPLAINT, OPENED)),
    # the pilot programme
    ("begins once", [BEGUN, BEGUN]),
    ("only what is paused goes on", without(PROGRAMME, PAUSED)),
    ("only what runs is paused", [*PROGRAMME, PAUSED]),
    ("an extension is later", with_(PROGRAMME, EXTENDED, EXTENDED.but(ends_on="2027-05-01"))),
    ("an extension is later", [*PROGRAMME, EXTENDED]),
    ("ends once", [*PROGRAMME, OVER]),
    ("no more than was recorded", with_(PROGRAMME, LESS, LESS.but(amount_cents=-501))),
    ("not theirs to do", with_(PROGRAMME, WENT_ON, replace(WENT_ON, by="cai"))),
    # oversight
    ("stays the one", [COMMITTED, COMMITTED]),
    ("before the week is over", [replace(COMMITTED, minute=7 * DAYS)]),
    ("of a week that was committed to", without(SAMPLED, COMMITTED)),
    ("after the week", with_(SAMPLED, DRAWN, replace(DRAWN, minute=6 * DAYS))),
    ("every access", with_(SAMPLED, DRAWN, DRAWN.but(population_size=0))),
    ("of the population", with_(SAMPLED, DRAWN, DRAWN.but(sample=[{"position": 2, "person": "dee"}]))),
    ("nobody judges himself", with_(SAMPLED, LOOKED_INTO, LOOKED_INTO.but(reviewed_by="dee"))),
    ("nobody judges himself", [FOUND_WRONG.but(person="cai"), DONE_ABOUT]),
]


@pytest.mark.parametrize(("promise", "history"), BAD, ids=[f"{n}-{promise}" for n, (promise, _) in enumerate(BAD)])
def test_a_history_that_breaks_a_promise_is_objected_to(promise: str, history: list[Event]) -> None:
    with pytest.raises(Broken, match=promise):
        told(*history)


SEEN_BADLY: list[tuple[str, list[Event], str, str, float]] = [
    ("no view without a grant", [ASKED], "liveview-v", "dee", 1),
    ("no view without a grant", WATCHED[:2], "liveview-v", "sam", 1),
    ("no view without a grant", WATCHED[:2], "liveview-v", "dee", 30),
    ("no view without a grant", WATCHED, "liveview-v", "dee", 6),
    ("not signed on", [*WATCHED[:2], ev("session.signed_off", "session-dee")], "liveview-v", "dee", 1),
    ("not signed on", [*WATCHED[:2], ev("session.session_locked", "session-dee")], "liveview-v", "dee", 1),
    ("who is suspended", [*WATCHED[:2], replace(SUSPENDED, stream="person-dee")], "liveview-v", "dee", 1),
    ("without a use policy", [*WATCHED[:2], RETIRED], "liveview-v", "dee", 1),
    ("not shared any more", [*FIRE, CLOSED], "liveview-v", "fin", 4),
    (
        "forbids viewing",
        [*UP, ARRIVED, ASKED.but(feed="flight-a"), GRANTED, ENTERED.but(rule="no_view")],
        "liveview-v",
        "dee",
        4,
    ),
]


@pytest.mark.parametrize(("promise", "history", "view", "person", "minute"), SEEN_BADLY)
def test_a_frame_that_reaches_who_may_not_see_it_is_objected_to(
    promise: str, history: list[Event], view: str, person: str, minute: float
) -> None:
    promises = told(*history)
    with pytest.raises(Broken, match=promise):
        promises.looking.seen(view, person, now(minute))


def test_a_frame_in_order_is_not_objected_to() -> None:
    told(*WATCHED[:2]).looking.seen("liveview-v", "dee", now(1))
    told(*FIRE).looking.seen("liveview-v", "fin", now(1))


@pytest.mark.parametrize(
    ("history", "promise"),
    [
        ([replace(SUSPENDED, stream="person-dee")], "who is suspended goes on"),
        ([*WATCHED[:2], ev("session.signed_off", "session-dee")], "goes on after its session"),
        ([*FIRE, CLOSED], "goes on, and is not shared"),
        ([*UP, ARRIVED, ASKED.but(feed="flight-a"), GRANTED, ENTERED.but(rule="no_view")], "goes on into a zone"),
    ],
)
def test_what_goes_on_after_it_had_to_end_is_objected_to(history: list[Event], promise: str) -> None:
    promises = told(*history)
    with pytest.raises(Broken, match=promise):
        promises.nothing_goes_on(now(4))


def test_a_reader_that_is_asked_before_the_record_is_objected_to() -> None:
    told(*PLATES).plates.asked_for("s")
    with pytest.raises(Broken, match="no reader is asked"):
        told(*PLATES).plates.asked_for("another")


def test_a_drone_that_is_truly_above_a_zone_is_believed_before_its_record() -> None:
    over = {"z": "no_record"}
    told(*NOT_RECORDING_IN[:-3]).flying.over("flight-a", over, now(3))
    told(*OVER_A_LIFTED_ZONE[:-1]).flying.over("flight-a", over, now(3))
    with pytest.raises(Broken, match="nobody was told"):
        told(*UP, ARRIVED).flying.over("flight-a", over, now(3))
    with pytest.raises(Broken, match="recorded inside a privacy zone"):
        told(*OVER_A_LIFTED_ZONE[:-1]).flying.over("flight-a", over, now(31))


def test_a_gap_in_the_positions_is_objected_to() -> None:
    promises = told()
    with pytest.raises(Broken, match="no gap"):
        promises.take(Said(promises.position + 2, "call-7", "call.call_confirmed", NOON, {}))


# -- deadlines ---------------------------------------------------------------------------------------------------------

OVERDUE: dict[str, list[Event]] = {
    "session": [],
    "view": WATCHED[:2],
    "override": [LIFT_ASKED],
    "launch": [FLIGHT_ASKED],
    "override_review_overdue": [*UNMASKED[:-1]],
    "override_justification_overdue": [GLASS],
    "disclosure_review_overdue": [ev("disclosure.review_awaited", "disclosure-q", "sam", review_by=at(7 * DAYS))],
    "audit_sample_overdue": [COMMITTED],
    "sample_review_overdue": SAMPLED[:-1],
    "complaint_answer_overdue": COMPLAINT[:-1],
    "feedback_overdue": [LETTER],
    "finding_overdue": [FOUND_WRONG],
    "hold_verification_due": [KEPT, HELD],
}


def signed_off() -> list[Event]:
    return [ev("session.signed_off", f"session-{who}") for who in ROLES]


def ended(history: list[Event]) -> list[Event]:
    """What ends by itself, ended: so that one deadline alone is left."""
    streams = {event.stream: event.kind for event in history}
    over = []
    if "viewing-w" in streams:
        over.append(ev("viewing.viewing_ended", "viewing-w", "dee", 50, ended_at=at(50)))
    if "override-g" in streams:
        over.append(replace(LIFT_OVER, stream="override-g"))
    return over


def test_every_deadline_has_a_history_in_which_it_is_missed() -> None:
    assert set(OVERDUE) >= {what for sets in SETS.values() for what, _, _ in sets}
    assert {what for cleared in CLEARS.values() for what in cleared} <= set(OVERDUE)


@pytest.mark.parametrize("what", [what for what in OVERDUE if not what.endswith(("overdue", "due"))])
def test_what_goes_on_past_its_time_is_objected_to(what: str) -> None:
    off = [] if what == "session" else signed_off()
    promises = told(*OVERDUE[what], *off)
    promises.overdue(now(1))
    with pytest.raises(Broken, match=f"{what} of .* goes on past"):
        promises.overdue(now(9 * HOURS))


@pytest.mark.parametrize("what", [what for what in OVERDUE if what.endswith(("overdue", "due"))])
def test_what_is_overdue_and_shown_to_nobody_is_objected_to(what: str) -> None:
    history = [*OVERDUE[what], *ended(OVERDUE[what]), *signed_off()]
    about = {event.stream for event in OVERDUE[what]}
    promises = told(*history)
    with pytest.raises(Broken, match=f"{what}.*nobody was told"):
        promises.overdue(now(2 * DAYS if what == "override_justification_overdue" else 40 * DAYS))
    shown = [
        ev("notice.attention_needed", f"notice-{kind}-{stream}", "gateway", 41 * DAYS, what=kind, about=stream)
        for kind in OVERDUE
        for stream in sorted(about)
    ]
    told(*history, *shown).overdue(now(40 * DAYS))


def test_what_is_called_overdue_before_it_is_is_objected_to() -> None:
    early = ev("notice.attention_needed", "notice-1", "gateway", what="audit_sample_overdue", about=COMMITTED.stream)
    with pytest.raises(Broken, match="before it is"):
        told(COMMITTED, early)


def test_a_certificate_that_runs_out_in_silence_is_objected_to() -> None:
    promises = told(*signed_off())
    with pytest.raises(Broken, match="part_107 of person-pia runs out"):
        promises.overdue(now(160 * DAYS))
    noted = ev("person.expiry_approaching", "person-pia", "gateway", name="part_107", expires_on="2026-12-01")
    told(*signed_off(), noted).overdue(now(160 * DAYS))
