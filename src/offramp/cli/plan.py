"""`offramp plan`: what each alternative would cost and carry, so far from figures on the command line alone."""

import sys
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
from offramp.migrate.plan.quick import Question, answer
from offramp.migrate.plan.words import recommend
from offramp.pricing.money import parse_usd
from offramp.wire.usage import Usage

_MOST_REQUESTS = 10**12
_MOST_TOKENS = 10**8


def command(
    requests_per_month: Annotated[int, typer.Option(min=1, max=_MOST_REQUESTS, help="How many requests.")],
    input_tokens: Annotated[int, typer.Option(min=0, max=_MOST_TOKENS, help="Tokens in, of each request.")],
    output_tokens: Annotated[int, typer.Option(min=0, max=_MOST_TOKENS, help="Tokens out, of each request.")],
    incumbent: Annotated[str, typer.Option(help="The model of today: gpt-4o, or PROVIDER/MODEL.")],
    fixed_usd_per_month: Annotated[
        str | None, typer.Option(help="The whole own bill. Default: the machine with --gpu.", show_default=False)
    ] = None,
    cached_tokens: Annotated[int, typer.Option(min=0, help="How many of the tokens in are cached.")] = 0,
    own_model: Annotated[
        str | None, typer.Option(help="The open model to run: llama-3.1-8b, mistral-7b …", show_default=False)
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="What it runs on: A10G, L4, H100 …", show_default=False)] = None,
    offer: Annotated[
        str | None,
        typer.Option(help="A machine's card, such as aws/g5.xlarge. Default: the cheapest.", show_default=False),
    ] = None,
    hosted: Annotated[
        str | None, typer.Option(help="PROVIDER/MODEL for the column by the token.", show_default=False)
    ] = None,
    alternative: Annotated[
        list[str] | None, typer.Option(help="A further model that is good enough; may be repeated.")
    ] = None,
    can_wait: Annotated[bool, typer.Option("--can-wait", help="All of it can wait a day: batch prices count.")] = False,
    max_load: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of a GPU's full load that its mean may reach.")
    ] = 0.6,
    fallback_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the requests that own GPUs pass on to the incumbent.")
    ] = 0.0,
    config: Annotated[Path | None, typer.Option(help="Default: ./offramp.yaml.", show_default=False)] = None,
    state: Annotated[Path, typer.Option(help="The state folder, which keeps updated prices.")] = Path(".offramp"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Stay or go? The incumbent, the same open model by the token, and own GPUs, from a handful of figures.

    Prices of your own stand under `prices:` in offramp.yaml, and win.
    """
    if cached_tokens > input_tokens:
        raise UsageError(f"--cached-tokens {cached_tokens} is more than --input-tokens {input_tokens}")
    if (gpu is None) != (own_model is None) and offer is None:
        raise UsageError("what a GPU carries depends on the model: give --gpu and --own-model together")
    overrides = {name: own.model_dump(exclude_defaults=True) for name, own in load(config).settings.prices.items()}
    book = PriceBook.load(overrides, updated=state / UPDATED_NAME)
    machine = None if offer is None else offer_called(offer)
    question = Question(
        requests_per_month=requests_per_month,
        usage=Usage(input_tokens, output_tokens, cached_tokens=cached_tokens),
        incumbent=resolve(book, incumbent),
        fixed_usd_per_month=_amount(fixed_usd_per_month),
        hosted=None if hosted is None else resolve(book, hosted),
        alternatives=tuple(resolve(book, name) for name in alternative or ()),
        own_model=None if own_model is None else llm(own_model).name,
        gpu=hardware_card(gpu).name if gpu is not None else (machine.gpu if machine and own_model else None),
        offer=machine,
        max_load=Fraction(str(max_load)),
        fallback_share=Fraction(str(fallback_share)),
        can_wait=can_wait,
    )
    plan = answer(question, book)
    recommendation = recommend(plan, book.today())
    if as_json:
        print_json(document(plan, recommendation, book.today()))
    else:
        console = Console(file=sys.stdout, no_color=not is_coloured(sys.stdout))
        show(console, plan, recommendation, book.today())


def _amount(written: str | None) -> Fraction | None:
    return None if written is None else Fraction(parse_usd(written, what="--fixed-usd-per-month"))
