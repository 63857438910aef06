"""Load, decide, append: how every command is handled, and what its caller is told.

A command reads the streams it needs, decides on them, and appends what came of it, provided that none of those streams
moved meanwhile; if one did, it starts again from a fresh read, a bounded number of times. What a command came to is
kept under its id, so that the same command sent again gets the first answer, also after a crash.

Refusals and mistakes of a signed-on person are appended too: an attempt is part of the record.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog
from opentelemetry import trace

from application import codec
from application.observability import REFUSALS, RETRIES, traceparent
from application.ports import (
    Append,
    Appended,
    Authoriser,
    Clock,
    CommandIdReused,
    Conflict,
    Document,
    EventStore,
    EventTooLarge,
    Ids,
    NewEvent,
    Question,
    StoreUnavailable,
)
from application.sealing import Keyring, KeysUnavailable, holds_personal, personal_values, renamed
from domain.kernel import Aggregate, InvalidValue, Mistake, Reason, Sealed, Shredded, StreamId
from domain.subject_key import SUBJECT_KEY, Destroyed, MakeKey, SubjectKeyCreated, next_generation

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")

SOURCE = "urn:saferweho:west-hollywood"
# What may stand in a stream's name: it becomes part of rows and indexes, so it is short and printable.
KEY = re.compile(r"[\x21-\x7e]{1,128}")
CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
UNANSWERED = "the event store did not answer in time: send the command again under the same id, it counts once"
KEYS_AWAY = "the key store did not answer, and nothing was recorded: send the command again under the same id"
# What is said where one of these rules forbids, by its name: a code, what it means, and what to do instead.
FORBIDDEN: Mapping[str, tuple[str, str, str | None]] = {
    "oversight-is-not-muted": (
        "oversight_not_muted",
        "this is about a person of oversight: the change is asked for, and one of oversight answers",
        "requestOversightChange, answered by one of oversight",
    ),
}
ATTEMPTS = 8  # from a fresh read each; a command that loses so often is told to try again
log = structlog.get_logger()
tracer = trace.get_tracer("saferweho.application")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a named person or one of our own processes. `roles` come from the person's stream alone."""

    person: str
    name: str
    organisation: str
    roles: frozenset[str]
    session: str = ""
    source_address: str = ""
    stepped_up_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """One command's identity and its place in the chain of causes."""

    command_id: UUID
    name: str
    digest: bytes
    correlation_id: str = ""
    causation_id: str = ""


# -- what the caller is told -------------------------------------------------


class Accepted(msgspec.Struct, frozen=True, tag="accepted", omit_defaults=True):
    """Done and on the record. For orders to a drone: what became of the order, and when its first frame left."""

    stream: str
    key: str
    position: int = 0
    replayed: bool = False
    outcome: str | None = None
    sent_at: datetime | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused", omit_defaults=True):
    """A rule said no. The refusal is an event at `position`."""

    stream: str
    reasons: tuple[Reason, ...]
    decided_by: str
    position: int = 0
    replayed: bool = False


class Mistaken(msgspec.Struct, frozen=True, tag="mistaken", omit_defaults=True):
    """The request cannot be: which field, what is wrong, what is accepted. The attempt is an event at `position`."""

    code: str
    message: str
    field: str | None = None
    accepted: str | None = None
    position: int = 0
    replayed: bool = False


class Unavailable(msgspec.Struct, frozen=True, tag="unavailable"):
    """Nobody could say in time whether it is on the record: sent again under the same id it is there once. Only what
    was told at once (`busy`, a store known to be away) is sure to have left no trace."""

    code: str
    message: str
    retry_after_s: int = 5


Recorded = Accepted | Refused | Mistaken
Outcome = Recorded | Unavailable
_answers = msgspec.json.Decoder(Recorded)


class Denied(Exception):
    """The policy does not let this person do this. Becomes an event of the person's session."""

    def __init__(self, action: str, resource: str, rule: str, reason: Reason) -> None:
        super().__init__(reason.message)
        self.action, self.resource, self.rule, self.reason = action, resource, rule, reason


# -- reading -----------------------------------------------------------------


class States:
    """Folded states of streams, kept between commands. An event never changes, so a state at a version is true for
    ever; only what came after is read again. At most `capacity` streams are kept."""

    def __init__(self, store: EventStore, capacity: int = 10_000) -> None:
        self._store = store
        self._capacity = capacity
        self._known: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._lock = Lock()

    def load(self, wanted: Sequence[tuple[Aggregate[Any, Any, Any], str]]) -> dict[str, tuple[int, Any]]:
        """stream → (version, state), all out of one consistent read."""
        by_stream: dict[str, Aggregate[Any, Any, Any]] = {agg.stream(key): agg for agg, key in wanted}
        with self._lock:
            known = {stream: self._known[stream] for stream in by_stream if stream in self._known}
        fresh = self._store.read(list(by_stream), {stream: version for stream, (version, _) in known.items()})
        loaded: dict[str, tuple[int, Any]] = {}
        for stream, aggregate in by_stream.items():
            version, state = known.get(stream, (0, aggregate.initial))
            for stored in fresh[stream]:
                state = aggregate.evolve(state, codec.recorded(stored).event)
                version = stored.version
            loaded[stream] = (version, state)
        with self._lock:
            for stream, entry in loaded.items():
                if entry[0] and entry[0] >= self._known.get(stream, (0,))[0]:
                    self._known[stream] = entry
                    self._known.move_to_end(stream)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return loaded

    def has(self, stream: str) -> bool:
        """Whether a state of the stream is kept, so that it surely exists."""
        with self._lock:
            return stream in self._known


# -- one attempt -------------------------------------------------------------


class Attempt:
    """One try at a command: what it has read, what it would append. Nothing is written before the handler appends."""

    def __init__(self, handler: Handler, actor: Actor, ticket: Ticket, at: datetime) -> None:
        self._handler = handler
        self.actor = actor
        self.ticket = ticket
        self.at = at
        self.purpose = ""
        self.case_number = ""
        self.policy_version = 0
        self.decided_by = ""
        self.role = min(actor.roles, default="")
        self._read: dict[str, tuple[int, Any]] = {}
        self._start: dict[str, int] = {}
        self._written: list[tuple[str, int, Any]] = []
        self.documents: list[Document] = []

    @property
    def rules_sha256(self) -> str:
        """Of the access rules that this process decides by."""
        return self._handler.authoriser.set_hash

    def load(self, *wanted: tuple[Aggregate[Any, Any, Any], str]) -> None:
        """Read several streams in one round trip; `state` then finds them. Raises InvalidValue for what names none."""
        missing = [(a, key) for a, key in wanted if a.stream(key) not in self._read]
        for aggregate, key in missing:
            if key and not KEY.fullmatch(key):
                raise InvalidValue(
                    f"this is no {aggregate.name}'s id", field=aggregate.name, accepted="1 to 128 printable characters"
                )
        self._load(missing)

    def _load(self, missing: Sequence[tuple[Aggregate[Any, Any, Any], str]]) -> None:
        if missing:
            for stream, entry in self._handler.states.load(missing).items():
                self._read[stream] = entry
                self._start[stream] = entry[0]

    def state(self, aggregate: Aggregate[C, E, S], key: str) -> S:
        self.load((aggregate, key))
        found: S = self._read[aggregate.stream(key)][1]
        return found

    def version(self, aggregate: Aggregate[Any, Any, Any], key: str) -> int:
        self.load((aggregate, key))
        return self._read[aggregate.stream(key)][0]

    def decide(self, aggregate: Aggregate[C, E, S], key: str, command: C) -> list[E]:
        """What the aggregate makes of the command, taken into this attempt. Raises Mistake."""
        events = aggregate.decide(command, self.state(aggregate, key), self.at)
        self.take(aggregate, key, events)
        return events

    def take(self, aggregate: Aggregate[Any, E, Any], key: str, events: Iterable[E]) -> None:
        stream = aggregate.stream(key)
        self.load((aggregate, key))
        for event in events:
            version, state = self._read[stream]
            self._read[stream] = (version + 1, aggregate.evolve(state, event))
            self._written.append((stream, version + 1, event))

    def authorise(self, action: str, resource: str, **context: bool | int | str) -> None:
        """Ask the policy, role by role, so that the record names the role that let it happen. Raises Denied."""
        rule = "default-deny"
        for role in sorted(self.actor.roles) or [""]:
            decision = self._handler.authoriser.decide(
                Question(
                    person=self.actor.person,
                    roles=frozenset({role}),
                    organisation=self.actor.organisation,
                    action=action,
                    resource=resource,
                    context=context,
                )
            )
            rule = decision.rule
            if decision.allowed:
                self.role, self.decided_by = role, decision.rule
                return
        step_up = bool(context) and context.get("stepped_up") is False
        if step_up and self._handler.would_allow(self.actor, action, resource, {**context, "stepped_up": True}):
            reason = Reason(
                "step_up_required",
                f"'{action}' needs you to confirm who you are again",
                rule,
                accepted="a sign-on stepped up within the time the use policy states",
            )
        else:
            said = ("not_permitted", f"your roles do not permit '{action}'", None)
            code, message, accepted = FORBIDDEN.get(rule.partition("@")[0], said)
            reason = Reason(code, message, rule, accepted=accepted)
        raise Denied(action, resource, rule, reason)

    def is_for(self, other: Attempt) -> None:
        """For the purpose and case of another attempt, by the policy it met; what is no code or number is not kept."""
        self.policy_version = other.policy_version
        self.purpose = other.purpose if CODE.fullmatch(other.purpose) else ""
        self.case_number = other.case_number if KEY.fullmatch(other.case_number) else ""

    def events(self) -> list[Any]:
        return [event for _, _, event in self._written]

    def _keys_first(self) -> None:
        """Have the key of everybody of the public that is spoken of, and put a new one on the record before its use.

        Whether a key is destroyed takes part in the append: what is written after that is sealed under the subject's
        next generation, never under a key that is on its way out.
        """
        subjects = {
            personal.subject
            for _, _, event in self._written
            if holds_personal(type(event))
            for personal in personal_values(event)
            if not isinstance(personal.value, Shredded | Sealed)
        }
        if not subjects:
            return
        self._load([(SUBJECT_KEY, s) for s in sorted(subjects) if SUBJECT_KEY.stream(s) not in self._read])
        names = {subject: self._readable(subject) for subject in sorted(subjects)}
        self._handler.keys.ready(names.values())  # durable from here on, before any event that needs it
        written, self._written = self._written, []
        for subject in names.values():
            self.decide(SUBJECT_KEY, subject, MakeKey(StreamId(subject)))
        later = {old: new for old, new in names.items() if old != new}
        self._written += [(s, v, renamed(event, later)) for s, v, event in written] if later else written

    def _readable(self, subject: str) -> str:
        """The subject, or its next generation whose key is not destroyed."""
        while isinstance(self.state(SUBJECT_KEY, subject), Destroyed):
            subject = next_generation(subject)
        return subject

    def to_append(self, answer: Recorded) -> Append:
        self._keys_first()
        written = {stream for stream, _, _ in self._written}
        return Append(
            command_id=self.ticket.command_id,
            digest=self._handler.kept_digest(self.ticket),
            events=[self._encode(*w) for w in self._written],
            reads={stream: version for stream, version in self._start.items() if stream not in written},
            answer=msgspec.json.encode(answer),
            documents=self.documents,
        )

    def _encode(self, stream: str, version: int, event: Any) -> NewEvent:
        ids = self._handler.ids
        # A key is made by the machine at somebody's act; for which purpose and case is told by the act.
        purpose, case = ("", "") if isinstance(event, SubjectKeyCreated) else (self.purpose, self.case_number)
        envelope = codec.Envelope(
            specversion="1.0",
            id=ids.event_id(),
            type=codec.type_uri(type(event)),
            source=SOURCE,
            subject=stream,
            time=self.at,
            datacontenttype="application/json",
            dataschema=codec.schema_uri(type(event)),
            streamversion=version,
            actorid=self.actor.person,
            actororg=self.actor.organisation,
            actorrole=self.role,
            nonce=ids.nonce(),
            sessionid=self.actor.session,
            sourceaddress=self.actor.source_address,
            purpose=purpose,
            casenumber=case,
            policyversion=self.policy_version,
            decidedby=self.decided_by,
            commandid=str(self.ticket.command_id),
            correlationid=self.ticket.correlation_id or str(self.ticket.command_id),
            causationid=self.ticket.causation_id,
            traceparent=traceparent(),
        )
        return codec.new_event(envelope, event, self._handler.keys)


UseCase = Callable[[Attempt], Recorded]
RecordAttempt = Callable[[Attempt, str, str, tuple[Reason, ...], str], None]


# -- the handler -------------------------------------------------------------


class Handler:
    """Runs use cases against the store. One per process; safe to call from many threads."""

    def __init__(
        self,
        store: EventStore,
        clock: Clock,
        ids: Ids,
        authoriser: Authoriser,
        record_attempt: RecordAttempt,
        keys: Keyring,
    ) -> None:
        self.store = store
        self.clock = clock
        self.ids = ids
        self.authoriser = authoriser
        self.keys = keys
        self.states = States(store)
        self._record_attempt = record_attempt

    def would_allow(
        self, actor: Actor, action: str, resource: str, context: dict[str, bool | int | str] | None = None
    ) -> bool:
        """Whether any role of the actor permits this; nothing is recorded. For 'what may I do' and hints."""
        return any(
            self.authoriser.decide(
                Question(actor.person, frozenset({role}), actor.organisation, action, resource, context or {})
            ).allowed
            for role in actor.roles
        )

    def ticket(self, name: str, content: Any, actor: Actor, command_id: UUID | None, **chain: str) -> Ticket:
        """`content`: the command's input; two commands are the same when actor, name and content are."""
        body = msgspec.json.encode([name, actor.person, codec.to_builtins(content)], order="deterministic")
        return Ticket(command_id or self.ids.event_id(), name, hashlib.sha256(body).digest(), **chain)

    def kept_digest(self, ticket: Ticket) -> bytes:
        """What is kept for good of a command's content. It may say something of people, so it is keyed: whoever has the
        store alone cannot try what it said. Raises KeysUnavailable."""
        return self.keys.keyed_digest("command", ticket.digest)

    def handle(self, actor: Actor, ticket: Ticket, use_case: UseCase) -> Outcome:
        with tracer.start_as_current_span(f"command {ticket.name}", attributes={"command.id": str(ticket.command_id)}):
            try:
                outcome = self._handle(actor, ticket, use_case)
            except CommandIdReused as e:
                outcome = Mistaken(
                    code="command_id_reused", message=str(e), field="commandId", accepted="a fresh UUID per command"
                )
            except EventTooLarge as e:
                outcome = Mistaken(code="too_large", message=str(e), accepted="shorter texts")
            except KeysUnavailable as e:
                log.warning("keys_unavailable", command=ticket.name, error=str(e))
                outcome = Unavailable("keys_unavailable", KEYS_AWAY)
            except StoreUnavailable as e:
                log.warning("store_unavailable", command=ticket.name, error=str(e))
                outcome = Unavailable("store_unavailable", UNANSWERED)
            if isinstance(outcome, Refused):
                for reason in outcome.reasons:
                    REFUSALS.labels(command=ticket.name, code=reason.code).inc()
            return outcome

    def _handle(self, actor: Actor, ticket: Ticket, use_case: UseCase) -> Outcome:
        for _ in range(ATTEMPTS):
            attempt = Attempt(self, actor, ticket, self.clock.now())
            try:
                answer = use_case(attempt)
            except Mistake as mistake:
                reason = Reason(mistake.code, mistake.message, "input", mistake.field, mistake.accepted)
                attempt = self._attempted(actor, ticket, ticket.name, "", (reason,), "")
                answer = Mistaken(mistake.code, mistake.message, mistake.field, mistake.accepted)
            except Denied as denied:
                tried = attempt
                attempt = self._attempted(actor, ticket, denied.action, denied.resource, (denied.reason,), denied.rule)
                attempt.is_for(tried)
                answer = Refused("", (denied.reason,), denied.rule)
            if not isinstance(answer, Accepted) and not attempt.events():
                return self._first_answer(ticket) or answer  # nothing to record, so the id is not used up either
            try:
                appended = self.store.append(attempt.to_append(answer))
            except Conflict as conflict:
                RETRIES.labels(command=ticket.name).inc()
                log.info("conflict", command=ticket.name, stream=conflict.stream)
                continue
            return self._answer(appended)
        return self._first_answer(ticket) or Unavailable(
            "busy", "others changed the same thing at the same moment: send the command again", 1
        )

    def _first_answer(self, ticket: Ticket) -> Recorded | None:
        """Raises CommandIdReused."""
        first = self.store.answer_to(ticket.command_id)
        if first and first[0] != self.kept_digest(ticket):
            raise CommandIdReused(ticket.command_id)
        return self._answer(first[1]) if first else None

    def _attempted(
        self, actor: Actor, ticket: Ticket, action: str, resource: str, reasons: tuple[Reason, ...], rule: str
    ) -> Attempt:
        attempt = Attempt(self, actor, ticket, self.clock.now())
        attempt.decided_by = rule
        self._record_attempt(attempt, action, resource, reasons, rule)
        return attempt

    @staticmethod
    def _answer(appended: Appended) -> Recorded:
        answer: Recorded = _answers.decode(appended.answer)
        return msgspec.structs.replace(answer, position=appended.last_position, replayed=appended.replayed)


def stored_answer(appended: Appended) -> Recorded:
    return Handler._answer(appended)


__all__ = ["Accepted", "Actor", "Attempt", "Denied", "Handler", "Mistaken", "Outcome", "Refused", "Unavailable"]
