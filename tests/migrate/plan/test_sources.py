"""Where traffic comes from: a ledger that the gateway wrote, a trace, or the generator."""

from dataclasses import replace
from pathlib import Path

import pytest

from offramp.capacity.slo import Slo
from offramp.errors import OfframpError, UsageError
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.sources import GENERATED_MOST, inputs_of, traffic_of
from offramp.migrate.plan.traffic import Kind, Traffic
from tests.migrate.plan.cases import NOON


def come(inputs: Inputs, state: Path = Path("nowhere")) -> Traffic:
    """The traffic of these inputs."""
    return traffic_of(inputs, state=state, thresholds=(1_000,), slo=Slo(ttft_s=2.0), now_ns=NOON)


def generated(requests: int) -> Traffic:
    """So many a month, like a chat."""
    return come(Inputs(generate="chat", requests_per_month=requests))


@pytest.mark.parametrize(("requests", "days"), [(500_000, 7), (8_000_000, 1), (500_000_000, 0)])
def test_what_is_generated_has_the_volume_that_was_asked_for(requests: int, days: int) -> None:
    """A week where that is possible, else a busy day, else its busiest hours."""
    found = generated(requests)

    assert found.kind is Kind.GENERATED
    assert found.requests_per_month == pytest.approx(requests, rel=0.02)
    assert found.requests <= 1.5 * GENERATED_MOST
    assert found.busiest.rate_per_s > requests / (730 * 3_600)
    # What is metered is a whole week in small, so that nights count as they are.
    assert found.metered.requests / found.metered_s == pytest.approx(requests / (730 * 3_600), rel=0.1)
    assert (found.metered_s == found.span_s) == (days == 7)
    assert len(found.hours) == 168
    assert sum(found.hours) == pytest.approx(requests / 730 * 168, rel=0.02)


def test_the_same_seed_generates_the_same() -> None:
    assert generated(500_000).tallies == generated(500_000).tallies


def test_a_trace_tells_its_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n1,10,20\n2,x,20\n3,10,20\n2.5,10,20\n1,5,5\n")

    found = come(Inputs(trace=path))

    assert found.requests == 4
    assert found.left_out == (("that cannot be read, such as row 3: ContextTokens 'x' is no number of tokens", 1),)
    assert found.notes == ("the clock of the trace goes back 1 times; its rows were put in order",)
    assert inputs_of(Inputs(trace=path), state=tmp_path)[0].sha256


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (Inputs(generate="chat"), "add --requests-per-month"),
        (Inputs(generate="poems", requests_per_month=1), "expected one of chat, code"),
        (Inputs(generate="chat", profile="night", requests_per_month=1), "even, office"),
        (Inputs(generate="chat", trace=Path("x.csv"), requests_per_month=1), "exclude each other"),
        (Inputs(since="whenever"), "--since"),
    ],
)
def test_wrong_use_is_said(inputs: Inputs, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        come(inputs)

    assert said in str(raised.value)


def test_no_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(OfframpError, match="no ledger in"):
        come(replace(Inputs(), since="2d"), tmp_path)
