"""When pictures were taken, by our own clock.

A packet says when it is to be shown, counted from anywhere. What it is by our clock follows from when it arrived: the
least of what lies between the two is the steadiest, so the shortest way over the last seconds counts, and jitter and
bursts after a stall do not. A camera that sends RTCP sender reports (RFC 3550 §6.4.1) says by its own clock when it
took a picture, without the way over the network; that counts as long as its clock agrees with ours to a second. Where
it does not, footage of several cameras could not be laid side by side: ours counts, and the difference is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

AGREES = 1_000_000  # µs
WINDOW = 5_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Taken:
    """`clock`: `rtcp` or `arrival`; `ahead_us`: by how much the camera's clock is ahead of ours, None: it is silent."""

    at: datetime
    clock: str
    ahead_us: int | None


@dataclass(slots=True)
class StreamClock:
    """Of one connection. Everything in µs; `media_us` is the packet's own time."""

    _offset: int | None = None  # our clock less the packet's, the least
    _window_least: int | None = field(default=None)
    _window_until: int = 0

    def taken(self, media_us: int, arrived_us: int, camera_us: int | None) -> Taken:
        """`arrived_us`: by our clock, since 1970; `camera_us`: by the camera's, from its last sender report."""
        offset = arrived_us - media_us
        if self._offset is None or offset < self._offset:
            if self._offset is not None and self._offset - offset > AGREES:
                self._window_least = None  # the packets' time leapt: what it was before says nothing of what it is
            self._offset = offset
        # The packets' clock lost time, or ours was set forward: only when the whole of some seconds says so.
        least = offset if self._window_least is None else min(self._window_least, offset)
        if media_us >= self._window_until:
            if self._window_least is not None and self._window_least - self._offset > AGREES:
                self._offset = self._window_least
            least, self._window_until = offset, media_us + WINDOW
        self._window_least = least
        ours = media_us + self._offset
        if camera_us is None:
            return Taken(_moment(ours), "arrival", None)
        ahead = camera_us - ours
        if abs(ahead) <= AGREES:
            return Taken(_moment(camera_us), "rtcp", ahead)
        return Taken(_moment(ours), "arrival", ahead)


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
