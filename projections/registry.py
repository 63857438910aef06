"""The read models there are: what the projector runs and the command line names."""

from __future__ import annotations

from projections.access.projection import ACCESS
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.cameras.projection import CAMERAS
from projections.cases.projection import CASES
from projections.complaints.projection import COMPLAINTS
from projections.deadlines.projection import DEADLINES
from projections.engine.projection import AnyProjection
from projections.live_board import telemetry
from projections.live_board.projection import LIVE_BOARD
from projections.overrides.projection import OVERRIDES
from projections.oversight.projection import OVERSIGHT
from projections.people.projection import PEOPLE
from projections.personal_data.projection import PERSONAL_DATA
from projections.pilot_metrics.projection import PILOT_METRICS
from projections.plates.projection import PLATES
from projections.policies.projection import POLICIES
from projections.privacy_zones.projection import PRIVACY_ZONES
from projections.retention.projection import RETENTION

PROJECTIONS: tuple[AnyProjection, ...] = (
    LIVE_BOARD,
    AUDIT_TRAIL,
    DEADLINES,
    OVERRIDES,
    PRIVACY_ZONES,
    RETENTION,
    PEOPLE,
    POLICIES,
    PILOT_METRICS,
    ACCESS,
    COMPLAINTS,
    OVERSIGHT,
    PLATES,
    PERSONAL_DATA,
    CAMERAS,
    CASES,
)


def projection(name: str) -> AnyProjection:
    """Raises KeyError, naming those there are."""
    for known in PROJECTIONS:
        if known.name == name:
            return known
    raise KeyError(f"there is no read model '{name}': there are {', '.join(p.name for p in PROJECTIONS)}")


def install(url: str) -> None:
    """Create the engine's tables and the telemetry's where they are missing; part of `saferweho migrate`."""
    telemetry.install(url)
