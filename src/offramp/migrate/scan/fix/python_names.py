"""What a Python file calls the classes whose clients can be moved, and where an argument stands in its text."""

import ast
import re
from dataclasses import dataclass

SDK = frozenset({"OpenAI", "AsyncOpenAI"})
AZURE = frozenset({"AzureOpenAI", "AsyncAzureOpenAI", "AzureChatOpenAI", "AzureOpenAIEmbeddings"})
ARGUMENT = {
    ("openai", "OpenAI"): "base_url",
    ("openai", "AsyncOpenAI"): "base_url",
    ("openai", "Client"): "base_url",
    ("openai", "AsyncClient"): "base_url",
    ("langfuse", "OpenAI"): "base_url",
    ("langfuse", "AsyncOpenAI"): "base_url",
    ("langsmith", "OpenAI"): "base_url",
    ("posthog", "OpenAI"): "base_url",
    ("langchain_openai", "ChatOpenAI"): "base_url",
    ("langchain_openai", "OpenAI"): "base_url",
    ("langchain_openai", "OpenAIEmbeddings"): "base_url",
    ("langchain_community", "ChatOpenAI"): "base_url",
    ("langchain_community", "OpenAIEmbeddings"): "base_url",
    ("langchain", "ChatOpenAI"): "base_url",
    ("llama_index", "OpenAI"): "api_base",
    ("llama_index", "OpenAIEmbedding"): "api_base",
    ("pydantic_ai", "OpenAIProvider"): "base_url",
    ("agno", "OpenAIChat"): "base_url",
}
"""The argument that takes the address, by the library's top-level name and the class."""
ALSO = ("base_url", "api_base", "openai_api_base")
"""Names under which an address may already be given."""

_BREAK = re.compile(r"\r\n|\r|\n")
_LEADING = re.compile(r"(?P<space>[ \t]*)(?P<comment>#[^\r\n]*)?(?P<break>\r\n|\r|\n)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the imports of a file bind."""

    classes: dict[str, tuple[str, str]]
    """Name in the file -> library and class."""
    modules: dict[str, str]
    """Name in the file -> library, for whole modules."""
    os: str
    """What `os` is called here; empty if it is not imported at the top."""

    def made_by(self, call: ast.Call) -> tuple[str, str] | None:
        """Library and class of what a call makes; `None` for anything else."""
        if isinstance(call.func, ast.Name):
            return self.classes.get(call.func.id)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            library = self.modules.get(call.func.value.id)
            return (library, call.func.attr) if library else None
        return None


def names(tree: ast.Module) -> Names:
    """What the imports of a file bind, wherever they stand in it."""
    classes: dict[str, tuple[str, str]] = {}
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            root = node.module.partition(".")[0]
            for alias in node.names:
                classes[alias.asname or alias.name] = (root, alias.name)
                if alias.name == "openai":
                    modules[alias.asname or alias.name] = root
        elif isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name.partition(".")[0]] = alias.name.partition(".")[0]
    top = (alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names)
    os = next((alias.asname or "os" for alias in top if alias.name == "os"), "")
    return Names(classes=classes, modules=modules, os=os)


class Places:
    """Where nodes stand in a text, as offsets of characters."""

    def __init__(self, text: str) -> None:
        """Find the lines as the parser counts them."""
        self.text = text
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def at(self, line: int, column_bytes: int) -> int:
        """The offset of a line and a column in bytes of UTF-8."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + column_bytes
        return start + len(content.encode("utf-8", "surrogatepass")[:column_bytes].decode("utf-8", "surrogatepass"))

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Start and end of an expression."""
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.at(node.lineno, node.col_offset), self.at(end_line, end)

    def inside(self, call: ast.Call) -> int:
        """Behind the opening bracket of a call's arguments."""
        position = self.span(call.func)[1]
        while self.text[position] != "(":
            # Between a function and its bracket only blanks, comments, line ends and closing brackets can stand.
            position = self._behind_comment(position) if self.text[position] == "#" else position + 1
        return position + 1

    def _behind_comment(self, position: int) -> int:
        match = _BREAK.search(self.text, position)
        return match.end() if match else len(self.text)

    def separator(self, position: int) -> tuple[int, str]:
        """Where a first argument goes behind an opening bracket, and what parts it from the next one.

        On one line that is a blank; over several lines the line end and the indentation of the argument that is there.
        """
        match = _LEADING.match(self.text, position)
        if match is None or not match["break"]:
            return position, " "
        start = match.end()
        indentation = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t]*").match(self.text, start)
        first = indentation.end() if indentation else start
        blank = first
        while blank > start and self.text[blank - 1] in " \t":
            blank -= 1
        return first, f"{match['break']}{self.text[blank:first]}"
