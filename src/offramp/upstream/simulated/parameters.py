"""The fields of a request that the simulated engine takes account of; all others are accepted and ignored."""

import re
from typing import Annotated, TypeVar

import msgspec

from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.words import count_text

IMAGE_TOKENS = 85
"""Tokens of one image in a prompt, whatever its size."""

AUDIO_TOKENS = 50
"""Tokens of one piece of audio in a prompt, whatever its length."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Object = dict[str, object]
Prompts = str | list[str | int | list[int]]
"""One text, several, or token ids in either form."""


class StreamOptions(msgspec.Struct):
    """`stream_options`."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    continuous_usage_stats: bool | None = None


class Sampling(msgspec.Struct, kw_only=True):
    """What chat completions and legacy completions have in common."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    max_tokens: Positive | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None

    @property
    def stops(self) -> list[str]:
        """The stop sequences as a list."""
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else self.stop

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


class Message(msgspec.Struct):
    """One message of a chat."""

    role: str
    content: str | list[Object] | None = None
    tool_calls: list[Object] | None = None

    @property
    def text(self) -> str:
        """Its text, without images and audio."""
        return text_of(self.content)


class ChatParameters(Sampling, kw_only=True):
    """Body of `/v1/chat/completions`."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_completion_tokens: Positive | None = None
    tools: list[Object] | None = None
    tool_choice: str | Object | None = None
    functions: list[Object] | None = None
    function_call: str | Object | None = None
    response_format: Object | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    service_tier: str | None = None

    @property
    def limit(self) -> int | None:
        """The limit for the answer, under either of its names."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens


class CompletionParameters(Sampling, kw_only=True):
    """Body of `/v1/completions`."""

    prompt: Prompts
    echo: bool | None = None
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


class EmbeddingParameters(msgspec.Struct, kw_only=True):
    """Body of `/v1/embeddings`."""

    model: str
    input: Prompts
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    encoding_format: str | None = None


class ResponseParameters(msgspec.Struct, kw_only=True):
    """Body of `/v1/responses`."""

    model: str
    input: str | list[Object]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Positive | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    tools: list[Object] | None = None
    tool_choice: str | Object | None = None
    text: Object | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    metadata: Object | None = None
    service_tier: str | None = None


Parameters = TypeVar("Parameters", bound=msgspec.Struct)


def decode(body: bytes, type_: type[Parameters]) -> Parameters:
    """A body as the parameters of its operation.

    Raises:
        RefusalError: 400 that names the field.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"The body could not be parsed as JSON: {error}"
        raise RefusalError(400, message, vllm_type=_VLLM_SHAPE, vllm_param="body.1") from error


def model_of(body: bytes) -> str:
    """The `model` of any JSON body, for the record; empty if there is none."""
    try:
        return msgspec.json.decode(body, type=_Named).model
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Named(msgspec.Struct):
    model: str = ""


_VLLM_SHAPE = "Bad Request"
"""What vLLM calls a body of the wrong shape; a value out of its range is a `BadRequestError`."""

_MISSING = re.compile(r"missing required field `([^`]+)`")
_AT = re.compile(r"at `\$\.([A-Za-z0-9_.\[\]]+)`")


def _refused(error: str) -> RefusalError:
    """What msgspec found, in OpenAI's words and codes."""
    at = _AT.search(error)
    param = at[1] if at else None
    missing = _MISSING.search(error)
    if missing:
        param = f"{param}.{missing[1]}" if param else missing[1]
        message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
    else:
        message = f"Invalid value for '{param}': {error.partition(' - at ')[0]}."
        code = "invalid_type" if error.startswith("Expected `") and " got " in error else "invalid_value"
    if code == "invalid_value":
        return RefusalError(400, message, code=code, param=param)
    return RefusalError(400, message, code=code, param=param, vllm_type=_VLLM_SHAPE, vllm_param=f"body.{param}")


def text_of(content: str | list[Object] | None) -> str:
    """The text of a message's content, in either form."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    texts = (part.get("text") or part.get("refusal") for part in content)
    return "".join(text for text in texts if isinstance(text, str))


def media_tokens(content: str | list[Object] | None) -> int:
    """Tokens of the images and the audio of a message's content."""
    if not isinstance(content, list):
        return 0
    kinds = [str(part.get("type", "")) for part in content]
    return IMAGE_TOKENS * sum("image" in kind for kind in kinds) + AUDIO_TOKENS * sum("audio" in kind for kind in kinds)


def chat_prompt(parameters: ChatParameters) -> tuple[str, int]:
    """All text of a chat, and the tokens of its prompt: four bytes each, media and tools included."""
    texts: list[str] = []
    media = 0
    for message in parameters.messages:
        texts.append(message.text)
        media += media_tokens(message.content)
        if message.tool_calls:
            texts.append(msgspec.json.encode(message.tool_calls).decode())
    declared = [one for one in (parameters.tools, parameters.functions) if one]
    texts += [msgspec.json.encode(one).decode() for one in declared]
    text = "".join(texts)
    return text, count_text(size_of(text)) + media


def size_of(text: str) -> int:
    """UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
