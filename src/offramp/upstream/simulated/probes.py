"""What vLLM answers beside the API: health, version, load, metrics, tokens."""

from zlib import crc32

import msgspec

from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.exposition import exposition
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.options import VERSION
from offramp.upstream.simulated.parameters import Message, decode
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.reply import Reply
from offramp.upstream.simulated.words import BYTES_PER_TOKEN

VOCABULARY = 32_000


def health(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """200 while the engine lives."""
    del fault
    reply.whole(503 if engine.faults.dead else 200, b"")


def version(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """The version whose manners the profile has."""
    del engine, fault
    reply.whole(200, msgspec.json.encode({"version": VERSION, "simulated": True}))


def load(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """How many requests are in flight."""
    del fault
    reply.whole(200, msgspec.json.encode({"server_load": engine.counters.in_flight}))


def metrics(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """VLLM's metrics as text."""
    del fault
    reply.whole(200, exposition(engine), "text/plain; version=0.0.4; charset=utf-8")


class _Tokenized(msgspec.Struct):
    model: str = ""
    prompt: str | None = None
    messages: list[Message] | None = None


def tokenize(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """The tokens of a prompt or of messages: one for each four bytes.

    Raises:
        RefusalError: If there is neither.
    """
    del fault
    parameters = decode(reply.request.body, _Tokenized)
    if parameters.model:
        engine.check_model(parameters.model)
    if parameters.prompt is None and not parameters.messages:
        raise RefusalError(400, "Missing required parameter: 'prompt'.", param="prompt")
    text = parameters.prompt
    if text is None:
        text = "".join(message.text for message in parameters.messages or [])
    raw = text.encode(errors="surrogatepass")
    tokens = [crc32(raw[at : at + BYTES_PER_TOKEN]) % VOCABULARY for at in range(0, max(1, len(raw)), BYTES_PER_TOKEN)]
    answer = {"count": len(tokens), "max_model_len": engine.context_tokens, "tokens": tokens, "token_strs": None}
    reply.whole(200, msgspec.json.encode(answer))
