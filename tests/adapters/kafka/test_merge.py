"""The merging of partitions, for any distribution of positions, any interleaving of reads and any restart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kafka.merge import Merge
from projections.engine.feed import FeedRecord

PARTITIONS = 3
Partition = list[tuple[int, FeedRecord]]


def record(position: int) -> FeedRecord:
    return FeedRecord(position, f"s-{position % 5}", b"%d" % position)


@st.composite
def logs(draw: st.DrawFn) -> list[Partition]:
    """Positions 1..n over the partitions, with gaps in the offsets (control records) and some records sent again."""
    partitions: list[Partition] = [[] for _ in range(PARTITIONS)]
    offsets = [0] * PARTITIONS
    order = list(range(1, draw(st.integers(0, 40)) + 1))
    again = draw(st.lists(st.sampled_from(order), max_size=5)) if order else []
    lost = draw(st.sets(st.sampled_from(order), max_size=3)) if order else set()
    home = {position: draw(st.integers(0, PARTITIONS - 1)) for position in order}
    for position in [p for p in order if p not in lost] + again + sorted(lost):
        partition = home[position]
        offsets[partition] += draw(st.integers(0, 2))
        partitions[partition].append((offsets[partition], record(position)))
        offsets[partition] += 1
    return partitions


def read_on(draw: st.DrawFn, log: list[Partition], merge: Merge, state: dict[int, int]) -> list[int]:
    """Read everything from `state` on, in reads of any size, taking in between."""
    rest = {n: [entry for entry in log[n] if entry[0] >= state.get(n, 0)] for n in range(PARTITIONS)}
    taken: list[int] = []
    while any(rest.values()):
        number = draw(st.sampled_from([n for n in rest if rest[n]]))
        size = draw(st.integers(1, len(rest[number])))
        merge.add(number, rest[number][:size])
        rest[number] = rest[number][size:]
        taken += [r.position for r in merge.take(draw(st.integers(0, 10)))]
        merge.offsets()
    return taken + [r.position for r in merge.take(1000)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_position_comes_once_and_in_order(data: st.DataObject) -> None:
    log = data.draw(logs())
    merge = Merge(0, dict.fromkeys(range(PARTITIONS), 0))
    count = len({r.position for partition in log for _, r in partition})
    assert read_on(data.draw, log, merge, {}) == list(range(1, count + 1))
    assert merge.missing is None
    merge.offsets()
    assert all(merge.buffered(n) == 0 for n in range(PARTITIONS))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_restart_from_any_state_gives_exactly_what_follows(data: st.DataObject) -> None:
    log = data.draw(logs())
    count = len({r.position for partition in log for _, r in partition})
    first = Merge(0, dict.fromkeys(range(PARTITIONS), 0))
    for number in range(PARTITIONS):
        first.add(number, log[number][: data.draw(st.integers(0, len(log[number])))])
    taken = [r.position for r in first.take(data.draw(st.integers(0, count)))]
    state = first.offsets()
    second = Merge(first.position, state)
    assert taken + read_on(data.draw, log, second, state) == list(range(1, count + 1))


def test_a_gap_holds_everything_above_it_back() -> None:
    merge = Merge(0, {0: 0, 1: 0})
    merge.add(0, [(0, record(1)), (1, record(3)), (2, record(4))])
    assert [r.position for r in merge.take(10)] == [1]
    assert merge.missing == 2
    assert merge.offsets() == {0: 1, 1: 0}
    assert merge.buffered(0) == 2
    assert merge.is_lost(2)
    assert not merge.is_lost(3)
    merge.found(record(2))
    assert [r.position for r in merge.take(10)] == [2, 3, 4]
    merge.add(1, [(7, record(2))])  # met again in its place
    assert merge.take(10) == []
    assert merge.offsets() == {0: 3, 1: 8}
