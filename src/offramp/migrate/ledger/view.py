"""The ledger as it stands this second: folded where possible, else with the rest of the journal read in memory."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns

import msgspec

from offramp.errors import UnavailableError
from offramp.migrate.history import files
from offramp.migrate.history.archive import Archive
from offramp.migrate.ledger.selection import Selection
from offramp.pricing.shares import ComputeMeter, MeterState
from offramp.store import journal, schema, state
from offramp.store.bills import Charge, Waiting
from offramp.store.drops import Drops
from offramp.store.fold import FoldStep, fold
from offramp.store.state import NewerStateError

_decode_meter = msgspec.msgpack.Decoder(MeterState).decode
_decode_waiting = msgspec.msgpack.Decoder(Waiting).decode


class NoLedgerError(UnavailableError):
    """Nothing was ever recorded in this state folder."""

    code = "no_ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What all questions are asked of."""

    parts: tuple[sqlite3.Connection, ...]
    """The ledger, and in memory what could not be folded into it; sums over both are the whole."""
    meters: dict[str, ComputeMeter]
    """Brought up to now."""
    idle_hours: dict[int, int]
    """Idle cost by hour since the meters were stored, in nano-dollars."""
    charges: tuple[Charge, ...]
    """Ended attempts on shared machines whose exchanges are still to come."""
    unreported: int
    """Exchanges that could not be kept and that no journal could take note of."""
    now_ns: int
    archive: Archive
    """Hours that were moved out of the database. The sums per hour still have them."""
    answers: dict[Selection, list[tuple[tuple[object, ...], list[int | None]]]] = field(default_factory=dict)
    """Sums that were asked for before."""
    note: str = ""
    """Why a part is in memory; empty if none is."""


@contextmanager
def open_view(folder: Path, *, now_ns: int | None = None) -> Iterator[View]:
    """Look at the ledger of a state folder, with everything that the gateway has written until now.

    Args:
        folder: The state folder.
        now_ns: Until when bills run; the present if not given.

    Raises:
        NoLedgerError: If there is none.
        NewerStateError: If a newer version wrote it.
        UnavailableError: If it cannot be read.
    """
    require_ledger(folder)
    note = ""
    try:
        fold(folder)
    except NewerStateError:
        raise
    except (OSError, sqlite3.Error, UnavailableError) as error:
        note = f"the ledger cannot be written ({error}); the rest of the journal is read in memory"
    try:
        with ExitStack() as open_files:
            yield _view(folder, note, open_files, time_ns() if now_ns is None else now_ns)
    except sqlite3.Error as error:
        raise UnavailableError(f"the ledger in {folder} cannot be read: {error}") from error


def require_ledger(folder: Path) -> None:
    """Tell a ledger without requests from none at all.

    Raises:
        NoLedgerError: If there is none.
    """
    if not any((folder / name).exists() for name in (state.LEDGER, state.JOURNAL)):
        raise NoLedgerError(
            f"no ledger in {folder}: `offramp serve --state {folder}` writes one with the first request; "
            "give another folder with --state"
        )


def _view(folder: Path, note: str, open_files: ExitStack, now_ns: int) -> View:
    parts = []
    history = folder / state.HISTORY
    seen = files.listing(history)
    if (folder / state.LEDGER).exists():
        disk = open_files.enter_context(closing(_read_only(folder / state.LEDGER)))
        # One moment for all questions; files that it names are not deleted before it ends.
        disk.execute("BEGIN")
        if schema.found(disk, path=folder / state.LEDGER):
            parts.append(disk)
    archive = _archive(history, seen, parts, open_files)
    if note or not parts:
        parts.append(_unfolded(folder, parts, open_files, now_ns))
    newest = parts[-1]
    waiting = [_decode_waiting(blob) for (blob,) in newest.execute("SELECT waiting FROM journals")]
    meters, idle_hours = _meters(newest, now_ns)
    return View(
        parts=tuple(parts),
        meters=meters,
        idle_hours=idle_hours,
        charges=tuple(charge for one in waiting for charge in one.charges),
        unreported=Drops(folder).read(),
        now_ns=now_ns,
        note=note,
        archive=archive,
    )


def _archive(folder: Path, seen: list[str], parts: list[sqlite3.Connection], open_files: ExitStack) -> Archive:
    """The history as the ledger on disk names it; a ledger that could not be upgraded has none yet."""
    for disk in parts:
        if disk.execute("SELECT 1 FROM sqlite_master WHERE name = 'history'").fetchone():
            listed = files.here(disk)
            problems = [*files.glance(folder, listed), *files.strangers(folder, seen, disk)]
            return Archive(folder, listed, tuple(problems), files.expired(disk), open_files)
    return Archive(folder, (), (), files.Expired(), open_files)


def _meters(newest: sqlite3.Connection, now_ns: int) -> tuple[dict[str, ComputeMeter], dict[int, int]]:
    meters, idle_hours = {}, Counter[int]()
    for instance, stored in newest.execute("SELECT instance, meter FROM computes ORDER BY instance"):
        meters[instance] = meter = ComputeMeter.restored(_decode_meter(stored))
        meter.advanced(now_ns)
        idle_hours.update(meter.take_idle_hours())
    return meters, dict(idle_hours)


def _unfolded(folder: Path, parts: list[sqlite3.Connection], open_files: ExitStack, now_ns: int) -> sqlite3.Connection:
    """A ledger in memory that goes on where the one on disk stopped."""
    memory = open_files.enter_context(closing(sqlite3.connect(":memory:", isolation_level=None)))
    schema.create(memory)
    for disk in parts:
        for table in ("computes", "journals", "numbering"):
            rows = disk.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 -- our names
            if rows:
                memory.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608
    if (folder / state.JOURNAL).exists():
        with closing(_read_only(folder / state.JOURNAL)) as source:
            token = journal.token(source)
            while FoldStep(memory, token, now_ns=now_ns).run(source):
                pass
    return memory


def _read_only(path: Path) -> sqlite3.Connection:
    """Open without writing; a folder in which SQLite may not even make its lock files holds a file at rest."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=60.0, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        return sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    except BaseException:
        connection.close()
        raise
    return connection
