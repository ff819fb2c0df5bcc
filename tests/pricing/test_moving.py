"""What moving costs once, by hand."""

import doctest
from fractions import Fraction

import pytest

from offramp.errors import UsageError
from offramp.pricing import moving
from offramp.pricing.moving import Move, evaluation_usd, paired_sample_size, shadow_usd


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(moving).failed == 0


@pytest.mark.parametrize(
    ("discordance", "sizes"),
    [
        (0.05, [3_092, 773, 344, 124]),
        (0.10, [6_183, 1_546, 687, 248]),
        (0.20, [12_366, 3_092, 1_374, 495]),
        (0.30, [18_549, 4_638, 2_061, 742]),
    ],
)
def test_the_sample_sizes_are_those_of_the_published_table(discordance: float, sizes: list[int]) -> None:
    """Margins of 1, 2, 3 and 5 points at one-sided 5 % and a power of 80 %; the table rounds, this rounds up."""
    found = [paired_sample_size(margin=margin, discordance=discordance) for margin in (0.01, 0.02, 0.03, 0.05)]

    assert all(abs(mine - theirs) <= 1 for mine, theirs in zip(found, sizes, strict=True))


@pytest.mark.parametrize(("margin", "discordance"), [(0, 0.1), (1, 0.1), (0.02, 0), (0.02, 1.1)])
def test_a_share_that_is_none_is_refused(margin: float, discordance: float) -> None:
    with pytest.raises(UsageError, match="share"):
        paired_sample_size(margin=margin, discordance=discordance)


def test_a_shadow_doubles_tokens_while_it_runs() -> None:
    """Two weeks of the guide's 2 million requests at $0.000043: 14 of 30.4167 days of $86."""
    found = shadow_usd(2_000_000, days=Fraction(14), share=Fraction(1), usd_per_request=Fraction("0.000043"))

    assert found == Fraction(86) * Fraction(14 * 24, 730)


def test_a_shadow_on_machines_is_paid_by_their_time() -> None:
    """The same two weeks of a machine for $727 a month, whatever share of the requests it sees."""
    for share in (Fraction(1), Fraction(1, 10)):
        found = shadow_usd(
            2_000_000, days=Fraction(14), share=share, usd_per_request=Fraction(0), usd_per_month=Fraction(727)
        )
        assert found == Fraction(727) * Fraction(14 * 24, 730)


def test_an_evaluation_is_paid_by_answers() -> None:
    """1,546 pairs, each model twice, at $0.00275 and $0.000043, judged for a tenth of a cent."""
    found = evaluation_usd(
        1_546,
        answers_each=2,
        incumbent_usd=Fraction("0.00275"),
        candidate_usd=Fraction("0.000043"),
        judge_usd=Fraction("0.001"),
    )

    assert found == 1_546 * (2 * Fraction("0.002793") + Fraction("0.001"))


def test_the_whole_is_the_sum_of_its_parts() -> None:
    move = Move(engineering_usd=Fraction(8_000), shadow_usd=Fraction(335), evaluation_usd=Fraction(9))

    assert move.once_usd == 8_344
