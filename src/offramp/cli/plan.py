"""`offramp plan`: what each alternative would cost and carry, from the ledger, a trace, or a handful of figures."""

import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console

from offramp.catalog.prices import UPDATED_NAME, PriceBook
from offramp.catalog.search import resolve
from offramp.cli.plan_full import full
from offramp.cli.plan_full_picture import show_changes
from offramp.cli.plan_options import Run, parted, signature
from offramp.cli.plan_picture import show
from offramp.cli.terminal import is_coloured, print_json
from offramp.config.load import own_prices
from offramp.errors import UsageError
from offramp.migrate.plan.catalogue import catalogue
from offramp.migrate.plan.document import FULL, changes, document
from offramp.migrate.plan.inputs import Inputs, changed
from offramp.migrate.plan.machines import parse_terms
from offramp.migrate.plan.quick import Plan, Question, answer
from offramp.migrate.plan.words import recommend
from offramp.pricing.money import parse_usd
from offramp.wire.usage import Usage

_PARTS = (
    *("requests_per_month", "input_tokens", "output_tokens", "cached_tokens", "incumbent", "alternative", "can_wait"),
    *("hosted", "own_model", "gpu", "offer", "terms", "engineering_hours", "usd_per_engineering_hour"),
    *("fixed_usd_per_month", "max_load", "fallback_share"),
    *("incumbent_price", "hosted_price", "gpu_price"),
)
"""Inputs that the quick mode knows."""


def command(**options: Any) -> None:  # noqa: ANN401 - typer gives what `signature` says
    """Stay or go? The incumbent, the same open model by the token, and own GPUs.

    Without figures it reads the ledger and simulates own GPUs on its arrivals, or on those of --trace or --generate.
    With --input-tokens and --output-tokens it is the quick mode: arithmetic, from a handful of figures.

    Prices of your own stand under `prices:` in offramp.yaml, and win.
    """
    inputs, run = parted(options)
    book = _book(run.config, run.state)
    if not inputs.is_quick:
        full(inputs, run, book)
        return
    plan = _quick(inputs, run, book)
    other = _what_if(inputs, run)
    _show(plan, None if other == inputs else _quick(other, run, book), book.today(), run)


command.__signature__ = signature()  # type: ignore[attr-defined] # typer asks for it


def _quick(inputs: Inputs, run: Run, book: PriceBook) -> Plan:
    """The quick plan.

    Raises:
        UsageError: If something is missing or unknown.
    """
    _check(inputs, run)
    question = Question(
        requests_per_month=inputs.requests_per_month or 1,
        usage=Usage(inputs.input_tokens or 0, inputs.output_tokens or 0, cached_tokens=inputs.cached_tokens),
        incumbent=resolve(book, inputs.incumbent or ""),
        fixed_usd_per_month=_amount(inputs.fixed_usd_per_month),
        hosted=None if inputs.hosted is None else resolve(book, inputs.hosted),
        alternatives=tuple(resolve(book, name) for name in inputs.alternative),
        max_load=Fraction(str(inputs.max_load)),
        fallback_share=Fraction(str(inputs.fallback_share or 0)),
        can_wait=inputs.can_wait,
        terms=parse_terms(inputs.terms),
        engineering_usd=Fraction(str(inputs.engineering_hours))
        * Fraction(parse_usd(inputs.usd_per_engineering_hour, what="--usd-per-engineering-hour")),
        incumbent_price=Fraction(str(inputs.incumbent_price)),
        hosted_price=Fraction(str(inputs.hosted_price)),
        gpu_price=Fraction(str(inputs.gpu_price)),
        left_aside=tuple(_left_aside(inputs)),
    )
    return answer(_on(question, inputs), book)


def _what_if(inputs: Inputs, run: Run) -> Inputs:
    for each in run.what_if:
        before, inputs = inputs, changed(inputs, each)
        if new := set(_left_aside(inputs)) - set(_left_aside(before)):
            raise UsageError(
                f"--what-if {each!r}: the quick mode does not know {new.pop()}; the full plan does, with the ledger, "
                "--trace or --generate",
                param="what_if",
            )
    return inputs


def _left_aside(inputs: Inputs) -> Iterator[str]:
    """Flags of inputs that are no part of the arithmetic and are not at their default."""
    for field in fields(Inputs):
        unused = field.name not in _PARTS or (field.name == "gpu_price" and not _has_list_price(inputs))
        if unused and getattr(inputs, field.name) != field.default:
            yield _flag(field.name)


def _has_list_price(inputs: Inputs) -> bool:
    """Whether any machine is paid at its list price: those beyond the bill that was given, else all."""
    machine = inputs.gpu is not None or inputs.offer is not None
    return inputs.fixed_usd_per_month is None or (machine and inputs.own_model is not None)


def _check(inputs: Inputs, run: Run) -> None:
    """What the quick mode needs, and what it does not know.

    Raises:
        UsageError: If something is missing or too much.
    """
    needed = ("requests_per_month", "input_tokens", "output_tokens", "incumbent")
    missing = [_flag(name) for name in needed if getattr(inputs, name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: missing; the quick mode takes {', '.join(_flag(name) for name in needed)}"
        )
    if inputs.cached_tokens > (inputs.input_tokens or 0):
        raise UsageError(f"--cached-tokens {inputs.cached_tokens} is more than --input-tokens {inputs.input_tokens}")
    full_only = [
        *(_flag(name) for name in ("trace", "generate", "since", "until") if getattr(inputs, name) is not None),
        *(_flag(name) for name in ("require",) if getattr(inputs, name)),
        *(_flag(name) for name in ("html", "catalogue", "imports") if getattr(run, name)),
    ]
    if full_only:
        raise UsageError(
            f"{full_only[0]} belongs to the full plan, and --input-tokens and --output-tokens to the quick one: {FULL} "
            "(such as: --generate chat)"
        )


def _on(question: Question, inputs: Inputs) -> Question:
    """The same question for own machines of that kind; what they carry is worked out where GPU and model are known."""
    shipped = catalogue()
    machine = None if inputs.offer is None else shipped.offer(inputs.offer)
    gpu = inputs.gpu
    if gpu is None and machine is not None and inputs.own_model is not None:
        gpu = machine.gpu
    if machine is not None and gpu is not None and machine.gpu.lower() != gpu.lower():
        raise UsageError(f"{machine.name} has {machine.gpu}, not {gpu}; give one of --offer and --gpu", param="gpu")
    return replace(
        question,
        own_model=None if inputs.own_model is None else shipped.llm(inputs.own_model).name,
        gpu=None if gpu is None else shipped.card(gpu).name,
        offer=machine,
    )


def _book(config: Path | None, state: Path) -> PriceBook:
    return PriceBook.load(own_prices(config), updated=state / UPDATED_NAME)


def _show(plan: Plan, other: Plan | None, today: date, run: Run) -> None:
    recommendation = recommend(plan, today)
    if run.as_json:
        print_json(document(plan, recommendation, today, other))
        return
    console = Console(file=sys.stdout, no_color=not is_coloured(sys.stdout))
    show(console, plan, recommendation, today)
    if other is not None:
        show_changes(console, changes(plan, other), run.what_if)


def _amount(written: str | None) -> Fraction | None:
    return None if written is None else Fraction(parse_usd(written, what="--fixed-usd-per-month"))


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
