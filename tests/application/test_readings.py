"""Reading the record is itself on the record, once a consultation, under the rule that let it be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from application.handling import Actor, Refused
from application.readings import Reading, Readings, stream_key
from domain.person import Organisation, Role
from domain.review import ONE_CONSULTATION
from domain.review_events import AuditTrailConsulted
from domain.session import AttemptRefused
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.application.test_oversight import enrolled

TRAIL = Reading("audit_trail", ("person=lee",), 70, "read_audit_trail")


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as made:
        yield made


@pytest.fixture
def audrey(center: SmallCenter) -> Actor:
    return enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)


def consulted(center: SmallCenter, actor: Actor) -> list[AuditTrailConsulted]:
    return [recorded.event for recorded in center.events(f"review-{stream_key(actor)}")]


@pytest.mark.rule("oversight.reading")
def test_reading_the_audit_trail_is_on_the_record_with_who_what_and_by_which_rule(
    center: SmallCenter, audrey: Actor
) -> None:
    done(Readings(center.handler).record(audrey, TRAIL))
    (recorded,) = center.events(f"review-{stream_key(audrey)}")
    event, envelope = recorded.event, recorded.envelope
    assert (event.question, event.filter, event.up_to_position) == ("audit_trail", ("person=lee",), 70)
    assert (event.consulted_by, event.consulted_at) == ("audrey", center.clock.now())
    assert (envelope.actorrole, envelope.sessionid) == ("auditor", audrey.session)
    assert envelope.decidedby.startswith("auditors-read-everything@")


@pytest.mark.rule("oversight.reading")
def test_turning_pages_is_one_consultation_in_this_process_and_in_another(center: SmallCenter, audrey: Actor) -> None:
    here, elsewhere = Readings(center.handler), Readings(center.handler)
    done(here.record(audrey, TRAIL))
    assert here.is_recorded(audrey, TRAIL) and not elsewhere.is_recorded(audrey, TRAIL)
    center.clock.step(ONE_CONSULTATION - timedelta(minutes=1))
    done(elsewhere.record(audrey, TRAIL))
    assert len(consulted(center, audrey)) == 1
    center.clock.step(timedelta(minutes=1))  # the other process knows since when
    assert not here.is_recorded(audrey, TRAIL) and not elsewhere.is_recorded(audrey, TRAIL)
    done(elsewhere.record(audrey, TRAIL))
    assert len(consulted(center, audrey)) == 2


def test_another_question_another_session_and_another_person_are_consultations_of_their_own(
    center: SmallCenter, audrey: Actor
) -> None:
    readings, again = Readings(center.handler), center.signed_on("audrey")
    other = Reading("audit_trail", ("person=igor",), 70, "read_audit_trail")
    done(readings.record(audrey, TRAIL))
    for actor, reading in ((audrey, other), (again, TRAIL)):
        assert not readings.is_recorded(actor, reading)
        done(readings.record(actor, reading))
    assert [event.filter for event in consulted(center, audrey)] == [("person=lee",), ("person=igor",)]
    assert len(consulted(center, again)) == 1


@pytest.mark.rule("oversight.reading")
def test_everyone_reads_their_own_record_and_that_is_recorded_too(center: SmallCenter) -> None:
    captain, readings = center.signed_on(CAPTAIN), Readings(center.handler)
    own = Reading("audit_trail", (f"person={CAPTAIN}",), 9, "read_own_record", f"person-{CAPTAIN}")
    done(readings.record(captain, own))
    (recorded,) = center.events(f"review-{stream_key(captain)}")
    assert recorded.envelope.decidedby.startswith("everyone-reads-own-record@")


def test_a_reading_that_is_not_permitted_is_refused_and_the_attempt_is_on_the_record_once(center: SmallCenter) -> None:
    captain, readings = center.signed_on(CAPTAIN), Readings(center.handler)
    assert isinstance(readings.record(captain, TRAIL), Refused)
    assert not readings.is_recorded(captain, TRAIL)
    before = len(center.events(f"session-{captain.session}"))
    for _ in range(3):
        readings.attempted(captain, "export_audit_trail")
    attempts = [recorded.event for recorded in center.events(f"session-{captain.session}")[before:]]
    (attempt,) = attempts
    assert isinstance(attempt, AttemptRefused)
    assert attempt.reasons[0].code == "not_permitted"


def test_whose_access_ended_reads_nothing_more(center: SmallCenter, audrey: Actor) -> None:
    done(center.accounts.sign_off(audrey))
    assert isinstance(Readings(center.handler).record(audrey, TRAIL), Refused)
