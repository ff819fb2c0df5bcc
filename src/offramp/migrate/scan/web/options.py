"""What the options of a call say: features in the words of the ledger, and parameters as source text."""

import re
from collections.abc import Iterable, Mapping

from offramp.migrate.scan.web.callers import Callers, settled
from offramp.migrate.scan.web.records import properties
from offramp.migrate.scan.web.said import shown
from offramp.migrate.scan.web.syntax import named, slice_of
from offramp.migrate.scan.web.values import Called, Literal, Place, Record, Row, Value, spine

PROMPTS = frozenset(
    {
        "messages",
        "input",
        "prompt",
        "instructions",
        "system",
        "content",
        "value",
        "values",
        "suffix",
        "file",
        "image",
        "mask",
    }
)
"""Options that are what is said; never shown."""
_FEATURES = {
    "stream": "streaming", "streaming": "streaming", "tools": "tools", "functions": "tools", "activeTools": "tools",
    "seed": "seed", "stop": "stop", "stopSequences": "stop", "logprobs": "logprobs", "top_logprobs": "logprobs",
    "topLogprobs": "logprobs", "logit_bias": "logit_bias", "logitBias": "logit_bias", "reasoning": "reasoning",
    "parallel_tool_calls": "parallel_tool_calls", "parallelToolCalls": "parallel_tool_calls",
    "reasoning_effort": "reasoning", "reasoningEffort": "reasoning", "prediction": "prediction",
    "web_search_options": "web_search", "store": "store", "previous_response_id": "previous_response",
    "previousResponseId": "previous_response", "conversation": "previous_response", "n": "n", "audio": "audio",
    "experimental_output": "structured_output", "output": "structured_output", "schema": "structured_output",
}  # fmt: skip
_FORMATS = {"json_schema": "structured_output", "json_object": "json_mode", "structural_tag": "structured_output"}
_TOOLS = {"web_search": "web_search", "web_search_preview": "web_search", "file_search": "files"}
_PARTS = {
    "image_url": "vision", "input_image": "vision", "image": "vision", "input_audio": "audio", "file": "files",
    "input_file": "files",
}  # fmt: skip
_PART = re.compile(r"""\btype["']?\s*:\s*["'](?P<type>image_url|input_image|image|input_audio|file|input_file)["']""")
_TOOL_HISTORY = re.compile(
    r"""\brole["']?\s*:\s*["'](?:tool|function)["']|\btool_call_id\b|\btype["']?\s*:\s*["']function_call_output"""
)
_MOST_READ = 40_000
_NESTED = (
    "providerOptions",
    "experimental_providerMetadata",
    "modelKwargs",
    "kwargs",
    "openai",
    "modelSettings",
    "extra_body",
)


def features_of(who: Callers, options: Mapping[str, Place], *, schema: bool = False) -> set[str]:
    """The features that options ask for. What is not literal may be asked for, so it counts.

    Args:
        who: Knows the project.
        options: By name.
        schema: Whether options called `schema` and `output` are about the answer's form.
    """
    found: set[str] = set()
    for name, place in options.items():
        word = _FEATURES.get(name)
        if word == "structured_output" and not schema:
            continue
        if word is not None and _counts(who, place, name):
            found.add(word)
        reader = _READERS.get(name)
        if reader is not None:
            found |= reader(who, place)
        if name in _NESTED:
            for nested in _records(who, place):
                found |= features_of(who, nested, schema=schema)
    return found


def _counts(who: Callers, place: Place, name: str) -> bool:
    """Whether an option may be in force: it is not if all that it can be is nothing, no, or one answer."""
    values = settled(who, who.ev.value(place))
    off = {None, False, ""} | ({1} if name == "n" else set())
    return not all(isinstance(each, Literal) and each.value in off and each.value is not True for each in values)


def _records(who: Callers, place: Place) -> Iterable[dict[str, Place]]:
    for value in settled(who, who.ev.value(place)):
        if isinstance(value, Record):
            yield properties(who.ev, value)


def _format(who: Callers, place: Place) -> set[str]:
    """`response_format`: an object with a type, or a helper of the SDK that makes a schema."""
    found: set[str] = set()
    for value in settled(who, who.ev.value(place)):
        if isinstance(value, Called):
            found.add("structured_output")
        elif isinstance(value, Record):
            inside = properties(who.ev, value)
            kinds = settled(who, who.ev.value(inside["type"])) if "type" in inside else []
            said = {each.value for each in kinds if isinstance(each, Literal)}
            found |= {word for kind, word in _FORMATS.items() if kind in said}
            if "format" in inside:
                found |= _format(who, inside["format"])
    return found


def _tools(who: Callers, place: Place) -> set[str]:
    found: set[str] = set()
    for value in settled(who, who.ev.value(place)):
        if isinstance(value, Row):
            row = value.place
            for item in list(named(row.node))[:64]:
                for inside in _records(who, Place(row.module, item, row.frame)):
                    kind = who.ev.value(inside["type"]) if "type" in inside else None
                    if isinstance(kind, Literal) and kind.value in _TOOLS:
                        found.add(_TOOLS[str(kind.value)])
    return found


def _said(who: Callers, place: Place) -> set[str]:
    """Messages: what kinds of parts they hold, as far as they are written here."""
    found: set[str] = set()
    texts = [slice_of(place.module.parsed, place.node, _MOST_READ)]
    for value in settled(who, who.ev.value(place)):
        near = value.place if isinstance(value, Row) else value.parts[0] if isinstance(value, Record) else None
        if near is not None:
            texts.append(slice_of(near.module.parsed, near.node, _MOST_READ))
    for text in texts:
        found |= parts_in(text)
    return found


def parts_in(text: str) -> set[str]:
    """Features of the parts of messages that a stretch of source writes."""
    found = {_PARTS[part["type"]] for part in _PART.finditer(text)}
    if _TOOL_HISTORY.search(text):
        found.add("tool_history")
    return found


def _stream_options(who: Callers, place: Place) -> set[str]:
    for inside in _records(who, place):
        if "include_usage" in inside and _counts(who, inside["include_usage"], "include_usage"):
            return {"usage_asked"}
    return set()


def _modalities(_who: Callers, place: Place) -> set[str]:
    return {"audio"} if "audio" in slice_of(place.module.parsed, place.node, 200) else set()


_READERS = {
    "response_format": _format,
    "responseFormat": _format,
    "text": _format,
    "tools": _tools,
    "messages": _said,
    "input": _said,
    "stream_options": _stream_options,
    "streamOptions": _stream_options,
    "modalities": _modalities,
}


def parameters_of(options: Mapping[str, Place]) -> dict[str, str]:
    """The options as source text, without what is said."""
    return {name: shown(place, name) for name, place in list(options.items())[:40] if name not in PROMPTS}


def header_of(who: Callers, options: Mapping[str, Place]) -> str:
    """The literal `x-offramp-site` among the headers of a call or a client."""
    for name in ("headers", "defaultHeaders"):
        for headers in _records(who, options[name]) if name in options else ():
            for header, place in headers.items():
                value: Value = who.ev.value(place) if header.lower() == "x-offramp-site" else Literal(None)
                if isinstance(value, Literal) and isinstance(value.value, str):
                    return value.value
    return ""


def root_of(value: Value) -> Value:
    """What a chain of members and calls begins with."""
    for _ in range(40):
        value, _names = spine(value)
        if not isinstance(value, Called):
            break
        value = value.callee
    return value
