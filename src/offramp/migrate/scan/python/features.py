"""Which features a call uses, in the words of `wire.features`, from its arguments."""

import ast

from offramp.migrate.scan.model import in_order
from offramp.migrate.scan.python.arguments import Arguments, Given, members_of
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import Made, Node, Outside, Own, Reading, Text, Values

_BY_ARGUMENT = {
    "tools": "tools",
    "functions": "tools",
    "logprobs": "logprobs",
    "top_logprobs": "logprobs",
    "seed": "seed",
    "stop": "stop",
    "logit_bias": "logit_bias",
    "parallel_tool_calls": "parallel_tool_calls",
    "reasoning_effort": "reasoning",
    "reasoning": "reasoning",
    "prediction": "prediction",
    "web_search_options": "web_search",
    "previous_response_id": "previous_response",
    "conversation": "previous_response",
    "audio": "audio",
    "response_model": "structured_output",
    "output_type": "structured_output",
    "result_type": "structured_output",
    "text_format": "structured_output",
    "guided_json": "structured_output",
    "structured_outputs": "structured_output",
}
"""Arguments whose presence is a feature."""

_BY_TRUTH = {"stream": "streaming", "streaming": "streaming", "store": "store", "logprobs": "logprobs"}
"""Arguments that are a feature only where they are true."""

_BY_PART = {
    "image_url": "vision",
    "input_image": "vision",
    "image_file": "vision",
    "input_audio": "audio",
    "file": "files",
    "input_file": "files",
    "role tool": "tool_history",
    "role function": "tool_history",
    "function_call_output": "tool_history",
    "web_search": "web_search",
    "web_search_preview": "web_search",
    "file_search": "files",
}
_BY_FORMAT = {"json_schema": "structured_output", "json_object": "json_mode", "structural_tag": "structured_output"}
_PROMPTS = ("messages", "input", "prompt")
_NOT_GIVEN = ("NOT_GIVEN", "NotGiven", "omit", "Omit", "UNSET")


def features_of(reading: Reading, arguments: Arguments, scope: Scope, *, method: str = "") -> tuple[str, ...]:
    """The features that a call may use.

    Args:
        reading: Reads what arguments are.
        arguments: What the call is given, or the JSON that it sends.
        scope: Where it stands; content parts that are put together there belong to it.
        method: The name of what is called.
    """
    found = {
        word for name, word in _BY_ARGUMENT.items() if name not in _BY_TRUTH and _is_given(reading, arguments, name)
    }
    found |= {word for name, word in _BY_TRUTH.items() if _may_be_true(reading, arguments, name)}
    if _more_than_one(reading, arguments, "n") or _more_than_one(reading, arguments, "best_of"):
        found.add("n")
    if method in {"stream", "create_partial", "create_and_stream", "submit_tool_outputs_stream"}:
        found.add("streaming")
    if method == "parse" and ({"response_format", "text_format"} & arguments.named.keys()):
        found.add("structured_output")
    if "response_model" in arguments.named and _is_given(reading, arguments, "response_model"):
        found.add("tools")
    found |= _of_options(reading, arguments) | _of_format(reading, arguments) | _of_parts(reading, arguments, scope)
    return in_order(found)


def _is_given(reading: Reading, arguments: Arguments, name: str) -> bool:
    if name not in arguments.named:
        return False
    values = arguments.values(reading, name)
    return not values or any(not is_nothing(value) and not _is_empty(value) for value in values)


def is_nothing(value: object) -> bool:
    """Whether it means that an argument is left out."""
    if isinstance(value, Text):
        return value.value is None
    name = value.name if isinstance(value, Outside) else value.of if isinstance(value, Made) else ""
    return name.endswith(_NOT_GIVEN)


def _is_empty(value: object) -> bool:
    return (
        isinstance(value, Node)
        and isinstance(value.expr, (ast.List, ast.Dict))
        and not ast.unparse(value.expr).strip("[]{}")
    )


def _may_be_true(reading: Reading, arguments: Arguments, name: str) -> bool:
    if name not in arguments.named:
        return False
    values = arguments.values(reading, name)
    return not values or any(
        not (isinstance(value, Text) and not value.value) and not is_nothing(value) for value in values
    )


def _more_than_one(reading: Reading, arguments: Arguments, name: str) -> bool:
    if name not in arguments.named:
        return False
    values = arguments.values(reading, name)
    return not values or any(
        value.value > 1 if isinstance(value, Text) and isinstance(value.value, int) else not is_nothing(value)
        for value in values
    )


def _of_options(reading: Reading, arguments: Arguments) -> set[str]:
    """Of what stands in dictionaries: `stream_options`, `modalities`, `tools`, `extra_body`, `text`."""
    found = set()
    options = _members(reading, arguments, "stream_options")
    if _may_be_true(reading, options, "include_usage") or _may_be_true(reading, arguments, "stream_usage"):
        found.add("usage_asked")
    more = (
        _members(reading, arguments, "extra_body").named.keys()
        | _members(reading, arguments, "model_kwargs").named.keys()
    )
    found |= {_BY_ARGUMENT[name] for name in more if name in _BY_ARGUMENT}
    if any("audio" in _words(node) for node in _nodes(reading, arguments, "modalities")):
        found.add("audio")
    for node in _nodes(reading, arguments, "tools"):
        found |= {_BY_PART[word] for word in _words(node) if word in _BY_PART}
    return found


def _of_format(reading: Reading, arguments: Arguments) -> set[str]:
    found = set()
    given = arguments
    if "text" in arguments.named:
        given = Arguments(named={"response_format": _members(reading, arguments, "text").named.get("format", [])})
    for each in given.named.get("response_format", ()):
        values = reading.settled(reading.values(each.expr, each.scope))
        if any(isinstance(value, (Own, Made)) for value in values):
            found.add("structured_output")
        kinds = members_of(reading, each.expr, each.scope).values(reading, "type")
        words = {str(kind.value) for kind in kinds if isinstance(kind, Text)}
        found |= {_BY_FORMAT[word] for word in words if word in _BY_FORMAT}
        if not kinds and not values:
            found.add("structured_output")
    return found


def _of_parts(reading: Reading, arguments: Arguments, scope: Scope) -> set[str]:
    """Of content parts in the messages, and in the functions that put them together."""
    parts = set(scope.parts) if scope.kind == "function" else set()
    for name in _PROMPTS:
        for given in arguments.named.get(name, ()):
            parts |= given.scope.parts if given.scope.kind == "function" else set()
            nodes = [value.expr for value in reading.values(given.expr, given.scope) if isinstance(value, Node)]
            for each in [part for expr in (given.expr, *nodes) for part in ast.walk(expr)]:
                if isinstance(each, ast.Call):
                    parts |= _parts_of_call(reading, each, given)
                elif isinstance(each, ast.Dict):
                    parts |= _parts_of_dict(each)
    return {_BY_PART[part] for part in parts if part in _BY_PART}


def _parts_of_dict(node: ast.Dict) -> set[str]:
    pairs = zip(node.keys, node.values, strict=True)
    texts = [
        (key.value, value.value)
        for key, value in pairs
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
    ]
    words = ((str(key), str(value)) for key, value in texts if isinstance(key, str) and isinstance(value, str))
    return {f"role {value}" if key == "role" else value for key, value in words if key in {"type", "role"}}


def _parts_of_call(reading: Reading, call: ast.Call, given: Given) -> set[str]:
    values = reading.settled(reading.values(call.func, given.scope))
    return {part for value in values if isinstance(value, Own) for part in value.scope.parts}


def _members(reading: Reading, arguments: Arguments, name: str) -> Arguments:
    found = Arguments()
    for given in arguments.named.get(name, ()):
        for key, values in members_of(reading, given.expr, given.scope).named.items():
            for value in values:
                found.add(key, value)
    return found


def _nodes(reading: Reading, arguments: Arguments, name: str) -> list[Node]:
    values: Values = arguments.values(reading, name)
    return [value for value in values if isinstance(value, Node)]


def _words(node: Node) -> set[str]:
    return {
        each.value for each in ast.walk(node.expr) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
