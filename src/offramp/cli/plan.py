"""`offramp plan`: what each alternative would cost and carry, so far from figures on the command line alone."""

import sys
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offramp.capacity.hardware import card as hardware_card
from offramp.capacity.llm import llm
from offramp.catalog.compute import offer as offer_called
from offramp.catalog.prices import UPDATED_NAME, PriceBook
from offramp.catalog.search import resolve
from offramp.cli.plan_picture import show
from offramp.cli.terminal import is_coloured, print_json
from offramp.config.load import load
from offramp.errors import UsageError
from offramp.migrate.plan.document import document
from offramp.migrate.plan.quick import Plan, Question, answer
from offramp.migrate.plan.words import recommend
from offramp.pricing.money import parse_usd
from offramp.wire.usage import Usage

_MOST_REQUESTS = 10**12
_MOST_TOKENS = 10**8

Requests = Annotated[int, typer.Option(min=1, max=_MOST_REQUESTS, help="How many requests.")]
InputTokens = Annotated[int, typer.Option(min=0, max=_MOST_TOKENS, help="Tokens in, of each request.")]
OutputTokens = Annotated[int, typer.Option(min=0, max=_MOST_TOKENS, help="Tokens out, of each request.")]
CachedTokens = Annotated[int, typer.Option(min=0, help="How many of the tokens in are cached.")]
Incumbent = Annotated[str, typer.Option(help="The model of today: gpt-4o, or PROVIDER/MODEL.")]
FixedUsd = Annotated[
    str | None, typer.Option(help="The whole own bill. Default: the machine with --gpu.", show_default=False)
]
OwnModel = Annotated[
    str | None, typer.Option(help="The open model to run: llama-3.1-8b, mistral-7b …", show_default=False)
]
Gpu = Annotated[str | None, typer.Option(help="What it runs on: A10G, L4, H100 …", show_default=False)]
OfferName = Annotated[
    str | None, typer.Option(help="A machine's card, such as aws/g5.xlarge. Default: the cheapest.", show_default=False)
]
Hosted = Annotated[str | None, typer.Option(help="PROVIDER/MODEL for the column by the token.", show_default=False)]
Alternatives = Annotated[
    list[str] | None, typer.Option(help="A further model that is good enough; may be repeated.", show_default=False)
]
CanWait = Annotated[bool, typer.Option("--can-wait", help="All of it can wait a day: batch prices count.")]
MaxLoad = Annotated[float, typer.Option(min=0.01, max=1, help="Share of a GPU's full load that its mean may reach.")]
FallbackShare = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the requests that own GPUs pass on to the incumbent.")
]
Config = Annotated[Path | None, typer.Option(help="Default: ./offramp.yaml.", show_default=False)]
State = Annotated[Path, typer.Option(help="The state folder, which keeps updated prices.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def command(
    requests_per_month: Requests,
    input_tokens: InputTokens,
    output_tokens: OutputTokens,
    incumbent: Incumbent,
    fixed_usd_per_month: FixedUsd = None,
    cached_tokens: CachedTokens = 0,
    own_model: OwnModel = None,
    gpu: Gpu = None,
    offer: OfferName = None,
    hosted: Hosted = None,
    alternative: Alternatives = None,
    can_wait: CanWait = False,
    max_load: MaxLoad = 0.6,
    fallback_share: FallbackShare = 0.0,
    config: Config = None,
    state: State = Path(".offramp"),
    as_json: Json = False,
) -> None:
    """Stay or go? The incumbent, the same open model by the token, and own GPUs, from a handful of figures.

    Prices of your own stand under `prices:` in offramp.yaml, and win.
    """
    if cached_tokens > input_tokens:
        raise UsageError(f"--cached-tokens {cached_tokens} is more than --input-tokens {input_tokens}")
    book = _book(config, state)
    question = Question(
        requests_per_month=requests_per_month,
        usage=Usage(input_tokens, output_tokens, cached_tokens=cached_tokens),
        incumbent=resolve(book, incumbent),
        fixed_usd_per_month=_amount(fixed_usd_per_month),
        hosted=None if hosted is None else resolve(book, hosted),
        alternatives=tuple(resolve(book, name) for name in alternative or ()),
        max_load=Fraction(str(max_load)),
        fallback_share=Fraction(str(fallback_share)),
        can_wait=can_wait,
    )
    _show(answer(_on(question, own_model=own_model, gpu=gpu, offer=offer), book), book.today(), as_json=as_json)


def _on(question: Question, *, own_model: str | None, gpu: str | None, offer: str | None) -> Question:
    """The same question for own machines of that kind; what they carry is worked out where GPU and model are known."""
    machine = None if offer is None else offer_called(offer)
    if gpu is None and machine is not None and own_model is not None:
        gpu = machine.gpu
    if machine is not None and gpu is not None and machine.gpu.lower() != gpu.lower():
        raise UsageError(f"{machine.name} has {machine.gpu}, not {gpu}; give one of --offer and --gpu", param="gpu")
    return replace(
        question,
        own_model=None if own_model is None else llm(own_model).name,
        gpu=None if gpu is None else hardware_card(gpu).name,
        offer=machine,
    )


def _book(config: Path | None, state: Path) -> PriceBook:
    overrides = {name: own.model_dump(exclude_defaults=True) for name, own in load(config).settings.prices.items()}
    return PriceBook.load(overrides, updated=state / UPDATED_NAME)


def _show(plan: Plan, today: date, *, as_json: bool) -> None:
    recommendation = recommend(plan, today)
    if as_json:
        print_json(document(plan, recommendation, today))
    else:
        show(Console(file=sys.stdout, no_color=not is_coloured(sys.stdout)), plan, recommendation, today)


def _amount(written: str | None) -> Fraction | None:
    return None if written is None else Fraction(parse_usd(written, what="--fixed-usd-per-month"))
