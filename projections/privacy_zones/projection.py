"""Privacy zones for the map. An event changes the row of its own stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import get_args

from application.codec import Recorded, to_builtins
from domain import privacy_zone as z
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


def changes(batch: Sequence[Recorded]) -> Patches:
    rows: Patches = {}
    for recorded in batch:
        key, at = recorded.stream.partition("-")[2], recorded.envelope.time
        match event := recorded.event:
            case z.PrivacyZoneDrawn():
                patch(rows, key, name=event.name, drawn_at=at, drawn_by=event.drawn_by)
            case z.PrivacyZoneRedrawn(redrawn_by=by):
                patch(rows, key, changed_at=at, changed_by=by)
            case z.PrivacyZoneRetired(retired_by=by):
                patch(rows, key, changed_at=at, changed_by=by, retired_at=at)
        patch(rows, key, reason=event.reason)
        if not isinstance(event, z.PrivacyZoneRetired):
            outline = to_builtins(event.outline)
            patch(rows, key, outline=outline, ceiling_agl_m=event.ceiling_agl_m, rule=event.rule)
    return rows


def write(cursor: Cursor, rows: Patches) -> None:
    upsert(cursor, "zones", "zone", rows)


PRIVACY_ZONES: Projection[Patches] = Projection(
    name="privacy_zones",
    version=1,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(z.Event)),
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
