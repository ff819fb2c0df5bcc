"""Who plays: the gateway's configuration for the show, with simulated upstreams alone or with real ones behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec

from offramp.catalog.compute import offer
from offramp.errors import UsageError
from offramp.migrate.init import look

LOCAL = "local"
"""The self-hosted upstream: simulated, so that it can be killed."""
OPENAI = "openai"
CACHE = "cache"
MODEL = "gpt-4o-mini"
"""What the application asks for."""
LOCAL_MODEL = "mistral-7b"
GPU = "A10G"
MACHINE = "aws/g5.xlarge"
"""The machine that the self-hosted upstream is paid as: one A10G."""
BASELINE = "openai/gpt-4o-mini"
TEAMS = {"support": "sk-demo-support", "search": "sk-demo-search"}
"""offramp's own keys, by team."""
SIMULATED_KEY = "SIMULATED_OPENAI_KEY"
"""The variable that stands for our key at the provider, as a real configuration has it."""
COOLDOWN_S = 3
HEALTH_INTERVAL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RealUpstream:
    """Somebody who is really asked, and paid."""

    name: str
    base_url: str
    key_variable: str | None
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everybody listens."""

    gateway: int
    admin: int
    local: int
    openai: int

    @property
    def base_url(self) -> str:
        """What the application is given."""
        return f"http://127.0.0.1:{self.gateway}/v1"


def configuration(ports: Ports, real: Sequence[RealUpstream] = ()) -> str:
    """The `offramp.yaml` of the show.

    Args:
        ports: Where everybody listens.
        real: Who answers behind the self-hosted upstream; a simulated OpenAI if nobody.
    """
    behind = [_real(each) for each in real] or [_simulated_openai(ports)]
    tiers = [f"      - {{upstream: {each.name}, model: {_quoted(each.model)}}}" for each in real]
    routes = [_only(each) for each in real]
    return "".join(
        (
            f"listen: {{port: {ports.gateway}, admin_port: {ports.admin}}}\n",
            "drain_timeout_s: 2\n",
            "upstreams:\n",
            f"  {LOCAL}:\n",
            f"    base_url: http://127.0.0.1:{ports.local}/v1\n",
            "    engine: vllm\n",
            f"    price: {MACHINE}\n",
            f"    health: {{interval_s: {HEALTH_INTERVAL_S}}}\n",
            f"    breaker: {{cooldown_s: {COOLDOWN_S}}}\n",
            "    timeouts: {connect_s: 1, first_token_s: 10, silence_s: 5}\n",
            *behind,
            "routes:\n",
            "  support-chat:\n",
            f"    models: [{MODEL}]\n",
            f"    baseline: {BASELINE}\n",
            "    tiers:\n",
            f"      - {{upstream: {LOCAL}, model: {LOCAL_MODEL}}}\n",
            "\n".join(tiers or [f"      - {{upstream: {OPENAI}, model: {MODEL}}}"]) + "\n",
            f"      - {{{CACHE}: stale}}\n",
            *routes,
            "keys:\n",
            *(f"  - {{key: {key}, team: {team}}}\n" for team, key in TEAMS.items()),
        )
    )


def _simulated_openai(ports: Ports) -> str:
    key = f'"${{{SIMULATED_KEY}}}"'
    return f"  {OPENAI}: {{base_url: http://127.0.0.1:{ports.openai}/v1, engine: openai, api_key: {key}}}\n"


def _real(upstream: RealUpstream) -> str:
    key = f'    api_key: "${{{upstream.key_variable}}}"\n' if upstream.key_variable else ""
    return f"  {upstream.name}:\n    base_url: {_quoted(upstream.base_url)}\n{key}"


def _only(upstream: RealUpstream) -> str:
    """A route that asks nobody else, to show each one at work."""
    return (
        f"  only-{upstream.name}:\n    models: [only-{upstream.name}]\n    baseline: {BASELINE}\n"
        f"    tiers: [{{upstream: {upstream.name}, model: {_quoted(upstream.model)}}}]\n"
    )


def _quoted(text: str) -> str:
    """The text in double quotes, with nothing in it that YAML or a reference would read."""
    return msgspec.json.encode(text).decode().replace("${", "$${")


def machine_usd_per_hour() -> Decimal:
    """What the self-hosted upstream's machine costs."""
    return offer(MACHINE).usd_per_hour


def find_real(variables: Mapping[str, str], models: Sequence[str]) -> list[RealUpstream]:
    """The upstreams that the environment names, the cheapest way out first: Cerebrium, then OpenAI.

    Args:
        variables: The environment, with `.env` below it.
        models: What the command line says: `NAME`, or `UPSTREAM=NAME`.

    Raises:
        UsageError: If there are none, or one of them needs a model to be named.
    """
    called = dict(_named(model) for model in models)
    variables = {
        **variables,
        "OPENAI_BASE_URL": variables.get("OFFRAMP_UPSTREAM") or variables.get("OPENAI_BASE_URL", ""),
    }
    # Whoever the address belongs to, it plays the part of OpenAI in the story.
    found = [
        replace(each, name=OPENAI) if each.key_variable == "OPENAI_API_KEY" else each
        for each in look(variables, []).upstreams
        if each.key_variable in {"OPENAI_API_KEY", "CEREBRIUM_API_KEY"}
    ]
    if not found:
        raise UsageError(
            "--real found no upstream: set OPENAI_API_KEY (and OPENAI_BASE_URL where it is not OpenAI), or "
            "CEREBRIUM_ENDPOINT_URL and CEREBRIUM_API_KEY, in the environment or in .env"
        )
    unknown = called.keys() - {each.name for each in found} - {""}
    if unknown:
        raise UsageError(f"--model {', '.join(sorted(unknown))}=…: found are {', '.join(each.name for each in found)}")
    found.sort(key=lambda each: each.name)
    return [
        RealUpstream(
            name=each.name,
            base_url=each.base_url,
            key_variable=each.key_variable,
            model=_model_for(each.name, called, alone=len(found) == 1),
        )
        for each in found
    ]


def _named(model: str) -> tuple[str, str]:
    name, sign, rest = model.partition("=")
    return (name, rest) if sign else ("", model)


def _model_for(name: str, called: Mapping[str, str], *, alone: bool) -> str:
    model = called.get(name) or (called.get("") if alone or name == OPENAI else None)
    if model:
        return model
    if name == OPENAI:
        return MODEL
    raise UsageError(f"{name} is found, but not which model it serves: add --model {name}=NAME")
