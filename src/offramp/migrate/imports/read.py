"""Reads what other programs have recorded, and lays it down as Parquet with the ledger's columns."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

import msgspec

from offramp.catalog.prices import PriceBook
from offramp.errors import UsageError
from offramp.migrate.history import piece
from offramp.migrate.history.engine import Engine, open_engine
from offramp.migrate.imports import har, langfuse, lines, litellm, mitmproxy, openai_usage, opentelemetry
from offramp.migrate.imports.documents import beginning, document, opened, rows
from offramp.migrate.imports.kinds import Kind, by_beginning, by_record
from offramp.migrate.imports.notes import Notes, Problem, usable
from offramp.migrate.imports.oddities import oddities
from offramp.migrate.imports.row import Bucket
from offramp.migrate.imports.values import Record, record
from offramp.migrate.ledger.selection import NS_PER_DAY
from offramp.pricing.cards import TokenCard
from offramp.store import schema
from offramp.store.columns import EXCHANGE, Money, exchange_values
from offramp.store.rows import ExchangeRow
from offramp.wire.usage import Usage

_BATCH = 5_000
_EPOCH = date(1970, 1, 1).toordinal()
_COLUMNS = ("seq", *EXCHANGE, "cost_nano", "baseline_nano", "compute_nano")
_INSERT = f"INSERT INTO exchanges ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
"""The order of `store.columns.exchange_values`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """What came of one file."""

    path: Path
    kind: Kind
    exchanges: int
    left_out: int
    """Rows that could not be counted."""
    passed_over: int
    """Entries that are no calls of a model."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of all of them."""

    parquet: tuple[Path, ...]
    """Exchanges with the ledger's columns; the name of a file is that of the source."""
    files: tuple[ImportedFile, ...]
    buckets: tuple[Bucket, ...]
    """Totals that nobody has by single requests."""


def to_parquet(
    paths: Sequence[Path],
    folder: Path,
    *,
    kind: Kind | None = None,
    hash_key: bytes = b"",
    book: PriceBook | None = None,
) -> Imported:
    """Import files.

    Args:
        paths: What to import.
        folder: Where the Parquet files go.
        kind: Who wrote them; recognised by what is in them if not given.
        hash_key: Of the fingerprints, so that call sites and equal requests meet those of a ledger.
        book: Prices of what a file says no costs of; without it they stay unknown.

    Raises:
        UnavailableError: If a file cannot be read.
        UsageError: If a file is not what it should be, or nothing in it can be used.
    """
    parquet: list[Path] = []
    files: list[ImportedFile] = []
    buckets: list[Bucket] = []
    with open_engine() as engine:
        for number, path in enumerate(paths, start=1):
            notes = Notes(file=str(path))
            found = kind or _kind_of(path)
            if found is Kind.OPENAI:
                mine = list(openai_usage.buckets(rows(path, notes), notes))
                buckets += mine
                count = len(mine)
            else:
                made, count = _write(
                    _priced(_exchanges(path, found, notes, hash_key), book), folder, f"{found}-{number}", engine
                )
                parquet += made
            if not count:
                raise UsageError(_nothing(path, found, notes), param="import")
            files.append(
                ImportedFile(
                    path=path,
                    kind=found,
                    exchanges=0 if found is Kind.OPENAI else count,
                    left_out=notes.left_out,
                    passed_over=notes.passed_over,
                    problems=tuple(notes.problems),
                )
            )
    return Imported(parquet=tuple(parquet), files=tuple(files), buckets=tuple(buckets))


def _priced(found: Iterator[ExchangeRow], book: PriceBook | None) -> Iterator[ExchangeRow]:
    """The rows, with the list price of their day where nobody says what they cost, and the provider is known."""
    cards: dict[tuple[str, str, str, int], TokenCard | None] = {}
    for row in found:
        if book is None or row.cost_nano is not None or row.input_tokens is None:
            yield row
            continue
        asked = (row.instance, row.tier, row.model_served or row.model_asked, row.started_ns // NS_PER_DAY)
        if asked not in cards:
            cards[asked] = _card(book, *asked)
        card = cards[asked]
        usage = Usage(row.input_tokens, row.output_tokens or 0, row.cached_tokens or 0, 0, row.reasoning_tokens or 0)
        cost_nano = card.cost_nano(usage, row.service_tier) if card is not None else None
        yield row if cost_nano is None else msgspec.structs.replace(row, cost_nano=cost_nano)


def _card(book: PriceBook, instance: str, tier: str, model: str, day: int) -> TokenCard | None:
    provider = (book.provider_of(f"https://{instance}") if instance else None) or book.provider_id(tier)
    return book.token_card(provider, model, date.fromordinal(_EPOCH + day)) if provider else None


def _nothing(path: Path, kind: Kind, notes: Notes) -> str:
    if kind is Kind.LINES and not notes.problems:
        return f"{path}: there is no record in it; give a file with one call of a model on each line, or an export"
    why = f": row {notes.problems[0].row}: {notes.problems[0].message}" if notes.problems else ""
    return (
        f"{path}: nothing in it can be used as {kind.value}{why} ({notes.left_out} rows left out, {notes.passed_over}"
        f" no calls of a model); if it is of another kind, say so: {', '.join(known.value for known in Kind)}"
    )


def _kind_of(path: Path) -> Kind:
    found = by_beginning(beginning(path, 256))
    if found is not None:
        return found
    _, entry = next(rows(path, Notes(file=str(path))), (0, None))
    return by_record(entry)


def _exchanges(path: Path, kind: Kind, notes: Notes, hash_key: bytes) -> Iterator[ExchangeRow]:
    if kind is Kind.HAR:
        yield from har.rows(document(path), notes, hash_key)
    elif kind is Kind.MITMPROXY:
        with opened(path) as file:
            yield from mitmproxy.rows(file, notes, hash_key)
    elif kind is Kind.OTEL:
        yield from opentelemetry.rows(rows(path, notes), notes)
    else:
        yield from usable(
            rows(path, notes), lambda entry, number: _row(record(entry), number, kind, hash_key, notes), notes
        )


def _row(entry: Record, number: int, kind: Kind, hash_key: bytes, notes: Notes) -> ExchangeRow | None:
    row: ExchangeRow | None
    if kind is Kind.LITELLM:
        row = litellm.row_of(entry, number)
    elif kind is Kind.LANGFUSE:
        row = langfuse.row_of(entry, number)
    elif record(entry.get("request")) or record(entry.get("body")):
        row = lines.row_of_pair(entry, number, hash_key)
    else:
        row = lines.row_of_flat(entry, number)
    for oddity in oddities(entry, kind) if row is not None else ():
        notes.remark(number, oddity)
    return row


def _write(found: Iterator[ExchangeRow], folder: Path, name: str, engine: Engine) -> tuple[list[Path], int]:
    """The rows as Parquet files; a ledger that lives for a moment carries them there."""
    first = next(found, None)
    if first is None:
        return [], 0
    made = folder / name
    made.mkdir(parents=True, exist_ok=True)
    carrier = engine.scratch / f"{name}.db"
    with closing(sqlite3.connect(carrier, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        schema.create(connection)
        count = _insert(connection, chain((first,), found))
        pieces = [written.path for written in piece.write(connection, "1 = 1", (), to=made, engine=engine)]
    carrier.unlink()
    named = []
    for number, path in enumerate(pieces):
        target = folder / (f"{name}.parquet" if number == 0 else f"{name}-{number}.parquet")
        path.rename(target)
        named.append(target)
    made.rmdir()
    return named, count


def _insert(connection: sqlite3.Connection, found: Iterator[ExchangeRow]) -> int:
    count, batch = 0, []
    connection.execute("BEGIN")
    for count, row in enumerate(found, start=1):
        batch.append(exchange_values(count, row, Money(row.cost_nano, row.baseline_nano, 0)))
        if len(batch) >= _BATCH:
            connection.executemany(_INSERT, batch)
            batch.clear()
    connection.executemany(_INSERT, batch)
    connection.execute("COMMIT")
    return count
