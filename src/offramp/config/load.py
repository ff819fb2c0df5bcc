"""Reads the configuration: finds the file, resolves references, validates it as a whole, names its version."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from offramp.config import checks, document
from offramp.config.environment import environment, surroundings
from offramp.config.model import Settings
from offramp.config.problems import Problem, SettingsError
from offramp.config.references import References
from offramp.config.secret import SecretText
from offramp.config.translate import translate

DEFAULT_FILE = Path("offramp.yaml")
"""The file that is read where none is named, if it is there."""
OPENAI = "https://api.openai.com/v1"
"""Where requests go with no file and nothing in the environment."""
FLAGS = "command line"
ENVIRONMENT = "environment"

_HASH_ROUNDS = 20_000
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that can be used, and where it comes from."""

    settings: Settings
    hash: str
    """Names this version: 12 hexadecimal digits that change with every setting, secrets included."""
    source: Path | None
    """The file, if there is one."""
    warnings: tuple[str, ...]
    """What works, but is probably not meant."""
    files: tuple[Path, ...]
    """All files it was made from: a change of one calls for a reload."""


def load(
    path: Path | None = None, env: Mapping[str, str] | None = None, *, flags: Mapping[str, object] | None = None
) -> Loaded:
    """The configuration in `path`; without one in `./offramp.yaml`; without that, the one for no file.

    Args:
        path: The file. It must be there if it is named.
        env: The environment. It wins over `.env` beside the file.
        flags: Values for keys of `listen` from the command line, which win; `None` values are left out.

    Raises:
        SettingsError: With everything that is wrong.
    """
    env = environment() if env is None else env
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    if path is None and not DEFAULT_FILE.exists():
        return _without_file(env, given)
    path = path or DEFAULT_FILE
    return parse(_content(path), path, env, flags=given)


def own_prices(path: Path | None = None, env: Mapping[str, str] | None = None) -> dict[str, dict[str, object]]:
    """What stands under `prices:` in the file that `load` would read, and nothing else of it.

    Whoever works out what something costs needs no key of any upstream, so the rest may be wrong or incomplete.

    Args:
        path: The file. It must be there if it is named.
        env: The environment.

    Raises:
        SettingsError: If the file cannot be read, is no YAML, or a price in it cannot be used.
    """
    if path is None and not DEFAULT_FILE.exists():
        return {}
    path = path or DEFAULT_FILE
    around = surroundings(path.parent, environment() if env is None else env)
    found = document.read(_content(path), str(path), References(around.variables, path.parent).resolve)
    section = found.tree.get("prices") if isinstance(found.tree, dict) else None
    problems = [problem for problem in found.problems if problem.path[:1] in {("prices",), ()}]
    tree = {"passthrough": "openai", "upstreams": {"openai": {"base_url": OPENAI}}, "prices": section or {}}
    try:
        prices = Settings.model_validate(tree).prices
    except ValidationError as error:
        raise SettingsError([*problems, *translate(error.errors(include_url=False), found)]) from None
    if problems:
        raise SettingsError(problems)
    return {name: card.model_dump(exclude_defaults=True) for name, card in prices.items()}


def default(env: Mapping[str, str], *, flags: Mapping[str, object] | None = None) -> Settings:
    """The settings without a file: relay to `OFFRAMP_UPSTREAM`, else `OPENAI_BASE_URL`, with the client's own key.

    Raises:
        SettingsError: If that is no usable address.
    """
    variable = next((name for name in ("OFFRAMP_UPSTREAM", "OPENAI_BASE_URL") if env.get(name)), None)
    address = env[variable] if variable else OPENAI
    tree = {"passthrough": "openai", "upstreams": {"openai": {"base_url": address}}, "listen": dict(flags or {})}
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_default_problems(error, variable)) from None


def version_hash(settings: Settings) -> str:
    """Names a version of the settings: 12 hexadecimal digits.

    Secrets go in through a slow hash, so that the digits, which every client sees, do not help to guess a weak one.
    """
    secrets: list[str] = []
    plain = msgspec.json.encode(_canonical(settings.model_dump(), secrets), order="sorted")
    slow = hashlib.pbkdf2_hmac("sha256", msgspec.json.encode(secrets), plain, _HASH_ROUNDS) if secrets else b""
    return hashlib.sha256(plain + slow).hexdigest()[:_HASH_DIGITS]


def _canonical(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401 - any tree of settings
    if isinstance(value, dict):
        hidden = {key: inner for key, inner in value.items() if key in {"token_sha256", "key_sha256"} and inner}
        secrets.extend(hidden.values())
        return {key: _canonical(inner, secrets) for key, inner in sorted(value.items()) if key not in hidden}
    if isinstance(value, list | tuple):
        return [_canonical(inner, secrets) for inner in value]
    if isinstance(value, SecretText):
        secrets.append(value.reveal())
        return "secret"
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _default_problems(error: ValidationError, variable: str | None) -> list[Problem]:
    details = error.errors()
    problems = translate(details, document.Document(source=ENVIRONMENT))
    return [
        _from_flags(Problem(source=FLAGS, text=problem.text, path=(*detail["loc"],)), detail["loc"][1:2])
        if detail["loc"][0] == "listen"
        else Problem(source=ENVIRONMENT, text=f"{variable}: {problem.text}")
        for detail, problem in zip(details, problems, strict=True)
    ]


def _without_file(env: Mapping[str, str], flags: Mapping[str, object]) -> Loaded:
    around = surroundings(Path(), env)
    settings = default(around.variables, flags=flags)
    return Loaded(
        settings=settings, hash=version_hash(settings), source=None, warnings=around.warnings, files=(around.path,)
    )


def parse(
    content: bytes, path: Path, env: Mapping[str, str] | None = None, *, flags: Mapping[str, object] | None = None
) -> Loaded:
    """The configuration that `content` would be if it stood in `path`.

    Raises:
        SettingsError: With everything that is wrong.
    """
    around = surroundings(path.parent, environment() if env is None else env)
    references = References(around.variables, path.parent)
    found = document.read(content, str(path), references.resolve)
    settings = _settings(found, flags or {}, path.parent)
    return Loaded(
        settings=settings,
        hash=version_hash(settings),
        source=path,
        warnings=(*around.warnings, *checks.warnings(found, settings)),
        files=(path, around.path, *references.files),
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(document.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        text = f"cannot read the configuration: {reason}"
        if isinstance(error, FileNotFoundError):
            text += "; `offramp init` writes one"
        raise SettingsError([Problem(source=str(path), text=text)]) from None


def _settings(found: document.Document, flags: Mapping[str, object], folder: Path) -> Settings:
    tree: Any = {} if found.tree is None else found.tree
    problems = found.problems
    settings: Settings | None = None
    if isinstance(tree, dict):
        tree = checks.prepared(tree, flags, folder)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems.extend(translate(error.errors(include_url=False), found))
    if isinstance(tree, dict):
        checks.check(tree, found)
    if problems or settings is None:
        raise SettingsError([_from_flags(problem, flags) for problem in problems])
    return settings


def _from_flags(problem: Problem, flags: Collection[str | int]) -> Problem:
    """The problem as it is, or as one of the command line if a flag brought the value in."""
    section, name = (*problem.path, "", "")[:2]
    if section != "listen" or name not in flags:
        return problem
    return Problem(source=FLAGS, text=problem.text, path=(f"--{str(name).replace('_', '-')}",))
