"""A camera that films in H.265, which browsers do not play: seen in H.264, from a real RTSP source to a console."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from tests.api.live import WITHIN_S, Screen, looking, plane, screen
from tests.api.test_live import CORNERS, MASK, hidden, pictures
from tests.api.watch_center import WatchCenter, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def codec(shown: Screen) -> str:
    """Of the last picture that was begun, as it came."""
    with av.open(io.BytesIO(b"".join(shown.parts[shown.inits[-1] :]))) as file:
        return str(file.streams.video[0].codec_context.name)


@pytest.mark.rule("mask.fails_closed")
def test_what_a_camera_films_in_h265_is_seen_in_h264_masked_or_not(watch_center: WatchCenter, tmp_path: Path) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    admin, corners = watch_center.as_role("administrator"), [[{"x": x, "y": y} for x, y in CORNERS]]
    size = ("--codec", "hevc", "--size", "512x384")
    with plane(watch_center, tmp_path, *size) as seen, looking(seen, deputy, "b") as (view, shown):
        mime = next(said["mime"] for said in shown.said if said["type"] == "picture")
        assert mime.startswith('video/mp4; codecs="avc1.') and pictures(shown) == [False]
        shown.shows(5)
        assert codec(shown) == "h264" and not hidden(shown)
        frames = shown.frames()
        assert frames[0].key_frame and {(frame.width, frame.height) for frame in frames} == {(512, 384)}
        admin.accepted(MASK, camera=seen.feeds["b"].removeprefix("camera-"), corners=corners)
        until(lambda: pictures(shown) == [False, True], WITHIN_S, what=f"it is masked: {shown.said}")
        shown.shows(5)
        assert codec(shown) == "h264" and hidden(shown)
        # The same as a tile of a wall.
        ticket = seen.ticket(deputy, view)
        with screen({**ticket, "url": ticket["url"].partition("?")[0] + "?size=grid"}) as tile:
            tile.shows(3)
            assert {(frame.width, frame.height) for frame in tile.frames()} == {(480, 360)} and hidden(tile)
