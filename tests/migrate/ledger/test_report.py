"""Money as it comes out at the end: the bill of a month, exactly, and safely into a spreadsheet."""

import csv
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from offramp.migrate.ledger.query import By
from offramp.migrate.ledger.report import exchanges, exchanges_csv, groups_csv, report, summary
from offramp.migrate.ledger.selection import Selection
from offramp.migrate.ledger.view import open_view
from offramp.pricing.compute import HOURS_PER_MONTH, NS_PER_HOUR, per_month
from offramp.store.rows import ComputeEnded, ComputeStarted
from tests.migrate.ledger.filled import fill
from tests.store.samples import INSTANCE, START_NS, attempt, batch, ran, row

EVERYTHING = Selection()
REQUESTS = 200_000
MONTH_NS = HOURS_PER_MONTH * NS_PER_HOUR


def test_the_self_hosting_guide_s_200000_requests_a_month_lose_177_dollars(tmp_path: Path) -> None:
    """700 tokens in, 100 out, gpt-4o at $2.50 and $10 as the baseline, a machine of $727 a month: 550 less 727.

    The bill is exact, so the loss is: what rounding takes from requests it gives to idle.
    """
    baseline_nano = 700 * 2_500 + 100 * 10_000
    step_ns = MONTH_NS // REQUESTS
    began = range(START_NS, START_NS + REQUESTS * step_ns, step_ns)
    took_ns = 4_200_000_000

    fill(
        tmp_path,
        (
            batch(
                *(
                    row(at_ns - START_NS, id=f"{at_ns}", started_ns=at_ns, baseline_nano=baseline_nano)
                    for at_ns in moments
                ),
                started=[ComputeStarted(INSTANCE, at_ns) for at_ns in moments],
                ended=[ComputeEnded(INSTANCE, at_ns, at_ns + took_ns, f"{at_ns}") for at_ns in moments],
            )
            for moments in (began[first : first + 5_000] for first in range(0, REQUESTS, 5_000))
        ),
        computes={INSTANCE: per_month(Decimal(727))},
    )
    with open_view(tmp_path, now_ns=START_NS + MONTH_NS) as view:
        found = report(view, EVERYTHING, (By.DAY,))

    assert (found["requests"], found["input_tokens"], found["output_tokens"]) == (200_000, 140_000_000, 20_000_000)
    assert found["baseline_usd"] == "550"
    assert found["saved_usd"] == "-177"
    cost, idle = Decimal(str(found["cost_usd"])), Decimal(str(found["idle_usd"]))
    assert cost + idle == 727
    assert cost == pytest.approx(Decimal(727) * REQUESTS * took_ns / MONTH_NS, rel=Decimal("1e-6"))
    assert found["machines"] == {
        INSTANCE: {"bill_usd": "727", "requests_usd": str(cost), "in_flight_usd": "0", "idle_usd": str(idle)}
    }


def test_the_interface_that_other_programs_rely_on(tmp_path: Path) -> None:
    """These names stay; money is decimal text; unknown is null."""
    refused = row(
        2, tier="none", outcome="refused", cost_nano=0, baseline_nano=None, input_tokens=None, output_tokens=None
    )
    fill(tmp_path, [batch(row(1, cost_nano=40_000), refused, row(3, team="sales", cost_nano=None), dropped=2)])
    found = summary(tmp_path)

    assert {name: value for name, value in found.items() if not name.startswith("by_")} == {
        "requests": 3,
        "input_tokens": 1_400,
        "output_tokens": 200,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": "0.00004",
        "baseline_usd": "0.00033",
        "saved_usd": "0.000125",
        "idle_usd": "0",
        "unpriced": 1,
        "estimated": 0,
        "dropped": 2,
        "machines": {},
        "history": {"files": 0, "requests": 0, "expired": 0, "problems": []},
    }
    assert _spent(found["by_tier"]) == {"local": (2, "0.00004"), "none": (1, "0")}
    assert _spent(found["by_team"]) == {"support": (2, "0.00004"), "sales": (1, None)}
    assert _spent(found["by_outcome"]) == {"ok": (2, "0.00004"), "refused": (1, "0")}


def _spent(groups: object) -> dict[str, tuple[int, str | None]]:
    assert isinstance(groups, dict)
    return {name: (group["requests"], group["cost_usd"]) for name, group in groups.items()}


def test_a_filtered_view_has_no_idle_cost_and_a_day_has_its_own(tmp_path: Path) -> None:
    """What flowed while nothing ran belongs to no team; to a day it does."""
    start, end = ran("req-1", 0, 1_800)
    fill(tmp_path, [batch(row(1), started=[start], ended=[end])], computes={INSTANCE: per_month(Decimal(730))})
    with open_view(tmp_path, now_ns=START_NS + 2 * NS_PER_HOUR) as view:
        of_team = report(view, Selection(team="support"), ())
        of_hour = report(
            view, Selection(since_ns=START_NS + NS_PER_HOUR // 2, until_ns=START_NS + NS_PER_HOUR * 3 // 2), ()
        )
        whole = report(view, EVERYTHING, ())

    assert (of_team["idle_usd"], of_team["saved_usd"]) == (None, "-0.499835")
    assert (of_hour["requests"], of_hour["idle_usd"], of_hour["saved_usd"]) == (0, "1", "-1")
    assert (whole["cost_usd"], whole["idle_usd"], whole["saved_usd"]) == ("0.5", "1.5", "-1.999835")


def test_an_idle_machine_without_any_request_is_a_loss(tmp_path: Path) -> None:
    """The most expensive case must not read as zero."""
    fill(tmp_path, [], computes={INSTANCE: per_month(Decimal(730))})
    with open_view(tmp_path, now_ns=START_NS + 3 * NS_PER_HOUR) as view:
        found = report(view, EVERYTHING, ())

    assert (found["requests"], found["cost_usd"], found["idle_usd"], found["saved_usd"]) == (0, "0", "3", "-3")


def test_a_single_exchange_is_written_in_words(tmp_path: Path) -> None:
    """Hashes in hexadecimal, features by name, moments in ISO form, money as text."""
    tries = (attempt("local", failure="connect", status=0, cost_nano=0), attempt("openai", cost_nano=7))
    fill(tmp_path, [batch(row(1, attempts=2, cost_nano=7, tries=tries))])
    with open_view(tmp_path) as view:
        (found,) = exchanges(view, EVERYTHING, 5)

    assert found["started"] == "2026-11-21T07:30:00.001Z"
    assert found["features"] == ["streaming", "tools"]
    assert (found["site"], found["site_named"]) == ("0102030405060708", False)
    assert (found["cost_usd"], found["baseline_usd"], found["compute_usd"]) == ("0.000000007", "0.000165", "0")
    assert found["tries"] == [
        {
            "started": "2026-11-21T07:30:00.000Z",
            "number": 1,
            "tier": "local",
            "instance": "127.0.0.1:9001",
            "status": 0,
            "failure": "connect",
            "cost_usd": "0",
            "ended": "2026-11-21T07:30:01.000Z",
        },
        {
            "started": "2026-11-21T07:30:00.000Z",
            "number": 2,
            "tier": "openai",
            "instance": "127.0.0.1:9001",
            "status": 200,
            "failure": "",
            "cost_usd": "0.000000007",
            "ended": "2026-11-21T07:30:01.000Z",
        },
    ]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1+2", "@SUM(A1)", "\tx"])
def test_no_client_can_put_a_formula_into_a_spreadsheet(tmp_path: Path, name: str) -> None:
    """Model and feature names come from requests; amounts are our own and may be negative."""
    fill(tmp_path, [batch(row(1, model_asked=name, cost_nano=10**9, baseline_nano=0))])
    with open_view(tmp_path) as view:
        (of_group,) = csv.DictReader(StringIO(groups_csv(view, EVERYTHING, By.MODEL)))
        (of_exchange,) = csv.DictReader(StringIO(exchanges_csv(view, EVERYTHING, 10)))

    assert of_group["model"] == f"'{name}"
    assert of_group["saved_usd"] == "-1"
    assert of_exchange["model_asked"] == f"'{name}"
    assert of_exchange["features"] == "streaming tools"


def test_an_empty_selection_is_a_header_alone(tmp_path: Path) -> None:
    """A program that reads it finds no lines instead of no file."""
    fill(tmp_path, [])
    with open_view(tmp_path) as view:
        assert groups_csv(view, EVERYTHING, By.TEAM).startswith("team,requests,")
        assert groups_csv(view, EVERYTHING, By.TEAM).count("\n") == 1
        assert exchanges_csv(view, EVERYTHING, 10) == "id\n"
