"""Live pictures under a mask: what leaves is decoded and looked at, fragment by fragment."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from adapters.video import masked
from adapters.video.coded import CodedPicture, Item
from adapters.video.masked import NOTHING, MaskAt, MaskedEncode, Size
from adapters.video.pieces import Ended, Fragment, Init, Piece
from domain.camera import WHOLE_PICTURE, Outline
from tests.adapters.video import filming
from tests.adapters.video.filming import (
    DOOR,
    NOON,
    STEP,
    WINDOW,
    alike,
    black,
    differing,
    flat,
    moves,
    parameters,
    played,
    runs,
    scene,
    sent,
)

WITHIN_S = 120.0
HALF_A_SECOND = timedelta(milliseconds=500)


def window(_: datetime) -> Sequence[Outline]:
    return (WINDOW,)


@pytest.fixture(autouse=True)
def _every_picture_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine of the tests is."""
    monkeypatch.setattr(masked, "BEHIND", 1 << 30)
    monkeypatch.setattr(masked, "NEARLY_NOW", 1 << 30)


def made(*items: Item | None, mask: MaskAt = window, size: Size = Size.FULL) -> list[Piece]:
    """All that an encode gives of a feed that ends after these."""
    pieces: list[Piece] = []
    encode = MaskedEncode(mask, size, pieces.append)
    for item in (*items, None):
        encode.take(item)
    encode.start()
    encode.join(WITHIN_S)
    assert isinstance(pieces[-1], Ended)
    return pieces


def only_run(pieces: Sequence[Piece]) -> tuple[Init, list[Fragment]]:
    (run,) = runs(pieces)
    return run


@pytest.mark.slow
@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("codec", filming.CODECS)
def test_in_no_fragment_is_anything_left_of_what_was_masked(codec: str, size: Size) -> None:
    width, height = (640, 480) if size is Size.GRID else (320, 180)
    pictures = scene(1, 40, width, height)
    init, fragments = only_run(made(parameters(width, height, codec), *sent(pictures, codec), size=size))
    assert (init.width, init.height) == ((480, 360) if size is Size.GRID else (width, height))
    shown = played(init, fragments)
    assert len(shown) == 40 and all(flat(picture, WINDOW) for picture in shown) and moves(shown, WINDOW)
    for fragment in fragments:
        assert fragment.covered is None and fragment.until - fragment.since <= HALF_A_SECOND
        if fragment.key:  # what somebody sees first who joins at any time
            alone = played(init, [fragment])
            assert len(alone) == fragment.pictures and all(flat(picture, WINDOW) for picture in alone)
    assert sum(fragment.key for fragment in fragments) >= 2 and fragments[0].key


@pytest.mark.slow
@pytest.mark.rule("mask.nothing_left")
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("codec", filming.CODECS)
def test_not_a_bit_of_what_leaves_depends_on_what_is_under_the_mask(codec: str, size: Size) -> None:
    # Without loss, so that what a decoder makes of the two differs under the mask alone.
    pictures = scene(2, 20, 640, 480)
    told = parameters(640, 480, codec)
    feeds = [sent(them, codec, lossless=True) for them in (pictures, differing(pictures, WINDOW))]
    one, other = (made(told, *feed, size=size) for feed in feeds)
    assert one == other
    assert made(told, *feeds[0], mask=NOTHING) != made(told, *feeds[1], mask=NOTHING)


@pytest.mark.rule("mask.nothing_left")
def test_ranges_of_fragments_follow_each_other_and_hold_when_the_pictures_were_taken() -> None:
    coded = sent(scene(3, 50))
    init, fragments = only_run(made(parameters(), *coded))
    assert fragments[0].since == NOON and sum(fragment.pictures for fragment in fragments) == 50
    assert all(a.until == b.since for a, b in pairwise(fragments))
    assert abs(fragments[-1].until - (coded[-1].at + STEP)) < timedelta(milliseconds=2)
    shown_at = filming.times(init.data + b"".join(fragment.data for fragment in fragments))
    assert shown_at == pytest.approx([n / filming.RATE for n in range(50)], abs=0.002)


@pytest.mark.rule("mask.nothing_left")
def test_a_mask_that_changes_hides_from_that_very_picture_on() -> None:
    turn = NOON + 20 * STEP - timedelta(milliseconds=1)
    pieces = made(parameters(), *sent(scene(4, 40)), mask=lambda at: (DOOR,) if at >= turn else (WINDOW,))
    shown = played(*only_run(pieces))
    assert [flat(picture, WINDOW) for picture in shown] == [True] * 20 + [False] * 20
    assert [flat(picture, DOOR) for picture in shown] == [False] * 20 + [True] * 20


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize("told", [True, False])
def test_a_feed_that_changes_its_size_stays_masked(told: bool) -> None:
    # `told`: the recorder connects anew; else the camera changes it within the stream.
    small = sent(scene(5, 20))
    large = sent(scene(6, 20, 640, 360), first=20)
    pieces = made(parameters(), *small, *([parameters(640, 360)] if told else []), *large)
    sizes = [(init.width, init.height) for init, _ in runs(pieces)]
    assert sizes == [(320, 180), (640, 360)]
    for init, fragments in runs(pieces):
        shown = played(init, fragments)
        assert len(shown) == 20 and all(flat(picture, WINDOW) for picture in shown) and fragments[0].key
    (_, before), (later, after) = runs(pieces)
    assert filming.times(later.data + after[0].data)[0] == pytest.approx(20 / filming.RATE, abs=0.05)
    assert before[-1].until <= after[0].since


def _raises(_: datetime) -> Sequence[Outline]:
    raise LookupError("no pose")


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (lambda _: None, "cannot be computed"),
        (_raises, "is not known (LookupError)"),
        (lambda _: 7, "is not known (TypeError)"),
        (lambda _: (WHOLE_PICTURE,), None),
        (lambda _: (((0.1, 0.1), (float("nan"), 0.2), (0.3, 0.3)),), None),
    ],
)
def test_a_mask_that_cannot_be_had_covers_everything_and_says_so(mask: MaskAt, why: str | None) -> None:
    init, fragments = only_run(made(parameters(), *sent(scene(7, 15)), mask=mask))
    assert all(black(picture) for picture in played(init, fragments))
    assert all((why in (fragment.covered or "")) if why else fragment.covered is None for fragment in fragments)


@pytest.mark.rule("mask.fails_closed")
def test_a_mask_that_fails_for_some_pictures_covers_those() -> None:
    def mask(at: datetime) -> Sequence[Outline]:
        if NOON + 9.5 * STEP < at < NOON + 19.5 * STEP:
            raise ValueError("the drone's pose is not known")
        return (WINDOW,)

    init, fragments = only_run(made(parameters(), *sent(scene(8, 30)), mask=mask))
    shown = played(init, fragments)
    assert [black(picture) for picture in shown] == [False] * 10 + [True] * 10 + [False] * 10
    assert all(flat(picture, WINDOW) for picture in shown)
    assert any(fragment.covered for fragment in fragments) and not fragments[0].covered


# -- what a camera sends may be anything ---------------------------------------


def damaged(picture: CodedPicture, chance: random.Random) -> CodedPicture:
    """As it comes to be: cut short, or with a piece zeroed or overwritten."""
    content = bytearray(picture.data)
    at = chance.randrange(len(content) // 3, len(content) - 50)
    match chance.randrange(3):
        case 0:
            del content[at:]
        case 1:
            content[at : at + 40] = bytes(40)
        case _:
            content[at : at + 40] = chance.randbytes(40)
    return replace(picture, data=bytes(content))


@pytest.mark.slow
@pytest.mark.rule("mask.fails_closed")
def test_of_a_damaged_picture_nothing_comes_out_elsewhere_up_to_the_next_key_frame(room: None) -> None:
    pictures = scene(9, 30)
    coded = sent(pictures)
    right = played(*only_run(made(parameters(), *coded)))
    hidden_or_gone = 0
    for seed in range(12):
        chance = random.Random(seed)
        hit = chance.randrange(1, 19)
        broken = [damaged(picture, chance) if n == hit else picture for n, picture in enumerate(coded)]
        init, fragments = only_run(made(parameters(), *broken))
        content = init.data + b"".join(fragment.data for fragment in fragments)
        found = dict(
            zip((round(at * filming.RATE) for at in filming.times(content)), filming.decoded(content), strict=True)
        )
        for n, picture in found.items():
            assert black(picture) or alike(picture, right[n]), (seed, hit, n)
            hidden_or_gone += black(picture)
        hidden_or_gone += 30 - len(found)
        assert not black(found[29]), "it is shown again"
    assert hidden_or_gone


@pytest.mark.rule("mask.fails_closed")
@pytest.mark.parametrize("codec", filming.CODECS)
def test_what_is_no_video_ends_with_a_reason_and_nothing_else(codec: str) -> None:
    chance = random.Random(1)
    noise = [CodedPicture(chance.randbytes(400), n * 3600, n * 3600, n % 10 == 0, NOON + n * STEP) for n in range(600)]
    pieces = made(parameters(codec=codec), *noise)
    assert not [piece for piece in pieces if not isinstance(piece, Ended)]
    assert "did not decode" in pieces[-1].why  # type: ignore[union-attr]


@pytest.mark.parametrize("told", [parameters(codec="mjpeg"), parameters(8192, 8192)])
def test_what_is_not_decoded_here_is_refused_by_its_name(told: Item) -> None:
    (ended,) = made(told, *sent(scene(10, 3)))
    assert isinstance(ended, Ended) and "accepted" in ended.why


@pytest.mark.rule("mask.fails_closed")
def test_where_pictures_are_missing_all_is_hidden_up_to_the_next_key_frame() -> None:
    coded = sent(scene(19, 80))
    init, fragments = only_run(made(parameters(), *coded[:14], *coded[46:]))
    shown = played(init, fragments)
    assert [black(picture) for picture in shown] == [False] * 14 + [True] * 4 + [False] * 30
    assert any("missing" in (fragment.covered or "") for fragment in fragments)
    # From key frame to key frame nothing is in doubt.
    assert not any(map(black, played(*only_run(made(parameters(), *coded[:10], *coded[50:])))))


def test_nothing_is_shown_before_a_key_frame() -> None:
    coded = sent(scene(11, 30))
    shown = played(*only_run(made(parameters(), *coded[4:])))
    assert len(shown) == 20 and all(flat(picture, WINDOW) for picture in shown)


@pytest.mark.rule("mask.fails_closed")
def test_what_waits_is_bounded_and_after_a_gap_it_goes_on_at_a_key_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = sent(scene(12, 40))
    monkeypatch.setattr(masked, "MOST_WAITING", sum(len(picture.data) for picture in coded[:25]))
    init, fragments = only_run(made(parameters(), *coded))
    shown = played(init, fragments)
    assert len(shown) == 10 and fragments[0].since == coded[30].at  # the gap is at the 26th, a key frame is every tenth
    assert all(flat(picture, WINDOW) for picture in shown)


def test_a_feed_whose_time_leaps_is_shown_on_one_time_line() -> None:
    coded = sent(scene(13, 20))
    later = [
        CodedPicture(p.data, p.pts + 900_000, p.dts + 900_000, p.key, p.at - timedelta(hours=1))
        for p in sent(scene(14, 20))
    ]
    pieces = made(parameters(), *coded, *later)
    init, fragments = only_run(pieces)
    at = filming.times(init.data + b"".join(fragment.data for fragment in fragments))
    assert len(at) == 40 and all(0 < b - a < 0.2 for a, b in pairwise(at))
    assert all(timedelta(0) < fragment.until - fragment.since <= HALF_A_SECOND for fragment in fragments)


def test_who_was_too_slow_catches_up_and_begins_with_what_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked, "NEARLY_NOW", 2)
    monkeypatch.setattr(masked, "BEHIND", 2)
    init, fragments = only_run(made(parameters(), *sent(scene(15, 40))))
    assert fragments[0].key and 0 < sum(fragment.pictures for fragment in fragments) <= 5
    assert all(flat(picture, WINDOW) for picture in played(init, fragments))


def test_an_encode_that_is_closed_makes_nothing_more() -> None:
    pieces: list[Piece] = []
    encode = MaskedEncode(window, Size.FULL, pieces.append)
    encode.start()
    encode.take(parameters())
    encode.close()
    encode.join(WITHIN_S)
    encode.take(sent(scene(16, 1))[0])
    assert pieces == [Ended("the feed ended")]
