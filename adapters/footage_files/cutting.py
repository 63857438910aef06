"""The part that reads a file nobody vouches for: a process of its own, that has no settings, no keys and no network.

It is handed the open file as its standard input and writes to its standard output, for each thing it says, a line of
JSON, and behind a cut's line its bytes:

    {"found": "MP4, H.264 1920x1080", "media": …, "sound": …}      what the file is, first
    {"bytes": …, "since_us": …, "until_us": …, "on_key_frame": …, "gap": …}⏎content
    {"pictures": …}                                                 all of it was read
    {"refused": …, "accepted": …}                                   instead, and then nothing more

Containers are known by their content; which may be opened is a list, and no other file or address is ever opened,
whatever the file names.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, BinaryIO

import av

from adapters.recorder import codecs
from adapters.recorder.clock import Taken
from adapters.recorder.segmenting import Cut, Segmenter
from adapters.recorder.sound import CODEC
from adapters.recorder.sound import Sound as HeardSound
from domain.footage_import import LONGEST, Sound

CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "MP4", "matroska,webm": "Matroska", "mpegts": "MPEG transport stream"}
CODECS = {"h264": "H.264", "hevc": "H.265"}
ACCEPTED = "MP4, MKV or TS with H.264 or H.265"
MOST_STREAMS = 32
MOST_PIXELS = 8192 * 8192
MOST_PACKET = 32 << 20  # bytes
MOST_HELD = 64  # packets, of which nobody says yet when they are decoded
MEMORY = 4 << 30  # bytes of address space, most of which is libraries
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WITH_SOUND = "--with-sound"
PAUSE = timedelta(seconds=5)  # between two pictures; more is a stretch without any
PAUSED, BEGINS_ANEW = "the file holds no picture", "the file's own time begins anew"
_MICROSECOND = timedelta(microseconds=1)
# What a file is that is none of these, by its first bytes; so that who brings one is told.
_KNOWN = (
    (b"RIFF", "a RIFF file (AVI or WAV)"),
    (b"\x30\x26\xb2\x75", "a Windows Media file (ASF)"),
    (b"FLV", "a Flash video"),
    (b"DHAV", "a recorder's own format (DAV)"),
    (b"IMKH", "a recorder's own format (Hikvision)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"#EXTM3U", "a playlist, which only names other files"),
    (b"\x00\x00\x01\xba", "an MPEG programme stream"),
)


class Refused(Exception):
    """Not a file of footage that can be taken in. Says what was found."""

    def __init__(self, found: str, accepted: str = ACCEPTED) -> None:
        super().__init__(found)
        self.accepted = accepted


@dataclass(slots=True)
class Timeline:
    """From the file's own times to what passed since its first picture. Never goes back."""

    _last: Fraction | None = None
    at: timedelta = timedelta(0)

    def step(self, seconds: Fraction) -> str | None:
        """Go on to a picture at a time of the file; says why nothing is between it and the one before, or None."""
        last, self._last = self._last, seconds
        if last is None:
            return None
        forward = timedelta(seconds=float(seconds - last))
        if forward < timedelta(0) or forward > LONGEST:
            return BEGINS_ANEW  # right behind the last picture
        self.at += forward
        return PAUSED if forward > PAUSE else None


class _Nameless:
    """The file as FFmpeg may have it: bytes without a name, by which no container is guessed."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def say(out: BinaryIO, fields: dict[str, Any], content: bytes = b"") -> None:
    out.write(json.dumps(fields).encode() + b"\n" + content)


def cut(file: BinaryIO, out: BinaryIO, keep_sound: bool = False) -> None:
    """Raises Refused."""
    start = file.read(16)
    file.seek(0)
    options = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
    try:
        container: Any = av.open(_Nameless(file), container_options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError):
        raise Refused(_what(start)) from None
    with container:
        if len(container.streams) > MOST_STREAMS:
            raise Refused(f"it has {len(container.streams)} streams", f"at most {MOST_STREAMS}")
        kind = CONTAINERS.get(container.format.name, container.format.name)
        video = next((s for s in container.streams.video if s.codec_context.name in CODECS), None)
        if video is None:
            holds = ", ".join(f"{s.type} {_codec(s)}" for s in container.streams) or "nothing"
            raise Refused(f"it is {kind} and holds {holds}")
        if not 0 < video.width * video.height <= MOST_PIXELS:
            raise Refused(f"its picture is {video.width}x{video.height}", "up to 8192x8192")
        codec = video.codec_context.name
        sps = codecs.in_extradata(codec, bytes(video.codec_context.extradata or b""))
        found = f"{kind}, {CODECS[codec]} {video.width}x{video.height}"
        heard = next(iter(container.streams.audio), None)
        kept = HeardSound(heard) if heard is not None and keep_sound else None
        sound = Sound.NONE if heard is None else Sound.KEPT if kept is not None else Sound.DROPPED
        media = codecs.media_type(codec, sps, CODEC if kept is not None else None)
        say(out, {"found": found, "media": media, "sound": sound})
        _cuts(container, video, heard if kept is not None else None, kept, out)


def _cuts(container: Any, video: Any, heard: Any, sound: HeardSound | None, out: BinaryIO) -> None:
    segmenter, timeline, pictures, gap = Segmenter(video, sound), Timeline(), 0, None
    base = video.time_base
    try:
        for packet in _timed(container, video, heard, sound):
            if packet.size > MOST_PACKET:
                raise Refused(f"a picture of it has {packet.size / 1e6:.0f} MB", f"up to {MOST_PACKET / 1e6:.0f} MB")
            if not pictures and not packet.is_keyframe:
                continue  # nothing before the first key frame can be shown
            why = timeline.step(packet.dts * base)
            if timeline.at > LONGEST:
                raise Refused("it holds more than a day", "at most 24 hours a file")
            if why is not None and (rest := segmenter.rest()):
                _say_cut(out, rest, gap)
                gap, timeline.at = None, max(timeline.at, rest.until - EPOCH)
            done = segmenter.feed(packet, Taken(EPOCH + timeline.at, "stated", None))
            if done is not None:
                _say_cut(out, done, gap)
                gap = None
            gap = why or gap
            pictures += 1
    except av.FFmpegError as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Refused(f"it is damaged after {timeline.at}: {said}", "a whole file") from None
    if rest := segmenter.rest():
        _say_cut(out, rest, gap)
    if not pictures:
        raise Refused("it holds no picture that can be shown")
    say(out, {"pictures": pictures})


def _timed(container: Any, video: Any, heard: Any, sound: HeardSound | None) -> Iterator[Any]:
    """The packets of the picture, each with the time at which it is decoded: Matroska leaves it out in front of the
    first that is shown earlier than one before it. Those of the sound are told to `sound`."""
    usual = round(1 / (video.average_rate or 25) / video.time_base) or 1
    held: list[Any] = []
    last: int | None = None
    for packet in container.demux(*filter(None, (video, heard))):
        if packet.stream is heard and sound is not None:
            if packet.size:
                sound.hear(packet)
            continue
        if not packet.size or packet.is_corrupt or (packet.dts is None and packet.pts is None):
            continue
        if packet.dts is None and last is None and len(held) < MOST_HELD:
            held.append(packet)
            continue
        step = packet.duration or usual
        if packet.dts is None:
            packet.dts = held[0].pts + len(held) * step if last is None else last + step
        for back, early in enumerate(reversed(held), start=1):
            early.dts = packet.dts - back * step
        yield from held
        held, last = [], packet.dts
        yield packet
    for number, packet in enumerate(held):
        packet.dts = held[0].pts + number * (packet.duration or usual)
        yield packet


def _say_cut(out: BinaryIO, done: Cut, gap: str | None) -> None:
    fields = {
        "bytes": len(done.content),
        "since_us": (done.since - EPOCH) // _MICROSECOND,
        "until_us": (done.until - EPOCH) // _MICROSECOND,
        "on_key_frame": done.on_key_frame,
        "gap": gap,
    }
    say(out, fields, done.content)


def _codec(stream: Any) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "of an unknown kind"


def _what(start: bytes) -> str:
    if not start:
        return "it is empty"
    for begins, name in _KNOWN:
        if start.startswith(begins):
            return f"it is {name}"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return "it is text"
    return f"it begins with {start.hex(' ')}, which no video known here does, or it is cut off"


def confine() -> None:
    """What this process must never need: to write files, to leave its memory behind, or more memory than this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    confine()
    av.logging.set_level(None)
    with os.fdopen(0, "rb") as file, os.fdopen(1, "wb") as out:
        try:
            cut(file, out, keep_sound=WITH_SOUND in sys.argv)
        except Refused as refused:
            say(out, {"refused": str(refused)[:300], "accepted": refused.accepted})
        except MemoryError:
            say(out, {"refused": "it asks for more memory than a file of footage needs", "accepted": ACCEPTED})


if __name__ == "__main__":
    main()
