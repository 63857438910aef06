"""Footage as the recorder makes it: pictures that were really encoded, cut by its segmenter, sealed in a real vault."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import av
import numpy as np
from av import VideoFrame

from adapters.recorder import codecs
from adapters.recorder.clock import Taken
from adapters.recorder.segmenting import Cut, Segmenter
from adapters.vault import Closed, Segment, Vault
from domain.kernel import FeedId

SINCE = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATE = 25


def noise(seed: int, count: int, width: int = 320, height: int = 180) -> list[VideoFrame]:
    """Pictures that no encoder makes small, each of them another."""
    chance = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        frame = VideoFrame.from_ndarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8), "rgb24")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        frames.append(frame)
    return frames


def cuts(frames: Sequence[VideoFrame], since: datetime = SINCE, codec: str = "libx264", **options: str) -> list[Cut]:
    """A key frame a second, so segments of two; `options`: of the encoder."""
    out = io.BytesIO()
    chosen = {"preset": "ultrafast", "g": str(RATE), **options}
    if codec == "libx265":
        chosen["x265-params"] = f"log-level=none:keyint={RATE}"
    with av.open(out, "w", format="mpegts") as container:
        stream = container.add_stream(codec, rate=RATE, options=chosen)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = []
    with av.open(io.BytesIO(out.getvalue())) as film:
        video = film.streams.video[0]
        segmenter, first = Segmenter(video), None
        for packet in film.demux(video):
            if packet.dts is None:
                continue
            first = packet.dts if first is None else first
            seconds = float((packet.dts - first) * packet.time_base)
            if cut := segmenter.feed(packet, Taken(since + timedelta(seconds=seconds), "arrival", None)):
                found.append(cut)
        rest = segmenter.rest()
    return [*found, rest] if rest else found


def sealed(vault: Vault, feed: FeedId, some: Sequence[Cut]) -> Closed:
    """A reel of these, closed."""
    reel = vault.reel(feed, some[0].since)
    for cut in some:
        reel.add(Segment(cut.content, cut.since, cut.until, media(cut), on_key_frame=cut.on_key_frame))
    return reel.close()


def media(cut: Cut) -> str:
    with av.open(io.BytesIO(cut.content)) as film:
        codec = film.streams.video[0].codec_context
        if codec.name == "h264":
            extra = bytes(codec.extradata or b"")
            return f'video/mp4; codecs="avc1.{extra[1:4].hex()}"'
        return codecs.media_type("hevc", None)


def pictures(content: bytes) -> list[VideoFrame]:
    with av.open(io.BytesIO(content)) as film:
        return list(film.decode(video=0))
