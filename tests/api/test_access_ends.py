"""Whoever loses access loses it within five seconds: their consoles, their live views, their viewings, their tokens."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from application.accounts import Accounts, Proof
from application.handling import Accepted, Refused
from application.viewings import Viewings
from domain.grounds import Grounds
from domain.kernel import CallNumber
from tests.api.looking import camera, ended, grounds, watching
from tests.api.test_leaving import VIEW, asked, at_work, part, recorded
from tests.api.watch_center import Json, WatchCenter, until

LIMIT_S = 5.0  # the domain's deadline
OF_THE_PERSON = {
    "suspended": "suspendPerson(personId: $person, reason: $text)",
    "left": "recordLeaver(personId: $person, reason: $text)",
    "revoked": "revokeAccess(personId: $person, reason: $text)",
    "their console revoked": "revokeSession(session: $session, reason: $text)",
}


def last(watch_center: WatchCenter, stream: str, kind: str) -> Json | None:
    """The last event of a stream, where it is of that kind."""
    event = watch_center.events(stream)[-1]
    return event if event["type"].split(".")[-2] == kind else None


def within_the_limit(began: float, ends: dict[str, Callable[[], bool]]) -> None:
    for what, over in ends.items():
        until(over, 30, what=f"{what} has ended")
    assert monotonic() - began < LIMIT_S


@pytest.mark.rule("people.suspended")
@pytest.mark.parametrize("way", OF_THE_PERSON)
def test_consoles_views_viewings_and_tokens_end_within_five_seconds(watch_center: WatchCenter, way: str) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    feed = camera(watch_center)
    footage = recorded(watch_center, feed)
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    viewing = deputy.accepted(VIEW, footage=footage, grounds=grounds(watch_center), range=asked(part(0, 60)))["stream"]
    view = watching(watch_center, deputy, feed)
    captain = watch_center.as_role("station_commander", step_up=True)
    whom = {"session": session} if "console" in way else {"person": deputy.person}
    captain.accepted(OF_THE_PERSON[way], text="left the department", **whom)
    began = monotonic()
    within_the_limit(
        began,
        {
            "the token": lambda: "errors" in deputy.send({"query": "{ viewer { id } }"}).json(),
            "the console": lambda: last(watch_center, f"session-{session}", "signed_off") is not None,
            "the live view": lambda: ended(watch_center, view) is not None,
            "the viewing": lambda: last(watch_center, viewing, "viewing_ended") is not None,
        },
    )
    for end in (ended(watch_center, view), last(watch_center, viewing, "viewing_ended")):
        assert end is not None and (end["data"]["why"], end["actorid"]) == ("revoked", "service-reactor")


@pytest.mark.rule("view.ends_with_access")
def test_whose_role_is_taken_away_sees_nothing_more_within_five_seconds(watch_center: WatchCenter) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    feed = camera(watch_center)
    footage = recorded(watch_center, feed)
    viewing = deputy.accepted(VIEW, footage=footage, grounds=grounds(watch_center), range=asked(part(0, 60)))["stream"]
    view = watching(watch_center, deputy, feed)
    captain = watch_center.as_role("station_commander", step_up=True)
    captain.accepted('revokeRole(personId: $person, role: "watch_operator", reason: "moved")', person=deputy.person)
    within_the_limit(
        monotonic(),
        {
            "the live view": lambda: ended(watch_center, view) is not None,
            "the viewing": lambda: last(watch_center, viewing, "viewing_ended") is not None,
        },
    )


@pytest.mark.rule("view.ends_with_access")
def test_not_one_more_second_of_footage_is_reserved_for_who_was_suspended(watch_center: WatchCenter) -> None:
    """The store is asked, so it holds from the moment of the suspension, before anything has ended the viewing."""
    person = watch_center.enrolled("watch_operator")
    footage = recorded(watch_center, camera(watch_center))
    captain = watch_center.as_role("station_commander", step_up=True)
    with at_work(watch_center) as handler:
        ends_at = datetime.now(UTC) + timedelta(hours=1)
        proof = Proof(person, secrets.token_hex(8), "https://id.example", "otp", ends_at, True)
        viewings, actor = Viewings(handler), Accounts(handler).sign_on(proof, "127.0.0.1")
        why = Grounds("call_for_service", "which way did he run", CallNumber(watch_center.call()))
        told = viewings.request(actor, footage, why, part(0, 60))
        assert isinstance(told, Accepted), told
        captain.accepted(OF_THE_PERSON["suspended"], text="left the department", person=person)
        refused = viewings.reserve(actor, told.key, part(0, 10))
    assert isinstance(refused, Refused) and {r.code for r in refused.reasons} & {"suspended", "not_signed_on"}
