"""A drone in the air: safety first, the camera, privacy, other jobs, and what is known afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.drone import AssignDrone, OrderOutcome, ReleaseDrone, ReportUnassignedFlight, SafetyOrder
from domain.flight import drone_follows, records_by_policy
from domain.flight_commands import (
    ArchiveTelemetry,
    CategoriseFlight,
    Command,
    PublishFlight,
    RecordArrival,
    RecordCameraLevel,
    RecordCameraTurn,
    RecordGeofenceBreach,
    RecordLanding,
    RecordLaunch,
    RecordLinkLost,
    RecordLinkRestored,
    RecordOutcome,
    RecordSafetyOrder,
    RecordZoneApproach,
    RecordZoneEntry,
    RecordZoneExit,
    Redirect,
    ReportAnomaly,
    Repurpose,
    StartRecording,
    StopRecording,
    WithholdPublication,
)
from domain.flight_events import (
    HEIGHT_UNKNOWN,
    AnomalyKind,
    AnomalyReported,
    ArrivedOnScene,
    CameraLevelled,
    CameraTurnedToScene,
    DroneLanded,
    DroneLaunched,
    FlightAborted,
    FlightCategorised,
    FlightPublished,
    FlightRedirected,
    FlightRepurposed,
    GeofenceBreached,
    GroundHeight,
    HeightSource,
    HoldOrdered,
    LandingOrdered,
    LaunchLapsed,
    LaunchRefused,
    LaunchWithdrawn,
    LinkLost,
    LinkRestored,
    Observation,
    Outcome,
    OutcomeRecorded,
    PrivacyZoneApproached,
    PrivacyZoneEntered,
    PrivacyZoneLeft,
    PublicationWithheld,
    RecordCategory,
    RecordingBasis,
    RecordingRefused,
    RecordingStarted,
    RecordingStopped,
    RecordingStopReason,
    RepurposeRefused,
    ReturnOrdered,
    TelemetryArchived,
    ZoneEffect,
    ZoneRule,
)
from domain.flight_state import (
    EnRoute,
    Flying,
    Holding,
    Landed,
    Landing,
    OnScene,
    Published,
    Returning,
    Sortie,
    Withheld,
    launch_permit,
    may_be_airborne,
)
from domain.kernel import CallNumber, CaseNumber, InvalidValue, NotFound, Personal, Place, WrongState
from domain.launch import LOWEST_CRUISE_M
from domain.person import Role
from domain.policy import PROHIBITED, RECORD_ON_APPROVAL_KEEP_2_YEARS, PurposeRule
from tests.domain.scenario import DAY, HOUR, MINUTE, NOW, SECOND, Given
from tests.domain.sorties import (
    CALL,
    COMMANDER,
    DRONE,
    FLIGHT_ID,
    OPERATOR,
    OVERHEAD,
    PILOT,
    SCENE,
    airspace,
    arrived,
    authorised,
    back,
    commander,
    commanders_session,
    en_route,
    facts,
    given,
    landed,
    launched,
    on_scene,
    operator,
    policy,
    requested,
    seen,
    tactical,
    waiting,
)

ORDERED = {
    SafetyOrder.RETURN: ReturnOrdered,
    SafetyOrder.HOLD: HoldOrdered,
    SafetyOrder.LAND: LandingOrdered,
    SafetyOrder.ABORT: FlightAborted,
}
refused = given(requested, LaunchRefused(None, ()))
lapsed = given(requested, authorised, LaunchLapsed(DRONE, NOW))
publish = PublishFlight(OPERATOR, policy)
A_DAY_ON = landed.observed_at + DAY
published = given(
    *back.happened, FlightCategorised(RecordCategory.FACTUAL_INQUIRY, OPERATOR, "x"), FlightPublished(OPERATOR)
)
EVERY_STATE = [waiting, refused, given(requested, authorised), lapsed, en_route, on_scene, back, published]


def ordering(order: SafetyOrder, outcome: OrderOutcome = OrderOutcome.ACCEPTED) -> RecordSafetyOrder:
    return RecordSafetyOrder(order, PILOT, NOW, outcome)


# -- safety first ------------------------------------------------------------


@pytest.mark.parametrize("order", SafetyOrder)
@pytest.mark.parametrize("outcome", OrderOutcome)
@pytest.mark.parametrize("story", EVERY_STATE, ids=lambda story: type(story.state).__name__)
@pytest.mark.rule("flight.safety_first")
def test_a_safety_order_is_recorded_in_every_state_with_both_times(
    order: SafetyOrder, outcome: OrderOutcome, story: Any
) -> None:
    command = RecordSafetyOrder(order, PILOT, NOW - HOUR, outcome, "mode RTL after 1.2 s")
    story.when(command).then(ORDERED[order](PILOT, NOW - HOUR, outcome, "mode RTL after 1.2 s", recorded_late=True))


def test_a_safety_order_recorded_at_once_is_not_late() -> None:
    (order,) = on_scene.when(ordering(SafetyOrder.LAND), NOW + SECOND).events()
    assert isinstance(order, LandingOrdered)
    assert not order.recorded_late


def test_what_the_autopilot_said_is_kept_whatever_it_is() -> None:
    (order,) = on_scene.when(replace(ordering(SafetyOrder.LAND), detail="\x00" * 5 + "x" * 5000)).events()
    assert isinstance(order, LandingOrdered)
    assert order.detail == "x" * 300


def test_an_order_for_a_flight_that_never_was_belongs_to_the_drone() -> None:
    given().when(ordering(SafetyOrder.LAND)).then_raises(NotFound)


@pytest.mark.parametrize("order", SafetyOrder)
@pytest.mark.parametrize("outcome", OrderOutcome)
@pytest.mark.rule("flight.safety_first")
def test_an_order_before_the_take_off_voids_the_permit(order: SafetyOrder, outcome: OrderOutcome) -> None:
    halted = given(requested, authorised).and_when(ordering(order, outcome))
    reason = launch_permit(halted.state, NOW)
    assert reason is not None
    assert reason.code == "halted"
    assert may_be_airborne(halted.state)


def test_a_drone_that_was_ordered_home_before_it_was_seen_to_take_off_is_returning() -> None:
    halted = given(requested, authorised).and_when(ordering(SafetyOrder.RETURN))
    halted.when(RecordLaunch(seen, NOW - SECOND)).then(launched)
    assert isinstance(halted.and_when(RecordLaunch(seen, NOW - SECOND)).state, Returning)
    halted.when(RecordLaunch(seen, NOW + SECOND)).then_types(AnomalyReported, DroneLaunched)


@pytest.mark.rule("flight.safety_first")
def test_a_permit_that_an_order_voided_is_not_renewed_by_a_later_order() -> None:
    first, last = ordering(SafetyOrder.HOLD), replace(ordering(SafetyOrder.RETURN), ordered_at=NOW + MINUTE)
    for orders in ((first, last), (last, first)):
        halted = given(requested, authorised).and_when(orders[0]).and_when(orders[1])
        halted.when(RecordLaunch(seen, NOW + SECOND)).then_types(AnomalyReported, DroneLaunched)
        halted.when(RecordLaunch(seen, NOW)).then(launched)
    assert isinstance(
        given(requested, authorised).and_when(first).and_when(last).and_when(RecordLaunch(seen, NOW)).state, Returning
    )


def test_a_return_leads_home_a_landing_down_and_a_hold_on_scene_stays() -> None:
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.RETURN)).state, Returning)
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.LAND)).state, Landing)
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.ABORT)).state, Landing)
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.HOLD)).state, OnScene)
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.RETURN, OrderOutcome.UNKNOWN)).state, Returning)
    assert isinstance(on_scene.and_when(ordering(SafetyOrder.RETURN, OrderOutcome.DENIED)).state, OnScene)


@pytest.mark.rule("flight.camera_in_transit")
def test_nothing_is_recorded_on_the_way_home() -> None:
    started = RecordingStarted(RecordingBasis.POLICY, None, None, policy.version)
    filming = given(*on_scene.happened, started)
    home = ReturnOrdered(PILOT, NOW, OrderOutcome.ACCEPTED, "", False)
    filming.when(ordering(SafetyOrder.RETURN)).then(home, RecordingStopped(RecordingStopReason.IN_TRANSIT, None))
    filming.when(ordering(SafetyOrder.RETURN, OrderOutcome.DENIED)).then_types(ReturnOrdered)
    filming.when(ordering(SafetyOrder.LAND)).then_types(LandingOrdered)


# -- take-off, arrival, landing ----------------------------------------------


@pytest.mark.rule("flight.log")
def test_the_drone_leaves_the_ground() -> None:
    story = given(requested, authorised)
    story.when(RecordLaunch(seen, NOW)).then(launched)
    en_route.when(RecordLaunch(seen, NOW)).then_nothing()
    back.when(RecordLaunch(seen, NOW)).then_nothing()
    given().when(RecordLaunch(seen, NOW)).then_raises(NotFound)


def test_a_take_off_ordered_in_time_may_be_seen_after_the_authorisation_ends() -> None:
    late = replace(seen, observed_at=NOW + 10 * MINUTE + SECOND)
    story = given(requested, authorised)
    story.when(RecordLaunch(late, NOW + 10 * MINUTE)).then_types(DroneLaunched)
    story.when(RecordLaunch(late, None)).then_types(AnomalyReported, DroneLaunched)


@pytest.mark.parametrize("story", [waiting, refused, lapsed], ids=["waiting", "refused", "lapsed"])
@pytest.mark.rule("flight.anomalies")
def test_a_take_off_without_authorisation_is_an_anomaly_and_still_a_flight(story: Any) -> None:
    anomaly, flown = story.when(RecordLaunch(seen, NOW)).then_types(AnomalyReported, DroneLaunched)
    assert anomaly.kind is AnomalyKind.LAUNCHED_WITHOUT_AUTHORISATION
    assert not flown.authorised
    flying = story.and_when(RecordLaunch(seen, NOW))
    flying.when(redirect).then_raises(WrongState)
    flying.when(repurpose).then_refused(RepurposeRefused, "not_authorised")
    flying.when(ordering(SafetyOrder.RETURN)).then_types(ReturnOrdered)


@pytest.mark.rule("flight.clocks")
def test_three_clocks_are_kept_and_a_difference_is_flagged() -> None:
    ahead = Observation(OVERHEAD, NOW + 5 * SECOND, NOW)
    given(requested, authorised).when(RecordLaunch(ahead, NOW)).then(
        replace(launched, device_time=NOW + 5 * SECOND, clock_difference_s=5.0)
    )
    no_clock = Observation(OVERHEAD, None, NOW)
    given(requested, authorised).when(RecordLaunch(no_clock, NOW)).then(replace(launched, device_time=None))


@pytest.mark.rule("flight.log")
def test_the_drone_arrives_once() -> None:
    there = Observation(OVERHEAD, NOW + MINUTE, NOW + MINUTE)
    en_route.when(RecordArrival(there)).then(arrived)
    on_scene.when(RecordArrival(there)).then_nothing()
    on_scene.and_when(ordering(SafetyOrder.RETURN)).when(RecordArrival(there)).then_nothing()
    en_route.and_when(ordering(SafetyOrder.HOLD)).when(RecordArrival(there)).then(arrived)
    given(requested, authorised).when(RecordArrival(there)).then_raises(WrongState)


@pytest.mark.rule("flight.log")
def test_the_drone_lands_once_and_the_length_of_its_flight_is_measured() -> None:
    down = RecordLanding(Observation(OVERHEAD, NOW + 9 * MINUTE, NOW + 9 * MINUTE), 91.4)
    for story in (en_route, on_scene, on_scene.and_when(ordering(SafetyOrder.RETURN))):
        (ended,) = story.when(down).then_types(DroneLanded)
        assert ended == landed
    back.when(down).then_nothing()
    assert isinstance(back.state, Landed)


def test_a_clock_that_stepped_back_makes_no_negative_length() -> None:
    (ended,) = on_scene.when(RecordLanding(Observation(OVERHEAD, None, NOW - HOUR), 80.0)).events()
    assert isinstance(ended, DroneLanded)
    assert ended.duration_s == 0.0


def test_the_drone_follows_its_flight() -> None:
    assert drone_follows(FLIGHT_ID, [requested]) == []
    assert drone_follows(FLIGHT_ID, [requested, authorised]) == [AssignDrone(FLIGHT_ID)]
    assert drone_follows(FLIGHT_ID, [launched]) == []
    assert drone_follows(FLIGHT_ID, [landed]) == [ReleaseDrone(FLIGHT_ID, flown=True)]
    for ended in (LaunchLapsed(DRONE, NOW), LaunchWithdrawn(DRONE, OPERATOR, "x")):
        assert drone_follows(FLIGHT_ID, [ended]) == [ReleaseDrone(FLIGHT_ID, flown=False)]
    stray = replace(launched, authorised=False)
    assert drone_follows(FLIGHT_ID, [stray]) == [ReportUnassignedFlight(OVERHEAD, NOW, NOW)]


# -- link, fence, anomalies --------------------------------------------------


@pytest.mark.rule("flight.anomalies")
def test_a_link_is_lost_once_and_restored_once() -> None:
    lost = LinkLost(NOW, OVERHEAD)
    en_route.when(RecordLinkLost(NOW, OVERHEAD)).then(lost)
    silent = given(*en_route.happened, lost)
    silent.when(RecordLinkLost(NOW, OVERHEAD)).then_nothing()
    silent.when(RecordLinkRestored(NOW + 4 * SECOND, None)).then(LinkRestored(NOW + 4 * SECOND, 4.0, None))
    en_route.when(RecordLinkRestored(NOW, None)).then_nothing()
    back.when(RecordLinkLost(NOW, None)).then_nothing()


@pytest.mark.rule("flight.anomalies")
def test_a_breach_and_an_anomaly_are_recorded() -> None:
    en_route.when(RecordGeofenceBreach("city boundary", seen)).then(
        GeofenceBreached("city boundary", OVERHEAD, NOW, NOW)
    )
    report = ReportAnomaly(AnomalyKind.BATTERY, "battery\x07 low", None, None, NOW)
    for story in EVERY_STATE:
        story.when(report).then(AnomalyReported(AnomalyKind.BATTERY, "battery  low", None, None, NOW))


# -- another place, another job ----------------------------------------------

ELSEWHERE = Place(34.0801, -118.3881)
redirect = Redirect(FLIGHT_ID, ELSEWHERE, 60.0, "suspect ran south", OPERATOR, policy)
NEW_CALL = CallNumber("WH26-004218")
repurpose = Repurpose(
    flight=FLIGHT_ID,
    purpose="search_and_rescue",
    call=NEW_CALL,
    case=None,
    authorisation=None,
    airspace=airspace,
    destination=ELSEWHERE,
    agl_m=60.0,
    reason="missing child",
    by=OPERATOR,
    standing=replace(facts.call, call=NEW_CALL) if facts.call else None,
    policy=policy,
)


@pytest.mark.rule("flight.redirected")
def test_a_drone_is_sent_elsewhere_for_the_same_job() -> None:
    sealed = Personal(f"call-{CALL}", "suspect ran south")
    on_scene.when(redirect).then(FlightRedirected(ELSEWHERE, 60.0, OPERATOR, sealed))
    on_scene.and_when(redirect).when(RecordArrival(seen)).then_types(type(arrived))


@pytest.mark.rule("flight.redirected")
def test_a_drone_on_its_way_home_needs_a_new_purpose_to_go_elsewhere() -> None:
    homeward = on_scene.and_when(ordering(SafetyOrder.RETURN))
    homeward.when(redirect).then_raises(WrongState)
    homeward.when(repurpose).then_types(FlightRepurposed)


@pytest.mark.rule("launch.height")
def test_nothing_extends_a_flight_above_the_policys_height_or_without_a_policy() -> None:
    on_scene.when(replace(redirect, agl_m=130.0)).then_raises(InvalidValue, "agl_m")
    on_scene.when(replace(redirect, policy=None)).then_raises(WrongState)
    on_scene.when(replace(repurpose, agl_m=130.0)).then_refused(RepurposeRefused, "too_high")
    on_scene.when(replace(repurpose, policy=None)).then_refused(RepurposeRefused, "no_policy")


@pytest.mark.rule("flight.repurposed")
def test_another_job_has_its_own_purpose_and_authority() -> None:
    on_scene.when(repurpose).then(
        FlightRepurposed(
            "search_and_rescue",
            NEW_CALL,
            None,
            None,
            airspace,
            ELSEWHERE,
            60.0,
            Personal(f"call-{NEW_CALL}", "missing child"),
            policy.version,
            OPERATOR,
            None,
        )
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purpose": "face_recognition"}, "purpose_prohibited"),
        ({"call": None, "standing": None}, "call_or_case_missing"),
        ({"airspace": None}, "airspace_authority_missing"),
        ({"airspace": replace(airspace, expires_on=NOW.date() - DAY)}, "airspace_authority_expired"),
        ({"standing": None}, "call_unknown"),
    ],
)
@pytest.mark.rule("flight.repurposed")
def test_another_job_is_held_to_the_rules_of_a_launch(changed: dict[str, Any], code: str) -> None:
    on_scene.when(replace(repurpose, **changed)).then_refused(RepurposeRefused, code)
    assert on_scene.and_when(replace(repurpose, **changed)).state == on_scene.state


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.rule("policy.prohibited")
def test_a_drone_in_the_air_is_not_given_a_prohibited_purpose(purpose: str) -> None:
    on_scene.when(replace(repurpose, purpose=purpose)).then_refused(RepurposeRefused, "purpose_prohibited")


@pytest.mark.rule("launch.commander")
def test_a_commanders_purpose_in_the_air_needs_the_commander() -> None:
    job = replace(repurpose, purpose="barricaded_suspect", call=None, standing=None, case=CaseNumber("926-0123"))
    on_scene.when(job).then_refused(RepurposeRefused, "not_authorised")
    on_scene.when(replace(job, authoriser=(operator, commanders_session))).then_refused(
        RepurposeRefused, "session_not_open", "same_person", "role_cannot_authorise"
    )
    (done,) = on_scene.when(replace(job, authoriser=(commander, commanders_session))).then_types(FlightRepurposed)
    assert isinstance(done, FlightRepurposed)
    assert done.authorised_by == COMMANDER


def test_a_drone_ordered_down_is_given_no_other_job() -> None:
    on_scene.and_when(ordering(SafetyOrder.LAND)).when(repurpose).then_refused(RepurposeRefused, "landing")


# -- camera and recording ----------------------------------------------------


@pytest.mark.rule("flight.camera_in_transit")
def test_the_camera_is_level_in_transit_and_turns_to_the_scene_on_arrival() -> None:
    en_route.when(RecordCameraLevel(0.0, NOW)).then(CameraLevelled(0.0, NOW))
    en_route.when(RecordCameraTurn(-40.0, NOW)).then_raises(WrongState)
    on_scene.when(RecordCameraTurn(-40.0, NOW)).then(CameraTurnedToScene(-40.0, NOW))


by_policy = StartRecording(FLIGHT_ID, None, None, policy)
on_approval = replace(policy, parameters=RECORD_ON_APPROVAL_KEEP_2_YEARS)
recording = RecordingStarted(RecordingBasis.POLICY, None, None, policy.version)
filming = given(*on_scene.happened, recording)


@pytest.mark.rule("flight.camera_in_transit")
def test_recording_starts_by_policy_on_scene_and_never_in_transit() -> None:
    on_scene.when(by_policy).then(recording)
    filming.when(by_policy).then_nothing()
    en_route.when(by_policy).then_refused(RecordingRefused, "in_transit")
    on_scene.when(replace(by_policy, policy=None)).then_refused(RecordingRefused, "no_policy")


@pytest.mark.rule("flight.recording")
def test_where_the_policy_does_not_record_by_default_somebody_of_that_right_says_why() -> None:
    on_scene.when(replace(by_policy, policy=on_approval)).then_refused(RecordingRefused, "not_by_default")
    asked = StartRecording(FLIGHT_ID, operator, "evidence of the break-in", on_approval)
    on_scene.when(asked).then_refused(RecordingRefused, "role_cannot_authorise")
    sealed = Personal(f"call-{CALL}", "evidence of the break-in")
    started = RecordingStarted(RecordingBasis.OPERATOR, COMMANDER, sealed, policy.version)
    on_scene.when(replace(asked, by=commander)).then(started)
    on_scene.when(replace(asked, by=commander, reason=None)).then_raises(InvalidValue, "reason")
    supervisor = replace(commander, roles=frozenset({Role.WATCH_SUPERVISOR}), suspended=True)
    on_scene.when(replace(asked, by=supervisor)).then_refused(RecordingRefused, "suspended")


@pytest.mark.rule("flight.recording")
def test_the_policy_starts_a_recording_where_it_records_all_missions_and_no_zone_forbids_it() -> None:
    assert records_by_policy(on_scene.state, policy)
    assert not records_by_policy(on_scene.state, on_approval)
    assert not records_by_policy(en_route.state, policy)
    assert not records_by_policy(filming.state, policy)
    inside = on_scene.and_when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen))
    assert not records_by_policy(inside.state, policy)
    assert records_by_policy(inside.and_when(RecordZoneExit("pool", seen)).state, policy)


@pytest.mark.rule("flight.recording")
def test_what_a_person_stopped_starts_by_itself_only_at_the_next_scene() -> None:
    enter, leave = RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen), RecordZoneExit("pool", seen)
    for stopped in (
        filming.and_when(StopRecording(OPERATOR)),
        filming.and_when(StopRecording(OPERATOR)).and_when(enter).and_when(leave),
        filming.and_when(enter).and_when(StopRecording(OPERATOR)).and_when(leave),
    ):
        assert not records_by_policy(stopped.state, policy)
        again = stopped.and_when(redirect).and_when(RecordArrival(seen))
        assert records_by_policy(again.state, policy)
    within = filming.and_when(enter).and_when(StopRecording(OPERATOR))
    within.when(StopRecording(OPERATOR)).then_nothing()


@pytest.mark.rule("flight.recording")
def test_recording_stops_by_hand_and_on_landing() -> None:
    filming.when(StopRecording(OPERATOR)).then(RecordingStopped(RecordingStopReason.OPERATOR, OPERATOR))
    on_scene.when(StopRecording(OPERATOR)).then_nothing()
    filming.when(RecordLanding(seen, 80.0)).then_types(RecordingStopped, DroneLanded)
    filming.when(redirect).then_types(RecordingStopped, FlightRedirected)
    filming.when(repurpose).then_types(RecordingStopped, FlightRepurposed)


@pytest.mark.parametrize("rule", [ZoneRule.NO_RECORD, ZoneRule.NO_VIEW])
@pytest.mark.rule("zone.recording")
def test_entering_a_privacy_zone_stops_the_recording_at_once(rule: ZoneRule) -> None:
    enter = RecordZoneEntry("pool", rule, None, seen)
    entered = PrivacyZoneEntered("pool", rule, ZoneEffect.STOPPED, None, OVERHEAD, HEIGHT_UNKNOWN, NOW)
    filming.when(enter).then(entered, RecordingStopped(RecordingStopReason.PRIVACY_ZONE, None))
    inside = filming.and_when(enter)
    inside.when(enter).then_nothing()
    inside.when(by_policy).then_refused(RecordingRefused, "in_privacy_zone")
    inside.when(RecordZoneExit("pool", seen)).then(PrivacyZoneLeft("pool", OVERHEAD, HEIGHT_UNKNOWN, NOW))
    inside.and_when(RecordZoneExit("pool", seen)).when(by_policy).then(recording)


@pytest.mark.rule("zone.told")
def test_a_zone_entered_without_recording_is_an_event_either_way() -> None:
    enter = RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen)
    on_scene.when(enter).then(
        PrivacyZoneEntered("pool", ZoneRule.NO_RECORD, ZoneEffect.NOT_RECORDING, None, OVERHEAD, HEIGHT_UNKNOWN, NOW)
    )
    on_scene.and_when(enter).when(by_policy).then_refused(RecordingRefused, "in_privacy_zone")
    on_scene.when(RecordZoneExit("pool", seen)).then_nothing()
    above = GroundHeight(61.5, HeightSource.TERRAIN_REPORT)
    on_scene.when(RecordZoneApproach("pool", 40.0, seen, above)).then(
        PrivacyZoneApproached("pool", 40.0, OVERHEAD, above, NOW)
    )


@pytest.mark.rule("zone.recording")
def test_a_mask_or_an_override_lets_the_recording_go_on() -> None:
    for rule, override, effect in (
        (ZoneRule.MASK, None, ZoneEffect.MASKED),
        (ZoneRule.NO_RECORD, "override-1", ZoneEffect.OVERRIDDEN),
    ):
        enter = RecordZoneEntry("pool", rule, override, seen)
        filming.when(enter).then(PrivacyZoneEntered("pool", rule, effect, override, OVERHEAD, HEIGHT_UNKNOWN, NOW))


@pytest.mark.rule("zone.recording")
def test_an_override_that_ends_inside_its_zone_stops_the_recording_at_once() -> None:
    lifted = filming.and_when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, "o1", seen))
    lifted.when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, "o2", seen)).then_nothing()
    over = RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen)
    lifted.when(over).then_types(PrivacyZoneEntered, RecordingStopped)
    lifted.and_when(over).when(over).then_nothing()
    lifted.and_when(over).when(by_policy).then_refused(RecordingRefused, "in_privacy_zone")


def test_an_override_that_begins_inside_its_zone_opens_it() -> None:
    inside = filming.and_when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen))
    opened = inside.and_when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, "o1", seen))
    opened.when(by_policy).then(recording)
    opened.and_when(RecordZoneExit("pool", seen)).when(RecordZoneExit("pool", seen)).then_nothing()


def test_a_zone_that_forbids_viewing_covers_the_picture_until_it_is_left_or_lifted() -> None:
    def covered(story: Given[Any, Any, Any]) -> frozenset[str]:
        assert isinstance(story.state, Flying)
        return story.state.sortie.covered

    enter = RecordZoneEntry("pool", ZoneRule.NO_VIEW, None, seen)
    inside = on_scene.and_when(enter)
    assert covered(inside) == {"pool"}
    assert not covered(inside.and_when(RecordZoneExit("pool", seen)))
    assert not covered(inside.and_when(replace(enter, override="o1")))
    assert covered(inside.and_when(replace(enter, override="o1")).and_when(enter)) == {"pool"}
    assert not covered(on_scene.and_when(replace(enter, rule=ZoneRule.NO_RECORD)))


def test_a_zone_redrawn_around_a_drone_asks_for_what_it_then_says() -> None:
    inside = filming.and_when(RecordZoneEntry("pool", ZoneRule.MASK, None, seen))
    stricter = RecordZoneEntry("pool", ZoneRule.NO_VIEW, None, seen)
    inside.when(stricter).then_types(PrivacyZoneEntered, RecordingStopped)
    covered = inside.and_when(stricter)
    covered.when(stricter).then_nothing()
    covered.when(by_policy).then_refused(RecordingRefused, "in_privacy_zone")
    milder = covered.and_when(RecordZoneEntry("pool", ZoneRule.MASK, None, seen))
    assert isinstance(milder.state, Flying) and not milder.state.sortie.covered
    milder.when(by_policy).then(recording)


def test_leaving_one_of_two_zones_is_not_leaving_the_other() -> None:
    story = on_scene
    for zone in ("pool", "school"):
        story = story.and_when(RecordZoneEntry(zone, ZoneRule.NO_RECORD, None, seen))
    story = story.and_when(RecordZoneExit("pool", seen))
    story.when(by_policy).then_refused(RecordingRefused, "in_privacy_zone")


# -- afterwards --------------------------------------------------------------

outcome = RecordOutcome(FLIGHT_ID, (Outcome.SUBJECT_LOCATED,) * 2, 1, 0, "found in the alley", OPERATOR)
categorise = CategoriseFlight(RecordCategory.INVESTIGATORY_FILE, "evidence in a burglary case", OPERATOR)
archive = ArchiveTelemetry("a" * 64, 1000, 90, 10)


@pytest.mark.rule("flight.outcome")
def test_what_a_flight_was_good_for_is_recorded_after_it() -> None:
    sealed = Personal(f"call-{CALL}", "found in the alley")
    back.when(outcome).then(OutcomeRecorded((Outcome.SUBJECT_LOCATED,), 1, 0, sealed, OPERATOR))
    on_scene.when(outcome).then_raises(WrongState)
    back.when(replace(outcome, arrests_assisted=-1)).then_raises(InvalidValue, "arrests_assisted")


@pytest.mark.rule("flight.public_record")
def test_a_flight_is_categorised_before_it_is_published() -> None:
    back.when(publish).then_raises(WrongState)
    ready = back.and_when(categorise)
    back.when(categorise).then(FlightCategorised(RecordCategory.INVESTIGATORY_FILE, OPERATOR, categorise.reason))
    ready.when(publish, at=A_DAY_ON).then(FlightPublished(OPERATOR))
    assert isinstance(ready.and_when(publish, at=A_DAY_ON).state, Published)
    published.when(publish).then_nothing()


def test_a_category_may_be_decided_anew_after_publication() -> None:
    again = published.and_when(categorise)
    assert isinstance(again.state, Published)
    assert again.state.landed.category is RecordCategory.INVESTIGATORY_FILE


@pytest.mark.rule("flight.public_record")
def test_a_withheld_flight_says_why_and_may_be_published_later() -> None:
    withhold = WithholdPublication("ongoing_investigation", "Gov. Code §7923.600", OPERATOR)
    back.when(withhold).then(PublicationWithheld("ongoing_investigation", "Gov. Code §7923.600", OPERATOR))
    published.when(withhold).then_raises(WrongState)
    back.when(replace(withhold, reason_code="Because!")).then_raises(InvalidValue, "reason_code")
    back.and_when(withhold).and_when(categorise).when(publish, at=A_DAY_ON).then(FlightPublished(OPERATOR))


@pytest.mark.rule("public.publication_delay")
def test_a_flight_is_published_no_sooner_than_the_policy_says() -> None:
    ready = back.and_when(CategoriseFlight(RecordCategory.INVESTIGATION, "a theft", COMMANDER))
    ready.when(publish, at=A_DAY_ON - SECOND).then_raises(WrongState)
    ready.when(publish, at=A_DAY_ON).then(FlightPublished(OPERATOR))
    at_once = replace(policy, parameters=replace(policy.parameters, publication_delay_hours=0))
    ready.when(replace(publish, policy=at_once), at=A_DAY_ON - DAY).then(FlightPublished(OPERATOR))


def test_the_telemetry_of_any_flight_is_archived_by_hash() -> None:
    for story in EVERY_STATE:
        story.when(archive).then(TelemetryArchived("a" * 64, 1000, 90, 10))
    back.when(replace(archive, sha256="A" * 64)).then_raises(InvalidValue, "sha256")


LATE_FRAMES: list[Command] = [
    RecordCameraTurn(-40.0, NOW),
    RecordZoneEntry("pool", ZoneRule.MASK, None, seen),
    RecordGeofenceBreach("city boundary", seen),
    redirect,
    repurpose,
    by_policy,
]


@pytest.mark.parametrize("command", LATE_FRAMES, ids=lambda command: type(command).__name__)
def test_a_drone_on_the_ground_does_nothing_of_a_drone_in_the_air(command: Command) -> None:
    for story in (given(tactical), given(requested, authorised), back):
        story.when(command).then_raises(WrongState, "flight")


# -- limits, and what is kept ----------------------------------------------------------


@pytest.mark.rule("flight.safety_first")
def test_why_a_drone_must_not_take_off_is_told_by_where_its_launch_stands() -> None:
    permitted = given(requested, authorised)
    assert launch_permit(permitted.state, authorised.expires_at) is None
    for story, at, code in (
        (permitted, authorised.expires_at + SECOND, "authorisation_lapsed"),
        (permitted.and_when(ordering(SafetyOrder.HOLD)), NOW, "halted"),
        (waiting, NOW, "not_authorised"),
        (refused, NOW, "not_authorised"),
        (lapsed, NOW, "not_authorised"),
        (en_route, NOW, "not_authorised"),
        (given(), NOW, "not_authorised"),
    ):
        why = launch_permit(story.state, at)
        assert why is not None and why.code == code and why.message and why.rule
    for story, may_be in ((permitted, True), (en_route, True), (on_scene, True), (waiting, False), (back, False)):
        assert may_be_airborne(story.state) is may_be


@pytest.mark.rule("flight.safety_first")
def test_an_order_is_late_from_more_than_a_second_on() -> None:
    for late, ordered_at in ((False, NOW - SECOND), (True, NOW - 1.001 * SECOND), (False, NOW + SECOND)):
        command = replace(ordering(SafetyOrder.LAND), ordered_at=ordered_at)
        on_scene.when(command).then(LandingOrdered(PILOT, ordered_at, OrderOutcome.ACCEPTED, "", late))


def test_what_was_seen_in_the_air_is_recorded_as_it_was_seen() -> None:
    there = Observation(OVERHEAD, NOW + 70 * SECOND, NOW + MINUTE)
    en_route.when(RecordArrival(there)).then(ArrivedOnScene(OVERHEAD, NOW + 70 * SECOND, NOW + MINUTE, 10.0))
    down = Observation(OVERHEAD, NOW + 8 * MINUTE, NOW + 9 * MINUTE)
    on_scene.when(RecordLanding(down, 91.4)).then(
        DroneLanded(DRONE, OVERHEAD, NOW + 8 * MINUTE, NOW + 9 * MINUTE, -60.0, 91.4, 540.0)
    )
    position = replace(OVERHEAD, agl_m=12.0)
    silent = given(*en_route.happened, LinkLost(NOW, None))
    silent.when(RecordLinkRestored(NOW + 1.2346 * SECOND, position)).then(
        LinkRestored(NOW + 1.2346 * SECOND, 1.235, position)
    )
    heard = given(*silent.happened, LinkRestored(NOW, 0.0, None))
    heard.when(RecordLinkLost(NOW + MINUTE, position)).then(LinkLost(NOW + MINUTE, position))
    anomaly = ReportAnomaly(AnomalyKind.BATTERY, "x" * 301, OVERHEAD, NOW - SECOND, NOW)
    on_scene.when(anomaly).then(AnomalyReported(AnomalyKind.BATTERY, "x" * 300, OVERHEAD, NOW - SECOND, NOW))


@pytest.mark.rule("flight.anomalies")
def test_a_take_off_that_nobody_allowed_is_told_with_where_and_when() -> None:
    anomaly, flown = waiting.when(RecordLaunch(seen, NOW)).events()
    assert anomaly == AnomalyReported(
        AnomalyKind.LAUNCHED_WITHOUT_AUTHORISATION,
        "the drone left the ground without an authorisation in force",
        OVERHEAD,
        NOW,
        NOW,
    )
    assert flown == replace(launched, authorised=False)
    late = replace(seen, observed_at=authorised.expires_at + SECOND)
    given(requested, authorised).when(RecordLaunch(late, None)).then_types(AnomalyReported, DroneLaunched)
    in_time = replace(seen, device_time=None, observed_at=authorised.expires_at)
    given(requested, authorised).when(RecordLaunch(in_time, None)).then_types(DroneLaunched)
    halted = given(requested, authorised).and_when(replace(ordering(SafetyOrder.HOLD), ordered_at=NOW + 20 * MINUTE))
    halted.when(RecordLaunch(seen, authorised.expires_at + SECOND)).then_types(AnomalyReported, DroneLaunched)
    halted.when(RecordLaunch(seen, authorised.expires_at)).then_types(DroneLaunched)


@pytest.mark.rule("flight.redirected")
def test_nothing_extends_a_flight_below_its_lowest_height_or_without_a_reason() -> None:
    for height in (LOWEST_CRUISE_M, policy.parameters.max_agl_m):
        on_scene.when(replace(redirect, agl_m=height)).then_types(FlightRedirected)
        on_scene.when(replace(repurpose, agl_m=height)).then_types(FlightRepurposed)
    for command in (redirect, repurpose):
        on_scene.when(replace(command, agl_m=LOWEST_CRUISE_M - 0.1)).then_raises(InvalidValue, "agl_m")
        on_scene.when(replace(command, reason="xx")).then_raises(InvalidValue, "reason")
    on_scene.when(replace(redirect, reason="x" * 200)).then_types(FlightRedirected)
    on_scene.when(replace(redirect, reason="x" * 201)).then_raises(InvalidValue, "reason")
    on_scene.when(replace(repurpose, reason="xxx")).then_types(FlightRepurposed)
    on_scene.when(replace(repurpose, reason="x" * 500)).then_types(FlightRepurposed)
    on_scene.when(replace(repurpose, reason="x" * 501)).then_raises(InvalidValue, "reason")
    on_scene.when(replace(repurpose, agl_m=500.1)).then_raises(InvalidValue, "agl_m")
    on_scene.when(replace(repurpose, agl_m=500.0)).then_refused(RepurposeRefused, "too_high")
    on_scene.when(replace(repurpose, purpose="nonsense_purpose")).then_raises(InvalidValue, "purpose")


@pytest.mark.rule("flight.redirected")
def test_a_drone_that_was_sent_elsewhere_is_on_its_way_there_for_that_job() -> None:
    again = on_scene.and_when(redirect)
    assert isinstance(again.state, EnRoute) and again.state.sortie.destination == ELSEWHERE
    other = on_scene.and_when(replace(repurpose, case=CaseNumber("926-0123")))
    assert isinstance(other.state, EnRoute)
    sortie = other.state.sortie
    assert (sortie.purpose, sortie.call, sortie.case) == ("search_and_rescue", NEW_CALL, "926-0123")
    assert sortie.destination == ELSEWHERE
    sealed = Personal(f"call-{NEW_CALL}", "suspect ran south")
    other.when(redirect).then(FlightRedirected(ELSEWHERE, 60.0, OPERATOR, sealed))


@pytest.mark.rule("record.public_sealed")
def test_words_about_a_flight_are_sealed_under_its_incident() -> None:
    by_case = given(replace(requested, call=None, case=CaseNumber("926-0123")), authorised, launched, arrived, landed)
    training = given(replace(requested, call=None, authorisation="training 12"), authorised, launched, arrived, landed)
    for story, subject in ((by_case, "case-926-0123"), (training, f"flight-{FLIGHT_ID}")):
        (told,) = story.when(outcome).events()
        assert isinstance(told, OutcomeRecorded) and told.note == Personal(subject, "found in the alley")


@pytest.mark.rule("flight.repurposed")
def test_a_job_that_is_refused_in_the_air_says_which_and_who_asked_and_every_reason() -> None:
    asked = replace(repurpose, call=None, standing=None, airspace=None)
    (no,) = on_scene.when(asked).events()
    assert isinstance(no, RepurposeRefused) and (no.purpose, no.requested_by) == ("search_and_rescue", OPERATOR)
    on_scene.when(asked).then_refused(RepurposeRefused, "call_or_case_missing", "airspace_authority_missing")
    job = replace(repurpose, purpose="barricaded_suspect")
    (who,) = on_scene.when(job).then_refused(RepurposeRefused, "not_authorised")
    assert who.accepted == "station_commander"
    several = on_scene.when(replace(repurpose, purpose="pursuit")).then_refused(RepurposeRefused, "not_authorised")
    assert several[0].accepted == "watch_supervisor, station_commander"
    filming.when(asked).then_types(RepurposeRefused)
    filming.when(repurpose).then_types(RecordingStopped, FlightRepurposed)


@pytest.mark.rule("flight.recording")
def test_a_recording_that_is_refused_says_who_asked_and_every_reason() -> None:
    asked = StartRecording(FLIGHT_ID, operator, "evidence of the break-in", on_approval)
    (no,) = on_scene.when(asked).events()
    assert isinstance(no, RecordingRefused) and no.requested_by == OPERATOR
    (role,) = on_scene.when(asked).then_refused(RecordingRefused, "role_cannot_authorise")
    assert role.accepted == "watch_supervisor, station_commander"
    (nobody,) = en_route.when(replace(by_policy, policy=None)).events()
    assert isinstance(nobody, RecordingRefused) and nobody.requested_by is None
    en_route.when(replace(by_policy, policy=None)).then_refused(RecordingRefused, "in_transit", "no_policy")
    on_scene.when(replace(asked, policy=None)).then_refused(RecordingRefused, "no_policy")
    sealed = Personal(f"call-{CALL}", "evidence of the break-in")
    on_scene.when(replace(asked, policy=policy)).then(
        RecordingStarted(RecordingBasis.OPERATOR, OPERATOR, sealed, policy.version)
    )
    supervisor = replace(commander, roles=frozenset({Role.WATCH_SUPERVISOR}))
    for length in (3, 500):
        on_scene.when(replace(asked, by=supervisor, reason="x" * length)).then_types(RecordingStarted)
    for length in (2, 501):
        on_scene.when(replace(asked, by=supervisor, reason="x" * length)).then_raises(InvalidValue, "reason")


@pytest.mark.rule("zone.told")
def test_what_a_zone_does_is_told_by_its_rule_also_where_nothing_is_recorded() -> None:
    masked = RecordZoneEntry("pool", ZoneRule.MASK, None, seen)
    on_scene.when(masked).then(
        PrivacyZoneEntered("pool", ZoneRule.MASK, ZoneEffect.NOT_RECORDING, None, OVERHEAD, HEIGHT_UNKNOWN, NOW)
    )
    inside = on_scene.and_when(masked)
    inside.when(masked).then_nothing()
    inside.when(by_policy).then(recording)
    lifted = on_scene.and_when(replace(masked, override="o1"))
    lifted.when(masked).then_types(PrivacyZoneEntered)
    for rule in (ZoneRule.NO_RECORD, ZoneRule.NO_VIEW):
        opened = on_scene.and_when(RecordZoneEntry("pool", rule, "o1", seen))
        assert records_by_policy(opened.state, policy)
        assert isinstance(opened.state, Flying)
        sortie = opened.state.sortie
        assert (dict(sortie.zones), sortie.lifted, sortie.covered) == ({"pool": False}, {"pool"}, frozenset())
        left = opened.and_when(RecordZoneExit("pool", seen))
        assert isinstance(left.state, Flying) and not left.state.sortie.lifted and not left.state.sortie.zones
    hidden = on_scene.and_when(RecordZoneEntry("pool", ZoneRule.NO_VIEW, None, seen))
    assert isinstance(hidden.state, Flying)
    assert dict(hidden.state.sortie.zones) == {"pool": True} and not hidden.state.sortie.lifted
    hidden.when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen)).then_types(PrivacyZoneEntered)


@pytest.mark.rule("flight.outcome")
def test_an_outcome_counts_within_reason_and_may_say_nothing_more() -> None:
    for field in ("subjects_located", "arrests_assisted"):
        for count in (0, 1000):
            assert back.when(replace(outcome, **{field: count})).events()  # type: ignore[arg-type]
        for count in (-1, 1001):
            back.when(replace(outcome, **{field: count})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    for nothing in (None, ""):
        (told,) = back.when(replace(outcome, note=nothing)).events()
        assert isinstance(told, OutcomeRecorded) and told.note is None
    assert back.when(replace(outcome, note="x" * 2000)).events()
    back.when(replace(outcome, note="x" * 2001)).then_raises(InvalidValue, "note")
    two = (Outcome.SUBJECT_LOCATED, Outcome.DE_ESCALATION, Outcome.SUBJECT_LOCATED)
    (told,) = published.when(replace(outcome, outcomes=two)).events()
    assert isinstance(told, OutcomeRecorded) and told.outcomes == two[:2]


@pytest.mark.rule("flight.public_record")
def test_a_category_and_a_reason_to_withhold_have_a_length() -> None:
    withhold = WithholdPublication("ongoing_investigation", "Gov. Code §7923.600", OPERATOR)
    for length in (3, 500):
        assert back.when(replace(categorise, reason="x" * length)).events()
    for length in (2, 501):
        back.when(replace(categorise, reason="x" * length)).then_raises(InvalidValue, "reason")
    for length in (3, 200):
        assert back.when(replace(withhold, legal_basis="x" * length)).events()
    for length in (2, 201):
        back.when(replace(withhold, legal_basis="x" * length)).then_raises(InvalidValue, "legal_basis")
    too_soon = back.and_when(categorise).when(publish).then_raises(WrongState, "flight")
    assert too_soon.accepted == f"from {A_DAY_ON.isoformat()}"
    withheld = back.and_when(withhold)
    assert isinstance(withheld.state, Withheld) and withheld.state.landed == back.state
    again = withheld.and_when(categorise)
    assert isinstance(again.state, Withheld)
    assert again.state.landed.category is RecordCategory.INVESTIGATORY_FILE
    assert isinstance(published.state, Published) and published.state.landed.at == landed.observed_at


def test_an_order_in_the_air_leads_where_it_says_from_wherever_the_drone_is() -> None:
    for story in (en_route, on_scene):
        for order, state in (
            (SafetyOrder.RETURN, Returning),
            (SafetyOrder.LAND, Landing),
            (SafetyOrder.ABORT, Landing),
        ):
            after = story.and_when(ordering(order)).state
            assert isinstance(after, state) and isinstance(story.state, Flying) and after.sortie == story.state.sortie
    assert isinstance(en_route.and_when(ordering(SafetyOrder.HOLD)).state, Holding)
    assert isinstance(en_route.and_when(ordering(SafetyOrder.HOLD, OrderOutcome.DENIED)).state, EnRoute)


def test_a_flight_begins_with_its_request_and_carries_what_that_said() -> None:
    assert given(launched).state == given().state
    sortie = Sortie(requested, "call_for_service", CALL, None, SCENE, launched)
    assert en_route.state == EnRoute(sortie)
    assert on_scene.state == OnScene(sortie)
    assert en_route.and_when(ordering(SafetyOrder.HOLD)).state == Holding(sortie)
    assert filming.state == OnScene(replace(sortie, recording=True))
    assert filming.and_when(StopRecording(OPERATOR)).state == OnScene(replace(sortie, stopped=True))
    assert back.state == Landed(sortie, landed.observed_at)
    for rule in ZoneRule:
        inside = on_scene.and_when(RecordZoneEntry("pool", rule, None, seen))
        assert inside.and_when(RecordZoneExit("pool", seen)).state == on_scene.state
    silent = given(*en_route.happened, LinkLost(NOW, None))
    assert silent.state == EnRoute(replace(sortie, silent_since=NOW))
    assert silent.and_when(RecordLinkRestored(NOW + SECOND, None)).state == en_route.state


@pytest.mark.rule("flight.recording")
def test_a_recording_that_a_person_stops_and_starts_again_goes_on_by_itself_behind_a_zone() -> None:
    stopped = filming.and_when(StopRecording(OPERATOR))
    assert not records_by_policy(stopped.state, policy)
    again = stopped.and_when(StartRecording(FLIGHT_ID, operator, "he is back", policy))
    inside = again.and_when(RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen))
    assert records_by_policy(inside.and_when(RecordZoneExit("pool", seen)).state, policy)


def test_the_drone_follows_each_event_of_several() -> None:
    stray = replace(launched, authorised=False, position=OVERHEAD, device_time=None, observed_at=NOW + SECOND)
    assert drone_follows(FLIGHT_ID, [authorised, stray, landed]) == [
        AssignDrone(FLIGHT_ID),
        ReportUnassignedFlight(OVERHEAD, None, NOW + SECOND),
        ReleaseDrone(FLIGHT_ID, flown=True),
    ]


@pytest.mark.rule("record.public_sealed")
def test_words_said_in_the_air_are_sealed_under_the_incident_of_that_moment() -> None:
    case, training = replace(requested, call=None, case=CaseNumber("926-0123")), replace(requested, call=None)
    for asked, subject in ((case, "case-926-0123"), (training, f"flight-{FLIGHT_ID}")):
        story = given(asked, authorised, launched, arrived)
        (moved,) = story.when(redirect).events()
        assert isinstance(moved, FlightRedirected) and moved.reason == Personal(subject, "suspect ran south")
        (started,) = story.when(StartRecording(FLIGHT_ID, operator, "evidence", policy)).events()
        assert isinstance(started, RecordingStarted) and started.reason == Personal(subject, "evidence")
    on_scene.when(replace(redirect, reason="xxx")).then_types(FlightRedirected)
    by_case = replace(repurpose, call=None, standing=None, case=CaseNumber("926-0123"))
    (other,) = on_scene.when(by_case).events()
    assert isinstance(other, FlightRepurposed) and other.reason == Personal("case-926-0123", "missing child")
    assert other.case == "926-0123"
    document = replace(repurpose, purpose="training", call=None, standing=None, authorisation="training plan 12")
    (trained,) = on_scene.when(document).events()
    assert isinstance(trained, FlightRepurposed) and trained.authorisation == "training plan 12"
    assert trained.reason == Personal(f"flight-{FLIGHT_ID}", "missing child")
    without = replace(document, authorisation=None)
    on_scene.when(without).then_refused(RepurposeRefused, "authorisation_missing")


@pytest.mark.rule("flight.repurposed")
def test_a_job_in_the_air_is_held_to_the_policy_in_force() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch")
    wider = replace(policy, parameters=replace(policy.parameters, purposes=(*policy.parameters.purposes, own)))
    on_scene.when(replace(repurpose, purpose="harbour_watch", policy=wider)).then_types(FlightRepurposed)
    on_scene.when(replace(repurpose, purpose="harbour_watch")).then_raises(InvalidValue, "purpose")
    pursuit = replace(repurpose, purpose="pursuit", airspace=None)
    auditor = replace(commander, roles=frozenset({Role.AUDITOR}))
    on_scene.when(replace(pursuit, authoriser=(auditor, commanders_session))).then_refused(
        RepurposeRefused, "airspace_authority_missing", "role_cannot_authorise"
    )
    on_scene.when(replace(pursuit, authoriser=(commander, commanders_session))).then_refused(
        RepurposeRefused, "airspace_authority_missing"
    )
    (height,) = on_scene.when(replace(repurpose, agl_m=130.0)).then_refused(RepurposeRefused, "too_high")
    assert height.field == "agl_m"


@pytest.mark.rule("flight.recording")
def test_a_recording_that_stops_says_why() -> None:
    transit, down = RecordingStopped(RecordingStopReason.IN_TRANSIT, None), RecordingStopReason.LANDED
    assert filming.when(redirect).events()[0] == filming.when(repurpose).events()[0] == transit
    assert filming.when(RecordLanding(seen, 80.0)).events()[0] == RecordingStopped(down, None)


def test_what_is_told_late_of_a_flight_that_is_over_changes_nothing() -> None:
    late = AnomalyReported(AnomalyKind.BATTERY, "battery low", None, None, NOW)
    for story in (back, published):
        assert given(*story.happened, late).state == story.state
    for story in (refused, on_scene):
        assert given(*story.happened, late).state == story.state
