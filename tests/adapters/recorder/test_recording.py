"""Cameras recorded as they come: real RTSP from processes of their own, a real vault, the real store."""

from __future__ import annotations

import io
import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from adapters.keys import PostgresFootageKeys
from adapters.recorder.notes import Notes
from adapters.recorder.recording import BACK_OFF_S, RECORDED_AS, Recording
from adapters.recorder.sound import Sound
from adapters.recorder.source import Address, CameraAddress, Connection, SourceFault
from adapters.vault import LocalFiles, Segment, StorageFull, Vault
from adapters.vault.checking import Check
from adapters.vault.segment import Header
from adapters.vault.storage import Part
from application.cameras import Cameras
from domain.camera import CameraOffline, CameraOnline, InstallCamera
from domain.footage import FootageLost, FootageRecorded
from domain.kernel import CameraId, FeedId, PersonId, Place, StreamId
from infra.stack.processes import wait_until
from tests.adapters.recorder.cameras import WITHIN_S, cameras
from tests.adapters.vault.filming import closed
from tests.application.small_center import ADMIN, SmallCenter, done, small_center
from tests.keys import ENCRYPTION

pytestmark = pytest.mark.slow
NORTH = CameraId("north")


class SlowFiles(LocalFiles):
    """A disk that takes nothing while it is told so."""

    refuses = False

    def put(self, name: str, parts: Sequence[Part]) -> str:
        if self.refuses:
            raise StorageFull("no room, for this test")
        return super().put(name, parts)


class Station:
    """A watch center with a vault, and what records one camera."""

    def __init__(self, center: SmallCenter, keys: PostgresFootageKeys, folder: Path) -> None:
        self.center, self.disk = center, SlowFiles(folder)
        self.vault = Vault(self.disk, keys)
        self.notes = Notes(center.handler)
        place = Place(34.0905, -118.3605)
        command = InstallCamera(NORTH, "Plummer Park, north", place, 6.0, 90.0, PersonId(ADMIN))
        done(Cameras(center.handler).change(center.signed_on(ADMIN), command))

    @contextmanager
    def recording(self, address: CameraAddress, **options: Any) -> Iterator[Recording]:
        """With its threads, until the end of the block; then what was received is sealed and said."""
        recording = Recording(address, self.vault, self.notes, **options)
        recording.settle(lambda _: [], was_online=True)
        with self.working(recording):
            yield recording

    @contextmanager
    def working(self, recording: Recording, over: Callable[[], None] = lambda: None) -> Iterator[None]:
        """`over`: done when its threads have ended."""
        stop, said = threading.Event(), threading.Event()
        working = [threading.Thread(target=part, args=(stop,)) for part in (recording.receive, recording.seal)]
        saying = threading.Thread(target=self.notes.run, args=(said,))
        for thread in (*working, saying):
            thread.start()
        self.receiving = working[0]
        try:
            yield
        finally:
            stop.set()
            for thread in working:
                thread.join()
            over()
            said.set()
            saying.join()

    def segments(self) -> list[tuple[Header, bytes]]:
        found = []
        for name in self.vault.reels():
            for entry in self.vault.reread(name)._entries:
                found.append(self.vault.read(name, entry))
        return found

    def events(self, kind: type) -> list[Any]:
        return [recorded.event for recorded in self.center.all_events() if isinstance(recorded.event, kind)]

    def sound(self, at: datetime | None = None) -> bool:
        check = Check(self.vault, self.vault.signer.verifier, at or datetime.now(UTC))
        for name in list(self.vault.reels()):
            check.reel(name)
        return check.checked.findings == []


@pytest.fixture
def station(database_url: str, tmp_path: Path) -> Iterator[Station]:
    with small_center(database_url, datetime.now(UTC)) as center, PostgresFootageKeys(database_url, ENCRYPTION) as keys:
        yield Station(center, keys, tmp_path / "vault")


def until(condition: Callable[[], object], seconds: float = WITHIN_S) -> None:
    assert wait_until(condition, seconds, every=0.2)


def pictures(content: bytes) -> tuple[list[tuple[int, int]], list[str]]:
    """The sizes of all pictures of a segment, decoded on its own, and the kinds of its streams."""
    with av.open(io.BytesIO(content)) as file:
        kinds = [stream.type for stream in file.streams]
        return [(frame.width, frame.height) for frame in file.decode(video=0)], kinds


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_camera_is_recorded_as_it_came(station: Station, tmp_path: Path, codec: str) -> None:
    with (
        cameras(tmp_path, "--codec", codec, "--size", "320x180", "north") as running,
        station.recording(running.address("north")) as recording,
    ):
        until(lambda: len(station.segments()) >= 3)
        until(lambda: "rtcp" in {head.clock for head, _ in station.segments()})
        until(lambda: station.events(CameraOnline))
        assert recording.standing()["online"] and recording.standing()["fault"] is None
    segments = station.segments()
    for head, content in segments[:-1]:  # the last one ended with the recorder
        # By when they came, until the camera says when it took them: on a busy machine that is some time later.
        assert abs(head.until - head.since - timedelta(seconds=2)) < timedelta(seconds=2)
        sizes, kinds = pictures(content)
        assert len(sizes) == 30, "to the first key frame after two seconds of 15 pictures"
        assert set(sizes) == {(320, 180)} and kinds == ["video"], "whole from its key frame on, and without sound"
        assert head.on_key_frame and head.gap is None
        assert head.media.startswith('video/mp4; codecs="' + ("avc1.42" if codec == "h264" else "hvc1.1.6.L"))
    for (before, _), (after, _) in itertools.pairwise(segments):
        assert before.until == after.since, "nothing is missing between them"
    assert abs(segments[0][0].since - datetime.now(UTC)) < timedelta(minutes=3)
    assert all(abs(head.ahead_us) < 60_000_000 for head, _ in segments if head.ahead_us is not None), "one clock"
    assert station.sound() and not station.events(FootageLost)


def test_a_camera_of_another_make_is_recorded_without_its_sound(
    station: Station, another_makers: CameraAddress
) -> None:
    with station.recording(another_makers):
        until(lambda: len(station.segments()) >= 3)
        until(lambda: "rtcp" in {head.clock for head, _ in station.segments()})  # its sender reports say when
    segments = station.segments()
    for head, content in segments[:-1]:
        sizes, kinds = pictures(content)
        assert kinds == ["video"] and set(sizes) == {(320, 180)} and len(sizes) == 30
        assert head.media.startswith('video/mp4; codecs="avc1.')
    assert station.sound() and not station.events(FootageLost)


def test_sound_is_recorded_where_it_is_asked_for(station: Station, another_makers: CameraAddress) -> None:
    """The same camera: its G.711 becomes AAC, of the same stretch as the picture."""
    with station.recording(replace(another_makers, sound=True)):
        until(lambda: len(station.segments()) >= 4)
    for head, content in station.segments()[1:-1]:
        assert head.media.startswith('video/mp4; codecs="avc1.') and head.media.endswith(',mp4a.40.2"')
        with av.open(io.BytesIO(content)) as file:
            assert [stream.codec_context.name for stream in file.streams] == ["h264", "aac"]
            heard = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
        sizes, _ = pictures(content)
        assert abs(heard - len(sizes) / 15) < 0.5, "as long as the picture"
        assert set(sizes) == {(320, 180)}
    assert station.sound() and not station.events(FootageLost)


@pytest.mark.rule("camera.sound")
def test_sound_is_kept_from_when_it_is_asked_for_until_it_is_not_any_more(
    station: Station, another_makers: CameraAddress
) -> None:
    def sounds() -> str:
        return "".join("s" if "mp4a" in head.media else "-" for head, _ in station.segments())

    with station.recording(another_makers) as recording:
        until(lambda: len(sounds()) >= 2)
        recording.address = replace(another_makers, sound=True)
        until(lambda: sounds().count("s") >= 2)
        recording.address = another_makers
        until(lambda: sounds().endswith("--"))
    assert re.fullmatch("-+s+-+", sounds()), sounds()
    for head, content in station.segments():
        _, kinds = pictures(content)
        assert kinds == (["video", "audio"] if "mp4a" in head.media else ["video"])
    assert station.sound()


@pytest.mark.rule("camera.sound")
def test_a_sound_that_cannot_be_written_costs_no_picture_and_no_segment_says_that_it_is_there(
    station: Station, another_makers: CameraAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packets come in the wrong order, which no MP4 can hold."""
    taken = Sound.taken

    def backwards(sound: Sound, since: Fraction, until_: Fraction) -> Sequence[Any]:
        return taken(sound, since, until_)[::-1]

    monkeypatch.setattr(Sound, "taken", backwards)
    with station.recording(replace(another_makers, sound=True)):
        until(lambda: len(station.segments()) >= 3)
    for head, content in station.segments():
        sizes, kinds = pictures(content)
        assert sizes and kinds == (["video", "audio"] if "mp4a" in head.media else ["video"])
    assert "mp4a" not in head.media, "once it could not be, it is left out"
    assert station.sound() and not station.events(FootageLost)


def test_packets_are_not_touched(tmp_path: Path) -> None:
    with cameras(tmp_path, "north") as running:
        connection = Connection(running.address("north"))
        came, cut = [], None
        for picture in connection.pictures():
            came.append(bytes(picture.packet))
            if cut := connection.segmenter.feed(picture.packet, picture.taken):
                break
        connection.close()
        assert cut is not None
    with av.open(io.BytesIO(cut.content)) as file:
        kept = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    assert [_by_length(packet) for packet in kept] == [
        _by_start_code(packet) for packet in came[-cut.pictures - 1 : -1]
    ]


def _by_length(packet: bytes) -> list[bytes]:
    """The units of a packet in MP4: each with its length in front (ISO/IEC 14496-15)."""
    units = []
    while packet:
        size = int.from_bytes(packet[:4], "big")
        units.append(packet[4 : 4 + size])
        packet = packet[4 + size :]
    return units


def _by_start_code(packet: bytes) -> list[bytes]:
    """Of one as it came over RTP (ITU-T H.264 Annex B)."""
    return [unit for unit in re.split(rb"\x00?\x00\x00\x01", packet) if unit]


@pytest.mark.rule("retention.lost")
def test_a_camera_killed_mid_segment_and_back_is_a_loss_with_its_range(station: Station, tmp_path: Path) -> None:
    with cameras(tmp_path, "north") as running, station.recording(running.address("north")):
        until(lambda: len(station.segments()) >= 2)
        running.kill()
        until(lambda: len(station.segments()) >= 3)  # what came of the third is kept
        running.start()
        until(lambda: len(station.segments()) >= 5)
    segments = [head for head, _ in station.segments()]
    (gap,) = [at for at, head in enumerate(segments) if head.gap is not None]
    if segments[gap].gap == RECORDED_AS:  # a machine so slow that the camera was offline meanwhile
        assert station.events(CameraOffline)
    else:
        (lost,) = station.events(FootageLost)
        assert (lost.range.since, lost.range.until) == (segments[gap - 1].until, segments[gap].since)
        assert "camera" in lost.detail
    assert station.sound()


@pytest.mark.rule("flight.camera_outage")
def test_a_camera_that_stays_away_is_offline_and_its_outage_is_no_loss(station: Station, tmp_path: Path) -> None:
    with cameras(tmp_path, "north") as running, station.recording(running.address("north")):
        until(lambda: station.events(CameraOnline))
        until(lambda: station.segments())
        running.kill()
        until(lambda: station.events(CameraOffline))
        (offline,) = station.events(CameraOffline)
        before = station.segments()[-1][0]
        assert abs(offline.observed_at - before.until) < timedelta(seconds=1)
        running.start()
        until(lambda: len(station.events(CameraOnline)) == 2)
        until(lambda: station.segments()[-1][0].since > before.until)
    (gap,) = [head for head, _ in station.segments() if head.gap is not None]
    assert gap.gap == RECORDED_AS and not station.events(FootageLost)


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with cameras(tmp_path, "--user", "viewer", "--password", "right", "north") as running:
        with pytest.raises(SourceFault, match="refuses the user or the password") as refused:
            Connection(running.address("north", "viewer:wr0ng@"))
        assert "wr0ng" not in str(refused.value)
        Connection(running.address("north", "viewer:right@")).close()
        with pytest.raises(SourceFault, match="the camera cannot be reached"):
            Connection(running.address("nowhere", "viewer:right@"))


def test_a_camera_that_refuses_the_password_is_told_as_such_until_it_is_the_right_one(
    station: Station, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with cameras(tmp_path, "--user", "viewer", "--password", "right", "north") as running:
        right, wrong = (running.address("north", f"viewer:{password}@") for password in ("right", "wr0ng"))
        with station.recording(right) as recording:
            until(lambda: station.events(CameraOnline))
            recording.address = wrong
            running.kill()
            running.start()
            until(lambda: recording.standing()["fault"] == "the camera refuses the user or the password")
            until(lambda: station.events(CameraOffline))
            before = len(station.segments())
            recording.address = right
            until(lambda: len(station.events(CameraOnline)) == 2)
            until(lambda: len(station.segments()) > before)
    (offline,) = station.events(CameraOffline)
    assert not any("wr0ng" in said for said in (offline.detail, *capfd.readouterr()))


def test_a_camera_that_does_not_come_is_asked_less_and_less_often(station: Station) -> None:
    class Stop(threading.Event):
        """Nobody waits here: what would be waited is noted, ten times."""

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            waited.append(timeout)
            if len(waited) == 10:
                self.set()
            return self.is_set()

    def away(_: Address) -> Connection:
        raise SourceFault("the camera cannot be reached")

    waited: list[float] = []
    Recording(CameraAddress(NORTH, "rtsp://127.0.0.1:9/"), station.vault, station.notes, connect=away).receive(Stop())
    least, most = BACK_OFF_S
    for number, seconds in enumerate(waited):
        pause = min(least * 2**number, most)
        assert pause / 2 <= seconds <= pause
    assert len(waited) == 10 and least * 2**9 > most, "up to the longest pause, and no further"


def test_a_stream_that_changes_its_size_is_recorded_in_both(station: Station, tmp_path: Path) -> None:
    arguments = ("--size", "320x180", "--resize-after", "60", "north")
    with cameras(tmp_path, *arguments) as running, station.recording(running.address("north")):
        until(lambda: {(320, 180), (160, 90)} <= {pictures(content)[0][0] for _, content in station.segments()})
    for _, content in station.segments():
        sizes, _ = pictures(content)
        assert len(set(sizes)) == 1, "a segment is of one size"
    assert station.sound()


def test_a_camera_whose_clock_is_wrong_is_recorded_by_ours_and_the_difference_is_kept(
    station: Station, tmp_path: Path
) -> None:
    arguments = ("--clock-ahead", "3600", "north")
    with cameras(tmp_path, *arguments) as running, station.recording(running.address("north")) as recording:
        until(lambda: recording.standing()["clock_differs"])
        until(lambda: any(head.ahead_us is not None for head, _ in station.segments()))
    heads = [head for head, _ in station.segments() if head.ahead_us is not None]
    assert {head.clock for head in heads} == {"arrival"}
    assert all(abs(head.ahead_us / 1e6 - 3600) < 60 for head in heads if head.ahead_us)
    assert all(abs(head.since - datetime.now(UTC)) < timedelta(minutes=3) for head in heads)


@pytest.mark.rule("retention.lost")
def test_a_disk_that_takes_nothing_costs_footage_with_its_range_and_no_memory(station: Station, tmp_path: Path) -> None:
    most = 400_000
    with (
        cameras(tmp_path, "--size", "320x180", "north") as running,
        station.recording(running.address("north"), most_waiting=most) as recording,
    ):
        until(lambda: len(station.segments()) >= 2)
        station.disk.refuses = True
        until(lambda: recording._lost_until is not None)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            assert recording.standing()["bytes_waiting"] <= most
            time.sleep(0.1)
        assert recording.standing()["fault"]
        station.disk.refuses = False
        until(lambda: any(head.gap for head, _ in station.segments()))
    heads = [head for head, _ in station.segments()]
    losses = [
        (before.until, after.since)
        for before, after in itertools.pairwise(heads)
        if after.since - before.until > timedelta(seconds=1)
    ]
    assert losses and [(lost.range.since, lost.range.until) for lost in station.events(FootageLost)] == losses
    assert station.sound()


def test_footage_that_was_tampered_with_before_it_was_on_record_keeps_nobody_from_recording(
    station: Station, tmp_path: Path
) -> None:
    began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    feed = FeedId(StreamId("camera-north"))
    changed, gone = closed(station.vault, 2, feed, began), closed(station.vault, 2, feed, began + timedelta(hours=1))
    manifest = tmp_path / "vault" / changed.name.manifest
    manifest.write_bytes(manifest.read_bytes().replace(b'"segment":1', b'"segment":7'))
    (tmp_path / "vault" / gone.name.manifest).unlink()
    with cameras(tmp_path, "north") as running, station.recording(running.address("north")):
        until(lambda: len([name for name in station.vault.reels() if name.begins > gone.name.begins]) == 1)
    assert not station.events(FootageRecorded), "it is told by who verifies"
    assert not station.sound()


def test_what_another_run_left_is_closed_and_its_losses_are_said(station: Station, tmp_path: Path) -> None:
    feed, began = FeedId(StreamId("camera-north")), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    began -= timedelta(hours=2)
    reel = station.vault.reel(feed, began)
    two = timedelta(seconds=2)
    for at, gap in ((0, None), (1, None), (5, "the vault was too slow"), (6, None)):
        reel.add(Segment(b"x" * 1000, began + at * two, began + (at + 1) * two, "video/mp4", gap=gap))
    with cameras(tmp_path, "north") as running, station.recording(running.address("north")):
        until(lambda: station.events(FootageRecorded))
        until(lambda: len(station.events(FootageLost)) >= 2)

    def of_that_run() -> list[FootageRecorded]:
        """Perhaps an hour of the clock ends just now, with footage of its own."""
        return [recorded for recorded in station.events(FootageRecorded) if recorded.range.since == began]

    (recorded,) = of_that_run()
    assert (recorded.segments, recorded.range.since, recorded.range.until) == (4, began, began + 7 * two)
    assert recorded.manifest_root_sha256 == station.vault.closed(reel.name).root
    slow, away = station.events(FootageLost)
    assert (slow.range.since, slow.range.until, slow.detail) == (
        began + 2 * two,
        began + 5 * two,
        "the vault was too slow",
    )
    assert (away.range.since, away.detail) == (began + 7 * two, "the recorder was away")
    with station.recording(CameraAddress(NORTH, "rtsp://127.0.0.1:9/")):
        until(lambda: station.notes.waiting == 0)
    assert len(of_that_run()) == 1 and len(station.events(FootageLost)) == 2, "said twice, once there"
