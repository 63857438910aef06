"""How a command to a vehicle ended, and how long one is waited for."""

from dataclasses import dataclass


class LinkRefused(Exception):
    """The vehicle's link is not signed, and this is production."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vehicle took the command; `mode` is the last one heard."""

    mode: str | None


@dataclass(frozen=True, slots=True)
class Denied:
    """The vehicle, or a later safety order, refused it. `result` is the MAV_RESULT, None for the latter."""

    result: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer: it may have been taken or not. `mode` is what the last heartbeat says."""

    mode: str | None


Outcome = Accepted | Denied | Unknown


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts of the command protocol."""

    ack_timeout: float = 1.5
    progress_timeout: float = 10.0
    """How long a command in progress may be silent."""
    retries: int = 3
    safety_period: float = 0.5
    """Between two sendings of a safety order."""
    safety_deadline: float = 15.0
    """After this a safety order that no heartbeat obeys is given up as Unknown."""
