"""What is personal is made unreadable by two persons, when its matter is over, and stays so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.heartbeats import PostgresHeartbeats
from application.cameras import Cameras
from application.complaints import Complaints, Feedback
from application.handling import Outcome, Refused
from application.overrides import Overrides
from application.oversight import Oversight
from application.personal_data import PersonalData
from application.standing import service
from application.views import Views
from domain.camera import InstallCamera, NoteOnline
from domain.complaint import Disposal, FeedbackChannel, Topic
from domain.grounds import Grounds
from domain.kernel import CameraId, CaseNumber, PersonId, Place, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Organisation, Role
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range
from domain.privacy_override_events import Verdict as OverrideVerdict
from domain.review_events import AccessVerdict, AuditSampleDrawn
from domain.subject_key import DestructionGround, SubjectKeyCreated, SubjectKeyDestroyed
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.application.test_oversight import ENDS, HASH, NONCE, WEEK, enrolled

WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
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


# -- what oversight has yet to look at ------------------------------------------


REASON = "a burglar went over the pool's wall"


class Watch:
    """A case under which a deputy looks live, with an auditor who has yet to look at that."""

    def __init__(self, center: SmallCenter, heartbeats: PostgresHeartbeats, number: str = "C-7") -> None:
        self.center, self.number, self.subject = center, number, f"case-{number}"
        self.views, self.overrides = Views(center.handler, heartbeats), Overrides(center.handler)
        self.oversight, self.personal = Oversight(center.handler), PersonalData(center.handler)
        self.audrey = enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)
        self.analyst = enrolled(center, "ada", Organisation.CITY_OF_WEST_HOLLYWOOD, Role.CITY_ANALYST)
        self.deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
        self.sergeant = center.signed_on(center.enrolled("sam", Role.WATCH_SUPERVISOR))
        by, cameras = PersonId(ADMIN), Cameras(center.handler)
        put_up = InstallCamera(CameraId("plaza"), "Plaza", Place(34.09, -118.3617), 6.0, 90.0, by)
        done(cameras.change(center.signed_on(ADMIN), put_up))
        done(cameras.change(service("service-recorder"), NoteOnline(CameraId("plaza"), center.clock.now())))

    def looks(self) -> str:
        why = Grounds("call_for_service", REASON, case=CaseNumber(self.number))
        return done(self.views.request(self.deputy, "camera-plaza", why)).key

    def reason_of(self, view: str) -> str | None:
        (reason,) = self.oversight.stated(f"liveview-{view}")
        return reason

    def asked(self) -> Outcome:
        return self.personal.request_destruction(self.analyst, self.subject, ASKED, REFERENCE)

    def week_over(self, committed: bool = True) -> None:
        """Oversight commits, and the week ends; sessions are opened anew."""
        done(self.oversight.commit_seed(self.audrey, WEEK, HASH)) if committed else None
        self.center.clock.step(ENDS + timedelta(minutes=1) - self.center.clock.now())
        for name, who in (("audrey", "audrey"), ("analyst", "ada"), ("deputy", "dee"), ("sergeant", "sam")):
            setattr(self, name, self.center.signed_on(who))

    def reviewed(self) -> None:
        done(self.oversight.draw_sample(self.audrey, WEEK, NONCE))
        *_, drawn = self.center.events(f"review-week-{WEEK}")
        for access in drawn.event.sample:
            done(self.oversight.review_access(self.audrey, f"week-{WEEK}", access.position, AccessVerdict.PROPER))

    def destroyed(self) -> None:
        done(self.asked())
        done(self.personal.answer_destruction(self.center.signed_on(CAPTAIN), self.subject))
        self.center.handler.keys.store.destroy(self.subject)
        self.center.handler.keys.forget(self.subject)


@pytest.fixture
def watch(database_url: str) -> Iterator[Watch]:
    with small_center(database_url) as center, PostgresHeartbeats(database_url) as heartbeats:
        yield Watch(center, heartbeats)


@pytest.mark.rule("record.key_destroyed")
def test_what_oversight_has_not_sampled_or_reviewed_yet_cannot_be_made_unreadable(watch: Watch) -> None:
    view = watch.looks()
    assert codes(watch.asked()) == ["access_not_sampled"]
    watch.week_over()
    assert codes(watch.asked()) == ["access_not_sampled"]
    done(watch.oversight.draw_sample(watch.audrey, WEEK, NONCE))
    told = watch.asked()
    assert codes(told) == ["access_unreviewed"]
    (drawn,) = [r for r in watch.center.events(f"review-week-{WEEK}") if isinstance(r.event, AuditSampleDrawn)]
    (access,) = drawn.event.sample
    assert isinstance(told, Refused) and str(access.position) in told.reasons[0].message
    done(watch.oversight.review_access(watch.audrey, f"week-{WEEK}", access.position, AccessVerdict.PROPER))
    assert watch.reason_of(view) == REASON
    watch.destroyed()
    assert watch.reason_of(view) is None


@pytest.mark.rule("record.key_destroyed")
def test_what_waits_for_a_review_is_in_the_way_also_when_it_came_after_the_request(watch: Watch) -> None:
    done(watch.oversight.commit_seed(watch.audrey, WEEK, HASH))
    watch.looks()
    watch.week_over(committed=False)
    watch.reviewed()
    done(watch.asked())
    now = watch.center.clock.now()
    plan = OverridePlan(
        "",
        StreamId("camera-plaza"),
        Range(now, now + timedelta(hours=1)),
        "call_for_service",
        30,
        case=CaseNumber("C-7"),
    )
    key = done(watch.overrides.request(watch.deputy, plan, WARRANT, REASON)).key
    captain = watch.center.signed_on(CAPTAIN)
    assert codes(watch.personal.answer_destruction(captain, watch.subject)) == ["override_open"]
    done(watch.overrides.approve(watch.sergeant, key))
    watch.center.clock.step(timedelta(minutes=31))
    captain = watch.center.signed_on(CAPTAIN)
    assert codes(watch.personal.answer_destruction(captain, watch.subject)) == ["override_open"]
    done(watch.overrides.review(watch.audrey, key, OverrideVerdict.IN_ORDER, "the pool was looked at and no more"))
    done(watch.personal.answer_destruction(captain, watch.subject))


@pytest.mark.rule("record.next_key")
def test_what_is_recorded_after_a_destruction_is_not_shredded_in_silence_but_sealed_under_a_new_key(
    watch: Watch,
) -> None:
    before = watch.looks()
    watch.week_over()
    watch.reviewed()
    watch.destroyed()
    after = watch.looks()
    assert (watch.reason_of(before), watch.reason_of(after)) == (None, REASON)
    (made,) = watch.center.events(f"subjectkey-{watch.subject}~2")
    assert isinstance(made.event, SubjectKeyCreated) and made.event.subject == "case-C-7~2"
    again = watch.personal.request_destruction(watch.analyst, f"{watch.subject}~2", ASKED, REFERENCE)
    assert codes(again) == ["access_not_sampled"]  # of the same case


@pytest.mark.rule("record.next_key")
def test_before_the_key_itself_is_gone_nothing_more_is_sealed_with_it(watch: Watch) -> None:
    watch.looks()
    watch.week_over()
    watch.reviewed()
    done(watch.asked())
    done(watch.personal.answer_destruction(watch.center.signed_on(CAPTAIN), watch.subject))
    after = watch.looks()  # the reactor has not come to it yet
    watch.center.handler.keys.store.destroy(watch.subject)
    watch.center.handler.keys.forget(watch.subject)
    assert watch.reason_of(after) == REASON
