"""Which features a request uses: one row for each way of using one, and for each way that only looks like it."""

import json

import pytest

from offramp.wire import uses
from offramp.wire.features import Feature, names
from offramp.wire.operation import Operation
from offramp.wire.request import decode

CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "4"}


def part(kind: str) -> dict[str, object]:
    """A message with a text and another part."""
    return {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": kind}]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"stream": True}, ["streaming"]),
        ({"stream": False, "stream_options": {"include_usage": True}}, []),
        ({"stream": True, "stream_options": {"include_usage": True}}, ["streaming", "usage_asked"]),
        ({"stream": True, "stream_options": {"include_usage": False}}, ["streaming"]),
        ({"stream": True, "stream_options": None}, ["streaming"]),
        ({"n": 2}, ["n"]),
        ({"n": 1}, []),
        ({"seed": 0}, ["seed"]),
        ({"stop": "x"}, ["stop"]),
        ({"stop": ["x"]}, ["stop"]),
        ({"stop": None}, []),
        ({"logprobs": True}, ["logprobs"]),
        ({"logprobs": False}, []),
        ({"top_logprobs": 3}, ["logprobs"]),
        ({"logit_bias": {"5": 1}}, ["logit_bias"]),
        ({"logit_bias": {}}, []),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, ["tools"]),
        ({"tools": []}, []),
        ({"functions": [{"name": "f"}]}, ["tools"]),
        ({"parallel_tool_calls": False}, ["parallel_tool_calls"]),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, ["structured_output"]),
        ({"response_format": {"type": "json_object"}}, ["json_mode"]),
        ({"response_format": {"type": "text"}}, []),
        ({"response_format": {"type": ["x"]}}, []),
        ({"structured_outputs": {"regex": "a"}}, ["structured_output"]),
        ({"guided_json": {}}, ["structured_output"]),
        ({"reasoning_effort": "low"}, ["reasoning"]),
        ({"reasoning": {"effort": "low"}}, ["reasoning"]),
        ({"prediction": {"type": "content", "content": "x"}}, ["prediction"]),
        ({"web_search_options": {}}, ["web_search"]),
        ({"store": True}, ["store"]),
        ({"store": False}, []),
        ({"audio": {"voice": "x"}}, ["audio"]),
        ({"modalities": ["text", "audio"]}, ["audio"]),
        ({"modalities": ["text"]}, []),
        ({"messages": [part("image_url")]}, ["vision"]),
        ({"messages": [part("video_url")]}, ["vision"]),
        ({"messages": [part("input_audio")]}, ["audio"]),
        ({"messages": [part("file")]}, ["files"]),
        ({"messages": [part("text")]}, []),
        ({"messages": [{"role": "user", "content": ["text", {"type": {}}, {}]}]}, []),
        ({"messages": [{"role": "user", "content": '[{"type": "image_url"}]'}]}, []),
        ({"messages": [CALL, RESULT]}, ["tool_history"]),
        ({"messages": [CALL]}, ["tool_history"]),
        ({"messages": [RESULT], "stop": ["x"]}, ["stop", "tool_history"]),
        ({"messages": [{**CALL, "tool_calls": []}]}, []),
        (
            {"messages": [{"role": "assistant", "function_call": {"name": "f"}}], "functions": [{"name": "f"}]},
            ["tools", "tool_history"],
        ),
    ],
)
def test_a_chat_uses(fields: dict[str, object], expected: list[str]) -> None:
    """Tiers that lack one of these are left out."""
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}

    assert names(decode(Operation.CHAT, json.dumps(body).encode()).features) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"stream": True}, ["streaming"]),
        ({"logprobs": 0}, ["logprobs"]),
        ({"best_of": 3}, ["n"]),
        ({"best_of": 1}, []),
        ({"logit_bias": {"1": 2}}, ["logit_bias"]),
    ],
)
def test_a_completion_uses(fields: dict[str, object], expected: list[str]) -> None:
    """`logprobs` is a number here, and 0 asks for them."""
    body = {"model": "m", "prompt": "x", **fields}

    assert names(decode(Operation.COMPLETIONS, json.dumps(body).encode()).features) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"stream": True}, ["streaming"]),
        ({"tools": [{"type": "function", "name": "f"}]}, ["tools"]),
        ({"tools": [{"type": "web_search_preview"}]}, ["tools", "web_search"]),
        ({"tools": [{"type": "file_search"}, {}]}, ["tools", "files"]),
        ({"top_logprobs": 2}, ["logprobs"]),
        ({"parallel_tool_calls": True}, ["parallel_tool_calls"]),
        ({"reasoning": {}}, ["reasoning"]),
        ({"store": True}, ["store"]),
        ({"previous_response_id": "r"}, ["previous_response"]),
        ({"conversation": {"id": "c"}}, ["previous_response"]),
        ({"text": {"format": {"type": "json_schema"}}}, ["structured_output"]),
        ({"text": {"format": {"type": "json_object"}}}, ["json_mode"]),
        ({"input": [part("input_image")]}, ["vision"]),
        ({"input": [{"type": "message", **part("input_file")}]}, ["files"]),
        ({"input": [{"type": "input_image"}]}, ["vision"]),
        ({"input": [{"type": "function_call"}]}, ["tool_history"]),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, ["tool_history"]),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]},
            ["vision", "tool_history"],
        ),
        (
            {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}]},
            ["vision", "tool_history"],
        ),
        ({"input": [{"type": "reasoning"}, {"type": 3}]}, []),
    ],
)
def test_a_response_uses(fields: dict[str, object], expected: list[str]) -> None:
    """The Responses API has calls and results as items of their own."""
    body = {"model": "m", "input": "x", **fields}

    assert names(decode(Operation.RESPONSES, json.dumps(body).encode()).features) == expected


def test_the_numbers_are_those_of_the_ledger() -> None:
    """They are copied for speed, and must stay the same."""
    copied = {name: value for name, value in vars(uses).items() if name.isupper() and not name.startswith("_")}

    assert copied == {feature.name: feature.value for feature in Feature}
