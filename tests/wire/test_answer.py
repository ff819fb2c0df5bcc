"""A whole answer: recognised as its operation's, or refused so that another tier can be asked."""

import json

import pytest

from offramp.errors import WireError
from offramp.wire.answer import Answer, decode
from offramp.wire.operation import Operation
from offramp.wire.usage import Usage

CHAT, EMBEDDINGS, RESPONSES = Operation.CHAT, Operation.EMBEDDINGS, Operation.RESPONSES

OPENAI_CHAT = b"""{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1741569952, "model": "gpt-4o-2024-08-06",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Gr\xc3\xbc\xc3\x9fe", "refusal": null},
    "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0}},
  "service_tier": "default", "system_fingerprint": "fp_1"
}
"""
VLLM_CHAT = (
    b'{"id":"chatcmpl-2","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":'
    b'"assistant","content":null,"reasoning":"hm","tool_calls":[{"id":"c","type":"function","function":{"name":"f",'
    b'"arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls","stop_reason":null}],"service_tier":null,'
    b'"usage":{"prompt_tokens":5,"total_tokens":8,"completion_tokens":3,"prompt_tokens_details":null},'
    b'"prompt_logprobs":null,"kv_transfer_params":null}'
)


def test_reads_what_openai_answers() -> None:
    """With white space and text that is not ASCII."""
    expected = Answer("chatcmpl-1", "gpt-4o-2024-08-06", Usage(19, 10, cached_tokens=4), "stop", "default")

    assert decode(CHAT, OPENAI_CHAT) == expected


def test_reads_what_vllm_answers() -> None:
    """Null where OpenAI has texts, and fields of its own."""
    assert decode(CHAT, VLLM_CHAT) == Answer("chatcmpl-2", "tiny", Usage(5, 3), "tool_calls", "")


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        (CHAT, b'{"choices":[]}', Answer()),
        (CHAT, b'{"choices":[{},{"finish_reason":"length"},{"finish_reason":"stop"}]}', Answer(finish_reason="length")),
        (CHAT, b'{"choices":[],"usage":{"prompt_tokens":-1},"error":null}', Answer()),
        (Operation.COMPLETIONS, b'{"choices":[{"text":"x","finish_reason":"stop"}]}', Answer(finish_reason="stop")),
        (EMBEDDINGS, b'{"data":[{"embedding":"AA=="}],"usage":{"prompt_tokens":2}}', Answer(usage=Usage(2))),
        (Operation.MODELS, b'{"object":"list","data":[]}', Answer()),
        (
            RESPONSES,
            b'{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":2}}',
            Answer(id="resp_1", usage=Usage(3, 2), finish_reason="completed"),
        ),
        (
            RESPONSES,
            b'{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}',
            Answer(finish_reason="max_output_tokens"),
        ),
        (RESPONSES, b'{"status":"incomplete","incomplete_details":{},"output":[]}', Answer(finish_reason="incomplete")),
        (RESPONSES, b'{"incomplete_details":null,"output":[]}', Answer()),
        (Operation.OTHER, b'{"id":"file-1"}', Answer(id="file-1")),
    ],
)
def test_reads_every_operation(operation: Operation, body: bytes, expected: Answer) -> None:
    """Whatever may be missing, is."""
    assert decode(operation, body) == expected


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (CHAT, b""),
        (CHAT, b"<html><body>Bad gateway</body></html>"),
        (CHAT, OPENAI_CHAT[:-20]),
        (CHAT, b"[]"),
        (CHAT, b"{}"),
        (CHAT, b'{"choices":null}'),
        (CHAT, b'{"choices":{}}'),
        (CHAT, b'{"choices":["x"]}'),
        (CHAT, b'{"error":{"message":"overloaded"}}'),
        (CHAT, b'{"choices":[],"error":{"message":"overloaded"}}'),
        (CHAT, b'{"choices":[],"error":"overloaded"}'),
        (CHAT, b'{"choices":[],"model":3}'),
        (CHAT, b'{"choices":[{"message":{"content":"\xff"}}]}'),
        (CHAT, b'{"choices":[],"a":%b}' % (b"[" * 100_000)),
        (CHAT, b'{"choices":[],"a":NaN}'),
        (CHAT, b'{"data":[]}'),
        (EMBEDDINGS, b'{"choices":[]}'),
        (RESPONSES, b'{"id":"resp_1","status":"completed"}'),
        (RESPONSES, b'{"output":[],"error":{"code":"server_error"}}'),
        (Operation.MODELS, b'{"object":"list"}'),
    ],
)
def test_what_is_no_answer_is_refused(operation: Operation, body: bytes) -> None:
    """A proxy's page with status 200 must not reach the client as an answer."""
    with pytest.raises(WireError):
        decode(operation, body)


def test_a_refusal_shows_nothing_of_the_answer() -> None:
    """Refusals are logged, answers are not."""
    with pytest.raises(WireError) as caught:
        decode(CHAT, b'{"choices":["secret"],"model":"secret"}')

    assert "secret" not in caught.value.message


def test_names_are_bounded() -> None:
    """They go into the ledger."""
    answer = decode(CHAT, json.dumps({"choices": [], "model": "m" * 5000, "id": "i" * 5000}).encode())

    assert (len(answer.model), len(answer.id)) == (256, 256)
