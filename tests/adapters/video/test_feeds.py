"""One encode for each feed, mask and size, whoever watches; and what happens beyond what the machine can do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import monotonic, sleep

import pytest

from adapters.video import masked
from adapters.video.coded import CodecParameters, Item
from adapters.video.feeds import Capacity, MaskedFeeds, TooMany, cost
from adapters.video.masked import Size
from adapters.video.pieces import Ended, Fragment, Init, Piece
from domain.camera import Outline
from domain.kernel import FeedId, StreamId
from tests.adapters.video.filming import DOOR, WINDOW, Film, flat, parameters, played, runs, scene, sent

PLAZA, PARK = (FeedId(StreamId(f"camera-{name}")) for name in ("plaza", "park"))
WITHIN_S = 60.0


def window(_: datetime) -> Sequence[Outline]:
    return (WINDOW,)


def door(_: datetime) -> Sequence[Outline]:
    return (DOOR,)


class Viewer:
    """What one console got."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._some = threading.Condition()

    def __call__(self, piece: Piece) -> None:
        with self._some:
            self.pieces.append(piece)
            self._some.notify_all()

    def pictures(self) -> int:
        return sum(piece.pictures for piece in self.pieces if isinstance(piece, Fragment))

    def wait(self, pictures: int) -> Viewer:
        with self._some:
            assert self._some.wait_for(lambda: self.pictures() >= pictures, WITHIN_S), self.pieces
        return self

    def ended(self) -> Viewer:
        with self._some:
            assert self._some.wait_for(lambda: bool(self.pieces) and isinstance(self.pieces[-1], Ended), WITHIN_S)
        return self


@pytest.fixture(autouse=True)
def _every_picture_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked, "BEHIND", 1 << 30)
    monkeypatch.setattr(masked, "NEARLY_NOW", 1 << 30)


@pytest.fixture
def feeds() -> Iterator[MaskedFeeds]:
    made = MaskedFeeds(Capacity(1e12))
    yield made
    made.close()
    assert made.running() == 0


def test_twenty_viewers_of_one_feed_share_one_encode_and_get_the_same(feeds: MaskedFeeds) -> None:
    film, viewers = Film(parameters(), *sent(scene(1, 30))), [Viewer() for _ in range(20)]
    joined = [feeds.join(PLAZA, "a mask", Size.FULL, film, window, viewer) for viewer in viewers]
    assert feeds.running() == 1 and feeds.watching(PLAZA) == 20 and len(film.takers) == 1
    film.send(None)
    for viewer in viewers:
        viewer.ended()
    # Who joined later begins with a later key frame; what all got is the same.
    for viewer in viewers[1:]:
        fragments = [piece for piece in viewer.pieces if isinstance(piece, Fragment)]
        assert viewer.pieces[0] == viewers[0].pieces[0] and fragments[0].key
        assert fragments == [piece for piece in viewers[0].pieces if isinstance(piece, Fragment)][-len(fragments) :]
    assert feeds.running() == 0 and not film.takers
    for each in joined:
        each.leave()


@pytest.mark.rule("mask.nothing_left")
def test_who_joins_later_sees_a_masked_picture_at_once(feeds: MaskedFeeds) -> None:
    film, first, later = Film(parameters(), *sent(scene(2, 45))), Viewer(), Viewer()
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, first)
    first.wait(36)
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, later)
    init, fragment = later.pieces[0], later.pieces[1]  # given before `join` was over
    assert isinstance(init, Init) and isinstance(fragment, Fragment) and fragment.key
    shown = played(init, [fragment])
    assert shown and all(flat(picture, WINDOW) for picture in shown)


@pytest.mark.rule("mask.nothing_left")
def test_another_mask_or_size_is_another_encode_and_nobody_gets_what_is_made_for_others(feeds: MaskedFeeds) -> None:
    film = Film(parameters(640, 480), *sent(scene(3, 12, 640, 480)), None)
    asked = [("window", Size.FULL, window, WINDOW), ("door", Size.FULL, door, DOOR), ("door", Size.GRID, door, DOOR)]
    viewers = [Viewer() for _ in asked]
    held = Film(parameters(640, 480), *sent(scene(3, 12, 640, 480)))
    for (state, size, mask, _), viewer in zip(asked, viewers, strict=True):
        feeds.join(PLAZA, state, size, held, mask, viewer)
    assert feeds.running() == 3
    held.send(film.items[-1])
    for (_, size, _, outline), viewer in zip(asked, viewers, strict=True):
        ((init, fragments),) = runs(viewer.ended().pieces)
        assert init.height == (360 if size is Size.GRID else 480)
        assert all(flat(picture, outline) for picture in played(init, fragments))


def test_the_last_to_leave_ends_the_encode_and_leaving_twice_is_leaving(feeds: MaskedFeeds) -> None:
    film, one, other = Film(parameters(), *sent(scene(4, 20))), Viewer(), Viewer()
    first = feeds.join(PLAZA, "a mask", Size.FULL, film, window, one)
    second = feeds.join(PLAZA, "a mask", Size.FULL, film, window, other)
    other.wait(8)
    first.leave()
    first.leave()
    assert feeds.running() == 1 and feeds.watching(PLAZA) == 1
    second.leave()
    got = len(other.pieces)
    assert feeds.running() == 0 and not film.takers
    film.send(*sent(scene(5, 20), first=20))
    third = Viewer()
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, third)
    third.wait(20)
    assert len(other.pieces) == got


def test_a_viewer_whose_console_breaks_is_dropped_and_the_others_go_on(feeds: MaskedFeeds) -> None:
    film, good = Film(parameters(), *sent(scene(6, 20))), Viewer()

    def broken(piece: Piece) -> None:
        raise ConnectionError("the console is gone")

    feeds.join(PLAZA, "a mask", Size.FULL, film, window, good)
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, broken)
    good.wait(12)
    _until(lambda: feeds.watching(PLAZA) == 1)
    film.send(None)
    good.ended()


def test_a_feed_that_ended_is_begun_anew_by_who_joins_next(feeds: MaskedFeeds) -> None:
    film, one, other = Film(parameters(), *sent(scene(7, 12)), None), Viewer(), Viewer()
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, one)
    one.ended()
    feeds.join(PLAZA, "a mask", Size.FULL, film, window, other)
    other.ended()
    assert other.pictures() == one.pictures() == 12


def test_beyond_what_the_machine_can_do_a_picture_is_refused_in_so_many_words() -> None:
    film = Film(parameters(), *sent(scene(8, 20)))
    one = cost(parameters(), Size.FULL)
    feeds = MaskedFeeds(Capacity(2.5 * one))
    try:
        joined = [feeds.join(PLAZA, state, Size.FULL, film, window, Viewer()) for state in "ab"]
        with pytest.raises(TooMany, match="2 masked pictures are already being made; this machine's limit is"):
            feeds.join(PARK, "c", Size.FULL, film, window, Viewer())
        assert feeds.running() == 2 and len(film.takers) == 2
        again = Viewer()
        feeds.join(PLAZA, "a", Size.FULL, film, window, again)  # one more who watches costs nothing
        again.wait(10)
        joined[1].leave()
        feeds.join(PARK, "c", Size.FULL, film, window, Viewer())
    finally:
        feeds.close()


def test_the_first_picture_is_made_on_any_machine_and_capacity_is_given_back() -> None:
    capacity = Capacity(1.0)
    capacity.take("one", 1e9)
    with pytest.raises(TooMany, match="1 masked picture is already being made"):
        capacity.take("other", 1.0)
    capacity.give_back("one")
    capacity.take("other", 1e9)


def test_a_picture_costs_what_it_takes_to_make_it() -> None:
    assert cost(None, Size.FULL) == 1280 * 720 * 30
    assert cost(parameters(), Size.GRID) < cost(parameters(), Size.FULL) < cost(parameters(codec="hevc"), Size.FULL)


class Unheard:
    """A camera that nobody has watched yet, so that its size is not known."""

    parameters: CodecParameters | None = None

    def __init__(self) -> None:
        self.takers: list[Callable[[Item | None], None]] = []

    def follow(self, take: Callable[[Item | None], None]) -> Callable[[], None]:
        self.takers.append(take)
        return lambda: None


def test_what_a_picture_takes_is_put_right_once_its_camera_is_heard_of() -> None:
    feeds, camera = MaskedFeeds(Capacity(cost(None, Size.FULL) + cost(parameters(), Size.FULL))), Unheard()
    try:
        feeds.join(PLAZA, "a", Size.FULL, camera, window, Viewer())
        with pytest.raises(TooMany):
            feeds.join(PARK, "b", Size.FULL, Unheard(), window, Viewer())
        for take in camera.takers:
            take(parameters())
        feeds.join(PARK, "b", Size.FULL, Unheard(), window, Viewer())
    finally:
        feeds.close()


def _until(condition: object) -> None:
    deadline = monotonic() + WITHIN_S
    while not condition():  # type: ignore[operator]
        assert monotonic() < deadline
        sleep(0.01)
