"""Errors: every server's shape read, OpenAI's written, and what they mean for routing."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.wire import sse
from offramp.wire.envelope import (
    ErrorFacts,
    encode,
    error_event,
    is_context_overflow,
    is_unknown_model,
    is_unsupported,
    normalise,
    read,
)
from offramp.wire.operation import Operation
from tests.wire import texts


def error(**fields: object) -> bytes:
    return json.dumps({"error": fields}).encode()


OPENAI_OVERFLOW = error(
    message="This model's maximum context length is 128000 tokens. However, your messages resulted in 130012 tokens.",
    type="invalid_request_error",
    param="messages",
    code="context_length_exceeded",
)
VLLM_OVERFLOW = error(
    message="This model's maximum context length is 1024 tokens. However, you requested 5000 output tokens.",
    type="BadRequestError",
    param="input_tokens",
    code=400,
)
VLLM_UNKNOWN = error(message="The model `nope` does not exist.", type="NotFoundError", param="model", code=404)
FASTAPI_404 = b'{"detail":"Not Found"}'


def test_writes_openais_shape() -> None:
    """All four fields are there, also where they are null."""
    assert json.loads(encode(message="x", type="t")) == {
        "error": {"message": "x", "type": "t", "param": None, "code": None}
    }
    assert json.loads(encode(message="a\ud800b", type="t", param="p", code="c")) == {
        "error": {"message": "a?b", "type": "t", "param": "p", "code": "c"}
    }


def test_writes_the_event_that_chat_clients_raise_on() -> None:
    """A data object with `error`."""
    event = error_event(Operation.CHAT, message="cut\noff", type="api_error", code="broken")

    assert sse.split(event) == [event]
    assert json.loads(sse.data_of(event) or b"") == {
        "error": {"message": "cut\noff", "type": "api_error", "param": None, "code": "broken"}
    }


def test_writes_the_event_that_clients_of_responses_raise_on() -> None:
    """An event of its own, numbered like the others."""
    event = error_event(Operation.RESPONSES, message="x", type="api_error", code=None, sequence_number=7)

    assert sse.name_of(event) == "error"
    assert json.loads(sse.data_of(event) or b"") == {
        "type": "error",
        "code": None,
        "message": "x",
        "param": None,
        "sequence_number": 7,
    }


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (error(message="x", type="t", param="p", code="c"), ErrorFacts("x", "t", "p", "c")),
        (error(message="x", type=None, param=None, code=400), ErrorFacts("x")),
        (b'{"error":"boom"}', ErrorFacts("boom")),
        (b'{"object":"error","message":"x","type":"t","param":null,"code":404}', ErrorFacts("x", "t")),
        (b'{"message":"Forbidden"}', ErrorFacts("Forbidden")),
        (FASTAPI_404, ErrorFacts("Not Found")),
        (b'{"detail":{"message":"x","code":"c"}}', ErrorFacts("x", code="c")),
        (b'"boom"', ErrorFacts("boom")),
        (
            b'{"detail":[{"loc":["body","messages",0,"role"],"msg":"Field required","type":"missing"},{"msg":"y"}]}',
            ErrorFacts("messages.0.role: Field required; y", "", "messages.0.role"),
        ),
        (b'{"detail":["x",{"loc":["body"]},{"loc":3,"msg":"y"}]}', ErrorFacts("y")),
        (b'{"detail":["x"]}', ErrorFacts("The request is invalid.")),
        (b'{"detail":[]}', ErrorFacts("The request is invalid.")),
        (b'{"error":{}}', None),
        (b'{"error":{"code":"c"}}', None),
        (b'{"error":{"message":3}}', None),
        (b'{"error":[1]}', None),
        (b'{"detail":""}', None),
        (b"{}", None),
        (b"[]", None),
        (b"3", None),
        (b"", None),
        (b"<html>", None),
        (b'{"error":{"message":"\xff"}}', None),
        (b"[" * 100_000, None),
        (b'{"error":' * 200 + b"1" + b"}" * 200, None),
    ],
)
def test_reads_every_servers_shape(body: bytes, facts: ErrorFacts | None) -> None:
    """OpenAI, vLLM old and new, FastAPI, Azure, cloud load balancers."""
    assert read(body) == facts


def test_what_is_read_is_bounded() -> None:
    """A validation error may repeat the whole prompt."""
    facts = read(error(message="m" * 9000, type="t" * 9000, param="p" * 9000, code="c" * 9000))

    assert facts is not None
    assert [len(text or "") for text in (facts.message, facts.type, facts.param, facts.code)] == [2000, 128, 128, 128]


@pytest.mark.parametrize(
    "body",
    [
        OPENAI_OVERFLOW,
        b'{ "error" : {"message":"x","type":"t","param":null,"code":null,"innererror":{"code":"z"}} }',
        b'{"error":{"message":"x","type":"t"}}',
    ],
)
def test_what_is_right_already_stays_as_it_is(body: bytes) -> None:
    """Byte for byte."""
    assert normalise(body, 400) is body


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (VLLM_UNKNOWN, 404, ("The model `nope` does not exist.", "NotFoundError", "model", "model_not_found")),
        (VLLM_OVERFLOW, 400, (..., "BadRequestError", "input_tokens", "context_length_exceeded")),
        (error(message="1 validation error", type="Bad Request", param=None, code=400), 400, (..., ..., None, None)),
        (error(message="busy", type="ServiceUnavailable", param=None, code=503), 503, ("busy", ..., None, None)),
        (error(message="slow down", type=None, code=429), 429, (..., "rate_limit_error", None, "rate_limit_exceeded")),
        (error(message="who?", code=401), 401, ("who?", "authentication_error", None, "invalid_api_key")),
        (
            error(message="x", code="DeploymentNotFound"),
            404,
            ("x", "invalid_request_error", None, "DeploymentNotFound"),
        ),
        (FASTAPI_404, 404, ("Not Found", "invalid_request_error", None, "unknown_url")),
        (b'{"detail":"Method Not Allowed"}', 405, (..., "invalid_request_error", None, "unknown_url")),
        (b'{"detail":[{"loc":["body","n"],"msg":"bad"}]}', 422, ("n: bad", "invalid_request_error", "n", None)),
        (b'{"message":"Forbidden"}', 403, ("Forbidden", "permission_error", None, None)),
        (
            b'{"object":"error","message":"x","type":"NotFoundError","param":null,"code":404}',
            404,
            ("x", ..., None, None),
        ),
        (b'"boom"', 500, ("boom", "server_error", None, None)),
        (b'{"error":"boom"}', 500, ("boom", "server_error", None, None)),
        (b"", 502, ("The upstream answered 502.", "server_error", None, None)),
        (b"{}", 500, ("The upstream answered 500.", "server_error", None, None)),
        (b'{"error":', 500, ("The upstream answered 500.", "server_error", None, None)),
        (b"<html><h1>502</h1></html>", 502, ("The upstream answered 502.", "server_error", None, None)),
        (b"\xff\xfe", 500, ("The upstream answered 500.", "server_error", None, None)),
        (b"a\x1b[31mb", 500, ("The upstream answered 500.", "server_error", None, None)),
        (b"no healthy upstream\n", 503, ("The upstream answered 503: no healthy upstream", ..., None, None)),
        (b"x" * 9000, 503, ("The upstream answered 503: " + "x" * 200, ..., None, None)),
        (b"<html>nginx</html>", 404, ("The upstream answered 404.", "invalid_request_error", None, "unknown_url")),
        (b"[" * 100_000, 500, ("The upstream answered 500.", "server_error", None, None)),
    ],
)
def test_any_body_becomes_openais_shape(body: bytes, status: int, expected: tuple[object, ...]) -> None:
    """So that a client's error handling works whoever answered."""
    shown = json.loads(normalise(body, status))["error"]
    found = (shown["message"], shown["type"], shown["param"], shown["code"])

    assert all(wanted in (..., value) for wanted, value in zip(expected, found, strict=True)), found


def test_fields_beside_the_four_survive() -> None:
    """Some servers say more, and some clients read it."""
    body = b'{"error":{"message":"x","code":400,"hint":"y"},"request_id":"r"}'

    assert json.loads(normalise(body, 400)) == {
        "error": {"message": "x", "code": None, "hint": "y", "type": "invalid_request_error", "param": None},
        "request_id": "r",
    }


def test_every_depth_of_nesting_ends_in_an_error_body() -> None:
    """At some depth a body can no longer be read; no depth is read but not written."""
    for depth in range(1, sys.getrecursionlimit()):
        body = b'{"error":{"message":"x","code":400},"a":' + b"[" * depth + b"]" * depth + b"}"

        assert normalise(body, 400).startswith(b'{"error":{"message":')


@given(st.binary(max_size=50) | texts.values.map(lambda value: json.dumps(value).encode()), st.integers(400, 599))
def test_whatever_an_upstream_sends_the_client_gets_an_error_it_can_read(body: bytes, status: int) -> None:
    """A text as message and type, a text or null as param and code."""
    shown = json.loads(normalise(body, status))["error"]

    assert isinstance(shown["message"], str)
    assert isinstance(shown["type"], str)
    assert isinstance(shown["param"], str | None)
    assert isinstance(shown["code"], str | None)


@pytest.mark.parametrize(
    ("message", "code", "expected"),
    [
        ("x", "context_length_exceeded", True),
        ("This model's maximum context length is 1024 tokens", None, True),
        ("The decoder prompt is longer than the maximum model length of 1024.", None, True),
        ("Your input exceeds the context window of this model.", None, True),
        ("the request exceeds the available context size", None, True),
        ("x", "model_not_found", False),
        ("temperature must be at most 2", None, False),
    ],
)
def test_knows_a_prompt_that_is_too_long(message: str, code: str | None, *, expected: bool) -> None:
    """A tier with a longer context may answer it."""
    assert is_context_overflow(ErrorFacts(message, code=code)) is expected


@pytest.mark.parametrize(
    ("facts", "status", "expected"),
    [
        (read(VLLM_UNKNOWN), 404, True),
        (ErrorFacts("The model 'x' does not exist or you do not have access to it."), 404, True),
        (ErrorFacts('model "x" not found, try pulling it first'), 404, True),
        (ErrorFacts("x", code="model_not_found"), 400, True),
        (ErrorFacts("x", code="DeploymentNotFound"), 404, True),
        (ErrorFacts("The model does not exist."), 500, False),
        (ErrorFacts("Not Found"), 404, False),
        (None, 404, False),
    ],
)
def test_knows_an_unknown_model(facts: ErrorFacts | None, status: int, *, expected: bool) -> None:
    """The upstream is fine, it only lacks this model."""
    assert is_unknown_model(facts, status) is expected


@pytest.mark.parametrize(
    ("facts", "status", "expected"),
    [
        (read(FASTAPI_404), 404, True),
        (ErrorFacts("Invalid URL (POST /v1/responses)"), 404, True),
        (ErrorFacts("Resource not found", code="404"), 404, True),
        (ErrorFacts("x", code="unknown_url"), 404, True),
        (None, 404, True),
        (ErrorFacts("Method Not Allowed"), 405, True),
        (None, 501, True),
        (read(VLLM_UNKNOWN), 404, False),
        (ErrorFacts("Not found", code="response_not_found"), 404, False),
        (ErrorFacts("Not Found"), 400, False),
        (None, 500, False),
    ],
)
def test_knows_an_operation_that_the_upstream_does_not_have(
    facts: ErrorFacts | None, status: int, *, expected: bool
) -> None:
    """A model server without embeddings is no failing server."""
    assert is_unsupported(facts, status) is expected


def test_no_facts_are_no_overflow() -> None:
    """An unreadable body says nothing."""
    assert not is_context_overflow(None)
