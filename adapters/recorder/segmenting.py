"""A stream cut into segments: each ends at the first key frame after two seconds, and plays on its own.

A segment is a fragmented MP4 (ISO/IEC 14496-12 §8.8) with what the camera sent, remuxed and not re-encoded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeAlias

import av

from adapters.recorder.clock import Taken
from adapters.recorder.sound import Sound, moved

Packet: TypeAlias = "av.Packet[av.VideoStream]"  # generic in its stubs alone
SHORTEST = timedelta(seconds=2)
LONGEST = timedelta(seconds=10)  # of a camera that sends key frames too rarely, or none: it is cut all the same
MOST_BYTES = 32 << 20
AGREES = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment as it was cut. `taken`: its first picture."""

    content: bytes
    since: datetime
    until: datetime
    taken: Taken
    on_key_frame: bool
    pictures: int


class Segmenter:
    """Of one connection. `stream`: what the packets are of; `sound`: beside it. Holds at most MOST_BYTES and one packet
    of the picture."""

    def __init__(self, stream: av.VideoStream, sound: Sound | None = None) -> None:
        self._stream, self._sound = stream, sound
        self._base: Fraction = stream.time_base or Fraction(1, 90_000)
        self._packets: list[Packet] = []
        self._size = 0
        self._first: Taken | None = None

    def feed(self, packet: Packet, taken: Taken) -> Cut | None:
        """Takes a packet; gives the segment that ended in front of it. A stream begins at its first key frame."""
        if not self._packets and self._first is None and not packet.is_keyframe:
            return None
        cut = None
        if self._packets:
            lasted = self._lasted(packet)
            at_key_frame = packet.is_keyframe and lasted >= SHORTEST
            if lasted < timedelta(0) or self._leaps(lasted, taken):
                # The stream's time begins anew: what lies between is no part of what was shown.
                cut = self._cut(taken.at, self._played())
            elif at_key_frame or lasted >= LONGEST or self._size + packet.size > MOST_BYTES:
                cut = self._cut(taken.at, lasted)
        if not self._packets:
            self._first = taken
        self._packets.append(packet)
        self._size += packet.size
        return cut

    def rest(self) -> Cut | None:
        """What came since the last cut, where the stream broke off."""
        if not self._packets:
            return None
        cut = self._cut(None, self._played())
        if self._sound is not None:
            self._sound.forget()
        return cut

    @property
    def begun(self) -> bool:
        """Whether the next picture is taken whatever it is, and not a key frame alone."""
        return self._first is not None

    @property
    def sounds(self) -> bool:
        """Whether the sound is in what was cut last, too: one that cannot be written is left out from there on."""
        return self._sound is not None

    def leave_off(self) -> Cut | None:
        """The same, and the next one begins at a key frame: of what is fed no more nothing is left in it."""
        cut, self._first = self.rest(), None
        return cut

    def leave_sound_out(self) -> None:
        """Also of what was fed already."""
        self._sound = None

    def _leaps(self, lasted: timedelta, taken: Taken) -> bool:
        """Whether the stream's own time went on by far more than the clock did."""
        assert self._first is not None
        far = lasted - self._lasted(self._packets[-1]) > LONGEST
        return far and abs(taken.at - self._first.at - lasted) >= AGREES

    def _lasted(self, packet: Packet) -> timedelta:
        """From the first packet held to the beginning of this one."""
        ticks = _time(packet) - _time(self._packets[0])
        return timedelta(seconds=float(ticks * self._base))

    def _played(self) -> timedelta:
        """How long all of it is shown, as far as its own times tell."""
        return self._lasted(self._packets[-1]) + self._usual()

    def _usual(self) -> timedelta:
        """How long a picture is shown."""
        if len(self._packets) < 2:
            return timedelta(milliseconds=40)
        return max(self._lasted(self._packets[-1]) / (len(self._packets) - 1), timedelta(milliseconds=1))

    def _cut(self, next_at: datetime | None, lasted: timedelta) -> Cut:
        assert self._first is not None
        packets, first = self._packets, self._first
        self._packets, self._size = [], 0
        since, lasted = first.at, max(lasted, timedelta(milliseconds=1))
        # Where clock and stream agree the next one begins where this one ends; where not, it is as long as it plays.
        agrees = next_at is not None and abs(next_at - since - lasted) < AGREES and next_at > since
        until = next_at if agrees and next_at is not None else since + lasted
        try:
            content = _muxed(self._stream, packets, self._base, lasted, self._sound)
        except av.FFmpegError:
            if self._sound is None:
                raise
            self._sound = None  # a sound that cannot be written costs no picture
            content = _muxed(self._stream, packets, self._base, lasted)
        return Cut(content, since, until, first, packets[0].is_keyframe, len(packets))


def _time(packet: Packet) -> int:
    time = packet.dts if packet.dts is not None else packet.pts
    assert time is not None  # `source` lets no other through
    return time


def _muxed(stream: Any, packets: list[Packet], base: Fraction, lasted: timedelta, sound: Sound | None = None) -> bytes:
    out = io.BytesIO()
    # One fragment a segment: what a viewer needs to start is at its beginning, and nothing is written twice.
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": str(60_000_000)}
    with av.open(out, "w", format="mp4", options=options) as container:
        copy = container.add_stream_from_template(stream)
        track = sound.track(container) if sound is not None else None
        start, last = _time(packets[0]), -1
        since = start * base
        for packet in packets:
            dts = max(_time(packet) - start, last + 1)
            packet.pts = max((packet.pts if packet.pts is not None else dts + start) - start, dts)
            packet.dts, packet.time_base, last = dts, base, dts
            packet.stream = copy
        # The last picture has nobody after it that says how long it is shown.
        packets[-1].duration = max(1, round(Fraction(lasted.total_seconds()) / base) - last)
        for packet in packets:
            container.mux(packet)
        if sound is not None:
            for packet in sound.taken(since, since + Fraction(lasted.total_seconds())):
                container.mux(moved(packet, since, track))
    return out.getvalue()
