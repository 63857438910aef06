"""What may be asked of retention. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document, open_items


class Which(StrEnum):
    """`due`: to be destroyed, the longest due first. `kept`: the next to be due first, then what is held or has no
    length. `asked`: an extension waits, the oldest first. `held`: what legal holds keep is left, the
    longest due first, then what is held. `destroyed`, `lost`: the newest first."""

    DUE = "due"
    KEPT = "kept"
    ASKED = "asked"
    HELD = "held"
    DESTROYED = "destroyed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Footage:
    """`due_at`: when it is to be destroyed by the lengths given; None while held, or where a category has no length."""

    footage: str
    state: str
    feed: str
    range_since: datetime
    range_until: datetime
    size_bytes: int | None
    imported_as: str | None
    received_at: datetime | None
    categories: tuple[str, ...]
    holds: int
    due_at: datetime | None
    keep_until: datetime | None
    asked_until: datetime | None
    asked_by: str | None
    asked_at: datetime | None
    due_since: datetime | None
    destroyed_at: datetime | None
    destroyed_policy: int | None
    destroyed_by: str | None
    unrecoverable_after: datetime | None
    lost_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    checkpoint: Checkpoint
    footage: tuple[Footage, ...]
    has_next: bool


@dataclass(frozen=True, slots=True)
class Hold:
    id: str
    footage: str
    feed: str
    hold: str
    range_since: datetime
    range_until: datetime
    basis_kind: str
    basis_number: str | None
    basis_issuer: str | None
    verify_again_on: date
    placed_by: str
    placed_at: datetime
    verified_by: str | None
    verified_at: datetime | None
    released_by: str | None
    released_at: datetime | None
    copied_at: datetime | None
    copy_since: datetime | None
    copy_until: datetime | None
    copy_destroyed_at: datetime | None
    copy_unrecoverable_after: datetime | None


@dataclass(frozen=True, slots=True)
class Holds:
    checkpoint: Checkpoint
    holds: tuple[Hold, ...]
    has_next: bool


@dataclass(frozen=True, slots=True)
class Import:
    """A file that somebody else recorded. `imported`: its stream."""

    imported: str
    sha256: str
    size_bytes: int
    found: str
    sound: str
    agency: str
    device: str | None
    case_number: str
    received_at: datetime
    received_by: str
    received_how: str
    range_since: datetime
    range_until: datetime
    footage: tuple[str, ...]
    imported_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Imports:
    checkpoint: Checkpoint
    imports: tuple[Import, ...]
    has_next: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that a hold's copy keeps of footage."""

    footage: str
    since: datetime
    until: datetime


_CHECKPOINT = checkpoint_json("retention")
# Of several categories the longest wins; a later extension beats them; a hold beats all, until what it keeps is copied.
# A category without a length may be the longest: then it is not due. Of what is destroyed but for copies, those of
# released holds are due.
_FOOTAGE = """
SELECT f.*, coalesce(c.categories, '{}') AS categories, h.holds,
       CASE WHEN h.uncopied > 0 THEN NULL
            WHEN f.state = 'held' THEN h.spare_since
            WHEN f.state = 'kept' AND c.days IS NOT NULL
            THEN greatest(coalesce(f.received_at, f.range_until) + make_interval(days => c.days), f.keep_until)
            END AS due_at
FROM read.retention_footage f
LEFT JOIN LATERAL (
    SELECT array_agg(category ORDER BY category) AS categories,
           CASE WHEN bool_and(%(days)s::jsonb ? category) THEN max((%(days)s::jsonb->>category)::int) END AS days
    FROM read.retention_categories c WHERE c.footage = f.footage) c ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE released_at IS NULL) AS holds,
           count(*) FILTER (WHERE released_at IS NULL AND copied_at IS NULL) AS uncopied,
           min(released_at) FILTER (WHERE copied_at IS NOT NULL AND copy_destroyed_at IS NULL) AS spare_since
    FROM read.retention_holds h WHERE h.footage = f.footage) h ON true
"""
# What was destroyed grows for ever: each list is read off the index of its state, and no further than its page.
_STATE = {
    Which.DUE: "f.state = 'kept'",
    Which.KEPT: "f.state = 'kept'",
    Which.ASKED: "f.state = 'kept' AND f.asked_until IS NOT NULL",
    Which.HELD: "f.state = 'held'",
    Which.DESTROYED: "f.state = 'destroyed'",
    Which.LOST: "f.state = 'lost'",
}
_KEY = {
    Which.DUE: ("x.due_at", ""),
    Which.KEPT: ("coalesce(x.due_at, 'infinity')", ""),
    Which.ASKED: ("x.asked_at", ""),
    Which.HELD: ("coalesce(x.due_at, 'infinity')", ""),
    Which.DESTROYED: ("x.destroyed_at", "DESC"),
    Which.LOST: ("x.lost_at", "DESC"),
}
_pages = msgspec.json.Decoder(Page)
_holds = msgspec.json.Decoder(Holds)
_imports = msgspec.json.Decoder(Imports)
_parts = msgspec.json.Decoder(list[Part])


async def footage(
    connection: Reader,
    which: Which,
    days: Mapping[str, int],
    now: datetime,
    *,
    first: int,
    after: str | None = None,
    one: str | None = None,
) -> Page:
    """A page. `days`: the length of each category by the policy in force; `after`: the last one of the page before;
    `one`: that footage alone. Raises NoReadModel."""
    key, direction = _KEY[which]
    beyond = "<" if direction else ">"
    query = f"""
    WITH x AS NOT MATERIALIZED ({_FOOTAGE} WHERE {_STATE[which]})
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(y), '[]') FROM (SELECT x.* FROM x
            WHERE {"x.due_at <= %(now)s" if which is Which.DUE else "true"}
              AND (%(one)s::text IS NULL OR x.footage = %(one)s)
              AND (%(after)s::text IS NULL OR ({key}, x.footage) {beyond}
                   (SELECT {key}, x.footage FROM x WHERE x.footage = %(after)s))
            ORDER BY {key} {direction}, x.footage {direction} LIMIT %(limit)s) y) AS footage
    ) page
    """  # noqa: S608
    values = {"days": msgspec.json.encode(dict(days)).decode(), "now": now, "after": after, "one": one}
    page = _pages.decode(await _ask(connection, query, {**values, "limit": first + 1}))
    return Page(page.checkpoint, page.footage[:first], len(page.footage) > first)


async def holds(
    connection: Reader,
    *,
    first: int,
    after: str | None = None,
    verify_by: date | None = None,
    released: bool = False,
) -> Holds:
    """Holds, the next to be verified first. `verify_by`: those to be verified by that day; `released`: also those of
    the past. `after`: the id of the last one of the page before. Raises NoReadModel."""
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(y), '[]') FROM (SELECT h.*, f.feed FROM read.retention_holds h
            JOIN read.retention_footage f ON f.footage = h.footage
            WHERE (%(released)s OR h.released_at IS NULL)
              AND (%(verify_by)s::date IS NULL OR h.verify_again_on <= %(verify_by)s)
              AND (%(after)s::text IS NULL OR (h.verify_again_on, h.id) >
                   (SELECT verify_again_on, id FROM read.retention_holds WHERE id = %(after)s))
            ORDER BY h.verify_again_on, h.id LIMIT %(limit)s) y) AS holds
    ) page
    """  # noqa: S608
    values = {"released": released, "verify_by": verify_by, "after": after, "limit": first + 1}
    page = _holds.decode(await _ask(connection, query, values))
    return Holds(page.checkpoint, page.holds[:first], len(page.holds) > first)


async def copied(connection: Reader, footage: Sequence[str]) -> list[Part]:
    """What the copies of holds keep of footage, in order. Raises NoReadModel."""
    query = """
    SELECT coalesce(json_agg(x ORDER BY x.since, x.until), '[]')::text FROM (
        SELECT footage, copy_since AS since, copy_until AS until FROM read.retention_holds
        WHERE footage = ANY(%(footage)s) AND copied_at IS NOT NULL AND copy_destroyed_at IS NULL) x"""
    return _parts.decode(await _ask(connection, query, {"footage": list(footage)}))


async def imports(connection: Reader, *, first: int, before: int | None = None, sha256: str | None = None) -> Imports:
    """Files that were imported, the newest first. `before`: the position of the last one of the page before; `sha256`:
    that file alone. Raises NoReadModel."""
    query = f"""
    SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
        (SELECT coalesce(json_agg(y), '[]') FROM (SELECT i.*, i.import AS imported FROM read.retention_imports i
            WHERE (%(before)s::bigint IS NULL OR i.position < %(before)s)
              AND (%(sha256)s::text IS NULL OR i.sha256 = %(sha256)s)
            ORDER BY i.position DESC LIMIT %(limit)s) y) AS imports
    ) page
    """  # noqa: S608
    page = _imports.decode(await _ask(connection, query, {"before": before, "sha256": sha256, "limit": first + 1}))
    return Imports(page.checkpoint, page.imports[:first], len(page.imports) > first)


async def _ask(connection: Reader, query: str, values: dict[str, Any]) -> str:
    return await document(connection, "retention", query, values)


async def still_open(connection: Reader, today: date) -> list[tuple[str, str]]:
    """Footage with a legal hold that is to be verified again by now: all of it. Raises NoReadModel."""
    query = """SELECT DISTINCT 'hold_to_verify', 'footage-' || footage FROM read.retention_holds
               WHERE released_at IS NULL AND verify_again_on <= %(today)s ORDER BY 2"""
    return await open_items(connection, "retention", query, {"today": today})
