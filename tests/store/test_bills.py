"""Meters fed by several workers whose messages arrive in any order within half a second."""

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.pricing.compute import ComputePrice, per_hour
from offramp.store.bills import ORDER_DELAY_NS, Bills, Charge, Waiting
from offramp.store.records import Compute, compute_records
from offramp.store.rows import ComputeEnded, ComputeStarted
from tests.store.samples import INSTANCE, SECOND_NS, START_NS, batch, ran

PRICES = compute_records({INSTANCE: per_hour(Decimal("3.60"))})
"""A tenth of a cent per second: 1,000,000 nano-dollars."""

PER_SECOND = 1_000_000


def _bills(workers: int = 1) -> Bills:
    bills = Bills({}, Waiting())
    bills.began(workers, START_NS)
    bills.priced(PRICES, START_NS)
    return bills


def _rested(bills: Bills) -> Bills:
    """What another process finds of it."""
    encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode
    states = {name: decode(encode(meter.state()), type=type(meter.state())) for name, meter in bills.meters.items()}
    return Bills(states, decode(encode(bills.waiting), type=Waiting))


def _shares(charges: list[Charge]) -> dict[str, int | None]:
    return {charge.row_id: charge.share_nano for charge in charges}


def test_one_worker_is_never_waited_for() -> None:
    """Its events arrive in order, so a request is charged as soon as it has ended."""
    bills = _bills()
    start, end = ran("a", 1, 3)
    bills.happened(batch(started=[start], ended=[end]))

    assert bills.due_ns(START_NS) is None
    assert _shares(bills.settle(until_ns=None)) == {"a": 2 * PER_SECOND}


def test_events_of_several_workers_are_put_in_order() -> None:
    """Worker 2's start arrives after a later end of worker 1; the shares are as if both had been heard in time."""
    bills = _bills(workers=2)
    first, second = ran("a", 1, 3), ran("b", 2, 4)
    bills.happened(batch(worker=1, started=[first[0]], ended=[first[1]]))
    early = bills.settle(until_ns=bills.due_ns(START_NS + 3 * SECOND_NS))
    bills.happened(batch(worker=2, started=[second[0]]))
    bills.happened(batch(worker=2, ended=[second[1]]))
    late = bills.settle(until_ns=bills.due_ns(START_NS + 5 * SECOND_NS))

    assert early == []
    assert _shares(late) == {"a": 1_500_000, "b": 1_500_000}


def test_what_waits_survives_a_rest() -> None:
    """Each fold is another process."""
    bills = _bills(workers=2)
    start, end = ran("a", 1, 3)
    bills.happened(batch(worker=1, started=[start], ended=[end]))
    bills.settle(until_ns=bills.due_ns(START_NS + 2 * SECOND_NS))
    bills.place({"a": 17})
    bills = _rested(bills)

    assert _shares(bills.settle(until_ns=bills.due_ns(START_NS + 4 * SECOND_NS))) == {"a": 2 * PER_SECOND}
    assert bills.waiting.placed == {"a": 17}


def test_a_new_writer_ends_what_the_last_one_had_in_flight() -> None:
    """After kill -9 nobody hears of those again; what they had used is idle cost."""
    bills = _bills()
    bills.happened(batch(started=[ran("a", 0, 9)[0]]))
    bills.settle(until_ns=None)
    bills.began(1, START_NS + 4 * SECOND_NS)

    meter = bills.meters[INSTANCE]
    assert meter.in_flight == 0
    assert meter.idle_nano(START_NS + 4 * SECOND_NS) == 4 * PER_SECOND


def test_a_dead_worker_ends_only_what_was_its_own() -> None:
    """The other workers' requests go on."""
    bills = _bills(workers=2)
    bills.happened(batch(worker=1, started=[ran("a", 0, 9)[0]]))
    start, end = ran("b", 0, 4)
    bills.happened(batch(worker=2, started=[start], ended=[end]))
    bills.lost(1, START_NS + 2 * SECOND_NS)

    assert _shares(bills.settle(until_ns=None)) == {"b": 3 * PER_SECOND}


def test_a_clock_that_was_set_back_does_not_leave_a_request_in_flight() -> None:
    """Its end is earlier than its start; it counts as having taken no time."""
    bills = _bills()
    start, _ = ran("a", 5, 6)
    bills.happened(batch(started=[start], ended=[ComputeEnded(INSTANCE, start.at_ns, START_NS, "a")]))

    assert _shares(bills.settle(until_ns=None)) == {"a": 0}
    assert bills.meters[INSTANCE].in_flight == 0


def test_an_event_of_an_instance_without_a_price_is_unknown() -> None:
    """Unknown is not zero."""
    bills = _bills()
    start, end = ran("a", 1, 2, instance="other@10.0.0.1:80")
    bills.happened(batch(started=[start], ended=[end]))

    assert _shares(bills.settle(until_ns=None)) == {"a": None}


def test_an_instance_that_left_the_configuration_costs_no_more() -> None:
    """Nor does it forget what it had cost."""
    bills = _bills()
    bills.priced([], START_NS + 10 * SECOND_NS)
    bills.settle(until_ns=None)

    assert bills.meters[INSTANCE].bill_nano(START_NS + 99 * SECOND_NS) == 10 * PER_SECOND


def test_a_charge_that_nobody_comes_for_becomes_idle() -> None:
    """Its row was dropped; the bill was paid all the same."""
    bills = _bills()
    start, end = ran("dropped", 0, 1)
    bills.happened(batch(started=[start], ended=[end]))
    bills.pay_later(bills.settle(until_ns=None))
    bills.forfeit(START_NS + 3_600 * SECOND_NS)

    assert bills.waiting.charges == []
    assert bills.meters[INSTANCE].idle_nano(START_NS + SECOND_NS) == PER_SECOND


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 10**10), st.integers(0, 10**10), st.integers(0, 3)),
        min_size=1,
        max_size=25,
    ),
    delays=st.lists(st.integers(0, ORDER_DELAY_NS), min_size=50, max_size=50),
    rate=st.fractions(min_value=1, max_value=10**12, max_denominator=1_000),
    rests=st.integers(1, 5),
)
@settings(max_examples=100)
def test_shares_do_not_depend_on_how_the_messages_were_delayed(
    spans: list[tuple[int, int, int, int]], delays: list[int], rate: Fraction, rests: int
) -> None:
    """Any delay up to the waiting time, any rests between folds: the same shares as in perfect order."""
    price = compute_records({INSTANCE: ComputePrice(nano_per_hour=rate)})
    events: list[tuple[int, int, int, ComputeStarted | ComputeEnded]] = []
    for number, (_, a, b, worker) in enumerate(spans):
        begin, end = START_NS + min(a, b) + number, START_NS + max(a, b) + number
        events.append((begin, len(events), worker, ComputeStarted(INSTANCE, begin)))
        events.append((end, len(events), worker, ComputeEnded(INSTANCE, begin, end, f"{number}")))
    expected = _run(price, sorted(events), [0] * 50, rests=0)

    assert _run(price, sorted(events), delays, rests=rests) == expected


def _run(
    price: list[Compute],
    events: list[tuple[int, int, int, ComputeStarted | ComputeEnded]],
    delays: list[int],
    *,
    rests: int,
) -> dict[str, int | None]:
    """Shares when the event with number n arrives so much late; with a rest after every so many arrivals."""
    bills = Bills({}, Waiting())
    bills.began(4, START_NS)
    bills.priced(price, START_NS)
    # A worker's own messages stay in order: none overtakes an earlier one.
    arrivals, last = [], dict.fromkeys(range(4), 0)
    for at_ns, number, worker, event in events:
        last[worker] = max(last[worker], at_ns + delays[number])
        arrivals.append((last[worker], at_ns, worker, event))
    charges = []
    for count, (arrival_ns, _, worker, event) in enumerate(sorted(arrivals, key=lambda one: one[0]), start=1):
        if isinstance(event, ComputeStarted):
            bills.happened(batch(worker=worker, started=[event]))
        else:
            bills.happened(batch(worker=worker, ended=[event]))
        charges += bills.settle(until_ns=bills.due_ns(arrival_ns))
        if rests and count % rests == 0:
            bills = _rested(bills)
    charges += bills.settle(until_ns=None)
    return _shares(charges)
