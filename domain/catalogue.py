"""Every aggregate and, by importing them all, every event type: `import domain.catalogue` completes the registry."""

from __future__ import annotations

from typing import Any

from domain.call import CALL
from domain.camera import CAMERA
from domain.case import CASE
from domain.complaint import COMPLAINT
from domain.disclosure import DISCLOSURE
from domain.dock import DOCK
from domain.drone import DRONE
from domain.export import EXPORT
from domain.flight import FLIGHT
from domain.footage import FOOTAGE
from domain.footage_import import IMPORT
from domain.founding import FOUNDING
from domain.kernel import Aggregate
from domain.live_view import LIVE_VIEW
from domain.notice import NOTICE
from domain.person import PERSON
from domain.pilot import PILOT
from domain.plate_search import PLATE_SEARCH
from domain.policy import POLICY
from domain.privacy_override import OVERRIDE
from domain.privacy_zone import ZONE
from domain.review import REVIEW
from domain.session import SESSION
from domain.shift import SHIFT
from domain.subject_key import SUBJECT_KEY
from domain.viewing import VIEWING

AGGREGATES: dict[str, Aggregate[Any, Any, Any]] = {
    aggregate.name: aggregate
    for aggregate in (
        FOUNDING,
        PERSON,
        SESSION,
        NOTICE,
        SHIFT,
        POLICY,
        CALL,
        CASE,
        DOCK,
        DRONE,
        FLIGHT,
        CAMERA,
        LIVE_VIEW,
        FOOTAGE,
        IMPORT,
        VIEWING,
        EXPORT,
        DISCLOSURE,
        PLATE_SEARCH,
        OVERRIDE,
        ZONE,
        REVIEW,
        COMPLAINT,
        PILOT,
        SUBJECT_KEY,
    )
}


def aggregate_of(stream: str) -> Aggregate[Any, Any, Any]:
    """The aggregate that a stream id belongs to. Raises KeyError."""
    return AGGREGATES[stream.partition("-")[0]]
