"""Which parameters a request's body may have, where they stand in it, and how vLLM takes them. No I/O here.

A body holds what people wrote. What is told of it is numbers, switches and words of a closed list; of everything else
only that it was there, or how many different ones there were.

Source of names and words: the OpenAI API 2.3.0. Of what vLLM makes of them: vLLM 0.32
(https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html), as in `migrate.scan.judge`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from offramp.migrate.scan.judge import NEEDS, WITHOUT_EFFECT

OTHER_WORD = "(another)"
"""Stands for a word that is in no list: somebody may have written anything there."""


class Kind(Enum):
    """What is told of a parameter's values."""

    NUMBER = auto()
    SWITCH = auto()
    WORD = auto()
    """One of a closed list."""
    SIZE = auto()
    """How many entries it has."""
    IDENTITY = auto()
    """How many different ones there are: they name people or conversations."""
    PRESENCE = auto()
    """Nothing but that it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, under whatever names the operations give it."""

    name: str
    kind: Kind
    places: tuple[str, ...]
    """Where it may stand, with dots between names."""
    words: frozenset[str] = frozenset()
    vllm: str = ""
    """What vLLM makes of it where that differs; empty if it takes it as OpenAI does."""


@dataclass(frozen=True, slots=True)
class Found:
    """A parameter of one request."""

    parameter: Parameter
    value: object


def _make(kind: Kind, name: str, *more_places: str, words: str = "") -> Parameter:
    words_of = frozenset(words.split())
    return Parameter(name=name, kind=kind, places=(name, *more_places), words=words_of, vllm=_VLLM.get(name, ""))


def _judged(feature: str) -> str:
    """What the scan says of the same in code."""
    return (WITHOUT_EFFECT | NEEDS)[feature].removeprefix(f"{feature}: ")


NO_EFFECT = "no effect"
"""What vLLM makes of what it takes and forgets."""
_VLLM = {
    "store": _judged("store"),
    "prediction": NO_EFFECT,
    "web_search_options": _judged("web_search"),
    "previous_response_id": _judged("previous_response"),
    "conversation": _judged("previous_response"),
    "audio": _judged("audio"),
    "tools": _judged("tools"),
    **dict.fromkeys(("verbosity", "service_tier", "safety_identifier", "prompt_cache_key", "moderation"), NO_EFFECT),
    **dict.fromkeys(("metadata", "user", "suffix", "image detail"), NO_EFFECT),
    "tool_choice": "auto needs automatic tool choice on the server; with none the tools stay in the prompt",
    "reasoning_effort": "reasoning is told apart only where the server runs with the parser of its model",
}

PARAMETERS = (
    *(
        _make(Kind.NUMBER, name)
        for name in (
            *("temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "presence_penalty"),
            *("frequency_penalty", "n", "best_of", "seed", "top_logprobs", "dimensions", "max_tool_calls"),
            *("top_k", "min_p", "repetition_penalty", "length_penalty", "min_tokens", "thinking_token_budget"),
        )
    ),
    *(_make(Kind.SWITCH, name) for name in ("stream", "parallel_tool_calls", "store", "logprobs", "echo")),
    *(_make(Kind.SWITCH, name) for name in ("background", "ignore_eos", "include_reasoning")),
    _make(Kind.SWITCH, "include_usage", "stream_options.include_usage"),
    _make(
        Kind.WORD,
        "response_format",
        "text.format",
        words="text json_object json_schema structural_tag",
    ),
    _make(Kind.WORD, "tool_choice", words="none auto required function custom allowed_tools"),
    _make(Kind.WORD, "reasoning_effort", "reasoning.effort", words="none minimal low medium high xhigh max"),
    _make(Kind.WORD, "verbosity", "text.verbosity", words="low medium high"),
    _make(Kind.WORD, "service_tier", words="auto default flex scale priority fast"),
    _make(Kind.WORD, "modalities", words="text audio"),
    _make(Kind.WORD, "truncation", words="auto disabled"),
    _make(Kind.WORD, "encoding_format", words="float base64"),
    _make(Kind.WORD, "prompt_cache_retention", words="in-memory in_memory 24h"),
    *(_make(Kind.SIZE, name) for name in ("tools", "functions", "stop", "logit_bias", "metadata", "stop_token_ids")),
    *(_make(Kind.IDENTITY, name) for name in ("user", "safety_identifier", "prompt_cache_key", "cache_salt")),
    *(_make(Kind.IDENTITY, name) for name in ("previous_response_id", "conversation")),
    *(_make(Kind.PRESENCE, name) for name in ("function_call", "audio", "prediction", "web_search_options")),
    *(_make(Kind.PRESENCE, name) for name in ("moderation", "suffix", "include", "context_management")),
    *(_make(Kind.PRESENCE, name) for name in ("structured_outputs", "guided_json", "chat_template_kwargs")),
)
"""What is looked for. Names that are not here are counted by name."""

IMAGE_DETAIL = Parameter(
    name="image detail", kind=Kind.WORD, places=(), words=frozenset({"auto", "low", "high"}), vllm=_VLLM["image detail"]
)
"""Stands in the parts of messages."""

_CONTENT = frozenset({"model", "messages", "input", "prompt", "instructions", "text", "reasoning", "stream_options"})
_PATHS = [(one, [place.split(".") for place in one.places]) for one in PARAMETERS]
_NAMES = _CONTENT | {path[0] for _, paths in _PATHS for path in paths}


def parameters_of(request: Mapping[str, object]) -> Iterator[Found]:
    """What a request sets, `null` left out as the API does."""
    for parameter, paths in _PATHS:
        for path in paths:
            value = _at(request, path)
            if value is not None:
                yield Found(parameter, value)
                break


def other_names(request: Mapping[str, object]) -> Iterator[str]:
    """Names of what else a request sets, as they came."""
    yield from (name for name, value in request.items() if name not in _NAMES and value is not None)


def word_of(parameter: Parameter, value: object) -> str:
    """A value as one of the parameter's words; objects by their `type`, lists by what is in them."""
    if isinstance(value, Mapping):
        value = value.get("type")
    listed = value if isinstance(value, list) else [value]
    known = {one if isinstance(one, str) and one in parameter.words else OTHER_WORD for one in listed}
    return " and ".join(sorted(known)) or OTHER_WORD


def _at(request: Mapping[str, object], path: list[str]) -> object:
    value: object = request
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
