"""`offramp ledger move`, and that `offramp ledger` answers the same after it as before."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.cli.ledger_move import told
from offramp.migrate.history.files import Problem
from offramp.migrate.history.kept import Kept
from offramp.pricing.compute import NS_PER_HOUR
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, attempt, batch, row

OLD_NS = START_NS - 24_000 * NS_PER_HOUR


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Requests of an hour long ago, one of them with two attempts."""
    tries = (attempt("local", failure="connect", status=0), attempt("openai", cost_nano=165_000))
    rows = [
        row(1, started_ns=OLD_NS),
        row(2, started_ns=OLD_NS + 1, tier="openai", attempts=2, tries=tries, site=b"\xab\x01"),
        row(3, started_ns=OLD_NS + 2, team="sales"),
    ]
    fill(tmp_path / "state", [batch(*rows)])
    return tmp_path / "state"


def _offramp(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["ledger", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


_QUESTIONS = (
    ("--rows", "2"),
    ("--rows", "10", "--json"),
    ("--rows", "10", "--csv"),
    ("--site", "ab", "--json"),
    ("--by", "site"),
    ("--by", "day", "--csv"),
    ("--team", "sales", "--rows", "5"),
    ("--since", "2020-01-01T00:00:00.5", "--json"),
    ("--until", "2026-11-21T07:31", "--by", "hour"),
)


def test_every_question_has_the_same_answer_after_a_move(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sums, groups, filters, edges of hours, single requests with their attempts."""
    before = [_offramp(capsys, "--state", str(state), *words) for words in _QUESTIONS]
    moved = _offramp(capsys, "move", "--state", str(state))
    after = [_offramp(capsys, "--state", str(state), *words) for words in _QUESTIONS]
    with closing(sqlite3.connect(state / "ledger.db")) as ledger:
        left = ledger.execute("SELECT count(*) FROM exchanges").fetchone()

    assert moved == "3 requests moved to the history\n"
    assert left == (0,)
    for words, one, other in zip(_QUESTIONS, before, after, strict=True):
        if "--json" in words:
            old, new = msgspec.json.decode(one), msgspec.json.decode(other)
            assert new.pop("history")["requests"] == 3
            assert old.pop("history")["requests"] == 0
            assert new == old
        else:
            assert other == one


def test_the_folder_may_stand_before_or_after(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that was silently forgotten would move another ledger."""
    first = _offramp(capsys, "--state", str(state), "move", "--json")
    second = _offramp(capsys, "move", "--state", str(state))

    assert msgspec.json.decode(first) == {"moved": 3, "merged": 0, "expired": 0, "waiting": 0, "problems": []}
    assert second == "Nothing to move.\n"


def test_deleting_is_said_here_and_wherever_requests_are_listed(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sums remain, so somebody will look for the requests behind them."""
    moved = _offramp(capsys, "move", "--state", str(state), "--keep-days", "30")
    rows = _offramp(capsys, "--state", str(state), "--rows", "5")
    whole = msgspec.json.decode(_offramp(capsys, "--state", str(state), "--json"))

    assert "3 requests deleted; their sums remain" in moved
    assert "until 2024-02-25, 3 requests deleted" in rows
    assert whole["requests"] == 3
    assert whole["history"] == {"files": 0, "requests": 0, "expired": 3, "problems": []}


def test_a_file_that_is_damaged_is_named_below_the_table(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what is missing, so that nobody takes the list for the whole."""
    _offramp(capsys, "move", "--state", str(state))
    (path,) = (state / "history").glob("*/*.parquet")
    path.write_bytes(b"")
    sums = _offramp(capsys, "--state", str(state))
    rows = _offramp(capsys, "--state", str(state), "--rows", "5")

    assert "3 requests" in sums
    for out in (sums, rows):
        assert f"history/{path.parent.name}/{path.name}: it is damaged: 0 bytes where" in out
        assert "3 requests of it in the sums per hour alone" in out


def test_no_ledger_is_one_line_and_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    assert run(["ledger", "move", "--state", str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("offramp: no ledger in ")


def test_everything_that_happened_has_its_line() -> None:
    """In the order in which it is done."""
    problem = Problem(file="2026-11-21/07-0badcafe.parquet", message="it is missing", rows=2)
    kept = Kept(moved=1, merged=24, expired=2_000, waiting=24, problems=(problem,))

    assert told(kept).splitlines() == [
        "1 request moved to the history",
        "24 files of days that are over became fewer",
        "2,000 requests deleted; their sums remain",
        "24 files still being read, to be deleted by the next move",
        "history/2026-11-21/07-0badcafe.parquet: it is missing",
    ]
