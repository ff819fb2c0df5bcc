"""`offramp prices gpus`, `models` and `providers`: the catalogue beside the prices, for people and for programs."""

from pathlib import Path

import msgspec
import pytest

from offramp.capacity.hardware import CARDS
from offramp.catalog.models import open_models
from offramp.catalog.providers import providers_file
from offramp.cli import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[dict[str, object]]]:
    """What a program gets."""
    assert run(["prices", *words, "--json"]) == 0
    return msgspec.json.decode(capsys.readouterr().out, type=dict[str, list[dict[str, object]]])


def test_every_gpu_is_listed_with_its_specification_and_cheapest_offers(capsys: pytest.CaptureFixture[str]) -> None:
    """Which card is worth its price is the first question of whoever rents one."""
    assert run(["prices", "gpus"]) == 0
    shown = capsys.readouterr().out
    gpus = {str(gpu["name"]): gpu for gpu in listed(capsys, "gpus")["gpus"]}

    assert gpus.keys() == CARDS.keys()
    assert all(name in shown for name in CARDS)
    a10g = gpus["A10G"]
    assert (a10g["bandwidth_gb_per_s"], a10g["tflops"]) == (600.0, 70.0)
    assert a10g["cheapest"] == {
        "on-demand": {"name": "aws/g5.xlarge", "usd_per_gpu_hour": "1.006", "checked": "2026-06-17", "stale": True}
    }


def test_the_price_of_a_machine_with_several_gpus_is_compared_by_the_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a machine with eight of them would never be the cheapest."""
    (mi300x,) = listed(capsys, "gpus", "mi300x")["gpus"]
    cheapest = mi300x["cheapest"]

    assert isinstance(cheapest, dict)
    assert cheapest["spot"]["name"] == "azure/ND96isr_MI300X_v5 spot"
    assert cheapest["spot"]["usd_per_gpu_hour"] == "1.1088"


def test_open_models_say_their_licence_context_and_who_rents_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The second column of a plan comes from here."""
    models = {str(model["name"]): model for model in listed(capsys, "models")["models"]}
    llama = models["llama-3.1-8b"]

    assert models.keys() == {model.id for model in open_models()}
    assert llama["licence"] == "Llama 3.1 Community License"
    assert llama["context_tokens"] == 131_072
    assert llama["kv_bytes_per_token"] == 131_072.0
    hosted = llama["hosted"]
    assert isinstance(hosted, list)
    assert hosted[0]["name"] == "novita/meta-llama/llama-3.1-8b-instruct"


def test_a_mixture_of_experts_says_how_much_of_it_is_active(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no layers here, because how fast it runs is not modelled."""
    assert run(["prices", "models", "gpt-oss"]) == 0
    shown = capsys.readouterr().out
    (large,) = [model for model in listed(capsys, "models", "gpt-oss")["models"] if model["name"] == "gpt-oss-120b"]

    assert "116.8B (5.7B active)" in shown
    assert "how fast they run on own GPUs is not modelled" in shown
    assert (large["can_be_sized"], large["layers"]) == (False, None)


def test_licences_can_be_searched_and_restrictions_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Legal asks by licence."""
    assert run(["prices", "models", "qwen", "research"]) == 0

    assert "Qwen Research License (not for commercial use)" in capsys.readouterr().out


def test_providers_are_listed_with_the_words_that_a_requirement_can_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`plan --require` filters on these."""
    assert run(["prices", "providers"]) == 0
    shown = capsys.readouterr().out
    providers = {str(provider["name"]): provider for provider in listed(capsys, "providers")["providers"]}

    assert providers.keys() == {card.id for card in providers_file().providers}
    assert "A word without its conditions is no promise" in shown
    assert "hipaa" in str(providers["groq"]["compliance"])
    assert providers["groq"]["limits"]


def test_providers_are_found_by_what_they_state(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever needs a word finds who says it."""
    wanted = [
        card.id for card in providers_file().providers if {"eu"} <= {*card.regions} and "hipaa" in card.compliance
    ]

    assert [each["name"] for each in listed(capsys, "providers", "eu", "hipaa")["providers"]] == wanted


def test_a_search_for_machines_in_the_wrong_list_is_sent_to_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The list has GPUs, one row each; machines are the search."""
    assert run(["prices", "gpus", "h100", "spot"]) == 2

    assert "(machines: offramp prices h100 spot)" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["gpus", "models", "providers"])
def test_what_is_not_in_a_list_is_said_with_what_is(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and what to write instead."""
    assert run(["prices", kind, "nosuchthing"]) == 2

    complaint = capsys.readouterr().err
    assert "'nosuchthing'; there are " in complaint
    assert complaint.count("\n") == 1
