"""A Python file as the rules see it: walked once, its nodes by kind, each with its parent."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from offramp.migrate.scan.kinds import is_test
from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.rule import Rule, Span, finding

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor

CLIENTS = frozenset({"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI"})
"""Classes of the SDK that open connections."""

_VERBS = frozenset({"create", "parse", "stream"})
_PARTS = frozenset({"completions", "responses", "embeddings"})
_OLD_OPENAI = re.compile(r"\s*(?:(==|~=|\^|<=?)?\s*0\.|[^,]*,?\s*<\s*1(\.0)*\s*$)")


@dataclass(slots=True)
class _Walked:
    nodes: dict[type[ast.AST], list[ast.AST]] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)


class Code:
    """One parsed file and the questions that rules ask about it.

    Args:
        tree: As `ast.parse` gives it.
        source: The file it was made from.
        openai: The version of openai that the project asks for, as written; empty if it does not say.
    """

    def __init__(self, tree: ast.Module, source: Source, *, openai: str = "") -> None:
        """Keep them; the tree is walked when the first question comes."""
        self.tree = tree
        self.source = source
        self.asks_for_old_openai = _OLD_OPENAI.match(openai) is not None
        """Whether it holds openai below 1.0, where another interface is the right one."""

    @cached_property
    def _walked(self) -> _Walked:
        walked = _Walked()
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            walked.nodes.setdefault(type(node), []).append(node)
            # As `ast.iter_child_nodes`, at half its time: this loop is most of what rules cost.
            for name in node._fields:
                value = getattr(node, name, None)
                children = value if isinstance(value, list) else (value,)
                for child in children:
                    if isinstance(child, ast.AST) and name != "ctx":
                        walked.parents[child] = node
                        waiting.append(child)
        return walked

    @cached_property
    def lower(self) -> str:
        """The text in small letters."""
        return self.source.text.lower()

    def mentions(self, *words: str) -> bool:
        """Whether any of these words, in small letters, is in the text: far cheaper than any pattern."""
        return any(word in self.lower for word in words)

    def all(self, kind: type[Node]) -> list[Node]:
        """Every node of exactly this kind, in no order."""
        return self._walked.nodes.get(kind, [])  # type: ignore[return-value]  # the dictionary's keys say it

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """Its parent, that one's parent, and so on up to the module."""
        while (parent := self._walked.parents.get(node)) is not None:
            yield parent
            node = parent

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What it stands in."""
        return self._walked.parents.get(node)

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around a node."""
        return next((outer for outer in self.up(node) if isinstance(outer, Function)), None)

    def scope(self, node: ast.AST) -> ast.AST:
        """The innermost function around a node, or the module."""
        return self.function(node) or self.tree

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, however deep."""
        return [*self.all(ast.FunctionDef), *self.all(ast.AsyncFunctionDef)]

    @cached_property
    def may_call(self) -> bool:
        """Whether the text holds the words of a call of the API, which costs far less than to look for one."""
        return self.mentions("completions", "responses.", "embeddings.")

    @cached_property
    def api_calls(self) -> list[ast.Call]:
        """Calls of the API, by their names: `….chat.completions.create(…)` and its like."""
        if not self.may_call:
            return []
        return [call for call in self.all(ast.Call) if is_api_call(call)]

    @cached_property
    def clients(self) -> list[ast.Call]:
        """Where the SDK's clients are made."""
        if "openai" not in self.source.text:
            return []
        return [call for call in self.all(ast.Call) if last_name(call.func) in CLIENTS]

    @property
    def is_test(self) -> bool:
        """Whether the file's name says that it is a test or a fixture."""
        return is_test(self.source.path)

    @cached_property
    def modules(self) -> frozenset[str]:
        """The top-level names of everything that is imported."""
        found = {alias.name.partition(".")[0] for node in self.all(ast.Import) for alias in node.names}
        found |= {(node.module or "").partition(".")[0] for node in self.all(ast.ImportFrom)}
        return frozenset(found)

    def assigned(self, name: str, near: ast.AST) -> ast.expr | None:
        """What is last assigned to a name above a node, in its function or else at the top; `await` taken off."""
        inside, here = self.scope(near), getattr(near, "lineno", 0)
        for scope in (inside, self.tree):
            values = [
                (node.lineno, node.value)
                for node in self.all(ast.Assign)
                if node.lineno <= here
                and self.scope(node) is scope
                and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
            ]
            if values:
                return without_await(max(values, key=lambda each: each[0])[1])
        return None

    def report(self, rule: Rule, node: ast.expr | ast.stmt | ast.excepthandler | ast.arg, message: str) -> Finding:
        """A finding at a node; of a statement with a body only its first line."""
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        if getattr(node, "body", None) and not isinstance(node, ast.expr):
            end_line, end = node.lineno, len(self._line(node.lineno).rstrip().encode())
        span = Span(
            line=node.lineno,
            column=self._column(node.lineno, node.col_offset),
            end_line=end_line,
            end_column=self._column(end_line, end),
        )
        return finding(rule, self.source, span, message)

    def _column(self, line: int, offset_bytes: int) -> int:
        text = self._line(line)
        return (offset_bytes if text.isascii() else len(text.encode()[:offset_bytes].decode(errors="ignore"))) + 1

    def _line(self, number: int) -> str:
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return self.source.text.split("\n")


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain; what is neither name nor attribute is left out of its front.

    >>> dotted(ast.parse("OpenAI().chat.completions", mode="eval").body)
    '.chat.completions'
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`; empty for what is neither name nor attribute."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_api_call(call: ast.Call) -> bool:
    """Whether a call is one of the API, by its names."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _VERBS:
        return False
    return bool(_PARTS & set(dotted(call.func).split(".")))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a named argument."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def spreads(call: ast.Call) -> bool:
    """Whether it has a `**` argument, so that what it is given cannot be read here."""
    return any(each.arg is None for each in call.keywords)


def is_true(node: ast.AST | None) -> bool:
    """Whether it is the literal `True`."""
    return isinstance(node, ast.Constant) and node.value is True


def text_of(node: ast.AST | None) -> str | None:
    """The text of a string literal."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def number_of(node: ast.AST | None) -> float | None:
    """The value of a literal number."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def entry(node: ast.AST | None, key: str) -> ast.expr | None:
    """The value of a key in a literal dictionary."""
    if isinstance(node, ast.Dict):
        for name, value in zip(node.keys, node.values, strict=True):
            if text_of(name) == key:
                return value
    return None


def without_key(target: ast.expr) -> ast.expr:
    """`a` of `a[key]`."""
    return target.value if isinstance(target, ast.Subscript) else target


def without_await(node: ast.expr) -> ast.expr:
    """What is awaited."""
    return node.value if isinstance(node, ast.Await) else node


def names_in(node: ast.AST) -> Iterator[str]:
    """Every name and attribute inside."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node without the insides of functions and classes that it defines."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        inner = waiting.pop()
        yield inner
        if not isinstance(inner, Function | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(inner))
