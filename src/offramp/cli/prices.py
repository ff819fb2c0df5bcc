"""`offramp prices`: the price cards, searched, checked for their age, brought up to date."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offramp.capacity.hardware import CARDS
from offramp.catalog import compute, search
from offramp.catalog.compute import Offer
from offramp.catalog.models import open_models
from offramp.catalog.price_file import Prices, read_prices
from offramp.catalog.prices import UPDATED_NAME, PriceBook
from offramp.catalog.providers import ProviderCard, provider_card, providers_file
from offramp.cli import prices_lists
from offramp.cli.prices_check import findings
from offramp.cli.prices_json import card_json, offer_json
from offramp.cli.prices_lists import LISTS
from offramp.cli.prices_lists_json import gpu_json, model_json, provider_json
from offramp.cli.prices_lists_picture import show_gpus, show_models, show_providers
from offramp.cli.prices_picture import (
    show_cards,
    show_changes,
    show_findings,
    show_limits,
    show_machines,
    show_statements,
)
from offramp.cli.prices_tariffs import show_tariffs
from offramp.cli.terminal import is_coloured, print_json
from offramp.config.load import Loaded, load, own_prices
from offramp.errors import UsageError
from offramp.pricing.cards import TokenCard
from offramp.store.state import prepare

_A_FINDING_STANDS = 1

_FIRST_LOOK = (
    "openai/gpt-6.2-sol",
    "openai/gpt-6-luna",
    "openai/gpt-5.6-luna",
    "openai/gpt-5.4-mini",
    "openai/gpt-5-mini",
    "openai/gpt-4.1-mini",
    "openai/gpt-4o",
    "openai/gpt-4o-mini",
    "fireworks/accounts/fireworks/models/llama-v3p1-8b-instruct",
    "together/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
    "groq/llama-3.1-8b-instant",
)
"""What is shown where nothing is asked for: what people come from, and an open model at three providers."""

_FIRST_MACHINES = ("aws/g5.xlarge", "aws/g6.xlarge", "cerebrium/A10", "lambda/1x H100 SXM")

_MOST_ROWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found."""

    cards: Sequence[TokenCard]
    offers: Sequence[Offer]
    meant: TokenCard | None = None
    """The one card that was asked for, by its full name or because there is no other."""
    provider: ProviderCard | None = None
    """What the provider says of itself, where one was asked for and it was looked up."""


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SEARCH",
            help="In the name of a model, machine or GPU; for machines also `spot`, `eu`, a region. `gpus`, `models` "
            "or `providers` lists those instead.",
        ),
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider's.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rows, also of deprecated models.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Which prices in use are missing, old or of a model that ends? 1 if any.")
    ] = False,
    update: Annotated[bool, typer.Option("--update", help="Fetch the newest token prices.")] = False,
    source: Annotated[
        str | None, typer.Option("--from", help="With --update: another address, or `installed`.", show_default=False)
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", help="A YAML file with `prices:` as in offramp.yaml; they win.", show_default=False),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Default: ./offramp.yaml.", show_default=False)] = None,
    state: Annotated[Path, typer.Option(help="The state folder, which keeps updated prices.")] = Path(".offramp"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> int:
    """What a model costs by the token, and a machine by the hour: since when, says who.

    Your own prices stand under `prices:` in offramp.yaml, and win.
    """
    own = {} if prices is None else read_prices(prices)
    book = _book(config, state, own)
    if update:
        return _update(config, state, source, as_json=as_json)
    if check:
        return _check(book, load(config), as_json=as_json)
    search_words = list(words or [])
    if search_words and search_words[0] in LISTS:
        return _list(search_words[0], " ".join(search_words[1:]), book, as_json=as_json)
    wanted = " ".join(search_words)
    first_look = not wanted.strip() and provider is None and not everything
    found = _first_look(book, load(config), own) if first_look else _find(book, wanted, provider, everything=everything)
    if as_json:
        print_json(_as_json(book, found))
    else:
        _show(book, found, everything=everything)
        if first_look:
            _say_more(book)
    return 0


def _say_more(book: PriceBook) -> None:
    cards = sum(1 for _ in book.cards())
    _console().print(
        f"{cards:,} cards of {len(book.provider_ids())} providers ({book.source}, {book.as_of}). "
        "Look further: offramp prices llama, offramp prices H100, offramp prices --provider groq, offramp prices gpus, "
        "models or providers",
        highlight=False,
    )


def _list(kind: str, words: str, book: PriceBook, *, as_json: bool) -> int:
    """The GPUs, the open models or the providers, those that contain the words."""
    today, console = book.today(), _console()
    if kind == "gpus":
        gpus = prices_lists.gpus(words)
        machines = f" (machines: offramp prices {words})" if compute.find(words) else ""
        _none_is_wrong(gpus, f"no GPU is called {words!r}{machines}", list(CARDS))
        listed: dict[str, object] = {"gpus": [gpu_json(gpu, today) for gpu in gpus]}
        show = partial(show_gpus, console, gpus, today)
    elif kind == "models":
        models = prices_lists.models(words, book)
        _none_is_wrong(models, f"no open model is called {words!r}", [model.id for model in open_models()])
        listed = {"models": [model_json(model) for model in models]}
        show = partial(show_models, console, models)
    else:
        providers = prices_lists.providers(words)
        known = [card.id for card in providers_file().providers]
        _none_is_wrong(providers, f"no provider that was looked up is called so or states {words!r}", known)
        listed = {"providers": [provider_json(card) for card in providers]}
        show = partial(show_providers, console, providers)
    if as_json:
        print_json(listed)
    else:
        show()
    return 0


def _none_is_wrong(found: Sequence[object], complaint: str, known: Sequence[str]) -> None:
    if not found:
        raise UsageError(f"{complaint}; there are {', '.join(known)}", param="search")


def _book(config: Path | None, state: Path, own: Prices) -> PriceBook:
    return PriceBook.load({**own_prices(config), **own}, updated=state / UPDATED_NAME)


def _console() -> Console:
    return Console(file=sys.stdout, no_color=not is_coloured(sys.stdout), soft_wrap=False)


def _first_look(book: PriceBook, loaded: Loaded, own: Prices) -> _Found:
    settings = loaded.settings
    names = [
        *own,
        *settings.prices,
        *(route.baseline for route in settings.routes.values() if route.baseline),
        *_FIRST_LOOK,
    ]
    cards = {card.name: card for name in names if (card := book.card(name)) is not None}
    offers = [offer for name in _FIRST_MACHINES for offer in compute.find(name)]
    return _Found(cards=list(cards.values()), offers=offers)


def _find(book: PriceBook, words: str, provider: str | None, *, everything: bool) -> _Found:
    known = None if provider is None else book.provider_id(provider)
    platforms = {offer.provider for offer in compute.find("")}
    if provider is not None and known is None and provider.lower() not in platforms:
        names = ", ".join(sorted({*book.provider_ids(), *platforms}))
        raise UsageError(f"no provider is called {provider!r}; known are {names}", param="provider")
    cards = search.find(book, words, known) if provider is None or known is not None else []
    offers = compute.find(words, provider=provider)
    said = None if provider is None else provider_card(known or provider.lower())
    if not cards and not offers:
        raise UsageError(_nothing(book, words), param="search")
    shown = [card for card in cards if everything or not card.deprecated] or cards
    alone = len(shown) == 1 or (shown and shown[0].name.lower() == words.strip().lower())
    return _Found(cards=shown, offers=offers, meant=shown[0] if alone else None, provider=said)


def _nothing(book: PriceBook, words: str) -> str:
    """What is near, and how to add what was meant."""
    machines = search.nearest_machines(words)
    near = [*machines, *search.nearest(book, words)]
    hint = f"near: {', '.join(near)}; " if near else ""
    how = search.how_to_add_machine() if machines else search.how_to_add(words)
    return f"no price card has {words!r} in its name; {hint}{how}"


def _show(book: PriceBook, found: _Found, *, everything: bool) -> None:
    console = _console()
    most = len(found.cards) + len(found.offers) if everything else _MOST_ROWS
    if found.cards:
        show_cards(console, found.cards[:most], book)
    if found.meant is not None:
        show_tariffs(console, found.meant)
    if len(found.cards) > most:
        console.print(f"… and {len(found.cards) - most} more models: say more of the name, or --all", highlight=False)
    if found.offers:
        show_machines(console, found.offers[:most], book.today())
    if len(found.offers) > most:
        console.print(
            f"… and {len(found.offers) - most} more machines: say more of the name, or --all", highlight=False
        )
    if found.provider is not None:
        show_statements(console, found.provider.statements)
        show_limits(console, found.provider.limits)


def _as_json(book: PriceBook, found: _Found) -> dict[str, object]:
    return {
        "source": book.source,
        "as_of": book.as_of,
        "age_days": (book.today() - date.fromisoformat(book.as_of)).days,
        "cards": [card_json(card, book) for card in found.cards],
        "machines": [offer_json(offer, book.today()) for offer in found.offers],
        "statements": () if found.provider is None else found.provider.statements,
        "limits": () if found.provider is None else found.provider.limits,
    }


def _check(book: PriceBook, loaded: Loaded, *, as_json: bool) -> int:
    found = findings(book, loaded.settings)
    if as_json:
        listed = [{"subject": each.subject, "text": each.text} for each in found]
        print_json({"ok": not found, "source": book.source, "as_of": book.as_of, "findings": listed})
    else:
        show_findings(_console(), found, book)
    return _A_FINDING_STANDS if found else 0


def _update(config: Path | None, state: Path, address: str | None, *, as_json: bool) -> int:
    # genai-prices takes longer to load than all the rest.
    from offramp.migrate import price_update  # noqa: PLC0415 - only --update needs it

    before = _book(config, state, {})
    file = price_update.newest(address or price_update.DEFAULT_ADDRESS, today=before.today())
    price_update.check_size(file, before)
    path = prepare(state) / UPDATED_NAME
    price_update.replace_file(path, file)
    after = _book(config, state, {})
    changes = price_update.compare(before, after)
    if as_json:
        changed = [card.name for _, card in changes.changed]
        listed = {"new": changes.new, "gone": changes.gone, "changed": changed}
        print_json({"file": str(path), "as_of": after.as_of, **listed})
        return 0
    console = _console()
    console.print(f"{path}: prices of {file.as_of} ({file.source})", highlight=False)
    if after.as_of != file.as_of:
        console.print(f"The shipped prices of {after.as_of} are newer and stay in use.", highlight=False)
    show_changes(console, changes)
    console.print("A gateway that runs takes them with its next reload.")
    return 0
