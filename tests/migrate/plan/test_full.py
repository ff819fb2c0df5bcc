"""The full plan: three columns that add up, at the arrivals and the service level that were given."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.capacity.simulation import simulate
from offramp.catalog.compute import Terms
from offramp.errors import UsageError
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.full import FullPlan, answer
from offramp.migrate.plan.full_tables import bill_lines
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.sides import Tried
from offramp.migrate.plan.traffic import Measured
from tests.migrate.plan.cases import CATALOGUE, chat, even_load, facts, machine, plan_of, traffic_from


@cache
def guide() -> FullPlan:
    """The guide's requests, two million a month, on A10Gs."""
    return plan_of(traffic_from(even_load()), requests_per_month=2_000_000, gpu="A10G", fallback_share=0.05)


def test_the_incumbent_costs_what_the_guide_says() -> None:
    """Rows 1 and 2 of the recheck."""
    assert guide().economy.incumbent_usd == Fraction("0.00275")
    assert guide().economy.incumbent_month() == 5_500


def test_the_parts_of_each_bill_add_up_to_it() -> None:
    for plan in (guide(), plan_of(quality_loss=0.02, gpu="A10G"), plan_of(hosted="groq/llama-3.1-8b-instant")):
        incumbent, hosted, own = bill_lines(plan)
        assert sum(incumbent.values()) == plan.economy.incumbent_month()
        assert sum(hosted.values()) == plan.economy.hosted_month()
        assert sum(own.values()) == plan.economy.own_month()


def test_the_machines_of_the_bill_are_those_that_were_simulated() -> None:
    """The fleet of today is the one that the search found, one to spare; not one more by rounding."""
    for plan in (guide(), plan_of(gpu="A10G"), plan_of(gpu="A10G", requests_per_month=9_999_999)):
        assert plan.own is not None
        assert plan.economy.machines is not None
        assert plan.economy.machines.machines(plan.requests_per_month) == plan.own.machines


def test_what_falls_back_is_paid_on_top() -> None:
    """Row 11 of the recheck: a rented machine costs the same while 5 % of the requests go elsewhere."""
    bill = bill_lines(guide())[2]

    assert bill["fallback"] == Fraction("0.05") * 5_500
    assert bill["machines to spare"] == Fraction("1.006") * 730


def test_own_machines_meet_the_service_level_at_the_peak() -> None:
    plan = plan_of(gpu="A10G")
    assert plan.own is not None

    result = simulate(plan.traffic.busiest, plan.own.group.engine, replicas=plan.own.replicas)
    assert result.attainment(plan.slo) == plan.own.attainment_peak >= plan.slo.share


def test_a_volume_that_is_given_runs_the_pattern_faster() -> None:
    plan = plan_of(requests_per_month=20 * 730 * 3_600, gpu="H100")

    assert plan.traffic.busiest.rate_per_s == pytest.approx(20, rel=0.2)
    assert plan.uncertainty.requests_per_month.low == plan.uncertainty.requests_per_month.high


def test_another_tokenizer_makes_longer_requests_on_both_open_columns() -> None:
    plain, longer = plan_of(gpu="H100"), plan_of(gpu="H100", token_ratio=1.3)

    assert longer.economy.hosted_usd == pytest.approx(
        float(Fraction(13, 10) * (plain.economy.hosted_usd or 0)), rel=1e-4
    )
    assert longer.economy.incumbent_usd == plain.economy.incumbent_usd
    assert (longer.machines.headroom or 0) < (plain.machines.headroom or 0)


def test_cached_tokens_count_on_both_sides() -> None:
    """Half of the input cached: the incumbent has a price for it, and own engines keep what prompts share."""
    without, cached = plan_of(cached_share=0.0), plan_of(cached_share=0.5)
    assert cached.economy.incumbent_usd < without.economy.incumbent_usd

    alike = even_load(every_s=0.4, tokens_in=2_000, tokens_out=40)
    shared = replace(alike, prefix=np.zeros(600, dtype=np.int64), prefix_tokens=np.full(600, 1_900))
    rooms = [
        plan_of(traffic_from(shared), gpu="A10G", prefix_cache=kept).machines.headroom or 0 for kept in (True, False)
    ]
    replicas = [plan_of(traffic_from(shared), gpu="A10G", prefix_cache=kept).own for kept in (True, False)]
    assert replicas[0] is not None
    assert replicas[1] is not None
    assert rooms[0] / replicas[0].replicas > rooms[1] / replicas[1].replicas


def test_a_measured_fallback_stands_before_the_assumed_one() -> None:
    measured = replace(chat(), measured=Measured(fallback_share=Fraction(1, 4)))

    assert plan_of(measured).economy.fallback_share == Fraction(1, 4)
    assert plan_of(measured).fallback_from == "measured"
    assert plan_of(measured, fallback_share=0.1).fallback_from == "given"
    assert plan_of().fallback_from == "assumed"


def test_the_move_is_engineering_shadow_and_evaluation() -> None:
    """40 hours at $100; 14 of 30.4 days of the machines; 1,546 pairs at $0.00275, two answers each."""
    move, plan = guide().move_own, guide()
    assert plan.own is not None

    assert plan.pairs == 1_546
    assert move.engineering_usd == 4_000
    assert move.shadow_usd == plan.own.usd_per_month * Fraction(14 * 24, 730)
    assert move.evaluation_usd == 1_546 * 2 * Fraction("0.00275")
    hosted = guide().move_hosted
    assert hosted.shadow_usd == Fraction(14 * 24, 730) * 2_000_000 * (plan.economy.hosted_usd or 0)


def test_the_path_grows_and_prices_fall() -> None:
    plan = plan_of(growth=0.2, token_price_fall=0.5, months=13, requests_per_month=200_000, gpu="A10G")
    first, last = plan.path[0], plan.path[12]

    assert [month.requests for month in plan.path[:3]] == [200_000, 240_000, 288_000]
    assert last.incumbent_usd == plan.economy.incumbent_usd * last.requests / 2
    assert first.incumbent_usd == plan.economy.incumbent_month()
    assert (last.machines or 0) >= (first.machines or 0)


def test_a_move_that_saves_pays_back_and_one_that_does_not_never_does() -> None:
    assert plan_of(requests_per_month=5_000_000, gpu="A10G").pay_back_months(own=True) is not None
    assert plan_of(requests_per_month=50_000, gpu="A10G").pay_back_months(own=True) is None


def test_hours_decide_what_is_reserved() -> None:
    """The reserved price of the same machine is taken where the list has one."""
    arrived = np.concatenate(
        [hour * 3_600 + np.linspace(0, 3_599, 7_200 if 9 <= hour % 24 < 17 else 300) for hour in range(50)]
    )
    load = Load.of(arrived, np.full(len(arrived), 700), np.full(len(arrived), 100))
    plan = plan_of(traffic_from(load), gpu="A10G")
    found = plan.mixture
    assert found is not None

    assert found.reserved_usd_per_hour == Fraction("0.634")
    assert found.reserved_from.startswith("aws/g5.xlarge one year")
    assert found.mix.usd_per_month <= min(found.mix.all_reserved_usd, found.mix.all_on_demand_usd)
    assert plan_of(gpu="A10G").mixture is None
    assumed = plan_of(traffic_from(load), gpu="H100").mixture
    assert assumed is not None
    assert assumed.reserved_usd_per_hour == Fraction("4.29") * Fraction("0.63")


def test_requirements_leave_candidates_out_with_the_reason() -> None:
    plan = plan_of(own_model="mistral-7b", require=("region=eu,licence=apache-2.0",))

    assert plan.own is None
    reasons = {each.name: each.reason for each in (*plan.tokens.left_out, *plan.machines.left_out)}
    assert reasons["aws/g5.xlarge"] == "aws/g5.xlarge is priced for us-east-1, not for eu"
    assert "T4" in reasons


def test_a_model_that_is_assumed_gives_way_to_one_that_meets_the_requirements() -> None:
    plan = plan_of(own_model=None, require=("licence=apache-2.0",))

    assert plan.model_assumed
    assert plan.model.name != "llama-3.1-8b"
    named = plan_of(own_model="llama-3.1-8b", require=("licence=apache-2.0",))
    assert named.own is None
    assert "Llama 3.1 Community License" in named.machines.left_out[0].reason


def test_what_own_machines_answer_with_already_is_the_open_model() -> None:
    plan = plan_of(replace(chat(), measured=Measured(own_model="Mistral-7B", own_share=0.5)), own_model=None)

    assert plan.model.name == "mistral-7b"
    assert plan.model_in_use
    assert not plan.model_assumed


def test_what_if_on_money_simulates_nothing_anew() -> None:
    tried: Tried = {}
    inputs = Inputs(incumbent="gpt-4o", own_model="llama-3.1-8b")
    first = answer(inputs, chat(), facts(), tried=tried)
    second = answer(replace(inputs, engineering_hours=400.0), chat(), facts(), tried=tried)
    third = answer(replace(inputs, slo_ttft_ms=500.0), chat(), facts(), tried=tried)

    assert second.machines is first.machines
    assert third.machines is not first.machines
    assert len(tried) == 2


def test_no_machine_that_carries_it_is_an_answer() -> None:
    plan = plan_of(slo_token_ms=1.0)

    assert plan.own is None
    assert plan.economy.own_month() is None
    assert plan.economy.break_even() is None
    assert plan.pay_back_months(own=True) is None
    assert plan.path[0].own_usd is None


def test_metered_machines_take_the_platforms_fee() -> None:
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    plan = plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,)))

    assert plan.economy.machines is None
    assert plan.economy.operating_usd == 4 * 100 + 100
    assert plan.economy.metered_usd is not None


def test_machines_by_the_second_are_as_unsure_as_others() -> None:
    """The roofline is good for 40 % whoever rents the card out: slower ones are billed for longer."""
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    plan = plan_of(catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,)))
    assert plan.own is not None
    assert plan.own.metering is not None

    found = plan.uncertainty.own_usd_per_month
    assert float(plan.economy.served_share) == pytest.approx(plan.own.metering.served_share)
    assert found.low is not None
    assert found.high is not None
    assert found.high > 1.3 * found.low


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"terms": "forever"}, "--terms 'forever'"),
        ({"gpu": "A99"}, "no hardware is called 'A99'"),
        ({"own_model": "llama-9"}, "no model is called 'llama-9'"),
        ({"incumbent": "gpt-4p"}, "did you mean openai/gpt-4"),
        ({"incumbent": None}, "Name it with --incumbent"),
        ({"hosted": "groq/nothing"}, "no price card for 'groq/nothing'"),
        ({"slo_ttft_ms": 0.0}, "must be above 0"),
    ],
)
def test_a_name_or_figure_that_is_none_is_said_to_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        plan_of(**given)

    assert said in str(raised.value)
