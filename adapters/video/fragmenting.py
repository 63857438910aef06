"""Pictures encoded as H.264 into a fragmented MP4 (ISO/IEC 14496-12 §8.8), one `moof` and `mdat` a picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av import VideoFrame
from av.video.frame import PictureType

from adapters.recorder import codecs

TICKS = 90_000  # a second, as in RTP
PRESET = "superfast"
QUALITY = "25"  # CRF
BITS_PER_PIXEL = 0.15  # at most, at 30 pictures a second: 4 Mbit/s of 1280 by 720
MOVFLAGS = "empty_moov+default_base_moof+skip_trailer"


class Encoder:
    """For one size and one thread. Closed groups of pictures; no picture is kept back for later ones."""

    def __init__(self, width: int, height: int, *, every_picture: bool = True, preset: str = PRESET) -> None:
        """`every_picture`: a fragment each, else one of all. Its times begin at 0: see `moved`."""
        self._sink = _Sink()
        movflags = f"{MOVFLAGS}+frag_every_frame" if every_picture else MOVFLAGS
        options = {"movflags": movflags, "flush_packets": "1", "use_editlist": "0"}
        if not every_picture:
            options["frag_duration"] = str(600_000_000)
        self._container: Any = av.open(self._sink, "w", format="mp4", options=options)
        stream: Any = self._container.add_stream("libx264", options=_options(width, height, preset))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.thread_count = 1
        self._stream = stream
        self._container.start_encoding()
        self.width, self.height = width, height
        self.init = self._sink.taken()
        """`ftyp` and `moov`."""
        self.media = codecs.media_type("h264", codecs.parameter_set("h264", bytes(stream.codec_context.extradata)))

    def encode(self, frame: VideoFrame, pts: int, duration: int, key: bool) -> bytes:
        """`pts`, `duration`: in TICKS; times only go up, from 0. Gives what is ready: of pictures before this one."""
        frame.pts, frame.time_base = pts, Fraction(1, TICKS)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._mux(self._stream.encode(frame), duration)
        return self._sink.taken()

    def rest(self, duration: int) -> bytes:
        """What is not out yet. Nothing is encoded after that."""
        self._mux(self._stream.encode(None), duration)
        self._container.close()
        return self._sink.taken()

    def _mux(self, packets: list[Any], duration: int) -> None:
        for packet in packets:
            packet.duration = duration
            self._container.mux(packet)


def _options(width: int, height: int, preset: str) -> dict[str, str]:
    most = int(width * height * 30 * BITS_PER_PIXEL)
    return {
        "preset": preset,
        "tune": "zerolatency",
        "crf": QUALITY,
        "maxrate": str(most),
        "bufsize": str(most),
        "g": "3000",  # key frames are asked for by time
        "bf": "0",
        "flags": "+cgop",
        "x264-params": "scenecut=0:log-level=error",
    }


class _Sink:
    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        self._written += content
        return len(content)

    def taken(self) -> bytes:
        content, self._written = bytes(self._written), bytearray()
        return content


def boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and end of each whole box of a file (§4.2)."""
    begin = 0
    while begin + 8 <= len(content):
        size, kind = int.from_bytes(content[begin : begin + 4], "big"), content[begin + 4 : begin + 8]
        if size == 1 and begin + 16 <= len(content):
            size = int.from_bytes(content[begin + 8 : begin + 16], "big")
        if size < 8 or begin + size > len(content):
            return
        yield kind, begin, begin + size
        begin += size


def fragments(content: bytes) -> Iterator[bytes]:
    """Each `moof` with its `mdat`."""
    begin: int | None = None
    for kind, start, end in boxes(content):
        if kind == b"moof":
            begin = start
        elif kind == b"mdat" and begin is not None:
            yield content[begin:end]
            begin = None


def moved(fragment: bytes, ticks: int) -> bytes:
    """A fragment that is shown later: `baseMediaDecodeTime` of its `tfdt`s, version 1 (§8.8.12)."""
    if not ticks:
        return fragment
    changed, end = bytearray(fragment), fragment.find(b"mdat")
    at = fragment.find(b"tfdt", 0, end)
    while at >= 0:
        begin = at + 8
        time = int.from_bytes(fragment[begin : begin + 8], "big") + ticks
        changed[begin : begin + 8] = time.to_bytes(8, "big")
        at = fragment.find(b"tfdt", begin, end)
    return bytes(changed)
