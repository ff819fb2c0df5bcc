"""TypeScript and JavaScript: streams, errors, timeouts, caches, keys. Each check first looks for a word in the text."""

import re
from collections.abc import Iterator

from ast_grep_py import SgNode

from offramp.migrate.scan.kinds import is_test
from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.python_calls import SHORT_S
from offramp.migrate.scan.rules.python_prompts import SPECIAL
from offramp.migrate.scan.rules.web_figures import check as check_figures
from offramp.migrate.scan.rules.web_place import report
from offramp.migrate.scan.rules.words.caches import THIN_CACHE_KEY
from offramp.migrate.scan.rules.words.calls import SHORT_TIMEOUT, SWALLOWED
from offramp.migrate.scan.rules.words.conversation import ABSENT_USAGE, USAGE_CHUNK
from offramp.migrate.scan.rules.words.models import KEY_IN_BROWSER
from offramp.migrate.scan.rules.words.server import SPECIAL_STOPS

CALL = re.compile(r"\.(chat\.completions|responses|embeddings|completions)\.(create|parse|stream)\(")
"""A call of the API."""
_PROMPT = re.compile(r"(prompt|userPrompt|question|query|messages?|text|input|content)$")
_NUMBER = re.compile(r"[\d_.]+(?:\s*\*\s*[\d_.]+)*")


def check(root: SgNode, source: Source) -> Iterator[Finding]:
    """What is wrong in a file."""
    text = source.text
    if CALL.search(text):
        if "for await" in text:
            yield from _streams(root, source)
        if "catch" in text:
            yield from _swallowed(root, source)
        if re.search(r"\bstop\s*:", text):
            yield from _stops(root, source)
        if "createHash" in text and "cache" in text.lower():
            yield from _keys(root, source)
    if not is_test(source.path):
        if "OpenAI" in text and "timeout" in text:
            yield from _timeouts(root, source)
        if "dangerouslyAllowBrowser" in text:
            yield from _browser(root, source)
    yield from check_figures(root, source, calls=CALL.search(text) is not None)


# ---------------------------------------------------------------------------------------------------------- streams


def _streams(root: SgNode, source: Source) -> Iterator[Finding]:
    declared = {
        name.text(): value.text()
        for node in root.find_all(kind="variable_declarator")
        if (name := node.field("name")) is not None and (value := node.field("value")) is not None
    }
    for loop in root.find_all(kind="for_in_statement"):
        left, right, body = loop.field("left"), loop.field("right"), loop.field("body")
        if left is None or right is None or body is None or not re.fullmatch(r"\w+", left.text()):
            continue
        called = declared.get(right.text(), right.text())
        if CALL.search(called) and re.search(r"\bstream\s*:\s*true", called):
            yield from _loop(source, body, left.text(), asks="include_usage: true" in " ".join(called.split()))


def _loop(source: Source, body: SgNode, chunk: str, *, asks: bool) -> Iterator[Finding]:
    text = body.text()
    looked = re.search(rf"\b{chunk}\.(choices(\.length|\?\.|\s*[)&|?])|usage\s*[)&?|])", text)
    if looked is None and asks:
        node = _first(body, "subscript_expression", rf"{chunk}\.choices\[0\]")
        parent = node.parent() if node else None
        if node is not None and (parent is None or f"{node.text()}?." not in parent.text()):
            message = f"the last chunk carries the usage and no choices: write `{chunk}.choices[0]?.`"
            yield report(USAGE_CHUNK, source, node, message)
    if looked is None:
        node = _first(body, "member_expression", rf"{chunk}\.usage\.\w+")
        if node is not None:
            message = f"`{chunk}.usage` is null on all chunks but the last, and absent where a stream is cut: `?.`"
            yield report(ABSENT_USAGE, source, node, message)


def _first(body: SgNode, kind: str, pattern: str) -> SgNode | None:
    return next((node for node in body.find_all(kind=kind) if re.fullmatch(pattern, node.text())), None)


# ------------------------------------------------------------------------------------------------------------ calls


def _swallowed(root: SgNode, source: Source) -> Iterator[Finding]:
    for attempt in root.find_all(kind="try_statement"):
        body, caught = attempt.field("body"), attempt.field("handler")
        inside = caught.field("body") if caught else None
        if body is None or caught is None or inside is None or not CALL.search(body.text()):
            continue
        if not re.sub(r"//[^\n]*|/\*.*?\*/|\s", "", inside.text().strip("{}"), flags=re.DOTALL):
            message = "rate limits, timeouts, wrong keys and bugs all end here: catch the errors that you can answer"
            yield report(SWALLOWED, source, caught, message)


def _timeouts(root: SgNode, source: Source) -> Iterator[Finding]:
    for made in root.find_all(kind="new_expression"):
        name = made.field("constructor")
        if name is None or not name.text().endswith("OpenAI"):
            continue
        for pair in made.find_all(kind="pair"):
            value = pair.field("value")
            if _key(pair) != "timeout" or value is None or not _NUMBER.fullmatch(value.text()):
                continue
            seconds = _product(value.text()) / 1000
            if 0 < seconds <= SHORT_S:
                message = f"{seconds:g} s over a whole answer fire when the model is busy: give it a minute, and stream"
                yield report(SHORT_TIMEOUT, source, value, message)


def _product(text: str) -> float:
    result = 1.0
    for factor in text.replace("_", "").split("*"):
        result *= float(factor)
    return result


def _stops(root: SgNode, source: Source) -> Iterator[Finding]:
    for call in root.find_all(kind="call_expression"):
        function = call.field("function")
        if function is None or not CALL.search(f".{function.text()}("):
            continue
        for pair in call.find_all(kind="pair"):
            if _key(pair) != "stop":
                continue
            for text in pair.find_all(kind="string"):
                token = text.text().strip("\"'")
                if SPECIAL.fullmatch(token):
                    message = f"`{token}` is taken out of the text before stop strings are looked for: leave it out"
                    yield report(SPECIAL_STOPS, source, text, message)
                    break


def _keys(root: SgNode, source: Source) -> Iterator[Finding]:
    for call in root.find_all(kind="call_expression"):
        function = call.field("function")
        if function is None or not re.search(r"createHash\([^)]*\)\s*\.update$", function.text()):
            continue
        given = call.field("arguments")
        inner = (
            re.fullmatch(
                r"\(\s*(?:JSON\.stringify\()?\s*(?:\w+\.)*(\w+)\s*\)?\s*(?:,\s*[\"']utf-?8[\"']\s*)?\)", given.text()
            )
            if given
            else None
        )
        if inner and _PROMPT.search(inner.group(1)):
            message = f"the key holds only `{inner.group(1)}`: model, parameters, tools and tenant belong into it"
            yield report(THIN_CACHE_KEY, source, call, message)


def _browser(root: SgNode, source: Source) -> Iterator[Finding]:
    for pair in root.find_all(kind="pair"):
        value = pair.field("value")
        if _key(pair) == "dangerouslyAllowBrowser" and value is not None and value.text() == "true":
            yield report(KEY_IN_BROWSER, source, pair, "every visitor can read the key: call the model from a server")


def _key(pair: SgNode) -> str:
    key = pair.field("key")
    return key.text().strip("\"'") if key else ""
