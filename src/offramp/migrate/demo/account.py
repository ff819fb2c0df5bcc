"""The show's books: the application's own count against the ledger's, and when a machine pays off."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from offramp.errors import UsageError
from offramp.migrate.demo.asked import FAILED, NONE, Asked, Ending
from offramp.migrate.demo.cast import GPU, LOCAL, LOCAL_MODEL
from offramp.migrate.plan.sizing import size
from offramp.pricing.breakeven import Bill, break_even
from offramp.pricing.compute import HOURS_PER_MONTH, SECONDS_PER_HOUR

MAX_LOAD = Fraction(3, 5)
"""Share of a machine's full load that its mean may reach, as `offramp plan` has it by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the application has counted itself."""

    requests: int
    ok: int
    cut: int
    failed: int
    input_tokens: int
    """Of whole answers, as the two below."""
    output_tokens: int
    by_tier: Mapping[str, int]
    by_team: Mapping[str, int]


def count(seen: Iterable[Asked]) -> Count:
    """Count what ended."""
    ended = [each for each in seen if each.ended_s is not None]
    good = [each for each in ended if each.ending is Ending.OK]
    return Count(
        requests=len(ended),
        ok=len(good),
        cut=sum(each.ending is Ending.CUT for each in ended),
        failed=sum(each.ending in FAILED for each in ended),
        input_tokens=sum(each.input_tokens for each in good),
        output_tokens=sum(each.output_tokens for each in good),
        by_tier=Counter(each.tier for each in ended),
        by_team=Counter(each.team for each in ended),
    )


def differences(counted: Count, books: Mapping[str, Any]) -> list[str]:
    """Where the application's count and `offramp ledger --json` differ, in words; empty if nowhere."""
    outcomes = books["by_outcome"]
    good = outcomes.get("ok", {})
    pairs = [
        ("requests", counted.requests, books["requests"]),
        ("whole answers", counted.ok, good.get("requests", 0)),
        ("cut streams", counted.cut, outcomes.get("truncated", {}).get("requests", 0)),
        ("tokens in", counted.input_tokens, good.get("input_tokens", 0)),
        ("tokens out", counted.output_tokens, good.get("output_tokens", 0)),
    ]
    for what, mine in (("tier", counted.by_tier), ("team", counted.by_team)):
        theirs = {name: group["requests"] for name, group in books[f"by_{what}"].items()}
        pairs += [(f"{what} {name}", mine.get(name, 0), theirs.get(name, 0)) for name in sorted({*mine, *theirs})]
    return [f"{what}: counted {mine:,}, in the ledger {theirs:,}" for what, mine, theirs in pairs if mine != theirs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The bill of the self-hosted upstream, in dollars."""

    bill_usd: Decimal
    requests_usd: Decimal
    idle_usd: Decimal

    @property
    def adds_up(self) -> bool:
        """To the last nano-dollar."""
        return self.bill_usd == self.requests_usd + self.idle_usd


def machine(books: Mapping[str, Any]) -> Machine | None:
    """The self-hosted upstream's bill in the ledger; what is still in flight counts as of requests."""
    for name, parts in books.get("machines", {}).items():
        if name.partition("@")[0] == LOCAL:
            return Machine(
                bill_usd=Decimal(parts["bill_usd"]),
                requests_usd=Decimal(parts["requests_usd"]) + Decimal(parts["in_flight_usd"]),
                idle_usd=Decimal(parts["idle_usd"]),
            )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurningPoint:
    """From which volume a machine of one's own costs less than the baseline, for requests like those of the show."""

    usd_per_month: Fraction
    """Of the machine."""
    baseline_usd_per_request: Fraction
    input_tokens: int
    """Of one request, on average."""
    output_tokens: int
    requests_per_month: int
    max_requests_per_month: int | None
    """What one machine carries by its step-time model; `None` if that cannot be said."""

    @property
    def requests_per_s(self) -> float:
        """The same volume, day and night."""
        return self.requests_per_month / (HOURS_PER_MONTH * SECONDS_PER_HOUR)

    @property
    def is_reachable(self) -> bool:
        """Whether one machine carries as much as it needs to pay off."""
        return self.max_requests_per_month is None or self.requests_per_month <= self.max_requests_per_month


def turning_point(seen: Iterable[Asked], books: Mapping[str, Any], usd_per_hour: Decimal) -> TurningPoint | None:
    """Where it turns; `None` if the ledger has no baseline to compare with.

    Args:
        seen: What was asked; the average request is taken from whole answers of any tier but the cache.
        books: `offramp ledger --json`.
        usd_per_hour: What the machine costs.
    """
    good = [each for each in seen if each.ending is Ending.OK and each.tier not in {NONE, "cache"}]
    priced = books["by_outcome"].get("ok", {})
    if not good or not priced.get("requests") or priced.get("baseline_usd") is None:
        return None
    baseline = Fraction(priced["baseline_usd"]) / priced["requests"]
    fixed = Bill(fixed_usd=Fraction(usd_per_hour) * HOURS_PER_MONTH)
    turn = break_even(fixed, Bill(usd_per_request=baseline))
    if turn is None:
        return None
    input_tokens = round(sum(each.input_tokens for each in good) / len(good))
    output_tokens = round(sum(each.output_tokens for each in good) / len(good))
    return TurningPoint(
        usd_per_month=fixed.fixed_usd,
        baseline_usd_per_request=baseline,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        requests_per_month=turn,
        max_requests_per_month=_carried(input_tokens, output_tokens),
    )


def _carried(input_tokens: int, output_tokens: int) -> int | None:
    try:
        sizing = size(GPU, LOCAL_MODEL, input_tokens=input_tokens, output_tokens=output_tokens, max_load=MAX_LOAD)
    except UsageError:
        return None
    return sizing.max_requests_per_month
