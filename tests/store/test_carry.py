"""Compute events outlive the rows that had to be dropped: otherwise a machine looks busy for ever."""

from offramp.store.carry import Carry
from tests.store.samples import batch, ran, row


def test_what_began_and_ended_inside_refused_batches_cancels_out() -> None:
    """So a long outage keeps no more than what is in flight."""
    carry = Carry()
    for number in range(100):
        start, end = ran(f"req-{number}", number, number + 1)
        carry.keep(batch(row(number), started=[start]))
        carry.keep(batch(ended=[end]))
    joined = carry.join(batch())

    assert (joined.started, joined.ended) == ([], [])
    assert not carry


def test_ends_of_earlier_starts_and_starts_without_end_are_kept_in_front() -> None:
    """The meter has heard of the former and will hear the end of the latter."""
    old_start, old_end = ran("old", 0, 5)
    new_start, new_end = ran("new", 4, 9)
    carry = Carry()
    carry.keep(batch(row(1), started=[new_start], ended=[old_end], dropped=3))
    joined = carry.join(batch(ended=[new_end]))

    assert joined.started == [new_start]
    assert joined.ended == [old_end, new_end]
    assert joined.dropped == 3
    assert old_start not in joined.started


def test_each_worker_keeps_its_own() -> None:
    """Two workers may begin at the same nanosecond."""
    start, _ = ran("a", 0, 1)
    carry = Carry()
    carry.keep(batch(worker=1, started=[start]))

    assert carry.join(batch(worker=2)).started == []
    assert carry.join(batch(worker=1)).started == [start]
