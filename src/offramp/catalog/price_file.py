"""Token prices in a file of their own: the mapping `prices:` as in offramp.yaml, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from offramp.catalog.overrides import override_card
from offramp.errors import ConfigError, UnavailableError

_MOST_BYTES = 1 << 20

Prices = Mapping[str, Mapping[str, object]]


def read_prices(path: Path) -> Prices:
    """`PROVIDER/MODEL` -> prices.

    Raises:
        ConfigError: If it is no YAML, holds something else, or a price in it cannot be used.
        UnavailableError: If it cannot be read.
    """
    found = _tree(path)
    if not isinstance(found, dict) or not isinstance(found.get("prices"), dict):
        raise ConfigError(f"{path}: expected a mapping `prices:` of PROVIDER/MODEL, as in offramp.yaml")
    others = sorted(str(key) for key in found if key != "prices")
    if others:
        raise ConfigError(f"{path}: unknown key {others[0]!r}; a file of prices holds `prices:` alone")
    prices: dict[str, dict[str, object]] = {}
    for name, entry in found["prices"].items():
        provider, slash, model = str(name).partition("/")
        if not slash or not provider.strip() or not model.strip():
            raise ConfigError(f"{path}: prices: {name!r}: expected PROVIDER/MODEL, such as openai/gpt-4o-mini")
        if not isinstance(entry, dict):
            raise ConfigError(f"{path}: prices: {name}: expected a mapping (got {entry!r})")
        prices[str(name)] = {str(key): value for key, value in entry.items()}
        _check(path, provider, model, prices[str(name)])
    return prices


def _tree(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES} bytes; a file of prices is not")
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path} is no YAML: {' '.join(str(error).split())}") from None


def _check(path: Path, provider: str, model: str, prices: Mapping[str, object]) -> None:
    try:
        override_card(provider.strip().lower(), model.strip(), prices)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
