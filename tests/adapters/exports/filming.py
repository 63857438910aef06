"""Footage for tests of exports: noise that moves, so that whatever is left of it can be told from everything else."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import numpy as np

from adapters.exports.keeping import Shelf
from adapters.exports.papers import Order, Person
from adapters.poses.telemetry import with_telemetry
from adapters.vault import Closed, Segment, Vault
from application.poses import Pose
from domain.export import ExportCategorised, ExportRequested
from domain.flight_events import RecordCategory
from domain.footage import Stored
from domain.grounds import StatedGrounds
from domain.kernel import CallNumber, FeedId, Personal, PersonId, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FEED = FeedId(StreamId("camera-plummer-1"))
FLIGHT = FeedId(StreamId("flight-f1"))
SECOND = timedelta(seconds=1)
RATE = 10
LENGTH = 2 * SECOND
EXPORT = "01975f3d-0000-7000-8000-000000000001"
Picture = Any  # numpy array of luma, rows and columns


def noise(seed: int, number: int, width: int, height: int) -> Picture:
    """Blocks of noise, coarse enough to survive a codec, that move from picture to picture."""
    chance = np.random.default_rng((seed, number))
    coarse = chance.integers(40, 230, (height // 8, width // 8), dtype=np.uint8)
    return coarse.repeat(8, 0).repeat(8, 1)


def segment(seed: int, first: int, width: int = 320, height: int = 192, *, codec: str = "libx264") -> bytes:
    """Two seconds of it, as a recorder seals them; the pictures are numbers `first` and after."""
    out = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": str(60_000_000)}
    with av.open(out, "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream(codec, rate=RATE, options={"preset": "ultrafast", "g": "100", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number in range(2 * RATE):
            samples = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
            samples[:height] = noise(seed, first + number, width, height)
            frame = av.VideoFrame.from_ndarray(samples, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def undecodable(content: bytes, picture: int = 0) -> bytes:
    """The same segment, as of a camera whose coder is broken: from a picture on its bytes are chance."""
    found = bytearray(content)
    with av.open(io.BytesIO(content)) as container:
        sizes = [packet.size for packet in container.demux(video=0)]
    begins = found.rfind(b"mdat") + 4 + sum(sizes[:picture])
    found[begins:] = random.Random(picture).randbytes(len(found) - begins)
    return bytes(found)


def filmed(
    vault: Vault,
    segments: int = 3,
    seed: int = 1,
    gap_before: Sequence[int] = (),
    size: tuple[int, int] = (320, 192),
    at: datetime = NOON,
    feed: FeedId = FEED,
    flown: Callable[[datetime], Pose] | None = None,
    broken: Mapping[int, Callable[[bytes], bytes]] | None = None,
) -> Closed:
    """A closed reel; `gap_before`: the numbers of segments, from 0, before which ten seconds are missing; `flown`:
    where a drone was, ten times a second, also in the last second of a gap; `broken`: what became of some of them
    before they were sealed."""
    reel = vault.reel(feed, at)
    for number in range(segments):
        at += 10 * SECOND if number in gap_before else timedelta(0)
        content = (broken or {}).get(number, bytes)(segment(seed, number * 2 * RATE, *size))
        if flown is not None:
            content = with_telemetry(content, at, [flown(at + n * SECOND / 10) for n in range(-10, 21)])
        reel.add(Segment(content, at, at + LENGTH, 'video/mp4; codecs="avc1.42c00d"'))
        at += LENGTH
    return reel.close()


def on_record(closed: Closed) -> Stored:
    whole = closed.manifest
    return Stored(whole.footage, Range(whole.since, whole.until), closed.root)


def order(
    closed: Closed, range_: Range | None = None, *, masked: bool = True, export: str = EXPORT, recipient: str = ""
) -> Order:
    whole, quality = closed.manifest, ReasonQuality(90, False, ())
    said = StatedGrounds("call_for_service", CallNumber("26-004512"), None, None, Personal("call-26", "x"), quality)
    request = ExportRequested(
        closed.name.footage,
        range_ or Range(whole.since, whole.until),
        recipient or "District Attorney, Los Angeles County",
        masked,
        None if masked else StreamId("override-1"),
        PersonId("d517"),
        said,
        LegalBasis(BasisKind.WARRANT, "26-SW-118", "Superior Court, Los Angeles"),
    )
    captain = Person("d214", "Capt. Jordan Lee")
    why = "part of the file of an open robbery"
    decided = ExportCategorised(RecordCategory.INVESTIGATORY_FILE, PersonId("d214"), why)
    lee, later = Person("d517", "Dep. Ana Torres"), whole.until + timedelta(hours=3)
    return Order(
        export, request, lee, later, captain, later + 60 * SECOND, decided, captain, 3, "Santa Monica & Plummer"
    )


def zip_of(shelf: Shelf, folder: Path, export: str = EXPORT) -> Path:
    """The file as it is handed over."""
    path = folder / f"{UUID(export).hex}.zip"
    path.write_bytes(b"".join(shelf.read(export)))
    return path


def decoded(clip: bytes) -> list[tuple[float, Picture]]:
    """Seconds and luma of each picture."""
    with av.open(io.BytesIO(clip)) as container:
        video = container.streams.video[0]
        return [
            (float(frame.time or 0), frame.to_ndarray(format="yuv420p")[: frame.height].astype(np.int16))
            for frame in container.decode(video)
        ]
