"""Decoding what a camera sent, which may be anything.

Invariant: nothing is decoded before the first key frame. A picture whose decoder met damage is not to be trusted, nor
is any after it up to the next key frame: a decoder fills what it misses from elsewhere in the picture, also from under
a mask. Such pictures come out as `damaged`, and whoever shows them hides all of them. Not every damage is noticed by
every decoder: docs/masks.md says what that means.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import av
from av import VideoFrame

from adapters.video.coded import CodecParameters, CodedPicture

CODECS = ("h264", "hevc")
MOST_PIXELS = 4096 * 2304  # of a picture
MOST_PICTURES = 3000  # of a segment of ten seconds
MISSING_S = 1.0  # from picture to picture: some are missing, which no decoder of H.264 tells
GIVES_UP_AFTER = 300  # pictures in a row that nothing comes of
_STRICT = {
    "err_detect": "crccheck+bitstream+buffer+careful+compliant+aggressive+explode",
    "max_pixels": str(MOST_PIXELS),
}
_CONTAINER = {
    # Nothing but the bytes themselves is opened, whatever they name.
    "protocol_whitelist": "",
    "format_whitelist": "mov",
    "codec_whitelist": ",".join(CODECS),
    "enable_drefs": "0",
}


class NotVideo(Exception):
    """No picture can be had of this. Says what was found."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """`damaged`: why its samples may be from anywhere; None: they are where they belong."""

    frame: VideoFrame
    at: datetime
    damaged: str | None


class Decoder:
    """Of one stream, from a key frame on; for one thread. Pictures come out in the order in which they are shown."""

    def __init__(self, parameters: CodecParameters) -> None:
        """Raises NotVideo."""
        if parameters.codec not in CODECS:
            raise NotVideo(f"is {parameters.codec or 'nothing'}; accepted: H.264 or H.265")
        if parameters.width * parameters.height > MOST_PIXELS:
            raise NotVideo(f"is {parameters.width} by {parameters.height}; accepted: at most {MOST_PIXELS} pixels")
        context = av.CodecContext.create(parameters.codec, "r")
        context.options = dict(_STRICT)
        context.thread_count = 1  # a thread a feed; several would keep as many pictures back
        if parameters.extradata:
            context.extradata = parameters.extradata
        self._context: Any = context
        self._base = parameters.time_base
        self._taken: dict[int, datetime] = {}
        self._begins: int | None = None  # with the first key frame; what is shown before it needs what was before it
        self._trusted_from: int | None = None  # pictures from this time on; None: none before another key frame
        self._damage = "it is damaged"
        self._last: CodedPicture | None = None
        self._latest = 0  # the last that is to be shown of those that came
        self._missing = range(0)  # times of pictures that would be of what did not come
        self._in_vain = 0

    def feed(self, picture: CodedPicture) -> list[Decoded]:
        """Raises NotVideo where nothing comes of anything any more."""
        if picture.key and self._trusted_from is None:
            self._trusted_from = picture.pts
            self._begins = picture.pts if self._begins is None else self._begins
        if self._begins is None:
            return []
        self._look_for_gaps(picture)
        packet = av.Packet(picture.data)
        packet.pts, packet.dts, packet.time_base = picture.pts, picture.dts, self._base
        packet.is_keyframe = picture.key
        self._remember(picture)
        return self._decode(packet)

    def rest(self) -> list[Decoded]:
        return self._decode(None)

    def _look_for_gaps(self, picture: CodedPicture) -> None:
        last, self._last = self._last, picture
        if last is not None and not 0 <= (picture.dts - last.dts) * self._base <= MISSING_S:
            if picture.key:
                self._missing = range(self._latest + 1, picture.pts)
            else:
                self._doubt("pictures before it are missing")
        self._latest = max(self._latest, picture.pts) if last is not None and not picture.key else picture.pts

    def _decode(self, packet: Any) -> list[Decoded]:
        try:
            frames = self._context.decode(packet)
        except av.EOFError:
            return []
        except (av.FFmpegError, ValueError, MemoryError) as error:
            self._doubt(f"it does not decode: {getattr(error, 'strerror', None) or type(error).__name__}")
            return []
        if frames or packet is None:
            self._in_vain = 0
        elif self._trusted_from is not None:
            self._failed()
        begins = self._begins
        return [self._judged(f) for f in frames if f.pts is not None and begins is not None and f.pts >= begins]

    def _judged(self, frame: VideoFrame) -> Decoded:
        pts = frame.pts
        assert pts is not None
        if frame.is_corrupt and self._trusted_from is not None and pts >= self._trusted_from:
            self._doubt("it is damaged")
        trusted = self._trusted_from is not None and pts >= self._trusted_from and pts not in self._missing
        return Decoded(frame, self._at(pts), None if trusted else self._damage)

    def _doubt(self, why: str) -> None:
        self._trusted_from, self._damage = None, why
        self._failed()

    def _failed(self) -> None:
        self._in_vain += 1
        if self._in_vain >= GIVES_UP_AFTER:
            raise NotVideo(f"{self._in_vain} pictures in a row did not decode; the last: {self._damage}")

    def _remember(self, picture: CodedPicture) -> None:
        self._taken[picture.pts] = picture.at
        while len(self._taken) > 64:  # a decoder keeps at most 16 back, H.264 §A.3.1
            del self._taken[next(iter(self._taken))]

    def _at(self, pts: int) -> datetime:
        if pts in self._taken:
            return self._taken[pts]
        nearest = min(self._taken, key=lambda known: abs(known - pts))
        return self._taken[nearest] + timedelta(seconds=float((pts - nearest) * self._base))


# -- segments ----------------------------------------------------------------


@contextmanager
def opened(content: bytes) -> Iterator[tuple[CodecParameters, Iterator[Any]]]:
    """What a segment is of, and its packets in the order of decoding. Raises NotVideo."""
    try:
        container: Any = av.open(io.BytesIO(content), format="mov", options=dict(_CONTAINER), metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NotVideo(f"is no MP4: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    try:
        video = next((s for s in container.streams.video if s.codec_context and s.codec_context.name in CODECS), None)
        if video is None:
            found = ", ".join(str(s.type) for s in container.streams) or "nothing"
            raise NotVideo(f"holds {found}; accepted: H.264 or H.265")
        context = video.codec_context
        rate = float(video.average_rate or 0)
        parameters = CodecParameters(
            context.name,
            bytes(context.extradata or b""),
            video.time_base or Fraction(1, 90_000),
            int(context.width),
            int(context.height),
            rate,
        )
        yield parameters, _packets(container, video)
    finally:
        container.close()


def coded(content: bytes, since: datetime) -> tuple[CodecParameters, list[CodedPicture]]:
    """A segment's parameters and pictures. `since`: when the first that is shown was taken. Raises NotVideo."""
    with opened(content) as (parameters, packets):
        pictures: list[CodedPicture] = []
        for packet in packets:
            if len(pictures) >= MOST_PICTURES:
                raise NotVideo(f"holds more pictures than {MOST_PICTURES}")
            pts = packet.pts if packet.pts is not None else packet.dts
            dts = packet.dts if packet.dts is not None else packet.pts
            if pts is None or dts is None or not packet.size:
                continue
            pictures.append(CodedPicture(bytes(packet), pts, dts, bool(packet.is_keyframe), since))
    if not pictures:
        raise NotVideo("holds no picture")
    first = min(picture.pts for picture in pictures)
    ticks = parameters.time_base
    return parameters, [replace(p, at=since + timedelta(seconds=float((p.pts - first) * ticks))) for p in pictures]


def _packets(container: Any, video: Any) -> Iterator[Any]:
    try:
        yield from container.demux(video)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NotVideo(f"breaks off: {getattr(error, 'strerror', None) or type(error).__name__}") from None
