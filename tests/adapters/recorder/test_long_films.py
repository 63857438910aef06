"""What no camera does while a test waits: a whole day, a clock that is set back, hours without a key frame."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from adapters.keys import PostgresFootageKeys
from adapters.recorder import recording as recording_module
from adapters.recorder.clock import Taken
from adapters.recorder.recording import Recording
from adapters.recorder.segmenting import LONGEST, Segmenter
from adapters.recorder.source import CameraAddress, Picture, SourceFault
from adapters.vault.manifest import PURPOSE
from adapters.vault.segment import Header
from adapters.video.coded import CodecParameters
from application.sealing import KeysUnavailable
from domain.footage import FootageLost, FootageRecorded
from infra.stack.processes import wait_until
from tests.adapters.recorder.test_recording import NORTH, Station
from tests.application.small_center import small_center
from tests.keys import ENCRYPTION

pytestmark = pytest.mark.slow
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
BASE = Fraction(1, 90_000)
HALF = 10_000  # bytes that wait, of what may


class Film:
    """A connection to a camera that sends its pictures as fast as they are taken from it: `times` of our clock and of
    the stream, and whether each is a key frame."""

    def __init__(self, times: Iterable[tuple[datetime, timedelta, bool]]) -> None:
        self._times = times
        self.now = MIDNIGHT
        coded = io.BytesIO()
        with av.open(coded, "w", format="mp4") as file:
            stream: Any = file.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for packet in [*stream.encode(av.VideoFrame(64, 48, "yuv420p")), *stream.encode(None)]:
                file.mux(packet)
        self._file: Any = av.open(io.BytesIO(coded.getvalue()))
        (self._picture,) = [bytes(packet) for packet in self._file.demux(video=0) if packet.size]
        self.segmenter = Segmenter(self._file.streams.video[0])
        self.segmenter._base = BASE
        self.media, self.sound = 'video/mp4; codecs="avc1.42c00a"', False
        self.parameters = CodecParameters("h264", b"", BASE, 64, 48)

    def pictures(self) -> Iterator[Picture]:
        for at, in_stream, key in self._times:
            packet: Any = av.Packet(self._picture)
            packet.pts = packet.dts = round(in_stream.total_seconds() / BASE)
            packet.time_base, packet.is_keyframe = BASE, key
            self.now = at
            yield Picture(packet, Taken(at, "arrival", None))

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def station(database_url: str, tmp_path: Path) -> Iterator[Station]:
    with small_center(database_url, MIDNIGHT) as center, PostgresFootageKeys(database_url, ENCRYPTION) as keys:
        yield Station(center, keys, tmp_path / "vault")


def filmed(station: Station, film: Film) -> list[Header]:
    """All of it recorded: what is in the vault then."""
    with station.recording(CameraAddress(NORTH, "rtsp://film/"), connect=lambda _: film, clock=lambda: film.now):
        station.receiving.join(200)
        assert not station.receiving.is_alive()
    return [head for head, _ in station.segments()]


def every(seconds: int, lasting: timedelta, since: datetime = MIDNIGHT) -> Iterator[tuple[datetime, timedelta, bool]]:
    for number in range(int(lasting.total_seconds()) // seconds + 1):
        yield since + number * seconds * SECOND, number * seconds * SECOND, True


def test_a_whole_day_is_a_piece_of_footage_an_hour_without_a_gap(station: Station) -> None:
    heads = filmed(station, Film(every(30, timedelta(days=1, minutes=5))))
    recorded = station.events(FootageRecorded)
    assert len(recorded) == 24 and not station.events(FootageLost)
    for hour, footage in enumerate(recorded):
        assert (footage.range.since, footage.range.until) == (MIDNIGHT + hour * HOUR, MIDNIGHT + (hour + 1) * HOUR)
    assert len({footage.key for footage in recorded}) == 24, "a key an hour"
    assert all(before.until == after.since for before, after in itertools.pairwise(heads))
    assert station.sound(MIDNIGHT)


def test_a_clock_that_is_set_back_costs_nothing(station: Station) -> None:
    noon = MIDNIGHT + 12 * HOUR
    forward = [(at, in_stream, True) for at, in_stream, _ in every(10, 40 * MINUTE, noon)]
    back = [
        (at - 30 * MINUTE, in_stream, True) for at, in_stream, _ in every(10, HOUR, noon) if at > noon + 40 * MINUTE
    ]
    heads = filmed(station, Film([*forward, *back]))
    assert len(heads) == len(forward) + len(back), "every picture is there"
    names = list(station.vault.reels())
    assert [(name.begins, name.ordinal) for name in names] == [(noon, 1), (noon, 2)]
    assert station.vault.until(names[0]) == noon + 40 * MINUTE + 10 * SECOND
    assert not station.events(FootageLost) and station.sound(noon)


def test_a_camera_whose_own_time_leaps_is_recorded_by_the_clock(station: Station) -> None:
    before = list(every(1, 20 * SECOND))
    leap = timedelta(hours=9)
    after = [(at, in_stream + leap, key) for at, in_stream, key in every(1, 40 * SECOND) if at > before[-1][0]]
    heads = filmed(station, Film([*before, *after]))
    assert heads[-1].until - heads[0].since == 41 * SECOND
    assert all(before.until == after.since for before, after in itertools.pairwise(heads))
    assert not station.events(FootageLost) and station.sound(MIDNIGHT)


def test_a_camera_without_key_frames_is_cut_all_the_same(station: Station) -> None:
    pictures = [(MIDNIGHT + n * SECOND, n * SECOND, n == 0) for n in range(60)]
    heads = filmed(station, Film(pictures))
    assert [head.until - head.since for head in heads[:-1]] == [LONGEST] * 5
    assert [head.on_key_frame for head in heads] == [True, *[False] * 5]
    assert station.sound(MIDNIGHT)


@pytest.mark.rule("retention.lost")
def test_a_loss_is_told_while_it_goes_on_and_to_its_end(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "PATIENCE_S", 0.01)
    since, until, told = MIDNIGHT + 5 * MINUTE, MIDNIGHT + 25 * MINUTE, list[int]()

    def times() -> Iterator[tuple[datetime, timedelta, bool]]:
        assert wait_until(lambda: bool(recordings), 60)
        for at, in_stream, key in every(1, 30 * MINUTE):
            if at == since:
                station.disk.refuses = True
            elif at in (since + 5 * MINUTE, since + 10 * MINUTE, since + 15 * MINUTE):
                more = len(told) + 1
                assert wait_until(lambda more=more: len(station.events(FootageLost)) >= more, 60)  # type: ignore[misc]
                told.append(len(station.events(FootageLost)))
            elif at == until:
                station.disk.refuses = False
            while recordings and recordings[0].standing()["bytes_waiting"] > (HALF if station.disk.refuses else 0):
                time.sleep(0.001)  # no faster than it is sealed, or given up
            yield at, in_stream, key

    film, recordings = Film(times()), list[Recording]()
    with station.recording(
        CameraAddress(NORTH, "rtsp://film/"), connect=lambda _: film, clock=lambda: film.now, most_waiting=2 * HALF
    ) as recording:
        recordings.append(recording)
        station.receiving.join(200)
        assert not station.receiving.is_alive()
    losses = [lost.range for lost in station.events(FootageLost)]
    assert len(told) == 3 and all(before.until == after.since for before, after in itertools.pairwise(losses))
    heads = [head for head, _ in station.segments()]
    (gap,) = [at for at, head in enumerate(heads) if head.gap is not None]
    assert (losses[0].since, losses[-1].until) == (heads[gap - 1].until, heads[gap].since)
    assert losses[0].since <= since and losses[-1].until - losses[0].since > 15 * MINUTE and station.sound(MIDNIGHT)


def test_a_camera_that_sends_what_cannot_be_shown_is_not_silence(station: Station) -> None:
    """Pictures without a key frame after a new connection: nothing begins, and that is told while it goes on."""

    def broken_off() -> Iterator[tuple[datetime, timedelta, bool]]:
        yield from every(1, MINUTE)
        raise SourceFault("it broke off")

    first = Film(broken_off())
    nothing = Film((at, in_stream, False) for at, in_stream, _ in every(1, 20 * MINUTE, MIDNIGHT + MINUTE))
    films = [first, nothing]

    def connect(_: CameraAddress) -> Film:
        return films.pop(0)

    with station.recording(
        CameraAddress(NORTH, "rtsp://film/"), connect=connect, clock=lambda: max(first.now, nothing.now)
    ) as recording:
        assert wait_until(lambda: station.segments(), 60)
        recording._presence.online = True
        assert wait_until(lambda: station.events(FootageLost), 60)
    (lost,) = station.events(FootageLost)[:1]
    assert lost.detail == "pictures come, and none of them can be recorded"
    assert lost.range.since == station.segments()[-1][0].until


class Keys(PostgresFootageKeys):
    """A key store that is away for who would sign."""

    away = True

    def secret_of(self, purpose: str) -> bytes:
        if self.away and purpose == PURPOSE:
            raise KeysUnavailable("away, for this test")
        return super().secret_of(purpose)


def test_footage_whose_end_cannot_be_signed_is_closed_when_it_can(database_url: str, tmp_path: Path) -> None:
    with small_center(database_url, MIDNIGHT) as center, Keys(database_url, ENCRYPTION) as keys:
        station = Station(center, keys, tmp_path / "vault")

        def times() -> Iterator[tuple[datetime, timedelta, bool]]:
            for at, in_stream, key in every(60, 3 * HOUR + MINUTE):
                if at == MIDNIGHT + 150 * MINUTE:
                    assert wait_until(lambda: len(station.segments()) >= 145, 60)
                    assert not station.events(FootageRecorded)
                    keys.away = False
                yield at, in_stream, key

        filmed(station, Film(times()))
        assert len(station.events(FootageRecorded)) == 3 and not station.events(FootageLost)
        assert station.sound(MIDNIGHT)
