"""DuckDB downloads nothing, and leaves nothing behind."""

from pathlib import Path

import duckdb
import pytest

from offramp.migrate.history.engine import open_engine


def test_extensions_are_never_fetched(tmp_path: Path) -> None:
    """What is not built in is an error at once, not a download at a user's site."""
    with open_engine(tmp_path) as engine, pytest.raises(duckdb.Error):
        engine.connection.execute("SELECT * FROM sqlite_scan('ledger.db', 'exchanges')")


def test_what_does_not_fit_into_memory_goes_to_a_folder_that_ends_with_it(tmp_path: Path) -> None:
    """A sort of forty megabytes with twenty."""
    with open_engine(tmp_path, memory_limit="20MB", threads=1) as engine:
        query = "SELECT sum(length(x)) FROM (SELECT md5(i::VARCHAR) || i AS x FROM range(600000) t(i) ORDER BY x)"
        found = engine.connection.execute(query).fetchone()
        scratch = engine.scratch

    assert found is not None
    assert found[0] > 20_000_000
    assert scratch.parent == tmp_path
    assert not scratch.exists()
