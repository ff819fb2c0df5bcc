"""`offramp` alone: where do I stand, and what comes next."""

import time
from pathlib import Path
from typing import Annotated

import typer

from offramp.cli.table import COMMANDS
from offramp.cli.terminal import print_json
from offramp.errors import UnavailableError, UsageError
from offramp.migrate import artifact
from offramp.migrate.status import MADE, Mark, Standing, checklist, conclude, gather

_SIGNS = {Mark.DONE: "[x]", Mark.OPEN: "[ ]", Mark.WRONG: "[!]"}

FIRST_RUN = """\
offramp carries your LLM traffic from the OpenAI API to models you control:
it relays and records, says what everything costs, falls back when a model is away.

Nothing is here yet. A good beginning:
  offramp demo     watch it at work, with nothing but this package
  offramp serve    relay to OpenAI with your application's own key; then, in the application,
                   OPENAI_BASE_URL=http://127.0.0.1:8484/v1
  offramp init     write an offramp.yaml from the keys and engines on this machine
  offramp --help   everything else"""


def command(
    config: Annotated[
        Path | None, typer.Option(help="The configuration. Default: ./offramp.yaml.", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where the results of the steps lie.")] = artifact.FOLDER,
    state: Annotated[Path, typer.Option(help="The gateway's state folder.")] = Path(".offramp"),
    write: Annotated[bool, typer.Option("--write", help="Also write it to README.md in --dir.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say where you stand and what comes next. Nothing is changed unless --write is given."""
    standing = conclude(gather(config=config, folder=folder, state=state), COMMANDS)
    written = _write(standing, folder) if write else None
    if as_json:
        print_json(_for_programs(standing, written))
    elif standing.is_new:
        print(FIRST_RUN)
    else:
        print("\n".join(_lines(standing)))
    if written and not as_json:
        print(f"\n{written} is written.")


def _lines(standing: Standing) -> list[str]:
    width = max(len(step.name) for step in standing.steps)
    lines = []
    for step in standing.steps:
        lines.append(f"{_SIGNS[step.mark]} {step.name:{width}}  {step.question}")
        if step.found:
            lines.append(f"{'':{width + 6}}{step.found}")
    lines += ["", "next", *(f"  {number}. {text}" for number, text in enumerate(standing.advice, 1))]
    return lines


def _write(standing: Standing, folder: Path) -> Path:
    path = folder / "README.md"
    try:
        if path.exists() and MADE not in path.read_text(encoding="utf-8", errors="replace"):
            raise UsageError(f"{path} was not made by offramp: move it away, or choose another folder with --dir")
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(checklist(standing, day=time.strftime("%Y-%m-%d")), encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def _for_programs(standing: Standing, written: Path | None) -> dict[str, object]:
    return {
        "is_new": standing.is_new,
        "steps": [
            {"step": s.name, "question": s.question, "state": s.mark.value, "found": s.found} for s in standing.steps
        ],
        "next": standing.advice,
        "written": None if written is None else str(written),
    }
