"""What is personal is made unreadable by two persons, when its matter is over, and stays so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from application.complaints import Complaints, Feedback
from application.handling import Outcome, Refused
from application.personal_data import PersonalData
from domain.complaint import Disposal, FeedbackChannel, Topic
from domain.person import Organisation, Role
from domain.subject_key import DestructionGround, SubjectKeyDestroyed
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.application.test_oversight import enrolled

ASKED, REFERENCE = DestructionGround.PERSON_ASKED, "request 2026-14"


class Office:
    """A center with an analyst who answers to the public, and feedback that a neighbour gave."""

    def __init__(self, center: SmallCenter) -> None:
        self.center = center
        self.personal, self.complaints = PersonalData(center.handler), Complaints(center.handler)
        self.analyst = enrolled(center, "ada", Organisation.CITY_OF_WEST_HOLLYWOOD, Role.CITY_ANALYST)
        self.captain = center.signed_on(CAPTAIN)
        at = center.clock.now() - timedelta(hours=1)
        said = Feedback(FeedbackChannel.DESK, Topic.DRONE, "It hung over our yard.", at, "Ana Pérez", "ana@x.example")
        told = done(self.complaints.receive(self.analyst, said))
        self.key, self.subject = told.key, told.stream

    def asked(self) -> Outcome:
        return self.personal.request_destruction(self.analyst, self.subject, ASKED, REFERENCE)

    def over(self) -> None:
        done(self.complaints.close(self.analyst, self.key, Disposal.THANKED))

    def destroyed(self) -> SubjectKeyDestroyed:
        """As the reactor does it: the event first, then the key."""
        self.over()
        done(self.asked())
        done(self.personal.answer_destruction(self.captain, self.subject))
        *_, last = self.center.events(f"subjectkey-{self.subject}")
        assert isinstance(last.event, SubjectKeyDestroyed)
        self.center.handler.keys.store.destroy(self.subject)
        self.center.handler.keys.forget(self.subject)
        return last.event


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    with small_center(database_url) as center:
        yield Office(center)


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Refused), outcome
    return [reason.code for reason in outcome.reasons]


def test_an_open_complaint_is_in_the_way_when_it_is_asked_for_and_when_it_is_approved(office: Office) -> None:
    assert codes(office.asked()) == ["complaint_open"]
    event = office.destroyed()
    assert (event.requested_by, event.approved_by, event.policy) == ("ada", CAPTAIN, 1)
    assert event.unrecoverable_after == office.center.clock.now() + office.personal.key_backups_kept


def test_who_asked_does_not_approve_and_only_the_captain_does(office: Office) -> None:
    office.over()
    done(office.asked())
    assert codes(office.personal.answer_destruction(office.analyst, office.subject)) == ["not_permitted"]
    no_step_up = office.center.signed_on(CAPTAIN, step_up=False)
    assert codes(office.personal.answer_destruction(no_step_up, office.subject)) == ["step_up_required"]
    assert codes(office.personal.answer_destruction(office.captain, office.subject, "the appeal is pending")) == [
        "declined"
    ]
    assert office.complaints.said(office.key) is not None


def test_what_was_said_is_unreadable_from_then_on_also_to_states_held_in_memory(office: Office) -> None:
    before = office.complaints.said(office.key)
    assert before is not None and before.name == "Ana Pérez"
    office.destroyed()
    after = office.complaints.said(office.key)
    assert after is not None and (after.said, after.name, after.contact) == (None, None, None)


def test_of_whom_nothing_is_recorded_nothing_is_destroyed(office: Office) -> None:
    told = office.personal.request_destruction(office.analyst, "complaint-none", ASKED, REFERENCE)
    assert getattr(told, "code", "") == "not_found"
