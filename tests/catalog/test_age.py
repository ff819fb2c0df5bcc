"""How old a fact is, and when that is worth a word."""

import doctest
from datetime import date, timedelta

import pytest

from offramp.catalog import age
from offramp.catalog.age import is_stale, stale_line

TODAY = date(2026, 11, 21)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(age).failed == 0


@pytest.mark.parametrize(("days", "stale"), [(0, False), (90, False), (91, True)])
def test_a_fact_is_old_after_ninety_days(days: int, stale: bool) -> None:  # noqa: FBT001 - a table
    """Prices change every few weeks; three months old ones are a guess."""
    assert is_stale((TODAY - timedelta(days=days)).isoformat(), TODAY) is stale


def test_what_has_no_date_is_the_users_own_word() -> None:
    assert not is_stale("", TODAY)


def test_old_facts_are_counted_and_the_oldest_is_named() -> None:
    """One line for a table, not one for each row."""
    line = stale_line({"a": "2026-06-17", "b": "2026-05-01", "c": "2026-11-01"}, TODAY)

    assert line == "2 of these prices were checked more than 90 days ago, the oldest on 2026-05-01: b"
    assert stale_line({"c": "2026-11-01"}, TODAY) == ""
