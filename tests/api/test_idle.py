"""A console at which nobody did anything is locked; what a page asks by itself keeps no console open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.standings import Standings
from application.accounts import LOCKED, Proof, SignOnRefused
from application.handling import Actor
from domain.session import SessionLocked
from tests.application.small_center import ADMIN, SmallCenter, small_center

MINUTE = timedelta(minutes=1)


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


class Console:
    def __init__(self, center: SmallCenter) -> None:
        self.center = center
        self.standings = Standings(center.accounts, center.url)
        self.proof = Proof(
            ADMIN, "console-0001", "https://id.test", "otp", center.clock.now() + 8 * 60 * MINUTE, stepped_up=True
        )

    def asks(self, *, active: bool = True) -> Actor:
        return asyncio.run(self.standings.actor(self.proof, "198.51.100.23", active=active))

    def is_locked(self, *, active: bool = True) -> bool:
        try:
            self.asks(active=active)
        except SignOnRefused as refused:
            return refused.reasons == (LOCKED,)
        return False


@pytest.mark.rule("people.sign_on")
def test_after_30_minutes_of_no_activity_a_console_is_locked_on_the_record(center: SmallCenter) -> None:
    console = Console(center)
    console.asks()
    for _ in range(4):
        center.clock.step(29 * MINUTE)
        assert not console.is_locked()
    center.clock.step(30 * MINUTE)
    assert console.is_locked()
    assert console.is_locked()
    locks = [r for r in center.events("session-console-0001") if isinstance(r.event, SessionLocked)]
    assert [lock.event.reason for lock in locks] == ["nobody was active"]


def test_what_a_page_asks_by_itself_is_no_activity(center: SmallCenter) -> None:
    console = Console(center)
    console.asks()
    for _ in range(5):
        center.clock.step(5 * MINUTE)
        assert not console.is_locked(active=False)
    center.clock.step(5 * MINUTE)
    assert console.is_locked(active=False)


def test_who_shows_again_who_they_are_goes_on(center: SmallCenter) -> None:
    console = Console(center)
    actor = console.asks()
    center.clock.step(45 * MINUTE)
    assert console.is_locked()
    center.accounts.step_up(actor, "otp")
    assert not console.is_locked()
    center.clock.step(10 * MINUTE)
    assert not console.is_locked()
