"""What a failure means: where the exchange goes, and whose fault it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.policy.failover import Failure, Move, Situation, blames_upstream, failure_of_status, next_move

FINAL = {Failure.DEADLINE, Failure.CLIENT}
SAME_EVERYWHERE = {
    Failure.CONTEXT_OVERFLOW,
    Failure.KEY_REFUSED,
    Failure.UNSUPPORTED,
    Failure.TOTAL,
    Failure.SKIPPED,
}
"""Another instance of the same upstream would fail in the same way, or has no time left to be better."""
NEVER_SENT = {Failure.CONNECT, Failure.BUSY, Failure.SKIPPED}


def situation(
    *,
    committed: bool = False,
    sent_once: bool = False,
    time_left_s: float = 10.0,
    other_instances: bool = True,
    tiers_left: bool = True,
) -> Situation:
    """A situation in which everything is still possible, but for what is said."""
    return Situation(
        committed=committed,
        sent_once=sent_once,
        time_left_s=time_left_s,
        other_instances=other_instances,
        tiers_left=tiers_left,
    )


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_has_its_way(failure: Failure) -> None:
    """With all ways open: another instance where that may help, else the next tier, and nowhere where nothing would."""
    move = next_move(failure, situation(), retry_allowed=True)

    if failure in FINAL:
        assert move is Move.STAY
    elif failure in SAME_EVERYWHERE:
        assert move is Move.TIER
    else:
        assert move is Move.INSTANCE


@pytest.mark.parametrize("failure", sorted(set(Failure) - FINAL))
def test_without_retries_or_instances_the_next_tier_is_asked(failure: Failure) -> None:
    """The budget pays for retries within a tier; the next tier is always allowed."""
    assert next_move(failure, situation(), retry_allowed=False) is Move.TIER
    assert next_move(failure, situation(other_instances=False), retry_allowed=True) is Move.TIER


@pytest.mark.parametrize("failure", list(Failure))
def test_with_nobody_left_it_stays(failure: Failure) -> None:
    """Then the client is told."""
    alone = situation(other_instances=False, tiers_left=False)

    assert next_move(failure, alone, retry_allowed=True) is Move.STAY


@given(failure=st.sampled_from(list(Failure)), others=st.booleans(), tiers=st.booleans(), retry=st.booleans())
def test_after_the_commit_and_after_the_deadline_nothing_moves(
    *, failure: Failure, others: bool, tiers: bool, retry: bool
) -> None:
    """A second answer behind a first half would be worse than an error; and nobody waits any longer."""
    committed = situation(committed=True, other_instances=others, tiers_left=tiers)
    late = situation(time_left_s=0.0, other_instances=others, tiers_left=tiers)

    assert next_move(failure, committed, retry_allowed=retry) is Move.STAY
    assert next_move(failure, late, retry_allowed=retry) is Move.STAY


@pytest.mark.parametrize("failure", list(Failure))
def test_what_is_sent_once_moves_only_if_it_never_arrived(failure: Failure) -> None:
    """Whatever an upstream has seen may have been done there."""
    moved = next_move(failure, situation(sent_once=True), retry_allowed=True) is not Move.STAY

    assert moved == (failure in NEVER_SENT)


@pytest.mark.parametrize("failure", list(Failure))
def test_the_breaker_counts_what_the_upstream_did_wrong_and_nothing_else(failure: Failure) -> None:
    """A wrong key, a long prompt or a rate limit must not take a healthy machine out."""
    blameless = FINAL | NEVER_SENT - {Failure.CONNECT}
    blameless |= {Failure.RATE_LIMITED, Failure.CONTEXT_OVERFLOW, Failure.KEY_REFUSED, Failure.UNSUPPORTED}

    assert blames_upstream(failure) == (failure not in blameless)


def of_status(status: int, **facts: bool) -> Failure | None:
    """What a status means, with these facts of its body."""
    known = {"own_key": False, "context_overflow": False, "unsupported": False, "unknown_model": False}
    return failure_of_status(status, **(known | facts))


@pytest.mark.parametrize(
    ("status", "facts", "failure"),
    [
        (500, {}, Failure.SERVER_ERROR),
        (501, {}, Failure.UNSUPPORTED),
        (503, {}, Failure.SERVER_ERROR),
        (529, {}, Failure.SERVER_ERROR),
        (408, {}, Failure.REQUEST_TIMEOUT),
        (429, {}, Failure.RATE_LIMITED),
        (400, {"context_overflow": True}, Failure.CONTEXT_OVERFLOW),
        (413, {"context_overflow": True}, Failure.CONTEXT_OVERFLOW),
        (401, {"own_key": True}, Failure.KEY_REFUSED),
        (403, {"own_key": True}, Failure.KEY_REFUSED),
        (401, {}, None),
        (403, {}, None),
        (404, {"unsupported": True}, Failure.UNSUPPORTED),
        (405, {"unsupported": True}, Failure.UNSUPPORTED),
        (404, {"unknown_model": True, "own_key": True}, Failure.UNSUPPORTED),
        (404, {"unknown_model": True}, None),
        (400, {}, None),
        (409, {"own_key": True}, None),
        (422, {}, None),
    ],
)
def test_a_status_says_whose_fault_it_is(status: int, facts: dict[str, bool], failure: Failure | None) -> None:
    """The client's own errors go to the client; all others are for somebody else to answer."""
    assert of_status(status, **facts) is failure
