"""Python: the address of clients, and literal models where another one is asked for.

The tree says where; the text is changed there and nowhere else, so that comments, quotes and line ends stay.
"""

import ast
import re
import warnings
from collections.abc import Iterator

from offramp.migrate.scan.fix.edits import (
    OPENAI,
    Edit,
    Findings,
    Left,
    Wanted,
    may_replace,
    points_elsewhere,
    quoted,
    same_address,
)
from offramp.migrate.scan.fix.python_names import ALSO, ARGUMENT, AZURE, Names, Places, names
from offramp.migrate.scan.model import Source
from offramp.migrate.scan.rules.code import dotted, is_api_call, keyword, last_name, spreads, text_of

VARIABLE = "OPENAI_BASE_URL"
"""Which the SDK reads by itself. Source: https://github.com/openai/openai-python, `OpenAI.__init__`."""

_FETCHES = frozenset({"post", "get", "request", "stream", "urlopen", "Request"})
_ADDRESS = re.compile(r"url|base|address|host|api|endpoint", re.IGNORECASE)


def fix(source: Source, wanted: Wanted, *, covered: bool) -> Findings:
    """What must change in a file.

    Args:
        source: The file.
        wanted: What is asked for.
        covered: Whether the environment that the application reads will carry `OPENAI_BASE_URL`, so that clients which
            take the SDK's default need no change.
    """
    if "openai" not in source.text.lower():
        return Findings()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError):
        return Findings()
    return _File(source, tree, wanted, covered=covered).findings()


class _File:
    """One file while its changes are collected."""

    def __init__(self, source: Source, tree: ast.Module, wanted: Wanted, *, covered: bool) -> None:
        self.source = source
        self.tree = tree
        self.wanted = wanted
        self.covered = covered
        self.names: Names = names(tree)
        self.places = Places(source.text)
        self.edits: list[Edit] = []
        self.left: list[Left] = []
        self.variables: list[tuple[str, int]] = []
        self.defaults: list[int] = []

    def findings(self) -> Findings:
        """Everything that is to be changed or named."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Assign):
                self._module_setting(node)
                self._address_constant(node)
        unique = {(edit.start, edit.end): edit for edit in self.edits}
        return Findings(
            edits=tuple(unique.values()),
            left=tuple(self.left),
            variables=tuple(self.variables),
            defaults=tuple(self.defaults),
        )

    def _call(self, call: ast.Call) -> None:
        made = self.names.made_by(call)
        if made is not None and made[1] in AZURE:
            self._leave(call, f"{made[1]}(…)", "Azure's client builds another address: take OpenAI(base_url=…) instead")
        elif made in ARGUMENT:
            self._client(call, ARGUMENT[made], made)
            self._model(call)
        elif is_api_call(call):
            self._model(call)
        elif last_name(call.func) in _FETCHES:
            for each in (*call.args, keyword(call, "url")):
                self._written_out(each, f"the address that {last_name(call.func)}(…) calls")

    # ------------------------------------------------------------------------------------------------------ address

    def _client(self, call: ast.Call, argument: str, made: tuple[str, str]) -> None:
        what = f"{argument} of {made[1]}(…)"
        given = next((each for each in call.keywords if each.arg in ALSO), None)
        if given is not None:
            self._given(given.value, what)
        elif spreads(call) or any(isinstance(each, ast.Starred) for each in call.args):
            self._leave(call, what, "its arguments come from elsewhere: give the address there")
        elif call.args and not call.keywords:
            self._leave(call, what, f"its arguments are given by position: add {argument}= yourself")
        elif self.covered:
            self.defaults.append(call.lineno)
        else:
            self._insert(call, argument, what)

    def _given(self, value: ast.expr, what: str) -> None:
        """An address that the client is given already."""
        literal = text_of(value)
        variable = _variable(value)
        if literal is not None:
            self._literal(value, literal, what)
        elif variable:
            other = _fallback(value)
            if other is not None and not may_replace(other) and not same_address(other, self.wanted.base_url):
                self._leave(value, what, points_elsewhere(other))
            else:
                self.variables.append((variable, value.lineno))
        elif isinstance(value, ast.Constant):
            self._replace(value, quoted(self.wanted.base_url, self.source.text), what)
        elif isinstance(value, ast.Name) and (constant := self._constant(value.id)) is not None:
            self._given(constant, f"{value.id}, the {what}")
        else:
            self._leave(value, what, f"it comes from `{_short(value)}`: set the address there")

    def _literal(self, value: ast.expr, literal: str, what: str) -> None:
        if same_address(literal, self.wanted.base_url):
            return
        if not may_replace(literal):
            self._leave(value, what, points_elsewhere(literal))
            return
        start, end = self.places.span(value)
        written = self.source.text[start:end]
        at = written.find(literal)
        if at < 0 or not isinstance(value, ast.Constant):
            self._leave(value, what, "it is put together from several literals: change it yourself")
            return
        self._edit(start + at, start + at + len(literal), self.wanted.base_url, value.lineno, what)

    def _insert(self, call: ast.Call, argument: str, what: str) -> None:
        position, separator = self.places.separator(self.places.inside(call))
        address = quoted(self.wanted.base_url, self.source.text)
        if self.names.os:
            name = quoted(VARIABLE, self.source.text)
            address = f"{self.names.os}.environ.get({name}, {address})"
        more = f",{separator}" if call.args or call.keywords else ""
        self._edit(position, position, f"{argument}={address}{more}", call.lineno, what)

    def _module_setting(self, node: ast.Assign) -> None:
        """`openai.base_url = …` and `openai.api_base = …`."""
        for target in node.targets:
            if isinstance(target, ast.Attribute) and dotted(target) in {"openai.base_url", "openai.api_base"}:
                self._given(node.value, dotted(target))

    def _address_constant(self, node: ast.Assign) -> None:
        """`API_URL = "https://api.openai.com/v1/…"`, for calls without the SDK."""
        if any(isinstance(target, ast.Name) and _ADDRESS.search(target.id) for target in node.targets):
            self._written_out(node.value, "an address that is written out")

    def _written_out(self, node: ast.expr | None, what: str) -> None:
        """OpenAI's address at the front of a literal or an f-string."""
        first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
        if node is None or not (text_of(first) or "").startswith(OPENAI):
            return
        start, end = self.places.span(node)
        at = self.source.text.find(OPENAI, start, end)
        if at >= 0:
            self._edit(at, at + len(OPENAI), self.wanted.base_url, node.lineno, what)

    def _constant(self, name: str) -> ast.expr | None:
        """What a name is assigned, once, at the top of the file."""
        values = [
            node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and name in _targets(node)
        ]
        others = sum(
            isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store)
            for each in ast.walk(self.tree)
        )
        return values[0] if len(values) == others == 1 else None

    # -------------------------------------------------------------------------------------------------------- model

    def _model(self, call: ast.Call) -> None:
        model = keyword(call, "model") or keyword(call, "model_name")
        if self.wanted.model is None or model is None:
            return
        literal = text_of(model)
        if literal is None:
            self._leave(model, "model", f"it comes from `{_short(model)}`: set the model there")
        elif literal != self.wanted.model:
            self._replace(model, quoted(self.wanted.model, self.source.text), "model")

    # -------------------------------------------------------------------------------------------------------- parts

    def _replace(self, node: ast.expr, text: str, what: str) -> None:
        start, end = self.places.span(node)
        self._edit(start, end, text, node.lineno, what)

    def _edit(self, start: int, end: int, text: str, line: int, what: str) -> None:
        self.edits.append(Edit(start=start, end=end, text=text, line=line, what=what))

    def _leave(self, node: ast.expr, what: str, why: str) -> None:
        self.left.append(Left(file=self.source.path, line=node.lineno, what=what, why=why))


def _targets(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _variable(node: ast.expr) -> str:
    """The environment variable that an expression reads; empty for any other."""
    if isinstance(node, ast.BoolOp):
        return next((name for each in node.values if (name := _variable(each))), "")
    if isinstance(node, ast.Subscript) and last_name(node.value) == "environ":
        return text_of(node.slice) or ""
    if isinstance(node, ast.Call) and node.args:
        function = dotted(node.func)
        if function.endswith(("getenv", "environ.get")):
            return text_of(node.args[0]) or ""
    return ""


def _fallback(node: ast.expr) -> str | None:
    """The literal that is taken where the variable is not set."""
    if isinstance(node, ast.BoolOp):
        return text_of(node.values[-1])
    return text_of(node.args[1]) if isinstance(node, ast.Call) and len(node.args) > 1 else None


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:39]}…"
