"""The simulated vLLM answers as the real one does: every test that stands on the simulation stands on this."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import Engine, ask, simulate
from tests.real.vllm import CONTEXT_TOKENS, VLLM

pytestmark = pytest.mark.timeout(300)

Json = Any
CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"at": {"type": "string", "enum": ["a", "b"]}},
            "required": ["at"],
            "additionalProperties": False,
        },
    },
}

REFUSED = {
    "unknown model": ("POST", CHAT, BODY | {"model": "nope"}),
    "no messages": ("POST", CHAT, {"model": "tiny"}),
    "too long": ("POST", CHAT, BODY | {"messages": [{"role": "user", "content": "word " * 4000}]}),
    "too many tokens": ("POST", CHAT, BODY | {"max_tokens": 999_999}),
    "temperature": ("POST", CHAT, BODY | {"temperature": 9}),
    "unknown path": ("GET", "/v1/nope", None),
}
ANSWERED = {
    "chat": ("POST", CHAT, BODY),
    "several choices": ("POST", CHAT, BODY | {"n": 2}),
    "named tool": ("POST", CHAT, BODY | {"max_tokens": 200, "tools": [TOOL], "tool_choice": "required"}),
    "completion": ("POST", "/v1/completions", {"model": "tiny", "prompt": "Hello", "max_tokens": 4}),
    "response": ("POST", "/v1/responses", {"model": "tiny", "input": "Hello", "max_output_tokens": 16}),
    "models": ("GET", "/v1/models", None),
    "tokens": ("POST", "/tokenize", {"model": "tiny", "prompt": "Hello"}),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The simulation, with the same model name and context."""
    with simulate("vllm", "--model", "tiny", "--max-model-len", str(CONTEXT_TOKENS)) as engine:
        yield engine


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_has_the_same_form(vllm: VLLM, engine: Engine, case: str) -> None:
    """Status, type, param and code are what the gateway decides by."""
    method, path, body = REFUSED[case]

    assert _refusal(ask(method, engine.url + path, body)) == _refusal(ask(method, vllm.url + path, body))


@pytest.mark.parametrize("case", ANSWERED)
def test_an_answer_has_the_same_fields(vllm: VLLM, engine: Engine, case: str) -> None:
    """Fields of the same names and kinds, however deep; what they say may differ."""
    method, path, body = ANSWERED[case]
    simulated, real = ask(method, engine.url + path, body), ask(method, vllm.url + path, body)

    assert simulated[0] == real[0] == 200
    assert _shape(json.loads(simulated[1])) == _shape(json.loads(real[1]))


@pytest.mark.parametrize("usage", [False, True], ids=["without usage", "with usage"])
def test_a_stream_has_the_same_events(vllm: VLLM, engine: Engine, usage: bool) -> None:  # noqa: FBT001 - pytest names it
    """The role first and alone, then one event for each token, the usage apart, and `[DONE]`."""
    body = BODY | {"stream": True, "max_tokens": 6, "ignore_eos": True}
    body |= {"stream_options": {"include_usage": True}} if usage else {}

    assert _events(ask("POST", engine.url + CHAT, body)[1]) == _events(ask("POST", vllm.url + CHAT, body)[1])


def test_the_simulations_metrics_are_called_as_vllms(vllm: VLLM, engine: Engine) -> None:
    """A rule that watches the queue works on both."""
    simulated = _metric_names(ask("GET", f"{engine.url}/metrics")[1])

    assert "vllm:num_requests_running" in simulated
    assert simulated - _metric_names(ask("GET", f"{vllm.url}/metrics")[1]) == set()


def _refusal(answer: tuple[int, bytes]) -> tuple[int, dict[str, Any]]:
    """Status and error without its wording."""
    status, body = answer
    told = json.loads(body)
    return status, {name: value for name, value in told.get("error", told).items() if name != "message"}


def _shape(value: Json) -> Json:
    """Names and kinds of a JSON value; of a list, what its first entry is."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _events(stream: bytes) -> list[Any]:
    """The shapes of a stream's events; equal ones that follow each other count once."""
    shapes: list[Any] = []
    for line in stream.decode().split("\n\n"):
        told = line.removeprefix("data: ")
        shape = told if told in {"", "[DONE]"} else _shape(json.loads(told))
        if not shapes or shapes[-1] != shape:
            shapes.append(shape)
    return shapes


def _metric_names(text: bytes) -> set[str]:
    lines = text.decode().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE vllm:")}
