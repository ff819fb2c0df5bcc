"""A file of prices: read whole or refused with its name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.catalog.price_file import read_prices
from offramp.errors import ConfigError, OfframpError, UnavailableError


def test_prices_are_read_as_in_the_configuration(tmp_path: Path) -> None:
    """The same keys, so that an entry can move from one to the other."""
    file = tmp_path / "offer.yaml"
    file.write_text("prices: {openai/x: {input_usd_per_mtok: 1.5, checked: 2026-09-01}}")

    prices = read_prices(file)

    assert prices["openai/x"]["input_usd_per_mtok"] == 1.5
    assert str(prices["openai/x"]["checked"]) == "2026-09-01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping `prices:`"),
        ("prices: []", "expected a mapping `prices:`"),
        ("prices: {openai/x: 3}", "expected a mapping"),
        ("prices: {openai/x: {input_usd_per_mtok: 1}}\nupstreams: {}", "unknown key 'upstreams'"),
        ("prices: {openai/x: {input_usd_per_mtok: .nan}}", "expected an amount"),
        ("prices: {openai/x: {input_usd_per_mtok: '1 EUR'}}", "is in EUR"),
        ("prices: {openai/x: {note: nothing}}", "expected at least input_usd_per_mtok"),
        ("a: b: c", "is no YAML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_name_of_the_file(text: str, said: str, tmp_path: Path) -> None:
    """A price that is left out silently would be a list price."""
    file = tmp_path / "offer.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"offer\.yaml") as raised:
        read_prices(file)

    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be read"):
        read_prices(tmp_path / "absent.yaml")


def test_a_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    """It is something else."""
    file = tmp_path / "long.yaml"
    file.write_bytes(b"#" * (1 << 20) + b"\n#")

    with pytest.raises(ConfigError, match="larger than"):
        read_prices(file)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_prices_or_a_complaint(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Never a traceback."""
    file = tmp_path_factory.mktemp("prices") / "any.yaml"
    file.write_bytes(content)

    complaint = ""
    try:
        read_prices(file)
    except OfframpError as error:
        complaint = str(error)

    assert complaint == "" or "any.yaml" in complaint
