"""The weekly sample on a real log, drawn again from the log alone; findings; complaints and their answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from application.complaints import Complaints, Feedback
from application.handling import Accepted, Actor, Attempt, Mistaken, Outcome, Recorded, Refused
from application.oversight import Oversight, population_at
from application.standing import service
from domain import sampling
from domain.complaint import FeedbackChannel, Resolution, Topic
from domain.kernel import PersonId, StreamId
from domain.live_view import LIVE_VIEW
from domain.person import AssignRole, Enrol, Organisation, RecordTraining, Role
from domain.review import RecordFinding
from domain.review_events import AccessVerdict, AuditSampleDrawn, FindingKind
from domain.sampling import Population
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.golden.make import event_of

WEEK, ENDS = "2026-W23", datetime(2026, 6, 8, tzinfo=UTC)  # of the center's noon
NONCE = "5e" * 32
HASH = hashlib.sha256(bytes.fromhex(NONCE)).hexdigest()


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as made:
        yield made


def enrolled(center: SmallCenter, person: str, organisation: Organisation, role: Role) -> Actor:
    admin, captain = center.signed_on(ADMIN), center.signed_on(CAPTAIN)
    id_, today = PersonId(person), center.clock.now().date()
    done(center.accounts.change(admin, Enrol(id_, person, organisation, f"{person}@x.example", PersonId(ADMIN))))
    course = RecordTraining(id_, "watch_center_use", today, today + timedelta(days=99), PersonId(ADMIN))
    done(center.accounts.change(admin, course))
    done(center.accounts.change(captain, AssignRole(id_, role, PersonId(CAPTAIN))))
    return center.signed_on(person)


@pytest.fixture
def audrey(center: SmallCenter) -> Actor:
    return enrolled(center, "audrey", Organisation.OVERSIGHT, Role.AUDITOR)


def refused(outcome: Outcome, *codes: str) -> None:
    assert isinstance(outcome, Refused), outcome
    assert tuple(reason.code for reason in outcome.reasons) == codes


def to(center: SmallCenter, moment: datetime) -> None:
    center.clock.step(moment - center.clock.now())


def looks(center: SmallCenter, person: str, count: int) -> None:
    """So many live views of a person, straight onto the record."""
    actor = Actor(person, person, "", frozenset())
    granted = event_of("liveview.live_view_granted.v1")
    for _ in range(count):
        ticket = center.handler.ticket("look", None, actor, None)
        key = str(ticket.command_id)

        def use(attempt: Attempt, key: str = key) -> Recorded:
            attempt.take(LIVE_VIEW, key, [granted])
            return Accepted(LIVE_VIEW.stream(key), key)

        done(center.handler.handle(actor, ticket, use))


def test_the_sample_is_drawn_once_the_week_is_over_and_again_by_anybody_from_the_log(
    center: SmallCenter, audrey: Actor
) -> None:
    oversight = Oversight(center.handler)
    done(oversight.commit_seed(audrey, WEEK, HASH))
    looks(center, "lee", 40)
    refused(oversight.commit_seed(audrey, WEEK, "00" * 32), "seed_committed")
    refused(oversight.draw_sample(audrey, WEEK, NONCE), "week_not_over")
    refused(oversight.draw_sample(audrey, WEEK, "77" * 32), "another_nonce", "week_not_over")
    assert NONCE not in str(center.events(f"review-week-{WEEK}"))  # too early, and not given away
    to(center, ENDS + timedelta(hours=9))
    audrey = center.signed_on("audrey")  # the first event of the new week
    looks(center, "lee", 3)  # too late to be drawn
    told = done(oversight.draw_sample(audrey, WEEK, NONCE))
    event = center.events(told.stream)[-1].event
    assert isinstance(event, AuditSampleDrawn)

    # By hand, out of nothing but the log.
    with psycopg.connect(center.url) as connection:
        rows = connection.execute(
            "SELECT notification_id, state FROM events.stored_events ORDER BY notification_id"
        ).fetchall()
    root, position, seen = bytes(32), 0, list[int]()
    for at, content in rows:
        if datetime.fromisoformat(json.loads(bytes(content))["time"]) >= ENDS:
            break
        root, position = hashlib.sha256(root + hashlib.sha256(bytes(content)).digest()).digest(), at
        if json.loads(bytes(content))["type"].endswith("live_view_granted.v1"):
            seen.append(at)
    assert (event.position, event.root_sha256) == (position, root.hex())
    numbers = sampling.drawn(sampling.seed(root.hex(), NONCE), 40, 25)
    assert [access.position for access in event.sample] == [seen[number] for number in numbers]
    assert isinstance(oversight.draw_sample(audrey, WEEK, NONCE), Mistaken)
    done(oversight.review_access(audrey, told.key, event.sample[0].position, AccessVerdict.PROPER))


def test_the_root_at_the_end_of_the_log_is_the_one_the_store_keeps(center: SmallCenter) -> None:
    end = center.handler.store.head()
    to(center, ENDS)
    center.signed_on(CAPTAIN)
    settled = population_at(center.handler.store, ENDS)
    assert settled == Population(end.position, end.rolling_hash.hex(), ())
    assert population_at(center.handler.store, ENDS + timedelta(days=1)) is None


@pytest.mark.rule("oversight.apart")
def test_only_oversight_commits_draws_and_finds(center: SmallCenter, audrey: Actor) -> None:
    oversight, captain = Oversight(center.handler), center.signed_on(CAPTAIN)
    refused(oversight.commit_seed(captain, WEEK, HASH), "not_permitted")
    refused(oversight.review_access(captain, f"week-{WEEK}", 1, AccessVerdict.PROPER), "not_permitted")
    what = StreamId("person-cai")
    finding = RecordFinding("", FindingKind.PROCEDURE, "he approved what he asked for", PersonId("audrey"), what)
    refused(oversight.record_finding(captain, finding), "not_permitted")
    told = done(oversight.record_finding(audrey, finding))
    refused(oversight.take_corrective_action(audrey, told.key, 1, "a talk was had about it"), "not_permitted")
    done(oversight.take_corrective_action(captain, told.key, 1, "a talk was had about it"))
    assert oversight.said(told.key) == {
        "finding:1": "he approved what he asked for",
        "measure:1": "a talk was had about it",
    }


def test_a_finding_is_about_something_on_the_record(center: SmallCenter, audrey: Actor) -> None:
    oversight = Oversight(center.handler)
    for about in ("override-nothing", "kite-1", "nonsense"):
        finding = RecordFinding("", FindingKind.OTHER, "something is wrong", PersonId("audrey"), StreamId(about))
        assert isinstance(oversight.record_finding(audrey, finding), Mistaken)


def test_a_complaint_is_answered_by_whom_it_is_assigned_to_within_the_days_of_the_policy(center: SmallCenter) -> None:
    complaints = Complaints(center.handler)
    quan = enrolled(center, "quan", Organisation.CITY_OF_WEST_HOLLYWOOD, Role.CITY_ANALYST)
    captain = center.signed_on(CAPTAIN)
    now = center.clock.now()
    feedback = Feedback(FeedbackChannel.FORM, Topic.DRONE, "It hung over our yard.", now, "Ana", "ana@x.example", True)
    key = done(complaints.receive(service("service-community"), feedback)).key
    refused(complaints.open(captain, key, Topic.DRONE, None, None), "not_permitted")
    done(complaints.open(quan, key, Topic.DRONE, None, PersonId(ADMIN)))
    refused(complaints.assign(quan, key, PersonId(ADMIN)), "does_not_answer", "concerned")
    done(complaints.assign(quan, key, PersonId(CAPTAIN)))
    refused(complaints.resolve(quan, key, Resolution.EXONERATED, "it followed a call"), "not_assigned")
    to(center, now + timedelta(days=29))
    captain = center.signed_on(CAPTAIN)
    done(complaints.resolve(captain, key, Resolution.EXONERATED, "it followed a call"))
    said = complaints.said(key)
    assert said is not None
    assert (said.said, said.answer) == ("It hung over our yard.", "it followed a call")
