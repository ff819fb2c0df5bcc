"""What was captured can be looked at, taken out and removed."""

import json
from pathlib import Path

import pytest

from offramp.cli import run
from offramp.store.captures import FOLDER, segments
from tests.store.test_captures import NOW_S, captured, written


def test_one_sees_how_many_there_are_and_of_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people by default."""
    written(tmp_path, 3)

    assert run(["captures", "--state", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 captures, 0.0 MB in ")
    assert "support" in said


def test_a_program_gets_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what could not be read."""
    written(tmp_path, 2)
    written(tmp_path, 1, now_s=NOW_S + 7200).write_bytes(b"damaged")

    assert run(["captures", "--state", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["captures"], found["by_route"], found["by_outcome"]) == (2, {"support": 2}, {"ok": 2})
    assert len(found["damaged"]) == 1
    assert "cut off or damaged" in said.err


def test_they_can_be_taken_out_as_lines(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """To a file that only its owner reads, or onwards."""
    written(tmp_path, 2)
    target = tmp_path / "out.jsonl"

    assert run(["captures", "--state", str(tmp_path), "--export", str(target)]) == 0
    assert run(["captures", "--state", str(tmp_path), "--export", str(target)]) == 2
    capsysbinary.readouterr()
    assert run(["captures", "--state", str(tmp_path), "--export", "-"]) == 0
    lines = target.read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [captured(1).id, captured(2).id]
    assert capsysbinary.readouterr().out.splitlines() == lines
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("option", "value"), [("--route", "other"), ("--since", "2030-01-01"), ("--until", "1969-01-01")]
)
def test_filters_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """By route and by time, like the ledger's."""
    written(tmp_path, 2)

    assert run(["captures", "--state", str(tmp_path), option, value]) == 0
    assert capsys.readouterr().out.startswith("0 captures")


def test_they_can_be_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, and nothing else."""
    written(tmp_path, 2)

    assert run(["captures", "--state", str(tmp_path), "--delete", "--route", "x"]) == 2
    assert run(["captures", "--state", str(tmp_path), "--delete"]) == 0
    assert segments(tmp_path / FOLDER) == []
    assert "1 file of captures removed" in capsys.readouterr().out


def test_where_there_are_none_one_is_told_how_to_get_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newcomer's first try."""
    assert run(["captures", "--state", str(tmp_path)]) == 3
    assert "capture.share" in capsys.readouterr().err
