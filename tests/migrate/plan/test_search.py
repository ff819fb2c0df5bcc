"""The search: the fewest replicas that meet the service level at the peak, and nothing simulated in vain."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from offramp.capacity.arrivals import generate
from offramp.capacity.bounds import max_rate_per_s
from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.capacity.simulation import simulate
from offramp.capacity.slo import Slo
from offramp.catalog.compute import Terms
from offramp.migrate.plan.machines import Group, groups
from offramp.migrate.plan.requirements import Requirements
from offramp.migrate.plan.search import Candidate, Loads, Search, headroom, search
from tests.migrate.plan.cases import CATALOGUE

SLO = Slo(ttft_s=2.0, token_s=0.1, share=0.95)


def everything() -> list[Group]:
    """All groups for llama-3.1-8b."""
    found, _ = groups(
        CATALOGUE,
        LLMS["llama-3.1-8b"],
        Requirements(),
        gpu=None,
        offer=None,
        terms=(Terms.ON_DEMAND,),
        prefix_cache=True,
    )
    return found


def loads(rate_per_s: float = 3.0, slo: Slo = SLO, seconds: float = 120.0) -> Loads:
    """A chat at that rate."""
    load = generate(1, duration_s=seconds, rate_per_s=rate_per_s)
    return Loads(busiest=load, usual=load.faster(0.5), slo=slo)


def tried(found: Loads, *, most_machines: int = 64, jobs: int = 1) -> Search:
    """The search over everything."""
    return search(everything(), found, spare=1, most_machines=most_machines, jobs=jobs)


def cheapest(candidates: Sequence[Candidate]) -> Fraction:
    """Dollars a month of the cheapest that were found, with one machine to spare."""
    bills = [
        each.group.cheapest(each.found.peak.replicas, spare=1) for each in candidates if each.found.peak is not None
    ]
    return min(bill[0] for bill in bills if bill is not None)


def test_the_fewest_replicas_that_meet_the_service_level_are_found() -> None:
    """Against simulating one number after the other."""
    asked = loads()
    found = {each.group.name: each.found for each in tried(asked).candidates}
    group = next(group for group in everything() if group.name == "A10G")

    peak = found["A10G"].peak
    assert peak is not None
    attained = [
        simulate(asked.busiest, group.engine, replicas=number).attainment(SLO) for number in range(1, peak.replicas + 1)
    ]
    assert attained[-1] >= SLO.share
    assert all(share < SLO.share for share in attained[:-1])
    assert peak.attainment == attained[-1]


def test_a_group_that_must_cost_more_is_not_simulated() -> None:
    found = tried(loads())

    dear = [why for _, why in found.left_out if why.startswith("costs ")]
    assert dear
    assert found.considered == len(found.candidates) + len(found.left_out)
    assert found.pruned >= len(dear)


def test_pruning_does_not_change_the_answer() -> None:
    """The cheapest of everything, each group searched alone."""
    asked = loads()
    together = tried(asked)
    alone = [
        candidate
        for group in everything()
        for candidate in search([group], asked, spare=1, most_machines=64, jobs=1).candidates
    ]

    assert cheapest(together.candidates) == cheapest(alone)


def test_what_is_too_slow_even_alone_is_not_simulated() -> None:
    """15 GB at 600 GB/s take 36 ms per token whatever one does."""
    found = tried(loads(slo=replace(SLO, token_s=0.02)))

    why = dict(found.left_out)
    assert why["A10G"].startswith("too slow even for requests alone")
    assert "H100" in {each.group.name for each in found.candidates}


def test_requests_that_are_too_long_are_the_reason() -> None:
    long = Load.of([0.0, 1.0], [200_000, 200_000], [10, 10])
    found = tried(Loads(busiest=long, usual=long, slo=SLO))

    assert found.candidates == ()
    assert all("longer than the" in why for _, why in found.left_out)


def test_more_machines_than_allowed_are_no_answer() -> None:
    found = tried(loads(rate_per_s=30.0, seconds=40), most_machines=1)

    assert "replicas at least, more than 4" in dict(found.left_out)["A10G"]


def test_several_processes_find_the_same() -> None:
    """With more requests than `FEW_REQUESTS` the groups are tried side by side."""
    asked = loads(rate_per_s=6.0, seconds=300)
    assert asked.busiest.requests >= 1_500

    one, two = (cheapest(tried(asked, jobs=jobs).candidates) for jobs in (1, 2))

    assert one == two


@pytest.mark.parametrize(("rate_per_s", "least"), [(0.05, 10), (3.0, 1)])
def test_headroom_is_what_the_same_replicas_carry_more(rate_per_s: float, least: float) -> None:
    asked = loads(rate_per_s=rate_per_s)
    found = next(each for each in tried(asked).candidates if each.group.name == "A10G")
    assert found.found.peak is not None

    room = headroom(found.group, asked, found.found.peak.replicas)

    bound = max_rate_per_s(found.group.engine, asked.busiest) * found.found.peak.replicas / asked.busiest.rate_per_s
    # A load of few requests has one interval more when it is repeated.
    assert least <= room < 1.25 * bound


def test_headroom_is_judged_by_time_and_not_by_how_many_requests_are_known() -> None:
    """A hundred seconds of a chat and two hours of the very same have the same headroom on a fleet.

    A fleet works off a number of requests in no time, and an overload that is over at once looks like one that is
    carried, the more so where the limit is patient.
    """
    patient = Slo(ttft_s=20.0, token_s=1.0)
    group = next(group for group in everything() if group.name == "A10G")
    short = generate(3, requests=100, rate_per_s=1.0)
    period_s = short.duration_s * 100 / 99
    starts_s = np.repeat(np.arange(70) * period_s, 100)
    long = Load.of(
        np.tile(short.arrived_s, 70) + starts_s, np.tile(short.input_tokens, 70), np.tile(short.output_tokens, 70)
    )

    few, many = (headroom(group, Loads(busiest=load, usual=load, slo=patient), 16) for load in (short, long))

    assert few == pytest.approx(many, rel=0.025)
    lasting = long.faster(few)
    assert simulate(lasting, group.engine, replicas=16).attainment(patient) > 0.9


def test_more_load_never_needs_fewer_replicas() -> None:
    needed = []
    for rate_per_s in (1.0, 3.0, 9.0):
        found = search(
            [group for group in everything() if group.name == "A10G"],
            loads(rate_per_s=rate_per_s, seconds=60),
            spare=0,
            most_machines=64,
            jobs=1,
        )
        peak = found.candidates[0].found.peak
        assert peak is not None
        needed.append(peak.replicas)

    assert all(before <= after for before, after in pairwise(needed))
