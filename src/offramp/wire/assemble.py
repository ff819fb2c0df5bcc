"""Assemble: the whole answer that an event stream amounts to, as if it had not been streamed. Pure.

For whoever reads answers later (captures, comparisons), never on the request path. Deltas are joined as OpenAI's own
client does it: texts are appended, tool calls by their `index`, everything else is the last that was said.
"""

from typing import Any

import msgspec

from offramp.wire import sse
from offramp.wire.operation import Operation

_JOINED = ("content", "reasoning", "reasoning_content", "refusal")


def assemble(operation: Operation, stream: bytes) -> dict[str, Any] | None:
    """The answer of a stream, as far as it came; `None` where no event of it can be read.

    Args:
        operation: Chat, completions or responses.
        stream: The event stream as it was sent; it may be cut off anywhere.
    """
    events = [told for event in sse.split(stream) if isinstance(told := _read(event), dict)]
    if operation is Operation.RESPONSES:
        return _response(events)
    answer: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        for choice in _dicts(event.get("choices")):
            _add(choices.setdefault(_index(choice), {"index": _index(choice)}), choice)
        answer |= {name: value for name, value in event.items() if name != "choices" and value is not None}
    if not events:
        return None
    if "object" in answer:
        answer["object"] = str(answer["object"]).removesuffix(".chunk")
    return {**answer, "choices": [choices[index] for index in sorted(choices)]}


def _read(event: bytes) -> object:
    told = sse.data_of(event)
    if told is None or told == b"[DONE]":
        return None
    try:
        return msgspec.json.decode(told)
    except (ValueError, RecursionError):
        return None


def _response(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The last event that carries the whole response; before it, the text that came."""
    text = "".join(event["delta"] for event in events if isinstance(event.get("delta"), str))
    for event in reversed(events):
        response = event.get("response")
        if isinstance(response, dict):
            return response if response.get("output") else {**response, "output_text": text}
    return {"output_text": text} if events else None


def _add(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    delta = piece.get("delta")
    if isinstance(delta, dict):
        _join(choice.setdefault("message", {}), delta)
    if isinstance(piece.get("text"), str):
        choice["text"] = choice.get("text", "") + piece["text"]
    if piece.get("finish_reason") is not None:
        choice["finish_reason"] = piece["finish_reason"]


def _join(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            calls = message.setdefault("tool_calls", [])
            for piece in _dicts(value):
                _call(calls, piece)
        elif name in _JOINED and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value


def _call(calls: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    """A piece of a tool call: a new index begins one, another piece of it appends to its arguments."""
    found = next((call for call in calls if call["index"] == _index(piece)), None)
    if found is None:
        found = {"index": _index(piece), "function": {"name": "", "arguments": ""}}
        calls.append(found)
    function = piece.get("function")
    if isinstance(function, dict):
        for name in ("name", "arguments"):
            if isinstance(function.get(name), str):
                found["function"][name] += function[name]
    found |= {name: value for name, value in piece.items() if name not in ("index", "function") and value}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _index(piece: dict[str, Any]) -> int:
    index = piece.get("index")
    return index if isinstance(index, int) else 0
