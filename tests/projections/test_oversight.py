"""The read models of oversight and of complaints: against a naive fold of random histories, and their queries."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest

from domain import complaint as c
from domain import review, sampling
from domain.kernel import Aggregate, Mistake, PersonId, StreamId
from domain.person import PersonStanding, Role
from domain.review_events import AccessVerdict, AuditSampleDrawn, AuditSeedCommitted, FindingKind
from projections.complaints import queries as complaint_queries
from projections.complaints.projection import COMPLAINTS
from projections.complaints.queries import Which
from projections.engine.host import ProjectionHost
from projections.engine.projection import AnyProjection
from projections.oversight import queries
from projections.oversight.projection import OVERSIGHT
from tests.golden.make import event_of
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, rows, wait_applied

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEE, AUDREY, CAPTAIN = PersonId("p-lee"), PersonId("p-audrey"), PersonId("p-cai")
SAID = "said at some length, so that it is enough"
Happened = tuple[datetime, str, Any]


def history(
    seed: int, aggregate: Aggregate[Any, Any, Any], keys: list[str], steps: int, command: Any
) -> tuple[list[Happened], dict[str, Any]]:
    """What the aggregate makes of random commands at random times, and where each stream ends."""
    chance, at = random.Random(seed), START
    states: dict[str, Any] = dict.fromkeys(keys, aggregate.initial)
    happened: list[Happened] = []
    for _ in range(steps):
        at += chance.choice([timedelta(seconds=7), HOUR, DAY])
        key = chance.choice(keys)
        try:
            events = aggregate.decide(command(chance, key, states[key], at), states[key], at)
        except Mistake:
            continue
        for event in events:
            states[key] = aggregate.evolve(states[key], event)
            happened.append((at, aggregate.stream(key), event))
    return happened, states


def applied(log: Log, projection: AnyProjection, happened: list[Happened], batch: int) -> None:
    for at, stream, event in happened:
        last = log.append((stream, event), time=at)
    with ProjectionHost(log.url, store_feeds(log.url, batch), [projection]) as host:
        wait_applied(host, log.url, last, projection.name)


# -- oversight ---------------------------------------------------------------


def nonce(key: str) -> str:
    return (key.encode().hex() * 32)[:64]


def overseen(chance: random.Random, key: str, state: review.State, at: datetime) -> review.Command:
    year, week, _ = at.isocalendar()
    accesses = tuple(sampling.Access(n, StreamId(f"liveview-{n}"), LEE) for n in range(1, 30))
    population = sampling.Population(40, "ab" * 32, accesses)
    sampled = sorted(state.sample) if isinstance(state, review.UnderReview) else []
    position = chance.choice(sampled or [1])
    commands: list[review.Command] = [
        review.CommitSeed(f"{year}-W{week:02}", sampling.commitment(nonce(key)), AUDREY),
        review.DrawSample(nonce(key), population, 4, 7 * DAY, AUDREY),
        review.ReviewAccess(key, position, chance.choice(list(AccessVerdict)), SAID, AUDREY),
        review.ReviewAccess(key, position, AccessVerdict.PROPER, "", AUDREY),
        review.RecordFinding(key, FindingKind.VAGUE_REASON, SAID, AUDREY, position=position),
        review.TakeCorrectiveAction(key, chance.choice([1, 2]), SAID, CAPTAIN),
    ]
    if key.startswith("own"):
        commands.append(review.RecordFinding(key, FindingKind.RECORD, SAID, AUDREY, StreamId("override-1")))
    return chance.choice(commands)


def oversight(seed: int) -> tuple[list[Happened], dict[str, Any]]:
    return history(seed, review.REVIEW, ["week-1", "week-2", "week-3", "own-1"], 300, overseen)


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_the_read_model_of_oversight_is_what_the_streams_say(log: Log, seed: int, batch: int) -> None:
    happened, states = oversight(seed)
    applied(log, OVERSIGHT, happened, batch)
    reviewed, findings = dict[str, bool](), dict[str, bool]()
    for key, state in states.items():
        if isinstance(state, review.UnderReview):
            reviewed |= {f"{key}:{position}": position in state.reviewed for position in state.sample}
            findings |= {f"{key}:{number}": finding.answered for number, finding in state.findings.items()}
    assert any(reviewed.values()) and findings
    shown = {row["access"]: row["verdict"] is not None for row in rows(log.url, "oversight_accesses")}
    assert shown == reviewed
    shown = {row["finding"]: row["taken_at"] is not None for row in rows(log.url, "oversight_findings")}
    assert shown == findings
    drawn = {stream.partition("-")[2]: event for _, stream, event in happened if isinstance(event, AuditSampleDrawn)}
    for row in rows(log.url, "oversight_samples"):
        event = drawn.get(row["review"])
        assert (row["nonce"], row["position"]) == ((event.nonce, event.position) if event else (None, None))
    assert "at some length" not in str(rows(log.url, "oversight_findings"))  # free text stays in the streams


@pytest.mark.rule("oversight.due")
def test_the_queue_of_oversight_shows_what_is_overdue_first(log: Log) -> None:
    happened, states = oversight(5)
    applied(log, OVERSIGHT, happened, 500)
    now = happened[-1][0]
    found = ask(log.url, queries.queue, now, first=100).queue
    assert [due.due_at for due in found] == sorted(due.due_at for due in found)
    year, number, _ = now.isocalendar()
    week = f"{year}-W{number:02}"
    committed = {event.week for _, _, event in happened if isinstance(event, AuditSeedCommitted)}
    expected = int(week not in committed)
    for state in states.values():
        match state:
            case review.Committed(seed):
                expected += seed.week_ends_at <= now
            case review.UnderReview(sample, _, reviewed, findings):
                expected += len(sample) - len(reviewed) + sum(not finding.answered for finding in findings.values())
    assert len(found) == expected > 0
    first = ask(log.url, queries.queue, now, first=1)
    assert first.queue == found[:1]
    assert (first.waiting, first.overdue) == (expected, sum(due.due_at < now for due in found))


def test_a_week_whose_nonce_nobody_committed_to_is_due_at_its_end(log: Log) -> None:
    seed = AuditSeedCommitted("2026-W23", "ab" * 32, START + 9 * DAY, START + 12 * DAY, AUDREY)
    applied(log, OVERSIGHT, [(START, "review-week-2026-W23", seed)], 1)
    in_its_week, a_week_later = datetime(2026, 6, 3, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)
    assert not [due for due in ask(log.url, queries.queue, in_its_week, first=9).queue if due.kind == "commit_seed"]
    (due,) = [due for due in ask(log.url, queries.queue, a_week_later, first=9).queue if due.kind == "commit_seed"]
    assert (due.stream, due.due_at) == ("review-week-2026-W24", datetime(2026, 6, 15, tzinfo=UTC))


@pytest.mark.rule("oversight.due")
def test_overrides_and_disclosures_wait_for_their_review_until_it_is_recorded(log: Log) -> None:
    asked, approved = event_of("override.override_requested.v2"), event_of("override.override_approved.v1")
    broken, justified = (event_of(f"override.{n}.v1") for n in ("emergency_override_invoked", "override_justified"))
    reviewed = event_of("override.override_reviewed.v1")
    request, given = event_of("disclosure.disclosure_requested.v1"), event_of("disclosure.review_awaited.v1")
    looked_into = event_of("disclosure.disclosure_reviewed.v1")
    story = [
        ("override-a", asked),  # waits for approval, and not for a review
        ("override-b", asked),
        ("override-b", approved),
        ("override-c", broken),
        ("override-d", broken),
        ("override-d", justified),
        ("override-e", broken),
        ("override-e", reviewed),
        ("disclosure-a", request),
        ("disclosure-b", request),
        ("disclosure-b", given),
        ("disclosure-c", request),
        ("disclosure-c", given),
        ("disclosure-c", looked_into),
    ]
    applied(log, OVERSIGHT, [(START + n * HOUR, stream, event) for n, (stream, event) in enumerate(story)], 3)
    found = ask(log.url, queries.queue, START, first=100).queue
    assert {(due.kind, due.stream, due.due_at) for due in found if due.kind != "commit_seed"} == {
        ("review_override", "override-b", approved.review_by),
        ("justify_override", "override-c", broken.justify_by),
        ("review_override", "override-c", broken.review_by),
        ("review_override", "override-d", broken.review_by),
        ("review_disclosure", "disclosure-b", given.review_by),
    }
    (disclosure,) = [due for due in found if due.kind == "review_disclosure"]
    assert (disclosure.about, disclosure.person) == (request.what, request.person)


@pytest.mark.rule("oversight.due", "public.looked_at", "oversight.not_muted", "oversight.silent_week")
def test_the_list_of_what_is_due_has_silent_weeks_unopened_feedback_and_what_is_asked_about_oversight(log: Log) -> None:
    missed, drawn = (event_of(f"review.{name}.v1") for name in ("audit_seed_missed", "audit_sample_drawn"))
    asked, declined = (event_of(f"person.oversight_change_{name}.v1") for name in ("asked", "declined"))
    feedback, closed = (event_of(f"complaint.feedback_{name}.v1") for name in ("received", "closed"))
    again = replace(asked, answer_by=asked.answer_by + DAY)
    story = [
        ("review-week-2026-W23", replace(missed, week="2026-W23")),
        ("review-week-2026-W24", replace(missed, week="2026-W24")),
        ("review-week-2026-W24", replace(drawn, sample=())),
        ("complaint-a", feedback),
        ("complaint-b", feedback),
        ("complaint-b", closed),
        ("person-aud", asked),
        ("person-aud", declined),
        ("person-aud", again),
        ("person-kim", asked),
        ("person-kim", declined),
    ]
    applied(log, OVERSIGHT, [(START + n * HOUR, stream, event) for n, (stream, event) in enumerate(story)], 3)
    found = ask(log.url, queries.queue, START, first=100).queue
    assert {(due.kind, due.stream, due.due_at) for due in found if due.kind != "commit_seed"} == {
        ("seed_missed", "review-week-2026-W23", missed.week_ends_at),
        ("look_at_feedback", "complaint-a", c.looked_at_by(feedback)),
        ("answer_oversight_change", "person-aud", again.answer_by),
    }
    weeks = {sample.week: sample for sample in ask(log.url, queries.samples, first=10).samples}
    assert weeks["2026-W23"].missed_at and weeks["2026-W23"].nonce_sha256 is None
    assert weeks["2026-W24"].missed_at and weeks["2026-W24"].drawn_at


def test_who_read_the_record_what_left_it_and_what_did_not_agree_is_listed_latest_first(log: Log) -> None:
    read, left, differs = (
        event_of(f"review.{name}.v1") for name in ("audit_trail_consulted", "audit_exported", "discrepancy_found")
    )
    others = replace(read, consulted_by=LEE, question="audience")
    story = [("reading-1", read), ("reading-2", others), ("reading-1", read), ("e1", left), ("d1", differs)]
    applied(log, OVERSIGHT, [(START + n * HOUR, f"review-{key}", event) for n, (key, event) in enumerate(story)], 2)
    consulted = ask(log.url, queries.consultations, first=9).consultations
    assert [row.position for row in consulted] == [3, 2, 1]
    assert (consulted[0].filter, consulted[0].question) == (read.filter, read.question)
    assert consulted[0].role
    (lees,) = ask(log.url, queries.consultations, first=9, person=LEE).consultations
    assert (lees.question, lees.position) == ("audience", 2)
    assert [r.position for r in ask(log.url, queries.consultations, first=1, before=3).consultations] == [2]
    (export,) = ask(log.url, queries.exports, first=9).exports
    assert (export.export, export.file_sha256, export.person) == ("e1", left.file_sha256, left.exported_by)
    assert ask(log.url, queries.exports, first=9, before=export.position).exports == ()
    (discrepancy,) = ask(log.url, queries.discrepancies, first=9).discrepancies
    assert (discrepancy.kind, discrepancy.detail) == (differs.kind, differs.detail)


def test_a_sample_is_shown_with_what_it_drew_and_how_to_draw_it_again(log: Log) -> None:
    happened, states = oversight(6)
    applied(log, OVERSIGHT, happened, 500)
    samples = ask(log.url, queries.samples, first=10).samples
    assert [s.week_ends_at for s in samples] == sorted((s.week_ends_at for s in samples), reverse=True)
    drawn = [s for s in samples if s.nonce is not None]
    assert drawn
    for sample in drawn:
        assert sample.root_sha256 is not None and sample.nonce is not None
        assert sampling.commitment(sample.nonce) == sample.nonce_sha256
        accesses = ask(log.url, queries.accesses, sample.review).accesses
        numbers = sampling.drawn(sampling.seed(sample.root_sha256, sample.nonce), sample.population_size or 0, 4)
        assert [a.position for a in accesses] == [n + 1 for n in numbers]
        assert sample.reviewed == len(states[sample.review].reviewed)
        assert ask(log.url, queries.samples, first=1, week=sample.week).samples
    everything = ask(log.url, queries.findings, first=100).findings
    open_ = ask(log.url, queries.findings, first=100, open=True).findings
    assert open_ == tuple(f for f in everything if f.taken_at is None)


# -- complaints --------------------------------------------------------------


def complained(chance: random.Random, key: str, state: c.State, at: datetime) -> c.Command:
    captain = PersonStanding(CAPTAIN, True, roles=frozenset({Role.STATION_COMMANDER}), trained=True)
    received = c.ReceiveFeedback(key, chance.choice(list(c.FeedbackChannel)), c.Topic.DRONE, SAID, at, "Ana Pérez")
    commands: list[c.Command] = [
        received,
        replace(received, contact="ana@mail.example", wants_answer=True),
        c.OpenComplaint(c.Topic.CONDUCT, chance.choice([2, 30]) * DAY, AUDREY, concerns=chance.choice([LEE, CAPTAIN])),
        c.OpenComplaint(c.Topic.CAMERA, 3 * DAY, AUDREY, about=StreamId("camera-1")),
        c.AssignComplaint(captain, AUDREY),
        c.AssignComplaint(replace(captain, person=LEE), AUDREY),
        c.ResolveComplaint(key, c.Resolution.SUSTAINED, SAID, chance.choice([CAPTAIN, LEE])),
    ]
    if key == "c1":
        commands.append(c.CloseFeedback(c.Disposal.THANKED, AUDREY))
    return chance.choice(commands)


def complaints(seed: int) -> tuple[list[Happened], dict[str, Any]]:
    return history(seed, c.COMPLAINT, [f"c{n}" for n in range(14)], 240, complained)


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_the_read_model_of_complaints_is_what_the_streams_say(log: Log, seed: int, batch: int) -> None:
    happened, states = complaints(seed)
    applied(log, COMPLAINTS, happened, batch)
    shown = {row["complaint"]: row for row in rows(log.url, "complaints_complaints")}
    assert set(shown) == {key for key, state in states.items() if not isinstance(state, c.NotReceived)}
    for key, row in shown.items():
        match states[key]:
            case c.Received(told):
                assert (row["phase"], row["received_at"]) == ("received", told.received_at)
                assert row["look_by"] == c.looked_at_by(told)
            case c.Open(_, opened, assigned_to):
                assert row["phase"] == ("assigned" if assigned_to else "open")
                assert (row["answer_by"], row["concerns"]) == (opened.answer_by, opened.concerns)
                assert row["assigned_to"] == assigned_to
            case c.Closed(_, _, resolved):
                assert row["phase"] == ("resolved" if resolved else "closed")
                assert row["late"] == (resolved.late if resolved else None)
    assert "Ana" not in str(shown) and "at some length" not in str(shown)


def test_what_waits_is_listed_and_what_was_answered_is_counted(log: Log) -> None:
    happened, states = complaints(4)
    applied(log, COMPLAINTS, happened, 500)
    now = happened[-1][0]
    everything = ask(log.url, complaint_queries.complaints, Which.ALL, first=100).complaints
    waiting = ask(log.url, complaint_queries.complaints, Which.UNANSWERED, first=100).complaints
    assert {x.complaint for x in waiting} == {key for key, state in states.items() if isinstance(state, c.Open)}
    assert [x.answer_by for x in waiting] == sorted(x.answer_by for x in waiting if x.answer_by)
    first = ask(log.url, complaint_queries.complaints, Which.ALL, first=3)
    rest = ask(log.url, complaint_queries.complaints, Which.ALL, first=100, after=first.complaints[-1].complaint)
    assert first.has_next and first.complaints + rest.complaints == everything
    one = ask(log.url, complaint_queries.complaint, everything[0].complaint)[1]
    assert one == everything[0]
    _, figures = ask(log.url, complaint_queries.figures, START, now + DAY, now)
    answered = [x for x in everything if x.resolution and x.closed_at]
    days = [(x.closed_at - x.received_at) / DAY for x in answered if x.closed_at]
    assert (figures.received, figures.answered) == (len(everything), len(answered))
    late = [x for x in everything if x.overdue(now)]
    assert figures.overdue == sum(x.phase != "received" for x in late)
    assert figures.not_looked_at == sum(x.phase == "received" for x in late)
    assert figures.median_days == (pytest.approx(median(days)) if days else None)
    _, none = ask(log.url, complaint_queries.figures, datetime(2020, 1, 1, tzinfo=UTC), START - DAY, now)
    assert none.median_days is None
