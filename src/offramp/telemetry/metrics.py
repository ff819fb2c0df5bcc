"""Counters, gauges and histograms of one process, and how those of several workers become one.

Plain Python, because the request path counts a dozen things per exchange: an increment costs a tenth of a microsecond.
The text that Prometheus reads is made elsewhere (`telemetry.exposition`), from a snapshot that can cross to another
process. The event loop is the only user of a registry, so there is no lock.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

import msgspec

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Kind(StrEnum):
    """What a family's children are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """What becomes of the gauges of several workers. Counters and histograms always add."""

    ADD = "add"
    MAX = "max"
    LAST = "last"


class Counter:
    """Something that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        """Start at zero."""
        self.value: float = 0

    def inc(self, n: float = 1) -> None:
        """Add `n`, which must not be negative: Prometheus reads a fall as a restart."""
        self.value += n


class Gauge:
    """Something that goes up and down."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        """Start at zero."""
        self.value: float = 0

    def set(self, value: float) -> None:
        """It is now `value`."""
        self.value = value

    def inc(self, n: float = 1) -> None:
        """It is `n` more, or less if `n` is negative."""
        self.value += n


class Histogram:
    """How often a quantity fell into which range."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Count per range: up to and including each bound, and one above the last."""
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0.0
        """Sum of all that was observed."""

    def observe(self, x: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self._bounds, x)] += 1
        self.total += x


class Point(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One child at one moment."""

    labels: tuple[str, ...]
    value: float
    """A histogram's sum."""
    counts: tuple[int, ...] = ()
    """A histogram's counts per range, not cumulated."""


class FamilySnapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One family at one moment."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    merge: Merge = Merge.ADD
    divisor: int = 1
    """The value is counted in this part of the unit that the name states (nano-dollars: 10**9)."""
    bounds: tuple[float, ...] = ()
    points: tuple[Point, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """All families of one process, or of several, at one moment. Encodes with msgspec."""

    families: tuple[FamilySnapshot, ...] = ()


Child = TypeVar("Child", bound=Counter | Gauge | Histogram)


class Family(Generic[Child]):
    """All children of one name, by the values of their labels."""

    __slots__ = ("_children", "_make", "snapshot_of_none")

    def __init__(self, empty: FamilySnapshot, make: Callable[[], Child]) -> None:
        """An empty family; one without labels has its only child at once, so that it reads 0 from the start."""
        self.snapshot_of_none: FamilySnapshot = empty
        self._make: Callable[[], Child] = make
        self._children: dict[tuple[str, ...], Child] = {}
        if not empty.labels:
            self.child()

    def child(self, *values: str) -> Child:
        """The child with these label values, made on first use.

        Values come from the configuration or from a closed set, never from a client: each new one is a series for ever.

        Raises:
            ValueError: If there are not as many values as the family has labels.
        """
        found = self._children.get(values)
        return self._add(values) if found is None else found

    def remove(self, *values: str) -> None:
        """Forget a child that is no longer configured; without this it would be reported for ever."""
        self._children.pop(values, None)

    def clear(self) -> None:
        """Forget all children, as before a new configuration fills them in."""
        self._children.clear()

    def snapshot(self) -> FamilySnapshot:
        """All children as they are now."""
        points = tuple(_point(labels, child) for labels, child in self._children.items())
        return msgspec.structs.replace(self.snapshot_of_none, points=points)

    def _add(self, values: tuple[str, ...]) -> Child:
        empty = self.snapshot_of_none
        if len(values) != len(empty.labels):
            raise ValueError(f"{empty.name} has the labels {empty.labels}, not {len(values)} of them")
        child = self._children[values] = self._make()
        return child


class Registry:
    """All families of one process."""

    __slots__ = ("_families",)

    def __init__(self) -> None:
        """Start empty."""
        self._families: dict[str, Family[Any]] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = (), *, divisor: int = 1) -> Family[Counter]:  # noqa: A002
        """A family of counters; `name` ends in `_total` and states the unit.

        Args:
            name: Without the part of the unit that is counted: `…_usd_total`, though nano-dollars are added.
            help: One sentence for people.
            labels: Names of the labels.
            divisor: Parts per unit; counting integers keeps money exact.

        Raises:
            ValueError: If the name is not Prometheus's, does not end in `_total`, or is taken.
        """
        if not name.endswith("_total"):
            raise ValueError(f"the counter {name} must end in _total")
        empty = FamilySnapshot(name=name, kind=Kind.COUNTER, help=help, labels=tuple(labels), divisor=divisor)
        return self._added(Family(empty, Counter))

    def gauge(self, name: str, help: str, labels: Sequence[str] = (), *, merge: Merge = Merge.ADD) -> Family[Gauge]:  # noqa: A002
        """A family of gauges; `merge` says what several workers' values become.

        Raises:
            ValueError: If the name is not Prometheus's, or is taken.
        """
        empty = FamilySnapshot(name=name, kind=Kind.GAUGE, help=help, labels=tuple(labels), merge=merge)
        return self._added(Family(empty, Gauge))

    def histogram(self, name: str, help: str, labels: Sequence[str], buckets: Sequence[float]) -> Family[Histogram]:  # noqa: A002
        """A family of histograms with these upper bounds, in the unit of the name, rising.

        Raises:
            ValueError: If the bounds do not rise, or the name is not Prometheus's or is taken.
        """
        bounds = tuple(buckets)
        if not bounds or list(bounds) != sorted(set(bounds)):
            raise ValueError(f"the buckets of {name} must rise: {bounds}")
        empty = FamilySnapshot(name=name, kind=Kind.HISTOGRAM, help=help, labels=tuple(labels), bounds=bounds)
        return self._added(Family(empty, lambda: Histogram(bounds)))

    def snapshot(self) -> Snapshot:
        """All families as they are now."""
        return Snapshot(tuple(family.snapshot() for family in self._families.values()))

    def _added(self, family: Family[Child]) -> Family[Child]:
        empty = family.snapshot_of_none
        if not all(_NAME.fullmatch(name) for name in (empty.name, *empty.labels)):
            raise ValueError(f"not a metric's name or label: {empty.name} {empty.labels}")
        if empty.name in self._families:
            raise ValueError(f"the metric {empty.name} exists already")
        self._families[empty.name] = family
        return family


class _Sum:
    """What several points with the same labels add up to."""

    __slots__ = ("counts", "value")

    def __init__(self, point: Point) -> None:
        self.value = point.value
        self.counts = list(point.counts)

    def add(self, point: Point, merge: Merge) -> None:
        if merge is Merge.ADD:
            self.value += point.value
            self.counts = [mine + other for mine, other in zip(self.counts, point.counts, strict=True)]
        elif merge is Merge.LAST or point.value > self.value:
            self.value = point.value

    def point(self, labels: tuple[str, ...]) -> Point:
        return Point(labels, self.value, tuple(self.counts))


class _Merged:
    """One family of several processes."""

    __slots__ = ("_first", "_sums")

    def __init__(self, first: FamilySnapshot) -> None:
        self._first = first
        self._sums: dict[tuple[str, ...], _Sum] = {}

    def add(self, family: FamilySnapshot) -> Self:
        """Take in another process's points, unless it counts differently (an older version, while workers restart)."""
        first = self._first
        if (family.kind, family.labels, family.bounds) == (first.kind, first.labels, first.bounds):
            for point in family.points:
                found = self._sums.get(point.labels)
                if found is None:
                    self._sums[point.labels] = _Sum(point)
                else:
                    found.add(point, first.merge)
        return self

    def snapshot(self) -> FamilySnapshot:
        points = tuple(total.point(labels) for labels, total in self._sums.items())
        return msgspec.structs.replace(self._first, points=points)


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot for all processes: counters and histograms add, gauges as their family says.

    Where two processes disagree about a family's labels or buckets the first is kept and the other left out, so that
    the page stays readable while workers of two versions run side by side.
    """
    merged: dict[str, _Merged] = {}
    for snapshot in snapshots:
        for family in snapshot.families:
            found = merged.get(family.name)
            if found is None:
                found = merged[family.name] = _Merged(family)
            found.add(family)
    return Snapshot(tuple(family.snapshot() for family in merged.values()))


def without_gauges(snapshot: Snapshot) -> Snapshot:
    """What a process that has ended leaves behind.

    Its counts must go on being merged: a sum that falls looks like a restart to Prometheus, which would then count all
    that is left as new. What it had in flight has ended with it.
    """
    return Snapshot(tuple(family for family in snapshot.families if family.kind is not Kind.GAUGE))


def _point(labels: tuple[str, ...], child: Counter | Gauge | Histogram) -> Point:
    if isinstance(child, Histogram):
        return Point(labels, child.total, tuple(child.counts))
    return Point(labels, child.value)
