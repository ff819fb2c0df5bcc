"""One event as one line: JSON for programs, aligned words for a person at a terminal. No I/O here.

Values may carry what a client sent (a model's name, a path), so nothing in them may end the line, move the cursor, turn
the reading direction or show a secret. The fields' names are the code's own.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import msgspec

from offramp.telemetry.redact import mask_key, redact

Fields: TypeAlias = Mapping[str, object]

LONGEST_VALUE = 2_000
"""Characters of a value that are shown. An upstream's error text is longer only when it quotes the prompt."""
_LONGEST_TRACE = 16_000
_CACHED = 80
"""Values up to this length are remembered once cleaned: names of models, tiers and teams come again and again."""

_NONE = "-"
_HALF_A_MILLIONTH = 500
"""In nano-dollars."""
_SECRET_FIELDS = frozenset({"api_key", "authorization", "key_value", "password", "secret", "token"})
# What msgspec does not escape itself: DEL and C1, invisible and direction-changing characters, lone surrogates.
_UNSAFE = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")
_PLAIN = re.compile(r"[^\s\"'=\\]+")

_DIM, _RED, _GREEN, _YELLOW, _BOLD, _PLAIN_AGAIN = (f"\x1b[{code}m" for code in (2, 31, 32, 33, 1, 0))
_LEVEL_COLOURS = {"debug": _DIM, "info": "", "warning": _YELLOW, "error": _RED}
_STATUS_COLOURS = {2: _GREEN, 3: _GREEN, 4: _YELLOW, 5: _RED}

_SHOWN_APART = frozenset(
    {
        "method",
        "operation",
        "model",
        "tier",
        "status",
        "streaming",
        "total_s",
        "ttft_s",
        "input_tokens",
        "output_tokens",
    }
    | {"cost_nano", "outcome", "error_code", "attempts", "id", "route"}
)
"""Fields of an exchange that have their place in its line; whatever else it carries follows as key=value."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def json_line(*, time: str, level: str, event: str, fields: Fields) -> bytes:
    """The event as one JSON object and a line feed."""
    head = {"time": time, "level": level, "event": event}
    values = {name: _json_value(name, value) for name, value in fields.items()}
    # The head comes first, and last once more: a field must not pretend to be another event.
    return _encode(head | values | head) + b"\n"


def human_line(*, time: str, level: str, event: str, fields: Fields, colour: bool) -> bytes:
    """The event as `time level event key=value …`; exchanges have a form of their own, and a problem is a sentence."""
    paint = _paint if colour else _leave
    body = _exchange(fields, colour=colour) if event == "exchange" else _sentence(fields)
    trace = fields.get("trace")
    below = "" if trace is None else _indented(str(trace))
    head = f"{paint(time, _DIM)} {paint(f'{level:<7}', _LEVEL_COLOURS.get(level, ''))} {paint(f'{event:<10}', _BOLD)}"
    return f"{head} {body}".rstrip().encode() + b"\n" + below.encode()


def _exchange(fields: Fields, *, colour: bool) -> str:
    """`POST chat.completions gpt-4o-mini -> local 200 stream 0.412s ttft 0.031s 120+64 tok $0.000057`."""
    get = fields.get
    status = get("status")
    shown = _text(status)
    if colour and isinstance(status, int):
        shown = _paint(shown, _STATUS_COLOURS.get(status // 100, ""))
    words = [_text(get(name)) for name in ("method", "operation", "model") if _is_said(get(name))]
    words += ["->", _text(get("tier") or "none"), shown]
    if get("streaming"):
        words.append("stream")
    words += [
        f"{_seconds(get('total_s'))}",
        *([f"ttft {_seconds(get('ttft_s'))}"] if get("ttft_s") is not None else []),
    ]
    words += _accounted(fields)
    if (get("attempts") or 1) != 1:
        words.append(f"{_text(get('attempts'))} attempts")
    if get("outcome") != "ok":
        words += [_text(get(name)) for name in ("outcome", "error_code", "id") if _is_said(get(name))]
    rest = _pairs({name: value for name, value in fields.items() if name not in _SHOWN_APART and _is_said(value)})
    return " ".join([*words, rest] if rest else words)


def _is_said(value: object) -> bool:
    """Whether an exchange's line has something to say about it; `none` is no tier, no team."""
    return value is not None and value != "" and value != "none"  # noqa: PLR1714 -- a set would want it hashable


def _accounted(fields: Fields) -> list[str]:
    """Tokens and money; a question mark is what is unknown, nothing is what does not apply."""
    tokens = (fields.get("input_tokens"), fields.get("output_tokens"))
    if tokens == (None, None):
        return []
    cost_nano = fields.get("cost_nano")
    cost = f"${_usd(cost_nano)}" if isinstance(cost_nano, int) else "$?"
    return ["+".join("?" if count is None else _text(count) for count in tokens), "tok", cost]


def _usd(nano: int) -> str:
    """Dollars to the millionth, or to the last nano-dollar where that would read as nothing."""
    digits = 9 if 0 < abs(nano) < _HALF_A_MILLIONTH else 6
    return f"{Decimal(nano).scaleb(-9):.{digits}f}"


def _seconds(value: object) -> str:
    return f"{value:.3f}s" if isinstance(value, int | float) else "?s"


def _sentence(fields: Fields) -> str:
    """What is wrong in words, and the rest in pairs."""
    if "problem" not in fields:
        return _pairs(fields)
    rest = _pairs({name: value for name, value in fields.items() if name != "problem"})
    return f"{_text(fields['problem'])} {rest}".rstrip()


def _pairs(fields: Fields) -> str:
    return " ".join(f"{name}={_quoted(name, value)}" for name, value in fields.items() if name != "trace")


def _quoted(name: str, value: object) -> str:
    text = _text(mask_key(str(value)) if name in _SECRET_FIELDS else value)
    return text if _PLAIN.fullmatch(text) else _encode(text).decode()


def _text(value: object) -> str:
    """A value for a person: no line break, no control character."""
    if isinstance(value, str):
        return _CONTROL.sub(_escaped, _clean(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None or isinstance(value, int):
        return _NONE if value is None else str(value).lower()
    plain = _json_other(value)
    return _CONTROL.sub(_escaped, plain if isinstance(plain, str) else _encode(plain).decode())


def _json_value(name: str, value: object) -> object:
    """A value for JSON, cleaned all the way down."""
    if name in _SECRET_FIELDS:
        return mask_key(str(value))
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return round(value, 6)
    return _json_other(value)


def _json_other(value: object) -> object:
    """Rarer kinds, apart because every field of an exchange would pass their checks."""
    match value:
        case bytes():
            return _clean(value.decode("utf-8", "backslashreplace"))
        case Mapping():
            return {_clean(str(key)): _json_value(str(key), item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_json_value("", item) for item in value]
        case _:
            return _clean(str(value))


def _clean(text: str) -> str:
    return _clean_short(text) if len(text) <= _CACHED else _clean_any(text)


def _clean_any(text: str) -> str:
    """Without secrets and unsafe characters, and of bounded length."""
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}… ({len(text) - LONGEST_VALUE} more)"
    text = redact(text)
    return text if text.isascii() and "\x7f" not in text else _UNSAFE.sub(_escaped, text)


_clean_short = lru_cache(maxsize=4096)(_clean_any)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "backslashreplace").decode()


def _indented(trace: str) -> str:
    """A traceback below its line; the bar in front keeps its text from looking like another event."""
    lines = _UNSAFE.sub(_escaped, redact(trace[-_LONGEST_TRACE:])).split("\n")
    return "".join(f"    | {_CONTROL.sub(_escaped, line)}\n" for line in lines)


def _paint(text: str, colour: str) -> str:
    return f"{colour}{text}{_PLAIN_AGAIN}" if colour else text


def _leave(text: str, _colour: str) -> str:
    return text
