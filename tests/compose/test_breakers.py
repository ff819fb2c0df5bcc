"""Breakers of several workers: who is told what, and who may probe when."""

import ssl

from offramp.compose.breakers import STEP_S, BreakerBoard, BreakerWatch, News
from offramp.compose.control import BreakerSeen, BreakerSet
from offramp.policy.breaker import BreakerSettings, State
from offramp.upstream.dial import Address
from offramp.upstream.instance import Instance, PoolLimits, Timeouts

PLACE = "local@127.0.0.1:9001"
WORKERS = (1, 2, 3)
NO_TLS: ssl.SSLContext | None = None


def instance() -> Instance:
    """One that opens at the first failure, and probes after 60 s."""
    return Instance(
        "local",
        Address(host="127.0.0.1", port=9001, tls=NO_TLS, proxy=None),
        timeouts=Timeouts(),
        limits=PoolLimits(),
        breaker=BreakerSettings(failures=1, cooldown_s=60, lease_s=30),
        compute_priced=False,
        base_path=b"",
    )


def fail(one: Instance, now_s: float) -> None:
    """A request is sent there and fails."""
    ticket = one.breaker.admit(now_s)
    assert ticket is not None
    one.breaker.failed(ticket, now_s)


def opened(worker: int, *, probed: bool = False) -> tuple[int, BreakerSeen]:
    return worker, BreakerSeen(PLACE, State.OPEN, probed)


def test_a_change_is_told_once() -> None:
    """The watch looks twenty times a second."""
    watch, one = BreakerWatch(), instance()

    assert watch.changed([one]) == []
    fail(one, 0.0)
    assert watch.changed([one]) == [BreakerSeen(PLACE, State.OPEN, probed=False)]
    assert watch.changed([one]) == []


def test_a_probe_that_failed_between_two_looks_is_told() -> None:
    """A refused connection takes a millisecond, so the state is open before and after."""
    watch, one = BreakerWatch(), instance()
    fail(one, 0.0)
    watch.changed([one])
    fail(one, 60.0)

    assert watch.changed([one]) == [BreakerSeen(PLACE, State.OPEN, probed=True)]


def test_what_was_followed_is_not_told_again() -> None:
    """Two workers that tell each other what they heard from each other would never stop."""
    watch, one = BreakerWatch(), instance()
    watch.follow([one], BreakerSet(PLACE, State.OPEN, 1), 0.0)

    assert one.breaker.admit(1.0) is None
    assert watch.changed([one]) == []
    watch.follow([one], BreakerSet(PLACE, State.CLOSED, 0), 1.0)
    assert one.breaker.admit(1.0) is not None
    assert watch.changed([one]) == []


def test_a_follower_probes_after_those_before_it() -> None:
    """It does so by itself, so that the death of whoever comes first keeps nobody out for ever."""
    watch, one = BreakerWatch(), instance()
    watch.follow([one], BreakerSet(PLACE, State.OPEN, 2), 0.0)

    assert one.breaker.admit(60 + 2 * STEP_S - 0.1) is None
    assert one.breaker.admit(60 + 2 * STEP_S) is not None


def test_while_another_probes_its_lease_is_waited_for() -> None:
    """A probe may take as long as an answer takes."""
    watch, one = BreakerWatch(), instance()
    watch.follow([one], BreakerSet(PLACE, State.HALF_OPEN, 1), 100.0)

    assert one.breaker.admit(130.0) is None
    assert one.breaker.admit(131.0) is not None


def test_other_instances_are_left_alone() -> None:
    """A key names one instance of one upstream."""
    watch, one = BreakerWatch(), instance()
    watch.follow([one], BreakerSet("other@127.0.0.1:9001", State.OPEN, 1), 0.0)

    assert one.breaker.state is State.CLOSED


def test_all_others_follow_whoever_opened_first() -> None:
    """Each with a rank of its own, so that their probes do not come together."""
    board = BreakerBoard()

    assert board.seen(*opened(2), WORKERS) == [
        News(1, BreakerSet(PLACE, State.OPEN, 1)),
        News(3, BreakerSet(PLACE, State.OPEN, 2)),
    ]


def test_two_that_open_together_do_not_probe_together() -> None:
    """Under load all workers see the failures at about the same moment."""
    board = BreakerBoard()
    board.seen(*opened(2), WORKERS)

    assert board.seen(*opened(3), WORKERS) == [News(3, BreakerSet(PLACE, State.OPEN, 2))]


def test_whoever_probes_comes_first_from_then_on() -> None:
    """It has the requests; and if its probe failed, the time of all begins again."""
    board = BreakerBoard()
    board.seen(*opened(2), WORKERS)
    half_open = board.seen(3, BreakerSeen(PLACE, State.HALF_OPEN, probed=True), WORKERS)
    open_again = board.seen(*opened(3, probed=True), WORKERS)

    assert half_open == [News(1, BreakerSet(PLACE, State.HALF_OPEN, 2)), News(2, BreakerSet(PLACE, State.HALF_OPEN, 1))]
    assert open_again == [News(1, BreakerSet(PLACE, State.OPEN, 2)), News(2, BreakerSet(PLACE, State.OPEN, 1))]


def test_a_closed_breaker_is_closed_for_all_and_told_once() -> None:
    """One good probe is enough."""
    board = BreakerBoard()
    board.seen(*opened(1), WORKERS)
    closed = BreakerSeen(PLACE, State.CLOSED, probed=True)

    assert board.seen(1, closed, WORKERS) == [
        News(2, BreakerSet(PLACE, State.CLOSED, 0)),
        News(3, BreakerSet(PLACE, State.CLOSED, 0)),
    ]
    assert board.seen(2, closed, WORKERS) == []


def test_news_of_a_probe_that_crosses_the_end_of_the_outage_opens_nothing() -> None:
    """Its sender is about to hear that all is well, and would never tell that it closed."""
    board = BreakerBoard()
    board.seen(*opened(1), WORKERS)
    board.seen(1, BreakerSeen(PLACE, State.CLOSED, probed=True), WORKERS)

    assert board.seen(2, BreakerSeen(PLACE, State.HALF_OPEN, probed=True), WORKERS) == []


def test_a_new_worker_hears_what_is_open_and_comes_last() -> None:
    """It need not pay five failures to find out."""
    board = BreakerBoard()
    board.seen(*opened(1), WORKERS)

    assert board.joined(4) == [News(4, BreakerSet(PLACE, State.OPEN, 3))]


def test_the_place_of_a_dead_worker_is_taken_by_the_next() -> None:
    """Ranks are kept short, so that nobody waits for the dead."""
    board = BreakerBoard()
    board.seen(*opened(1), WORKERS)
    board.left(1)
    board.left(2)

    assert board.joined(5) == [News(5, BreakerSet(PLACE, State.OPEN, 1))]
    board.left(3)
    board.left(5)
    assert board.joined(6) == []


def test_after_a_reload_everything_is_told_again() -> None:
    """Instances that changed have new breakers; what the board knew of the old ones would keep news from spreading."""
    board, watch, one = BreakerBoard(), BreakerWatch(), instance()
    fail(one, 0.0)
    watch.changed([one])
    board.seen(*opened(1), WORKERS)
    board.clear()
    watch.forget()

    assert watch.changed([one]) == [BreakerSeen(PLACE, State.OPEN, probed=False)]
    assert len(board.seen(*opened(2), WORKERS)) == 2
