"""Rows 37 to 40: what the practical migration guide says."""

from math import ceil
from statistics import NormalDist

from tools.guides.row import Guide, Row, Value, Verdict


def rows() -> list[Row]:
    """All of them."""
    return [_postman(), _duration(), _temperature(), _reconnect()]


def paired_requests(*, margin: float, discordant: float, level: float = 0.05, power: float = 0.8) -> int:
    """Pairs that show with that power that a candidate is not worse by more than the margin, where it is as good.

    Args:
        margin: Largest difference of the success rates that is accepted.
        discordant: Share of the pairs in which just one of the two succeeds.
        level: Of the one-sided test.
        power: Probability to show it.

    Source:
        J.-M. Nam, "Establishing equivalence of two treatments and sample size requirements in matched-pairs design",
        Biometrics 53(4), 1997, with equal marginal rates: n = (z₁₋ₐ + z₁₋ᵦ)² · discordant ÷ margin².

    >>> paired_requests(margin=0.02, discordant=0.10)
    1546
    """
    normal = NormalDist()
    z = normal.inv_cdf(1 - level) + normal.inv_cdf(power)
    return ceil(z * z * discordant / margin**2)


def _row(number: int, figure: str, ours: str, verdict: Verdict, why: str, **values: Value) -> Row:
    return Row(
        number=number,
        guide=Guide.PRACTICAL,
        figure=figure,
        ours=ours,
        verdict=verdict,
        why=why,
        values=values,
    )


def _postman() -> Row:
    return _row(
        37,
        "Postman, 2024: 74 % report trouble from behaviour that is not documented",
        "nothing to work out",
        Verdict.WRONG,
        "74 % is the share that builds the API first; 39 % name inconsistent documentation as their main obstacle.",
    )


def _duration() -> Row:
    pairs = paired_requests(margin=0.02, discordant=0.10)
    return _row(
        38,
        "five minutes for the first call, one to two days for the whole",
        f"{pairs:,} pairs of requests for the evaluation alone",
        Verdict.PARTLY,
        "With a margin of two points where one pair in ten disagrees, one-sided at 5 % with 80 % power. The first "
        "call does take minutes.",
        pairs=pairs,
    )


def _temperature() -> Row:
    return _row(
        39,
        "temperature 0.3 for deterministic tasks",
        "nothing to work out",
        Verdict.WRONG,
        "The word is wrong: even temperature 0 gave 80 different answers to 1,000 equal requests on one server.",
    )


def _reconnect() -> Row:
    return _row(
        40,
        "a parser of event streams should reconnect by itself",
        "nothing to work out",
        Verdict.WRONG,
        "A stream of chat completions has no event ids and cannot be resumed: connecting again is a second answer, "
        "billed again.",
    )
