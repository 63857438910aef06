"""MAVLink 2 signatures: who may speak for a vehicle.

A frame of a vehicle with a key is believed only when its signature is right *and* its timestamp is
newer than the last one believed of the same (link id, system, component). Nothing is remembered of
a frame that fails, so a forgery from the future cannot shut out the genuine vehicle.
Source: mavlink.io, "Message Signing (Authentication)".
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, auto

from adapters.mavlink.frames import Frame

KEY_LENGTH = 32
"""Bytes of a signing key."""
NEW_STREAM_TOLERANCE = 6_000_000
"""How far behind our own timestamp the first frame of a stream may be: one minute, in 10 µs."""

_EPOCH_2015 = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())


def signing_timestamp(unix_seconds: float) -> int:
    """A time in the unit of signatures: 10 µs since 2015-01-01 UTC."""
    return int((unix_seconds - _EPOCH_2015) * 100_000)


class Verdict(Enum):
    """What a vehicle's key says of a frame."""

    GENUINE = auto()
    UNSIGNED = auto()
    FORGED = auto()
    REPLAYED = auto()


class Signatures:
    """The key of one vehicle: checks what comes and gives the timestamps of what goes."""

    def __init__(self, key: bytes, now: Callable[[], int]) -> None:
        if len(key) != KEY_LENGTH:
            raise ValueError(f"A MAVLink signing key has {KEY_LENGTH} bytes; this one has {len(key)}.")
        self.key = key
        self._seeded = hashlib.sha256(key)
        self._now = now
        self._newest = 0
        self.streams: dict[tuple[int, int, int], int] = {}
        """The newest believed timestamp by (link id, system, component); save and restore it over a restart."""

    def keep(self, streams: dict[tuple[int, int, int], int]) -> None:
        """Go on with `streams` as they were before a restart, and keep the newest in them."""
        self.streams = streams
        self._newest = max(self._newest, *streams.values(), 0)

    def check(self, frame: Frame) -> Verdict:
        """Judge a frame whose checksum is right; remember its timestamp only when it is genuine."""
        if not frame.signed:
            return Verdict.UNSIGNED
        raw = frame.raw
        digest = self._seeded.copy()
        digest.update(raw[:-6])
        if not hmac.compare_digest(digest.digest()[:6], raw[-6:]):
            return Verdict.FORGED
        stream = (raw[-13], frame.system, frame.component)
        timestamp = int.from_bytes(raw[-12:-6], "little")
        last = self.streams.get(stream)
        if last is None:
            if timestamp + NEW_STREAM_TOLERANCE < self.timestamp():
                return Verdict.REPLAYED
        elif timestamp <= last:
            return Verdict.REPLAYED
        self.streams[stream] = timestamp
        self._newest = max(self._newest, timestamp)
        return Verdict.GENUINE

    def timestamp(self) -> int:
        """Our present timestamp: the clock's, or the newest one seen or sent where that is ahead."""
        return max(self._now(), self._newest)

    def next_timestamp(self) -> int:
        """A timestamp for a frame to send, newer than every earlier one."""
        self._newest = max(self._now(), self._newest + 1)
        return self._newest
