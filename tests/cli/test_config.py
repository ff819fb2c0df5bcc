"""`offramp config`: what it says of a file that is right, and of one that is not."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from tests.config.test_load import EXAMPLE


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_right_file_is_drawn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks whom for what, at what price, is seen at a glance; keys are not."""
    Path("offramp.yaml").write_text(EXAMPLE)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")

    code = run(["config", "check"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert lines[0].startswith("offramp.yaml  (version ")
    assert "listens   http://127.0.0.1:8484/v1, admin http://127.0.0.1:8485" in lines
    assert "  local   vllm   http://127.0.0.1:9001/v1  no key   $1.006 per hour" in lines
    assert "  openai  other  http://127.0.0.1:9002/v1  own key  token prices of openai" in lines
    assert "    -> local (tiny) -> openai (gpt-4o-mini) -> cache (the last good answer)" in lines
    assert "  every other model  -> refused: 404, model_not_found" in lines
    assert not any("sk-" in line for line in lines)


def test_the_prices_that_are_drawn_are_those_that_requests_are_billed_at(capsys: pytest.CaptureFixture[str]) -> None:
    """A host says more than a name, in the picture as in the ledger."""
    Path("offramp.yaml").write_text(
        "upstreams: {openai: {base_url: https://api.groq.com/openai/v1}}\npassthrough: openai\nlisten: {host: '::1'}\n"
    )

    assert run(["config", "check"]) == 0
    said = capsys.readouterr().out
    assert "token prices of groq" in said
    assert "http://[::1]:8484/v1" in said


@pytest.mark.parametrize("args", [["f.yaml"], ["--config", "f.yaml"]])
def test_a_wrong_file_is_refused_with_every_place(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The line that an editor can jump to."""
    Path("f.yaml").write_text("upstreams: {a: {base_url: x}}\npassthrouh: a\n")

    assert run(["config", "check", *args]) == 2
    assert capsys.readouterr().err == (
        "offramp: 3 things are wrong in the configuration:\n"
        "  f.yaml:1:1: nothing would be answered: name a route in `routes`, or an upstream in `passthrough`\n"
        "  f.yaml:1:27: upstreams.a.base_url: expected an address such as http://127.0.0.1:8000/v1 (got 'x')\n"
        "  f.yaml:2:1: passthrouh: unknown key; did you mean 'passthrough'?\n"
    )


def test_json_says_the_same_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline turns it into annotations."""
    Path("offramp.yaml").write_text("upstreams: {a: {base_url: 'http://h/v1'}}\npassthrough: b\n")

    assert run(["config", "check", "--json"]) == 2
    found = msgspec.json.decode(capsys.readouterr().out)

    assert found["ok"] is False
    assert found["problems"] == [
        {
            "file": "offramp.yaml",
            "line": 2,
            "column": 14,
            "path": "passthrough",
            "text": "'b' is no upstream; known: a",
        }
    ]


def test_json_names_the_version_of_a_right_file(capsys: pytest.CaptureFixture[str]) -> None:
    """The same that the gateway's answers carry."""
    assert run(["config", "check", "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)

    assert found["ok"] is True
    assert found["file"] is None
    assert len(found["hash"]) == 12


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """For editors."""
    assert run(["config", "schema"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["properties"]["upstreams"]["minProperties"] == 1


def test_cards_that_nobody_knows_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in a card's name would show as unknown money, weeks later."""
    Path("offramp.yaml").write_text(
        "upstreams: {a: {base_url: 'http://h/v1', price: cerebrium/A11},\n"
        "  b: {base_url: 'http://h/v1', price: aws/g5.xlarge}}\n"
        "routes: {r: {models: [m], baseline: openai/gpt-4o-minni, tiers: [{upstream: a}, {upstream: b}]}}\n"
    )

    assert run(["config", "check", "--json"]) == 0
    warnings = msgspec.json.decode(capsys.readouterr().out)["warnings"]

    assert [warning.partition("': ")[0] for warning in warnings if "no price card" in warning] == [
        "routes.r.baseline: no price card is called 'openai/gpt-4o-minni",
        "upstreams.a.price: no price card is called 'cerebrium/A11",
    ]


def test_sizes_of_a_machine_that_has_one_price_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """They would be believed and billed for nothing."""
    Path("offramp.yaml").write_text(
        "upstreams: {a: {base_url: 'http://h/v1', price: {card: aws/g5.xlarge, cpus: 2}}}\npassthrough: a\n"
    )

    assert run(["config", "check"]) == 2
    assert "leave out gpus, cpus and memory_gb" in capsys.readouterr().err


def test_prices_in_two_currencies_are_refused_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`input_eur_per_mtok` must not be taken for a slip in `input_usd_per_mtok`."""
    Path("offramp.yaml").write_text(
        "upstreams: {a: {base_url: 'http://h/v1'}}\npassthrough: a\n"
        "prices: {openai/x: {input_eur_per_mtok: 0.6, output_usd_per_mtok: '3.6 EUR', currency: EUR}}\n"
    )

    assert run(["config", "check", "--json"]) == 2
    problems = msgspec.json.decode(capsys.readouterr().out)["problems"]
    told = {problem["path"].rpartition(".")[2]: problem["text"] for problem in problems}

    assert told.keys() == {"input_eur_per_mtok", "output_usd_per_mtok", "currency"}
    assert all(text.startswith("is in EUR; all prices are in US dollars: convert it") for text in told.values())
