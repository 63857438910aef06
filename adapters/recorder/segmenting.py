"""A stream cut into segments: each ends at the first key frame after two seconds, and plays on its own.

A segment is a fragmented MP4 (ISO/IEC 14496-12 §8.8) with what the camera sent, remuxed and not re-encoded.

Invariant: what a segment shows lies between its `since` and its `until`, and those of one connection follow each other.
Whoever says of what is behind `until` that it is lost says it of no picture that is there.
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
        self._last_at: datetime | None = None
        self._until: datetime | None = None  # of the last cut; None: the clock was set since

    def feed(self, packet: Packet, taken: Taken) -> Cut | None:
        """Takes a packet; gives the segment that ended in front of it. A stream begins at its first key frame."""
        if not self._packets and self._first is None and not packet.is_keyframe:
            return None
        cut = None
        if self._packets and self._ends_before(packet, taken):
            cut = self._cut_before(packet, taken)
        if not self._packets:
            self._first = taken
        self._packets.append(packet)
        self._size += packet.size
        self._last_at = taken.at
        return cut

    def rest(self) -> Cut | None:
        """What came since the last cut, where the stream broke off."""
        if not self._packets:
            return None
        assert self._last_at is not None
        cut = self._cut(self._last_at + self._usual(), self._played())
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

    def leave_off(self, packet: Packet, taken: Taken) -> Cut | None:
        """What came before this picture, which is let go; the next one begins at a key frame."""
        cut = self._cut_before(packet, taken) if self._packets else None
        self._first = None
        if self._sound is not None:
            self._sound.forget()
        return cut

    def leave_sound_out(self) -> None:
        """Also of what was fed already."""
        self._sound = None

    def _ends_before(self, packet: Packet, taken: Taken) -> bool:
        lasted = self._lasted(packet)
        at_key_frame = packet.is_keyframe and lasted >= SHORTEST
        full = lasted >= LONGEST or self._size + packet.size > MOST_BYTES
        return at_key_frame or full or self._begins_anew(lasted, taken)

    def _begins_anew(self, lasted: timedelta, taken: Taken) -> bool:
        """Whether the stream's time does: what lies between is no part of what was shown."""
        return lasted < timedelta(0) or self._leaps(lasted, taken)

    def _cut_before(self, packet: Packet, taken: Taken) -> Cut:
        lasted = self._lasted(packet)
        return self._cut(taken.at, self._played() if self._begins_anew(lasted, taken) else lasted)

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

    def _cut(self, next_at: datetime, lasted: timedelta) -> Cut:
        assert self._first is not None
        packets, first = self._packets, self._first
        self._packets, self._size = [], 0
        lasted = max(lasted, timedelta(milliseconds=1))
        since, until = self._span(first.at, next_at, lasted)
        begins = _time(packets[0]) * self._base
        _place(packets, self._base, lasted, until - since)
        try:
            content = _muxed(self._stream, packets, begins, lasted, self._sound)
        except av.FFmpegError:
            if self._sound is None:
                raise
            self._sound = None  # a sound that cannot be written costs no picture
            content = _muxed(self._stream, packets, begins, lasted)
        return Cut(content, since, until, first, packets[0].is_keyframe, len(packets))

    def _span(self, at: datetime, next_at: datetime, lasted: timedelta) -> tuple[datetime, datetime]:
        """Of what was taken from `at` to `next_at`, as each was known then, and `lasted` by the stream's own time."""
        before, since = self._until, max(filter(None, (self._until, at)))
        late = since + lasted - next_at
        if not -AGREES < late < LONGEST:
            self._until = None
            return since, since + lasted
        if late > timedelta(0):
            # Its first pictures came late, as on a busy machine: what came later tells better when it began. Where
            # there is a segment before it they are shown a little faster, but no more than twice.
            since = max(filter(None, (before, since - late)))
            next_at = max(next_at, since + lasted / 2)
        self._until = next_at
        return since, next_at


def _time(packet: Packet) -> int:
    time = packet.dts if packet.dts is not None else packet.pts
    assert time is not None  # `source` lets no other through
    return time


def _place(packets: list[Packet], base: Fraction, lasted: timedelta, room: timedelta) -> None:
    """From 0 on. `lasted`: by the stream's own time; `room`: in which all of it is shown."""
    start, last = _time(packets[0]), -1
    played, end = _ticks(lasted, base), _ticks(min(lasted, room), base)
    for packet in packets:
        dts, pts = _time(packet) - start, packet.pts if packet.pts is not None else _time(packet)
        dts, pts = max(dts * end // played, last + 1), (pts - start) * end // played
        packet.pts, packet.dts, packet.time_base, last = max(pts, dts), dts, base, dts
    # The last picture has nobody after it that says how long it is shown.
    packets[-1].duration = max(1, end - last)


def _muxed(
    stream: Any, packets: list[Packet], begins: Fraction, lasted: timedelta, sound: Sound | None = None
) -> bytes:
    """`begins`: in seconds of the stream's own time, which is that of its sound. That is not made faster."""
    out = io.BytesIO()
    # One fragment a segment: what a viewer needs to start is at its beginning, and nothing is written twice.
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": str(60_000_000)}
    with av.open(out, "w", format="mp4", options=options) as container:
        copy = container.add_stream_from_template(stream)
        track = sound.track(container) if sound is not None else None
        for packet in packets:
            packet.stream = copy
            container.mux(packet)
        if sound is not None:
            for packet in sound.taken(begins, begins + Fraction(lasted.total_seconds())):
                container.mux(moved(packet, begins, track))
    return out.getvalue()


def _ticks(span: timedelta, base: Fraction) -> int:
    return max(1, round(Fraction(span.total_seconds()) / base))
