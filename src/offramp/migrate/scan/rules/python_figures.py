"""Python: figures that an application works out itself, caches of answers and gates of quality."""

import ast
import re
from collections.abc import Iterator

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import (
    Code,
    Function,
    dotted,
    last_name,
    names_in,
    number_of,
    text_of,
    without_key,
)
from offramp.migrate.scan.rules.words.figures import (
    CACHED_TOKENS,
    CHARACTERS_AS_TOKENS,
    FLOORED_SECONDS,
    PRICE_TABLE,
    WALL_CLOCK,
    WALL_TIME_COST,
    WORDS_AS_TOKENS,
)

TIME = re.compile(
    r"(^|_)(elapsed|duration|latency|seconds|secs|response_time|time_taken|total_time|wall_time|runtime)(_|$)|^(time|dt|took)$",
    re.IGNORECASE,
)
"""Names of a time that was measured."""
WAITED = re.compile(
    r"^(elapsed|duration|latency|response_time|time_taken|total_time|wall_time|runtime|inference_time|generation_time)"
    r"(_s|_sec|_secs|_seconds|_time)?$",
    re.IGNORECASE,
)
"""Names of the time that a client waited; `billed_s` and its like are not among them."""
PER_SECOND = re.compile(r"(price|cost|rate|usd)\w*_per_(s|sec|second)s?$", re.IGNORECASE)
TABLE = re.compile(r"(^|_)(prices?|pricing|costs?|rates?)(_|$)", re.IGNORECASE)
MODEL = re.compile(r"gpt|claude|llama|mistral|mixtral|qwen|gemini|deepseek|embedding|^o\d", re.IGNORECASE)
LLM = ("openai", "llm", "gpt", "completion", "anthropic", "prompt_tokens")
"""A file without any of these is about something else."""

_ARITHMETIC = re.compile(r"len\([^\n]*\)\s*(?://?|\*)|\*\s*len\(|/\s*max\(|_per_s", re.IGNORECASE)
_TABLES = re.compile(r"(price|pricing|cost|rate)\w*[^=\n]{0,40}=\s*\{", re.IGNORECASE)
_THROUGH = frozenset({"int", "round", "max", "min", "ceil", "floor", "float", "sum"})


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with the figures of a file."""
    text = code.source.text
    if code.mentions("token", "per_s") and _ARITHMETIC.search(text):
        yield from _divisions(code)
    yield from _cached(code)
    yield from _clock(code)
    if code.mentions(*LLM):
        if "split(" in text and code.mentions("token"):
            yield from _words(code)
        if _TABLES.search(text):
            yield from _price_tables(code)


# ----------------------------------------------------------------------------------------------------------- counts


def _divisions(code: Code) -> Iterator[Finding]:
    for node in code.all(ast.BinOp):
        if isinstance(node.op, ast.Div | ast.FloorDiv):
            yield from _quotient(code, node)
        elif isinstance(node.op, ast.Mult):
            yield from _product(code, node)


def _quotient(code: Code, node: ast.BinOp) -> Iterator[Finding]:
    if _is_length(node.left) and number_of(node.right) in {3.0, 3.5, 4.0} and _for_tokens(code, node):
        divisor = ast.unparse(node.right)
        message = f"characters divided by {divisor} are no tokens: use `usage`, or a tokenizer"
        yield code.report(CHARACTERS_AS_TOKENS, node, message)
    if isinstance(node.op, ast.Div) and _is_floored(node.right) and _about(node.left, "token"):
        message = f"`{ast.unparse(node.right)}` understates every answer under a second: divide by the time itself"
        yield code.report(FLOORED_SECONDS, node, message)


def _product(code: Code, node: ast.BinOp) -> Iterator[Finding]:
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if _is_length(one) and number_of(other) == 0.25 and _for_tokens(code, node):
            yield code.report(
                CHARACTERS_AS_TOKENS, node, "a quarter of the characters are no tokens: use `usage`, or a tokenizer"
            )
        if WAITED.search(last_name(one)) and PER_SECOND.search(last_name(other)):
            message = (
                f"`{last_name(one)}` is what the client waited, not what is billed: share the instance's bill instead"
            )
            yield code.report(WALL_TIME_COST, node, message)


def _is_length(node: ast.expr) -> bool:
    """Whether it is the length of a text (of what is not called tokens)."""
    if not isinstance(node, ast.Call) or last_name(node.func) != "len" or len(node.args) != 1:
        return False
    return not any("token" in name.lower() for name in names_in(node.args[0]))


def _is_floored(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or last_name(node.func) != "max" or len(node.args) != 2:
        return False
    return any(number_of(each) == 1 for each in node.args) and any(TIME.search(name) for name in names_in(node))


def _about(node: ast.AST, word: str) -> bool:
    return any(word in name.lower() for name in names_in(node))


def _words(code: Code) -> Iterator[Finding]:
    for call in code.all(ast.Call):
        if last_name(call.func) != "len" or len(call.args) != 1 or not isinstance(call.args[0], ast.Call):
            continue
        split = call.args[0]
        by_space = not split.args or text_of(split.args[0]) == " "
        if (
            isinstance(split.func, ast.Attribute)
            and split.func.attr == "split"
            and by_space
            and _for_tokens(code, call)
        ):
            yield code.report(WORDS_AS_TOKENS, call, "words are no tokens: use `usage`, `token_ids`, or a tokenizer")


def _for_tokens(code: Code, node: ast.AST) -> bool:
    """Whether a value is called tokens where it ends up: by a name, a key, an argument, or its function."""
    below = node
    for outer in code.up(node):
        if isinstance(outer, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
            targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
            return any(
                "token" in last_name(without_key(target)).lower() or _key_of_tokens(target) for target in targets
            )
        if isinstance(outer, ast.keyword):
            return "token" in (outer.arg or "")
        if isinstance(outer, ast.Dict):
            key = next((key for key, value in zip(outer.keys, outer.values, strict=True) if value is below), None)
            return "token" in (text_of(key) or "").lower()
        if isinstance(outer, ast.Return):
            function = code.function(outer)
            return function is not None and "token" in function.name.lower()
        if isinstance(outer, ast.Call) and last_name(outer.func) not in _THROUGH:
            return False
        if not isinstance(outer, ast.BinOp | ast.BoolOp | ast.IfExp | ast.Call | ast.UnaryOp):
            return False
        below = outer
    return False


def _key_of_tokens(target: ast.expr) -> bool:
    return isinstance(target, ast.Subscript) and "token" in (text_of(target.slice) or "").lower()


# ------------------------------------------------------------------------------------------------------------- time


def _clock(code: Code) -> Iterator[Finding]:
    if "time(" not in code.source.text or not code.may_call or "time" not in code.modules:
        return
    scopes = {id(scope): scope for call in code.api_calls for scope in [code.scope(call)]}
    for scope in scopes.values():
        starts = {
            target.id: node
            for node in code.all(ast.Assign)
            if code.scope(node) is scope and _is_now(code, node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        taken = {
            node.right.id
            for node in code.all(ast.BinOp)
            if isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name) and code.scope(node) is scope
            if _is_now(code, node.left) or (isinstance(node.left, ast.Name) and node.left.id in starts)
        }
        for name in sorted(taken & set(starts)):
            message = f"`{name}` is the clock on the wall, which is set: take `time.monotonic()` for a duration"
            yield code.report(WALL_CLOCK, starts[name], message)


def _is_now(code: Code, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or node.args:
        return False
    name = dotted(node.func)
    return name == "time.time" or (name == "time" and "from time import" in code.source.text)


# ------------------------------------------------------------------------------------------------------------ money


def _cached(code: Code) -> Iterator[Finding]:
    if "cached_tokens" not in code.source.text:
        return
    for node in code.all(ast.Attribute):
        if node.attr != "cached_tokens" or not last_name(node.value).endswith("details"):
            continue
        if isinstance(code.parent(node), ast.BinOp | ast.AugAssign) and not _asked_before(code, node):
            yield code.report(
                CACHED_TOKENS, node, "`cached_tokens` may be null, and its details absent: write `… or 0`"
            )


def _asked_before(code: Code, node: ast.AST) -> bool:
    for outer in code.up(node):
        if isinstance(outer, ast.If | ast.IfExp) and "cached_tokens" in ast.unparse(outer.test):
            return True
        if isinstance(outer, Function):
            return False
    return False


def _price_tables(code: Code) -> Iterator[Finding]:
    assigned: list[ast.Assign | ast.AnnAssign] = [*code.all(ast.Assign), *code.all(ast.AnnAssign)]
    tables = {name for node in assigned for name in _price_table(node)}
    if not tables:
        return
    for node in code.all(ast.Subscript):
        name = last_name(node.value)
        is_read = isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Name | ast.Attribute)
        if name in tables and is_read and not _known_to_be_in(code, node, name):
            key = ast.unparse(node.slice)
            message = f"`{name}[{key}]` raises KeyError for a model without a price: use `.get` and say *unpriced*"
            yield code.report(PRICE_TABLE, node, message)


def _price_table(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """The names of a literal table from models to prices."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    keys = [text_of(key) or "" for key in node.value.keys] if isinstance(node.value, ast.Dict) else []
    if any(MODEL.search(key) for key in keys):
        yield from (last_name(target) for target in targets if TABLE.search(last_name(target)))


def _known_to_be_in(code: Code, node: ast.Subscript, table: str) -> bool:
    """Whether its function asks `in TABLE`, runs over the table, or catches what is raised."""
    scope = code.scope(node)
    for inner in ast.walk(scope):
        if isinstance(inner, ast.Compare) and any(last_name(each) == table for each in inner.comparators):
            return True
        if isinstance(inner, ast.For | ast.comprehension) and table in set(names_in(inner.iter)):
            return True
    tries = [outer for outer in code.up(node) if isinstance(outer, ast.Try)]
    return any(each.handlers for each in tries)
