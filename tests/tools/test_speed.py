"""The project's own measurement ends, counts right, and refuses figures that the ledger does not confirm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tools.speed import report, traffic
from tools.speed.__main__ import Books

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads processor time from /proc")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )


@LINUX
def test_a_short_run_finds_every_answer_in_the_ledger(tmp_path: Path) -> None:
    """A figure that the ledger does not confirm is none, so the check itself must work."""
    figures = tmp_path / "figures.json"
    options = ["--rounds", "1", "--seconds", "0.2", "--streams", "10", "--json", str(figures)]

    done = _run("tools.speed", *options)

    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(figures.read_text(encoding="utf-8"))
    assert document["ledger"]["requests"] == document["ledger"]["answers"] > 50
    assert document["figures"]["offramp"]["bad"] == 0
    assert document["figures"]["offramp"]["cpu_us_per_request"] > 0
    assert document["figures"]["offramp"]["cpu_us_per_chunk"] > 0
    assert document["figures"]["offramp"]["idle_mb"] > 0
    assert "requests/s" in done.stdout


@LINUX
def test_the_hot_path_is_timed_without_a_socket_and_compared(tmp_path: Path) -> None:
    """Two versions are told apart by running this once for each."""
    figures = tmp_path / "before.json"

    kept = _run("tools.speed.hotpath", "--batches", "2", "--json", str(figures))
    compared = _run("tools.speed.hotpath", "--batches", "2", "--against", str(figures))

    assert kept.returncode == compared.returncode == 0, kept.stderr + compared.stderr
    assert set(json.loads(figures.read_text(encoding="utf-8"))) > {"1.2 KB", "20 KB", "streamed chunk"}
    assert "ratio" in compared.stdout


@LINUX
def test_the_parts_of_the_hot_path_are_timed_one_by_one() -> None:
    """So that whoever wants it faster sees where to begin."""
    timed = _run("tools.speed.parts")

    assert timed.returncode == 0, timed.stderr
    assert "decode the request" in timed.stdout
    assert "settle" in timed.stdout


def test_a_missing_row_or_a_dropped_one_spoils_the_figures() -> None:
    """A gateway that forgets to account is fast and worthless."""
    assert Books(requests=10, answers=10).balance
    assert not Books(requests=9, answers=10).balance
    assert not Books(requests=10, answers=10, dropped=1).balance


def test_the_streams_that_count_as_whole_are_the_sent_one_with_and_without_usage() -> None:
    """A relay may take the usage out that the client did not ask for; nothing else may be missing."""
    sent = traffic.unchunked(
        (traffic.STREAM_START + b"".join(traffic.STREAM_CHUNKS) + traffic.STREAM_END).partition(b"\r\n\r\n")[2]
    )

    assert sent in traffic.WHOLE_STREAMS
    assert len(traffic.WHOLE_STREAMS) == 2
    assert all(b"word099" in body and body.endswith(b"data: [DONE]\n\n") for body in traffic.WHOLE_STREAMS)


def test_a_body_that_is_cut_off_is_what_came_until_there() -> None:
    """A broken stream must compare as different, not crash the client."""
    whole = traffic.chunk(b"one") + traffic.chunk(b"two") + traffic.LAST_CHUNK

    assert traffic.unchunked(whole) == b"onetwo"
    assert traffic.unchunked(whole[:-7]) == b"onetwo"[:6]
    assert traffic.unchunked(b"") == b""


def test_a_figure_is_the_median_of_its_rounds_and_latencies_are_put_together() -> None:
    """One disturbed round must not decide a figure."""
    direct, ours = report.Result("direct"), report.Result("offramp")
    for cpu_us, latency_s in ((20.0, 0.001), (90.0, 0.002), (22.0, 0.003)):
        ours.rounds.append(_round(cpu_us, [latency_s] * 10))
        direct.rounds.append(_round(0.0, [0.0005] * 10))

    figures = ours.figures(direct)

    assert figures["cpu_us_per_request"] == 22.0
    assert ours.spread("cpu_us_per_request") == (20.0, 90.0)
    assert figures["added_p50_us"] == pytest.approx(1500)
    assert figures["added_p99_us"] == pytest.approx(2500)


def test_a_ratio_is_only_given_where_the_reference_has_a_figure() -> None:
    """Added latency can come out as nothing on a noisy machine; nothing is the multiple of nothing."""
    ours = dict.fromkeys(report.RATIOS, 3.0)
    reference = dict.fromkeys(report.RATIOS, 2.0) | {"added_p50_us": 0.0}

    found = report.ratios(ours, reference)

    assert found["cpu_us_per_request"] == 1.5
    assert "added_p50_us" not in found


def _round(cpu_us: float, latencies_s: list[float]) -> report.Round:
    return report.Round(
        requests_per_s=1.0,
        requests_20k_per_s=1.0,
        cpu_us_per_request=cpu_us,
        cpu_us_per_chunk=1.0,
        latencies_s=latencies_s,
        idle_mb=1.0,
        streams_mb=1.0,
        start_s=1.0,
        others_share=0.0,
        answers=1,
        bad=0,
    )
