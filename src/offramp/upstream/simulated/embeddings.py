"""`/v1/embeddings`: unit vectors that depend on the text alone, as floats or base64."""

import math
import struct
from base64 import b64encode
from hashlib import shake_256

import msgspec

from offramp.upstream.simulated.completions import Prompt, prompts_of, tokens_of
from offramp.upstream.simulated.engine import Engine, meddled
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.generation import Generation
from offramp.upstream.simulated.parameters import EmbeddingParameters, decode
from offramp.upstream.simulated.refusal import RefusalError, too_long
from offramp.upstream.simulated.reply import Reply
from offramp.upstream.simulated.words import Text

DIMENSIONS = 1536
"""Length of a vector when `dimensions` does not say. Source: OpenAI's `text-embedding-3-small`."""

DIMENSIONS_LARGE = 3072
"""The same for a model with `large` in its name. Source: OpenAI's `text-embedding-3-large`."""

FORMATS = ("float", "base64")


def answer_embedding(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Answer one request.

    Raises:
        RefusalError: If the request cannot be answered.
    """
    parameters = decode(reply.request.body, EmbeddingParameters)
    engine.check_model(parameters.model)
    if parameters.encoding_format not in {None, *FORMATS}:
        message = f"Invalid value: '{parameters.encoding_format}'. Supported values are: {', '.join(FORMATS)}."
        raise RefusalError(400, message, code="invalid_value", param="encoding_format")
    if not parameters.input:
        raise RefusalError(400, "'input' cannot be empty.", code="invalid_value", param="input")
    inputs = prompts_of(parameters.input)
    counts = [tokens_of(one) for one in inputs]
    if max(counts) > engine.context_tokens:
        raise too_long(engine.profile, limit=engine.context_tokens, prompt_tokens=max(counts))
    Embedding(engine, reply, parameters, inputs, counts, fault).start()


class Embedding(Generation):
    """One request for embeddings under way; each input takes one step, in which its vector is made."""

    def __init__(
        self,
        engine: Engine,
        reply: Reply,
        parameters: EmbeddingParameters,
        inputs: list[Prompt],
        counts: list[int],
        fault: Fault | None,
    ) -> None:
        """Nothing is queued yet."""
        super().__init__(engine, reply, [Text([""], "stop")] * len(inputs), prompt_tokens=counts, streaming=False)
        self.parameters = parameters
        self.inputs = inputs
        self.tokens = sum(counts)
        self.fault = fault

    def whole(self) -> bytes:
        """All vectors in one object."""
        model = self.parameters.model
        size = self.parameters.dimensions or (DIMENSIONS_LARGE if "large" in model else DIMENSIONS)
        vectors = [
            {"object": "embedding", "index": index, "embedding": self._told(vector(one, size))}
            for index, one in enumerate(self.inputs)
        ]
        usage = meddled(self.fault, {"prompt_tokens": self.tokens, "total_tokens": self.tokens})
        answer: dict[str, object] = {"object": "list", "data": vectors, "model": model}
        if self.engine.is_vllm:
            answer |= {"id": self.engine.identity("embd-")}
        return msgspec.json.encode(answer if usage is None else answer | {"usage": usage})

    def _told(self, packed: bytes) -> object:
        if self.parameters.encoding_format == "base64":
            return b64encode(packed).decode()
        return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def vector(text: Prompt, dimensions: int) -> bytes:
    """A vector of length 1 that depends on the text alone, as little-endian floats of single precision."""
    raw = shake_256(repr(text).encode()).digest(dimensions)
    values = [byte - 127.5 for byte in raw]
    length = math.sqrt(sum(value * value for value in values))
    return struct.pack(f"<{dimensions}f", *(value / length for value in values))
