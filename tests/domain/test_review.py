"""Oversight: the weekly sample, the review of what it drew, findings and what was done, and the reading of records."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain import sampling
from domain.kernel import InvalidValue, NotFound, Personal, PersonId, StreamId, WrongState
from domain.review import (
    ACTION_WITHIN,
    MOST_AHEAD,
    ONE_CONSULTATION,
    REVEAL_WITHIN,
    REVIEW,
    CommitSeed,
    ConsultAuditTrail,
    DrawFallback,
    DrawSample,
    Missed,
    NoteMissedSeed,
    RecordAuditExport,
    RecordFinding,
    ReportDiscrepancy,
    ReviewAccess,
    TakeCorrectiveAction,
)
from domain.review_events import (
    AccessReviewed,
    AccessVerdict,
    AuditExported,
    AuditSampleDrawn,
    AuditSeedCommitted,
    AuditSeedMissed,
    AuditTrailConsulted,
    CorrectiveActionTaken,
    Discrepancy,
    DiscrepancyFound,
    ExportFormat,
    FindingKind,
    FindingRecorded,
    Redaction,
    StepRefused,
)
from domain.sampling import Access, Population
from tests.domain.scenario import DAY, HOUR, NOW, SECOND, Scenario

given = Scenario(REVIEW)
AUDREY, IGOR, LEE, CAPTAIN = PersonId("audrey"), PersonId("igor"), PersonId("lee"), PersonId("captain")
WEEK, ENDS = "2026-W23", datetime(2026, 6, 8, tzinfo=UTC)
KEY = "week-2026-W23"
NONCE, ROOT = "22" * 32, "11" * 32
HASH = hashlib.sha256(bytes.fromhex(NONCE)).hexdigest()
ACCESSES = tuple(Access(n, StreamId(f"liveview-{n}"), LEE) for n in range(10, 60))
POPULATION = Population(70, ROOT, ACCESSES)

commit = CommitSeed(WEEK, HASH, AUDREY)
committed = AuditSeedCommitted(WEEK, HASH, ENDS, ENDS + REVEAL_WITHIN, AUDREY)
draw = DrawSample(NONCE, POPULATION, 5, 7 * DAY, AUDREY)
drawn = AuditSampleDrawn(
    WEEK,
    NONCE,
    70,
    ROOT,
    sampling.METHOD,
    tuple(sorted(sampling.ACCESSES)),
    50,
    sampling.population_sha256(ACCESSES),
    sampling.sample(POPULATION, NONCE, 5),
    ENDS + HOUR + 7 * DAY,
    False,
    AUDREY,
)
SEEN = drawn.sample[0]
review = ReviewAccess(KEY, SEEN.position, AccessVerdict.PROPER, "", AUDREY)
reviewed = AccessReviewed(SEEN.position, AccessVerdict.PROPER, None, False, AUDREY)
SAID = "the case number is not known to dispatch"
find = RecordFinding(KEY, FindingKind.NO_SUCH_CASE, SAID, AUDREY, position=SEEN.position)
sealed = Personal(f"review-{KEY}", SAID)
found = FindingRecorded(
    1, FindingKind.NO_SUCH_CASE, SEEN.stream, SEEN.position, LEE, sealed, NOW + ACTION_WITHIN, AUDREY
)
DONE = "reasons were gone through with the operator"
correct = TakeCorrectiveAction(KEY, 1, DONE, CAPTAIN)


# -- the sample --------------------------------------------------------------


@pytest.mark.rule("oversight.sample")
def test_oversight_commits_to_a_hash_of_a_nonce_before_the_week_ends() -> None:
    given().when(commit).then(committed)
    given().when(commit, ENDS - SECOND).then(committed)


SCHEDULER = PersonId("service-scheduler")
note = NoteMissedSeed(WEEK, SCHEDULER)
missed = AuditSeedMissed(WEEK, ENDS, ENDS + REVEAL_WITHIN, SCHEDULER)
fall_back = DrawFallback(POPULATION, 5, 7 * DAY, SCHEDULER)


@pytest.mark.rule("oversight.silent_week")
def test_a_week_to_which_nobody_committed_is_on_the_record_once_it_is_over() -> None:
    given().when(note, ENDS - SECOND).then_nothing()
    given().when(note, ENDS).then(missed)
    given(missed).when(note, ENDS + DAY).then_nothing()
    given(committed).when(note, ENDS).then_nothing()
    given(committed, drawn).when(note, ENDS + DAY).then_nothing()
    given(missed).when(commit, ENDS + HOUR).then_refused(StepRefused, "week_is_over")


@pytest.mark.rule("oversight.silent_week")
def test_its_sample_is_drawn_all_the_same_and_the_record_names_the_seed_that_was_used() -> None:
    asked = given(missed).when(fall_back, ENDS + HOUR)
    (sample,) = asked.then_types(AuditSampleDrawn)
    assert isinstance(sample, AuditSampleDrawn)
    assert (sample.week, sample.drawing_method, sample.nonce) == (WEEK, sampling.FALLBACK, sampling.FALLBACK_NONCE)
    assert sample.sample == sampling.sample(POPULATION, "00" * 32, 5) and not sample.late
    assert sample.review_by == ENDS + HOUR + 7 * DAY
    given(missed, sample).when(fall_back, ENDS + DAY).then_nothing()
    (last,) = given(missed).when(fall_back, ENDS + REVEAL_WITHIN).events()
    assert isinstance(last, AuditSampleDrawn) and not last.late
    (late,) = given(missed).when(fall_back, ENDS + REVEAL_WITHIN + SECOND).events()
    assert isinstance(late, AuditSampleDrawn) and late.late
    assert given(missed).state == Missed(missed)


@pytest.mark.rule("oversight.silent_week")
def test_nobody_chooses_the_fallback_over_a_nonce_that_was_committed_to() -> None:
    given(committed).when(fall_back, ENDS + DAY).then_raises(WrongState, "week")
    given().when(fall_back, ENDS + DAY).then_raises(WrongState, "week")
    given(missed).when(draw, ENDS + DAY).then_raises(NotFound, "week")


def test_a_commitment_after_the_week_is_refused() -> None:
    given().when(commit, ENDS).then_refused(StepRefused, "week_is_over")


def test_a_commitment_is_for_a_week_that_is_near() -> None:
    given().when(commit, ENDS - MOST_AHEAD).then(committed)
    given().when(commit, ENDS - MOST_AHEAD - SECOND).then_raises(InvalidValue, "week")
    given().when(replace(commit, week="2026-W77")).then_raises(InvalidValue, "week")
    given().when(replace(commit, nonce_sha256="short")).then_raises(InvalidValue, "nonce_sha256")


def test_a_nonce_that_was_committed_to_stays_the_one() -> None:
    other = replace(commit, nonce_sha256="33" * 32, by=IGOR)
    given(committed).when(other).then_refused(StepRefused, "seed_committed")
    given(committed, drawn).when(other, ENDS + DAY).then_refused(StepRefused, "seed_committed")
    given(committed).when(commit).then_nothing()


def test_the_nonce_is_revealed_after_the_week_and_the_sample_follows_from_it_and_the_root() -> None:
    given(committed).when(draw, ENDS + HOUR).then(drawn)


@pytest.mark.rule("oversight.sample")
def test_a_nonce_is_not_revealed_before_the_week_is_over() -> None:
    given(committed).when(draw, ENDS - SECOND).then_refused(StepRefused, "week_not_over")


@for_any(st.binary(min_size=32, max_size=32).filter(lambda nonce: nonce.hex() != NONCE))
@pytest.mark.rule("oversight.sample")
def test_nobody_steers_the_sample_by_another_nonce(nonce: bytes) -> None:
    asked = given(committed).when(replace(draw, nonce=nonce.hex()), ENDS + HOUR)
    asked.then_refused(StepRefused, "another_nonce")


@for_any(st.binary(min_size=32, max_size=32).filter(lambda nonce: nonce.hex() != NONCE))
@pytest.mark.rule("oversight.sample")
def test_nobody_steers_the_sample_by_another_commitment(nonce: bytes) -> None:
    other = CommitSeed(WEEK, sampling.commitment(nonce.hex()), AUDREY)
    story = given(committed).and_when(other)
    story.when(replace(draw, nonce=nonce.hex()), ENDS + HOUR).then_refused(StepRefused, "another_nonce")
    story.when(draw, ENDS + HOUR).then(drawn)


@for_any(st.binary(min_size=32, max_size=32), st.integers(1, 60))
def test_anybody_draws_the_sample_again_out_of_what_is_on_the_record(root: bytes, size: int) -> None:
    population = replace(POPULATION, root_sha256=root.hex())
    (told,) = given(committed).when(replace(draw, population=population, size=size), ENDS + HOUR).events()
    assert isinstance(told, AuditSampleDrawn)
    assert told.sample == sampling.sample(Population(told.position, told.root_sha256, ACCESSES), told.nonce, size)
    assert sampling.commitment(told.nonce) == committed.nonce_sha256
    assert told.population_sha256 == sampling.population_sha256(ACCESSES)


def test_every_reason_against_a_draw_is_given_at_once() -> None:
    asked = given(committed).when(replace(draw, nonce="44" * 32))
    asked.then_refused(StepRefused, "another_nonce", "week_not_over")


def test_a_sample_is_drawn_once_and_out_of_a_commitment() -> None:
    given(committed, drawn).when(draw, ENDS + DAY).then_raises(WrongState)
    given().when(draw, ENDS + DAY).then_raises(NotFound, "week")
    given(committed).when(replace(draw, nonce="nonce"), ENDS + DAY).then_raises(InvalidValue, "nonce")


def test_a_nonce_revealed_late_says_so() -> None:
    (told,) = given(committed).when(draw, ENDS + REVEAL_WITHIN + SECOND).events()
    assert isinstance(told, AuditSampleDrawn) and told.late


# -- reviews -----------------------------------------------------------------


@pytest.mark.rule("oversight.reviewed")
def test_each_sampled_access_is_reviewed() -> None:
    given(committed, drawn).when(review).then(reviewed)
    given(committed, drawn, reviewed).when(review).then_raises(WrongState, "position")
    given(committed, drawn).when(replace(review, position=69)).then_raises(NotFound, "position")
    given(committed).when(review).then_raises(NotFound, "position")


@pytest.mark.rule("oversight.reviewed")
def test_nobody_reviews_his_own_access() -> None:
    given(committed, drawn).when(replace(review, by=LEE)).then_refused(StepRefused, "own_access")


def test_a_review_that_finds_fault_says_which() -> None:
    for verdict in (AccessVerdict.IMPROPER, AccessVerdict.UNCLEAR):
        faulty = replace(review, verdict=verdict)
        given(committed, drawn).when(faulty).then_raises(InvalidValue, "note")
        asked = given(committed, drawn).when(replace(faulty, note=SAID))
        asked.then(replace(reviewed, verdict=verdict, note=sealed))


@pytest.mark.rule("oversight.reviewed")
def test_a_review_after_its_deadline_says_so() -> None:
    given(committed, drawn).when(review, drawn.review_by).then(reviewed)
    given(committed, drawn).when(review, drawn.review_by + SECOND).then(replace(reviewed, late=True))


# -- findings ----------------------------------------------------------------


@pytest.mark.rule("oversight.findings")
def test_a_finding_names_the_access_and_whose_it_was() -> None:
    given(committed, drawn).when(find).then(found)
    given(committed, drawn).when(replace(find, position=69)).then_raises(NotFound, "position")
    given(committed, drawn, found).when(find).then(replace(found, number=2))


def test_a_finding_may_be_about_what_no_sample_drew() -> None:
    own = replace(find, position=None, about=StreamId("override-7"), person=LEE)
    given().when(own).then(replace(found, about=StreamId("override-7"), position=None))
    given().when(find).then_raises(NotFound, "position")
    given().when(replace(find, position=None)).then_raises(InvalidValue, "about")
    given(committed).when(own).then_raises(WrongState)
    given(committed, drawn).when(replace(find, shortcoming="bad")).then_raises(InvalidValue, "shortcoming")


@pytest.mark.rule("oversight.findings")
def test_something_is_done_about_a_finding_by_its_deadline_or_late() -> None:
    taken = CorrectiveActionTaken(1, Personal(f"review-{KEY}", DONE), False, CAPTAIN)
    story = given(committed, drawn, found)
    story.when(correct).then(taken)
    story.when(correct, found.action_by + SECOND).then(replace(taken, late=True))
    given(committed, drawn, found, taken).when(correct).then_raises(WrongState, "finding")
    story.when(replace(correct, finding=2)).then_raises(NotFound, "finding")
    given().when(correct).then_raises(NotFound, "finding")


@pytest.mark.rule("oversight.findings")
def test_whom_a_finding_is_about_does_not_say_what_was_done() -> None:
    given(committed, drawn, found).when(replace(correct, by=LEE)).then_refused(StepRefused, "own_finding")


def test_a_refused_step_changes_nothing() -> None:
    refused = StepRefused("draw_sample", IGOR, ())
    assert given(committed, refused).state == given(committed).state
    assert given(refused).state == given().state


# -- reading, exporting, telling ---------------------------------------------

consult = ConsultAuditTrail("audit_trail", ("person=lee",), 70, AUDREY)
consulted = AuditTrailConsulted("audit_trail", ("person=lee",), 70, NOW, AUDREY)


@pytest.mark.rule("oversight.reading")
def test_reading_the_audit_trail_is_itself_recorded() -> None:
    given().when(consult).then(consulted)


def test_turning_pages_for_a_quarter_of_an_hour_is_one_consultation() -> None:
    later = NOW + ONE_CONSULTATION
    given(consulted).when(consult, later - SECOND).then_nothing()
    given(consulted).when(consult, later).then(replace(consulted, consulted_at=later))
    given(consulted).when(consult, NOW - SECOND).then(replace(consulted, consulted_at=NOW - SECOND))
    other = replace(consult, filter=("person=igor",))
    given(consulted).when(other).then(replace(consulted, filter=("person=igor",)))


def test_a_question_is_recorded_without_what_could_make_the_record_read_as_another() -> None:
    hostile = replace(consult, filter=("case_number=\u202e7\x00" + "x" * 400,))
    (told,) = given().when(hostile).events()
    assert told.filter == ("case_number= 7 " + "x" * 285,)
    given(told).when(hostile).then_nothing()


@for_any(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2000)), max_size=30))
@pytest.mark.rule("oversight.reading")
def test_no_question_goes_unrecorded_for_longer_than_one_consultation(asked: list[tuple[str, int]]) -> None:
    story, last, at = given(), dict[str, datetime](), NOW
    for question, pause in asked:
        at += timedelta(seconds=pause)
        events = story.when(replace(consult, filter=(question,)), at).events()
        assert bool(events) == (question not in last or at - last[question] >= ONE_CONSULTATION)
        if events:
            last[question] = at
            story = given(*story.happened, *events)


EXPORT = RecordAuditExport(
    ExportFormat.CSV,
    ("person=lee",),
    "council inquiry",
    1,
    70,
    12,
    "55" * 32,
    4000,
    (Redaction("caller", "Gov. Code §7923.615", "members of the public", 3, AUDREY),),
    AUDREY,
)


@pytest.mark.rule("oversight.export")
def test_an_export_of_the_audit_trail_is_an_event_with_its_hash_and_what_was_redacted() -> None:
    (told,) = given().when(EXPORT).events()
    assert isinstance(told, AuditExported)
    assert (told.file_sha256, told.redactions, told.records) == (EXPORT.file_sha256, EXPORT.redactions, 12)
    given(told).when(EXPORT).then_raises(WrongState)
    given().when(replace(EXPORT, purpose=" ")).then_raises(InvalidValue, "purpose")
    given().when(replace(EXPORT, file_sha256="5")).then_raises(InvalidValue, "file_sha256")


@pytest.mark.rule("oversight.discrepancy")
def test_a_discrepancy_is_told_once() -> None:
    report = ReportDiscrepancy(Discrepancy.COUNT, None, "4 flown, 3 published or withheld", AUDREY)
    told = DiscrepancyFound(Discrepancy.COUNT, None, "4 flown, 3 published or withheld", AUDREY)
    given().when(report).then(told)
    given(told).when(report).then_raises(WrongState)


@pytest.mark.parametrize("happened", [consulted, DiscrepancyFound(Discrepancy.CLOCK, None, "", AUDREY)])
def test_a_stream_of_oversight_is_for_one_thing(happened: AuditTrailConsulted | DiscrepancyFound) -> None:
    given(happened).when(find).then_raises(WrongState)
    given(happened).when(EXPORT).then_raises(WrongState)
    given(committed).when(consult).then_raises(WrongState)


# -- who was refused, and the limits -------------------------------------------------


@pytest.mark.rule("record.refusals")
@pytest.mark.parametrize(
    ("happened", "command", "at", "step"),
    [
        ((committed,), replace(commit, nonce_sha256="33" * 32), NOW, "commit_seed"),
        ((), commit, ENDS, "commit_seed"),
        ((committed,), draw, NOW, "draw_sample"),
        ((committed, drawn), replace(review, by=LEE), NOW, "review_access"),
        ((committed, drawn, found), replace(correct, by=LEE), NOW, "take_corrective_action"),
    ],
)
def test_a_refused_step_says_which_it_was_and_whose(
    happened: tuple[Any, ...], command: Any, at: datetime, step: str
) -> None:
    (refused,) = given(*happened).when(command, at).events()
    assert isinstance(refused, StepRefused) and (refused.step, refused.requested_by) == (step, command.by)


@pytest.mark.rule("oversight.findings")
def test_a_finding_is_acted_on_in_time_until_its_very_moment() -> None:
    (taken,) = given(committed, drawn, found).when(correct, found.action_by).events()
    assert isinstance(taken, CorrectiveActionTaken) and not taken.late


@pytest.mark.rule("oversight.export")
def test_an_export_is_recorded_with_all_that_it_holds() -> None:
    (told,) = given().when(EXPORT).events()
    for name in ("format", "filter", "first_position", "as_of_position", "records", "size_bytes", "by"):
        assert getattr(told, "exported_by" if name == "by" else name) == getattr(EXPORT, name), name


@pytest.mark.parametrize(
    ("happened", "command", "field", "shortest", "longest"),
    [
        ((committed, drawn), find, "shortcoming", 10, 4000),
        ((committed, drawn, found), correct, "measure", 10, 4000),
        ((), EXPORT, "purpose", 3, 500),
    ],
)
def test_what_oversight_says_has_a_length(
    happened: tuple[Any, ...], command: Any, field: str, shortest: int, longest: int
) -> None:
    for length in (shortest, longest):
        assert given(*happened).when(replace(command, **{field: "x" * length})).events()
    for length in (shortest - 1, longest + 1):
        given(*happened).when(replace(command, **{field: "x" * length})).then_raises(InvalidValue, field)


def test_a_root_and_a_question_are_what_they_must_be() -> None:
    draws = replace(draw, population=replace(POPULATION, root_sha256="root"))
    given(committed).when(draws, ENDS + HOUR).then_raises(InvalidValue, "root_sha256")
    given().when(replace(consult, question="?")).then_raises(InvalidValue, "question")


@pytest.mark.rule("oversight.discrepancy")
def test_a_discrepancy_says_what_it_is_about_and_who_told_it() -> None:
    about = StreamId("flight-f1")
    (told,) = given().when(ReportDiscrepancy(Discrepancy.COUNT, about, "x" * 1200, IGOR)).events()
    assert told == DiscrepancyFound(Discrepancy.COUNT, about, "x" * 1000, IGOR)


@pytest.mark.rule("oversight.sample")
def test_a_nonce_may_be_revealed_from_the_very_end_of_the_week_and_is_late_after_its_last_moment() -> None:
    for at in (ENDS, ENDS + REVEAL_WITHIN):
        given(committed).when(draw, at).then(replace(drawn, review_by=at + 7 * DAY))


@pytest.mark.rule("oversight.findings")
def test_something_is_done_about_a_finding_that_no_sample_drew() -> None:
    own = replace(found, about=StreamId("override-7"), position=None)
    given(own).when(correct).then(CorrectiveActionTaken(1, Personal(f"review-{KEY}", DONE), False, CAPTAIN))
    given(own).when(review).then_raises(NotFound, "position")
    again = replace(find, position=None, about=StreamId("override-7"), person=LEE)
    given(own).when(again).then(replace(own, number=2))
