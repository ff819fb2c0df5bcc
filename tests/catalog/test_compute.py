"""The shipped compute cards: each with its source and its day, and priced as the provider bills."""

import doctest
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from offramp.capacity.hardware import CARDS
from offramp.catalog import compute
from offramp.catalog.areas import area
from offramp.catalog.compute import Terms, by_the_second, compute_card, compute_file, find, offer, offers
from offramp.errors import ConfigError, UsageError
from offramp.pricing.compute import Billed


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(compute).failed == 0


def test_every_card_has_a_source_and_a_day() -> None:
    """A price without them cannot be checked by whoever signs the plan."""
    shipped = compute_file()
    facts = [(each.source, each.checked) for each in shipped.offers]
    facts += [(prices.source, prices.checked) for prices in shipped.by_the_second.values()]

    for source, checked in facts:
        assert source
        assert date(2026, 1, 1) < date.fromisoformat(checked) <= date(2026, 11, 21)


def test_every_gpu_is_one_that_the_step_time_model_knows() -> None:
    """`plan` sizes by specification and then asks for an offer of that name."""
    unknown = {each.gpu for each in compute_file().offers} - CARDS.keys()

    assert unknown == set()


def test_no_offer_is_listed_twice() -> None:
    names = [each.name.lower() for each in compute_file().offers]

    assert len(names) == len(set(names))


def test_no_terms_are_without_an_offer() -> None:
    """A plan compares machines on demand with reserved ones and those that are taken away."""
    assert {each.terms for each in compute.find("")} == set(Terms)


def test_the_clouds_that_teams_ask_for_are_there() -> None:
    """Each with at least one machine whose price has a source."""
    wanted = {"aws", "azure", "gcp", "runpod", "lambda", "vast", "nebius", "together", "digitalocean", "coreweave"}

    assert wanted <= {each.provider for each in offers()}


def test_every_gpu_can_be_rented_somewhere() -> None:
    """A card without a price cannot be part of a plan."""
    assert CARDS.keys() == {each.gpu for each in compute.find("")}


def test_every_region_that_is_named_can_be_placed() -> None:
    """Else a requirement such as `eu` would leave the offer out without a word."""
    unplaced = {region for each in offers() for region in each.regions if area(region) is None}

    assert unplaced == set()


def test_a_machine_in_europe_is_found_by_the_area() -> None:
    """`plan --require region=eu` compares areas, not the names of regions."""
    found = [each for each in offers(gpu="H200", provider="azure") if "eu" in each.areas]

    assert [each.product for each in found] == ["ND96isr_H200_v5 northeurope"]


def test_spot_costs_less_than_the_same_machine_on_demand() -> None:
    """A slip in a figure would show here."""
    by_name = {each.name: each for each in offers()}
    pairs = [(spot, by_name.get(name.replace(" spot", ""))) for name, spot in by_name.items() if " spot" in name]

    assert len(pairs) > 20
    for spot, on_demand in pairs:
        assert spot.terms is Terms.SPOT
        assert on_demand is None or spot.usd_per_hour < on_demand.usd_per_hour


def test_what_third_parties_offer_is_told_apart() -> None:
    """A plan for production must not rest on a machine that nobody signs for."""
    for each in offers():
        words = f"{each.product} {each.note}"
        third = each.provider == "vast" or any(word in words for word in ("Community", "marketplace", "both clouds"))
        assert (each.terms is Terms.MARKETPLACE) == third, each.name
    assert all(terms.condition for terms in (Terms.RESERVED, Terms.SPOT, Terms.MARKETPLACE))


def test_a_gpu_hour_costs_what_such_a_card_can_cost() -> None:
    """Between ten cents and twenty dollars: a price per machine in the place of one per GPU would show."""
    for each in compute.find(""):
        assert Decimal("0.1") < each.usd_per_hour / each.gpus < 20, each.name


@pytest.mark.parametrize(
    ("name", "gpus", "usd"),
    [("aws/g5.xlarge", 1, "1.006"), ("aws/g5.12xlarge", 4, "5.672"), ("aws/g5.48xlarge", 8, "16.288")],
)
def test_the_sizes_of_g5_cost_what_aws_lists(name: str, gpus: int, usd: str) -> None:
    found = offer(name)

    assert (found.gpu, found.gpus, str(found.usd_per_hour)) == ("A10G", gpus, usd)


def test_a_machine_is_billed_also_while_it_idles_and_a_container_only_while_it_serves() -> None:
    machine = compute_card("aws/g5.xlarge")
    container = compute_card("cerebrium/A10", vcpus=Fraction(2), memory_gb=Fraction(12))

    assert machine is not None
    assert container is not None
    assert (machine.billed, container.billed) == (Billed.ALWAYS, Billed.WHILE_SERVING)
    assert machine.cost_nano(3_600 * 10**9) == 1_006_000_000
    assert container.cost_nano(10**9) == 345_740
    assert [part.name for part in container.parts] == ["GPU A10", "vCPU", "GB memory"]


def test_parts_that_nobody_named_are_not_billed() -> None:
    container = compute_card("cerebrium/h100", gpus=Fraction(2))

    assert container is not None
    assert [(part.name, int(part.units)) for part in container.parts] == [("GPU H100", 2)]


def test_a_name_that_is_no_compute_card_is_left_to_the_token_cards() -> None:
    assert compute_card("openai/gpt-4o") is None
    assert compute_card("cerebrium/A11") is None


def test_a_whole_machine_cannot_be_resized() -> None:
    with pytest.raises(ConfigError, match="leave out gpus"):
        compute_card("aws/g5.xlarge", gpus=Fraction(2))


def test_what_is_not_listed_is_named_with_what_is() -> None:
    with pytest.raises(UsageError, match=r"known are aws/g5\.xlarge"):
        offer("aws/g99.xlarge")
    with pytest.raises(UsageError, match="cerebrium lists no 'MI300X'; it has B200"):
        by_the_second("cerebrium", gpu="MI300X", vcpus=Fraction(1), memory_gb=Fraction(1))
    with pytest.raises(UsageError, match="no price list by the second for 'aws'"):
        by_the_second("aws", gpu="A10", vcpus=Fraction(1), memory_gb=Fraction(1))


def test_offers_are_found_by_gpu_and_provider() -> None:
    assert {each.product for each in offers(gpu="a10g", provider="AWS")} == {
        f"g5.{size}"
        for size in ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge")
    }
    assert len(list(offers())) == len(compute_file().offers)


def test_a_search_finds_serverless_gpus_too_and_an_exact_name_alone() -> None:
    """`cerebrium/A10` is one card, not the three whose names begin so."""
    assert [each.name for each in compute.find("cerebrium/a10")] == ["cerebrium/A10"]
    assert {"cerebrium/H100", "gcp/a3-highgpu-1g"} <= {each.name for each in compute.find("h100")}
    assert compute.find("no such thing") == []


def test_machines_are_found_by_terms_and_place() -> None:
    """`eu` finds what can be placed there, under whatever name a cloud has for it."""
    found = find("a100-80 spot eu")

    assert found
    assert all(each.terms is Terms.SPOT and "eu" in each.areas for each in found)
    assert find("l40s us-east-1")
    assert all(each.provider == "aws" for each in find("l40s us-east-1"))


def test_a_serverless_gpu_says_what_comes_on_top() -> None:
    (a10,) = compute.find("cerebrium/A10")

    assert str(a10.usd_per_hour.normalize()) == "1.1016"
    assert a10.note == "plus $0.02358 per vCPU-hour and $0.007992 per GB-hour"
