"""A trace is read row by row: what cannot be read is told by its number, the rest counts."""

from pathlib import Path

import numpy as np
import pytest

from offramp.errors import UnavailableError, UsageError
from offramp.migrate.plan.traces import PROBLEMS_KEPT, read_trace

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


def trace_file(folder: Path, text: str) -> Path:
    """A trace with that content."""
    path = folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_form_of_the_azure_trace_is_read(tmp_path: Path) -> None:
    """Seven digits of a second, as that file writes them."""
    trace = read_trace(
        trace_file(tmp_path, f"{HEADER}2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n")
    )

    assert trace.arrived_s.tolist() == pytest.approx([0.0, 4.314579], abs=1e-5)
    assert trace.input_tokens.tolist() == [374, 396]
    assert trace.output_tokens.tolist() == [44, 109]
    assert trace.begins == "2023-11-16 18:15"
    assert (trace.problems, trace.left_out, trace.jumps) == ((), 0, 0)


def test_seconds_another_order_of_columns_and_cached_tokens_are_read(tmp_path: Path) -> None:
    text = "GeneratedTokens,timestamp,ContextTokens,CachedTokens\n5,10.5,100,64\n6,11,101,\n"
    trace = read_trace(trace_file(tmp_path, text))

    assert trace.arrived_s.tolist() == [0.0, 0.5]
    assert trace.cached_tokens.tolist() == [64, 0]
    assert trace.begins == ""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("yesterday,1,1", "TIMESTAMP 'yesterday' is no moment"),
        ("nan,1,1", "TIMESTAMP 'nan' is no moment"),
        ("5,-1,1", "ContextTokens -1 is no number of tokens"),
        ("5,1,many", "GeneratedTokens 'many' is no number of tokens"),
        ("5,1,999999999999", "is no number of tokens of one request"),
        ("5,1", "it has 2 cells, too few"),
    ],
)
def test_a_bad_row_is_told_by_its_number_and_the_rest_counts(row: str, said: str, tmp_path: Path) -> None:
    trace = read_trace(trace_file(tmp_path, f"{HEADER}1,10,20\n\n{row}\n2,30,40\n"))

    assert trace.input_tokens.tolist() == [10, 30]
    assert trace.left_out == 1
    assert trace.problems[0].row == 4
    assert said in trace.problems[0].message


def test_more_bad_rows_than_anybody_reads_are_counted(tmp_path: Path) -> None:
    trace = read_trace(trace_file(tmp_path, f"{HEADER}1,10,20\n" + "x,1,1\n" * 100))

    assert trace.left_out == 100
    assert len(trace.problems) == PROBLEMS_KEPT


def test_a_clock_that_goes_back_is_told_and_rows_are_put_in_order(tmp_path: Path) -> None:
    trace = read_trace(trace_file(tmp_path, f"{HEADER}100,1,1\n99.5,2,1\n10,3,1\n"))

    assert trace.jumps == 1
    assert np.all(np.diff(trace.arrived_s) >= 0)
    assert trace.input_tokens.tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column TIMESTAMP in the first line"),
        ("a,b,c\n1,2,3\n", "expected TIMESTAMP,ContextTokens,GeneratedTokens"),
        (HEADER, "it has a header and nothing else"),
        (f"{HEADER}x,1,1\n", "row 2: TIMESTAMP 'x'"),
    ],
)
def test_a_file_that_is_no_trace_says_what_was_expected(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="trace") as raised:
        read_trace(trace_file(tmp_path, text))

    assert said in str(raised.value)


def test_what_is_no_text_or_no_file_is_said_in_words(tmp_path: Path) -> None:
    binary = tmp_path / "trace.bin"
    binary.write_bytes(b"\x89PNG\xff\xfe" * 9)

    with pytest.raises(UsageError, match="no CSV file"):
        read_trace(binary)
    with pytest.raises(UnavailableError, match="cannot be read"):
        read_trace(tmp_path / "absent.csv")
