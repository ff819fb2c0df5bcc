"""`offramp plan` through its real entry."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from offramp.cli import run

GUIDE = ["--input-tokens", "700", "--output-tokens", "100", "--incumbent", "gpt-4o"]
QUICK = ["plan", "--requests-per-month", "2000000", *GUIDE, "--fixed-usd-per-month", "727"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    return tmp_path


def test_programs_get_the_whole_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*QUICK, "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["schema"] == "offramp.plan/1"
    assert plan["break_even_requests_per_month"] == 264_364
    assert plan["saving_usd_per_year"] == "57276"


def test_people_get_columns_a_chart_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(QUICK) == 0

    shown = capsys.readouterr().out
    assert "2,000,000 requests a month, each with 700 tokens in and 100 out" in shown
    assert "$5,500" in shown
    assert "own GPUs break even with openai/gpt-4o at 264,364 requests a month" in shown
    assert "^" in shown
    assert "* openai/gpt-4o" in shown
    assert "twice the requests" in shown
    assert max(map(len, shown.splitlines())) <= 110


def test_it_leaves_with_zero_whatever_it_recommends(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan that says stay has not failed."""
    assert run(["plan", "--requests-per-month", "1000", *GUIDE, "--fixed-usd-per-month", "727"]) == 0
    assert "Stay with openai/gpt-4o" in capsys.readouterr().out


def test_the_users_own_prices_are_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = "{openai/gpt-4o: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}}"
    base = "passthrough: openai\nupstreams: {openai: {base_url: https://api.openai.com/v1}}\n"
    (folder / "offramp.yaml").write_text(f"{base}prices: {own}\n")

    assert run([*QUICK, "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["incumbent"]["usd_per_request"] == "0.0008"
    assert plan["incumbent"]["source"] == "configuration"


def test_another_input_is_shown_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*QUICK, "--what-if", "requests-per-month=200000", "--json"]) == 0
    by_figure = {each["figure"]: each for each in msgspec.json.decode(capsys.readouterr().out)["what_if"]}
    assert run([*QUICK, "--what-if", "requests-per-month=200000"]) == 0

    assert by_figure["saving, $ a year"] == {"figure": "saving, $ a year", "before": "57276", "after": "-2124"}
    assert "What if requests-per-month=200000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("factor", "figure", "after"),
    [
        ("incumbent-price=0.5", "incumbent, $ a month", "2750"),
        ("hosted-price=2", "open model by the token, $ a month", None),
        ("fixed-usd-per-month=1454", "own GPUs, $ a month", "1454"),
    ],
)
def test_whatever_is_asked_for_changes_the_answer_it_belongs_to(
    factor: str, figure: str, after: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A `--what-if` that prints the same figure twice would be believed."""
    assert run([*QUICK, "--what-if", factor, "--json"]) == 0
    by_figure = {each["figure"]: each for each in msgspec.json.decode(capsys.readouterr().out)["what_if"]}
    before = Decimal(by_figure[figure]["before"])

    assert Decimal(by_figure[figure]["after"]) == (2 * before if after is None else Decimal(after))


def test_what_the_quick_mode_does_not_know_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Growth, service levels and quality are no part of the arithmetic: neither silently nor as a `--what-if`."""
    assert run([*QUICK, "--growth", "0.2", "--gpu-price", "2", "--json"]) == 0
    assert "--growth, --gpu-price: no part of the quick mode, left aside" in capsys.readouterr().out
    assert run([*QUICK, "--what-if", "growth=0.2"]) == 2
    assert "the quick mode does not know --growth" in capsys.readouterr().err


def test_a_machine_can_be_named_by_gpu_or_by_offer(capsys: pytest.CaptureFixture[str]) -> None:
    base = ["plan", "--requests-per-month", "5000000", *GUIDE, "--own-model", "Llama-3.1-8B", "--json"]
    assert run([*base, "--gpu", "a10g"]) == 0
    by_gpu = msgspec.json.decode(capsys.readouterr().out)["own"]
    assert run([*base, "--offer", "aws/g5.xlarge"]) == 0
    by_offer = msgspec.json.decode(capsys.readouterr().out)["own"]

    assert by_gpu == by_offer
    assert (by_gpu["gpu"], by_gpu["instances_needed"]) == ("A10G", 2)


@pytest.mark.parametrize("one", [["--gpu", "A10G"], ["--own-model", "mistral-7b", "--fixed-usd-per-month", "727"]])
def test_what_a_machine_carries_takes_both_gpu_and_model(one: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One of them alone still says what the machine costs, or which model stands in the second column."""
    assert run(["plan", "--requests-per-month", "5000000", *GUIDE, *one, "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["own"]["max_requests_per_month"] is None
    assert plan["hosted"]["assumed"] == ("--own-model" not in one)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fixed-usd-per-month", "727", "--incumbent", "gpt-4p"], "did you mean openai/gpt-4"),
        (["--fixed-usd-per-month", "a lot"], "--fixed-usd-per-month: expected an amount of dollars"),
        (["--fixed-usd-per-month", "-5"], "--fixed-usd-per-month: expected an amount of dollars from 0 up"),
        ([], "Give --fixed-usd-per-month, or --gpu"),
        (["--offer", "aws/g5.xlarge", "--gpu", "L4", "--own-model", "mistral-7b"], "has A10G, not L4"),
        (["--gpu", "A99", "--own-model", "mistral-7b"], "no hardware is called 'A99'"),
        (["--gpu", "A10G", "--own-model", "mistral-8b"], "no model is called 'mistral-8b'"),
        (["--offer", "aws/g99"], "no compute offer is called 'aws/g99'"),
        (["--fixed-usd-per-month", "1", "--cached-tokens", "701"], "--cached-tokens 701 is more than"),
        (["--fixed-usd-per-month", "1", "--requests-per-month", "0"], "requests-per-month"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["plan", "--requests-per-month", "2000000", *GUIDE, *arguments])

    complaint = capsys.readouterr().err
    assert code == 2
    assert said in complaint
    assert complaint.count("\n") == 1


SHORT = ["plan", "--requests-per-month", "5000000", *GUIDE, "--gpu", "A10G", "--own-model", "qwen3-8b"]


def test_a_bill_for_fewer_machines_than_it_takes_stands_beside_that_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever signs reads two sums, each with its name, and none of them twice."""
    assert run([*SHORT, "--fixed-usd-per-month", "727"]) == 0
    short = capsys.readouterr().out
    assert run(SHORT) == 0
    listed = capsys.readouterr().out

    assert "as you gave it" in short
    assert "by the $727 that you gave   with all machines it takes   machines" in short
    assert "given, then 2026-06-17" in short
    assert "own GPUs, as many as it takes" in short
    assert "then aws/g5.xlarge, on-demand" in short
    assert "aws/g5.xlarge, on-demand" in listed
    assert "that you gave" not in listed
    assert "as you gave it" not in listed


def test_the_price_of_further_machines_is_a_part_of_the_quick_mode(capsys: pytest.CaptureFixture[str]) -> None:
    """A given bill stays as it is; those beyond it are at the list price, times the factor."""
    assert run([*SHORT, "--fixed-usd-per-month", "727", "--gpu-price", "2", "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["own"]["usd_per_month_needed"] == "2195.76"
    assert not any("--gpu-price" in each for each in plan["warnings"])


def test_terms_say_which_machines_may_be_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["plan", "--requests-per-month", "2000000", *GUIDE, "--gpu", "L40S", "--own-model", "qwen3-8b", "--json"]
    assert run(asked) == 0
    by_default = msgspec.json.decode(capsys.readouterr().out)["own"]["offer"]
    assert run([*asked, "--terms", "on-demand,marketplace"]) == 0
    accepted = msgspec.json.decode(capsys.readouterr().out)["own"]["offer"]

    assert (by_default["terms"], accepted["terms"]) == ("on-demand", "marketplace")


def test_where_one_machine_cannot_carry_its_break_even_that_of_all_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = ["--input-tokens", "700", "--output-tokens", "100", "--incumbent", "gpt-5-mini"]
    asked = ["plan", "--requests-per-month", "2000000", *tokens, "--gpu", "A10G", "--own-model", "qwen3-8b"]
    assert run([*asked, "--fixed-usd-per-month", "5000", "--json"]) == 0
    needed = msgspec.json.decode(capsys.readouterr().out)["own"]["break_even_requests_per_month_needed"]
    assert run([*asked, "--fixed-usd-per-month", "5000"]) == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert f"requests a month, more than a machine carries: with all that it takes at {needed:,}" in shown
