"""What may be asked of the overrides. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.kernel import Reason
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document, open_items


class Which(StrEnum):
    """`queue`: waiting for an answer, the oldest first. `active`: in effect, the next to end first. `reviews`: ended
    and not reviewed, the most overdue first. `unjustified`: break-glass that nobody has justified, likewise."""

    ALL = "all"
    QUEUE = "queue"
    ACTIVE = "active"
    REVIEWS = "reviews"
    UNJUSTIFIED = "unjustified"


@dataclass(frozen=True, slots=True)
class Override:
    """`phase`: waiting, refused, unanswered, granted, expired; by the record, which an end may not have reached yet."""

    override: str
    phase: str
    emergency: bool
    target: str
    flight: str | None
    range_since: datetime
    range_until: datetime
    purpose: str
    call_number: str | None
    case_number: str | None
    basis_kind: str | None
    basis_number: str | None
    basis_issuer: str | None
    minutes: int | None
    requested_by: str
    requested_at: datetime
    awaits_until: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    reasons: tuple[Reason, ...] | None
    expires_at: datetime | None
    ended_at: datetime | None
    uses: int
    last_used_at: datetime | None
    justify_by: datetime | None
    justified_at: datetime | None
    justified_late: bool | None
    review_by: datetime | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    verdict: str | None
    reviewed_late: bool | None

    def active(self, now: datetime) -> bool:
        return self.phase == "granted" and self.expires_at is not None and now < self.expires_at

    def justification_overdue(self, now: datetime) -> bool:
        return self.justify_by is not None and self.justified_at is None and now > self.justify_by

    def review_overdue(self, now: datetime) -> bool:
        return self.review_by is not None and self.reviewed_at is None and now > self.review_by


@dataclass(frozen=True, slots=True)
class Overrides:
    checkpoint: Checkpoint
    overrides: tuple[Override, ...]
    has_next: bool


_WHERE = {
    Which.ALL: "true",
    Which.QUEUE: "o.phase = 'waiting' AND o.awaits_until > %(now)s",
    Which.ACTIVE: "o.phase = 'granted' AND o.expires_at > %(now)s",
    Which.REVIEWS: "o.review_by IS NOT NULL AND o.reviewed_at IS NULL AND o.expires_at <= %(now)s",
    Which.UNJUSTIFIED: "o.justify_by IS NOT NULL AND o.justified_at IS NULL",
}
_ORDER = {  # the key of a page, and its direction
    Which.ALL: ("o.requested_at", "DESC"),
    Which.QUEUE: ("o.requested_at", "ASC"),
    Which.ACTIVE: ("o.expires_at", "ASC"),
    Which.REVIEWS: ("o.review_by", "ASC"),
    Which.UNJUSTIFIED: ("o.justify_by", "ASC"),
}
_CHECKPOINT = checkpoint_json("overrides")
_answers = msgspec.json.Decoder(Overrides)


async def overrides(
    connection: Reader,
    which: Which,
    now: datetime,
    *,
    first: int,
    after: str | None = None,
    person: str | None = None,
    target: str | None = None,
) -> Overrides:
    """A page. `after`: the id of the last one of the page before; `person`: who asked. Raises NoReadModel."""
    key, direction = _ORDER[which]
    beyond = "<" if direction == "DESC" else ">"
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(x), '[]') FROM (SELECT o.* FROM read.overrides_overrides o
            WHERE {_WHERE[which]}
              AND (%(person)s::text IS NULL OR o.requested_by = %(person)s)
              AND (%(target)s::text IS NULL OR o.target = %(target)s)
              AND (%(after)s::text IS NULL OR ({key}, o.override) {beyond}
                   (SELECT {key}, o.override FROM read.overrides_overrides o WHERE o.override = %(after)s))
            ORDER BY {key} {direction}, o.override {direction} LIMIT %(limit)s) x) AS overrides
    ) page
    """  # noqa: S608
    values = {"now": now, "person": person, "target": target, "after": after, "limit": first + 1}
    page = await _ask(connection, query, values)
    return Overrides(page.checkpoint, page.overrides[:first], len(page.overrides) > first)


async def override(connection: Reader, key: str) -> tuple[Checkpoint, Override | None]:
    """One override by its id, None where there is none."""
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(o), '[]') FROM read.overrides_overrides o WHERE o.override = %(key)s) AS overrides
    ) page
    """  # noqa: S608
    page = await _ask(connection, query, {"key": key})
    return page.checkpoint, next(iter(page.overrides), None)


async def _ask(connection: Reader, query: str, values: dict[str, Any]) -> Overrides:
    return _answers.decode(await document(connection, "overrides", query, values))


async def still_open(connection: Reader, now: datetime) -> list[tuple[str, str]]:
    """Overrides that wait for an answer or are in effect: all of them. Raises NoReadModel."""
    query = f"""
    SELECT 'override_waiting', 'override-' || o.override FROM read.overrides_overrides o WHERE {_WHERE[Which.QUEUE]}
    UNION ALL
    SELECT 'override_active', 'override-' || o.override FROM read.overrides_overrides o WHERE {_WHERE[Which.ACTIVE]}
    ORDER BY 1, 2
    """  # noqa: S608
    return await open_items(connection, "overrides", query, {"now": now})
