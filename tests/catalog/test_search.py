"""People name models as they remember them."""

import pytest

from offramp.catalog.prices import PriceBook
from offramp.catalog.search import find, nearest, resolve
from offramp.errors import UsageError

BOOK = PriceBook.load({"acme/our-llama": {"input_usd_per_mtok": "0.02", "output_usd_per_mtok": "0.02"}})


def names(words: str, provider: str | None = None) -> list[str]:
    """What a search finds."""
    return [f"{card.provider}/{card.model}" for card in find(BOOK, words, provider)]


def test_a_snapshot_finds_its_model_first() -> None:
    assert names("gpt-4o-2024-08-06")[0] == "openai/gpt-4o"


def test_every_word_must_occur_and_case_does_not_matter() -> None:
    found = names("GROQ llama 8b")

    assert "groq/llama-3.1-8b-instant" in found
    assert all("groq" in name and "llama" in name.lower() and "8b" in name.lower() for name in found)


def test_a_search_may_be_for_one_provider() -> None:
    assert {name.partition("/")[0] for name in names("llama", "together")} == {"together"}


def test_nothing_found_is_an_empty_list() -> None:
    assert names("no such model at all") == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"),
        ("azure/gpt-4o", "openai/gpt-4o"),
        ("groq/llama-3.1-8b-instant", "groq/llama-3.1-8b-instant"),
        ("acme/our-llama", "acme/our-llama"),
        ("our-llama", "acme/our-llama"),
    ],
)
def test_a_name_with_or_without_provider_means_one_card(name: str, meant: str) -> None:
    """`plan --incumbent gpt-4o` must not ask for what everybody knows."""
    card = resolve(BOOK, name)

    assert f"{card.provider}/{card.model}" == meant


def test_an_unknown_model_is_told_what_is_near_and_how_to_add_it() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(BOOK, "openai/gpt-4o-mimi")

    assert "openai/gpt-4o-mini" in caught.value.message
    assert "`prices:` in offramp.yaml" in caught.value.message


def test_gibberish_has_no_neighbours() -> None:
    assert nearest(BOOK, "zzzzqqqq") == []
