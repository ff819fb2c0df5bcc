"""What each request costs on a machine that is paid by the hour and shared by whoever is in flight. Pure.

At each instant the price per second is split equally among the requests in flight; what flows while there is none is
idle cost. The meter keeps one running sum, the integral of price over number in flight: a request costs the sum at its
end less the sum at its start, whatever overlapped with it, in constant time.

The sum is an integer in units of 2**-40 nano-dollars, each step rounded down; a settled request takes whole
nano-dollars and leaves its rest to the next one. So for every history, to the last unit,

    settled + in flight + idle == bill        and        idle >= 0

where the bill is exact, and idle is what flowed while nothing ran plus what rounding left (less than one nano-dollar,
and 2**-40 of one for each event).
"""

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from offramp.pricing.compute import NS_PER_HOUR, Billed, ComputePrice

_SHIFT = 40
_REST = (1 << _SHIFT) - 1


class OpenState(msgspec.Struct, array_like=True, frozen=True):
    """Requests of one worker that began at one moment and are still in flight."""

    worker: int
    started_ns: int
    levels: list[str]
    """The running sum when each of them was heard of; text, because it outgrows 64 bits."""


class MeterState(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A meter at rest, to be kept between two processes."""

    at_ns: int
    nano_per_hour: str
    billed: str
    level: str
    rest: int
    settled_nano: int
    bill: str
    billed_ns: int
    idle: str
    open: list[OpenState]


class ComputeMeter:
    """The running bill of one instance. Time never runs backwards here: a late event counts as happening now."""

    def __init__(self, price: ComputePrice, *, at_ns: int) -> None:
        """The instance appears in the configuration; its bill begins.

        Args:
            price: Nano-dollars per hour, exact, and when the meter runs.
            at_ns: Nanoseconds since the epoch.
        """
        self._at_ns = at_ns
        self._level = 0
        self._rest = 0
        self._settled_nano = 0
        self._bill = Fraction(0)
        self._billed_ns = 0
        self._idle = Fraction(0)
        self._idle_hours: dict[int, int] = {}
        self._open: dict[tuple[int, int], list[int]] = {}
        self._count = 0
        self._open_levels = 0
        self._set_price(price)

    @property
    def in_flight(self) -> int:
        """How many requests occupy the instance."""
        return self._count

    @property
    def settled_nano(self) -> int:
        """What ended requests have been charged, in sum."""
        return self._settled_nano

    def started(self, at_ns: int, *, worker: int = 0) -> None:
        """A request begins to occupy the instance."""
        self._advance(at_ns)
        self._open.setdefault((worker, at_ns), []).append(self._level)
        self._open_levels += self._level
        self._count += 1

    def ended(self, started_ns: int, at_ns: int, *, worker: int = 0) -> int | None:
        """A request stops occupying it.

        Returns:
            Its share in nano-dollars; `None` if no such request is known to have begun.
        """
        self._advance(at_ns)
        levels = self._open.get((worker, started_ns))
        if levels is None:
            return None
        level = levels.pop()
        if not levels:
            del self._open[worker, started_ns]
        self._count -= 1
        self._open_levels -= level
        whole = self._level - level + self._rest
        self._rest = whole & _REST
        share_nano = whole >> _SHIFT
        self._settled_nano += share_nano
        return share_nano

    def lost(self, at_ns: int, *, worker: int | None = None) -> int:
        """Requests whose end will never be heard of, of one worker or of all: what they had used becomes idle.

        Returns:
            How many there were.
        """
        self._advance(at_ns)
        count = 0
        for key in [key for key in self._open if worker is None or key[0] == worker]:
            levels = self._open.pop(key)
            count += len(levels)
            self._open_levels -= sum(levels)
            self._add_idle(Fraction(self._level * len(levels) - sum(levels), 1 << _SHIFT), self._at_ns)
        self._count -= count
        return count

    def forfeited(self, share_nano: int, at_ns: int) -> None:
        """A share that was charged finds nobody to pay it: it becomes idle."""
        self._advance(at_ns)
        self._settled_nano -= share_nano
        self._add_idle(Fraction(share_nano), self._at_ns)

    def repriced(self, price: ComputePrice | None, at_ns: int) -> None:
        """Another price holds from here on; `None`: the instance left the configuration and its bill ends."""
        self._advance(at_ns)
        self._bill = self._bill_at(at_ns)
        self._billed_ns = 0
        self._set_price(price)

    def bill_nano(self, now_ns: int) -> int:
        """The whole bill until now, rounded down to a nano-dollar."""
        return _floor(self._bill_at(now_ns))

    def in_flight_nano(self, now_ns: int) -> int:
        """What the requests in flight have used until now."""
        level = self._level + (self._step(now_ns - self._at_ns) if self._count and now_ns > self._at_ns else 0)
        return (level * self._count - self._open_levels + self._rest) >> _SHIFT

    def idle_nano(self, now_ns: int) -> int:
        """The rest of the bill: nobody's, because nothing ran, or lost, or rounded off."""
        return self.bill_nano(now_ns) - self._settled_nano - self.in_flight_nano(now_ns)

    def take_idle_hours(self) -> dict[int, int]:
        """Idle cost that was added since this was last asked, by hour since the epoch, in nano-dollars.

        Over all calls, and with `idle_hours` to bring them up to now, they add up to `idle_nano` but for the rounding.
        """
        hours, self._idle_hours = self._idle_hours, {}
        return hours

    def advanced(self, now_ns: int) -> None:
        """Let time pass without an event."""
        self._advance(now_ns)

    def state(self) -> MeterState:
        """Everything that has to be kept. Call `take_idle_hours` first: the hours are not part of it."""
        return MeterState(
            at_ns=self._at_ns,
            nano_per_hour=str(self._price.nano_per_hour),
            billed=self._price.billed.value,
            level=str(self._level),
            rest=self._rest,
            settled_nano=self._settled_nano,
            bill=str(self._bill),
            billed_ns=self._billed_ns,
            idle=str(self._idle),
            open=[OpenState(*key, [str(level) for level in levels]) for key, levels in self._open.items()],
        )

    @classmethod
    def restored(cls, state: MeterState) -> "ComputeMeter":
        """A meter that goes on where another one was put to rest."""
        price = ComputePrice(nano_per_hour=Fraction(state.nano_per_hour), billed=Billed(state.billed))
        meter = cls(price, at_ns=state.at_ns)
        meter._level = int(state.level)
        meter._rest = state.rest
        meter._settled_nano = state.settled_nano
        meter._bill = Fraction(state.bill)
        meter._billed_ns = state.billed_ns
        meter._idle = Fraction(state.idle)
        for entry in state.open:
            levels = [int(level) for level in entry.levels]
            meter._open[entry.worker, entry.started_ns] = levels
            meter._count += len(levels)
            meter._open_levels += sum(levels)
        return meter

    def _set_price(self, price: ComputePrice | None) -> None:
        self._price = price or ComputePrice(nano_per_hour=Fraction(0), billed=Billed.ALWAYS)
        rate = self._price.nano_per_hour
        self._numerator = rate.numerator << _SHIFT
        self._denominator = rate.denominator * NS_PER_HOUR

    def _step(self, elapsed_ns: int) -> int:
        """What the running sum grows by, with the present number in flight."""
        return elapsed_ns * self._numerator // (self._denominator * self._count)

    def _bill_at(self, now_ns: int) -> Fraction:
        billed_ns = self._billed_ns
        if now_ns > self._at_ns and (self._count or self._price.billed is Billed.ALWAYS):
            billed_ns += now_ns - self._at_ns
        return self._bill + self._price.nano_per_hour * billed_ns / NS_PER_HOUR

    def _advance(self, at_ns: int) -> None:
        elapsed_ns = at_ns - self._at_ns
        if elapsed_ns <= 0:
            return
        if self._count:
            self._level += self._step(elapsed_ns)
            self._billed_ns += elapsed_ns
        elif self._price.billed is Billed.ALWAYS:
            self._billed_ns += elapsed_ns
            for part_ns, from_ns in _by_hour(self._at_ns, at_ns):
                self._add_idle(self._price.nano_per_hour * part_ns / NS_PER_HOUR, from_ns)
        self._at_ns = at_ns

    def _add_idle(self, amount: Fraction, at_ns: int) -> None:
        """Whole nano-dollars go to the hour, the fraction waits for the next amount."""
        total = self._idle + amount
        whole = _floor(total)
        self._idle = total - whole
        if whole:
            hour = at_ns // NS_PER_HOUR
            self._idle_hours[hour] = self._idle_hours.get(hour, 0) + whole


def _by_hour(from_ns: int, until_ns: int) -> Iterator[tuple[int, int]]:
    """A span cut at full hours: the length of each part and its beginning."""
    while from_ns < until_ns:
        end_ns = min((from_ns // NS_PER_HOUR + 1) * NS_PER_HOUR, until_ns)
        yield end_ns - from_ns, from_ns
        from_ns = end_ns


def _floor(amount: Fraction) -> int:
    return amount.numerator // amount.denominator
