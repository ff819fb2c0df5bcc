"""What a move of the history did, for whoever tells it and need not load DuckDB for that. No I/O here."""

from dataclasses import dataclass

from offramp.migrate.history.files import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was done."""

    moved: int
    """Exchanges that went from SQLite into files."""
    merged: int
    """Files that were replaced by larger ones."""
    expired: int
    """Exchanges that the retention has deleted."""
    waiting: int
    """Files that are deleted when nobody reads them any more."""
    problems: tuple[Problem, ...]
