"""What a mistyped name is answered with."""

import doctest

from offramp.capacity import names
from offramp.capacity.names import did_you_mean


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(names).failed == 0


def test_a_name_cut_short_means_those_that_begin_with_it() -> None:
    """`H10` is nearer to `A10` by letters, but nobody means that."""
    assert did_you_mean("qwen3-3", ["qwen2.5-3b", "qwen3-32b"]).startswith("did you mean qwen3-32b")


def test_nothing_is_suggested_for_nothing() -> None:
    assert did_you_mean("", ["a"]) == ""
