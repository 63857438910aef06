"""Footage for tests of the vault, as it comes: two seconds at a time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from adapters.vault import Closed, Reel, Segment, Vault
from adapters.vault.checking import Check, Finding
from domain.kernel import FeedId, StreamId

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TWO_S = timedelta(seconds=2)
NORTH, SOUTH = FeedId(StreamId("camera-plummer-park-north")), FeedId(StreamId("camera-plummer-park-south"))


def taken(at: datetime, size: int = 5_000, gap: str | None = None) -> Segment:
    """Two seconds of something that compresses no better than video."""
    return Segment(os.urandom(size), at, at + TWO_S, 'video/mp4; codecs="avc1.42c01e"', gap=gap)


def filmed(vault: Vault, count: int = 4, feed: FeedId = NORTH, at: datetime = NOON) -> tuple[Reel, list[Segment]]:
    reel = vault.reel(feed, at)
    segments = [taken(at + number * TWO_S) for number in range(count)]
    for segment in segments:
        reel.add(segment)
    return reel, segments


def closed(vault: Vault, count: int = 4, feed: FeedId = NORTH, at: datetime = NOON) -> Closed:
    return filmed(vault, count, feed, at)[0].close()


def findings(vault: Vault, record: dict | None = None) -> list[Finding]:  # type: ignore[type-arg]
    """Of the whole vault, an hour later."""
    check = Check(vault, vault.signer.verifier, NOON + timedelta(hours=1), record)
    for name in list(vault.reels()):
        check.reel(name)
    check.missing()
    return check.checked.findings


def codes(vault: Vault, record: dict | None = None) -> set[str]:  # type: ignore[type-arg]
    return {finding.code for finding in findings(vault, record)}
