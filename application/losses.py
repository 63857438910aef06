"""Losses of footage, gathered by feed for those who are told of them.

The record hears of a loss every few minutes while it goes on, and of each stretch that a damaged disk costs. Whoever
must know hears of the first at once, of what follows every few hours, and of the rest when there is footage again. A
flight is short, and its footage taken for a reason: of one, every loss that does not go on from the last is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from application.codec import Recorded
from application.reactions import Memory
from domain.footage import FootageLost, FootageRecorded
from domain.privacy_override_events import Range

AGAIN = timedelta(hours=6)
HOLDS = "A hold on what was lost is closed by who releases it."


@dataclass(frozen=True, slots=True)
class _Untold:
    """Of a feed that footage was lost of, and not recorded since. `count`: stretches that nobody was told of; `range`:
    from the first of them, or of what was told last, to the end of the last."""

    count: int
    range: Range
    told_at: datetime

    def __str__(self) -> str:
        moments = (self.range.since, self.range.until, self.told_at)
        return " ".join((str(self.count), *(moment.isoformat() for moment in moments)))

    @classmethod
    def parse(cls, text: str) -> _Untold:
        count, *moments = text.split(" ")
        since, until, told_at = map(datetime.fromisoformat, moments)
        return cls(int(count), Range(since, until), told_at)


def lost(recorded: Recorded, memory: Memory) -> str | None:
    """What is to be said now that footage was lost; None: nothing yet."""
    event: FootageLost = recorded.event
    at, before = recorded.envelope.time, _remembered(memory, event.feed)
    another = before is not None and event.feed.startswith("flight-") and event.range.since > before.range.until
    if before is None or another:
        _remember(memory, event.feed, _Untold(0, event.range, at))
        return (
            f"{recorded.stream}, of {event.feed}, {_words(event.range)}: {event.detail}. If more of it is lost, that is"
            f" told every {AGAIN // timedelta(hours=1)} hours and when it is recorded again. {HOLDS}"
        )
    since = before.range.since if before.count else event.range.since
    now = _Untold(before.count + 1, Range(since, max(before.range.until, event.range.until)), before.told_at)
    if at - before.told_at < AGAIN:
        _remember(memory, event.feed, now)
        return None
    _remember(memory, event.feed, replace(now, count=0, told_at=at))
    return f"More of {event.feed}: {_stretches(now)}. The last is {recorded.stream}: {event.detail}. {HOLDS}"


def recorded_again(recorded: Recorded, memory: Memory) -> str | None:
    """What is to be said now that there is footage; None: nothing, also where each loss was told."""
    event: FootageRecorded = recorded.event
    before = _remembered(memory, event.feed)
    if before is None or event.range.until <= before.range.until:
        return None
    _remember(memory, event.feed, None)
    if not before.count:
        return None
    return f"There is footage of {event.feed} again: {recorded.stream}. Since it was told last: {_stretches(before)}."


def _stretches(untold: _Untold) -> str:
    what = "one stretch was lost" if untold.count == 1 else f"{untold.count} stretches were lost"
    return f"{what}, {_words(untold.range)}"


def _words(span: Range) -> str:
    return f"from {span.since:%Y-%m-%d %H:%M:%S} to {span.until:%Y-%m-%d %H:%M:%S} UTC"


def _remembered(memory: Memory, feed: str) -> _Untold | None:
    return next((_Untold.parse(value) for value in memory.values(f"lost/{feed}")), None)


def _remember(memory: Memory, feed: str, untold: _Untold | None) -> None:
    for value in memory.values(f"lost/{feed}"):
        memory.discard(f"lost/{feed}", value)
    if untold is not None:
        memory.add(f"lost/{feed}", str(untold))
