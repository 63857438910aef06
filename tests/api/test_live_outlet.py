"""What waits for a slow connection is bounded: it misses pictures up to the next key frame, and gets nothing stale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from adapters.video.pieces import Ended, Fragment, Init, Piece
from api.live import Outlet

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
INIT = Init(b"ftyp", 'video/mp4; codecs="avc1.42c00a"', 64, 48)


def fragment(name: str, key: bool = False, size: int = 10) -> Fragment:
    return Fragment(name.encode().ljust(size), NOON, NOON, key, 1)


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


async def taken(outlet: Outlet) -> list[str]:
    """All that waits now."""
    await asyncio.sleep(0)  # what was given from a thread arrives
    found: list[str] = []
    while outlet._queue:
        item = await outlet.next()
        found.append(item if isinstance(item, str) else named(item))
    return found


def named(piece: Piece) -> str:
    match piece:
        case Fragment(data=data):
            return data.decode().strip()
        case Init():
            return "init"
        case Ended(why):
            return f"ended: {why}"


def test_it_comes_in_order_and_begins_with_a_key_frame() -> None:
    async def test() -> None:
        outlet = Outlet()
        take = outlet.taking()
        outlet.say("view")
        for piece in (INIT, fragment("a"), fragment("b", key=True), fragment("c"), Ended("over")):
            take(piece)
        assert await taken(outlet) == ["view", "init", "b", "c", "ended: over"]

    in_a_loop(test)


def test_what_is_too_much_is_left_out_up_to_the_next_key_frame() -> None:
    async def test() -> None:
        outlet = Outlet(most=30)
        take = outlet.taking()
        take(INIT)
        for name in ("a", "b", "c", "d", "e"):
            take(fragment(name, key=name in "ae"))
        assert await taken(outlet) == ["init", "e"], "and what waited, too: it would only be later still"
        take(fragment("f"))
        assert await taken(outlet) == ["f"]

    in_a_loop(test)


def test_of_the_picture_before_nothing_leaves_any_more() -> None:
    async def test() -> None:
        outlet = Outlet()
        before = outlet.taking()
        before(INIT)
        before(fragment("unmasked", key=True))
        outlet.say("view")
        await asyncio.sleep(0)
        now = outlet.taking()
        before(fragment("late", key=True))
        now(INIT)
        now(fragment("masked", key=True))
        assert await taken(outlet) == ["view", "init", "masked"]

    in_a_loop(test)


def test_another_initialization_makes_what_waits_worthless() -> None:
    async def test() -> None:
        outlet = Outlet()
        take = outlet.taking()
        for piece in (INIT, fragment("a", key=True), INIT, fragment("b"), fragment("c", key=True)):
            take(piece)
        assert await taken(outlet) == ["init", "init", "c"]
        outlet.skip()
        take(fragment("d"))
        assert await taken(outlet) == []

    in_a_loop(test)
