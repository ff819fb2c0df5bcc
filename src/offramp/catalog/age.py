"""How old a fact is, and from when on that is worth a warning. No I/O and no clock here."""

from datetime import date

STALE_AFTER_DAYS = 90
"""A price or a fact older than this is shown with a warning."""


def age_days(checked: str, today: date) -> int | None:
    """How many days ago it was checked; `None` if nobody said when.

    >>> age_days("2026-06-20", date(2026, 11, 21)), age_days("", date(2026, 11, 21))
    (154, None)
    """
    return (today - date.fromisoformat(checked)).days if checked else None


def is_stale(checked: str, today: date) -> bool:
    """Whether it needs a warning; what has no date is the user's own word and does not."""
    age = age_days(checked, today)
    return age is not None and age > STALE_AFTER_DAYS


def stale_line(facts: dict[str, str], today: date) -> str:
    """One sentence on those that are old, such as `2 of these …, the oldest on 2026-06-17 (aws/g5.xlarge)`.

    Args:
        facts: Name -> day on which it was checked.
        today: In UTC.

    Returns:
        Empty if none is old.

    >>> stale_line({"a": "2026-06-17", "b": "2026-11-01"}, date(2026, 11, 21))
    '1 of these prices was checked more than 90 days ago, on 2026-06-17: a'
    """
    old = sorted((checked, name) for name, checked in facts.items() if is_stale(checked, today))
    if not old:
        return ""
    first, name = old[0]
    when = f"checked more than {STALE_AFTER_DAYS} days ago"
    if len(old) == 1:
        return f"1 of these prices was {when}, on {first}: {name}"
    return f"{len(old)} of these prices were {when}, the oldest on {first}: {name}"
