"""The lists of `offramp prices` for programs: facts with source and day, `null` where nobody knows."""

from datetime import date

from offramp.capacity.hardware import GIB
from offramp.capacity.llm import LLMS
from offramp.catalog.age import is_stale
from offramp.catalog.compute import Offer
from offramp.catalog.providers import ProviderCard
from offramp.cli.prices_lists import Gpu, Model, gpu_hour_usd
from offramp.pricing.cards import TokenCard
from offramp.pricing.money import decimal_text, mtok_text


def gpu_json(gpu: Gpu, today: date) -> dict[str, object]:
    """A GPU: what its datasheet says, and its cheapest offers."""
    return {
        "name": gpu.card.name,
        "memory_gib": round(gpu.card.memory_bytes / GIB, 3),
        "bandwidth_gb_per_s": gpu.card.bandwidth_bytes_per_s / 1e9,
        "tflops": gpu.card.flops_per_s / 1e12,
        "source": gpu.card.source,
        "offers": gpu.offers,
        "cheapest": {terms.value: _offer(offer, today) for terms, offer in gpu.cheapest.items()},
    }


def model_json(model: Model) -> dict[str, object]:
    """An open model: what it is, under which licence, and who rents it."""
    facts, llm = model.model, LLMS.get(model.model.id)
    return {
        "name": facts.id,
        "title": facts.title,
        "maker": facts.maker,
        "licence": facts.licence,
        "commercial": facts.commercial,
        "context_tokens": facts.context_tokens,
        "parameters": facts.parameters,
        "active_parameters": facts.parameters if facts.experts is None else facts.experts.active_parameters,
        "layers": llm and llm.layers,
        "kv_heads": llm and llm.kv_heads,
        "head_dim": llm and llm.head_dim,
        "kv_bytes_per_token": llm and llm.kv_bytes_per_token,
        "can_be_sized": facts.can_be_sized,
        "weights": facts.weights,
        "source": facts.source,
        "sizes_source": facts.sizes_source,
        "checked": facts.checked,
        "second_hand": facts.second_hand,
        "hosted": [_hosted(card) for card in model.hosted],
    }


def provider_json(card: ProviderCard) -> dict[str, object]:
    """A provider: what it states, with source and day."""
    return {
        "name": card.id,
        "title": card.name,
        "regions": card.regions,
        "compliance": card.compliance,
        "statements": card.statements,
        "limits": card.limits,
    }


def _offer(offer: Offer, today: date) -> dict[str, object]:
    return {
        "name": offer.name,
        "usd_per_gpu_hour": decimal_text(gpu_hour_usd(offer)),
        "checked": offer.checked,
        "stale": is_stale(offer.checked, today),
    }


def _hosted(card: TokenCard) -> dict[str, object]:
    rates = card.standard.rates
    return {
        "name": card.name,
        "input_usd_per_mtok": mtok_text(rates.input),
        "output_usd_per_mtok": mtok_text(rates.output),
        "checked": card.checked or None,
    }
