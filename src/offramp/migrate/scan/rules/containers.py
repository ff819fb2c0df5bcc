"""Dockerfiles, Compose files and Kubernetes manifests: images, commands, order, readiness."""

import re
from collections.abc import Iterator, Mapping

import msgspec
import yaml

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.commands import IMAGE, MODEL_IMAGE, SERVER, Command, check_command
from offramp.migrate.scan.rules.rule import Span, finding, line_span
from offramp.migrate.scan.rules.words.cerebrium import UNPINNED
from offramp.migrate.scan.rules.words.readiness import CUDA_BASE, READY_IS_GUESSED, STARTED_IS_NOT_READY
from offramp.migrate.scan.text.parses import documents

_DOCKERFILE = re.compile(r"(^|/)([\w.-]+\.)?(Dockerfile|Containerfile)(\.[\w.-]+)?$", re.IGNORECASE)
_FROM = re.compile(r"^\s*FROM\s+(?:--platform=\S+\s+)?(?P<image>\S+)", re.IGNORECASE)
_INSTALLS = re.compile(r"\b(pip3?|uv)\b[^\n]*\binstall\b[^\n]*?(?<![\w/.-])vllm\b")
_LATEST = re.compile(r":latest$|^[^:@]*$")
_LONGEST = 1 << 20
"""Characters of a YAML file that is looked at; longer ones are data."""

Nodes = Mapping[str, yaml.Node]


def check(source: Source) -> Iterator[Finding]:
    """What is wrong in a file of deployment."""
    if _DOCKERFILE.search(source.path):
        yield from _dockerfile(source)
    elif source.path.endswith((".yaml", ".yml")) and len(source.text) < _LONGEST and "image" in source.text:
        yield from _yaml(source)


# ------------------------------------------------------------------------------------------------------- Dockerfile


def _dockerfile(source: Source) -> Iterator[Finding]:
    base: tuple[int, str] | None = None
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _FROM.match(line)
        if match:
            base = (number, match["image"])
            yield from _image(source, match["image"], line_span(source.text, number, match["image"]))
        elif base and "nvidia/cuda" in base[1] and not line.lstrip().startswith("#") and _INSTALLS.search(line):
            message = "vLLM's wheels want one CUDA version and the host's driver: start from `vllm/vllm-openai`"
            yield finding(CUDA_BASE, source, line_span(source.text, base[0]), message)
        elif re.match(r"\s*(CMD|ENTRYPOINT)\b", line):
            yield from _start(source, number, line, base[1] if base else "")


def _start(source: Source, number: int, line: str, image: str) -> Iterator[Finding]:
    words = line.strip().partition(" ")[2]
    try:
        command = " ".join(msgspec.json.decode(words, type=list[str]))
    except msgspec.DecodeError:
        command = words
    if SERVER.search(command) or (IMAGE.search(image) and "--model" in command):
        # What the container publishes is said elsewhere.
        start = Command(text=command, span=line_span(source.text, number), settings=source.text, published=False)
        yield from check_command(start, source)


def _image(source: Source, image: str, span: Span) -> Iterator[Finding]:
    if MODEL_IMAGE.search(image) and _LATEST.search(image.rpartition("/")[2]):
        message = f"`{image}` is of whatever version is newest at the next build: name the one that was tested"
        yield finding(UNPINNED, source, span, message)


# ------------------------------------------------------------------------------------------------------------- YAML


def _yaml(source: Source) -> Iterator[Finding]:
    try:
        found = documents(source)
    except (yaml.YAMLError, ValueError):
        return
    for document in found:
        top = _mapping(document)
        if "services" in top:
            yield from _compose(source, _mapping(top["services"]))
        elif "apiVersion" in top and "kind" in top:
            for container in _containers(document):
                yield from _container(source, container)


def _mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _text(node: yaml.Node | None) -> str:
    """The text of a scalar; the words of a list, with blanks between them."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return " ".join(_text(each) for each in node.value)
    if isinstance(node, yaml.MappingNode):
        return " ".join(f"{_text(key)}={_text(value)}" for key, value in node.value)
    return ""


def _span(node: yaml.Node) -> Span:
    """A node's place; of what goes over several lines only the first."""
    start, end = node.start_mark, node.end_mark
    one_line = end.line == start.line
    return Span(
        line=start.line + 1,
        column=start.column + 1,
        end_line=start.line + 1,
        end_column=(end.column if one_line else start.column + 1) + 1,
    )


def _compose(source: Source, services: Nodes) -> Iterator[Finding]:
    models = set()
    for name, node in services.items():
        service = _mapping(node)
        image, command = _text(service.get("image")), _text(service.get("command"))
        if service.get("image"):
            yield from _image(source, image, _span(service["image"]))
        if not MODEL_IMAGE.search(image) and not SERVER.search(command):
            continue
        models.add(name)
        yield from _model_service(source, name, service)
    for node in services.values():
        yield from _depends(source, _mapping(node).get("depends_on"), models)


def _model_service(source: Source, name: str, service: Nodes) -> Iterator[Finding]:
    place = service.get("image") or service.get("command")
    if place is None:
        return
    if "healthcheck" not in service and "vllm" in _text(service.get("image")) + _text(service.get("command")):
        message = f"nobody asks whether `{name}` is ready: give it a `healthcheck` on `/health`"
        yield finding(READY_IS_GUESSED, source, _span(place), message)
    command = service.get("command")
    if command is not None and (IMAGE.search(_text(service.get("image"))) or SERVER.search(_text(command))):
        published = "ports" in service or _text(service.get("network_mode")) == "host"
        settings = _text(service.get("environment"))
        yield from check_command(
            Command(text=_text(command), span=_span(command), settings=settings, published=published), source
        )


def _depends(source: Source, node: yaml.Node | None, models: set[str]) -> Iterator[Finding]:
    for each in node.value if isinstance(node, yaml.SequenceNode) else ():
        if _text(each) in models:
            message = f"started is not ready: depend on `{_text(each)}` with `condition: service_healthy`"
            yield finding(STARTED_IS_NOT_READY, source, _span(each), message)
    for name, how in _mapping(node).items():
        condition = _mapping(how).get("condition")
        if name in models and _text(condition) in {"", "service_started"}:
            message = f"started is not ready: depend on `{name}` with `condition: service_healthy`"
            yield finding(STARTED_IS_NOT_READY, source, _span(condition or how), message)


def _containers(node: yaml.Node) -> Iterator[Nodes]:
    """Every container of a manifest, however deep its template lies."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if _text(key) == "containers" and isinstance(value, yaml.SequenceNode):
                yield from (_mapping(each) for each in value.value)
            else:
                yield from _containers(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _containers(each)


def _container(source: Source, container: Nodes) -> Iterator[Finding]:
    image = container.get("image")
    if image is None:
        return
    yield from _image(source, _text(image), _span(image))
    command = f"{_text(container.get('command'))} {_text(container.get('args'))}".strip()
    if not IMAGE.search(_text(image)) and not SERVER.search(command):
        return
    if "readinessProbe" not in container:
        message = "traffic is sent before the weights are loaded: give it a `readinessProbe` on `/health`"
        yield finding(READY_IS_GUESSED, source, _span(image), message)
    place = container.get("args") or container.get("command")
    if place is not None:
        # What reaches a pod is said by services and policies elsewhere.
        yield from check_command(Command(text=command, span=_span(place), published=False), source)
