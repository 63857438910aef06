"""What may be asked of case numbers: those that wait to be looked up. One statement, so one snapshot, and its
checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


@dataclass(frozen=True, slots=True)
class Unverified:
    """A case number that was named since anybody looked it up, if anybody did (`verdict`). `uses`: requests that named
    it since; `people`: how many asked; `position`: of the first of them."""

    case_number: str
    uses: int
    people: int
    first_used_at: datetime
    last_used_at: datetime
    position: int
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Page:
    checkpoint: Checkpoint
    rows: tuple[Unverified, ...]


_QUERY = f"""
SELECT row_to_json(page)::text FROM (SELECT {checkpoint_json("cases")},
    (SELECT coalesce(json_agg(y), '[]') FROM (
        SELECT u.case_number, count(*) AS uses, count(DISTINCT u.person) AS people, min(u.used_at) AS first_used_at,
               max(u.used_at) AS last_used_at, min(u.position) AS position, max(c.verdict) AS verdict
        FROM read.cases_uses u LEFT JOIN read.cases_cases c USING (case_number)
        WHERE c.told_at IS NULL AND c.verdict IS DISTINCT FROM 'found'
          AND u.position > coalesce(c.examined_position, 0)
        GROUP BY u.case_number HAVING min(u.position) > %(after)s
        ORDER BY min(u.position) LIMIT %(limit)s) y) AS rows
) page
"""  # noqa: S608
_answers = msgspec.json.Decoder(Page)


async def unverified(connection: Reader, *, first: int, after: int = 0) -> tuple[Page, bool]:
    """Those that wait to be looked up, the longest waiting first, and whether there are more. `after`: the `position`
    of the last one of the page before. Raises NoReadModel."""
    page = _answers.decode(await document(connection, "cases", _QUERY, {"after": after, "limit": first + 1}))
    return Page(page.checkpoint, page.rows[:first]), len(page.rows) > first
