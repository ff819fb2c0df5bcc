"""Ways on own machines: rented whole with one to spare, or paid while they serve."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.catalog.compute import Terms, offer
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.own_ways import OwnWay, requests_per_machine
from tests.migrate.plan.cases import CATALOGUE, OFFERS, machine, plan_of, traffic_from

A10 = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS, checked="2026-06-20")
WITH_A10 = Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(A10,))


def sparse(every_s: float, count: int = 12) -> Load:
    """A short question now and then."""
    return Load.of(np.arange(count) * every_s, np.full(count, 300), np.full(count, 50))


def metered(every_s: float, **given: object) -> OwnWay | None:
    """The way on a serverless A10."""
    return plan_of(traffic_from(sparse(every_s)), catalogue=WITH_A10, **given).own


def test_rented_machines_are_paid_whole_with_one_to_spare() -> None:
    plan = plan_of(gpu="A10G", spare=1)
    assert plan.own is not None

    assert plan.own.offer.name == "aws/g5.xlarge"
    assert plan.own.machines == plan.own.replicas + 1
    assert plan.own.usd_per_month == plan.own.machines * Fraction("1.006") * 730
    assert plan.own.name == f"{plan.own.machines} × aws/g5.xlarge"


def test_what_a_machine_carries_is_the_load_times_its_headroom() -> None:
    several, one = plan_of(gpu="A10G").own, plan_of(gpu="H100").own
    assert several is not None
    assert one is not None
    assert one.replicas == 1 < several.replicas

    assert requests_per_machine(one, 1_000_000, 2.5) == 2_500_000
    assert requests_per_machine(several, 1_000_001, 1.0) * several.replicas >= 1_000_001
    # Fewer machines than were found are no answer, whatever the headroom says.
    assert -(-1_000_000 // requests_per_machine(several, 1_000_000, 9.0)) == several.replicas


def test_cold_starts_that_miss_the_service_level_keep_an_instance_running() -> None:
    """A question every five minutes finds the instance gone after 30 seconds, and 55 s are no first token."""
    way = metered(300.0)
    assert way is not None
    assert way.metering is not None

    assert way.metering.kept == 1
    assert way.metering.cold_share == 0
    assert way.metering.billed_hours == pytest.approx(730, rel=0.01)
    assert way.name == "cerebrium/A10, scaling, 1 always running"


def test_with_patience_an_instance_scales_to_zero_and_bills_its_start_and_cooldown() -> None:
    """12 isolated questions: each bills 45 s of loading, its answer and 30 s of waiting."""
    way = metered(300.0, slo_ttft_ms=120_000.0)
    assert way is not None
    assert way.metering is not None

    assert way.metering.kept == 0
    assert way.metering.cold_share == 1.0
    each_s = way.metering.billed_hours * 3_600 / (730 * 3_600 / 300)
    assert 75 < each_s < 80
    # GPU, four vCPUs and 24 GB, as the shipped list has them.
    second = offer_second()
    assert float(way.usd_per_month) == pytest.approx(way.metering.billed_hours * 3_600 * second, rel=1e-6)


def offer_second() -> float:
    """The price of a second of an A10 with four vCPUs and 24 GB."""
    return 0.000306 + 4 * 0.00000655 + 24 * 0.00000222


def test_a_longer_cooldown_costs_more_and_starts_less() -> None:
    short, long = metered(40.0, slo_ttft_ms=120_000.0), metered(40.0, slo_ttft_ms=120_000.0, cooldown_s=60.0)
    assert short is not None
    assert short.metering is not None
    assert long is not None
    assert long.metering is not None

    assert long.metering.cold_share < short.metering.cold_share


def test_the_price_of_machines_can_be_another() -> None:
    dear, cheap = (plan_of(gpu="A10G", gpu_price=factor).own for factor in (1.0, 0.5))
    assert dear is not None
    assert cheap is not None

    assert cheap.usd_per_month * 2 == dear.usd_per_month


def test_reserved_machines_are_taken_where_they_may_be() -> None:
    plan = plan_of(gpu="A10G", terms="reserved")
    assert plan.own is not None

    assert plan.own.offer.name == "aws/g5.xlarge one year"
    assert replace(Inputs(), terms="reserved").terms != Inputs().terms
    assert offer("aws/g5.xlarge").gpu == OFFERS[0].gpu


def test_cold_starts_at_the_peak_count_as_much_as_at_the_mean() -> None:
    """A way that keeps the service level on average and misses it in the busiest window is none."""
    plan = plan_of(traffic_from(sparse(300.0)), catalogue=WITH_A10)

    for way in (plan.own, *plan.machines.others):
        assert way is not None
        assert min(way.attainment_mean, way.attainment_peak) >= plan.slo.share


def test_a_platform_whose_starts_are_always_too_late_is_left_out() -> None:
    """Twelve questions at once, every ten minutes, on an instance that takes one at a time."""
    arrived = np.repeat(np.arange(20) * 600.0, 12)
    burst = Load.of(arrived, np.full(len(arrived), 3_000), np.full(len(arrived), 400))
    plan = plan_of(traffic_from(burst), catalogue=WITH_A10, slo_token_ms=45.0, max_machines=200)

    reasons = {each.name: each.reason for each in plan.machines.left_out}
    assert plan.own is None
    assert reasons.keys() & {"A10", "cerebrium/A10, scaling to zero"}


def test_what_is_cheaper_under_other_terms_is_beside_the_answer_not_in_it() -> None:
    """The same replicas at a marketplace and for a year; the dearer of two under the same terms is left away."""
    offers = (
        *OFFERS,
        machine("host", "a10g", "A10G", "0.30", terms=Terms.MARKETPLACE),
        machine("host", "a10g, another", "A10G", "0.35", terms=Terms.MARKETPLACE),
        machine("dear", "a10g spot", "A10G", "3", terms=Terms.SPOT),
    )
    listed = Catalogue(cards=CATALOGUE.cards, llms=CATALOGUE.llms, offers=offers)
    plan = plan_of(gpu="A10G", catalogue=listed)
    assert plan.own is not None

    assert plan.own.offer.name == "aws/g5.xlarge"
    assert [way.offer.name for way in plan.machines.cheaper] == ["host/a10g", "aws/g5.xlarge one year"]
    cheapest = plan.machines.cheaper[0]
    assert cheapest.replicas == plan.own.replicas
    assert cheapest.usd_per_month == cheapest.machines * Fraction("0.30") * 730

    asked = plan_of(gpu="A10G", catalogue=listed, terms="on-demand,marketplace")
    assert asked.own is not None
    assert asked.own.offer.name == "host/a10g"
    assert asked.machines.cheaper == ()
