"""What moving costs once: people, answers that are given twice, and the proof that they are good enough. Pure."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from statistics import NormalDist

from offramp.errors import UsageError
from offramp.pricing.compute import HOURS_PER_MONTH

DAYS_PER_MONTH = Fraction(HOURS_PER_MONTH, 24)
"""30.4167 days, so that days and the month of a rented machine agree."""

LEVEL = 0.05
"""One-sided level of the test: how often a candidate that is worse by just the margin may pass."""

POWER = 0.80
"""How often a candidate that is as good passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The parts of what moving costs once."""

    engineering_usd: Fraction
    shadow_usd: Fraction
    evaluation_usd: Fraction

    @property
    def once_usd(self) -> Fraction:
        """All of it."""
        return self.engineering_usd + self.shadow_usd + self.evaluation_usd


def paired_sample_size(*, margin: float, discordance: float, level: float = LEVEL, power: float = POWER) -> int:
    """How many requests both models must answer to show that one is not worse by `margin`.

    n = (z_level + z_power)² · d / m², for a true difference of 0.

    Args:
        margin: Share of good answers that may be lost, such as 0.02 for two points; in (0, 1).
        discordance: Share of requests on which exactly one of the two is good, in (0, 1].
        level: One-sided level.
        power: Wanted power.

    Raises:
        UsageError: If a share is out of its range.

    Source:
        J.-M. Nam, "Establishing equivalence of two treatments and sample size requirements in matched-pairs design",
        Biometrics 53(4), 1997, with equal marginal rates: the normal approximation of McNemar's paired test.

    >>> paired_sample_size(margin=0.02, discordance=0.10)
    1546
    """
    if not 0 < margin < 1:
        raise UsageError(f"a margin is a share between 0 and 1 (got {margin})", param="evaluation_margin")
    if not 0 < discordance <= 1:
        raise UsageError(f"a discordance is a share above 0 and up to 1 (got {discordance})", param="discordance")
    normal = NormalDist()
    z = normal.inv_cdf(1 - level) + normal.inv_cdf(power)
    return ceil(z**2 * discordance / margin**2)


def shadow_usd(
    requests_per_month: int,
    *,
    days: Fraction,
    share: Fraction,
    usd_per_request: Fraction,
    usd_per_month: Fraction = Fraction(0),
) -> Fraction:
    """What answering a second time in the shadow costs.

    The incumbent answers and is paid all the while, so this comes on top of its bill: tokens double where the candidate
    is paid by the token, and machines run before they earn anything.

    Args:
        requests_per_month: Of all traffic.
        days: How long it runs.
        share: Of the requests that are answered twice.
        usd_per_request: The candidate's price by the token; 0 for machines.
        usd_per_month: The candidate's machines.

    >>> shadow_usd(730_000, days=Fraction(10), share=Fraction(1), usd_per_request=Fraction("0.001"))
    Fraction(240, 1)
    """
    months = days / DAYS_PER_MONTH
    return months * (requests_per_month * share * usd_per_request + usd_per_month)


def evaluation_usd(
    pairs: int,
    *,
    answers_each: int,
    incumbent_usd: Fraction,
    candidate_usd: Fraction,
    judge_usd: Fraction = Fraction(0),
) -> Fraction:
    """What an evaluation in pairs costs.

    Args:
        pairs: Requests that both models answer.
        answers_each: How often each model answers each, at least 2 where its own noise is to be measured.
        incumbent_usd: Of one answer.
        candidate_usd: Of one answer; 0 on machines that are paid anyway.
        judge_usd: Of judging one pair.

    >>> evaluation_usd(1_546, answers_each=2, incumbent_usd=Fraction("0.00275"), candidate_usd=Fraction(0))
    Fraction(8503, 1000)
    """
    return pairs * (answers_each * (incumbent_usd + candidate_usd) + judge_usd)
