"""The environment that counts: the process's own variables, and a `.env` beside the configuration below them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from offramp.config import dotenv


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The variables that references may name, and where they come from."""

    variables: Mapping[str, str]
    """The process's own and those of `.env`; the process's win."""
    from_file: frozenset[str]
    """Names whose value comes from `.env`."""
    path: Path
    """Where `.env` is, or would be."""
    warnings: tuple[str, ...] = ()


def environment() -> Mapping[str, str]:
    """The variables of this process, live."""
    return os.environ


def surroundings(folder: Path, env: Mapping[str, str]) -> Surroundings:
    """The variables with those of `folder/.env` below them.

    Raises:
        SettingsError: If `.env` is no text.
    """
    path = folder / ".env"
    if not path.is_file():
        return Surroundings(variables=env, from_file=frozenset(), path=path)
    try:
        with path.open("rb") as file:
            content = file.read(dotenv.MAX_BYTES + 1)
    except OSError as error:
        warning = f"{path}: cannot be read: {error.strerror}"
        return Surroundings(variables=env, from_file=frozenset(), path=path, warnings=(warning,))
    found = dotenv.read(content, str(path), env)
    return Surroundings(
        variables={**found.values, **env},
        from_file=frozenset(found.values.keys() - env.keys()),
        path=path,
        warnings=tuple(f"{path}:{line}: is not NAME=value, and is ignored" for line in found.ignored_lines),
    )
