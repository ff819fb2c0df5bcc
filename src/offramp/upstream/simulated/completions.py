"""`/v1/completions`, the legacy operation: prompts in, text out, streamed or whole."""

from collections.abc import Sequence

import msgspec

from offramp.upstream.simulated.chat import VLLM_EXTRAS, chat_usage
from offramp.upstream.simulated.engine import Engine, meddled, now_s
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.generation import Generation
from offramp.upstream.simulated.logprobs import legacy_logprobs
from offramp.upstream.simulated.parameters import CompletionParameters, Prompts, decode, size_of
from offramp.upstream.simulated.plan import told
from offramp.upstream.simulated.reply import Part, Reply
from offramp.upstream.simulated.words import Text, count_text, seed_of

DEFAULT_TOKENS = 16
"""Length of an answer without `max_tokens`. Source: OpenAI's API reference, legacy completions."""


def answer_completion(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Answer one request.

    Raises:
        RefusalError: If the request cannot be answered.
    """
    parameters = decode(reply.request.body, CompletionParameters)
    engine.check_model(parameters.model)
    prompts = prompts_of(parameters.prompt)
    prompt_tokens = [tokens_of(prompt) for prompt in prompts]
    limit = min(engine.answer_limit(tokens, parameters.max_tokens) for tokens in prompt_tokens)
    count = parameters.n or 1
    texts: list[Text] = []
    for prompt in prompts:
        seed = seed_of(engine.options.seed, parameters.seed, prompt)
        wanted = parameters.max_tokens or min(DEFAULT_TOKENS, limit)
        texts += [
            told(None, parameters.stops, limit=limit, natural=limit, wanted=wanted, seed=seed + choice)
            for choice in range(count)
        ]
    Completion(engine, reply, parameters, texts, prompts, fault).start()


Prompt = str | list[int]


def prompts_of(prompt: Prompts) -> list[Prompt]:
    """The prompts of a request, each a text or a list of token ids."""
    if isinstance(prompt, str):
        return [prompt]
    if not prompt:
        return [""]
    if isinstance(prompt[0], int):
        return [[token for token in prompt if isinstance(token, int)]]
    return [one for one in prompt if not isinstance(one, int)]


def tokens_of(prompt: Prompt) -> int:
    """Tokens of one prompt; token ids count as they are."""
    return count_text(size_of(prompt)) if isinstance(prompt, str) else max(1, len(prompt))


class Completion(Generation):
    """One legacy completion under way."""

    def __init__(
        self,
        engine: Engine,
        reply: Reply,
        parameters: CompletionParameters,
        texts: list[Text],
        prompts: Sequence[Prompt],
        fault: Fault | None,
    ) -> None:
        """Prepare the constant bytes of the stream."""
        self.per_prompt = parameters.n or 1
        counts = [tokens_of(prompt) for prompt in prompts for _ in range(self.per_prompt)]
        super().__init__(engine, reply, texts, prompt_tokens=counts, streaming=bool(parameters.stream))
        self.prompt_tokens = sum(tokens_of(prompt) for prompt in prompts)
        self.parameters = parameters
        self.prompts = prompts
        self.fault = fault
        head = {
            "id": engine.identity("cmpl-"),
            "object": "text_completion",
            "created": now_s(),
            "model": parameters.model,
        }
        self.head = head | {"system_fingerprint": engine.fingerprint}
        self._head = msgspec.json.encode(head if engine.is_vllm else self.head)[:-1]
        self._fingerprint = b',"system_fingerprint":%b' % msgspec.json.encode(engine.fingerprint)
        self._tail = b',"usage":null' if parameters.include_usage and not engine.is_vllm else b""

    def _echoed(self, choice: int) -> str:
        """The prompt that a choice repeats, if it was asked to."""
        prompt = self.prompts[choice // self.per_prompt]
        return prompt if self.parameters.echo and isinstance(prompt, str) else ""

    def told(self, choice: int, index: int) -> None:
        """Send the event of that token; the last one says why it is the last."""
        text = self.texts[choice]
        piece = text.pieces[index]
        if index == 0:
            self.begin()
            piece = self._echoed(choice) + piece
        finish = text.finish_reason if index == len(text.pieces) - 1 else None
        logprobs = None
        if self.parameters.logprobs is not None:
            logprobs = legacy_logprobs([piece], self.parameters.logprobs)
        extra, tail = b"", self._tail
        if self.engine.is_vllm:
            stopped_by = msgspec.json.encode(text.stopped_by if finish else None)
            extra = b',"stop_reason":%b,"prompt_token_ids":null,"token_ids":null' % stopped_by
            tail = self._fingerprint if finish and not self.parameters.include_usage else b""
        self.reply.token(
            b'data: %b,"choices":[{"index":%d,"text":%b,"logprobs":%b,"finish_reason":%b%b}]%b}\n\n'
            % (
                self._head,
                choice,
                msgspec.json.encode(piece),
                msgspec.json.encode(logprobs),
                msgspec.json.encode(finish),
                extra,
                tail,
            )
        )

    def close_choice(self, choice: int) -> None:
        """The last token has said it."""

    def close(self) -> None:
        """Usage, if it was asked for, and the end marker."""
        usage = self.usage()
        if self.parameters.include_usage and usage is not None:
            tail = self._fingerprint if self.engine.is_vllm else b""
            event = b'data: %b,"choices":[],"usage":%b%b}\n\n' % (self._head, msgspec.json.encode(usage), tail)
            self.reply.event(Part.USAGE, event)
        self.reply.event(Part.DONE, b"data: [DONE]\n\n")

    def whole(self) -> bytes:
        """The completion as one object."""
        answer = self.head | {"choices": [self._choice(choice) for choice in range(len(self.texts))]}
        if self.engine.is_vllm:
            answer |= dict.fromkeys(("service_tier", *VLLM_EXTRAS))
        usage = self.usage()
        return msgspec.json.encode(answer if usage is None else answer | {"usage": usage})

    def _choice(self, choice: int) -> dict[str, object]:
        text = self.texts[choice]
        echoed = self._echoed(choice)
        logprobs = None
        if self.parameters.logprobs is not None:
            logprobs = legacy_logprobs(text.pieces, self.parameters.logprobs, len(echoed))
        answer = {
            "index": choice,
            "text": echoed + text.content,
            "logprobs": logprobs,
            "finish_reason": text.finish_reason,
        }
        if self.engine.is_vllm:
            unused = ("token_ids", "prompt_logprobs", "prompt_token_ids", "routed_experts")
            return answer | {"stop_reason": text.stopped_by} | dict.fromkeys(unused)
        return answer

    def usage(self) -> dict[str, object] | None:
        """The usage object, as the fault wants it."""
        usage = chat_usage(self.engine, self.prompt_tokens, self.output_tokens, 0, streaming=self.streaming)
        return meddled(self.fault, usage)
