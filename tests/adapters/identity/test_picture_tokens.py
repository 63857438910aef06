"""Tickets to pictures: nobody else can make one, and each opens one door for a short while."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from adapters.identity.picture_tokens import PictureRefused, PictureTokens, Ticket, UsedOnce

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = "the secret that the API shares with the media process"


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def issued(tokens: PictureTokens, **changed: Any) -> str:
    asked: dict[str, Any] = {
        "use": "live",
        "person": "j.alvarez",
        "session": "s-1234567",
        "subject": "v-1",
        "feed": "camera-north",
        "lifetime": timedelta(seconds=30),
        **changed,
    }
    token, until = tokens.issue(**asked)
    assert until == tokens._now() + asked["lifetime"]
    return token


def refused(tokens: PictureTokens, token: str, use: Any = "live") -> str:
    with pytest.raises(PictureRefused) as caught:
        tokens.read(token, use)
    reason = caught.value.reason()
    assert (reason.field == "token" and token[:20] not in reason.message) or not token
    return reason.code


def test_a_ticket_says_whose_it_is_and_what_it_opens() -> None:
    tokens = PictureTokens(KEY, now=Clock())
    ticket = tokens.read(issued(tokens, override="o-1"), "live")
    assert (ticket.person, ticket.session, ticket.subject, ticket.feed, ticket.override) == (
        "j.alvarez",
        "s-1234567",
        "v-1",
        "camera-north",
        "o-1",
    )
    assert (ticket.issued_at, ticket.expires_at) == (NOON, NOON + timedelta(seconds=30))


def test_a_ticket_of_another_key_of_another_kind_or_changed_opens_nothing() -> None:
    tokens = PictureTokens(KEY, now=Clock())
    token = issued(tokens)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "m.okafor"}).encode()).decode().rstrip("=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    stranger = PictureTokens("another secret, as long as that of the installation", now=Clock())
    less = jwt.encode({"alg": "HS256"}, {"sub": "j.alvarez"}, OctKey.import_key(KEY))
    wrong = jwt.encode({"alg": "HS256"}, {**claims, "exp": 1e300}, OctKey.import_key(KEY))
    forged = [issued(stranger), f"{head}.{other}.{signature}", f"{unsigned}.{body}.", f"{head}.{body}.", less, wrong]
    forged += ["x", "a.b.c", "…", "e" * 5000, f"{head}.{body}.{signature[:-4]}AAAA"]
    assert [refused(tokens, each) for each in forged] == ["token_forged"] * len(forged)
    assert refused(tokens, "") == "token_missing"


def test_a_ticket_is_for_a_short_while_and_for_one_use() -> None:
    clock = Clock()
    tokens, used = PictureTokens(KEY, now=clock), UsedOnce(now=clock)
    token = issued(tokens)
    assert refused(tokens, token, "playback") == "token_other_use"
    ticket = tokens.read(token, "live")
    used.use(ticket)
    with pytest.raises(PictureRefused) as again:
        used.use(ticket)
    assert again.value.code == "token_used" and again.value.ticket == ticket
    clock.at += timedelta(seconds=29)
    assert tokens.read(token, "live") == ticket
    clock.at += timedelta(seconds=1)
    assert refused(tokens, token) == "token_expired"
    used.use(tokens.read(issued(tokens), "live"))
    assert len(used._used) == 1, "what has expired is not kept"


def test_a_ticket_from_before_a_restart_is_not_taken_again() -> None:
    clock = Clock()
    tokens = PictureTokens(KEY, now=clock)
    ticket: Ticket = tokens.read(issued(tokens), "live")
    clock.at += timedelta(seconds=1)
    with pytest.raises(PictureRefused) as caught:
        UsedOnce(now=clock).use(ticket)
    assert caught.value.code == "token_expired"
