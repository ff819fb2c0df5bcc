"""Captures come back as they were written, live as long as they may, and survive what a crash leaves behind."""

from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import UnavailableError
from offramp.store.captures import FOLDER, Captured, Retention, SegmentWriter, Troubles, expire, read, segments

HOUR_S = 3600.0
NOW_S = 1_790_000_000.0
FOR_EVER = Retention(days=1e6, max_bytes=1 << 60)


def captured(number: int, **fields: object) -> Captured:
    """A capture that differs from others by its number."""
    values: dict[str, object] = {
        "id": f"req-{number}",
        "started_ns": number,
        "operation": "chat.completions",
        "route": "support",
        "team": "support",
        "feature": "",
        "site": "00ff",
        "tier": "local",
        "model_asked": "gpt-4o-mini",
        "model_served": "tiny",
        "status": 200,
        "outcome": "ok",
        "streamed": False,
        "request": msgspec.Raw(b'{"model":"gpt-4o-mini"}'),
        "answer": msgspec.Raw(b"null"),
        **fields,
    }
    return msgspec.convert(values, Captured)


def written(state: Path, *flushes: int, now_s: float = NOW_S) -> Path:
    """So many captures in each flush; gives the one segment."""
    writer = SegmentWriter(state, FOR_EVER)
    number = 0
    for count in flushes:
        for _ in range(count):
            number += 1
            writer.add(captured(number))
        writer.flush(now_s)
    return segments(state / FOLDER)[-1].path


def ids(state: Path, **window: int) -> tuple[list[str], list[str]]:
    """What can be read, and what is said of the rest."""
    troubles = Troubles()
    return [one.id for one in read(state / FOLDER, troubles, **window)], troubles.damaged


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Over several frames, in order, unreadable for others, by zstd's own tools as well."""
    path = written(tmp_path, 2, 1)

    assert ids(tmp_path) == (["req-1", "req-2", "req-3"], [])
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("rb") as file, zstandard.open(file) as lines:
        assert len(lines.read().splitlines()) == 3


def test_only_the_time_that_is_asked_for_is_read(tmp_path: Path) -> None:
    """From the first moment up to but without the last."""
    written(tmp_path, 5)

    assert ids(tmp_path, since_ns=2, until_ns=4) == (["req-2", "req-3"], [])


def test_what_is_not_flushed_is_not_there(tmp_path: Path) -> None:
    """And an empty flush makes no empty segment."""
    writer = SegmentWriter(tmp_path, FOR_EVER)
    writer.flush(NOW_S)
    waiting = writer.add(captured(1))

    assert waiting > 100
    with pytest.raises(UnavailableError, match=r"capture\.share"):
        ids(tmp_path)


@pytest.mark.parametrize("later_s", [HOUR_S, -10.0])
def test_a_segment_ends_after_an_hour_or_when_the_clock_jumps_back(tmp_path: Path, later_s: float) -> None:
    """Else retention would have to keep it for its youngest line."""
    writer = SegmentWriter(tmp_path, FOR_EVER)
    for number, moment_s in enumerate([NOW_S, NOW_S + 10, NOW_S + later_s]):
        writer.add(captured(number))
        writer.flush(moment_s)

    assert len(segments(tmp_path / FOLDER)) == 2
    assert sorted(ids(tmp_path)[0]) == ["req-0", "req-1", "req-2"]


def test_old_segments_are_removed(tmp_path: Path) -> None:
    """An hour later than their names say, since their last line is younger; empty days go as well."""
    for day in range(4):
        written(tmp_path, 1, now_s=NOW_S + day * 24 * HOUR_S)
    removed = expire(tmp_path / FOLDER, Retention(days=1, max_bytes=1 << 60), NOW_S + 3 * 24 * HOUR_S)

    assert removed == 2
    assert [segment.begun_s for segment in segments(tmp_path / FOLDER)] == [
        NOW_S + 2 * 24 * HOUR_S,
        NOW_S + 3 * 24 * HOUR_S,
    ]
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_the_oldest_go_where_all_together_are_too_large(tmp_path: Path) -> None:
    """A disk that fills up is worse than a capture that is missing."""
    paths = [written(tmp_path, 1, now_s=NOW_S + hour * HOUR_S) for hour in range(3)]
    size_bytes = paths[-1].stat().st_size
    expire(tmp_path / FOLDER, Retention(days=1e6, max_bytes=2 * size_bytes + 10), NOW_S)

    assert [segment.path for segment in segments(tmp_path / FOLDER)] == paths[1:]


@given(cut=st.integers(1, 100))
def test_a_segment_that_is_cut_off_gives_what_came_before(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """A crash cuts off at most the last frame, and that is said."""
    state = tmp_path_factory.mktemp("state")
    path = written(state, 2, 2)
    whole = path.read_bytes()
    last = len(zstandard.compress(b"".join(msgspec.json.encode(captured(number)) + b"\n" for number in (3, 4))))
    path.write_bytes(whole[: -min(cut, last - 1)])
    found, damaged = ids(state)

    assert found[:2] == ["req-1", "req-2"]
    assert len(damaged) == 1
    assert "cut off or damaged after line" in damaged[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not zstd", "cut off or damaged after line 0"),
        (zstandard.compress(b'{"id": 7}\n'), "line 1 is no capture"),
        (zstandard.compress(b"[" * 5000 + b"\n"), "line 1 is no capture"),
    ],
)
def test_a_damaged_segment_is_named_and_the_others_are_read(tmp_path: Path, content: bytes, said: str) -> None:
    """Nothing is passed over in silence."""
    written(tmp_path, 1).write_bytes(content)
    written(tmp_path, 2, now_s=NOW_S + HOUR_S)
    found, damaged = ids(tmp_path)

    assert found == ["req-1", "req-2"]
    assert len(damaged) == 1
    assert said in damaged[0]


def test_a_line_that_is_no_capture_costs_only_itself(tmp_path: Path) -> None:
    """The lines after it are as good as those before."""
    path = written(tmp_path, 1, 12)
    lines = [msgspec.json.encode(captured(20)), b"{", b'{"id": "' + b"x" * 300_000, msgspec.json.encode(captured(21))]
    with path.open("ab") as file:
        file.write(zstandard.compress(b"\n".join(lines) + b"\n"))
        file.write(zstandard.compress(b"[]\n" * 12 + msgspec.json.encode(captured(22)) + b"\n"))
    found, damaged = ids(tmp_path)

    assert found[-4:] == ["req-13", "req-20", "req-21", "req-22"]
    assert len(damaged) == 1
    assert "lines 15, 16, 18, 19, 20, 21, 22, 23, 24, 25 and 4 more are no captures" in damaged[0]


def test_segments_that_ended_before_the_time_asked_for_are_not_read(tmp_path: Path) -> None:
    """A month of captures is not unpacked for the last day's; a segment takes lines for an hour."""
    written(tmp_path, 1).write_bytes(b"damaged")
    recent_ns = int((NOW_S + 24 * HOUR_S) * 1e9)
    writer = SegmentWriter(tmp_path, FOR_EVER)
    writer.add(captured(recent_ns))
    writer.flush(NOW_S + 23.5 * HOUR_S)

    assert ids(tmp_path, since_ns=recent_ns) == ([f"req-{recent_ns}"], [])
    assert len(ids(tmp_path, since_ns=int(NOW_S * 1e9))[1]) == 1


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Whatever somebody puts there is theirs."""
    other = written(tmp_path, 1).with_name("notes.jsonl.zst")
    other.write_bytes(b"mine")
    expire(tmp_path / FOLDER, Retention(days=0, max_bytes=0), NOW_S + 1e9)

    assert other.read_bytes() == b"mine"
    assert segments(tmp_path / FOLDER) == []
