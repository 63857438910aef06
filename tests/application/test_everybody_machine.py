"""Everybody at once and every clock: whatever anyone tries, in whatever order, what the watch center promises holds.

All actors of the domain's table, the public, dispatch, the drones and the processes act through the use cases, on the
real store under the adopted rules; time goes by as it likes, and scheduler, listener and reactor look when they get to
it. What is checked is kept in `everybody/promises.py`, out of the bytes of the record alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, initialize, run_state_machine_as_test

from application import deadlines
from domain.drone import OrderOutcome, SafetyOrder
from domain.flight_events import ZoneRule
from tests.application.everybody import breaks
from tests.application.everybody.acts_of_flying import GO, UNKNOWN, Flying
from tests.application.everybody.acts_of_looking import Looking
from tests.application.everybody.acts_of_the_city import City
from tests.application.everybody.acts_of_the_street import Street
from tests.application.everybody.breaks import BREAKS
from tests.application.everybody.center import everything
from tests.application.everybody.deadlines import SETS
from tests.application.everybody.rights import MAY
from tests.application.everybody.watch import (
    ABE,
    CAL,
    CALL,
    DAY,
    DEE,
    EVERYBODY,
    FIN,
    MINUTE,
    PIA,
    SAID,
    SAM,
    SECOND,
    SUE,
)
from tests.application.small_center import ADMIN, CAPTAIN

PLAIN = "call_for_service"


class Everybody(Looking, Flying, Street, City):
    """Everybody at once."""

    @initialize()
    def the_day_begins(self) -> None:
        self.begin_looking()
        self.begin_flying()
        self.begin_street()
        self.begin_city()
        self.all_sign_on(*EVERYBODY)
        self.asks_to_watch(DEE, "good")
        self.asks_for_footage(DEE, 0, "good")
        self.asks_for_an_override(DEE, 0, 30, 0)

    def an_access_happens(self, who: str) -> None:
        self.asks_for_footage(who, 0, "good")

    def tries_to_use_something(self, number: int) -> None:
        (
            lambda: self.asks_to_watch(DEE, "good"),
            lambda: self.asks_for_footage(SAM, 0, "good"),
            lambda: self.searches_for_a_plate(DEE, "8abc123", "good", "", None),
            lambda: self.asks_for_a_launch(DEE, 0, "call_for_service", "pia", "case", GO, 60.0, 30),
            lambda: self.breaks_the_glass(DEE, 0, 30),
            lambda: self.orders_safety(DEE, 0, SafetyOrder.RETURN, OrderOutcome.ACCEPTED, 0 * SECOND),
        )[number]()


@pytest.fixture
def everybody(pg_admin_url: str, database_url: str) -> Iterator[type[Everybody]]:
    deadlines.load_all()
    with everything(pg_admin_url, database_url, CALL) as made:
        counters = {"accepted": Counter[str](), "refused": Counter[str](), "kept": Counter[str]()}
        yield type("EverybodyHere", (Everybody,), {"everything": made, **counters})


@pytest.mark.slow
@pytest.mark.rule(
    "flight.one_each",
    "flight.safety_first",
    "launch.pilot",
    "launch.two_people",
    "launch.unknown",
    "leaving.two_people",
    "oversight.apart",
    "oversight.population",
    "plate.hit",
    "policy.prohibited",
    "public.complaint",
    "record.administrator_sees_nothing",
    "record.deadlines",
    "record.four_eyes",
    "record.refusals",
    "retention.due",
    "retention.hold",
    "view.accounted",
    "view.ends_with_access",
    "view.field",
    "view.grant_first",
    "view.masked",
    "zone.recording",
)
def test_whatever_anybody_tries_at_whatever_time(everybody: type[Everybody]) -> None:
    """`--hypothesis-show-statistics` tells how often each rule was done and refused, each promise put to the test."""
    # What fails is told as it came: making a day shorter takes longer than anybody waits.
    run_state_machine_as_test(
        everybody,
        settings=settings(
            max_examples=8,
            stateful_step_count=50,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_day_on_which_everybody_does_all_they_may(everybody: type[Everybody]) -> None:
    """No rule of the machine is dead, and no promise idle: each is done once where nothing stands in its way."""
    day = everybody()
    try:
        all_that_may_be_done(day)
    finally:
        day.teardown()
    acts = {name for name in dir(everybody) if hasattr(getattr(everybody, name), RULE_MARKER)}
    never = acts - set(day.accepted) - NO_ACT_OF_ONES_OWN
    assert not never, f"never done: {sorted(never)}"
    idle = {f"right: {kind}" for kind in MAY} | PUT_TO_THE_TEST
    assert not idle - set(day.kept), f"never put to the test: {sorted(idle - set(day.kept))}"


def test_a_rule_that_is_broken_is_noticed(everybody: type[Everybody]) -> None:
    """Each of these rules of the product is taken away, and somebody acts on it."""
    assert set(BREAKS) == set(ACTED_ON)
    for broken, promise in BREAKS.items():
        day = everybody()
        try:
            day.the_day_begins()
            with pytest.MonkeyPatch.context() as patch:
                broken(patch)
                with pytest.raises(AssertionError, match=promise):
                    ACTED_ON[broken](day)
        finally:
            day.teardown()


ACTED_ON: dict[object, Callable[[Everybody], object]] = {
    breaks.everybody_may_everything: lambda day: day.asks_to_watch(ABE, "good"),
    breaks.a_refusal_is_not_recorded: lambda day: day.asks_to_watch(ABE, "good"),
    breaks.who_asked_approves: lambda day: day.says_yes_to_what_one_asked_for(SAM, 0, False),
    breaks.a_retired_policy_still_lets: lambda day: day.there_is_no_policy_for_a_while([1], False),
    breaks.a_suspension_ends_nothing: lambda day: (day.is_suspended(CAPTAIN, DEE), day.time_passes(SECOND, "reactor")),
    breaks.frames_come_without_a_session: lambda day: (day.signs_off(DEE), day.somebody_asks_for_a_frame(0, DEE)),
    breaks.what_left_before_is_forgotten: lambda day: [
        day.what_left_is_told(0, 1000, 0 * SECOND, None) for _ in range(2)
    ],
    breaks.a_closed_call_still_shares: lambda day: day.the_field_sees_a_call_to_its_end(FIN, "closed"),
    breaks.an_override_opens_any_footage: lambda day: (
        day.looks_behind_the_mask_with_a_colleagues_word(DEE, SAM, 0, 10),
        day.asks_for_footage(DEE, 1, "good"),
        day.bytes_are_asked_for(0, None, 0, 0, 10),
    ),
    breaks.a_file_outlives_its_override: lambda day: day.a_file_outlives_its_override(DEE, 0, True, 31 * MINUTE),
    breaks.a_hold_holds_nothing: lambda day: day.what_is_due_meets_a_hold(SAM, 0, "a", 41, False),
    breaks.nobody_is_told_what_is_overdue: lambda day: day.answers_for_a_broken_glass(DEE, 0, False),
    breaks.an_unfit_pilot_takes_off: lambda day: day.a_flight_that_everybody_wants(DEE, 0, PLAIN, GO, "hold"),
    breaks.an_authorisation_never_lapses: lambda day: day.a_flight_that_everybody_wants(DEE, 0, PLAIN, GO, "late"),
    breaks.a_zone_stops_no_recording: lambda day: day.flies_over_a_school(
        DEE, 0, ZoneRule.NO_RECORD, None, False, False
    ),
    breaks.an_order_of_safety_is_refused: lambda day: (
        day.a_flight_that_everybody_wants(DEE, 0, PLAIN, GO, ""),
        day.the_drone_comes_home(PIA, 0),
    ),
    breaks.a_hit_is_used_unconfirmed: lambda day: day.a_hit_is_used(DEE, "", "search"),
    breaks.whom_it_is_about_answers: lambda day: day.a_complaint_is_answered(SAM, SAM, SAM, 0),
}

# Time, the gateway's and the consoles' part, and what is made of several acts.
NO_ACT_OF_ONES_OWN = {
    "time_passes",
    "days_pass",
    "somebody_asks_for_a_frame",
    "the_console_is_heard_of",
    "a_drone_rises_by_itself",
    "arrives",
    "the_link_comes_and_goes",
    "flies_to",
    "lands",
    "nobody_knows_where_the_zones_are",
    "looks_behind_the_mask_with_a_colleagues_word",
    "answers_for_a_broken_glass",
    "what_is_due_meets_a_hold",
    "is_kept_longer_on_the_captains_word",
    "says_yes_to_what_one_asked_for",
    "a_file_outlives_its_override",
    "a_flight_that_everybody_wants",
    "flies_over_a_school",
    "the_drone_comes_home",
    "the_field_sees_a_call_to_its_end",
    "a_hit_is_used",
    "another_agency_is_told",
    "a_programme_takes_its_course",
    "a_complaint_is_answered",
    "a_week_is_sampled",
}
PUT_TO_THE_TEST = {
    "access reviewed",
    "bytes",
    "complaint answered",
    "destroyed",
    "disclosed",
    "disclosure reviewed",
    "extended",
    "file approved",
    "finding answered",
    "glass broken",
    "hit used",
    "landed",
    "launch authorised",
    "launch by two persons",
    "launched",
    "launched by itself",
    "not recorded above a zone",
    "observed",
    "override approved",
    "override used",
    "pictures accounted for",
    "plate search answered",
    "programme concluded",
    "recorded",
    "renewed",
    "repurposed",
    "safety order",
    "sampled",
    "seen",
    "shared with the field",
    "unmasked",
    "unmasked file",
    "file taken out",
    "zone entered",
    "zone lifted",
} | {f"overdue: {what}" for sets in SETS.values() for what, _, ends in sets if not ends}


def all_that_may_be_done(day: Everybody) -> None:
    """In an order in which nothing stands in the way."""
    day.the_day_begins()
    at_the_consoles(day)
    in_the_air(day)
    on_the_street(day)
    of_the_city(day)
    what_goes(day)


def at_the_consoles(day: Everybody) -> None:
    day.what_left_is_told(0, 1000, 11 * SECOND, None)
    day.asks_to_watch(DEE, "good")
    day.signs_on(DEE, True)
    day.the_console_is_heard_of(0)
    day.asks_to_go_on_watching(0, None, SAID)
    day.closes_the_view(0, None)
    day.looks_behind_the_mask_with_a_colleagues_word(DEE, SAM, 0, 10)
    day.closes_the_footage(0, None)
    day.asks_for_an_override(DEE, 0, 30, 0)
    day.refuses_the_override(SAM, 0)
    day.answers_for_a_broken_glass(DEE, 0, True)
    day.asks_for_a_file(DEE, 0, "good", None)
    day.all_sign_on(DEE, SAM)
    day.approves_the_file(SAM, 0)
    day.the_file_cannot_be_made(0)
    day.asks_for_a_file(DEE, 0, "good", None)
    day.refuses_the_file(SAM, 0)
    day.a_file_outlives_its_override(DEE, 0, True, MINUTE)
    day.all_sign_on(ADMIN, CAPTAIN)
    day.is_suspended(CAPTAIN, DEE)
    day.the_reactor_catches_up()
    day.is_reinstated(ADMIN, DEE)
    day.leaves_the_console_locked(SUE)
    day.steps_up(SUE)
    day.signs_off(SUE)
    day.all_sign_on(*EVERYBODY)


def in_the_air(day: Everybody) -> None:
    day.a_certificate_is_entered(ADMIN, PIA, 200)
    day.flies_over_a_school(DEE, 0, ZoneRule.NO_VIEW, None, False, False)
    day.starts_recording(SAM, 0, SAID)
    day.stops_recording(SUE, 0)
    day.points_the_camera(None, 0, -60.0)
    day.nobody_knows_where_the_zones_are(0)
    day.flies_to(0, -200.0, 0.0, 60.0, True)
    day.the_link_comes_and_goes(0, True)
    day.the_link_comes_and_goes(0, False)
    day.sends_it_elsewhere(None, 0, 60.0)
    day.gives_it_another_job(SAM, 0, "scene_documentation", "case")
    day.arrives(0)
    day.the_drone_comes_home(PIA, 0)
    day.readies(PIA, 0, 95.0)
    day.flies_over_a_school(SAM, 0, ZoneRule.NO_RECORD, True, True, False)
    day.the_drone_comes_home(PIA, 0)
    day.gives_it_up(CAPTAIN, "school")
    day.a_flight_that_everybody_wants(DEE, 1, "tactical_operation", UNKNOWN, "")
    day.the_drone_comes_home(PIA, 1)
    day.readies(PIA, 0, 95.0)
    day.asks_for_a_launch(DEE, 0, "pursuit", PIA, "case", GO, 60.0, 30)
    day.declines_the_launch(SAM, 0)
    day.asks_for_a_launch(DEE, 0, "call_for_service", PIA, "case", GO, 60.0, 30)
    day.withdraws_the_launch(None, 0)
    day.grounds_the_drone(SAM, 0)
    day.a_drone_rises_by_itself(0)
    day.a_flight_that_everybody_wants(DEE, 1, "call_for_service", GO, "order")
    day.clock.step(SECOND)
    day.a_drone_rises_by_itself(1)
    day.the_drone_comes_home(PIA, 1)
    day.a_flight_that_everybody_wants(DEE, 1, "call_for_service", GO, "hold")


def on_the_street(day: Everybody) -> None:
    day.all_sign_on(*EVERYBODY)
    day.the_field_sees_a_call_to_its_end(FIN, "reopened")
    day.tells_what_was_seen(ABE, CALL, -MINUTE)
    for decided, use in (("confirmed", "search"), ("confirmed", "disclosure"), ("rejected", "search")):
        day.a_hit_is_used(DEE, decided, use)
    day.asks_to_tell_another_agency(DEE, "footage", "good")
    day.does_not_tell_it(SUE, 0)
    for days in (0, 8):
        day.another_agency_is_told(DEE, SUE, days)


def of_the_city(day: Everybody) -> None:
    day.a_programme_takes_its_course(CAPTAIN, True)
    day.somebody_complains(CAL, False)
    day.it_is_none(CAL, 0)
    for days in (0, 31):
        day.a_complaint_is_answered(None, SUE, SUE, days)
    day.all_sign_on(*EVERYBODY)
    for days, reviewed in ((7, True), (11, False)):
        day.a_week_is_sampled(days, 0, reviewed)
    day.days_pass(31 * DAY, "scheduler")
    day.there_is_no_policy_for_a_while([0, 1, 2, 3, 4, 5], False)


def what_goes(day: Everybody) -> None:
    day.all_sign_on(*EVERYBODY)
    day.breaks_the_glass(DEE, 1, 30)
    day.says_what_it_is_about(DEE, 1, "training")
    day.is_kept_longer_on_the_captains_word(SAM, 1, 40)
    day.what_is_due_meets_a_hold(SAM, 1, "a", 41, True)
    day.the_scheduler_looks()
