"""Python: loops over streams, and conversations that are kept."""

import ast
import re
from collections.abc import Callable, Iterator

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import (
    Code,
    Function,
    Loop,
    dotted,
    entry,
    inside,
    is_api_call,
    is_true,
    keyword,
    last_name,
    text_of,
    without_await,
    without_key,
)
from offramp.migrate.scan.rules.words.conversation import ABSENT_USAGE, LATE_TURN, UNBOUNDED_HISTORY, USAGE_CHUNK

_LEAVES = (ast.Continue, ast.Break, ast.Return, ast.Raise)
_FRAGILE = re.compile(r"(^|_)(cost|costs|price|prices|pricing|stats|statistics|usage|bill)(_|$)", re.IGNORECASE)


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with streams and conversations in a file."""
    if not code.may_call and ".usage" not in code.source.text:
        return
    loops: list[Loop] = [*code.all(ast.For), *code.all(ast.AsyncFor)]
    for loop in loops:
        if isinstance(loop.target, ast.Name):
            yield from _stream(code, loop, loop.target.id)
    yield from _late_turns(code)
    yield from _endless(code)


# ---------------------------------------------------------------------------------------------------------- streams


def _stream(code: Code, loop: Loop, chunk: str) -> Iterator[Finding]:
    call = _call_behind(code, loop)
    streams = call is not None and is_true(keyword(call, "stream"))
    asks = call is not None and is_true(entry(keyword(call, "stream_options"), "include_usage"))
    reads_usage = any(_is_field(node, chunk, "usage") for node in inside(loop))
    first = [
        node for node in inside(loop) if isinstance(node, ast.Subscript) and _is_field(node.value, chunk, "choices")
    ]
    if asks or (reads_usage and (streams or call is None)):
        bare = [node for node in first if not _guarded(code, loop, node, chunk)]
        if bare:
            node = min(bare, key=lambda each: each.lineno)
            message = (
                f"the last chunk carries the usage and no choices: look whether `{chunk}.choices` holds anything first"
            )
            yield code.report(USAGE_CHUNK, node, message)
    if streams or (call is None and first):
        yield from _usage(code, loop, chunk)


def _usage(code: Code, loop: Loop, chunk: str) -> Iterator[Finding]:
    read = [
        node
        for node in inside(loop)
        if isinstance(node, ast.Attribute)
        and _is_field(node.value, chunk, "usage")
        and not _guarded(code, loop, node, chunk)
    ]
    if read:
        node = min(read, key=lambda each: each.lineno)
        message = f"`{chunk}.usage` is null on all chunks but the last, and absent where a stream is cut: look first"
        yield code.report(ABSENT_USAGE, node, message)


def _call_behind(code: Code, loop: Loop) -> ast.Call | None:
    """The API call that a loop runs over: written there, assigned to a name, or opened by `with`."""
    over = without_await(loop.iter)
    if isinstance(over, ast.Name):
        name = over.id
        over = code.assigned(name, loop) or over
        for outer in code.up(loop):
            for item in outer.items if isinstance(outer, ast.With | ast.AsyncWith) else ():
                if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
                    over = without_await(item.context_expr)
    return over if isinstance(over, ast.Call) and is_api_call(over) else None


def _is_field(node: ast.AST, chunk: str, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == chunk
    )


def _guarded(code: Code, loop: Loop, node: ast.AST, chunk: str) -> bool:
    """Whether something around a node, or above it in the loop, has looked at the chunk's choices or usage."""
    below = node
    for outer in code.up(node):
        if _tests_around(outer, below, chunk):
            return True
        if outer is loop:
            break
        below = outer
    line = getattr(node, "lineno", 0)
    return any(
        isinstance(earlier, ast.If)
        and earlier.lineno < line
        and _looks(earlier.test, chunk)
        and isinstance(earlier.body[-1], _LEAVES)
        for earlier in inside(loop)
    )


def _tests_around(outer: ast.AST, below: ast.AST, chunk: str) -> bool:
    if isinstance(outer, ast.If | ast.IfExp | ast.While):
        return below is not outer.test and _looks(outer.test, chunk)
    if isinstance(outer, ast.BoolOp):
        before = outer.values[: outer.values.index(below)] if below in outer.values else []
        return any(_looks(value, chunk) for value in before)
    if isinstance(outer, ast.comprehension | ast.ListComp | ast.GeneratorExp):
        generators = [outer] if isinstance(outer, ast.comprehension) else outer.generators
        return any(_looks(test, chunk) for generator in generators for test in generator.ifs)
    return isinstance(outer, ast.Try) and any(_catches_index(caught) for caught in outer.handlers)


def _catches_index(caught: ast.ExceptHandler) -> bool:
    wanted = {"IndexError", "LookupError", "AttributeError"}
    return caught.type is not None and bool(wanted & {last_name(node) for node in ast.walk(caught.type)})


def _looks(test: ast.expr, chunk: str) -> bool:
    """Whether a test asks about `chunk.choices` as a whole (not about its first element) or about `chunk.usage`."""
    indexed = {id(node.value) for node in ast.walk(test) if isinstance(node, ast.Subscript)}
    deeper = {id(node.value) for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return any(
        (_is_field(node, chunk, "choices") and id(node) not in indexed)
        or (_is_field(node, chunk, "usage") and id(node) not in deeper)
        for node in ast.walk(test)
    )


# ---------------------------------------------------------------------------------------------------- conversations


def _late_turns(code: Code) -> Iterator[Finding]:
    """Statements that may fail between an answer and the line that keeps it."""
    for append in code.all(ast.Call):
        if not _appends(append, "assistant"):
            continue
        statement = code.parent(append)
        block = _block_of(code, statement)
        if not isinstance(statement, ast.Expr) or block is None:
            continue
        before = block[: block.index(statement)]
        asked = [index for index, each in enumerate(before) if any(_asks(node) for node in ast.walk(each))]
        between = before[asked[-1] + 1 :] if asked else []
        fragile = next((each for each in between if _may_fail(each)), None)
        if fragile is not None:
            message = "if this fails, the answer is lost: add the assistant's turn to the conversation before it"
            yield code.report(LATE_TURN, fragile, message)


def _asks(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and is_api_call(node)


def _may_fail(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Try | ast.If | Function):
        return False
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "usage":
            return True
        if isinstance(node, ast.Call) and _FRAGILE.search(last_name(node.func)):
            return True
    return False


def _block_of(code: Code, statement: ast.AST | None) -> list[ast.stmt] | None:
    """The list of statements that a statement stands in."""
    outer = code.parent(statement) if statement else None
    for name in ("body", "orelse", "finalbody"):
        block = getattr(outer, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return None


def _endless(code: Code) -> Iterator[Finding]:
    """Conversations that grow with every turn and are sent whole."""
    for loop in code.all(ast.While):
        if isinstance(loop.test, ast.Constant) and loop.test.value:
            yield from _grows(code, loop, lambda name: "." not in name)
    for owner in code.all(ast.ClassDef):
        yield from _grows(code, owner, lambda name: name.startswith("self."))


def _grows(code: Code, scope: ast.While | ast.ClassDef, kept: Callable[[str], bool]) -> Iterator[Finding]:
    nodes = list(ast.walk(scope))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    for call in calls:
        sent = (keyword(call, "messages") or keyword(call, "input")) if is_api_call(call) else None
        name = dotted(sent) if isinstance(sent, ast.Name | ast.Attribute) else ""
        if not name or not kept(name):
            continue
        turns = [each for each in calls if _appends(each, "user") and dotted(_target(each)) == name]
        if turns and not any(_shrinks(node, name) for node in nodes):
            message = f"`{name}` grows with every turn and is sent whole: keep what fits a budget of tokens"
            yield code.report(UNBOUNDED_HISTORY, min(turns, key=lambda each: each.lineno), message)
            return


def _target(append: ast.Call) -> ast.expr:
    return append.func.value if isinstance(append.func, ast.Attribute) else append.func


def _appends(call: ast.Call, role: str) -> bool:
    """Whether it is `….append({"role": ROLE, …})`."""
    is_append = isinstance(call.func, ast.Attribute) and call.func.attr == "append" and len(call.args) == 1
    return is_append and text_of(entry(call.args[0], "role")) == role


def _shrinks(node: ast.AST, name: str) -> bool:
    """Whether it takes something out of the list, replaces it, or hands it to somebody who may."""
    if isinstance(node, ast.Call):
        own = isinstance(node.func, ast.Attribute) and dotted(node.func.value) == name
        if own:
            return last_name(node.func) in {"pop", "clear", "remove", "popleft"}
        return not is_api_call(node) and any(dotted(each) == name for each in node.args)
    if isinstance(node, ast.Delete):
        return any(dotted(without_key(target)) == name for target in node.targets)
    if isinstance(node, ast.Assign):
        return any(dotted(without_key(target)) == name for target in node.targets) and not _is_start(node.value)
    return False


def _is_start(value: ast.expr) -> bool:
    """Whether it is how a conversation begins: a list that is written down."""
    return isinstance(value, ast.List)
