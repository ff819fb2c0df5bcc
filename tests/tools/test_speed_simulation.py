"""The measurement of the simulation ends, and fails where it is slow."""

import json
from pathlib import Path

import pytest

from tools.speed import simulation


def test_a_short_run_has_every_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures go into the documentation."""
    figures = tmp_path / "figures.json"
    words = ["speed", "--requests", "300", "--repeats", "1", "--jobs", "1", "--json", str(figures)]
    monkeypatch.setattr("sys.argv", words)

    assert simulation.main() == 0
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert len(document["simulations"]) == len(simulation.CONFIGURATIONS)
    assert document["search"]["simulated"] > 0


def test_a_trace_is_read_and_what_takes_too_long_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A limit that cannot be missed is none."""
    trace = tmp_path / "trace.csv"
    rows = [f"2023-11-16 18:15:{second:02}.5,700,100" for second in range(50)]
    trace.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["speed", "--trace", str(trace), "--repeats", "1"])
    monkeypatch.setattr(simulation, "WANTED_S", 0.0)

    assert simulation.main() == 1
    assert "longer than wanted" in capsys.readouterr().out
