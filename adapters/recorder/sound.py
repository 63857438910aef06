"""Sound beside the picture, where the use policy has it recorded: AAC that says what it is beside its packets goes as
it came, anything else is coded as AAC, which is what a segment can hold and a browser plays."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

MOST_WAITING = 4096  # packets; more than a segment of any sound
CODEC = "mp4a.40.2"  # RFC 6381: AAC-LC


class Sound:
    """Of one connection. `stream`: what the packets are of."""

    def __init__(self, stream: Any) -> None:
        """Raises av.FFmpegError and ValueError for what cannot be coded."""
        self._stream = stream
        self._coder: Any = None
        if stream.codec_context.name != "aac" or not stream.codec_context.extradata:
            self._coder = av.CodecContext.create("aac", "w")
            self._coder.sample_rate, self._coder.format = stream.codec_context.sample_rate, "fltp"
            self._coder.layout = "stereo" if stream.codec_context.layout.nb_channels > 1 else "mono"
            self._coder.time_base = Fraction(1, self._coder.sample_rate)
        self._waiting: deque[Any] = deque(maxlen=MOST_WAITING)

    def hear(self, packet: Any) -> None:
        """Takes a packet. One that cannot be decoded is left out."""
        if self._coder is None:
            self._waiting.append(packet)
            return
        try:
            for frame in packet.decode():
                self._waiting.extend(self._coder.encode(frame))
        except av.FFmpegError:
            return

    def taken(self, since: Fraction, until: Fraction) -> Sequence[Any]:
        """What was heard from one time of the stream to another, seconds; what was before is forgotten."""
        found = []
        while self._waiting and _at(self._waiting[0]) < until:
            packet = self._waiting.popleft()
            if _at(packet) >= since:
                found.append(packet)
        return found

    def forget(self) -> None:
        """What waits: the stream's time is about to be another."""
        self._waiting.clear()

    def track(self, container: Any) -> Any:
        """The stream in a file that it is written to."""
        if self._coder is None:
            return container.add_stream_from_template(self._stream)
        return container.add_stream("aac", rate=self._coder.sample_rate, layout=self._coder.layout.name)


def _at(packet: Any) -> Fraction:
    time = packet.pts if packet.pts is not None else packet.dts
    return (time or 0) * Fraction(packet.time_base)


def moved(packet: Any, since: Fraction, track: Any) -> Any:
    """The packet as one of a track that begins at `since`."""
    packet.pts = packet.dts = round((_at(packet) - since) / Fraction(packet.time_base))
    packet.stream = track
    return packet
