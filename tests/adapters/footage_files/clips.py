"""Files as others bring them, made by FFmpeg."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph

RATE = 15
LONG = {"mp4": "mp4", "mkv": "matroska", "ts": "mpegts", "avi": "avi"}


def clip(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    seconds: float = 5,
    size: tuple[int, int] = (320, 180),
    sound: bool = False,
    b_frames: int = 2,
    start_s: float = 0,
    pause: tuple[float, float] | None = None,
) -> bytes:
    """A film of FFmpeg's test picture. `pause`: after so many seconds nothing is filmed for so many."""
    graph, out = Graph(), io.BytesIO()
    source: Any = graph.add("testsrc2", f"size={size[0]}x{size[1]}:rate={RATE}")
    scale, sink = graph.add("format", "yuv420p"), graph.add("buffersink")
    source.link_to(scale)
    scale.link_to(sink)
    graph.configure()
    with av.open(out, "w", format=LONG[container]) as file:
        options = {"preset": "ultrafast"} if codec.startswith("libx") else {}
        if codec == "libx265":
            options["x265-params"] = f"log-level=none:open-gop=0:bframes={b_frames}"
        stream: Any = file.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = *size, "yuv420p", RATE
        if codec != "libx265":
            stream.codec_context.max_b_frames = b_frames
        heard: Any = file.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number in range(round(seconds * RATE)):
            frame: Any = graph.pull()
            at = number / RATE + start_s
            if pause is not None and number / RATE >= pause[0]:
                at += pause[1]
            frame.pts, frame.time_base, frame.pict_type = round(at * 1000), Fraction(1, 1000), 0
            file.mux(stream.encode(frame))
            if heard is not None:
                noise = av.AudioFrame(format="fltp", layout="mono", samples=1024)
                for plane in noise.planes:
                    plane.update(bytes(plane.buffer_size))
                noise.sample_rate, noise.pts = 16_000, number * 1024
                file.mux(heard.encode(noise))
        file.mux(stream.encode(None))
        if heard is not None:
            file.mux(heard.encode(None))
    return out.getvalue()


def pictures_in(content: bytes) -> int:
    """How many can be decoded of a segment on its own."""
    with av.open(io.BytesIO(content)) as file:
        assert [stream.type for stream in file.streams] == ["video"]
        return sum(1 for _ in file.decode(video=0))
