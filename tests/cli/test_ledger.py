"""`offramp ledger` as it is typed: what it prints, and what it leaves with."""

import csv
import subprocess
import sys
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from tests.migrate.ledger.filled import fill
from tests.store.samples import attempt, batch, row


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Three answered requests, one of them after a failed attempt, and a refused one."""
    folder = tmp_path / "state"
    tries = (attempt("local", failure="connect", status=0), attempt("openai", cost_nano=165_000))
    fill(
        folder,
        [
            batch(
                row(1),
                row(2, team="sales", feature="search"),
                row(3, tier="openai", attempts=2, cost_nano=165_000, tries=tries, model_asked="gpt\x1b[31m"),
                row(4, tier="none", outcome="refused", status=401, baseline_nano=None, input_tokens=None),
                dropped=2,
            )
        ],
    )
    return folder


def _offramp(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["ledger", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_people_get_totals_groups_and_what_to_do(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first look: what came, what it cost, what it saved."""
    code, out, err = _offramp(capsys, "--state", str(state))

    assert (code, err) == (0, "")
    for expected in (
        "4 requests   2,100 tokens in, 400 out   2026-11-21 07:00 to 08:00 UTC",
        "baseline",
        "$0.000495",
        "saved",
        "$0.00033",
        "local",
        "2 more were answered but could not be recorded",
    ):
        assert expected in out
    assert "\x1b" not in out


def test_rows_show_each_attempt_and_no_control_characters(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model's name comes from a client; it must not paint the terminal."""
    code, out, _ = _offramp(capsys, "--state", str(state), "--rows", "2")

    assert code == 0
    assert "local (connect) → openai" in out
    assert "gpt\\x1b[31m" in out
    assert "401 refused" in out
    assert "req-1" not in out


def test_an_answer_from_the_cache_shows_who_was_asked_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cache is no attempt at anybody, but it is who answered."""
    tries = (attempt("local", failure="connect", status=0), attempt("openai", failure="connect", status=0))
    fill(tmp_path, [batch(row(1, tier="cache", attempts=2, tries=tries), row(2, tier="cache", attempts=0))])

    _, out, _ = _offramp(capsys, "--state", str(tmp_path), "--rows", "2")

    assert "local (connect) → openai (connect) → cache" in " ".join(out.split())
    assert out.count("cache") == 2


def test_programs_get_exact_amounts(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the groups and rows that were asked for besides."""
    code, out, _ = _offramp(capsys, "--state", str(state), "--json", "--by", "model", "--rows", "1")
    found = msgspec.json.decode(out)

    assert code == 0
    assert (found["requests"], found["cost_usd"], found["dropped"]) == (4, "0.000165", 2)
    assert found["by_outcome"]["refused"]["requests"] == 1
    assert found["by_model"]["gpt-4o-mini"]["requests"] == 3
    assert [one["id"] for one in found["rows"]] == ["req-4"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--team", "sales"), 1),
        (("--feature", "search"), 1),
        (("--model", "tiny"), 4),
        (("--tier", "openai"), 1),
        (("--route", "support-chat"), 4),
        (("--outcome", "refused"), 1),
        (("--operation", "embeddings"), 0),
        (("--key", "support-key"), 4),
        (("--site", "0102"), 4),
        (("--site", "ff"), 0),
        (("--day", "2026-11-21"), 4),
        (("--day", "2026-11-20"), 0),
        (("--since", "2026-11-21T07:30:00.003", "--until", "2026-11-22"), 2),
    ],
)
def test_filters_restrict_the_view(
    state: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: int
) -> None:
    """Each by itself."""
    _, out, _ = _offramp(capsys, "--state", str(state), "--json", *arguments)

    assert msgspec.json.decode(out)["requests"] == expected


def test_spreadsheets_get_one_line_per_group_or_request(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Groups by default, requests with --rows."""
    _, groups, _ = _offramp(capsys, "--state", str(state), "--csv", "--by", "team")
    _, requests, _ = _offramp(capsys, "--state", str(state), "--csv", "--rows", "10")

    assert [(one["team"], one["requests"]) for one in csv.DictReader(StringIO(groups))] == [
        ("support", "3"),
        ("sales", "1"),
    ]
    assert [one["id"] for one in csv.DictReader(StringIO(requests))] == ["req-1", "req-2", "req-3", "req-4"]
    assert next(line for line in csv.DictReader(StringIO(requests)) if line["id"] == "req-3")["tries"] == (
        "local:connect openai:ok"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--json", "--csv"), "exclude each other"),
        (("--day", "today"), "--day 'today' is no day"),
        (("--day", "2026-11-21", "--since", "7d"), "--day stands alone"),
        (("--since", "soon"), "--since 'soon' is no moment"),
        (("--since", "2026-11-21", "--until", "2026-11-20"), "--since 2026-11-21 is not before --until 2026-11-20"),
        (("--site", "xyz"), "--site 'xyz' is no fingerprint"),
        (("--by", "weekday"), "weekday"),
        (("--rows", "0"), "--rows"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    state: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """The line names the option and the value."""
    code, out, err = _offramp(capsys, "--state", str(state), *arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_no_ledger_is_one_line_and_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs too: zeros would say that nothing was spent."""
    for arguments in ((), ("--json",)):
        code, out, err = _offramp(capsys, "--state", str(tmp_path / "nowhere"), *arguments)

        assert (code, out) == (3, "")
        assert "offramp serve --state" in err
        assert err.count("\n") == 1


def test_an_empty_ledger_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway has started and nobody has called yet: that is no error."""
    fill(tmp_path, [])
    code, out, _ = _offramp(capsys, "--state", str(tmp_path))
    json_code, json, _ = _offramp(capsys, "--state", str(tmp_path), "--json")
    nothing, matching, _ = _offramp(capsys, "--state", str(tmp_path), "--team", "nobody")

    assert (code, json_code, nothing) == (0, 0, 0)
    assert "No requests yet. Point an application's base_url at the gateway" in out
    assert msgspec.json.decode(json)["requests"] == 0
    assert "No requests match" in matching


def test_reading_needs_no_large_library(state: Path) -> None:
    """They would double the time until the first line."""
    program = (
        "import sys; from offramp.cli import run; run(['ledger', '--state', sys.argv[1], '--json']);"
        "sys.exit(any(name in sys.modules for name in ('alembic', 'duckdb', 'numpy', 'sqlalchemy')))"
    )

    assert (
        subprocess.run([sys.executable, "-c", program, str(state)], stdout=subprocess.DEVNULL, check=False).returncode
        == 0
    )
