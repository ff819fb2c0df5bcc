"""Service levels: what they say and what they refuse."""

import doctest

import pytest

from offramp.capacity import slo as module
from offramp.capacity.slo import Slo
from offramp.errors import UsageError


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        (Slo(total_s=30.0, share=0.99), "whole answer in 30 s, for 99 % of the requests"),
        (Slo(share=1.0), "every answer, for 100 % of the requests"),
    ],
)
def test_a_service_level_reads_as_a_sentence(slo: Slo, words: str) -> None:
    """It stands in a plan that people sign."""
    assert slo.words == words


def test_what_no_engine_can_keep_is_refused() -> None:
    """A limit of 0 or a share of 101 % is a slip of the pen."""
    with pytest.raises(UsageError, match="ttft_s of a service level is 0"):
        Slo(ttft_s=0.0)
    with pytest.raises(UsageError, match=r"share of a service level is 1\.01"):
        Slo(share=1.01)
