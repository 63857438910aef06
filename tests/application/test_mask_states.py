"""What is hidden of a picture, asked of the real store with a stepped clock: by feed, moment, person and override."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from adapters.geometry import CountyGeometry
from adapters.heartbeats import PostgresHeartbeats
from application.cameras import Cameras
from application.handling import Actor, Mistaken, Refused
from application.mask_states import EVERYTHING, MaskState, MaskStates, mask_at
from application.masks import Angles, Errors, Lens, Mount, View
from application.overrides import Overrides
from application.retention import Retention
from application.standing import service
from application.views import Views
from application.zones import Zones
from domain.camera import WHOLE_PICTURE, ChangeMask, InstallCamera, MoveCamera, NoteOnline, Outline, RetireCamera
from domain.flight_events import ZoneRule
from domain.footage import RecordFootage
from domain.grounds import Grounds
from domain.kernel import CameraId, CaseNumber, FeedId, FlightId, FootageId, PersonId, Place, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Role
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import OverrideUsed, Range
from domain.privacy_zone import DrawZone, RedrawZone, RetireZone, Shape
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.application.test_overrides import asked_for

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PLAZA = FeedId(StreamId("camera-plaza"))
WINDOW: Outline = ((0.2, 0.2), (0.4, 0.2), (0.4, 0.5))
DOOR: Outline = ((0.6, 0.6), (0.8, 0.6), (0.8, 0.9))
CORNERS = (Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507), Place(34.0912, -118.3516))
POOL = Shape((*CORNERS, CORNERS[0]), 60.0, ZoneRule.MASK)
YARD = replace(POOL, outline=(*CORNERS[:3], CORNERS[0]))
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
WHY, REASON = "a neighbour asked for it", "a burglar went over the pool's wall"
GROUNDS = Grounds("call_for_service", "a burglar went over the wall of the pool", case=CaseNumber("C-7"))


class Masked:
    """A center with a camera, a deputy who watches, another one, and a sergeant who approves."""

    def __init__(self, center: SmallCenter, heartbeats: PostgresHeartbeats) -> None:
        self.center, self.states = center, MaskStates(center.handler)
        self.views, self.cameras = Views(center.handler, heartbeats), Cameras(center.handler)
        self.overrides, self.zones = Overrides(center.handler), Zones(center.handler)
        self.zones.geometry = CountyGeometry()
        put_up = InstallCamera(CameraId("plaza"), "Plaza", Place(34.09, -118.3617), 6.0, 90.0, PersonId(ADMIN))
        done(self.cameras.change(center.signed_on(ADMIN), put_up))
        done(self.cameras.change(service("service-recorder"), NoteOnline(CameraId("plaza"), center.clock.now())))
        self.dee = center.signed_on(center.enrolled("dee", Role.WATCH_OPERATOR))
        self.eve = center.signed_on(center.enrolled("eve", Role.WATCH_OPERATOR))
        center.enrolled("sam", Role.WATCH_SUPERVISOR)
        self.step(HOUR)

    def step(self, by: timedelta) -> datetime:
        """A sign-on lasts eight hours: for longer, sign on again."""
        self.center.clock.step(by)
        return self.center.clock.now()

    def draw(self, *outlines: Outline) -> None:
        mask = ChangeMask(CameraId("plaza"), outlines, WHY, PersonId(ADMIN))
        done(self.cameras.change(self.center.signed_on(ADMIN), mask))

    def zone(self, key: str, shape: Shape) -> None:
        done(
            self.zones.change(
                self.center.signed_on(CAPTAIN),
                key,
                DrawZone(key, shape, "people swim here in private", PersonId(CAPTAIN)),
            )
        )

    def granted(
        self, target: str, by: Actor | None = None, *, flight: str | None = None, range_: Range | None = None
    ) -> str:
        now = self.center.clock.now()
        plan = OverridePlan(
            "",
            StreamId(target),
            range_ or Range(now, now + 2 * HOUR),
            "call_for_service",
            30,
            case=CaseNumber("C-7"),
            flight=FlightId(flight) if flight else None,
        )
        key = done(self.overrides.request(by or self.dee, plan, WARRANT, REASON)).key
        done(self.overrides.approve(self.center.signed_on("sam"), key))
        return key

    def footage(self, range_: Range, feed: FeedId = PLAZA) -> FootageId:
        key = FootageId(f"f-{uuid4()}")
        command = RecordFootage(feed, range_, 30, 9_000_000, "a" * 64, f"key-{key}")
        done(Retention(self.center.handler).record(service("service-recorder"), key, command, uuid4()))
        return key

    def uses(self, override: str) -> list[OverrideUsed]:
        return [r.event for r in self.center.events(f"override-{override}") if isinstance(r.event, OverrideUsed)]


@pytest.fixture
def masked(database_url: str) -> Iterator[Masked]:
    with small_center(database_url) as center, PostgresHeartbeats(database_url) as heartbeats:
        yield Masked(center, heartbeats)


# -- live --------------------------------------------------------------------


@pytest.mark.rule("mask.in_force")
def test_a_camera_shows_what_its_mask_does_not_hide_now(masked: Masked) -> None:
    assert masked.states.live(PLAZA, "dee") == MaskState() and masked.states.live(PLAZA, "dee").nothing_hidden
    masked.draw(WINDOW, DOOR)
    assert set(masked.states.live(PLAZA, "dee").outlines) == {WINDOW, DOOR}
    masked.draw(DOOR)
    assert masked.states.live(PLAZA, "dee") == MaskState((DOOR,))
    move = MoveCamera(CameraId("plaza"), Place(34.09, -118.3617), 6.0, 180.0, "the pole was hit", PersonId(ADMIN))
    done(masked.cameras.change(masked.center.signed_on(ADMIN), move))
    assert masked.states.live(PLAZA, "dee") == EVERYTHING


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize("feed", ["camera-nobody-put-up", "import-0123456789abcdef", "dock-roof", "x"])
def test_of_a_feed_that_nobody_drew_a_mask_for_everything_is_hidden(masked: Masked, feed: str) -> None:
    assert masked.states.live(FeedId(StreamId(feed)), "dee") == EVERYTHING


@pytest.mark.rule("mask.lifted")
def test_a_mask_is_lifted_for_who_was_given_the_override_while_it_is_in_effect(masked: Masked) -> None:
    masked.draw(WINDOW)
    hidden, key = masked.states.live(PLAZA, "dee"), masked.granted(PLAZA)
    lifted = masked.states.live(PLAZA, "dee", key)
    assert lifted == MaskState(lifted_by=key) and lifted.lifted_until == masked.center.clock.now() + 30 * MINUTE
    assert masked.states.live(PLAZA, "eve", key) == masked.states.live(PLAZA, "dee") == hidden
    for nothing in ("never-asked-for", "", "\x00", "a b"):
        assert masked.states.live(PLAZA, "dee", nothing) == hidden
    masked.step(30 * MINUTE)  # it has ended, also while nobody has recorded that
    assert masked.states.live(PLAZA, "dee", key) == hidden


@pytest.mark.rule("mask.lifted")
def test_an_override_of_something_else_or_of_another_time_lifts_nothing(masked: Masked) -> None:
    masked.draw(WINDOW)
    now, hidden = masked.center.clock.now(), masked.states.live(PLAZA, "dee")
    footage = masked.footage(Range(now - HOUR, now))
    later = masked.granted(PLAZA, range_=Range(now + 10 * MINUTE, now + HOUR))
    past = masked.granted(PLAZA, range_=Range(now - HOUR, now))
    for key in (masked.granted(f"footage-{footage}"), later, past):
        assert masked.states.live(PLAZA, "dee", key) == hidden
    masked.step(10 * MINUTE)
    assert masked.states.live(PLAZA, "dee", later).nothing_hidden
    shorter = masked.granted(PLAZA, range_=Range(now, now + 12 * MINUTE))
    assert masked.states.live(PLAZA, "dee", shorter).lifted_until == now + 12 * MINUTE


@pytest.mark.rule("mask.lifted")
def test_the_use_of_an_override_is_on_the_record_before_a_live_picture_is_unmasked(masked: Masked) -> None:
    masked.draw(WINDOW)
    view, key = done(masked.views.request(masked.dee, PLAZA, GROUNDS)).key, masked.granted(PLAZA)
    now = masked.center.clock.now()
    done(masked.states.lift(masked.dee, view, key))
    assert masked.uses(key) == [
        OverrideUsed(StreamId(f"liveview-{view}"), Range(now, now + 30 * MINUTE), PersonId("dee"), 1)
    ]
    recorded = masked.center.events(f"override-{key}")[-1]
    assert (recorded.envelope.actorid, recorded.envelope.casenumber) == ("dee", "C-7")


@pytest.mark.rule("mask.lifted")
def test_who_has_no_view_or_no_override_in_effect_lifts_nothing(masked: Masked) -> None:
    masked.draw(WINDOW)
    view, key = done(masked.views.request(masked.dee, PLAZA, GROUNDS)).key, masked.granted(PLAZA)
    others = done(masked.views.request(masked.eve, PLAZA, GROUNDS)).key
    told = [
        masked.states.lift(masked.eve, view, key),
        masked.states.lift(masked.eve, others, key),
        masked.states.lift(masked.dee, others, key),
        masked.states.lift(masked.dee, view, "never-asked-for"),
        masked.states.lift(masked.dee, "no-view", key),
    ]
    done(masked.views.close(masked.dee, view))
    told.append(masked.states.lift(masked.dee, view, key))
    again = done(masked.views.request(masked.dee, PLAZA, GROUNDS)).key
    masked.step(30 * MINUTE)
    told.append(masked.states.lift(masked.dee, again, key))
    assert all(isinstance(each, Mistaken | Refused) for each in told), told
    assert masked.uses(key) == []


# -- drones ------------------------------------------------------------------


@pytest.mark.rule("mask.in_force")
def test_every_zone_that_is_drawn_is_hidden_in_a_drones_picture(masked: Masked) -> None:
    flight = FeedId(StreamId(f"flight-{asked_for(masked.center, masked.dee)}"))
    assert masked.states.live(flight, "dee").nothing_hidden
    masked.zone("pool", POOL)
    masked.zone("yard", YARD)
    assert set(masked.states.live(flight, "dee").zones) == {POOL, YARD}
    retire = RetireZone("the pool was filled in years ago", PersonId(CAPTAIN))
    done(masked.zones.change(masked.center.signed_on(CAPTAIN), "pool", retire))
    assert masked.states.live(flight, "dee").zones == (YARD,)


@pytest.mark.rule("mask.lifted")
def test_a_zone_is_lifted_for_one_flight_and_one_person_and_the_others_stay_hidden(masked: Masked) -> None:
    masked.zone("pool", POOL)
    masked.zone("yard", YARD)
    flight, other = (asked_for(masked.center, masked.dee) for _ in range(2))
    feed, elsewhere = (FeedId(StreamId(f"flight-{key}")) for key in (flight, other))
    key, whole = masked.granted("zone-pool", flight=flight), masked.granted(f"flight-{flight}")
    assert masked.states.live(feed, "dee", key) == MaskState(zones=(YARD,), lifted_by=key)
    assert set(masked.states.live(feed, "eve", key).zones) == {POOL, YARD}
    assert set(masked.states.live(elsewhere, "dee", key).zones) == {POOL, YARD}
    assert masked.states.live(elsewhere, "dee", key).lifted_by is None
    assert masked.states.live(feed, "dee", whole) == MaskState(lifted_by=whole)
    assert set(masked.states.live(elsewhere, "dee", whole).zones) == {POOL, YARD}


VIEW = View(Place(34.0915, -118.353), 60.0, Angles(90.0, 0.0, 0.0), Angles(90.0, -20.0, 0.0), Mount.EARTH, Lens(60, 36))


@pytest.mark.rule("mask.fails_closed")
def test_zones_are_hidden_where_they_are_seen_from_and_everything_where_that_is_not_known(masked: Masked) -> None:
    now, state = masked.center.clock.now(), MaskState((DOOR,), (POOL,))
    outlines = mask_at(state, lambda at: (VIEW, Errors()) if at == now else None)(now)
    assert outlines is not None and len(outlines) == 2 and DOOR in outlines and WHOLE_PICTURE not in outlines
    assert mask_at(state, lambda _: None)(now) is None
    assert mask_at(state)(now) is None
    assert mask_at(MaskState((DOOR,)))(now) == (DOOR,) and mask_at(MaskState())(now) == ()


# -- footage -----------------------------------------------------------------


@pytest.mark.rule("mask.recorded")
def test_footage_is_hidden_under_the_masks_of_its_time_and_under_those_of_now(masked: Masked) -> None:
    before = masked.center.clock.now()
    masked.step(MINUTE)
    masked.draw(WINDOW)
    during = masked.step(MINUTE)
    footage = masked.footage(Range(before - MINUTE, during + 2 * MINUTE))
    assert hidden(masked, footage, during, during + 2 * SECOND) == {WINDOW}
    assert hidden(masked, footage, before - 30 * SECOND, before) == {WINDOW}  # it was drawn since, and protects
    masked.step(HOUR)
    masked.draw(DOOR)
    assert hidden(masked, footage, during, during + 2 * SECOND) == {WINDOW, DOOR}
    assert hidden(masked, footage, before - 30 * SECOND, before) == {DOOR}
    masked.draw()
    assert hidden(masked, footage, during, during + 2 * SECOND) == {WINDOW}  # it was taken away, and protects
    assert hidden(masked, footage, before - 30 * SECOND, before) == set()
    done(masked.cameras.change(masked.center.signed_on(ADMIN), RetireCamera(CameraId("plaza"), WHY, PersonId(ADMIN))))
    assert hidden(masked, footage, during, during + 2 * SECOND) == {WINDOW}


@pytest.mark.rule("mask.recorded")
def test_a_mask_that_changed_within_a_stretch_hides_all_of_it_whatever_two_clocks_say(masked: Masked) -> None:
    masked.draw(WINDOW)
    turn = masked.step(MINUTE)
    masked.draw(DOOR)
    footage = masked.footage(Range(turn - MINUTE, turn + MINUTE))
    for since in (turn - 30 * SECOND, turn - SECOND, turn + 5 * SECOND):
        assert hidden(masked, footage, since, since + 2 * SECOND) == {WINDOW, DOOR}
    assert hidden(masked, footage, turn + 30 * SECOND, turn + 32 * SECOND) == {DOOR}


@pytest.mark.rule("mask.recorded", "mask.lifted")
def test_footage_is_unmasked_under_an_override_of_it_and_of_all_of_the_stretch(masked: Masked) -> None:
    masked.draw(WINDOW)
    until = masked.step(HOUR)
    whole, part = Range(until - HOUR, until), Range(until - HOUR, until - 30 * MINUTE)
    footage, other = masked.footage(whole), masked.footage(whole)
    key = masked.granted(f"footage-{footage}", range_=part)
    stretch = Range(part.since, part.since + 4 * SECOND)
    assert masked.states.recorded(footage, stretch, "dee", key) == MaskState(lifted_by=key)
    assert masked.states.recorded(footage, part, "dee", key).nothing_hidden
    beyond = Range(part.until - SECOND, part.until + SECOND)
    kept = [
        masked.states.recorded(footage, stretch, "eve", key),
        masked.states.recorded(other, stretch, "dee", key),
        masked.states.recorded(footage, beyond, "dee", key),
        masked.states.recorded(footage, stretch, "dee", masked.granted(PLAZA, range_=whole)),
    ]
    masked.step(30 * MINUTE)
    kept.append(masked.states.recorded(footage, stretch, "dee", key))
    assert all(state == MaskState((WINDOW,)) for state in kept), kept


@pytest.mark.rule("mask.recorded")
def test_a_drones_footage_is_hidden_under_the_zones_of_its_time_and_under_those_of_now(masked: Masked) -> None:
    feed = FeedId(StreamId(f"flight-{asked_for(masked.center, masked.dee)}"))
    masked.zone("pool", POOL)
    during = masked.step(MINUTE)
    footage = masked.footage(Range(during, during + MINUTE), feed)
    stretch = Range(during, during + 2 * SECOND)
    masked.step(MINUTE)
    smaller = replace(YARD, ceiling_agl_m=30.0)
    done(
        masked.zones.change(
            masked.center.signed_on(CAPTAIN),
            "pool",
            RedrawZone(smaller, "the neighbours agreed to it", PersonId(CAPTAIN)),
        )
    )
    assert set(masked.states.recorded(footage, stretch, "dee").zones) == {POOL, smaller}
    done(
        masked.zones.change(
            masked.center.signed_on(CAPTAIN), "pool", RetireZone("the pool was filled in", PersonId(CAPTAIN))
        )
    )
    assert masked.states.recorded(footage, stretch, "dee").zones == (POOL,)
    masked.step(MINUTE)
    masked.zone("yard", YARD)
    assert set(masked.states.recorded(footage, stretch, "dee").zones) == {POOL, YARD}


@pytest.mark.rule("mask.fails_closed")
def test_of_footage_that_nobody_knows_or_of_no_feed_of_ours_everything_is_hidden(masked: Masked) -> None:
    now = masked.center.clock.now()
    stretch = Range(now - MINUTE, now)
    assert masked.states.recorded(FootageId("none"), stretch, "dee") == EVERYTHING
    handed_over = masked.footage(stretch, FeedId(StreamId("import-0123456789abcdef")))
    assert masked.states.recorded(handed_over, stretch, "dee") == EVERYTHING
    key = masked.granted(f"footage-{handed_over}", range_=stretch)
    assert masked.states.recorded(handed_over, stretch, "dee", key).nothing_hidden


def hidden(masked: Masked, footage: FootageId, since: datetime, until: datetime) -> set[Outline]:
    found = set(masked.states.recorded(footage, Range(since, until), "dee").outlines)
    # Who asks for the first time, and reads the whole stream at once, is told the same.
    assert found == set(MaskStates(masked.center.handler).recorded(footage, Range(since, until), "dee").outlines)
    return found


# -- keys --------------------------------------------------------------------


def test_the_key_names_what_is_hidden_and_nothing_else() -> None:
    assert MaskState((WINDOW, DOOR)).key == MaskState((WINDOW, DOOR), lifted_by="an override").key
    several: Sequence[MaskState] = [
        MaskState(),
        MaskState((WINDOW,)),
        MaskState((DOOR,)),
        MaskState((WINDOW, DOOR)),
        MaskState(zones=(POOL,)),
        MaskState(zones=(replace(POOL, ceiling_agl_m=61.0),)),
        MaskState(zones=(YARD, POOL)),
        EVERYTHING,
    ]
    keys = [state.key for state in several]
    assert len(set(keys)) == len(several) and all(len(key) == 32 for key in keys)


def test_the_same_masks_are_the_same_state_in_whatever_order_they_were_drawn(masked: Masked) -> None:
    outlines = [WINDOW, DOOR, WHOLE_PICTURE]
    keys = set()
    for seed in range(4):
        random.Random(seed).shuffle(outlines)
        masked.draw(*outlines)
        keys.add(masked.states.live(PLAZA, "dee").key)
    assert len(keys) == 1
