"""What the demonstration shows besides its flights, on the whole path."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from api.processes.demonstration import Demonstration
from api.processes.scenes import Scenes
from application.handling import Accepted
from application.retention import Retention
from application.standing import service
from domain.footage import RecordFootage
from domain.kernel import FeedId, StreamId
from domain.privacy_override_events import Range
from tests.api.looking import camera
from tests.api.test_leaving import at_work
from tests.api.test_overrides import flight
from tests.api.watch_center import CAD_KEY, WatchCenter, environment, fresh


@pytest.fixture
def scenes(watch_center: WatchCenter) -> Iterator[Scenes]:
    with environment(watch_center.environ):
        yield Demonstration(watch_center.base, watch_center.home, CAD_KEY, threading.Event())._scenes


def recorded(watch_center: WatchCenter, after: int) -> list[str]:
    """Types of what was recorded since a position."""
    query = "SELECT topic FROM events.stored_events WHERE notification_id > %s ORDER BY notification_id"
    with psycopg.connect(watch_center.url) as connection:
        return [str(topic).split(".")[1] for (topic,) in connection.execute(query, (after,))]


def test_two_persons_lift_a_protection(watch_center: WatchCenter, scenes: Scenes) -> None:
    call = watch_center.call()
    for zone in (["privacy_zone_drawn"], []):  # it is there the second time
        flown = flight(watch_center)
        before = watch_center.head()
        scenes.override(flown, call)
        told = recorded(watch_center, before)
        assert [each for each in told if "zone" in each] == zone
        assert [each for each in told if each.startswith("override")] == ["override_requested", "override_approved"]


def test_footage_is_asked_for_as_a_file_and_approved_where_there_is_some(
    watch_center: WatchCenter, scenes: Scenes
) -> None:
    feed, call = camera(watch_center), watch_center.call()
    before = watch_center.head()
    scenes.export(call, feed.partition("-")[2])
    assert not [each for each in recorded(watch_center, before) if each.startswith("export")]
    now = datetime.now(UTC)
    whole = Range(now - timedelta(minutes=4), now - timedelta(minutes=2))
    film = RecordFootage(FeedId(StreamId(feed)), whole, 60, 1_000_000, secrets.token_hex(32), "k")
    with at_work(watch_center) as handler:
        told = Retention(handler).record(service("service-recorder"), f"{feed}-x", film, uuid4())
        assert isinstance(told, Accepted)
    watch_center.applied(watch_center.head())
    before = watch_center.head()
    scenes.export(call, feed.partition("-")[2])
    steps = [each for each in recorded(watch_center, before) if each.startswith("export")]
    assert steps == ["export_requested", "export_categorised", "export_approved"]


def test_a_neighbour_complains_and_the_captain_is_to_answer(watch_center: WatchCenter, scenes: Scenes) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    asked = watch_center.launch(drone=watch_center.drone(ready=False))
    flight = deputy.order("requestLaunch(input: $input)", input=asked)["stream"].removeprefix("flight-")
    before = watch_center.head()
    scenes.complaint(flight)
    told = [each for each in recorded(watch_center, before) if "complaint" in each or "feedback" in each]
    assert told == ["feedback_received", "complaint_opened", "complaint_assigned"]


def test_a_look_is_refused_and_one_that_does_not_come_off_is_left_out(
    watch_center: WatchCenter, scenes: Scenes
) -> None:
    call, before = watch_center.call(), watch_center.head()
    scenes.live_view(fresh(), call, "two men fighting", 0.1)  # no such flight is in the air
    told = [each for each in recorded(watch_center, before) if each.startswith("live_view")]
    assert told == ["live_view_requested", "live_view_refused"] * 2
