"""Rules of the product, each broken on purpose: what the machine must notice as soon as somebody acts on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

import application.exports
import application.flights
import application.handling
import application.plates
import application.reminders
import application.retention
import application.standing
import application.views
import domain.complaint
import domain.flight
import domain.footage
import domain.live_view
import domain.privacy_override
from adapters.cedar import CedarAuthoriser
from application.ports import Decision, Question
from application.reactions.suspension import EndSessionsOfSuspended
from domain.call import call_standing
from domain.flight_state import Authorised, OnScene
from domain.footage import LegalHoldPlaced
from domain.kernel import FeedId, PersonId, StreamId, WrongState
from domain.live_view import LivePicturesServed
from domain.session import session_standing

Patch = pytest.MonkeyPatch


def everybody_may_everything(patch: Patch) -> None:
    def decide(self: CedarAuthoriser, question: Question) -> Decision:
        return Decision(True, "broken")

    patch.setattr(CedarAuthoriser, "decide", decide)


def a_refusal_is_not_recorded(patch: Patch) -> None:
    def attempted(self: application.handling.Handler, actor: Any, ticket: Any, *told: Any) -> Any:
        return application.handling.Attempt(self, actor, ticket, self.clock.now())

    patch.setattr(application.handling.Handler, "_attempted", attempted)


def who_asked_approves(patch: Patch) -> None:
    """By the policy set and by the domain: either alone would hold it."""
    authorise, approve = application.handling.Attempt.authorise, domain.privacy_override._approve

    def asked_by_another(self: Any, action: str, resource: str, **context: Any) -> None:
        authorise(self, action, resource, **{**context, "own_request": False})

    def of_another(by: Any, policy: Any, request: Any, at: Any) -> Any:
        return approve(by, policy, replace(request, requested_by=PersonId("another")), at)

    patch.setattr(application.handling.Attempt, "authorise", asked_by_another)
    patch.setattr(domain.privacy_override, "_approve", of_another)


def a_retired_policy_still_lets(patch: Patch) -> None:
    patch.setattr(application.standing, "in_force", application.standing.last_in_force)


def a_suspension_ends_nothing(patch: Patch) -> None:
    patch.setattr(EndSessionsOfSuspended, "react", lambda self, recorded, memory: [])


def frames_come_without_a_session(patch: Patch) -> None:
    patch.setattr(application.views, "session_standing", lambda *of: replace(session_standing(*of), open=True))


def what_left_before_is_forgotten(patch: Patch) -> None:
    evolve = domain.live_view.LIVE_VIEW.evolve

    def forgetting(state: Any, happened: Any) -> Any:
        return state if isinstance(happened, LivePicturesServed) else evolve(state, happened)

    patch.setattr(application.views, "LIVE_VIEW", replace(domain.live_view.LIVE_VIEW, evolve=forgetting))


def a_closed_call_still_shares(patch: Patch) -> None:
    def still_open(call: Any, state: Any) -> Any:
        found = call_standing(call, state)
        return replace(found, open=found.known, shared=found.shared | {FeedId(StreamId("camera-plaza"))})

    patch.setattr(application.views, "call_standing", still_open)


def an_override_opens_any_footage(patch: Patch) -> None:
    use = domain.privacy_override._use

    def for_anything(command: Any, state: Any, at: Any) -> Any:
        return use(replace(command, target=state.grant.target), state, at)

    patch.setattr(domain.privacy_override, "_use", for_anything)


def a_file_outlives_its_override(patch: Patch) -> None:
    patch.setattr(application.exports, "_lifted", lambda attempt, request: True)


def a_hold_holds_nothing(patch: Patch) -> None:
    evolve = domain.footage.FOOTAGE.evolve

    def forgetting(state: Any, happened: Any) -> Any:
        return state if isinstance(happened, LegalHoldPlaced) else evolve(state, happened)

    patch.setattr(application.retention, "FOOTAGE", replace(domain.footage.FOOTAGE, evolve=forgetting))


def nobody_is_told_what_is_overdue(patch: Patch) -> None:
    for what, reminder in list(application.reminders.REMINDERS.items()):
        patch.setitem(application.reminders.REMINDERS, what, replace(reminder, done=lambda events, due: True))


def an_unfit_pilot_takes_off(patch: Patch) -> None:
    patch.setattr(domain.flight, "take_off_refusals", lambda facts, at: ())


def an_authorisation_never_lapses(patch: Patch) -> None:
    decide = domain.flight._before_launch

    def in_time(command: Any, state: Any, at: Any) -> Any:
        late = isinstance(state, Authorised)
        return decide(command, replace(state, expires_at=at) if late else state, at)

    patch.setattr(domain.flight, "_before_launch", in_time)


def a_zone_stops_no_recording(patch: Patch) -> None:
    enter = domain.flight._enter_zone
    patch.setattr(domain.flight, "_enter_zone", lambda command, sortie: enter(command, sortie)[:1])


def an_order_of_safety_is_refused(patch: Patch) -> None:
    ordered = domain.flight._ordered

    def not_on_scene(command: Any, state: Any, at: Any) -> Any:
        if isinstance(state, OnScene):
            raise WrongState("not now")
        return ordered(command, state, at)

    patch.setattr(domain.flight, "_ordered", not_on_scene)


def a_hit_is_used_unconfirmed(patch: Patch) -> None:
    for module in (application.plates, application.exports):
        patch.setattr(module, "hit_fault", lambda state: None)


def whom_it_is_about_answers(patch: Patch) -> None:
    assigned = domain.complaint._assigned

    def about_nobody(command: Any, state: Any) -> Any:
        return assigned(command, replace(state, opened=replace(state.opened, concerns=None)))

    patch.setattr(domain.complaint, "_assigned", about_nobody)


# Each with the promise that it breaks, in words of it.
BREAKS: Mapping[Callable[[Patch], None], str] = {
    everybody_may_everything: "some never see video",
    a_refusal_is_not_recorded: "every refusal is recorded",
    who_asked_approves: "approver is not requester",
    a_retired_policy_still_lets: "without a use policy in force",
    a_suspension_ends_nothing: "of who is suspended goes on",
    frames_come_without_a_session: "seen by who is not signed on",
    what_left_before_is_forgotten: "what left adds up",
    a_closed_call_still_shares: "the field sees what is shared with an open incident",
    an_override_opens_any_footage: "no unmasked byte outside an active override",
    a_file_outlives_its_override: "no unmasked byte outside an active override",
    a_hold_holds_nothing: "nothing destroyed under hold",
    nobody_is_told_what_is_overdue: "nobody was told",
    an_unfit_pilot_takes_off: "the pilot in command is fit",
    an_authorisation_never_lapses: "no launch without an authorisation in force",
    a_zone_stops_no_recording: "records inside a privacy zone",
    an_order_of_safety_is_refused: "an order of safety was refused",
    a_hit_is_used_unconfirmed: "no hit used before a person confirmed it",
    whom_it_is_about_answers: "does not look into it",
}
