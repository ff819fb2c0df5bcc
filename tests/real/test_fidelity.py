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
BODY: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 4,
}
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

NAMED = {"type": "function", "function": {"name": "look"}}
CALLED: dict[str, Any] = {"tools": [TOOL], "tool_choice": NAMED, "max_tokens": 200}
RESPONSE: dict[str, Any] = {"model": "tiny", "input": "Hello", "max_output_tokens": 16}
COMPLETION: dict[str, Any] = {"model": "tiny", "prompt": "Hello", "max_tokens": 4}
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}

# Not compared: /v1/embeddings. A vLLM serves either text or vectors; the simulation stands for both kinds.
REFUSED = {
    "unknown model": ("POST", CHAT, BODY | {"model": "nope"}),
    "no messages": ("POST", CHAT, {"model": "tiny"}),
    "messages of another kind": ("POST", CHAT, BODY | {"messages": "Hello"}),
    "far too long": ("POST", CHAT, BODY | {"messages": [{"role": "user", "content": "word " * 4000}]}),
    "too long": ("POST", CHAT, BODY | {"messages": [{"role": "user", "content": "word " * 1200}]}),
    "too many tokens": ("POST", CHAT, BODY | {"max_tokens": 999_999}),
    "too many tokens of a response": ("POST", "/v1/responses", RESPONSE | {"max_output_tokens": 999_999}),
    "no tokens": ("POST", CHAT, BODY | {"max_tokens": 0}),
    "temperature": ("POST", CHAT, BODY | {"temperature": 9}),
    "temperature of another kind": ("POST", CHAT, BODY | {"temperature": "warm"}),
    "share": ("POST", CHAT, BODY | {"top_p": 2}),
    "a required tool where none is": ("POST", CHAT, BODY | {"tool_choice": "required"}),
    "a tool that is not there": (
        "POST",
        CHAT,
        BODY | {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "nope"}}},
    ),
    "unknown response": ("GET", "/v1/responses/resp_none", None),
    "unknown response before": ("POST", "/v1/responses", RESPONSE | {"previous_response_id": "resp_none"}),
    "unknown path": ("GET", "/v1/nope", None),
    "wrong method": ("GET", CHAT, None),
}
ANSWERED = {
    "chat": ("POST", CHAT, BODY),
    "as many tokens as the context has": ("POST", CHAT, BODY | {"max_tokens": CONTEXT_TOKENS}),
    "several choices": ("POST", CHAT, BODY | {"n": 2}),
    "log probabilities": ("POST", CHAT, BODY | {"logprobs": True, "top_logprobs": 2}),
    "tool": ("POST", CHAT, BODY | CALLED),
    "completion": ("POST", "/v1/completions", COMPLETION),
    "response": ("POST", "/v1/responses", RESPONSE),
    "models": ("GET", "/v1/models", None),
    "tokens": ("POST", "/tokenize", {"model": "tiny", "prompt": "Hello"}),
}
STREAMED = {
    "chat": (CHAT, BODY | {"ignore_eos": True}),
    "chat with usage": (CHAT, BODY | USAGE | {"ignore_eos": True}),
    "tool": (CHAT, BODY | CALLED),
    "completion": ("/v1/completions", COMPLETION | {"ignore_eos": True}),
    "completion with usage": ("/v1/completions", COMPLETION | USAGE | {"ignore_eos": True}),
    "response": ("/v1/responses", RESPONSE),
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


@pytest.mark.parametrize("case", STREAMED)
def test_a_stream_has_the_same_events(vllm: VLLM, engine: Engine, case: str) -> None:
    """Events of the same forms in the same order, however often the one for a token comes."""
    path, body = STREAMED[case]
    body = body | {"stream": True}
    simulated = _events(ask("POST", engine.url + path, body)[1])

    # A random model may lose itself in white space until the limit cuts its call, which is another ending.
    assert any(simulated == _events(ask("POST", vllm.url + path, body | {"seed": seed})[1]) for seed in range(5))


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
        # A random model also says tokens without any bytes.
        return {name: _shape(inner) for name, inner in sorted(value.items()) if name != "bytes"}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _events(stream: bytes) -> list[Any]:
    """The shapes of a stream's events with their names; equal ones that follow each other count once."""
    shapes: list[Any] = []
    for event in stream.decode().split("\n\n"):
        name, _, told = event.rpartition("data: ")
        shape = (name, told if told in {"", "[DONE]"} else _shape(json.loads(told)))
        if not shapes or shapes[-1] != shape:
            shapes.append(shape)
    return shapes


def _metric_names(text: bytes) -> set[str]:
    lines = text.decode().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE vllm:")}
