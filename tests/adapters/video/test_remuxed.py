"""A camera's pictures in fragments for browsers, remuxed once for all who watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from adapters.video.coded import Item
from adapters.video.pieces import Ended, Fragment, Init, Piece
from adapters.video.remuxed import GIVES_UP_AFTER, RemuxedFeeds
from tests.adapters.video.film import NOON, RATE, film, numbers, times

LONGEST = timedelta(milliseconds=500)


class Camera:
    """A source whose pictures come when the test says so."""

    def __init__(self) -> None:
        self.followers: list[Callable[[Item | None], None]] = []

    def follow(self, take: Callable[[Item | None], None]) -> Callable[[], None]:
        self.followers.append(take)
        return lambda: self.followers.remove(take)

    def sends(self, *items: Item | None) -> None:
        for item in items:
            for take in list(self.followers):
                take(item)


def watching(feeds: RemuxedFeeds, camera: Camera) -> tuple[list[Piece], Callable[[], None]]:
    got: list[Piece] = []
    joined = feeds.join("camera-north", camera, got.append)
    return got, joined.leave


def fragments(got: list[Piece]) -> list[Fragment]:
    return [piece for piece in got if isinstance(piece, Fragment)]


def test_a_viewer_gets_an_initialization_and_short_fragments_that_play_as_it_was_filmed() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    parameters, pictures = film(46)
    camera.sends(parameters, *pictures)
    init, *rest = got
    assert isinstance(init, Init) and init.media == 'video/mp4; codecs="avc1.42c00a"'
    assert (init.width, init.height) == (128, 96) and init.data[4:8] == b"ftyp"
    cut = fragments(got)
    assert len(cut) == len(rest) and all(part.data[4:8] == b"moof" for part in cut)
    assert all(part.until - part.since <= LONGEST for part in cut)
    assert [part.since for part in cut[1:]] == [part.until for part in cut[:-1]], "nothing is missing between them"
    assert cut[0].since == NOON and cut[0].key
    shown = sum(part.pictures for part in cut)
    assert numbers(got) == list(range(shown)) and shown == 45, "the last waits for what comes after it"
    assert all(abs(at - number / RATE) < 0.01 for number, at in enumerate(times(got)))
    starts = [sum(part.pictures for part in cut[:n]) for n, part in enumerate(cut) if part.key]
    assert starts == [0, 15, 30], "each key frame begins a fragment"


def test_who_comes_later_begins_with_the_last_key_frame() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    watching(feeds, camera)
    parameters, pictures = film(40)
    camera.sends(parameters, *pictures[:25])
    late, _ = watching(feeds, camera)
    assert len(camera.followers) == 1, "it is remuxed once for all"
    assert numbers(late)[0] == 15
    camera.sends(*pictures[25:])
    assert numbers(late) == list(range(15, 39))
    assert abs(times(late)[0] - 1.0) < 0.01, "in the time of who was there before"


def test_who_comes_before_the_first_key_frame_waits_for_it() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    parameters, pictures = film(40)
    camera.sends(parameters, *pictures[7:])
    assert numbers(got)[0] == 15


def test_a_camera_that_was_connected_to_anew_is_another_initialization() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    camera.sends(*_of(film(20)))
    before = len(got)
    camera.sends(*_of(film(20, size=(64, 48))))
    assert isinstance(got[before], Init) and (got[before].width, got[before].height) == (64, 48)
    assert numbers(got[before:])[0] == 0


def test_a_stream_whose_own_time_leaps_plays_on() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    parameters, pictures = film(45)
    hour = 3600 * 90_000
    moved = [replace(p, dts=p.dts + hour, pts=p.pts + hour) for p in pictures[15:30]]
    back = [replace(p, dts=p.dts - 800_000, pts=p.pts - 800_000) for p in pictures[30:]]
    camera.sends(parameters, *pictures[:15], *moved, *back)
    shown = times(got)
    assert numbers(got) == list(range(len(shown))) and len(shown) > 40
    assert all(0 < after - before < 0.2 for before, after in pairwise(shown))


def test_when_the_last_leaves_nobody_follows_the_camera_any_more() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, leave = watching(feeds, camera)
    other, leave_too = watching(feeds, camera)
    camera.sends(*_of(film(20)))
    leave()
    leave()
    seen = len(got)
    camera.sends(*_of(film(20)))
    assert len(got) == seen and len(other) > seen and feeds.running() == 1
    leave_too()
    assert not camera.followers and feeds.running() == 0


def test_what_cannot_be_read_ends_with_a_word_and_harms_nobody_else() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    parameters, pictures = film(20)
    rubbish = replace(pictures[0], data=b"\x00\x00\x00\x01\x67" + bytes(range(256)))
    camera.sends(parameters, *[rubbish] * GIVES_UP_AFTER)
    assert isinstance(got[-1], Ended)
    sound = Camera()
    fine: list[Piece] = []
    feeds.join("camera-south", sound, fine.append)
    sound.sends(*_of(film(20)))
    assert numbers(fine)[0] == 0


def test_what_browsers_do_not_play_is_not_remuxed() -> None:
    feeds, camera = RemuxedFeeds(), Camera()
    got, _ = watching(feeds, camera)
    camera.sends(*_of(film(20, codec="hevc")))
    assert [type(piece) for piece in got] == [Ended]


def _of(filmed: Any) -> list[Item]:
    parameters, pictures = filmed
    return [parameters, *pictures]
