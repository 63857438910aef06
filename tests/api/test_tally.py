"""What left of a live picture is counted without waiting for anybody, and told once there is somebody to tell it to."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.cedar import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from adapters.heartbeats import PostgresHeartbeats
from api.processes.wiring import RandomIds
from api.tally import TOLD_EVERY, Counted, Tallies, Tally
from application.handling import Handler, Outcome
from application.mask_states import EVERYTHING, MaskState
from application.standing import record_attempt, service
from application.views import Views
from domain.kernel import StreamId
from domain.live_view import AccountForPictures, LivePicturesServed
from tests.adapters.event_store.proxy import Proxy
from tests.api.test_playback import as_url
from tests.api.watch_center import until
from tests.application.small_center import NOON, SmallCenter, small_center
from tests.application.test_views import Looking

SECOND = timedelta(seconds=1)
NOTHING_HIDDEN = MaskState()
WITHIN_S = 120.0


def counted(tally: Tally) -> Counted:
    taken = tally.taken()
    assert taken is not None
    return taken


@pytest.mark.rule("view.accounted")
def test_what_left_of_a_picture_is_one_stretch_until_it_is_told() -> None:
    tally = Tally("v1", "c1")
    assert tally.taken() is None and not tally.due(NOON)
    for second, size in enumerate((100, 20, 3)):
        tally.leaves(size, NOTHING_HIDDEN, NOON + second * SECOND)
    assert not tally.due(NOON + TOLD_EVERY - SECOND) and tally.due(NOON + TOLD_EVERY)
    first = counted(tally)
    assert first.served == AccountForPictures(NOON, NOON + 2 * SECOND, 123, False)
    assert tally.taken() is None and not tally.due(NOON + TOLD_EVERY)
    tally.leaves(5, EVERYTHING, NOON)
    tally.leaves(5, EVERYTHING, NOON - SECOND)  # the clock was put back
    second_ = counted(tally)
    assert second_.served == AccountForPictures(NOON, NOON, 10, True)
    assert first.command_id != second_.command_id
    tally.leaves(1, MaskState(lifted_by="o1"), NOON)
    assert counted(tally).served == AccountForPictures(NOON, NOON, 1, False, StreamId("override-o1"))


def test_an_account_has_an_id_that_follows_from_its_connection() -> None:
    def ids(view: str, connection: str) -> list[UUID]:
        tally, found = Tally(view, connection), []
        for _ in range(2):
            tally.leaves(1, NOTHING_HIDDEN, NOON)
            found.append(counted(tally).command_id)
        return found

    assert ids("v1", "c1") == ids("v1", "c1")
    assert len({*ids("v1", "c1"), *ids("v1", "c2"), *ids("v2", "c1")}) == 6


def told(center: SmallCenter, view: str) -> list[int]:
    events = [each.event for each in center.events(f"liveview-{view}")]
    return [event.size_bytes for event in events if isinstance(event, LivePicturesServed)]


@pytest.mark.rule("view.accounted")
def test_what_left_while_the_store_was_away_is_told_when_it_is_back(database_url: str) -> None:
    with (
        small_center(database_url) as center,
        PostgresHeartbeats(database_url) as heartbeats,
        Proxy(database_url) as between,
        PostgresEventStore(as_url(between.url)) as store,
    ):
        looking, asked = Looking(center, heartbeats), list[UUID]()
        ids, rules, keys = RandomIds(), CedarAuthoriser(), center.handler.keys
        views = Views(Handler(store, center.clock, ids, rules, record_attempt, keys), heartbeats)

        def tell(each: Counted) -> Outcome:
            asked.append(each.command_id)
            return views.account(service("service-media"), each.view, each.served, each.command_id)

        tallies, tally = Tallies(tell), Tally(looking.view, "c1")
        between.mode = "freeze"
        for size in (100, 20, 3):
            tally.leaves(size, NOTHING_HIDDEN, center.clock.now())
            tallies.put(counted(tally))
        until(lambda: len(asked) >= 2, WITHIN_S, what="it is asked again")
        assert len(tallies) == 3 and told(center, looking.view) == []
        between.mode = "pass"
        until(lambda: len(tallies) == 0, WITHIN_S, what=f"it is told: {asked}")
        assert told(center, looking.view) == [100, 20, 3]
        tallies.close()


@pytest.mark.rule("view.accounted")
def test_what_nobody_can_put_on_the_record_keeps_nothing_else_from_it(database_url: str) -> None:
    with small_center(database_url) as center, PostgresHeartbeats(database_url) as heartbeats:
        looking = Looking(center, heartbeats)

        def tell(each: Counted) -> Outcome:
            if each.view == "broken":
                raise ZeroDivisionError
            return looking.views.account(service("service-media"), each.view, each.served, each.command_id)

        tallies = Tallies(tell)
        for view in ("broken", "nobody-asked", looking.view):
            tally = Tally(view, "c1")
            tally.leaves(7, NOTHING_HIDDEN, center.clock.now())
            tallies.put(counted(tally))
        until(lambda: len(tallies) == 0, WITHIN_S, what="all of it was tried")
        assert told(center, looking.view) == [7]
        tallies.close()
