"""What an exchange adds to the sums: unknown is counted, never taken for zero."""

import pytest

from offramp.store.columns import EXCHANGE, MEASURES, Money, change, measures, saved_nano
from offramp.store.rows import ExchangeRow
from tests.store.samples import row


@pytest.mark.parametrize(
    ("money", "outcome", "expected"),
    [
        (Money(40, 100, 0), "ok", 60),
        (Money(140, 100, 0), "ok", -40),
        (Money(None, 100, 0), "ok", None),
        (Money(40, None, 0), "ok", None),
        (Money(40, None, 40), "upstream_error", -40),
        (Money(0, None, 0), "refused", 0),
        (Money(None, None, 0), "refused", None),
    ],
)
def test_saved_is_baseline_less_cost_where_both_are_known(money: Money, outcome: str, expected: int | None) -> None:
    """A failed request would have been free on the baseline too, so its cost is a loss."""
    assert saved_nano(money, outcome) == expected


def test_unknown_adds_nothing_and_is_counted() -> None:
    """Otherwise an unpriced tier would look like a free one."""
    added = dict(zip(MEASURES, measures(row(input_tokens=None), Money(None, 165_000, 0)), strict=True))

    assert added["unpriced"] == 1
    assert (added["cost_nano"], added["saved_nano"], added["compared"]) == (0, 0, 0)
    assert (added["baseline_nano"], added["baselined"]) == (165_000, 1)
    assert added["input_tokens"] == 0


@pytest.mark.parametrize("share_nano", [7, None])
def test_a_late_share_changes_the_sums_as_if_it_had_been_known(share_nano: int | None) -> None:
    """Whether an event comes with its row or after it must not matter."""
    before = Money(10, 165_000, 0)
    after = before.with_share(share_nano)
    first, later = measures(row(), before), change(before, after, "ok")

    assert tuple(a + b for a, b in zip(first, later, strict=True)) == measures(row(), after)


def test_every_field_of_a_row_has_its_column() -> None:
    """A field that the gateway fills and nobody stores would be missed by the audit months later."""
    assert set(EXCHANGE) | {"cost_nano", "baseline_nano", "tries"} == set(ExchangeRow.__struct_fields__)
