"""How many feeds of 1280 by 720 at 30 pictures a second can be masked at once, with one viewer each and with twenty.

Everything is done as fast as it goes, on all cores; the figure is pictures a second by thirty. Floor: PyAV's bare way
of the same pictures with the same encoder, decoded and encoded without a mask, in as many threads.
"""

from __future__ import annotations

import io
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from statistics import median
from time import monotonic
from typing import Any

import av
import numpy as np
from av import VideoFrame

from adapters.video import masked
from adapters.video.coded import CodecParameters, CodedPicture, Item
from adapters.video.feeds import Capacity, MaskedFeeds
from adapters.video.fragmenting import PRESET
from adapters.video.masked import Size
from adapters.video.pieces import Fragment, Piece
from bench.figures import figure
from domain.camera import Outline
from domain.kernel import FeedId, StreamId

GOAL = 4  # feeds on two cores
WIDTH, HEIGHT, RATE = 1280, 720, 30
CLIP = 60  # pictures, two groups, shown again and again
AHEAD = 60  # pictures that wait: no encode is ever without work
ROUNDS, SECONDS = 3, 5.0
MASK: Sequence[Outline] = (((0.1, 0.1), (0.45, 0.15), (0.4, 0.6), (0.12, 0.55)), ((0.6, 0.5), (0.9, 0.5), (0.9, 0.95)))
BASE = Fraction(1, 90_000)
CODECS = {"h264": "libx264", "hevc": "libx265"}


def run(**_options: Any) -> list[dict[str, Any]]:
    clips = {codec: _clip(codec) for codec in CODECS}
    name = f"masked feeds of 720p30 on {len(os.sched_getaffinity(0))} cores"
    tried: list[tuple[str, str, int, Size, int | None]] = [
        (f"{name}, 1 viewer each", "h264", 1, Size.FULL, GOAL),
        (f"{name}, 20 viewers each", "h264", 20, Size.FULL, GOAL),
        (f"{name}, as tiles of 360p", "h264", 1, Size.GRID, None),
        (f"{name}, of H.265", "hevc", 1, Size.FULL, None),
    ]
    bare: dict[str, list[float]] = {codec: [] for codec in clips}
    feeds: list[list[float]] = [[] for _ in tried]
    for _round in range(ROUNDS):
        for codec, clip in clips.items():
            bare[codec].append(_bare(clip, codec) / RATE)
        for found, (_words, codec, viewers, size, _goal) in zip(feeds, tried, strict=True):
            found.append(_masked(clips[codec], codec, viewers, size) / RATE)
    return [
        figure(words, median(found), "feeds", median(bare[codec]), goal, absolute=True)
        for found, (words, codec, _viewers, _size, goal) in zip(feeds, tried, strict=True)
    ]


def _clip(codec: str) -> list[tuple[bytes, bool]]:
    """A street as a camera sees it: things that move, leaves that do, and the noise of a sensor."""
    chance = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    street = (96 + 60 * np.sin(x / 37.0) * np.cos(y / 53.0) + ((x // 80 + y // 60) % 2) * 30).astype(np.int16)
    context: Any = av.CodecContext.create(CODECS[codec], "w")
    context.width, context.height, context.pix_fmt, context.time_base = WIDTH, HEIGHT, "yuv420p", BASE
    context.framerate, context.bit_rate = Fraction(RATE), 4_000_000
    context.options = {
        "preset": "veryfast",
        "g": str(RATE),
        "bf": "0",
        "flags": "+cgop",
        "x265-params": "log-level=none",
    }
    packets: list[Any] = []
    for n in range(CLIP):
        luma = street + chance.integers(-6, 7, street.shape, dtype=np.int16)
        for car in range(6):
            top, left = 100 + car * 90, (car * 211 + n * (7 + 3 * car)) % (WIDTH - 160)
            luma[top : top + 60, left : left + 160] = 40 + car * 30
        samples = np.full((HEIGHT * 3 // 2, WIDTH), 128, dtype=np.uint8)
        samples[:HEIGHT] = np.clip(luma, 16, 235)
        frame = VideoFrame.from_ndarray(samples, "yuv420p")
        frame.pts, frame.time_base = n * 90_000 // RATE, BASE
        packets += context.encode(frame)
    packets += context.encode(None)
    return [(bytes(packet), packet.is_keyframe) for packet in packets]


def _feeds() -> int:
    """As many encodes at once as keep all cores busy."""
    return max(GOAL, 2 * len(os.sched_getaffinity(0)))


class _Camera:
    """A feed that sends as fast as its pictures are shown: `adapters.video.coded.Source`."""

    def __init__(self, clip: list[tuple[bytes, bool]], codec: str) -> None:
        self._clip, self._codec = clip, codec
        self._sent = self._shown = 0
        self._some = threading.Condition()
        self._stop = False
        self._thread: threading.Thread | None = None

    def follow(self, take: Callable[[Item | None], None]) -> Callable[[], None]:
        take(CodecParameters(self._codec, b"", BASE, WIDTH, HEIGHT, RATE))
        self._thread = threading.Thread(target=self._film, args=(take,))
        self._thread.start()
        return self.stop

    def shown(self, piece: Piece) -> None:
        if isinstance(piece, Fragment):
            with self._some:
                self._shown += piece.pictures
                self._some.notify()

    def count(self) -> int:
        with self._some:
            return self._shown

    def stop(self) -> None:
        with self._some:
            self._stop = True
            self._some.notify()

    def _film(self, take: Callable[[Item | None], None]) -> None:
        began = datetime.now(UTC)
        while True:
            with self._some:
                self._some.wait_for(lambda: self._stop or self._sent - self._shown < AHEAD)
                if self._stop:
                    return
            content, key = self._clip[self._sent % CLIP]
            pts = self._sent * 90_000 // RATE
            take(CodedPicture(content, pts, pts, key, began + timedelta(seconds=self._sent / RATE)))
            self._sent += 1


def _masked(clip: list[tuple[bytes, bool]], codec: str, viewers: int, size: Size) -> float:
    """Pictures a second."""
    feeds = MaskedFeeds(Capacity(1e12))
    cameras = [_Camera(clip, codec) for _ in range(_feeds())]
    queues: list[deque[Piece]] = []
    kept = masked.BEHIND, masked.NEARLY_NOW
    masked.BEHIND = masked.NEARLY_NOW = AHEAD  # every picture counts: none is left out because others wait
    try:
        for number, camera in enumerate(cameras):
            join = partial(feeds.join, FeedId(StreamId(f"camera-{number}")), "a mask", size, camera, lambda _: MASK)
            join(camera.shown)
            for _ in range(viewers - 1):
                queues.append(deque(maxlen=64))
                join(queues[-1].append)
        return _rate(lambda: sum(camera.count() for camera in cameras))
    finally:
        feeds.close()
        masked.BEHIND, masked.NEARLY_NOW = kept


def _bare(clip: list[tuple[bytes, bool]], codec: str) -> float:
    """Pictures a second, decoded and encoded and nothing else."""
    counts, stop = [0] * _feeds(), threading.Event()

    def work(number: int) -> None:
        decoder: Any = av.CodecContext.create(codec, "r")
        decoder.thread_count = 1
        out = io.BytesIO()
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        with av.open(out, "w", format="mp4", options=options) as container:
            stream: Any = container.add_stream("libx264", rate=RATE, options={"preset": PRESET, "tune": "zerolatency"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = BASE
            sent = 0
            while not stop.is_set():
                packet = av.Packet(clip[sent % CLIP][0])
                packet.pts = packet.dts = sent * 90_000 // RATE
                packet.time_base = BASE
                sent += 1
                for frame in decoder.decode(packet):
                    frame.pict_type = 0
                    container.mux(stream.encode(frame))
                    counts[number] += 1
                out.seek(0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        return _rate(lambda: sum(counts))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _rate(count: Callable[[], int]) -> float:
    """A second, once all of it is under way."""
    wait = threading.Event()
    wait.wait(2)
    before, began = count(), monotonic()
    wait.wait(SECONDS)
    return (count() - before) / (monotonic() - began)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
