"""When models end: shutdown dates as dated data with sources."""

from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError

SHIPPED = Path(__file__).parent / "data" / "lifecycle.json"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that models will be switched off."""

    provider: str
    models: tuple[str, ...]
    """By the names of their price cards."""
    ends: date
    """The first day on which they no longer answer."""
    announced: date | None = None
    instead: str = ""
    """What the provider suggests; empty if that is not known."""
    source: str
    checked: date
    second_hand: bool = False
    note: str = ""

    def days_left(self, today: date) -> int:
        """Days until then; negative once it has passed."""
        return (self.ends - today).days


class LifecycleFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str
    endings: tuple[Ending, ...]


@cache
def lifecycle_file() -> LifecycleFile:
    """The shipped notices, read once.

    Raises:
        UnavailableError: If the installation is damaged.
    """
    try:
        return msgspec.json.decode(SHIPPED.read_bytes(), type=LifecycleFile)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(
            f"{SHIPPED}: the shutdown dates cannot be read ({error}); install offramp again"
        ) from error


def ending(provider: str, model: str) -> Ending | None:
    """The notice about a model, by the name of its price card; `None` if none is known.

    >>> notice = ending("openai", "gpt-4o")
    >>> notice and str(notice.ends)
    '2027-01-14'
    """
    for notice in lifecycle_file().endings:
        if notice.provider == provider and model.lower() in notice.models:
            return notice
    return None
