"""`offramp serve`: relay requests, fall back, record what happens."""

import gc
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file. Default: ./offramp.yaml, if it is there.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address of the main port. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Main port. Default: 8484.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Admin port (/metrics). Default: 8485.")] = None,
    admin_host: Annotated[str | None, typer.Option(help="Address of the admin port. Default: 127.0.0.1.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that serve.", min=1, max=256)] = 1,
    state: Annotated[Path, typer.Option(help="Folder of the ledger and other state.")] = Path(".offramp"),
) -> int:
    """Relay requests by the configuration; without one to OPENAI_BASE_URL with the client's own key."""
    # What is loaded now stays; looking for garbage in it takes a twentieth of the time until the port is open.
    gc.disable()
    startup = import_module("offramp.compose.startup")
    kind = ("single", "SingleProcess") if workers == 1 else ("supervisor", "Supervisor")
    serving = getattr(import_module(f"offramp.compose.{kind[0]}"), kind[1])
    gc.enable()
    options = startup.ServeOptions(
        config=config,
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        workers=workers,
        state_dir=state,
    )
    return int(serving(options).run())
