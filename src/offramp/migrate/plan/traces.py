"""Reads a trace of requests: a CSV file with the moment, the tokens in and the tokens out of each.

The form is that of the Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens; a moment is a date with a
time, or seconds. A column CachedTokens may follow. Rows that cannot be read are told by number, the others are counted.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offramp.errors import UnavailableError, UsageError

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
CACHED = "CachedTokens"

PROBLEMS_KEPT = 20
"""Rows that are told one by one; the others are only counted."""

JUMP_S = 1.0
"""A clock that goes back by more than this was set anew; by less, rows were written by several threads."""

MOST_TOKENS = 10**8
"""More in one request is a slip."""

_LONGEST_ROW = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one row."""

    row: int
    """The line of the file, the header being 1."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The rows that could be read, in the order of time."""

    arrived_s: NDArray[np.float64]
    """From 0."""
    input_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    cached_tokens: NDArray[np.int64]
    begins: str
    """When, if the file says dates."""
    problems: tuple[Problem, ...]
    """The first of them."""
    left_out: int
    """Rows that could not be read."""
    jumps: int
    """How often the clock went back."""


def read_trace(path: Path) -> Trace:
    """Read all of it.

    Raises:
        UnavailableError: If it cannot be opened.
        UsageError: If it is no such file, or no row of it can be read.
    """
    problems: list[Problem] = []
    left_out = 0
    rows: list[tuple[float, int, int, int]] = []
    with _lines(path) as lines:
        places = _places(path, next(lines, []))
        for number, cells in enumerate(lines, 2):
            if not cells:
                continue
            try:
                rows.append(_row(cells, places))
            except ValueError as error:
                left_out += 1
                if len(problems) < PROBLEMS_KEPT:
                    problems.append(Problem(row=number, message=str(error)))
    if not rows:
        why = f"row {problems[0].row}: {problems[0].message}" if problems else "it has a header and nothing else"
        raise UsageError(f"{path}: no row of the trace can be read ({why})", param="trace")
    return _trace(rows, tuple(problems), left_out)


def _trace(rows: list[tuple[float, int, int, int]], problems: tuple[Problem, ...], left_out: int) -> Trace:
    jumps = sum(1 for before, after in pairwise(rows) if after[0] < before[0] - JUMP_S)
    rows.sort(key=lambda row: row[0])
    first_s = rows[0][0]
    return Trace(
        arrived_s=np.array([row[0] - first_s for row in rows], dtype=np.float64),
        input_tokens=np.array([row[1] for row in rows], dtype=np.int64),
        output_tokens=np.array([row[2] for row in rows], dtype=np.int64),
        cached_tokens=np.array([row[3] for row in rows], dtype=np.int64),
        begins=f"{datetime.fromtimestamp(first_s, UTC):%Y-%m-%d %H:%M}" if first_s > 10**8 else "",
        problems=problems,
        left_out=left_out,
        jumps=jumps,
    )


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[list[str]]]:
    """The cells of each line; a file that is no text ends in an error that says so."""
    before = csv.field_size_limit(_LONGEST_ROW)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8 ({error})", param="trace") from None
    finally:
        csv.field_size_limit(before)


def _places(path: Path, header: Sequence[str]) -> tuple[int, int, int, int | None]:
    named = {cell.strip().lower(): place for place, cell in enumerate(header)}
    missing = [column for column in COLUMNS if column.lower() not in named]
    if missing:
        shown = ",".join(header)[:80]
        raise UsageError(
            f"{path}: no column {missing[0]} in the first line ({shown!r}); expected {','.join(COLUMNS)}", param="trace"
        )
    moment, tokens_in, tokens_out = (named[column.lower()] for column in COLUMNS)
    return moment, tokens_in, tokens_out, named.get(CACHED.lower())


def _row(cells: list[str], places: tuple[int, int, int, int | None]) -> tuple[float, int, int, int]:
    moment, tokens_in, tokens_out, cached = places
    if len(cells) <= max(moment, tokens_in, tokens_out):
        raise ValueError(f"it has {len(cells)} cells, too few")
    input_tokens = _tokens(cells[tokens_in], COLUMNS[1])
    output_tokens = _tokens(cells[tokens_out], COLUMNS[2])
    cached_tokens = 0 if cached is None or cached >= len(cells) else _tokens(cells[cached] or "0", CACHED)
    if cached_tokens > input_tokens:
        raise ValueError(f"{CACHED} {cached_tokens} is more than {COLUMNS[1]} {input_tokens}")
    return _seconds(cells[moment]), input_tokens, output_tokens, cached_tokens


def _tokens(cell: str, column: str) -> int:
    try:
        tokens = int(cell)
    except ValueError:
        raise ValueError(f"{column} {cell[:40]!r} is no number of tokens") from None
    if not 0 <= tokens <= MOST_TOKENS:
        raise ValueError(f"{column} {tokens} is no number of tokens of one request")
    return tokens


def _seconds(cell: str) -> float:
    try:
        seconds = float(cell)
    except ValueError:
        return _moment(cell)
    if not isfinite(seconds) or abs(seconds) > 10**11:
        raise ValueError(f"{COLUMNS[0]} {cell[:40]!r} is no moment")
    return seconds


def _moment(cell: str) -> float:
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        raise ValueError(f"{COLUMNS[0]} {cell[:40]!r} is no moment such as 2023-11-16 18:15:46.68") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
