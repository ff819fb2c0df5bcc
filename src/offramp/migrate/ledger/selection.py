"""Which exchanges a question is about, and how words on a command line become moments. No I/O here."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from offramp.errors import UsageError
from offramp.pricing.compute import NS_PER_HOUR

_AGO = re.compile(r"(\d{1,6})\s*([mhdw])\Z")
_UNITS_S = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
NS_PER_DAY = 24 * NS_PER_HOUR
_NS_PER_S = 1_000_000_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions that all hold; an empty one selects everything."""

    team: str | None = None
    feature: str | None = None
    key: str | None = None
    operation: str | None = None
    route: str | None = None
    tier: str | None = None
    model: str | None = None
    """Asked or served."""
    outcome: str | None = None
    site: str | None = None
    """Beginning of the fingerprint in hexadecimal digits."""
    since_ns: int | None = None
    until_ns: int | None = None
    """The first moment that is not in it."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing but the time is restricted: only then idle cost belongs to it."""
        return not any(
            (
                self.team,
                self.feature,
                self.key,
                self.operation,
                self.route,
                self.tier,
                self.model,
                self.outcome,
                self.site,
            )
        )

    @property
    def is_timeless(self) -> bool:
        """Whether all of time is meant."""
        return self.since_ns is None and self.until_ns is None

    @property
    def is_in_whole_hours(self) -> bool:
        """Whether the hourly sums can answer without looking at single exchanges."""
        return self.site is None and not (self.since_ns or 0) % NS_PER_HOUR and not (self.until_ns or 0) % NS_PER_HOUR


def day(text: str) -> tuple[int, int]:
    """The first moment of a day (UTC) and of the next one.

    Raises:
        UsageError: If it is no day.
    """
    if not _DAY.match(text):
        raise UsageError(f"--day {text!r} is no day: write it as 2026-11-21 (days are UTC)")
    begin = _parsed(text, "--day")
    return _to_ns(begin), _to_ns(begin + timedelta(days=1))


def moment(text: str, *, option: str, now_ns: int) -> int:
    """A moment: a day or time in ISO form (UTC unless it says otherwise), or so long ago (`30m`, `24h`, `7d`, `2w`).

    Raises:
        UsageError: If it is neither.
    """
    if ago := _AGO.match(text.strip()):
        return now_ns - int(ago[1]) * _UNITS_S[ago[2]] * _NS_PER_S
    return _to_ns(_parsed(text.strip(), option))


def day_of(hour: int) -> str:
    """The day (UTC) of an hour since the epoch.

    >>> day_of(0)
    '1970-01-01'
    """
    return hour_of(hour)[:10]


def hour_of(hour: int) -> str:
    """An hour since the epoch in ISO form.

    >>> hour_of(25)
    '1970-01-02T01:00Z'
    """
    return f"{datetime.fromtimestamp(hour * 3_600, UTC):%Y-%m-%dT%H:%MZ}"


def instant(at_ns: int) -> str:
    """A moment since the epoch in ISO form, to the second.

    >>> instant(61_900_000_000)
    '1970-01-01T00:01:01Z'
    """
    return f"{datetime.fromtimestamp(at_ns // _NS_PER_S, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parsed(text: str, option: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no moment: write 2026-11-21, 2026-11-21T14:00, or how long ago: 30m, 24h, 7d, 2w"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _to_ns(value: datetime) -> int:
    return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
