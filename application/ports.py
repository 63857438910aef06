"""What the use cases need of the world, named for the need. Adapters implement these; `api/processes` wires them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

# -- the event store ---------------------------------------------------------


class NewEvent(NamedTuple):
    """An event ready to be appended: `content` is its one byte string, `version` its place in the stream from 1."""

    stream: str
    version: int
    type: str
    content: bytes


class StoredEvent(NamedTuple):
    position: int
    stream: str
    version: int
    type: str
    content: bytes


class Document(NamedTuple):
    """What is too large for an event, kept beside the log by hash for as long as the log."""

    sha256: bytes
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """One command's outcome, all or nothing.

    `reads`: streams only read, with the version seen (0 = did not exist); they must not have moved either.
    `digest`: 32 bytes that follow from the command's content; the same `command_id` with another digest is refused.
    `answer`: opaque bytes given back when the same command comes again.
    """

    command_id: UUID
    digest: bytes
    events: Sequence[NewEvent]
    reads: Mapping[str, int] = field(default_factory=dict)
    answer: bytes = b""
    documents: Sequence[Document] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """`last_position` is what the caller passes as `after:`. `replayed`: this command was already on the record."""

    first_position: int
    last_position: int
    answer: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends: the last position (0 = empty) and the rolling hash h(n) = SHA-256(h(n-1) ‖ SHA-256(event n)),
    h(0) = 32 zero bytes."""

    position: int
    rolling_hash: bytes


class StoreError(Exception):
    """The store said no; nothing was written."""


class Conflict(StoreError):
    """A stream has moved since it was read. Read afresh and decide again."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        super().__init__(f"stream {stream} is at version {found}, not {expected}: read it again and decide again")
        self.stream, self.expected, self.found = stream, expected, found


class CommandIdReused(StoreError):
    def __init__(self, command_id: UUID) -> None:
        super().__init__(f"command id {command_id} was used before with other content: use a new id")
        self.command_id = command_id


class EventTooLarge(StoreError):
    def __init__(self, type_: str, size: int, limit: int) -> None:
        super().__init__(f"{type_} has {size} bytes, more than {limit}: store the long part as a document by hash")


class StoreUnavailable(StoreError):
    """The store did not answer in time, or the appends are closed. What was asked may be repeated with the same id."""


class EventStore(Protocol):
    def read(
        self, streams: Sequence[str], after: Mapping[str, int] | None = None
    ) -> Mapping[str, Sequence[StoredEvent]]:
        """Every stream's events in order, all streams in one consistent snapshot and one round trip.
        A stream that does not exist has an empty list. `after`: for a stream whose state is known up to a version,
        only the events past it. Raises StoreUnavailable."""
        ...

    def versions(self, streams: Sequence[str]) -> Mapping[str, int]:
        """The current version of each stream, 0 where it does not exist."""
        ...

    def submit(self, append: Append) -> Future[Appended]:
        """Queue for the group commit. The future fails with a StoreError."""
        ...

    def append(self, append: Append) -> Appended:
        """`submit` and wait. Raises StoreError."""
        ...

    def answer_to(self, command_id: UUID) -> tuple[bytes, Appended] | None:
        """(digest, first answer) of a command already on the record."""
        ...

    def notifications(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Events in the order of positions, those greater than `after`."""
        ...

    def cameras(self) -> Sequence[str]:
        """The streams of all cameras that were ever put up."""
        ...

    def zones(self) -> Sequence[str]:
        """The streams of all privacy zones that were ever drawn. Raises StoreUnavailable."""
        ...

    def exports_to_make(self) -> Sequence[str]:
        """The streams of exports that were approved and neither made nor given up, in the order of approval."""
        ...

    def has_footage(self) -> bool:
        """Whether any footage was ever recorded."""
        ...

    def held_footage(self) -> Sequence[str]:
        """The streams of all footage that ever had a legal hold."""
        ...

    def landings(self, after: int) -> Sequence[StoredEvent]:
        """The landings of drones behind a position, in order; the newest thousand where there are more. Raises
        StoreUnavailable."""
        ...

    def flight_footage(self, flight: str) -> Sequence[StoredEvent]:
        """What the record has of the footage of a flight's stream: what was recorded and what was lost, and perhaps of
        flights whose name begins like its own. Raises StoreUnavailable."""
        ...

    def head(self) -> Head: ...

    def document(self, sha256: bytes) -> Document | None: ...


# -- time and identifiers ----------------------------------------------------


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC, microseconds, timezone-aware."""
        ...


class Ids(Protocol):
    def event_id(self) -> UUID:
        """UUIDv7 (RFC 9562)."""
        ...

    def nonce(self) -> str:
        """128 random bits, so that nobody can guess an event behind its public leaf hash."""
        ...


# -- who may -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """May this principal do this? `action`: the command in snake case; `context`: what the policy may look at."""

    person: str
    roles: frozenset[str]
    organisation: str
    action: str
    resource: str
    context: Mapping[str, bool | int | str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` goes on the record: `<policy id>@<set hash, 12 hex digits>` or `default-deny`."""

    allowed: bool
    rule: str


class Authoriser(Protocol):
    set_hash: str

    def decide(self, question: Question) -> Decision: ...

    def other_set(self, texts: Mapping[str, str]) -> bytes:
        """What another set of rules, text by file name, is hashed over. Raises ValueError, saying why, for what is no
        set, or one under which nobody could draft or adopt a policy, or oversight could not oversee."""
        ...
