"""Which GPUs could run a model, in which groups, and what so many replicas cost."""

from fractions import Fraction

import pytest

from offramp.capacity.llm import LLMS
from offramp.catalog.compute import Terms
from offramp.errors import UsageError
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.machines import Group, groups, parse_terms
from offramp.migrate.plan.requirements import LeftOut, Requirements
from tests.migrate.plan.cases import CATALOGUE, OFFERS, machine

ON_DEMAND = (Terms.ON_DEMAND,)


def found(
    model: str = "llama-3.1-8b",
    required: Requirements | None = None,
    terms: tuple[Terms, ...] = ON_DEMAND,
    catalogue: Catalogue = CATALOGUE,
    offer: str | None = None,
) -> tuple[dict[str, Group], list[LeftOut]]:
    """Groups by name."""
    several, left_out = groups(
        catalogue,
        LLMS[model],
        required or Requirements(),
        gpu=None,
        offer=offer,
        terms=terms,
        prefix_cache=True,
    )
    return {group.name: group for group in several}, left_out


def test_gpus_are_grouped_as_machines_have_them() -> None:
    several, left_out = found()

    assert set(several) == {"A10G", "2 × A10G", "4 × A10G", "H100"}
    assert [each.name for each in left_out] == ["T4"]
    assert "does not fit" in left_out[0].reason


def test_a_large_model_takes_a_group_that_holds_it() -> None:
    """Row 21 of the recheck: 141 GB of weights do not fit on four cards of 22.5 GiB, nor on one of 80."""
    several, left_out = found("llama-3.1-70b")

    assert several == {}
    assert {each.name for each in left_out} == {"A10G", "H100", "T4"}
    wide = Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(*OFFERS, machine("aws", "p5", "H100", "55.04", gpus=8)))
    assert set(found("llama-3.1-70b", catalogue=wide)[0]) == {"2 × H100", "4 × H100", "8 × H100"}


def test_the_cheapest_machines_are_whole_and_one_is_to_spare() -> None:
    """Five replicas: five small machines and a sixth, not two of four GPUs and a third."""
    group = found()[0]["A10G"]

    rented = group.cheapest(5, spare=1)

    assert rented is not None
    assert rented[1].name == "aws/g5.xlarge"
    assert rented[0] == 6 * Fraction("1.006") * 730
    large = next(offer for offer in group.rented if offer.gpus == 4)
    assert group.machines(large, 5) == 2
    assert found()[0]["4 × A10G"].machines(large, 2) == 2


def test_terms_say_what_may_be_rented() -> None:
    group = found(terms=(Terms.RESERVED,))[0]["A10G"]

    assert [offer.name for offer in group.rented] == ["aws/g5.xlarge one year"]
    assert found(terms=(Terms.SPOT,))[0] == {}


def test_a_named_machine_is_the_only_one() -> None:
    several, _ = found(offer="aws/g5.12xlarge")

    assert {offer.name for group in several.values() for offer in group.rented} == {"aws/g5.12xlarge"}


def test_machines_that_may_not_be_rented_are_left_out_with_the_reason() -> None:
    several, left_out = found(required=Requirements(areas=("us",)))

    assert set(several) == {"A10G", "2 × A10G", "4 × A10G"}
    assert {each.name for each in left_out} == {"lambda/1x H100", "gcp/t4"}


def test_a_card_without_a_datasheet_is_left_out() -> None:
    strange = Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(machine("x", "y", "XPU", "1"),))

    assert found(catalogue=strange)[1] == [LeftOut(name="x/y", reason="no datasheet of XPU is known")]


def test_serverless_machines_stand_apart() -> None:
    by_the_second = machine("cerebrium", "A10", "A10", "1.1016", terms=Terms.SERVERLESS)
    several, _ = found(
        terms=(Terms.SERVERLESS,), catalogue=Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=(by_the_second,))
    )

    assert several["A10"].rented == ()
    assert several["A10"].serverless == (by_the_second,)
    assert several["A10"].cheapest(1, spare=1) is None


def test_machines_under_other_terms_stand_aside_and_not_those_by_the_second() -> None:
    offers = (
        *OFFERS,
        machine("host", "a10g", "A10G", "0.30", terms=Terms.MARKETPLACE, regions=("us-east-1",)),
        machine("cloud", "a10g", "A10G", "0.40", terms=Terms.SERVERLESS),
    )
    catalogue = Catalogue(cards=CATALOGUE.cards, llms=LLMS, offers=offers)

    several, _ = found(catalogue=catalogue)
    assert [each.name for each in several["A10G"].aside] == ["aws/g5.xlarge one year", "host/a10g"]
    assert several["2 × A10G"].aside == ()
    named, _ = found(catalogue=catalogue, offer="aws/g5.xlarge")
    assert named["A10G"].aside == ()
    required, _ = found(catalogue=catalogue, required=Requirements(areas=("eu",)))
    assert all(not group.aside for group in required.values())


def test_terms_that_nobody_knows_are_refused() -> None:
    assert parse_terms("on-demand, Spot") == (Terms.ON_DEMAND, Terms.SPOT)
    with pytest.raises(UsageError, match="expected some of on-demand, reserved, spot, marketplace, serverless"):
        parse_terms("rented")
