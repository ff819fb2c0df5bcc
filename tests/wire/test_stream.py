"""Events of answers: which kind each is, and what it says for the ledger."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.wire.envelope import ErrorFacts
from offramp.wire.operation import Operation
from offramp.wire.stream import DONE_EVENT, NOTABLE, Kind, StreamEvent, is_notable, read_event
from offramp.wire.usage import Usage
from tests.wire import texts

CHAT, COMPLETIONS, RESPONSES = Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES
NO_MESSAGE = "The upstream sent an error without a message."


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def delta(**fields: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": None}], "usage": None})


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (delta(role="assistant"), Kind.ROLE),
        (delta(role="assistant", content="", refusal=None, tool_calls=[], function_call=None), Kind.ROLE),
        (delta(), Kind.ROLE),
        (event({"choices": [{"delta": None}]}), Kind.ROLE),
        (event({"choices": [{}]}), Kind.ROLE),
        (event({"choices": [{"finish_reason": ""}]}), Kind.ROLE),
        (event({"choices": [{"finish_reason": 3}]}), Kind.ROLE),
        (event({"choices": [], "prompt_filter_results": []}), Kind.ROLE),
        (event({"choices": [], "usage": None}), Kind.ROLE),
        (delta(content="Hi"), Kind.CONTENT),
        (delta(content=" "), Kind.CONTENT),
        (delta(content=[{"type": "text", "text": "Hi"}]), Kind.CONTENT),
        (delta(reasoning="hm"), Kind.CONTENT),
        (delta(reasoning_content="hm", content=None), Kind.CONTENT),
        (delta(reasoning_details=[{"text": "hm"}]), Kind.CONTENT),
        (delta(refusal="No."), Kind.CONTENT),
        (delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]), Kind.CONTENT),
        (delta(function_call={"name": "f"}), Kind.CONTENT),
        (delta(audio={"data": "AA=="}), Kind.CONTENT),
        (delta(images=[{"image_url": {}}]), Kind.CONTENT),
        (event({"choices": [{"delta": {}}, {"delta": {"content": "x"}}]}), Kind.CONTENT),
        (event({"choices": [{"delta": {}, "finish_reason": "stop"}]}), Kind.FINISH),
        (event({"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]}), Kind.FINISH),
        (event({"choices": [{"delta": {"content": "!"}, "finish_reason": "stop"}]}), Kind.CONTENT),
        (event({"choices": [], "usage": {"prompt_tokens": 1}}), Kind.USAGE),
        (event({"usage": {"prompt_tokens": 1}}), Kind.USAGE),
        (event({"choices": None, "usage": {"prompt_tokens": 1}}), Kind.USAGE),
        (event({"choices": [{"delta": {"content": "x"}}], "usage": {"prompt_tokens": 1}}), Kind.CONTENT),
        (event({"error": {"message": "x"}}), Kind.ERROR),
        (DONE_EVENT, Kind.DONE),
        (b"data:[DONE]\r\n\r\n", Kind.DONE),
        (b"data: [DONE] \n\n", Kind.DONE),
        (b": keep-alive\n\n", Kind.OTHER),
        (b"event: ping\n\n", Kind.OTHER),
        (b"data: \n\n", Kind.OTHER),
        (b"data: ping\n\n", Kind.OTHER),
        (b"data: [1]\n\n", Kind.OTHER),
        (event({"choices": ["x"]}), Kind.OTHER),
        (event({"choices": {}}), Kind.OTHER),
        (event({"choices": [{"delta": "x"}]}), Kind.OTHER),
        (event({"detail": "Not Found"}), Kind.OTHER),
        (b'data: {"choices":' + b"[" * 100_000 + b"\n\n", Kind.OTHER),
        (b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', Kind.OTHER),
    ],
)
def test_a_chunk_of_a_chat_is(sent: bytes, kind: Kind) -> None:
    """The relay commits at content, holds back a role, and takes out the usage that only we asked for."""
    assert read_event(CHAT, sent).kind is kind


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (event({"choices": [{"text": "Hi", "finish_reason": None}]}), Kind.CONTENT),
        (event({"choices": [{"text": "", "finish_reason": "length"}]}), Kind.FINISH),
        (event({"choices": [{"text": "", "logprobs": None}]}), Kind.ROLE),
        (event({"choices": [], "usage": {"prompt_tokens": 1}}), Kind.USAGE),
    ],
)
def test_a_chunk_of_a_completion_is(sent: bytes, kind: Kind) -> None:
    """Text stands where chat has a delta."""
    assert read_event(COMPLETIONS, sent).kind is kind


def response(name: str, **fields: object) -> bytes:
    return f"event: {name}\n".encode() + event({"type": name, "sequence_number": 3, **fields})


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (response("response.created", response={"id": "resp_1", "usage": None}), Kind.ROLE),
        (response("response.in_progress", response={}), Kind.ROLE),
        (response("response.output_item.added", item={"type": "message"}), Kind.ROLE),
        (response("response.content_part.added"), Kind.ROLE),
        (response("response.output_text.delta", delta="Hi"), Kind.CONTENT),
        (response("response.refusal.delta", delta="No"), Kind.CONTENT),
        (response("response.function_call_arguments.delta", delta="{"), Kind.CONTENT),
        (response("response.reasoning_text.delta", delta="hm"), Kind.CONTENT),
        (response("response.reasoning_summary_text.delta", delta="hm"), Kind.CONTENT),
        (response("response.audio.delta", delta="AA=="), Kind.CONTENT),
        (response("response.image_generation_call.partial_image"), Kind.CONTENT),
        (response("response.output_item.done", item={"type": "function_call"}), Kind.CONTENT),
        (response("response.output_text.done", text="Hi"), Kind.ROLE),
        (response("response.completed", response={}), Kind.DONE),
        (response("response.incomplete", response={}), Kind.DONE),
        (response("response.failed", response={"error": {"code": "server_error", "message": "x"}}), Kind.ERROR),
        (response("error", message="x"), Kind.ERROR),
        (event({"error": {"message": "x"}}), Kind.ERROR),
        (event({"type": "ping"}), Kind.OTHER),
        (event({}), Kind.OTHER),
        (DONE_EVENT, Kind.DONE),
        (b": keep-alive\n\n", Kind.OTHER),
        (event({"type": 3}), Kind.OTHER),
    ],
)
def test_an_event_of_a_response_is(sent: bytes, kind: Kind) -> None:
    """Its end is an event with the whole response, not `[DONE]`."""
    assert read_event(RESPONSES, sent).kind is kind


def test_a_chunk_says_what_settling_needs() -> None:
    """Usage may come with content (vLLM's continuous usage), with the reason, or alone."""
    sent = event(
        {
            "id": "chatcmpl-1",
            "model": "gpt-4o",
            "service_tier": "default",
            "choices": [{"delta": {"content": "!"}, "finish_reason": "stop"}, {"finish_reason": "length"}, {}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        }
    )

    assert read_event(CHAT, sent) == StreamEvent(
        kind=Kind.CONTENT,
        usage=Usage(3, 1),
        finish_reason="stop",
        model="gpt-4o",
        service_tier="default",
        response_id="chatcmpl-1",
        finishes=2,
    )


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("response.completed", {"status": "completed"}, "completed"),
        ("response.incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "max_output_tokens"),
        ("response.incomplete", {"status": "incomplete", "incomplete_details": {"reason": 3}}, "incomplete"),
    ],
)
def test_the_end_of_a_response_says_what_settling_needs(name: str, fields: dict[str, object], reason: str) -> None:
    """It is the only event that carries the usage."""
    whole = {"id": "resp_1", "model": "m", "service_tier": "flex", "usage": {"input_tokens": 3, "output_tokens": 2}}

    assert read_event(RESPONSES, response(name, response={**whole, **fields})) == StreamEvent(
        Kind.DONE, Usage(3, 2), reason, "m", "flex", None, "resp_1", 1
    )


def test_the_beginning_of_a_response_tells_its_id() -> None:
    """A chain sticks to the upstream that holds it, also when the client leaves early."""
    begun = read_event(RESPONSES, response("response.created", response={"id": "resp_1", "model": "m"}))

    assert begun == StreamEvent(Kind.ROLE, model="m", response_id="resp_1")


@pytest.mark.parametrize(
    ("operation", "sent", "facts"),
    [
        (CHAT, event({"error": {"message": "x", "type": "t", "code": 503}}), ErrorFacts("x", "t")),
        (CHAT, event({"error": "boom"}), ErrorFacts("boom")),
        (CHAT, event({"error": {"code": "c"}}), ErrorFacts(NO_MESSAGE)),
        (CHAT, event({"object": "error", "message": "x", "type": "BadRequestError", "code": 400}),
         ErrorFacts("x", "BadRequestError")),
        (CHAT, event({"object": "error"}), ErrorFacts(NO_MESSAGE)),
        (RESPONSES, response("error", message="x", code="c", param="p"), ErrorFacts("x", "", "p", "c")),
        (RESPONSES, response("error", error={"message": "x", "type": "t"}), ErrorFacts("x", "t")),
        (RESPONSES, response("response.failed", response={"error": {"message": "x", "code": "c"}}),
         ErrorFacts("x", code="c")),
        (RESPONSES, response("response.failed"), ErrorFacts(NO_MESSAGE)),
    ],
)  # fmt: skip
def test_an_error_says_what_it_is(operation: Operation, sent: bytes, facts: ErrorFacts) -> None:
    """Whether it moves on or ends the stream depends on it."""
    read = read_event(operation, sent)

    assert (read.kind, read.error) == (Kind.ERROR, facts)


def test_a_failed_response_keeps_its_usage() -> None:
    """What failed is billed all the same."""
    failed = {"id": "r", "status": "failed", "usage": {"input_tokens": 3}, "error": {"message": "x"}}
    read = read_event(RESPONSES, response("response.failed", response=failed))

    assert (read.usage, read.finish_reason, read.response_id) == (Usage(3), "failed", "r")


def test_names_are_bounded() -> None:
    """They go into the ledger."""
    assert len(read_event(CHAT, event({"model": "m" * 5000, "choices": []})).model) == 256
    assert read_event(CHAT, event({"model": 3, "choices": []})).model == ""


# --- what needs no decoding ---------------------------------------------------------------------

OPENAI = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-4o","service_tier":'
    b'"default","choices":[{"index":0,"delta":{"content":" \\"error\\": \\"usage\\":{"},"logprobs":null,'
    b'"finish_reason":null}],"usage":null,"obfuscation":"x"}\n\n'
)


@pytest.mark.parametrize(
    "block",
    [
        OPENAI,
        b'data: {"choices":[{"delta":{"content":"x"},"finish_reason": null}],"usage": null,"error" :null}\n\n',
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x","error":null}\n\n',
        b": keep-alive\n\n",
        b"",
    ],
)
def test_text_alone_is_not_notable(block: bytes) -> None:
    """After the commit nearly every block is of this kind, and is passed on unread."""
    assert (is_notable(block), NOTABLE.search(block)) == (False, None)


@pytest.mark.parametrize(
    "sent",
    [
        b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[],"usage" :\t{ "prompt_tokens":1}}\n\n',
        b'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[{"finish_reason" : "stop"}]}\n\n',
        b'data: {"error":{"message":"x"}}\n\n',
        b'data: {"error": "x"}\n\n',
        b'data: {"object":"error","message":"x"}\n\n',
        b'data: {"message":"x","object": "error" }\n\n',
        b'data: {"type":"error"}\n\n',
        b'data: {"type":"response.completed"}\n\n',
        b'data: {"type":"response.incomplete"}\n\n',
        b'data: {"type":"response.failed"}\n\n',
        b"data: [DONE]\n\n",
        b"data:[DONE]\r\n\r\n",
    ],
)
def test_what_settling_needs_is_notable(sent: bytes) -> None:
    """Alone, and in a block with text before and after it."""
    for block in (sent, OPENAI + sent, sent + OPENAI):
        assert is_notable(block)
        assert NOTABLE.search(block)


CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "delta": st.dictionaries(st.sampled_from(["content", "role", "error", "usage"]), texts.scalars),
                    "finish_reason": st.none() | st.sampled_from(["stop", "length", ""]),
                },
            ),
            max_size=2,
        ),
        "usage": st.none()
        | st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), st.integers(0, 9)),
        "error": st.none() | st.just("x") | st.just({"message": "m"}) | st.booleans(),
        "object": st.sampled_from(["chat.completion.chunk", "error"]),
        "type": st.sampled_from(["error", "response.failed", "response.completed", "response.output_text.delta"]),
    },
)


@given(CHUNKS, st.sampled_from([CHAT, RESPONSES]), st.randoms(use_true_random=False))
def test_nothing_that_settling_needs_escapes(
    chunk: dict[str, Any], operation: Operation, chance: random.Random
) -> None:
    """A missed usage would be a wrong bill, a missed error a stream that looks whole."""
    written = texts.write(chunk, _Plain(chance)).replace("\n", "").replace("\r", "")
    sent = f"data: {written}\n\n".encode()
    read = read_event(operation, sent)
    says = read.usage or read.finish_reason or read.error or read.kind in {Kind.DONE, Kind.ERROR, Kind.FINISH}

    assert is_notable(sent) or not says
    assert is_notable(sent) == (NOTABLE.search(sent) is not None)


class _Plain(random.Random):
    """Chance in white space, but no name written with escapes."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance.randint(0, 1 << 30))

    def random(self) -> float:
        """Above every threshold for an escape."""
        return 0.99
