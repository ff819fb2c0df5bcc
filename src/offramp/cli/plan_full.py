"""The full plan on the command line: traffic, search, artifact, report, and what if."""

import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console

from offramp import __version__
from offramp.catalog.prices import PriceBook
from offramp.cli.plan_full_picture import show, show_changes
from offramp.cli.plan_options import Run
from offramp.cli.terminal import is_coloured, print_json
from offramp.errors import UnavailableError, UsageError
from offramp.migrate import artifact
from offramp.migrate.plan.by_token import thresholds
from offramp.migrate.plan.catalogue import catalogue
from offramp.migrate.plan.earlier import earlier
from offramp.migrate.plan.full import FullPlan, answer, service_level
from offramp.migrate.plan.full_document import document
from offramp.migrate.plan.full_report import report
from offramp.migrate.plan.full_words import recommend
from offramp.migrate.plan.inputs import Inputs, changed
from offramp.migrate.plan.sides import Facts, Tried
from offramp.migrate.plan.sources import inputs_of, traffic_of
from offramp.migrate.plan.traffic import Traffic

_DECIDE_THE_TRAFFIC = ("trace", "generate", "profile", "since", "until", "seed", "slo_ttft_ms", "slo_token_ms")


def full(inputs: Inputs, run: Run, book: PriceBook) -> None:
    """Plan, and give the answer in every form that was asked for.

    Raises:
        OfframpError: If it cannot be done.
    """
    console = Console(
        file=sys.stdout,
        no_color=not is_coloured(sys.stdout),
        highlight=False,
        emoji=False,
        markup=False,
    )
    facts = Facts(
        book=book,
        catalogue=catalogue(run.catalogue),
        today=book.today(),
        jobs=run.jobs or os.cpu_count() or 1,
        earlier=earlier(run.folder),
    )
    with _telling("reading the traffic, then simulating own GPUs on it"):
        traffic = _traffic(inputs, run, book)
        tried: Tried = {}
        plan = answer(inputs, traffic, facts, tried=tried)
        other = _what_if(plan, traffic, run, tried)
    recommendation = recommend(plan)
    content = document(plan, recommendation, other)
    made = artifact.make("plan", content, inputs=_made_from(inputs, run), now_ns=time.time_ns())
    path = artifact.write(made, run.folder)
    if run.html is not None:
        _write(run.html, report(plan, recommendation, made=f"{made.made_at} by offramp {__version__}"))
    if run.as_json:
        print_json(content)
        return
    show(console, plan, recommendation)
    if other is not None:
        show_changes(console, plan, other, run.what_if)
    written = [str(path), *([str(run.html)] if run.html is not None else [])]
    console.print(f"written: {', '.join(written)}", style="dim")


def _traffic(inputs: Inputs, run: Run, book: PriceBook) -> Traffic:
    return traffic_of(
        inputs, state=run.state, thresholds=thresholds(book), slo=service_level(inputs), now_ns=time.time_ns()
    )


def _what_if(plan: FullPlan, traffic: Traffic, run: Run, tried: Tried) -> FullPlan | None:
    """The same with other inputs; `None` if nobody asked."""
    if not run.what_if:
        return None
    other = plan.inputs
    for each in run.what_if:
        other = changed(other, each)
    if other.is_quick:
        raise UsageError("--what-if: the tokens of one request belong to the quick mode", param="what_if")
    anew = any(getattr(other, name) != getattr(plan.inputs, name) for name in _DECIDE_THE_TRAFFIC)
    if other.generate is not None and other.requests_per_month != plan.inputs.requests_per_month:
        anew = True
    return answer(other, _traffic(other, run, plan.facts.book) if anew else traffic, plan.facts, tried=tried)


def _made_from(inputs: Inputs, run: Run) -> list[artifact.Input]:
    """The traffic, and the artifacts of earlier steps that stand beside it."""
    found = list(inputs_of(inputs, state=run.state))
    paths = [artifact.path_of(step, run.folder) for step in ("scan", "audit")]
    return [*found, *(artifact.input_of(path) for path in paths if path.is_file())]


def _telling(what: str) -> AbstractContextManager[object]:
    """Say on a terminal what takes a while."""
    return Console(stderr=True).status(what) if sys.stderr.isatty() else nullcontext()


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None
