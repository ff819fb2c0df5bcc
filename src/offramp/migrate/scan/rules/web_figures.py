"""TypeScript and JavaScript: figures that an application works out itself."""

import re
from collections.abc import Iterator

from ast_grep_py import SgNode

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.web_place import name_for, report, scope_of
from offramp.migrate.scan.rules.words.figures import (
    CHARACTERS_AS_TOKENS,
    FLOORED_SECONDS,
    WALL_CLOCK,
    WALL_TIME_COST,
    WORDS_AS_TOKENS,
)

_CALL = re.compile(r"\.(chat\.completions|responses|embeddings|completions)\.(create|parse|stream)\(")
_LENGTH = re.compile(r"(?!.*token)[\w.?!\[\]()]+\.length", re.IGNORECASE)
_WORDS = re.compile(r"""[\w.?!\[\]()]+\.split\((["'] ["']|/\\s\+?/\w*)\)(\.filter\(\w+\))?\.length""")
_FLOORED = re.compile(r"Math\.max\(\s*(?:1(?:\.0)?\s*,\s*(?P<a>[^,]+)|(?P<b>[^,]+),\s*1(?:\.0)?)\s*\)")
_TIME = re.compile(r"elapsed|duration|latency|seconds|secs|took|time", re.IGNORECASE)
_WAITED = re.compile(
    r"^(elapsed|duration|latency|responseTime|timeTaken|totalTime|wallTime)(S|Sec|Secs|Seconds|Time)?$"
)
_PER_SECOND = re.compile(r"(price|cost|rate|usd)\w*_?per_?sec(ond)?s?$", re.IGNORECASE)
_INTERESTING = re.compile(r"token|per_?sec", re.IGNORECASE)


def check(root: SgNode, source: Source, *, calls: bool) -> Iterator[Finding]:
    """What is wrong with the figures of a file; `calls` says whether it calls the API."""
    text = source.text
    if calls and "Date.now()" in text:
        yield from _clock(root, source)
    if not _INTERESTING.search(text):
        return
    if ".split(" in text:
        yield from _words(root, source)
    if re.search(r"\.length\)?\s*[/*]|Math\.max\(|per_?sec", text, re.IGNORECASE):
        for node in root.find_all(kind="binary_expression"):
            yield from _arithmetic(source, node)


def _arithmetic(source: Source, node: SgNode) -> Iterator[Finding]:
    left, right, sign = node.field("left"), node.field("right"), node.field("operator")
    if left is None or right is None or sign is None:
        return
    one, other = left.text(), right.text()
    quarter = (sign.text() == "/" and other in {"3", "3.5", "4", "4.0"}) or (sign.text() == "*" and other == "0.25")
    if quarter and _LENGTH.fullmatch(one) and "token" in name_for(node).lower():
        message = f"characters {sign.text()} {other} are no tokens: use `usage`, or a tokenizer"
        yield report(CHARACTERS_AS_TOKENS, source, node, message)
    floored = _FLOORED.fullmatch(other) if sign.text() == "/" else None
    if floored and "token" in one.lower() and _TIME.search(floored["a"] or floored["b"]):
        message = f"`{other}` understates every answer under a second: divide by the time itself"
        yield report(FLOORED_SECONDS, source, node, message)
    if sign.text() == "*":
        for waited, price in ((one, other), (other, one)):
            if _WAITED.search(waited.rpartition(".")[2]) and _PER_SECOND.search(price):
                message = f"`{waited}` is what the client waited, not what is billed: share the instance's bill instead"
                yield report(WALL_TIME_COST, source, node, message)


def _words(root: SgNode, source: Source) -> Iterator[Finding]:
    for node in root.find_all(kind="member_expression"):
        if node.text().endswith(".length") and _WORDS.fullmatch(node.text()) and "token" in name_for(node).lower():
            yield report(WORDS_AS_TOKENS, source, node, "words are no tokens: use `usage`, or a tokenizer")


def _clock(root: SgNode, source: Source) -> Iterator[Finding]:
    for node in root.find_all(kind="variable_declarator"):
        name, value = node.field("name"), node.field("value")
        if name is None or value is None or value.text() != "Date.now()":
            continue
        text = scope_of(node).text()
        if re.search(rf"Date\.now\(\)\s*-\s*{re.escape(name.text())}\b", text) and _CALL.search(text):
            message = f"`{name.text()}` is the clock on the wall, which is set: take `performance.now()` for a duration"
            yield report(WALL_CLOCK, source, node, message)
