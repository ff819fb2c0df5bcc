"""All prices of one card for people: by service tier, by length, by kind of token."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from offramp.catalog.book_file import KINDS
from offramp.cli.prices_picture import shown_usd
from offramp.pricing.cards import STANDARD_TIERS, Rates, TokenCard

_BILLED_LIKE = {"reasoning": "output", "audio_input": "input", "audio_output": "output"}
"""Kinds that are shown only where they have a price of their own."""


def show_tariffs(console: Console, card: TokenCard) -> None:
    """One row for each tier and each threshold; nothing where the list price says it all."""
    rows = list(_rows(card))
    kinds = [kind for kind in KINDS if _is_told(kind, [rates for _, _, rates in rows])]
    if len(rows) == 1 and kinds == ["input", "cached_input", "output"]:
        return
    table = Table(box=SIMPLE_HEAD, title=f"All prices of {card.name}", title_justify="left", title_style="bold")
    table.add_column("tier", no_wrap=True)
    table.add_column("input tokens", no_wrap=True)
    for kind in kinds:
        table.add_column(kind.replace("_", " "), justify="right", no_wrap=True)
    for tier, length, rates in rows:
        table.add_row(tier, length, *(shown_usd(getattr(rates, kind)) for kind in kinds))
    console.print(table)


def _rows(card: TokenCard) -> Iterator[tuple[str, str, Rates]]:
    """Tier, length and rates: the list price first, the other tiers by name."""
    tiers = ["", *sorted(tier for tier in card.tariffs if tier not in STANDARD_TIERS)]
    for tier in tiers:
        tariff = card.tariffs[tier]
        steps = sorted(tariff.long)
        yield tier or "list price", f"up to {steps[0][0]:,}" if steps else "any", tariff.rates
        for threshold, rates in steps:
            yield tier or "list price", f"above {threshold:,}", rates


def _is_told(kind: str, rows: list[Rates]) -> bool:
    if kind == "cache_write":
        return any(rates.cache_write != rates.input for rates in rows)
    like = _BILLED_LIKE.get(kind)
    return like is None or any(getattr(rates, kind) != getattr(rates, like) for rates in rows)
