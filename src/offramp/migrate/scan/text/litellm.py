"""LiteLLM's proxy configuration: every model that it routes to OpenAI is a place where OpenAI is called."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import yaml

from offramp.migrate.scan.judge import Facts, judge
from offramp.migrate.scan.model import Project, Site, Source, site_id
from offramp.migrate.scan.text.names import plain_model, referred
from offramp.telemetry.redact import redact
from offramp.wire.operation import Operation

_PROVIDERS = (
    "openai/",
    "azure/",
    "openai_like/",
    "custom_openai/",
    "text-completion-openai/",
    "azure_text/",
    "hosted_vllm/",
)
_OURS = ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-", "dall-e-", "whisper-", "tts-", "omni-moderation")
_MOST_MODELS = 500
_HIDDEN = frozenset({"api_key", "api_base", "base_url"})


def sites_in(source: Source, document: yaml.Node, *, project: Project) -> list[Site]:
    """The models of `model_list` that are OpenAI's, or that speak its interface."""
    listed = _field(document, "model_list")
    if not isinstance(listed, yaml.SequenceNode):
        return []
    seen: Counter[str] = Counter()
    return list(_sites(source, listed, seen, project))


def _sites(source: Source, listed: yaml.SequenceNode, seen: Counter[str], project: Project) -> Iterator[Site]:
    for entry in listed.value[:_MOST_MODELS]:
        params = _field(entry, "litellm_params")
        model = _text(_field(params, "model")) if params is not None else ""
        if params is None or not model.startswith((*_PROVIDERS, *_OURS)):
            continue
        alias = _text(_field(entry, "model_name"))
        operation = _operation(_text(_field(_field(entry, "model_info"), "mode")), plain_model(model))
        ordinal = seen[alias]
        seen[alias] += 1
        site = _site(source, entry, params, model, operation)
        identity = site_id(source.path, alias, operation, ordinal)
        yield replace(site, id=identity, function=alias, library_version=project.version_of("litellm"))


def _site(source: Source, entry: yaml.Node, params: yaml.Node, model: str, operation: str) -> Site:
    address = _text(_field(params, "api_base")) or _text(_field(params, "base_url"))
    variable = referred(address)
    base_url = f"environment {variable}" if variable else redact(address) if address else None
    azure = model.startswith(("azure/", "azure_text/"))
    facts = Facts(operation=operation, library="litellm", model=plain_model(model), base_url=base_url, azure=azure)
    verdict = judge(facts)
    return Site(
        id="",
        file=source.path,
        line=entry.start_mark.line + 1,
        column=entry.start_mark.column + 1,
        end_line=max(entry.end_mark.line, entry.start_mark.line + 1),
        language="yaml",
        library="litellm",
        operation=operation,
        model=plain_model(model),
        model_from="literal",
        parameters=dict(_parameters(params)),
        base_url=base_url,
        supported=verdict.supported,
        change=verdict.change,
    )


def _parameters(params: yaml.Node) -> Iterator[tuple[str, str]]:
    if isinstance(params, yaml.MappingNode):
        for name, value in params.value[:40]:
            if isinstance(value, yaml.ScalarNode) and _text(name) not in _HIDDEN:
                yield _text(name), redact(value.value)[:200]


def _operation(mode: str, model: str) -> str:
    if mode == "embedding" or model.startswith("text-embedding-"):
        return str(Operation.EMBEDDINGS)
    if mode == "image_generation" or model.startswith("dall-e-"):
        return "images"
    if mode == "audio_transcription" or model.startswith("whisper-"):
        return "audio.transcriptions"
    if mode == "audio_speech" or model.startswith("tts-"):
        return "audio.speech"
    if mode == "responses":
        return str(Operation.RESPONSES)
    return str(Operation.COMPLETIONS) if mode == "completion" else str(Operation.CHAT)


def _field(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if _text(key) == name and isinstance(value, yaml.Node):
                return value
    return None


def _text(node: yaml.Node | None) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) and isinstance(node.value, str) else ""
