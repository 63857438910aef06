"""What may be asked of oversight's work. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


@dataclass(frozen=True, slots=True)
class Due:
    """What oversight or the agency has yet to do. `kind`: reveal_nonce, review_access, act_on_finding; `number`: the
    position of the access, or the number of the finding; `about`: a stream."""

    kind: str
    review: str
    number: int | None
    about: str | None
    person: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """A week's. What comes after `reveal_by` is None until it is drawn."""

    review: str
    week: str
    nonce_sha256: str
    committed_at: datetime
    committed_by: str
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
class Answer:
    checkpoint: Checkpoint
    queue: tuple[Due, ...] = ()
    samples: tuple[Sample, ...] = ()
    accesses: tuple[Access, ...] = ()
    findings: tuple[Finding, ...] = ()


_CHECKPOINT = checkpoint_json("oversight")
_QUEUE = """
SELECT 'reveal_nonce' AS kind, review, NULL::bigint AS number, NULL AS about, NULL AS person, reveal_by AS due_at
  FROM read.oversight_samples WHERE drawn_at IS NULL AND week_ends_at <= %(now)s
UNION ALL
SELECT 'review_access', review, position, stream, person, review_by FROM read.oversight_accesses WHERE verdict IS NULL
UNION ALL
SELECT 'act_on_finding', review, number, about, person, action_by FROM read.oversight_findings WHERE taken_at IS NULL
ORDER BY due_at, review, number LIMIT %(first)s
"""
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
_answers = msgspec.json.Decoder(Answer)


async def queue(connection: Reader, now: datetime, *, first: int) -> Answer:
    """What is yet to be done, the most overdue first. Raises NoReadModel."""
    return await _ask(connection, "queue", _QUEUE, now=now, first=first)


async def samples(connection: Reader, *, first: int, week: str | None = None) -> Answer:
    """The weeks somebody committed to a nonce for, the latest first. Raises NoReadModel."""
    return await _ask(connection, "samples", _SAMPLES, first=first, week=week)


async def accesses(connection: Reader, review: str) -> Answer:
    """What a sample drew, in the order of drawing. Raises NoReadModel."""
    return await _ask(connection, "accesses", _ACCESSES, review=review)


async def findings(connection: Reader, *, first: int, review: str | None = None, open: bool = False) -> Answer:
    """The latest first. `open`: only those about which nothing was done yet. Raises NoReadModel."""
    return await _ask(connection, "findings", _FINDINGS, first=first, review=review, open=open)


async def _ask(connection: Reader, what: str, rows: str, **values: Any) -> Answer:
    query = f"""
    SELECT row_to_json(page)::text
      FROM (SELECT {_CHECKPOINT}, (SELECT coalesce(json_agg(x), '[]') FROM ({rows}) x) AS {what}) page
    """  # noqa: S608
    return _answers.decode(await document(connection, "oversight", query, values))
