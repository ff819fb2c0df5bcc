"""Price cards for tokens: usage -> exact cost. Pure, and called once per request.

A card holds one tariff per service tier; a tariff holds the rates and, where a long prompt costs more, the rates above
each threshold. Prices are integer pico-dollars per token, so a request is summed exactly and rounded once.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, Protocol

import msgspec

from offramp.pricing.money import nano_from_pico

STANDARD_TIERS: Final = frozenset({"", "auto", "default", "standard", "on_demand"})
"""Words in `service_tier` that mean list price. Any other word needs a tariff of its own, else the cost is unknown:
`flex` is cheaper, `priority` dearer, and `scale` is not billed by the token at all."""


class TokenUsage(Protocol):
    """Token counts of one answer in inclusive buckets: cached, written and audio tokens are part of `input_tokens`."""

    @property
    def input_tokens(self) -> int:
        """All input tokens."""

    @property
    def output_tokens(self) -> int:
        """All output tokens."""

    @property
    def cached_tokens(self) -> int:
        """Read from the provider's prompt cache; part of the input."""

    @property
    def cache_write_tokens(self) -> int:
        """Written to the provider's prompt cache; part of the input."""

    @property
    def reasoning_tokens(self) -> int:
        """Spent on reasoning; part of the output."""

    @property
    def audio_input_tokens(self) -> int:
        """Audio; part of the input."""

    @property
    def audio_output_tokens(self) -> int:
        """Audio; part of the output."""


class Rates(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a token of each kind costs, in pico-dollars; `None` is unknown and makes the cost of such tokens unknown.

    A kind without a price of its own is billed like the kind it is part of; whoever builds the rates fills that in.
    """

    input: int | None
    cached_input: int | None
    cache_write: int | None
    output: int | None
    reasoning: int | None
    audio_input: int | None
    audio_output: int | None

    def pico(self, usage: TokenUsage) -> int | None:
        """The exact cost of `usage` in pico-dollars; `None` if it has tokens of a kind without a price."""
        if usage.cache_write_tokens or usage.audio_input_tokens or usage.audio_output_tokens:
            return self._pico_of_parts(usage)
        if self.reasoning != self.output and usage.reasoning_tokens:
            return self._pico_of_parts(usage)
        fresh = usage.input_tokens
        pico = 0
        if usage.cached_tokens:
            if self.cached_input is None:
                return None
            cached = min(usage.cached_tokens, fresh)
            pico = cached * self.cached_input
            fresh -= cached
        if fresh:
            if self.input is None:
                return None
            pico += fresh * self.input
        if usage.output_tokens:
            if self.output is None:
                return None
            pico += usage.output_tokens * self.output
        return pico

    def _pico_of_parts(self, usage: TokenUsage) -> int | None:
        """The sum of `parts`, without making them: this runs once per request."""
        rest = usage.input_tokens
        pico = 0
        for tokens, price in (
            (usage.cached_tokens, self.cached_input),
            (usage.cache_write_tokens, self.cache_write),
            (usage.audio_input_tokens, self.audio_input),
            (rest, self.input),
        ):
            if tokens and rest:
                if price is None:
                    return None
                pico += min(tokens, rest) * price
                rest -= min(tokens, rest)
        rest = usage.output_tokens
        thought = usage.reasoning_tokens if self.reasoning != self.output else 0
        for tokens, price in (
            (usage.audio_output_tokens, self.audio_output),
            (thought, self.reasoning),
            (rest, self.output),
        ):
            if tokens and rest:
                if price is None:
                    return None
                pico += min(tokens, rest) * price
                rest -= min(tokens, rest)
        return pico

    def parts(self, usage: TokenUsage) -> "tuple[Part, ...]":
        """The cost of each kind of token that occurs, exclusive of each other; they add up to the whole.

        A provider that reports more cached, written or audio tokens than input tokens is believed only up to its input.
        """
        left = usage.input_tokens
        cached = min(usage.cached_tokens, left)
        left -= cached
        written = min(usage.cache_write_tokens, left)
        left -= written
        heard = min(usage.audio_input_tokens, left)
        left -= heard
        spoken = min(usage.audio_output_tokens, usage.output_tokens)
        thought = min(usage.reasoning_tokens, usage.output_tokens - spoken) if self.reasoning != self.output else 0
        kinds = (
            ("input", left, self.input),
            ("cached input", cached, self.cached_input),
            ("cache write", written, self.cache_write),
            ("audio input", heard, self.audio_input),
            ("output", usage.output_tokens - spoken - thought, self.output),
            ("reasoning", thought, self.reasoning),
            ("audio output", spoken, self.audio_output),
        )
        return tuple(Part(kind=kind, tokens=tokens, pico_per_token=price) for kind, tokens, price in kinds if tokens)


class Part(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line of a bill: so many tokens of a kind at a price."""

    kind: str
    """`input`, `cached input`, `cache write`, `audio input`, `output`, `reasoning` or `audio output`."""
    tokens: int
    pico_per_token: int | None

    @property
    def pico(self) -> int | None:
        """The exact cost in pico-dollars; `None` if this kind has no known price."""
        return None if self.pico_per_token is None else self.tokens * self.pico_per_token


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of one service tier, and those that replace them for the whole request when its input is long."""

    rates: Rates
    long: tuple[tuple[int, Rates], ...] = ()
    """`(n, rates)`: the rates where the input has more than n tokens. Highest threshold first."""

    def rates_for(self, input_tokens: int) -> Rates:
        """The rates that apply to every token of a request with so many input tokens."""
        for threshold, rates in self.long:
            if input_tokens > threshold:
                return rates
        return self.rates


class TokenCard(msgspec.Struct, frozen=True, kw_only=True):
    """The dated prices of one model at one provider."""

    provider: str
    model: str
    """The provider's own name for it; a dated snapshot or an alias is found under the name it stands for."""
    tariffs: Mapping[str, Tariff]
    """By service tier; the list price under every word of `STANDARD_TIERS`. Made by `tariffs()`."""
    source: str
    """Where the prices come from: an address, or `configuration`."""
    checked: str
    """Day on which the source was known to say so, `YYYY-MM-DD`; empty if nobody said."""
    since: str = ""
    """Day from which these prices apply; empty if always."""
    second_hand: bool = False
    """Not seen on the provider's own page."""
    note: str = ""
    deprecated: bool = False
    """Its provider calls it deprecated; it may still answer."""
    window_tokens: int = 0
    """Longest context in tokens; 0 if the source does not say."""
    request_pico: int = 0
    """Charged per request on top of its tokens."""

    @property
    def name(self) -> str:
        """`PROVIDER/MODEL`."""
        return f"{self.provider}/{self.model}"

    @property
    def standard(self) -> Tariff:
        """The list price."""
        return self.tariffs[""]

    def cost_nano(self, usage: TokenUsage, service_tier: str = "") -> int | None:
        """What a request with this usage costs.

        Args:
            usage: Of the answer.
            service_tier: Of the answer, because that is what is billed; what was asked for only where it says nothing.

        Returns:
            Nano-dollars, rounded half to even once; `None` if a price that is needed is unknown.
        """
        tariff = self.tariffs.get(service_tier)
        if tariff is None:
            return None
        pico = (tariff.rates_for(usage.input_tokens) if tariff.long else tariff.rates).pico(usage)
        if pico is None:
            return None
        return nano_from_pico(pico + self.request_pico)

    def exact_usd(self, usage: TokenUsage, service_tier: str = "") -> Fraction | None:
        """The same in dollars and without rounding, for sums over millions of requests."""
        tariff = self.tariffs.get(service_tier)
        pico = None if tariff is None else tariff.rates_for(usage.input_tokens).pico(usage)
        return None if pico is None else Fraction(pico + self.request_pico, 10**12)

    def parts(self, usage: TokenUsage, service_tier: str = "") -> tuple[Part, ...] | None:
        """The lines of the bill, for people; `None` if this tier has no known prices."""
        tariff = self.tariffs.get(service_tier)
        return None if tariff is None else tariff.rates_for(usage.input_tokens).parts(usage)


def tariffs(standard: Tariff, tiers: Mapping[str, Tariff] | None = None) -> dict[str, Tariff]:
    """The mapping a card needs: the list price under each word for it, the other tiers under theirs."""
    return {**dict.fromkeys(STANDARD_TIERS, standard), **(tiers or {})}
