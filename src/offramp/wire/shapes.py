"""What offramp reads of each operation's request body: all else travels on unseen. Pure.

Fields are typed where a wrong type would change what offramp does (`model`, `stream`, `n` …); what is only noted for
the ledger takes any value, because refusing it is the upstream's business.

Source: OpenAI API specification 2.3.0, CreateChatCompletionRequest, CreateCompletionRequest, CreateEmbeddingRequest and
CreateResponse; `structured_outputs` and `guided_json` are vLLM's.
"""

from typing import Annotated, Any

import msgspec

MAX_NAME_CHARACTERS = 256
"""Longest model name, tier or id of a request; they are kept in the ledger."""

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME_CHARACTERS)]
Count = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
"""A whole number that every JSON reader takes exactly and the ledger can store."""


class StreamOptions(msgspec.Struct, gc=False):
    """`stream_options`, as far as it concerns usage."""

    include_usage: bool | None = None


class Function(msgspec.Struct, gc=False):
    """A function or a custom tool of chat."""

    name: str | None = None


class Tool(msgspec.Struct, gc=False):
    """A tool of chat (`function.name`), of responses (`name`), or a built-in one (`type`)."""

    type: str | None = None
    name: str | None = None
    function: Function | None = None
    custom: Function | None = None

    def word(self) -> str:
        """The name that tells it from others."""
        inner = self.function or self.custom
        return (inner and inner.name) or self.name or self.type or ""


class Format(msgspec.Struct, gc=False):
    """`response_format` of chat, `text.format` of responses."""

    type: Any = None
    json_schema: Any = None


class Body(msgspec.Struct, kw_only=True, gc=False):
    """What all operations have."""

    model: Name
    stream: bool | None = None
    stream_options: StreamOptions | msgspec.UnsetType | None = msgspec.UNSET
    service_tier: Name | None = None


class Generation(Body, kw_only=True, gc=False):
    """What chat and legacy completions have in common and a text or number can say."""

    n: Count | None = None
    max_tokens: Count | None = None
    seed: Any = None
    stop: Any = None
    logprobs: Any = None


class Constrained(Generation, kw_only=True, gc=False):
    """The same, with what makes an answer follow a schema."""

    response_format: Format | None = None
    structured_outputs: Any = None
    guided_json: Any = None
    logit_bias: Any = None


class Head(msgspec.Struct, gc=False):
    """A message of which only the first is read."""

    role: Any = None
    content: msgspec.Raw = msgspec.Raw()


class FlatChat(Generation, kw_only=True, gc=False):
    """Chat without lists but its messages and without objects that mean anything: most requests of most applications.

    Fields of type `None` make the decoder refuse a body that this shape cannot describe.
    """

    messages: list[msgspec.Raw]
    max_completion_tokens: Count | None = None
    top_logprobs: Any = None
    parallel_tool_calls: Any = None
    reasoning_effort: Any = None
    store: Any = None
    response_format: None = None
    structured_outputs: None = None
    guided_json: None = None
    logit_bias: None = None
    reasoning: None = None
    prediction: None = None
    web_search_options: None = None
    audio: None = None


class Message(msgspec.Struct, gc=False):
    """A message of chat."""

    role: Any = None
    content: Any = None
    tool_calls: Any = None
    function_call: Any = None


class Item(msgspec.Struct, gc=False):
    """An input item of responses."""

    type: Any = None
    content: Any = None
    output: Any = None


class Chat(Constrained, kw_only=True, gc=False):
    """Chat with everything it may hold."""

    messages: list[Message]
    max_completion_tokens: Count | None = None
    top_logprobs: Any = None
    parallel_tool_calls: Any = None
    reasoning_effort: Any = None
    store: Any = None
    tools: list[Tool] | None = None
    functions: list[Function] | None = None
    reasoning: Any = None
    prediction: Any = None
    web_search_options: Any = None
    modalities: Any = None
    audio: Any = None


class Completion(Constrained, kw_only=True, gc=False):
    """Legacy completions."""

    best_of: Count | None = None


class Embedding(Body, kw_only=True, gc=False):
    """Embeddings."""

    input: msgspec.Raw


class Reference(msgspec.Struct, gc=False):
    """A conversation that is named by an object."""

    id: Name = ""


class Text(msgspec.Struct, gc=False):
    """`text` of responses."""

    format: Any = None


class Response(Body, kw_only=True, gc=False):
    """The Responses API."""

    input: str | list[Item] | None = None
    instructions: Any = None
    max_output_tokens: Count | None = None
    tools: list[Tool] | None = None
    text: Text | None = None
    top_logprobs: Any = None
    parallel_tool_calls: Any = None
    reasoning: Any = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: Name | None = None
    conversation: Name | Reference | None = None
    prompt: Any = None


decode_flat_chat = msgspec.json.Decoder(FlatChat).decode
decode_chat = msgspec.json.Decoder(Chat).decode
decode_completion = msgspec.json.Decoder(Completion).decode
decode_embedding = msgspec.json.Decoder(Embedding).decode
decode_response = msgspec.json.Decoder(Response).decode
decode_head = msgspec.json.Decoder(Head).decode
