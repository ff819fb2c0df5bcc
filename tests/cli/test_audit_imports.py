"""Usage from elsewhere is audited beside a ledger or without one; what is missing is said."""

import json
from pathlib import Path

import pytest

from offramp.cli import run
from tests.migrate.imports.test_read import FLAT, LITELLM, usage_page


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, without a ledger."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_import_is_audited_without_a_ledger(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing that a team with logs and without a gateway does."""
    Path("spend.json").write_text(json.dumps([LITELLM, {**LITELLM, "request_id": "r2"}]))

    assert run(["audit", "--import", "spend.json", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["requests"] == 2
    assert found["cost_usd"] == "0.00033"
    assert found["sources"] == {"litellm-1": 2}
    assert [(one["file"], one["kind"], one["requests"]) for one in found["imports"]] == [("spend.json", "litellm", 2)]
    assert not (here / ".offramp").exists()


def test_what_is_missing_is_said_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    """File by file, with the first problems."""
    Path("log.jsonl").write_text(f"{json.dumps(FLAT)}\n{{broken\n")
    Path("usage.json").write_bytes(
        usage_page({"num_model_requests": 10, "input_tokens": 7000, "output_tokens": 1000, "model": "gpt-4o"})
    )

    assert run(["audit", "--import", "log.jsonl", "--import", "usage.json", "--html", "report.html"]) == 0
    said = capsys.readouterr().out

    assert "1 row left out" in said
    assert "row 2: it is no JSON" in said
    assert "10 requests" in said
    assert "log.jsonl" in Path("report.html").read_text()
    assert json.loads(Path("migration/audit.json").read_text())["content"]["totals"][0]["model"] == "gpt-4o"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--import", "nowhere.json"], 3, "nowhere.json cannot be read"),
        (["--import", "log.jsonl", "--import-kind", "har"], 2, "nothing in it can be used as har"),
        (["--import", "log.jsonl", "--import-kind", "excel"], 2, "excel"),
    ],
)
def test_what_cannot_be_imported_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """In one line, with what to do."""
    Path("log.jsonl").write_text(json.dumps(FLAT))

    assert run(["audit", *arguments]) == code
    assert said in capsys.readouterr().err


def test_the_teams_own_prices_win_over_list_prices(capsys: pytest.CaptureFixture[str]) -> None:
    """An audit and a plan of the same file must not differ because one of them knows the contract."""
    Path("log.jsonl").write_text(json.dumps({**FLAT, "cost_usd": None, "provider": "openai"}))
    Path("offramp.yaml").write_text(
        f"prices:\n  openai/{FLAT['model']}: {{input_usd_per_mtok: 1000000, output_usd_per_mtok: 0}}\n"
    )

    assert run(["audit", "--import", "log.jsonl", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cost_usd"] == str(found["input_tokens"])


def test_a_report_does_not_claim_that_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that could not be read, and token counts that cannot be, are in the report and on the terminal."""
    broken = {**FLAT, "timestamp": "yesterday", "team": "<b>"}
    Path("log.jsonl").write_text("\n".join(map(json.dumps, (FLAT, {**FLAT, "prompt_tokens": -5}, broken))))

    assert run(["audit", "--import", "log.jsonl", "--html", "report.html"]) == 0
    said, html = capsys.readouterr().out, Path("report.html").read_text()

    assert "1 request without any usage" in said
    assert "name the `provider` in the records" in said
    assert "row 2: its prompt_tokens -5 is no number of tokens" in said
    assert "log.jsonl: 1 row left out" in html
    assert "row 3: its time &#39;yesterday&#39; is no moment" in html
    assert "Nothing: every request" not in html


def test_a_bill_says_nothing_of_requests_and_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve dollars for nothing at all would be a finding; it is only that a bill does not count them."""
    result = {
        "object": "organization.costs.result",
        "amount": {"value": 12.5, "currency": "usd"},
        "line_item": "gpt-4o",
    }
    Path("costs.json").write_bytes(usage_page(result))

    assert run(["audit", "--import", "costs.json"]) == 0
    said = capsys.readouterr().out
    assert run(["audit", "--import", "costs.json", "--json"]) == 0
    (total,) = json.loads(capsys.readouterr().out)["totals"]

    assert "$12.5" in said
    assert "0 requests" not in said
    assert (total["requests"], total["input_tokens"], total["cost_usd"]) == (None, None, "12.5")
