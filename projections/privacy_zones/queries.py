"""What may be asked of the privacy zones. The answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from domain.kernel import Place
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document


@dataclass(frozen=True, slots=True)
class Zone:
    """`rule`: no_record, no_view or mask, up to `ceiling_agl_m` metres above ground. `reason`: of the last change."""

    zone: str
    name: str
    outline: tuple[Place, ...]
    ceiling_agl_m: float
    rule: str
    drawn_at: datetime
    drawn_by: str
    changed_at: datetime | None
    changed_by: str | None
    reason: str
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Zones:
    checkpoint: Checkpoint
    zones: tuple[Zone, ...]


_ZONES = f"""
SELECT row_to_json(answer)::text FROM (SELECT {checkpoint_json("privacy_zones")},
    (SELECT coalesce(json_agg(z ORDER BY z.zone), '[]') FROM read.privacy_zones_zones z
     WHERE %(retired)s OR z.retired_at IS NULL) AS zones
) answer
"""  # noqa: S608
_answers = msgspec.json.Decoder(Zones)


async def zones(connection: Reader, *, retired: bool = False) -> Zones:
    """Those in force; with `retired` those of the past too. Raises NoReadModel."""
    return _answers.decode(await document(connection, "privacy_zones", _ZONES, {"retired": retired}))
