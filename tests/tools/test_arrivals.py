"""The comparison of generated requests with a trace says what it should of loads whose figures are known."""

from pathlib import Path

import numpy as np
import pytest

from offramp.capacity.arrivals import CHAT, generate
from offramp.capacity.load import Load
from tools import arrivals


def test_both_tables_are_printed_for_any_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures go into the documentation."""
    load = generate(1, requests=300, duration_s=300, shape=CHAT)
    columns = zip(load.arrived_s, load.input_tokens, load.output_tokens, strict=True)
    trace = tmp_path / "trace.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(f"{a},{b},{c}" for a, b, c in columns))
    monkeypatch.setattr("sys.argv", ["arrivals", "--trace", str(trace)])

    assert arrivals.main() == 0
    printed = capsys.readouterr().out
    assert f"{load.input_tokens.mean():,.1f}" in printed
    assert all(f"{replicas} × {card}" in printed for card, _, replicas in arrivals.FLEETS)


def test_even_minutes_vary_less_than_chance_and_bursts_more() -> None:
    """Variance over mean: 0 where each minute has as many, above 1 where some have nearly all."""
    even = Load.of(np.arange(600.0), np.full(600, 7), np.full(600, 1))
    bursts = Load.of(np.repeat(np.arange(10) * 120.0, 60), np.full(600, 7), np.full(600, 1))

    assert arrivals.per_minute(even) == 0
    assert arrivals.per_minute(bursts) > 10
