"""What of each read model is handed over with the watch: all of it, until it is over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from projections.access import queries as access
from projections.access.projection import ACCESS
from projections.complaints import queries as complaints
from projections.complaints.projection import COMPLAINTS
from projections.engine.host import ProjectionHost
from projections.live_board import queries as board
from projections.live_board.projection import LIVE_BOARD
from projections.overrides import queries as overrides
from projections.overrides.projection import OVERRIDES
from projections.oversight import queries as oversight
from projections.oversight.projection import OVERSIGHT
from projections.retention import queries as retention
from projections.retention.projection import RETENTION
from tests.golden.make import event_of
from tests.projections.log import Log, store_feeds
from tests.projections.models import ask, wait_applied

MODELS = [ACCESS, COMPLAINTS, LIVE_BOARD, OVERRIDES, OVERSIGHT, RETENTION]


def events(*names: str) -> list[Any]:
    return [event_of(name) for name in names]


@pytest.mark.rule("people.handover")
def test_what_is_open_is_listed_until_it_is_over(database_url: str) -> None:
    log = Log(database_url)

    def happened(stream: str, *names: str) -> int:
        return log.append(*((stream, event) for event in events(*names)))

    happened("footage-f1", "footage.footage_recorded.v1", "footage.legal_hold_placed.v1")
    happened("override-o1", "override.override_requested.v2", "override.override_approved.v1")
    happened("override-o2", "override.override_requested.v2")
    happened("complaint-c1", "complaint.feedback_received.v1")
    happened("drone-d1", "drone.drone_registered.v1", "drone.drone_grounded.v1")
    happened("viewing-v1", "viewing.viewing_requested.v1", "viewing.viewing_granted.v1")
    happened("liveview-l1", "liveview.live_view_requested.v1", "liveview.live_view_granted.v1")
    last = happened("call-26-1", "call.call_received.v1")
    verify_on: date = events("footage.legal_hold_placed.v1")[0].verify_again_on
    (approved,) = events("override.override_approved.v1")
    with ProjectionHost(log.url, store_feeds(log.url), MODELS) as host:  # type: ignore[arg-type]
        wait_applied(host, log.url, last, *(model.name for model in MODELS))
        second = timedelta(seconds=1)
        before, late = approved.expires_at - second, approved.review_by + second
        assert ask(log.url, board.still_open) == [("call", "call-26-1"), ("drone_out_of_service", "drone-d1")]
        assert ask(log.url, access.still_open) == [("live_view", "liveview-l1"), ("viewing", "viewing-v1")]
        assert ask(log.url, complaints.still_open) == [("complaint_waiting", "complaint-c1")]
        open_ = [("override_active", "override-o1"), ("override_waiting", "override-o2")]
        assert ask(log.url, overrides.still_open, before) == open_
        assert ask(log.url, overrides.still_open, late) == []
        assert ask(log.url, oversight.overdue_reviews, before) == []
        assert ask(log.url, oversight.overdue_reviews, late) == [("review_overdue", "override-o1")]
        held = [("hold_to_verify", "footage-f1")]
        assert ask(log.url, retention.still_open, verify_on) == held
        assert ask(log.url, retention.still_open, verify_on - timedelta(days=1)) == []
        happened("footage-f1", "footage.legal_hold_released.v1")
        happened("override-o1", "override.override_reviewed.v1")
        happened("drone-d1", "drone.drone_readied.v1")
        happened("viewing-v1", "viewing.viewing_ended.v1")
        happened("liveview-l1", "liveview.live_view_ended.v1")
        happened("complaint-c1", "complaint.feedback_closed.v1")
        last = happened("call-26-1", "call.call_closed.v1")
        wait_applied(host, log.url, last, *(model.name for model in MODELS))
        for still_open in (board.still_open, access.still_open, complaints.still_open):
            assert ask(log.url, still_open) == []
        assert ask(log.url, oversight.overdue_reviews, late) == []
        assert ask(log.url, retention.still_open, verify_on) == []
    log.close()
