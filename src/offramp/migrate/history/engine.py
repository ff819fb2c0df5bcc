"""DuckDB as this project uses it: bounded in memory, spilling into a private folder, and never downloading anything."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

MEMORY_LIMIT = "1GB"
"""What one connection may use before it spills to disk."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A connection and its folder for temporary files; both end together."""

    connection: duckdb.DuckDBPyConnection
    scratch: Path


@contextmanager
def open_engine(folder: Path | None = None, *, memory_limit: str = MEMORY_LIMIT, threads: int = 0) -> Iterator[Engine]:
    """A DuckDB connection with nothing in it, and a private folder for what does not fit into memory.

    Args:
        folder: Where the private folder is made; the system's place for temporary files if not given.
        memory_limit: In DuckDB's words, `512MB`.
        threads: How many; as many as there are processors if zero.
    """
    with TemporaryDirectory(prefix="offramp-", dir=folder) as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "temp_directory": scratch,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            # Whoever wants an order asks for it; keeping that of the files costs memory.
            "preserve_insertion_order": False,
        }
        if threads:
            config["threads"] = threads
        with closing(duckdb.connect(":memory:", config=config)) as connection:
            # It would draw one on standard output, where programs read JSON.
            connection.execute("SET enable_progress_bar = false")
            try:
                yield Engine(connection, Path(scratch))
            except RuntimeError as error:
                # What DuckDB makes of Ctrl-C.
                if "interrupted" in str(error).lower():
                    raise KeyboardInterrupt from error
                raise
