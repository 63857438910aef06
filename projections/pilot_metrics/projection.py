"""What the pilot's figures are made of. An event adds at most one row to its own thing, and one for each act it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import get_args

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from application.codec import Recorded
from domain import (
    call,
    camera,
    complaint,
    disclosure,
    drone,
    export,
    footage,
    live_view,
    pilot,
    plate_search,
    viewing,
)
from domain import flight_events as f
from domain import privacy_override_events as o
from domain import review_events as review
from projections.engine.projection import Cursor, Park, Projection
from projections.pilot_metrics.acts import REFUSALS, Row, acts, equipment
from projections.pilot_metrics.cells import cell_of

KEYS = {
    "flights": "flight",
    "calls": "call_number",
    "overrides": "override",
    "pilots": "pilot",
    "viewings": "viewing",
    "exports": "export",
    "footage": "footage",
    "complaints": "complaint",
    "samples": "sample",
}
EVIDENCE = "evidence"  # the category of the schedule that says so


@dataclass(frozen=True, slots=True)
class Step:
    """What an event makes of its thing: `set` replaces, `once` keeps the first, `add` counts up."""

    key: str
    position: int
    at: datetime
    set: Row = field(default_factory=dict)
    once: Row = field(default_factory=dict)
    add: dict[str, int] = field(default_factory=dict)
    unit: tuple[str, dict[str, datetime | None]] | None = None
    until_arrival: Row = field(default_factory=dict)  # replaces as long as there was no arrival


@dataclass(slots=True)
class Changes:
    steps: dict[str, list[Step]] = field(default_factory=lambda: {table: [] for table in KEYS})
    costs: list[Row] = field(default_factory=list)
    acts: list[Row] = field(default_factory=list)


# -- what each event says ------------------------------------------------------


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        aggregate, _, key = recorded.stream.partition("-")
        if (table := _TABLES.get(aggregate)) is not None:
            said = _SAYS[table](recorded)
            if said is not None:
                into.steps[table].append(Step(key, recorded.position, recorded.envelope.time, **said))
        if isinstance(recorded.event, pilot.CostRecorded):
            into.costs.append(_cost(key, recorded, recorded.event))
        into.acts += acts(recorded)
    return into


def _flight(recorded: Recorded) -> Row | None:
    said = _flown(recorded)
    if getattr(recorded.event, "clock_difference_s", None) is not None:
        assert said is not None
        said["set"] = {**said.get("set", {}), "clocks_apart": True}
    return said


def _flown(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case f.LaunchRequested():
            asked = {
                "purpose": event.purpose,
                "unit": recorded.envelope.actororg,
                "call_number": event.call,
                "case_number": event.case,
                "authorisation": event.authorisation,
                "cell": cell_of(event.destination),
            }
            return {"set": asked}
        case f.DroneLaunched():
            launched = {"launched_at": event.observed_at, "launched_position": recorded.position}
            return {"once": {**launched, "authorised": event.authorised}}
        case f.ArrivedOnScene():
            return {"once": {"arrived_at": event.observed_at}}
        case f.FlightRepurposed():
            return {"add": {"other_jobs": 1}, "until_arrival": {"diverted": True}}
        case f.LinkLost():
            return {"add": {"links_lost": 1}}
        case f.PrivacyZoneEntered(effect=effect):
            return {"add": {"zone_entries": 1, **({_EFFECTS[effect]: 1} if effect in _EFFECTS else {})}}
        case f.DroneLanded():
            return {"set": {"landed_at": event.observed_at, "duration_s": event.duration_s}}
        case f.OutcomeRecorded():
            outcomes = {"outcomes": [str(outcome) for outcome in event.outcomes]}
            counted = {"subjects_located": event.subjects_located, "arrests_assisted": event.arrests_assisted}
            return {"set": {**outcomes, **counted}}
        case f.FlightPublished():
            return {"set": {"publication": "published", "withheld_code": None}}
        case f.PublicationWithheld():
            return {"set": {"publication": "withheld", "withheld_code": event.reason_code}}
        case _:
            return None


_EFFECTS = {
    f.ZoneEffect.OVERRIDDEN: "zone_entries_overridden",
    f.ZoneEffect.STOPPED: "recordings_stopped",
    f.ZoneEffect.MASKED: "recordings_masked",
}


def _call(recorded: Recorded) -> Row | None:
    said: Row = {}
    match event := recorded.event:
        case call.CallReceived():
            said = {"set": {"call_type": event.call_type, "received_at": event.received_at}}
        case call.CallReclassified():
            said = {"set": {"call_type": event.call_type}}
        case call.CallCorrected():
            said = {"set": {"received_at": event.received_at}}
        case call.UnitDispatched(unit, at):
            said = {"unit": (unit, {"dispatched": at, "arrived": None, "cancelled": None})}
        case call.UnitArrived(unit, at):
            said = {"unit": (unit, {"arrived": at})}
        case call.UnitCancelled(unit, at):
            said = {"unit": (unit, {"cancelled": at})}
        case call.CallClosed():
            said = {"set": {"closed_at": event.closed_at}}
        case call.CallReopened():
            said = {"set": {"closed_at": None}}
        case _:
            return None
    if event.clock_difference_s is not None:
        said["set"] = {**said.get("set", {}), "clocks_apart": True}
    return said


def _override(recorded: Recorded) -> Row | None:
    unit = recorded.envelope.actororg
    match event := recorded.event:
        case o.OverrideRequested():
            basis = str(event.legal_basis.kind)
            return {"set": {"purpose": event.purpose, "unit": unit, "basis": basis, "emergency": False}}
        case o.EmergencyOverrideInvoked():
            asked = {"purpose": event.purpose, "unit": unit, "emergency": True, "review_by": event.review_by}
            return {"set": {**asked, "granted_at": recorded.envelope.time}}
        case o.OverrideApproved():
            return {"set": {"granted_at": recorded.envelope.time, "review_by": event.review_by}}
        case o.OverrideUsed():
            return {"set": {"uses": event.use_number}}
        case o.OverrideJustified():
            return {"set": {"basis": str(event.legal_basis.kind)}}
        case o.OverrideReviewed():
            return {"set": {"reviewed_at": recorded.envelope.time, "verdict": str(event.verdict)}}
        case _:
            return None


def _pilot(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case pilot.PilotStarted(title, authority, starts_on, ends_on):
            days = {"starts_on": starts_on, "ends_on": ends_on}
            return {"set": {"title": title, "authority": authority, "phase": "running", **days}}
        case pilot.PilotPaused():
            return {"set": {"phase": "paused"}}
        case pilot.PilotResumed():
            return {"set": {"phase": "running"}}
        case pilot.PilotExtended():
            return {"set": {"ends_on": event.ends_on, "authority": event.authority}}
        case pilot.PilotConcluded():
            return {"set": {"phase": "concluded"}}
        case pilot.EvaluationPublished():
            return {"add": {"evaluations": 1}}
        case _:
            return None


def _cost(key: str, recorded: Recorded, event: pilot.CostRecorded) -> Row:
    return {
        "position": recorded.position,
        "at": recorded.envelope.time,
        "pilot": key,
        "heading": str(event.heading),
        "equipment": event.equipment,
        "amount_cents": event.amount_cents,
        "spent_on": event.spent_on,
        "fund_source": event.fund_source,
    }


def _viewing(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case viewing.ViewingRequested():
            asked = {"footage": event.footage, "detail": equipment(event.feed), "purpose": event.grounds.purpose}
            return {"set": {**asked, "unit": recorded.envelope.actororg}}
        case viewing.ViewingGranted():
            return {"set": {"granted_at": event.granted_at}}
        case viewing.ViewingEnded():
            return {"set": {"seen_s": event.seen_s}}
        case _:
            return None


def _export(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case export.ExportRequested():
            asked = {"footage": event.footage, "purpose": event.grounds.purpose, "unit": recorded.envelope.actororg}
            return {"set": asked}
        case export.FootageExported():
            return {"set": {"exported_at": recorded.envelope.time, "masked": event.masked}}
        case export.ExportDelivered():
            return {"set": {"delivered_at": recorded.envelope.time}}
        case _:
            return None


def _footage(recorded: Recorded) -> Row | None:
    match recorded.event:
        case footage.FootageTagged(category) | footage.FootageRecorded(category=category) if category == EVIDENCE:
            return {"set": {"evidence": True}}
        case _:
            return None


def _complaint(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case complaint.FeedbackReceived():
            return {"set": {"received_at": event.received_at}}
        case complaint.ComplaintOpened():
            opened = {"topic": str(event.topic), "answer_by": event.answer_by}
            return {"set": {**opened, "opened_at": recorded.envelope.time}}
        case complaint.ComplaintResolved():
            return {"set": {"resolved_at": recorded.envelope.time, "resolution": str(event.resolution)}}
        case _:
            return None


def _sample(recorded: Recorded) -> Row | None:
    match event := recorded.event:
        case review.AuditSampleDrawn():
            drawn = {"population": event.population_size, "sampled": len(event.sample), "review_by": event.review_by}
            return {"set": {**drawn, "drawn_at": recorded.envelope.time}}
        case review.AccessReviewed():
            return {"add": {"reviewed": 1, "late": int(event.late)}}
        case _:
            return None


_TABLES = {
    "flight": "flights",
    "call": "calls",
    "override": "overrides",
    "pilot": "pilots",
    "viewing": "viewings",
    "export": "exports",
    "footage": "footage",
    "complaint": "complaints",
    "review": "samples",
}
_SAYS: dict[str, Callable[[Recorded], Row | None]] = {
    "flights": _flight,
    "calls": _call,
    "overrides": _override,
    "pilots": _pilot,
    "viewings": _viewing,
    "exports": _export,
    "footage": _footage,
    "complaints": _complaint,
    "samples": _sample,
}

# -- what a thing then looks like ----------------------------------------------


def after(row: Row, step: Step) -> Row:
    """The thing as it stands from the step's position on."""
    now = {**row, **step.set, "position": step.position, "at": step.at}
    for name, value in step.once.items():
        if now.get(name) is None:
            now[name] = value
    for name, more in step.add.items():
        now[name] = (now.get(name) or 0) + more
    if row.get("arrived_at") is None:
        now |= step.until_arrival
    if step.unit is not None:
        now |= _with_unit(now.get("units") or {}, *step.unit)
    return now


def _with_unit(units: dict[str, dict[str, str | None]], unit: str, times: dict[str, datetime | None]) -> Row:
    said = {name: at.isoformat() if at is not None else None for name, at in times.items()}
    units = {**units, unit: {**units.get(unit, {}), **said}}

    def known(name: str) -> list[datetime]:
        return [datetime.fromisoformat(at) for each in units.values() if (at := each.get(name)) is not None]

    return {
        "units": units,
        "units_sent": len(units),
        "units_standing": sum(not each.get("cancelled") or bool(each.get("arrived")) for each in units.values()),
        "first_unit_at": min(known("arrived"), default=None),
        "first_cancelled_at": min(known("cancelled"), default=None),
    }


def write(cursor: Cursor, changes: Changes) -> None:
    for table, steps in changes.steps.items():
        if not steps:
            continue
        key = KEYS[table]
        present = _present(cursor, table, key, {step.key for step in steps})
        rows: list[Row] = []
        for step in steps:
            present[step.key] = after(present.get(step.key, {key: step.key}), step)
            rows.append(present[step.key])
        _insert(cursor, table, rows)
    _insert(cursor, "costs", changes.costs)
    _insert(cursor, "acts", changes.acts)


def _present(cursor: Cursor, table: str, key: str, keys: set[str]) -> dict[str, Row]:
    with cursor.connection.cursor(row_factory=dict_row) as reading:
        reading.execute(
            sql.SQL(
                "SELECT newest.* FROM unnest(%s::text[]) AS wanted(key) CROSS JOIN LATERAL"
                " (SELECT * FROM {table} WHERE {key} = wanted.key ORDER BY position DESC LIMIT 1) newest"
            ).format(table=sql.Identifier(table), key=sql.Identifier(key)),
            (list(keys),),
        )
        return {row[key]: row for row in reading}


def _insert(cursor: Cursor, table: str, rows: list[Row]) -> None:
    if rows:
        cursor.execute(
            sql.SQL("INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)").format(
                table=sql.Identifier(table)
            ),
            (msgspec.json.encode(rows).decode(),),
        )


_COUNTED = frozenset(
    {
        f.LaunchRequested,
        f.DroneLaunched,
        f.ArrivedOnScene,
        f.FlightRepurposed,
        f.LinkLost,
        f.PrivacyZoneEntered,
        f.DroneLanded,
        f.OutcomeRecorded,
        f.FlightPublished,
        f.PublicationWithheld,
        o.OverrideRequested,
        o.EmergencyOverrideInvoked,
        o.OverrideApproved,
        o.OverrideUsed,
        o.OverrideJustified,
        o.OverrideReviewed,
        live_view.LiveViewRequested,
        live_view.LiveViewGranted,
        live_view.LiveViewEnded,
        live_view.LiveViewRenewed,
        viewing.ViewingRequested,
        viewing.ViewingGranted,
        viewing.ViewingEnded,
        export.ExportRequested,
        export.FootageExported,
        export.ExportDelivered,
        footage.FootageRecorded,
        footage.FootageTagged,
        footage.FootageLost,
        plate_search.PlateSearched,
        plate_search.HitConfirmed,
        plate_search.HitRejected,
        disclosure.DisclosureRequested,
        disclosure.DisclosureMade,
        complaint.FeedbackReceived,
        complaint.ComplaintOpened,
        complaint.ComplaintResolved,
        review.AuditSampleDrawn,
        review.AccessReviewed,
        review.FindingRecorded,
        review.CorrectiveActionTaken,
        camera.CameraInstalled,
        camera.CameraOffline,
        camera.CameraOnline,
        camera.CameraRetired,
        drone.DroneRegistered,
        drone.DroneGrounded,
        drone.DroneReadied,
        drone.DroneReleased,
        drone.UnassignedFlightObserved,
        *get_args(pilot.Event),
        *(set(get_args(call.Event)) - {call.CallConfirmed, call.FeedSharedWithIncident, call.FeedSharingEnded}),
    }
)

PILOT_METRICS: Projection[Changes] = Projection(
    name="pilot_metrics",
    version=2,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=_COUNTED | REFUSALS,
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
