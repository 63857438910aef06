"""From the commands of one batch to the arrays of `events.append_batch`, and from its rows to each command's outcome.

Pure: no I/O, so that group commit reads as what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from application.ports import Append, Appended, CommandIdReused, Conflict, StoreError

Outcome = Appended | StoreError

STATEMENT = (
    "SELECT * FROM events.append_batch("
    "%b::uuid[], %b::bytea[], %b::bytea[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], "
    "%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::bytea[], "
    "%b::bigint[], %b::bytea[], %b::text[], %b::bytea[])"
)
_LARGEST = 2**63 - 1


class Item(NamedTuple):
    """A command in a batch. `submission` names this one attempt, so that an answer lost on the way is known as ours."""

    append: Append
    submission: int
    expected: Mapping[str, int]  # stream -> the version it must have, of every stream written or read
    size: int  # bytes


class Row(NamedTuple):
    """A row of `events.append_batch`; its columns in order."""

    command: int
    outcome: str | None
    first_position: int
    last_position: int
    digest: bytes
    answer: bytes
    submission: int
    stream: int
    expected: int
    actual: int


def item(append: Append, submission: int) -> Item:
    """Check what needs no database, so that one malformed command can't fail the batch it would have been in.

    Raises ValueError: that is a mistake in this program, not in what a user asked.
    """
    if len(append.digest) != 32:
        raise ValueError(f"the digest of command {append.command_id} has {len(append.digest)} bytes, not 32")
    written: dict[str, int] = {}
    expected: dict[str, int] = {}
    for event in append.events:
        before = written.get(event.stream)
        if before is None:
            expected[event.stream] = event.version - 1
        elif event.version != before + 1:
            raise ValueError(f"stream {event.stream}: version {event.version} does not follow {before}")
        written[event.stream] = event.version
        _check_text(event.type, "an event's type")
    for stream, version in append.reads.items():
        if expected.setdefault(stream, version) != version:
            raise ValueError(f"stream {stream} was read at version {version} but is written after {expected[stream]}")
    for stream, version in expected.items():
        _check_text(stream, "a stream's name")
        if not 0 <= version < _LARGEST:
            raise ValueError(f"stream {stream}: {version} is no version; 0 means that it does not exist")
    for document in append.documents:
        _check_text(document.media_type, "a document's media type")
        if hashlib.sha256(document.content).digest() != document.sha256:
            raise ValueError(f"the document {document.sha256.hex()} has another hash than that")
    size = sum(len(event.content) for event in append.events) + sum(len(d.content) for d in append.documents)
    return Item(append, submission, expected, size)


def _check_text(text: str, what: str) -> None:
    if not (0 < len(text) <= 255 and text.isprintable()):
        raise ValueError(f"{what} must be 1 to 255 printable characters: {text!r}")


def parameters(items: Sequence[Item]) -> tuple[Sequence[Any], ...]:
    """The arguments of STATEMENT, one per array."""
    numbers: dict[str, int] = {}
    checks: list[tuple[int, int, int]] = []
    events: list[tuple[int, int, int, str, bytes]] = []
    documents: list[tuple[int, bytes, str, bytes]] = []
    for n, (append, _, expected, _) in enumerate(items, 1):
        for stream, version in expected.items():
            checks.append((n, numbers.setdefault(stream, len(numbers) + 1), version))
        for stream, version, type_, content in append.events:
            events.append((n, numbers[stream], version, type_, content))
        for document in append.documents:
            documents.append((n, *document))
    return (
        [i.append.command_id for i in items],
        [i.append.digest for i in items],
        [i.append.answer for i in items],
        [i.submission for i in items],
        list(numbers),
        *_columns(checks, 3),
        *_columns(events, 5),
        *_columns(documents, 4),
    )


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def outcomes(items: Sequence[Item], rows: Sequence[Row]) -> list[Outcome]:
    """What became of each command, in the order of `items`."""
    position = rows[0].first_position
    not_written = {row.command: row for row in rows[1:]}
    streams = list(dict.fromkeys(stream for i in items for stream in i.expected))
    results: list[Outcome] = []
    for n, (append, submission, *_) in enumerate(items, 1):
        row = not_written.get(n)
        if row is None:
            results.append(Appended(position + 1, position + len(append.events), append.answer))
            position += len(append.events)
        elif row.outcome == "stale":
            results.append(Conflict(streams[row.stream - 1], row.expected, row.actual))
        elif row.digest != append.digest:
            results.append(CommandIdReused(append.command_id))
        else:
            replayed = row.submission != submission
            results.append(Appended(row.first_position, row.last_position, row.answer, replayed))
    return results
