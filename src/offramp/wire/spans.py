"""Where the members of a JSON object lie in its bytes, so that one can be replaced and the rest stays as it is. Pure.

The decoder gives the bytes of each value but not their place, and of a name that occurs twice it keeps one value.
Both gaps are closed without a second parser:

- If the names and values that it gives fill the body exactly, with the same comma and colon between them each time,
  then nothing else is in it: no other white space, no escapes in names, no second occurrence.
- Else the names are walked in order, and each value must be the bytes that the decoder gave for that name. Where a name
  occurs twice, at the latest its second occurrence is not the name that comes next, and the object is refused.
"""

import re

import msgspec

from offramp.errors import BadRequestError

MAX_MEMBERS = 1000
"""Most members that are walked; OpenAI's largest request has about 40."""

_MAX_SHOWN_CHARACTERS = 64

# Possessive, so that no input makes it go back.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_NAME = re.compile(rb"[ \t\r\n]*+(" + _STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_AFTER_VALUE = re.compile(rb"[ \t\r\n]*+[,}]")
_OPENING = re.compile(rb"[ \t\r\n]*+\{")

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_name = msgspec.json.Decoder(str).decode


class Span(msgspec.Struct, frozen=True, gc=False):
    """The bytes of one value, from `start` up to but without `end`."""

    start: int
    end: int


def members(body: bytes) -> dict[str, Span]:
    """The values of a JSON object by name, in their order.

    Raises:
        BadRequestError: If the body is no JSON object, a name occurs twice, or there are more than `MAX_MEMBERS`.
    """
    return _walk(body, _members(body))


def start_of(body: bytes, name: str) -> int:
    """Where the value of one member begins; -1 if there is no such member.

    Raises:
        BadRequestError: As `members`.
    """
    raw = _members(body)
    count = len(raw)
    beside = len(body) - sum(map(len, raw)) - sum(map(len, raw.values()))
    if beside == 4 * count + 1:
        return _start_in_compact(raw, name)
    if beside == 6 * count and body.startswith(b"{"):
        start = _start_in_spaced(body, raw, name)
        if start >= 0:
            return start
    span = _walk(body, raw).get(name)
    return -1 if span is None else span.start


def end_of_text(body: bytes, start: int) -> int:
    """Just after the text that begins at `start`."""
    found = _TEXT.match(body, start)
    return start if found is None else found.end()


_TEXT = re.compile(_STRING, re.DOTALL)


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        raw = _decode_members(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not a JSON object.") from error
    if len(raw) > MAX_MEMBERS:
        raise BadRequestError(f"The body has more than {MAX_MEMBERS} fields at its top level.")
    return raw


def _start_in_compact(raw: dict[str, msgspec.Raw], name: str) -> int:
    """The place of a value where two quotes, a colon and a comma are all that is beside names and values."""
    position = 1
    for other, value in raw.items():
        if other == name:
            return position + len(other) + 3
        position += len(other) + len(value) + 4
    return -1


def _start_in_spaced(body: bytes, raw: dict[str, msgspec.Raw], name: str) -> int:
    """The same where each colon and comma is followed by a space, as Python's `json` writes; -1 if that is not so."""
    position = 1
    start = -1
    for other, value in raw.items():
        begun = b'"%b": ' % other.encode()
        ended = b"%b%b, " % (begun, value)
        if not body.startswith(ended[:-2], position):
            return -1
        if other == name:
            start = position + len(begun)
        position += len(ended)
    return start if body.endswith(b"}") and position == len(body) + 1 else -1


def _walk(body: bytes, raw: dict[str, msgspec.Raw]) -> dict[str, Span]:
    """Find the place of each value, in the order of their names."""
    spans: dict[str, Span] = {}
    opening = _OPENING.match(body)
    position = opening.end() if opening else 0
    for name, value in raw.items():
        text = bytes(value)
        named = _NAME.match(body, position)
        start = named.end() if named else 0
        after = _AFTER_VALUE.match(body, start + len(text))
        found = _decode_name(named[1]) if named else name
        if found != name or after is None or not body.startswith(text, start):
            raise _repeated(found)
        spans[name] = Span(start, start + len(text))
        position = after.end()
    named = _NAME.match(body, position)
    if named:
        raise _repeated(_decode_name(named[1]))
    return spans


def _repeated(name: str) -> BadRequestError:
    shown = name[:_MAX_SHOWN_CHARACTERS]
    return BadRequestError(f"The field {shown!r} occurs twice; send it once.", param=shown)
