"""What may be asked of the subjects of personal data. The answer is one statement, so one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from domain.kernel import Reason
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


class Which(StrEnum):
    ASKED = "asked"
    DESTROYED = "destroyed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Subject:
    subject: str
    state: str
    created_at: datetime
    ground: str | None
    reference: str | None
    requested_by: str | None
    requested_at: datetime | None
    refused_by: str | None
    refused_at: datetime | None
    reasons: tuple[Reason, ...] | None
    approved_by: str | None
    destroyed_at: datetime | None
    policy: int | None
    unrecoverable_after: datetime | None


@dataclass(frozen=True, slots=True)
class Subjects:
    checkpoint: Checkpoint
    subjects: tuple[Subject, ...]
    has_next: bool = False


_SINCE = {Which.ASKED: "requested_at", Which.DESTROYED: "destroyed_at", Which.KEPT: "created_at"}
_answers = msgspec.json.Decoder(Subjects)


async def subjects(
    connection: Reader, which: Which, *, first: int, after: str | None = None, one: str | None = None
) -> Subjects:
    """In one state, longest so first; `after`: a subject; `one`: that one alone, in whichever state. Raises
    NoReadModel."""
    since = _SINCE[which]
    query = f"""
    SELECT row_to_json(answer)::text FROM (SELECT {checkpoint_json("personal_data")},
        (SELECT coalesce(json_agg(page), '[]') FROM (
            SELECT s.* FROM read.personal_data_subjects s
            WHERE CASE WHEN %(one)s::text IS NOT NULL THEN s.subject = %(one)s ELSE s.state = %(which)s
                AND (%(after)s::text IS NULL OR (s.{since}, s.subject) >
                    (SELECT a.{since}, a.subject FROM read.personal_data_subjects a WHERE a.subject = %(after)s)) END
            ORDER BY s.{since}, s.subject LIMIT %(limit)s
        ) page) AS subjects
    ) answer
    """  # noqa: S608
    values = {"which": which.value, "one": one, "after": after, "limit": first + 1}
    found = _answers.decode(await document(connection, "personal_data", query, values))
    return Subjects(found.checkpoint, found.subjects[:first], len(found.subjects) > first)
