"""The deadlines that are set, drawn from events by the rules of `application.deadlines`; the scheduler acts on them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from application import deadlines
from application.codec import Recorded
from application.deadlines import Due
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert

Changes = dict[str, Due | None]  # the deadline of each id after the batch; None: cleared


def changes(batch: Sequence[Recorded]) -> Changes:
    into: Changes = {}
    for recorded in batch:
        for change in deadlines.changes(recorded):
            into[f"{change.stream}/{change.kind}"] = change if isinstance(change, Due) else None
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    set_now: Patches = {}
    for key, due in changes.items():
        if due is not None:
            patch(set_now, key, stream=due.stream, kind=due.kind, due_at=due.at)
    if cleared := [key for key, due in changes.items() if due is None]:
        cursor.execute("DELETE FROM open WHERE id = ANY(%s)", (cleared,))
    upsert(cursor, "open", "id", set_now)


deadlines.load_all()
DEADLINES: Projection[Changes] = Projection(
    name="deadlines",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=deadlines.handled(),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
