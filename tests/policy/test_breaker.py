"""The circuit breaker, as dialogues with time as a number."""

from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offramp.policy.breaker import Breaker, BreakerSettings, State

SETTINGS = BreakerSettings(failures=3, min_requests=1000, cooldown_s=60.0, lease_s=30.0)


def admitted(breaker: Breaker, now_s: float) -> int:
    """The ticket of a request that must be admitted."""
    ticket = breaker.admit(now_s)
    assert ticket is not None
    return ticket


def opened(settings: BreakerSettings = SETTINGS) -> Breaker:
    """A breaker that three failures have opened at 0."""
    breaker = Breaker(settings)
    for _ in range(3):
        breaker.failed(admitted(breaker, 0.0), 0.0)
    return breaker


def probing(now_s: float = 60.0) -> tuple[Breaker, int]:
    """A half-open breaker and its probe's ticket."""
    breaker = opened()
    return breaker, admitted(breaker, now_s)


def test_lets_everything_pass_while_closed() -> None:
    """A breaker that nobody has reason to open is invisible."""
    breaker = Breaker(SETTINGS)
    for now_s in (0.0, 1.0, 2.0):
        breaker.succeeded(admitted(breaker, now_s), now_s)

    assert (breaker.state, breaker.opened, breaker.refused) == (State.CLOSED, 0, 0)


def test_opens_after_failures_in_a_row() -> None:
    """An upstream that is down must not cost each request a timeout."""
    breaker = opened()

    assert breaker.state is State.OPEN
    assert breaker.admit(59.9) is None


def test_a_success_in_between_starts_the_row_again() -> None:
    """Single failures happen; they are no reason to leave an upstream."""
    breaker = Breaker(SETTINGS)
    for now_s in range(10):
        breaker.failed(admitted(breaker, now_s), now_s)
        breaker.failed(admitted(breaker, now_s), now_s)
        breaker.succeeded(admitted(breaker, now_s), now_s)

    assert (breaker.state, breaker.row) == (State.CLOSED, 0)


def test_opens_at_a_failure_rate_without_a_row() -> None:
    """An upstream that fails every second request never fails five times in a row, and is useless all the same."""
    breaker = Breaker(BreakerSettings(failures=5, failure_rate=0.5, min_requests=20))
    states = []
    for now_s in range(10):
        breaker.succeeded(admitted(breaker, now_s), now_s)
        breaker.failed(admitted(breaker, now_s), now_s)
        states.append(breaker.state)

    assert states == [State.CLOSED] * 9 + [State.OPEN]


@pytest.mark.parametrize(("failures", "state"), [(9, State.CLOSED), (10, State.OPEN)])
def test_the_rate_counts_from_the_stated_share_on(failures: int, state: State) -> None:
    """Ten of twenty is half; nine of nineteen, or too few requests, is not."""
    breaker = Breaker(BreakerSettings(failures=100, failure_rate=0.5, min_requests=20))
    for _ in range(10):
        breaker.succeeded(admitted(breaker, 1.0), 1.0)
    for _ in range(failures):
        breaker.failed(admitted(breaker, 2.0), 2.0)

    assert breaker.state is state


def test_the_rate_forgets_what_is_older_than_its_window() -> None:
    """A bad minute an hour ago says nothing about now."""
    breaker = Breaker(BreakerSettings(failures=100, failure_rate=0.5, min_requests=20, rate_window_s=30.0))
    for _ in range(19):
        breaker.failed(admitted(breaker, 0.0), 0.0)
    breaker.failed(admitted(breaker, 31.0), 31.0)

    assert breaker.state is State.CLOSED


def test_a_rate_above_one_never_opens() -> None:
    """How one switches the rate off."""
    breaker = Breaker(BreakerSettings(failures=100, failure_rate=1.1, min_requests=1))
    for _ in range(99):
        breaker.failed(admitted(breaker, 0.0), 0.0)

    assert breaker.state is State.CLOSED


def test_asking_whether_it_would_admit_takes_no_lease() -> None:
    """Routing looks at all upstreams; only the one that is really asked may be the probe."""
    breaker = opened()

    assert [breaker.would_admit(now_s) for now_s in (59.9, 60.0, 60.0)] == [False, True, True]
    assert breaker.state is State.OPEN


def test_after_the_cooldown_one_request_is_the_probe() -> None:
    """A recovering upstream gets one request, not the whole crowd that waited."""
    breaker, _probe = probing()

    assert breaker.state is State.HALF_OPEN
    assert [breaker.admit(now_s) for now_s in (60.0, 75.0, 89.9)] == [None, None, None]
    assert breaker.refused == 3


def test_a_good_probe_closes_it_with_clean_counts() -> None:
    """After recovery it takes the full number of failures again."""
    breaker, probe = probing()
    breaker.succeeded(probe, 61.0)
    breaker.failed(admitted(breaker, 62.0), 62.0)
    breaker.failed(admitted(breaker, 62.0), 62.0)

    assert breaker.state is State.CLOSED


def test_after_recovery_the_rate_begins_afresh() -> None:
    """The failures that opened it are still within the window, and must not open it again at the first hiccup."""
    settings = BreakerSettings(failures=100, failure_rate=0.5, min_requests=4, rate_window_s=300.0, cooldown_s=1.0)
    breaker = Breaker(settings)
    for _ in range(4):
        breaker.failed(admitted(breaker, 0.0), 0.0)
    breaker.succeeded(admitted(breaker, 1.0), 1.0)
    for verdict in (breaker.succeeded, breaker.succeeded, breaker.succeeded, breaker.failed):
        verdict(admitted(breaker, 2.0), 2.0)

    assert (breaker.state, breaker.opened) == (State.CLOSED, 1)


def test_a_bad_probe_opens_it_for_another_cooldown() -> None:
    """The clock starts at the probe's failure, not at its start."""
    breaker, probe = probing()
    breaker.failed(probe, 65.0)

    assert (breaker.state, breaker.opened) == (State.OPEN, 2)
    assert [breaker.would_admit(now_s) for now_s in (124.9, 125.0)] == [False, True]


def test_a_probe_without_a_verdict_gives_its_lease_back() -> None:
    """The client left: the upstream is neither good nor bad, and the next request may ask."""
    breaker, probe = probing()
    breaker.released(probe, 61.0)

    assert admitted(breaker, 61.0) != probe
    assert breaker.state is State.HALF_OPEN


def test_a_verdict_after_the_release_is_late() -> None:
    """Whoever gave the lease back has nothing more to say, even while nobody else holds it."""
    breaker, probe = probing()
    breaker.released(probe, 61.0)
    breaker.succeeded(probe, 62.0)

    assert breaker.state is State.HALF_OPEN


def test_a_probe_that_is_never_heard_of_again_loses_its_lease() -> None:
    """Without this a lost verdict would keep the upstream out until a restart."""
    breaker, probe = probing()
    second = admitted(breaker, 90.0)
    breaker.failed(probe, 91.0)

    assert second != probe
    assert breaker.state is State.HALF_OPEN


def test_verdicts_of_requests_from_before_it_opened_are_late() -> None:
    """A slow success that began in better times must not close a breaker that has just opened."""
    breaker = Breaker(SETTINGS)
    early = admitted(breaker, 0.0)
    for _ in range(3):
        breaker.failed(admitted(breaker, 1.0), 1.0)
    breaker.succeeded(early, 2.0)
    breaker.failed(early, 2.0)
    breaker.released(early, 2.0)

    assert (breaker.state, breaker.opened, breaker.would_admit(60.9)) == (State.OPEN, 1, False)


def test_a_request_without_a_verdict_changes_nothing_while_closed() -> None:
    """Clients leave all the time."""
    breaker = Breaker(SETTINGS)
    ticket = admitted(breaker, 0.0)
    breaker.released(ticket, 1.0)

    assert (breaker.state, breaker.admit(1.0)) == (State.CLOSED, ticket)


def test_says_how_long_to_wait() -> None:
    """The client's `Retry-After` when no tier is left."""
    breaker = opened()

    assert [breaker.wait_s(now_s) for now_s in (0.0, 59.0, 60.0)] == [60.0, 1.0, 0.0]


def test_an_observing_breaker_admits_everything_and_counts_what_it_would_have_done() -> None:
    """How one tries a setting on live traffic before it can hurt."""
    breaker = opened(BreakerSettings(failures=3, observe=True))
    tickets = [admitted(breaker, now_s) for now_s in (1.0, 2.0)]
    for ticket in tickets:
        breaker.succeeded(ticket, 3.0)

    assert (breaker.state, breaker.refused) == (State.OPEN, 2)


def test_an_observing_breaker_heals_by_its_probe_as_an_enforcing_one_would() -> None:
    """Only then is what it counts worth reading."""
    breaker = opened(BreakerSettings(failures=3, observe=True))
    probe = admitted(breaker, 60.0)
    admitted(breaker, 60.0)
    breaker.succeeded(probe, 61.0)

    assert breaker.state is State.CLOSED


def test_held_open_by_hand_it_stays_open() -> None:
    """An operator takes an upstream out; no cooldown may bring it back behind their back."""
    breaker = Breaker(SETTINGS)
    breaker.forced(State.OPEN)

    assert breaker.admit(1e12) is None
    assert breaker.wait_s(0.0) == inf


def test_opened_from_outside_it_probes_like_any_other() -> None:
    """Another worker saw the upstream fail: the same cooldown holds here."""
    breaker = Breaker(SETTINGS)
    breaker.forced(State.OPEN, until_s=60.0)

    assert [breaker.would_admit(now_s) for now_s in (59.0, 60.0)] == [False, True]


def test_half_opened_by_hand_it_probes_at_once() -> None:
    """Somebody has repaired the upstream and does not want to wait for the cooldown."""
    breaker = opened()
    breaker.forced(State.HALF_OPEN)
    probe = admitted(breaker, 1.0)
    breaker.succeeded(probe, 2.0)

    assert breaker.state is State.CLOSED


def test_closed_by_hand_it_forgets_its_failures() -> None:
    """Whoever closes it by hand knows more than the counts."""
    breaker = opened()
    breaker.forced(State.CLOSED)
    breaker.failed(admitted(breaker, 1.0), 1.0)

    assert (breaker.state, breaker.row) == (State.CLOSED, 1)


@dataclass
class Lease:
    """What the test knows of a ticket: when it was given, and in which term."""

    ticket: int
    given_s: float
    term: int


class AnyOrder(RuleBasedStateMachine):
    """Requests, verdicts and waiting in any order: what must hold in every one of them."""

    def __init__(self) -> None:
        """No breaker yet: the settings are drawn first."""
        super().__init__()
        self.now_s = 0.0
        self.out: list[Lease] = []
        self.probe: Lease | None = None
        self.term = 0

    @initialize(failures=st.integers(1, 4), rate=st.sampled_from([0.3, 0.5, 2.0]), observe=st.booleans())
    def start(self, failures: int, rate: float, *, observe: bool) -> None:
        """Any settings."""
        self.settings = BreakerSettings(failures=failures, failure_rate=rate, min_requests=6, observe=observe)
        self.breaker = Breaker(self.settings)

    @rule(wait_s=st.sampled_from([0.0, 0.5, 5.0, 29.0, 31.0, 60.0]))
    def wait(self, wait_s: float) -> None:
        """Time passes."""
        self.now_s += wait_s

    @rule()
    def admit(self) -> None:
        """A request asks; two leased probes at once must be impossible."""
        before, would = self.breaker.state, self.breaker.would_admit(self.now_s)
        ticket = self.breaker.admit(self.now_s)
        assert (ticket is not None) == would
        if ticket is None:
            assert before is not State.CLOSED
            return
        is_probe = before is not State.CLOSED and ticket != 0
        self.term += is_probe
        lease = Lease(ticket=ticket, given_s=self.now_s, term=self.term)
        if is_probe:
            held = self.probe is not None and self.now_s < self.probe.given_s + self.settings.lease_s
            assert not held, "two probes at once"
            self.probe = lease
        self.out.append(lease)

    @precondition(lambda self: self.out)
    @rule(pick=st.integers(0, 100), verdict=st.sampled_from(["succeeded", "failed", "released"]))
    def settle(self, pick: int, verdict: str) -> None:
        """One of the requests under way ends; a late one must change nothing."""
        lease = self.out.pop(pick % len(self.out))
        before = self.seen()
        getattr(self.breaker, verdict)(lease.ticket, self.now_s)
        if lease.ticket == 0 or lease.term != self.term:
            assert self.seen() == before, "a late verdict changed something"
        elif lease is self.probe:
            expected = {"succeeded": State.CLOSED, "failed": State.OPEN, "released": State.HALF_OPEN}[verdict]
            assert self.breaker.state is expected
            self.probe = None
            self.term += 1
        elif self.breaker.state is State.OPEN:
            assert verdict == "failed"
            self.term += 1

    @rule(state=st.sampled_from(list(State)))
    def force(self, state: State) -> None:
        """Somebody changes the state by hand: whoever is under way becomes late."""
        self.breaker.forced(state, until_s=self.now_s + 60.0)
        self.probe = None
        self.term += 1
        assert self.breaker.state is state

    @invariant()
    def heals(self) -> None:
        """An upstream is never kept out longer than a cooldown or a lease."""
        if hasattr(self, "breaker"):
            longest_s = max(self.settings.cooldown_s, self.settings.lease_s)
            assert self.breaker.would_admit(self.now_s + longest_s)
            assert 0.0 <= self.breaker.wait_s(self.now_s) <= longest_s

    def seen(self) -> tuple[State, int, int, bool]:
        """All that a caller can see."""
        return self.breaker.state, self.breaker.opened, self.breaker.row, self.breaker.would_admit(self.now_s)


AnyOrder.TestCase.settings = hypothesis_settings(max_examples=150, stateful_step_count=40)
TestAnyOrder = AnyOrder.TestCase
