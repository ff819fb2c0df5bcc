"""The price file's own form."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.catalog import book_file
from offramp.catalog.book_file import ModelEntry, ModelIndex, Names, TariffEntry, rates_from, tariff_from
from offramp.errors import ConfigError


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(book_file).failed == 0


@pytest.mark.parametrize(
    ("names", "yes", "no"),
    [
        (Names(equal=("a", "b")), "b", "ab"),
        (Names(start=("gpt-",)), "gpt-4o", "my-gpt-4o"),
        (Names(end=("-8b",)), "llama-8b", "llama-8b-it"),
        (Names(contain=("llama",)), "meta-llama-3", "lama"),
        (Names(regex=("^o[0-9]$",)), "o3", "o3-mini"),
        (Names(every=((Names(contain=("llama",)), Names(end=("8b",))),)), "llama-8b", "llama-70b"),
        (Names(), "", "anything"),
    ],
)
def test_each_way_of_naming_matches_what_it_says(names: Names, yes: str, no: str) -> None:
    assert not names.match(no)
    assert names.match(yes) == (names != Names())


def test_a_kind_without_a_price_is_billed_like_the_kind_it_is_part_of() -> None:
    rates = rates_from({"input": "2", "output": "8", "cached_input": "?"}, what="x")

    assert (rates.cache_write, rates.audio_input, rates.reasoning) == (2_000_000, 2_000_000, 8_000_000)
    assert rates.cached_input is None


def test_an_embedding_model_has_no_output_price() -> None:
    assert rates_from({"input": "0.02"}, what="x").output is None


@given(st.dictionaries(st.integers(0, 10**7).map(str), st.just({"input": "4"}), max_size=5))
def test_thresholds_are_tried_from_the_highest(over: dict[str, dict[str, str]]) -> None:
    tariff = tariff_from(TariffEntry(rates={"input": "2"}, over=over), what="x")

    thresholds = [threshold for threshold, _ in tariff.long]
    assert thresholds == sorted((int(threshold) for threshold in over), reverse=True)


def test_a_threshold_that_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match="x: expected a number of input tokens as threshold"):
        tariff_from(TariffEntry(rates={"input": "2"}, over={"-1": {}}), what="x")


NAMES = st.text(alphabet="ab-", max_size=4)
PATTERNS = st.lists(NAMES.filter(bool), max_size=2).map(tuple)


@given(st.lists(st.builds(Names, equal=PATTERNS, start=PATTERNS, contain=PATTERNS), max_size=6), NAMES)
def test_the_index_finds_what_trying_one_after_the_other_finds(all_names: list[Names], wanted: str) -> None:
    """It is faster, and the order of the file still decides."""
    models = [ModelEntry(id=str(place), names=names, periods=()) for place, names in enumerate(all_names)]
    first = next((model for model in models if model.names.match(wanted)), None)

    assert ModelIndex(models).find(wanted) == first
