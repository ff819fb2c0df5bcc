"""What providers state that one account may ask for, against the busiest minute of the traffic."""

from dataclasses import dataclass

from offramp.capacity.load import Load
from offramp.catalog.providers import RateLimit, provider_card
from offramp.migrate.plan.by_token import Tariffed

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many times the busiest minute a provider's largest stated plan takes."""

    times: float
    limit: RateLimit


def room(way: Tariffed, load: Load) -> Room | None:
    """The room that a provider states for a model; `None` if it states none.

    Args:
        way: The model at its provider.
        load: The busiest window.
    """
    card = provider_card(way.card.provider)
    if card is None:
        return None
    found = [
        Room(times=times, limit=limit)
        for limit in card.limits
        if limit.model in {"", way.card.model} and (times := _times(limit, load, float(way.token_ratio))) is not None
    ]
    return max(found, key=lambda each: each.times, default=None)


def _times(limit: RateLimit, load: Load, token_ratio: float) -> float | None:
    requests = max(float(load.busiest(MINUTE_S).requests), load.rate_per_s * MINUTE_S)
    tokens = requests * float((load.input_tokens + load.output_tokens).mean()) * token_ratio
    rooms = [
        allowed / asked
        for allowed, asked in ((limit.requests_per_minute, requests), (limit.tokens_per_minute, tokens))
        if allowed is not None and asked
    ]
    return min(rooms, default=None)
