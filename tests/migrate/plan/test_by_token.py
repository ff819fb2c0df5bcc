"""Ways that are paid by the token: sums are exact, and what has no price is not in them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.catalog.models import open_model
from offramp.catalog.search import resolve
from offramp.errors import UsageError
from offramp.migrate.plan.by_token import BATCH, Tariffed, incumbent, on_card, rented, thresholds
from offramp.migrate.plan.requirements import Requirements
from offramp.migrate.plan.traffic import Tally
from offramp.wire.usage import Usage
from tests.migrate.plan.cases import BOOK


def tally(requests: int = 1_000, *, model: str = "", over: int = 0, cached: int = 0, tier: str = "") -> Tally:
    """The guide's requests: 700 tokens in, 100 out."""
    return Tally(
        model=model,
        service_tier=tier,
        over=over,
        requests=requests,
        input_tokens=700 * requests,
        cached_tokens=cached * requests,
        output_tokens=100 * requests,
    )


def test_the_guides_request_costs_what_it_costs() -> None:
    """Row 1 of the recheck: $0.00275."""
    way = on_card(resolve(BOOK, "gpt-4o"))

    assert way.usd_per_request([tally()]) == Fraction("0.00275")
    assert way.usd([tally(), tally(500)]) == (Fraction("4.125"), 1_500)
    assert way.name == "openai/gpt-4o"
    assert str(way.ends[0].ends) == "2027-01-14"


def test_cached_tokens_are_cheaper_where_there_is_such_a_price() -> None:
    """Half of 700 cached: 350 at 2.50, 350 at 1.25; the other card bills them like any."""
    assert on_card(resolve(BOOK, "gpt-4o")).usd_per_request([tally(cached=350)]) == Fraction("0.0023125")
    assert on_card(resolve(BOOK, "gpt-4o-mini")).usd_per_request([tally(cached=350)]) == Fraction("0.000165")


def test_a_stated_share_takes_the_place_of_what_was_measured() -> None:
    way = on_card(resolve(BOOK, "gpt-4o"), cached_share=Fraction(1, 2))

    assert way.usd_per_request([tally(cached=700)]) == Fraction("0.0023125")


def test_another_tokenizer_makes_more_tokens_of_the_same_text() -> None:
    """20 % more of each."""
    way = on_card(resolve(BOOK, "groq/llama-3.1-8b-instant"), token_ratio=Fraction(6, 5))

    assert way.usd_per_request([tally()]) == Fraction(6, 5) * Fraction("0.000043")


def test_a_long_request_is_paid_at_its_own_rates() -> None:
    way = on_card(resolve(BOOK, "openai/long"))

    assert way.usd([tally(1), tally(1, over=1_000)])[0] == Fraction("0.0008") + Fraction("0.0017")


def test_service_tiers_have_their_own_prices() -> None:
    way = on_card(resolve(BOOK, "gpt-4o"))

    assert way.at_tier(BATCH).usd_per_request([tally()]) == Fraction("0.001375")
    assert way.usd_per_request([tally(tier=BATCH)]) == Fraction("0.001375")
    assert way.usd_per_request([tally(tier="flex")]) == Fraction("0.00275")
    assert on_card(resolve(BOOK, "gpt-4o-mini")).at_tier(BATCH).usd_per_request([tally()]) is None


def test_the_ledgers_models_are_priced_each_on_its_own() -> None:
    tallies = [tally(900, model="gpt-4o"), tally(100, model="gpt-4o-mini"), tally(10, model="fantasy-1")]

    paid = incumbent(BOOK, tallies, name=None, cached_share=None)

    assert paid.name == "openai/gpt-4o and 1 more"
    assert paid.unpriced == ("fantasy-1",)
    assert paid.usd(tallies) == (Fraction("0.9") * Fraction("2.75") + Fraction("0.0165"), 1_000)


def test_a_name_of_the_teams_own_is_priced_as_what_answers_to_it() -> None:
    """A route may be asked for as `assistant`, and gpt-4o answers."""
    tallies = [tally(model="assistant")]

    paid = incumbent(BOOK, tallies, name=None, cached_share=None, served={"assistant": "gpt-4o-2024-08-06"})

    assert paid.name == "openai/gpt-4o"
    assert paid.usd_per_request(tallies) == Fraction("0.00275")


def test_a_named_incumbent_stands_for_all() -> None:
    paid = incumbent(BOOK, [tally(model="fantasy-1")], name="gpt-4o", cached_share=None)

    assert paid.usd_per_request([tally(model="fantasy-1")]) == Fraction("0.00275")


@pytest.mark.parametrize(
    ("model", "said"), [("", "Name it with --incumbent"), ("fantasy-1", "no price card for 'fant")]
)
def test_nobody_is_guessed_to_be_the_incumbent(model: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        incumbent(BOOK, [tally(model=model)], name=None, cached_share=None)

    assert said in str(raised.value)


def test_an_open_model_is_rented_where_it_costs_least() -> None:
    model = open_model("llama-3.1-8b")
    assert model is not None

    ways, left_out = rented(BOOK, model, Requirements(), [tally()])

    assert ways[0].name == "novita/meta-llama/llama-3.1-8b-instruct"
    costs = [way.usd_per_request([tally()]) or 0 for way in ways]
    assert costs == sorted(costs)
    assert len(ways) + len(left_out) == len(model.hosted)


def test_a_provider_that_may_not_be_asked_is_left_out_with_the_reason() -> None:
    model = open_model("llama-3.1-8b")
    assert model is not None

    ways, left_out = rented(BOOK, model, Requirements(areas=("br",)), [tally()])

    assert ways == []
    assert all(each.reason for each in left_out)


def test_all_thresholds_of_the_book_are_known() -> None:
    assert 1_000 in thresholds(BOOK)
    assert list(thresholds(BOOK)) == sorted(thresholds(BOOK))


@given(st.lists(st.integers(1, 4_000), min_size=1, max_size=30))
def test_a_sum_is_the_sum_of_its_requests(inputs: list[int]) -> None:
    """Against the price of each request alone."""
    card = resolve(BOOK, "openai/long")
    tallies = [
        Tally(
            model="",
            over=1_000 if tokens > 1_000 else 0,
            requests=1,
            input_tokens=tokens,
            cached_tokens=0,
            output_tokens=7,
        )
        for tokens in inputs
    ]
    alone = [card.exact_usd(Usage(tokens, 7)) or Fraction(0) for tokens in inputs]

    assert Tariffed(name="x", cards={"": card}).usd(tallies)[0] == sum(alone)
