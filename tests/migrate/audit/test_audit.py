"""A whole audit: of a state folder, of imports, of nothing, of one row, of rows full of holes."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from offramp.errors import UnavailableError
from offramp.migrate.audit.audit import audit
from offramp.migrate.audit.callsites import Match, ScanSite
from offramp.migrate.audit.document import document
from offramp.migrate.audit.page import page
from offramp.migrate.history.engine import open_engine
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import NoLedgerError
from offramp.pricing.compute import ComputePrice
from offramp.store.fingerprint import named_site
from offramp.store.hash_key import load_or_create
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.related import NOW_NS, audited
from tests.migrate.ledger.filled import fill
from tests.store.samples import INSTANCE, START_NS, batch, ran, row

HOLES = {
    "input_tokens": None,
    "output_tokens": None,
    "cached_tokens": None,
    "reasoning_tokens": None,
    "cost_nano": None,
    "baseline_nano": None,
    "ttft_s": None,
    "max_tokens": None,
    "usage": "none",
    "site": b"",
    "request_hash": b"",
}


def test_a_state_folder_is_audited_with_idle_cost_and_what_was_dropped(tmp_path: Path) -> None:
    """A machine's idle hours belong to the whole, and to no team."""
    started, ended = ran("req-1", 0.0, 1.0)
    computes = {INSTANCE: ComputePrice(nano_per_hour=Fraction(3_600 * 10**9))}
    fill(tmp_path, [batch(row(1), started=[started], ended=[ended], dropped=4)], computes=computes)

    found = audit(tmp_path, Selection(), now_ns=NOW_NS)
    teams = audit(tmp_path, Selection(team="support"), now_ns=NOW_NS)

    assert (found.whole.group.requests, found.dropped) == (1, 4)
    assert found.whole.group.sums.cost == 10**9
    assert found.idle_nano is not None
    assert found.idle_nano > 0
    assert teams.idle_nano is None


def test_what_is_saved_is_what_the_ledger_says(tmp_path: Path) -> None:
    """Baseline less cost less idle: two commands that differ on the same amount cannot both be signed."""
    started, ended = ran("req-1", 0.0, 1.0)
    computes = {INSTANCE: ComputePrice(nano_per_hour=Fraction(3_600 * 10**9))}
    fill(tmp_path, [batch(row(1), started=[started], ended=[ended])], computes=computes)

    found = document(audit(tmp_path, Selection(), now_ns=NOW_NS))
    idle, saved, cost, baseline = (Decimal(str(found[f"{name}_usd"])) for name in ("idle", "saved", "cost", "baseline"))

    assert idle > 0
    assert saved == baseline - cost - idle


def test_what_has_not_been_folded_yet_is_in_it(tmp_path: Path) -> None:
    """The gateway may be serving: a second time there is more."""
    fill(tmp_path, [batch(row(1))])
    first = audit(tmp_path, Selection(), now_ns=NOW_NS)
    fill(tmp_path, [batch(row(2), row(3))])

    assert first.whole.group.requests == 1
    assert audit(tmp_path, Selection(), now_ns=NOW_NS).whole.group.requests == 3


def test_without_a_ledger_it_says_so(tmp_path: Path) -> None:
    """Zeros would say that nothing is used."""
    with pytest.raises(NoLedgerError):
        audit(tmp_path, Selection(), now_ns=NOW_NS)


def test_headers_are_recognised_with_the_key_of_the_state(tmp_path: Path) -> None:
    """The scan knows the word, the ledger its keyed hash."""
    hashed = named_site(load_or_create(tmp_path), b"checkout")
    fill(tmp_path, [batch(row(1, site=hashed, site_named=True))])
    site = ScanSite(id="a", file="shop.py", line=7, operation="chat.completions", site_header="checkout")

    found = audit(tmp_path, Selection(), sites=[site], now_ns=NOW_NS).call_sites

    assert found is not None
    assert [(one.site.id, one.match) for one in found.seen] == [("a", Match.HEADER)]


def test_imports_are_told_apart_from_the_ledger(tmp_path: Path) -> None:
    """Figures from elsewhere may be in the sums, but everybody must see that they are."""
    fill(tmp_path / "state", [batch(row(1))])
    path = tmp_path / "openai-export.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'x' AS id, {START_NS}::BIGINT AS started_ns, 'gpt-4o' AS model_asked, 10 AS input_tokens)"
            f" TO '{path}' (FORMAT parquet)"
        )
    broken = tmp_path / "broken.parquet"
    broken.write_text("no Parquet at all")

    found = audit(tmp_path / "state", Selection(), extra=[path, broken], now_ns=NOW_NS)
    alone = audit(None, Selection(), extra=[path], now_ns=NOW_NS)

    assert found.whole.sources == {"ledger": 1, "openai-export": 1}
    assert [Path(one.file).name for one in found.unread] == ["broken.parquet"]
    assert alone.by["model"].named["gpt-4o"].sums.input_tokens == 10
    assert alone.by["team"].named["none"].requests == 1
    assert "openai-export" in page(found, sources=["test"])


def test_an_import_with_words_for_numbers_is_one_line(tmp_path: Path) -> None:
    """Whoever gives a wrong file gets a reason, not a bug."""
    path = tmp_path / "odd.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'x' AS id, 'yesterday' AS started_ns) TO '{path}' (FORMAT parquet)")

    with pytest.raises(UnavailableError, match=r"cannot be audited: .*yesterday"):
        audit(None, Selection(), extra=[path], now_ns=NOW_NS)


def test_an_interrupted_question_is_an_interruption() -> None:
    """DuckDB makes an error of Ctrl-C that says no more than this; it is no bug, and the exit code is 130."""
    with pytest.raises(KeyboardInterrupt), open_engine():
        raise RuntimeError("Query interrupted")


def test_long_questions_draw_nothing() -> None:
    """DuckDB's own progress bar would stand in the JSON."""
    with open_engine() as engine:
        found = engine.connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()

    assert found == (False,)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(1)],
        [row(1, **HOLES)],
        [row(number, **HOLES, outcome="refused", tier="none", status=401) for number in range(3)],
        [row(1, total_s=-1.0, started_ns=-5, input_tokens=-1), row(2)],
        [row(1, started_ns=5)],
        [row(number, tier="cache", operation="models", model_asked="", finish_reason="length") for number in range(50)],
        [row(1, input_tokens=0, output_tokens=0, cost_nano=0, baseline_nano=0, total_s=0.0, ttft_s=0.0)],
    ],
    ids=["nothing", "one", "holes", "refused", "impossible", "1970", "odd", "zeros"],
)
def test_every_ledger_makes_a_document_and_a_page(rows: list[ExchangeRow]) -> None:
    """A report that fails on the first odd row is no report."""
    found = audited(*rows, sites=[])

    assert document(found)["requests"] == len(rows)
    assert page(found, sources=["test"]).endswith("</html>")
