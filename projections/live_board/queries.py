"""What may be asked of the live board. Every answer is one statement, so one snapshot, and says its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg

from domain.kernel import Reason
from projections.engine.reading import Checkpoint, Reader, checkpoint_json, document, open_items
from projections.live_board.phases import AIR, OVER

RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The newest sample of a drone: degrees, metres, m/s. `received_at`: our clock; `device_time`: the autopilot's."""

    drone: str
    received_at: datetime
    device_time: datetime | None
    linked: bool
    authentication: str
    armed: bool
    airborne: bool
    mode: str | None
    latitude: float | None
    longitude: float | None
    amsl_m: float | None
    agl_m: float | None
    heading_deg: float | None
    ground_speed_mps: float | None
    climb_mps: float | None
    battery_percent: float | None
    camera_pitch_deg: float | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What somebody on the street saw, without the words: these are read out of the stream."""

    observation: str
    kind: str
    latitude: float | None
    longitude: float | None
    observed_at: datetime
    reported_by: str
    reported_by_name: str | None


@dataclass(frozen=True, slots=True)
class Observations:
    checkpoint: Checkpoint
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class SharedFeed:
    """A feed that was opened to those who respond to an open call."""

    call_number: str
    call_type: str
    latitude: float
    longitude: float
    feed: str
    shared_at: datetime


@dataclass(frozen=True, slots=True)
class SharedFeeds:
    checkpoint: Checkpoint
    shared: tuple[SharedFeed, ...]


@dataclass(frozen=True, slots=True)
class OpenCall:
    call_number: str
    call_type: str
    latitude: float
    longitude: float
    received_at: datetime


@dataclass(frozen=True, slots=True)
class OpenCalls:
    checkpoint: Checkpoint
    calls: tuple[OpenCall, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`units`: those not cancelled. `flights`: ids of the flights flown to it, oldest first. `observations`: oldest
    first."""

    call_number: str
    call_type: str
    priority: int
    latitude: float
    longitude: float
    received_at: datetime
    closed_at: datetime | None
    disposition: str | None
    units: tuple[str, ...]
    first_unit_arrived_at: datetime | None
    flights: tuple[str, ...]
    observations: tuple[Observation, ...]

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"


@dataclass(frozen=True, slots=True)
class Dock:
    dock: str
    name: str
    latitude: float
    longitude: float
    amsl_m: float


@dataclass(frozen=True, slots=True)
class Drone:
    """`status`: ready, assigned, flying, grounded or not_ready."""

    drone: str
    registration: str
    model: str
    dock: str
    status: str
    grounded_reason: str | None
    flight: str | None
    battery_percent: float | None
    telemetry: Telemetry | None


@dataclass(frozen=True, slots=True)
class Flight:
    """`phase`: requested, refused, authorised, halted, lapsed, withdrawn, one of `phases.AIR`, or landed.
    `latitude` … `agl_m`: where its last event with a position says it was."""

    flight: str
    phase: str
    purpose: str
    call_number: str | None
    case_number: str | None
    pilot: str
    pilot_name: str | None
    requested_by: str
    requested_by_name: str | None
    drone: str
    dock: str
    destination_latitude: float
    destination_longitude: float
    cruise_agl_m: float
    policy_version: int | None
    requested_at: datetime
    authorised_at: datetime | None
    authorised_by: str | None
    authorisation_expires_at: datetime | None
    launched_at: datetime | None
    launch_authorised: bool | None
    arrived_at: datetime | None
    return_ordered_at: datetime | None
    landed_at: datetime | None
    duration_s: float | None
    max_agl_m: float | None
    latitude: float | None
    longitude: float | None
    amsl_m: float | None
    agl_m: float | None
    link_lost: bool
    recording: bool
    reasons: tuple[Reason, ...] | None
    telemetry: Telemetry | None

    @property
    def flying(self) -> bool:
        return self.phase in AIR


@dataclass(frozen=True, slots=True)
class Board:
    """Open calls, docks, drones, and the flights that are not over; calls and flights also for an hour after."""

    checkpoint: Checkpoint
    calls: tuple[Call, ...]
    docks: tuple[Dock, ...]
    drones: tuple[Drone, ...]
    flights: tuple[Flight, ...]


@dataclass(frozen=True, slots=True)
class Flights:
    """A page of flights, newest request first."""

    checkpoint: Checkpoint
    flights: tuple[Flight, ...]
    has_next: bool


_CHECKPOINT = checkpoint_json("live_board")
_OBSERVATIONS = """
SELECT b.*, p.name AS reported_by_name FROM read.live_board_observations b
LEFT JOIN read.live_board_people p ON p.person = b.reported_by
"""
_CALLS = f"""
SELECT c.*, coalesce(u.units, '{{}}') AS units, u.first_unit_arrived_at,
       ARRAY(SELECT flight FROM read.live_board_flights f WHERE f.call_number = c.call_number
             ORDER BY requested_at, flight) AS flights,
       (SELECT coalesce(json_agg(o ORDER BY o.observed_at, o.observation), '[]')
        FROM ({_OBSERVATIONS} WHERE b.call_number = c.call_number) o) AS observations
FROM read.live_board_calls c
LEFT JOIN LATERAL (
    SELECT array_agg(unit ORDER BY unit) FILTER (WHERE cancelled_at IS NULL) AS units,
           min(arrived_at) AS first_unit_arrived_at
    FROM read.live_board_units u WHERE u.call_number = c.call_number) AS u ON true
"""  # noqa: S608
# `phase` comes twice; of the two the reader takes the last.
_FLIGHTS = """
SELECT f.*, split_part(f.phase, ' ', 1) AS phase, p.name AS pilot_name, r.name AS requested_by_name,
       CASE WHEN d.flight = f.flight THEN to_json(t) END AS telemetry
FROM read.live_board_flights f
LEFT JOIN read.live_board_people p ON p.person = f.pilot
LEFT JOIN read.live_board_people r ON r.person = f.requested_by
LEFT JOIN read.live_board_drones d ON d.drone = f.drone
LEFT JOIN projections.telemetry_latest t ON t.drone = f.drone
"""
_DRONES = """
SELECT d.*, to_json(t) AS telemetry,
       CASE WHEN f.phase = ANY(%(air)s) THEN 'flying' WHEN d.flight IS NOT NULL THEN 'assigned'
            WHEN d.grounded_reason IS NOT NULL THEN 'grounded' WHEN d.ready THEN 'ready' ELSE 'not_ready' END AS status
FROM read.live_board_drones d
LEFT JOIN read.live_board_flights f ON f.flight = d.flight
LEFT JOIN projections.telemetry_latest t ON t.drone = d.drone
"""
_ACTIVE = f"f.phase NOT IN ({', '.join(map(repr, OVER))})"
_BOARD = f"""
SELECT row_to_json(board)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(x), '[]') FROM ({_CALLS}
        WHERE c.closed_at IS NULL OR c.closed_at >= %(since)s ORDER BY c.received_at, c.call_number) x) AS calls,
    (SELECT coalesce(json_agg(x ORDER BY x.dock), '[]') FROM read.live_board_docks x) AS docks,
    (SELECT coalesce(json_agg(x), '[]') FROM ({_DRONES} ORDER BY d.drone) x) AS drones,
    (SELECT coalesce(json_agg(x), '[]') FROM ({_FLIGHTS}
        WHERE {_ACTIVE} OR f.landed_at >= %(since)s ORDER BY f.requested_at, f.flight) x) AS flights
) board
"""  # noqa: S608
_PAGE = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT}, false AS has_next,
    (SELECT coalesce(json_agg(x), '[]') FROM ({_FLIGHTS}
        WHERE (%(state)s::text IS NULL OR split_part(f.phase, ' ', 1) = %(state)s)
          AND (%(call)s::text IS NULL OR f.call_number = %(call)s)
          AND (%(flight)s::text IS NULL OR f.flight = %(flight)s)
          AND (%(after)s::text IS NULL OR (f.requested_at, f.flight) <
               (SELECT requested_at, flight FROM read.live_board_flights WHERE flight = %(after)s))
        ORDER BY f.requested_at DESC, f.flight DESC LIMIT %(limit)s) x) AS flights
) page
"""  # noqa: S608

# A call that was closed and opened again shares nothing of before.
_SHARED = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(x), '[]') FROM (
        SELECT s.*, c.call_type, c.latitude, c.longitude
        FROM read.live_board_shared_feeds s JOIN read.live_board_calls c ON c.call_number = s.call_number
        WHERE NOT s.ended AND c.closed_at IS NULL AND s.shared_position > coalesce(c.last_closed, 0)
        ORDER BY s.shared_position DESC) x) AS shared
) page
"""  # noqa: S608
_OF_CALL = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(o ORDER BY o.observed_at, o.observation), '[]')
     FROM ({_OBSERVATIONS} WHERE b.call_number = %(call)s) o) AS observations
) page
"""  # noqa: S608
_OPEN = f"""
SELECT row_to_json(page)::text FROM (SELECT {_CHECKPOINT},
    (SELECT coalesce(json_agg(c ORDER BY c.received_at DESC, c.call_number), '[]') FROM read.live_board_calls c
     WHERE c.closed_at IS NULL) AS calls
) page
"""  # noqa: S608

_board = msgspec.json.Decoder(Board)
_shared = msgspec.json.Decoder(SharedFeeds)
_open = msgspec.json.Decoder(OpenCalls)
_observations = msgspec.json.Decoder(Observations)
_flights = msgspec.json.Decoder(Flights)


async def board(connection: Reader, now: datetime) -> Board:
    """The whole board; what ended more than an hour before `now` is left out. Raises NoReadModel."""
    return _board.decode(await _ask(connection, _BOARD, {"since": now - RECENT, "air": list(AIR)}))


async def shared_feeds(connection: Reader) -> SharedFeeds:
    """What is open to the field now, the newest first. Raises NoReadModel."""
    return _shared.decode(await _ask(connection, _SHARED, {}))


async def observations(connection: Reader, call: str) -> Observations:
    """Of one call, the oldest first. Raises NoReadModel."""
    return _observations.decode(await _ask(connection, _OF_CALL, {"call": call}))


async def open_calls(connection: Reader) -> OpenCalls:
    """The newest first. Raises NoReadModel."""
    return _open.decode(await _ask(connection, _OPEN, {}))


async def flights(
    connection: Reader, *, first: int, after: str | None = None, state: str | None = None, call: str | None = None
) -> Flights:
    """Flights of all time, newest request first; `after`: the id of the last flight of the page before."""
    values = {"state": state, "call": call, "flight": None, "after": after, "limit": first + 1}
    page = _flights.decode(await _ask(connection, _PAGE, values))
    return Flights(page.checkpoint, page.flights[:first], len(page.flights) > first)


async def flight(connection: Reader, id_: str) -> tuple[Checkpoint, Flight | None]:
    """One flight by its id, None where there is none."""
    values = {"state": None, "call": None, "flight": id_, "after": None, "limit": 1}
    page = _flights.decode(await _ask(connection, _PAGE, values))
    return page.checkpoint, next(iter(page.flights), None)


async def _ask(connection: Reader, query: str, values: dict[str, Any]) -> str:
    return await document(connection, "live_board", query, values)


async def names(connection: Reader, people: set[str]) -> dict[str, str]:
    """Names of people by id; who was never enrolled is left out."""
    try:
        cursor = await connection.execute(
            "SELECT person, name FROM read.live_board_people WHERE person = ANY(%s)", [list(people)]
        )
    except psycopg.errors.UndefinedTable:
        return {}
    return dict(await cursor.fetchall())


_STILL_OPEN = f"""
SELECT 'call', 'call-' || call_number FROM read.live_board_calls WHERE closed_at IS NULL
UNION ALL
SELECT 'flight', 'flight-' || flight FROM read.live_board_flights f WHERE {_ACTIVE}
UNION ALL
SELECT 'drone_out_of_service', 'drone-' || drone FROM read.live_board_drones WHERE grounded_reason IS NOT NULL
ORDER BY 1, 2
"""  # noqa: S608


async def still_open(connection: Reader) -> list[tuple[str, str]]:
    """Open calls, flights that are not over, drones out of service: all of them. Raises NoReadModel."""
    return await open_items(connection, "live_board", _STILL_OPEN)
