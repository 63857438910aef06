"""Make the golden file of every event type that has none yet: `python -m tests.golden.make`.

A golden is one full event as it is in logs out there. It is made once and kept for ever, also when its type has a
newer version; this script never touches one that exists.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import domain.catalogue  # noqa: F401  completes the registry
from application.codec import Envelope, encode, schema_uri, type_uri
from domain.kernel import EVENT_TYPES, Personal, Place
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyParameters, parameters_sha256
from tests.keys import FixedKeys

FOLDER = Path(__file__).parent
MANIFEST = FOLDER / "MANIFEST"  # `<sha256>  <file>`, as sha256sum writes it; lines are only ever added

SEALED_WITH = "call-WH26-004217"
TIMES = {  # 2026-06-01, a call in the afternoon
    "received_at": "20:14:07",
    "cad_time": "20:14:09.250000",
    "dispatched_at": "20:15:02",
    "arrived_at": "20:21:40",
    "cancelled_at": "20:19:11",
    "closed_at": "20:47:30",
    "device_time": "20:16:31.118000",
    "observed_at": "20:16:31.240517",
    "ordered_at": "20:18:02.004100",
    "last_heard_at": "20:17:44.900000",
    "expires_at": "20:25:12.400000",
    "expired_at": "20:25:12.400000",
    "awaits_until": "20:25:12.400000",
    "until": "20:29:00",
    "ends_at": "23:59:59",
    "in_force_from": "20:00:00",
    "granted_at": "20:16:31.250911",
    "ended_at": "20:24:02.118000",
    "noticed_at": "20:16:31.250911",
    "unrecoverable_after": "23:00:00",
    "due_since": "20:00:00",
    "keep_until": "23:59:59",
    "since": "19:40:00",
    "retry_at": "20:21:31",
    "not_before": "20:16:31",
    "justify_by": "23:16:31",
    "week_ends_at": "23:59:59",
    "reveal_by": "23:59:59",
    "draw_by": "23:59:59",
    "action_by": "23:59:59",
    "answer_by": "23:59:59",
    "consulted_at": "20:16:31.250911",
    "review_by": "23:46:31",
    "accessed_at": "20:16:31.250911",
    "seen_from": "19:00:00",
    "seen_until": "20:15:00",
    "answered_at": "20:16:32.016400",
    "seen_at": "20:09:51",
}
TEXTS = {
    "observation": "0197a2b0-6d40-7c11-9f2e-5b0a4d1c7e35",
    "call_type": "459 burglary",
    "unit": "9-1A",
    "disposition": "report taken",
    "address": "8300 Santa Monica Blvd",
    "caller": "Ana Pérez, 310-555-0142",
    "narrative": "Two people seen forcing the rear door; one in a red jacket.",
    "registration": "FA3X7WEHO1",
    "remote_id_serial": "1581F5FHD23AB00C",
    "model": "M4TD",
    "signing_key_id": "drone-weho-1-2026-05",
    "battery_serial": "BAT-00417",
    "work": "propellers replaced, 50 hour inspection",
    "purpose": "call_for_service",
    "authorisation": "Training plan 2026-07",
    "pilot_certificate": "4827193",
    "number": "107W-2026-01234",
    "version": "3",
    "source": "198.51.100.23",
    "detail": "wind 4 m/s, visibility 10 SM",
    "by": "Deputy R. Ono, roof of the station",
    "rule": "launch_needs_step_up@4f1c2d3e4a5b",
    "code": "certificate_expired",
    "message": "the Part 107 certificate has expired",
    "field": "pilot",
    "accepted": "a current certificate",
    "fence": "city boundary",
    "zone": "plummer-park-pool",
    "override": "override-0197",
    "reason_code": "ongoing_investigation",
    "legal_basis": "Gov. Code §7923.600",
    "name": "Jordan Lee",
    "email": "jlee@lasd.example",
    "course": "watch_center_use",
    "change": "assign_role",
    "issuer": "https://id.lasd.example",
    "method": "otp",
    "claimed": "d517",
    "action": "request_launch",
    "target": "flight-01975f3a-0000-7000-8000-000000000001",
    "summary": "First use policy of the pilot",
    "title": "Call for service",
    "note": "One subject detained two blocks north.",
    "threat": "Child seen falling into the closed pool.",
    "justification": "A child was in the water; the zone over the pool was lifted to find her.",
    "findings": "Used once, for the call named, within its time.",
    "reason": "burglary in progress, rear door",
    "session": "01975f39-1111-7000-8000-00000000002a",
    "flaws": "no_known_call",
    "categories": "investigation",
    "recipient": "Los Angeles County District Attorney",
    "hold": "hold-926-01234",
    "category": "investigation",
    "key": "plummer-park-1.2026-06-01T20",
    "text": "The Part 107 certificate of K. Lindqvist expires on 28 February 2027.",
    "subject": "A certificate expires soon",
    "endpoint": "dispatch",
    "what": "override_review_overdue",
    "week": "2026-W23",
    "nonce": "7f8a0c55d1e94be2a6630b4d7c1e98f20d3b5a79c4e1f6028b97d3e5406c1fa8",
    "drawing_method": "sha256_counter_1",
    "access_types": "liveview.live_view_granted",
    "shortcoming": "The case number named is not known to dispatch, and the reason says nothing.",
    "measure": "The operator was told again what a reason is; the reason is checked at entry now.",
    "step": "assign",
    "question": "audit_trail",
    "filter": "person=d517",
    "element": "caller",
    "section": "Gov. Code §7923.615",
    "said": "A drone hung over our yard for ten minutes on Monday evening.",
    "contact": "ana.perez@mail.example",
    "answer": "The drone followed a burglary call two houses away; its camera was not turned to your yard.",
    "authority": "Council action 24-0819",
    "cost": "invoice-2026-0417",
    "corrects": "invoice-2026-0398",
    "equipment": "drone",
    "fund_source": "General Fund",
    "description": "propellers and a battery",
    "plate": "8ABC123",
    "plate_state": "CA",
    "other": "silver pickup, ladder rack",
    "readers": "smb-la-cienega-west",
    "reader": "smb-la-cienega-west",
    "organisation": "lasd_west_hollywood",
    "for_agency": "Beverly Hills Police Department",
    "provider": "plate readers of the station",
    "why": "HTTP 503",
    "reference": "hit-00417-26",
    "hot_list": "CLETS stolen vehicles",
    "checked_with": "CLETS, by dispatch",
    "ground": "retention_over",
    "secret": "plummer-park-1",
    "found": "MP4, H.264 1920x1080",
    "agency": "Los Angeles County Metro",
    "handed_over_by": "Sgt. M. Ibarra, Metro Transit Security",
    "time_known_by": "The recorder's clock was compared with a telephone: 2 min 10 s slow, put right.",
    "copy": "held-hold-926-01234~camera-plummer-park-1-20260601T2000Z",
    "left": "hold-926-01234",
    "device": "Axis P3265-LVE, serial B8A44F1D0C7E, firmware 11.11.73",
}
NUMBERS = {
    "latitude": 34.0907,
    "longitude": -118.3694,
    "amsl_m": 141.5,
    "agl_m": 76.2,
    "cruise_agl_m": 76.2,
    "max_agl_m": 91.4,
    "duration_s": 1284.337,
    "silent_s": 4.8,
    "clock_difference_s": 1.73,
    "distance_m": 48.0,
    "metres": 61.5,
    "open_count": 1,
    "pitch_deg": -32.5,
    "battery_percent": 97.0,
    "priority": 1,
    "update_number": 7,
    "system_id": 1,
    "cycles": 41,
    "frames_in": 51234,
    "frames_out": 873,
    "size_bytes": 1843200,
    "total_bytes": 7_340_032,
    "subjects_located": 1,
    "arrests_assisted": 1,
    "days": 30,
    "minutes": 30,
    "uses": 2,
    "use_number": 1,
    "ceiling_agl_m": 60.0,
    "height_m": 6.5,
    "bearing_deg": 270.0,
    "outlines": 0.25,
    "score": 85,
    "rules": 1,
    "watched_s": 450.867,
    "seen_s": 88.5,
    "unclosed": 1,
    "segments": 1800,
    "attempt": 2,
    "position": 4217,
    "up_to_position": 4217,
    "first_position": 1,
    "population_size": 1312,
    "number": 2,
    "finding": 2,
    "records": 318,
    "times": 12,
    "as_of_position": 4217,
    "sightings": 3,
    "amount_cents": 125_050,
}
PAST_DAYS = {"completed_on", "trained_on", "starts_on", "spent_on", "done_on"}
IDENTIFIERS = {
    "PersonId": "d517",
    "CallNumber": "WH26-004217",
    "CaseNumber": "926-01234-1234-051",
    "DroneId": "weho-1",
    "DockId": "station-roof",
    "FlightId": "01975f3a-0000-7000-8000-000000000001",
    "PolicyVersion": 2,
    "StreamId": "zone-plummer-park-pool",
    "CameraId": "plummer-park-1",
    "FeedId": "camera-plummer-park-1",
    "LiveViewId": "01975f3b-0000-7000-8000-000000000001",
    "FootageId": "plummer-park-1.2026-06-01T20",
    "ViewingId": "01975f3c-0000-7000-8000-000000000001",
    "ExportId": "01975f3d-0000-7000-8000-000000000001",
    "DisclosureId": "01975f3e-0000-7000-8000-000000000001",
    "SubjectId": "call-WH26-004217",
    "PlateSearchId": "01975f3f-0000-7000-8000-000000000001",
}


def sample(hint: Any, field: str = "") -> Any:
    """A value of this type, as it could be in the log: every optional field filled."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is PolicyParameters:
        return RECORD_ALL_KEEP_30_DAYS
    if NoneType in arguments:
        return sample(next(a for a in arguments if a is not NoneType), field)
    if origin is Personal:
        return Personal(SEALED_WITH, sample(arguments[0], field))
    if field == "outline":
        corners = ((34.0918, -118.3516), (34.0918, -118.3507), (34.0912, -118.3507), (34.0918, -118.3516))
        return tuple(Place(*corner) for corner in corners)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return (sample(arguments[0], field),)
        return tuple(sample(a, field) for a in arguments)
    if getattr(hint, "__name__", "") in IDENTIFIERS:
        return IDENTIFIERS[hint.__name__]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[-1]
    if hint is datetime:
        return datetime.fromisoformat(f"2026-06-01T{TIMES[field]}").replace(tzinfo=UTC)
    if hint is date:
        return date(2026, 3, 1) if field in PAST_DAYS else date(2027, 2, 28)
    if hint is bool:
        return True
    if hint in (int, float):
        return hint(NUMBERS[field])
    if hint is str:
        return _text(field)
    hints = get_type_hints(hint)
    return hint(**{f.name: sample(hints[f.name], f.name) for f in fields(hint)})


def _text(field: str) -> str:
    if field == "parameters_sha256":
        return parameters_sha256(RECORD_ALL_KEEP_30_DAYS)
    if "sha256" in field:
        return hashlib.sha256(field.encode()).hexdigest()
    if field in ("accepted_unknowns", "conditions"):
        return "traffic"
    return TEXTS[field]


def event_of(name: str) -> Any:
    """A full event of the type `name`, such as 'flight.drone_launched.v1'."""
    newest = {known.rpartition(".v")[0]: known for known in EVENT_TYPES}  # an older shape is never written again
    return sample(EVENT_TYPES[name if name in EVENT_TYPES else newest[name.rpartition(".v")[0]]])


def envelope_of(name: str) -> Envelope:
    """A full envelope, with every extension set."""
    aggregate = name.partition(".")[0]
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Envelope(
        specversion="1.0",
        id=UUID(f"01975f3a-{digest[:4]}-7{digest[4:7]}-8{digest[7:10]}-{digest[10:22]}"),
        type=type_uri(EVENT_TYPES[name]),
        source="urn:saferweho:west-hollywood",
        subject=f"{aggregate}-{digest[22:30]}",
        time=datetime(2026, 6, 1, 20, 16, 31, 250_911, tzinfo=UTC),
        datacontenttype="application/json",
        dataschema=schema_uri(EVENT_TYPES[name]),
        streamversion=3,
        actorid="d517",
        actororg="lasd_west_hollywood",
        actorrole="watch_operator",
        nonce=digest[:32],
        sessionid="01975f39-1111-7000-8000-00000000002a",
        sourceaddress="198.51.100.23",
        purpose="call_for_service",
        casenumber="WH26-004217",
        policyversion=2,
        decidedby="operators_request_launches@4f1c2d3e4a5b",
        commandid="01975f3a-2222-7000-8000-00000000002b",
        correlationid="01975f3a-2222-7000-8000-00000000002b",
        causationid="01975f3a-3333-7000-8000-00000000002c",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def manifest() -> dict[str, str]:
    """File name → SHA-256, as committed."""
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    return {file: sha256 for sha256, file in (re.split(r"\s+", line, maxsplit=1) for line in lines)}


def main() -> None:
    made = 0
    with MANIFEST.open("a") as listing:
        for name in sorted(EVENT_TYPES):
            path = FOLDER / f"{name}.json"
            if path.exists():
                continue
            content = encode(envelope_of(name), event_of(name), FixedKeys())
            path.write_bytes(content)
            listing.write(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
            made += 1
    print(f"{made} golden files made")


if __name__ == "__main__":
    main()
