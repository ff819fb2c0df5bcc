"""Where the members of a JSON object lie in its bytes, so that one can be replaced and the rest stays as it is. Pure."""

import re

import msgspec

from offramp.errors import BadRequestError

# One name with the colon after it; possessive, so that no input makes it go back.
_NAME = re.compile(rb'[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_SEPARATOR = re.compile(rb"[ \t\r\n]*+[,}]")
_OPENING = re.compile(rb"[ \t\r\n]*+\{")

MAX_MEMBERS = 1000
"""Most members that are walked; OpenAI's largest request has about 40."""

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_name = msgspec.json.Decoder(str).decode


class Span(msgspec.Struct, frozen=True, gc=False):
    """The bytes of one value."""

    start: int
    end: int


def members(body: bytes) -> dict[str, Span]:
    """The top-level members of a JSON object, by name, in their order.

    The decoder gives each value's bytes but not their place. The names are walked in order and each value must be the
    bytes that the decoder gave for that name. Where a name repeats, the decoder keeps one value: then, at the latest at
    the second occurrence, the next name is not the one that the decoder would give, and the object is refused.

    Raises:
        BadRequestError: If the body is no JSON object, a name occurs twice, or there are more than `MAX_MEMBERS`.
    """
    try:
        raw = _decode_members(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not a JSON object.") from error
    if len(raw) > MAX_MEMBERS:
        raise BadRequestError(f"The body has more than {MAX_MEMBERS} fields at its top level.")
    spans: dict[str, Span] = {}
    opening = _OPENING.match(body)
    position = opening.end() if opening else 0
    for name, value in raw.items():
        text = bytes(value)
        named = _NAME.match(body, position)
        start = named.end() if named else 0
        separator = _SEPARATOR.match(body, start + len(text))
        found = _decode_name(named[1]) if named else name
        if found != name or separator is None or not body.startswith(text, start):
            raise _repeated(found)
        spans[name] = Span(start, start + len(text))
        position = separator.end()
    named = _NAME.match(body, position)
    if named:
        raise _repeated(_decode_name(named[1]))
    return spans


def _repeated(name: str) -> BadRequestError:
    shown = name[:64]
    return BadRequestError(f"The field {shown!r} occurs twice; send it once.", param=shown)
