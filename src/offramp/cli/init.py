"""`offramp init`: look around, write a commented offramp.yaml, say what comes next."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from offramp.cli.terminal import print_json, table
from offramp.config.environment import Surroundings, environment, surroundings
from offramp.config.load import DEFAULT_FILE, parse
from offramp.errors import UnavailableError, UsageError
from offramp.migrate.engines import PORTS, find_engines
from offramp.migrate.init import Findings, Found, look, render


def command(
    config: Annotated[Path, typer.Option(help="The file to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    only_print: Annotated[bool, typer.Option("--print", help="Write nothing, print the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Write a commented offramp.yaml from the keys, addresses and engines that are found.

    Looks at the environment, at .env beside the file, and at the ports of this machine where engines usually listen
    (a GET of /v1/models on loopback, nothing else). Secrets are named, never copied.
    """
    if config.exists() and not (force or only_print):
        raise UsageError(f"{config} is there already: `offramp config check` shows what it does; --force replaces it")
    around = surroundings(config.parent, environment())
    findings = look(around.variables, asyncio.run(find_engines(PORTS)))
    text = render(findings, day=time.strftime("%Y-%m-%d"))
    parse(text.encode(), config)
    if only_print:
        print(text, end="")
        return
    _write(config, text, force=force)
    if as_json:
        print_json(_for_programs(config, findings))
    else:
        print("\n".join(_told(config, findings, around)))


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write the file; without `force` never over another."""
    try:
        if force:
            new = path.with_name(f".{path.name}.new")
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        else:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} has appeared meanwhile; --force replaces it") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None


def _for_programs(path: Path, findings: Findings) -> dict[str, object]:
    return {
        "written": str(path),
        "upstreams": [
            {"name": f.name, "because": f.because, "base_url": f.base_url, "models": f.models}
            for f in findings.upstreams
        ],
        "passthrough": findings.main.name,
        "notes": findings.notes,
    }


def _told(path: Path, findings: Findings, around: Surroundings) -> list[str]:
    rows = [(_seen(found, around), f"-> {found.name}", _serves(found)) for found in findings.upstreams]
    lines = [f"{path} is written.", "", "found", *table(rows)]
    lines += [f"  {note}" for note in (*findings.notes, *around.warnings)]
    flag = "" if path == DEFAULT_FILE else f" --config {path}"
    lines += [
        "",
        "next",
        f"  1. offramp serve{flag}",
        "  2. in your application: OPENAI_BASE_URL=http://127.0.0.1:8484/v1",
        "  3. offramp ledger, after some requests",
    ]
    return lines


def _seen(found: Found, around: Surroundings) -> str:
    return f"{found.because} (in {around.path})" if found.key_variable in around.from_file else found.because


def _serves(found: Found) -> str:
    if not found.models:
        return found.base_url
    first, *more = found.models
    return f"{found.base_url}, serves {first}" + (f" and {len(more)} more" if more else "")
