"""The full plan on the command line: traffic, search, artifact, report, and what if."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path

from rich.console import Console

from offramp import __version__
from offramp.catalog.prices import PriceBook
from offramp.cli import audit_imports
from offramp.cli.plan_full_picture import show, show_changes
from offramp.cli.plan_options import Run
from offramp.cli.terminal import is_coloured, print_json
from offramp.errors import UnavailableError, UsageError
from offramp.migrate import artifact
from offramp.migrate.imports.read import Imported
from offramp.migrate.ledger.view import NoLedgerError
from offramp.migrate.plan.by_token import thresholds
from offramp.migrate.plan.catalogue import catalogue
from offramp.migrate.plan.earlier import earlier
from offramp.migrate.plan.full import FullPlan, answer, service_level
from offramp.migrate.plan.full_document import changes, document
from offramp.migrate.plan.full_report import report
from offramp.migrate.plan.full_words import recommend
from offramp.migrate.plan.inputs import Inputs, changed
from offramp.migrate.plan.sides import Facts, Tried
from offramp.migrate.plan.sources import inputs_of, traffic_of
from offramp.migrate.plan.traffic import Traffic

_DECIDE_THE_TRAFFIC = ("trace", "generate", "profile", "since", "until", "seed", "slo_ttft_ms", "slo_token_ms")


_QUICK_ONLY = ("cached_tokens", "fixed_usd_per_month", "max_load")
"""Inputs that a simulation on real arrivals has no use for."""

_QUICK = "a part of the quick mode alone (--input-tokens, --output-tokens)"

_WITHOUT_A_LEDGER = "or plan without one: --trace FILE, --generate chat, or --input-tokens with --output-tokens"


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
    state = None if run.imports and not audit_imports.has_ledger(run.state) else run.state
    with (
        _telling("reading the traffic, then simulating own GPUs on it"),
        audit_imports.imported(run.imports, run.import_kind, state, run.config) as more,
    ):
        plan, other = _plans(inputs, _Source(run=run, state=state, extra=more.parquet, book=book), facts)
    recommendation = recommend(plan)
    content = document(plan, recommendation, other)
    made = artifact.make("plan", content, inputs=_made_from(inputs, run, state, more), now_ns=time.time_ns())
    path = artifact.write(made, run.folder)
    if run.html is not None:
        _write(run.html, report(plan, recommendation, made=f"{made.made_at} by offramp {__version__}"))
    if run.as_json:
        print_json(content)
        return
    show(console, plan, recommendation)
    if other is not None:
        show_changes(console, changes(plan, other), run.what_if)
    written = [str(path), *([str(run.html)] if run.html is not None else [])]
    for line in audit_imports.lines(more):
        console.print(line)
    console.print(f"written: {', '.join(written)}", style="dim")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where traffic can be read from."""

    run: Run
    state: Path | None
    extra: Sequence[Path]
    book: PriceBook

    def traffic(self, inputs: Inputs) -> Traffic:
        """The traffic of these inputs, with a note of what was given and is not part of a full plan.

        Raises:
            UnavailableError: If there is none to be read.
        """
        try:
            found = traffic_of(
                inputs,
                state=self.state,
                extra=self.extra,
                thresholds=thresholds(self.book),
                slo=service_level(inputs),
                now_ns=time.time_ns(),
            )
        except NoLedgerError as error:
            raise UnavailableError(f"{error}; {_WITHOUT_A_LEDGER}") from None
        return replace(found, notes=(*found.notes, *(f"{flag}: {_QUICK}, left aside" for flag in _left_aside(inputs))))


def _plans(inputs: Inputs, source: _Source, facts: Facts) -> tuple[FullPlan, FullPlan | None]:
    """The plan, and the same with other inputs if somebody asked."""
    traffic = source.traffic(inputs)
    tried: Tried = {}
    plan = answer(inputs, traffic, facts, tried=tried)
    if not source.run.what_if:
        return plan, None
    other = inputs
    for each in source.run.what_if:
        before, other = other, changed(other, each)
        if new := set(_left_aside(other)) - set(_left_aside(before)):
            raise UsageError(f"--what-if {each!r}: {new.pop()} is {_QUICK}", param="what_if")
    if other.is_quick:
        raise UsageError("--what-if: the tokens of one request belong to the quick mode", param="what_if")
    anew = any(getattr(other, name) != getattr(inputs, name) for name in _DECIDE_THE_TRAFFIC)
    anew = anew or (other.generate is not None and other.requests_per_month != inputs.requests_per_month)
    return plan, answer(other, source.traffic(other) if anew else traffic, facts, tried=tried)


def _left_aside(inputs: Inputs) -> list[str]:
    """Flags of the quick mode's inputs that are not at their default."""
    given = (field for field in fields(Inputs) if field.name in _QUICK_ONLY)
    return [f"--{field.name.replace('_', '-')}" for field in given if getattr(inputs, field.name) != field.default]


def _made_from(inputs: Inputs, run: Run, state: Path | None, more: Imported) -> list[artifact.Input]:
    """The traffic, and the artifacts of earlier steps that stand beside it."""
    found = [*inputs_of(inputs, state=state), *audit_imports.inputs(more)]
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
