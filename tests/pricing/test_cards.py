"""What a request costs by its tokens: worked examples, and the laws that every card obeys."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.pricing.cards import Rates, Tariff, TokenCard, tariffs
from offramp.pricing.money import pico_per_token, text
from offramp.wire.usage import Usage


def rates(input_usd: str, output_usd: str, **others: str) -> Rates:
    """Rates with the kinds that are not named billed like the kind they are part of."""
    prices = {
        "input": input_usd,
        "cached_input": input_usd,
        "cache_write": input_usd,
        "audio_input": input_usd,
        "output": output_usd,
        "reasoning": output_usd,
        "audio_output": output_usd,
        **others,
    }
    return Rates(**{kind: pico_per_token(Decimal(usd)) for kind, usd in prices.items()})


def card(tariff: Tariff, tiers: dict[str, Tariff] | None = None, request_pico: int = 0) -> TokenCard:
    """A card with these prices."""
    return TokenCard(
        provider="openai",
        model="m",
        tariffs=tariffs(tariff, tiers),
        source="test",
        checked="2026-08-21",
        request_pico=request_pico,
    )


def cost(tariff: Tariff, usage: Usage, tier: str = "") -> str | None:
    """What a request costs, as the ledger writes it."""
    nano = card(tariff).cost_nano(usage, tier)
    return None if nano is None else text(nano)


GPT_4O = Tariff(rates=rates("2.50", "10", cached_input="1.25"))
GPT_4O_MINI = Tariff(rates=rates("0.15", "0.60", cached_input="0.075"))
FULL = Rates(input=7, cached_input=3, cache_write=11, output=13, reasoning=17, audio_input=19, audio_output=23)


@pytest.mark.parametrize(
    ("tariff", "usage", "usd"),
    [
        (GPT_4O, Usage(700, 100), "0.00275"),
        (GPT_4O, Usage(700, 100, cached_tokens=512), "0.00211"),
        (GPT_4O_MINI, Usage(700, 100), "0.000165"),
        (GPT_4O_MINI, Usage(14, 7), "0.0000063"),
        (GPT_4O_MINI, Usage(16, 582), "0.0003516"),
        (GPT_4O, Usage(0, 0), "0"),
    ],
)
def test_the_guides_requests_cost_what_the_price_list_says(tariff: Tariff, usage: Usage, usd: str) -> None:
    """Rows 1 and 30 of the recheck, with gpt-4o at 2.50/10 and gpt-4o-mini at 0.15/0.60 as of 2026-08-21."""
    assert cost(tariff, usage) == usd


@pytest.mark.parametrize(
    ("requests", "usd"),
    [(100_000, 275), (200_000, 550), (500_000, 1_375), (1_000_000, 2_750), (2_000_000, 5_500), (5_000_000, 13_750)],
)
def test_a_month_of_requests_costs_what_the_guide_printed(requests: int, usd: int) -> None:
    """Row 2 of the recheck: no rounding creeps in over millions of requests."""
    nano = card(GPT_4O).cost_nano(Usage(700, 100))

    assert nano is not None
    assert nano * requests == usd * 10**9


def test_the_tier_of_the_answer_decides_the_price() -> None:
    """Bill by the response: what was served is charged, whatever was asked for."""
    priced = card(GPT_4O, {"flex": GPT_4O_MINI})

    assert priced.cost_nano(Usage(700, 100), "flex") == 165_000
    assert priced.cost_nano(Usage(700, 100), "default") == priced.cost_nano(Usage(700, 100)) == 2_750_000


def test_a_tier_without_prices_is_unknown_not_list_price() -> None:
    """`scale` is not billed by the token; a number would be invented."""
    assert card(GPT_4O).cost_nano(Usage(700, 100), "scale") is None
    assert card(GPT_4O).parts(Usage(700, 100), "scale") is None


@pytest.mark.parametrize(("tokens", "price"), [(272_000, 2), (272_001, 4), (500_000, 4), (500_001, 8)])
def test_a_long_prompt_pays_the_higher_rate_for_all_its_tokens(tokens: int, price: int) -> None:
    """Providers charge the whole request at the rate of its length, not only the part above the threshold."""
    tariff = Tariff(rates=rates("2", "10"), long=((500_000, rates("8", "20")), (272_000, rates("4", "15"))))

    assert card(tariff).cost_nano(Usage(tokens, 0)) == tokens * price * 1_000


def test_a_fee_per_request_is_added_once() -> None:
    assert card(GPT_4O, request_pico=5_000_000_000).cost_nano(Usage(700, 100)) == 2_750_000 + 5_000_000


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("input", Usage(1, 0)),
        ("cached_input", Usage(2, 0, cached_tokens=1)),
        ("cache_write", Usage(2, 0, cache_write_tokens=1)),
        ("audio_input", Usage(2, 0, audio_input_tokens=1)),
        ("output", Usage(0, 1)),
        ("audio_output", Usage(0, 2, audio_output_tokens=1)),
        ("reasoning", Usage(0, 2, reasoning_tokens=1)),
    ],
)
def test_a_token_without_a_price_makes_the_cost_unknown(kind: str, usage: Usage) -> None:
    """Unknown is never zero; and only a request that has such tokens is unknown."""
    prices: dict[str, int | None] = dict.fromkeys(FULL.__struct_fields__, 5)
    prices[kind] = None
    partly = card(Tariff(rates=Rates(**prices)))

    assert partly.cost_nano(usage) is None
    assert partly.cost_nano(Usage(0, 0)) == 0


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Usage as upstreams report it, also where the parts contradict the whole."""
    tokens = st.integers(min_value=0, max_value=2**40)
    return Usage(*(draw(tokens) for _ in range(7)))


TARIFFS = st.builds(
    lambda prices: Tariff(rates=Rates(**dict(zip(FULL.__struct_fields__, prices, strict=True)))),
    st.lists(st.integers(min_value=0, max_value=10**9), min_size=7, max_size=7),
)


@given(TARIFFS, usages())
def test_the_lines_of_the_bill_add_up_to_the_bill(tariff: Tariff, usage: Usage) -> None:
    """The cost box of the chat and the ledger must agree to the last nano-dollar."""
    priced = card(tariff)
    lines = priced.parts(usage)

    assert lines is not None
    assert priced.cost_nano(usage) == round(Fraction(sum(line.pico or 0 for line in lines), 1000))


@given(TARIFFS, usages())
def test_every_token_is_billed_once(tariff: Tariff, usage: Usage) -> None:
    """Cached tokens are part of the input; counting them twice is the commonest mistake of calculators."""
    lines = card(tariff).parts(usage) or ()

    assert sum(line.tokens for line in lines if "input" in line.kind or line.kind == "cache write") == (
        usage.input_tokens
    )


@given(TARIFFS, usages(), st.integers(min_value=1, max_value=10**6))
def test_more_tokens_never_cost_less(tariff: Tariff, usage: Usage, more: int) -> None:
    smaller = Usage(usage.input_tokens, usage.output_tokens)
    larger = Usage(usage.input_tokens + more, usage.output_tokens + more)

    assert (card(tariff).cost_nano(larger) or 0) >= (card(tariff).cost_nano(smaller) or 0)


@given(TARIFFS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_exact_cost_is_additive(tariff: Tariff, first: int, second: int) -> None:
    """Splitting the tokens over two requests changes nothing before rounding."""
    whole = tariff.rates.pico(Usage(first + second, first))

    one = tariff.rates.pico(Usage(first, first))
    other = tariff.rates.pico(Usage(second, 0))
    assert one is not None
    assert other is not None
    assert whole == one + other


@dataclass
class Counts:
    """Usage from somewhere else than the wire."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0


def test_any_usage_with_the_seven_counts_can_be_priced() -> None:
    """`plan` and `audit` price usage that never was on the wire."""
    assert card(GPT_4O).cost_nano(Counts(700, 100)) == 2_750_000
