"""From planned texts to an answer: one sequence per choice in the batch, told token by token or as a whole."""

from offramp.upstream.simulated.batching import Sequence
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.reply import Reply
from offramp.upstream.simulated.words import Text


class _Choice:
    """The sink of one sequence."""

    __slots__ = ("generation", "index")

    def __init__(self, generation: "Generation", index: int) -> None:
        self.generation = generation
        self.index = index

    def token(self, index: int) -> None:
        self.generation.told(self.index, index)

    def finished(self) -> None:
        self.generation.choice_finished(self.index)

    def flush(self) -> None:
        self.generation.reply.flush()


class Generation:
    """One request under way; each operation says how its events and its whole answer look."""

    def __init__(
        self,
        engine: Engine,
        reply: Reply,
        texts: list[Text],
        *,
        prompt_tokens: list[int],
        streaming: bool,
        cached_tokens: int = 0,
    ) -> None:
        """Nothing is queued yet; every text has at least one piece and its own prompt."""
        self.engine = engine
        self.reply = reply
        self.texts = texts
        self.streaming = streaming
        self._left = len(texts)
        self._sequences = [
            Sequence(
                prompt_tokens=prompt_tokens[index],
                wanted=len(text.pieces),
                sink=_Choice(self, index),
                streaming=streaming,
                cached_tokens=cached_tokens,
            )
            for index, text in enumerate(texts)
        ]

    @property
    def output_tokens(self) -> int:
        """Tokens of all choices together."""
        return sum(len(text.pieces) for text in self.texts)

    def start(self) -> None:
        """Queue every choice."""
        self.reply.cancel = self.cancel
        if self.streaming and self.engine.is_vllm:
            self.begin()
        for sequence in self._sequences:
            self.engine.batcher.submit(sequence)

    def begin(self) -> None:
        """Send the head of the stream, once: vLLM does so at once, OpenAI with the first token."""
        if not self.reply.streaming:
            self.reply.begin()

    def cancel(self) -> None:
        """Stop the work: nobody waits for it any more."""
        for sequence in self._sequences:
            self.engine.batcher.cancel(sequence)

    def choice_finished(self, choice: int) -> None:
        """A choice got its last token; with the last choice the answer ends."""
        self._left -= 1
        self.engine.counters.finished_by[self.texts[choice].finish_reason] += 1
        if self.streaming:
            if not self.reply.ended:
                self.close_choice(choice)
                if self._left == 0:
                    self.close()
                    self.reply.end()
        elif self._left == 0:
            self.reply.whole(200, self.whole())

    # ---------------------------------------------------------------------------------------- said by each operation

    def told(self, choice: int, index: int) -> None:
        """Send the event of that token."""
        raise NotImplementedError

    def close_choice(self, choice: int) -> None:
        """Send what follows a choice's last token."""
        raise NotImplementedError

    def close(self) -> None:
        """Send what ends the stream."""
        raise NotImplementedError

    def whole(self) -> bytes:
        """The body of the answer that is not streamed."""
        raise NotImplementedError
