"""How fast an approved export becomes its file: seconds of 720p footage at 25 pictures a second, a second.

From the vault's sealed segments to the sealed ZIP: opened, decoded, masked, marked, encoded, signed, hashed. Floor:
PyAV decodes and encodes the same pictures with the same encoder, and does nothing else. Both in turns, in one process.
"""

from __future__ import annotations

import io
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import av
import numpy as np

from adapters.exports.clips import QUALITY
from adapters.exports.keeping import Shelf
from adapters.exports.making import Maker
from adapters.exports.papers import Order, Person
from adapters.exports.signing import AgencySigner
from adapters.vault import Closed, LocalFiles, Segment, Vault
from application.sealing import SubjectKey
from bench.figures import figure
from domain.camera import Outline
from domain.export import ExportRequested
from domain.footage import Stored
from domain.grounds import StatedGrounds
from domain.kernel import CallNumber, FeedId, Personal, PersonId, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality

GOAL = 0.6
SIZE, RATE = (1280, 720), 25
SEGMENTS = 4  # of two seconds
ROUNDS = 3
BEGAN = datetime(2026, 6, 1, 12, tzinfo=UTC)
TWO_S = timedelta(seconds=2)
MASK: Outline = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.6), (0.1, 0.6))


class _Keys:
    """The key store is asked once an export; here it answers at once."""

    def __init__(self) -> None:
        self._key = SubjectKey("bench", secrets.token_bytes(32))

    def find(self, subjects: Any) -> dict[str, SubjectKey]:
        return dict.fromkeys(subjects, self._key)

    make = find

    def destroy(self, subject: str) -> bool:
        return False

    def secret_of(self, purpose: str) -> bytes:
        return bytes(32)


def run(**_: Any) -> list[dict[str, Any]]:
    film = _film()
    made, bare = [], []
    with tempfile.TemporaryDirectory(prefix="saferweho-bench-") as folder:
        vault = Vault(LocalFiles(Path(folder) / "vault"), _Keys())
        reel = vault.reel(FeedId(StreamId("camera-bench")), BEGAN)
        for number, content in enumerate(film):
            at = BEGAN + number * TWO_S
            reel.add(Segment(content, at, at + TWO_S, "video/mp4"))
        closed = reel.close()
        shelf = Shelf(LocalFiles(Path(folder) / "exports"), _Keys())
        maker = Maker(vault, shelf, AgencySigner.self_made(secrets.token_bytes(32)))
        whole = closed.manifest
        footage = Stored(whole.footage, Range(whole.since, whole.until), closed.root)
        for number in range(ROUNDS):
            order = _order(closed, f"bench-{number}")
            started = perf_counter()
            maker.make(order, footage, lambda *_: lambda at: (MASK,))
            made.append(SEGMENTS * 2 / (perf_counter() - started))
            started = perf_counter()
            _bare(film)
            bare.append(SEGMENTS * 2 / (perf_counter() - started))
    return [figure("export, masked 720p25", median(made), "s of footage/s", median(bare), GOAL)]


def _order(closed: Closed, export: str) -> Order:
    whole = closed.manifest
    said = StatedGrounds(
        "call_for_service", CallNumber("26-1"), None, None, Personal("call-26-1", "x"), ReasonQuality(90, False, ())
    )
    request = ExportRequested(
        whole.footage,
        Range(whole.since, whole.until),
        "District Attorney",
        True,
        None,
        PersonId("d517"),
        said,
        LegalBasis(BasisKind.SUBPOENA, "1", "Superior Court"),
    )
    person = Person("d517", "Dep. Ana Torres")
    return Order(export, request, person, BEGAN, person, BEGAN, None, None, 1, "bench")


def _film() -> list[bytes]:
    """A street at noon, as far as an encoder can tell: gradients that drift, and some noise that does not repeat."""
    width, height = SIZE
    chance = np.random.default_rng(7)
    ramp = (
        np.linspace(30, 200, width, dtype=np.float32)[None, :] + np.linspace(0, 30, height, dtype=np.float32)[:, None]
    )
    grain = chance.normal(0, 2, (height, 2 * width)).astype(np.float32)
    film = []
    for number in range(SEGMENTS):
        out = io.BytesIO()
        options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": str(60_000_000)}
        with av.open(out, "w", format="mp4", options=options) as container:
            stream: Any = container.add_stream(
                "libx264", rate=RATE, options={"preset": "veryfast", "crf": "23", "g": "50"}
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in range(2 * RATE):
                samples = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
                moved = np.roll(ramp, 4 * (number * 2 * RATE + picture), 1)
                samples[:height] = (
                    (moved + grain[:, (start := chance.integers(width)) : start + width]).clip(16, 235).astype(np.uint8)
                )
                frame = av.VideoFrame.from_ndarray(samples, "yuv420p")
                frame.pts, frame.time_base = picture, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        film.append(out.getvalue())
    return film


def _bare(film: list[bytes]) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        pts = 0
        for content in film:
            with av.open(io.BytesIO(content), "r") as source:
                for frame in source.decode(video=0):
                    frame.pts, frame.time_base, frame.pict_type = pts, Fraction(1, RATE), 0
                    pts += 1
                    container.mux(stream.encode(frame))
        container.mux(stream.encode())


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
