"""The sums of an audit are the ledger's sums."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.audit import groups, traffic
from offramp.migrate.audit.audit import audit
from offramp.migrate.audit.sketch import Measure
from offramp.migrate.ledger import query
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import open_view
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.related import NOW_NS, audited, related
from tests.migrate.ledger.filled import fill
from tests.store.samples import SECOND_NS, START_NS, attempt, batch, row

TRIES = (attempt("local", failure="connect", status=0), attempt("openai", cost_nano=165_000))

ROWS = [
    row(1),
    row(2, team="sales", feature="search", usage="estimated", site=b"\xab" * 8),
    row(3, tier="openai", attempts=2, cost_nano=165_000, tries=TRIES),
    row(4, tier="none", outcome="refused", status=401, baseline_nano=None, input_tokens=None, output_tokens=None),
    row(5, model_asked="it's", cost_nano=None, operation="embeddings"),
    row(6, outcome="upstream_error", cost_nano=7_000, baseline_nano=None),
    row(7, outcome="cancelled", cost_nano=3_000, baseline_nano=None, started_ns=START_NS + 7_200 * SECOND_NS),
    row(8, cached_tokens=300, reasoning_tokens=20, baseline_nano=None),
]

SELECTIONS = [
    Selection(),
    Selection(team="sales"),
    Selection(model="it's"),
    Selection(model="tiny", tier="local"),
    Selection(feature="search", key="support-key", operation="chat.completions", route="support-chat", outcome="ok"),
    Selection(site="AB"),
    Selection(since_ns=START_NS + 3_600 * SECOND_NS),
    Selection(until_ns=START_NS + 2_000_000, since_ns=0),
    Selection(team="nobody"),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_every_selection_adds_up_to_what_the_ledger_says(tmp_path: Path, selection: Selection) -> None:
    """Two commands that disagree about the bill are worth less than none."""
    fill(tmp_path, [batch(*ROWS, dropped=3)])

    found = audit(tmp_path, selection, now_ns=START_NS + 86_400 * SECOND_NS)

    with open_view(tmp_path) as view:
        assert found.whole.group.sums == query.sums(view, selection)
        assert found.dropped == query.dropped(view, selection)
        assert found.idle_nano == query.idle_nano(view, selection)
        for by, ledgers in ((query.By.TEAM, "team"), (query.By.MODEL, "model"), (query.By.DAY, "day")):
            named = {name: group.sums for name, group in found.by[ledgers].named.items()}
            assert named == query.groups(view, selection, by)


def test_impossible_values_are_unknown_and_counted() -> None:
    """A clock that jumped back, and usage that cannot be, spoil no sum and no quantile."""
    bad = [
        row(1, total_s=-3.0, ttft_s=-4.0),
        row(2, input_tokens=-700, cached_tokens=5),
        row(3, started_ns=5),
        row(4, started_ns=NOW_NS * 2),
        row(5, total_s=float("nan")),
        row(6, output_tokens=10**12),
    ]

    seen = audited(row(0), *bad)
    found, times = seen.whole, seen.latency.all[Measure.TOTAL]

    assert (found.bad_time, found.bad_usage, found.bad_clock) == (2, 2, 2)
    assert found.group.requests == 7
    assert found.group.sums.input_tokens == 6 * 700
    assert found.group.sums.output_tokens == 6 * 100
    assert found.first_ns == START_NS
    assert times is not None
    assert times.count == 5
    assert times.p99 == pytest.approx(0.53, rel=0.005)


@settings(max_examples=12)
@given(
    st.lists(
        st.builds(
            row,
            st.integers(0, 10**6),
            team=st.sampled_from(["a", "b", "", "none"]),
            outcome=st.sampled_from(["ok", "refused", "client_error", "upstream_error", "truncated", "cancelled"]),
            input_tokens=st.none() | st.integers(0, 10_000),
            cost_nano=st.none() | st.integers(0, 10**9),
            baseline_nano=st.none() | st.integers(0, 10**9),
            usage=st.sampled_from(["measured", "estimated", "none"]),
        ),
        max_size=12,
    )
)
def test_any_rows_add_up(rows: list[ExchangeRow]) -> None:
    """Unknown amounts add nothing and are counted, whatever comes together."""
    with related(*rows) as connection:
        traffic.prepare(connection, Selection(), now_ns=NOW_NS)
        sums = groups.whole(connection).group.sums
        teams = groups.by(connection, "team").named.values()
    both = [one for one in rows if one.cost_nano is not None and one.baseline_nano is not None]
    lost = [
        one
        for one in rows
        if one.baseline_nano is None and one.outcome in {"refused", "client_error", "upstream_error"}
    ]

    assert sums.requests == len(rows) == sum(group.requests for group in teams)
    assert sums.cost == sum(one.cost_nano or 0 for one in rows)
    assert sums.unpriced == sum(one.cost_nano is None for one in rows)
    assert sums.input_tokens == sum(one.input_tokens or 0 for one in rows)
    assert sums.compared == len(both)
    assert sums.difference == sum((one.baseline_nano or 0) - (one.cost_nano or 0) for one in both) - sum(
        one.cost_nano or 0 for one in lost
    )


def test_a_selection_with_a_quotation_mark_is_no_sql() -> None:
    """What is typed after --team is a name."""
    hostile = "x' OR '1'='1"
    found = audited(row(1), row(2, team=hostile), selection=replace(Selection(), team=hostile))

    assert found.whole.group.requests == 1
