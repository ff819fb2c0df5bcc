"""One answer and how long it took: what the box below it is made of. No I/O here."""

from dataclasses import dataclass

from offramp.wire.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came, and when, in seconds of one clock that only goes forward."""

    text: str
    thinking: str = ""
    """What a reasoning model showed of its thoughts."""
    asked_s: float
    """The request was sent."""
    first_s: float | None = None
    """The first content came; `None` if none did."""
    ended_s: float
    """The last byte came."""
    waited_s: float = 0.0
    """Spent on earlier tries that found the model not ready; not part of the times above."""
    chunks: int = 0
    """Events with content; 1 for an answer that was not streamed."""
    streamed: bool = True
    usage: Usage | None = None
    """What the server says; `None` if it says nothing."""
    finish_reason: str = ""
    service_tier: str = ""
    model: str = ""
    """The model that answered, as the server calls it."""
    tier: str = ""
    """Who answered behind a gateway of ours; empty without one."""
    error: str = ""
    """Why it broke off; empty if it is whole."""

    @property
    def total_s(self) -> float:
        """From the request to the last byte."""
        return self.ended_s - self.asked_s

    @property
    def ttft_s(self) -> float | None:
        """Time to the first token; for an answer that was not streamed nobody can say."""
        return None if self.first_s is None or not self.streamed else self.first_s - self.asked_s

    @property
    def output_tokens(self) -> int | None:
        """The server's count; without one the chunks (most engines send one per token); `None` without either."""
        if self.usage is not None:
            return self.usage.output_tokens
        return self.chunks if self.streamed and self.chunks else None

    @property
    def is_counted_by_chunks(self) -> bool:
        """Whether `output_tokens` is such an estimate."""
        return self.usage is None and self.output_tokens is not None

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens over the whole time, however short that was."""
        if not self.output_tokens or self.total_s <= 0:
            return None
        return self.output_tokens / self.total_s

    @property
    def stream_tokens_per_s(self) -> float | None:
        """Output tokens after the first over the time after the first: how fast it writes once it writes."""
        if self.first_s is None or not self.streamed or not self.output_tokens or self.chunks < 2:
            return None
        writing_s = self.ended_s - self.first_s
        return (self.output_tokens - 1) / writing_s if writing_s > 0 else None

    @property
    def words(self) -> int:
        """Words of the text, as people count them."""
        return len(self.text.split())
