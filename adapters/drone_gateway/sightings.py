"""From what a vehicle was seen to do to what goes on the record of its flight. Pure."""

from __future__ import annotations

from datetime import datetime

from adapters.mavlink import observations as seen
from adapters.mavlink.commander import GROUND_SYSTEM
from adapters.mavlink.state import VehicleState
from adapters.mavlink.tlog import read_tlog
from application.flights import Observed
from domain.flight_commands import (
    RecordArrival,
    RecordGeofenceBreach,
    RecordLinkLost,
    RecordLinkRestored,
    ReportAnomaly,
)
from domain.flight_events import AnomalyKind, Observation
from domain.kernel import AirPosition

KINDS = {
    "autopilot": AnomalyKind.AUTOPILOT,
    "crash": AnomalyKind.CRASH,
    "disarmed_in_flight": AnomalyKind.CRASH,
    "ekf": AnomalyKind.NAVIGATION,
    "gps_lost": AnomalyKind.NAVIGATION,
    "battery_low": AnomalyKind.BATTERY,
    "battery_critical": AnomalyKind.BATTERY,
}


def command_of(what: seen.Observation, state: VehicleState) -> Observed | None:
    """What to record of an observation; None: nothing, or (take-off, landing) not by itself."""
    there = where(what, state)
    match what:
        case seen.ArrivedAt():
            return RecordArrival(there)
        case seen.LinkLost(last_heartbeat=last):
            return RecordLinkLost(last, there.position)
        case seen.LinkRestored():
            return RecordLinkRestored(what.received_time, there.position)
        case seen.FenceBreached(breach=breach):
            return RecordGeofenceBreach(breach, there)
        case seen.Anomaly(kind=kind, text=text):
            anomaly = KINDS.get(kind, AnomalyKind.OTHER)
            return ReportAnomaly(anomaly, text, there.position, what.device_time, what.received_time)
        case _:
            return None


def where(what: seen.Seen, state: VehicleState) -> Observation:
    """Where it was, and by which clocks."""
    if what.latitude is None or what.longitude is None:
        position = position_of(state) or _home(state)
    else:
        position = AirPosition(
            what.latitude, what.longitude, what.altitude_amsl or 0.0, what.altitude_above_home or 0.0
        )
    return Observation(position, what.device_time, what.received_time)


def here(state: VehicleState, at: datetime) -> Observation:
    """Where it is now, by our clock."""
    return Observation(position_of(state) or _home(state), None, at)


def position_of(state: VehicleState) -> AirPosition | None:
    """The last position heard."""
    if state.latitude is None or state.longitude is None:
        return None
    return AirPosition(state.latitude, state.longitude, state.altitude_amsl or 0.0, state.altitude_above_home or 0.0)


def _home(state: VehicleState) -> AirPosition:
    # Off the ground by its own word and never a position: its home if it told one, else the record shows 0, 0.
    latitude, longitude, altitude = state.home or (0.0, 0.0, 0.0)
    return AirPosition(latitude, longitude, altitude, 0.0)


def frames_of(tlog: bytes) -> tuple[int, int]:
    """How many frames of a log came from the vehicle and how many from us."""
    systems = [entry.frame.system for entry in read_tlog(tlog)]
    ours = systems.count(GROUND_SYSTEM)
    return len(systems) - ours, ours
