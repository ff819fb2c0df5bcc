"""`offramp simulate`: an OpenAI-compatible engine for demos and tests."""

import sys
from typing import Annotated

import typer

from offramp.errors import OfframpError
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.options import ANSWER_TOKENS, Options, Profile
from offramp.upstream.simulated.server import run


def command(
    profile: Annotated[Profile, typer.Option(help="Whose manners the engine has.")] = Profile.OPENAI,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    model: Annotated[
        list[str] | None, typer.Option(help="A name that is served; may be repeated. Without it every name is.")
    ] = None,
    hardware: Annotated[str, typer.Option(help="demo, or a card such as A10G, L4, A100-80, H100.")] = "demo",
    llm: Annotated[str, typer.Option(help="The model whose size decides the speed on a real card.")] = "mistral-7b",
    max_model_len: Annotated[
        int | None, typer.Option(min=1, help="Longest prompt and answer together, in tokens.")
    ] = None,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Length of an answer without max_tokens.")] = ANSWER_TOKENS,
    api_key: Annotated[str | None, typer.Option(help="The one key that is accepted. Without it any is.")] = None,
    base_path: Annotated[str, typer.Option(help="What stands for /v1.")] = "/v1",
    seed: Annotated[int, typer.Option(help="Turns ids and words.")] = 0,
) -> None:
    """Serve simulated answers over the OpenAI API, with faults that are switched by POST /_simulate."""
    options = Options(
        profile=profile,
        models=tuple(model or ()),
        hardware=hardware,
        llm=llm,
        max_model_len=max_model_len,
        seed=seed,
        api_key=api_key,
        answer_tokens=answer_tokens,
        base_path="/" + base_path.strip("/"),
    )
    shown = f"[{host}]" if ":" in host else host

    def ready(engine: Engine, bound: int) -> None:
        url = f"http://{shown}:{bound}{options.base_path}"
        models = ", ".join(options.models) or "any name"
        line = f"simulate: {profile.value} profile on {url} (models: {models}; hardware: {engine.model.name})"
        print(line, file=sys.stderr, flush=True)

    run(options, host, port, ready)


def main() -> None:
    """Run this command alone."""
    try:
        typer.run(command)
    except OfframpError as error:
        print(f"simulate: {error.message}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
