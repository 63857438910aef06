"""Who looked at what, and who was refused. Nothing personal is kept here; officers' acts are on the record for good.

An event changes only rows of its own stream, so a parked stream leaves no other row behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, get_args

from application.codec import Recorded, to_builtins
from domain import disclosure, export, footage, live_view, viewing
from domain.grounds import StatedGrounds
from domain.session import AttemptRefused
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patches, patch, upsert


@dataclass(slots=True)
class Changes:
    looks: Patches = field(default_factory=dict)
    refusals: Patches = field(default_factory=dict)
    exports: Patches = field(default_factory=dict)
    recordings: Patches = field(default_factory=dict)


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        _APPLY[recorded.stream.partition("-")[0]](into, recorded)
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "looks", "stream", changes.looks)
    upsert(cursor, "refusals", "id", changes.refusals)
    upsert(cursor, "exports", "stream", changes.exports)
    upsert(cursor, "recordings", "footage", changes.recordings)


# -- one kind of stream each ---------------------------------------------------


def _requested(into: Changes, recorded: Recorded, kind: str, grounds: StatedGrounds, **more: Any) -> None:
    patch(
        into.looks,
        recorded.stream,
        kind=kind,
        person=recorded.event.person,
        session=recorded.envelope.sessionid,
        role=recorded.envelope.actorrole,
        purpose=grounds.purpose,
        call_number=grounds.call,
        case_number=grounds.case,
        score=grounds.quality.score,
        vague=grounds.quality.vague,
        state="requested",
        requested_at=recorded.envelope.time,
        requested_position=recorded.position,
        **more,
    )


def _refused(into: Changes, recorded: Recorded, action: str, target: str, reasons: Any, rule: str = "") -> None:
    envelope = recorded.envelope
    patch(
        into.refusals,
        f"{recorded.stream}/{envelope.streamversion}",
        position=recorded.position,
        at=envelope.time,
        stream=recorded.stream,
        person=envelope.actorid,
        role=envelope.actorrole,
        action=action,
        target=target,
        rule=rule or envelope.decidedby,
        reasons=to_builtins(reasons),
    )


def _live_view(into: Changes, recorded: Recorded) -> None:
    key, at = recorded.stream, recorded.envelope.time
    match event := recorded.event:
        case live_view.LiveViewRequested():
            _requested(into, recorded, "live_view", event.grounds, feed=event.feed, shared_by_call=event.shared_by_call)
        case live_view.LiveViewGranted():
            patch(into.looks, key, state="open", granted_at=event.granted_at, until=event.until)
        case live_view.LiveViewRefused():
            patch(into.looks, key, state="refused")
            _refused(into, recorded, "request_live_view", event.feed, event.reasons)
        case live_view.LiveViewRenewed():
            patch(into.looks, key, renewed_at=at, until=event.until)
        case live_view.RenewalRefused():
            _refused(into, recorded, "renew_live_view", event.feed, event.reasons)
        case live_view.LiveViewEnded():
            patch(
                into.looks,
                key,
                state="ended",
                end_reason=event.why,
                ended_at=event.ended_at,
                seconds=event.watched_s,
            )
        case live_view.LivePicturesServed():
            patch(into.looks, key, bytes=event.total_bytes)
            if event.override is not None:
                patch(into.looks, key, masked=False)


def _viewing(into: Changes, recorded: Recorded) -> None:
    key = recorded.stream
    match event := recorded.event:
        case viewing.ViewingRequested():
            _requested(
                into,
                recorded,
                "viewing",
                event.grounds,
                feed=event.feed,
                footage=f"footage-{event.footage}",
                footage_from=event.range.since,
                footage_until=event.range.until,
                masked=True,
            )
        case viewing.ViewingGranted():
            patch(into.looks, key, state="open", granted_at=event.granted_at, until=event.until)
        case viewing.ViewingRefused():
            patch(into.looks, key, state="refused")
            _refused(into, recorded, "request_viewing", f"footage-{event.footage}", event.reasons)
        case viewing.SegmentsReserved(masked=False):
            patch(into.looks, key, masked=False)
        case viewing.ViewingEnded():
            patch(
                into.looks,
                key,
                state="ended",
                end_reason=event.why,
                ended_at=event.ended_at,
                seconds=event.seen_s,
                bytes=event.size_bytes,
            )


def _export(into: Changes, recorded: Recorded) -> None:
    key, at = recorded.stream, recorded.envelope.time
    match event := recorded.event:
        case export.ExportRequested():
            _requested(
                into,
                recorded,
                "export",
                event.grounds,
                footage=f"footage-{event.footage}",
                footage_from=event.range.since,
                footage_until=event.range.until,
                masked=event.masked,
                recipient=event.recipient,
            )
            basis = event.legal_basis
            patch(
                into.exports,
                key,
                override=event.override,
                basis_kind=basis.kind if basis else None,
                basis_number=basis.number if basis else None,
                basis_issuer=basis.issuer if basis else None,
            )
        case export.ExportCategorised(category, by, reason):
            patch(into.exports, key, category=category, categorised_by=by, category_reason=reason)
        case export.ExportApproved():
            patch(into.looks, key, state="approved", granted_at=at, decided_by=event.approved_by)
            patch(into.exports, key, decided_at=at)
        case export.ExportRefused():
            patch(into.looks, key, state="refused", decided_by=event.refused_by)
            patch(into.exports, key, decided_at=at, reasons=to_builtins(event.reasons))
            _refused(into, recorded, "request_export", key, event.reasons)
        case export.ApprovalRefused():
            _refused(into, recorded, "approve_export", key, event.reasons)
        case export.FootageExported():
            patch(into.looks, key, state="exported", bytes=event.size_bytes)
            patch(into.exports, key, file_sha256=event.file_sha256, made_at=at)
        case export.ExportDownloaded():
            patch(into.exports, key, downloaded_at=at, downloaded_by=event.downloaded_by)
        case export.ExportDelivered():
            patch(into.looks, key, state="delivered", ended_at=at)
            patch(into.exports, key, delivered_at=at, delivered_by=event.handed_over_by, method=event.method)


def _disclosure(into: Changes, recorded: Recorded) -> None:
    key, at = recorded.stream, recorded.envelope.time
    match event := recorded.event:
        case disclosure.DisclosureRequested():
            kind = event.what.partition("-")[0]
            where = {"footage": event.what} if kind == "footage" else {"feed": event.what} if kind == "flight" else {}
            _requested(into, recorded, "disclosure", event.grounds, what=event.what, recipient=event.recipient, **where)
        case disclosure.DisclosureMade():
            patch(into.looks, key, state="made", granted_at=at, decided_by=event.made_by)
        case disclosure.DisclosureRefused():
            patch(into.looks, key, state="refused", decided_by=event.refused_by)
            _refused(into, recorded, "request_disclosure", event.what, event.reasons)
        case disclosure.DecisionRefused():
            _refused(into, recorded, "make_disclosure", key, event.reasons)


def _footage(into: Changes, recorded: Recorded) -> None:
    key = recorded.stream
    match event := recorded.event:
        case footage.FootageRecorded():
            since, until = event.range.since, event.range.until
            size = event.size_bytes
            patch(into.recordings, key, feed=event.feed, since=since, until=until, size_bytes=size, state="kept")
        case footage.FootageLost():
            patch(into.recordings, key, feed=event.feed, since=event.range.since, until=event.range.until, state="lost")
        case footage.RestDestroyed():
            patch(into.recordings, key, state="held")
        case footage.FootageDestroyed():
            patch(into.recordings, key, state="destroyed")


def _session(into: Changes, recorded: Recorded) -> None:
    event: AttemptRefused = recorded.event
    _refused(into, recorded, event.action, event.target, event.reasons, event.rule)


_APPLY: dict[str, Callable[[Changes, Recorded], None]] = {
    "liveview": _live_view,
    "viewing": _viewing,
    "export": _export,
    "disclosure": _disclosure,
    "footage": _footage,
    "session": _session,
}
_ALL_OF: tuple[Any, ...] = (live_view.Event, viewing.Event, export.Event, disclosure.Event)
HANDLES: frozenset[type] = frozenset(
    {
        AttemptRefused,
        footage.FootageRecorded,
        footage.FootageLost,
        footage.RestDestroyed,
        footage.FootageDestroyed,
        *(event for union in _ALL_OF for event in get_args(union)),
    }
)

ACCESS: Projection[Changes] = Projection(
    name="access",
    version=6,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=HANDLES,
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
