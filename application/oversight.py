"""Oversight at work: the weekly sample, reviews, findings and what was done about them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from application import codec
from application.commands import Commands
from application.complaints import must_exist
from application.handling import Actor, Attempt, Outcome, Recorded
from application.ports import EventStore
from application.standing import authorise, outcome
from domain import review
from domain.kernel import Personal, PersonId, StreamId, WrongState
from domain.person import PERSON
from domain.review import REVIEW
from domain.review_events import AccessReviewed, AccessVerdict, CorrectiveActionTaken, Discrepancy, FindingRecorded
from domain.sampling import ACCESSES, Access, Population, week_end

BATCH = 5_000
NOTHING_YET = Population(0, "00" * 32, ())


class Oversight(Commands):
    def commit_seed(self, actor: Actor, week: str, nonce_sha256: str, command_id: UUID | None = None) -> Outcome:
        """Bind oversight to a nonce for the sample of a week that is not over."""

        def use(attempt: Attempt) -> Recorded:
            key = _week_key(week)
            authorise(attempt, "commit_audit_seed", REVIEW.stream(key))
            attempt.decide(REVIEW, key, review.CommitSeed(week, nonce_sha256, PersonId(actor.person)))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.run(actor, "commit_audit_seed", [week, nonce_sha256], command_id, use)

    def draw_sample(self, actor: Actor, week: str, nonce: str, command_id: UUID | None = None) -> Outcome:
        """Reveal the nonce of a week and draw its sample. Reads the log up to the week's end.

        A nonce that is refused is not on the record: it may be the right one, too early.
        """
        counted: list[Population] = []  # the past does not change between two tries

        def use(attempt: Attempt) -> Recorded:
            key = _week_key(week)
            policy = authorise(attempt, "draw_audit_sample", REVIEW.stream(key))
            state, parameters = attempt.state(REVIEW, key), policy.parameters
            command = review.DrawSample(
                nonce,
                NOTHING_YET,
                parameters.audit_sample_size,
                timedelta(days=parameters.audit_review_days),
                PersonId(actor.person),
            )
            if isinstance(state, review.Committed) and not review.draw_refusals(nonce, state, attempt.at):
                if not counted:
                    counted.append(self._population(state.seed.week_ends_at))
                command = replace(command, population=counted[0])
            attempt.decide(REVIEW, key, command)
            return outcome(attempt, REVIEW.stream(key), key)

        ticket = self.handler.ticket("draw_audit_sample", [week, nonce], actor, command_id)
        return self.handler.handle(actor, ticket, use)

    def note_missed_seed(self, actor: Actor, week: str, command_id: UUID) -> Outcome:
        """Put on the record, by the scheduler, that nobody committed to a nonce before a week ended; nothing where
        somebody did."""

        def use(attempt: Attempt) -> Recorded:
            key = _week_key(week)
            authorise(attempt, "draw_fallback_sample", REVIEW.stream(key))
            attempt.decide(REVIEW, key, review.NoteMissedSeed(week, PersonId(actor.person)))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.run(actor, "note_missed_seed", week, command_id, use)

    def draw_fallback(self, actor: Actor, week: str, command_id: UUID) -> Outcome:
        """Draw, by the scheduler, the sample of a week that nobody committed to a nonce for."""

        def use(attempt: Attempt) -> Recorded:
            key = _week_key(week)
            parameters = authorise(attempt, "draw_fallback_sample", REVIEW.stream(key)).parameters
            if isinstance(state := attempt.state(REVIEW, key), review.Missed):
                command = review.DrawFallback(
                    self._population(state.seed.week_ends_at),
                    parameters.audit_sample_size,
                    timedelta(days=parameters.audit_review_days),
                    PersonId(actor.person),
                )
                attempt.decide(REVIEW, key, command)
            return outcome(attempt, REVIEW.stream(key), key)

        return self.run(actor, "draw_fallback_sample", week, command_id, use)

    def _population(self, ends_at: datetime) -> Population:
        population = population_at(self.handler.store, ends_at)
        if population is None:
            raise WrongState("nothing was recorded since the week ended: draw again in a moment", field="week")
        return population

    def review_access(
        self,
        actor: Actor,
        key: str,
        position: int,
        verdict: AccessVerdict,
        note: str = "",
        command_id: UUID | None = None,
    ) -> Outcome:
        """Record the review of one sampled access. `key`: of the sample, such as week-2026-W23."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "review_access", REVIEW.stream(key))
            command = review.ReviewAccess(key, position, verdict, note, PersonId(actor.person))
            attempt.decide(REVIEW, key, command)
            return outcome(attempt, REVIEW.stream(key), key)

        return self.run(actor, "review_access", [key, position, verdict, note], command_id, use)

    def record_finding(
        self,
        actor: Actor,
        finding: review.RecordFinding,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Record that something is wrong. `finding.review`: of the sample it came out of; blank: a review of its own,
        whose id is the command's. `finding.by` is the actor."""
        ticket = self.handler.ticket("record_finding", finding, actor, command_id)
        key = finding.review or str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "record_finding", REVIEW.stream(key))
            if finding.about is not None:
                must_exist(attempt, finding.about, "about")
            if finding.person is not None:
                must_exist(attempt, PERSON.stream(finding.person), "person")
            attempt.decide(REVIEW, key, replace(finding, review=key, by=PersonId(actor.person)))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def take_corrective_action(
        self, actor: Actor, key: str, finding: int, measure: str, command_id: UUID | None = None
    ) -> Outcome:
        """Say what was done about a finding."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "take_corrective_action", REVIEW.stream(key))
            command = review.TakeCorrectiveAction(key, finding, measure, PersonId(actor.person))
            attempt.decide(REVIEW, key, command)
            return outcome(attempt, REVIEW.stream(key), key)

        return self.run(actor, "take_corrective_action", [key, finding, measure], command_id, use)

    def report_discrepancy(
        self, actor: Actor, kind: Discrepancy, about: StreamId | None, detail: str, command_id: UUID | None = None
    ) -> Outcome:
        """Put on the record that two things which should agree do not. Its id is the command's."""
        ticket = self.handler.ticket("report_discrepancy", [kind, about, detail], actor, command_id)
        key = str(ticket.command_id)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "report_discrepancy", REVIEW.stream(key))
            attempt.decide(REVIEW, key, review.ReportDiscrepancy(kind, about, detail, PersonId(actor.person)))
            return outcome(attempt, REVIEW.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def stated(self, stream: str) -> list[str | None]:
        """The reasons that somebody gave for an access, out of its stream: at the request, and at each renewal; None
        where the key is destroyed."""
        reasons: list[str | None] = []
        for stored in self.handler.store.read([stream])[stream]:
            event = codec.recorded(stored).event
            given = getattr(getattr(event, "grounds", event), "reason", None)
            if isinstance(given, Personal):
                reasons.append(self.handler.keys.text(given))
        return reasons

    def said(self, key: str) -> dict[str, str | None]:
        """The free texts of a review, out of the stream itself: `access:<position>`, `finding:<number>` and
        `measure:<number>` -> text, None where its key is destroyed."""
        texts: dict[str, Personal[str]] = {}
        stream = REVIEW.stream(key)
        for stored in self.handler.store.read([stream])[stream]:
            match codec.recorded(stored).event:
                case AccessReviewed(position=position, note=note) if note is not None:
                    texts[f"access:{position}"] = note
                case FindingRecorded(number=number, shortcoming=shortcoming):
                    texts[f"finding:{number}"] = shortcoming
                case CorrectiveActionTaken(finding, measure):
                    texts[f"measure:{finding}"] = measure
        return {name: self.handler.keys.text(text) for name, text in texts.items()}


def _week_key(week: str) -> str:
    """The key of the stream `review-week-2026-W23`. Raises InvalidValue."""
    week_end(week)
    return f"week-{week}"


def population_at(store: EventStore, ends_at: datetime) -> Population | None:
    """Every access before the first event of `ends_at` or later, and the log's rolling hash there; None while there
    is no such event: the end is not settled then."""
    root, position, accesses = bytes(32), 0, list[Access]()
    while batch := store.notifications(position, BATCH):
        for stored in batch:
            envelope = codec.decode_envelope(stored.content)
            if envelope.time >= ends_at:
                return Population(position, root.hex(), tuple(accesses))
            root = hashlib.sha256(root + hashlib.sha256(stored.content).digest()).digest()
            position = stored.position
            if stored.type.rpartition(".v")[0] in ACCESSES:
                accesses.append(Access(position, StreamId(stored.stream), PersonId(envelope.actorid)))
    return None


__all__ = ["Oversight", "population_at"]
