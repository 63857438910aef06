"""From what a gateway samples of a vehicle to the pose of its camera. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.drone_gateway.zones import height_of
from adapters.mavlink.samples import Sample
from application.masks import Angles, Lens, Mount
from application.poses import Pose
from application.zones import Velocity
from domain.kernel import Place


def pose_of(sample: Sample) -> Pose | None:
    """None where there is no position in it."""
    at = _moment(sample["received_time"])
    latitude, longitude = _figure(sample["latitude"]), _figure(sample["longitude"])
    if at is None or latitude is None or longitude is None:
        return None
    velocity = Velocity(
        _figure(sample["velocity_north"]) or 0.0,
        _figure(sample["velocity_east"]) or 0.0,
        -(_figure(sample["velocity_down"]) or 0.0),
    )
    lens = None
    if (across := _figure(sample["camera_horizontal"])) and (upright := _figure(sample["camera_vertical"])):
        lens = Lens(across, upright)
    return Pose(
        at=at,
        device_time=_moment(sample["device_time"]),
        place=Place(latitude, longitude),
        altitude_amsl_m=_figure(sample["altitude_amsl"]),
        above_home_m=_figure(sample["altitude_above_home"]),
        height=height_of(sample),
        velocity=velocity,
        airframe=_angles(sample["heading"], sample["pitch"], sample["roll"]),
        airframe_at=_moment(sample["attitude_received_time"]),
        gimbal=_angles(sample["gimbal_yaw"], sample["gimbal_pitch"], sample["gimbal_roll"]),
        gimbal_at=_moment(sample["gimbal_received_time"]),
        mount=Mount(str(sample["gimbal_frame"])) if sample["gimbal_frame"] else Mount.HORIZON,
        lens=lens,
        lens_at=_moment(sample["camera_received_time"]),
    )


Value = float | str | bool | None


def _angles(yaw: Value, pitch: Value, roll: Value) -> Angles | None:
    of = (_figure(yaw), _figure(pitch), _figure(roll))
    return None if of[0] is None or of[1] is None or of[2] is None else Angles(of[0], of[1], of[2])


def _figure(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _moment(microseconds: Value) -> datetime | None:
    us = _figure(microseconds)
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC)
