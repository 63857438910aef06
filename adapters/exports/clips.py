"""Footage made into clips that people can play: decoded, masked, marked, encoded anew.

A clip holds the pictures from `since` on up to `until` and no other, each shown when it was taken. A new one begins
after a gap, where the picture's size changes, and where the last has become long; nothing of it is ever on a disk.

Invariant: what does not decode is black for as long as it lasts, as it is for who plays it, and is told; no picture
stands still in its place.
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
from adapters.masks.burning import FORMAT, black_picture
from adapters.poses.telemetry import telemetry_in
from adapters.vault.segment import Header
from adapters.video import decoding
from adapters.video import segments as segments_
from adapters.video.coded import CodedPicture
from adapters.video.decoding import Decoded
from adapters.video.masked import NOTHING, Masking, Size
from adapters.video.playback import MOST_LEAD
from application.poses import Pose
from domain.camera import Outline
from domain.privacy_override_events import Range

LONGEST = timedelta(minutes=10)  # of a clip: it is in memory, twice while it is signed and while it is written
GAP = timedelta(seconds=1)  # less between two segments is no gap: clocks are no better
BLACK_STEP = timedelta(milliseconds=200)  # from picture to picture of what does not say when its own were taken
UNKNOWN = (640, 360)  # the size of a picture that was never seen
BASE = Fraction(1, 90_000)
QUALITY = {"preset": "veryfast", "crf": "21", "g": "50"}

MaskAt = Callable[[datetime], Sequence[Outline] | None]  # (): nothing is hidden; None: not known, so all of it is
MaskOf = Callable[[Header, bytes], MaskAt]  # of a segment


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
    """An MP4. `covered`: when the pictures were taken that are black all over; `hides`: a part of another is masked;
    `not_decoded`: what is black because the original does not decode, and how many of the pictures that is."""

    content: bytes
    range: Range
    width: int
    height: int
    pictures: int
    covered: tuple[datetime, ...]
    hides: bool
    not_decoded: tuple[Range, ...]
    pictures_not_decoded: int
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
    not_decoded: list[Range] = field(default_factory=list)
    pictures_not_decoded: int = 0
    parts: list[Part] = field(default_factory=list)
    until: datetime = field(init=False)
    _dark_since: datetime | None = None
    _last: int = -1
    _container: Any = field(init=False)
    _stream: Any = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.since
        self._container = av.open(self.out, "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=25, options=QUALITY)
        self._stream.width, self._stream.height = self.width, self.height + self.mark.strip
        self._stream.pix_fmt, self._stream.codec_context.time_base = FORMAT, BASE

    def picture(self, frame: VideoFrame, at: datetime, *, decoded: bool) -> None:
        """`frame`: as it may be shown, in FORMAT."""
        self._tell(at, decoded=decoded)
        samples = np.array(frame.to_ndarray(), dtype=np.uint8)
        strip = self.mark.mark(samples[: self.height], at)
        made = VideoFrame.from_ndarray(_with_strip(samples, strip, self.width, self.height), FORMAT)
        made.time_base = BASE
        made.pts = self._last = max(round((at - self.since) / timedelta(seconds=1) / BASE), self._last + 1)
        for packet in self._stream.encode(made):
            self._container.mux(packet)
        self.pictures += 1

    def _tell(self, at: datetime, *, decoded: bool) -> None:
        """What does not decode lasts until the next picture that does."""
        if not decoded:
            self.pictures_not_decoded += 1
            self._dark_since = self._dark_since or at
        elif self._dark_since is not None:
            self.not_decoded.append(Range(self._dark_since, max(at, self._dark_since)))
            self._dark_since = None

    def done(self) -> Clip:
        self._tell(self.until, decoded=True)
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        size = (self.width, self.height + self.mark.strip)
        range_ = Range(self.since, self.until)
        content, covered, dark = self.out.getvalue(), tuple(self.covered), tuple(self.not_decoded)
        self.out.close()  # whoever gets the clip has it alone
        parts, many = tuple(self.parts), self.pictures_not_decoded
        return Clip(content, range_, *size, self.pictures, covered, self.hides, dark, many, parts)

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
    nothing is masked. Raises what it raises."""
    encode: _Encode | None = None
    size = UNKNOWN  # of the last picture
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
            some = False  # of it decodes
            for decoded in _pictures(header, content, before, size):
                at, size = decoded.at, (decoded.frame.width, decoded.frame.height)
                some = some or decoded.damaged is None
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
                encode.picture(shown, at, decoded=decoded.damaged is None)
                if why is not None or masking.hides_all:
                    encode.covered.append(at)
                else:
                    encode.hides = encode.hides or masking.hides_some
            if not some:
                lead.clear()  # what is after it is decoded from its own first key frame on
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


def _pictures(header: Header, content: bytes, lead: Sequence[bytes], size: tuple[int, int]) -> Iterator[Decoded]:
    """Every picture of a segment, nothing hidden yet but what does not decode. `size`: of what is black, where the
    segment itself does not say it."""
    taken, why = _steps(header), "nothing of it decodes"
    try:
        parameters, sent = decoding.coded(content, header.since)
        if 0 < parameters.width * parameters.height <= decoding.MOST_PIXELS:
            size = Size.FULL.of(parameters.width, parameters.height)
        taken = _taken(header, sent)
        for shown in segments_.pictures(content, header.since, NOTHING, lead=lead):
            while taken and taken[0] < shown.at:
                yield _black(size, taken.popleft(), why)
            if taken and taken[0] == shown.at:
                yield Decoded(shown.frame, taken.popleft(), shown.covered)
    except decoding.NotVideo as fault:
        why = str(fault)
    for at in taken:
        yield _black(size, at, why)


def _taken(header: Header, sent: Sequence[CodedPicture]) -> deque[datetime]:
    """When the pictures were taken that are to be shown, in that order: of a segment that begins with a key frame not
    those that are shown before it and are of the group before."""
    key = min((picture.at for picture in sent if picture.key), default=header.since)
    begins = key if header.on_key_frame else header.since
    return deque(sorted({picture.at for picture in sent if picture.at >= begins}))


def _steps(header: Header) -> deque[datetime]:
    return deque(header.since + n * BLACK_STEP for n in range(-((header.since - header.until) // BLACK_STEP)))


def _black(size: tuple[int, int], at: datetime, why: str) -> Decoded:
    return Decoded(black_picture(*size), at, why)


def _with_strip(samples: np.ndarray[Any, np.dtype[np.uint8]], strip: Any, width: int, height: int) -> Any:
    """Planar 4:2:0 with the strip below the picture."""
    flat, more = samples.reshape(-1), strip.shape[0]
    luma, quarter, grey = width * height, width * height // 4, np.full(width * more // 4, GREY, dtype=np.uint8)
    planes = (flat[:luma], strip.reshape(-1), flat[luma : luma + quarter], grey, flat[luma + quarter :], grey)
    return np.concatenate(planes).reshape(-1, width)
