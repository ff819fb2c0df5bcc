"""TypeScript and JavaScript as trees: which grammar, where scripts stand in Vue and Svelte files, what does not parse.

Columns and offsets count characters. All walks are loops, so that deep nesting costs memory and no stack.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ast_grep_py import SgNode, SgRoot

from offramp.migrate.scan.model import Problem, Source

TYPESCRIPT = frozenset({".ts", ".tsx", ".mts", ".cts"})
_PLAIN_TYPESCRIPT = frozenset({".ts", ".mts", ".cts"})
PAGES = frozenset({".vue", ".svelte"})
"""Files with scripts inside."""
MAX_PROBLEMS = 5
"""Most places of a file that are reported; after that it is one mess."""
MAX_SHOWN = 40
_FINE = ("&", "assert {", "with {")
"""What the grammar does not know and is right all the same: `&` in a page's text, attributes of imports."""
_LONG_LINE = 10_000
_MOST_WALKED = 1_000_000_000
"""Characters that may be walked over to find columns; takes a few seconds."""

_SCRIPT = re.compile(r"<script\b(?P<attributes>[^>]{0,400})>", re.IGNORECASE)
_END_OF_SCRIPT = re.compile(r"</script", re.IGNORECASE)
_TYPED_SCRIPT = re.compile(r"\blang\s*=\s*[\"']?tsx?\b", re.IGNORECASE)
_FILLING = re.compile(r"[^\r\n]")
_WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "await_expression",
        "instantiation_expression",
    }
)
_CASTS = frozenset({"as_expression", "satisfies_expression"})
_LONGEST_TYPE = 6


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's tree."""

    root: SgNode
    language: str
    """`typescript` or `javascript`."""
    text: str
    """What was parsed: as long as the file, line for line."""


def is_made_by_a_tool(text: str) -> bool:
    """Whether lines are too long and too full to be read: each column that is asked for takes a walk over its line."""
    cost = 0
    for line_ in text.split("\n") if len(text) > _LONG_LINE else ():
        if len(line_) > _LONG_LINE:
            cost += len(line_) * sum(line_.count(mark) for mark in "({=")
    return cost > _MOST_WALKED


def suffix(path: str) -> str:
    """The end of a file's name from its last dot on, in small letters."""
    dot = path.rfind(".")
    return path[dot:].lower() if dot > path.rfind("/") else ""


def parse(source: Source) -> Parsed:
    """The tree of a file; what does not parse is in it as `ERROR`."""
    ending = suffix(source.path)
    text, typed = source.text, ending in TYPESCRIPT
    if ending in PAGES:
        text, typed = _scripts(text)
    # The grammar of .tsx reads everything but `<Type>value`.
    grammar = "typescript" if ending in _PLAIN_TYPESCRIPT else "tsx" if typed else "javascript"
    root = SgRoot(text, grammar).root()
    return Parsed(root, "typescript" if typed else "javascript", text)


def _scripts(text: str) -> tuple[str, bool]:
    """The page with blanks for all that is no script, so that lines and columns stay."""
    kept: list[str] = []
    end, typed = 0, False
    while (opening := _SCRIPT.search(text, end)) and (closing := _END_OF_SCRIPT.search(text, opening.end())):
        kept += [_FILLING.sub(" ", text[end : opening.end()]), text[opening.end() : closing.start()]]
        end, typed = closing.start(), typed or _TYPED_SCRIPT.search(opening["attributes"]) is not None
    kept.append(_FILLING.sub(" ", text[end:]))
    return "".join(kept), typed


def problems(parsed: Parsed, path: str) -> list[Problem]:
    """What does not parse, by line; at most `MAX_PROBLEMS`."""
    if parsed.root.find(kind="ERROR") is None:
        return []
    found: dict[int, str] = {}
    for error in parsed.root.find_all(kind="ERROR"):
        span = error.range()
        if parsed.text.startswith(_FINE, span.start.index):
            continue
        shown = parsed.text[span.start.index : span.start.index + MAX_SHOWN].split("\n", 1)[0].strip()
        found.setdefault(span.start.line + 1, shown)
        if len(found) > MAX_PROBLEMS:
            break
    reported = [
        Problem(file=path, line=line, message=f"not understood at `{said}`; the rest is read")
        for line, said in found.items()
    ]
    return sorted(reported, key=lambda problem: problem.line)[:MAX_PROBLEMS]


def line(node: SgNode) -> int:
    """The line a node begins in, from 1."""
    return node.range().start.line + 1


def slice_of(parsed: Parsed, node: SgNode, limit: int = 1 << 16) -> str:
    """A node's source text, cut off at a limit."""
    span = node.range()
    return parsed.text[span.start.index : min(span.end.index, span.start.index + limit)]


def bare(node: SgNode) -> SgNode:
    """The expression inside parentheses, `await`, `as`, `satisfies` and `!`."""
    for _ in range(50):
        kind = node.kind()
        if kind in _WRAPPERS:
            inner = [child for child in node.children() if child.is_named() and child.kind() != "comment"]
        elif kind == "type_assertion":
            inner = [child for child in node.children() if child.is_named() and child.kind() != "type_arguments"]
        elif kind == "member_expression":
            inner = _misread_cast(node)
        else:
            return node
        if not inner:
            return node
        node = inner[0]
    return node


def _misread_cast(node: SgNode) -> list[SgNode]:
    """The cast in `value as Some.Type`, which the grammar takes for a member of `value as Some`."""
    of: SgNode | None = node
    for _ in range(_LONGEST_TYPE):
        of = of.field("object") if of is not None else None
        if of is None or of.kind() != "member_expression":
            break
    return [of] if of is not None and of.kind() in _CASTS else []


def named(node: SgNode) -> Iterator[SgNode]:
    """A node's children without punctuation and comments."""
    for child in node.children():
        if child.is_named() and child.kind() != "comment":
            yield child


def arguments(call: SgNode) -> list[SgNode]:
    """The arguments of a call or of `new`."""
    given = call.field("arguments")
    if given is None or given.kind() != "arguments":
        return []
    return list(named(given))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def unescaped(text: str) -> str:
    """The text that an escaped literal stands for."""
    return _ESCAPE.sub(_escape, text) if "\\" in text else text


def _escape(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number:
        point = int(number, 16)
        return chr(point) if point <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
    return _ESCAPES.get(match[4], match[4])


def string(node: SgNode) -> str:
    """What a string literal says."""
    return unescaped(node.text()[1:-1])


def property_name(node: SgNode) -> str | None:
    """The name of a property in an object, a class or a pattern; `None` if it is computed."""
    kind = node.kind()
    if kind == "string":
        return string(node)
    if kind == "computed_property_name":
        inner = next(named(node), None)
        return string(inner) if inner is not None and inner.kind() == "string" else None
    return node.text()
