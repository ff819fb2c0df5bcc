"""BAML files as blocks: clients, functions, retry policies. Of both the one-line forms and the usual ones.

A block has a kind (`client`), words behind it, and what stands between its braces: settings and further blocks. Read by
one loop, so that deep nesting costs no stack; what is not understood is passed over and reported.

Source: https://docs.boundaryml.com (BAML 0.2xx, the language of `.baml` files).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.model import Problem, Source

DEEPEST = 40
_WORD = re.compile(r"[^\s{}\"#,\[\]()]+")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_RAW = re.compile(r'#+"')
_SPACE = re.compile(r"[ \t\r]+")


@dataclass(slots=True)
class Block:
    """A stretch between braces, and what stands before it."""

    words: tuple[str, ...]
    line: int
    column: int
    end_line: int = 0
    settings: dict[str, "Said"] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The first word: `client`, `function`, `retry_policy`, `options` …"""
        return self.words[0].partition("<")[0] if self.words else ""

    @property
    def name(self) -> str:
        """The second word, without what is between angle or round brackets."""
        return re.split(r"[<(]", self.words[1], maxsplit=1)[0] if len(self.words) > 1 else ""

    def block(self, kind: str) -> "Block | None":
        """The first block of a kind inside."""
        return next((each for each in self.blocks if each.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Said:
    """A setting's value."""

    words: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """The first word, quotes taken off."""
        return unquoted(self.words[0]) if self.words else ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class File:
    """A file's blocks and what was not understood."""

    blocks: list[Block]
    problems: list[Problem]


def unquoted(word: str) -> str:
    """A word without the quotes around it."""
    if word.startswith('"') and word.endswith('"') and len(word) > 1:
        return word[1:-1]
    return word


def read(source: Source) -> File:
    """The blocks of a file."""
    top = Block(("",), 1, 1)
    open_blocks = [top]
    sentence: list[_Token] = []
    problems: list[Problem] = []
    for token in _tokens(source.text):
        if token.text == "{":
            open_blocks.append(_opened(open_blocks[-1], sentence, token))
            sentence = []
            if len(open_blocks) > DEEPEST:
                problems.append(
                    Problem(file=source.path, line=token.line, message="nested too deeply; not read further")
                )
                break
        elif token.text == "}":
            _said(open_blocks[-1], sentence)
            sentence = []
            if len(open_blocks) > 1:
                open_blocks.pop().end_line = token.line
            else:
                problems.append(Problem(file=source.path, line=token.line, message="a brace closes nothing"))
        elif token.text == "\n":
            if not _goes_on(sentence):
                _said(open_blocks[-1], sentence)
                sentence = []
        else:
            sentence.append(token)
    _said(open_blocks[-1], sentence)
    if len(open_blocks) > 1 and not problems:
        problems.append(Problem(file=source.path, line=open_blocks[-1].line, message="a brace is not closed"))
    return File(top.blocks, problems[:5])


def _opened(around: Block, sentence: list[_Token], brace: _Token) -> Block:
    first = sentence[0] if sentence else brace
    block = Block(tuple(token.text for token in sentence), first.line, first.column)
    around.blocks.append(block)
    return block


def _said(block: Block, sentence: list[_Token]) -> None:
    if sentence:
        name, *rest = sentence
        block.settings.setdefault(name.text, Said(tuple(token.text for token in rest), name.line))


def _goes_on(sentence: list[_Token]) -> bool:
    """Whether a list or an argument list is still open at the end of a line."""
    texts = [token.text for token in sentence]
    return texts.count("[") > texts.count("]") or texts.count("(") > texts.count(")")


def _tokens(text: str) -> Iterator[_Token]:
    at, line, begins = 0, 1, 0
    length = len(text)
    while at < length:
        token, end = _token(text, at)
        if token:
            yield _Token(token, line, at - begins + 1)
        lines = text.count("\n", at, end)
        if lines:
            line += lines
            begins = text.rfind("\n", at, end) + 1
        at = end


def _token(text: str, at: int) -> tuple[str, int]:
    """The token at a place, empty for none, and where it ends."""
    mark = text[at]
    if mark == "\n" or mark in "{}[](),":
        return mark if mark != "," else "", at + 1
    if text.startswith("//", at):
        end = text.find("\n", at)
        return "", end if end >= 0 else len(text)
    if mark == '"':
        found = _STRING.match(text, at)
        return (found[0], found.end()) if found else ('"', at + 1)
    if mark == "#":
        return _raw(text, at)
    space = _SPACE.match(text, at)
    if space:
        return "", space.end()
    word = _WORD.match(text, at)
    return (word[0], word.end()) if word else ("", at + 1)


def _raw(text: str, at: int) -> tuple[str, int]:
    """A text between `#"` and `"#`; its content does not matter here."""
    opening = _RAW.match(text, at)
    if opening is None:
        return "", at + 1
    close = '"' + "#" * (len(opening[0]) - 1)
    end = text.find(close, opening.end())
    return '"…"', end + len(close) if end >= 0 else len(text)
