"""Whom a chat can ask: the gateway that runs here, the configured upstreams, what the environment names, any URL."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from offramp.catalog.compute import compute_card
from offramp.catalog.prices import PriceBook
from offramp.compose.fleet import build_fleet, compute_price
from offramp.config.checks import is_loopback
from offramp.config.environment import environment, surroundings
from offramp.config.load import Loaded, load
from offramp.config.model import Settings
from offramp.errors import UsageError
from offramp.migrate.chat import bill
from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.bill import Bill
from offramp.migrate.init import look
from offramp.migrate.local import get
from offramp.pricing.cards import TokenCard
from offramp.pricing.compute import ComputePrice
from offramp.upstream.upstream import Upstream
from offramp.wire.engine import Engine

GATEWAY = "gateway"
"""What the gateway on this machine is called; no upstream of the same name is hidden, it is just asked directly."""
CHOSEN = "url"
"""What an address given on the command line is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """How the answers of one upstream are paid for."""

    upstream: Upstream
    compute: ComputePrice | None
    named: str
    """What the price by time is called: a card, or where it stands."""

    def bill(self, answer: Answer, model: str) -> Bill:
        """What an answer of it cost."""
        if self.compute is not None:
            return bill.by_time(self.compute, answer, named=self.named)
        card = self.upstream.card_for(answer.model or model) or self.upstream.card_for(model)
        if isinstance(card, TokenCard):
            return bill.by_tokens(card, answer)
        return bill.unpriced(f"no price for {self.upstream.name}: give it a `price` in offramp.yaml, or use --price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody to ask."""

    name: str
    upstream: Upstream
    where: str
    models: tuple[str, ...]
    """Models known from the configuration, the likeliest first."""
    prices: Mapping[str, Pricing]
    """Behind a gateway: of each tier. Else of itself, under its name."""
    client_key: str | None = None
    is_serverless: bool = False
    """It may be asleep: the first answer waits for a machine."""

    def bill(self, answer: Answer, model: str) -> Bill:
        """What an answer cost."""
        if answer.tier == "cache":
            return bill.from_cache()
        pricing = self.prices.get(answer.tier if self.name == GATEWAY else self.name)
        if pricing is None:
            return bill.unpriced(f"nothing is known here of tier {answer.tier!r}")
        return pricing.bill(answer, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price from the command line, for upstreams that have none."""

    card: str
    cpus: float | None
    memory_gb: float | None

    def compute(self) -> ComputePrice | None:
        """As a price by time; `None` if it is a card for tokens.

        Raises:
            ConfigError: If the card has no parts to be sized.
        """
        return compute_card(
            self.card,
            vcpus=None if self.cpus is None else Fraction(str(self.cpus)),
            memory_gb=None if self.memory_gb is None else Fraction(str(self.memory_gb)),
        )


class Targets:
    """Everybody who can be asked, by name; the likeliest first."""

    def __init__(self, config: Path | None, price: Price | None) -> None:
        """Look at the configuration and the environment.

        Raises:
            SettingsError: If the configuration cannot be used.
        """
        self._loaded = load(config)
        folder = self._loaded.source.parent if self._loaded.source else Path()
        self._variables = surroundings(folder, environment()).variables
        self._price = price
        self._book = PriceBook.load(
            {name: prices.model_dump(exclude_defaults=True) for name, prices in self._loaded.settings.prices.items()}
        )
        self.known: dict[str, Target] = {}

    async def find(self) -> None:
        """Fill `known`: the gateway if it runs, the configured upstreams, what the variables name."""
        configured = self._built(self._loaded.settings)
        gateway = await self._gateway(self._loaded, configured)
        found = {} if gateway is None else {GATEWAY: gateway}
        found.update(configured if self._loaded.source else {})
        found.update({name: target for name, target in self._from_variables().items() if name not in found})
        self.known = found or configured

    async def close(self) -> None:
        """Close all connections."""
        for target in self.known.values():
            for instance in target.upstream.instances:
                instance.retire()
        await asyncio.sleep(0)

    def of_url(self, url: str, key_variable: str | None = None) -> Target:
        """An address as somebody to ask.

        Args:
            url: The address that stands for `/v1`.
            key_variable: The variable with its key. Without one, a known platform's own; no other key is sent.

        Raises:
            UsageError: If it is no address, or the variable is not set.
        """
        variable = key_variable or self._usual_variable(url)
        key = self._variables.get(variable) if variable else None
        if key_variable and not key:
            raise UsageError(f"{key_variable} is not set, neither in the environment nor in .env")
        try:
            settings = Settings.model_validate({"upstreams": {CHOSEN: {"base_url": url, "api_key": key or None}}})
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"{url!r} is no address to chat with: {reason}") from None
        return self._built(settings)[CHOSEN]

    def _usual_variable(self, url: str) -> str | None:
        """The variable with the key for an address; a key is never sent to somebody it does not belong to."""
        host = _host(url)
        if host.endswith(".cerebrium.ai"):
            return "CEREBRIUM_API_KEY"
        own = _host(self._variables.get("OPENAI_BASE_URL", ""))
        return "OPENAI_API_KEY" if host == own or host.endswith(".openai.com") or is_loopback(host) else None

    def _from_variables(self) -> dict[str, Target]:
        """What the environment and `.env` name: OpenAI, Azure, Cerebrium."""
        found = [each for each in look(self._variables, []).upstreams if each.key_variable]
        if not found:
            return {}
        entries: dict[str, object] = {}
        for each in found:
            key = self._variables.get(each.key_variable or "")
            entries[each.name] = {"base_url": each.base_url, "engine": each.engine, "api_key": key}
        return self._built(Settings.model_validate({"upstreams": entries}))

    def _built(self, settings: Settings) -> dict[str, Target]:
        fleet, _ = build_fleet(settings, self._book, via=b"1.1 offramp-chat")
        own = self._price.compute() if self._price else None
        targets = {}
        for name, upstream in fleet.items():
            part = settings.upstreams[name]
            compute = compute_price(part.price) or (own if part.price is None else None)
            if self._price and own is None and part.price is None:
                card = self._card(self._price.card)
                upstream.find_card = lambda _model, card=card: card
            card_name = part.price.card if part.price else self._price.card if self._price else None
            pricing = Pricing(upstream=upstream, compute=compute, named=card_name or "price in offramp.yaml")
            targets[name] = Target(
                name=name,
                upstream=upstream,
                where=part.base_urls[0],
                models=_models_of(settings, name),
                prices={name: pricing},
                client_key=self._variables.get("OPENAI_API_KEY") if name == settings.passthrough else None,
                is_serverless=part.engine is Engine.CEREBRIUM,
            )
        return targets

    def _card(self, name: str) -> TokenCard:
        card = self._book.card(name)
        if card is None:
            raise UsageError(f"there is no price card {name}; `offramp prices` lists them")
        return card

    async def _gateway(self, loaded: Loaded, configured: Mapping[str, Target]) -> Target | None:
        """The gateway on this machine, if it runs where the configuration says."""
        listen = loaded.settings.listen
        if listen.tls is not None or not listen.port:
            return None
        seen = await get(listen.port, b"/health")
        if seen is None or not seen.is_offramp:
            return None
        url = f"http://127.0.0.1:{listen.port}/v1"
        settings = Settings.model_validate({"upstreams": {GATEWAY: {"base_url": url}}})
        fleet, _ = build_fleet(settings, self._book, via=b"")
        models = [m for route in loaded.settings.routes.values() for m in route.models if not m.endswith("*")]
        return Target(
            name=GATEWAY,
            upstream=fleet[GATEWAY],
            where=url,
            models=tuple(models),
            prices={name: target.prices[name] for name, target in configured.items()},
            client_key=self._variables.get("OFFRAMP_API_KEY") or self._variables.get("OPENAI_API_KEY"),
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _models_of(settings: Settings, name: str) -> tuple[str, ...]:
    """The models that routes ask an upstream for."""
    found = [
        getattr(tier, "model", None) or route.models[0].rstrip("*")
        for route in settings.routes.values()
        for tier in route.tiers
        if tier.name == name
    ]
    return tuple(dict.fromkeys(model for model in found if model))
