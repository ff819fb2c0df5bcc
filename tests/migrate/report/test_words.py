"""Names and numbers as reports show them."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.migrate.report.words import number, shown


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "", "0"),
        (0, "$", "$0"),
        (7, "ms", "7 ms"),
        (999.4, "", "999"),
        (999.96, "", "1,000"),
        (9_999, "", "9,999"),
        (10_000, "", "10k"),
        (999_999, "", "1M"),
        (1_500_000, "$", "$1.5M"),
        (2.5e9, "", "2.5bn"),
        (3e12, "$", "$3tn"),
        (0.000165, "$", "$0.000165"),
        (-177, "$", "−$177"),
        (-0.0, "$", "$0"),
        (1e-15, "$", "$0"),
        (nan, "$", "?"),
        (inf, "", "?"),
    ],
)
def test_a_number_is_short_and_has_its_unit(value: float, unit: str, written: str) -> None:
    """A reader of a report wants three digits, not nine."""
    assert number(value, unit) == written


@given(st.floats(min_value=1e-9, max_value=1e14))
def test_a_short_number_is_within_a_percent_of_the_long_one(value: float) -> None:
    """Rounding for people may not change what the figure says."""
    digits = number(value).replace(",", "")
    scale = next((scale for name, scale in (("tn", 1e12), ("bn", 1e9), ("M", 1e6), ("k", 1e3)) if name in digits), 1.0)

    assert float(digits.rstrip("tnbMk")) * scale == pytest.approx(value, rel=0.01)


@given(st.text())
def test_a_shown_name_can_be_printed_and_ends(name: str) -> None:
    """Clients choose names; no control character or reordering mark of theirs reaches a page."""
    assert shown(name).isprintable()
    assert len(shown(name, 40)) <= 400
