"""What is personal in read models goes when its subject's key is destroyed: in the same transaction as the checkpoint.

Invariants: a read model that declares no personal column gets its events sealed and cannot open them; after the
position of a SubjectKeyDestroyed no build of a read model, live, being built or retired, holds a declared value of its
subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from application.codec import Recorded
from application.sealing import personal_values
from domain.subject_key import SubjectKeyDestroyed
from projections.engine.feed import FeedRecord
from projections.engine.projection import AnyProjection, Cursor, PersonalColumns
from projections.engine.selection import Selection


def apply(cursor: Cursor, projection: AnyProjection, selection: Selection, records: Sequence[FeedRecord]) -> None:
    """Apply these records to the build in the search path, and empty what must be empty after them."""
    events = selection.decoded(records)
    if not projection.personal:
        projection.apply(cursor, events)
        return
    handles = projection.handles
    projection.apply(cursor, [e for e in events if handles is None or type(e.event) in handles])
    destroyed = [e.event.subject for e in events if isinstance(e.event, SubjectKeyDestroyed)]
    if destroyed:
        cursor.execute(
            "INSERT INTO projections.destroyed_subjects SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (destroyed,)
        )
        for schema, columns in _every_build(cursor, projection.name):
            _empty(cursor, columns, destroyed, schema)
    # A process may have gone on sealing with the key for a moment, and what was parked comes late.
    _empty(cursor, projection.personal, _gone_before(cursor, events))


def _gone_before(cursor: Cursor, events: Iterable[Recorded]) -> list[str]:
    subjects = {personal.subject for e in events for personal in personal_values(e.event)}
    if not subjects:
        return []
    rows = cursor.execute(
        "SELECT subject FROM projections.destroyed_subjects WHERE subject = ANY(%s)", (sorted(subjects),)
    ).fetchall()
    return [subject for (subject,) in rows]


def _every_build(cursor: Cursor, name: str) -> list[tuple[str, list[PersonalColumns]]]:
    """The schema of each build that is not dropped yet, whichever version, with what it declares."""
    rows = cursor.execute("SELECT key, personal FROM projections.catalogue WHERE name = %s", (name,)).fetchall()
    return [(key, [PersonalColumns(t, s, tuple(cs)) for t, s, cs in personal]) for key, personal in rows]


def _empty(
    cursor: Cursor, declared: Sequence[PersonalColumns], subjects: Sequence[str], schema: str | None = None
) -> None:
    if not subjects:
        return
    for each in declared:
        table = sql.Identifier(each.table) if schema is None else sql.Identifier(schema, each.table)
        columns = [sql.Identifier(column) for column in each.columns]
        cursor.execute(
            sql.SQL("UPDATE {table} SET {set} WHERE {subject} = ANY(%s) AND ({filled})").format(
                table=table,
                set=sql.SQL(", ").join(sql.SQL("{} = NULL").format(column) for column in columns),
                subject=sql.Identifier(each.subject),
                filled=sql.SQL(" OR ").join(sql.SQL("{} IS NOT NULL").format(column) for column in columns),
            ),
            (list(subjects),),
        )
