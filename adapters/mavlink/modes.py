"""Flight modes by name, and which of them means 'coming home', 'landing' or 'holding'.

MAVLink leaves modes to the autopilot. ArduCopter numbers them; PX4 (and MAVSDK's autopilot servers)
put a main and a sub mode into the same field.
"""

from dataclasses import dataclass
from enum import Enum

from adapters.mavlink.dialect import enum_name, mavlink

ARDUPILOT: int = mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
PX4: int = mavlink.MAV_AUTOPILOT_PX4

_PX4_MAIN = {
    1: "MANUAL",
    2: "ALTCTL",
    3: "POSCTL",
    4: "AUTO",
    5: "ACRO",
    6: "OFFBOARD",
    7: "STABILIZED",
    8: "RATTITUDE",
}
_PX4_AUTO = {1: "READY", 2: "TAKEOFF", 3: "LOITER", 4: "MISSION", 5: "RTL", 6: "LAND", 8: "FOLLOW_TARGET"}


def mode_name(autopilot: int, custom_mode: int) -> str:
    """The name that a ground station shows: GUIDED, RTL …, `AUTO.RTL` for PX4, or the number as text."""
    if autopilot == ARDUPILOT:
        return enum_name("COPTER_MODE", custom_mode)
    main, sub = custom_mode >> 16 & 0xFF, custom_mode >> 24
    if main == 4:
        return f"AUTO.{_PX4_AUTO.get(sub, sub)}"
    return _PX4_MAIN.get(main, str(custom_mode))


class Intent(Enum):
    """What a mode is for, whatever the autopilot calls it."""

    GUIDED = "guided"
    RETURN = "return"
    LAND = "land"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class ModeChoice:
    """How one autopilot is told an intent: DO_SET_MODE's second and third parameter, and the modes that obey it."""

    main: int
    sub: int
    agreeing: frozenset[str]


_ARDUCOPTER = {
    Intent.GUIDED: ModeChoice(4, 0, frozenset({"GUIDED"})),
    Intent.RETURN: ModeChoice(6, 0, frozenset({"RTL", "SMART_RTL", "AUTO_RTL"})),
    Intent.LAND: ModeChoice(9, 0, frozenset({"LAND"})),
    # BRAKE stops at once and needs no stick, unlike LOITER, which sinks when the throttle stick is low.
    Intent.HOLD: ModeChoice(17, 0, frozenset({"BRAKE"})),
}
_PX4 = {
    Intent.GUIDED: ModeChoice(4, 3, frozenset({"AUTO.LOITER", "AUTO.TAKEOFF", "OFFBOARD"})),
    Intent.RETURN: ModeChoice(4, 5, frozenset({"AUTO.RTL"})),
    Intent.LAND: ModeChoice(4, 6, frozenset({"AUTO.LAND"})),
    Intent.HOLD: ModeChoice(4, 3, frozenset({"AUTO.LOITER"})),
}


def choice(autopilot: int | None, intent: Intent) -> ModeChoice:
    """How to tell this autopilot. One that is not ArduPilot is spoken to as PX4."""
    return (_ARDUCOPTER if autopilot == ARDUPILOT else _PX4)[intent]
