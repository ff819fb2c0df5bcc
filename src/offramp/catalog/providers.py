"""What providers say about keeping data, places and audits: dated statements with sources, for people to check.

No statement is no answer: it was not looked up, or not found.
"""

from functools import cache
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError

SHIPPED = Path(__file__).parent / "data" / "providers.json"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a provider says."""

    topic: str
    """`training`, `retention`, `region`, `compliance`, `health data` or `rate limits`."""
    text: str
    source: str
    checked: str
    """Day on which the source said so, `YYYY-MM-DD`."""
    second_hand: bool = False
    """Not seen on the provider's own page."""


class ProviderCard(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider says."""

    id: str
    """As in the price book."""
    name: str
    statements: tuple[Statement, ...]


class ProvidersFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str
    providers: tuple[ProviderCard, ...]


@cache
def providers_file() -> ProvidersFile:
    """The shipped provider cards, read once.

    Raises:
        UnavailableError: If the installation is damaged.
    """
    try:
        return msgspec.json.decode(SHIPPED.read_bytes(), type=ProvidersFile)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(f"{SHIPPED}: the providers cannot be read ({error}); install offramp again") from error


def statements(provider: str) -> tuple[Statement, ...]:
    """What a provider says, by its id; nothing if it was not looked up.

    >>> [statement.topic for statement in statements("groq")]
    ['retention', 'health data']
    """
    return next((card.statements for card in providers_file().providers if card.id == provider), ())
