"""Bytes of a file to its text, whatever its encoding."""

import codecs
import io
import re
import tokenize
from dataclasses import dataclass

from offramp.migrate.scan.kinds import Kind

_LOOKED_AT_BYTES = 8192
_LONE_RETURN = re.compile(r"\r(?!\n)")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A file's text, and what was wrong with it."""

    text: str | None
    """`None` for what is no text."""
    problem: str = ""


def decode(content: bytes, kind: Kind) -> Decoded:
    """The text, in which lines end as Python counts them."""
    if content.startswith(_WIDE):
        return _as(content, "utf-16")
    if b"\0" in content[:_LOOKED_AT_BYTES]:
        return Decoded(text=None)
    try:
        return Decoded(text=_lines(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    if kind is Kind.PYTHON:
        declared = _declared(content)
        if declared:
            return _as(content, declared)
    return Decoded(
        text=_lines(content.decode("latin-1")), problem=f"line {line} is not UTF-8; the file was read as Latin-1"
    )


def _as(content: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(text=_lines(content.decode(encoding)))
    except (UnicodeDecodeError, LookupError):
        return Decoded(
            text=_lines(content.decode("latin-1")), problem=f"it is not the {encoding} that it says; read as Latin-1"
        )


def _declared(content: bytes) -> str:
    """The encoding that a Python file declares (PEP 263); empty without one."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except (SyntaxError, UnicodeDecodeError):
        return ""
    return "" if encoding.startswith("utf-8") else encoding


def _lines(text: str) -> str:
    return _LONE_RETURN.sub("\n", text) if "\r" in text else text
