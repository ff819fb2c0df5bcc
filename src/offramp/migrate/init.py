"""The step `init`: what is there (keys, addresses, engines on this machine) -> a commented `offramp.yaml`.

Secrets are never copied: the file names the variable that holds one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import msgspec

from offramp.catalog.prices import PriceBook
from offramp.config.checks import is_loopback
from offramp.config.load import OPENAI
from offramp.config.parts import address
from offramp.config.upstreams import engine_of
from offramp.migrate.engines import LocalEngine
from offramp.wire.engine import Engine

OWN_PORT = 8484
"""Where offramp itself listens: an address there is no upstream."""
_NAMES_OF_OTHERS = ("azure", "cerebrium", "openai")
"""Taken by upstreams that are found by variables of their own, and by OpenAI itself."""
_WORD = re.compile(r"[\w.-]{1,100}")
MODELS_WRITTEN = 20
"""Models of one engine that are written into its route; more make the file long and are found by `/v1/models`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One upstream that is there, and how it was recognised."""

    name: str
    because: str
    """What was seen: `OPENAI_API_KEY`, `vLLM on port 8000`."""
    base_url: str
    engine: Engine = Engine.OTHER
    key_variable: str | None = None
    more: tuple[str, ...] = ()
    """Further lines of its entry."""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that is there."""

    upstreams: tuple[Found, ...]
    notes: tuple[str, ...] = field(default=())
    """What was seen and not used, with the reason."""

    @property
    def main(self) -> Found:
        """Who takes everything that no route names: the provider in use today, else the first engine."""
        return next((found for found in self.upstreams if found.key_variable), self.upstreams[0])


def look(variables: Mapping[str, str], engines: Sequence[LocalEngine]) -> Findings:
    """What the variables and the engines amount to; without any of them, OpenAI with the client's own key."""
    notes: list[str] = []
    upstreams = [
        found for found in (_openai(variables, notes), _azure(variables, notes), _cerebrium(variables, notes)) if found
    ]
    here = {_place(engine.base_url): engine.engine for engine in engines}
    upstreams = [replace(found, engine=here.get(_place(found.base_url), found.engine)) for found in upstreams]
    known = {_place(found.base_url) for found in upstreams}
    names: dict[str, int] = {}
    for engine in engines:
        if _place(engine.base_url) not in known:
            base = "local" if engine.product in {"vLLM", "engine"} else engine.product.lower().replace(" ", "-")
            names[base] = names.get(base, 0) + 1
            upstreams.append(_local(engine, base if names[base] == 1 else f"{base}-{engine.port}"))
    if not upstreams:
        because = "nothing was found: the client's own key goes through"
        upstreams.append(Found(name="openai", because=because, base_url=OPENAI, engine=Engine.OPENAI))
    return Findings(upstreams=tuple(upstreams), notes=tuple(notes))


def _openai(variables: Mapping[str, str], notes: list[str]) -> Found | None:
    key = "OPENAI_API_KEY" if variables.get("OPENAI_API_KEY") else None
    url = _address(variables, "OPENAI_BASE_URL", notes)
    if url and _place(url) == ("127.0.0.1", OWN_PORT):
        notes.append(f"OPENAI_BASE_URL ({url}) names offramp itself, so it is no upstream")
        url = None
    if not key and not url:
        return None
    because = " and ".join(name for name, value in (("OPENAI_API_KEY", key), ("OPENAI_BASE_URL", url)) if value)
    engine = engine_of(url or OPENAI)
    if engine is Engine.AZURE and not (url or "").endswith("/v1"):
        engine = Engine.OTHER
    name = _name_of(url or OPENAI, engine)
    return Found(name=name, because=because, base_url=url or OPENAI, engine=engine, key_variable=key)


def _name_of(url: str, engine: Engine) -> str:
    """The provider behind the address, whose prices then hold; `upstream` where that is nobody who is known.

    Called `openai`, an address of somebody else would be priced like OpenAI.
    """
    if engine is Engine.OPENAI:
        return "openai"
    provider = PriceBook.load().provider_of(url)
    return "upstream" if provider is None or provider in _NAMES_OF_OTHERS else provider


def _azure(variables: Mapping[str, str], notes: list[str]) -> Found | None:
    resource = _address(variables, "AZURE_OPENAI_ENDPOINT", notes)
    if resource is None or not variables.get("AZURE_OPENAI_API_KEY"):
        return None
    version = _first(variables, "OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION")
    deployment = _first(variables, "AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME")
    base_url, more = (
        (f"{resource}/openai", [f"api_version: {_quoted(version)}"]) if version else (f"{resource}/openai/v1", [])
    )
    if deployment:
        more += [
            "# Where a deployment is not called like its model:",
            f"# deployments: {{MODEL: {_quoted(deployment)}}}",
        ]
    return Found(
        name="azure",
        because="AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY",
        base_url=base_url,
        engine=Engine.AZURE,
        key_variable="AZURE_OPENAI_API_KEY",
        more=tuple(more),
    )


def _cerebrium(variables: Mapping[str, str], notes: list[str]) -> Found | None:
    url = _address(variables, "CEREBRIUM_ENDPOINT_URL", notes)
    if url is None:
        if variables.get("CEREBRIUM_API_KEY"):
            notes.append("CEREBRIUM_API_KEY is set, but CEREBRIUM_ENDPOINT_URL (ends in /run) is not: it is left out")
        return None
    return Found(
        name="cerebrium",
        because="CEREBRIUM_ENDPOINT_URL",
        base_url=url,
        engine=Engine.CEREBRIUM,
        key_variable="CEREBRIUM_API_KEY" if variables.get("CEREBRIUM_API_KEY") else None,
        more=(
            "# What its machine costs by the second, as in its cerebrium.toml:",
            "# price: {card: cerebrium/A10, cpus: 2, memory_gb: 12}",
        ),
    )


def _address(variables: Mapping[str, str], name: str, notes: list[str]) -> str | None:
    """The address in a variable; `None`, and a note unless it is empty, if it is none."""
    text = variables.get(name, "").strip()
    try:
        return address(text) if text else None
    except ValueError as error:
        notes.append(f"{name} is left out: {error}")
        return None


def _first(variables: Mapping[str, str], *names: str) -> str | None:
    """The first of these that is set to an ordinary word."""
    return next((value for name in names if _WORD.fullmatch(value := variables.get(name, ""))), None)


def _local(engine: LocalEngine, name: str) -> Found:
    return Found(
        name=name,
        because=f"{engine.product} on port {engine.port}",
        base_url=engine.base_url,
        engine=engine.engine,
        more=("# What the machine costs, so that the ledger can say what was saved:", "# price: {usd_per_hour: 1.006}"),
        models=engine.models[:MODELS_WRITTEN],
    )


def _place(url: str) -> tuple[str, int | None]:
    """Host and port, the names of loopback being one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url, None
    return ("127.0.0.1" if is_loopback(host) else host), port


def render(findings: Findings, *, day: str) -> str:
    """The file: only what is needed, with what comes next as comments.

    Args:
        findings: What is there.
        day: Today, for the first line.
    """
    lines = [
        f"# Written by `offramp init` on {day}. `offramp config check` shows what it does; every key and its default:",
        "# `offramp config schema`. ${NAME} stands for a variable of the environment, or of the file .env beside it.",
        "version: 1",
        "",
        "upstreams:",
    ]
    for found in findings.upstreams:
        lines += _upstream(found)
    lines += [
        "# Everything that no route names goes there, as it does today.",
        f"passthrough: {findings.main.name}",
        "",
        *_routes(findings),
        *_later(findings),
    ]
    return "\n".join(lines) + "\n"


def _upstream(found: Found) -> list[str]:
    lines = [f"  # {found.because}", f"  {found.name}:", f"    base_url: {_quoted(found.base_url)}"]
    if found.engine is not engine_of(found.base_url):
        lines.append(f"    engine: {found.engine.value}")
    if found.key_variable:
        lines.append(f'    api_key: "${{{found.key_variable}}}"')
    return [*lines, *(f"    {line}" for line in found.more), ""]


def _routes(findings: Findings) -> list[str]:
    """A route for what each engine serves, and how to put an engine before the provider."""
    lines: list[str] = []
    taken: set[str] = set()
    for found in findings.upstreams:
        models = [model for model in found.models if model not in taken]
        taken.update(models)
        if models and found is not findings.main:
            listed = ", ".join(_quoted(model) for model in models)
            lines += [
                f"  # Whoever asks for a model of {found.name} gets it from there.",
                f"  {found.name}:",
                f"    models: [{listed}]",
                "    tiers:",
                f"      - {{upstream: {found.name}}}",
            ]
    return [*(["routes:", *lines, ""] if lines else []), *_example(findings, commented_head=not lines)]


def _example(findings: Findings, *, commented_head: bool) -> list[str]:
    others = sorted((f for f in findings.upstreams if f is not findings.main), key=lambda found: not found.models)
    own = others[0] if others else None
    first = f"{{upstream: {own.name}, model: {_quoted(own.models[0]) if own.models else 'MODEL'}}}" if own else None
    lines = [
        "# The off-ramp: the own engine first, the provider when it fails, and what it would have cost there.",
        "# A model belongs to one route." if commented_head else "# This is a further route (a model belongs to one).",
        *(["routes:"] if commented_head else []),
        "  support-chat:",
        "    models: [gpt-4o-mini]",
        "    baseline: openai/gpt-4o-mini",
        "    tiers:",
        f"      - {first or '{upstream: local, model: MODEL}'}",
        f"      - {{upstream: {findings.main.name}, model: gpt-4o-mini}}",
        "      - {cache: stale}",
    ]
    return [line if line.startswith("# ") else f"# {line}" for line in lines] + [""]


def _later(findings: Findings) -> list[str]:
    """What a team needs once others than this machine use it."""
    why = (
        "needed as soon as it listens on more than loopback" if any(f.key_variable for f in findings.upstreams) else ""
    )
    return [
        "# Own keys for each team" + (f", {why}:" if why else ":"),
        "# keys:",
        '#   - {key: "${SUPPORT_TEAM_KEY}", team: support}',
        "# listen: {host: 0.0.0.0}",
    ]


def _quoted(text: str) -> str:
    """The text in double quotes, with nothing in it that YAML or a reference would read."""
    return msgspec.json.encode(text).decode().replace("${", "$${")
