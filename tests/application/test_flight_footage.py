"""A flight's footage that nobody speaks of, on the real store, with a stepped clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from application.flight_footage import NOBODY_TOLD, RECORDER_FIRST, Landings, stretches
from application.flights import Flights, Observed
from application.retention import Retention, loss_key
from application.scheduler import Scheduler
from application.standing import service
from domain.flight import FLIGHT
from domain.flight_commands import RecordArrival, RecordLanding, RecordLaunch, RecordZoneEntry, RecordZoneExit
from domain.flight_events import Observation, ZoneRule
from domain.footage import FootageLost, RecordFootage, ReportLoss
from domain.kernel import AirPosition, FeedId, FlightId, StreamId
from domain.person import Role
from domain.policy import RECORD_ON_APPROVAL_KEEP_2_YEARS
from domain.privacy_override_events import Range
from tests.application.small_center import SmallCenter, done, small_center
from tests.application.test_overrides import asked_for
from tests.application.test_policies import adopted

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
RECORDER = service("service-recorder")


class Flown:
    """A flight by what the gateway saw of it, a minute between two things."""

    def __init__(self, center: SmallCenter) -> None:
        self.center = center
        deputy = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
        self.flight = FlightId(asked_for(center, deputy))
        self.feed = FeedId(StreamId(FLIGHT.stream(self.flight)))

    def saw(self, *commands: Callable[[Observation], Observed]) -> None:
        for command in commands:
            self.center.clock.step(MINUTE)
            seen = Observation(AirPosition(34.0915, -118.351, 120.0, 40.0), None, self.center.clock.now())
            told = Flights(self.center.handler).record(
                service("service-drone-gateway"), self.flight, command(seen), uuid4()
            )
            done(told)

    def recorded(self) -> list[Range]:
        """When it was to be, by the record."""
        spans = stretches(self.center.handler, self.flight)
        return [Range(span.since, span.until) for span in spans if span.until is not None]

    def there_is(self, span: Range) -> None:
        """Footage, which the recorder tells of."""
        key = f"{self.feed}-{span.since:%Y%m%dT%H%M}Z"
        command = RecordFootage(self.feed, span, 9, 9000, "0f" * 32, "key-1")
        done(Retention(self.center.handler).record(RECORDER, key, command, uuid4()))

    def looked(self, after: timedelta) -> list[FootageLost]:
        """What was lost, by the record, once a scheduler that has just started looked some time after the landing."""
        (landed,) = [r for r in self.center.events(self.feed) if r.envelope.type.endswith("drone_landed.v1")]
        self.center.clock.step(landed.envelope.time + after - self.center.clock.now())
        scheduler = Scheduler(self.center.handler, Landings(self.center.handler).due_until)
        scheduler.look()
        assert scheduler.late == 0
        return [r.event for r in self.center.all_events() if isinstance(r.event, FootageLost)]


def pool_entered(seen: Observation) -> Observed:
    return RecordZoneEntry("pool", ZoneRule.NO_RECORD, None, seen)


def pool_left(seen: Observation) -> Observed:
    return RecordZoneExit("pool", seen)


def launched(seen: Observation) -> Observed:
    return RecordLaunch(seen, None)


def landed(seen: Observation) -> Observed:
    return RecordLanding(seen, 40.0)


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as made:
        yield made


@pytest.mark.rule("retention.lost", "record.deadlines")
def test_a_flight_for_which_no_recorder_ran_is_lost_once_with_every_stretch(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, RecordArrival, pool_entered, pool_left, landed)
    on_scene, behind_the_pool = flown.recorded()
    assert flown.looked(RECORDER_FIRST - SECOND) == [], "the recorder has the first word"
    for after in (RECORDER_FIRST, RECORDER_FIRST + MINUTE, 60 * MINUTE):
        lost = flown.looked(after)
        assert [(each.feed, each.range, each.detail) for each in lost] == [
            (flown.feed, on_scene, NOBODY_TOLD),
            (flown.feed, behind_the_pool, NOBODY_TOLD),
        ]
    (event, _) = [r for r in center.all_events() if isinstance(r.event, FootageLost)]
    assert event.envelope.actorid == "service-scheduler"
    # A recorder that comes back after all tells of the same.
    key, command = loss_key(flown.feed, on_scene), ReportLoss(flown.feed, on_scene, "the recorder was away")
    done(Retention(center.handler).report_loss(RECORDER, key, command, uuid4()))
    assert flown.looked(61 * MINUTE) == lost


def test_two_schedulers_tell_it_once(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, RecordArrival, landed)
    center.clock.step(RECORDER_FIRST)
    (due,) = Landings(center.handler).due_until(center.clock.now())
    both = [Scheduler(center.handler, lambda at: [due]) for _ in range(2)]
    for scheduler in both:
        scheduler.look()
    assert len(flown.looked(RECORDER_FIRST)) == 1


@pytest.mark.rule("retention.lost")
def test_a_flight_that_was_in_a_no_record_zone_all_the_while_has_lost_nothing(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, pool_entered, RecordArrival, landed)
    assert flown.recorded() == [] and flown.looked(60 * MINUTE) == []


def test_a_flight_that_the_policy_does_not_have_recorded_has_lost_nothing(center: SmallCenter) -> None:
    adopted(center, RECORD_ON_APPROVAL_KEEP_2_YEARS)
    flown = Flown(center)
    flown.saw(launched, RecordArrival, landed)
    assert flown.recorded() == [] and flown.looked(60 * MINUTE) == []


def test_what_the_recorder_tells_of_is_accounted_for(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, RecordArrival, pool_entered, pool_left, landed)
    on_scene, behind_the_pool = flown.recorded()
    # The first picture comes late, and the last one before the landing is on the record.
    flown.there_is(Range(on_scene.since + 4 * SECOND, behind_the_pool.until - 3 * SECOND))
    assert flown.looked(60 * MINUTE) == []


@pytest.mark.rule("retention.lost")
def test_what_is_behind_the_last_that_the_recorder_told_of_is_lost(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, RecordArrival, pool_entered, pool_left, landed)
    on_scene, behind_the_pool = flown.recorded()
    flown.there_is(Range(on_scene.since, on_scene.since + 20 * SECOND))
    gone = Range(on_scene.since + 20 * SECOND, on_scene.since + 40 * SECOND)
    key, command = loss_key(flown.feed, gone), ReportLoss(flown.feed, gone, "no picture came")
    done(Retention(center.handler).report_loss(RECORDER, key, command, uuid4()))
    # Another flight, whose name begins with the name of this one.
    other = FeedId(StreamId(f"{flown.feed}-2"))
    key, command = loss_key(other, behind_the_pool), ReportLoss(other, behind_the_pool, "no picture came")
    done(Retention(center.handler).report_loss(RECORDER, key, command, uuid4()))
    lost = [each.range for each in flown.looked(60 * MINUTE) if each.feed == flown.feed]
    assert lost == [gone, Range(gone.until, on_scene.until), behind_the_pool]


def test_a_landing_of_long_ago_is_left_alone(center: SmallCenter) -> None:
    flown = Flown(center)
    flown.saw(launched, RecordArrival, landed)
    assert flown.looked(timedelta(days=9)) == []
