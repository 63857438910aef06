"""The weekly sample: drawn again by anybody, steered by nobody."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import sampling
from domain.kernel import InvalidValue, PersonId, StreamId
from domain.sampling import Access, Population

ROOT, NONCE = "11" * 32, "22" * 32
bytes32 = st.binary(min_size=32, max_size=32)


def accesses(count: int) -> tuple[Access, ...]:
    return tuple(Access(3 * n + 5, StreamId(f"liveview-{n}"), PersonId(f"p{n % 7}")) for n in range(count))


def by_hand(root: str, nonce: str, size: int, wanted: int) -> list[int]:
    """The method as its text states it, once more and differently written."""
    seed = hashlib.sha256(b"saferweho audit sample 1\n" + bytes.fromhex(root) + bytes.fromhex(nonce)).digest()
    members, counter, chosen = list(range(size)), 0, []
    for i in range(min(size, wanted)):
        while True:
            word = int(hashlib.sha256(seed + counter.to_bytes(8, "big")).hexdigest()[:16], 16)
            counter += 1
            if word < 2**64 - 2**64 % (size - i):
                break
        other = i + word % (size - i)
        members[i], members[other] = members[other], members[i]
        chosen.append(members[i])
    return chosen


def test_a_sample_of_old_is_drawn_the_same_for_ever() -> None:
    seed = sampling.seed(ROOT, NONCE)
    assert seed.hex() == "491facbec747b62296dbe11b52bd1518bc07706cd873e7f94fdace61efef0557"
    assert sampling.drawn(seed, 1000, 8) == (439, 553, 200, 816, 347, 134, 376, 799)


@given(st.integers(0, 200), st.integers(0, 220), bytes32, bytes32)
@pytest.mark.rule("oversight.population")
def test_anybody_can_draw_the_sample_again(size: int, wanted: int, root: bytes, nonce: bytes) -> None:
    drawn = sampling.drawn(sampling.seed(root.hex(), nonce.hex()), size, wanted)
    assert list(drawn) == by_hand(root.hex(), nonce.hex(), size, wanted)
    assert len(set(drawn)) == len(drawn) == min(size, wanted)
    assert all(0 <= number < size for number in drawn)


@pytest.mark.rule("oversight.population")
def test_every_access_is_as_likely_to_be_drawn_as_any_other() -> None:
    size, wanted, draws = 12, 3, 4000
    counts = [0] * size
    for n in range(draws):
        for number in sampling.drawn(hashlib.sha256(b"%d" % n).digest(), size, wanted):
            counts[number] += 1
    expected = draws * wanted / size
    # Chi-squared with 11 degrees of freedom; the seeds are fixed, so this never changes from run to run.
    assert sum((count - expected) ** 2 / expected for count in counts) < 31.3  # p = 0.001


def test_a_word_that_would_favour_small_numbers_is_passed_over() -> None:
    limit = 2**64 // 2 + 1  # nearly half of all words are above the last whole multiple
    words = iter([limit + 5, 2**64 - 1, 7])
    assert sampling._below(words, limit) == 7


@given(bytes32, bytes32)
@pytest.mark.rule("oversight.sample")
def test_another_nonce_or_another_root_is_another_seed(one: bytes, two: bytes) -> None:
    if one != two:
        assert sampling.seed(ROOT, one.hex()) != sampling.seed(ROOT, two.hex())
        assert sampling.seed(one.hex(), NONCE) != sampling.seed(two.hex(), NONCE)


@pytest.mark.rule("oversight.population")
def test_the_sample_is_of_the_accesses_up_to_the_stated_position() -> None:
    population = Population(700, ROOT, accesses(200))
    sample = sampling.sample(population, NONCE, 25)
    assert len(sample) == 25
    assert [a.position for a in sample] == [3 * n + 5 for n in by_hand(ROOT, NONCE, 200, 25)]
    assert sampling.sample(Population(700, ROOT, accesses(4)), NONCE, 25) != ()
    assert sampling.population_sha256(accesses(2)) == hashlib.sha256(b"5\n8\n").hexdigest()


def test_a_week_ends_with_its_sunday() -> None:
    assert sampling.week_end("2026-W23") == datetime(2026, 6, 8, tzinfo=UTC)
    assert sampling.week_end("2026-W53") == datetime(2027, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("week", ["2026-23", "2026-W00", "2026-W54", "2025-W53", "9999-W52 ", "0000-W01", "9999-W52"])
def test_what_is_no_week_is_said_to_be_none(week: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        sampling.week_end(week)
    assert raised.value.field == "week"


@pytest.mark.parametrize("nonce", ["", "22" * 31, "22" * 33, "GG" * 32, "AB" * 32, "XX" * 32, "２" * 64])
def test_a_nonce_is_32_bytes(nonce: str) -> None:
    with pytest.raises(InvalidValue):
        sampling.commitment(nonce)
    assert sampling.commitment(NONCE) == hashlib.sha256(b"\x22" * 32).hexdigest()


def test_what_is_no_week_or_no_nonce_is_told_what_would_be() -> None:
    with pytest.raises(InvalidValue) as week:
        sampling.week_end("2026-23")
    assert week.value.accepted == "an ISO 8601 week such as 2026-W23"
    with pytest.raises(InvalidValue) as nonce:
        sampling.commitment("22")
    assert (nonce.value.field, nonce.value.accepted) == ("nonce", "64 lower-case hexadecimal digits")
    assert (
        sampling.commitment("0123456789abcdef" * 4) == hashlib.sha256(bytes.fromhex("0123456789abcdef" * 4)).hexdigest()
    )


def test_a_word_that_is_just_fair_is_taken_and_the_next_is_not() -> None:
    # The last whole multiple of 3 below 2^64 is 2^64 - 1.
    assert sampling._below(iter([2**64 - 2, 7]), 3) == (2**64 - 2) % 3
    assert sampling._below(iter([2**64 - 1, 7]), 3) == 7 % 3


def test_a_moment_is_of_the_week_that_it_lies_in_by_utc() -> None:
    ends = sampling.week_end("2026-W23")
    assert sampling.week_of(ends - timedelta(microseconds=1)) == "2026-W23"
    assert sampling.week_of(ends) == "2026-W24"
    west = ends.astimezone(timezone(-timedelta(hours=7)))
    assert sampling.week_of(west) == "2026-W24"


def test_a_week_is_one_of_utc_whatever_the_machines_own_clock_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        assert sampling.week_of(datetime(2026, 6, 8, tzinfo=UTC)) == "2026-W24"
    finally:
        monkeypatch.undo()
        time.tzset()
