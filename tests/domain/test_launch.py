"""Asking for a launch, authorising it, and letting it lapse: every rule of a launch with its refusal on the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.call import CallStanding
from domain.flight_commands import (
    AcceptUnknowns,
    AuthoriseLaunch,
    DeclineLaunch,
    LapseLaunch,
    OrderLaunch,
    RequestLaunch,
    WithdrawLaunch,
)
from domain.flight_events import (
    AuthorisationRefused,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchOrdered,
    LaunchRefused,
    LaunchRequested,
    LaunchWithdrawn,
    UnknownsAccepted,
)
from domain.flight_state import launch_permit
from domain.kernel import (
    CallNumber,
    CaseNumber,
    DockId,
    FlightId,
    InvalidValue,
    NotFound,
    Personal,
    PersonId,
    WrongState,
)
from domain.launch import Conditions, Finding, Go
from domain.person import Role
from domain.policy import COMMANDER_PURPOSES, PROHIBITED, RECORD_ALL_KEEP_30_DAYS, PolicyInForce, PurposeRule
from domain.session import SessionStanding
from tests.domain.scenario import DAY, HOUR, MINUTE, NOW, SECOND
from tests.domain.sorties import (
    CALL,
    COMMANDER,
    DRONE,
    FLIGHT_ID,
    OPERATOR,
    PILOT,
    airspace,
    asking,
    authorised,
    commander,
    commanders_session,
    facts,
    given,
    go,
    knowing,
    operator,
    plan,
    policy,
    request,
    requested,
    session,
    tactical,
    unknown,
    waiting,
)


def test_a_launch_that_nothing_speaks_against_is_authorised_for_ten_minutes() -> None:
    given().when(request).then(requested, authorised)


def test_a_flight_is_asked_for_once() -> None:
    given(requested, authorised).when(request).then_raises(WrongState, "flight")


def refused(command: RequestLaunch, *codes: str) -> None:
    """What was asked is on the record, and then every reason against it."""
    asked = given().when(command)
    asked.then_types(LaunchRequested, LaunchRefused)
    asked.then_refused(LaunchRefused, *codes)


# -- purpose -----------------------------------------------------------------


@pytest.mark.parametrize("purpose", PROHIBITED)
@pytest.mark.parametrize("by", [OPERATOR, COMMANDER])
@pytest.mark.rule("policy.prohibited")
def test_a_prohibited_purpose_is_refused_whoever_asks(purpose: str, by: PersonId) -> None:
    command = replace(asking(purpose=purpose), by=by, facts=replace(facts, session=replace(session, person=by)))
    refused(command, "purpose_prohibited")


@pytest.mark.rule("policy.prohibited")
@pytest.mark.parametrize("purpose", PROHIBITED)
def test_what_is_ruled_out_is_refused_under_a_policy_that_forgot_to_say_so_and_without_one(purpose: str) -> None:
    silent = replace(policy, parameters=replace(policy.parameters, prohibited=()))
    refused(replace(asking(purpose=purpose), facts=replace(facts, policy=silent)), "purpose_prohibited")
    nothing_adopted = replace(asking(purpose=purpose), facts=replace(facts, policy=None))
    refused(nothing_adopted, "purpose_prohibited", "no_policy")


@pytest.mark.rule("policy.prohibited")
def test_a_policy_may_prohibit_more() -> None:
    stricter = replace(RECORD_ALL_KEEP_30_DAYS, prohibited=(*PROHIBITED, "party_patrol"))
    command = replace(asking(purpose="party_patrol"), facts=replace(facts, policy=replace(policy, parameters=stricter)))
    refused(command, "purpose_prohibited")


@pytest.mark.rule("launch.purpose")
def test_a_purpose_must_be_adopted() -> None:
    training_only = replace(RECORD_ALL_KEEP_30_DAYS, purposes=(PurposeRule("training", "Training"),))
    refused(knowing(policy=replace(policy, parameters=training_only)), "purpose_not_adopted")


@pytest.mark.rule("launch.purpose")
def test_a_purpose_nobody_knows_is_a_slip_and_names_those_accepted() -> None:
    mistake = given().when(asking(purpose="joyride")).then_raises(InvalidValue, "purpose")
    assert "call_for_service" in (mistake.accepted or "")
    assert "face_recognition" not in (mistake.accepted or "")
    assert "joyride" not in str(mistake)


@pytest.mark.rule("launch.policy")
def test_nothing_flies_without_a_policy_in_force() -> None:
    refused(knowing(policy=None), "no_policy")


# -- call, case or authorisation ---------------------------------------------


@pytest.mark.rule("launch.basis")
def test_a_launch_names_a_call_or_a_case() -> None:
    refused(replace(asking(call=None), facts=replace(facts, call=None)), "call_or_case_missing")
    case = replace(asking(call=None, case=CaseNumber("926-01234")), facts=replace(facts, call=None))
    given().when(case).then_types(LaunchRequested, LaunchAuthorised)


@pytest.mark.rule("launch.basis")
def test_the_call_is_one_that_dispatch_knows_and_has_not_closed() -> None:
    refused(knowing(call=CallStanding(CALL, known=False, open=False)), "call_unknown")
    refused(knowing(call=CallStanding(CALL, known=True, open=False)), "call_closed")
    refused(knowing(call=None), "call_unknown")


@pytest.mark.parametrize("purpose", ["training", "special_event"])
@pytest.mark.rule("launch.authorisation_named")
def test_training_and_special_events_name_an_authorisation_instead(purpose: str) -> None:
    bare = replace(asking(purpose=purpose, call=None), facts=replace(facts, call=None))
    refused(bare, "authorisation_missing")
    named = replace(bare, plan=replace(bare.plan, authorisation="Training plan 2026-07"))
    given().when(named).then_types(LaunchRequested, LaunchAuthorised)


# -- pilot, drone, airspace --------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"certificate_expires_on": NOW.date() - DAY}, "certificate_expired"),
        ({"certificate_expires_on": None, "certificate": None}, "certificate_missing"),
        ({"medical_hold": True}, "medical_hold"),
        ({"suspended": True}, "pilot_suspended"),
        ({"trained": False}, "pilot_training_expired"),
        ({"has_role": False}, "pilot_role_missing"),
    ],
)
@pytest.mark.rule("launch.pilot")
def test_the_pilot_is_fit_trained_and_certified(changed: dict[str, Any], code: str) -> None:
    refused(knowing(pilot=replace(facts.pilot, **changed)), code)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ready": False}, "drone_not_ready"),
        ({"assigned_to": FlightId("another")}, "drone_in_flight"),
        ({"registered": False, "ready": False, "dock": None}, "drone_unknown"),
        ({"dock": DockId("city-hall")}, "dock_is_not_the_drones"),
    ],
)
@pytest.mark.rule("launch.drone")
def test_the_drone_is_ready_in_its_dock_and_no_other_flights(changed: dict[str, Any], code: str) -> None:
    refused(knowing(drone=replace(facts.drone, **changed)), code)


@pytest.mark.rule("launch.airspace")
def test_the_airspace_authority_is_named_and_current() -> None:
    refused(asking(airspace=None), "airspace_authority_missing")
    refused(asking(airspace=replace(airspace, expires_on=NOW.date() - DAY)), "airspace_authority_expired")


@pytest.mark.rule("launch.separation")
def test_somebody_or_something_sees_other_aircraft() -> None:
    refused(asking(separation=None), "separation_missing")


@pytest.mark.rule("launch.height")
def test_the_height_is_the_policys() -> None:
    given().when(asking(cruise_agl_m=121.92)).then_types(LaunchRequested, LaunchAuthorised)
    refused(asking(cruise_agl_m=122.0), "too_high")


# -- go or no-go -------------------------------------------------------------


@pytest.mark.parametrize("name", ["weather", "traffic", "airspace"])
@pytest.mark.rule("launch.go")
def test_no_go_is_no_go_whoever_accepts_it(name: str) -> None:
    finding = Finding(Go.NO_GO, "aviationweather.gov")
    conditions = replace(plan.conditions, **{name: finding})
    refused(asking(conditions=conditions), f"{name}_no_go")
    refused(asking(conditions=conditions, accepted_unknowns=(name,)), f"{name}_no_go")


@pytest.mark.parametrize("name", ["weather", "traffic", "airspace"])
@pytest.mark.rule("launch.unknown")
def test_unknown_is_no_go_unless_the_pilot_himself_accepts_it(name: str) -> None:
    conditions = replace(plan.conditions, **{name: unknown})
    refused(asking(conditions=conditions), f"{name}_unknown")
    refused(asking(conditions=conditions, accepted_unknowns=(name,)), f"{name}_unknown")
    by_pilot = replace(
        asking(conditions=conditions, accepted_unknowns=(name,)),
        by=PILOT,
        facts=replace(facts, session=replace(session, person=PILOT)),
    )
    given().when(by_pilot).then_types(LaunchRequested, LaunchAuthorised)
    others = tuple({"weather", "traffic", "airspace"} - {name})
    refused(replace(by_pilot, plan=replace(by_pilot.plan, accepted_unknowns=others)), f"{name}_unknown")


# -- session -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (replace(session, stepped_up_until=None), "step_up_required"),
        (replace(session, stepped_up_until=NOW - SECOND), "step_up_required"),
        (replace(session, open=False), "session_not_open"),
        (replace(session, person=PILOT), "session_not_open"),
        (SessionStanding("s1", None, False), "session_not_open"),
    ],
)
@pytest.mark.rule("launch.signed_on")
def test_a_launch_needs_an_open_session_and_a_step_up(standing: SessionStanding, code: str) -> None:
    refused(knowing(session=standing), code)


@pytest.mark.rule("launch.every_reason")
def test_every_reason_is_given_at_once() -> None:
    command = RequestLaunch(
        FLIGHT_ID,
        replace(
            plan,
            purpose="immigration_enforcement",
            call=None,
            airspace=None,
            separation=None,
            cruise_agl_m=200.0,
            conditions=Conditions(unknown, go, Finding(Go.NO_GO, "NOTAM")),
        ),
        replace(
            facts,
            session=replace(session, stepped_up_until=None),
            call=None,
            pilot=replace(facts.pilot, medical_hold=True, certificate_expires_on=NOW.date() - DAY),
            drone=replace(facts.drone, ready=False),
        ),
        OPERATOR,
    )
    refused(
        command,
        "step_up_required",
        "purpose_prohibited",
        "call_or_case_missing",
        "certificate_expired",
        "medical_hold",
        "drone_not_ready",
        "airspace_authority_missing",
        "separation_missing",
        "too_high",
        "weather_unknown",
        "airspace_no_go",
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": "Not a code"}, "purpose"),
        ({"reason": "x"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"cruise_agl_m": float("inf")}, "cruise_agl_m"),
        ({"cruise_agl_m": 9.0}, "cruise_agl_m"),
        ({"call": CallNumber("no number!")}, "call"),
        ({"case": CaseNumber("")}, "case"),
        ({"pilot": PersonId("?")}, "pilot"),
        ({"authorisation": "x"}, "authorisation"),
        ({"airspace": replace(airspace, number="no number")}, "airspace.number"),
        ({"accepted_unknowns": ("luck",)}, "accepted_unknowns"),
        ({"conditions": Conditions(Finding(Go.GO, ""), go, go)}, "conditions.weather.source"),
    ],
)
def test_a_plan_that_makes_no_sense_is_told_which_field(changed: dict[str, Any], field: str) -> None:
    mistake = given().when(asking(**changed)).then_raises(InvalidValue, field)
    assert mistake.accepted


# -- the second person -------------------------------------------------------

authorise = AuthoriseLaunch(commander, replace(facts, session=commanders_session))


@pytest.mark.parametrize("purpose", sorted(COMMANDER_PURPOSES))
@pytest.mark.rule("launch.commander")
def test_barricade_tactical_and_proactive_wait_for_the_station_commander(purpose: str) -> None:
    given().when(asking(purpose=purpose)).then_types(LaunchRequested)


@pytest.mark.rule("launch.commander")
def test_they_wait_even_under_a_policy_that_forgot_to_say_so() -> None:
    # No policy can be drafted like this; one that came to be otherwise changes nothing.
    forgetful = replace(RECORD_ALL_KEEP_30_DAYS, purposes=(PurposeRule("tactical_operation", "Tactical"),))
    command = replace(
        asking(purpose="tactical_operation"), facts=replace(facts, policy=replace(policy, parameters=forgetful))
    )
    given().when(command).then_types(LaunchRequested)


def test_the_station_commander_authorises_for_ten_minutes() -> None:
    waiting.when(authorise, NOW + MINUTE).then(
        LaunchAuthorised(DRONE, COMMANDER, NOW + 11 * MINUTE, "purpose tactical_operation, use policy 1")
    )


@pytest.mark.rule("launch.two_people")
def test_nobody_authorises_what_he_asked_for() -> None:
    own = given(replace(tactical, requested_by=COMMANDER))
    own.when(authorise).then_refused(AuthorisationRefused, "same_person")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.STATION_COMMANDER])
@pytest.mark.rule("launch.commander")
def test_no_other_role_authorises_it(role: Role) -> None:
    other = replace(authorise, by=replace(commander, roles=frozenset({role})))
    waiting.when(other).then_refused(AuthorisationRefused, "role_cannot_authorise")


def test_a_supervisor_authorises_a_pursuit() -> None:
    supervisor = replace(authorise, by=replace(commander, roles=frozenset({Role.WATCH_SUPERVISOR})))
    given(replace(requested, purpose="pursuit")).when(supervisor).then_types(LaunchAuthorised)


@pytest.mark.rule("launch.signed_on")
def test_who_authorises_has_access_and_has_stepped_up() -> None:
    suspended = replace(authorise, by=replace(commander, suspended=True))
    waiting.when(suspended).then_refused(AuthorisationRefused, "suspended")
    cold = replace(
        authorise, facts=replace(authorise.facts, session=replace(commanders_session, stepped_up_until=None))
    )
    waiting.when(cold).then_refused(AuthorisationRefused, "step_up_required")
    borrowed = replace(authorise, facts=facts)
    waiting.when(borrowed).then_refused(AuthorisationRefused, "session_not_open")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"drone": replace(facts.drone, assigned_to=FlightId("another"))}, "drone_in_flight"),
        ({"pilot": replace(facts.pilot, medical_hold=True)}, "medical_hold"),
        ({"call": CallStanding(CALL, True, False)}, "call_closed"),
        ({"policy": None}, "no_policy"),
    ],
)
def test_what_changed_since_the_request_counts(changed: dict[str, Any], code: str) -> None:
    now = replace(authorise, facts=replace(authorise.facts, **changed))
    waiting.when(now).then_refused(AuthorisationRefused, code)


@pytest.mark.rule("launch.basis", "launch.authorisation_named")
@pytest.mark.parametrize(
    "basis",
    [{"call": None, "case": CaseNumber("C-7")}, {"call": None, "authorisation": "drill 7", "purpose": "training"}],
)
def test_what_was_asked_for_a_case_or_a_document_is_authorised_for_that(basis: dict[str, Any]) -> None:
    now = replace(authorise, facts=replace(authorise.facts, call=None))
    given(replace(tactical, **basis)).when(now).then_types(LaunchAuthorised)


@pytest.mark.rule("launch.height")
def test_a_policy_that_has_become_stricter_counts_when_a_launch_is_authorised() -> None:
    low = replace(policy, parameters=replace(policy.parameters, max_agl_m=50))
    (reason,) = waiting.when(replace(authorise, facts=replace(authorise.facts, policy=low))).then_refused(
        AuthorisationRefused, "too_high"
    )
    assert (reason.field, reason.accepted) == ("cruise_agl_m", "at most 50 m above ground")


@pytest.mark.rule("launch.commander")
def test_the_policy_says_which_role_authorises_a_purpose_of_its_own() -> None:
    own = PurposeRule("harbour_watch", "Harbour watch", authorised_by=(Role.WATCH_SUPERVISOR,))
    wider = replace(policy, parameters=replace(policy.parameters, purposes=(*policy.parameters.purposes, own)))
    asked = given(replace(requested, purpose="harbour_watch"))
    by_captain = replace(authorise, facts=replace(authorise.facts, policy=wider))
    asked.when(by_captain).then_refused(AuthorisationRefused, "role_cannot_authorise")
    sergeant = replace(by_captain, by=replace(commander, roles=frozenset({Role.WATCH_SUPERVISOR})))
    asked.when(sergeant).then_types(LaunchAuthorised)


def with_source(source: str) -> Conditions:
    return Conditions(Finding(Go.GO, source), go, go)


def with_detail(detail: str) -> Conditions:
    return Conditions(Finding(Go.GO, "station", detail), go, go)


@pytest.mark.parametrize(
    ("shortest", "longest", "make", "field"),
    [
        (3, 500, lambda said: {"reason": said}, "reason"),
        (3, 200, lambda said: {"authorisation": said}, "authorisation"),
        (1, 120, lambda said: {"conditions": with_source(said)}, "conditions.weather.source"),
        (0, 300, lambda said: {"conditions": with_detail(said)}, "conditions.weather.detail"),
        (1, 200, lambda said: {"separation": replace(plan.separation, by=said)}, "separation.by"),  # type: ignore[type-var]
        (1, 128, lambda said: {"airspace": replace(airspace, version=said)}, "airspace.version"),
    ],
)
def test_what_is_said_of_a_launch_has_a_length(shortest: int, longest: int, make: Any, field: str) -> None:
    for length in (shortest, longest):
        assert given().when(asking(**make("x" * length))).events()
    for length in (shortest - 1, longest + 1):
        if length >= 0:
            given().when(asking(**make("x" * length))).then_raises(InvalidValue, field)


@pytest.mark.rule("launch.separation")
def test_a_refusal_names_the_part_of_the_plan_that_is_at_fault() -> None:
    (missing,) = given().when(asking(separation=None)).then_refused(LaunchRefused, "separation_missing")
    assert missing.field == "separation"
    (high,) = given().when(asking(cruise_agl_m=400)).then_refused(LaunchRefused, "too_high")
    assert high.field == "cruise_agl_m"


@pytest.mark.rule("launch.lapses")
def test_a_request_that_waited_too_long_is_asked_again() -> None:
    waiting.when(authorise, NOW + 10 * MINUTE).then_types(LaunchAuthorised)
    waiting.when(authorise, NOW + 10 * MINUTE + SECOND).then_refused(AuthorisationRefused, "request_stale")


def test_a_refused_authorisation_leaves_the_request_waiting() -> None:
    other = replace(authorise, by=operator)
    waiting.and_when(other).when(authorise).then_types(LaunchAuthorised)


def test_a_launch_is_authorised_once() -> None:
    given(requested, authorised).when(authorise).then_raises(WrongState)
    given().when(authorise).then_raises(NotFound)


def test_the_commander_may_decline() -> None:
    declined = waiting.and_when(DeclineLaunch(COMMANDER, "patrol is there already"))
    waiting.when(DeclineLaunch(COMMANDER, "patrol is there already")).then_refused(LaunchRefused, "declined")
    declined.when(authorise).then_raises(WrongState)


# -- from authorised to the ground left --------------------------------------


@pytest.mark.rule("launch.lapses")
def test_there_is_no_permit_without_an_authorisation() -> None:
    for story in (given(), waiting, given().and_when(asking(airspace=None))):
        reason = launch_permit(story.state, NOW)
        assert reason is not None
        assert reason.code == "not_authorised"
    assert launch_permit(given(requested, authorised).state, NOW) is None


@pytest.mark.rule("launch.lapses")
def test_an_authorisation_lapses() -> None:
    state = given(requested, authorised).state
    assert launch_permit(state, NOW + 10 * MINUTE) is None
    reason = launch_permit(state, NOW + 10 * MINUTE + SECOND)
    assert reason is not None
    assert reason.code == "authorisation_lapsed"


def test_the_length_of_an_authorisation_is_the_policys() -> None:
    short = PolicyInForce(
        policy.version, replace(RECORD_ALL_KEEP_30_DAYS, launch_authorisation_minutes=3), "c" * 64, NOW
    )
    events = given().when(knowing(policy=short)).then_types(LaunchRequested, LaunchAuthorised)
    assert isinstance(events[1], LaunchAuthorised)
    assert events[1].expires_at == NOW + 3 * MINUTE


def test_a_lapsed_launch_is_on_the_record_once_a_last_take_off_would_have_been_seen() -> None:
    story = given(requested, authorised)
    story.when(LapseLaunch(), NOW + 10 * MINUTE + 30 * SECOND).then_nothing()
    lapsed = LaunchLapsed(DRONE, NOW + 10 * MINUTE)
    story.when(LapseLaunch(), NOW + 10 * MINUTE + 31 * SECOND).then(lapsed)
    given(requested, authorised, lapsed).when(LapseLaunch(), NOW + HOUR).then_nothing()
    assert launch_permit(given(requested, authorised, lapsed).state, NOW) is not None


@pytest.mark.rule("launch.lapses")
def test_a_request_nobody_authorised_lapses_too() -> None:
    waiting.when(LapseLaunch(), NOW + 10 * MINUTE).then_nothing()
    waiting.when(LapseLaunch(), NOW + 10 * MINUTE + SECOND).then(LaunchLapsed(DRONE, NOW + 10 * MINUTE))


def test_a_launch_is_withdrawn_before_it_begins() -> None:
    withdrawn = LaunchWithdrawn(DRONE, OPERATOR, "false alarm")
    for story in (waiting, given(requested, authorised)):
        story.when(WithdrawLaunch(OPERATOR, "false alarm")).then(withdrawn)
        gone = story.and_when(WithdrawLaunch(OPERATOR, "false alarm"))
        assert launch_permit(gone.state, NOW) is not None
        gone.when(WithdrawLaunch(OPERATOR, "again")).then_raises(WrongState)


@pytest.mark.rule("flight.pilot_in_command")
def test_the_pilot_in_command_orders_the_take_off_while_the_authorisation_lasts() -> None:
    story = given(requested, authorised)
    story.when(OrderLaunch(PILOT, facts)).then(LaunchOrdered(DRONE, PILOT))
    story.when(OrderLaunch(OPERATOR, facts)).then_raises(WrongState)
    story.when(OrderLaunch(PILOT, facts), NOW + 11 * MINUTE).then_raises(WrongState)
    waiting.when(OrderLaunch(PILOT, facts)).then_raises(WrongState)


@pytest.mark.rule("launch.pilot", "launch.drone")
def test_what_came_between_authorisation_and_take_off_counts() -> None:
    story, fit = given(requested, authorised), facts.pilot
    for pilot in (
        replace(fit, medical_hold=True),
        replace(fit, certificate_expires_on=(NOW - DAY).date()),
        replace(fit, suspended=True),
        replace(fit, trained=False),
    ):
        story.when(OrderLaunch(PILOT, replace(facts, pilot=pilot))).then_raises(WrongState, "pilot")
    cracked = replace(facts.drone, grounded="a cracked propeller")
    story.when(OrderLaunch(PILOT, replace(facts, drone=cracked))).then_raises(WrongState, "drone")


# -- what is unknown and waits for the pilot -----------------------------------


def asked_of_pilot(*names: str, **plan_changes: Any) -> Any:
    conditions = replace(plan.conditions, **dict.fromkeys(names, unknown))
    return asking(conditions=conditions, unknowns_await_pilot=True, **plan_changes)


def accept(*names: str, by: PersonId = PILOT) -> AcceptUnknowns:
    return AcceptUnknowns(by, names, "looked out of the window", facts)


def test_a_launch_may_wait_for_the_pilot_to_accept_what_is_unknown() -> None:
    story = given().and_when(asked_of_pilot("weather", "traffic"))
    assert [type(e) for e in story.happened] == [LaunchRequested]
    story = story.and_when(accept("weather"))
    assert story.happened[-1] == UnknownsAccepted(("weather",), PILOT, "looked out of the window")
    story.when(accept("traffic")).then_types(UnknownsAccepted, LaunchAuthorised)


@pytest.mark.rule("launch.unknown")
def test_nobody_but_the_pilot_accepts_what_is_unknown() -> None:
    story = given().and_when(asked_of_pilot("weather"))
    story.when(accept("weather", by=OPERATOR)).then_raises(WrongState, "flight")
    story.when(accept()).then_raises(InvalidValue, "conditions")
    story.when(accept("traffic")).then_raises(InvalidValue, "conditions")


@pytest.mark.rule("launch.unknown")
def test_nobody_authorises_over_what_is_unknown() -> None:
    story = given().and_when(asked_of_pilot("weather", purpose="proactive"))
    story.when(authorise).then_refused(AuthorisationRefused, "weather_unknown")
    story = story.and_when(accept("weather"))
    assert isinstance(story.happened[-1], UnknownsAccepted)  # the second person is still to come
    story.when(authorise).then_types(LaunchAuthorised)


@pytest.mark.rule("launch.unknown")
def test_what_somebody_else_accepts_in_the_request_waits_for_the_pilot_all_the_same() -> None:
    others_word = asked_of_pilot("weather", purpose="proactive", accepted_unknowns=("weather",))
    given().and_when(others_word).when(authorise).then_refused(AuthorisationRefused, "weather_unknown")


def test_an_acceptance_comes_while_the_request_is_fresh() -> None:
    story = given().and_when(asked_of_pilot("weather"))
    late = story.when(accept("weather"), NOW + 11 * MINUTE)
    late.then_refused(AuthorisationRefused, "request_stale")


@pytest.mark.rule("launch.go")
def test_what_a_source_calls_no_go_waits_for_nobody() -> None:
    no_go = replace(plan.conditions, weather=Finding(Go.NO_GO, "station"))
    refused(asking(conditions=no_go, unknowns_await_pilot=True), "weather_no_go")


# -- who was refused, and the limits -------------------------------------------------


@pytest.mark.rule("record.refusals")
def test_a_refused_authorisation_says_who_asked() -> None:
    (mine,) = waiting.when(replace(authorise, facts=replace(authorise.facts, policy=None))).events()
    assert isinstance(mine, AuthorisationRefused) and mine.requested_by == COMMANDER
    (stale,) = given().and_when(asked_of_pilot("weather")).when(accept("weather"), NOW + 11 * MINUTE).events()
    assert isinstance(stale, AuthorisationRefused) and stale.requested_by == PILOT


def test_why_a_launch_is_declined_withdrawn_or_taken_on_has_a_length() -> None:
    pilots = given().and_when(asked_of_pilot("weather"))
    for story, make in (
        (waiting, lambda said: DeclineLaunch(COMMANDER, said)),
        (waiting, lambda said: WithdrawLaunch(OPERATOR, said)),
        (pilots, lambda said: AcceptUnknowns(PILOT, ("weather",), said, facts)),
    ):
        for length in (3, 200):
            assert story.when(make("x" * length)).events()
        for length in (2, 201):
            story.when(make("x" * length)).then_raises(InvalidValue, "reason")
    (declined,) = waiting.when(DeclineLaunch(COMMANDER, "patrol is there")).events()
    assert isinstance(declined, LaunchRefused)
    assert (declined.refused_by, declined.reasons[0].message) == (COMMANDER, "patrol is there")


@pytest.mark.rule("launch.lapses")
def test_a_take_off_is_ordered_until_the_very_end_of_the_authorisation() -> None:
    story = given(requested, authorised)
    story.when(OrderLaunch(PILOT, facts), NOW + 10 * MINUTE).then(LaunchOrdered(DRONE, PILOT))
    story.when(OrderLaunch(PILOT, facts), NOW + 10 * MINUTE + SECOND).then_raises(WrongState, "flight")
    grounded = replace(facts, drone=replace(facts.drone, grounded="motor 3 is loud"))
    no = story.when(OrderLaunch(PILOT, grounded)).then_raises(WrongState, "drone")
    assert no.message == "the drone was grounded since: ready it, and ask for the launch again"


@pytest.mark.rule("record.public_sealed")
def test_what_a_launch_is_for_is_on_the_record_as_it_was_asked_and_its_words_are_sealed_under_it() -> None:
    by_case = asking(call=None, case=CaseNumber("926-0123"))
    given().when(by_case).then(
        replace(
            requested,
            call=None,
            case=CaseNumber("926-0123"),
            reason=Personal("case-926-0123", "burglary in progress"),
        ),
        authorised,
    )
    training = asking(call=None, purpose="training", authorisation="training plan 12")
    (told, *_) = given().when(training).events()
    assert told == replace(
        requested,
        call=None,
        purpose="training",
        authorisation="training plan 12",
        reason=Personal(f"flight-{FLIGHT_ID}", "burglary in progress"),
    )
    given().when(replace(request, flight=FlightId("no flight"))).then_raises(InvalidValue, "flight")


def test_a_purpose_that_others_authorise_waits_for_them_also_after_the_pilot() -> None:
    given().when(asking(purpose="pursuit")).then(replace(requested, purpose="pursuit"))
    story = given().and_when(asked_of_pilot("weather", purpose="pursuit"))
    story.when(accept("weather")).then_types(UnknownsAccepted)
    free = given().and_when(asked_of_pilot("weather"))
    free.when(accept("weather")).then_types(UnknownsAccepted, LaunchAuthorised)


def test_a_request_without_a_policy_in_force_waits_for_nothing() -> None:
    (told, no) = given().when(knowing(policy=None)).events()
    assert isinstance(told, LaunchRequested) and (told.awaits_until, told.policy_version) == (NOW, None)
    assert isinstance(no, LaunchRefused) and no.refused_by is None


@pytest.mark.rule("launch.purpose")
def test_what_is_missing_in_a_launch_is_told_by_its_field_and_by_what_would_do() -> None:
    adopted = (PurposeRule("training", "Training"), PurposeRule("pursuit", "Pursuit"))
    other = replace(policy, parameters=replace(RECORD_ALL_KEEP_30_DAYS, purposes=adopted))
    bare = replace(asking(call=None), facts=replace(facts, call=None))
    document = replace(bare, plan=replace(bare.plan, purpose="training"))
    for command, field, accepted in (
        (knowing(policy=other), "purpose", "training, pursuit"),
        (bare, "call", "the number of an open call, or a case number"),
        (document, "authorisation", None),
        (knowing(call=CallStanding(CALL, known=False, open=False)), "call", None),
        (knowing(call=CallStanding(CALL, known=True, open=False)), "call", None),
    ):
        (why,) = given().when(command).events()[-1].reasons  # type: ignore[union-attr]
        assert (why.field, why.accepted) == (field, accepted)
