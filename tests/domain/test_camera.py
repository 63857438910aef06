"""A camera: put up, moved, masked, seen to work and not to work, taken down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import atan2, cos, degrees, hypot, radians

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.camera import (
    CAMERA,
    MASK_AFTER_MOVE,
    METRES_PER_DEGREE,
    WHOLE_PICTURE,
    CameraInstalled,
    CameraMaintained,
    CameraMaskChanged,
    CameraMoved,
    CameraOffline,
    CameraOnline,
    CameraRenamed,
    CameraRetired,
    ChangeMask,
    Command,
    DrawFieldOfView,
    Event,
    FeedStanding,
    FieldOfViewDrawn,
    InstallCamera,
    Installed,
    MoveCamera,
    NameStreamSource,
    NoteMaintenance,
    NoteOffline,
    NoteOnline,
    NotInstalled,
    RenameCamera,
    RetireCamera,
    Retired,
    State,
    StreamSourceNamed,
    feed_standing,
    sector,
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
SEEN = (HERE, Place(34.0927, -118.3515), Place(34.0931, -118.3515), HERE)
drawn = FieldOfViewDrawn(SEEN, "as surveyed", QUAN)


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


@pytest.mark.rule("camera.moved")
def test_a_camera_that_was_moved_sees_something_else_and_hides_all_of_it() -> None:
    move = MoveCamera(PARK, HERE, 6.5, 90.0, "turned to the playground", QUAN)
    masked = CameraMaskChanged((POOL,), "windows of the flats", QUAN)
    moved = CameraMoved(HERE, 6.5, 90.0, "turned to the playground", QUAN)
    covered = CameraMaskChanged((WHOLE_PICTURE,), MASK_AFTER_MOVE, QUAN)
    given(installed, drawn, masked).when(move).then(moved, covered)
    after = given(installed, drawn, masked).and_when(move).state
    assert isinstance(after, Installed)
    assert (after.field_of_view, after.outlines, after.bearing_deg) == (None, (WHOLE_PICTURE,), 90.0)
    given(installed, drawn).when(move).then(moved)  # nothing was hidden, and nothing is


@pytest.mark.rule("camera.field_of_view")
def test_a_field_of_view_is_closed_and_drawn_once() -> None:
    draw = DrawFieldOfView(PARK, SEEN, "as surveyed", QUAN)
    given(installed).when(draw).then(drawn)
    given(installed, drawn).when(draw).then_raises(InvalidValue, "outline")
    given(installed).when(replace(draw, reason="")).then_raises(InvalidValue, "reason")
    given().when(draw).then_raises(NotFound, "camera")
    for outline in (SEEN[:3], SEEN[:2], (HERE, THERE, HERE, HERE), (HERE, *SEEN[1:3] * 32, HERE)):
        given(installed).when(replace(draw, outline=outline)).then_raises(InvalidValue, "outline")


@any_of(st.floats(0, 360), st.floats(1, 360), st.floats(5, 500))
def test_a_sector_is_closed_and_reaches_as_far_as_said(bearing: float, angle: float, range_m: float) -> None:
    outline = sector(HERE, bearing, angle, range_m)
    assert outline[0] == outline[-1] and 4 <= len(outline) <= 64
    east = METRES_PER_DEGREE * cos(radians(HERE.latitude))
    arc = outline if angle == 360 else outline[1:-1]
    for corner in arc:
        away = hypot((corner.longitude - HERE.longitude) * east, (corner.latitude - HERE.latitude) * METRES_PER_DEGREE)
        assert abs(away - range_m) < 0.03


def test_a_sector_looks_where_the_camera_does() -> None:
    north_west, north_east = sector(HERE, 0.0, 90.0, 100.0)[1], sector(HERE, 0.0, 90.0, 100.0)[-2]
    assert north_west.latitude > HERE.latitude and north_west.longitude < HERE.longitude < north_east.longitude
    for angle, range_m, field in ((0.5, 50.0, "view_angle_deg"), (90.0, 501.0, "view_range_m")):
        with pytest.raises(InvalidValue) as wrong:
            sector(HERE, 0.0, angle, range_m)
        assert wrong.value.field == field


@pytest.mark.rule("camera.secret")
@pytest.mark.parametrize("secret", ["", "rtsp://admin:secret@10.0.0.7/1", "Admin", "a b", "x" * 65, "-x"])
def test_where_a_stream_is_fetched_is_a_name_and_never_an_address(secret: str) -> None:
    name = NameStreamSource(PARK, "plummer-park-1", "Axis P3265\x00", QUAN)
    given(installed).when(name).then(StreamSourceNamed("plummer-park-1", "Axis P3265", QUAN))
    mistake = given(installed).when(replace(name, secret=secret)).then_raises(InvalidValue, "secret")
    assert not secret or secret not in f"{mistake.message} {mistake.accepted}".split()


@pytest.mark.rule("camera.maintained")
def test_work_on_a_camera_is_recorded_with_when_it_is_due_again() -> None:
    today, later = NOW.date(), NOW.date() + timedelta(days=180)
    work = NoteMaintenance(PARK, "dome cleaned", today, later, QUAN)
    given(installed).when(work).then(CameraMaintained("dome cleaned", today, later, QUAN))
    given(installed).when(replace(work, next_due_on=None)).then(CameraMaintained("dome cleaned", today, None, QUAN))
    given(installed).when(replace(work, done_on=later)).then_raises(InvalidValue, "done_on")
    given(installed).when(replace(work, next_due_on=today)).then_raises(InvalidValue, "next_due_on")
    given(installed).when(replace(work, work="")).then_raises(InvalidValue, "work")


def test_a_camera_gets_another_name_with_a_reason() -> None:
    rename = RenameCamera(PARK, "Plummer Park, gate", "the gate was built", QUAN)
    given(installed).when(rename).then(CameraRenamed("Plummer Park, gate", "the gate was built", QUAN))
    given(installed).when(replace(rename, name="Plummer Park, north ")).then_raises(InvalidValue, "name")
    given(installed).when(replace(rename, reason="")).then_raises(InvalidValue, "reason")


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
    new = Installed("Plummer Park, north", HERE, 6.5, 270.0)
    assert given(installed).state == new
    assert given(installed, masked).state == replace(new, outlines=(POOL,))
    there = replace(new, place=THERE, height_m=7.0, bearing_deg=180.0, online=True, outlines=(POOL,))
    assert given(installed, online, masked, drawn, moved).state == there
    assert given(installed, masked, online, CameraOffline(NOW, "")).state == replace(new, outlines=(POOL,))
    renamed, named = CameraRenamed("Gate", "signs", QUAN), StreamSourceNamed("plummer-1", "", QUAN)
    assert given(installed, renamed, named, drawn).state == replace(
        new, name="Gate", secret="plummer-1", field_of_view=SEEN
    )
    assert given(online).state == given(masked).state == NotInstalled()
    retired = CameraRetired("replaced", QUAN)
    assert given(installed, retired, online, masked).state == Retired()


def bearings(outline: tuple[Place, ...]) -> list[float]:
    """Where the corners lie from the camera, degrees clockwise from north."""
    east = METRES_PER_DEGREE * cos(radians(HERE.latitude))
    towards = (
        atan2((corner.longitude - HERE.longitude) * east, (corner.latitude - HERE.latitude) * METRES_PER_DEGREE)
        for corner in outline
    )
    return [degrees(angle) % 360 for angle in towards]


@pytest.mark.parametrize(("angle", "corners"), [(1, 2), (15, 2), (15.5, 3), (16, 3), (30, 3), (31, 4), (90, 7)])
def test_an_arc_is_cut_into_steps_of_at_most_fifteen_degrees(angle: float, corners: int) -> None:
    outline = sector(HERE, 90.0, angle, 500.0)
    assert (outline[0], outline[-1]) == (HERE, HERE)
    assert len(outline) == corners + 2
    arc = bearings(outline[1:-1])
    assert (arc[0], arc[-1]) == pytest.approx((90 - angle / 2, 90 + angle / 2), abs=0.01)


def test_a_camera_that_looks_all_round_sees_a_ring() -> None:
    ring = sector(HERE, 0.0, 360.0, 5.0)
    assert HERE not in ring and ring[0] == ring[-1]
    assert all(corner == Place(round(corner.latitude, 7), round(corner.longitude, 7)) for corner in ring)
    assert [round(towards) % 360 for towards in bearings(ring)] == [(180 + 15 * n) % 360 for n in range(25)]
    almost = sector(HERE, 0.0, 359.0, 500.0)
    assert almost[0] == almost[-1] == HERE and len(almost) == 27


def test_a_field_of_view_has_so_many_points_and_upkeep_so_many_words() -> None:
    points = tuple(Place(34.09 + n / 10_000, -118.35 - (n % 2) / 10_000) for n in range(64))
    draw = DrawFieldOfView(PARK, (*points[:63], points[0]), "as surveyed", QUAN)
    assert given(installed).when(draw).events()
    given(installed).when(replace(draw, outline=(*points, points[0]))).then_raises(InvalidValue, "outline")
    work = NoteMaintenance(PARK, "dome cleaned", NOW.date(), None, QUAN)
    for length in (3, 500):
        assert given(installed).when(replace(work, work="x" * length)).events()
    for length in (2, 501):
        given(installed).when(replace(work, work="x" * length)).then_raises(InvalidValue, "work")
