"""What the settings work out on their own: defaults by host, capabilities as bits, forms of prices."""

from dataclasses import fields
from decimal import Decimal

import pytest
from pydantic import ValidationError

from offramp.config.model import Listen, Settings
from offramp.config.parts import Bytes, Part
from offramp.config.upstreams import FEATURE_WORDS, BreakerRules, Capabilities, Price, PriceKind, Upstream
from offramp.policy.breaker import BreakerSettings
from offramp.wire.engine import Engine
from offramp.wire.features import Feature


class Sized(Part):
    """A setting that is a size."""

    size: Bytes


@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("https://api.openai.com/v1", Engine.OPENAI),
        ("https://eu.api.openai.com/v1", Engine.OPENAI),
        ("https://name.openai.azure.com", Engine.AZURE),
        ("https://api.aws.us-east-1.cerebrium.ai/v4/p-1/app/run", Engine.CEREBRIUM),
        ("https://openai.com.example.org/v1", Engine.OTHER),
        ("http://127.0.0.1:8000/v1", Engine.OTHER),
    ],
)
def test_the_engine_follows_from_the_host(url: str, engine: Engine) -> None:
    """One key less to write, and a look-alike host gets no special treatment."""
    assert Upstream.model_validate({"base_url": url}).engine is engine
    assert Upstream.model_validate({"base_url": url, "engine": "vllm"}).engine is Engine.VLLM


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, None),
        ({"engine": "vllm"}, "/health"),
        ({"engine": "vllm", "health": False}, None),
        ({"health": True}, "/health"),
        ({"health": {"path": "/ready"}}, "/ready"),
        ({"engine": "vllm", "health": None}, None),
    ],
)
def test_health_is_probed_where_the_probe_is_free(given: dict[str, object], path: str | None) -> None:
    """A vLLM answers `/health` for nothing; at a provider a probe could be a billed request."""
    health = Upstream.model_validate({"base_url": "http://h/v1", **given}).health

    assert (health.path if health else None) == path


@pytest.mark.parametrize("url", ["http://h/v1", "http://h/v1/", "http://h/v1//"])
def test_an_address_has_one_form(url: str) -> None:
    """Paths are appended to it."""
    assert Upstream.model_validate({"base_url": url}).base_urls == ("http://h/v1",)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h/v1", "ftp://h/v1", "http://", "http:///v1", "http://u:p@h/v1", "http://h:0/v1", "http://h:99999/v1"),
        *("http://h:x/v1", "http://[::1/v1", "http://h/a b", "http://h/v1\r\nx", "http://h/../v1", "http://h/v1?a=b"),
        *("http://h/v1#a", "http://h/v1?"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """What is unclear here would be a request to somewhere else."""
    with pytest.raises(ValidationError):
        Upstream.model_validate({"base_url": url})


def test_capabilities_become_bits() -> None:
    """The router compares them with a request's features in one operation."""
    missing = Capabilities.model_validate({"missing": ["vision", "audio"]})
    only = Capabilities.model_validate({"only": ["streaming", "stop"]})

    assert missing.lacks == Feature.VISION | Feature.AUDIO
    assert not only.lacks & (Feature.STREAMING | Feature.STOP)
    assert only.lacks & Feature.TOOLS
    assert Capabilities().lacks == 0


def test_tools_imply_what_belongs_to_them() -> None:
    """A model without tools takes no tool results; one with tools takes them without saying so twice."""
    belongs = Feature.TOOLS | Feature.TOOL_HISTORY | Feature.PARALLEL_TOOL_CALLS

    assert Capabilities.model_validate({"missing": ["tools"]}).lacks == belongs
    assert not Capabilities.model_validate({"only": ["tools"]}).lacks & belongs


def test_asking_for_usage_is_no_capability() -> None:
    """It is offramp that asks, so an upstream cannot be left out for it."""
    assert "usage_asked" not in FEATURE_WORDS
    assert not Capabilities.model_validate({"only": []}).lacks & Feature.USAGE_ASKED


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("aws/g5.xlarge", PriceKind.CARD),
        ({"card": "cerebrium/A10", "cpus": 2, "memory_gb": 12}, PriceKind.CARD),
        ({"usd_per_hour": 1.006}, PriceKind.COMPUTE),
        ({"usd_per_second": "0.0003"}, PriceKind.COMPUTE),
        ({"usd_per_month": 727, "billed": "always", "per": "instance"}, PriceKind.COMPUTE),
        ({"gpu_usd_per_second": 0.000306, "cpu_usd_per_second": 0.00000655, "cpus": 2}, PriceKind.PARTS),
        ({"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6}, PriceKind.TOKENS),
    ],
)
def test_a_price_has_one_of_four_forms(given: object, kind: PriceKind) -> None:
    """A card, by time, in parts, by tokens."""
    assert Price.model_validate(given).kind is kind


@pytest.mark.parametrize(
    "given",
    [
        *({}, {"usd_per_hour": 1, "usd_per_second": 1}, {"card": "a/b", "usd_per_hour": 1}, {"billed": "always"}),
        *("g5.xlarge", {"usd_per_hour": 1, "gpus": 2}, {"usd_per_hour": -1}, {"usd_per_hour": float("nan")}),
        {"input_usd_per_mtok": True},
    ],
)
def test_a_price_with_no_form_or_two_is_refused(given: object) -> None:
    """Adding them up, or taking one, would be a guess about money."""
    with pytest.raises(ValidationError):
        Price.model_validate(given)


def test_money_is_exact() -> None:
    """YAML's numbers are binary floats; what was written is what counts."""
    price = Price.model_validate({"gpu_usd_per_second": 0.00000655, "cpu_usd_per_second": "0.1"})

    assert price.gpu_usd_per_second == Decimal("0.00000655")
    assert price.cpu_usd_per_second == Decimal("0.1")


def test_prices_per_token_are_handed_on_as_they_were_written() -> None:
    """The catalog reads them under the same names, and nothing that was left out."""
    price = Price.model_validate(
        {"input_usd_per_mtok": 2, "tiers": {"batch": {"input_usd_per_mtok": 1}}, "billed": "always"}
    )

    assert price.token_prices == {
        "input_usd_per_mtok": Decimal(2),
        "tiers": {"batch": {"input_usd_per_mtok": Decimal(1)}},
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [(1024, 1024), ("1024", 1024), ("1 KiB", 1024), ("1KB", 1000), ("32MiB", 32 << 20), ("2g", 2 * 10**9), ("7B", 7)],
)
def test_sizes_are_numbers_or_words(text: object, size: int) -> None:
    """33554432 is not what people think in."""
    assert Sized.model_validate({"size": text}).size == size


@pytest.mark.parametrize("text", ["", "MiB", "1.5MiB", "-1", "1TiB", 0, None, "1 2"])
def test_sizes_that_are_none_are_refused(text: object) -> None:
    """A limit of zero or of nobody knows how much is no limit."""
    with pytest.raises(ValidationError):
        Sized.model_validate({"size": text})


def test_the_breaker_has_the_policys_settings_and_defaults() -> None:
    """Two lists that say the same must say the same."""
    policy = {field.name: field.default for field in fields(BreakerSettings) if field.name != "observe"}
    config = BreakerRules().model_dump(exclude={"mode"})

    assert config == policy


def test_settings_cannot_be_changed() -> None:
    """Requests under way finish on the configuration they began with."""
    settings = Settings.model_validate({"upstreams": {"a": {"base_url": "http://h/v1"}}})

    with pytest.raises(ValidationError, match="frozen"):
        settings.listen.port = 3  # type: ignore[misc]
    assert settings.listen == Listen()
