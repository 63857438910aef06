"""A camera: put up, moved, masked, seen to work and not to work, taken down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.camera import (
    CAMERA,
    CameraInstalled,
    CameraMaskChanged,
    CameraMoved,
    CameraOffline,
    CameraOnline,
    CameraRetired,
    ChangeMask,
    Command,
    Event,
    FeedStanding,
    InstallCamera,
    Installed,
    MoveCamera,
    NoteOffline,
    NoteOnline,
    NotInstalled,
    RetireCamera,
    Retired,
    State,
    feed_standing,
)
from domain.kernel import CameraId, FeedId, InvalidValue, NotFound, PersonId, Place, StreamId, WrongState
from tests.domain.scenario import NOW, Asked, Scenario

given = Scenario(CAMERA)
PARK, QUAN = CameraId("plummer-park-1"), PersonId("r.quan")
FEED = FeedId(StreamId("camera-plummer-park-1"))
HERE, THERE = Place(34.0927, -118.3511), Place(34.0928, -118.3512)
install = InstallCamera(PARK, " Plummer Park, north ", HERE, 6.5, 270.0, QUAN)
installed = CameraInstalled("Plummer Park, north", HERE, 6.5, 270.0, QUAN)
online = CameraOnline(NOW)
POOL = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5))


def test_a_camera_is_installed_once() -> None:
    given().when(install).then(installed)
    given(installed).when(install).then_raises(WrongState, "camera")
    given(installed, CameraRetired("replaced", QUAN)).when(install).then_raises(WrongState, "camera")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"height_m": 400.0}, "height_m"), ({"bearing_deg": -1.0}, "bearing_deg"), ({"name": ""}, "name")],
)
def test_where_a_camera_hangs_must_be_possible(wrong: dict[str, object], field: str) -> None:
    given().when(replace(install, **wrong)).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_a_moved_camera_says_why() -> None:
    move = MoveCamera(PARK, THERE, 7.0, 180.0, "tree has grown", QUAN)
    given(installed).when(move).then(CameraMoved(THERE, 7.0, 180.0, "tree has grown", QUAN))
    given(installed).when(replace(move, reason="")).then_raises(InvalidValue, "reason")
    given().when(move).then_raises(NotFound, "camera")


@pytest.mark.rule("flight.camera_outage")
def test_every_outage_of_a_camera_is_on_record_once() -> None:
    off = NoteOffline(PARK, NOW, "no packets\x00 for 5 s")
    given(installed).when(NoteOnline(PARK, NOW)).then(online)
    given(installed, online).when(NoteOnline(PARK, NOW)).then_nothing()
    given(installed, online).when(off).then(CameraOffline(NOW, "no packets  for 5 s"))
    given(installed).when(off).then_nothing()


@pytest.mark.rule("flight.camera_outage")
def test_a_mask_is_drawn_whole_and_with_a_reason() -> None:
    change = ChangeMask(PARK, (POOL,), "windows of the flats", QUAN)
    given(installed).when(change).then(CameraMaskChanged((POOL,), "windows of the flats", QUAN))
    for outlines in ((POOL[:2],), (((0.0, 0.0), (1.2, 0.0), (1.0, 1.0)),), (POOL,) * 33):
        given(installed).when(replace(change, outlines=outlines)).then_raises(InvalidValue, "outlines")


def test_a_retired_camera_stays_retired() -> None:
    given(installed).when(RetireCamera(PARK, "replaced", QUAN)).then(CameraRetired("replaced", QUAN))
    retired = given(installed, CameraRetired("replaced", QUAN))
    retired.when(NoteOnline(PARK, NOW)).then_raises(WrongState)


@pytest.mark.rule("view.picture_there")
def test_a_feed_without_a_picture_says_why() -> None:
    def code(*happened: object) -> str | None:
        fault = feed_standing(FEED, given(*happened).state).fault  # type: ignore[arg-type]
        return fault.code if fault else None

    assert code() == "feed_unknown"
    assert code(installed) == code(installed, online, CameraOffline(NOW, "")) == "feed_offline"
    assert code(installed, online) is None
    assert code(installed, online, CameraRetired("replaced", QUAN)) == "feed_retired"


# -- limits, and what is kept ----------------------------------------------------------


def test_a_camera_hangs_between_the_ground_and_a_hundred_metres_and_looks_anywhere() -> None:
    move = MoveCamera(PARK, THERE, 7.0, 180.0, "tree has grown", QUAN)
    for field, low, high in (("height_m", 0, 100), ("bearing_deg", 0, 360)):
        for value in (low, high):
            given().when(replace(install, **{field: value})).then(replace(installed, **{field: value}))  # type: ignore[arg-type]
        for value in (low - 1, high + 1):
            wrong = given().when(replace(install, **{field: value}))  # type: ignore[arg-type]
            assert (wrong.then_raises(InvalidValue, field).accepted or "").startswith(f"{low} to {high} ")
            given(installed).when(replace(move, **{field: value})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    given().when(replace(install, camera=CameraId("?"))).then_raises(InvalidValue, "camera")
    given().when(replace(install, name="x" * 120)).then(replace(installed, name="x" * 120))
    given().when(replace(install, name="x" * 121)).then_raises(InvalidValue, "name")


def test_a_change_of_a_camera_has_a_reason_of_some_length() -> None:
    retire = RetireCamera(PARK, "xxx", QUAN)
    for length in (3, 500):
        given(installed).when(replace(retire, reason="x" * length)).then(CameraRetired("x" * length, QUAN))
    for length in (2, 501):
        given(installed).when(replace(retire, reason="x" * length)).then_raises(InvalidValue, "reason")
    change = ChangeMask(PARK, (POOL,), "x", QUAN)
    given(installed).when(change).then_raises(InvalidValue, "reason")


@pytest.mark.rule("flight.camera_outage")
def test_a_mask_has_so_many_outlines_of_so_many_corners_within_the_picture() -> None:
    def mask(*outlines: tuple[tuple[float, float], ...]) -> Asked[Command, Event, State]:
        return given(installed).when(ChangeMask(PARK, outlines, "windows of the flats", QUAN))

    ring = tuple((n / 64, 0.5) for n in range(64))
    for outlines in ((), (POOL,) * 32, (ring,), (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),)):
        mask(*outlines).then(CameraMaskChanged(outlines, "windows of the flats", QUAN))
    outside = [((0.1, 0.1), corner, (0.4, 0.5)) for corner in ((-0.1, 0.1), (1.1, 0.1), (0.1, -0.1), (0.1, 1.1))]
    for outlines in (((*ring, (1.0, 0.5)),), ((*POOL[:2],),), (POOL, POOL[:2]), *((outline,) for outline in outside)):
        mask(*outlines).then_raises(InvalidValue, "outlines")


def test_when_a_camera_was_seen_has_its_zone() -> None:
    naive = NOW.replace(tzinfo=None)
    given(installed).when(NoteOnline(PARK, naive)).then_raises(InvalidValue, "observed_at")
    given(installed, online).when(NoteOffline(PARK, naive, "")).then_raises(InvalidValue, "observed_at")


@pytest.mark.rule("view.picture_there")
def test_a_fault_of_a_feed_names_the_feed() -> None:
    for happened in ((), (installed,), (installed, CameraRetired("replaced", QUAN))):
        standing = feed_standing(FEED, given(*happened).state)
        assert standing.feed == FEED
        assert standing.fault is not None and standing.fault.field == "feed"
    assert feed_standing(FEED, given(installed, online).state) == FeedStanding(FEED, None)


def test_what_a_camera_is_follows_from_what_happened_to_it() -> None:
    masked, moved = CameraMaskChanged((POOL,), "windows", QUAN), CameraMoved(THERE, 7.0, 180.0, "tree has grown", QUAN)
    assert given(installed, masked).state == Installed(False, (POOL,))
    assert given(installed, online, masked, moved).state == Installed(True, (POOL,))
    assert given(installed, masked, online, CameraOffline(NOW, "")).state == Installed(False, (POOL,))
    assert given(online).state == given(masked).state == NotInstalled()
    retired = CameraRetired("replaced", QUAN)
    assert given(installed, retired, online, masked).state == Retired()
