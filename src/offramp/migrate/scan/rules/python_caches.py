"""Python: keys of caches, thresholds of semantic caches, gates of quality."""

import ast
import re
from collections.abc import Iterator

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import Code, dotted, last_name, names_in, number_of
from offramp.migrate.scan.rules.words.caches import BARE_GATE, ONE_THRESHOLD, THIN_CACHE_KEY

PROMPT = re.compile(
    r"^(self|prompts?|user_prompt|messages?|question|query|text|content|user_input|input_text)$", re.IGNORECASE
)
"""Names of what is asked."""
NEUTRAL = frozenset({"encode", "dumps", "json", "strip", "lower", "str", "join", "hashlib", "hexdigest", "orjson"})
_HASH = re.compile(r"^(hashlib\.)?(md5|sha1|sha224|sha256|sha384|sha512|blake2b|blake2s|sha3_256)$")
_SIMILAR = re.compile(r"similar|cosine|score", re.IGNORECASE)
_METRIC = re.compile(r"score|accuracy|quality|pass_rate|win_rate|f1", re.IGNORECASE)
_NEW = re.compile(r"(^|_)(candidate|new|local|vllm|target|challenger|migrated|own)(_|$)", re.IGNORECASE)
_OLD = re.compile(r"(^|_)(baseline|incumbent|openai|old|reference|control|gpt)(_|$)", re.IGNORECASE)
_GATE = re.compile(
    r"(score|accuracy|quality|pass_rate|win_rate|f1)\w*\s*[<>]=?\s*[\w.]*(score|accuracy|quality|pass_rate|win_rate|f1)"
)
_CAREFUL = re.compile(
    r"margin|interval|lower|upper|confidence|p_value|bootstrap|toleran|epsilon|mcnemar", re.IGNORECASE
)


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with the caches and gates of a file."""
    if code.mentions("cache"):
        yield from _keys(code)
        yield from _thresholds(code)
    if code.mentions("score", "accuracy", "quality", "_rate", "f1") and _GATE.search(code.lower):
        yield from _gates(code)


def _keys(code: Code) -> Iterator[Finding]:
    if not code.mentions("md5", "sha", "blake2") or not code.api_calls:
        return
    for call in code.all(ast.Call):
        if not _HASH.match(dotted(call.func)) or len(call.args) != 1:
            continue
        names = set(names_in(call.args[0])) - NEUTRAL
        if names - {"self"} and all(PROMPT.match(name) for name in names) and _for_cache(code, call):
            words = ", ".join(sorted(names - {"self"}))
            message = f"the key holds only `{words}`: model, parameters, tools and tenant belong into it"
            yield code.report(THIN_CACHE_KEY, call, message)


def _for_cache(code: Code, node: ast.AST) -> bool:
    """Whether the function or the class around it speaks of a cache."""
    owners = [code.scope(node), *(outer for outer in code.up(node) if isinstance(outer, ast.ClassDef))]
    return any("cache" in name.lower() for owner in owners for name in [getattr(owner, "name", ""), *names_in(owner)])


def _thresholds(code: Code) -> Iterator[Finding]:
    if not code.mentions("similar", "cosine", "score"):
        return
    for node in code.all(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Gt | ast.GtE):
            continue
        threshold = number_of(node.comparators[0])
        is_one = threshold is not None and 0.5 < threshold < 1
        is_one = is_one or "threshold" in last_name(node.comparators[0]).lower()
        if is_one and _SIMILAR.search(last_name(node.left)) and _in_cache(code, node):
            message = "one similarity parts right from wrong answers for no kind of question: measure the wrong hits"
            yield code.report(ONE_THRESHOLD, node, message)


def _in_cache(code: Code, node: ast.AST) -> bool:
    names = [getattr(outer, "name", "") for outer in code.up(node)]
    return any("cache" in name.lower() for name in [*names, code.source.path.rpartition("/")[2]])


def _gates(code: Code) -> Iterator[Finding]:
    if _CAREFUL.search(code.lower):
        return
    for node in code.all(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE):
            continue
        left, right = last_name(node.left), last_name(node.comparators[0])
        one_each = (_NEW.search(left) and _OLD.search(right)) or (_OLD.search(left) and _NEW.search(right))
        decides = isinstance(code.parent(node), ast.If | ast.Assert | ast.Return | ast.IfExp | ast.Assign)
        if one_each and decides and _METRIC.search(left) and _METRIC.search(right):
            message = "near equality this is a toss-up: fix a margin, compare in pairs, ask for the difference's bound"
            yield code.report(BARE_GATE, node, message)
