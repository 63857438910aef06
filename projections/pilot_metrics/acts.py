"""What is counted by itself: looks, reasons, refusals, turns of equipment, oversight. An event may be several acts."""

from __future__ import annotations

from typing import Any

import domain.catalogue  # noqa: F401  completes the registry, of which every refusal is counted
from application.codec import Recorded
from domain import camera, disclosure, drone, export, footage, live_view, plate_search, viewing
from domain import privacy_override_events as o
from domain import review_events as review
from domain.kernel import EVENT_NAMES, EVENT_TYPES

Row = dict[str, Any]
REFUSALS = frozenset(kind for name, kind in EVENT_TYPES.items() if "refused" in name)


def equipment(feed: str | None) -> str | None:
    """What a feed is a picture of: a camera, or a drone in flight."""
    kind = feed.partition("-")[0] if feed else None
    return "drone" if kind == "flight" else kind


def acts(recorded: Recorded) -> list[Row]:
    """What is counted by itself."""
    envelope = recorded.envelope
    known = {"position": recorded.position, "at": envelope.time, "stream": recorded.stream, "unit": envelope.actororg}
    said = [act for act in (_reason(recorded), _act(recorded), _refusal(recorded)) if act is not None]
    return [{**known, "purpose": envelope.purpose or None, **act} for act in said]


def _reason(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case (
            live_view.LiveViewRequested()
            | viewing.ViewingRequested()
            | export.ExportRequested()
            | plate_search.PlateSearched()
            | plate_search.PlateSearchRefused()
            | disclosure.DisclosureRequested()
        ):
            vague, purpose = event.grounds.quality.vague, event.grounds.purpose
            return {"kind": "reason", "detail": _aggregate(recorded), "held": vague, "purpose": purpose}
        case live_view.LiveViewRenewed():
            return {"kind": "reason", "detail": "renewal", "held": event.quality.vague}
        case _:
            return None


def _refusal(recorded: Recorded) -> Row | None:
    type_ = type(recorded.event)
    return {"kind": "refused", "detail": EVENT_NAMES[type_].rpartition(".")[0]} if type_ in REFUSALS else None


def _act(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case live_view.LiveViewGranted():
            return {"kind": "view_granted", "detail": equipment(event.feed)}
        case live_view.LiveViewEnded():
            return {"kind": "view_ended", "detail": equipment(event.feed), "amount": event.watched_s}
        case o.OverrideUsed():
            return {"kind": "mask_lifted", "detail": event.through.partition("-")[0]}
        case plate_search.PlateSearched():
            for_whom = "agency" if event.for_agency else "own"
            return {"kind": "plate_searched", "detail": for_whom, "purpose": event.grounds.purpose}
        case plate_search.HitConfirmed():
            return {"kind": "hit_decided", "detail": "confirmed", "held": True}
        case plate_search.HitRejected():
            return {"kind": "hit_decided", "detail": str(event.why), "held": False}
        case disclosure.DisclosureMade() | disclosure.DisclosureRefused():
            return {"kind": "disclosure_decided", "held": isinstance(event, disclosure.DisclosureMade)}
        case footage.FootageRecorded() if event.feed.startswith("import-"):
            return None  # recorded by somebody else
        case footage.FootageRecorded() | footage.FootageLost():
            length, lost = event.range.until - event.range.since, isinstance(event, footage.FootageLost)
            of = {"detail": equipment(event.feed), "amount": length.total_seconds()}
            return {"kind": "footage", "held": lost, **of}
        case review.AccessReviewed():
            improper = event.verdict is review.AccessVerdict.IMPROPER
            return {"kind": "access_reviewed", "detail": str(event.verdict), "held": improper}
        case review.FindingRecorded():
            return {"kind": "finding", "detail": str(event.kind)}
        case review.CorrectiveActionTaken():
            return {"kind": "corrected", "held": event.late}
        case _:
            return _turn(recorded)


def _turn(recorded: Recorded) -> Row | None:
    """Whether a camera or a drone can be used, from now on."""
    match event := recorded.event:
        case camera.CameraInstalled() | drone.DroneRegistered():
            kind = "in_service"
        case camera.CameraOnline() | drone.DroneReadied():
            kind = "available"
        case camera.CameraOffline() | drone.DroneGrounded() | drone.UnassignedFlightObserved():
            kind = "unavailable"
        case drone.DroneReleased() if event.flown:
            kind = "used"
        case camera.CameraRetired():
            kind = "retired"
        case _:
            return None
    return {"kind": kind, "detail": _aggregate(recorded)}


def _aggregate(recorded: Recorded) -> str:
    return recorded.stream.partition("-")[0]
