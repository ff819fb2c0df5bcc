"""Who may be asked: what nobody has stated is not there, and whoever is left out hears why."""

import pytest

from offramp.catalog.models import open_model
from offramp.catalog.providers import provider_card
from offramp.errors import UsageError
from offramp.migrate.plan.requirements import (
    Requirements,
    against_card,
    against_model,
    against_offer,
    against_provider,
    parse_requirements,
    words,
)
from tests.migrate.plan.cases import BOOK, OFFERS

EU = Requirements(areas=("eu",))


def test_requirements_are_words_of_the_catalogue() -> None:
    found = parse_requirements(["region=europe-west4,compliance=HIPAA", "context=32768, licence=apache-2.0"])

    assert found == Requirements(areas=("eu",), compliance=("hipaa",), context_tokens=32_768, licences=("apache-2.0",))
    assert list(words(found)) == ["in eu", "hipaa", "a context of 32,768 tokens", "under apache-2.0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("region", "expected KEY=VALUE with one of region, compliance, context, licence"),
        ("place=eu", "expected KEY=VALUE"),
        ("compliance=hippa", "known are hipaa"),
        ("region=atlantis", "nobody states such a thing"),
        ("context=long", "expected a number of tokens"),
    ],
)
def test_what_the_catalogue_does_not_know_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_requirements([text])

    assert said in str(raised.value)


def test_a_provider_is_held_to_what_it_states() -> None:
    openai = provider_card("openai")
    assert openai is not None

    assert against_provider(EU, "openai") == ""
    assert against_provider(Requirements(compliance=("hipaa",)), "openai") == ""
    assert "nothing is known about nobody" in against_provider(EU, "nobody")
    assert against_provider(Requirements(), "nobody") == ""


def test_a_region_or_a_statement_that_is_missing_is_named() -> None:
    stated = set(provider_card("openai").regions)  # type: ignore[union-attr]
    assert "br" not in stated
    assert "not br" in against_provider(Requirements(areas=("br",)), "openai")
    assert "states nothing about" in against_provider(Requirements(compliance=("gdpr-dpa", "hipaa")), "together")


def test_a_machine_without_a_region_is_nowhere() -> None:
    by_name = {offer.name: against_offer(EU, offer) for offer in OFFERS}

    assert by_name["gcp/t4"] == ""
    assert by_name["lambda/1x H100"] == "lambda/1x H100 names no region, not for eu"
    assert by_name["aws/g5.xlarge"] == "aws/g5.xlarge is priced for us-east-1, not for eu"


def test_a_model_is_held_to_its_licence_and_its_context() -> None:
    llama = open_model("llama-3.1-8b")
    apache = Requirements(licences=("apache-2.0", "mit"))

    assert "is under Llama 3.1 Community License, not apache-2.0 or mit" in against_model(
        apache, llama, name="llama-3.1-8b", context_tokens=131_072
    )
    assert against_model(apache, open_model("mistral-7b"), name="mistral-7b", context_tokens=32_768) == ""
    assert "not known" in against_model(apache, None, name="mine", context_tokens=1)
    assert "takes 4,096 tokens, not 8,192" in against_model(
        Requirements(context_tokens=8_192), None, name="mine", context_tokens=4_096
    )


def test_a_card_is_held_to_its_window_and_its_provider() -> None:
    card = BOOK.token_card("groq", "llama-3.1-8b-instant")
    assert card is not None
    long = Requirements(context_tokens=200_000)

    assert "has a context that nobody states" in against_card(long, card)
    assert "takes 131,072 tokens, not 200,000" in against_card(long, card, 131_072)
    assert against_card(Requirements(context_tokens=8_192), card, 131_072) == ""
