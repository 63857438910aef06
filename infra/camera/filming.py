"""What a synthetic camera films: a picture of FFmpeg's, coded and cut into RTP packets by FFmpeg."""

from __future__ import annotations

import base64
import io
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import av
from av.filter import Graph
from av.video.frame import PictureType

from infra.camera.aerial import Aerial

ENCODERS = {"h264": ("libx264", "H264"), "hevc": ("libx265", "H265")}
PACKET = 1400  # bytes, below the least MTU of a network
PAYLOAD_TYPE = 96
_SPEED = {"libx264": {"preset": "ultrafast", "tune": "zerolatency"}}
_SPEED["libx265"] = {**_SPEED["libx264"], "x265-params": "log-level=none:repeat-headers=1"}


@dataclass(frozen=True, slots=True)
class Film:
    """`key_every`: pictures from one key frame to the next; `clock_ahead_s`: of the camera's clock against ours;
    `resize_after`: pictures, after which it sends another size; 0: never. `aboard`: of the drone that says on this port
    where it looks; 0: of none, it films `source`."""

    source: str = "testsrc2"
    codec: str = "h264"
    width: int = 640
    height: int = 360
    rate: int = 15
    key_every: int = 15
    bit_rate: int = 400_000
    clock_ahead_s: float = 0.0
    resize_after: int = 0
    aboard: int = 0
    marked: bool = False


class Filming:
    """Films as long as it runs; `packet` is called with each RTP or RTCP packet."""

    def __init__(self, film: Film, packet: Callable[[bytes], None]) -> None:
        self._film, self._packet = film, packet
        self._stop = threading.Event()
        self._pictures = 0
        self._described = threading.Event()
        self.parameters = b""  # Annex B
        self._thread = threading.Thread(target=self._run, name="filming", daemon=True)

    def __enter__(self) -> Filming:
        self._thread.start()
        self._described.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def description(self, address: str) -> str:
        """RFC 8866, with the parameter sets of RFC 6184 and RFC 7798."""
        name = ENCODERS[self._film.codec][1]
        units = [unit for unit in self.parameters.split(b"\x00\x00\x01") if unit.strip(b"\x00")]
        coded = [base64.b64encode(unit.rstrip(b"\x00")).decode() for unit in units]
        if name == "H264":
            sets = f"packetization-mode=1;sprop-parameter-sets={','.join(coded[:2])}"
        else:
            sets = ";".join(f"sprop-{kind}={unit}" for kind, unit in zip(("vps", "sps", "pps"), coded, strict=False))
        lines = ["v=0", f"o=- 0 0 IN IP4 {address}", "s=synthetic camera", f"c=IN IP4 {address}", "t=0 0"]
        lines += ["a=control:*", f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} {name}/90000"]
        lines += [f"a=fmtp:{PAYLOAD_TYPE} {sets}", "a=control:video"]
        # A microphone that nobody must listen to.
        lines += ["m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=control:audio"]
        return "\r\n".join(lines) + "\r\n"

    def _run(self) -> None:
        size = (self._film.width, self._film.height)
        aerial = Aerial(self._film.aboard, marked=self._film.marked) if self._film.aboard else None
        while not self._stop.is_set():
            self._shoot(*size, partial(aerial.picture, *size) if aerial else _source(self._film, *size))
            size = (
                (size[0] // 2, size[1] // 2) if size[0] == self._film.width else (self._film.width, self._film.height)
            )

    def _shoot(self, width: int, height: int, picture: Callable[[], Any]) -> None:
        """Pictures of one size, until it is another's turn."""
        film = self._film
        encoder, _ = ENCODERS[film.codec]
        with av.open(_Packets(self._sent), "w", format="rtp", options={"packetsize": str(PACKET)}) as container:
            stream: Any = container.add_stream(encoder, rate=film.rate, options=_SPEED[encoder])
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.bit_rate, stream.gop_size = film.bit_rate, film.key_every
            stream.codec_context.max_b_frames = 0
            stream.codec_context.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: the sets are in the description, too
            container.start_encoding()
            self.parameters = bytes(stream.codec_context.extradata or b"")
            self._described.set()
            began = time.monotonic()
            for number in range(film.resize_after or 1 << 62):
                if self._stop.wait(max(0.0, began + number / film.rate - time.monotonic())):
                    return
                frame = picture()
                frame.pts, frame.time_base = number, Fraction(1, film.rate)
                frame.pict_type = PictureType.NONE  # the source marks each as a key frame: it is the encoder that says
                for coded in stream.encode(frame):
                    if coded.is_keyframe:
                        coded = _with_sets(coded, self.parameters)
                    container.mux(coded)

    def _sent(self, packet: bytes) -> None:
        if 192 <= packet[1] <= 223 and self._film.clock_ahead_s:  # RTCP (RFC 5761 §4): its NTP time is the camera's
            (ntp,) = struct.unpack_from(">Q", packet, 8)
            ahead = ntp + round(self._film.clock_ahead_s * (1 << 32))
            packet = packet[:8] + struct.pack(">Q", ahead) + packet[16:]
        self._packet(packet)


def _source(film: Film, width: int, height: int) -> Callable[[], Any]:
    """One of FFmpeg's pictures."""
    graph = Graph()
    source: Any = graph.add(film.source, f"size={width}x{height}:rate={film.rate}")
    scale: Any = graph.add("format", "yuv420p")
    sink: Any = graph.add("buffersink")
    source.link_to(scale)
    scale.link_to(sink)
    graph.configure()
    return graph.pull


class _Packets(io.RawIOBase):
    """What FFmpeg writes to: it flushes once a packet."""

    def __init__(self, sent: Callable[[bytes], None]) -> None:
        self._sent = sent

    def writable(self) -> bool:
        return True

    def write(self, packet: Any) -> int:
        self._sent(bytes(packet))
        return len(packet)


def _with_sets(key_frame: Any, parameters: bytes) -> Any:
    """As cameras send it: the parameter sets in front of each key frame."""
    whole = av.Packet(parameters + bytes(key_frame))
    whole.pts, whole.dts, whole.time_base = key_frame.pts, key_frame.dts, key_frame.time_base
    whole.stream, whole.is_keyframe = key_frame.stream, True
    return whole
