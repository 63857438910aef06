"""What is recorded of members of the public, made unreadable: asked for by one person, approved by another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.retention import KEY_BACKUPS_KEPT
from application.standing import authorise, outcome
from domain import call, complaint, flight_state, footage, live_view, privacy_override
from domain.catalogue import AGGREGATES
from domain.kernel import PersonId, Reason
from domain.subject_key import (
    RULE,
    SUBJECT_KEY,
    ApproveDestruction,
    Asked,
    DeclineDestruction,
    DestructionGround,
    RequestDestruction,
)


class PersonalData(Commands):
    """`key_backups_kept` is set by whoever wires this, to what the key store's backups are."""

    key_backups_kept: timedelta = KEY_BACKUPS_KEPT

    def request_destruction(
        self,
        actor: Actor,
        subject: str,
        ground: DestructionGround,
        reference: str,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Ask that what is personal to a subject be destroyed. Refused while its matter is open or held."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "request_key_destruction", SUBJECT_KEY.stream(subject))
            command = RequestDestruction(ground, reference, PersonId(actor.person), tuple(in_the_way(attempt, subject)))
            attempt.decide(SUBJECT_KEY, subject, command)
            return outcome(attempt, SUBJECT_KEY.stream(subject), subject)

        return self.run(actor, "request_key_destruction", [subject, ground, reference], command_id, use)

    def answer_destruction(
        self, actor: Actor, subject: str, refusal: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Approve what somebody else asked for, or refuse it with a reason. Once approved, the key goes by itself."""

        def use(attempt: Attempt) -> Recorded:
            state = attempt.state(SUBJECT_KEY, subject)
            own = isinstance(state, Asked) and state.request.by == actor.person
            policy = authorise(attempt, "answer_key_destruction", SUBJECT_KEY.stream(subject), own_request=own)
            by = PersonId(actor.person)
            attempt.decide(
                SUBJECT_KEY,
                subject,
                DeclineDestruction(by, refusal)
                if refusal is not None
                else ApproveDestruction(
                    by, policy.version, attempt.at + self.key_backups_kept, tuple(in_the_way(attempt, subject))
                ),
            )
            return outcome(attempt, SUBJECT_KEY.stream(subject), subject)

        return self.run(actor, "answer_key_destruction", [subject, refusal], command_id, use)


def in_the_way(attempt: Attempt, subject: str) -> Iterator[Reason]:
    """Why the matter that a subject is named for is not over. What is read takes part in the append."""
    kind, _, key = subject.partition("-")
    if kind not in AGGREGATES or not key:  # a plate, which is no matter of its own
        return
    match attempt.state(AGGREGATES[kind], key):
        case call.Known(closing=None):
            yield Reason("call_open", "dispatch has not closed this call", RULE, field="subject")
        case complaint.Received() | complaint.Open():
            yield Reason("complaint_open", "this waits for its answer", RULE, field="subject")
        case footage.Kept(holds=holds) if holds:
            yield Reason("legal_hold", f"held under {', '.join(sorted(holds))}", RULE, field="subject")
        case privacy_override.Waiting() | privacy_override.Active() | privacy_override.Ended():
            yield Reason("override_open", "this override is not reviewed yet", RULE, field="subject")
        case live_view.Open():
            yield Reason("view_open", "this view is open", RULE, field="subject")
        case state if isinstance(state, flight_state.Flying):
            yield Reason("flight_open", "this flight has not landed", RULE, field="subject")
        case _:
            return
