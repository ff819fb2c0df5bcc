"""`cerebrium.toml`: who may call, what is installed, memory, concurrency, image, checks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from offramp.capacity.llm import LLMS
from offramp.migrate.scan.model import Finding, Project, Source
from offramp.migrate.scan.rules.commands import Command, check_command
from offramp.migrate.scan.rules.rule import Rule, Span, finding, line_span
from offramp.migrate.scan.rules.words.cerebrium import (
    LITTLE_MEMORY,
    NO_CHECKS,
    ONE_AT_A_TIME,
    OPEN_TO_ALL,
    SLIM_IMAGE,
    UNPINNED,
)
from offramp.migrate.scan.text.parses import toml

_ENGINE = re.compile(r"\b(vllm|sglang|lmdeploy|text-generation-inference|tensorrt.llm)\b", re.IGNORECASE)
_MODEL = re.compile(r"[\"'](?P<name>[\w.-]+/[\w.-]*?(?P<billions>\d+(?:\.\d+)?)[bB](?![a-zA-Z0-9])[\w.-]*)[\"']")
_SMALLER = re.compile(r"awq|gptq|int4|int8|fp8|w4a16|w8a8|bnb|4bit|8bit|gguf|nvfp4|mxfp4", re.IGNORECASE)
_BYTES_PER_PARAMETER = 2
"""Of bf16, as models are published unless their name says otherwise."""

Table = Mapping[str, Any]


def check(source: Source, *, project: Project) -> Iterator[Finding]:
    """What is wrong in a `cerebrium.toml`; one that does not parse is the front end's to report."""
    if source.path.rpartition("/")[2] != "cerebrium.toml":
        return
    try:
        whole = toml(source.text)
    except ValueError:
        return
    top = _table(whole, "cerebrium")
    code = _beside(source, project)
    yield from _who(source, _table(top, "deployment"))
    yield from _versions(source, _table(top, "dependencies"))
    yield from _hardware(source, top, code)
    yield from _scaling(source, top, code)
    yield from _runtime(source, _table(top, "runtime"))


def _table(outer: Table, name: str) -> Table:
    inner = outer.get(name)
    return inner if isinstance(inner, dict) else {}


def _beside(source: Source, project: Project) -> str:
    """The Python of the same folder: it names engine and model."""
    folder = source.path.rpartition("/")[0]
    found = [
        other.text
        for path, other in project.sources.items()
        if path.rpartition("/")[0] == folder and path.endswith(".py")
    ]
    return "\n".join(found)


def _at(rule: Rule, source: Source, key: str, message: str) -> Finding:
    """A finding at the line of a key."""
    return finding(rule, source, _place(source.text, key), message)


def _place(text: str, key: str) -> Span:
    pattern = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=")
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.match(line):
            return line_span(text, number)
    return line_span(text, 1)


def _who(source: Source, deployment: Table) -> Iterator[Finding]:
    if deployment.get("disable_auth") is True:
        yield _at(OPEN_TO_ALL, source, "disable_auth", "anyone who finds the address uses this GPU: take the line out")


def _versions(source: Source, dependencies: Table) -> Iterator[Finding]:
    loose = [name for name, version in _table(dependencies, "pip").items() if version in {"latest", "*"}]
    if loose:
        more = f" and {len(loose) - 3} more" if len(loose) > 3 else ""
        names = ", ".join(f"`{name}`" for name in loose[:3])
        message = f"{names}{more}: whatever version is newest at the next build; name the ones that were tested"
        yield _at(UNPINNED, source, loose[0], message)


def _hardware(source: Source, top: Table, code: str) -> Iterator[Finding]:
    hardware = _table(top, "hardware")
    memory = hardware.get("memory")
    weights = _weights_gb(f"{source.text}\n{code}")
    if isinstance(memory, int | float) and weights is not None and memory < weights[1]:
        message = f"{memory:g} GB of memory for the {weights[1]:.0f} GB of {weights[0]}'s weights"
        yield _at(LITTLE_MEMORY, source, "memory", message)
    image = _table(top, "deployment").get("docker_base_image_url")
    compute = str(hardware.get("compute", "CPU"))
    if isinstance(image, str) and "slim" in image and "CPU" not in compute and _runs_engine(source, code):
        message = f"`{image}` has neither compiler nor CUDA libraries for the engine on {compute}"
        yield _at(SLIM_IMAGE, source, "docker_base_image_url", message)


def _weights_gb(text: str) -> tuple[str, float] | None:
    """The largest model that is named, with the size of its weights in GB."""
    found = []
    for match in _MODEL.finditer(text):
        name = match["name"]
        if _SMALLER.search(name):
            continue
        short = re.sub(r"^meta-|-instruct.*|-chat.*|-v\d.*", "", name.rpartition("/")[2].lower())
        known = LLMS.get(short)
        size_bytes = known.weight_bytes if known else float(match["billions"]) * 1e9 * _BYTES_PER_PARAMETER
        found.append((name, size_bytes / 1e9))
    return max(found, key=lambda each: each[1], default=None)


def _runs_engine(source: Source, code: str) -> bool:
    return bool(_ENGINE.search(source.text)) or bool(
        re.search(r"^\s*(from|import)\s+(vllm|sglang|lmdeploy)\b", code, re.MULTILINE)
    )


def _scaling(source: Source, top: Table, code: str) -> Iterator[Finding]:
    if _table(top, "scaling").get("replica_concurrency") == 1 and _runs_engine(source, code):
        message = "one request at a time switches batching off: each request in flight rents a GPU of its own"
        yield _at(ONE_AT_A_TIME, source, "replica_concurrency", message)


def _runtime(source: Source, runtime: Table) -> Iterator[Finding]:
    custom = _table(runtime, "custom")
    if not custom:
        return
    missing = [name for name in ("healthcheck_endpoint", "readycheck_endpoint") if not custom.get(name)]
    number = next((n for n, line in enumerate(source.text.split("\n"), 1) if "runtime.custom" in line), 1)
    if missing:
        message = (
            f"{' and '.join(f'`{name}`' for name in missing)} missing: traffic reaches replicas that cannot answer"
        )
        yield finding(NO_CHECKS, source, line_span(source.text, number), message)
    entrypoint = custom.get("entrypoint")
    words = " ".join(str(word) for word in entrypoint) if isinstance(entrypoint, list) else str(entrypoint or "")
    if "vllm" in words:
        command = Command(text=words, span=_place(source.text, "entrypoint"), published=False)
        yield from check_command(command, source)
