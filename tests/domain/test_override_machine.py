"""Overrides under any sequence of commands by anybody at any time: what must hold whatever they try."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import privacy_override as po
from domain import privacy_override_events as o
from domain.kernel import CaseNumber, FlightId, Mistake, PersonId, PolicyVersion, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import PersonStanding, Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from tests.domain.scenario import DAY, HOUR, MINUTE, NOW

PEOPLE = [PersonId(name) for name in ("lee", "cruz", "audrey")]
POOL, SCHOOL = StreamId("zone-pool"), StreamId("zone-school")
SAID = "said at some length, so that it is enough"
# What is in order comes up more often than what is not, so that the later rules are reached too.
people = st.sampled_from([*PEOPLE, PEOPLE[0]])
targets = st.sampled_from([POOL, POOL, POOL, SCHOOL])
through = st.sampled_from([*[StreamId("flight-f1")] * 3, StreamId("flight-f2"), StreamId("viewing-1")])
whole = o.Range(NOW, NOW + 2 * HOUR)
ranges = st.sampled_from([whole, o.Range(NOW, NOW + MINUTE), o.Range(NOW, NOW + 3 * HOUR), o.Range(NOW, NOW)])
policies = st.sampled_from([60, 60, 30, 10]).map(
    lambda minutes: PolicyInForce(
        PolicyVersion(1), replace(RECORD_ALL_KEEP_30_DAYS, override_max_minutes=minutes), "0" * 64, NOW - DAY
    )
)
plans = st.builds(
    po.OverridePlan,
    key=st.just("o1"),
    target=targets,
    range=st.just(whole),
    purpose=st.sampled_from([*["call_for_service"] * 4, "face_recognition"]),
    minutes=st.sampled_from([*[30] * 6, 60, 600]),
    case=st.just(CaseNumber("C-7")),
    flight=st.just(FlightId("f1")),
)
standings = st.builds(
    PersonStanding,
    person=people,
    enrolled=st.just(True),
    roles=st.sampled_from([*[frozenset({Role.WATCH_SUPERVISOR})] * 4, frozenset({Role.WATCH_OPERATOR})]),
    trained=st.just(True),
    suspended=st.sampled_from([False, False, False, True]),
)
exigency = st.just(LegalBasis(BasisKind.EXIGENCY))
commands = st.one_of(
    st.builds(po.RequestOverride, plans, exigency, st.just(SAID), people, policies),
    st.builds(po.InvokeEmergency, plans, st.just(SAID), people, policies),
    *[st.builds(po.ApproveOverride, standings, policies)] * 2,
    st.builds(po.RefuseOverride, people, st.just(SAID)),
    *[st.builds(po.UseOverride, targets, through, ranges, people, st.booleans())] * 2,
    st.just(po.ExpireOverride()),
    st.builds(po.JustifyOverride, st.just(SAID), exigency, people),
    st.builds(po.ReviewOverride, st.sampled_from(list(o.Verdict)), st.just(SAID), people),
)
pauses = st.sampled_from([timedelta(), timedelta(), MINUTE, 4 * MINUTE, 20 * MINUTE, HOUR, DAY])
openings = st.one_of(
    st.builds(po.RequestOverride, plans, exigency, st.just(SAID), people, policies),
    st.builds(po.InvokeEmergency, plans, st.just(SAID), people, policies),
)


def played(opening: po.Command, steps: list[tuple[timedelta, po.Command]]) -> list[tuple[datetime, Any]]:
    state: po.State = po.NotRequested()
    at, story = NOW, []
    for pause, command in [(timedelta(), opening), *steps]:
        at += pause
        try:
            events = po.decide(command, state, at)
        except Mistake:
            continue
        for event in events:
            state = po.evolve(state, event)
            story.append((at, event))
    return story


def first(story: list[tuple[datetime, Any]], *kinds: type) -> tuple[datetime, Any] | None:
    return next(((at, event) for at, event in story if isinstance(event, kinds)), None)


@given(openings, st.lists(st.tuples(pauses, commands), min_size=6, max_size=16))
@settings(max_examples=300, deadline=None)
@pytest.mark.rule("override.use_recorded")
def test_whatever_anybody_tries(opening: po.Command, steps: list[tuple[timedelta, po.Command]]) -> None:
    story = played(opening, steps)
    asked, broken = first(story, o.OverrideRequested), first(story, o.EmergencyOverrideInvoked)
    approved = first(story, o.OverrideApproved)
    opened = broken or approved
    uses = [(at, event) for at, event in story if isinstance(event, o.OverrideUsed)]
    names = [type(event) for _, event in story]

    assert not (asked and broken)
    if approved:
        at, event = approved
        assert asked and event.approved_by != asked[1].requested_by
        assert asked[0] <= at < asked[1].awaits_until
    if opened is None:
        assert not uses and o.OverrideReviewed not in names and o.OverrideJustified not in names
        return
    at, event = opened
    assert timedelta() < event.expires_at - at <= HOUR
    terms = (broken or asked)[1]  # type: ignore[index]
    opener = terms.invoked_by if broken else terms.requested_by
    assert terms.purpose == "call_for_service"
    for number, (when, use) in enumerate(uses, 1):
        assert at <= when < event.expires_at and use.use_number == number
        assert terms.range.covers(use.range)
        assert use.used_by == opener or terms.target.startswith("zone-")
        assert use.through == f"flight-{terms.flight}"
    for once in (o.OverrideApproved, o.OverrideExpired, o.OverrideJustified, o.OverrideReviewed):
        assert names.count(once) <= 1
    if review := first(story, o.OverrideReviewed):
        when, found = review
        assert when >= event.expires_at and found.reviewed_by not in (opener, getattr(event, "approved_by", None))
        assert found.late == (when > event.review_by)
        assert o.OverrideExpired in names[: names.index(o.OverrideReviewed)]
        if broken and o.OverrideJustified not in names[: names.index(o.OverrideReviewed)]:
            assert when >= event.justify_by
    if justified := first(story, o.OverrideJustified):
        assert broken and justified[1].justified_by == opener
        assert justified[1].late == (justified[0] > event.justify_by)
