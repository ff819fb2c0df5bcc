"""What the tests of the full plan stand on: prices and machines of their own, and traffic to be counted by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from offramp.capacity.arrivals import generate
from offramp.capacity.hardware import CARDS
from offramp.capacity.llm import LLMS
from offramp.capacity.load import Load
from offramp.catalog.compute import Offer, Terms
from offramp.catalog.prices import PriceBook
from offramp.migrate.plan.catalogue import Catalogue
from offramp.migrate.plan.full import FullPlan, answer
from offramp.migrate.plan.inputs import Inputs
from offramp.migrate.plan.sides import Facts
from offramp.migrate.plan.traffic import Kind, Traffic, from_load

TODAY = date(2026, 11, 21)
NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 10**9


def prices(input_usd: str, output_usd: str, **others: object) -> dict[str, object]:
    """A card's prices as they stood on a day that is 92 days past."""
    return {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd, "checked": "2026-08-21", **others}


BATCH = {"batch": {"input_usd_per_mtok": "1.25", "output_usd_per_mtok": "5"}}
BOOK = PriceBook.load(
    {
        "openai/gpt-4o": prices("2.50", "10", cached_input_usd_per_mtok="1.25", tiers=BATCH),
        "openai/gpt-4o-mini": prices("0.15", "0.60"),
        "openai/gpt-6-luna": prices("0.10", "0.50"),
        "groq/llama-3.1-8b-instant": prices("0.05", "0.08"),
        "novita/meta-llama/llama-3.1-8b-instruct": prices("0.05", "0.05"),
        "openai/long": prices("1", "1", over={1000: {"input_usd_per_mtok": "2", "output_usd_per_mtok": "3"}}),
    },
    clock_ns=lambda: NOON,
)


def machine(provider: str, product: str, gpu: str, usd: str, **others: Any) -> Offer:  # noqa: ANN401 - as Offer
    """An offer."""
    given: dict[str, Any] = {"gpus": 1, "terms": Terms.ON_DEMAND, "source": "a list", "checked": "2026-11-01", **others}
    return Offer(provider=provider, product=product, gpu=gpu, usd_per_hour=Decimal(usd), **given)


OFFERS = (
    machine("aws", "g5.xlarge", "A10G", "1.006", checked="2026-06-17", regions=("us-east-1",)),
    machine("aws", "g5.12xlarge", "A10G", "5.672", gpus=4, regions=("us-east-1",)),
    machine("aws", "g5.xlarge one year", "A10G", "0.634", terms=Terms.RESERVED, months=12, regions=("us-east-1",)),
    machine("lambda", "1x H100", "H100", "4.29"),
    machine("gcp", "t4", "T4", "0.35", regions=("europe-west4",)),
)
CATALOGUE = Catalogue(cards=CARDS, llms=LLMS, offers=OFFERS)


def facts(*, catalogue: Catalogue = CATALOGUE) -> Facts:
    """Everything beside inputs and traffic, in one process."""
    return Facts(book=BOOK, catalogue=catalogue, today=TODAY, jobs=1)


def even_load(requests: int = 600, *, every_s: float = 1.0, tokens_in: int = 700, tokens_out: int = 100) -> Load:
    """Requests that are all alike and come at even intervals."""
    return Load.of(np.arange(requests) * every_s, np.full(requests, tokens_in), np.full(requests, tokens_out))


def traffic_from(load: Load, *, cached_tokens: int = 0, span_s: float | None = None) -> Traffic:
    """Traffic as a trace gives it."""
    return from_load(
        load,
        kind=Kind.TRACE,
        source="a trace",
        span_s=span_s or load.duration_s * load.requests / (load.requests - 1),
        cached_tokens=np.full(load.requests, cached_tokens, dtype=np.int64),
        thresholds=(1000,),
    )


@cache
def chat() -> Traffic:
    """Ten minutes of a chat at a request a second."""
    return traffic_from(generate(1, duration_s=600, rate_per_s=1.0))


def plan_of(traffic: Traffic | None = None, *, catalogue: Catalogue = CATALOGUE, **given: Any) -> FullPlan:  # noqa: ANN401
    """A full plan for llama-3.1-8b against gpt-4o, with the inputs that are given."""
    inputs = replace(Inputs(incumbent="gpt-4o", own_model="llama-3.1-8b"), **given)
    return answer(inputs, chat() if traffic is None else traffic, facts(catalogue=catalogue))
