"""Which tier is left out and which instance is next."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.policy.routing import Balance, LeftOut, is_open, leave_out, pick
from offramp.wire.features import Feature


@dataclass
class Machine:
    """An instance as routing sees it."""

    name: str
    load: int = 0
    healthy: bool = True
    resting_until_s: float = 0.0
    admits: bool = True

    def would_admit(self, now_s: float) -> bool:
        """What its breaker says."""
        return self.admits


NOW_S = 100.0
FEATURES = Feature.TOOLS | Feature.VISION


@pytest.mark.parametrize(
    ("lacking", "limit", "tokens", "reason"),
    [
        (0, None, 10**9, None),
        (Feature.AUDIO, None, 5, None),
        (Feature.VISION | Feature.AUDIO, None, 5, LeftOut.FEATURE),
        (0, 100, 100, None),
        (0, 100, 101, LeftOut.INPUT_TOO_LONG),
        (Feature.TOOLS, 100, 101, LeftOut.FEATURE),
    ],
)
def test_a_tier_is_left_out_for_what_it_lacks_or_cannot_hold(
    lacking: int, limit: int | None, tokens: int, reason: LeftOut | None
) -> None:
    """A request that a tier cannot serve would fail there, after a wait, and perhaps for money."""
    assert leave_out(lacking=lacking, features=FEATURES, max_input_tokens=limit, input_tokens=tokens) is reason


@pytest.mark.parametrize(
    ("machine", "open_now"),
    [
        (Machine("well"), True),
        (Machine("ill", healthy=False), False),
        (Machine("rests", resting_until_s=NOW_S + 1), False),
        (Machine("has rested", resting_until_s=NOW_S), True),
        (Machine("refused", admits=False), False),
    ],
    ids=lambda value: value.name if isinstance(value, Machine) else "",
)
def test_an_instance_is_open_unless_one_of_three_says_no(machine: Machine, *, open_now: bool) -> None:
    """Health probes, Retry-After and the breaker each may take it out."""
    assert is_open(machine, NOW_S) is open_now


def named(machines: list[Machine], *, balance: Balance, turns: int, tried: tuple[Machine, ...] = ()) -> list[str]:
    """Who is picked in so many turns."""
    picked = [pick(machines, balance=balance, turn=turn, now_s=NOW_S, tried=tried) for turn in range(turns)]
    return [machine.name if machine is not None else "-" for machine in picked]


def test_round_robin_takes_turns() -> None:
    """Equal machines get equal shares, whatever their answers take."""
    machines = [Machine("a", load=9), Machine("b"), Machine("c")]

    assert named(machines, balance=Balance.ROUND_ROBIN, turns=6) == ["a", "b", "c", "a", "b", "c"]


def test_least_busy_takes_who_has_least_to_do_and_takes_turns_among_equals() -> None:
    """A machine with long answers gets fewer of them; without load the first one must not get all."""
    machines = [Machine("a", load=2), Machine("b", load=1), Machine("c", load=1)]

    assert named(machines, balance=Balance.LEAST_BUSY, turns=4) == ["b", "b", "c", "b"]


@pytest.mark.parametrize("balance", list(Balance))
def test_whoever_was_tried_or_is_out_is_passed_over(balance: Balance) -> None:
    """A retry is for another machine; and one that is out is out for either rule."""
    machines = [Machine("a"), Machine("b", healthy=False), Machine("c")]

    assert named(machines, balance=balance, turns=3, tried=(machines[0],)) == ["c", "c", "c"]
    assert named(machines, balance=balance, turns=1, tried=(machines[0], machines[2])) == ["-"]


machine_lists = st.lists(
    st.builds(
        Machine,
        name=st.uuids().map(str),
        load=st.integers(0, 5),
        healthy=st.booleans(),
        resting_until_s=st.sampled_from([0.0, NOW_S + 5]),
        admits=st.booleans(),
    ),
    max_size=6,
)


@given(machine_lists, st.sampled_from(list(Balance)), st.integers(0, 1000))
def test_somebody_is_picked_exactly_if_somebody_is_open(machines: list[Machine], balance: Balance, turn: int) -> None:
    """No request is turned away while a machine would take it, and none goes to one that would not."""
    picked = pick(machines, balance=balance, turn=turn, now_s=NOW_S)
    candidates = [machine for machine in machines if is_open(machine, NOW_S)]

    assert (picked is None) == (not candidates)
    if picked is not None:
        assert picked in candidates
        if balance is Balance.LEAST_BUSY:
            assert picked.load == min(machine.load for machine in candidates)
