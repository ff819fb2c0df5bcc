"""How many tokens bytes make, learned from the answers that were measured. Pure.

Used where usage never comes, and for the input-length limit of a tier. Four bytes to a token is the usual rule for
English text (https://help.openai.com/en/articles/4936856, read as bytes); it stands until enough measured answers are
seen.
"""

DEFAULT_BYTES_PER_TOKEN = 4.0
MEASURED_ENOUGH = 50
"""Answers after which the learned ratio replaces the default."""


class BytesPerToken:
    """The running ratio of bytes to tokens of one model in one direction."""

    __slots__ = ("bytes_seen", "samples", "tokens_seen")

    def __init__(self) -> None:
        """Start without knowledge."""
        self.samples = 0
        self.bytes_seen = 0
        self.tokens_seen = 0

    def observe(self, size_bytes: int, tokens: int) -> None:
        """Learn from one measured answer; one without tokens or without bytes teaches nothing."""
        if tokens and size_bytes:
            self.samples += 1
            self.bytes_seen += size_bytes
            self.tokens_seen += tokens

    @property
    def ratio(self) -> float:
        """Bytes per token."""
        if self.samples < MEASURED_ENOUGH:
            return DEFAULT_BYTES_PER_TOKEN
        return self.bytes_seen / self.tokens_seen

    def tokens(self, size_bytes: int) -> int:
        """The estimated number of tokens in so many bytes, rounded up.

        >>> BytesPerToken().tokens(10)
        3
        """
        if self.samples < MEASURED_ENOUGH:
            return -int(-size_bytes // DEFAULT_BYTES_PER_TOKEN)
        return -(-size_bytes * self.tokens_seen // self.bytes_seen)
