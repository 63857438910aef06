"""The history of the use policy: what each version said, who wrote it, who put it in force, and when."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import get_args

from application.codec import Recorded, to_builtins
from domain import policy
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


def changes(batch: Sequence[Recorded]) -> Patches:
    into: Patches = {}
    for recorded in batch:
        event, at = recorded.event, recorded.envelope.time
        key = str(event.version)
        match event:
            case policy.PolicyDrafted():
                patch(
                    into,
                    key,
                    version=event.version,
                    amends=event.amends,
                    summary=event.summary,
                    parameters=to_builtins(event.parameters),
                    parameters_sha256=event.parameters_sha256,
                    cedar_set_sha256=event.cedar_set_sha256,
                    drafted_by=event.drafted_by,
                    drafted_at=at,
                )
            case policy.PolicyAdopted():
                patch(into, key, adopted_by=event.adopted_by[1], adopted_at=at, in_force_from=event.in_force_from)
            case policy.PolicyAmended():
                patch(into, key, adopted_by=event.amended_by[1], adopted_at=at, in_force_from=event.in_force_from)
            case policy.PolicyRetirementProposed():
                patch(into, key, retirement_proposed_by=event.proposed_by)
            case policy.PolicyRetired():
                patch(into, key, retired_at=at, retired_because=event.reason)
    return into


def write(cursor: Cursor, changes: Patches) -> None:
    upsert(cursor, "versions", "id", changes)


POLICIES: Projection[Patches] = Projection(
    name="policies",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=frozenset(get_args(policy.Event)) - {policy.AdoptionRefused},
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
