"""Words on a command line become moments, in UTC, without surprises."""

import pytest

from offramp.errors import UsageError
from offramp.migrate.ledger.selection import Selection, day, day_of, hour_of, moment

NOW_NS = 1_795_246_200_000_000_000
"""2026-11-21 07:30 UTC."""
MIDNIGHT_NS = 1_795_219_200_000_000_000
HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", MIDNIGHT_NS),
        ("2026-11-21T07:30", NOW_NS),
        ("2026-11-21T08:30+01:00", NOW_NS),
        ("2026-11-21 07:30:00.000001Z", NOW_NS + 1_000),
        ("90m", NOW_NS - 90 * 60 * 10**9),
        ("24h", NOW_NS - 24 * HOUR_NS),
        ("2w", NOW_NS - 14 * 24 * HOUR_NS),
    ],
)
def test_a_moment_is_a_day_a_time_or_so_long_ago(text: str, expected: int) -> None:
    """Without a zone it is UTC, as everything that the ledger shows."""
    assert moment(text, option="--since", now_ns=NOW_NS) == expected


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "24", "h", "", "99999999d"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    """The message names the option, the value, and what works."""
    with pytest.raises(UsageError, match=r"--since '.*' is no moment: write 2026-11-21"):
        moment(text, option="--since", now_ns=NOW_NS)


def test_a_day_ends_where_the_next_begins() -> None:
    """24 hours, since UTC knows no summer time."""
    assert day("2026-11-21") == (MIDNIGHT_NS, MIDNIGHT_NS + 24 * HOUR_NS)
    with pytest.raises(UsageError, match="is no day: write it as 2026-11-21"):
        day("21.11.2026")


def test_hours_are_named_in_utc() -> None:
    """And are days when cut off."""
    hour = NOW_NS // HOUR_NS

    assert (hour_of(hour), day_of(hour)) == ("2026-11-21T07:00Z", "2026-11-21")


def test_only_a_selection_of_nothing_but_time_is_whole() -> None:
    """Idle cost belongs to no team alone."""
    assert Selection(since_ns=5).is_whole
    assert not Selection(team="support").is_whole
    assert not Selection(since_ns=5).is_in_whole_hours
    assert Selection(since_ns=HOUR_NS, until_ns=2 * HOUR_NS).is_in_whole_hours
