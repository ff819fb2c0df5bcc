"""Token counts of an answer, from the shapes that chat, completions, embeddings and responses give them. Pure."""

from typing import Annotated, Any

import msgspec

MAX_TOKENS = 1 << 40
"""No answer has more tokens than this; a larger count is a broken upstream and is read as absent."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)] | None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Token counts of one answer, in inclusive buckets: the others are parts of `input_tokens` or `output_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Part of `input_tokens` that was read from a prompt cache."""
    cache_write_tokens: int = 0
    """Part of `input_tokens` that was written to a prompt cache."""
    reasoning_tokens: int = 0
    """Part of `output_tokens` that the client does not see as text."""
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0


def decode(body: msgspec.Raw | bytes) -> Usage | None:
    """Read a `usage` object, of whichever operation.

    Args:
        body: The JSON of the object; `null` and nothing are accepted.

    Returns:
        The counts, or `None` where there are none: no object, no total of input or output, or a total that is negative,
        not a whole number or above `MAX_TOKENS`. A part that is wrong counts as 0, a part larger than its whole as the
        whole, so that no price can become negative.

    Source:
        OpenAI API specification 2.3.0, schemas CompletionUsage, EmbeddingResponse.usage and ResponseUsage.
    """
    try:
        shape = _decode_shape(body)
    except (ValueError, RecursionError):
        shape = _forgiving(body)
    if shape is None:
        return None
    given_in = shape.prompt_tokens if shape.input_tokens is None else shape.input_tokens
    given_out = shape.completion_tokens if shape.output_tokens is None else shape.output_tokens
    if given_in is None and given_out is None:
        return None
    input_tokens, output_tokens = given_in or 0, given_out or 0
    details_in = shape.prompt_tokens_details or shape.input_tokens_details
    details_out = shape.completion_tokens_details or shape.output_tokens_details
    if details_in is None and details_out is None:
        return Usage(input_tokens, output_tokens)
    parts_in, parts_out = details_in or _NO_DETAILS, details_out or _NO_DETAILS
    cached_tokens = min(parts_in.cached_tokens or 0, input_tokens)
    return Usage(
        input_tokens,
        output_tokens,
        cached_tokens,
        min(parts_in.cache_write_tokens or 0, input_tokens - cached_tokens),
        min(parts_out.reasoning_tokens or 0, output_tokens),
        min(parts_in.audio_tokens or 0, input_tokens),
        min(parts_out.audio_tokens or 0, output_tokens),
    )


class _Details(msgspec.Struct, gc=False):
    cached_tokens: _Count = None
    cache_write_tokens: _Count = None
    reasoning_tokens: _Count = None
    audio_tokens: _Count = None


class _Shape(msgspec.Struct, gc=False):
    """Both families of names."""

    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens: _Count = None
    output_tokens: _Count = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


_NO_DETAILS = _Details()
_TOTALS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
_decode_shape = msgspec.json.Decoder(_Shape | None).decode


def _forgiving(body: msgspec.Raw | bytes) -> _Shape | None:
    """What is right of an object in which something is wrong; `None` if a total is."""
    try:
        given = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or any(_wrong(given.get(name)) for name in _TOTALS):
        return None
    right: dict[str, Any] = {name: given.get(name) for name in _TOTALS}
    for name, details in given.items():
        if name.endswith("_details") and isinstance(details, dict):
            right[name] = {part: count for part, count in details.items() if not _wrong(count)}
    return msgspec.convert(right, _Shape)


def _wrong(count: object) -> bool:
    """Whether it is neither a count nor null."""
    return count is not None and not (type(count) is int and 0 <= count <= MAX_TOKENS)
