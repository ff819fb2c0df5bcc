"""A stream read afterwards says what the same answer would have said in one piece."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.wire.assemble import assemble
from offramp.wire.operation import Operation


def stream(*events: dict[str, Any] | bytes) -> bytes:
    """Events as a server sends them."""
    told = (event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events)
    return b"".join(b"data: %b\n\n" % one for one in told)


def delta(index: int = 0, finish: str | None = None, **fields: object) -> dict[str, Any]:
    """One chunk of a chat."""
    choice = {"index": index, "delta": fields, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], "usage": None}


def test_the_deltas_of_each_choice_are_joined() -> None:
    """With role, finish reason and usage where a whole answer has them."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    told = assemble(
        Operation.CHAT,
        stream(
            delta(role="assistant", content=""),
            delta(content="4"),
            delta(index=1, content="forty"),
            delta(content="2"),
            delta(finish="stop"),
            {"id": "c1", "choices": [], "usage": usage},
            b"[DONE]",
        ),
    )

    assert told == {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "usage": usage,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"},
            {"index": 1, "message": {"content": "forty"}},
        ],
    }


def test_tool_calls_are_joined_by_their_index() -> None:
    """Two calls at once come in turns."""
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    second = {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{"}}
    told = assemble(
        Operation.CHAT,
        stream(
            delta(tool_calls=[first]),
            delta(tool_calls=[second]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": '{"x"'}}]),
            delta(tool_calls=[{"index": 1, "function": {"arguments": "}"}}]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        ),
    )

    assert told is not None
    calls = told["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("a", {"name": "f", "arguments": '{"x": 1}'}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]


def test_completions_are_joined_as_text() -> None:
    """They have no messages."""
    told = assemble(Operation.COMPLETIONS, stream({"choices": [{"text": "4"}]}, {"choices": [{"text": "2"}]}))

    assert told == {"choices": [{"index": 0, "text": "42"}]}


def test_a_response_comes_whole_with_its_last_event() -> None:
    """A stream that broke before has at least its text."""
    begun = {"type": "response.created", "response": {"id": "r", "output": []}}
    words = [{"type": "response.output_text.delta", "delta": text} for text in ("4", "2")]
    whole = {"id": "r", "output": [{"type": "message"}]}

    ended = assemble(Operation.RESPONSES, stream(begun, *words, {"type": "response.completed", "response": whole}))
    broken = assemble(Operation.RESPONSES, stream(begun, *words))

    assert ended == whole
    assert broken == {"id": "r", "output": [], "output_text": "42"}


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES])
@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"data: [DONE]\n\n",
        b": comment\n\n",
        b"data: {\n\n",
        b"data: [1]\n\n",
        b"<html>",
    ],
)
def test_where_nothing_can_be_read_there_is_no_answer(operation: Operation, odd: bytes) -> None:
    """Rather none than an empty one."""
    assert assemble(operation, odd) is None


ODD = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "index", "tool_calls", "function", "arguments", "text", "response"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from([Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES]), st.lists(ODD, max_size=4))
def test_whatever_a_server_sends_can_be_read(operation: Operation, events: list[object]) -> None:
    """Odd shapes are passed over; what is left can be written as JSON."""
    told = assemble(operation, stream(*(msgspec.json.encode(event) for event in events)))

    msgspec.json.encode(told)
