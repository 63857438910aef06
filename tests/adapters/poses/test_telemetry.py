"""Telemetry beside the pictures of a segment, which play as if it were not there."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import av
import numpy as np
import pytest

from adapters.poses.telemetry import SCHEME, Telemetry, overlay, telemetry_in, with_telemetry
from tests.application.test_poses import NOON, TENTH, pose

POSES = tuple(pose(NOON + (n - 5) * TENTH, n * 1.0) for n in range(25))


@pytest.fixture(scope="module")
def segment() -> bytes:
    """Two seconds, as the recorder writes them."""
    out = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": "60000000"}
    with av.open(out, "w", format="mp4", options=options) as file:
        stream: Any = file.add_stream("libx264", rate=10, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(20):
            picture = np.full((48, 64, 3), n * 12, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return out.getvalue()


def decoded(content: bytes) -> list[tuple[int | None, bytes]]:
    with av.open(io.BytesIO(content)) as file:
        return [(frame.pts, frame.to_ndarray().tobytes()) for frame in file.decode(video=0)]


def test_it_comes_out_as_it_went_in_and_the_pictures_are_the_same(segment: bytes) -> None:
    both = with_telemetry(segment, NOON, POSES)
    assert telemetry_in(both).poses == POSES
    assert decoded(both) == decoded(segment) and len(decoded(both)) == 20
    assert len(both) - len(segment) < 20_000
    with av.open(io.BytesIO(both)) as file:
        assert [stream.type for stream in file.streams] == ["video"]


def test_a_segment_without_any_has_none(segment: bytes) -> None:
    assert telemetry_in(segment) == Telemetry()
    assert telemetry_in(segment).view(NOON) is None
    assert with_telemetry(segment, NOON, ()) == segment


def test_what_is_damaged_is_not_known(segment: bytes) -> None:
    both = with_telemetry(segment, NOON, POSES)
    broken = both.replace(b'"latitude":34', b'"latitude":?4', 1)
    assert broken != both and telemetry_in(broken) == Telemetry()
    other = both.replace(SCHEME, SCHEME[:-1] + b"9")
    assert telemetry_in(other) == Telemetry()
    for length in range(0, len(both), 97):
        assert len(telemetry_in(both[:length]).poses) <= len(POSES)
    with pytest.raises(ValueError, match="no fragment"):
        with_telemetry(b"no film", NOON, POSES)


def test_it_says_where_the_camera_looked_and_what_a_player_may_show(segment: bytes) -> None:
    found = telemetry_in(with_telemetry(segment, NOON, POSES))
    known = found.view(NOON + timedelta(seconds=1))
    assert known is not None and known[0].gimbal.pitch == -45.0
    first = overlay(found.poses)[0]
    assert first["at"] == POSES[0].at.isoformat() and first["cameraPitchDeg"] == -45.0 and first["heightAglM"] == 40.0
