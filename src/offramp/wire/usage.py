"""Token counts of an answer, from the shapes that chat, completions, embeddings and responses give them. Pure."""

from typing import Any

import msgspec

MAX_TOKENS = 1 << 40
"""No answer has more tokens than this; a larger count is a broken upstream and is read as absent."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Token counts of one answer, in inclusive buckets: every other count is part of `input_tokens` or `output_tokens`."""

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
        return None
    if shape is None:
        return None
    total_in = shape.prompt_tokens if shape.input_tokens is None else shape.input_tokens
    total_out = shape.completion_tokens if shape.output_tokens is None else shape.output_tokens
    if total_in is None and total_out is None:
        return None
    input_tokens = 0 if total_in is None else _count(total_in)
    output_tokens = 0 if total_out is None else _count(total_out)
    if input_tokens < 0 or output_tokens < 0:
        return None
    details_in = shape.prompt_tokens_details or shape.input_tokens_details
    details_out = shape.completion_tokens_details or shape.output_tokens_details
    if not details_in and not details_out:
        return Usage(input_tokens, output_tokens)
    cached_tokens = _part(details_in, "cached_tokens", input_tokens)
    return Usage(
        input_tokens,
        output_tokens,
        cached_tokens,
        _part(details_in, "cache_write_tokens", input_tokens - cached_tokens),
        _part(details_out, "reasoning_tokens", output_tokens),
        _part(details_in, "audio_tokens", input_tokens),
        _part(details_out, "audio_tokens", output_tokens),
    )


class _Shape(msgspec.Struct, gc=False):
    """Both families of names. Values are read as they come, because servers send floats, strings and null."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    prompt_tokens_details: Any = None
    completion_tokens_details: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    input_tokens_details: Any = None
    output_tokens_details: Any = None


_decode_shape = msgspec.json.Decoder(_Shape | None).decode


def _count(value: object) -> int:
    """The count, or -1 where it is not one."""
    if type(value) is int and 0 <= value <= MAX_TOKENS:
        return value
    return -1


def _part(details: object, name: str, whole: int) -> int:
    """One detail, between 0 and `whole`."""
    if not isinstance(details, dict):
        return 0
    return min(max(_count(details.get(name)), 0), whole)
