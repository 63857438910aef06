"""Pictures of a camera over RTSP (RFC 2326, RFC 7826), interleaved in TCP.

Sound is asked for where the use policy has it recorded, and otherwise not even set up: nobody consented to it (Cal.
Penal Code §632).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import av
import structlog

from adapters.cameras.sources import shown
from adapters.recorder import codecs
from adapters.recorder.clock import StreamClock, Taken
from adapters.recorder.segmenting import Packet, Segmenter
from adapters.recorder.sound import CODEC, Sound
from adapters.video.coded import CodecParameters
from domain.kernel import CameraId, FeedId, StreamId

OPENS_S, READS_S = 10.0, 10.0  # without a picture so long, the connection is given up
CODECS = ("h264", "hevc")
_OPTIONS = {
    "rtsp_transport": "tcp",
    "user_agent": "saferweho-recorder",
    "fflags": "nobuffer",
    "analyzeduration": "2000000",
}
log = structlog.get_logger()
_PRFT = struct.Struct("=qi")  # AVProducerReferenceTime: µs since 1970, flags


class Address(Protocol):
    """Where pictures come from. `camera`: in the inventory, None for a drone's; `name`: in the log and in figures."""

    @property
    def camera(self) -> CameraId | None: ...
    @property
    def url(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def feed(self) -> FeedId: ...
    @property
    def sound(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """`url`: with user and password; `sound`: whether it is recorded, too, which may change while the camera is."""

    camera: CameraId
    url: str
    sound: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return str(self.camera)

    @property
    def feed(self) -> FeedId:
        return FeedId(StreamId(f"camera-{self.camera}"))

    def __repr__(self) -> str:
        return f"CameraAddress({self.camera!r}, {shown(self.url)})"


class SourceFault(Exception):
    """No pictures can be had from a camera now. Says why, without its password."""


class StreamChanged(SourceFault):
    """The camera sends another picture than before: another size, another profile. It is connected to anew."""


class SoundWanted(SourceFault):
    """The sound is to be recorded from now on, and was not asked for. The camera is connected to anew."""


@dataclass(frozen=True, slots=True)
class Picture:
    packet: Packet
    taken: Taken


class Connection:
    """One connection to a camera, to be used by one thread and closed by it. `sound`: whether it is kept, if there is
    any."""

    def __init__(self, address: Address) -> None:
        """Raises SourceFault."""
        options = {**_OPTIONS, "allowed_media_types": "video+audio" if address.sound else "video"}
        try:
            self._container: Any = av.open(
                address.url, options=options, timeout=(OPENS_S, READS_S), metadata_errors="replace"
            )
        except (av.FFmpegError, OSError) as error:
            raise SourceFault(_words(error)) from None
        try:
            video = next((s for s in self._container.streams.video if s.codec_context.name in CODECS), None)
            if video is None:
                sent = ", ".join(s.codec_context.name for s in self._container.streams) or "nothing"
                raise SourceFault(f"the camera sends {sent}; accepted: H.264 or H.265")
            if not (video.width and video.height):
                raise SourceFault("the camera does not say how large its picture is")
        except BaseException:
            self._container.close()
            raise
        self._video, self.sound = video, address.sound
        heard = next(iter(self._container.streams.audio), None) if address.sound else None
        self._heard, self._sound = heard, _sound_of(heard) if heard is not None else None
        self.codec: str = video.codec_context.name
        self._parameters = codecs.parameter_set(self.codec, bytes(video.codec_context.extradata or b""))
        self.segmenter = Segmenter(video, self._sound)

    @property
    def media(self) -> str:
        """Of the segment that was cut last, and of those to come while they can be written so: RFC 6381."""
        return codecs.media_type(self.codec, self._parameters, CODEC if self.segmenter.sounds else None)

    @property
    def parameters(self) -> CodecParameters:
        """As the camera told them when it was connected to."""
        extradata = bytes(self._video.codec_context.extradata or b"")
        base, rate = self._video.time_base or Fraction(1, 90_000), float(self._video.average_rate or 0)
        return CodecParameters(self.codec, extradata, base, self._video.width, self._video.height, rate)

    def pictures(self) -> Iterator[Picture]:
        """Until the camera ends it. Raises SourceFault."""
        clock, base = StreamClock(), self._video.time_base
        try:
            for packet in self._container.demux(*filter(None, (self._video, self._heard))):
                arrived_us = time.time_ns() // 1000
                if self._heard is not None and packet.stream is self._heard:
                    if self._sound is not None:
                        self._sound.hear(packet)
                    continue
                media = packet.dts if packet.dts is not None else packet.pts
                if media is None or not packet.size or packet.is_corrupt:
                    continue
                if packet.is_keyframe:
                    self._still_the_same(bytes(packet))
                yield Picture(packet, clock.taken(int(media * base * 1_000_000), arrived_us, _camera_us(packet)))
        except (av.FFmpegError, OSError) as error:
            raise SourceFault(_words(error)) from None
        raise SourceFault("the camera ended the stream")

    def _still_the_same(self, key_frame: bytes) -> None:
        now = codecs.parameter_set(self.codec, key_frame)
        if now is None:
            return
        if self._parameters is None:
            self._parameters = now
        elif now != self._parameters:
            raise StreamChanged("the camera changed its picture")

    def leave_sound_out(self) -> None:
        """From what is under way on; what was heard of it goes, too."""
        self.sound, self._sound = False, None
        self.segmenter.leave_sound_out()

    def close(self) -> None:
        self._container.close()


def _sound_of(stream: Any) -> Sound | None:
    """None where it is of a kind that cannot be recorded: that costs no picture."""
    try:
        return Sound(stream)
    except (av.FFmpegError, ValueError) as error:
        log.warning("sound_left_out", codec=stream.codec_context.name, why=str(error))
        return None


def _camera_us(packet: Packet) -> int | None:
    """When the picture was taken by the camera's clock, out of RTCP sender reports; None before the first."""
    if not packet.has_sidedata("prft"):
        return None
    wallclock, _ = _PRFT.unpack_from(bytes(packet.get_sidedata("prft")))
    return int(wallclock)


def _words(error: Exception) -> str:
    """FFmpeg's words without the address, which may hold a password."""
    said = getattr(error, "strerror", None) or type(error).__name__
    if isinstance(error, av.HTTPUnauthorizedError):
        return "the camera refuses the user or the password"
    if isinstance(error, av.ExitError):
        return f"the camera sent nothing for {READS_S:.0f} s"
    return f"the camera cannot be reached: {said}"
