"""The options of `offramp audit`: which exchanges, what they are joined with, where the results go."""

from pathlib import Path
from typing import Annotated

import typer

from offramp.migrate.imports.kinds import Kind

State = Annotated[Path, typer.Option(help="The gateway's state folder.")]
Team = Annotated[str | None, typer.Option(help="Only this team's requests.")]
Feature = Annotated[str | None, typer.Option(help="Only this feature of the application.")]
Key = Annotated[str | None, typer.Option(help="Only this key, by its name.")]
Model = Annotated[str | None, typer.Option(help="Only this model, asked for or served.")]
Tier = Annotated[str | None, typer.Option(help="Only what this tier answered.")]
Route = Annotated[str | None, typer.Option(help="Only this route.")]
Operation = Annotated[str | None, typer.Option(help="Only this operation, such as chat.completions.")]
Outcome = Annotated[str | None, typer.Option(help="Only what ended so: ok, refused, truncated, cancelled …")]
Site = Annotated[str | None, typer.Option(help="Only this call site, by the first digits of its fingerprint.")]
Day = Annotated[str | None, typer.Option("--day", help="One day (UTC): 2026-11-21.")]
Since = Annotated[str | None, typer.Option(help="From a day, a time, or so long ago: 2026-11-01, 24h, 7d.")]
Until = Annotated[str | None, typer.Option(help="Before a day or a time.")]
Imports = Annotated[
    list[Path] | None,
    typer.Option("--import", help="Usage recorded elsewhere (see docs/imports.md). Repeatable.", show_default=False),
]
ImportKind = Annotated[
    Kind | None, typer.Option(help="Who wrote those files. Default: what is in them.", show_default=False)
]
Scan = Annotated[
    Path | None, typer.Option(help="The scan to join with. Default: scan.json in --dir.", show_default=False)
]
Html = Annotated[Path | None, typer.Option(help="Also write a report with charts to this file.", show_default=False)]
Folder = Annotated[Path, typer.Option("--dir", help="Where the results of the steps lie.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: everything, with exact amounts.")]
