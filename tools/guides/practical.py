"""Rows 37 to 40: what the practical migration guide says."""

from functools import partial

from offramp.pricing.moving import paired_sample_size
from tools.guides.row import Guide, Row, Verdict, row

_row = partial(row, Guide.PRACTICAL)


def rows() -> list[Row]:
    """All of them."""
    return [_postman(), _duration(), _temperature(), _reconnect()]


def _postman() -> Row:
    return _row(
        37,
        "Postman, 2024: 74 % report trouble from behaviour that is not documented",
        "nothing to work out",
        Verdict.WRONG,
        "74 % is the share that builds the API first; 39 % name inconsistent documentation as their main obstacle.",
    )


def _duration() -> Row:
    pairs = paired_sample_size(margin=0.02, discordance=0.10)
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
