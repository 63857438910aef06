"""For any sequence of commands from two processes' stores, the log is what a naive model says: positions 1..n, each
stream whole, every refusal precise, every repetition answered as the first time.

The model is a list of what was accepted, written for this test; it shares nothing with the store. One database serves
all examples, since nothing can be taken out of a log: each begins where the one before ended, on streams of its own.
"""

import hashlib
import itertools
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from adapters.event_store import PostgresEventStore
from adapters.event_store.audit import audit
from application.ports import Append, Appended, CommandIdReused, Conflict, Head, NewEvent, StoreError
from tests.adapters.event_store.appends import TYPE, append

_examples = itertools.count(1)
NAMES = st.sampled_from(["a", "b", "c"])
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1])  # mostly right
WRITES = st.lists(st.tuples(NAMES, OFFSETS, st.integers(1, 3)), max_size=2, unique_by=lambda write: write[0])
READS = st.dictionaries(NAMES, OFFSETS, max_size=2)
STORES = st.integers(0, 1)


class Model:
    """What should be on the record, as one would tell it to a child."""

    def __init__(self, position: int, rolling_hash: bytes) -> None:
        self.before = position
        self.rolling_hash = rolling_hash
        self.events: list[NewEvent] = []
        self.answers: dict[UUID, tuple[bytes, Appended]] = {}

    def version(self, stream: str) -> int:
        return sum(event.stream == stream for event in self.events)

    def append(self, command: Append) -> Appended | StoreError:
        if command.command_id in self.answers:
            digest, answer = self.answers[command.command_id]
            if digest != command.digest:
                return CommandIdReused(command.command_id)
            return Appended(answer.first_position, answer.last_position, answer.answer, replayed=True)
        expected = {event.stream: event.version - 1 for event in reversed(command.events)} | dict(command.reads)
        for stream, version in expected.items():
            if self.version(stream) != version:
                return Conflict(stream, version, self.version(stream))
        first = self.before + len(self.events) + 1
        self.events += command.events
        for event in command.events:
            self.rolling_hash = hashlib.sha256(self.rolling_hash + hashlib.sha256(event.content).digest()).digest()
        answer = Appended(first, self.before + len(self.events), command.answer)
        self.answers[command.command_id] = (command.digest, answer)
        return answer


def same(found: Appended | BaseException, expected: Appended | StoreError) -> bool:
    if isinstance(expected, Conflict):  # a command that is stale twice may be told either stream
        return isinstance(found, Conflict)
    return found == expected if isinstance(expected, Appended) else type(found) is type(expected)


def machine(stores: Sequence[PostgresEventStore]) -> type[RuleBasedStateMachine]:
    class Appends(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.prefix = f"e{next(_examples)}"
            head = stores[0].head()
            self.model = Model(head.position, head.rolling_hash)
            self.commands: list[Append] = []

        def command(self, writes: list[tuple[str, int, int]], reads: dict[str, int]) -> Append:
            events = []
            seen = {}
            for name, offset, count in writes:
                stream = f"{self.prefix}-{name}"
                start = max(0, self.model.version(stream) + offset)
                events += [(stream, start + n) for n in range(1, count + 1)]
                seen[stream] = start
            versions = {}
            for name, offset in reads.items():
                stream = f"{self.prefix}-{name}"
                versions[stream] = seen.get(stream, max(0, self.model.version(stream) + offset))
            made = append(*events, reads=versions, answer=str(len(self.commands)).encode())
            self.commands.append(made)
            return made

        @rule(writes=WRITES, reads=READS, store=STORES)
        def append_one(self, writes: list[tuple[str, int, int]], reads: dict[str, int], store: int) -> None:
            command = self.command(writes, reads)
            expected = self.model.append(command)
            found = stores[store].submit(command)
            assert same(found.exception(60) or found.result(60), expected)
            if isinstance(expected, Conflict):
                conflict = found.exception(0)
                assert isinstance(conflict, Conflict)
                assert self.model.version(conflict.stream) == conflict.found != conflict.expected

        @rule(many=st.lists(st.tuples(WRITES, READS), min_size=2, max_size=8), store=STORES)
        def append_many(self, many: list[tuple[list[tuple[str, int, int]], dict[str, int]]], store: int) -> None:
            """Submitted together, so that they may share batches; one process's commands keep their order."""
            commands = [self.command(*each) for each in many]
            futures = [stores[store].submit(command) for command in commands]
            for command, future in zip(commands, futures, strict=True):
                assert same(future.exception(60) or future.result(60), self.model.append(command))

        @rule(which=st.integers(0, 10_000), store=STORES)
        def repeat(self, which: int, store: int) -> None:
            if self.commands:
                command = self.commands[which % len(self.commands)]
                found = stores[store].submit(command)
                assert same(found.exception(60) or found.result(60), self.model.append(command))

        @rule(which=st.integers(0, 10_000), store=STORES)
        def reuse_an_id(self, which: int, store: int) -> None:
            if self.model.answers:
                taken = list(self.model.answers)[which % len(self.model.answers)]
                with pytest.raises(CommandIdReused):
                    stores[store].append(append((f"{self.prefix}-a", 1), command_id=taken, digest=bytes(32)))

        @invariant()
        def the_log_is_the_model(self) -> None:
            for store in stores:
                assert store.head() == Head(self.model.before + len(self.model.events), self.model.rolling_hash)

        def teardown(self) -> None:
            found = stores[0].notifications(self.model.before, len(self.model.events) + 10)
            expected = list(enumerate(self.model.events, self.model.before + 1))
            assert [(e.position, (e.stream, e.version, e.type, e.content)) for e in found] == [
                (position, tuple(event)) for position, event in expected
            ]
            assert all(event.type == TYPE for event in found)
            for command_id, (digest, answer) in self.model.answers.items():
                on_record = stores[1].answer_to(command_id)
                assert on_record is not None
                assert on_record[0] == digest
                assert on_record[1].last_position == answer.last_position

    return Appends


def test_any_sequence_of_appends(writer_url: str, store_url: str) -> None:
    patient = partial(PostgresEventStore, writer_url, commit_timeout=60)  # a busy machine's pause is no answer
    with patient() as one, patient() as other:
        run_state_machine_as_test(
            machine([one, other]),
            settings=settings(
                max_examples=30,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    assert audit(store_url).holds
