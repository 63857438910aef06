"""What the tests about footage share: people, an hour of a camera, grounds that are in order."""

from __future__ import annotations

from domain.call import CallStanding
from domain.footage import FootageRecorded, FootageStanding
from domain.grounds import Grounds
from domain.kernel import CallNumber, FeedId, FootageId, PersonId, PolicyVersion, StreamId
from domain.policy import RECORD_ALL_KEEP_30_DAYS, PolicyInForce
from domain.privacy_override_events import Range
from domain.reason_quality import quality
from tests.domain.scenario import HOUR, NOW, SECOND

LEE, ANA, CALL = PersonId("lee"), PersonId("ana"), CallNumber("26-17")
FEED, FOOTAGE = FeedId(StreamId("camera-park")), FootageId("park.2026-06-01T19")
SINCE = NOW - 2 * HOUR
WHOLE = Range(SINCE, SINCE + HOUR)
POLICY = PolicyInForce(PolicyVersion(3), RECORD_ALL_KEEP_30_DAYS, "c" * 64, NOW - HOUR)
CLOSED_CALL = CallStanding(CALL, known=True, open=False)
GROUNDS = Grounds("call_for_service", "which way did the man with the knife run", CALL)
GOOD = quality(GROUNDS.reason, call_known=True)
RECORDED = FootageRecorded(FEED, WHOLE, 1800, 900_000_000, "a" * 64, "park.2026-06-01T19", "routine")
STANDING = FootageStanding(FOOTAGE, FEED, WHOLE, None)


def part(start_s: float, end_s: float) -> Range:
    """A stretch of the footage, in seconds from its start."""
    return Range(SINCE + start_s * SECOND, SINCE + end_s * SECOND)
