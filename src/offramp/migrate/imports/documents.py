"""Reads files of records: JSON, JSON lines and CSV, packed or not, row by row with the numbers of the rows."""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec
import zstandard

from offramp.errors import UnavailableError, UsageError
from offramp.migrate.imports.notes import Notes

MAX_DOCUMENT_BYTES = 1 << 30
"""A JSON document is read whole, so there is a bound; JSON lines have none."""
MAX_LINE_BYTES = 64 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked if it is packed (gzip, zstd).

    Raises:
        UnavailableError: If it cannot be read.
        UsageError: If what it is packed in is damaged.
    """
    try:
        with path.open("rb") as raw:
            start = raw.peek(4)[:4]
            if start.startswith(_GZIP):
                with gzip.open(raw) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            elif start == _ZSTD:
                with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
                    yield io.BufferedReader(stream)
            else:
                yield raw
    except (gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        raise UsageError(f"{path} is cut off or damaged: {error}", param="import") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None


def beginning(path: Path, size_bytes: int = 1 << 16) -> bytes:
    """The first bytes, unpacked, without a byte order mark."""
    with opened(path) as file:
        return file.read(size_bytes).removeprefix(_BOM).lstrip()


def rows(path: Path, notes: Notes) -> Iterator[tuple[int, object]]:
    """The records of a file, each with its number from 1.

    A JSON document is an array of records, an object whose `data` is one, or one record; else it is JSON lines, or CSV.
    """
    start = beginning(path)
    if start[:1] not in (b"{", b"["):
        yield from _csv_rows(path, notes)
    elif _is_document(path, start):
        yield from enumerate(_members(document(path)), start=1)
    else:
        yield from _lines(path, notes)


def document(path: Path) -> object:
    """A JSON document as a whole.

    Raises:
        UsageError: If it is none, or too long.
    """
    with opened(path) as file:
        content = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise UsageError(
            f"{path} is longer than {MAX_DOCUMENT_BYTES >> 30} GiB; split it, or use JSON lines", param="import"
        )
    try:
        return msgspec.json.decode(content.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON ({error})", param="import") from None


def _members(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    inner = value.get("data") if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else [value]


def _is_document(path: Path, start: bytes) -> bool:
    """Whether it is one JSON value: its first line is not a whole one, or it is the only one."""
    line, newline, rest = start.partition(b"\n")
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        # A first line longer than what was looked at may still be a line of many.
        return bool(newline) or not _has_lines(path)
    return not rest.strip()


def _has_lines(path: Path) -> bool:
    with opened(path) as file:
        first = file.readline(MAX_LINE_BYTES)
        try:
            msgspec.json.decode(first.removeprefix(_BOM))
        except (ValueError, RecursionError):
            return False
        return bool(file.readline(16).strip())


def _lines(path: Path, notes: Notes) -> Iterator[tuple[int, object]]:
    with opened(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            line = line.removeprefix(_BOM).strip()
            if not line:
                continue
            try:
                yield number, msgspec.json.decode(line)
            except (ValueError, RecursionError) as error:
                notes.leave_out(number, f"it is no JSON ({error})")


def _csv_rows(path: Path, notes: Notes) -> Iterator[tuple[int, object]]:
    with opened(path) as file:
        reader = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        before = csv.field_size_limit(MAX_LINE_BYTES)
        try:
            for cells in reader:
                if None in cells:
                    notes.remark(reader.line_num, "it has more cells than the first line")
                yield reader.line_num, {name: cell for name, cell in cells.items() if name is not None}
        except (UnicodeDecodeError, csv.Error) as error:
            notes.leave_out(reader.line_num, f"it is no CSV in UTF-8 ({error}); what follows was not read")
        finally:
            csv.field_size_limit(before)
