"""Which tier and which instance an exchange may go to. Pure.

A tier is left out when it lacks a feature that the request uses or is too small for its input; an instance is left out
when it rests, is known to be ill, or its breaker refuses. Among what is left, the balance rule picks.
"""

from collections.abc import Container, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar


class Balance(StrEnum):
    """How the next instance of a tier is picked."""

    ROUND_ROBIN = "round_robin"
    LEAST_BUSY = "least_busy"


class Candidate(Protocol):
    """What routing must know of an instance."""

    resting_until_s: float
    healthy: bool

    @property
    def load(self) -> int:
        """Attempts under way."""
        ...

    def would_admit(self, now_s: float) -> bool:
        """Whether the breaker would let a request through."""
        ...


C = TypeVar("C", bound=Candidate)


class LeftOut(StrEnum):
    """Why a tier is not asked at all."""

    FEATURE = "feature"
    INPUT_TOO_LONG = "input_too_long"


def leave_out(*, lacking: int, features: int, max_input_tokens: int | None, input_tokens: int) -> LeftOut | None:
    """Why a tier cannot serve this request, or `None` where it can.

    Args:
        lacking: Bits of `wire.features.Feature` that the tier does not have.
        features: Bits that the request uses.
        max_input_tokens: The tier's limit; `None` for none.
        input_tokens: The request's (estimated) input tokens.
    """
    if lacking & features:
        return LeftOut.FEATURE
    if max_input_tokens is not None and input_tokens > max_input_tokens:
        return LeftOut.INPUT_TOO_LONG
    return None


def is_open(candidate: Candidate, now_s: float) -> bool:
    """Whether an instance may be asked now."""
    return candidate.healthy and candidate.resting_until_s <= now_s and candidate.would_admit(now_s)


def pick(instances: Sequence[C], *, balance: Balance, turn: int, now_s: float, tried: Container[C] = ()) -> C | None:
    """The instance that serves next, or `None` where none may be asked.

    Args:
        instances: Of one upstream, in configuration order.
        balance: The rule.
        turn: A counter that the caller advances with every pick: where round-robin starts and least-busy breaks ties.
        now_s: Monotonic time in seconds.
        tried: Instances that this exchange has already asked.
    """
    count = len(instances)
    best: C | None = None
    for step in range(count):
        candidate = instances[(turn + step) % count]
        if candidate in tried or not is_open(candidate, now_s):
            continue
        if balance is Balance.ROUND_ROBIN:
            return candidate
        if best is None or candidate.load < best.load:
            best = candidate
    return best
