"""Which features of the API a request uses, as bits. Pure.

The bits are plain numbers here: `|` of an `IntFlag` costs 40 times as much, and this runs for every request.
"""

from typing import Any, Final

from offramp.wire import shapes
from offramp.wire.features import Feature

STREAMING: Final = int(Feature.STREAMING)
USAGE_ASKED: Final = int(Feature.USAGE_ASKED)
TOOLS: Final = int(Feature.TOOLS)
STRUCTURED_OUTPUT: Final = int(Feature.STRUCTURED_OUTPUT)
JSON_MODE: Final = int(Feature.JSON_MODE)
LOGPROBS: Final = int(Feature.LOGPROBS)
N: Final = int(Feature.N)
SEED: Final = int(Feature.SEED)
STOP: Final = int(Feature.STOP)
LOGIT_BIAS: Final = int(Feature.LOGIT_BIAS)
PARALLEL_TOOL_CALLS: Final = int(Feature.PARALLEL_TOOL_CALLS)
REASONING: Final = int(Feature.REASONING)
PREDICTION: Final = int(Feature.PREDICTION)
WEB_SEARCH: Final = int(Feature.WEB_SEARCH)
STORE: Final = int(Feature.STORE)
PREVIOUS_RESPONSE: Final = int(Feature.PREVIOUS_RESPONSE)
VISION: Final = int(Feature.VISION)
AUDIO: Final = int(Feature.AUDIO)
FILES: Final = int(Feature.FILES)
TOOL_HISTORY: Final = int(Feature.TOOL_HISTORY)

_BITS_OF_PART: Final = {
    "image_url": VISION,
    "input_image": VISION,
    "computer_screenshot": VISION,
    "video_url": VISION,
    "input_audio": AUDIO,
    "audio_url": AUDIO,
    "file": FILES,
    "input_file": FILES,
}
"""Content parts that are not text. `video_url` and `audio_url` are vLLM's."""

_BITS_OF_TOOL: Final = {"file_search": FILES}
_BITS_OF_FORMAT: Final = {
    "json_schema": STRUCTURED_OUTPUT,
    "structural_tag": STRUCTURED_OUTPUT,
    "json_object": JSON_MODE,
}


def flat_chat(body: shapes.FlatChat | shapes.Chat) -> int:
    """Bits of what any chat may say in a text or number."""
    bits = generation(body)
    if body.reasoning_effort is not None:
        bits |= REASONING
    if body.parallel_tool_calls is not None:
        bits |= PARALLEL_TOOL_CALLS
    if body.top_logprobs:
        bits |= LOGPROBS
    if body.store:
        bits |= STORE
    return bits


def nested_chat(body: shapes.Chat) -> int:
    """Bits of all that a chat says, but not of its messages."""
    bits = flat_chat(body) | _constraints(body)
    if body.tools or body.functions:
        bits |= TOOLS | tools(body.tools)
    if body.reasoning is not None:
        bits |= REASONING
    if body.prediction is not None:
        bits |= PREDICTION
    if body.web_search_options is not None:
        bits |= WEB_SEARCH
    if body.audio is not None or (isinstance(body.modalities, list) and "audio" in body.modalities):
        bits |= AUDIO
    return bits


def completion(body: shapes.Completion) -> int:
    """Bits of a legacy completion."""
    bits = generation(body) | _constraints(body)
    if body.best_of is not None and body.best_of > 1:
        bits |= N
    return bits


def generation(body: shapes.Generation) -> int:
    """Bits of what chat and completions share."""
    bits = 0
    if body.stream:
        bits = STREAMING
        if body.stream_options and body.stream_options.include_usage:
            bits |= USAGE_ASKED
    if body.n is not None and body.n > 1:
        bits |= N
    if body.seed is not None:
        bits |= SEED
    if body.stop:
        bits |= STOP
    if body.logprobs is not None and body.logprobs is not False:
        bits |= LOGPROBS
    return bits


def _constraints(body: shapes.Constrained) -> int:
    """Bits of schemas and biases."""
    bits = 0
    if body.response_format is not None:
        bits = format_type(body.response_format.type)
    if body.structured_outputs is not None or body.guided_json is not None:
        bits |= STRUCTURED_OUTPUT
    if body.logit_bias:
        bits |= LOGIT_BIAS
    return bits


def response(body: shapes.Response) -> int:
    """Bits of a request of the Responses API, but not of its input items."""
    bits = 0
    if body.stream:
        bits = STREAMING
    if body.tools:
        bits |= TOOLS | tools(body.tools)
    if body.top_logprobs:
        bits |= LOGPROBS
    if body.parallel_tool_calls is not None:
        bits |= PARALLEL_TOOL_CALLS
    if body.reasoning is not None:
        bits |= REASONING
    if body.store:
        bits |= STORE
    if body.previous_response_id or body.conversation:
        bits |= PREVIOUS_RESPONSE
    return bits


def messages(said: list[shapes.Message]) -> int:
    """Bits of a chat's messages: their parts, and tools that were called."""
    bits = 0
    for message in said:
        if message.content.__class__ is list:
            bits |= parts(message.content)
        if message.tool_calls or message.function_call or message.role == "tool":
            bits |= TOOL_HISTORY
    return bits


def items(given: list[shapes.Item]) -> int:
    """Bits of input items of the Responses API: their parts, and tools that were called."""
    bits = 0
    for item in given:
        kind = item.type
        if isinstance(kind, str) and kind != "message":
            bits |= _BITS_OF_PART.get(kind, 0)
            if kind.endswith(("_call", "_call_output")):
                bits |= TOOL_HISTORY
        for content in (item.content, item.output):
            if content.__class__ is list:
                bits |= parts(content)
            elif content.__class__ is dict:
                bits |= parts([content])
    return bits


def parts(content: list[Any]) -> int:
    """Bits of a list of content parts."""
    bits = 0
    for part in content:
        if part.__class__ is dict:
            bits |= _bits_of(part.get("type"), _BITS_OF_PART)
    return bits


def tools(offered: list[shapes.Tool] | None) -> int:
    """Bits of built-in tools."""
    bits = 0
    for tool in offered or ():
        kind = tool.type or ""
        bits |= WEB_SEARCH if kind.startswith("web_search") else _BITS_OF_TOOL.get(kind, 0)
    return bits


def format_type(kind: object) -> int:
    """Bits of a response format's type."""
    return _bits_of(kind, _BITS_OF_FORMAT)


def _bits_of(kind: object, table: dict[str, int]) -> int:
    return table.get(kind, 0) if isinstance(kind, str) else 0
