"""What every aggregate shares: how events are named, who and where, what is personal, how a caller's mistake is told.

An event's name is an explicit string, never a Python path, so that code can move and the log stays readable for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, NewType, TypeVar, dataclass_transform

StreamId = NewType("StreamId", str)  # "<aggregate>-<id>", for example "flight-0192…"
PersonId = NewType("PersonId", str)  # the stream "person-<PersonId>"; the identity provider's subject
CallNumber = NewType("CallNumber", str)  # the dispatch system's number of a call (CAD number)
CaseNumber = NewType("CaseNumber", str)
DroneId = NewType("DroneId", str)
DockId = NewType("DockId", str)
FlightId = NewType("FlightId", str)
PolicyVersion = NewType("PolicyVersion", int)
CameraId = NewType("CameraId", str)
FeedId = NewType("FeedId", StreamId)  # what pictures are of: the stream of a camera, a flight or an imported file
LiveViewId = NewType("LiveViewId", str)
FootageId = NewType("FootageId", str)
ViewingId = NewType("ViewingId", str)
ExportId = NewType("ExportId", str)
DisclosureId = NewType("DisclosureId", str)
SubjectId = NewType("SubjectId", str)  # whose key seals what is personal
PlateSearchId = NewType("PlateSearchId", str)  # of a search for a plate, or of a hit of a hot list

# -- events ------------------------------------------------------------------

EVENT_TYPES: dict[str, type] = {}  # "flight.drone_launched.v1" -> class
EVENT_NAMES: dict[type, str] = {}

E = TypeVar("E")
C = TypeVar("C")
S = TypeVar("S")
T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def event(name: str, *, version: int = 1) -> Callable[[type[T]], type[T]]:
    """Make a class an event: a frozen dataclass known to the registry as `<name>.v<version>`.

    `name` is `<aggregate>.<event_in_snake_case>`. A second class under the same name is a programming error.
    """

    def register(cls: type[T]) -> type[T]:
        made = dataclass(frozen=True, slots=True)(cls)
        full = f"{name}.v{version}"
        if full in EVENT_TYPES:
            raise ValueError(f"event type {full} is registered twice: {EVENT_TYPES[full]} and {made}")
        EVENT_TYPES[full] = made
        EVENT_NAMES[made] = full
        return made

    return register


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[C, E, S]):
    """One kind of stream: its name (the stream's prefix), the state before its first event, and its two functions."""

    name: str
    initial: S
    decide: Callable[[C, S, datetime], list[E]]
    evolve: Callable[[S, E], S]

    def stream(self, key: str) -> StreamId:
        return StreamId(f"{self.name}-{key}")

    def fold(self, events: list[E]) -> S:
        state = self.initial
        for happened in events:
            state = self.evolve(state, happened)
        return state


# -- mistakes and refusals ---------------------------------------------------


class Mistake(Exception):
    """The caller asked for what cannot be: nothing happened to the aggregate. Carries what the caller needs to mend it.

    `code` is stable for scripts, `field` names the input at fault, `accepted` says what would have been taken.
    The rejected value itself is never kept: it may be personal.
    """

    code: ClassVar[str] = "mistake"

    def __init__(self, message: str, *, field: str | None = None, accepted: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.accepted = accepted


class InvalidValue(Mistake):
    code = "invalid_value"


class NotFound(Mistake):
    code = "not_found"


class WrongState(Mistake):
    """The thing exists but is not in a state in which this can be done."""

    code = "wrong_state"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a refusal, in words a person can act on; `rule` names the rule of the domain or policy."""

    code: str
    message: str
    rule: str
    field: str | None = None
    accepted: str | None = None


# -- personal data -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shredded:
    """What is left of a personal value once the key of its subject is destroyed."""


SHREDDED = Shredded()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A personal value as the log has it: to be opened with the key named, and only as part of the event it is in.

    `box`: nonce, ciphertext and tag; `bound_to`: the event's id.
    """

    key: str
    box: bytes
    bound_to: str


class Personal(Generic[T]):
    """A text about a member of the public, readable only as long as its subject's key exists.

    `subject` names whose key seals it: the stream of the incident for free text, of the complaint for who complains, a
    random name for a plate. Officers acting on the job are never personal in this sense: who looked stays on the
    record. What comes out of the log is sealed; opening it is asked of the keyring, where it is to be read.
    """

    __slots__ = ("subject", "value")
    subject: str
    value: T | Sealed | Shredded

    def __init__(self, subject: str, value: T | Sealed | Shredded) -> None:
        self.subject = subject
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and (self.subject, self.value) == (other.subject, other.value)

    def __hash__(self) -> int:
        return hash((self.subject, self.value))

    def __repr__(self) -> str:
        # A personal value must not reach a log through a traceback.
        return f"Personal({self.subject!r}, …)"


# -- places ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the WGS 84 ellipsoid, degrees."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise InvalidValue(
                "the place is not on Earth", field="place", accepted="latitude -90..90, longitude -180..180 degrees"
            )


@dataclass(frozen=True, slots=True)
class AirPosition:
    """Where an aircraft was: degrees, metres above mean sea level, metres above its take-off point."""

    latitude: float
    longitude: float
    amsl_m: float
    agl_m: float
