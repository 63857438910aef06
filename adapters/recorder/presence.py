"""Whether a camera is there, with some patience both ways, so that one that flickers does not fill the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ONLINE_AFTER_S = 3.0  # of pictures without a pause of PAUSE_S
OFFLINE_AFTER_S = 10.0  # without a picture
PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class WentOnline:
    since: datetime


@dataclass(frozen=True, slots=True)
class WentOffline:
    since: datetime
    why: str


@dataclass(slots=True)
class Presence:
    """`now`: seconds of a clock that only grows. `online` None: nobody knows yet."""

    begun: float  # when it was first looked for
    online: bool | None = None
    _last: float | None = None
    _last_at: datetime | None = None
    _stretch: float = 0.0
    _stretch_at: datetime | None = None

    def picture(self, at: datetime, now: float) -> WentOnline | None:
        if self._last is None or now - self._last > PAUSE_S or self._stretch_at is None:
            self._stretch, self._stretch_at = now, at
        self._last, self._last_at = now, at
        if self.online or now - self._stretch < ONLINE_AFTER_S:
            return None
        self.online = True
        return WentOnline(self._stretch_at)

    def look(self, at: datetime, now: float, why: str) -> WentOffline | None:
        """To be called every second or so."""
        since = self.begun if self._last is None else self._last
        if self.online is False or now - since < OFFLINE_AFTER_S:
            return None
        self.online = False
        return WentOffline(self._last_at or at, why)
