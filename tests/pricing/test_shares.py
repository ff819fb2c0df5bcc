"""Sharing a machine's bill among whoever is in flight: exact for every history, or the ledger cannot be trusted."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.pricing.compute import NS_PER_HOUR, Billed, ComputePrice
from offramp.pricing.shares import ComputeMeter

SECOND = 1_000_000_000
DOLLAR_AN_HOUR = ComputePrice(nano_per_hour=Fraction(1_000_000_000))

prices = st.builds(
    ComputePrice,
    nano_per_hour=st.fractions(min_value=0, max_value=10**13, max_denominator=5_000),
    billed=st.sampled_from(Billed),
)


@dataclass
class ByHand:
    """The same rule without any running sum: every span is split among those in flight, in exact fractions."""

    price: ComputePrice
    at_ns: int = 0
    bill: Fraction = Fraction(0)
    idle: Fraction = Fraction(0)
    shares: dict[int, Fraction] = field(default_factory=dict)

    def advance(self, at_ns: int) -> None:
        """Let the meter run."""
        flowed = self.price.nano_per_hour * (at_ns - self.at_ns) / NS_PER_HOUR
        self.at_ns = at_ns
        if self.shares:
            self.bill += flowed
            for number in self.shares:
                self.shares[number] += flowed / len(self.shares)
        elif self.price.billed is Billed.ALWAYS:
            self.bill += flowed
            self.idle += flowed


@st.composite
def overlaps(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Requests as pairs of start and end, which overlap in any way."""
    spans = draw(st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)), min_size=1, max_size=30))
    return [(min(span), max(span)) for span in spans]


def _in_order(spans: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Moment, 0 for a start or 1 for an end, number of the request."""
    events = [(start, 0, number) for number, (start, _) in enumerate(spans)]
    return sorted(events + [(end, 1, number) for number, (_, end) in enumerate(spans)])


@given(price=prices, spans=overlaps())
@settings(max_examples=150)
def test_each_share_is_what_splitting_every_instant_by_hand_gives(
    price: ComputePrice, spans: list[tuple[int, int]]
) -> None:
    """The running sum is only a faster way to the same answer; rounding moves at most a nano-dollar."""
    meter, by_hand = ComputeMeter(price, at_ns=0), ByHand(price)
    settled, exact_sum = 0, Fraction(0)
    for at_ns, is_end, number in _in_order(spans):
        by_hand.advance(at_ns)
        if not is_end:
            meter.started(at_ns, worker=number)
            by_hand.shares[number] = Fraction(0)
            continue
        share = meter.ended(spans[number][0], at_ns, worker=number)
        exact = by_hand.shares.pop(number)
        assert share is not None
        assert abs(share - exact) < 1 + Fraction(len(spans) * 4, 2**40)
        settled += share
        exact_sum += exact

    assert 0 <= exact_sum - settled < 1 + Fraction(len(spans) ** 2 * 4, 2**40)
    assert meter.bill_nano(by_hand.at_ns) == int(by_hand.bill)
    assert settled + meter.idle_nano(by_hand.at_ns) == meter.bill_nano(by_hand.at_ns)


class History:
    """A meter and what its callers know: who is in flight, and what has been charged."""

    def __init__(self, price: ComputePrice) -> None:
        """Nothing has happened."""
        self.meter = ComputeMeter(price, at_ns=0)
        self.in_flight: list[tuple[int, int]] = []
        self.settled = 0
        self.last_share = 0

    def start(self, worker: int, now_ns: int) -> None:
        """A request of a worker begins."""
        self.meter.started(now_ns, worker=worker)
        self.in_flight.append((worker, now_ns))

    def end(self, number: int, now_ns: int) -> None:
        """One of those in flight ends."""
        if not self.in_flight:
            return
        worker, started_ns = self.in_flight.pop(number % len(self.in_flight))
        share = self.meter.ended(started_ns, now_ns, worker=worker)
        assert share is not None
        assert share >= 0
        self.settled += share
        self.last_share = share

    def lose(self, worker: int | None, now_ns: int) -> None:
        """A worker dies, or all of them."""
        self.meter.lost(now_ns, worker=worker)
        self.in_flight = [one for one in self.in_flight if worker is not None and one[0] != worker]

    def forfeit(self, now_ns: int) -> None:
        """The last charge finds nobody to pay it."""
        self.meter.forfeited(self.last_share, now_ns)
        self.settled, self.last_share = self.settled - self.last_share, 0


Step = Callable[[History, int], None]

steps: st.SearchStrategy[Step] = st.one_of(
    st.integers(0, 3).map(lambda worker: lambda history, now_ns: history.start(worker, now_ns)),
    st.integers(0, 40).map(lambda number: lambda history, now_ns: history.end(number, now_ns)),
    st.one_of(st.none(), st.integers(0, 3)).map(lambda worker: lambda history, now_ns: history.lose(worker, now_ns)),
    st.one_of(st.none(), prices).map(lambda price: lambda history, now_ns: history.meter.repriced(price, now_ns)),
    st.just(lambda history, now_ns: history.forfeit(now_ns)),
)


@given(
    price=prices,
    happened=st.lists(st.tuples(st.integers(-(10**9), 10**13), steps, st.booleans()), max_size=40),
)
@settings(max_examples=200)
def test_requests_and_idle_are_the_bill_to_the_last_unit_whatever_happens(
    price: ComputePrice, happened: list[tuple[int, Step, bool]]
) -> None:
    """Lost workers, other prices, restarts, events out of order: nobody pays what was not billed, nothing vanishes."""
    history, now_ns = History(price), 0
    for move_ns, step, restarts in happened:
        now_ns = max(0, now_ns + move_ns)
        step(history, now_ns)
        if restarts:
            history.meter = ComputeMeter.restored(history.meter.state())
        meter = history.meter

        assert meter.settled_nano == history.settled
        assert meter.in_flight == len(history.in_flight)
        assert meter.idle_nano(now_ns) >= 0
        known = history.settled + meter.in_flight_nano(now_ns) + meter.idle_nano(now_ns)
        assert known == meter.bill_nano(now_ns)


@given(spans=overlaps(), price=prices)
def test_idle_by_hour_is_the_idle_cost_but_for_rounding(spans: list[tuple[int, int]], price: ComputePrice) -> None:
    """A view of a day adds hours up; it must not tell another story than the whole."""
    meter = ComputeMeter(price, at_ns=0)
    hours: Counter[int] = Counter()
    for at_ns, is_end, number in _in_order(spans):
        if is_end:
            meter.ended(spans[number][0], at_ns, worker=number)
        else:
            meter.started(at_ns, worker=number)
        hours.update(meter.take_idle_hours())
    meter.advanced(10**13 + 1)
    hours.update(meter.take_idle_hours())

    assert abs(sum(hours.values()) - meter.idle_nano(10**13 + 1)) <= 2


def test_two_that_overlap_split_what_they_share() -> None:
    """The rule in numbers: $1 an hour, one alone for an hour, then two for an hour, then nobody for an hour."""
    meter = ComputeMeter(DOLLAR_AN_HOUR, at_ns=0)
    meter.started(0, worker=1)
    meter.started(NS_PER_HOUR, worker=2)

    assert meter.ended(0, 2 * NS_PER_HOUR, worker=1) == 1_500_000_000
    assert meter.ended(NS_PER_HOUR, 2 * NS_PER_HOUR, worker=2) == 500_000_000
    assert meter.idle_nano(3 * NS_PER_HOUR) == 1_000_000_000


def test_an_end_without_a_beginning_has_no_share() -> None:
    """Its start was never written: unknown is not zero."""
    meter = ComputeMeter(DOLLAR_AN_HOUR, at_ns=0)

    assert meter.ended(5, 10) is None


def test_a_serverless_machine_has_no_idle_cost() -> None:
    """`billed: while_serving` flows only while something is in flight."""
    meter = ComputeMeter(ComputePrice(nano_per_hour=Fraction(10**9), billed=Billed.WHILE_SERVING), at_ns=0)
    meter.started(10 * SECOND)
    share = meter.ended(10 * SECOND, 20 * SECOND)

    assert share == meter.bill_nano(NS_PER_HOUR) == 10**9 * 10 // 3_600
    assert meter.idle_nano(NS_PER_HOUR) == 0


def test_what_a_lost_worker_had_used_becomes_idle() -> None:
    """Its rows died with it; the machine was paid all the same."""
    meter = ComputeMeter(DOLLAR_AN_HOUR, at_ns=0)
    meter.started(0, worker=1)
    meter.started(0, worker=2)

    assert meter.lost(NS_PER_HOUR, worker=1) == 1
    assert meter.idle_nano(NS_PER_HOUR) == 500_000_000
    assert meter.ended(0, NS_PER_HOUR, worker=2) == 500_000_000


def test_the_bill_ends_when_the_instance_leaves_the_configuration() -> None:
    """And goes on, without the gap, when it comes back."""
    meter = ComputeMeter(DOLLAR_AN_HOUR, at_ns=0)
    meter.repriced(None, NS_PER_HOUR)
    meter.repriced(DOLLAR_AN_HOUR, 5 * NS_PER_HOUR)

    assert meter.bill_nano(6 * NS_PER_HOUR) == 2_000_000_000


def test_idle_cost_falls_into_the_hours_in_which_it_flowed() -> None:
    """Half an hour before a full hour, a quarter after it."""
    meter = ComputeMeter(DOLLAR_AN_HOUR, at_ns=NS_PER_HOUR // 2)
    meter.advanced(NS_PER_HOUR + NS_PER_HOUR // 4)

    assert meter.take_idle_hours() == {0: 500_000_000, 1: 250_000_000}
