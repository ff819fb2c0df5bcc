"""`offramp ledger`: what was asked, answered, spent and saved."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from offramp.cli.ledger_move import move
from offramp.cli.ledger_table import show
from offramp.cli.terminal import group, print_json
from offramp.errors import UsageError
from offramp.migrate.ledger.query import By
from offramp.migrate.ledger.report import exchanges, exchanges_csv, groups_csv, report
from offramp.migrate.ledger.selection import Selection, day, moment
from offramp.migrate.ledger.view import View, open_view

command = group()


@command.callback(invoke_without_command=True)
def show_ledger(
    context: typer.Context,
    state: Annotated[Path, typer.Option(help="The gateway's state folder.")] = Path(".offramp"),
    team: Annotated[str | None, typer.Option(help="Only this team's requests.")] = None,
    feature: Annotated[str | None, typer.Option(help="Only this feature of the application.")] = None,
    key: Annotated[str | None, typer.Option(help="Only this key, by its name.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model, asked for or served.")] = None,
    tier: Annotated[str | None, typer.Option(help="Only what this tier answered.")] = None,
    route: Annotated[str | None, typer.Option(help="Only this route.")] = None,
    operation: Annotated[str | None, typer.Option(help="Only this operation, such as chat.completions.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only what ended so: ok, refused, truncated, cancelled …")] = None,
    site: Annotated[
        str | None, typer.Option(help="Only this call site, by the first digits of its fingerprint.")
    ] = None,
    on: Annotated[str | None, typer.Option("--day", help="One day (UTC): 2026-11-21.")] = None,
    since: Annotated[str | None, typer.Option(help="From a day, a time, or so long ago: 2026-11-01, 24h, 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Before a day or a time.")] = None,
    by: Annotated[By | None, typer.Option(help="What to group by; tier if not given.")] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="The last so many requests, one by one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs: an object with exact amounts.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets: one line per group, or per request.")] = False,
) -> None:
    """Show what was asked, answered, spent and saved."""
    context.obj = state
    if context.invoked_subcommand is not None:
        return
    if json and csv:
        raise UsageError("--json and --csv exclude each other")
    since_ns, until_ns = span(on, since, until)
    selection = Selection(
        team=team,
        feature=feature,
        key=key,
        model=model,
        tier=tier,
        route=route,
        operation=operation,
        outcome=outcome,
        site=None if site is None else hexadecimal(site),
        since_ns=since_ns,
        until_ns=until_ns,
    )
    with open_view(state) as view:
        if json or csv:
            _print_for_programs(view, selection, by, rows, csv=csv)
        else:
            show(view, selection, by=by or By.TIER, rows=rows)


command.command()(move)


def _print_for_programs(view: View, selection: Selection, by: By | None, rows: int | None, *, csv: bool) -> None:
    if csv:
        text = exchanges_csv(view, selection, rows) if rows else groups_csv(view, selection, by or By.TIER)
        sys.stdout.write(text)
        return
    found = report(view, selection, (by,) if by else ())
    print_json(found | {"rows": exchanges(view, selection, rows)} if rows else found)


def span(on: str | None, since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """The time that `--day`, or `--since` and `--until`, mean: its first moment and the first that is not in it."""
    if on is not None:
        if since is not None or until is not None:
            raise UsageError("--day stands alone; for a longer time use --since and --until")
        return day(on)
    now_ns = time.time_ns()
    first = None if since is None else moment(since, option="--since", now_ns=now_ns)
    end = None if until is None else moment(until, option="--until", now_ns=now_ns)
    if first is not None and end is not None and first >= end:
        raise UsageError(f"--since {since} is not before --until {until}")
    return first, end


def hexadecimal(site: str) -> str:
    """What `--site` means: the first digits of a fingerprint."""
    if not site or len(site) > 16 or set(site.lower()) - set("0123456789abcdef"):
        raise UsageError(
            f"--site {site!r} is no fingerprint: give its first hexadecimal digits, as `--by site` shows them"
        )
    return site.upper()
