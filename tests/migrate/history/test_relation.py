"""One relation over everything: the same exchanges that the ledger has, value by value, wherever they lie."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offramp.migrate.history.columns import PUBLIC
from offramp.migrate.history.relation import Problem, open_relation, problems
from offramp.migrate.ledger.view import NoLedgerError
from offramp.pricing.compute import NS_PER_HOUR
from tests.migrate.ledger.filled import fill
from tests.store.samples import START_NS, attempt, batch, row

_NAMES = ", ".join(f'"{name}"' for name in PUBLIC)


def _stored(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        return connection.execute(f"SELECT {_NAMES} FROM exchanges ORDER BY seq").fetchall()  # noqa: S608


def _related(folder: Path) -> list[tuple[object, ...]]:
    with open_relation(folder) as connection:
        return connection.execute(f"SELECT {_NAMES} FROM exchanges ORDER BY started_ns, id").fetchall()  # noqa: S608


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
            st.sampled_from(["null", '"', "\\", "\\n", "\n", "\r\n", "\0", "a,b", "''", '\\"', "🦆", ""]),
        ),
        min_size=1,
        max_size=20,
    ),
    seconds=st.floats(min_value=0, max_value=1e6, allow_nan=False),
    ttft_s=st.none() | st.floats(min_value=0, max_value=1e6),
    tokens=st.none() | st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1),
    hash_=st.binary(max_size=16),
)
def test_every_value_arrives_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[tuple[str, str]],
    seconds: float,
    ttft_s: float | None,
    tokens: int | None,
    hash_: bytes,
) -> None:
    """Names of models and features come from clients; times and amounts keep their last digit."""
    folder = tmp_path_factory.mktemp("state")
    rows = [
        row(
            number,
            model_asked=first + second,
            feature=second,
            total_s=seconds,
            ttft_s=ttft_s,
            max_tokens=tokens,
            site=hash_,
        )
        for number, (first, second) in enumerate(texts)
    ]
    fill(folder, [batch(*rows)])

    related = _related(folder)

    assert related == _stored(folder)
    assert len(related) == len(texts)


def test_attempts_are_found_by_the_id_of_their_exchange(tmp_path: Path) -> None:
    """Only those of exchanges that had more than one are kept."""
    tries = (attempt("local", failure="broken", status=0, cost_nano=None), attempt('op"en\\ai', cost_nano=5))
    fill(tmp_path, [batch(row(1), row(2, attempts=2, tries=tries), row(3, attempts=0, outcome="refused"))])

    with open_relation(tmp_path) as connection:
        found = connection.execute(
            "SELECT exchange, number, tier, failure, status, cost_nano, source FROM attempts ORDER BY number"
        ).fetchall()

    assert found == [
        ("req-2", 1, "local", "broken", 0, None, "ledger"),
        ("req-2", 2, 'op"en\\ai', "", 200, 5, "ledger"),
    ]


def test_what_cannot_be_folded_is_there_as_well(tmp_path: Path) -> None:
    """A ledger that cannot be written still has its journal."""
    fill(tmp_path, [batch(row(1))])
    _related(tmp_path)
    fill(tmp_path, [batch(row(2), row(3))])
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON exchanges BEGIN SELECT RAISE(ABORT, 'full'); END")

    with open_relation(tmp_path) as relation:
        found = relation.execute("SELECT id FROM exchanges ORDER BY id").fetchall()

    assert found == [("req-1",), ("req-2",), ("req-3",)]


def test_a_span_ends_before_its_end(tmp_path: Path) -> None:
    """As everywhere: the first moment is in it, the last is not."""
    fill(tmp_path, [batch(*(row(n, started_ns=START_NS + n * NS_PER_HOUR) for n in range(4)))])

    with open_relation(tmp_path, since_ns=START_NS + NS_PER_HOUR, until_ns=START_NS + 3 * NS_PER_HOUR) as connection:
        found = connection.execute("SELECT id FROM exchanges ORDER BY id").fetchall()

    assert found == [("req-1",), ("req-2",)]


def test_imports_stand_beside_the_ledger_under_their_own_names(tmp_path: Path) -> None:
    """What they do not know is unknown, never zero."""
    fill(tmp_path / "state", [batch(row(1))])
    duckdb.execute(f"COPY (SELECT 'a' AS id, 5 AS started_ns, 7 AS input_tokens) TO '{tmp_path}/langfuse.parquet'")
    duckdb.execute(f"COPY (SELECT 'b' AS id, 6 AS started_ns, 'openai' AS source) TO '{tmp_path}/usage.parquet'")
    extra = [tmp_path / "langfuse.parquet", tmp_path / "usage.parquet"]

    with open_relation(tmp_path / "state", extra=extra) as connection:
        query = "SELECT id, source, input_tokens, cost_nano FROM exchanges ORDER BY source"
        found = connection.execute(query).fetchall()
    with open_relation(None, extra=extra) as connection:
        alone = connection.execute("SELECT id FROM exchanges ORDER BY id").fetchall()

    assert found == [("a", "langfuse", 7, None), ("req-1", "ledger", 700, 0), ("b", "openai", None, None)]
    assert alone == [("a",), ("b",)]


def test_an_import_that_is_none_is_said_and_the_rest_counted(tmp_path: Path) -> None:
    """A report that leaves something out must be able to say what."""
    fill(tmp_path / "state", [batch(row(1))])
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 no such thing PAR1")
    duckdb.execute(f"COPY (SELECT 1 AS one) TO '{tmp_path}/foreign.parquet'")

    with open_relation(
        tmp_path / "state",
        extra=[tmp_path / "damaged.parquet", tmp_path / "foreign.parquet", tmp_path / "absent.parquet"],
    ) as connection:
        counted = connection.execute("SELECT count(*) FROM exchanges").fetchone()
        said = problems(connection)

    assert counted == (1,)
    assert [Path(one.file).name for one in said] == ["absent.parquet", "damaged.parquet", "foreign.parquet"]
    assert said[2] == Problem(
        file=str(tmp_path / "foreign.parquet"),
        message="it has no columns `id` and `started_ns`: these are no exchanges",
    )


def test_no_ledger_is_no_empty_ledger(tmp_path: Path) -> None:
    """Zeros would say that nothing was spent."""
    with pytest.raises(NoLedgerError), open_relation(tmp_path):
        pass


def test_an_empty_ledger_has_the_views_too(tmp_path: Path) -> None:
    """Whoever asks need not look first."""
    fill(tmp_path, [batch()])

    with open_relation(tmp_path) as connection:
        assert connection.execute("SELECT count(*), sum(cost_nano) FROM exchanges").fetchone() == (0, None)
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
        assert problems(connection) == []


def test_many_rows_come_in_several_files_and_in_order(tmp_path: Path) -> None:
    """Memory is bounded by the size of a piece, not by the ledger."""
    from_the_ledger = [row(n, started_ns=START_NS + (n * 7919) % 1000) for n in range(1_000)]
    fill(tmp_path, [batch(*from_the_ledger)])

    assert sorted(_related(tmp_path)) == sorted(_stored(tmp_path))
