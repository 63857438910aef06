"""A clock that tests step."""

from __future__ import annotations

from datetime import datetime, timedelta


class SteppedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def step(self, by: timedelta) -> None:
        self.at += by
