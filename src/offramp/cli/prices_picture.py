"""Price cards for people: tables that say how old each price is and who says so."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offramp.catalog.age import is_stale, stale_line
from offramp.catalog.book_file import UNKNOWN
from offramp.catalog.compute import Offer
from offramp.catalog.lifecycle import ending
from offramp.catalog.prices import PriceBook
from offramp.catalog.providers import RateLimit, Statement
from offramp.cli.prices_check import Finding
from offramp.pricing.cards import STANDARD_TIERS, TokenCard
from offramp.pricing.compute import HOURS_PER_MONTH
from offramp.pricing.money import decimal_text, mtok_text, usd_per_mtok

if TYPE_CHECKING:
    # It loads genai-prices, which only an update needs.
    from offramp.migrate.price_update import Changes

_MOST_CHANGES = 15

_WIDE = 100
"""Characters from which on a table of machines has room for remarks."""


def show_cards(console: Console, cards: Sequence[TokenCard], book: PriceBook) -> None:
    """Token prices in dollars per million tokens."""
    table = Table(box=SIMPLE_HEAD, title="USD per million tokens", title_justify="left", title_style="bold")
    table.add_column("model", overflow="fold")
    for column in ("input", "cached", "output"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("checked", no_wrap=True)
    table.add_column("remarks", style="dim", overflow="fold")
    rates = [card.standard.rates for card in cards]
    inputs = _aligned([shown_usd(each.input) for each in rates])
    cached = _aligned(["=" if each.cached_input == each.input else shown_usd(each.cached_input) for each in rates])
    outputs = _aligned([shown_usd(each.output) for each in rates])
    for card, *prices in zip(cards, inputs, cached, outputs, strict=True):
        table.add_row(card.name, *prices, _checked(card, book), ", ".join(_remarks(card)))
    console.print(table)
    show_warning(console, stale_line({card.name: card.checked for card in cards}, book.today()))


def show_machines(console: Console, offers: Sequence[Offer], today: date) -> None:
    """Machines and serverless GPUs in dollars per hour."""
    title = f"USD per hour; a month has {HOURS_PER_MONTH} hours"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("machine", overflow="fold")
    table.add_column("GPU", no_wrap=True)
    table.add_column("hour", justify="right", no_wrap=True)
    table.add_column("month", justify="right", no_wrap=True)
    table.add_column("terms", no_wrap=True)
    table.add_column("checked", no_wrap=True)
    is_wide = console.width >= _WIDE
    if is_wide:
        table.add_column("remarks", style="dim", overflow="fold")
    hourly = _aligned([decimal_text(offer.usd_per_hour) for offer in offers])
    for offer, usd in zip(offers, hourly, strict=True):
        remarks = [*offer.regions, "second-hand" if offer.second_hand else "", offer.note]
        table.add_row(
            offer.name,
            f"{offer.gpus} × {offer.gpu}",
            usd,
            f"{offer.usd_per_hour * HOURS_PER_MONTH:,.2f}",
            offer.terms.value,
            _day(offer.checked, today),
            *([", ".join(remark for remark in remarks if remark)] if is_wide else []),
        )
    console.print(table)
    if not is_wide:
        console.print(f"Regions and remarks: on a terminal of {_WIDE} characters, or with --json", style="dim")
    show_warning(console, stale_line({offer.name: offer.checked for offer in offers}, today))


def show_warning(console: Console, line: str) -> None:
    """A line that somebody should read; nothing if it is empty."""
    if line:
        console.print(Text(line, style="yellow"))


def shown_usd(pico: int | None) -> str:
    """Dollars per million tokens; what nobody knows is a question mark, as in the price file."""
    return mtok_text(pico) or UNKNOWN


def show_limits(console: Console, limits: Sequence[RateLimit]) -> None:
    """How much a provider takes from one account."""
    for limit in limits:
        figures = (
            f"{limit.requests_per_minute:,} requests a minute" if limit.requests_per_minute else "",
            f"{limit.tokens_per_minute:,} tokens a minute" if limit.tokens_per_minute else "",
        )
        told = ", ".join(figure for figure in figures if figure)
        what = f"{limit.plan}, {limit.model}" if limit.model else limit.plan
        hand = ", second-hand" if limit.second_hand else ""
        source = f"({limit.source}, {limit.checked}{hand})"
        console.print(Text.assemble(("rate limit", "bold"), f": {what}: {told} ", (source, "dim")))


def show_statements(console: Console, said: Sequence[Statement]) -> None:
    """What a provider says of itself."""
    for statement in said:
        hand = ", second-hand" if statement.second_hand else ""
        source = f"({statement.source}, {statement.checked}{hand})"
        console.print(Text.assemble((statement.topic, "bold"), f": {statement.text} ", (source, "dim")))


def show_findings(console: Console, found: Sequence[Finding], book: PriceBook) -> None:
    """What stands against the prices in use."""
    if not found:
        console.print(f"All prices in use are known and not older than they should be ({book.source}, {book.as_of}).")
        return
    for finding in found:
        console.print(Text.assemble((finding.subject, "bold yellow"), f": {finding.text}"))


def show_changes(console: Console, changes: "Changes") -> None:
    """What an update brought."""
    console.print(
        f"{len(changes.new)} new, {len(changes.gone)} gone, {len(changes.changed)} with another price"
        f"{':' if changes.changed else ''}"
    )
    for before, after in changes.changed[:_MOST_CHANGES]:
        old, new = (
            f"{shown_usd(card.standard.rates.input)} / {shown_usd(card.standard.rates.output)}"
            for card in (before, after)
        )
        console.print(f"  {after.name}: {old} -> {new}", highlight=False)
    if len(changes.changed) > _MOST_CHANGES:
        console.print(f"  … and {len(changes.changed) - _MOST_CHANGES} more")


def _aligned(numbers: list[str]) -> list[str]:
    """The same numbers with their decimal points below each other when they stand to the right."""
    decimals = [len(number.partition(".")[2]) + ("." in number) for number in numbers]
    return [number + " " * (max(decimals, default=0) - own) for number, own in zip(numbers, decimals, strict=True)]


def _checked(card: TokenCard, book: PriceBook) -> Text:
    if not card.checked:
        return Text("your own", style="cyan")
    age = book.age_days(card)
    return Text(f"{card.checked}, {age} d", style="yellow" if book.is_stale(card) else "")


def _day(checked: str, today: date) -> Text:
    return Text(checked, style="yellow" if is_stale(checked, today) else "")


def _remarks(card: TokenCard) -> list[str]:
    remarks = []
    notice = ending(card.provider, card.model)
    if notice is not None:
        remarks.append(f"ends {notice.ends}")
    if card.second_hand:
        remarks.append("second-hand")
    tiers = sorted(tier for tier in card.tariffs if tier not in STANDARD_TIERS)
    if tiers:
        remarks.append("also " + " ".join(tiers))
    remarks += [f"dearer over {threshold:,} tokens" for threshold, _ in reversed(card.standard.long)]
    if card.request_pico:
        remarks.append(f"+ {decimal_text(usd_per_mtok(card.request_pico).scaleb(-6))} per request")
    if card.deprecated:
        remarks.append("deprecated")
    return remarks
