"""Generated loads: their figures against the published ones of the traces that they stand for."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.capacity import arrivals as module
from offramp.capacity.arrivals import CHAT, CODE, EVEN, OFFICE, Lengths, Shape, generate, profile
from offramp.capacity.load import Ints, Load
from offramp.errors import UsageError

SEEDS = range(15)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def _figures(tokens: Ints) -> tuple[float, float, float]:
    """Mean, median and 99th percentile."""
    return float(tokens.mean()), float(np.quantile(tokens, 0.5)), float(np.quantile(tokens, 0.99))


@pytest.mark.parametrize(
    ("shape", "requests", "prompts", "answers", "peak"),
    [
        (CHAT, 19_366, (1_155, 1_020, 4_142), (211, 129, 601), 2.9),
        (CODE, 8_819, (2_048, 1_469, 7_436), (28, 13, 252), 26.0),
    ],
    ids=["chat", "code"],
)
def test_generated_loads_have_the_published_figures(
    shape: Shape, requests: int, prompts: tuple[int, ...], answers: tuple[int, ...], peak: float
) -> None:
    """Azure 2023, mean, median and 99th percentile of the lengths, and the peak second over the mean, in 58 minutes.

    A single seed has a peak of its own, as a single hour has; the median over some seeds must be the published one.
    """
    loads = [generate(seed, requests=requests, duration_s=58 * 60, shape=shape) for seed in SEEDS]

    assert all(load.requests == requests for load in loads)
    for column, published in (("input_tokens", prompts), ("output_tokens", answers)):
        found = [_figures(getattr(load, column)) for load in loads]
        assert np.median(found, axis=0) == pytest.approx(published, rel=0.05)
    assert np.median([load.peak_over_mean() for load in loads]) == pytest.approx(peak, rel=0.15)


def test_the_rate_wanders_as_slowly_as_in_the_trace() -> None:
    """Minutes differ far more than chance would have it: variance over mean 16 for the trace, 1 for a constant rate."""

    def over_chance(load: Load) -> float:
        counts = np.bincount((load.arrived_s / 60).astype(np.int64))[:-1]
        return float(counts.var() / counts.mean())

    wandering = [over_chance(generate(seed, requests=19_366, duration_s=3500)) for seed in SEEDS]
    constant = [over_chance(generate(seed, requests=19_366, duration_s=3500, shape=CONSTANT)) for seed in SEEDS]

    assert 10 < np.median(wandering) < 30
    assert np.median(constant) == pytest.approx(1.0, abs=0.3)


CONSTANT = Shape(name="constant", input=Lengths.all_of(700), output=Lengths.all_of(100))


def test_a_constant_rate_is_a_poisson_process() -> None:
    """The one case with a closed form: gaps have a standard deviation equal to their mean."""
    gaps_s = np.diff(generate(1, requests=50_000, rate_per_s=5.0, shape=CONSTANT).arrived_s)

    assert gaps_s.mean() == pytest.approx(0.2, rel=0.01)
    assert gaps_s.std() == pytest.approx(gaps_s.mean(), rel=0.02)


def test_the_same_seed_gives_the_same_load_and_another_does_not() -> None:
    """A plan must be repeatable."""
    first, again, other = (generate(seed, requests=500, rate_per_s=1.0).arrived_s for seed in (1, 1, 2))

    assert first.tolist() == again.tolist() != other.tolist()


def test_an_office_works_by_day_and_in_the_week() -> None:
    """The stated profile is what comes out, hour by hour."""
    load = generate(3, duration_s=7 * 86_400, rate_per_s=1.0, shape=CONSTANT, profile=OFFICE)
    hours = np.bincount((load.arrived_s / 3600).astype(np.int64), minlength=168)

    assert load.requests == pytest.approx(7 * 86_400, rel=0.01)
    assert hours / hours.mean() == pytest.approx(np.array(OFFICE.hours), abs=0.12)
    assert OFFICE.peak_over_mean == pytest.approx(2.69, abs=0.01)
    assert EVEN.peak_over_mean == 1.0


def test_a_day_that_begins_on_sunday_is_a_quiet_one() -> None:
    """The hour of the week at which it begins counts, and the mean stays that of the week."""
    monday = generate(3, duration_s=86_400, rate_per_s=1.0, shape=CONSTANT, profile=OFFICE)
    sunday = generate(3, duration_s=86_400, rate_per_s=1.0, shape=CONSTANT, profile=OFFICE, start_hour=6 * 24)

    assert sunday.requests / monday.requests == pytest.approx(0.25, rel=0.03)


@given(p50=st.floats(10, 2000), spread=st.floats(1.5, 30), bend=st.floats(0.3, 3.0))
def test_lengths_have_their_three_figures(p50: float, spread: float, bend: float) -> None:
    """Whatever mean a curve through the two quantiles has can be asked for and is met."""
    share = (np.arange(20_000) + 0.5) / 20_000
    mean = float(module._curve(Lengths(mean=0, p50=p50, p99=p50 * spread), bend, share).mean())
    tokens = Lengths(mean=mean, p50=p50, p99=p50 * spread).at(share)

    assert tokens.mean() == pytest.approx(mean, rel=0.02)
    # The curve is steep beyond the median where it is much bent, and tokens are whole.
    assert np.quantile(tokens, 0.499) <= p50 + 1
    assert np.quantile(tokens, 0.501) >= p50 - 1
    assert np.quantile(tokens, 0.99) == pytest.approx(p50 * spread, rel=0.02, abs=1)


@pytest.mark.parametrize(
    ("requests", "duration_s", "rate_per_s"), [(5, None, None), (5, None, 0.0), (5, 5.0, 1.0), (None, -1.0, 2.0)]
)
def test_amounts_that_do_not_say_how_much_are_refused(
    requests: int | None, duration_s: float | None, rate_per_s: float | None
) -> None:
    with pytest.raises(UsageError, match="two of requests, duration_s and rate_per_s"):
        generate(1, requests=requests, duration_s=duration_s, rate_per_s=rate_per_s)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="24 weights for the day"):
        profile("short", day=(1.0,), week=(1.0,) * 7)
    with pytest.raises(UsageError, match="no lengths have a mean of 5"):
        Lengths(mean=5, p50=100, p99=1000).at(np.array([0.5]))
    weekdays = profile("weekdays", day=(1.0,) * 24, week=(1, 1, 1, 1, 1, 0, 0))
    with pytest.raises(UsageError, match="'weekdays' has no requests in these hours"):
        generate(1, requests=5, duration_s=60.0, profile=weekdays, start_hour=5 * 24)
