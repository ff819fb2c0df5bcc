"""TypeScript and JavaScript: the address of clients, and literal models where another one is asked for."""

import re

from ast_grep_py import SgNode

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
from offramp.migrate.scan.fix.python import VARIABLE
from offramp.migrate.scan.model import Source
from offramp.migrate.scan.web.syntax import arguments, bare, line, named, parse

_LIBRARY = r"""["'](?P<library>openai|langfuse|@langchain/openai|@ai-sdk/openai|@posthog/ai)["']"""
_IMPORT = re.compile(rf"import\s+(?P<what>[\w*{{}},\s$]+?)\s+from\s+{_LIBRARY}")
_REQUIRE = re.compile(
    rf"(?:const|let|var)\s+(?P<what>[\w{{}},:\s$]+?)\s*=\s*(?:await\s+import|require)\(\s*{_LIBRARY}\s*\)"
)
_CALL = re.compile(r"\.(chat\.completions|responses|embeddings|completions)\.(create|parse|stream)$")
_CALLED = re.compile(r"\.(completions|responses|embeddings)\.(create|parse|stream)\(")
_VARIABLE = re.compile(r"^process\.env(?:\.(\w+)|\[[\"'](\w+)[\"']\])!?(\s*(\?\?|\|\|)\s*.+)?$", re.DOTALL)

_SDK = frozenset({"OpenAI", "createOpenAI"})
_NESTED = frozenset({"ChatOpenAI", "OpenAIEmbeddings"})
"""Classes of LangChain."""
_FETCHES = frozenset({"fetch", "axios", "axios.post", "axios.get", "got.post", "ky.post"})
_AZURE = frozenset({"AzureOpenAI", "AzureChatOpenAI", "createAzure"})


def fix(source: Source, wanted: Wanted, *, covered: bool) -> Findings:
    """What must change in a file; the arguments are as in `fix.python.fix`."""
    if "openai" not in source.text.lower():
        return Findings()
    made = _names(source.text)
    if not made and OPENAI not in source.text and not (wanted.model and _CALLED.search(source.text)):
        return Findings()
    return _File(source, made, wanted, covered=covered).findings()


def _names(text: str) -> dict[str, str]:
    """What the file calls each class or function of the libraries."""
    found: dict[str, str] = {}
    for match in [*_IMPORT.finditer(text), *_REQUIRE.finditer(text)]:
        outside, _, inside = match["what"].partition("{")
        default = outside.strip(" ,\n\r\t")
        if re.fullmatch(r"[\w$]+", default):
            found[default] = "OpenAI"
        for part in inside.rstrip("} \n\r\t").split(","):
            name, _, alias = re.sub(r"\s+as\s+|\s*:\s*", ":", part.strip().removeprefix("type ")).partition(":")
            if name in _SDK | _NESTED | _AZURE:
                found[alias or name] = name
    return found


class _File:
    """One file while its changes are collected."""

    def __init__(self, source: Source, made: dict[str, str], wanted: Wanted, *, covered: bool) -> None:
        self.source = source
        self.made = made
        self.wanted = wanted
        self.covered = covered
        self.edits: list[Edit] = []
        self.left: list[Left] = []
        self.variables: list[tuple[str, int]] = []
        self.defaults: list[int] = []

    def findings(self) -> Findings:
        """Everything that is to be changed or named."""
        root = parse(self.source).root
        for node in [*root.find_all(kind="new_expression"), *root.find_all(kind="call_expression")]:
            callee = node.field("constructor") or node.field("function")
            name = callee.text() if callee else ""
            if name.rpartition(".")[0] in self.made and name.endswith((".OpenAI", ".AzureOpenAI")):
                name = name.rpartition(".")[0] if name.endswith(".OpenAI") else "AzureOpenAI"
            kind = self.made.get(name, name if name in _AZURE else "")
            if kind in _AZURE and name in {*self.made, "AzureOpenAI"}:
                self._leave(
                    node, f"{name}(…)", "Azure's client builds another address: take OpenAI({ baseURL }) instead"
                )
            elif kind and (node.kind() == "new_expression") == (kind != "createOpenAI"):
                self._client(node, name, kind)
            elif self.wanted.model and _CALL.search(name):
                self._model(node)
            elif name in _FETCHES:
                self._fetched(node)
        return Findings(
            edits=tuple(self.edits),
            left=tuple(self.left),
            variables=tuple(self.variables),
            defaults=tuple(self.defaults),
        )

    # ------------------------------------------------------------------------------------------------------ address

    def _client(self, node: SgNode, name: str, kind: str) -> None:
        what = f"baseURL of {name}(…)"
        given = arguments(node)
        if not given:
            if self.covered:
                self.defaults.append(line(node))
            else:
                self._empty(node, kind, what)
            return
        options = bare(given[0])
        if options.kind() != "object":
            self._leave(node, what, f"its options come from `{_short(options)}`: give the address there")
        elif kind in _NESTED:
            if self.wanted.model:
                self._model(node)
            self._nested(node, options, what)
        else:
            self._options(node, options, what)

    def _nested(self, node: SgNode, options: SgNode, what: str) -> None:
        """LangChain's classes hand a `configuration` on to the SDK."""
        inner = _pair(options, "configuration")
        if inner is None:
            if self.covered:
                self.defaults.append(line(node))
            else:
                self._insert(options, f"configuration: {{ baseURL: {self._address()} }}", what)
        elif bare(inner).kind() == "object":
            self._options(node, bare(inner), what)
        else:
            self._leave(node, what, f"its configuration comes from `{_short(inner)}`: give the address there")

    def _options(self, node: SgNode, options: SgNode, what: str) -> None:
        value = _pair(options, "baseURL") or _pair(options, "basePath")
        if value is not None:
            self._given(bare(value), what)
        elif any(child.kind() == "spread_element" or child.text() == "baseURL" for child in named(options)):
            self._leave(node, what, "its options come in part from elsewhere: give the address there")
        elif self.covered:
            self.defaults.append(line(node))
        else:
            self._insert(options, f"baseURL: {self._address()}", what)

    def _given(self, value: SgNode, what: str) -> None:
        literal = value.text()[1:-1] if value.kind() == "string" else None
        variable = _VARIABLE.match(value.text())
        if literal is not None and not same_address(literal, self.wanted.base_url):
            if may_replace(literal):
                span = value.range()
                self._edit(span.start.index + 1, span.end.index - 1, self.wanted.base_url, value, what)
            else:
                self._leave(value, what, points_elsewhere(literal))
        elif literal is None and variable:
            self.variables.append((variable.group(1) or variable.group(2), line(value)))
        elif literal is None:
            self._leave(value, what, f"it comes from `{_short(value)}`: set the address there")

    def _empty(self, node: SgNode, kind: str, what: str) -> None:
        """`new OpenAI()` and `new OpenAI`."""
        inside = f"{{ baseURL: {self._address()} }}"
        if kind in _NESTED:
            inside = f"{{ configuration: {inside} }}"
        given = node.field("arguments")
        if given is None:
            end = node.range().end.index
            self._edit(end, end, f"({inside})", node, what)
        else:
            span = given.range()
            self._edit(span.start.index + 1, span.end.index - 1, inside, node, what)

    def _insert(self, target: SgNode, pair: str, what: str) -> None:
        """A first property, with the blanks that part the others."""
        start = target.range().start.index + 1
        text = self.source.text
        inner = next(iter(named(target)), None)
        if inner is None:
            self._edit(start, target.range().end.index - 1, f" {pair} ", target, what)
            return
        first = inner.range().start.index
        blanks = text[start:first]
        if "\n" not in blanks:
            self._edit(first, first, f"{pair}, ", target, what)
            return
        indentation = re.search(r"[ \t]*$", blanks)
        ending = "\r\n" if "\r\n" in blanks else "\n"
        self._edit(first, first, f"{pair},{ending}{indentation.group() if indentation else ''}", target, what)

    def _address(self) -> str:
        address = quoted(self.wanted.base_url, self.source.text)
        return f"process.env.{VARIABLE} ?? {address}" if "process.env." in self.source.text else address

    def _fetched(self, node: SgNode) -> None:
        """OpenAI's address written out in a raw call."""
        given = arguments(node)
        text = given[0].text() if given and given[0].kind() in {"string", "template_string"} else ""
        if text[1:].startswith(OPENAI):
            start = given[0].range().start.index + 1
            self._edit(
                start,
                start + len(OPENAI),
                self.wanted.base_url,
                given[0],
                f"the address that {node.text().partition('(')[0]}(…) calls",
            )

    # -------------------------------------------------------------------------------------------------------- model

    def _model(self, node: SgNode) -> None:
        given = arguments(node)
        options = bare(given[0]) if given else None
        value = _pair(options, "model") if options is not None and options.kind() == "object" else None
        if value is None:
            return
        value = bare(value)
        if value.kind() != "string":
            self._leave(value, "model", f"it comes from `{_short(value)}`: set the model there")
        elif value.text()[1:-1] != self.wanted.model:
            span = value.range()
            self._edit(span.start.index + 1, span.end.index - 1, self.wanted.model or "", value, "model")

    # -------------------------------------------------------------------------------------------------------- parts

    def _edit(self, start: int, end: int, text: str, node: SgNode, what: str) -> None:
        self.edits.append(Edit(start=start, end=end, text=text, line=line(node), what=what))

    def _leave(self, node: SgNode, what: str, why: str) -> None:
        self.left.append(Left(file=self.source.path, line=line(node), what=what, why=why))


def _pair(target: SgNode, name: str) -> SgNode | None:
    """The value of a property that is written out."""
    for child in named(target):
        key = child.field("key") if child.kind() == "pair" else None
        if key is not None and key.text().strip("\"'") == name:
            return child.field("value")
    return None


def _short(node: SgNode) -> str:
    text = " ".join(node.text().split())
    return text if len(text) <= 40 else f"{text[:39]}…"
