"""Personal values are in clear nowhere but in memory, and only as long as their key exists."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec
import psycopg
import pytest

from application import codec
from application.codec import NotDeclared, NotSealed, UnreadableEvent
from application.complaints import Complaints, Feedback
from application.handling import Outcome, Unavailable
from application.sealing import DESTROYED, Destroyed, Keyring, KeysUnavailable, SealBroken, SubjectKey
from domain.call import CallReceived
from domain.complaint import FeedbackChannel, Topic
from domain.kernel import EVENT_TYPES, SHREDDED, Personal, Sealed
from tests.application.small_center import CAPTAIN, SmallCenter, done, small_center
from tests.golden.make import envelope_of, event_of

NAME = "call.call_received.v1"
SUBJECT = "call-WH26-004217"


class Keys:
    """A key store that can be looked into and stopped."""

    def __init__(self) -> None:
        self.keys: dict[str, SubjectKey | Destroyed] = {}
        self.asked = 0
        self.away = False

    def find(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        self.asked += 1
        if self.away:
            raise KeysUnavailable("away")
        return {s: self.keys[s] for s in subjects if s in self.keys}

    def make(self, subjects: Collection[str]) -> Mapping[str, SubjectKey | Destroyed]:
        for subject in subjects:
            self.keys.setdefault(subject, SubjectKey(f"key-{subject}", subject.ljust(32)[:32].encode()))
        return self.find(subjects)

    def destroy(self, subject: str) -> bool:
        was = self.keys.get(subject)
        self.keys[subject] = DESTROYED
        return was is not DESTROYED

    def sweep(self) -> bool:
        return False

    def secret_of(self, purpose: str) -> bytes:
        return purpose.ljust(32)[:32].encode()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def written(keyring: Keyring, event: object | None = None) -> bytes:
    return codec.encode(envelope_of(NAME), event or event_of(NAME), keyring)


@pytest.mark.rule("record.public_sealed")
def test_an_event_holds_no_personal_value_in_clear_and_opens_with_its_key() -> None:
    keyring = Keyring(Keys())
    content = written(keyring)
    event = codec.decode(content).event
    original = event_of(NAME)
    assert isinstance(event, CallReceived) and isinstance(original, CallReceived)
    for sealed, said in ((event.caller, original.caller), (event.narrative, original.narrative)):
        assert sealed is not None and said is not None and isinstance(sealed.value, Sealed)
        assert str(said.value).encode() not in content
        assert keyring.text(sealed) == said.value
    form = json.loads(content)["data"]["caller"]
    assert form.keys() == {"subject", "alg", "kid", "sealed"} and form["alg"] == "A256GCM"


def test_the_same_text_is_never_sealed_to_the_same_bytes() -> None:
    keyring = Keyring(Keys())
    assert written(keyring) != written(keyring)


def test_what_is_destroyed_is_shredded_and_stays_so_in_what_is_written_afterwards() -> None:
    keys, clock = Keys(), Clock()
    keyring = Keyring(keys, clock=clock)
    event = codec.decode(written(keyring)).event
    keys.destroy(SUBJECT)
    clock.now += 2.1
    assert keyring.open(event.caller) == SHREDDED and keyring.text(event.caller) is None
    again = codec.decode(written(keyring)).event
    assert again.caller == Personal(SUBJECT, SHREDDED)


def test_no_process_goes_on_using_a_destroyed_key_for_more_than_two_seconds() -> None:
    keys, clock = Keys(), Clock()
    keyring = Keyring(keys, clock=clock)
    event = codec.decode(written(keyring)).event
    asked = keys.asked
    keys.destroy(SUBJECT)
    clock.now += 1.9
    assert keyring.text(event.caller) and keys.asked == asked
    clock.now += 0.2
    assert keyring.text(event.caller) is None


def test_a_key_store_that_is_away_opens_and_writes_nothing() -> None:
    keys, clock = Keys(), Clock()
    keyring = Keyring(keys, clock=clock)
    event = codec.decode(written(keyring)).event
    keys.away, clock.now = True, 3.0
    with pytest.raises(KeysUnavailable):
        keyring.text(event.caller)
    with pytest.raises(KeysUnavailable):
        written(keyring)


def test_another_key_store_is_told_from_a_destroyed_key() -> None:
    event = codec.decode(written(Keyring(Keys()))).event
    with pytest.raises(SealBroken, match="is it the key store that belongs to this log"):
        Keyring(Keys()).text(event.caller)


@pytest.mark.parametrize("change", ["moved to another event", "given to another subject", "changed"])
def test_a_sealed_value_opens_where_it_was_written_and_nowhere_else(change: str) -> None:
    keyring = Keyring(Keys())
    whole = json.loads(written(keyring))
    caller = whole["data"]["caller"]
    if change == "moved to another event":
        whole["id"] = "01975f3a-4f9f-7ecc-8f0b-7a9b7c8be1e2"
    elif change == "given to another subject":
        keyring.ready(["call-2"])
        caller |= {"subject": "call-2", "kid": "key-call-2"}
    else:
        caller["sealed"] = caller["sealed"][:-4] + ("AAAA" if caller["sealed"][-4:] != "AAAA" else "BBBB")
    with pytest.raises(SealBroken):
        keyring.text(codec.decode(json.dumps(whole).encode()).event.caller)


@pytest.mark.parametrize(
    "form",
    [
        {"subject": SUBJECT, "value": "in clear"},
        {"subject": SUBJECT, "alg": "none", "kid": "1", "sealed": "AAAA"},
        {"alg": "A256GCM", "kid": "1", "sealed": "AAAA"},
        {"subject": SUBJECT, "alg": "A256GCM", "kid": "1", "sealed": "%%%%"},
        "in clear",
    ],
)
def test_an_event_with_a_value_in_clear_is_no_event_of_ours(form: object) -> None:
    whole = json.loads(written(Keyring(Keys())))
    whole["data"]["caller"] = form
    with pytest.raises(UnreadableEvent):
        codec.decode(json.dumps(whole).encode())


def test_whoever_has_no_keyring_cannot_write_or_read_what_is_personal() -> None:
    with pytest.raises(NotSealed, match=SUBJECT):
        codec.encode(envelope_of(NAME), event_of(NAME))
    recorded = codec.decode(written(Keyring(Keys())))
    with pytest.raises(NotDeclared, match="stays sealed"):
        recorded.text(recorded.event.caller)
    with pytest.raises(NotSealed):
        codec.to_builtins(event_of(NAME))


def test_at_most_so_many_keys_are_held() -> None:
    keys = Keys()
    keyring = Keyring(keys, capacity=3)
    keyring.ready([f"call-{n}" for n in range(10)])
    asked = keys.asked
    keyring.ready([f"call-{n}" for n in range(7, 10)])
    assert keys.asked == asked
    keyring.ready(["call-0"])
    assert keys.asked == asked + 1


def test_every_golden_holds_its_personal_values_sealed() -> None:
    """Whatever a type nests, nothing of it is written in clear."""
    for name in EVENT_TYPES:
        content = codec.encode(envelope_of(name), event_of(name), Keyring(Keys()))
        assert b'"value"' not in msgspec.json.encode(_personal_forms(json.loads(content)["data"])), name


def _personal_forms(value: object) -> list[object]:
    if isinstance(value, dict):
        own = [value] if {"subject", "sealed"} <= value.keys() else []
        return own + [f for inner in value.values() for f in _personal_forms(inner)]
    return [f for inner in value for f in _personal_forms(inner)] if isinstance(value, list) else []


# -- in use ------------------------------------------------------------------


def feedback(center: SmallCenter) -> Callable[[], Outcome]:
    """The captain's, with the words of somebody of the public."""
    at = center.clock.now() - timedelta(hours=1)
    said = Feedback(FeedbackChannel.DESK, Topic.DRONE, "It hung over our yard.", at, "Ana Pérez", "ana@mail.example")
    captain = center.signed_on(CAPTAIN)
    return lambda: Complaints(center.handler).receive(captain, said)


def test_a_key_is_on_the_record_before_its_first_use_and_once(database_url: str) -> None:
    with small_center(database_url) as center:
        told = done(feedback(center)())
        names = [r.name for r in center.all_events()][-2:]
        assert names == ["subjectkey.subject_key_created.v1", "complaint.feedback_received.v1"]
        (created,) = center.events(f"subjectkey-{told.stream}")
        assert created.event.subject == told.stream
        with psycopg.connect(center.url) as connection:
            found = connection.execute(
                "SELECT FROM events.stored_events WHERE position('yard'::bytea IN state) > 0"
            ).rowcount
        assert found == 0


def test_a_command_whose_key_cannot_be_had_leaves_no_event(database_url: str) -> None:
    with small_center(database_url) as center:
        command = feedback(center)
        before = center.handler.store.head()
        with psycopg.connect(center.url, autocommit=True) as connection:
            connection.execute("ALTER TABLE keys.subject_keys RENAME TO away")
            assert isinstance(command(), Unavailable)
            assert center.handler.store.head() == before
            connection.execute("ALTER TABLE keys.away RENAME TO subject_keys")
        done(command())


def test_what_is_kept_of_a_command_lets_nobody_try_what_it_said(database_url: str) -> None:
    with small_center(database_url) as center:
        at, captain = center.clock.now() - timedelta(hours=1), center.signed_on(CAPTAIN)
        said = Feedback(FeedbackChannel.DESK, Topic.DRONE, "It hung over our yard.", at)
        ticket = center.handler.ticket("receive_feedback", said, captain, None)
        complaints = Complaints(center.handler)
        done(complaints.receive(captain, said, ticket.command_id))
        again = done(complaints.receive(captain, said, ticket.command_id))
        assert again.replayed
        other = replace(said, said="It hung over another yard.")
        assert getattr(complaints.receive(captain, other, ticket.command_id), "code", "") == "command_id_reused"
        kept = center.handler.store.answer_to(ticket.command_id)
        assert kept is not None and kept[0] == center.handler.kept_digest(ticket) != ticket.digest
