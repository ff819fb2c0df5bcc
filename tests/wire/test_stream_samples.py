"""Whole streams as servers send them, from the first byte to the end marker."""

import pytest

from offramp.wire.operation import Operation
from offramp.wire.sse import cut, split
from offramp.wire.stream import Kind, StreamEvent, is_notable, read_event
from offramp.wire.usage import Usage

ROLE, CONTENT, FINISH, USAGE, DONE, OTHER, ERROR = (
    Kind.ROLE,
    Kind.CONTENT,
    Kind.FINISH,
    Kind.USAGE,
    Kind.DONE,
    Kind.OTHER,
    Kind.ERROR,
)

OPENAI = (
    b'data: {"id":"chatcmpl-A","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18",'
    b'"service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"",'
    b'"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"pQ"}\n\n'
    b'data: {"id":"chatcmpl-A","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18",'
    b'"service_tier":"default","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],'
    b'"usage":null,"obfuscation":"x"}\n\n'
    b'data: {"id":"chatcmpl-A","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18",'
    b'"service_tier":"default","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"id":"chatcmpl-A","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini-2024-07-18",'
    b'"service_tier":"default","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,'
    b'"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,'
    b'"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"obfuscation":""}\n\n'
    b"data: [DONE]\n\n"
)
VLLM = (
    b'data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null}\n\n'
    b'data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,'
    b'"delta":{"reasoning":"hm"},"logprobs":null,"finish_reason":null,"token_ids":null}]}\n\n'
    b'data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,'
    b'"delta":{"content":"Hi"},"logprobs":null,"finish_reason":"length","stop_reason":null}],'
    b'"system_fingerprint":"vllm-0.32.0"}\n\n'
    b'data: {"id":"chatcmpl-B","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],'
    b'"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}\n\n'
    b"data: [DONE]\n\n"
)
VLLM_CONTINUOUS = (
    b'data: {"id":"c","model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],'
    b'"usage":{"prompt_tokens":5,"total_tokens":5,"completion_tokens":0}}\n\n'
    b'data: {"id":"c","model":"tiny","choices":[{"index":0,"delta":{"content":"Hi"}}],'
    b'"usage":{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)
VLLM_TOOL = (
    b'data: {"id":"d","model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":null},'
    b'"finish_reason":null}]}\n\n'
    b'data: {"id":"d","model":"tiny","choices":[{"index":0,"delta":{"tool_calls":[{"id":"call_1","type":"function",'
    b'"index":0,"function":{"name":"find","arguments":"{\\"error\\":"}}]},"finish_reason":null}]}\n\n'
    b'data: {"id":"d","model":"tiny","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":'
    b'{"arguments":"1}"}}]},"finish_reason":null}]}\n\n'
    b'data: {"id":"d","model":"tiny","choices":[{"index":0,"delta":{"content":""},"finish_reason":"tool_calls"}]}\n\n'
    b"data: [DONE]\n\n"
)
AZURE = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}\n\n'
    b'data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},'
    b'"finish_reason":null,"index":0,"logprobs":null}],"id":"e","model":"gpt-4o","object":"chat.completion.chunk"}\n\n'
    b'data: {"choices":[{"content_filter_results":{"hate":{"filtered":false}},"delta":{"content":"Hi"},'
    b'"finish_reason":null,"index":0}],"id":"e","model":"gpt-4o","object":"chat.completion.chunk"}\n\n'
    b'data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"content_filter","index":0}],"id":"e",'
    b'"model":"gpt-4o"}\n\n'
    b"data: [DONE]\n\n"
)
ROUTER = (
    b": ROUTER PROCESSING\n\n"
    b": ROUTER PROCESSING\r\n\r\n"
    b'data: {"id":"f","model":"x/y","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},'
    b'"finish_reason":null,"native_finish_reason":null}]}\r\n\r\n'
    b'data: {"id":"f","model":"x/y","error":{"code":502,"message":"Upstream disconnected"},"choices":[{"index":0,'
    b'"delta":{"content":""},"finish_reason":"error"}]}\n\n'
)
COMPLETION = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"tiny","choices":[{"index":0,"text":"Hi",'
    b'"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"tiny","choices":[{"index":0,"text":"",'
    b'"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"tiny","choices":[],'
    b'"usage":{"prompt_tokens":2,"total_tokens":4,"completion_tokens":2}}\n\n'
    b"data: [DONE]\n\n"
)
RESPONSE = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1",'
    b'"object":"response","status":"in_progress","error":null,"incomplete_details":null,"model":"gpt-4o","output":[],'
    b'"usage":null}}\n\n'
    b'event: response.output_item.added\ndata: {"type":"response.output_item.added","sequence_number":1,'
    b'"output_index":0,'
    b'"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":2,'
    b'"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi","logprobs":[],"obfuscation":"x"}\n\n'
    b'event: response.output_text.done\ndata: {"type":"response.output_text.done","sequence_number":3,"text":"Hi"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","sequence_number":4,"response":{"id":"resp_1",'
    b'"status":"completed","error":null,"incomplete_details":null,"model":"gpt-4o","output":[{"type":"message",'
    b'"content":[{"type":"output_text","text":"Hi"}]}],"service_tier":"default","usage":{"input_tokens":9,'
    b'"input_tokens_details":{"cached_tokens":4},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1},'
    b'"total_tokens":11}}}\n\n'
)

CHAT = Operation.CHAT
SAMPLES = {
    "openai": (CHAT, OPENAI, [ROLE, CONTENT, FINISH, USAGE, DONE], Usage(9, 1), "stop"),
    "vllm": (CHAT, VLLM, [ROLE, CONTENT, CONTENT, USAGE, DONE], Usage(5, 2), "length"),
    "vllm, continuous usage": (CHAT, VLLM_CONTINUOUS, [ROLE, CONTENT, DONE], Usage(5, 1), ""),
    "vllm, tool call": (CHAT, VLLM_TOOL, [ROLE, CONTENT, CONTENT, FINISH, DONE], None, "tool_calls"),
    "azure": (CHAT, AZURE, [ROLE, ROLE, CONTENT, FINISH, DONE], None, "content_filter"),
    "a router": (CHAT, ROUTER, [OTHER, OTHER, CONTENT, ERROR], None, ""),
    "completions": (Operation.COMPLETIONS, COMPLETION, [CONTENT, FINISH, USAGE, DONE], Usage(2, 2), "stop"),
    "responses": (
        Operation.RESPONSES,
        RESPONSE,
        [ROLE, ROLE, CONTENT, ROLE, DONE],
        Usage(9, 2, cached_tokens=4, reasoning_tokens=1),
        "completed",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_stream_is_understood_from_beginning_to_end(name: str) -> None:
    """Kinds in their order, and what the last usage and the first reason say."""
    operation, stream, kinds, usage, reason = SAMPLES[name]
    read = [read_event(operation, event) for event in split(stream)]

    assert [event.kind for event in read] == kinds
    assert _last_usage(read) == usage
    assert next((event.finish_reason for event in read if event.finish_reason), "") == reason


@pytest.mark.parametrize("name", SAMPLES)
def test_a_stream_means_the_same_wherever_it_is_cut(name: str) -> None:
    """Two reads instead of one, cut at every byte."""
    operation, stream, kinds, _, _ = SAMPLES[name]
    for place in range(len(stream)):
        end = cut(stream[:place])
        events = split(stream[:end]) + split(stream[end:])

        assert [read_event(operation, event).kind for event in events] == kinds


@pytest.mark.parametrize("name", SAMPLES)
def test_only_events_that_say_something_are_read_after_the_commit(name: str) -> None:
    """Text is most of a stream; a false alarm costs two microseconds, so there are none in usual streams."""
    operation, stream, _, _, _ = SAMPLES[name]
    for event in split(stream):
        read = read_event(operation, event)
        says = read.usage or read.finish_reason or read.kind in {DONE, ERROR}

        assert is_notable(event) == bool(says)


def _last_usage(events: list[StreamEvent]) -> Usage | None:
    return next((event.usage for event in reversed(events) if event.usage is not None), None)
