"""Recorded pictures under a mask: segments and stills, as they leave for playback and for exports."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame

from adapters.video import segments
from adapters.video.coded import CodedPicture
from adapters.video.decoding import MOST_PIXELS, NotVideo, coded
from adapters.video.feeds import TooMany
from adapters.video.fragmenting import boxes
from adapters.video.masked import NOTHING, Size
from adapters.video.segments import MaskedSegment, MaskedSegments, masked_segment, still
from domain.camera import Outline
from tests.adapters.video import filming
from tests.adapters.video.filming import (
    DOOR,
    NOON,
    STEP,
    WINDOW,
    Samples,
    alike,
    black,
    decoded,
    differing,
    flat,
    luma,
    moves,
    scene,
    segment,
)


def window(_: datetime) -> Sequence[Outline]:
    return (WINDOW,)


def jpeg(content: bytes) -> Samples:
    """Planes of 4:2:0, limited range."""
    with av.open(io.BytesIO(content), format="jpeg_pipe") as container:
        (frame,) = container.decode(video=0)
        return (
            VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), "rgb24").reformat(format="yuv420p").to_ndarray()
        )


@pytest.mark.slow
@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("codec", filming.CODECS)
def test_in_a_recorded_segment_nothing_is_left_of_what_was_masked(codec: str, size: Size) -> None:
    made = masked_segment(segment(scene(1, 50, 640, 480), codec), NOON, window, size)
    shown = decoded(made.whole)
    assert len(shown) == made.pictures == 50 and made.covered is None
    assert all(flat(picture, WINDOW) for picture in shown) and moves(shown, WINDOW)
    assert (made.width, made.height) == ((480, 360) if size is Size.GRID else (640, 480))
    assert made.media.startswith('video/mp4; codecs="avc1.')
    assert made.duration == pytest.approx(timedelta(seconds=2), abs=timedelta(milliseconds=2))
    assert filming.times(made.whole) == pytest.approx([n / filming.RATE for n in range(50)], abs=0.002)


@pytest.mark.slow
@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("codec", filming.CODECS)
def test_not_a_bit_of_a_segment_or_still_depends_on_what_is_under_the_mask(codec: str, size: Size) -> None:
    pictures = scene(2, 12, 640, 480)
    films = [segment(them, codec, lossless=True) for them in (pictures, differing(pictures, WINDOW))]
    one, other = (masked_segment(film, NOON, window, size) for film in films)
    assert one == other
    at = NOON + 7 * STEP
    stills = [still(film, NOON, at, window, size) for film in films]
    assert stills[0] == stills[1] and flat(jpeg(stills[0]), WINDOW)
    assert len({masked_segment(film, NOON, NOTHING, size).body for film in films}) == 2
    assert len({still(film, NOON, at, NOTHING, size) for film in films}) == 2


def test_h265_without_a_mask_becomes_the_same_picture_in_h264(room: None) -> None:
    pictures = scene(3, 25)
    film = segment(pictures, "hevc")
    made = masked_segment(film, NOON, NOTHING)
    with av.open(io.BytesIO(made.whole)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    shown, original = decoded(made.whole), decoded(film)
    assert len(shown) == len(original) == 25
    assert all(alike(a, b) for a, b in zip(shown, original, strict=True))


@pytest.mark.rule("mask.nothing_left")
def test_a_mask_that_changes_within_a_segment_hides_from_that_very_picture_on() -> None:
    turn = NOON + 12 * STEP - timedelta(milliseconds=1)
    made = masked_segment(segment(scene(4, 24)), NOON, lambda at: (DOOR,) if at >= turn else (WINDOW,))
    shown = decoded(made.whole)
    assert [flat(picture, WINDOW) for picture in shown] == [True] * 12 + [False] * 12
    assert [flat(picture, DOOR) for picture in shown] == [False] * 12 + [True] * 12


def test_segments_lie_behind_one_another_on_a_players_time_line() -> None:
    first = masked_segment(segment(scene(5, 50)), NOON, window)
    second = masked_segment(segment(scene(6, 50)), NOON + timedelta(seconds=2), window, plays_from=timedelta(seconds=2))
    assert first.init == second.init
    shown_at = filming.times(first.init + first.body + second.body)
    assert shown_at == pytest.approx([n / filming.RATE for n in range(100)], abs=0.002)
    assert [kind for kind, _, _ in boxes(first.init)] == [b"ftyp", b"moov"]
    assert {kind for kind, _, _ in boxes(second.body)} == {b"moof", b"mdat"}


def test_of_a_segment_with_sound_the_pictures_are_shown() -> None:
    out, chance = io.BytesIO(), np.random.default_rng(1)
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": "60000000"}
    with av.open(io.BytesIO(segment(scene(18, 25)))) as film, av.open(out, "w", format="mp4", options=options) as both:
        pictures = both.add_stream_from_template(film.streams.video[0])
        sound: Any = both.add_stream("aac", rate=48_000)
        sound.layout = "mono"
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                both.mux(packet)
        for n in range(47):
            samples = chance.normal(0, 0.1, (1, 1024)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, n * 1024, Fraction(1, 48_000)
            both.mux(sound.encode(frame))
        both.mux(sound.encode(None))
    made = masked_segment(out.getvalue(), NOON, window)
    assert made.pictures == 25 and made.covered is None
    with av.open(io.BytesIO(made.whole)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


# -- stills --------------------------------------------------------------------


@pytest.mark.rule("mask.nothing_left")
def test_a_still_is_the_picture_of_its_moment_and_nothing_more() -> None:
    pictures = [np.full((180, 320, 3), 20 + 9 * n, dtype=np.uint8) for n in range(20)]
    film = segment(pictures)
    for n in (0, 3, 9, 10, 19):
        shown = jpeg(still(film, NOON, NOON + n * STEP + STEP / 2, NOTHING))
        expected = 16 + (20 + 9 * n) * 219 / 255
        assert abs(luma(shown).mean() - expected) < 4
    assert abs(luma(jpeg(still(film, NOON, NOON - STEP, NOTHING))).mean() - 33) < 4
    assert abs(luma(jpeg(still(film, NOON, NOON + timedelta(hours=1), NOTHING))).mean() - 176) < 4


@pytest.mark.rule("mask.nothing_left")
def test_a_still_is_one_jpeg_that_says_nothing_else() -> None:
    content = still(segment(scene(7, 10)), NOON, NOON + 5 * STEP, window)
    markers = []
    at = 2
    assert content[:2] == b"\xff\xd8" and content[-2:] == b"\xff\xd9" and content.count(b"\xff\xd8") == 1
    while content[at + 1] != 0xDA:  # JPEG, ITU-T T.81 §B.1.1.3: up to the start of scan
        markers.append(content[at + 1])
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    # Application segments: JFIF alone, which has no room for a picture of its own here; no EXIF, no XMP.
    assert {marker for marker in markers if 0xE0 <= marker <= 0xEF} <= {0xE0}
    assert b"Exif" not in content and b"http" not in content


@pytest.mark.rule("mask.fails_closed")
def test_a_still_under_a_mask_that_cannot_be_had_is_black() -> None:
    assert black(jpeg(still(segment(scene(8, 5)), NOON, NOON, lambda _: None)))


# -- what was recorded may be anything -------------------------------------------


def other_codec() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(VideoFrame.from_ndarray(scene(9, 1, 64, 48)[0], "rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no MP4"),
        (b"#EXTM3U\nhttp://127.0.0.1:1/steal.ts\n", "no MP4"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no MP4"),
        (random.Random(1).randbytes(20_000), "no MP4"),
        (segment(scene(9, 2))[:200], "no MP4|holds"),
        (other_codec(), "accepted: H.264 or H.265"),
    ],
)
def test_what_is_no_video_of_ours_is_refused_with_what_was_found(content: bytes, found: str) -> None:
    for make in (lambda: masked_segment(content, NOON, window), lambda: still(content, NOON, NOON, window)):
        with pytest.raises(NotVideo, match=found):
            make()


def test_a_picture_larger_than_any_camera_sends_is_not_decoded() -> None:
    width, height = 4096, MOST_PIXELS // 4096 + 16
    film = segment([np.zeros((height, width, 3), dtype=np.uint8)])
    with pytest.raises(NotVideo, match="accepted: at most"):
        masked_segment(film, NOON, window)


def test_more_pictures_than_a_segment_can_hold_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.video.decoding.MOST_PICTURES", 10)
    with pytest.raises(NotVideo, match="more pictures than 10"):
        masked_segment(segment(scene(10, 11)), NOON, window)


@pytest.mark.slow
@pytest.mark.rule("mask.fails_closed")
def test_of_a_damaged_segment_what_is_doubtful_is_hidden_or_gone(room: None) -> None:
    pictures = scene(11, 30)
    film = segment(pictures)
    right = decoded(masked_segment(film, NOON, window).whole)
    body = film.rfind(b"mdat") + 4
    hidden = 0
    for seed in range(10):
        chance, broken = random.Random(seed), bytearray(film)
        at = chance.randrange(body + (len(film) - body) // 6, len(film))
        for byte in range(at, min(at + 24, len(film))):
            broken[byte] ^= chance.randrange(1, 256)
        made = masked_segment(bytes(broken), NOON, window)
        shown = dict(
            zip((round(t * filming.RATE) for t in filming.times(made.whole)), decoded(made.whole), strict=True)
        )
        for n, picture in shown.items():
            assert black(picture) or alike(picture, right[n]), (seed, n)
        hidden += 30 - len(shown) + sum(map(black, shown.values()))
    assert hidden


@pytest.mark.rule("mask.fails_closed")
def test_a_segment_of_which_nothing_decodes_is_black_for_as_long_as_it_lasts() -> None:
    film = bytearray(segment(scene(12, 50)))
    body = film.rfind(b"mdat") + 4
    film[body:] = random.Random(2).randbytes(len(film) - body)
    made = masked_segment(bytes(film), NOON, NOTHING)
    shown = decoded(made.whole)
    assert shown and all(map(black, shown)) and made.covered
    assert made.duration == pytest.approx(timedelta(seconds=2), abs=timedelta(milliseconds=2))
    assert black(jpeg(still(bytes(film), NOON, NOON, NOTHING)))


def test_a_segment_that_begins_within_a_group_is_decoded_with_those_before_it() -> None:
    pictures = scene(13, 30)
    parameters, sent = coded(segment(pictures), NOON)
    first, second, third = (_muxed(sent[n : n + 7]) for n in (10, 17, 24))  # a key frame is every tenth: 10, 20
    alone = masked_segment(second, NOON, window)
    assert alone.pictures == 4  # from the key frame on
    made = masked_segment(second, NOON, window, lead=[first])
    assert made.pictures == 7 and made.covered is None
    assert all(flat(picture, WINDOW) for picture in decoded(made.whole))
    assert masked_segment(third, NOON, window, lead=[first, second]).pictures == 6
    assert parameters.codec == "h264"


def _muxed(pictures: Sequence[CodedPicture]) -> bytes:
    """A segment of pictures of `segment(scene(13, 30))`."""
    whole, out = io.BytesIO(segment(scene(13, 30))), io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+skip_trailer", "frag_duration": "60000000"}
    with av.open(whole) as source, av.open(out, "w", format="mp4", options=options) as container:
        video = source.streams.video[0]
        copy = container.add_stream_from_template(video)
        for picture in pictures:
            packet = av.Packet(picture.data)
            packet.pts, packet.dts = picture.pts - pictures[0].pts, picture.dts - pictures[0].dts
            packet.time_base, packet.is_keyframe, packet.stream = video.time_base or Fraction(1), picture.key, copy
            container.mux(packet)
    return out.getvalue()


# -- shared ----------------------------------------------------------------------


class Reads:
    """How often a segment was opened."""

    def __init__(self, film: bytes) -> None:
        self.film, self.count = film, 0
        self.go, self.began = threading.Event(), threading.Event()
        self.go.set()

    def __call__(self) -> bytes:
        self.count += 1
        self.began.set()
        assert self.go.wait(60)
        return self.film


def made_by(shared: MaskedSegments, read: Callable[[], bytes], name: str = "one", state: str = "s") -> MaskedSegment:
    return shared.segment(name, state, Size.FULL, read, NOON, window)


def test_all_who_watch_a_stretch_under_one_mask_share_one_making() -> None:
    shared, read = MaskedSegments(), Reads(segment(scene(14, 10)))
    read.go.clear()
    found: list[MaskedSegment] = []
    threads = [threading.Thread(target=lambda: found.append(made_by(shared, read))) for _ in range(8)]
    for thread in threads:
        thread.start()
    read.go.set()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8 and all(made is found[0] for made in found) and read.count == 1
    assert made_by(shared, read) is found[0] and read.count == 1
    assert made_by(shared, read, state="another mask") is not found[0] and read.count == 2


def test_what_was_made_is_forgotten_after_a_while_and_where_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Reads(segment(scene(15, 10)))
    shared = MaskedSegments(most_bytes=len(masked_segment(read.film, NOON, window).whole) + 10)
    made_by(shared, read, "one")
    made_by(shared, read, "two")
    made_by(shared, read, "one")
    assert read.count == 3  # there is room for one
    made_by(shared, read, "one")
    assert read.count == 3
    monkeypatch.setattr(segments, "KEPT", timedelta(0))
    made_by(shared, read, "one")
    assert read.count == 4


def test_so_many_are_made_at_once_and_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "WAITS", timedelta(milliseconds=50))
    shared, read = MaskedSegments(at_once=1), Reads(segment(scene(16, 5)))
    read.go.clear()
    busy = threading.Thread(target=lambda: made_by(shared, read, "one"))
    busy.start()
    assert read.began.wait(60)
    with pytest.raises(TooMany, match="1 stretch of footage is already being masked"):
        made_by(shared, Reads(read.film), "two")
    read.go.set()
    busy.join(60)
    made_by(shared, Reads(read.film), "two")


def test_what_could_not_be_made_is_tried_again_by_who_asks_next() -> None:
    shared, film = MaskedSegments(), segment(scene(17, 5))
    with pytest.raises(NotVideo):
        made_by(shared, lambda: b"no video")
    assert made_by(shared, lambda: film).pictures == 5
