"""Every error a caller of offramp can see: what it means, a status hint and a stable code.

The cores raise; the edge alone turns an error into an answer or an exit code.
"""

from typing import ClassVar


class OfframpError(Exception):
    """Base of all errors that offramp raises on purpose.

    The message names the thing, the value and what to do; it never carries prompt content or a secret.
    """

    status_hint: ClassVar[int] = 500
    """HTTP status the gateway answers with if nothing was sent yet."""
    type: ClassVar[str] = "api_error"
    """OpenAI's `error.type`."""
    code: ClassVar[str] = "internal_error"
    """Stable machine-readable `error.code`."""
    exit_code: ClassVar[int] = 3
    """Exit code of a command that ends with this error: 2 wrong use or configuration, 3 it could not be done."""
    retriable: ClassVar[bool] = False
    """Whether a client may usefully send the same request again (`x-should-retry`)."""

    def __init__(self, message: str, *, param: str | None = None, retry_after_s: float | None = None) -> None:
        """Keep the message, the offending parameter and how many seconds to wait, where known."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s


class UsageError(OfframpError):
    """A command was called in a way that cannot work."""

    exit_code = 2
    code = "wrong_use"


class ConfigError(OfframpError):
    """The configuration cannot be used; the message carries file, line and column where known."""

    exit_code = 2
    code = "bad_configuration"


class UnavailableError(OfframpError):
    """Something outside offramp is away: a port, a disk, a target."""

    status_hint = 503
    code = "unavailable"
    retriable = True


class BadRequestError(OfframpError):
    """The client sent something that no upstream could answer."""

    status_hint = 400
    type = "invalid_request_error"
    code = "invalid_request"


class WireError(OfframpError):
    """Bytes that are not the protocol they claim to be."""

    status_hint = 502
    code = "bad_upstream_answer"
