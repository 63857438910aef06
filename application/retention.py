"""How long footage is kept: its categories, legal holds, extensions, its destruction when due, and its loss."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import footage
from domain.footage import FOOTAGE
from domain.kernel import FeedId, FootageId, NotFound, PersonId
from domain.privacy_override_events import Range

KEY_BACKUPS_KEPT = timedelta(days=35)  # how long a backup of the key store may hold a key that was destroyed

ACTIONS: dict[type, str] = {
    footage.PlaceLegalHold: "place_legal_hold",
    footage.ReleaseLegalHold: "release_legal_hold",
    footage.VerifyLegalHold: "verify_legal_hold",
}
Change = footage.PlaceLegalHold | footage.ReleaseLegalHold | footage.VerifyLegalHold


def loss_key(feed: FeedId, span: Range) -> str:
    """The name of what was lost, so that the same stretch is lost once, whoever finds it."""
    return f"{feed}-lost-{span.since:%Y%m%dT%H%M%S.%f}Z-{(span.until - span.since).total_seconds():.6f}s"


class Retention(Commands):
    """`key_backups_kept` is set by whoever wires this, to what the installation's backups are."""

    key_backups_kept = KEY_BACKUPS_KEPT

    def change(self, actor: Actor, command: Change, command_id: UUID | None = None) -> Outcome:
        """Place, verify or release a legal hold."""
        action, key = ACTIONS[type(command)], command.footage

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, action, FOOTAGE.stream(key))
            attempt.decide(FOOTAGE, key, command)
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, action, command, command_id, use)

    def tag(
        self, actor: Actor, key: str, category: str, note: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Put footage into a further category of the schedule; of several the longest wins."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "tag_footage", FOOTAGE.stream(key))
            command = footage.TagFootage(FootageId(key), category, PersonId(actor.person), policy, note)
            attempt.decide(FOOTAGE, key, command)
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, "tag_footage", [key, category, note], command_id, use)

    def request_extension(
        self, actor: Actor, key: str, keep_until: datetime, reason: str, command_id: UUID | None = None
    ) -> Outcome:
        """Ask to keep footage longer than the schedule of the policy in force does."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "request_retention_extension", FOOTAGE.stream(key))
            by = PersonId(actor.person)
            command = footage.RequestExtension(FootageId(key), keep_until, reason, by, policy)
            attempt.decide(FOOTAGE, key, command)
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, "request_retention_extension", [key, keep_until, reason], command_id, use)

    def answer_extension(
        self, actor: Actor, key: str, refusal: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """Approve a longer retention that somebody else asked for, or refuse it with a reason."""

        def use(attempt: Attempt) -> Recorded:
            state = attempt.state(FOOTAGE, key)
            if not isinstance(state, footage.Kept):
                raise NotFound("no such footage is kept", field="footage", accepted="footage that is kept")
            own = state.asked is not None and state.asked.requested_by == actor.person
            policy = authorise(attempt, "answer_retention_extension", FOOTAGE.stream(key), own_request=own)
            attempt.decide(FOOTAGE, key, footage.AnswerExtension(PersonId(actor.person), policy, refusal))
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, "answer_retention_extension", [key, refusal], command_id, use)

    def destroy(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """Put the destruction of footage on the record, where it is due and not held; its key is destroyed by that."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "destroy_footage", FOOTAGE.stream(key))
            command = footage.DestroyFootage(policy, PersonId(actor.person), attempt.at + self.key_backups_kept)
            attempt.decide(FOOTAGE, key, command)
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, "destroy_footage", key, command_id, use)

    def note_copy(self, actor: Actor, key: str, copied: footage.HeldRangeCopied, command_id: UUID) -> Outcome:
        """Put on the record that what a hold keeps was sealed once more, under a key of its own (the recorder does)."""

        def use(attempt: Attempt) -> Recorded:
            policy = authorise(attempt, "record_footage", FOOTAGE.stream(key))
            gone_after = attempt.at + self.key_backups_kept
            attempt.decide(FOOTAGE, key, footage.NoteHeldCopy(copied, policy, PersonId(actor.person), gone_after))
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, "record_footage", [key, copied], command_id, use)

    def record(self, actor: Actor, key: str, command: footage.RecordFootage, command_id: UUID) -> Outcome:
        """Put footage on the record that was sealed just now (the recorder does)."""
        return self._service(actor, "record_footage", key, command, command_id)

    def report_loss(self, actor: Actor, key: str, command: footage.ReportLoss, command_id: UUID) -> Outcome:
        """Put on the record that footage which should exist does not (the recorder does)."""
        return self._service(actor, "record_footage", key, command, command_id)

    def _service(
        self, actor: Actor, action: str, key: str, command: footage.RecordFootage | footage.ReportLoss, id_: UUID
    ) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, action, FOOTAGE.stream(key))
            attempt.decide(FOOTAGE, key, command)
            return outcome(attempt, FOOTAGE.stream(key), key)

        return self.run(actor, action, [key, command], id_, use)
