"""The measurement of the ledger ends, and what it moved is what it made."""

from pathlib import Path

import msgspec
import pytest

from tools.speed import ledger


def test_a_short_run_has_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures go into the documentation."""
    figures = tmp_path / "figures.json"
    words = ["--rows", "1500", "--rounds", "1", "--folder", str(tmp_path), "--json", str(figures)]
    monkeypatch.setattr("sys.argv", ["ledger", *words])
    monkeypatch.setattr(ledger, "COMMANDS", {"offramp ledger": ()})

    assert ledger.main() == 0
    found = msgspec.json.decode(figures.read_bytes(), type=list[dict[str, float | str]])
    assert [str(one["what"]).partition(",")[0] for one in found] == [
        "fold",
        "sums per hour",
        "ledger.db",
        "offramp ledger",
        "handing over to DuckDB",
        "move to the history",
        "ledger.db after it",
        "history",
        "offramp ledger",
        "the same question of the history",
    ]
    assert list(tmp_path.iterdir()) == [figures]
