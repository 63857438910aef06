"""The weekly sample of accesses: drawn so that nobody can steer it and anybody can draw it again.

Oversight commits to the hash of a nonce before the week ends and reveals the nonce after; the seed mixes it with the
root of the log at the week's end. Who knows the nonce does not know the root yet; who makes the log does not know the
nonce. The position is no choice either: it is that of the last event before the first one of the next week.

The method, `METHOD`, to be done again in any language:
- seed = SHA-256("saferweho audit sample 1" ‖ 0x0A ‖ root ‖ nonce), root and nonce being 32 bytes each;
- the words x0, x1, … are the first 8 bytes, big endian, of SHA-256(seed ‖ n as 8 bytes, big endian), n = 0, 1, …;
- a number below m is the next word modulo m, where words of at least 2^64 - (2^64 mod m) are passed over;
- a week for which nobody committed to a nonce is drawn all the same, by `FALLBACK`: its nonce is 32 zero bytes, so the
  seed is the root's alone, and who makes the log could have steered it; the record names the method;
- the population is in the order of positions, numbered from 0; the i-th of k draws takes the number at place
  i + (a number below size - i) and leaves there the one that was at place i (Fisher and Yates, stopped after k).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.kernel import InvalidValue, PersonId, StreamId

METHOD = "sha256_counter_1"
FALLBACK = "sha256_counter_1_root_alone"
FALLBACK_NONCE = "00" * 32
DOMAIN = b"saferweho audit sample 1\n"
WORDS = 1 << 64
_WEEK = re.compile(r"(\d{4})-W(\d\d)")

# Who saw or took away what: the events a sample is drawn from, in all their versions.
ACCESSES = frozenset(
    {
        "disclosure.disclosure_made",
        "export.footage_exported",
        "liveview.live_view_granted",
        "override.override_used",
        "platesearch.plate_searched",
        "viewing.viewing_granted",
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """One access on the record: where in the log, of which stream, whose."""

    position: int
    stream: StreamId
    person: PersonId


@dataclass(frozen=True, slots=True)
class Population:
    """Every access of the log up to `position`, in order; `root_sha256`: of the log at that position, hexadecimal."""

    position: int
    root_sha256: str
    accesses: tuple[Access, ...]


def week_end(week: str) -> datetime:
    """The moment at which an ISO 8601 week such as 2026-W23 is over, in UTC. Raises InvalidValue."""
    accepted = "an ISO 8601 week such as 2026-W23"
    parts = _WEEK.fullmatch(week)
    try:
        if parts is not None:
            monday = datetime.fromisocalendar(int(parts[1]), int(parts[2]), 1).replace(tzinfo=UTC)
            return monday + timedelta(days=7)
    except (ValueError, OverflowError):
        pass
    raise InvalidValue("this is no week", field="week", accepted=accepted)


def week_of(at: datetime) -> str:
    """The ISO 8601 week of a moment, by UTC."""
    year, number, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{number:02}"


def commitment(nonce: str) -> str:
    """SHA-256 of a nonce of 32 bytes, both hexadecimal. Raises InvalidValue."""
    if len(nonce) != 64 or any(c not in "0123456789abcdef" for c in nonce):
        raise InvalidValue("the nonce is not 32 bytes", field="nonce", accepted="64 lower-case hexadecimal digits")
    return hashlib.sha256(bytes.fromhex(nonce)).hexdigest()


def seed(root_sha256: str, nonce: str) -> bytes:
    """Both hexadecimal, 32 bytes each."""
    return hashlib.sha256(DOMAIN + bytes.fromhex(root_sha256) + bytes.fromhex(nonce)).digest()


def drawn(seed: bytes, size: int, wanted: int) -> tuple[int, ...]:
    """The numbers, from 0 to `size` - 1, of the members drawn, in the order of drawing; all where `wanted` exceeds."""
    words = _words(seed)
    moved: dict[int, int] = {}  # place -> number, where they differ
    chosen = []
    for place in range(min(size, wanted)):
        other = place + _below(words, size - place)
        chosen.append(moved.get(other, other))
        moved[other] = moved.get(place, place)
    return tuple(chosen)


def _words(seed: bytes) -> Iterator[int]:
    counter = 0
    while True:
        yield int.from_bytes(hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()[:8], "big")
        counter += 1


def _below(words: Iterator[int], limit: int) -> int:
    fair = WORDS - WORDS % limit
    return next(word for word in words if word < fair) % limit


def sample(population: Population, nonce: str, wanted: int) -> tuple[Access, ...]:
    """The accesses drawn, in the order of drawing."""
    numbers = drawn(seed(population.root_sha256, nonce), len(population.accesses), wanted)
    return tuple(population.accesses[number] for number in numbers)


def population_sha256(accesses: Sequence[Access]) -> str:
    """SHA-256, hexadecimal, of the positions in order as decimal digits with a line feed after each."""
    counted = hashlib.sha256()
    for access in accesses:
        counted.update(b"%d\n" % access.position)
    return counted.hexdigest()
