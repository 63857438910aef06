"""Where a camera looks, by its gimbal's own word, in whichever way it says so."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.drone_gateway.poses import pose_of
from adapters.mavlink.dialect import mavlink
from adapters.mavlink.samples import sample_of
from adapters.mavlink.state import VehicleState
from adapters.mavlink.vehicle import FOLDS, Vehicle, angles_of
from application.masks import Angles, Lens, Mount, View, camera_axes
from domain.kernel import Place
from tests.application.test_masks import quaternion

MAVLINK = mavlink
STATUS = MAVLINK.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS
GIMBAL_COMPONENT = MAVLINK.MAV_COMP_ID_GIMBAL
NOW = 1_780_000_000_000_000


def heard(vehicle: Vehicle, number: int, component: int = GIMBAL_COMPONENT, **fields: object) -> VehicleState:
    assert number in FOLDS
    vehicle.fold(number, fields, component, NOW / 1e6, NOW)
    return vehicle.state


@settings(max_examples=300, deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
def test_a_rotation_comes_out_of_its_quaternion(yaw: float, pitch: float, roll: float) -> None:
    """Held against the axes that projections use, also where yaw and roll are the same turn."""
    found = Angles(*angles_of(quaternion(Angles(yaw, pitch, roll)).tolist()))
    axes = [
        camera_axes(View(Place(0, 0), 0, Angles(0, 0, 0), angles, Mount.EARTH, Lens(60, 40)))
        for angles in (Angles(yaw, pitch, roll), found)
    ]
    assert np.allclose(axes[0], axes[1], atol=0.01)


@pytest.mark.parametrize(
    ("flags", "frame"),
    [
        (0, "horizon"),
        (MAVLINK.GIMBAL_DEVICE_FLAGS_YAW_LOCK, "earth"),
        (MAVLINK.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME, "earth"),
        (MAVLINK.GIMBAL_DEVICE_FLAGS_YAW_IN_VEHICLE_FRAME | MAVLINK.GIMBAL_DEVICE_FLAGS_YAW_LOCK, "horizon"),
    ],
)
def test_its_flags_say_against_what_it_measures(flags: int, frame: str) -> None:
    q = quaternion(Angles(30.0, -45.0, 1.0)).tolist()
    state = heard(Vehicle(), STATUS, flags=flags, q=q)
    assert (state.gimbal_yaw, state.gimbal_pitch, state.gimbal_roll) == (30.0, -45.0, 1.0)
    assert (state.gimbal_frame, state.gimbal_received) == (frame, NOW)


def test_what_is_no_rotation_is_not_taken() -> None:
    vehicle = Vehicle()
    for q in ([nan] * 4, [0.0] * 4):
        assert heard(vehicle, STATUS, flags=0, q=q).gimbal_received is None


def test_an_older_mount_says_it_in_angles_and_one_that_says_too_little_is_for_the_board_alone() -> None:
    vehicle = Vehicle()
    old = heard(vehicle, MAVLINK.MAVLINK_MSG_ID_MOUNT_STATUS, pointing_a=-4500, pointing_b=0, pointing_c=1000)
    assert (old.gimbal_pitch, old.gimbal_yaw, old.gimbal_received) == (-45.0, 10.0, None)
    orientation = {"roll": 0.0, "pitch": -30.0, "yaw": 5.0, "yaw_absolute": 95.0}
    state = heard(vehicle, MAVLINK.MAVLINK_MSG_ID_MOUNT_ORIENTATION, **orientation)
    assert (state.gimbal_pitch, state.gimbal_yaw, state.gimbal_frame) == (-30.0, 5.0, "horizon")
    assert heard(vehicle, MAVLINK.MAVLINK_MSG_ID_MOUNT_STATUS, pointing_a=0, pointing_c=0).gimbal_pitch == -30.0


def test_the_pose_of_a_camera_is_made_of_what_was_heard() -> None:
    vehicle = Vehicle()
    state = vehicle.state
    assert pose_of(sample_of(state, NOW)) is None, "without a position there is none"
    state.latitude, state.longitude, state.heading = 34.09, -118.36, 271.0
    state.velocity_north, state.velocity_down = 3.0, -1.0
    bare = pose_of(sample_of(state, NOW))
    assert bare is not None and bare.view() is None and bare.velocity.up == 1.0
    state.pitch, state.roll, state.attitude_received = 2.0, -1.0, NOW
    state.height_above_terrain, state.terrain_source, state.terrain_received = 40.0, "TERRAIN_REPORT", NOW
    heard(vehicle, STATUS, flags=MAVLINK.GIMBAL_DEVICE_FLAGS_YAW_IN_EARTH_FRAME, q=[1.0, 0.0, 0.0, 0.0])
    heard(vehicle, MAVLINK.MAVLINK_MSG_ID_CAMERA_FOV_STATUS, MAVLINK.MAV_COMP_ID_CAMERA, hfov=64.0, vfov=nan)
    assert state.camera_received is None, "half of it is nothing"
    heard(vehicle, MAVLINK.MAVLINK_MSG_ID_CAMERA_FOV_STATUS, MAVLINK.MAV_COMP_ID_CAMERA, hfov=64.0, vfov=39.0)
    whole = pose_of(sample_of(state, NOW + 100_000))
    assert whole is not None
    expected = View(
        Place(34.09, -118.36), 40.0, Angles(271.0, 2.0, -1.0), Angles(0, 0, 0), Mount.EARTH, Lens(64.0, 39.0)
    )
    assert whole.view() == expected
    late = pose_of(sample_of(state, NOW + 2_000_000))
    assert late is not None and late.view() is None, "what the gimbal said two seconds ago is not known any more"
