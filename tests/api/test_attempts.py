"""Attempts with a ticket that opens nothing: on the record of its sign-on, once a minute; no stranger's word is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from adapters.identity.picture_tokens import Ticket
from api.attempts import TOLD_AGAIN, Attempts
from application.handling import Actor, Outcome, Unavailable
from application.viewings import Viewings
from domain.kernel import Reason
from domain.session import AttemptRefused
from tests.application.small_center import CAPTAIN, SmallCenter, small_center

EXPIRED = Reason("token_expired", "the time of this ticket is over", "a picture is shown to whom it was granted")
SOURCE = "198.51.100.7"


def ticket_of(center: SmallCenter, session: str) -> Ticket:
    now = center.clock.now()
    return Ticket("playback", CAPTAIN, session, "v-1", "camera-north", None, "t-1", now, now + timedelta(minutes=5))


def attempts_on_record(center: SmallCenter, session: str) -> list[tuple[str, str, str]]:
    found = [e for e in center.events(f"session-{session}") if isinstance(e.event, AttemptRefused)]
    return [(e.event.target, e.event.reasons[0].code, e.envelope.sourceaddress) for e in found]


def test_the_same_attempt_is_on_the_record_once_a_minute(database_url: str) -> None:
    with small_center(database_url) as center:
        session = center.signed_on(CAPTAIN).session
        ticket = ticket_of(center, session)
        attempts = Attempts(Viewings(center.handler).attempted, center.clock.now)

        def shown(reason: Reason = EXPIRED, times: int = 1) -> int:
            for _ in range(times):
                asyncio.run(attempts.put(ticket, SOURCE, reason))
            return len(attempts_on_record(center, session))

        assert shown(times=50) == 1
        assert shown(replace(EXPIRED, code="token_replayed"), times=50) == 2, "another attempt"
        center.clock.step(TOLD_AGAIN)
        assert shown(times=50) == 3
        first = attempts_on_record(center, session)[0]
        assert first == ("viewing-v-1", "token_expired", SOURCE)


def test_an_attempt_that_the_store_did_not_take_is_told_with_the_next(database_url: str) -> None:
    with small_center(database_url) as center:
        session = center.signed_on(CAPTAIN).session
        viewings, away = Viewings(center.handler), [Unavailable("store_unavailable", "it does not answer")]

        def record(actor: Actor, key: str, reason: Reason) -> Outcome:
            return away.pop() if away else viewings.attempted(actor, key, reason)

        attempts = Attempts(record, center.clock.now)
        asyncio.run(attempts.put(ticket_of(center, session), SOURCE, EXPIRED))
        assert attempts_on_record(center, session) == []
        asyncio.run(attempts.put(ticket_of(center, session), SOURCE, EXPIRED))
        assert len(attempts_on_record(center, session)) == 1


def test_of_a_sign_on_that_the_store_does_not_know_nothing_is_written(database_url: str) -> None:
    with small_center(database_url) as center:
        before = len(center.all_events())
        attempts = Attempts(Viewings(center.handler).attempted, center.clock.now)
        asyncio.run(attempts.put(ticket_of(center, "no-such-session"), SOURCE, EXPIRED))
        assert len(center.all_events()) == before
