"""BAML: clients of OpenAI become `openai-generic` with an address.

Source: https://docs.boundaryml.com/ref/llm-client-providers/openai-generic.
"""

import re
from collections.abc import Iterator

from offramp.migrate.scan.fix.edits import Edit, Findings, Left, Wanted, may_replace, points_elsewhere, same_address
from offramp.migrate.scan.model import Source
from offramp.migrate.scan.rules.baml import Block, clients, closing

_PROVIDER = re.compile(r"^[ \t]*provider[ \t]+(?P<quote>[\"']?)(?P<name>[\w-]+)(?P=quote)", re.MULTILINE)
_OPTIONS = re.compile(r"^[ \t]*options[ \t]*\{", re.MULTILINE)
_BASE_URL = re.compile(r"^[ \t]*base_url[ \t]+(?P<value>\"[^\"\n]*\"|\S+)", re.MULTILINE)
_MODEL = re.compile(r"^[ \t]*model[ \t]+(?P<value>\"[^\"\n]*\"|[^\s{]+)", re.MULTILINE)
_SHORTHAND = re.compile(r"^[ \t]*client[ \t]+\"(?P<name>openai(?:-responses)?/[^\"]+)\"", re.MULTILINE)
_OURS = frozenset({"openai", "openai-generic", "openai-responses"})


def fix(source: Source, wanted: Wanted) -> Findings:
    """What must change in a file."""
    edits: list[Edit] = []
    left: list[Left] = []
    variables: list[tuple[str, int]] = []
    for block in clients(source.text):
        if block.provider in _OURS:
            found = _client(source, block, wanted)
            edits += found.edits
            left += found.left
            variables += found.variables
        elif "azure" in block.provider:
            why = "Azure's provider builds another address: take openai-generic instead"
            left.append(Left(file=source.path, line=_line(source, block.start), what=block.name, why=why))
    for match in _SHORTHAND.finditer(source.text):
        why = "a client in short form takes no address: write a client<llm> block and name it here"
        left.append(Left(file=source.path, line=_line(source, match.start()), what=match["name"], why=why))
    return Findings(edits=tuple(edits), left=tuple(left), variables=tuple(variables))


def _client(source: Source, block: Block, wanted: Wanted) -> Findings:
    text = source.text
    options = _OPTIONS.search(text, block.start, block.end)
    if options is None:
        why = "it has no options block: add base_url yourself"
        return Findings(left=(Left(file=source.path, line=_line(source, block.start), what=block.name, why=why),))
    end = closing(text, options.end())
    if "\n" not in text[options.end() : end]:
        why = "its options stand on one line: write one property per line, then run this again"
        return Findings(left=(Left(file=source.path, line=_line(source, block.start), what=block.name, why=why),))
    address = _BASE_URL.search(text, options.end(), end)
    generic = tuple(_generic(source, block))
    models = tuple(_model(source, options.end(), end, wanted))
    if address is None:
        return Findings(edits=(*generic, _added(source, block, options.end(), wanted), *models))
    given = address["value"]
    if given.startswith("env."):
        return Findings(
            edits=(*generic, *models), variables=((given.removeprefix("env."), _line(source, address.start())),)
        )
    literal = given.strip('"')
    if same_address(literal, wanted.base_url):
        return Findings(edits=(*generic, *models))
    if not may_replace(literal):
        left = Left(
            file=source.path,
            line=_line(source, address.start()),
            what=f"base_url of {block.name}",
            why=points_elsewhere(literal),
        )
        return Findings(left=(left,))
    start, stop = address.span("value")
    edit = _edit(source, start, stop, f'"{wanted.base_url}"', f"base_url of {block.name}")
    return Findings(edits=(*generic, edit, *models))


def _generic(source: Source, block: Block) -> Iterator[Edit]:
    """`provider openai` -> `provider openai-generic`; the Responses API keeps its own provider."""
    provider = _PROVIDER.search(source.text, block.start, block.end)
    if provider is not None and provider["name"] == "openai":
        start, end = provider.span("name")
        yield _edit(source, start, end, "openai-generic", f"provider of {block.name}")


def _model(source: Source, start: int, end: int, wanted: Wanted) -> Iterator[Edit]:
    match = _MODEL.search(source.text, start, end)
    if wanted.model is None or match is None or match["value"].startswith("env."):
        return
    if match["value"].strip('"') != wanted.model:
        yield _edit(source, *match.span("value"), f'"{wanted.model}"', "model")


def _added(source: Source, block: Block, inside: int, wanted: Wanted) -> Edit:
    """A first line of the options, indented as the next one."""
    rest = source.text[inside:]
    ending = "\r\n" if rest.lstrip(" \t").startswith("\r\n") else "\n"
    following = re.search(r"\n(?P<indentation>[ \t]*)[^\s}]", rest)
    indentation = following["indentation"] if following else "    "
    text = f'{ending}{indentation}base_url "{wanted.base_url}"'
    return _edit(source, inside, inside, text, f"base_url of {block.name}")


def _edit(source: Source, start: int, end: int, text: str, what: str) -> Edit:
    return Edit(start=start, end=end, text=text, line=_line(source, start), what=what)


def _line(source: Source, position: int) -> int:
    return source.text.count("\n", 0, position) + 1
