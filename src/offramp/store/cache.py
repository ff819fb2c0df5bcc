"""The last good answers, in memory, bounded: what a route may give when every model is away."""

from collections import OrderedDict
from dataclasses import dataclass

from offramp.wire.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAnswer:
    """An answer as it went to a client."""

    content_type: bytes
    body: bytes
    """The whole body; for a stream all of its events with their end marker."""
    streamed: bool
    model: str
    finish_reason: str
    usage: Usage | None
    stored_s: float
    """Monotonic seconds."""


class AnswerCache:
    """Least recently used answers up to a number of bytes.

    The key holds tenant, route and the whole request, so that nobody gets an answer to somebody else's question.
    """

    def __init__(self, *, max_bytes: int) -> None:
        """An empty cache that keeps at most `max_bytes` of bodies."""
        self._max_bytes = max_bytes
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        """How many answers are held."""
        return len(self._answers)

    def get(self, key: bytes, *, now_s: float, max_age_s: float) -> CachedAnswer | None:
        """The answer under `key` if it is not older than `max_age_s`."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if now_s - answer.stored_s > max_age_s:
            self._remove(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: CachedAnswer) -> None:
        """Keep an answer; the least recently used make room. One larger than an eighth of the cache is not kept."""
        if len(answer.body) > self._max_bytes // 8:
            return
        if key in self._answers:
            self._remove(key)
        self._answers[key] = answer
        self.size_bytes += len(answer.body)
        while self.size_bytes > self._max_bytes:
            self._remove(next(iter(self._answers)))

    def _remove(self, key: bytes) -> None:
        self.size_bytes -= len(self._answers.pop(key).body)
