"""Accounts, sessions and handovers, from the people's own events. Notes of a handover are not kept here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec

from application.codec import Recorded
from domain import person, session, shift
from domain.kernel import PersonId
from projections.engine.projection import Cursor, Park, Projection
from projections.engine.rows import Patch, Patches, patch, upsert

MAPS = ("roles", "courses", "certificates")


@dataclass(slots=True)
class Changes:
    """`maps`: person → column → key → value, merged into what the row has."""

    accounts: Patches = field(default_factory=dict)
    maps: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    sessions: Patches = field(default_factory=dict)
    handovers: Patches = field(default_factory=dict)
    handed_over: Patches = field(default_factory=dict)

    def put(self, key: str, column: str, name: str, value: Any) -> None:
        self.maps.setdefault(key, {c: {} for c in MAPS})[column][name] = value


def changes(batch: Sequence[Recorded]) -> Changes:
    into = Changes()
    for recorded in batch:
        aggregate, _, key = recorded.stream.partition("-")
        {"person": _person, "session": _session, "shift": _shift}[aggregate](into, key, recorded)
    return into


def write(cursor: Cursor, changes: Changes) -> None:
    upsert(cursor, "accounts", "person", changes.accounts)
    upsert(cursor, "sessions", "session", changes.sessions)
    upsert(cursor, "handovers", "shift", changes.handovers)
    upsert(cursor, "handed_over", "id", changes.handed_over)
    if changes.maps:
        cursor.execute(
            "UPDATE accounts SET roles = roles || (maps.value->'roles'), courses = courses || (maps.value->'courses'),"
            " certificates = certificates || (maps.value->'certificates')"
            " FROM jsonb_each(%s::jsonb) AS maps WHERE accounts.person = maps.key",
            (msgspec.json.encode(changes.maps).decode(),),
        )


def _person(into: Changes, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case person.Enrolled():
            patch(
                into.accounts,
                key,
                name=event.name,
                organisation=event.organisation,
                email=event.email,
                enrolled_at=at,
                enrolled_by=event.enrolled_by,
                medical_hold=False,
                **{column: {} for column in MAPS},
            )
        case person.DetailsChanged():
            patch(into.accounts, key, name=event.name, organisation=event.organisation, email=event.email)
        case person.RoleAssigned(role):
            into.put(key, "roles", role, at)
        case person.RoleRevoked(role):
            into.put(key, "roles", role, None)
        case person.TrainingCompleted(course, _, expires_on):
            into.put(key, "courses", course, expires_on)
        case person.TrainingCorrected(course, _, expires_on):
            into.put(key, "courses", course, expires_on)
        case person.CertificateRecorded(kind, number, expires_on):
            into.put(key, "certificates", kind, {"number": number, "expires_on": expires_on})
        case person.MedicalHoldPlaced():
            patch(into.accounts, key, medical_hold=True)
        case person.MedicalHoldLifted():
            patch(into.accounts, key, medical_hold=False)
        case person.OversightChangeAsked(change, _, reason, answer_by, by):
            told = {"change": change, "reason": reason, "by": by, "at": at, "answer_by": answer_by}
            patch(into.accounts, key, asked=told)
        case person.OversightChangeDeclined() | person.OversightChangeConfirmed():
            patch(into.accounts, key, asked=None)
        case person.Suspended(by, reason):
            patch(into.accounts, key, **_suspension(by, at, reason))
        case person.Reinstated(by):
            patch(into.accounts, key, **_suspension(by, None, None))


def _suspension(by: PersonId, at: datetime | None, because: str | None) -> Patch:
    if by == person.PERSONNEL_SYSTEM:
        return {"left_at": at, "left_because": because}
    return {"suspended_at": at, "suspended_because": because}


def _session(into: Changes, key: str, recorded: Recorded) -> None:
    at = recorded.envelope.time
    match event := recorded.event:
        case session.SignedOn():
            patch(
                into.sessions,
                key,
                person=event.person,
                signed_on_at=at,
                ends_at=event.ends_at,
                method=event.method,
                source_address=event.source,
                locked=False,
            )
        case session.SignOnRefused():
            patch(into.sessions, key, person=event.claimed, refused_at=at, source_address=event.source)
        case session.SessionLocked():
            patch(into.sessions, key, locked=True)
        case session.SteppedUp():
            patch(into.sessions, key, locked=False)
        case session.SignedOff(reason):
            patch(into.sessions, key, ended_at=at, ended_because=reason)


def _shift(into: Changes, key: str, recorded: Recorded) -> None:
    first = 1
    match event := recorded.event:
        case shift.ShiftHandedOver():
            patch(
                into.handovers,
                key,
                handed_at=recorded.envelope.time,
                handed_by=event.handed_by,
                handed_to=event.handed_to,
                open_count=event.open_count,
                as_of_position=event.as_of_position,
            )
        case shift.MoreWasOpen(number):
            first = number
    for number, item in enumerate(event.open_items, first):
        patch(into.handed_over, f"{key}/{number}", shift=key, number=number, kind=item.kind, stream=item.stream)


HANDLES: frozenset[type] = frozenset(
    {
        person.Enrolled,
        person.DetailsChanged,
        person.RoleAssigned,
        person.RoleRevoked,
        person.TrainingCompleted,
        person.TrainingCorrected,
        person.CertificateRecorded,
        person.MedicalHoldPlaced,
        person.MedicalHoldLifted,
        person.Suspended,
        person.Reinstated,
        person.OversightChangeAsked,
        person.OversightChangeDeclined,
        person.OversightChangeConfirmed,
        session.SignedOn,
        session.SignOnRefused,
        session.SessionLocked,
        session.SteppedUp,
        session.SignedOff,
        shift.ShiftHandedOver,
        shift.MoreWasOpen,
    }
)

PEOPLE: Projection[Changes] = Projection(
    name="people",
    version=3,
    tables=files(__package__).joinpath("tables.sql").read_text("utf-8"),
    handles=HANDLES,
    changes=changes,
    write=write,
    on_error=lambda failure: Park(),
)
