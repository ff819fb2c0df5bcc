"""Counting, and making one count of several workers' counts."""

from bisect import bisect_right

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.telemetry.metrics import FamilySnapshot, Merge, Point, Registry, Snapshot, merge, without_gauges

BUCKETS = (0.1, 1.0, 10.0)


def family(snapshot: Snapshot, name: str) -> FamilySnapshot:
    """The family of that name."""
    return next(each for each in snapshot.families if each.name == name)


def values(snapshot: Snapshot, name: str) -> dict[tuple[str, ...], float]:
    """Value by labels."""
    return {point.labels: point.value for point in family(snapshot, name).points}


def counted(*observed: float) -> Snapshot:
    """A worker that has counted requests and their seconds."""
    registry = Registry()
    requests = registry.counter("requests_total", "Requests.", ("route",)).child("chat")
    seconds = registry.histogram("seconds", "Seconds.", (), BUCKETS).child()
    for x in observed:
        requests.inc()
        seconds.observe(x)
    return registry.snapshot()


def gauged(merged: Merge, *worker_values: float) -> float:
    """What the gauge of several workers becomes."""
    snapshots = []
    for value in worker_values:
        registry = Registry()
        registry.gauge("state", "State.", merge=merged).child().set(value)
        snapshots.append(registry.snapshot())
    return values(merge(snapshots), "state")[()]


def test_children_are_told_apart_by_their_labels_and_are_the_same_each_time() -> None:
    """The gateway keeps children; asking again must not start another count."""
    registry = Registry()
    attempts = registry.counter("attempts_total", "Attempts.", ("upstream",))
    attempts.child("local").inc()
    attempts.child("local").inc(2)
    attempts.child("openai").inc()

    assert values(registry.snapshot(), "attempts_total") == {("local",): 3, ("openai",): 1}


def test_a_family_without_labels_is_zero_from_the_start() -> None:
    """An alert on a counter that is absent until the first loss would never see that loss as an increase."""
    registry = Registry()
    registry.counter("dropped_total", "Lost rows.")

    assert values(registry.snapshot(), "dropped_total") == {(): 0}


def test_gauges_go_up_and_down() -> None:
    """What is in flight rises and falls by one."""
    registry = Registry()
    in_flight = registry.gauge("in_flight", "Under way.").child()
    in_flight.inc()
    in_flight.inc()
    in_flight.inc(-1)

    assert in_flight.value == 1


@pytest.mark.parametrize(("x", "index"), [(0.0, 0), (0.1, 0), (0.100001, 1), (10.0, 2), (11.0, 3)])
def test_a_bound_belongs_to_its_own_bucket(x: float, index: int) -> None:
    """Prometheus's `le` means lower or equal."""
    registry = Registry()
    child = registry.histogram("seconds", "Seconds.", (), BUCKETS).child()
    child.observe(x)

    assert child.counts.index(1) == index


def test_what_is_no_longer_configured_can_be_removed() -> None:
    """A gauge of an upstream that a reload took away would stay at its last value for ever."""
    registry = Registry()
    state = registry.gauge("state", "State.", ("upstream",))
    state.child("old").set(2)
    state.child("new").set(0)
    state.remove("old")
    state.remove("never there")

    assert values(registry.snapshot(), "state") == {("new",): 0}


def test_all_children_can_be_cleared() -> None:
    """Before a new configuration fills them in."""
    registry = Registry()
    state = registry.gauge("state", "State.", ("upstream",))
    state.child("old")
    state.clear()

    assert family(registry.snapshot(), "state").points == ()


def test_a_snapshot_does_not_change_when_counting_goes_on() -> None:
    """It is rendered in another thread."""
    registry = Registry()
    seconds = registry.histogram("seconds", "Seconds.", (), BUCKETS).child()
    seconds.observe(0.5)
    snapshot = registry.snapshot()
    seconds.observe(0.5)

    assert family(snapshot, "seconds").points == (Point((), 0.5, (0, 1, 0, 0)),)


@pytest.mark.parametrize("wrong", [(), ("a",), ("a", "b", "c")])
def test_a_wrong_number_of_labels_is_refused(wrong: tuple[str, ...]) -> None:
    """A series under the wrong labels would be found much later, on a dashboard."""
    attempts = Registry().counter("attempts_total", "Attempts.", ("upstream", "failure"))

    with pytest.raises(ValueError, match="attempts_total"):
        attempts.child(*wrong)


@pytest.mark.parametrize("name", ["Requests_total", "9_total", "requests-total_total", "requests", "", "a b_total"])
def test_a_name_that_prometheus_would_not_take_is_refused(name: str) -> None:
    """At start, where the author sees it, not when the page is read."""
    with pytest.raises(ValueError, match=r"must end in _total|not a metric's name"):
        Registry().counter(name, "Help.")


def test_a_name_can_be_taken_once() -> None:
    """Two families of one name make a page that nobody can parse."""
    registry = Registry()
    registry.gauge("state", "State.")

    with pytest.raises(ValueError, match="exists already"):
        registry.gauge("state", "State.")


@pytest.mark.parametrize("bounds", [(), (1.0, 1.0), (2.0, 1.0)])
def test_bounds_must_rise(bounds: tuple[float, ...]) -> None:
    """The search for the bucket relies on it."""
    with pytest.raises(ValueError, match="must rise"):
        Registry().histogram("seconds", "Seconds.", (), bounds)


def test_counters_and_histograms_of_workers_add() -> None:
    """One page for all workers."""
    merged = merge([counted(0.05, 5.0), counted(0.5), Snapshot()])

    assert values(merged, "requests_total") == {("chat",): 3}
    assert family(merged, "seconds").points == (Point((), 5.55, (1, 1, 1, 0)),)


@pytest.mark.parametrize(("merged", "value"), [(Merge.ADD, 6.0), (Merge.MAX, 3.0), (Merge.LAST, 2.0)])
def test_gauges_of_workers_become_what_their_family_says(merged: Merge, value: float) -> None:
    """In-flight requests add, the worst breaker counts, a setting is the newest."""
    assert gauged(merged, 1.0, 3.0, 2.0) == value


def test_children_that_only_one_worker_has_are_kept() -> None:
    """Not every worker has seen every failure."""
    one, other = Registry(), Registry()
    one.counter("attempts_total", "Attempts.", ("failure",)).child("timeout").inc()
    other.counter("attempts_total", "Attempts.", ("failure",)).child("refused").inc()

    assert values(merge([one.snapshot(), other.snapshot()]), "attempts_total") == {("timeout",): 1, ("refused",): 1}


def test_a_worker_with_other_buckets_does_not_spoil_the_page() -> None:
    """While workers are replaced one by one, two versions count side by side."""
    old, new = Registry(), Registry()
    old.histogram("seconds", "Seconds.", (), BUCKETS).child().observe(0.5)
    new.histogram("seconds", "Seconds.", (), (0.2, 2.0)).child().observe(0.5)

    assert family(merge([old.snapshot(), new.snapshot()]), "seconds").points == (Point((), 0.5, (0, 1, 0, 0)),)


def test_what_a_dead_worker_counted_stays_and_what_it_had_under_way_goes() -> None:
    """A counter that falls looks like a restart to Prometheus, and a dead worker has nothing in flight."""
    registry = Registry()
    registry.counter("requests_total", "Requests.").child().inc(5)
    registry.gauge("in_flight", "Under way.").child().set(3)
    left = without_gauges(registry.snapshot())

    assert [each.name for each in left.families] == ["requests_total"]
    assert values(merge([left, registry.snapshot()]), "requests_total") == {(): 10}


@given(st.lists(st.lists(st.floats(0, 100), max_size=20), min_size=1, max_size=5))
def test_merged_histograms_are_the_histogram_of_all_observations(workers: list[list[float]]) -> None:
    """Whoever reads the page cannot tell how many workers there are."""
    merged = family(merge([counted(*observed) for observed in workers]), "seconds").points[0]
    everything = sorted(x for observed in workers for x in observed)
    cumulated = [bisect_right(everything, bound) for bound in BUCKETS]

    assert [sum(merged.counts[: i + 1]) for i in range(len(BUCKETS))] == cumulated
    assert sum(merged.counts) == len(everything)
    assert merged.value == pytest.approx(sum(everything))


def test_a_snapshot_survives_the_way_to_another_process() -> None:
    """Workers hand theirs to the supervisor."""
    snapshot = counted(0.5)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot) == snapshot
