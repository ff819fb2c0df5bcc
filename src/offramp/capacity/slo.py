"""What latency a load must get: the service level that a plan is held to. Pure."""

from dataclasses import dataclass

from offramp.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """Limits that a share of all requests must keep, each request all of them at once.

    >>> Slo(ttft_s=2.0, token_s=0.05).words
    'first token in 2 s and 50 ms per token, for 95 % of the requests'
    """

    ttft_s: float | None = None
    """To the first token."""
    token_s: float | None = None
    """Between two tokens, on average over one answer."""
    total_s: float | None = None
    """To the last token."""
    share: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what no engine can be held to.

        Raises:
            UsageError: If a limit is not above 0 or the share is outside (0, 1].
        """
        for name in ("ttft_s", "token_s", "total_s"):
            limit_s = getattr(self, name)
            if limit_s is not None and not limit_s > 0:
                raise UsageError(f"{name} of a service level is {limit_s:g}; it must be above 0", param=name)
        if not 0 < self.share <= 1:
            raise UsageError(
                f"the share of a service level is {self.share:g}; it must be above 0, at most 1", param="share"
            )

    @property
    def words(self) -> str:
        """The service level as a sentence says it."""
        limits = (
            (self.ttft_s, "first token in {}"),
            (self.token_s, "{} per token"),
            (self.total_s, "whole answer in {}"),
        )
        said = [text.format(_seconds(limit_s)) for limit_s, text in limits if limit_s is not None]
        return f"{' and '.join(said) or 'every answer'}, for {self.share * 100:g} % of the requests"


def _seconds(value_s: float) -> str:
    return f"{value_s:g} s" if value_s >= 1 else f"{value_s * 1000:g} ms"
