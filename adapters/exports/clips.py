"""Footage made into clips that people can play: decoded, masked, marked, encoded anew.

A clip holds the pictures from `since` on up to `until` and no other, each shown when it was taken. A new one begins
after a gap, where the picture's size changes, and where the last has become long; nothing of it is ever on a disk.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import VideoFrame

from adapters.exports.watermark import GREY, Watermark
from adapters.masks.burning import FORMAT
from adapters.poses.telemetry import telemetry_in
from adapters.vault.segment import Header
from adapters.video import decoding
from adapters.video import segments as segments_
from adapters.video.decoding import Decoded
from adapters.video.masked import NOTHING, Masking, Size
from adapters.video.playback import MOST_LEAD
from application.poses import Pose
from domain.camera import Outline
from domain.privacy_override_events import Range

LONGEST = timedelta(minutes=10)  # of a clip: it is in memory, twice for a moment
GAP = timedelta(seconds=1)  # less between two segments is no gap: clocks are no better
BASE = Fraction(1, 90_000)
QUALITY = {"preset": "veryfast", "crf": "21", "g": "50"}

MaskAt = Callable[[datetime], Sequence[Outline] | None]  # (): nothing is hidden; None: not known, so all of it is
MaskOf = Callable[[Header, bytes], MaskAt]  # of a segment


class NotVideo(Exception):
    """A segment that cannot be decoded. Says which, and what was found."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is written on every picture."""

    who: str
    case: str
    export: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a clip holds of a segment. `whole`: all of it; `poses`: those of a drone in that time."""

    number: int
    range: Range
    whole: bool
    poses: tuple[Pose, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """An MP4. `covered`: when the pictures were taken that are black all over; `hides`: a part of another is masked."""

    content: bytes
    range: Range
    width: int
    height: int
    pictures: int
    covered: tuple[datetime, ...]
    hides: bool
    parts: tuple[Part, ...]


@dataclass(slots=True)
class _Encode:
    """One clip under way."""

    width: int
    height: int
    since: datetime
    mark: Watermark
    out: io.BytesIO = field(default_factory=io.BytesIO)
    pictures: int = 0
    covered: list[datetime] = field(default_factory=list)
    hides: bool = False
    parts: list[Part] = field(default_factory=list)
    until: datetime = field(init=False)
    _last: int = -1
    _container: Any = field(init=False)
    _stream: Any = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.since
        self._container = av.open(self.out, "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=25, options=QUALITY)
        self._stream.width, self._stream.height = self.width, self.height + self.mark.strip
        self._stream.pix_fmt, self._stream.codec_context.time_base = FORMAT, BASE

    def picture(self, frame: VideoFrame, at: datetime) -> None:
        """`frame`: as it may be shown, in FORMAT."""
        samples = np.array(frame.to_ndarray(), dtype=np.uint8)
        strip = self.mark.mark(samples[: self.height], at)
        made = VideoFrame.from_ndarray(_with_strip(samples, strip, self.width, self.height), FORMAT)
        made.time_base = BASE
        made.pts = self._last = max(round((at - self.since) / timedelta(seconds=1) / BASE), self._last + 1)
        for packet in self._stream.encode(made):
            self._container.mux(packet)
        self.pictures += 1

    def done(self) -> Clip:
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        size = (self.width, self.height + self.mark.strip)
        range_ = Range(self.since, self.until)
        content, covered = self.out.getvalue(), tuple(self.covered)
        return Clip(content, range_, *size, self.pictures, covered, self.hides, tuple(self.parts))

    def close(self) -> None:
        """Throw it away."""
        self._container.close()


def clips(
    segments: Iterable[tuple[Header, bytes]],
    wanted: Range,
    mask_of: MaskOf | None,
    mark: Mark,
    longest: timedelta = LONGEST,
) -> Iterator[Clip]:
    """The clips of some segments, in order; with them those before that they cannot be decoded without. `mask_of` None:
    nothing is masked. Raises NotVideo, and what it raises."""
    encode: _Encode | None = None
    lead: deque[bytes] = deque(maxlen=MOST_LEAD)  # what came since the last key frame that a segment began with
    until: datetime | None = None
    try:
        for header, content in segments:
            if header.on_key_frame or header.since != until:
                lead.clear()
            before, until = list(lead), header.until
            lead.append(content)
            masking = Masking(mask_of(header, content) if mask_of is not None else NOTHING, Size.FULL, header.feed)
            gap = encode is not None and header.since - encode.until > GAP
            if encode is not None and (gap or header.until - encode.since > longest):
                yield encode.done()
                encode = None
            begun: datetime | None = None  # of what this clip holds of this segment
            for decoded in _pictures(header, content, before):
                at = decoded.at
                if not wanted.since <= at < wanted.until:
                    continue
                shown, why = masking.show(decoded)
                if encode is not None and (shown.width, shown.height) != (encode.width, encode.height):
                    encode.until = max(at, encode.since)
                    _note(encode, header, content, begun)
                    yield encode.done()
                    encode, begun = None, None
                if encode is None:
                    drawn = Watermark(mark.who, mark.case, mark.export, shown.width, shown.height)
                    encode = _Encode(shown.width, shown.height, at, drawn)
                begun = begun or at
                encode.picture(shown, at)
                if why is not None or masking.hides_all:
                    encode.covered.append(at)
                else:
                    encode.hides = encode.hides or masking.hides_some
            if encode is not None and begun is not None:
                encode.until = min(header.until, wanted.until)
                _note(encode, header, content, begun)
        if encode is not None:
            yield encode.done()
            encode = None
    finally:
        if encode is not None:
            encode.close()


def _note(encode: _Encode, header: Header, content: bytes, begun: datetime | None) -> None:
    if begun is not None:
        # The first picture is where the segment begins, to the microsecond of the clock that both were read from.
        whole = begun - header.since < timedelta(milliseconds=1) and encode.until == header.until
        since = header.since if begun - header.since < timedelta(milliseconds=1) else begun
        poses = tuple(pose for pose in telemetry_in(content).poses if since <= pose.at < encode.until)
        encode.parts.append(Part(header.number, Range(since, encode.until), whole, poses))


def _pictures(header: Header, content: bytes, lead: Sequence[bytes]) -> Iterator[Decoded]:
    """Every picture of a segment, nothing hidden yet but what came damaged."""
    some = False
    try:
        for shown in segments_.pictures(content, header.since, NOTHING, lead=lead):
            some = some or shown.covered is None
            yield Decoded(shown.frame, shown.at, shown.covered)
    except decoding.NotVideo as fault:
        raise NotVideo(f"segment {header.number} {fault}") from None
    if not some:
        raise NotVideo(f"segment {header.number} holds no picture that can be decoded")


def _with_strip(samples: np.ndarray[Any, np.dtype[np.uint8]], strip: Any, width: int, height: int) -> Any:
    """Planar 4:2:0 with the strip below the picture."""
    flat, more = samples.reshape(-1), strip.shape[0]
    luma, quarter, grey = width * height, width * height // 4, np.full(width * more // 4, GREY, dtype=np.uint8)
    planes = (flat[:luma], strip.reshape(-1), flat[luma : luma + quarter], grey, flat[luma + quarter :], grey)
    return np.concatenate(planes).reshape(-1, width)
