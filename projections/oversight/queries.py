"""What may be asked of oversight's work. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from domain.sampling import week_end
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document, open_items


@dataclass(frozen=True, slots=True)
class Due:
    """What oversight or the agency has yet to do. `kind`: commit_seed, seed_missed, reveal_nonce, review_access,
    act_on_finding, review_override, justify_override, review_disclosure, answer_oversight_change or look_at_feedback,
    of `stream`; `number`: the position of the access, or the number of the finding; `about`: a stream."""

    kind: str
    stream: str
    review: str | None
    number: int | None
    about: str | None
    person: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """A week's. What comes after `reveal_by` is None until it is drawn. `missed_at`: nobody committed to a nonce, so
    the seed is the root's alone."""

    review: str
    week: str
    nonce_sha256: str | None
    committed_at: datetime | None
    committed_by: str | None
    missed_at: datetime | None
    week_ends_at: datetime
    reveal_by: datetime
    nonce: str | None
    drawn_at: datetime | None
    drawn_by: str | None
    drawn_late: bool | None
    position: int | None
    root_sha256: str | None
    drawing_method: str | None
    population_size: int | None
    population_sha256: str | None
    sample_size: int | None
    reviewed: int


@dataclass(frozen=True, slots=True)
class Access:
    review: str
    draw: int
    position: int
    stream: str
    person: str
    review_by: datetime
    verdict: str | None
    reviewed_at: datetime | None
    reviewed_by: str | None
    late: bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    finding: str
    review: str
    number: int
    kind: str
    about: str
    position: int | None
    person: str | None
    recorded_at: datetime
    recorded_by: str
    action_by: datetime
    taken_at: datetime | None
    taken_by: str | None
    late: bool | None


@dataclass(frozen=True, slots=True)
class Consultation:
    """Somebody read the record. `position`: of the event that says so."""

    position: int
    consulted_at: datetime
    person: str
    role: str
    session: str
    question: str
    filter: tuple[str, ...]
    up_to_position: int
    rule: str


@dataclass(frozen=True, slots=True)
class Export:
    """A file that left the audit trail."""

    export: str
    position: int
    exported_at: datetime
    person: str
    format: str
    purpose: str
    as_of_position: int
    records: int
    size_bytes: int
    file_sha256: str


@dataclass(frozen=True, slots=True)
class Discrepancy:
    discrepancy: str
    position: int
    found_at: datetime
    found_by: str
    kind: str
    about: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    checkpoint: Checkpoint
    queue: tuple[Due, ...] = ()
    waiting: int = 0
    overdue: int = 0
    samples: tuple[Sample, ...] = ()
    accesses: tuple[Access, ...] = ()
    findings: tuple[Finding, ...] = ()
    consultations: tuple[Consultation, ...] = ()
    exports: tuple[Export, ...] = ()
    discrepancies: tuple[Discrepancy, ...] = ()


_CHECKPOINT = checkpoint_json("oversight")
_DUE = """
SELECT 'commit_seed' AS kind, 'review-week-' || %(week)s AS stream, 'week-' || %(week)s AS review,
       NULL::bigint AS number, NULL AS about, NULL AS person, %(week_ends_at)s::timestamptz AS due_at
 WHERE NOT EXISTS (SELECT 1 FROM read.oversight_samples WHERE week = %(week)s)
UNION ALL
SELECT 'reveal_nonce', 'review-' || review, review, NULL, NULL, NULL, reveal_by
  FROM read.oversight_samples WHERE drawn_at IS NULL AND missed_at IS NULL AND week_ends_at <= %(now)s
UNION ALL
SELECT 'seed_missed', 'review-' || review, review, NULL, NULL, NULL, week_ends_at
  FROM read.oversight_samples WHERE drawn_at IS NULL AND missed_at IS NOT NULL
UNION ALL
SELECT 'review_access', 'review-' || review, review, position, stream, person, review_by
  FROM read.oversight_accesses WHERE verdict IS NULL
UNION ALL
SELECT 'act_on_finding', 'review-' || review, review, number, about, person, action_by
  FROM read.oversight_findings WHERE taken_at IS NULL
UNION ALL
SELECT kind, stream, NULL, NULL, about, person, due_at
  FROM read.oversight_duties WHERE due_at IS NOT NULL AND done_at IS NULL
"""
_QUEUE = f"{_DUE} ORDER BY due_at, stream, kind, number LIMIT %(first)s"
_HOW_MANY = f"""
, (SELECT count(*) FROM ({_DUE}) every) AS waiting
, (SELECT count(*) FROM ({_DUE}) every WHERE due_at < %(now)s) AS overdue
"""  # noqa: S608
_SAMPLES = """
SELECT s.*, (SELECT count(*) FROM read.oversight_accesses a WHERE a.review = s.review AND a.verdict IS NOT NULL)
       AS reviewed
  FROM read.oversight_samples s WHERE (%(week)s::text IS NULL OR s.week = %(week)s)
ORDER BY s.week_ends_at DESC LIMIT %(first)s
"""
_ACCESSES = "SELECT * FROM read.oversight_accesses WHERE review = %(review)s ORDER BY draw"
_FINDINGS = """
SELECT * FROM read.oversight_findings
 WHERE (%(review)s::text IS NULL OR review = %(review)s) AND (NOT %(open)s OR taken_at IS NULL)
ORDER BY recorded_at DESC, finding LIMIT %(first)s
"""
_CONSULTATIONS = """
SELECT * FROM read.oversight_consultations
 WHERE (%(person)s::text IS NULL OR person = %(person)s) AND (%(before)s::bigint IS NULL OR position < %(before)s)
ORDER BY position DESC LIMIT %(first)s
"""
_EXPORTS = """
SELECT * FROM read.oversight_exports WHERE (%(before)s::bigint IS NULL OR position < %(before)s)
ORDER BY position DESC LIMIT %(first)s
"""
_DISCREPANCIES = """
SELECT * FROM read.oversight_discrepancies WHERE (%(before)s::bigint IS NULL OR position < %(before)s)
ORDER BY position DESC LIMIT %(first)s
"""
_answers = msgspec.json.Decoder(Answer)


async def queue(connection: Reader, now: datetime, *, first: int) -> Answer:
    """What is yet to be done, the most overdue first, and how much there is in all. Raises NoReadModel."""
    year, number, _ = now.astimezone(UTC).isocalendar()
    week = f"{year}-W{number:02}"
    return await _ask(
        connection, "queue", _QUEUE, _HOW_MANY, now=now, first=first, week=week, week_ends_at=week_end(week)
    )


async def samples(connection: Reader, *, first: int, week: str | None = None) -> Answer:
    """The weeks somebody committed to a nonce for, the latest first. Raises NoReadModel."""
    return await _ask(connection, "samples", _SAMPLES, first=first, week=week)


async def accesses(connection: Reader, review: str) -> Answer:
    """What a sample drew, in the order of drawing. Raises NoReadModel."""
    return await _ask(connection, "accesses", _ACCESSES, review=review)


async def findings(connection: Reader, *, first: int, review: str | None = None, open: bool = False) -> Answer:
    """The latest first. `open`: only those about which nothing was done yet. Raises NoReadModel."""
    return await _ask(connection, "findings", _FINDINGS, first=first, review=review, open=open)


async def consultations(
    connection: Reader, *, first: int, person: str | None = None, before: int | None = None
) -> Answer:
    """Who read the record, the latest first. Raises NoReadModel."""
    return await _ask(connection, "consultations", _CONSULTATIONS, first=first, person=person, before=before)


async def exports(connection: Reader, *, first: int, before: int | None = None) -> Answer:
    """What left the audit trail, the latest first. Raises NoReadModel."""
    return await _ask(connection, "exports", _EXPORTS, first=first, before=before)


async def discrepancies(connection: Reader, *, first: int, before: int | None = None) -> Answer:
    """What did not agree, the latest first. Raises NoReadModel."""
    return await _ask(connection, "discrepancies", _DISCREPANCIES, first=first, before=before)


async def _ask(connection: Reader, what: str, rows: str, more: str = "", **values: Any) -> Answer:
    query = f"""
    SELECT row_to_json(page)::text
      FROM (SELECT {_CHECKPOINT}, (SELECT coalesce(json_agg(x), '[]') FROM ({rows}) x) AS {what} {more}) page
    """  # noqa: S608
    return _answers.decode(await document(connection, "oversight", query, values))


async def overdue_reviews(connection: Reader, now: datetime) -> list[tuple[str, str]]:
    """Overrides and disclosures whose review or justification is overdue: all of them. Which accesses were sampled is
    oversight's alone. Raises NoReadModel."""
    query = """SELECT DISTINCT 'review_overdue', stream FROM read.oversight_duties
               WHERE due_at < %(now)s AND done_at IS NULL ORDER BY 2"""
    return await open_items(connection, "oversight", query, {"now": now})
