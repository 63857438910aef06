"""What one command, one batch and one reader can rely on."""

import asyncio
import hashlib
import uuid
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from adapters.event_store import PostgresEventStore
from adapters.event_store.audit import rolling
from application.codec import EVENT_LIMIT
from application.ports import (
    Append,
    Appended,
    CommandIdReused,
    Conflict,
    Document,
    EventTooLarge,
    Head,
    NewEvent,
    StoreError,
)
from tests.adapters.event_store.appends import (
    TYPE,
    append,
    assert_whole,
    document,
    head_held,
    until,
    waiting_for_a_lock,
)


def outcome(future: Future[Appended]) -> Appended | BaseException:
    return future.exception(60) or future.result(60)


def one_batch(store: PostgresEventStore, url: str, *appends: Append) -> list[Appended | BaseException]:
    """Append all in one batch, at positions after 1 (a first command of its own holds the writer meanwhile)."""
    with head_held(url) as watching:
        store.submit(append((f"first-{uuid.uuid4()}", 1)))
        until(lambda: waiting_for_a_lock(watching), "the first command waiting")
        futures = [store.submit(each) for each in appends]
    results = [outcome(future) for future in futures]
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "SELECT count(DISTINCT xmin::text) FROM events.commands WHERE command_id = ANY(%s)",
            ([each.command_id for each in appends],),
        ).fetchone()
        assert row is not None
        assert row[0] <= 1, "this was meant to be one transaction"
    return results


# -- one command ---------------------------------------------------------------


def test_positions_begin_at_one_and_follow_each_other(store: PostgresEventStore, store_url: str) -> None:
    assert store.head() == Head(0, bytes(32))
    assert store.append(append(("call-1", 1), ("drone-1", 1), ("call-1", 2))) == Appended(1, 3, b"")
    assert store.append(append(("drone-1", 2))) == Appended(4, 4, b"")
    assert [(e.position, e.stream, e.version) for e in store.notifications(0, 10)] == [
        (1, "call-1", 1),
        (2, "drone-1", 1),
        (3, "call-1", 2),
        (4, "drone-1", 2),
    ]
    assert [e.position for e in store.notifications(1, 2)] == [2, 3]
    assert assert_whole(store_url) == 4


def test_the_head_keeps_the_rolling_hash_of_the_very_bytes(store: PostgresEventStore) -> None:
    command = append(("call-1", 1), ("call-1", 2))
    store.append(command)
    expected = bytes(32)
    for event in command.events:
        expected = hashlib.sha256(expected + hashlib.sha256(event.content).digest()).digest()
    assert store.head() == Head(2, expected)
    assert rolling(rolling(bytes(32), command.events[0].content), command.events[1].content) == expected


def test_a_stale_command_learns_which_stream_moved_and_where_it_is(store: PostgresEventStore) -> None:
    store.append(append(("call-1", 1), ("call-1", 2)))
    with pytest.raises(Conflict) as stale:
        store.append(append(("drone-1", 1), ("call-1", 2)))
    assert (stale.value.stream, stale.value.expected, stale.value.found) == ("call-1", 1, 2)
    with pytest.raises(Conflict) as ahead:
        store.append(append(("call-1", 5)))
    assert (ahead.value.expected, ahead.value.found) == (4, 2)
    assert store.read(["drone-1"]) == {"drone-1": []}
    assert store.head().position == 2


def test_a_stream_only_read_must_not_have_moved_either(store: PostgresEventStore) -> None:
    store.append(append(("person-1", 1)))
    assert store.append(append(("flight-1", 1), reads={"person-1": 1, "policy-1": 0})).last_position == 2
    store.append(append(("person-1", 2)))  # suspended, say
    with pytest.raises(Conflict) as moved:
        store.append(append(("flight-1", 2), reads={"person-1": 1}))
    assert (moved.value.stream, moved.value.expected, moved.value.found) == ("person-1", 1, 2)
    with pytest.raises(Conflict) as appeared:
        store.append(append(("flight-1", 2), reads={"person-1": 0}))
    assert appeared.value.found == 2


def test_the_same_command_again_gets_the_first_answer(store: PostgresEventStore) -> None:
    command = append(("call-1", 1), answer=b"number 1")
    assert store.append(command) == Appended(1, 1, b"number 1", replayed=False)
    store.append(append(("call-1", 2)))
    # A handler that reads afresh decides other events for the same command; they must not be written.
    again = Append(command.command_id, command.digest, append(("call-1", 3)).events, answer=b"number 2")
    assert store.append(again) == Appended(1, 1, b"number 1", replayed=True)
    assert store.answer_to(command.command_id) == (command.digest, Appended(1, 1, b"number 1", replayed=True))
    assert store.answer_to(uuid.uuid4()) is None
    assert store.versions(["call-1"]) == {"call-1": 2}


def test_a_command_id_with_other_content_is_refused(store: PostgresEventStore) -> None:
    command = append(("call-1", 1))
    store.append(command)
    with pytest.raises(CommandIdReused) as reused:
        store.append(append(("call-2", 1), command_id=command.command_id, digest=bytes(32)))
    assert reused.value.command_id == command.command_id
    assert store.versions(["call-2"]) == {"call-2": 0}


def test_a_command_may_have_an_answer_and_no_event(store: PostgresEventStore) -> None:
    store.append(append(("call-1", 1)))
    nothing = append(answer=b"nothing to do", reads={"call-1": 1})
    assert store.append(nothing) == Appended(2, 1, b"nothing to do")
    assert store.append(nothing) == Appended(2, 1, b"nothing to do", replayed=True)
    assert store.head().position == 1


def test_documents_are_kept_beside_the_log_once(store: PostgresEventStore) -> None:
    manifest = document("forty kilobytes of samples")
    store.append(append(("footage-1", 1), documents=[manifest]))
    store.append(append(("footage-2", 1), documents=[manifest]))
    assert store.document(manifest.sha256) == manifest
    assert store.document(bytes(32)) is None
    refused = document("of a command that was refused")
    with pytest.raises(Conflict):
        store.append(append(("footage-1", 1), documents=[refused]))
    assert store.document(refused.sha256) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (append(("call-1", 1), ("call-1", 3)), "version 3 does not follow 1"),
        (append(("call-1", 0)), "no version"),
        (append(("call-1", 2**63)), "no version"),
        (append(("", 1)), "stream's name"),
        (append(("call-\0", 1)), "stream's name"),
        (append(("c" * 256, 1)), "stream's name"),
        (append(("call-1", 2), reads={"call-1": 3}), "read at version 3"),
        (append(("call-1", 1), reads={"call-2": -1}), "no version"),
        (append(("call-1", 1), digest=b"short"), "5 bytes"),
        (append(("call-1", 1), documents=[Document(bytes(32), "text/plain", b"x")]), "another hash"),
    ],
)
def test_a_command_that_contradicts_itself_never_reaches_the_queue(
    store: PostgresEventStore, wrong: Append, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        store.submit(wrong)


def test_an_event_may_have_32_kib_and_no_byte_more(store: PostgresEventStore) -> None:
    def of(size: int) -> Append:
        return Append(uuid.uuid4(), bytes(32), [NewEvent(f"big-{size}", 1, TYPE, bytes(size))])

    assert store.append(of(EVENT_LIMIT)).last_position == 1
    with pytest.raises(EventTooLarge, match="document"):
        store.append(of(EVENT_LIMIT + 1))


def test_callers_may_be_coroutines(store: PostgresEventStore, store_url: str) -> None:
    async def all_at_once() -> list[Appended]:
        futures = [asyncio.wrap_future(store.submit(append((f"call-{n}", 1)))) for n in range(100)]
        return await asyncio.gather(*futures)

    assert sorted(result.last_position for result in asyncio.run(all_at_once())) == list(range(1, 101))
    assert assert_whole(store_url) == 100


# -- one batch -----------------------------------------------------------------


def test_a_batch_refuses_just_the_stale_and_writes_the_rest(store: PostgresEventStore, store_url: str) -> None:
    store.append(append(("call-1", 1)))  # 1, and the batch's first command is 2
    good, stale, also_good = append(("call-2", 1)), append(("call-1", 1)), append(("call-3", 1), ("call-3", 2))
    results = one_batch(store, store_url, good, stale, also_good)
    assert results[0] == Appended(3, 3, b"")
    assert isinstance(results[1], Conflict)
    assert results[2] == Appended(4, 5, b"")
    assert assert_whole(store_url) == 5


def test_a_later_command_of_a_batch_sees_the_earlier_ones(store: PostgresEventStore, store_url: str) -> None:
    results = one_batch(
        store,
        store_url,
        append(("call-1", 1)),
        append(("call-1", 1)),  # lost the race by a hair
        append(("call-1", 2)),  # chains
        append(("call-2", 1), reads={"call-1": 1}),  # read it one version ago
        append(("call-3", 1), reads={"call-1": 2}),
        append(("call-2", 1)),  # the refused one left nothing behind
    )
    assert [type(result) for result in results] == [Appended, Conflict, Appended, Conflict, Appended, Appended]
    assert isinstance(results[1], Conflict) and isinstance(results[3], Conflict)
    assert (results[1].stream, results[1].expected, results[1].found) == ("call-1", 0, 1)
    assert (results[3].stream, results[3].expected, results[3].found) == ("call-1", 1, 2)
    assert assert_whole(store_url) == 5


def test_a_command_repeated_at_once_is_written_once(store: PostgresEventStore, store_url: str) -> None:
    command = append(("call-1", 1), answer=b"yes")
    other = append(("call-2", 1), command_id=command.command_id, digest=bytes(32))
    first, again, reused = one_batch(store, store_url, command, command, other)
    assert first == Appended(2, 2, b"yes", replayed=False)
    assert again == Appended(2, 2, b"yes", replayed=True)
    assert isinstance(reused, CommandIdReused)
    assert assert_whole(store_url) == 2


def test_a_command_the_database_refuses_fails_alone(store: PostgresEventStore, store_url: str) -> None:
    with psycopg.connect(store_url) as owner:
        owner.execute("ALTER TABLE events.stored_events ADD CHECK (originator_id <> 'poison-1')")
    others = [append((f"call-{n}", 1)) for n in range(7)]
    with head_held(store_url) as watching:
        store.submit(append(("first-1", 1)))
        until(lambda: waiting_for_a_lock(watching), "the first command waiting")
        futures = [store.submit(each) for each in (*others[:4], append(("poison-1", 1)), *others[4:])]
    results = [outcome(future) for future in futures]
    assert type(results.pop(4)) is StoreError
    assert all(isinstance(result, Appended) for result in results)
    assert assert_whole(store_url) == 8


def test_listeners_hear_once_a_batch_up_to_where(store: PostgresEventStore, store_url: str) -> None:
    with psycopg.connect(store_url, autocommit=True) as listening:
        listening.execute("LISTEN saferweho_events")
        one_batch(store, store_url, *(append((f"call-{n}", 1)) for n in range(20)))
        heard = [notice.payload for notice in listening.notifies(timeout=60, stop_after=2)]
    assert heard == ["1", "21"]


# -- one reader ----------------------------------------------------------------


def test_streams_are_read_in_order_and_as_of_one_moment(store: PostgresEventStore) -> None:
    """Two streams are always written together, so a reader that saw them apart would see different lengths."""
    rounds = 150

    def write() -> None:
        for version in range(1, rounds + 1):
            store.append(append(("left-1", version), ("right-1", version)))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen = set()
        while not writing.done():
            streams = store.read(["left-1", "right-1", "none-1"])
            assert [e.version for e in streams["left-1"]] == [e.version for e in streams["right-1"]]
            assert [e.version for e in streams["left-1"]] == list(range(1, len(streams["left-1"]) + 1))
            assert streams["none-1"] == []
            seen.add(len(streams["left-1"]))
            versions = store.versions(["left-1", "right-1", "none-1"])
            assert versions["left-1"] == versions["right-1"]
            assert versions["none-1"] == 0
        writing.result()
    assert len(seen) > 1, "the reader never read while the writer wrote"


def test_a_closed_store_commits_what_has_queued_and_takes_no_more(writer_url: str, store_url: str) -> None:
    with PostgresEventStore(writer_url) as store:
        futures = [store.submit(append((f"call-{n}", 1))) for n in range(50)]
    assert {future.result(0).last_position for future in futures} == set(range(1, 51))
    with pytest.raises(StoreError, match="stopping"):
        store.submit(append(("call-x", 1)))
