"""What ends by itself: a launch that was not begun in time, and a sign-on whose proof has run out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from application.codec import Recorded as RecordedEvent
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.flights import Flights
from application.handling import Attempt, Handler, Outcome, Recorded
from application.standing import authorise, outcome, service
from domain.flight_events import (
    DroneLaunched,
    LaunchAuthorised,
    LaunchLapsed,
    LaunchRefused,
    LaunchRequested,
    LaunchWithdrawn,
)
from domain.session import SESSION, ExpireSession, SignedOff, SignedOn

LAUNCH, SESSION_END = "launch_lapse", "session_end"
# The drone gateway knows whether the drone is in the air, so it has the first word; this is for when it is away.
GATEWAY_FIRST = timedelta(minutes=2)
SCHEDULER = "service-scheduler"


@drawn_from(LaunchRequested, LaunchAuthorised, LaunchRefused, LaunchLapsed, LaunchWithdrawn, DroneLaunched)
def _launch(recorded: RecordedEvent) -> list[Change]:
    match recorded.event:
        case LaunchRequested(awaits_until=until) | LaunchAuthorised(expires_at=until):
            return [Due(LAUNCH, recorded.stream, until + GATEWAY_FIRST)]
        case _:
            return [NotDue(LAUNCH, recorded.stream)]


@when_due(LAUNCH)
def _lapse(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    return Flights(handler).lapse(service(SCHEDULER), due.stream.partition("-")[2], command_id)


@drawn_from(SignedOn, SignedOff)
def _session(recorded: RecordedEvent) -> list[Change]:
    if isinstance(recorded.event, SignedOn):
        return [Due(SESSION_END, recorded.stream, recorded.event.ends_at)]
    return [NotDue(SESSION_END, recorded.stream)]


@when_due(SESSION_END)
def _end(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    key = due.stream.partition("-")[2]

    def use(attempt: Attempt) -> Recorded:
        authorise(attempt, "sign_off_person", due.stream)
        attempt.decide(SESSION, key, ExpireSession())
        return outcome(attempt, due.stream, key)

    actor = service(SCHEDULER)
    return handler.handle(actor, handler.ticket("expire_session", key, actor, command_id), use)
