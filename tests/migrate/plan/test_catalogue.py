"""Cards, models and machines of one's own; an unknown name comes with what is near and how to add it."""

from decimal import Decimal
from pathlib import Path

import pytest

from offramp.catalog.compute import Terms
from offramp.errors import OfframpError, UsageError
from offramp.migrate.plan.catalogue import catalogue

OWN = """
gpus:
  MI400X: {memory_gib: 400, bandwidth_gb_per_s: 19600, tflops: 5000}
models:
  House-8B: {parameters: 8.0e9, layers: 32, kv_heads: 8, head_dim: 128, context_tokens: 32768}
offers:
  office/server-1: {gpu: MI400X, gpus: 2, usd_per_hour: 1.10, regions: [eu], checked: "2026-11-01"}
  aws/g5.xlarge: {gpu: A10G, usd_per_hour: "0.90"}
"""


def written(folder: Path, text: str) -> Path:
    """A catalogue file."""
    path = folder / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_ones_own_adds_cards_models_and_machines(tmp_path: Path) -> None:
    found = catalogue(written(tmp_path, OWN))

    assert found.card("mi400x").bandwidth_bytes_per_s == 19.6e12
    assert found.llm("house-8b").kv_bytes_per_token == 128 * 1024
    machine = found.offer("OFFICE/server-1")
    assert (machine.gpus, machine.usd_per_hour, machine.areas, machine.terms) == (
        2,
        Decimal("1.1"),
        ("eu",),
        Terms.ON_DEMAND,
    )
    assert found.card("A10G").name == "A10G"


def test_a_machine_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    found = catalogue(written(tmp_path, OWN))

    assert found.offer("aws/g5.xlarge").usd_per_hour == Decimal("0.90")
    assert [offer.name for offer in found.offers].count("aws/g5.xlarge") == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("card", "A10Q"), "no hardware is called 'A10Q': near are"),
        (("llm", "lama-3.1-8b"), "llama-3.1-8b"),
        (("offer", "aws/g5.xlrge"), "aws/g5.xlarge"),
    ],
)
def test_an_unknown_name_comes_with_what_is_near_and_how_to_add_it(asked: tuple[str, str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        getattr(catalogue(), asked[0])(asked[1])

    assert said in str(raised.value)
    assert "add one of your own in a file for --catalogue" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpus: [", "is no YAML"),
        ("machines: {}", "unknown field `machines`"),
        ("gpus: {X: {memory_gib: 0, bandwidth_gb_per_s: 1, tflops: 1}}", "every figure must be above 0"),
        ("offers: {x: {gpu: A10G, usd_per_hour: 1}}", "expected PROVIDER/PRODUCT"),
        ("offers: {a/x: {gpu: A1000G, usd_per_hour: 1}}", "no hardware is called 'A1000G'"),
        ("offers: {a/x: {gpu: A10G, usd_per_hour: cheap}}", "usd_per_hour"),
        ("offers: {a/x: {gpu: A10G, usd_per_hour: 1, checked: lately}}", "expected a day such as"),
        ("models: {m: {parameters: 8e9}}", "missing required field"),
    ],
)
def test_a_file_that_is_wrong_is_said_to_be(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(OfframpError) as raised:
        catalogue(written(tmp_path, text))

    assert said in str(raised.value)


def test_a_file_that_is_absent_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(OfframpError, match="cannot be read"):
        catalogue(tmp_path / "absent.yaml")
