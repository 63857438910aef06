"""What oversight has to look at under a call or case, out of the audit trail and out of the log where that ends."""

from __future__ import annotations

from contextlib import nullcontext

import psycopg

from application.personal_data import REVIEWED, Deed, Known
from projections.audit_trail.deeds import DeedsInTheTrail
from projections.audit_trail.projection import AUDIT_TRAIL
from projections.engine.host import ProjectionHost
from tests.golden.make import event_of
from tests.projections.log import Log, store_feeds
from tests.projections.models import wait_applied

GRANTED = event_of("liveview.live_view_granted.v1")
ASKED = event_of("override.override_requested.v2")
ENDED = event_of("liveview.live_view_ended.v1")


def test_the_trail_names_what_was_done_under_a_number_and_how_far_it_knows(log: Log) -> None:
    log.append(("liveview-1", GRANTED), ("liveview-1", ENDED), ("override-1", ASKED), casenumber="C-7")
    log.append(("liveview-2", GRANTED), casenumber="C-8")
    last = log.append(("liveview-3", GRANTED), casenumber="C-7")
    with ProjectionHost(log.url, store_feeds(log.url, 2), [AUDIT_TRAIL]) as host:
        wait_applied(host, log.url, last, AUDIT_TRAIL.name)
    log.append(("liveview-4", GRANTED), casenumber="C-7")  # not in the trail yet
    with psycopg.connect(log.url) as connection:
        deeds = DeedsInTheTrail(lambda: nullcontext(connection))
        known, other, none = deeds.under("C-7"), deeds.under("C-8"), deeds.under("C-9")
    assert known.up_to == other.up_to == none.up_to == last
    assert [(deed.position, deed.type, deed.stream) for deed in known.deeds] == [
        (1, "liveview.live_view_granted", "liveview-1"),
        (3, "override.override_requested", "override-1"),
        (5, "liveview.live_view_granted", "liveview-3"),
    ]
    assert {deed.type for deed in known.deeds} <= REVIEWED
    assert [deed.stream for deed in other.deeds] == ["liveview-2"] and list(none.deeds) == []
    assert all(isinstance(deed, Deed) and deed.at.tzinfo for deed in known.deeds)


def test_without_a_trail_nothing_is_known_and_the_log_is_read_instead(log: Log) -> None:
    log.append(("liveview-1", GRANTED), casenumber="C-7")
    with psycopg.connect(log.url) as connection:
        deeds = DeedsInTheTrail(lambda: nullcontext(connection))
        assert deeds.under("C-7") == Known()
