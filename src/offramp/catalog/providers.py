"""What providers say about keeping data, places and audits: dated statements with sources, for people to check.

No statement is no answer: it was not looked up, or not found.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError

SHIPPED = Path(__file__).parent / "data" / "providers.json"

COMPLIANCE = ("soc2", "iso27001", "hipaa", "gdpr-dpa", "zero-retention")
"""SOC 2 Type 2 report; ISO/IEC 27001 certificate; a business associate agreement for health data; a data processing
agreement under the GDPR; no prompt or answer kept after the request. Each at least on request or in some plan."""


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
    regions: tuple[str, ...] = ()
    """Areas, by the words of `areas.AREAS`, in which requests can be processed or kept if one asks for it."""
    compliance: tuple[str, ...] = ()
    """What the statement amounts to, by the words of `COMPLIANCE`; conditions stand in the text."""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How much a provider takes from one account; `None` is not stated, never unlimited."""

    plan: str
    """By the provider's own name: `tier 1`, `free`."""
    model: str = ""
    """Empty: it holds for the provider's models as a rule."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    source: str
    checked: str
    second_hand: bool = False


class ProviderCard(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider says."""

    id: str
    """As in the price book, else as in the compute cards."""
    name: str
    statements: tuple[Statement, ...]
    limits: tuple[RateLimit, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        """Areas in which requests can be processed or kept, by the words of `areas.AREAS`; none: nobody said so."""
        return _union(statement.regions for statement in self.statements)

    @property
    def compliance(self) -> tuple[str, ...]:
        """What the provider states it offers, by the words of `COMPLIANCE`, conditions left out."""
        return _union(statement.compliance for statement in self.statements)


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


def provider_card(provider: str) -> ProviderCard | None:
    """What is known of a provider, by its id; `None` if it was not looked up."""
    return next((card for card in providers_file().providers if card.id == provider), None)


def statements(provider: str) -> tuple[Statement, ...]:
    """What a provider says, by its id; nothing if it was not looked up.

    >>> [statement.topic for statement in statements("groq")][:2]
    ['retention', 'health data']
    """
    card = provider_card(provider)
    return () if card is None else card.statements


def _union(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Each word once, in the order of its first mention."""
    return tuple(dict.fromkeys(word for part in parts for word in part))
