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
    InstallCamera,
    MoveCamera,
    NoteOffline,
    NoteOnline,
    RetireCamera,
    feed_standing,
)
from domain.kernel import CameraId, FeedId, InvalidValue, NotFound, PersonId, Place, StreamId, WrongState
from tests.domain.scenario import NOW, Scenario

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
