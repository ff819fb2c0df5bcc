"""What a simulated answer will say: prose, JSON for a schema, or a tool call."""

from dataclasses import dataclass
from enum import StrEnum

from offramp.upstream.simulated.invention import invent_json
from offramp.upstream.simulated.parameters import ChatParameters, Object
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.words import Text, cut_to_pieces, limited, prose, until_stop

ASKED_FOR_A_TOOL = ("call a tool", "use a tool", "call the tool", "use the tool")
"""With `tool_choice: auto` a tool is called if the last message holds one of these or a tool's name."""


class Form(StrEnum):
    """What the pieces of a text are."""

    CONTENT = "content"
    TOOL = "tool"
    FUNCTION = "function"
    """The call of OpenAI's older `functions`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the client declares."""

    name: str
    parameters: object
    is_custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One answer before it is told."""

    form: Form
    texts: list[Text]
    tool: Tool | None = None


def tools_of(declared: list[Object] | None) -> list[Tool]:
    """The tools as chat completions and the Responses API declare them.

    Raises:
        RefusalError: If one has no name.
    """
    tools: list[Tool] = []
    for index, one in enumerate(declared or []):
        kind = str(one.get("type", "function"))
        inner = one.get(kind)
        body: Object = inner if isinstance(inner, dict) else one
        name = body.get("name")
        if not isinstance(name, str):
            if kind in {"function", "custom"}:
                message = f"Missing required parameter: 'tools[{index}].{kind}.name'."
                raise RefusalError(400, message, code="missing_required_parameter", param=f"tools[{index}].{kind}.name")
            continue
        tools.append(Tool(name=name, parameters=body.get("parameters"), is_custom=kind == "custom"))
    return tools


def chosen_tool(tools: list[Tool], choice: str | Object | None, last_text: str, *, after_tool: bool) -> Tool | None:
    """The tool that is called: a named one, the first where one is required, or the one that was asked for.

    Raises:
        RefusalError: If the choice names a tool that is not declared, or requires one where none is.
    """
    if isinstance(choice, dict):
        inner = choice.get("function") or choice.get("custom") or choice
        name = inner.get("name") if isinstance(inner, dict) else None
        named = next((tool for tool in tools if tool.name == name), None)
        if named is None:
            raise RefusalError(
                400, f"Tool choice '{name}' is none of the tools.", code="invalid_value", param="tool_choice"
            )
        return named
    if choice == "required":
        if not tools:
            raise RefusalError(
                400, "'tool_choice' is only allowed with 'tools'.", code="invalid_value", param="tool_choice"
            )
        return tools[0]
    if choice == "none" or not tools or after_tool:
        return None
    by_name = next((tool for tool in tools if tool.name in last_text), None)
    if by_name is None and any(phrase in last_text.lower() for phrase in ASKED_FOR_A_TOOL):
        return tools[0]
    return by_name


def format_json(format_: Object | None) -> str | None:
    """The JSON that a `response_format` (or the Responses API's `text.format`) asks for; `None` for free text.

    Raises:
        RefusalError: If a schema is asked for and not given, or the type is unknown.
    """
    if not format_:
        return None
    type_ = format_.get("type")
    if type_ == "text":
        return None
    if type_ == "json_object":
        return '{"simulated":true,"answer":"No model was asked."}'
    if type_ == "json_schema":
        inner = format_.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, dict) else format_.get("schema")
        if not isinstance(schema, dict):
            param = "response_format.json_schema.schema"
            message = f"Missing required parameter: '{param}'."
            raise RefusalError(400, message, code="missing_required_parameter", param=param)
        return invent_json(schema)
    raise RefusalError(
        400, f"Invalid value: '{type_}' is no response format.", code="invalid_value", param="response_format"
    )


def told(json_text: str | None, stops: list[str], *, limit: int, natural: int, wanted: int | None, seed: int) -> Text:
    """One text: the JSON up to the limit, else prose of exactly `wanted` tokens or of its natural length."""
    if json_text is not None:
        return limited(cut_to_pieces(json_text), min(limit, wanted or limit))
    length = min(limit, wanted or natural)
    text = Text(prose(length, seed), "stop" if wanted is None and length == natural else "length")
    return until_stop(text, stops) if stops else text


def plan_chat(parameters: ChatParameters, *, limit: int, natural: int, seed: int, tool_wanted: bool) -> Plan:
    """What the choices of a chat completion say; `tool_wanted` calls the first tool whatever the choice says.

    Raises:
        RefusalError: If the request contradicts itself.
    """
    count = parameters.n or 1
    last = parameters.messages[-1]
    tools = tools_of(parameters.tools)
    after_tool = last.role in {"tool", "function"}
    tool = chosen_tool(tools, parameters.tool_choice, last.text, after_tool=after_tool)
    if tool is None and tool_wanted and tools:
        tool = tools[0]
    form = Form.TOOL
    if tool is None and parameters.functions:
        legacy = parameters.function_call
        tool = chosen_tool(tools_of(parameters.functions), legacy, last.text, after_tool=after_tool)
        form = Form.FUNCTION
    most = min(limit, parameters.limit or limit)
    if tool is not None:
        arguments = "simulated" if tool.is_custom else invent_json(tool.parameters)
        return Plan(form=form, texts=[limited(cut_to_pieces(arguments), most)] * count, tool=tool)
    json_text = format_json(parameters.response_format)
    texts = [
        told(json_text, parameters.stops, limit=limit, natural=natural, wanted=parameters.limit, seed=seed + choice)
        for choice in range(count)
    ]
    return Plan(form=Form.CONTENT, texts=texts)
