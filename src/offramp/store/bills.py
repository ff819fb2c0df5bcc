"""The meters of all instances, fed with the journal's compute events in the order in which they happened. No I/O here.

With one process that sends batches its events arrive in order. With several, an event may arrive after a later one of
another process, so each waits for half a second: the time in which a batch is collected, sent and stored. What has to
wait is kept with the ledger and comes first in the next fold.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec

from offramp.pricing.compute import ComputePrice
from offramp.pricing.shares import ComputeMeter, MeterState
from offramp.store.records import Compute, compute_prices
from offramp.store.rows import Batch

ORDER_DELAY_NS = 500_000_000
"""A worker sends its batch after at most 250 ms, and the supervisor stores it within as much again."""

_FORFEIT_AFTER_NS = 600 * 1_000_000_000
"""A share whose exchange has not come by then belongs to a row that was dropped."""

_PRICES, _STARTED, _ENDED, _LOST = range(4)
"""Ranks of events at the same moment: what begins there counts before what ends there."""

_in_order = attrgetter("at_ns", "rank")


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something that happened to a meter."""

    at_ns: int
    rank: int
    worker: int
    instance: str = ""
    started_ns: int = 0
    row_id: str = ""
    prices: tuple[Compute, ...] = ()


class Charge(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What an attempt on a shared machine costs, on its way to the exchange that pays."""

    row_id: str
    instance: str
    started_ns: int
    at_ns: int
    share_nano: int | None
    """`None` if its beginning is not known."""


class Waiting(msgspec.Struct, array_like=True):
    """What one fold leaves to the next."""

    order_delay_ns: int = 0
    events: list[Event] = []
    """Not yet due."""
    charges: list[Charge] = []
    """Of exchanges that have not come yet."""
    placed: dict[str, int] = {}
    """Exchanges that have come before the end of their attempt was due: id -> `exchanges.seq`."""


class Bills:
    """All meters of a ledger, and the events and charges that wait."""

    def __init__(self, meters: Mapping[str, MeterState], waiting: Waiting) -> None:
        """Go on where the last fold stopped."""
        self.meters = {instance: ComputeMeter.restored(state) for instance, state in meters.items()}
        self.waiting = waiting

    def began(self, workers: int, at_ns: int) -> list[Charge]:
        """A new writer: everything it did not write itself is due, and what is then still in flight is lost."""
        charges = self.settle(until_ns=None)
        for meter in self.meters.values():
            meter.lost(at_ns)
        self.waiting.order_delay_ns = ORDER_DELAY_NS if workers > 1 else 0
        return charges

    def priced(self, prices: Sequence[Compute], at_ns: int) -> None:
        """Other prices hold from then on. A new instance's bill begins at once: nothing can have run on it before."""
        for instance, price in compute_prices(prices).items():
            if instance not in self.meters:
                self.meters[instance] = ComputeMeter(price, at_ns=at_ns)
        self.waiting.events.append(Event(at_ns, _PRICES, 0, prices=tuple(prices)))

    def lost(self, worker: int, at_ns: int) -> None:
        """A worker died."""
        self.waiting.events.append(Event(at_ns, _LOST, worker))

    def happened(self, batch: Batch) -> None:
        """The compute events of a batch."""
        events, worker = self.waiting.events, batch.worker
        events.extend(Event(e.at_ns, _STARTED, worker, e.instance) for e in batch.started)
        # A clock that was set back in between must not put the end before the beginning.
        events.extend(
            Event(max(e.at_ns, e.started_ns), _ENDED, worker, e.instance, e.started_ns, e.row_id) for e in batch.ended
        )

    def due_ns(self, last_arrival_ns: int) -> int | None:
        """Until when all events have arrived, if everything before `last_arrival_ns` is known; `None`: all are due."""
        delay_ns = self.waiting.order_delay_ns
        return last_arrival_ns - delay_ns if delay_ns else None

    def settle(self, *, until_ns: int | None) -> list[Charge]:
        """Let everything happen that is due.

        Args:
            until_ns: The moment until which all events are known; `None` for all that wait.
        """
        events = sorted(self.waiting.events, key=_in_order)
        later = [] if until_ns is None else [event for event in events if event.at_ns > until_ns]
        self.waiting.events = later
        charges: list[Charge] = []
        for event in events[: len(events) - len(later)]:
            charge = self._happen(event)
            if charge is not None:
                charges.append(charge)
        return charges

    def pay_later(self, charges: Iterable[Charge]) -> None:
        """Keep charges whose exchanges have not come."""
        self.waiting.charges.extend(charges)

    def place(self, seqs: Mapping[str, int]) -> None:
        """Remember where the exchanges are that came before their attempts were due to end."""
        for event in self.waiting.events:
            if event.rank == _ENDED and event.row_id in seqs:
                self.waiting.placed[event.row_id] = seqs[event.row_id]

    def forfeit(self, now_ns: int) -> None:
        """Charges that nobody came for become idle."""
        kept = []
        for charge in self.waiting.charges:
            if charge.at_ns > now_ns - _FORFEIT_AFTER_NS:
                kept.append(charge)
            elif charge.share_nano:
                self.meters[charge.instance].forfeited(charge.share_nano, charge.at_ns)
        self.waiting.charges = kept
        due = {event.row_id for event in self.waiting.events}
        self.waiting.placed = {row_id: seq for row_id, seq in self.waiting.placed.items() if row_id in due}

    def _happen(self, event: Event) -> Charge | None:
        if event.rank == _PRICES:
            self._reprice(compute_prices(event.prices), event.at_ns)
            return None
        if event.rank == _LOST:
            for meter in self.meters.values():
                meter.lost(event.at_ns, worker=event.worker)
            return None
        meter_or_none = self.meters.get(event.instance)
        if event.rank == _STARTED:
            if meter_or_none is not None:
                meter_or_none.started(event.at_ns, worker=event.worker)
            return None
        share_nano = None
        if meter_or_none is not None:
            share_nano = meter_or_none.ended(event.started_ns, event.at_ns, worker=event.worker)
        return Charge(event.row_id, event.instance, event.started_ns, event.at_ns, share_nano)

    def _reprice(self, prices: Mapping[str, ComputePrice], at_ns: int) -> None:
        for instance, meter in self.meters.items():
            if instance not in prices:
                meter.repriced(None, at_ns)
        for instance, price in prices.items():
            self.meters[instance].repriced(price, at_ns)
