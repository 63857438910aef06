"""A file of footage that somebody else recorded: what it is, whose, who handed it over, when and how.

It is imported once, whole or not at all. Its footage is then kept, held, looked at and destroyed like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain import checks
from domain.kernel import (
    Aggregate,
    CaseNumber,
    FeedId,
    FootageId,
    InvalidValue,
    Personal,
    PersonId,
    WrongState,
    event,
)
from domain.privacy_override_events import Range

LONGEST = timedelta(hours=24)  # of one file: all of it goes on the record in one append
KEY_LENGTH = 32  # of the 64 digits of a SHA-256


class Received(StrEnum):
    """How a file came here."""

    FETCHED = "fetched"  # by us, from what it was recorded with
    MEDIUM = "medium"  # on a disc, card or stick
    SENT = "sent"  # over a network


class Sound(StrEnum):
    NONE = "none"  # the file has none
    DROPPED = "dropped"  # the use policy records none
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Original:
    """The file as it was handed over. `found`: what it is by its content, never by its name."""

    sha256: str
    size_bytes: int
    found: str
    sound: Sound


# -- events ------------------------------------------------------------------


@event("import.file_imported")
class FileImported:
    """A file that another agency recorded was taken into the vault."""

    original: Original
    agency: str
    device: str | None
    handed_over_by: Personal[str]
    received_at: datetime
    received_by: PersonId
    received_how: Received
    case: CaseNumber
    range: Range  # when it was taken, as who handed it over said
    time_known_by: Personal[str] | None  # how the clock of what it was recorded with was compared
    footage: tuple[FootageId, ...]


Event = FileImported

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportFile:
    """`footage`: what was made of it, in order; `range` from the beginning of the first to the end of the last."""

    original: Original
    agency: str
    handed_over_by: str
    received_at: datetime
    received_how: Received
    case: CaseNumber
    range: Range
    footage: tuple[FootageId, ...]
    by: PersonId
    device: str | None = None
    time_known_by: str | None = None


Command = ImportFile

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotImported:
    """Nobody has imported this file."""


@dataclass(frozen=True, slots=True)
class Imported:
    file: FileImported


State = NotImported | Imported


def key_of(sha256: str) -> str:
    """Of the file with this SHA-256: so that the same file is known again, whatever its name."""
    return checks.sha256("sha256", sha256)[:KEY_LENGTH]


def feed_of(sha256: str) -> FeedId:
    """What its footage is of: a feed of its own, beside cameras and flights."""
    return FeedId(IMPORT.stream(key_of(sha256)))


# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    if isinstance(state, Imported):
        was = ", ".join(state.file.footage)
        raise WrongState(f"this file was imported before: it is footage {was}", field="file", accepted="another file")
    return [_imported(command, at)]


def _imported(command: ImportFile, at: datetime) -> FileImported:
    original, subject = command.original, IMPORT.stream(key_of(command.original.sha256))
    since, until = checks.aware("taken_at", command.range.since), command.range.until
    if not timedelta(0) < until - since <= LONGEST:
        said = f"a file holds at most {LONGEST / timedelta(hours=1):.0f} hours"
        raise InvalidValue(said, field="file", accepted="a shorter one: cut it where it was recorded")
    received = checks.aware("received_at", command.received_at)
    if received > at:
        raise InvalidValue("nothing was received yet", field="received_at", accepted="now, or before")
    if until > received:
        said = "what the file shows was taken after it was received"
        raise InvalidValue(said, field="taken_at", accepted="when its first picture was taken")
    if original.size_bytes < 1 or not command.footage:
        raise InvalidValue("the file holds no footage", field="file", accepted="a file with pictures")
    known_by = command.time_known_by
    return FileImported(
        Original(original.sha256, original.size_bytes, checks.cleaned(original.found), original.sound),
        checks.text("agency", command.agency, at_least=3, at_most=120),
        checks.text("device", command.device, at_most=120) if command.device is not None else None,
        Personal(subject, checks.text("handed_over_by", command.handed_over_by, at_least=3, at_most=200)),
        received,
        command.by,
        command.received_how,
        CaseNumber(checks.identifier("case", command.case)),
        command.range,
        Personal(subject, checks.text("time_known_by", known_by, at_least=3, at_most=500)) if known_by else None,
        command.footage,
    )


def evolve(state: State, happened: Event) -> State:
    return Imported(happened)


IMPORT: Aggregate[Command, Event, State] = Aggregate("import", NotImported(), decide, evolve)
