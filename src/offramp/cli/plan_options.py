"""The options of `offramp plan`: one for each input of a plan, and what belongs to this run alone."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from offramp.migrate.artifact import FOLDER
from offramp.migrate.imports.kinds import Kind
from offramp.migrate.plan.inputs import RANGES, Inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is no input of the plan: where things lie, and how the answer is given."""

    what_if: tuple[str, ...] = ()
    config: Path | None = None
    state: Path = Path(".offramp")
    catalogue: Path | None = None
    imports: tuple[Path, ...] = ()
    import_kind: Kind | None = None
    folder: Path = FOLDER
    html: Path | None = None
    jobs: int | None = None
    as_json: bool = False


HELP = {
    "requests_per_month": "How many requests. Default: as many as the ledger or the trace has, taken for a month.",
    "input_tokens": "Tokens in, of each request: the quick mode, without ledger or simulation.",
    "output_tokens": "Tokens out, of each request.",
    "cached_tokens": "Quick mode: how many of the tokens in are cached.",
    "trace": "A CSV file with TIMESTAMP,ContextTokens,GeneratedTokens instead of the ledger.",
    "generate": "Invent the requests: chat or code. Needs --requests-per-month.",
    "since": "Only the ledger from a day, a time, or so long ago: 2026-11-01, 24h, 7d.",
    "until": "Only the ledger before a day or a time.",
    "profile": "With --generate: the hours of the week, office or even.",
    "seed": "Of what is left to chance.",
    "growth": "Growth of the volume a month; 0.2 is 20 %.",
    "months": "How many months are looked at.",
    "incumbent": "The model of today: gpt-4o, or PROVIDER/MODEL. Default: what the ledger has.",
    "alternative": "A further model that is good enough; may be repeated.",
    "can_wait": "All of it can wait a day: batch prices count.",
    "hosted": "PROVIDER/MODEL for the column by the token.",
    "own_model": "The open model that is good enough: llama-3.1-8b, mistral-7b …",
    "gpu": "What it runs on: A10G, L4, H100 … Default: whatever is the cheapest.",
    "offer": "A machine's card, such as aws/g5.xlarge. Default: the cheapest.",
    "terms": "How machines may be rented: also reserved, spot, marketplace.",
    "require": "region=eu,compliance=hipaa,context=32768,licence=apache-2.0; may be repeated.",
    "slo_ttft_ms": "Service level: to the first token.",
    "slo_token_ms": "Service level: per token, on average over an answer.",
    "slo_share": "Service level: for this share of the requests.",
    "spare": "Machines beyond those that are needed, for a failure.",
    "max_machines": "More machines are not looked at.",
    "prefix_cache": "Whether own engines keep the common beginnings of prompts.",
    "capacity_error": "How wrong the capacity may be, for the intervals.",
    "fixed_usd_per_month": "Quick mode: the whole own bill. Default: machines with --gpu, as many as it takes.",
    "max_load": "Quick mode: share of a GPU's full load that its mean may reach.",
    "start_s": "Serverless: until a container runs; not billed.",
    "init_s": "Serverless: until the model in it is loaded; billed.",
    "cooldown_s": "Serverless: how long an idle instance is kept; billed.",
    "cpus": "Serverless: vCPUs of an instance.",
    "memory_gb": "Serverless: memory of an instance.",
    "platform_usd_per_month": "Serverless: the platform's plan.",
    "reserved_discount": "Reserved machines against on-demand, where no price is known.",
    "fallback_share": "Share of the requests that own GPUs pass on to the incumbent. Default: measured, else 0.01.",
    "cached_share": "Share of the input that is cached. Default: measured.",
    "token_ratio": "Tokens of the open model for one that was counted.",
    "quality_loss": "Share of the open model's answers that the incumbent must redo.",
    "incumbent_price": "Factor on the incumbent's prices.",
    "hosted_price": "Factor on the open model's prices by the token.",
    "gpu_price": "Factor on the prices of machines.",
    "token_price_fall": "By how much prices of tokens fall in a year.",
    "engineering_hours": "Hours of work that moving takes.",
    "operating_hours_per_month": "Hours of work a month that own machines take.",
    "usd_per_engineering_hour": "What an hour of work costs.",
    "shadow_days": "Days in which requests are answered twice before the move.",
    "shadow_share": "Share of the requests that are.",
    "evaluation_margin": "How much worse the open model may be.",
    "evaluation_discordance": "Share of requests on which exactly one of two models is good.",
    "answers_each": "Answers of each model to each request of the evaluation.",
    "usd_per_judgement": "What judging a pair of answers costs.",
    "what_if": "NAME=VALUE: the same with another input, before and after; may be repeated.",
    "config": "Default: ./offramp.yaml.",
    "state": "The gateway's state folder: the ledger, and updated prices.",
    "catalogue": "A file with GPUs, models and machines of your own.",
    "imports": "Usage recorded elsewhere (see docs/imports.md); may be repeated.",
    "import_kind": "Who wrote those files. Default: what is in them.",
    "folder": "Where artifacts lie.",
    "html": "Write a report with charts to this file.",
    "jobs": "Processes for the search. Default: one for each core.",
    "as_json": "For programs.",
}
"""What `--help` says."""

_NAMES = {"folder": "--dir", "as_json": "--json", "can_wait": "--can-wait", "imports": "--import"}
"""Options that are not called like their input, or that cannot be negated."""


_LISTS: dict[object, object] = {tuple[str, ...]: list[str] | None, tuple[Path, ...]: list[Path] | None}
"""What typer calls an option that may be repeated."""


def signature() -> inspect.Signature:
    """All options, for typer."""
    return inspect.Signature([*_parameters(Inputs), *_parameters(Run)])


def parted(options: dict[str, Any]) -> tuple[Inputs, Run]:
    """What typer gives, as values; an option that may be repeated is a tuple."""
    return Inputs(**_given(Inputs, options)), Run(**_given(Run, options))


def _parameters(kind: type) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        repeated = hints[field.name] in _LISTS
        assert field.default is not MISSING
        default = None if repeated else field.default
        annotation = _LISTS.get(hints[field.name], hints[field.name])
        low, high = RANGES.get(field.name, (None, None))
        option = typer.Option(
            *([_NAMES[field.name]] if field.name in _NAMES else []),
            help=HELP[field.name],
            min=low,
            max=high,
            show_default=default not in {None, False},
        )
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, option]
        )


def _given(kind: type, options: dict[str, Any]) -> dict[str, Any]:
    given = {field.name: options[field.name] for field in fields(kind)}
    repeated = {name for name, hint in get_type_hints(kind).items() if hint in _LISTS}
    return {name: tuple(value or ()) if name in repeated else value for name, value in given.items()}
