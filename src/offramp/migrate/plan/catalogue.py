"""What could be run on what, rented where: the shipped cards, and those of a file of one's own (`--catalogue`).

gpus:    {MI300X: {memory_gib: 191.5, bandwidth_gb_per_s: 5300, tflops: 1307}}
models:  {my-8b: {parameters: 8.0e9, layers: 32, kv_heads: 8, head_dim: 128, context_tokens: 32768}}
offers:  {office/server-1: {gpu: MI300X, gpus: 2, usd_per_hour: 1.10}}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from offramp.capacity.hardware import CARDS, GIB, Card
from offramp.capacity.llm import LLMS, Llm
from offramp.catalog.compute import Offer, Terms, find
from offramp.errors import ConfigError, UnavailableError, UsageError
from offramp.pricing.money import parse_usd

_T = TypeVar("_T")

_MOST_BYTES = 1 << 20

_HOW = "add one of your own in a file for --catalogue, under `{}:` (docs/plan.md shows one)"


class _Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card as a datasheet states it."""

    memory_gib: float
    bandwidth_gb_per_s: float
    tflops: float
    """Dense, 16 bits."""


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model as its `config.json` states it."""

    parameters: float
    layers: int
    kv_heads: int
    head_dim: int
    context_tokens: int
    bytes_per_parameter: float = 2.0
    kv_bytes: float = 2.0


class _Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine with its price."""

    gpu: str
    usd_per_hour: float | str
    gpus: int = 1
    terms: Terms = Terms.ON_DEMAND
    months: int = 0
    regions: tuple[str, ...] = ()
    checked: str = ""
    source: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    gpus: dict[str, _Gpu] = {}
    models: dict[str, _Model] = {}
    offers: dict[str, _Machine] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Cards, models and offers by name."""

    cards: Mapping[str, Card]
    llms: Mapping[str, Llm]
    offers: tuple[Offer, ...]

    def card(self, name: str) -> Card:
        """The card of that name, in any case.

        Raises:
            UsageError: If there is none; names what is near and how to add one.
        """
        return _named("hardware", name, self.cards, "gpus", param="gpu")

    def llm(self, name: str) -> Llm:
        """The model of that name, in any case.

        Raises:
            UsageError: If there is none; names what is near and how to add one.
        """
        return _named("model", name, self.llms, "models", param="own_model")

    def offer(self, name: str) -> Offer:
        """The offer of that name, in any case.

        Raises:
            UsageError: If there is none; names what is near and how to add one.
        """
        return _named("compute offer", name, {offer.name: offer for offer in self.offers}, "offers", param="offer")


def catalogue(path: Path | None = None) -> Catalogue:
    """The shipped catalogue, and the file's entries on top.

    Raises:
        ConfigError: If an entry of the file cannot be read.
        UnavailableError: If the file cannot be read.
    """
    shipped = Catalogue(cards=CARDS, llms=LLMS, offers=tuple(find("")))
    return shipped if path is None else _with(shipped, _read(path), path)


def _with(shipped: Catalogue, file: _File, path: Path) -> Catalogue:
    cards = {name: _card(name, gpu, path) for name, gpu in file.gpus.items()}
    llms = {name.lower(): _llm(name.lower(), model) for name, model in file.models.items()}
    mine = tuple(_offer(name, machine, path) for name, machine in file.offers.items())
    names = {offer.name for offer in mine}
    both = Catalogue(
        cards={**shipped.cards, **cards},
        llms={**shipped.llms, **llms},
        offers=(*mine, *(offer for offer in shipped.offers if offer.name not in names)),
    )
    for offer in mine:
        both.card(offer.gpu)
    return both


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
        return msgspec.convert(yaml.safe_load(text) or {}, _File, strict=False)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None


def _card(name: str, gpu: _Gpu, path: Path) -> Card:
    _check(path, f"gpus: {name}", (gpu.memory_gib, gpu.bandwidth_gb_per_s, gpu.tflops))
    return Card(
        name=name,
        memory_bytes=int(gpu.memory_gib * GIB),
        bandwidth_bytes_per_s=gpu.bandwidth_gb_per_s * 1e9,
        flops_per_s=gpu.tflops * 1e12,
        source=str(path),
    )


def _llm(name: str, model: _Model) -> Llm:
    return Llm(name=name, **msgspec.structs.asdict(model))


def _offer(name: str, machine: _Machine, path: Path) -> Offer:
    provider, slash, product = name.partition("/")
    usd = parse_usd(machine.usd_per_hour, what=f"{path}: offers: {name}: usd_per_hour")
    if not slash or not provider or not product:
        raise ConfigError(f"{path}: offers: {name}: expected PROVIDER/PRODUCT, such as office/server-1")
    _check(path, f"offers: {name}", (float(usd), machine.gpus))
    try:
        checked = date.fromisoformat(machine.checked).isoformat() if machine.checked else ""
    except ValueError:
        raise ConfigError(
            f"{path}: offers: {name}: checked: expected a day such as 2026-11-04 (got {machine.checked!r})"
        ) from None
    return Offer(
        provider=provider,
        product=product,
        gpu=machine.gpu,
        gpus=machine.gpus,
        terms=machine.terms,
        months=machine.months,
        usd_per_hour=usd,
        regions=machine.regions,
        source=machine.source or str(path),
        checked=checked,
    )


def _check(path: Path, what: str, figures: Iterable[float]) -> None:
    if any(not figure > 0 for figure in figures):
        raise ConfigError(f"{path}: {what}: every figure must be above 0")


def _named(kind: str, name: str, known: Mapping[str, _T], key: str, *, param: str) -> _T:
    by_name = {each.lower(): value for each, value in known.items()}
    found = by_name.get(name.strip().lower())
    if found is None:
        near = get_close_matches(name.lower(), by_name, 3, 0.4) or list(by_name)[:12]
        names = ", ".join(each for each in known if each.lower() in near)
        raise UsageError(f"no {kind} is called {name!r}: near are {names}; {_HOW.format(key)}", param=param)
    return found
