"""A believable log for benchmarks: sorties, sign-ons and refused looks at footage, as the codec encodes them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application import codec
from application.sealing import NONCE, sealed_form
from domain import drone, session
from domain import flight_events as f
from domain.kernel import AirPosition, CallNumber, DockId, DroneId, FlightId, Personal, PersonId, Place, Reason
from domain.launch import Conditions, Finding, Go
from projections.engine.feed import FeedRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, DRONES = 200, 4
EVENTS_A_PIECE = 60  # of the log; some 28 of them speak of one piece of footage, however long the log is


def history(count: int, seed: int = 1) -> Iterator[FeedRecord]:
    """Positions 1 … `count`; the same seed gives the same bytes."""
    dice = random.Random(seed)
    versions: Counter[str] = Counter()
    position = 0
    while True:
        for stream, event in _incident(dice, position):
            position += 1
            if position > count:
                return
            versions[stream] += 1
            at = START + timedelta(seconds=7 * position)
            yield FeedRecord(position, stream, _encoded(dice, stream, versions[stream], at, event))


def footage(number: int) -> str:
    return f"footage-{number:08x}"


def pieces(count: int) -> int:
    """How many pieces of footage a log of so many events speaks of."""
    return count // EVENTS_A_PIECE + 1


def _incident(dice: random.Random, position: int) -> Iterator[tuple[str, object]]:
    person, id_ = PersonId(f"p-{dice.randrange(PEOPLE)}"), f"{dice.getrandbits(64):016x}"
    who = f"session-{id_}"
    yield who, session.SignedOn(person, "https://sign-on.weho.org", "webauthn", "10.20.0.7", START)
    reason = Reason("not_permitted", "your roles do not permit 'view_footage'", "footage-needs-purpose")
    for _ in range(10):
        seen = footage(dice.randrange(pieces(position)))  # any of the past, so its events lie all over the log
        yield who, session.AttemptRefused("view_footage", seen, (reason,), "footage-needs-purpose@0a1b2c3d4e5f")
    flight, number = f"flight-{id_}", CallNumber(f"26-{position:08d}")
    id_of_drone = DroneId(f"d{dice.randrange(DRONES)}")
    carrier = f"drone-{id_of_drone}"
    go = Finding(Go.GO, "station weather", "wind 4 m/s, visibility 10 km")
    here, there = AirPosition(34.0845, -118.3834, 82.0, 2.0), AirPosition(34.0901, -118.3617, 140.0, 60.0)
    yield (
        flight,
        f.LaunchRequested(
            drone=id_of_drone,
            dock=DockId("roof"),
            purpose="call_for_service",
            call=number,
            case=None,
            authorisation=None,
            pilot=person,
            pilot_certificate="4123456",
            destination=Place(34.0901, -118.3617),
            cruise_agl_m=60.0,
            reason=Personal(flight, "a man is reported on the roof of the car park"),
            airspace=None,
            separation=None,
            conditions=Conditions(go, go, go),
            accepted_unknowns=(),
            policy_version=None,
            requested_by=person,
            awaits_until=START,
        ),
    )
    yield flight, f.LaunchAuthorised(id_of_drone, None, START, "call-for-service@0a1b2c3d4e5f")
    yield carrier, drone.DroneAssigned(FlightId(id_))
    yield flight, f.DroneLaunched(id_of_drone, here, START, START, None, True)
    yield flight, f.ArrivedOnScene(there, START, START, None)
    yield flight, f.CameraTurnedToScene(-60.0, START)
    yield flight, f.ReturnOrdered(person, START, drone.OrderOutcome.ACCEPTED, "", False)
    yield flight, f.DroneLanded(id_of_drone, here, START, START, None, 61.0, 480.0)
    yield carrier, drone.DroneReleased(FlightId(id_), True)
    yield who, session.SignedOff(session.SignOffReason.CLOSED)


_HEAD: dict[str, Any] = {
    "specversion": "1.0",
    "source": "urn:saferweho:api",
    "datacontenttype": "application/json",
    "actororg": "lasd_west_hollywood",
    "actorrole": "watch_operator",
    "sourceaddress": "10.20.0.7",
    "purpose": "call_for_service",
    "policyversion": 1,
    "decidedby": "watch-operator@0a1b2c3d4e5f",
}


class OneKey:
    """Seals everything by one key: what is in a history is made up."""

    def __init__(self, dice: random.Random) -> None:
        self._cipher, self._dice = AESGCM(bytes(32)), dice

    def seal(self, personal: Personal[Any], event_id: str) -> dict[str, Any]:
        assert isinstance(personal.value, str)
        nonce = self._dice.randbytes(NONCE)
        return sealed_form("0" * 16, self._cipher, personal.subject, personal.value, event_id, nonce)


def _encoded(dice: random.Random, stream: str, version: int, at: datetime, event: object) -> bytes:
    command = str(UUID(int=dice.getrandbits(128), version=4))
    head = codec.Envelope(
        **_HEAD,
        id=UUID(int=dice.getrandbits(128), version=4),
        type=codec.type_uri(type(event)),
        subject=stream,
        time=at,
        dataschema=codec.schema_uri(type(event)),
        streamversion=version,
        actorid=f"p-{dice.randrange(PEOPLE)}",
        nonce=f"{dice.getrandbits(128):032x}",
        sessionid=f"{dice.getrandbits(64):016x}",
        casenumber=f"C-{dice.randrange(100_000)}",
        commandid=command,
        correlationid=command,
        traceparent=f"00-{dice.getrandbits(128):032x}-{dice.getrandbits(64):016x}-01",
    )
    return codec.encode(head, event, OneKey(dice))
