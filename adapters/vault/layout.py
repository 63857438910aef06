"""How the vault is laid out, so that a person can follow it with a file browser.

    camera-plummer-park-north/2026-11-26/1400/          a reel: footage of one feed from 14:00 UTC, an hour at most
        000001-140000.segment                           its segments, sealed, by number and time of their start
        000002-140002.segment
        manifest.jsonl                                  once it is closed: its segments, each line chained to the last
        manifest.note                                   and the signature

A second reel of the same hour, begun because the clock went back or the first cannot be continued, is `1400-2`.

What a legal hold keeps of it in a copy is laid out the same way, as `held-HOLD~camera-plummer-park-north/…`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from domain.kernel import FeedId, FootageId, StreamId

MANIFEST, NOTE = "manifest.jsonl", "manifest.note"
_REEL = re.compile(r"(?P<hour>\d{2})(?P<minute>\d{2})(-(?P<ordinal>[1-9]\d*))?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAMED = re.compile(r"(?P<feed>.+)-(?P<begins>\d{8}T\d{4}Z)(-(?P<ordinal>[1-9]\d*))?")
HELD = "held-"
_SEGMENT = re.compile(r"(?P<number>\d{6})-\d{6}\.segment")
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class ReelName:
    """Footage of a feed from a time of the clock on. `ordinal`: 1, or of how many at the same time."""

    feed: FeedId
    begins: datetime
    ordinal: int = 1

    @property
    def folder(self) -> str:
        more = f"-{self.ordinal}" if self.ordinal > 1 else ""
        return f"{quote(self.feed, safe='')}/{self.begins:%Y-%m-%d}/{self.begins:%H%M}{more}"

    @property
    def footage(self) -> FootageId:
        more = f"-{self.ordinal}" if self.ordinal > 1 else ""
        return FootageId(f"{self.feed}-{self.begins:%Y%m%dT%H%M}Z{more}")

    def segment(self, number: int, since: datetime) -> str:
        return f"{self.folder}/{number:06d}-{since:%H%M%S}.segment"

    @property
    def manifest(self) -> str:
        return f"{self.folder}/{MANIFEST}"

    @property
    def note(self) -> str:
        return f"{self.folder}/{NOTE}"


def reel_begins(at: datetime, length: timedelta) -> datetime:
    """Reels begin at fixed minutes of the hour, of which `length` is a part, so that a restarted recorder finds the
    one it was in."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour + (at - hour) // length * length


def reel_of(folder: str) -> ReelName | None:
    """The reel whose folder it is; None where it is no reel's."""
    parts = folder.split("/")
    if len(parts) != 3 or not _DAY.fullmatch(parts[1]) or not (name := _REEL.fullmatch(parts[2])):
        return None
    try:
        begins = datetime.strptime(f"{parts[1]} {name['hour']}{name['minute']}", "%Y-%m-%d %H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    found = ReelName(FeedId(StreamId(unquote(parts[0]))), begins, int(name["ordinal"] or 1))
    return found if found.folder == folder else None


def segment_number(name: str) -> int | None:
    """The number that is in a file's name; None where it is no segment's."""
    match = _SEGMENT.fullmatch(name.rpartition("/")[2])
    return int(match["number"]) if match else None


def feed_folder(feed: str) -> str:
    return quote(feed, safe="")


def feed_of(folder: str) -> FeedId:
    return FeedId(StreamId(unquote(folder)))


def held(name: ReelName, hold: str) -> ReelName:
    """Where the copy of what a hold keeps of a reel is."""
    return ReelName(FeedId(StreamId(f"{HELD}{hold}~{name.feed}")), name.begins, name.ordinal)


def original(feed: str) -> FeedId:
    """The feed whose footage it is: of a hold's copy the feed that it was copied from."""
    return FeedId(StreamId(feed.partition("~")[2] if feed.startswith(HELD) else feed))


def named(footage: str) -> ReelName | None:
    """The reel that is the footage of this name; None where no reel has such a name."""
    match = _NAMED.fullmatch(footage)
    if match is None:
        return None
    try:
        begins = datetime.strptime(match["begins"], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    found = ReelName(FeedId(StreamId(match["feed"])), begins, int(match["ordinal"] or 1))
    return found if found.footage == footage else None


def is_day(folder: str) -> bool:
    return bool(_DAY.fullmatch(folder.rpartition("/")[2]))


def days_between(folders: Sequence[str], since: datetime | None, until: datetime | None) -> list[str]:
    """The folders of days that a range touches."""
    first = f"{since.astimezone(UTC):%Y-%m-%d}" if since else ""
    last = f"{until.astimezone(UTC):%Y-%m-%d}" if until else "9999"
    return [folder for folder in folders if is_day(folder) and first <= folder.rpartition("/")[2] <= last]
