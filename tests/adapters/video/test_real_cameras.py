"""Masks in what a camera sends over RTSP, taken by the recorder's own connection and cut by its own segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from adapters.recorder.source import Connection
from adapters.video import masked
from adapters.video.coded import CodecParameters, CodedPicture, Item
from adapters.video.masked import MaskedEncode, Size
from adapters.video.pieces import Piece
from adapters.video.segments import masked_segment, still
from domain.camera import Outline
from tests.adapters.recorder.cameras import WITHIN_S, cameras
from tests.adapters.video import filming
from tests.adapters.video.filming import DOOR, decoded, flat, played, runs

pytestmark = pytest.mark.slow
PICTURES = 60


def door(_: datetime) -> Sequence[Outline]:
    return (DOOR,)


@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("codec", filming.CODECS)
def test_what_a_camera_sends_is_masked_live_recorded_and_as_a_still(
    tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masked, "BEHIND", 1 << 30)
    monkeypatch.setattr(masked, "NEARLY_NOW", 1 << 30)
    items, cuts = [], []
    with cameras(tmp_path, "--codec", codec, "north") as running:
        connection = Connection(running.address("north"))
        try:
            for picture in connection.pictures():
                packet, at = picture.packet, picture.taken.at
                if not items:  # its parameter sets come with its key frames
                    items.append(CodecParameters(connection.codec, b"", packet.time_base))
                pts = packet.pts if packet.pts is not None else packet.dts
                dts = packet.dts if packet.dts is not None else packet.pts
                items.append(CodedPicture(bytes(packet), pts, dts, packet.is_keyframe, at))
                if cut := connection.segmenter.feed(packet, picture.taken):
                    cuts.append(cut)
                if len(items) > PICTURES and cuts:
                    break
        finally:
            connection.close()

    live = made(*items)
    ((init, fragments),) = runs(live)
    shown = played(init, fragments)
    assert len(shown) >= PICTURES - 30 and all(flat(picture, DOOR) for picture in shown)
    assert all(fragment.covered is None for fragment in fragments)

    segment = masked_segment(cuts[0].content, cuts[0].since, door)
    recorded = decoded(segment.whole)
    assert segment.covered is None and len(recorded) == cuts[0].pictures
    assert all(flat(picture, DOOR) for picture in recorded)
    assert len({filming.luma(picture).tobytes() for picture in recorded}) > len(recorded) // 2
    assert still(cuts[0].content, cuts[0].since, cuts[0].since, door)


def made(*items: Item) -> list[Piece]:
    pieces: list[Piece] = []
    encode = MaskedEncode(door, Size.FULL, pieces.append)
    for item in (*items, None):
        encode.take(item)
    encode.start()
    encode.join(WITHIN_S)
    return pieces
