"""The retry budget."""

from hypothesis import given
from hypothesis import strategies as st

from offramp.policy.retry import RetryBudget


def taken(budget: RetryBudget, *, now_s: float, tries: int) -> int:
    """How many of `tries` retries the budget allows at one moment."""
    return sum(budget.take(now_s) for _ in range(tries))


def test_a_quiet_gateway_may_retry_from_the_reserve() -> None:
    """With one request a minute, a share of the requests would never pay for a retry."""
    budget = RetryBudget(ratio=0.2, min_per_s=1.0, window_s=10.0)
    budget.request(0.0)

    assert taken(budget, now_s=0.0, tries=50) == 10


def test_many_requests_pay_for_a_fifth_of_their_number() -> None:
    """When everything fails, the upstreams see 1.2 requests for each of the clients', not two or three."""
    budget = RetryBudget(ratio=0.2, min_per_s=0.0, window_s=10.0)
    for i in range(1000):
        budget.request(i / 100)

    assert taken(budget, now_s=9.99, tries=1000) == 200


def test_what_was_spent_comes_back_when_the_window_has_passed() -> None:
    """An outage that is over must not be paid for any longer."""
    budget = RetryBudget(ratio=0.0, min_per_s=1.0, window_s=10.0)

    assert [taken(budget, now_s=now_s, tries=20) for now_s in (0.0, 9.0, 11.0)] == [10, 0, 10]


def test_requests_of_long_ago_pay_for_nothing() -> None:
    """The budget follows the traffic of now."""
    budget = RetryBudget(ratio=0.5, min_per_s=0.0, window_s=10.0)
    for _ in range(100):
        budget.request(0.0)

    assert taken(budget, now_s=11.0, tries=100) == 0


def test_both_at_zero_switch_retries_off() -> None:
    """Whoever wants no retries can say so."""
    budget = RetryBudget(ratio=0.0, min_per_s=0.0)
    budget.request(0.0)

    assert not budget.take(0.0)


def test_counts_what_it_refused() -> None:
    """An operator must be able to see that the budget, not the upstream, ended the exchange."""
    budget = RetryBudget(ratio=0.0, min_per_s=1.0, window_s=2.0)
    taken(budget, now_s=0.0, tries=5)

    assert budget.refused == 3


@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=200),
    st.sampled_from([0.0, 0.1, 0.2, 1.0]),
    st.sampled_from([0.0, 1.0, 10.0]),
)
def test_retries_never_exceed_share_and_reserve(steps: list[tuple[int, bool]], ratio: float, min_per_s: float) -> None:
    """Whatever the order, the retries of a window stay within what its requests and the reserve pay for."""
    budget = RetryBudget(ratio=ratio, min_per_s=min_per_s, window_s=10.0)
    requests: list[float] = []
    retries: list[float] = []
    now_s = 0.0
    for wait, is_request in steps:
        now_s += wait / 4
        if is_request:
            budget.request(now_s)
            requests.append(now_s)
        elif budget.take(now_s):
            retries.append(now_s)
            recent = sum(moment >= now_s - 9.0 for moment in retries)
            assert recent <= min_per_s * 10.0 + ratio * sum(moment > now_s - 10.0 for moment in requests)
