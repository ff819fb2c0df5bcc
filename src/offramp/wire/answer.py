"""A whole answer: is it the operation's protocol, and what does settling it need. Pure."""

import msgspec

from offramp.errors import WireError
from offramp.wire import usage as usage_of
from offramp.wire.operation import Operation
from offramp.wire.usage import Usage

MAX_NAME_CHARACTERS = 256
"""Names taken from an upstream (model, id, tier) are cut at this length before they reach the ledger."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an answer. Texts are empty where the answer has none."""

    id: str = ""
    model: str = ""
    usage: Usage | None = None
    finish_reason: str = ""
    """Of the first choice that has one; for responses why it is incomplete, else its status."""
    service_tier: str = ""
    """The tier that served it, which may differ from the one asked for and is the one that is billed."""


def decode(operation: Operation, body: bytes) -> Answer:
    """Recognise an answer and read what settling needs.

    Raises:
        WireError: If the body is not what the operation answers: not JSON, not UTF-8, an error with status 200, or
            without its `choices`, `data` or `output`.
    """
    if not body.isascii():
        _require_utf8(body)
    try:
        shape = _DECODERS[operation](body)
    except (ValueError, RecursionError) as error:
        raise WireError(f"The upstream's answer is not one to {operation}: {_reason(error)}.") from error
    if shape.error is not None:
        raise WireError(f"The upstream answered {operation} with status 200 and an error.")
    return shape.answer()


class _Shape(msgspec.Struct, gc=False):
    """What all answers have."""

    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    error: object = None

    def answer(self) -> Answer:
        """The answer, with what it says about its end."""
        return Answer(
            (self.id or "")[:MAX_NAME_CHARACTERS],
            (self.model or "")[:MAX_NAME_CHARACTERS],
            usage_of.decode(self.usage),
            self.end()[:MAX_NAME_CHARACTERS],
            (self.service_tier or "")[:MAX_NAME_CHARACTERS],
        )

    def end(self) -> str:
        """Why the answer ended."""
        return ""


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Choices(_Shape, kw_only=True, gc=False):
    """Chat and legacy completions."""

    choices: list[_Choice]

    def end(self) -> str:
        """The first finish reason."""
        for choice in self.choices:
            if choice.finish_reason:
                return choice.finish_reason
        return ""


class _List(_Shape, kw_only=True, gc=False):
    """Embeddings and models."""

    data: list[msgspec.Raw]


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Response(_Shape, kw_only=True, gc=False):
    """The Responses API; one that was asked for in the background has no output yet."""

    output: list[msgspec.Raw]
    status: str | None = None
    incomplete_details: _Incomplete | None = None

    def end(self) -> str:
        """Why it is incomplete, else its status."""
        if self.incomplete_details is not None and self.incomplete_details.reason:
            return self.incomplete_details.reason
        return self.status or ""


_decode_choices = msgspec.json.Decoder(_Choices).decode
_decode_list = msgspec.json.Decoder(_List).decode
_DECODERS = {
    Operation.CHAT: _decode_choices,
    Operation.COMPLETIONS: _decode_choices,
    Operation.EMBEDDINGS: _decode_list,
    Operation.MODELS: _decode_list,
    Operation.RESPONSES: msgspec.json.Decoder(_Response).decode,
    Operation.OTHER: msgspec.json.Decoder(_Shape).decode,
}


def _require_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise WireError(f"The upstream's answer is not valid UTF-8 (byte {error.start}).") from error


def _reason(error: Exception) -> str:
    """Why it could not be read, without a byte of its content."""
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
