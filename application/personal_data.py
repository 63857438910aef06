"""What is recorded of members of the public, made unreadable: asked for by one person, approved by another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application import codec
from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.ports import StoredEvent, StoreUnavailable
from application.retention import KEY_BACKUPS_KEPT
from application.standing import authorise, outcome
from domain import call, complaint, disclosure, flight_state, footage, live_view, privacy_override, review
from domain.catalogue import AGGREGATES, aggregate_of
from domain.kernel import PersonId, Reason, StreamId
from domain.sampling import ACCESSES, week_of
from domain.subject_key import (
    RULE,
    SUBJECT_KEY,
    ApproveDestruction,
    Asked,
    DeclineDestruction,
    DestructionGround,
    RequestDestruction,
    matter_of,
)

WEEK = timedelta(days=7)
BATCH = 5_000
MOST_BEHIND = 200_000  # events behind the index that are still read one by one
MOST_NAMED = 5  # in a reason
# What oversight reviews: accesses by the week's sample, overrides and disclosures each.
REVIEWED = ACCESSES | {
    "override.override_requested",
    "override.emergency_override_invoked",
    "disclosure.review_awaited",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """An event of the log that oversight looks at. `type`: such as liveview.live_view_granted."""

    position: int
    at: datetime
    type: str
    stream: str


@dataclass(frozen=True, slots=True)
class Known:
    """`up_to`: the position up to which this is whole, but for the streams in `unread`."""

    up_to: int = 0
    deeds: Sequence[Deed] = ()
    unread: Sequence[str] = ()


class DeedsOnRecord(Protocol):
    """An index of the log by call and case. It may lag: what came after `up_to` is read in the log itself."""

    def under(self, number: str) -> Known:
        """The deeds, of the types in REVIEWED, under a call or case. Raises StoreUnavailable."""
        ...


class NoIndex:
    def under(self, number: str) -> Known:
        return Known()


class PersonalData(Commands):
    """`key_backups_kept` is set by whoever wires this, to what the key store's backups are; so is the `record`."""

    key_backups_kept: timedelta = KEY_BACKUPS_KEPT
    record: DeedsOnRecord = NoIndex()

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
            command = RequestDestruction(ground, reference, PersonId(actor.person), self._in_the_way(attempt, subject))
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
                    by, policy.version, attempt.at + self.key_backups_kept, self._in_the_way(attempt, subject)
                ),
            )
            return outcome(attempt, SUBJECT_KEY.stream(subject), subject)

        return self.run(actor, "answer_key_destruction", [subject, refusal], command_id, use)

    def _in_the_way(self, attempt: Attempt, subject: str) -> tuple[Reason, ...]:
        """Why the matter that a subject is named for is not over."""
        kind, _, key = matter_of(subject).partition("-")
        deeds = self._under(key) if kind in ("call", "case") else self._on(matter_of(subject))
        return (*_matter_open(attempt, kind, key), *_reviews_open(attempt, deeds))

    def _under(self, number: str) -> list[Deed]:
        """What was done under the number of a call or case: out of the index, and out of the log where that ends."""
        known = self.record.under(number)
        found, position, first = list(known.deeds), known.up_to, known.up_to
        for stream in known.unread:
            found += [deed for deed in self._on(stream, number) if deed.position <= first]
        while batch := self.handler.store.notifications(position, BATCH):
            found += _deeds(batch, number)
            position = batch[-1].position
            if position - first > MOST_BEHIND:
                raise StoreUnavailable("the audit trail lags too far behind to tell what waits for a review")
        return found

    def _on(self, stream: str, number: str | None = None) -> list[Deed]:
        return list(_deeds(self.handler.store.read([stream])[stream], number))


def _deeds(stored: Iterable[StoredEvent], number: str | None) -> Iterator[Deed]:
    for each in stored:
        if (type_ := each.type.rpartition(".v")[0]) in REVIEWED:
            envelope = codec.decode_envelope(each.content)
            if number is None or envelope.casenumber == number:
                yield Deed(each.position, envelope.time, type_, each.stream)


def _matter_open(attempt: Attempt, kind: str, key: str) -> Iterator[Reason]:
    if kind not in AGGREGATES or not key:  # a case, or a plate, which is no matter of its own
        return
    match attempt.state(AGGREGATES[kind], key):
        case call.Known(closing=None):
            yield Reason("call_open", "dispatch has not closed this call", RULE, field="subject")
        case complaint.Received() | complaint.Open():
            yield Reason("complaint_open", "this waits for its answer", RULE, field="subject")
        case footage.Kept(holds=holds) | footage.HeldApart(holds=holds) | footage.Lost(holds=holds) if holds:
            yield Reason("legal_hold", f"held under {', '.join(sorted(holds))}", RULE, field="subject")
        case live_view.Open():
            yield Reason("view_open", "this view is open", RULE, field="subject")
        case review.Committed() | review.Missed():
            yield Reason("review_open", "this week's sample is not drawn yet", RULE, field="subject")
        case review.UnderReview() as under if not under.finished:
            yield Reason("review_open", "accesses or findings of this review wait", RULE, field="subject")
        case state if isinstance(state, flight_state.Flying):
            yield Reason("flight_open", "this flight has not landed", RULE, field="subject")
        case _:
            return


def _reviews_open(attempt: Attempt, deeds: Sequence[Deed]) -> Iterator[Reason]:
    """What oversight has yet to look at, and could not read any more. What is read takes part in the append."""
    streams = sorted({deed.stream for deed in deeds if deed.type not in ACCESSES})
    attempt.load(*((aggregate_of(StreamId(stream)), stream.partition("-")[2]) for stream in streams))
    waiting = [stream for stream in streams if _waits(attempt, stream)]
    if waiting:
        said = f"not reviewed yet: {_named(waiting)}"
        yield Reason(
            "override_open" if waiting[0].startswith("override-") else "disclosure_open", said, RULE, "subject"
        )
    accesses = [deed for deed in deeds if deed.type in ACCESSES]
    if not accesses:
        return
    weeks = _weeks(min(deed.at for deed in accesses), attempt.at)
    attempt.load(*((review.REVIEW, f"week-{week}") for week in weeks))
    states = {week: attempt.state(review.REVIEW, f"week-{week}") for week in weeks}
    undrawn = {week for week, state in states.items() if not isinstance(state, review.UnderReview)}
    if early := sorted({week_of(deed.at) for deed in accesses} & undrawn):
        said = f"accesses of {_named(early)} wait for the sample of their week"
        yield Reason("access_not_sampled", said, RULE, "subject")
    unreviewed = {p for state in states.values() if isinstance(state, review.UnderReview) for p in state.waiting}
    if left := sorted(unreviewed & {deed.position for deed in accesses}):
        said = f"sampled accesses are not reviewed yet, at {_named([str(position) for position in left])}"
        yield Reason("access_unreviewed", said, RULE, "subject")


def _waits(attempt: Attempt, stream: str) -> bool:
    match attempt.state(aggregate_of(StreamId(stream)), stream.partition("-")[2]):
        case privacy_override.Waiting() | privacy_override.Active() | privacy_override.Ended():
            return True
        case disclosure.Made():
            return True
        case _:
            return False


def _weeks(since: datetime, until: datetime) -> list[str]:
    count = (until - since) // WEEK + 2
    return sorted({week_of(min(since + n * WEEK, until)) for n in range(count)})


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
