"""`offramp plan` without figures: a trace, a generator, a ledger; the artifact, the report, what if."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.migrate import artifact

BASE = ["plan", "--incumbent", "gpt-4o", "--own-model", "llama-3.1-8b", "--gpu", "H100", "--jobs", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with a short trace, and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    rows = [f"{number},{600 + number},{50 + number % 90}" for number in range(240)]
    (tmp_path / "trace.csv").write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))
    return tmp_path


TRACED = [*BASE, "--trace", "trace.csv"]


def test_people_get_an_answer_columns_a_chart_and_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(TRACED) == 0

    shown = capsys.readouterr().out
    for words in (
        "from the trace trace.csv",
        "service level: first token in 2 s and 100 ms per token, for 95 % of the requests",
        "240 requests",
        "in time, at the peak",
        "break-even of own GPUs",
        "If one figure were another",
        "It rests on",
        "written: migration/plan.json",
    ):
        assert words in shown
    assert "^" in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_programs_get_one_object_and_the_artifact_is_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRACED, "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    kept = artifact.read("plan", folder / "migration")
    assert kept is not None
    assert kept.content == plan
    assert kept.inputs[0].name == "trace.csv"
    assert len(kept.inputs[0].sha256) == 64
    assert plan["mode"] == "full"


def test_another_input_is_shown_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRACED, "--what-if", "gpu-price=0.5", "--what-if", "requests-per-month=1000000"]) == 0

    shown = capsys.readouterr().out
    assert "What if gpu-price=0.5, requests-per-month=1000000" in shown
    assert "1,000,000" in shown


def test_another_trace_may_be_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n0,10,10\n5,10,10\n")

    assert run([*TRACED, "--json", "--what-if", "trace=other.csv"]) == 0

    figures = {each["figure"]: each for each in msgspec.json.decode(capsys.readouterr().out)["what_if"]}
    assert figures["requests a month"]["after"] != figures["requests a month"]["before"]


def test_what_a_full_plan_has_no_use_for_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Who gives a bill and sees another one must not think that it was taken."""
    assert run([*TRACED, "--fixed-usd-per-month", "727", "--json"]) == 0

    warnings = msgspec.json.decode(capsys.readouterr().out)["warnings"]
    assert any(each.startswith("--fixed-usd-per-month: a part of the quick mode alone") for each in warnings)


def test_a_report_is_written_where_it_was_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRACED, "--html", "reports/plan.html"]) == 0

    assert "written: migration/plan.json, reports/plan.html" in capsys.readouterr().out
    assert (folder / "reports/plan.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_generated_requests_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASE, "--generate", "code", "--requests-per-month", "200000", "--json"]) == 0

    assert msgspec.json.decode(capsys.readouterr().out)["load"]["kind"] == "generated"


def test_machines_of_ones_own_are_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "own.yaml").write_text("offers: {office/box: {gpu: H100, usd_per_hour: 0.5}}\n")

    assert run([*TRACED, "--catalogue", "own.yaml", "--json"]) == 0

    assert msgspec.json.decode(capsys.readouterr().out)["own"]["offer"]["name"] == "office/box"


def test_the_demos_traffic_can_be_planned_without_any_further_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer's second command: a demo's minute is an answer too, and said to be very unsure."""
    assert run(["demo", "--chapter", "relay", "--state", "kept"]) == 0
    capsys.readouterr()

    assert run(["plan", "--state", "kept", "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["incumbent"]["name"] == "openai/gpt-4o-mini"
    assert plan["own"]["model"] == "mistral-7b"
    assert "This is very unsure: it rests on a single request in one second" in plan["recommendation"]


def test_usage_from_elsewhere_is_traffic_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a ledger, a log of one's own will do."""
    row = '{"time": "2026-11-20T10:00:%02dZ", "model": "gpt-4o", "input_tokens": 700, "output_tokens": 100}'
    (folder / "usage.jsonl").write_text("\n".join(row % second for second in range(30)))

    assert run(["plan", "--own-model", "llama-3.1-8b", "--gpu", "H100", "--import", "usage.jsonl", "--json"]) == 0

    plan = msgspec.json.decode(capsys.readouterr().out)
    assert plan["load"]["requests_seen"] == 30
    assert plan["incumbent"]["usd_per_request"] == "0.00275"
    kept = artifact.read("plan", folder / "migration")
    assert kept is not None
    assert kept.inputs[0].name.endswith("usage.jsonl")


@pytest.mark.parametrize(
    ("rows", "requests"),
    [
        (["5,700,100"], 1),
        (["5,0,0", "5,0,0"], 2),
        (["1,99999999,1", "2,700,100"], 2),
        (["0,700,100", "9000000,700,100"], 2),
    ],
)
def test_strange_traffic_is_an_answer_too(
    rows: list[str], requests: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "odd.csv").write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))

    assert run([*BASE, "--trace", "odd.csv", "--json"]) == 0

    assert msgspec.json.decode(capsys.readouterr().out)["load"]["requests_seen"] == requests


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 3, "no ledger in .offramp"),
        ([], 3, "or plan without one: --trace FILE"),
        (["--trace", "absent.csv"], 3, "absent.csv cannot be read"),
        (["--generate", "chat"], 2, "add --requests-per-month"),
        (["--trace", "trace.csv", "--what-if", "grwth=1"], 2, "growth"),
        (["--trace", "trace.csv", "--what-if", "input-tokens=5"], 2, "quick mode"),
        (["--trace", "trace.csv", "--what-if", "fixed-usd-per-month=5"], 2, "quick mode alone"),
        (["--trace", "trace.csv", "--require", "region=atlantis"], 2, "nobody states such a thing"),
        (["--trace", "trace.csv", "--own-model", "llama-9"], 2, "add one of your own in a file for --catalogue"),
        (["--trace", "trace.csv", "--gpu", "H1000"], 2, "near are"),
        (["--trace", "trace.csv", "--slo-share", "2"], 2, "slo-share"),
        (["--trace", "trace.csv", "--html", "/proc/no/plan.html"], 3, "cannot be written"),
        (["--input-tokens", "700"], 2, "--requests-per-month, --output-tokens: missing"),
        (
            ["--input-tokens", "7", "--output-tokens", "1", "--requests-per-month", "1", "--trace", "trace.csv"],
            2,
            "--trace belongs to the full plan",
        ),
    ],
)
def test_wrong_use_is_said_in_one_line(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*BASE, *arguments]) == code

    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
