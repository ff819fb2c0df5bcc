"""Token counts: every shape that servers send, and none that could falsify a cost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.wire.usage import MAX_TOKENS, Usage, decode
from tests.wire import texts


def usage(value: object) -> Usage | None:
    return decode(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(9, 4)),
        ({"input_tokens": 9, "output_tokens": 4}, Usage(9, 4)),
        ({"prompt_tokens": 9, "total_tokens": 9}, Usage(9, 0)),
        ({"completion_tokens": 4}, Usage(0, 4)),
        ({"prompt_tokens": 9, "completion_tokens": None, "prompt_tokens_details": None}, Usage(9, 0)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 10, "audio_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5, "text_tokens": 25},
            },
            Usage(100, 50, 64, 10, 20, 3, 5),
        ),
        (
            {
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 1},
                "output_tokens": 50,
                "output_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(100, 50, 64, 1, 20),
        ),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": None}}, Usage(9, 0)),
        ({"prompt_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 3}}, Usage(9, 0)),
    ],
)
def test_reads_the_shapes_of_all_operations(value: dict[str, object], expected: Usage) -> None:
    """Chat, completions, embeddings and responses, of OpenAI and of vLLM."""
    assert usage(value) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"3",
        b'"x"',
        b"{",
        b'{"total_tokens":3}',
        b'{"prompt_tokens":-1}',
        b'{"prompt_tokens":5,"completion_tokens":-1}',
        b'{"prompt_tokens":1.5}',
        b'{"prompt_tokens":"5"}',
        b'{"prompt_tokens":true}',
        b'{"prompt_tokens":%d}' % (MAX_TOKENS + 1),
        b'{"prompt_tokens":1e400}',
        b'{"prompt_tokens":%b}' % (b"9" * 5000),
        b'{"prompt_tokens":3,"a":%b}' % (b"[" * 100_000),
    ],
)
def test_what_is_no_count_is_absent(body: bytes) -> None:
    """Unknown is unknown: it is estimated then, and never zero."""
    assert decode(body) is None


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"cached_tokens": -5}, Usage(9, 4)),
        ({"cached_tokens": 1.5, "audio_tokens": 2}, Usage(9, 4, audio_input_tokens=2)),
        ({"cached_tokens": 100}, Usage(9, 4, cached_tokens=9)),
        ({"cached_tokens": 6, "cache_write_tokens": 6}, Usage(9, 4, cached_tokens=6, cache_write_tokens=3)),
        ("none", Usage(9, 4)),
        ([], Usage(9, 4)),
    ],
)
def test_a_wrong_part_does_not_spoil_the_whole(details: object, expected: Usage) -> None:
    """And a part never exceeds its whole, or a cached prompt would cost less than nothing."""
    assert usage({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": details}) == expected


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "prompt_tokens",
                "completion_tokens",
                "input_tokens",
                "output_tokens",
                "prompt_tokens_details",
                "completion_tokens_details",
                "input_tokens_details",
                "output_tokens_details",
            ]
        ),
        texts.values
        | st.integers(-5, 500)
        | st.dictionaries(
            st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens", "reasoning_tokens"]),
            texts.scalars | st.integers(-5, 500),
        ),
    )
)
def test_parts_are_never_larger_than_their_whole(value: dict[str, Any]) -> None:
    """The property that cost arithmetic stands on, for any object a server may send."""
    found = usage(value)

    if found is not None:
        assert 0 <= found.cached_tokens + found.cache_write_tokens <= found.input_tokens <= MAX_TOKENS
        assert 0 <= found.reasoning_tokens <= found.output_tokens <= MAX_TOKENS
        assert 0 <= found.audio_input_tokens <= found.input_tokens
        assert 0 <= found.audio_output_tokens <= found.output_tokens
