"""`offramp config`: is the configuration right, and what does it say; its JSON Schema for editors."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from offramp.catalog.prices import PriceBook
from offramp.cli.config_picture import picture
from offramp.cli.terminal import group, print_json
from offramp.compose.price_checks import price_warnings
from offramp.config.load import load
from offramp.config.problems import Problem, SettingsError, dotted
from offramp.config.schema import json_schema

command = group()

_WRONG = 2


@command.callback()
def main() -> None:
    """Check the configuration, or print its JSON Schema."""


@command.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The file. Default: ./offramp.yaml.", show_default=False)] = None,
    config: Annotated[Path | None, typer.Option(help="The same, as with `serve`.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> int:
    """Say what is wrong in the configuration, all of it; if nothing is, show what it does.

    Leaves with 0 if it can be used, with 2 if not.
    """
    try:
        loaded = load(file or config)
        own = {name: prices.model_dump(exclude_defaults=True) for name, prices in loaded.settings.prices.items()}
        warnings = price_warnings(loaded.settings, PriceBook.load(own))
        loaded = replace(loaded, warnings=(*loaded.warnings, *warnings))
    except SettingsError as error:
        if not as_json:
            raise
        print_json({"ok": False, "problems": [_problem(problem) for problem in error.problems], "warnings": []})
        return _WRONG
    if as_json:
        source = str(loaded.source) if loaded.source else None
        print_json({"ok": True, "file": source, "hash": loaded.hash, "problems": [], "warnings": list(loaded.warnings)})
    else:
        print("\n".join(picture(loaded)))
    return 0


@command.command()
def schema() -> None:
    """Print the JSON Schema of offramp.yaml, for editors.

    In VS Code and others with the YAML language server: save it, and begin the configuration with
    `# yaml-language-server: $schema=FILE`.
    """
    print_json(json_schema(with_references=True))


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.source,
        "line": problem.place.line if problem.place else None,
        "column": problem.place.column if problem.place else None,
        "path": dotted(problem.path),
        "text": problem.text,
    }
