"""The lists of `offramp prices` for people."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.capacity.hardware import GIB
from offramp.catalog.age import is_stale, stale_line
from offramp.catalog.compute import Offer, Terms
from offramp.catalog.providers import ProviderCard
from offramp.cli.prices_lists import Gpu, Model, gpu_hour_usd
from offramp.cli.prices_picture import show_warning, shown_usd
from offramp.pricing.money import decimal_text

_BILLION = 1e9

_MILL = Decimal("0.001")


def show_gpus(console: Console, listed: Sequence[Gpu], today: date) -> None:
    """Specifications, and the cheapest offer under each terms."""
    table = _table("GPUs: USD of the cheapest offer, per GPU-hour")
    table.add_column("GPU", no_wrap=True)
    for column in ("GiB", "GB/s", "TFLOPS"):
        table.add_column(column, justify="right", no_wrap=True)
    shown = (Terms.ON_DEMAND, Terms.RESERVED, Terms.SPOT, Terms.MARKETPLACE, Terms.SERVERLESS)
    for terms in shown:
        table.add_column(terms.value, overflow="fold")
    for gpu in listed:
        card = gpu.card
        figures = (f"{card.memory_bytes / GIB:.1f}", f"{card.bandwidth_bytes_per_s / 1e9:,.0f}")
        prices = (_price(gpu.cheapest.get(terms), today) for terms in shown)
        table.add_row(card.name, *figures, f"{card.flops_per_s / 1e12:g}", *prices)
    console.print(table)
    used = {offer.name: offer.checked for gpu in listed for offer in gpu.cheapest.values()}
    show_warning(console, stale_line(used, today))
    console.print("All offers with one: offramp prices H100. Serverless is the GPU alone.", highlight=False)


def show_models(console: Console, listed: Sequence[Model]) -> None:
    """Size, context, licence, and where the cheapest price by the token is."""
    table = _table("Open models: USD per million tokens where they are cheapest (3 in, 1 out)")
    table.add_column("model", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("context", justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold")
    table.add_column("by the token", overflow="fold")
    for each in listed:
        model = each.model
        size = f"{model.parameters / _BILLION:.1f}B"
        if model.experts is not None:
            size += f" ({model.experts.active_parameters / _BILLION:.1f}B active)"
        licence = model.licence if model.commercial == "yes" else f"{model.licence} ({_commercial(model.commercial)})"
        table.add_row(model.id, size, f"{model.context_tokens:,}", licence, _rented(each))
    console.print(table)
    if any(each.model.experts is not None for each in listed):
        console.print("Mixtures of experts can be rented; how fast they run on own GPUs is not modelled.")


def show_providers(console: Console, listed: Sequence[ProviderCard]) -> None:
    """What each states, in words that a requirement can name."""
    table = _table("Providers: what they state")
    for column in ("provider", "places", "audits and agreements"):
        table.add_column(column, overflow="fold")
    table.add_column("said on", no_wrap=True)
    for card in listed:
        days = sorted(statement.checked for statement in card.statements)
        when = days[0] if len(set(days)) == 1 else f"{days[0]} to {days[-1]}" if days else ""
        table.add_row(card.id, ", ".join(card.regions) or "–", ", ".join(card.compliance) or "–", when)
    console.print(table)
    console.print(
        f"A word without its conditions is no promise: offramp prices --provider {listed[0].id} shows the statements "
        "with their sources. What is not listed was not found.",
        highlight=False,
    )


def _table(title: str) -> Table:
    return Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")


def _price(offer: Offer | None, today: date) -> Text:
    if offer is None:
        return Text("–", style="dim")
    usd = decimal_text(gpu_hour_usd(offer).quantize(_MILL))
    style = "yellow" if is_stale(offer.checked, today) else ""
    return Text.assemble((usd, style), (f" {offer.provider}", "dim"))


def _rented(each: Model) -> str:
    if not each.hosted:
        return "–"
    card = each.hosted[0]
    rates = card.standard.rates
    given, answered = (shown_usd(pico) for pico in (rates.input, rates.output))
    more = f", {len(each.hosted) - 1} more" if len(each.hosted) > 1 else ""
    return f"{given} / {answered} {card.provider}{more}"


def _commercial(word: str) -> str:
    return "not for commercial use" if word == "no" else word
